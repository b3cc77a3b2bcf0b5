"""Compares every decision of the unit, and what follows from it, with what model/reference makes possible."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from model.arch.axi import Size
from model.arch.registers import FRCD
from model.cycle.axi.ports import Address
from model.cycle.request import Request
from model.cycle.request_pipeline import Decision
from model.reference import AddressType, DmaAccess, MemoryFault
from model.reference.translate import in_interrupt_range
from tb.axi_device import Transfer
from tb.axi_memory import Accepted, Written, beat_addresses, pattern
from tb.check import CheckFailed
from tb.interrupt_checker import InterruptChecker, OpenInterrupt
from tb.possible import Answer, Question, World
from tb.testbench import Testbench
from tb.texts import fault, named
from tb.watched_unit import InterruptDecision, WatchedUnit

__all__ = ["NUMBERS", "Checker", "number_of", "numbered"]

NUMBERS = 1 << 11  # that fit into AxCACHE, AxPROT and AxQOS
SHOWN = 12
REQUEST_TYPE = {DmaAccess.WRITE: (0, 0), DmaAccess.READ: (1, 0), DmaAccess.ZERO_LENGTH_READ: (1, 0)}
REQUEST_TYPE[DmaAccess.ATOMIC] = (1, 1)
FAILING_PAGES = 0x5A  # of host memory: those whose page number ends so


def numbered(number: int) -> tuple[int, int, int]:
    """Return AxCACHE, AxPROT and AxQOS that carry a number below NUMBERS: the unit passes them on unchanged."""
    return number >> 7, number >> 4 & 7, number & 15


def number_of(carrier: Any) -> int:
    """Return the number that `numbered` put into a request, an address or a transfer."""
    return int(carrier.cache << 7 | carrier.prot << 4 | carrier.qos)


@dataclass(slots=True)
class _Open:
    """A transfer on its way: its question, what was decided when; `ended` is World.ended at its submission. `order`
    counts transfers; `at_memory`: memory owes an answer. `interrupt` of one that may be an interrupt request."""

    transfer: Transfer
    question: Question
    ended: int
    answer: Answer | None = None
    decided: int = -1
    issued: bool = False
    order: int = 0
    at_memory: bool = False
    interrupt: OpenInterrupt | None = None


class Checker:
    """Follows each transfer from its submission to its end. CheckFailed for the first that is not as it must be."""

    def __init__(self, bench: Testbench, world: World, unit: WatchedUnit, coverage: Counter[str]) -> None:
        self._bench, self._world, self._unit, self.coverage = bench, world, unit, coverage
        self._own = 1 << bench.config.id_bits
        self._widest = max(bench.config.sagaw, default=64)
        self._open: dict[int, _Open] = {}
        self._written: deque[tuple[int, int, int]] = deque()  # what must be stored next: address, size, value
        self._records: set[int] = set()
        self.interrupts = InterruptChecker(bench, world, coverage)
        self.interrupts.follow(self._earlier_writes)
        self._compared = 0
        self._order = 0
        self._owed: list[deque[_Open]] = [deque() for _ in range(self._own)]  # writes without B of memory, by ID
        self.undecided = [0, 0]  # reads and writes that are submitted and not decided
        self._at_memory = [0, 0]  # reads and writes that memory has not answered
        bench.host.observe = self._host
        bench.host.read, bench.host.write = _host_read, _host_write
        bench.device.on_finished = self._finished
        bench.host.answered = self._answered
        unit.observer = self._observe
        unit.on_interrupt = self._interrupt_decided

    @property
    def compared(self) -> int:
        """Number of decisions found among the possible ones."""
        return self._compared + self.interrupts.compared

    @property
    def oldest(self) -> int:
        """Clock in which the oldest transfer that is not over was accepted, now if there is none."""
        accepted = (one.transfer.accepted for one in self._open.values() if one.transfer.accepted >= 0)
        return min(accepted, default=self._bench.now)

    def is_free(self, number: int) -> bool:
        """Say whether no transfer with this number is under way."""
        return number not in self._open

    def submit(self, transfer: Transfer) -> None:
        """Give a transfer to the device, and follow it."""
        number = number_of(transfer)
        assert number not in self._open
        self._order += 1
        self._open[number] = one = _Open(transfer, _question(transfer), self._world.ended, order=self._order)
        self.undecided[transfer.write] += 1
        self._bench.device.submit(transfer)
        if _may_be_interrupt(one.question):
            one.interrupt = self.interrupts.submit(transfer, one.order)

    def is_record(self, value: int) -> bool:
        """Say whether a fault record, its F bit left out, is of a request that was refused."""
        return value in self._records

    def was_reset(self) -> None:
        """Forget what is under way: the unit was reset."""
        self.coverage["transfers cut off by reset"] += len(self._open)
        self._open.clear()
        self.undecided, self._at_memory = [0, 0], [0, 0]
        self._written.clear()
        self._records.clear()
        self.interrupts.was_reset()
        for owed in self._owed:
            owed.clear()

    # The unit decides

    def _interrupt_decided(self, decision: InterruptDecision) -> None:
        interrupt = self.interrupts.decided(decision)
        one = self._open.get(number_of(interrupt.transfer))
        if one is None or one.interrupt is not interrupt or one.answer is not None:
            self._fail(f"{interrupt} is decided, but was not asked or is decided already")
        outcome = interrupt.outcome
        assert outcome is not None
        one.answer, one.decided = Answer(None, not outcome.fault_reason), self._bench.now
        self.undecided[True] -= 1
        if decision.record is not None:
            index = FRCD["FI"].to((outcome.index << 48) >> 12)
            self._records.add(index | FRCD.pack(SID=one.question.source_id, FR=outcome.fault_reason))

    def _earlier_writes(self, order: int) -> Iterator[Transfer]:
        """Yield the writes before one whose answer memory owes, or of which it is not decided whether there is one."""
        for one in self._open.values():
            if one.transfer.write and one.order < order and (one.at_memory or self._is_undecided_write(one)):
                yield one.transfer

    def _is_undecided_write(self, one: _Open) -> bool:
        permitted = one.answer is not None and one.answer.address is not None
        return one.answer is None or (permitted and not one.issued)

    def _observe(self, _kind: str, payload: tuple[Request, Decision]) -> None:
        request, decision = payload
        park = decision.park
        if park is not None and not park.refused:
            return  # it waits or walks, and is decided later
        one = self._open.get(number_of(request.attributes))
        if one is None or one.answer is not None:
            self._fail(f"{named(request)}: it is decided, but was not asked or is decided already")
        answer, reason_known = _answer(decision)
        one.answer, one.decided = answer, self._bench.now
        self.undecided[one.transfer.write] -= 1
        if one.interrupt is not None:
            self.interrupts.withdraw(one.interrupt)
            one.interrupt = None
        if request.address != one.transfer.address or request.source_id != one.transfer.source_id:
            self._fail(f"{one.transfer}: what is decided is {named(request)}")
        self._bench.note(one.transfer, answer)
        self._compare(one, answer, reason_known, at=None)
        self._count(one, decision, answer)

    def _compare(self, one: _Open, answer: Answer, reason_known: bool, at: int | None) -> None:
        """Look for the answer among those that are possible; `at` as in World.answers."""
        found = []
        accepted = one.transfer.accepted
        for possible, outdated in self._world.answers(one.question, accepted=accepted, decided=one.decided, at=at):
            if possible == answer or (not reason_known and _is_silent(possible)):
                self._compared += 1
                self.coverage["outdated answers"] += outdated and at is None
                return
            found.append(possible)
        when = f"accepted in clock {accepted}, decided in clock {one.decided}"
        if at is not None:
            when += f", still answered in clock {at}"
        distinct = list(dict.fromkeys(found))
        shown = "\n".join(f"  possible: {possible}" for possible in distinct[:SHOWN])
        shown = shown or "  possible: nothing, for what it rests on was over before the answer"
        self._fail(f"{one.transfer}, {when}\n  found:    {answer}\n{shown}")

    def _count(self, one: _Open, decision: Decision, answer: Answer) -> None:
        """Count what kind of decision it was."""
        coverage, unit = self.coverage, self._unit
        item = unit.pipeline.deciding
        if decision.record is not None:
            coverage[fault(answer.fault_reason)] += 1
            self._records.add(self._record(one.question, answer.fault_reason, bool(decision.record.interrupt)))
        elif answer.address is None:
            coverage["completed without memory" if answer.okay else "refused silently"] += 1
        translation = unit.iotlb.found.translation
        if answer.address is not None and item is not None and item.result is None and translation is not None:
            coverage[f"IOTLB hit, level {translation.level}"] += 1
        elif answer.address is not None and item is not None and item.result is not None:
            kind = "pass-through" if item.result.pass_through else f"level {item.result.translation.level}"
            coverage[f"walk, {kind}"] += 1
            coverage["walk whose result is of an older epoch"] += item.epoch != unit.invalidation.epoch
        coverage["request " + one.question.access.value] += 1

    def _record(self, question: Question, reason: int, interrupt: bool) -> int:
        """Return the fault record to expect, without F."""
        if interrupt:
            return FRCD.pack(SID=question.source_id, FR=reason)
        t1, t2 = REQUEST_TYPE[question.access]
        page = (question.address & (1 << self._widest) - 1) >> 12
        return FRCD.pack(FI=page, SID=question.source_id, FR=reason, T1=t1, T2=t2)

    # Memory behind the unit

    def _host(self, entry: Accepted | Written) -> None:
        if isinstance(entry, Accepted):
            if not entry.address.id & self._own:
                self._issued(entry)
        elif entry.id & self._own:
            self.interrupts.message_stored(entry)
        else:
            expected = self._written.popleft() if self._written else None
            if expected != (entry.address, entry.size, entry.value):
                wanted = _store_text(*expected) if expected else "nothing"
                found = _store_text(entry.address, entry.size, entry.value)
                self._fail(f"memory behind m_axi stores what it must not\n  found:    {found}\n  expected: {wanted}")

    def _issued(self, entry: Accepted) -> None:
        """A request has reached m_axi: it must be one that was permitted, with all its attributes."""
        address = entry.address
        one = self._open.get(number_of(address))
        if one is None or one.answer is None or one.answer.address is None or one.issued:
            self._fail(f"{named(address)}: it is on m_axi, and was not permitted")
        transfer, one.issued = one.transfer, True
        self._at_memory[transfer.write] += 1
        expected = address._replace(
            id=transfer.id,
            addr=one.answer.address,
            len=transfer.beats - 1,
            size=transfer.size,
            burst=transfer.burst,
            lock=transfer.lock,
        )
        if entry.write != transfer.write or address != expected:
            found, wanted = _on_channel(entry.write, address), _on_channel(transfer.write, expected)
            self._fail(f"{transfer} is on m_axi as something else\n  found:    {found}\n  expected: {wanted}")
        if transfer.write:
            one.at_memory = True
            self._owed[transfer.id].append(one)
            if not _fails(address.addr):
                self._written.extend(_stores(transfer, address.addr))

    def _answered(self, id_: int) -> None:
        """Memory has answered a write."""
        if id_ & self._own:
            self.interrupts.message_answered()
        else:
            self._owed[id_].popleft().at_memory = False

    # The device gets its answer

    def _finished(self, transfer: Transfer) -> None:
        one = self._open.pop(number_of(transfer), None)
        if one is None or one.answer is None:
            self._fail(f"{transfer} is answered, but was not decided")
        answer = one.answer
        if one.interrupt is not None:
            self.interrupts.finished(one.interrupt)
            return
        if (answer.address is not None) != one.issued:
            where = "was on m_axi" if one.issued else "was never on m_axi"
            self._fail(f"{transfer} is answered and {where}; decided was: {answer}")
        fails = answer.address is not None and _fails(answer.address)
        if transfer.permitted != (answer.okay and not fails):
            self._fail(f"{transfer} is answered with responses {transfer.responses}; decided was: {answer}")
        if not answer.okay and any(transfer.data):
            self._fail(f"{transfer} is refused, but brings data")
        if answer.address is not None and not fails and not transfer.write:
            self._compare_data(transfer, answer.address)
        self.coverage["refusals of bursts"] += not answer.okay and transfer.beats > 1
        self._at_memory[transfer.write] -= one.issued
        self.coverage["refusals while memory owes answers"] += not answer.okay and self._at_memory[transfer.write] > 0
        if answer.address is not None and self._world.ended != one.ended:
            # What an invalidation covers must be over when it is complete: reads and writes drain (rule 19.2), whether
            # their translation was known before, or came of a walk that began before.
            self.coverage["answers after an invalidation or a control was complete"] += 1
            self._compare(one, answer, True, at=self._bench.now)

    def _compare_data(self, transfer: Transfer, address: int) -> None:
        size = 1 << transfer.size
        for place, data in zip(
            beat_addresses(address, transfer.beats, transfer.size, transfer.burst), transfer.data, strict=True
        ):
            if data != pattern(place & -size, size):
                self._fail(f"{transfer} got {data:#x}, and not {pattern(place & -size, size):#x} of {place:#x}")

    def _fail(self, text: str) -> NoReturn:
        raise CheckFailed(f"clock {self._bench.now}: {text}")


def _question(transfer: Transfer) -> Question:
    return Question(
        transfer.access,
        transfer.source_id,
        transfer.address,
        transfer.pasid,
        AddressType.TRANSLATED if transfer.translated else AddressType.UNTRANSLATED,
        transfer.beats == 1 and transfer.size == Size.DWORD and not transfer.address & 3,
    )


def _may_be_interrupt(question: Question) -> bool:
    """Say whether it is an interrupt request by all but its PASID, which counts only while translation is on."""
    return (
        question.dword
        and question.access is DmaAccess.WRITE
        and question.address_type is AddressType.UNTRANSLATED
        and in_interrupt_range(question.address)
    )


def _answer(decision: Decision) -> tuple[Answer, bool]:
    """Return what the unit decided, and whether a refusal's reason is known: without a record it is not."""
    issue = decision.issue_read or decision.issue_write
    if issue is not None:
        return Answer(issue.address, True), True
    assert decision.park is not None
    if decision.record is not None:
        return Answer(None, False, decision.record.fault_reason), True
    return Answer(None, bool(decision.park.okay)), bool(decision.park.okay)


