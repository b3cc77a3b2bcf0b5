"""Rules 4, 5.1, 6, 9 and 11: DMA remapping in legacy mode, each rule by its number."""

from itertools import pairwise

import pytest

from model.reference import AddressType, DmaAccess, DmaRequest
from tests.model.reference.conditions import CODES, assert_fault, assert_not_recorded, assert_recorded
from tests.model.reference.tables import (
    CONTEXT_TABLE,
    ROOT_TABLE,
    SNP,
    SOURCE_ID,
    MappedPage,
    R,
    W,
    context_entry,
    enable,
    put,
    put_device,
    root_entry,
    second_stage_table,
    set_root_table,
)

READ, WRITE, ATOMIC = DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC
ZERO_LENGTH_READ, PAGE_REQUEST = DmaAccess.ZERO_LENGTH_READ, DmaAccess.PAGE_REQUEST
TRANSLATION_REQUEST, TRANSLATED = AddressType.TRANSLATION_REQUEST, AddressType.TRANSLATED

MEMORY_ACCESSES = [READ, WRITE, ATOMIC, ZERO_LENGTH_READ]
WIDTHS = [39, 48, 57]
PAGE_SHIFTS = [12, 21, 30]
HAWS = [32, 39, 48, 51, 52]
IOVA = 0x12_3456_7000

# Entries from the top level down, by width of the second-stage tables and size of the page.
PATHS = {
    (39, 12): ["PDPE", "PDE", "PTE"],
    (39, 21): ["PDPE", "PDE"],
    (39, 30): ["PDPE"],
    (48, 12): ["PML4E", "PDPE", "PDE", "PTE"],
    (48, 21): ["PML4E", "PDPE", "PDE"],
    (48, 30): ["PML4E", "PDPE"],
    (57, 12): ["PML5E", "PML4E", "PDPE", "PDE", "PTE"],
    (57, 21): ["PML5E", "PML4E", "PDPE", "PDE"],
    (57, 30): ["PML5E", "PML4E", "PDPE"],
}
ENTRIES = [(width, shift, entry) for (width, shift), path in PATHS.items() for entry in path]

every_path = pytest.mark.parametrize(("width", "page_shift"), PATHS)
every_entry = pytest.mark.parametrize(("width", "page_shift", "entry"), ENTRIES)
every_access = pytest.mark.parametrize("access", MEMORY_ACCESSES)


def mapped_page(width: int = 48, page_shift: int = 12, *, page: int = 0x4000_0000, **rest) -> MappedPage:
    """Return a mapped page of this size; the default page is aligned to every size."""
    return MappedPage(iova=rest.pop("iova", IOVA), page=page, width=width, page_shift=page_shift, **rest)


def replace_context(mapped: MappedPage, entry: int) -> None:
    """Store another context-entry."""
    put(mapped.memory, mapped.places["context"][0], entry, 16)


# Every condition, recorded and suppressed


def _missing_everything(mapped: MappedPage) -> None:
    mapped.clear("PTE", R | W)


def _set_table_mode(mode: int):
    return lambda mapped: set_root_table(mapped.unit, mode=mode)


def _translation_type(value: int):
    return lambda mapped: mapped.set("context", value << 2)


