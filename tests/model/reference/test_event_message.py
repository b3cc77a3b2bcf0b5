"""Event messages of the unit (rules 24.4 and 25): mask, pending bit, and when one is due."""

import pytest

from model.reference import Message
from tests.model.reference.interrupts import (
    FEADDR,
    FECTL,
    FEDATA,
    FEUADDR,
    FSTS,
    ICS,
    IECTL,
    IM,
    IP,
    IQE,
    IQT,
    PFO,
    PPF,
    QUEUE,
    clear_record,
    interrupt,
    make_unit,
    place_irte,
    queue_state,
    remapping_unit,
    set_root_table,
    start_queue,
    submit,
    trace_of,
    wait,
)

FAULT = Message(0x0102_0300_FEE0_4004, 0x0151)
COMPLETION = Message(0x0506_0700_FEE0_8008, 0x0162)


def prepare(unit, *, masked=False):
    """Set up both events of a unit, and unmask them."""
    for base, message in ((FECTL, FAULT), (IECTL, COMPLETION)):
        unit.write_register(base + 4, message.data)
        unit.write_register(base + 8, message.address & 0xFFFF_FFFF)
        unit.write_register(base + 12, message.address >> 32)
        if not masked:
            unit.write_register(base, 0)
    return unit


def fault(unit, index=0):
    assert interrupt(unit, index).fault_reason == 0x22


def complete(unit, count=1):
    """Let wait descriptors with IF = 1 complete, from the start of a new queue."""
    start_queue(unit, [wait(interrupt_flag=1)] * count)


def control(unit, register=FECTL):
    """Return IM and IP."""
    value = unit.read_register(register)
    assert value & ~(IM | IP) == 0
    return value >> 31, value >> 30 & 1


# The fault event.


def test_24_4_unmasked_fault_event_is_sent_at_once():
    unit = prepare(remapping_unit())
    fault(unit)
    assert unit.messages == [FAULT]
    assert control(unit) == (0, 0)


def test_24_4_event_only_when_nothing_was_pending():
    unit = prepare(remapping_unit())
    for index in range(8):
        fault(unit, index)
    assert unit.messages == [FAULT]


def test_24_4_pfo_alone_is_no_source():
    """The overflow sends nothing, nor do faults that are dropped while only PFO is set."""
    unit = prepare(remapping_unit(nfr=1))
    fault(unit)
    fault(unit)
    assert unit.read_register(FSTS) == PFO | PPF
    clear_record(unit)
    fault(unit)
    assert unit.read_register(FSTS) & 0xFF == PFO
    assert unit.messages == [FAULT]
    unit.write_register(FSTS, PFO)
    assert unit.messages == [FAULT]
    fault(unit)
    assert unit.messages == [FAULT, FAULT]


def test_24_4_event_comes_again_after_all_records_are_cleared():
    unit = prepare(remapping_unit())
    fault(unit)
    fault(unit)
    clear_record(unit, 0)
    fault(unit)
    assert unit.messages == [FAULT]
    clear_record(unit, 1)
    clear_record(unit, 2)
    fault(unit)
    assert unit.messages == [FAULT, FAULT]


def test_24_4_masked_event_is_pending_until_unmasked():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit)
    assert unit.messages == []
    assert control(unit) == (1, 1)
    unit.write_register(FECTL, 0)
    assert unit.messages == [FAULT]
    assert control(unit) == (0, 0)
    unit.write_register(FECTL, IM)
    unit.write_register(FECTL, 0)
    assert unit.messages == [FAULT]


def test_24_4_many_faults_while_masked_are_one_message():
    unit = prepare(remapping_unit(), masked=True)
    for index in range(5):
        fault(unit, index)
    unit.write_register(FECTL, 0)
    assert unit.messages == [FAULT]


def test_24_4_writing_the_mask_again_sends_nothing():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit)
    unit.write_register(FECTL, IM)
    assert unit.messages == []
    assert control(unit) == (1, 1)


