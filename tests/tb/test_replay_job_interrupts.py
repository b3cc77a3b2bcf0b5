"""Interrupts in the replay on a simulated unit: answered right, and by units each of which does one thing wrong."""

from abc import ABC, abstractmethod

import pytest

from model.reference import Message
from sim.summary import Count
from tb.jobs.replay import IN_FLIGHT
from tests.tb.recorded_lines import (
    DEFAULT,
    DESCRIPTOR,
    DMA,
    FAULT_EVENT,
    INTERRUPT_REFUSED,
    INTERRUPTS,
    MESSAGE,
    NOTIFICATION,
    OTHER_ENTRY,
    OTHER_REMAPPED,
    PASSED,
    POSTED,
    POSTING,
    READ,
    REMAPPED,
    STATUS,
    WRITABLE,
)
from tests.tb.test_replay_job import SendsOther, WritesNothing
from tests.tb.untimed_unit import UntimedUnit


def test_remapped_interrupts(play):
    summary = play(*INTERRUPTS, REMAPPED, REMAPPED)
    assert summary.differences == []
    assert summary.kinds["i"] == Count(seen=2, compared=2, equal=2)


def test_interrupts_overlap_with_dma(play):
    most = 0

    def watch(bench):
        nonlocal most
        most = max(most, bench.device.outstanding)

    summary = play(*DMA, *INTERRUPTS, *[REMAPPED, READ] * 10, REMAPPED, watch=watch)
    assert summary.equal
    assert most == IN_FLIGHT


def test_interrupt_through_a_unit_that_does_not_remap(play):
    assert play({**PASSED, "oaddr": PASSED["addr"], "odata": PASSED["data"]}).equal


def test_low_address_bits_of_an_interrupt_are_not_on_a_bus(play):
    address = hex(int(PASSED["addr"], 16) | 3)
    assert play({**PASSED, "addr": address, "oaddr": address, "odata": PASSED["data"]}).equal


def test_what_the_recording_says_of_an_interrupt_counts_too(play):
    lines = (*INTERRUPTS, {**REMAPPED, "odata": "0x4046"}, {**INTERRUPT_REFUSED, "fr": "0x22"})
    assert play(*lines).differences == [
        "line 6: remapped to 0x4045 to 0xfee09000, not 0x4046 to 0xfee09000",
        "line 7: refused with fault 0x26 (IR.26), not fault 0x22",
    ]


def test_refused_interrupt_sends_the_fault_event_after_the_messages_of_older_ones(play):
    """Between both there is no order on the bus, so they do not overlap."""
    lines = (*FAULT_EVENT, *INTERRUPTS, *[REMAPPED] * 5, INTERRUPT_REFUSED, MESSAGE, REMAPPED, {**STATUS, "v": "0x2"})
    assert play(*lines, unit=SendsEventsFirst).equal


def test_posted_interrupts(play):
    summary = play(*POSTING, POSTED, DESCRIPTOR, NOTIFICATION, POSTED, DESCRIPTOR, header=DEFAULT)
    assert summary.differences == []
    assert summary.kinds["i"] == Count(seen=2, compared=2, equal=2)
    assert summary.kinds["x"] == Count(seen=2, compared=2, equal=2)
    assert summary.kinds["msi"] == Count(seen=1, compared=1, equal=1)


def test_posted_interrupt_that_the_recording_does_not_have(play):
    summary = play(*POSTING, POSTED, {**STATUS, "v": "0x0"}, header=DEFAULT)
    assert summary.differences == [
        f"line 7: the unit wrote {DESCRIPTOR['d']} at 0xb000, the recording has no x",
        "line 7: the unit sent 0x4031 to 0xfee05000, the recording has no msi",
    ]


class SendsEventsFirst(UntimedUnit):
    """Messages of interrupts leave some time after they are due; event messages do not."""

    def __init__(self, bench):
        self._late = []
        super().__init__(bench)

    def interrupt(self, request):
        permitted, message = super().interrupt(request)
        if message is not None:
            self._late.append((self._bench.now, message))
        return permitted, None

    def step(self, inputs):
        if self._late and self._bench.now > self._late[0][0] + 20:
            self.send(self._late.pop(0)[1])
        return super().step(inputs)


class ChangesInterrupts(UntimedUnit, ABC):
    @abstractmethod
    def answer(self, permitted, message):
        """Return what becomes of an interrupt that is right."""

    def interrupt(self, request):
        return self.answer(*super().interrupt(request))


class OtherVector(ChangesInterrupts):
    def answer(self, permitted, message):
        return permitted, message and Message(message.address, message.data ^ 1)


class OtherDestination(ChangesInterrupts):
    def answer(self, permitted, message):
        return permitted, message and Message(message.address ^ 0x1000, message.data)


class DropsInterrupts(ChangesInterrupts):
    def answer(self, permitted, message):
        return permitted, None


class SendsThoughRefused(ChangesInterrupts):
    def answer(self, permitted, message):
        return False, message


class RefusesInterrupts(ChangesInterrupts):
    def answer(self, permitted, message):
        return False, None


class PermitsInterrupts(ChangesInterrupts):
    def answer(self, permitted, message):
        return True, message


class PassesInterrupts(ChangesInterrupts):
    def answer(self, permitted, message):
        return True, message or Message(0xFEE00098, 2)


TO_PROCESSOR = "model/reference: remapped to 0x4045 to 0xfee09000"
WITH_FAULT = "model/reference: refused with fault 0x26 (IR.26)"


