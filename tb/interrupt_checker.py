"""Compares what becomes of every interrupt request with what model/reference makes possible."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from model.arch import UnitConfig
from model.arch.structures import IRTE_POSTED, IRTE_REMAPPED, POSTED_INTERRUPT_DESCRIPTOR
from model.reference import MemoryFault
from tb.axi_device import Transfer
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.possible import World
from tb.possible_interrupts import PART, InterruptQuestion, Met, Outcome, Posting
from tb.testbench import Testbench
from tb.texts import fault, named
from tb.watched_unit import InterruptDecision

__all__ = ["InterruptChecker", "OpenInterrupt", "required_rows"]

DESCRIPTOR_BYTES = POSTED_INTERRUPT_DESCRIPTOR.bytes
DESCRIPTOR_BEATS = 4
ON, SN = POSTED_INTERRUPT_DESCRIPTOR["ON"], POSTED_INTERRUPT_DESCRIPTOR["SN"]
P, SVT, SQ = IRTE_REMAPPED["P"], IRTE_REMAPPED["SVT"], IRTE_REMAPPED["SQ"]
URG = IRTE_POSTED["URG"]
SHOWN = 12


@dataclass(slots=True, eq=False)
class OpenInterrupt:
    """An interrupt request on its way; `order` counts writes. What was decided when, and how often the world's
    `ended` had moved on by then."""

    transfer: Transfer
    question: InterruptQuestion
    order: int
    outcome: Outcome | None = None
    posting: Posting | None = None
    decided: int = -1
    ended: int = -1

    def __str__(self) -> str:
        question = self.question
        extra = "" if question.whole else ", not all bytes"
        extra += "" if question.pasid is None else f", PASID {question.pasid:#x}"
        return (
            f"interrupt of source-id {question.source_id:#06x} at {question.address:#x}, data {question.data:#x}, "
            f"ID {self.transfer.id}{extra}"
        )


class _Descriptor:
    """A posting under way: what the unit read last, when, and what it has stored since."""

    def __init__(self, entry: Accepted, value: int | None) -> None:
        self.address, self.id, self.clock, self.value = entry.address.addr, entry.address.id, entry.clock, value
        self.stored: list[Written] = []


class InterruptChecker:
    """Follows interrupts from the data of the device to the answer of memory. CheckFailed for the first wrong one.

    `earlier(order)` yields the transfers that a device wrote before and that memory has yet to answer.
    `changed` says when software changed a descriptor last.
    """

    def __init__(self, bench: Testbench, world: World, coverage: Counter[str]) -> None:
        self._bench, self._world, self.coverage = bench, world, coverage
        self.messages: set[tuple[int, int]] = set()  # event messages that software asked for
        self.changed: dict[int, int] = {}
        self.compared = 0
        self._earlier = lambda order: iter(())
        self.was_reset()

    def follow(self, earlier: object) -> None:
        """Set `earlier`."""
        self._earlier = earlier  # type: ignore[assignment]

    def was_reset(self) -> None:
        """Forget what is under way."""
        self._waiting: deque[OpenInterrupt] = deque()
        self._sent: deque[OpenInterrupt] = deque()  # whose message is not stored
        self._stored: deque[OpenInterrupt | None] = deque()  # messages that memory has yet to answer; None: of events
        self._descriptor: _Descriptor | None = None

    @property
    def idle(self) -> bool:
        """True when no message is on its way."""
        return not self._sent and not self._stored

    # Devices

    def submit(self, transfer: Transfer, order: int) -> OpenInterrupt:
        """Follow a request, which comes after those before."""
        lane = transfer.strobes[0] if transfer.strobes is not None else 15
        question = InterruptQuestion(
            transfer.source_id, transfer.address, transfer.write_data[0], lane == 15, transfer.pasid
        )
        one = OpenInterrupt(transfer, question, order)
        self._waiting.append(one)
        return one

    def withdraw(self, one: OpenInterrupt) -> None:
        """It was none: the pipeline has decided it."""
        self._waiting.remove(one)

    def finished(self, one: OpenInterrupt) -> None:
        """The device has got its answer."""
        if one.outcome is None:
            self._fail(f"{one} is answered, but was not decided")
        if one.transfer.permitted == bool(one.outcome.fault_reason):
            self._fail(f"{one} is answered with responses {one.transfer.responses}, but was decided: {one.outcome}")

    # The unit

    def decided(self, decision: InterruptDecision) -> OpenInterrupt:
        """A request leaves the remapper."""
        request, now = decision.request, self._bench.now
        one = self._next(decision)
        is_recorded = decision.record is not None
        descriptor, self._descriptor = self._descriptor, None
        one.posting = None if descriptor is None else self._posting(descriptor)
        sent = None if decision.message is None else (decision.message.address, decision.message.data)
        index = decision.record.address >> 48 if decision.record is not None else 0
        reason = decision.fault_reason
        if reason and index and not _logs_index(reason):
            index = 0
        one.outcome = outcome = Outcome(sent, reason, bool(reason) and not is_recorded, index, _stored(descriptor))
        one.decided, one.ended = now, self._world.ended
        if sent is not None:
            self._sent.append(one)
            self._check_earlier(one, "a message")
        self._bench.note(one, outcome)
        met = self._compare(one, now)
        self.compared += 1
        self._count(one, met, descriptor)
        assert request.source_id == one.question.source_id
        return one

    def _next(self, decision: InterruptDecision) -> OpenInterrupt:
        """Return the oldest request, which must be this one, unless it may still turn out to be none."""
        request = decision.request
        for one in self._waiting:
            question = one.question
            mine = (question.source_id, question.address, one.transfer.id, question.whole)
            if mine == (request.source_id, request.address, request.id, bool(request.whole)) and (
                not question.whole or question.data == request.data
            ):
                self._waiting.remove(one)
                return one
            if question.pasid is None:
                break
        oldest = self._waiting[0] if self._waiting else "nothing"
        self._fail(f"an interrupt is decided out of turn\n  found:    {named(request)}\n  expected: {oldest}")

    def _posting(self, descriptor: _Descriptor) -> Posting:
        words, address = self._world.words, descriptor.address
        stored, may_fail = _stored(descriptor), False
        if stored in (None, (address, PART)):
            may_fail = any(
                version.value is None and version.end > descriptor.clock
                for place in range(address, address + DESCRIPTOR_BYTES, 16)
                for version in words.versions(place, 16)
            )
        return Posting(address, descriptor.value, stored, may_fail)

    def _possible(self, one: OpenInterrupt, at: int) -> Iterator[tuple[Outcome, Met]]:
        world = self._world
        return world.interrupts.outcomes(
            one.question, world.translation, one.posting, accepted=one.transfer.accepted, decided=one.decided, at=at
        )

    def _compare(self, one: OpenInterrupt, at: int) -> Met:
        """Look for the outcome among those that are possible."""
        found = []
        for possible, met in self._possible(one, at):
            if possible == one.outcome:
                return met
            found.append(possible)
        when = f"accepted in clock {one.transfer.accepted}, decided in clock {one.decided}"
        if at != one.decided:
            when += f", not over in clock {at}"
        shown = "\n".join(f"  possible: {possible}" for possible in list(dict.fromkeys(found))[:SHOWN])
        shown = shown or "  possible: nothing, for what it rests on was over before"
        posting = f"\n  its descriptor {one.posting}" if one.posting else ""
        self._fail(f"{one}, {when}\n  found:    {one.outcome}\n{shown}{posting}")

    def _still_possible(self, one: OpenInterrupt) -> None:
        """What an invalidation covers must be over when it is complete, to the answer of memory to the message."""
        if self._world.ended != one.ended:
            self.coverage["messages answered after an invalidation or a control was complete"] += 1
            self._compare(one, self._bench.now)

    def _check_earlier(self, one: OpenInterrupt, what: str) -> None:
        """Rule 23.4: what a device wrote before must be in memory."""
        for transfer in self._earlier(one.order):
            self._fail(f"{what} of {one} leaves before memory has answered {transfer}")

    # Memory

    def message_stored(self, entry: Written) -> None:
        """A message has reached memory: of an interrupt, in order, or of an event."""
        message = entry.address, entry.value
        if self._sent and self._sent[0].outcome is not None and self._sent[0].outcome.message == message:
            self._stored.append(self._sent.popleft())
        elif message in self.messages:
            self.coverage["event messages"] += 1
            self._stored.append(None)
        else:
            expected = self._sent[0].outcome if self._sent else "nothing"
            found = f"message {entry.value:#x} to {entry.address:#x}"
            self._fail(f"a message is sent that nobody asked for\n  found:    {found}\n  expected: {expected}")

    def message_answered(self) -> None:
        """Memory has answered the oldest message."""
        one = self._stored.popleft()
        if one is not None:
            self._still_possible(one)

    def tables(self, entry: Accepted | Written) -> None:
        """See what happens to descriptors."""
        if isinstance(entry, Accepted):
            address = entry.address
            if not entry.write and address.len == DESCRIPTOR_BEATS - 1:
                if self._descriptor is not None:
                    self._read_again(self._descriptor, address.addr)
                self._descriptor = _Descriptor(entry, self._value(address.addr))
        elif self._descriptor is not None and entry.id == self._descriptor.id:
            self._store(self._descriptor, entry)

    def _read_again(self, descriptor: _Descriptor, address: int) -> None:
        self.coverage["postings that lost a race"] += 1
        if descriptor.address != address or descriptor.stored:
            self._fail(f"{address:#x} is read to post, after {descriptor.address:#x}, {len(descriptor.stored)} stored")

    def _value(self, address: int) -> int | None:
        try:
            return self._world.words.read(address, DESCRIPTOR_BYTES)
        except MemoryFault:
            return None

    def _store(self, descriptor: _Descriptor, entry: Written) -> None:
        if not descriptor.stored:
            if self._bench.config.exclusive and self.changed.get(descriptor.address, -1) > descriptor.clock:
                self._fail(f"{descriptor.address:#x} is stored over what software changed since it was read")
            if self._waiting:
                self._check_earlier(self._waiting[0], "the posting")
        if len(descriptor.stored) == DESCRIPTOR_BEATS:
            self._fail(f"{descriptor.address:#x} is stored twice")
        descriptor.stored.append(entry)

    # Coverage

    def _count(self, one: OpenInterrupt, met: Met, descriptor: _Descriptor | None) -> None:
        coverage, outcome = self.coverage, one.outcome
        assert outcome is not None
        coverage["interrupts that rest on something replaced"] += met.outdated
        if outcome.fault_reason:
            coverage[fault(outcome.fault_reason)] += 1
            coverage["interrupt faults not recorded (FPD)"] += outcome.suppressed
        irte = met.irte
        if irte is None:
            coverage["interrupts passed unchanged"] += not outcome.fault_reason
            return
        if P.of(irte):
            coverage[_source_row(SVT.of(irte), SQ.of(irte))] += 1
        if descriptor is None:
            coverage["interrupts remapped"] += not outcome.fault_reason
        elif descriptor.value is not None:
            row = _descriptor_row(ON.of(descriptor.value), SN.of(descriptor.value), URG.of(irte))
            coverage[row] += not outcome.fault_reason
            coverage["notifications"] += outcome.message is not None

    def _fail(self, text: str) -> NoReturn:
        raise CheckFailed(f"clock {self._bench.now}: {text}")


def required_rows(config: UnitConfig) -> list[str]:
    """Return the counters that a campaign over this configuration must not leave at 0."""
    if not config.ir:
        return []
    reasons = [*range(0x20, 0x27), 0x29]
    reasons += [0x27, 0x28] * config.pi + [0x2A] * config.eimer + [0x2B] * config.irreq
    rows = [fault(reason) for reason in sorted(reasons)]
    rows += [_source_row(validation, qualifier) for validation in range(4) for qualifier in range(4)]
    if config.pi:
        rows += [_descriptor_row(on, sn, urgent) for on in range(2) for sn in range(2) for urgent in range(2)]
    return rows


def _source_row(validation: int, qualifier: int) -> str:
    return f"interrupt entry with SVT {validation}, SQ {qualifier}"


def _descriptor_row(on: int, sn: int, urgent: int) -> str:
    return f"posted with ON {on}, SN {sn}, URG {urgent}"


def _logs_index(reason: int) -> bool:
    return 0x21 <= reason <= 0x28 and reason != 0x25


def _stored(descriptor: _Descriptor | None) -> tuple[int, int] | None:
    """Return address and value of the descriptor as it was stored, PART where its memory broke meanwhile."""
    if descriptor is None or not descriptor.stored:
        return None
    value = sum(entry.value << (entry.address - descriptor.address) * 8 for entry in descriptor.stored)
    whole = sum(entry.size for entry in descriptor.stored) == DESCRIPTOR_BYTES
    return (descriptor.address, value if whole else PART)
