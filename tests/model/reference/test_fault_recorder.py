"""Fault recording (rules 24): the ring of records, FSTS, and what a record says."""

import pytest

from model.reference import AddressType, DmaAccess, DmaRequest
from tests.model.reference.interrupts import (
    FRCD,
    FSTS,
    IRE,
    PFO,
    PPF,
    SOURCE,
    TABLE,
    TE,
    clear_record,
    command,
    interrupt,
    interrupt_record,
    make_unit,
    place_irte,
    record,
    remapped_irte,
    remapping_unit,
    set_root_table,
    start_queue,
    uncommand,
)

FRI = 8  # first bit of FSTS.FRI
IQE = 1 << 4

# The most records that fit into 4 KiB behind all other registers: (4096 - D0h) / 16.
MOST_RECORDS = {"nfr": 243, "iro": 0xC0, "fro": 0xD0}


def fault(unit, index=0, source_id=SOURCE):
    """Make a request for an entry that is not present: 22h with that index."""
    assert interrupt(unit, index, source_id=source_id).fault_reason == 0x22


def status(unit):
    """Return PFO, PPF and, while PPF = 1, FRI."""
    value = unit.read_register(FSTS)
    return value & 1, value >> 1 & 1, value >> FRI & 0xFF if value & PPF else None


def present(unit, nfr=8, fro=FRCD):
    """Return the numbers of the records with F = 1."""
    return [number for number in range(nfr) if record(unit, number, fro) >> 127]


def indices(unit, nfr=8, fro=FRCD):
    """Return the interrupt index of every record."""
    return [record(unit, number, fro) >> 48 & 0xFFFF for number in range(nfr)]


# 24.1 and 24.2: the ring.


def test_24_2_nothing_is_recorded_at_first():
    unit = make_unit()
    assert status(unit) == (0, 0, None)
    assert present(unit) == []


def test_24_2_records_are_filled_one_after_the_other():
    unit = remapping_unit()
    for number in range(8):
        fault(unit, 0x10 + number)
        assert present(unit) == list(range(number + 1))
        assert status(unit) == (0, 1, 0)
    assert [record(unit, n) for n in range(8)] == [interrupt_record(0x22, 0x10 + n) for n in range(8)]


def test_24_2_overflow_sets_pfo_and_keeps_the_records():
    unit = remapping_unit()
    for number in range(8):
        fault(unit, number)
    assert status(unit) == (0, 1, 0)
    fault(unit, 0x55)
    assert status(unit) == (1, 1, 0)
    assert indices(unit) == list(range(8))


def test_24_2_while_pfo_is_1_faults_are_dropped_though_records_are_free():
    unit = remapping_unit(nfr=2)
    for index in range(3):
        fault(unit, index)
    clear_record(unit, 0)
    fault(unit, 0x55)
    assert present(unit, 2) == [1]
    assert status(unit) == (1, 1, 0)


def test_24_2_ring_wraps_after_the_last_record():
    unit = remapping_unit(nfr=3)
    for index in range(3):
        fault(unit, index)
    clear_record(unit, 0)
    fault(unit, 7)
    assert indices(unit, 3) == [7, 1, 2]
    assert status(unit) == (0, 1, 0)
    fault(unit, 8)
    assert indices(unit, 3) == [7, 1, 2]
    assert status(unit) == (1, 1, 0)


def test_24_2_a_free_record_elsewhere_does_not_help():
    """Record 0 is next and full, record 1 was cleared."""
    unit = remapping_unit(nfr=2)
    fault(unit, 0)
    fault(unit, 1)
    clear_record(unit, 1)
    fault(unit, 2)
    assert status(unit) == (1, 1, 0)
    assert present(unit, 2) == [0]


def test_24_2_fri_is_the_record_that_made_ppf_1():
    unit = remapping_unit()
    for number in range(5):
        fault(unit, number)
        assert status(unit) == (0, 1, number)
        clear_record(unit, number)
        assert status(unit) == (0, 0, None)
    fault(unit, 5)
    fault(unit, 6)
    assert status(unit) == (0, 1, 5)


