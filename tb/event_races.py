"""Races of software's register writes with faults, completions and their messages: nothing is lost, nothing doubled."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Generator
from itertools import count, pairwise

from model.arch.encodings import DescriptorType
from model.arch.registers import FECTL, FSTS, ICS, IECTL, IQERCD, IQH
from tb.axi_device import Transfer
from tb.check import CheckFailed
from tb.racing_software import (
    BOUND,
    BUS,
    COMPLETION,
    FAULT,
    IM,
    IP,
    IQE,
    IWC,
    MAPPED,
    PFO,
    PPF,
    QUEUE,
    QUEUE_BYTES,
    Software,
    State,
    Steps,
)
from tb.testbench import RegisterAccess, Testbench

__all__ = ["RACES", "EventSweep"]

OFFSETS = range(-12, 44)
BAD_DESCRIPTOR = 0xF
INVALID_TYPE = 3
SLOW_MEMORY = 30


class EventSweep:
    """Every race named, at every offset; `script` is to be played. `trials` counts them by race."""

    def __init__(self, names: list[str], *, stride: int = 1) -> None:
        self.names, self.stride = names, stride
        self.trials: Counter[str] = Counter()

    def script(self, bench: Testbench) -> Steps:
        """Set the unit up, and try everything."""
        for name in self.names:
            race = RACES[name](Software(bench))
            yield from race.software.start()
            outcomes = []
            # Both ends always, so that the outcome can turn.
            for offset in sorted({*OFFSETS[:: self.stride], OFFSETS[-1]}):
                try:
                    outcomes.append((yield from race.trial(offset)))
                except CheckFailed as error:
                    raise CheckFailed(f"{name}, offset {offset}: {error}") from None
                self.trials[name] += 1
            turns = sum(one != other for one, other in pairwise(outcomes))
            if turns != race.turns:
                raise CheckFailed(f"{name}: the outcome turns {turns} times, not {race.turns}: {outcomes}")
            bench.progress = {"trials": self.trials.total()}
            bench.reset = 1
            yield from bench.wait(2)
            bench.reset = 0
            bench.memory.write(QUEUE, 16, 0)


class Race(ABC):
    """What comes from the devices, `happen`, against what software does, `act`; `prepare` before both.

    `outcome` checks the end and returns which of the two was first, as far as that can be seen; over all offsets this
    turns `turns` times.
    """

    turns = 1

    def __init__(self, software: Software) -> None:
        self.software = software
        self.first = self.second = 0  # source-ids of faults

    def trial(self, offset: int) -> Generator[None, None, object]:
        """Let software act `offset` clocks after it happens, or before; return the outcome."""
        software = self.software
        yield from software.clean()
        yield from self.prepare()
        for clock in count():
            if clock == max(0, -offset):
                self.happen()
            if clock == max(0, offset):
                self.act()
            if clock >= abs(offset):
                break
            yield
        state = yield from software.state()
        if any(transfer.permitted for transfer in software.transfers if not transfer.write):
            raise CheckFailed("a fault was permitted")
        outcome = self.outcome(state)
        yield from self.finish(state)
        return outcome

    def prepare(self) -> Steps:
        """Nothing by default."""
        yield from ()

    def happen(self) -> None:
        """Have a fault."""
        self.second = self.software.fault()

    @abstractmethod
    def act(self) -> None:
        """Do what software does."""

    @abstractmethod
    def outcome(self, state: State) -> object:
        """Check the end."""

    def finish(self, state: State) -> Steps:
        """Nothing by default."""
        yield from ()

    def have_faults(self, number: int) -> Steps:
        """Have faults, the first of them `first`, one after the other, and wait until they are recorded."""
        for position in range(number):
            source_id = self.software.fault()
            yield from self.software.bench.until(lambda: not self.software.bench.device.outstanding, "a refusal", BOUND)
            if position == 0:
                self.first = source_id
        self.status = yield from self.software.bench.read(FSTS.offset)


def _expect(holds: bool, state: object) -> None:
    if not holds:
        raise CheckFailed(f"found {state}")


class ClearedRecord(Race):
    """F of the only record is cleared while another fault comes: that is recorded, and raises an event if it is new."""

    def prepare(self) -> Steps:
        yield from self.have_faults(1)

    def act(self) -> None:
        self.software.clear_record(FSTS["FRI"].of(self.status))

    def outcome(self, state: State) -> object:
        _expect(list(state.records.values()) == [self.second] and not state.status & PFO, state)
        is_new = FSTS["FRI"].of(state.status) in state.records
        _expect(state.messages == {FAULT: 1 + is_new} and not state.fault_pending, state)
        return is_new


class ClearedFullRecord(Race):
    """F of the next record is cleared while all are in use: the fault is recorded there, or counted by PFO."""

    def prepare(self) -> Steps:
        yield from self.have_faults(self.software.bench.config.nfr)

    def act(self) -> None:
        self.software.clear_record(FSTS["FRI"].of(self.status))

    def outcome(self, state: State) -> object:
        recorded = self.second in state.records.values()
        _expect(recorded != bool(state.status & PFO) and self.first not in state.records.values(), state)
        _expect(len(state.records) == self.software.bench.config.nfr - (not recorded), state)
        _expect(state.messages == {FAULT: 1}, state)
        return recorded


class ClearedOverflow(Race):
    """PFO is cleared while all records are in use: a fault that was not dropped before sets it again."""

    def prepare(self) -> Steps:
        yield from self.have_faults(self.software.bench.config.nfr + 1)
        _expect(self.status & PFO != 0, self.status)

    def act(self) -> None:
        self.software.submit(FSTS.offset, PFO)

    def outcome(self, state: State) -> object:
        _expect(self.second not in state.records.values() and state.messages == {FAULT: 1}, state)
        _expect(len(state.records) == self.software.bench.config.nfr, state)
        return state.status & PFO != 0


class FaultUnmasked(Race):
    """IM is cleared: one message, whatever comes first."""

    turns = 0

    def prepare(self) -> Steps:
        yield from self.software.mask(FECTL, True)

    def act(self) -> None:
        self.software.submit(FECTL.offset, 0)

    def outcome(self, state: State) -> object:
        _expect(list(state.records.values()) == [self.second], state)
        _expect(state.messages == {FAULT: 1} and not state.fault_pending, state)


class FaultMasked(Race):
    """IM is set: the message is sent, or waits until IM is cleared."""

    def act(self) -> None:
        self.software.submit(FECTL.offset, IM)

    def outcome(self, state: State) -> object:
        _expect(list(state.records.values()) == [self.second], state)
        _expect(state.messages[FAULT] + state.fault_pending == 1, state)
        return state.fault_pending

    def finish(self, state: State) -> Steps:
        self.software.submit(FECTL.offset, 0)
        later = yield from self.software.state()
        _expect(later.messages == {FAULT: 1} and not later.fault_pending, later)


class ClearedWhileMasked(Race):
    """F of the only record is cleared while IM is 1: another fault keeps the event pending, or raises it again."""

    turns = 1

    def prepare(self) -> Steps:
        yield from self.software.mask(FECTL, True)
        yield from self.have_faults(1)

    def act(self) -> None:
        self.software.clear_record(FSTS["FRI"].of(self.status))

    def outcome(self, state: State) -> object:
        _expect(list(state.records.values()) == [self.second], state)
        _expect(not state.messages and state.fault_pending, state)
        return FSTS["FRI"].of(state.status) in state.records

    finish = FaultMasked.finish


class ClearedUnmasked(Race):
    """F and, right after it, IM are cleared while another fault comes: one message.

    That the record that was cleared was never told of is right: its event was withdrawn.
    """

    prepare = ClearedWhileMasked.prepare

    def act(self) -> None:
        self.software.clear_record(FSTS["FRI"].of(self.status))
        self.software.submit(FECTL.offset, 0)

    def outcome(self, state: State) -> object:
        _expect(list(state.records.values()) == [self.second], state)
        _expect(state.messages == {FAULT: 1} and not state.fault_pending, state)
        return FSTS["FRI"].of(state.status) in state.records


class TwoFaults(Race):
    """Two faults: both are recorded, and the first raises the one event."""

    def act(self) -> None:
        self.first = self.software.fault()

    def outcome(self, state: State) -> object:
        _expect(sorted(state.records.values()) == sorted((self.first, self.second)), state)
        _expect(state.messages == {FAULT: 1} and not state.status & PFO, state)
        return state.records[FSTS["FRI"].of(state.status)] == self.first


class ClearedCompletion(Race):
    """IWC is cleared while another wait completes: that sets it again, or was while it was set."""

    def prepare(self) -> Steps:
        self.software.complete()
        state = yield from self.software.state()
        _expect(state.completed and state.messages == {COMPLETION: 1}, state)

    def happen(self) -> None:
        self.software.complete()

    def act(self) -> None:
        self.software.submit(ICS.offset, IWC)

    def outcome(self, state: State) -> object:
        _expect(state.messages == {COMPLETION: 1 + state.completed} and not state.completion_pending, state)
        return state.completed


class ClearedFirstCompletion(Race):
    """IWC is cleared, which it was before, while a wait completes: that is told, whatever is left of IWC."""

    def happen(self) -> None:
        self.software.complete()

    act = ClearedCompletion.act

    def outcome(self, state: State) -> object:
        _expect(state.messages == {COMPLETION: 1} and not state.completion_pending, state)
        return state.completed


class CompletionUnmasked(Race):
    """IM is cleared: one message, whatever comes first."""

    turns = 0

    def prepare(self) -> Steps:
        yield from self.software.mask(IECTL, True)

    def happen(self) -> None:
        self.software.complete()

    def act(self) -> None:
        self.software.submit(IECTL.offset, 0)

    def outcome(self, state: State) -> object:
        _expect(state.messages == {COMPLETION: 1} and state.completed and not state.completion_pending, state)


class CompletionMasked(Race):
    """IM is set: the message is sent, or waits until IM is cleared."""

    def happen(self) -> None:
        self.software.complete()

    def act(self) -> None:
        self.software.submit(IECTL.offset, IM)

    def outcome(self, state: State) -> object:
        _expect(state.messages[COMPLETION] + state.completion_pending == 1 and state.completed, state)
        return state.completion_pending

    def finish(self, state: State) -> Steps:
        self.software.submit(IECTL.offset, 0)
        later = yield from self.software.state()
        _expect(later.messages == {COMPLETION: 1} and not later.completion_pending, later)


class ClearedQueueError(Race):
    """IQE is cleared: where the error came before, the queue finds it again and tells again."""

    def happen(self) -> None:
        self.software.queue(BAD_DESCRIPTOR)

    def act(self) -> None:
        self.software.submit(FSTS.offset, IQE)

    def outcome(self, state: State) -> object:
        _expect(state.status & (PPF | PFO | IQE) == IQE and not state.fault_pending, state)
        _expect(state.messages[FAULT] in (1, 2), state)
        return state.messages[FAULT]

    def finish(self, state: State) -> Steps:
        """Mend the descriptor, and let the queue go on."""
        bench, software = self.software.bench, self.software
        head = yield from bench.read(IQH.offset, 8)
        code = (yield from bench.read(IQERCD.offset, 8)) & IQERCD["IQEI"].mask
        _expect(code == INVALID_TYPE and (head + 16) % QUEUE_BYTES == software.tail, (head, code))
        bench.memory.write(QUEUE + head, 16, int(DescriptorType.WAIT))
        software.submit(FSTS.offset, IQE)
        yield from software.settle()
        head = yield from bench.read(IQH.offset, 8)
        _expect(head == software.tail, head)


class BothEvents(Race):
    """A fault, a completion, and writes of devices on the same channel: each message comes, once."""

    turns = 0

    def happen(self) -> None:
        software = self.software
        self.second = software.fault()
        for number in range(24):
            address = MAPPED + 64 * number
            software.transfers.append(
                software.bench.device.submit(Transfer(True, BUS, address, id=number % 4, beats=2, skew=0))
            )

    def act(self) -> None:
        self.software.complete()

    def outcome(self, state: State) -> object:
        _expect(state.messages == {FAULT: 1, COMPLETION: 1} and state.completed, state)
        _expect(list(state.records.values()) == [self.second], state)
        _expect(all(transfer.permitted for transfer in self.software.transfers if transfer.write), state)


class FaultReported(Race):
    """Status and control of an event are read: when its message was sent, it is at memory before the answer."""

    status, happened, control = FSTS, PPF, FECTL

    def prepare(self) -> Steps:
        bench = self.software.bench
        bench.host.latency = SLOW_MEMORY
        self.answered_before = bench.host.writes_answered[self.software.own]
        yield

    def act(self) -> None:
        software = self.software.bench.software
        self.reads = [software.submit(RegisterAccess(False, one.offset, 4)) for one in (self.status, self.control)]
        software.on_finished = self._look

    def _look(self, access: RegisterAccess) -> None:
        if access is self.reads[1]:
            answered = self.software.bench.host.writes_answered[self.software.own] - self.answered_before
            status, control = (read.value for read in self.reads)
            self.sent = bool(status & self.happened and not control & IP)
            _expect(answered == 1 or not self.sent, f"{self.reads[0]} {status:#x}, {control:#x}, {answered} messages")

    def outcome(self, state: State) -> object:
        _expect(state.messages.total() == 1, state)
        return self.sent

    def finish(self, state: State) -> Steps:
        bench = self.software.bench
        bench.host.latency, bench.software.on_finished = bench.tables.latency, None
        yield from ()


class CompletionReported(FaultReported):
    """The same of a completion."""

    status, happened, control = ICS, IWC, IECTL

    def happen(self) -> None:
        self.software.complete()


RACES: dict[str, Callable[[Software], Race]] = {
    "F cleared": ClearedRecord,
    "F cleared, all full": ClearedFullRecord,
    "PFO cleared": ClearedOverflow,
    "fault event unmasked": FaultUnmasked,
    "fault event masked": FaultMasked,
    "F cleared, masked": ClearedWhileMasked,
    "F cleared, then unmasked": ClearedUnmasked,
    "two faults": TwoFaults,
    "IWC cleared": ClearedCompletion,
    "IWC cleared, 0 before": ClearedFirstCompletion,
    "completion event unmasked": CompletionUnmasked,
    "completion event masked": CompletionMasked,
    "IQE cleared": ClearedQueueError,
    "fault and completion": BothEvents,
    "fault reported": FaultReported,
    "completion reported": CompletionReported,
}
