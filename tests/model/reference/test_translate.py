"""Rules 4, 5.1, 9 and 11: DMA remapping in legacy mode up to the walk, each rule by its number."""

import pytest

from model.reference import AddressType, DmaRequest
from tests.model.reference.conditions import CODES, assert_fault, assert_not_recorded, assert_recorded
from tests.model.reference.mapped_pages import (
    ATOMIC,
    CAUSES,
    HAWS,
    IOVA,
    MEMORY_ACCESSES,
    PAGE_REQUEST,
    PATHS,
    READ,
    TRANSLATED,
    TRANSLATION_REQUEST,
    WIDTHS,
    WRITE,
    ZERO_LENGTH_READ,
    every_access,
    mapped_page,
    replace_context,
)
from tests.model.reference.tables import (
    CONTEXT_TABLE,
    ROOT_TABLE,
    SOURCE_ID,
    R,
    context_entry,
    enable,
    put,
    put_device,
    root_entry,
    second_stage_table,
    set_root_table,
)

# Every condition, recorded and suppressed


@pytest.mark.parametrize("condition", CAUSES)
def test_4_every_condition_is_refused_and_recorded(condition):
    damage, request, config = CAUSES[condition]
    mapped = mapped_page(**config)
    assert mapped.dma().permitted, "before the damage"
    damage(mapped)
    assert_fault(mapped.dma(**request), condition)
    assert_recorded(mapped.unit, condition, request.get("address", IOVA), request.get("access", READ))


@pytest.mark.parametrize("condition", [condition for condition in CAUSES if condition != "LCT.1"])
def test_4_3_24_5_fault_processing_disable(condition):
    """FPD of the context-entry suppresses the record of the qualified conditions, never the refusal."""
    damage, request, config = CAUSES[condition]
    mapped = mapped_page(fault_processing_disable=True, **config)
    damage(mapped)
    qualified = CODES[condition][1]
    assert_fault(mapped.dma(**request), condition, suppressed=qualified)
    if qualified:
        assert_not_recorded(mapped.unit)
    else:
        assert_recorded(mapped.unit, condition, request.get("address", IOVA), request.get("access", READ))


def test_4_3_fault_processing_disable_counts_in_an_entry_that_is_not_present():
    mapped = mapped_page()
    replace_context(mapped, 1 << 1)
    assert_fault(mapped.dma(), "LCT.2", suppressed=True)
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("access", [*MEMORY_ACCESSES, PAGE_REQUEST])
@pytest.mark.parametrize("condition", ["LRT.1", "LCT.2", "LCT.3", "LSS.1"])
def test_24_6_request_type_in_the_record(condition, access):
    mapped = mapped_page()
    CAUSES[condition][0](mapped)
    expected = "RTA.3" if access is PAGE_REQUEST else condition
    assert_fault(mapped.dma(access), expected)
    assert_recorded(mapped.unit, expected, IOVA, access)


@pytest.mark.parametrize(
    ("widths", "logged"),
    [
        ((39, 48, 57), 0x01FF_FFFF_FFFF_F000),
        ((39, 48), 0x0000_FFFF_FFFF_F000),
        ((39,), 0x0000_007F_FFFF_F000),
    ],
)
def test_24_6_address_bits_above_the_widest_table_are_not_logged(widths, logged):
    mapped = mapped_page(39, sagaw=widths, mgaw=64)
    assert_fault(mapped.dma(address=0xFFFF_FFFF_FFFF_FFFF), "LGN.1.1")
    assert_recorded(mapped.unit, "LGN.1.1", logged)


# Rules 4.1, 5.1, 1.3: before any table


@every_access
@pytest.mark.parametrize("pasid", [0, 1, 0xFFFFF])
def test_4_1_request_with_pasid(pasid, access):
    mapped = mapped_page()
    assert_fault(mapped.dma(access, pasid=pasid), "RTA.2")
    assert_recorded(mapped.unit, "RTA.2", IOVA, access)  # PP and PV are 0 without ECAP.PASID (28.3)


@pytest.mark.parametrize("access", [READ, ZERO_LENGTH_READ])
def test_4_1_translation_request_with_pasid(access):
    mapped = mapped_page()
    assert_fault(mapped.dma(access, pasid=1, address_type=TRANSLATION_REQUEST), "RTA.2")
    assert_recorded(mapped.unit, "RTA.2", IOVA, address_type=TRANSLATION_REQUEST)


@pytest.mark.parametrize("pasid", [None, 1])
@pytest.mark.parametrize("address", [IOVA, 0xFEE00000])
def test_4_1_page_request(address, pasid):
    """RTA.3 with a PASID too: RTA.2 does not apply to page requests (faults.toml)."""
    mapped = mapped_page()
    assert_fault(mapped.dma(PAGE_REQUEST, address, pasid=pasid), "RTA.3")
    assert_recorded(mapped.unit, "RTA.3", address, PAGE_REQUEST)