def test_24_2_fri_does_not_follow_while_ppf_stays_1():
    unit = remapping_unit()
    fault(unit, 0)
    fault(unit, 1)
    clear_record(unit, 0)
    assert status(unit) == (0, 1, 0)
    fault(unit, 2)
    assert status(unit) == (0, 1, 0)
    assert present(unit) == [1, 2]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_24_3_ppf_is_the_or_of_all_f_bits(order):
    unit = remapping_unit()
    for index in range(3):
        fault(unit, index)
    for number in order:
        assert status(unit)[1] == 1
        clear_record(unit, number)
    assert status(unit) == (0, 0, None)


def test_24_7_after_overflow_recording_goes_on_at_the_internal_index():
    """Not at 0: three records, the ring stands at 1 when it overflows."""
    unit = remapping_unit(nfr=3)
    fault(unit, 0)
    clear_record(unit, 0)
    for index in (1, 2, 3, 4):
        fault(unit, index)
    assert indices(unit, 3) == [3, 1, 2]
    assert status(unit) == (1, 1, 1)
    for number in (1, 2, 0):
        clear_record(unit, number)
    assert status(unit) == (1, 0, None)
    fault(unit, 5)
    assert present(unit, 3) == []
    unit.write_register(FSTS, PFO)
    assert status(unit) == (0, 0, None)
    fault(unit, 6)
    assert present(unit, 3) == [1]
    assert record(unit, 1) == interrupt_record(0x22, 6)
    assert status(unit) == (0, 1, 1)


def test_24_7_pfo_cleared_before_the_records_comes_back():
    unit = remapping_unit(nfr=1)
    fault(unit, 0)
    fault(unit, 1)
    unit.write_register(FSTS, PFO)
    assert status(unit) == (0, 1, 0)
    fault(unit, 2)
    assert status(unit) == (1, 1, 0)
    assert record(unit) == interrupt_record(0x22, 0)


def test_24_1_index_is_0_again_when_neither_te_nor_ire_is_on():
    unit = remapping_unit()
    fault(unit, 0)
    fault(unit, 1)
    clear_record(unit, 0)
    clear_record(unit, 1)
    uncommand(unit, IRE)
    command(unit, IRE)
    fault(unit, 2)
    assert present(unit) == [0]
    assert status(unit) == (0, 1, 0)


@pytest.mark.parametrize(("first", "second"), [(IRE, TE), (TE, IRE)], ids=["TE stays", "IRE stays"])
def test_24_1_index_stays_while_te_or_ire_is_on(first, second):
    unit = remapping_unit()
    command(unit, TE)
    fault(unit, 0)
    clear_record(unit, 0)
    uncommand(unit, first)
    command(unit, first)
    fault(unit, 1)
    assert present(unit) == [1]
    clear_record(unit, 1)
    uncommand(unit, second)
    command(unit, IRE)
    fault(unit, 2)
    assert present(unit) == [2]


def test_24_1_going_from_te_to_ire_in_one_write_keeps_the_index():
    unit = remapping_unit(commands=0)
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ))
    uncommand(unit, 0)
    unit.write_register(0x18, IRE)
    fault(unit, 1)
    assert present(unit) == [0, 1]


def test_24_1_without_te_and_ire_every_fault_meets_record_0():
    """29h does not need TE or IRE: the second one finds record 0 full."""
    unit = make_unit()
    request = DmaRequest(SOURCE, 0xFEE0_0000, DmaAccess.READ)
    unit.dma(request)
    assert record(unit) == interrupt_record(0x29)
    unit.dma(request)
    assert present(unit) == [0]
    assert status(unit) == (1, 1, 0)


def test_24_1_records_and_status_stay_when_te_and_ire_go_off():
    unit = remapping_unit()
    fault(unit, 5)
    fault(unit, 6)
    uncommand(unit, IRE)
    assert indices(unit)[:2] == [5, 6]
    assert status(unit) == (0, 1, 0)


