"""The invalidation queue, rule 16: errors and which comes first, head and tail, recovery."""

import pytest

from tests.model.reference.interrupts import (
    FSTS,
    GSTS,
    IQA,
    IQE,
    IQERCD,
    IQH,
    IQT,
    IRE,
    PAGE,
    QIE,
    QUEUE,
    TE,
    command,
    make_unit,
    queue_state,
    set_root_table,
    start_queue,
    submit,
    uncommand,
    wait,
)
from tests.model.reference.invalidations import (
    ABORT_DMA,
    GLOBAL,
    RESERVED_MODE,
    SCALABLE,
    STATUS,
    iotlb_inv,
    queue_unit,
    run,
)

# IQEI, and what comes first when several are true (28.5).


@pytest.mark.parametrize("qs", range(7))
def test_16_1_iqei_1_tail_beyond_the_queue(qs):
    """The last slot of 2^QS pages is good; the byte behind it is not."""
    unit = make_unit()
    unit.write_register(IQA, QUEUE | qs, size=8)
    command(unit, QIE)
    unit.write_register(IQT, PAGE << qs, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(IQT, (PAGE << qs) - 16, size=8)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (0, 1, 3)  # the descriptor itself, all zeros, has come to its turn


def test_16_1_queue_of_the_largest_size_has_no_tail_beyond():
    unit = make_unit()
    unit.write_register(IQA, QUEUE | 7, size=8)
    command(unit, QIE)
    unit.write_register(IQT, 0x7_FFF0, size=8)
    assert queue_state(unit) == (0, 1, 3)


def test_16_3_iqei_2_fetch_error():
    unit = queue_unit()
    unit.memory.fail(QUEUE + 16, 16)
    assert run(unit, wait()) == (16, 0, 0)
    unit.write_register(IQT, 32, size=8)
    assert queue_state(unit) == (16, 1, 2)


@pytest.mark.parametrize("part", [0, 8, 16, 24])
def test_16_3_iqei_2_when_any_part_of_the_descriptor_fails(part):
    unit = queue_unit(adms=True)
    start_queue(unit, [], wide=True)
    unit.memory.load(QUEUE, wait().to_bytes(32, "little"))
    unit.memory.fail(QUEUE + part, 8)
    unit.write_register(IQT, 32, size=8)
    assert queue_state(unit) == (0, 1, 2)


def test_16_1_iqei_5_256_bits_without_adms():
    assert run(queue_unit(), wait(), wide=True) == (0, 1, 5)


def test_16_1_iqei_5_128_bits_in_abort_mode():
    assert run(queue_unit(ABORT_DMA, adms=True), wait()) == (0, 1, 5)


@pytest.mark.parametrize("tail", [0x10, 0x30])
def test_16_1_iqei_6_tail_in_the_middle_of_256_bits(tail):
    unit = queue_unit(adms=True)
    start_queue(unit, [], wide=True)
    unit.memory.load(QUEUE, wait().to_bytes(32, "little") * 2)
    unit.write_register(IQT, tail, size=8)
    assert queue_state(unit) == (0, 1, 6)


def test_16_1_tail_of_128_bits_may_have_bit_4():
    assert run(queue_unit(), wait()) == (16, 0, 0)


@pytest.mark.parametrize(
    ("mode", "adms", "wide"),
    [
        (RESERVED_MODE, False, False),
        (RESERVED_MODE, True, True),
        (RESERVED_MODE, True, False),
        (ABORT_DMA, False, False),
        (SCALABLE, True, True),
    ],
)
def test_16_1_iqei_7_reserved_or_unsupported_table_mode(mode, adms, wide):
    assert run(queue_unit(mode, adms=adms), wait(), wide=wide) == (0, 1, 7)


def test_16_1_iqei_7_when_the_mode_changes_later():
    unit = queue_unit()
    assert run(unit, wait()) == (16, 0, 0)
    set_root_table(unit, RESERVED_MODE)
    submit(unit, [wait()], at=1)
    assert queue_state(unit) == (16, 1, 7)
    set_root_table(unit, 0)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (32, 0, 0)


# Tail, 256 bits with ADMS = 0, mode, memory fails, descriptor. Each row mends the first error of the row before.
TWO_ERRORS = [
    (PAGE + 16, True, RESERVED_MODE, True, 0, 1),
    (16, True, RESERVED_MODE, True, 0, 6),
    (32, True, RESERVED_MODE, True, 0, 5),
    (32, False, RESERVED_MODE, True, 0, 7),
    (32, False, 0, True, 0xF | 1 << 12, 2),
    (32, False, 0, False, 0xF | 1 << 12, 3),
    (32, False, 0, False, 5 | 1 << 12, 4),
]


@pytest.mark.parametrize(("tail", "wide", "mode", "failing", "descriptor", "code"), TWO_ERRORS)
def test_28_5_order_of_queue_errors(tail, wide, mode, failing, descriptor, code):
    unit = queue_unit(mode)
    unit.memory.load(QUEUE, descriptor.to_bytes(32, "little"))
    if failing:
        unit.memory.fail(QUEUE, 32)
    start_queue(unit, [], wide=wide)
    unit.write_register(IQT, tail, size=8)
    assert queue_state(unit) == (0, 1, code)


def test_28_5_nothing_is_checked_while_the_queue_is_empty():
    """Width and mode are wrong, but head = tail."""
    unit = queue_unit(RESERVED_MODE)
    start_queue(unit, [], wide=True)
    assert queue_state(unit) == (0, 0, 0)


# Head, errors and recovery.


def test_16_2_head_stops_at_the_bad_descriptor():
    unit = queue_unit()
    good = wait(write=1, status=1, address=STATUS)
    assert run(unit, good, good, 0xF, wait(write=1, status=2, address=STATUS)) == (32, 1, 3)
    assert unit.memory.read(STATUS, 4) == 1


def test_16_4_no_fetch_while_iqe_stands():
    unit = queue_unit()
    run(unit, 0xF)
    submit(unit, [wait(write=1, status=7, address=STATUS)] * 2)
    assert queue_state(unit) == (0, 1, 3)
    assert unit.memory.read(STATUS, 4) == 0


def test_16_4_clearing_iqe_resumes_at_the_head():
    """Without another write of the tail."""
    unit = queue_unit()
    run(unit, wait(), 0xF, wait(write=1, status=7, address=STATUS))
    unit.memory.load(QUEUE + 16, wait().to_bytes(16, "little"))
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (48, 0, 0)
    assert unit.memory.read(STATUS, 4) == 7


def test_16_4_clearing_iqe_without_a_repair_raises_it_again():
    unit = queue_unit()
    run(unit, wait(), 0xF)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 1, 3)