def _is_silent(possible: Answer) -> bool:
    return not possible.okay and (possible.suppressed or not possible.fault_reason)


def _stores(transfer: Transfer, address: int) -> list[tuple[int, int, int]]:
    """Return what a permitted write stores, beat by beat: address, bytes, value."""
    size = 1 << transfer.size
    stores = []
    for beat, place in enumerate(beat_addresses(address, transfer.beats, transfer.size, transfer.burst)):
        inside = place % size
        stores.append((place, size - inside, transfer.write_data[beat] >> inside * 8))
    return stores


def _store_text(address: int, size: int, value: int) -> str:
    return f"{value:#x} to {address:#x}, {size} bytes"


def _on_channel(write: int, address: Address) -> str:
    return f"{'AW' if write else 'AR'} with {named(address)}"


def _fails(address: int) -> bool:
    """Say whether host memory fails; it always takes messages, whatever their upper half is."""
    return not in_interrupt_range(address & 0xFFFFFFFF) and address >> 12 & 0xFF == FAILING_PAGES


def _host_read(address: int, size: int) -> int:
    if _fails(address):
        raise MemoryFault(f"{address:#x}")
    return pattern(address, size)


def _host_write(address: int, size: int, value: int) -> None:
    if _fails(address):
        raise MemoryFault(f"{address:#x}")
