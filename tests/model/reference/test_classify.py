"""Rules 2 and 3: versions, and the first step for every inbound request."""

import pytest

from model.arch import UnitConfig
from model.reference import (
    AddressType,
    DmaAccess,
    DmaRequest,
    DmaResult,
    InterruptRequest,
    Memory,
    Message,
    Refusal,
    Unit,
)
from tests.model.reference.conditions import assert_fault, assert_not_recorded, assert_recorded
from tests.model.reference.tables import SOURCE_ID, TE, MappedPage, control, fault_records, set_root_table

READ, WRITE, ATOMIC = DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC
ZERO_LENGTH_READ, PAGE_REQUEST = DmaAccess.ZERO_LENGTH_READ, DmaAccess.PAGE_REQUEST
TRANSLATION_REQUEST, TRANSLATED = AddressType.TRANSLATION_REQUEST, AddressType.TRANSLATED

MEMORY_ACCESSES = [READ, WRITE, ATOMIC, ZERO_LENGTH_READ]
INTERRUPT_RANGE = [0xFEE00000, 0xFEE00FFC, 0xFEE7F004, 0xFEEFFFFF]
BESIDE_INTERRUPT_RANGE = [0xFEDFF000, 0xFEF00000, 0x1_FEE00000, 0x8000_FEE0_0000]

both_translation_states = pytest.mark.parametrize("translation", [False, True], ids=["TES=0", "TES=1"])


def mapped_page(translation: bool = True, **config) -> MappedPage:
    """Return a mapped page whose unit has translation on or off."""
    mapped = MappedPage(**config)
    control(mapped.unit, TE, translation)
    assert mapped.unit.read_register(0x1C) >> 31 == translation, "GSTS.TES"
    return mapped


# Rules 2


@pytest.mark.parametrize(("version", "performed"), [(1, 1), (5, 1), (6, 0), (15, 0)])
def test_2_register_based_invalidation_is_rejected_from_version_6_on(version, performed):
    widths = (39, 48, 57) if version <= 5 else ()
    unit = Unit(UnitConfig(version_major=version, sagaw=widths), Memory())
    unit.write_register(0x28, 1 << 63 | 1 << 61, size=8)  # CCMD: ICC, CIRG global
    unit.write_register(0xF8, 1 << 63 | 1 << 60, size=8)  # IOTLB: IVT, IIRG global
    assert unit.read_register(0x28, 8) >> 63 == 0, "CCMD.ICC"
    assert unit.read_register(0x28, 8) >> 59 & 3 == performed, "CCMD.CAIG"
    assert unit.read_register(0xF8, 8) >> 63 == 0, "IOTLB.IVT"
    assert unit.read_register(0xF8, 8) >> 57 & 3 == performed, "IOTLB.IAIG"


# Rules 3.1


@both_translation_states
@pytest.mark.parametrize("address", [0x12_3456_7000, 0xFEE00000])
@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_3_1_reserved_address_type_is_malformed(access, address, translation):
    mapped = mapped_page(translation)
    result = mapped.dma(access, address, address_type=AddressType.RESERVED)
    assert result == DmaResult(refusal=Refusal.MALFORMED)
    assert_not_recorded(mapped.unit)


@both_translation_states
@pytest.mark.parametrize("address", [0x12_3456_7000, 0xFEE00000])
@pytest.mark.parametrize("access", [WRITE, DmaAccess.ATOMIC])
def test_3_1_write_as_translation_request_is_malformed(access, address, translation):
    mapped = mapped_page(translation)
    result = mapped.dma(access, address, address_type=TRANSLATION_REQUEST)
    assert result == DmaResult(refusal=Refusal.MALFORMED)
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_3_1_translated_request_with_pasid_is_malformed_without_ptrs(access):
    mapped = mapped_page()
    result = mapped.dma(access, pasid=1, address_type=TRANSLATED)
    assert result == DmaResult(refusal=Refusal.MALFORMED)
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("damage", ["root", "context", "PML4E"])
def test_3_1_malformed_is_independent_of_tables(damage):
    mapped = mapped_page()
    mapped.fail(damage)
    assert mapped.dma(address_type=AddressType.RESERVED) == DmaResult(refusal=Refusal.MALFORMED)
    assert_not_recorded(mapped.unit)


# Rules 3.3


@pytest.mark.parametrize("pasid", [None, 0, 0xFFFFF])
@pytest.mark.parametrize("address", [0, 0x12_3456_7ABC, *BESIDE_INTERRUPT_RANGE, 0xFFFF_FFFF_FFFF])
@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_3_3_untranslated_request_passes_with_translation_off(access, address, pasid):
    mapped = mapped_page(translation=False)
    result = mapped.dma(access, address, pasid=pasid)
    assert result.permitted
    assert (result.address, result.read, result.write) == (address, True, True)
    assert_not_recorded(mapped.unit)


def test_3_3_tables_are_not_read_with_translation_off():
    mapped = mapped_page(translation=False)
    mapped.fail("root")
    assert mapped.dma().address == mapped.iova
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("address", [0x12_3456_7000, 0xFEE00000])
@pytest.mark.parametrize(
    ("access", "address_type"), [(READ, TRANSLATION_REQUEST), (READ, TRANSLATED), (WRITE, TRANSLATED)]
)
def test_3_3_translation_and_translated_requests_are_refused_with_translation_off(access, address_type, address):
    mapped = mapped_page(translation=False)
    result = mapped.dma(access, address, address_type=address_type)
    assert result == DmaResult(refusal=Refusal.TRANSLATION_OFF)
    assert_not_recorded(mapped.unit)