def test_24_4_unmasking_without_an_event_sends_nothing():
    unit = prepare(remapping_unit())
    assert unit.messages == []
    assert control(unit) == (0, 0)


def test_24_4_pending_bit_cannot_be_written():
    unit = prepare(remapping_unit(), masked=True)
    unit.write_register(FECTL, IM | IP)
    assert control(unit) == (1, 0)
    fault(unit)
    unit.write_register(FECTL, IM)
    assert control(unit) == (1, 1)


def test_24_4_pending_event_is_withdrawn_when_all_status_is_clear():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit, 0)
    fault(unit, 1)
    clear_record(unit, 0)
    assert control(unit) == (1, 1)
    clear_record(unit, 1)
    assert control(unit) == (1, 0)
    unit.write_register(FECTL, 0)
    assert unit.messages == []


def test_24_4_pfo_keeps_the_event_pending():
    unit = prepare(remapping_unit(nfr=1), masked=True)
    fault(unit)
    fault(unit)
    clear_record(unit)
    assert control(unit) == (1, 1)
    unit.write_register(FSTS, PFO)
    assert control(unit) == (1, 0)


def test_24_4_iqe_keeps_the_event_pending():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit)
    start_queue(unit, [0xF])
    clear_record(unit)
    assert control(unit) == (1, 1)
    unit.write_register(IQT, 0, size=8)
    unit.write_register(FSTS, IQE)
    assert unit.read_register(FSTS) & 0xFF == 0
    assert control(unit) == (1, 0)


def test_24_4_queue_error_is_a_source():
    unit = prepare(remapping_unit())
    start_queue(unit, [0xF])
    assert unit.messages == [FAULT]
    unit.write_register(IQT, 0, size=8)
    unit.write_register(FSTS, IQE)
    submit(unit, [0xF])
    assert unit.messages == [FAULT, FAULT]


@pytest.mark.parametrize("first", ["fault", "queue error"])
def test_24_4_fault_and_queue_error_together_are_one_event(first):
    unit = prepare(remapping_unit())
    if first == "fault":
        fault(unit)
        start_queue(unit, [0xF])
    else:
        start_queue(unit, [0xF])
        fault(unit)
    assert unit.read_register(FSTS) & 0xFF == PPF | IQE
    assert unit.messages == [FAULT]


def test_24_4_fault_after_a_queue_error_that_stands_sends_nothing():
    """Also when its record is cleared and another one comes: IQE is still there."""
    unit = prepare(remapping_unit())
    start_queue(unit, [0xF])
    fault(unit)
    clear_record(unit)
    fault(unit)
    assert unit.messages == [FAULT]


def test_24_4_uncorrected_queue_error_sends_again_when_iqe_is_cleared():
    unit = prepare(remapping_unit())
    start_queue(unit, [0xF])
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (0, 1, 3)
    assert unit.messages == [FAULT, FAULT]


def test_24_5_suppressed_fault_raises_no_event():
    unit = prepare(remapping_unit())
    place_irte(unit, 0b10)
    assert interrupt(unit).suppressed
    assert unit.messages == []


def test_24_2_collapsed_fault_raises_no_event():
    unit = prepare(remapping_unit(collapse_faults=True), masked=True)
    fault(unit)
    assert control(unit) == (1, 1)
    unit.write_register(FECTL, 0)
    fault(unit)
    assert unit.messages == [FAULT]


def test_25_message_has_the_registers_of_its_moment():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit)
    unit.write_register(FEDATA, 0xFFFF_ABCD)
    unit.write_register(FEADDR, 0xFEE0_F00F)
    unit.write_register(FEUADDR, 0x1122_33FF)
    unit.write_register(FECTL, 0)
    assert unit.messages == [Message(0x1122_33FF_FEE0_F00C, 0xABCD)]


def test_25_without_eim_the_upper_address_is_0():
    unit = prepare(remapping_unit(eim=False))
    fault(unit)
    complete(unit)
    assert unit.messages == [Message(0xFEE0_4004, 0x0151), Message(0xFEE0_8008, 0x0162)]