def test_24_2_one_record():
    unit = remapping_unit(nfr=1)
    for index in range(3):
        fault(unit, index)
        assert record(unit) == interrupt_record(0x22, index)
        assert status(unit) == (0, 1, 0)
        clear_record(unit)
        assert status(unit) == (0, 0, None)
    fault(unit, 7)
    fault(unit, 8)
    assert status(unit) == (1, 1, 0)
    assert record(unit, 1) == 0


def test_24_2_as_many_records_as_the_register_space_holds():
    unit = remapping_unit(**MOST_RECORDS)
    for index in range(243):
        fault(unit, index & 0xFF)
    assert present(unit, 243, fro=0xD0) == list(range(243))
    assert status(unit) == (0, 1, 0)
    for number in range(243):
        clear_record(unit, number, fro=0xD0)
    fault(unit, 9)
    assert present(unit, 243, fro=0xD0) == [0]
    clear_record(unit, 0, fro=0xD0)
    for index in range(242):
        fault(unit, index & 0xFF)
        if index < 241:
            clear_record(unit, 1 + index, fro=0xD0)
    assert status(unit) == (0, 1, 242)
    assert record(unit, 242, fro=0xD0) == interrupt_record(0x22, 241)


# 24.2: collapsing.


def test_24_2_collapse_drops_faults_of_a_source_id_that_has_a_record():
    unit = remapping_unit(collapse_faults=True)
    fault(unit, 1, source_id=0x1111)
    fault(unit, 2, source_id=0x2222)
    fault(unit, 3, source_id=0x1111)
    fault(unit, 4, source_id=0x2222)
    fault(unit, 5, source_id=0x1112)
    assert present(unit) == [0, 1, 2]
    assert indices(unit)[:3] == [1, 2, 5]
    clear_record(unit, 0)
    fault(unit, 6, source_id=0x1111)
    assert present(unit) == [1, 2, 3]


def test_24_2_collapsed_fault_does_not_set_pfo():
    unit = remapping_unit(nfr=1, collapse_faults=True)
    fault(unit, 1, source_id=0x1111)
    fault(unit, 2, source_id=0x1111)
    assert status(unit) == (0, 1, 0)
    fault(unit, 3, source_id=0x2222)
    assert status(unit) == (1, 1, 0)


def test_24_2_without_collapse_every_fault_has_its_record():
    unit = remapping_unit()
    fault(unit, 1)
    fault(unit, 1)
    assert present(unit) == [0, 1]


# 24.5: FPD.


def test_24_5_suppressed_fault_uses_no_record_and_sets_no_pfo():
    unit = remapping_unit(nfr=1)
    place_irte(unit, 0b10, index=1)
    assert interrupt(unit, 1).suppressed
    assert status(unit) == (0, 0, None)
    fault(unit, 0)
    assert interrupt(unit, 1).suppressed
    assert status(unit) == (0, 1, 0)
    assert record(unit) == interrupt_record(0x22, 0)
    clear_record(unit)
    fault(unit, 2)
    assert record(unit) == interrupt_record(0x22, 2)


def test_24_5_fpd_of_a_context_entry_suppresses_qualified_faults():
    """Root entry of bus 3Ah to a context table at 6000h, whose entry 1Ch is not present and has FPD."""
    unit = make_unit()
    unit.memory.load(0x5000, bytes(4096))
    unit.memory.load(0x6000, bytes(4096))
    unit.memory.load(0x5000 + 0x3A * 16, (0x6000 | 1).to_bytes(8, "little"))
    unit.memory.load(0x6000 + 0x1C * 16, (0b10).to_bytes(8, "little"))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    result = unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ))
    assert result.fault_reason == 0x02
    assert result.suppressed
    assert status(unit) == (0, 0, None)
    unit.memory.load(0x6000 + 0x1C * 16, bytes(8))
    assert not unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ)).suppressed
    assert record(unit) == 1 << 127 | 1 << 126 | 0x02 << 96 | SOURCE << 64 | 0x1000


# 24.6: contents.