# Condition -> (what is wrong with the tables, the request that meets it, configuration).
CAUSES = {
    "LRT.1": (lambda mapped: mapped.fail("root"), {}, {}),
    "LRT.2": (lambda mapped: mapped.clear("root", 1), {}, {}),
    "LRT.3": (lambda mapped: mapped.set("root", 1 << 1), {}, {}),
    "LCT.1": (lambda mapped: mapped.fail("context"), {}, {}),
    "LCT.2": (lambda mapped: mapped.clear("context", 1), {}, {}),
    "LCT.3": (lambda mapped: mapped.set("context", 1 << 4), {}, {}),
    "LCT.4.1": (lambda mapped: mapped.set("context", 4 << 64), {}, {}),
    "LCT.4.2": (_translation_type(3), {}, {}),
    "LCT.4.3": (lambda mapped: mapped.fail("PML4E"), {}, {}),
    "LCT.5": (lambda mapped: None, {"address_type": TRANSLATED}, {}),
    "LSS.1": (lambda mapped: mapped.fail("PTE"), {}, {}),
    "LSS.2": (lambda mapped: mapped.set("PDE", 1 << 11), {}, {}),
    "LGN.1.1": (lambda mapped: None, {"address": 1 << 48}, {}),
    "LGN.1.3": (_translation_type(2), {"address": 1 << 48}, {}),
    "LGN.2": (_missing_everything, {"access": WRITE}, {}),
    "LGN.3": (_missing_everything, {"access": READ}, {}),
    "LGN.4": (lambda mapped: put(mapped.memory, mapped.places["PTE"][0], 0xFEE00000 | R | W), {}, {}),
    "RTA.1.1": (_set_table_mode(3), {}, {}),
    "RTA.1.2": (_set_table_mode(2), {}, {}),
    "RTA.1.3": (_set_table_mode(1), {}, {}),
    "RTA.2": (lambda mapped: None, {"pasid": 0xABCDE}, {}),
    "RTA.3": (lambda mapped: None, {"access": PAGE_REQUEST}, {}),
    "RTA.4": (_set_table_mode(3), {}, {"adms": True}),
}


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


# Rules 4.7, 6.3: memory errors


@every_access
@every_entry
def test_4_7_read_error_at_every_level(width, page_shift, entry, access):
    mapped = mapped_page(width, page_shift)
    mapped.fail(entry)
    condition = "LCT.4.3" if entry == PATHS[width, page_shift][0] else "LSS.1"
    assert_fault(mapped.dma(access), condition)
    assert_recorded(mapped.unit, condition, IOVA, access)


# Rules 4.7, 6.3, 6.4, 3.9: permissions

# Permissions -> condition by access; the last two are a zero-length read with CAP.ZLR = 0 and 1.
REFUSALS = {
    0: {READ: "LGN.3", WRITE: "LGN.2", ATOMIC: "LGN.2", "ZLR=0": "LGN.3", "ZLR=1": "LGN.3"},
    R: {READ: None, WRITE: "LGN.2", ATOMIC: "LGN.2", "ZLR=0": None, "ZLR=1": None},
    W: {READ: "LGN.3", WRITE: None, ATOMIC: "LGN.3", "ZLR=0": "LGN.3", "ZLR=1": None},
    R | W: {READ: None, WRITE: None, ATOMIC: None, "ZLR=0": None, "ZLR=1": None},
}
every_refusal = pytest.mark.parametrize(
    ("permissions", "access", "condition"),
    [(permissions, access, condition) for permissions, row in REFUSALS.items() for access, condition in row.items()],
)


def ask(mapped_with, access):
    """Build with CAP.ZLR as the access says, then ask; return mapped page and result."""
    zlr = access != "ZLR=0"
    mapped = mapped_with(zlr=zlr)
    return mapped, mapped.dma(access if isinstance(access, DmaAccess) else ZERO_LENGTH_READ)


@every_refusal
@every_entry
def test_4_7_6_4_3_9_permissions_of_every_level(width, page_shift, entry, permissions, access, condition):
    def build(zlr):
        mapped = mapped_page(width, page_shift, zlr=zlr)
        mapped.clear(entry, R | W)
        mapped.set(entry, permissions)
        return mapped

    mapped, result = ask(build, access)
    if condition is not None:
        assert_fault(result, condition)
        return
    offset = IOVA & (1 << page_shift) - 1
    assert result.address == mapped.page + offset
    assert (result.read, result.write) == (bool(permissions & R), bool(permissions & W))


@every_refusal
def test_6_4_permissions_accumulate_over_levels(permissions, access, condition):
    """Read is taken away at one level, write at another."""

    def build(zlr):
        mapped = mapped_page(zlr=zlr)
        mapped.clear("PML4E", 0 if permissions & R else R)
        mapped.clear("PDE", 0 if permissions & W else W)
        return mapped

    _, result = ask(build, access)
    if condition is None:
        assert (result.read, result.write) == (bool(permissions & R), bool(permissions & W))
    else:
        assert_fault(result, condition)