def test_25_after_reset_both_events_are_masked():
    unit = make_unit()
    assert control(unit) == (1, 0)
    assert control(unit, IECTL) == (1, 0)


def test_22_7_event_messages_are_not_remapped():
    """With remapping on and a table without any entry they leave as they are, and no fault comes of them."""
    unit = prepare(remapping_unit())
    complete(unit)
    assert unit.messages == [COMPLETION]
    assert unit.read_register(FSTS) == 0


# The invalidation completion event.


def test_25_unmasked_completion_event_is_sent_at_once():
    unit = prepare(make_unit())
    complete(unit)
    assert unit.messages == [COMPLETION]
    assert unit.read_register(ICS) == 1
    assert control(unit, IECTL) == (0, 0)


def test_16_5_completion_event_only_when_iwc_was_0():
    unit = prepare(make_unit())
    complete(unit, 3)
    assert unit.messages == [COMPLETION]
    unit.write_register(ICS, 0)
    submit(unit, [wait(interrupt_flag=1)], at=3)
    assert unit.messages == [COMPLETION]
    unit.write_register(ICS, 1)
    submit(unit, [wait(interrupt_flag=1)], at=4)
    assert unit.messages == [COMPLETION, COMPLETION]


def test_16_5_without_interrupt_flag_no_event():
    unit = prepare(make_unit())
    start_queue(unit, [wait(write=1, status=1, address=0x3000), wait(fence=1)])
    assert unit.messages == []
    assert unit.read_register(ICS) == 0


def test_16_5_failing_status_write_still_completes_with_the_event():
    unit = prepare(make_unit())
    unit.memory.fail(0x3000, 8)
    start_queue(unit, [wait(write=1, address=0x3000, interrupt_flag=1)])
    assert unit.messages == [COMPLETION]


def test_25_masked_completion_event_is_pending_until_unmasked():
    unit = prepare(make_unit(), masked=True)
    complete(unit)
    assert unit.messages == []
    assert control(unit, IECTL) == (1, 1)
    assert control(unit, FECTL) == (1, 0)
    unit.write_register(IECTL, 0)
    assert unit.messages == [COMPLETION]
    assert control(unit, IECTL) == (0, 0)


def test_25_pending_completion_event_is_withdrawn_with_iwc():
    unit = prepare(make_unit(), masked=True)
    complete(unit)
    unit.write_register(ICS, 0)
    assert control(unit, IECTL) == (1, 1)
    unit.write_register(ICS, 1)
    assert control(unit, IECTL) == (1, 0)
    unit.write_register(IECTL, 0)
    assert unit.messages == []


def test_25_the_two_events_do_not_touch_each_other():
    unit = prepare(remapping_unit(), masked=True)
    fault(unit)
    complete(unit)
    assert control(unit, FECTL) == (1, 1)
    assert control(unit, IECTL) == (1, 1)
    clear_record(unit)
    assert control(unit, FECTL) == (1, 0)
    assert control(unit, IECTL) == (1, 1)
    fault(unit)
    unit.write_register(ICS, 1)
    assert control(unit, FECTL) == (1, 1)
    assert control(unit, IECTL) == (1, 0)
    unit.write_register(FECTL, 0)
    assert unit.messages == [FAULT]


def test_16_4_queue_error_behind_a_wait_sends_both_in_order():
    unit = prepare(make_unit())
    start_queue(unit, [wait(interrupt_flag=1), 0xF])
    assert unit.messages == [COMPLETION, FAULT]


def test_2_events_come_in_abort_mode():
    unit = prepare(make_unit(adms=True))
    set_root_table(unit, 3 << 10)
    unit.memory.load(QUEUE, wait(interrupt_flag=1).to_bytes(32, "little"))
    start_queue(unit, [wait(interrupt_flag=1)], wide=True)
    assert unit.messages == [COMPLETION]


def test_trace_shows_the_message():
    unit = prepare(remapping_unit())
    steps = trace_of(unit)
    fault(unit)
    assert any("0x151" in text and "0x1020300fee04004" in text for text, *_ in steps)