def dma_unit(**config):
    """A unit with translation on and a root table of entries that are not present."""
    unit = make_unit(**config)
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    return unit


@pytest.mark.parametrize(
    ("access", "address_type", "t1", "t2", "reason"),
    [
        (DmaAccess.WRITE, AddressType.UNTRANSLATED, 0, 0, 0x01),
        (DmaAccess.READ, AddressType.UNTRANSLATED, 1, 0, 0x01),
        (DmaAccess.ZERO_LENGTH_READ, AddressType.UNTRANSLATED, 1, 0, 0x01),
        (DmaAccess.ATOMIC, AddressType.UNTRANSLATED, 1, 1, 0x01),
        (DmaAccess.PAGE_REQUEST, AddressType.UNTRANSLATED, 0, 1, 0x32),
        (DmaAccess.READ, AddressType.TRANSLATION_REQUEST, 1, 0, 0x01),
        (DmaAccess.READ, AddressType.TRANSLATED, 1, 0, 0x01),
        (DmaAccess.WRITE, AddressType.TRANSLATED, 0, 0, 0x01),
    ],
)
def test_24_6_type_of_the_request(access, address_type, t1, t2, reason):
    """T1 is bit 126, T2 bit 92; AT (125:124) reads 0 without device-TLBs."""
    unit = dma_unit()
    result = unit.dma(DmaRequest(SOURCE, 0xABC_DEF0, access, address_type=address_type))
    assert result.fault_reason == reason
    assert record(unit) == 1 << 127 | t1 << 126 | t2 << 92 | reason << 96 | SOURCE << 64 | 0xABC_D000


@pytest.mark.parametrize("source_id", [0x0000, 0x0001, 0x8000, 0xFFFF])
def test_24_6_source_id(source_id):
    unit = dma_unit()
    unit.dma(DmaRequest(source_id, 0x1000, DmaAccess.WRITE))
    assert record(unit) == 1 << 127 | 0x01 << 96 | source_id << 64 | 0x1000


def test_24_6_pasid_is_not_recorded_without_ecap_pasid():
    """RTA.2; PP, PV and PRIV read 0 (28.3)."""
    unit = dma_unit()
    unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.WRITE, pasid=0xF_FFFF))
    assert record(unit) == 1 << 127 | 0x31 << 96 | SOURCE << 64 | 0x1000


@pytest.mark.parametrize(
    ("sagaw", "kept"), [((39,), (1 << 39) - 1), ((39, 48), (1 << 48) - 1), ((48, 57), (1 << 57) - 1)]
)
def test_24_6_address_bits_above_the_largest_sagaw_read_0(sagaw, kept):
    unit = dma_unit(sagaw=sagaw, haw=39, mgaw=39)
    unit.dma(DmaRequest(SOURCE, (1 << 64) - 1, DmaAccess.WRITE))
    assert record(unit) & (1 << 64) - 1 == kept & ~0xFFF


def test_28_3_address_is_whole_without_sagaw():
    unit = make_unit(version_major=6, sagaw=())
    unit.memory.fail(0, 4096)
    command(unit, TE)
    unit.dma(DmaRequest(SOURCE, (1 << 64) - 1, DmaAccess.WRITE))
    assert record(unit) & (1 << 64) - 1 == 0xFFFF_FFFF_FFFF_F000


@pytest.mark.parametrize("bit", [0, 1, 7, 8, 14, 15])
def test_24_6_interrupt_index_is_in_bits_63_48(bit):
    unit = remapping_unit(size=15)
    fault(unit, 1 << bit)
    assert record(unit) == interrupt_record(0x22, 1 << bit)


def test_24_6_index_of_handle_and_subhandle():
    unit = remapping_unit()
    interrupt(unit, 0x40, shv=1, data=0x23)
    assert record(unit) == interrupt_record(0x22, 0x63)


def test_24_6_old_contents_do_not_shine_through():
    unit = remapping_unit(nfr=1)
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    unit.dma(DmaRequest(0xFFFF, 0x1F_FFFF_FFFF_F000, DmaAccess.ATOMIC))
    clear_record(unit)
    fault(unit, 5, source_id=0x0001)
    assert record(unit) == interrupt_record(0x22, 5, source_id=0x0001)