def test_6_3_entry_without_permissions_stops_the_walk():
    """R = W = 0 is not present: nothing else of the entry counts, and nothing below it is read."""
    for entry, below in (("PML4E", "PDPE"), ("PDPE", "PDE"), ("PDE", "PTE")):
        mapped = mapped_page()
        mapped.clear(entry, R | W)
        mapped.fail(below)
        assert_fault(mapped.dma(READ), "LGN.3")


@every_entry
def test_6_3_reserved_bits_of_an_entry_without_permissions_are_not_checked(width, page_shift, entry):
    mapped = mapped_page(width, page_shift, haw=40, sc=False)
    put(mapped.memory, mapped.places[entry][0], (1 << 64) - 1 & ~(R | W))
    assert_fault(mapped.dma(READ), "LGN.3")


# Rules 6.1: index bits


@every_entry
def test_6_1_index_bits(width, page_shift, entry):
    """Each of the nine bits selects another entry of the table."""
    shift = {"PTE": 12, "PDE": 21, "PDPE": 30, "PML4E": 39, "PML5E": 48}[entry]
    mapped = mapped_page(width, page_shift)
    value, at = mapped.value(entry), mapped.places[entry][0]
    for bit in range(9):
        address = IOVA ^ 1 << shift + bit
        assert_fault(mapped.dma(address=address), "LGN.3")
        put(mapped.memory, at ^ 8 << bit, value)
        assert mapped.dma(address=address).permitted
        put(mapped.memory, at ^ 8 << bit, 0)


# Rules 6.2, 6.3: bits of the entries


def _form(page_shift: int, entry: str, leaf: str) -> str:
    return f"{entry}_page" if entry == leaf and page_shift > 12 else entry


# Form of entry -> bits that are always reserved, bits that are always ignored (address bits and R, W, PS apart).
IGNORED = [2, 3, 4, 5, 6, 8, 9, 10, *range(52, 62), 63]
BITS = {
    "PML5E": ([7, 11, 62], IGNORED),
    "PML4E": ([7, 11, 62], IGNORED),
    "PDPE": ([11, 62], IGNORED),
    "PDE": ([11, 62], IGNORED),
    "PDPE_page": ([*range(12, 30), 62], IGNORED),
    "PDE_page": ([*range(12, 21), 62], IGNORED),
    "PTE": ([62], [*IGNORED, 7]),
}


@every_entry
def test_6_3_reserved_bits_of_every_form(width, page_shift, entry):
    path = PATHS[width, page_shift]
    for bit in BITS[_form(page_shift, entry, path[-1])][0]:
        for permissions in (R, W, R | W):
            mapped = mapped_page(width, page_shift)
            mapped.clear(entry, R | W)
            mapped.set(entry, 1 << bit | permissions)
            assert_fault(mapped.dma(WRITE if permissions == W else READ), "LSS.2")


@every_entry
def test_6_2_6_3_4_8_ignored_bits_of_every_form(width, page_shift, entry):
    """Among them accessed and dirty, whatever they are, and IR (bit 61) without SSIRWE."""
    path = PATHS[width, page_shift]
    mapped = mapped_page(width, page_shift)
    expected = mapped.dma(ATOMIC)
    assert expected.permitted
    for bit in BITS[_form(page_shift, entry, path[-1])][1]:
        mapped = mapped_page(width, page_shift)
        mapped.set(entry, 1 << bit)
        assert mapped.dma(ATOMIC) == expected, f"bit {bit}"


@pytest.mark.parametrize("haw", HAWS)
@every_entry
def test_6_3_11_2_address_bits_at_and_above_the_host_address_width(width, page_shift, entry, haw):
    for bit in {haw, 51} if haw < 52 else ():
        mapped = mapped_page(width, page_shift, haw=haw)
        mapped.set(entry, 1 << bit)
        assert_fault(mapped.dma(), "LSS.2")
    mapped = mapped_page(width, page_shift, haw=haw)
    mapped.set(entry, 1 << haw - 1)
    path = PATHS[width, page_shift]
    if entry == path[-1]:
        assert mapped.dma().address == 1 << haw - 1 | mapped.page | IOVA & (1 << page_shift) - 1
    else:
        below = path[path.index(entry) + 1]
        mapped.memory.fail(mapped.places[below][0] | 1 << haw - 1, 8)
        assert_fault(mapped.dma(), "LSS.1")