def test_3_3_address_beyond_haw_is_refused_with_translation_off():
    mapped = mapped_page(translation=False, haw=40)
    assert mapped.dma(address=(1 << 40) - 0x1000).address == (1 << 40) - 0x1000
    assert mapped.dma(address=1 << 40) == DmaResult(refusal=Refusal.BEYOND_HOST_WIDTH)
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("pasid", [None, 1])
def test_3_3_page_request_is_refused_with_translation_off(pasid):
    mapped = mapped_page(translation=False)
    assert mapped.dma(PAGE_REQUEST, pasid=pasid) == DmaResult(refusal=Refusal.TRANSLATION_OFF)
    assert_not_recorded(mapped.unit)


@both_translation_states
def test_3_3_interrupts_are_independent_of_translation(translation):
    mapped = mapped_page(translation)
    mapped.fail("root")
    result = mapped.unit.interrupt(InterruptRequest(SOURCE_ID, 0xFEE01000, 0x4041))
    assert result.message == Message(0xFEE01000, 0x4041)
    assert_not_recorded(mapped.unit)


# Rules 3.4, 28.1, 28.2


@both_translation_states
@pytest.mark.parametrize("address", INTERRUPT_RANGE)
@pytest.mark.parametrize("access", [READ, WRITE, ATOMIC])
def test_3_4_access_to_the_interrupt_range_that_is_no_interrupt_request(access, address, translation):
    mapped = mapped_page(translation)
    assert_fault(mapped.dma(access, address), "IR.29")
    # FI and the request type are undefined for 29h.
    assert [(record.source_id, record.reason) for record in fault_records(mapped.unit)] == [(SOURCE_ID, 0x29)]
    assert mapped.unit.read_register(0x34) == 1 << 1


@both_translation_states
@pytest.mark.parametrize("address", INTERRUPT_RANGE)
def test_3_4_zero_length_read_of_the_interrupt_range_completes(address, translation):
    mapped = mapped_page(translation)
    result = mapped.dma(ZERO_LENGTH_READ, address)
    assert result == DmaResult()
    assert result.permitted
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("damage", ["root", "context"])
def test_3_4_interrupt_range_is_never_translated(damage):
    mapped = mapped_page()
    mapped.fail(damage)
    assert_fault(mapped.dma(WRITE, 0xFEE00000), "IR.29")


def test_3_4_not_an_interrupt_request_is_not_qualified():
    mapped = mapped_page(fault_processing_disable=True)
    assert_fault(mapped.dma(WRITE, 0xFEE00000), "IR.29")
    assert len(fault_records(mapped.unit)) == 1


@pytest.mark.parametrize("iova", [*BESIDE_INTERRUPT_RANGE[:3], 0x7FFF_FEE0_0000])
@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_3_4_addresses_beside_the_interrupt_range_are_translated(access, iova):
    mapped = mapped_page(iova=iova)
    result = mapped.dma(access, iova + 0xFFF)
    assert result.address == mapped.page + 0xFFF
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("adms", [False, True])
def test_28_2_interrupt_range_before_table_mode(mode, adms):
    mapped = mapped_page(adms=adms)
    set_root_table(mapped.unit, mode=mode)
    assert_fault(mapped.dma(WRITE, 0xFEE00000), "IR.29")


# Rules 3.5 to 3.7


@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_3_5_request_with_pasid_to_the_interrupt_range_is_an_ordinary_one(access):
    mapped = mapped_page()
    assert_fault(mapped.dma(access, 0xFEE00000, pasid=1), "RTA.2")
    assert_recorded(mapped.unit, "RTA.2", 0xFEE00000, access)


@pytest.mark.parametrize("address_type", [TRANSLATION_REQUEST, TRANSLATED])
@pytest.mark.parametrize(("translation_type", "condition"), [(0, "LCT.5"), (1, "LCT.4.2"), (2, "LCT.5")])
def test_3_6_3_7_table_checks_come_before_the_interrupt_range(address_type, translation_type, condition):
    mapped = mapped_page(translation_type=translation_type)
    assert_fault(mapped.dma(READ, 0xFEE00000, address_type=address_type), condition)
    assert_recorded(mapped.unit, condition, 0xFEE00000, address_type=address_type)


# Who asks


def test_3_source_id_selects_the_tables():
    mapped = mapped_page()
    neighbours = [SOURCE_ID ^ 1 << bit for bit in range(16)]
    reasons = [
        mapped.unit.dma(DmaRequest(source_id=neighbour, address=mapped.iova, access=READ)).fault_reason
        for neighbour in neighbours
    ]
    assert mapped.dma().permitted
    assert (
        reasons == [0x02] * 8 + [0x01] * 8
    )  # another device of the bus has no context-entry, another bus no root-entry


def test_3_3_pasid_does_not_open_the_interrupt_range_while_translation_is_off():
    unit = Unit(UnitConfig(), Memory())
    result = unit.dma(DmaRequest(SOURCE_ID, 0xFEE00000, DmaAccess.WRITE, pasid=1))
    assert (result.permitted, result.fault_reason) == (False, 0x29)