# 24.3: clearing F.

EVERYTHING = [(12, 4, 1 << 31), (8, 8, 1 << 63), (8, 8, (1 << 64) - 1), (12, 4, 0xFFFF_FFFF)]
NOTHING = [
    (12, 4, 0),
    (12, 4, 0x7FFF_FFFF),
    (8, 8, (1 << 63) - 1),
    (8, 4, 0xFFFF_FFFF),
    (0, 8, (1 << 64) - 1),
    (0, 4, 1 << 31),
    (4, 4, 1 << 31),
]


@pytest.mark.parametrize(("offset", "size", "value"), EVERYTHING)
def test_24_3_f_is_cleared_by_writing_1_in_4_or_8_bytes(offset, size, value):
    """The rest of the record stays readable."""
    unit = remapping_unit()
    fault(unit, 3)
    fault(unit, 4)
    unit.write_register(FRCD + offset, value, size)
    assert present(unit) == [1]
    assert record(unit) == interrupt_record(0x22, 3) & ~(1 << 127)
    assert record(unit, 1) == interrupt_record(0x22, 4)
    assert status(unit)[1] == 1
    unit.write_register(FRCD + 16 + offset, value, size)
    assert present(unit) == []
    assert status(unit)[1] == 0


@pytest.mark.parametrize(("offset", "size", "value"), NOTHING)
def test_24_3_nothing_else_of_a_record_can_be_written(offset, size, value):
    unit = remapping_unit()
    fault(unit, 3)
    unit.write_register(FRCD + offset, value, size)
    assert record(unit) == interrupt_record(0x22, 3)
    assert status(unit) == (0, 1, 0)


@pytest.mark.parametrize("offset", [0, 4, 8, 12])
def test_24_6_records_can_be_read_in_dwords(offset):
    unit = remapping_unit()
    fault(unit, 3)
    assert unit.read_register(FRCD + offset) == interrupt_record(0x22, 3) >> offset * 8 & 0xFFFF_FFFF


def test_24_3_ppf_and_fri_cannot_be_written():
    unit = remapping_unit()
    fault(unit, 0)
    clear_record(unit, 0)
    fault(unit, 1)
    unit.write_register(FSTS, 0xFFFF_FFFF)
    assert unit.read_register(FSTS) == PPF | 1 << FRI
    unit.write_register(FSTS, 0)
    assert unit.read_register(FSTS) == PPF | 1 << FRI


def test_24_3_pfo_is_cleared_by_writing_1_only():
    unit = remapping_unit(nfr=1)
    fault(unit, 0)
    fault(unit, 1)
    unit.write_register(FSTS, 0xFFFF_FFFE)
    assert status(unit) == (1, 1, 0)
    unit.write_register(FSTS, 1)
    assert status(unit) == (0, 1, 0)


def test_24_3_pfo_and_iqe_are_cleared_separately():
    unit = remapping_unit(nfr=1)
    fault(unit, 0)
    fault(unit, 1)
    start_queue(unit, [0xF])
    assert unit.read_register(FSTS) == PFO | PPF | IQE
    unit.write_register(FSTS, PFO)
    assert unit.read_register(FSTS) == PPF | IQE
    unit.write_register(0x88, 0, size=8)
    unit.write_register(FSTS, IQE)
    assert unit.read_register(FSTS) == PPF


def test_24_2_queue_errors_use_no_record():
    unit = remapping_unit()
    start_queue(unit, [0xF])
    assert present(unit) == []
    fault(unit, 4)
    assert unit.read_register(FSTS) == PPF | IQE
    assert record(unit) == interrupt_record(0x22, 4)


def test_24_2_permitted_requests_leave_no_record():
    unit = remapping_unit()
    place_irte(unit, remapped_irte(), table=TABLE)
    interrupt(unit)
    assert status(unit) == (0, 0, None)
    assert present(unit) == []