@pytest.mark.parametrize(
    ("sslps", "permitted"), [((), set()), ((21,), {21}), ((21, 30), {21, 30})], ids=["none", "2M", "2M and 1G"]
)
@pytest.mark.parametrize("page_shift", [21, 30])
@pytest.mark.parametrize("width", WIDTHS)
def test_6_3_large_pages_that_are_not_supported(width, page_shift, sslps, permitted):
    mapped = mapped_page(width, page_shift, sslps=sslps)
    if page_shift in permitted:
        assert mapped.dma().page_shift == page_shift
    else:
        assert_fault(mapped.dma(), "LSS.2")


@pytest.mark.parametrize("sc", [False, True])
@every_path
def test_6_3_6_5_10_2_snoop_bit_of_a_leaf(width, page_shift, sc):
    mapped = mapped_page(width, page_shift, sc=sc)
    assert mapped.dma().snoop is False
    mapped.set(PATHS[width, page_shift][-1], SNP)
    if sc:
        assert mapped.dma().snoop is True
    else:
        assert_fault(mapped.dma(), "LSS.2")


# Rules 6.5, 9.2: the result


@every_access
@every_path
def test_6_5_9_2_first_and_last_byte_of_every_page_size(width, page_shift, access):
    size = 1 << page_shift
    mapped = mapped_page(width, page_shift, iova=0x55_5555_5555 & ~(size - 1), page=0xAAAA_AAAA_AAAA & ~(size - 1))
    for offset in (0, 1, 0x123, size - 1):
        result = mapped.dma(access, mapped.iova + offset)
        assert result.permitted
        assert (result.address, result.page_shift) == (mapped.page + offset, page_shift)
        assert (result.read, result.write, result.snoop) == (True, True, False)
    for address in (mapped.iova - 1, mapped.iova + size):
        assert not mapped.dma(access, address).permitted