@pytest.mark.parametrize(
    ("unit", "line", "text"),
    [
        (OtherVector, REMAPPED, f"permitted it and sent 0x4044 to 0xfee09000, {TO_PROCESSOR}"),
        (OtherDestination, REMAPPED, f"permitted it and sent 0x4045 to 0xfee08000, {TO_PROCESSOR}"),
        (DropsInterrupts, REMAPPED, f"permitted it and sent nothing, {TO_PROCESSOR}"),
        (SendsThoughRefused, REMAPPED, f"refused it and sent 0x4045 to 0xfee09000, {TO_PROCESSOR}"),
        (RefusesInterrupts, REMAPPED, f"refused it and sent nothing, {TO_PROCESSOR}"),
        (PermitsInterrupts, INTERRUPT_REFUSED, f"permitted it and sent nothing, {WITH_FAULT}"),
        (PassesInterrupts, INTERRUPT_REFUSED, f"permitted it and sent nothing, {WITH_FAULT}"),
    ],
)
def test_wrong_interrupt(play, unit, line, text):
    summary = play(*INTERRUPTS, line, unit=unit)
    assert summary.differences[0] == f"line 6: the simulated unit {text}"
    assert summary.kinds["i"] == Count(seen=1, compared=1, unequal=1)


def test_message_of_a_refused_interrupt(play):
    summary = play(*INTERRUPTS, INTERRUPT_REFUSED, unit=PassesInterrupts)
    text = "the simulated unit sent 0x2 to 0xfee00098, model/reference did nothing"
    assert summary.differences[1:] == [f"line 6: {text}"]


class SendsInterruptsTwice(UntimedUnit):
    def send(self, message):
        super().send(message)
        super().send(message)


class SwapsInterrupts(UntimedUnit):
    """Every second message goes before the one that is older."""

    def __init__(self, bench):
        self._held_message = None
        super().__init__(bench)

    def send(self, message):
        if self._held_message is None:
            self._held_message = message
        else:
            super().send(message)
            super().send(self._held_message)
            self._held_message = None


def test_interrupt_that_is_sent_twice(play):
    summary = play(*INTERRUPTS, REMAPPED, STATUS | {"v": "0x0"}, unit=SendsInterruptsTwice)
    text = "the simulated unit sent 0x4045 to 0xfee09000, model/reference did nothing"
    assert [difference.partition(": ")[2] for difference in summary.differences] == [text]


def test_order_of_interrupts(play):
    summary = play(*INTERRUPTS, OTHER_ENTRY, REMAPPED, OTHER_REMAPPED, unit=SwapsInterrupts)
    assert summary.differences == [
        f"line 7: the simulated unit permitted it and sent 0x4046 to 0xfee09000, {TO_PROCESSOR}",
        "line 8: the simulated unit permitted it and sent 0x4045 to 0xfee09000, "
        "model/reference: remapped to 0x4046 to 0xfee09000",
    ]


class SendsBeforeData(UntimedUnit):
    """Holds a write back until the interrupt behind it has been sent."""

    _sent = False

    def _answer(self, write, request, address):
        waiting, held = self._waiting[1], self._held
        if write and len(waiting) > 1 and len(held) > address.len + 1:
            (newer, place), beat = waiting[1], held[address.len + 1]
            del waiting[1], held[address.len + 1]
            self._sent = True
            self._answer_interrupt(newer, place, beat)
        elif not write or self._sent:
            super()._answer(write, request, address)


def test_interrupt_that_overtakes_a_write(play):
    lines = (*DMA, *INTERRUPTS, *WRITABLE, REMAPPED)
    assert play(*lines).equal
    line = len(lines)
    assert play(*lines, unit=SendsBeforeData).differences == [
        f"line {line + 1}: its message is before the answer to line {line}, an older write",
    ]


class RecordsNoInterrupts(UntimedUnit):
    def interrupt(self, request):
        answer = super().interrupt(request)
        self.reference._registers.frcd = [0] * self._bench.config.nfr
        self.reference._recorder.status_cleared()
        return answer


class RecordsOtherIndex(UntimedUnit):
    def interrupt(self, request):
        answer = super().interrupt(request)
        self.reference._registers.frcd = [record ^ (record >> 127) << 48 for record in self.reference._registers.frcd]
        return answer


@pytest.mark.parametrize(("unit", "last"), [(RecordsNoInterrupts, "0000"), (RecordsOtherIndex, "0007")])
def test_wrong_record_of_an_interrupt(play, unit, last):
    summary = play(*INTERRUPTS, INTERRUPT_REFUSED, unit=unit)
    assert summary.differences[0].startswith("line 6: fault record at 0x220 is 0x")
    assert summary.differences[0].partition(", of")[0].endswith(last + "000000000000")
    assert summary.kinds["i"] == Count(seen=1, compared=1, unequal=1)


class PostsOtherBit(UntimedUnit):
    def write_memory(self, address, size, value):
        super().write_memory(address, size, value ^ 1 << 300 if size == 64 else value)


class PostsHalf(UntimedUnit):
    def write_memory(self, address, size, value):
        super().write_memory(address, 32, value & (1 << 256) - 1)


@pytest.mark.parametrize("unit", [PostsOtherBit, PostsHalf, WritesNothing])
def test_wrong_posting(play, unit):
    summary = play(*POSTING, POSTED, DESCRIPTOR, NOTIFICATION, header=DEFAULT, unit=unit)
    (text,) = summary.differences
    assert text.startswith("line 8: the simulated unit ")
    assert text.endswith(f"model/reference wrote {DESCRIPTOR['d']} at 0xb000")
    assert summary.kinds["x"] == Count(seen=1, compared=1, unequal=1)


def test_wrong_notification(play):
    summary = play(*POSTING, POSTED, DESCRIPTOR, NOTIFICATION, header=DEFAULT, unit=SendsOther)
    sent = "the simulated unit sent 0x4030 to 0xfee05000, model/reference sent 0x4031 to 0xfee05000"
    assert summary.differences == [f"line 9: {sent}"]