@pytest.mark.parametrize(("request_", "condition"), [({"pasid": 1}, "RTA.2"), ({"access": PAGE_REQUEST}, "RTA.3")])
@pytest.mark.parametrize("place", ["root", "context"])
def test_4_1_comes_before_the_tables(place, request_, condition):
    mapped = mapped_page()
    mapped.fail(place)
    assert_fault(mapped.dma(**request_), condition)


def test_4_1_second_stage_io_permissions_cannot_be_enabled_without_ssirws():
    """RTADDR.SSIRWE (bit 7) is reserved, so RTA.1.4 cannot arise: bits 0 and 1 stay the permissions."""
    mapped = mapped_page(permissions=R)
    mapped.unit.write_register(0x20, ROOT_TABLE | 1 << 7, size=8)
    assert mapped.unit.read_register(0x20, 8) == ROOT_TABLE
    set_root_table(mapped.unit, ROOT_TABLE | 1 << 7)
    assert mapped.dma().permitted
    assert_fault(mapped.dma(WRITE), "LGN.2")


@pytest.mark.parametrize(
    ("mode", "adms", "condition"),
    [
        (1, False, "RTA.1.3"),
        (1, True, "RTA.1.3"),
        (2, False, "RTA.1.2"),
        (2, True, "RTA.1.2"),
        (3, False, "RTA.1.1"),
        (3, True, "RTA.4"),
    ],
)
@pytest.mark.parametrize(
    "request_",
    [
        {"access": READ},
        {"access": WRITE},
        {"access": ATOMIC},
        {"access": ZERO_LENGTH_READ},
        {"access": PAGE_REQUEST},
        {"pasid": 1},
        {"address_type": TRANSLATION_REQUEST},
        {"address_type": TRANSLATED},
    ],
    ids=lambda request: "-".join(str(value) for value in request.values()),
)
def test_5_1_translation_table_mode(mode, adms, condition, request_):
    """Every DMA and page request, before RTA.2, RTA.3 and any table access."""
    mapped = mapped_page(adms=adms)
    mapped.fail("root")
    set_root_table(mapped.unit, mode=mode)
    assert_fault(mapped.dma(**request_), condition)
    assert_recorded(
        mapped.unit,
        condition,
        IOVA,
        request_.get("access", READ),
        address_type=request_.get("address_type", AddressType.UNTRANSLATED),
    )


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_1_3_table_mode_takes_effect_only_with_srtp(mode):
    mapped = mapped_page()
    mapped.unit.write_register(0x20, 0x7000_0000 | mode << 10, size=8)
    assert mapped.dma().address == mapped.page


# Rules 4.2: root-entry


@pytest.mark.parametrize("source_id", [0x0000, 0x00FF, 0x0100, 0x7FA5, 0x8000, 0xFF00, 0xFFFF])
def test_4_2_4_3_root_and_context_entry_by_source_id(source_id):
    mapped = mapped_page()
    put(mapped.memory, mapped.places["context"][0], 0, 16)
    table = second_stage_table("PML4E")
    root_at, context_at = put_device(mapped.memory, context_entry(table), source_id)
    assert root_at == ROOT_TABLE + (source_id >> 8) * 16
    assert context_at == CONTEXT_TABLE + (source_id & 0xFF) * 16
    assert mapped.unit.dma(DmaRequest(source_id, IOVA, READ)).address == mapped.page
    mapped.memory.fail(context_at, 16)
    assert_fault(mapped.unit.dma(DmaRequest(source_id, IOVA, READ)), "LCT.1")
    mapped.memory.fail(root_at, 16)
    assert_fault(mapped.unit.dma(DmaRequest(source_id, IOVA, READ)), "LRT.1")


@pytest.mark.parametrize("offset", [0, 8])
@pytest.mark.parametrize(("place", "condition"), [("root", "LRT.1"), ("context", "LCT.1")])
def test_4_2_4_3_read_error_in_either_half(place, condition, offset):
    mapped = mapped_page(fault_processing_disable=True)
    mapped.memory.fail(mapped.places[place][0] + offset, 8)
    assert_fault(mapped.dma(), condition)
    assert_recorded(mapped.unit, condition, IOVA)


def test_4_2_root_entry_not_present_before_reserved_bits():
    mapped = mapped_page()
    put(mapped.memory, mapped.places["root"][0], (1 << 128) - 2, 16)
    assert_fault(mapped.dma(), "LRT.2")