@pytest.mark.parametrize("page_shift", PAGE_SHIFTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_6_1_first_and_last_page_of_the_tables(width, page_shift):
    size = 1 << page_shift
    for iova in (0, (1 << width) - size):
        mapped = mapped_page(width, page_shift, iova=iova)
        assert mapped.dma(address=iova).address == mapped.page
        assert mapped.dma(address=iova + size - 1).address == mapped.page + size - 1


# Rules 4.7, 3.5: output in the interrupt range


@every_access
@pytest.mark.parametrize(
    ("page", "page_shift", "offset", "inside"),
    [
        (0xFEDFF000, 12, 0xFFF, False),
        (0xFEE00000, 12, 0, True),
        (0xFEE00000, 12, 0xFFF, True),
        (0xFEEFF000, 12, 0xFFF, True),
        (0xFEF00000, 12, 0, False),
        (0x1_FEE00000, 12, 0, False),
        (0xFEE00000, 21, 0, True),
        (0xFEE00000, 21, 0xFFFFF, True),
        (0xFEE00000, 21, 0x100000, False),
        (0xFEC00000, 21, 0x1FFFFF, False),
        (0xC0000000, 30, 0x3EDFFFFF, False),
        (0xC0000000, 30, 0x3EE00000, True),
        (0xC0000000, 30, 0x3EEFFFFF, True),
        (0xC0000000, 30, 0x3EF00000, False),
    ],
)
def test_4_7_output_in_the_interrupt_range(page, page_shift, offset, inside, access):
    """The output address counts, not the page: a large page may reach over the range."""
    mapped = mapped_page(48, page_shift, iova=0x40_0000_0000, page=page)
    result = mapped.dma(access, mapped.iova + offset)
    if inside:
        assert_fault(result, "LGN.4")
        assert_recorded(mapped.unit, "LGN.4", mapped.iova + offset, access)
    else:
        assert result.address == page + offset


# Rules 4.8


@pytest.mark.parametrize("bits", [0, 1 << 8, 1 << 9, 1 << 8 | 1 << 9])
@every_path
def test_4_8_accessed_and_dirty_are_never_touched(width, page_shift, bits):
    mapped = mapped_page(width, page_shift)
    for place in PATHS[width, page_shift]:
        mapped.set(place, bits)
    before = {place: mapped.value(place) for place in mapped.places}
    for access in MEMORY_ACCESSES:
        assert mapped.dma(access).permitted
    assert {place: mapped.value(place) for place in mapped.places} == before


# Two conditions at once: rules 4 in its order, 28.11

# The conditions of one untranslated read in the order in which they are met. Each, together with all that follow.
ORDER = ["RTA.2", "LRT.1", "LRT.3", "LCT.1", "LCT.3", "LCT.4.1", "LCT.4.2"]


@pytest.mark.parametrize(("first", "second"), list(pairwise(ORDER)))
def test_28_11_order_of_checks_before_the_walk(first, second):
    mapped = mapped_page()
    request = {}
    for condition in (second, first):
        damage, part, _ = CAUSES[condition]
        damage(mapped)
        request |= part
    assert_fault(mapped.dma(**request), first)


@pytest.mark.parametrize(("condition", "address"), [("LCT.3", 1 << 48), ("LCT.4.1", 1 << 57), ("LCT.4.2", 1 << 57)])
@pytest.mark.parametrize("address_type", list(AddressType)[:3])
def test_4_3_context_entry_before_request_type_and_address(condition, address, address_type):
    mapped = mapped_page()
    CAUSES[condition][0](mapped)
    assert_fault(mapped.dma(address=address, address_type=address_type), condition)


def test_4_4_before_4_6_and_4_7():
    for translation_type in (0, 2):
        mapped = mapped_page(translation_type=translation_type)
        assert_fault(mapped.dma(address=1 << 60, address_type=TRANSLATED), "LCT.5")


def test_4_7_address_width_before_the_walk():
    mapped = mapped_page()
    mapped.fail("PML4E")
    assert_fault(mapped.dma(address=1 << 48 | IOVA), "LGN.1.1")


@pytest.mark.parametrize("access", [READ, WRITE, ATOMIC])
@pytest.mark.parametrize(("damage", "condition"), [("fail", "LSS.1"), ("reserved", "LSS.2")])
@pytest.mark.parametrize("upper", ["PML4E", "PDPE", "PDE"])
def test_28_11_missing_permission_above_a_deeper_structural_fault(upper, damage, condition, access):
    mapped = mapped_page()
    mapped.clear(upper, R if access is READ else W)
    if damage == "fail":
        mapped.fail("PTE")
    else:
        mapped.set("PTE", 1 << 62)
    assert_fault(mapped.dma(access), condition)


@pytest.mark.parametrize(
    ("access", "lower", "condition"),
    [(READ, R | W, "LGN.3"), (WRITE, R | W, "LGN.2"), (ATOMIC, R, "LGN.2"), (ATOMIC, W, "LGN.3")],
)
def test_28_11_missing_permission_before_the_interrupt_range(access, lower, condition):
    mapped = mapped_page(page=0xFEE00000, permissions=lower)
    if lower == R | W:
        mapped.clear("PDE", R if access is READ else W)
    assert_fault(mapped.dma(access), condition)


@every_entry
def test_28_11_atomic_without_any_permission(width, page_shift, entry):
    mapped = mapped_page(width, page_shift)
    mapped.clear(entry, R | W)
    assert_fault(mapped.dma(ATOMIC), "LGN.2")
    assert_recorded(mapped.unit, "LGN.2", IOVA, ATOMIC)


def test_28_11_reserved_bits_before_missing_permission_of_the_same_entry():
    mapped = mapped_page(permissions=R)
    mapped.set("PTE", 1 << 62)
    assert_fault(mapped.dma(WRITE), "LSS.2")


# Nothing is kept from one request to the next


def test_tables_are_read_anew_for_every_request():
    mapped = mapped_page()
    assert mapped.dma().address == 0x4000_0000
    put(mapped.memory, mapped.places["PTE"][0], 0x5000_0000 | R)
    assert mapped.dma().address == 0x5000_0000
    assert_fault(mapped.dma(WRITE), "LGN.2")