@pytest.mark.parametrize("value", [0, 0b10, ~(1 << 4) & 0xFFFF_FFFF])
def test_16_4_only_writing_1_clears_iqe(value):
    unit = queue_unit()
    run(unit, 0xF)
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    unit.write_register(FSTS, value)
    assert queue_state(unit) == (0, 1, 3)


def test_16_4_software_may_move_the_tail_back_to_the_head_before_clearing():
    unit = queue_unit()
    run(unit, wait(), 0xF)
    unit.write_register(IQT, 16, size=8)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 0, 0)


def test_16_4_tail_error_is_over_with_a_good_tail():
    unit = queue_unit()
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    start_queue(unit, [])
    unit.write_register(IQT, PAGE, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(IQT, 16, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 0, 0)


def test_16_8_iqei_tells_the_newest_error():
    unit = queue_unit()
    run(unit, 0xF)
    unit.memory.load(QUEUE, (wait() | 1 << 12).to_bytes(16, "little"))
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (0, 1, 4)


def test_16_8_rest_of_the_error_record_stays_0_without_device_tlbs():
    unit = queue_unit()
    run(unit, 0xF)
    assert unit.read_register(IQERCD, size=8) == 3


@pytest.mark.parametrize("commands", [0, TE, IRE, TE | IRE])
def test_16_2_queue_works_whatever_te_and_ire_are(commands):
    unit = queue_unit()
    command(unit, commands)
    assert run(unit, wait(), iotlb_inv(GLOBAL)) == (32, 0, 0)


def test_16_2_nothing_is_fetched_before_qie():
    unit = queue_unit()
    unit.write_register(IQA, QUEUE, size=8)
    submit(unit, [wait(write=1, status=7, address=STATUS)])
    assert queue_state(unit) == (0, 0, 0)
    assert unit.memory.read(STATUS, 4) == 0
    command(unit, QIE)
    assert queue_state(unit) == (16, 0, 0)
    assert unit.memory.read(STATUS, 4) == 7


def test_16_7_disable_resets_the_head():
    unit = queue_unit()
    assert run(unit, wait(), wait()) == (32, 0, 0)
    uncommand(unit, QIE)
    assert unit.read_register(GSTS) == 0
    assert unit.read_register(IQH, size=8) == 0
    submit(unit, [wait(write=1, status=7, address=STATUS)])
    assert unit.memory.read(STATUS, 4) == 0


def test_16_1_enabled_queue_is_not_started_again_by_qie():
    unit = queue_unit()
    run(unit, wait(), wait())
    command(unit, QIE)
    assert queue_state(unit) == (32, 0, 0)


@pytest.mark.parametrize(("wide", "slots"), [(False, 256), (True, 128)])
def test_16_1_ring_wraps_around(wide, slots):
    """N - 1 descriptors fill the ring; the next ones go over its end."""
    unit = queue_unit(adms=wide)
    slot_bytes = 4096 // slots
    start_queue(unit, [wait()] * (slots - 1), wide=wide)
    assert queue_state(unit) == ((slots - 1) * slot_bytes, 0, 0)
    last = wait(write=1, status=0xAA, address=STATUS).to_bytes(slot_bytes, "little")
    first = wait(write=1, status=0xBB, address=STATUS + 4).to_bytes(slot_bytes, "little")
    unit.memory.load(QUEUE + 4096 - slot_bytes, last)
    unit.memory.load(QUEUE, first)
    unit.write_register(IQT, slot_bytes, size=8)
    assert queue_state(unit) == (slot_bytes, 0, 0)
    assert unit.memory.read(STATUS, 8) == 0xBB_0000_00AA


def test_16_1_ring_of_two_pages_wraps_at_its_own_size():
    unit = queue_unit()
    start_queue(unit, [wait()] * 511, qs=1)
    assert queue_state(unit) == (511 * 16, 0, 0)
    unit.memory.load(QUEUE + 511 * 16, wait().to_bytes(16, "little"))
    unit.write_register(IQT, 0, size=8)
    assert queue_state(unit) == (0, 0, 0)


@pytest.mark.parametrize("size", [4, 8])
def test_tail_may_be_written_in_4_or_8_bytes(size):
    unit = queue_unit()
    start_queue(unit, [])
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    unit.write_register(IQT, 16, size)
    assert queue_state(unit) == (16, 0, 0)