@pytest.mark.parametrize("bit", [*range(1, 12), *range(64, 128, 9), 127])
def test_4_2_reserved_root_bits(bit):
    mapped = mapped_page()
    mapped.set("root", 1 << bit)
    assert_fault(mapped.dma(), "LRT.3")


@pytest.mark.parametrize("haw", HAWS)
def test_4_2_11_2_root_pointer_bits_at_and_above_the_host_address_width(haw):
    for bit in {haw, 52, 63}:
        mapped = mapped_page(haw=haw)
        mapped.set("root", 1 << bit)
        assert_fault(mapped.dma(), "LRT.3")
    mapped = mapped_page(haw=haw)
    mapped.set("root", 1 << haw - 1)
    mapped.memory.fail(mapped.places["context"][0] | 1 << haw - 1, 16)
    assert_fault(mapped.dma(), "LCT.1")  # bit HAW - 1 is part of the address


@pytest.mark.parametrize("bit", [12, 31, 47])
def test_4_2_root_table_address(bit):
    """The table may stand anywhere below HAW."""
    mapped = mapped_page()
    moved = 1 << bit
    put(mapped.memory, moved + (SOURCE_ID >> 8) * 16, root_entry(), 16)
    mapped.fail("root")
    enable(mapped.unit, moved)
    assert mapped.dma().address == mapped.page


# Rules 4.3: context-entry


def test_4_3_context_entry_not_present_before_reserved_bits():
    mapped = mapped_page()
    replace_context(mapped, (1 << 128) - 1 & ~0b11)
    assert_fault(mapped.dma(), "LCT.2")


@pytest.mark.parametrize("translation_type", [0, 2])
@pytest.mark.parametrize("bit", [*range(4, 12), 71, *range(88, 128, 8), 127])
def test_4_3_reserved_context_bits(bit, translation_type):
    mapped = mapped_page(translation_type=translation_type)
    mapped.set("context", 1 << bit)
    assert_fault(mapped.dma(), "LCT.3")


@pytest.mark.parametrize("translation_type", [0, 2])
@pytest.mark.parametrize("bit", [67, 68, 69, 70])
def test_4_3_ignored_context_bits(bit, translation_type):
    mapped = mapped_page(translation_type=translation_type)
    mapped.set("context", 1 << bit)
    assert mapped.dma().permitted


@pytest.mark.parametrize("translation_type", [0, 2])
@pytest.mark.parametrize(("nd", "bits"), [(0, 4), (1, 6), (2, 8), (3, 10), (4, 12), (5, 14), (6, 16)])
def test_4_3_1_4_domain_id_bits_beyond_the_width(nd, bits, translation_type):
    mapped = mapped_page(nd=nd, domain_id=(1 << bits) - 1, translation_type=translation_type)
    assert mapped.dma().permitted
    for bit in range(bits, 16):
        mapped = mapped_page(nd=nd, translation_type=translation_type)
        mapped.set("context", 1 << 72 + bit)
        assert_fault(mapped.dma(), "LCT.3")


@pytest.mark.parametrize("haw", HAWS)
def test_4_3_11_2_second_stage_pointer_bits_at_and_above_the_host_address_width(haw):
    for bit in {haw, 52, 63}:
        mapped = mapped_page(haw=haw)
        mapped.set("context", 1 << bit)
        assert_fault(mapped.dma(), "LCT.3")
    mapped = mapped_page(haw=haw)
    mapped.set("context", 1 << haw - 1)
    mapped.memory.fail(mapped.places["PML4E"][0] | 1 << haw - 1, 8)
    assert_fault(mapped.dma(), "LCT.4.3")


@pytest.mark.parametrize("haw", HAWS)
@pytest.mark.parametrize("bit", [12, 31, 51, 52, 63])
def test_4_3_pass_through_ignores_the_second_stage_pointer(bit, haw):
    mapped = mapped_page(haw=haw, translation_type=2)
    mapped.set("context", 1 << bit)
    assert mapped.dma(address=0x1234_5678).address == 0x1234_5678


@pytest.mark.parametrize("widths", [(39,), (48,), (57,), (39, 57), (39, 48, 57)])
@pytest.mark.parametrize("adjusted_width", range(8))
@pytest.mark.parametrize("translation_type", [0, 2])
def test_4_3_width_that_is_not_supported(widths, adjusted_width, translation_type):
    width = {1: 39, 2: 48, 3: 57}.get(adjusted_width)
    supported = width in widths
    mapped = mapped_page(width if supported else widths[0], sagaw=widths, translation_type=translation_type)
    mapped.clear("context", 7 << 64)
    mapped.set("context", adjusted_width << 64)
    if supported:
        assert mapped.dma().address == (IOVA if translation_type == 2 else mapped.page)
    else:
        assert_fault(mapped.dma(), "LCT.4.1")


@pytest.mark.parametrize(
    ("translation_type", "pt", "condition"),
    [
        (0, False, None),
        (0, True, None),
        (1, False, "LCT.4.2"),
        (1, True, "LCT.4.2"),
        (2, False, "LCT.4.2"),
        (2, True, None),
        (3, False, "LCT.4.2"),
        (3, True, "LCT.4.2"),
    ],
)
@every_access
def test_4_3_translation_type(translation_type, pt, condition, access):
    mapped = mapped_page(pt=pt, translation_type=translation_type)
    if condition is None:
        assert mapped.dma(access).address == (IOVA if translation_type == 2 else mapped.page)
    else:
        assert_fault(mapped.dma(access), condition)


# Rules 4.4


@pytest.mark.parametrize("translation_type", [0, 2])
@pytest.mark.parametrize(
    ("access", "address_type"),
    [(READ, TRANSLATION_REQUEST), (READ, TRANSLATED), (WRITE, TRANSLATED), (ATOMIC, TRANSLATED)],
)
@pytest.mark.parametrize("address", [IOVA, 1 << 63, 0xFEE00000])
def test_4_4_translation_and_translated_requests_are_blocked(translation_type, access, address_type, address):
    mapped = mapped_page(translation_type=translation_type)
    assert_fault(mapped.dma(access, address, address_type=address_type), "LCT.5")
    logged = address & (1 << 57) - 1
    assert_recorded(mapped.unit, "LCT.5", logged, access, address_type=address_type)


# Rules 4.6, 9.1, 28.12: pass-through


@every_access
@pytest.mark.parametrize("haw", HAWS)
def test_4_6_pass_through_up_to_the_host_address_width(haw, access):
    mapped = mapped_page(haw=haw, translation_type=2)
    for address in (0, 0x12345, (1 << haw) - 1):
        result = mapped.dma(access, address)
        assert (result.address, result.page_shift, result.read, result.write) == (address, 12, True, True)
        assert not result.snoop
    for address in (1 << haw, 1 << 63, 0xFFFF_FFFF_FFFF_FFFF):
        assert_fault(mapped.dma(access, address), "LGN.1.3")


@pytest.mark.parametrize("address", [0xFEDF_FFFF, 0xFEF0_0000, 0x1_FEE0_0000])
def test_4_6_pass_through_beside_the_interrupt_range(address):
    mapped = mapped_page(translation_type=2)
    assert mapped.dma(address=address).address == address


@every_access
def test_9_1_pass_through_needs_no_tables(access):
    mapped = mapped_page(translation_type=2)
    for place in PATHS[48, 12]:
        mapped.fail(place)
    assert mapped.dma(access).address == IOVA


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("mgaw", [48, 57, 64])
def test_9_1_pass_through_is_not_limited_by_the_tables(width, mgaw):
    mapped = mapped_page(width, mgaw=mgaw, translation_type=2)
    assert mapped.dma(address=(1 << 48) - 1).address == (1 << 48) - 1


# Rules 4.7, 11.1: width of the input address


# HAW, MGAW, AW -> X = min(MGAW, AW).
INPUT_WIDTHS = [
    (36, 36, 39, 36),
    (36, 38, 39, 38),
    (39, 39, 39, 39),
    (36, 40, 39, 39),
    (36, 40, 48, 40),
    (47, 47, 48, 47),
    (48, 48, 48, 48),
    (48, 49, 48, 48),
    (48, 57, 48, 48),
    (48, 48, 57, 48),
    (52, 56, 57, 56),
    (52, 57, 57, 57),
    (52, 64, 57, 57),
    (52, 64, 39, 39),
]


@every_access
@pytest.mark.parametrize(("haw", "mgaw", "width", "limit"), INPUT_WIDTHS)
def test_4_7_11_1_input_address_width(haw, mgaw, width, limit, access):
    last = (1 << limit) - 1
    mapped = mapped_page(width, haw=haw, mgaw=mgaw, iova=last & ~0xFFF)
    assert mapped.dma(access, last).address == mapped.page + 0xFFF
    for address in (last + 1, last + 1 + IOVA, 1 << 63, 0xFFFF_FFFF_FFFF_FFFF):
        assert_fault(mapped.dma(access, address), "LGN.1.1")


# Nothing is kept from one request to the next


def test_tables_are_read_anew_for_every_request():
    mapped = mapped_page()
    assert mapped.dma().address == 0x4000_0000
    put(mapped.memory, mapped.places["PTE"][0], 0x5000_0000 | R)
    assert mapped.dma().address == 0x5000_0000
    assert_fault(mapped.dma(WRITE), "LGN.2")
