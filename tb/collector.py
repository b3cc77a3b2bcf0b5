"""Looks on while a script plays, and collects Statistics: from the model that the run steps, and from the drivers.

Clocks of a request count from the handshake of its address on `s_axi_` to its address on `m_axi_`, or to the first
answer where it is refused; without those in which it was decided and only its data were missing. An interrupt counts
from its data to its message, or to its answer where there is none.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from model.arch.encodings import INTERRUPT_PREFIX, TableMode
from model.arch.sizes import QUEUE_TAGS
from model.cycle.axi.write_path import Interrupt
from model.cycle.request import Access, Request
from model.cycle.request_pipeline import Decision
from model.cycle.walk_step import Step
from tb.axi_device import Transfer
from tb.axi_memory import Accepted
from tb.statistics import Slow, Statistics
from tb.testbench import Script, Testbench
from tb.watched_unit import InterruptDecision, WatchedUnit

__all__ = ["Collector"]

WRITES = (Access.WRITE, Access.ATOMIC)


@dataclass(slots=True, eq=False)
class _Flight:
    """A request from the unit's first look at it to its end; `request` is kept so that its id() stays its own."""

    request: Request | Interrupt
    transfer: Transfer
    group: str = ""
    decided: int = 0
    reads: int = 0
    waited: bool = False
    table_known: bool = False
    steps: list[tuple[int, str]] = field(default_factory=list)


class Collector:
    """Collects into `statistics` while the script that `script` returns plays on a bench and `unit`.

    It looks through hooks that others may have set, so it must be made after them, and before anything is submitted.
    """

    def __init__(self, bench: Testbench, unit: WatchedUnit, *, memory_latency: int = 0) -> None:
        self.statistics = Statistics(memory_latency=memory_latency)
        self._bench, self._unit = bench, unit
        self._timeline = self.statistics.timeline
        self._own = 1 << bench.config.id_bits
        self._first_interrupt = bench.config.slots + QUEUE_TAGS
        self._ar: Any = None
        self._aw: Any = None
        self._invalidations = 0
        self._forget()
        self._submit = bench.device.submit
        bench.device.submit = self._submitted  # type: ignore[method-assign]
        unit.observer = _both(unit.observer, self._decided)
        unit.on_interrupt = _both(unit.on_interrupt, self._interrupt_decided)
        bench.tables.observe = _both(bench.tables.observe, self._table_accessed)
        bench.device.on_finished = _both(bench.device.on_finished, self._finished)

    def script(self, script: Script) -> Script:
        """Return the script, looked on at after each of its clocks."""

        def watched(bench: Testbench) -> Iterator[None]:
            for _ in script(bench):
                self._clock()
                yield

        return watched

    def to_json(self) -> dict[str, Any]:
        """Return the statistics of the clocks until now."""
        self.statistics.clocks = self._bench.now
        return self.statistics.to_json()

    def _forget(self) -> None:
        """The unit is in reset: nothing is under way any more."""
        self._waiting: tuple[deque[Transfer], deque[Transfer]] = (deque(), deque())  # submitted, not seen inside yet
        self._flights: dict[int, _Flight] = {}  # by id() of the request
        self._issued: tuple[deque[_Flight], deque[_Flight]] = (deque(), deque())  # not on m_axi yet
        self._answered_later: dict[int, _Flight] = {}  # by id() of the transfer: its answer ends it

    def _submitted(self, transfer: Transfer) -> Transfer:
        self._waiting[transfer.write].append(transfer)
        return self._submit(transfer)

    def _flight(self, request: Any, write: bool) -> _Flight:
        """Return the flight of a request of the model: the oldest that was submitted with the same ID and address."""
        flight = self._flights.get(id(request))
        if flight is None:
            waiting = self._waiting[write]
            asked = request.id, request.source_id, request.address
            transfer = next(t for t in waiting if (t.id, t.source_id, t.address) == asked)
            waiting.remove(transfer)
            flight = self._flights[id(request)] = _Flight(request, transfer)
            flight.steps.append((transfer.accepted, "address accepted on s_axi_"))
        return flight

    # What the unit does

    def _clock(self) -> None:
        """Look at one clock, the one before bench.now."""
        bench, outputs = self._bench, self._bench.outputs
        now = bench.now - 1
        if bench.reset or outputs is None:
            self._forget()
            return
        # A payload stays the same object for as long as it is offered.
        if outputs.m_axi_ar is not self._ar:
            self._ar = outputs.m_axi_ar
            if self._ar is not None:
                self._sent(0, now)
        if outputs.m_axi_aw is not self._aw:
            self._aw = outputs.m_axi_aw
            if self._aw is not None and not self._aw.id & self._own:
                self._sent(1, now)
        walker = self._unit.walker
        if walker.in_use:
            walks = (walker.reading | walker.in_flight).bit_count()
            self.statistics.walks_at_once[walks] += 1
            self._timeline.add("walks", now, walks)
            self._timeline.add("held", now, walker.in_use.bit_count())
        else:
            self.statistics.walks_at_once[0] += 1
        if self._unit.invalidations != self._invalidations:
            self._invalidations = self._unit.invalidations
            self._timeline.add("invalidations", now)

    def _sent(self, write: int, now: int) -> None:
        flight = self._issued[write].popleft()
        flight.steps.append((now, "address on m_axi_"))
        transfer = flight.transfer
        missing = max(0, transfer.data_offered - flight.decided) if write else 0
        self._end(flight, now - transfer.accepted - missing)

    def _decided(self, _kind: str, payload: tuple[Request, Decision]) -> None:
        request, decision = payload
        now = self._bench.now
        flight = self._flight(request, request.access in WRITES)
        item = self._unit.pipeline.deciding
        assert item is not None
        if not item.replayed:
            self._timeline.add("requests", now)
            flight.group = self._look_up(
                flight, now, translate=bool(item.translate) and item.table_mode == TableMode.LEGACY
            )
        park, flight.decided = decision.park, now
        if park is None:
            flight.steps.append((now, "permitted"))
            self._issued[item.write].append(flight)
        elif not park.refused:
            flight.waited = True
            flight.steps.append((now, "a walk is needed" if park.walk else "waits for an older request"))
        elif park.okay:
            flight.steps.append((now, "done without memory"))
            flight.group = "done without memory"
            self._answered_later[id(flight.transfer)] = flight
        else:
            record = decision.record
            self._refuse(flight, now, 0 if record is None else record.fault_reason, record is not None)
        if park is None or park.refused:
            del self._flights[id(request)]

    def _look_up(self, flight: _Flight, now: int, *, translate: bool) -> str:
        """Count what the caches had for a request that has just come; return the group of requests it is of."""
        request = flight.request
        assert isinstance(request, Request)
        if not translate or request.address_type or request.pasid_valid or request.address >> 20 == INTERRUPT_PREFIX:
            return "not translated"
        context, translation = self._unit.context_cache.found.context, self._unit.iotlb.found.translation
        self._hit("context_cache", now, context is not None)
        if context is not None and context.pass_through:
            return "pass-through"
        self._hit("iotlb", now, translation is not None)
        return "hit"

    def _hit(self, cache: str, now: int, hit: bool) -> None:
        self._timeline.add(cache, now)
        self._timeline.add(f"{cache} hits", now, int(hit))

    def _table_accessed(self, entry: Any) -> None:
        """See an address on m_axi_mem: of a walk, the queue, an interrupt entry, or a descriptor."""
        if not isinstance(entry, Accepted) or entry.write:
            return
        number, now, reads = entry.address.id, entry.clock, self.statistics.table_reads
        if number < self._bench.config.slots:
            slot = self._unit.walker.slots[number]
            assert slot is not None
            flight = self._flight(slot.request, bool(slot.write))
            what = self._walk_read(flight, slot.walk, now)
        elif number < self._first_interrupt:
            reads["descriptor of the invalidation queue"] += 1
            return
        elif number < self._first_interrupt + self._bench.config.interrupts:
            interrupt = self._unit.remapper.slots[number - self._first_interrupt]
            assert interrupt is not None
            flight, what = self._flight(interrupt.request, True), "interrupt entry"
        else:
            reads["posted-interrupt descriptor"] += 1
            return
        reads[what] += 1
        flight.reads += 1
        flight.steps.append((now, f"reads {what} at {entry.address.addr:#x}"))

    def _walk_read(self, flight: _Flight, walk: Any, now: int) -> str:
        if walk.step == Step.ROOT:
            return "root-entry"
        if walk.step == Step.CONTEXT:
            return "context-entry"
        if not flight.table_known:
            flight.table_known = True
            self._hit("paging_structure_cache", now, not walk.top)
        return f"second-stage entry, level {walk.table.level}"

    def _interrupt_decided(self, decision: InterruptDecision) -> None:
        """An interrupt leaves the remapper."""
        now = self._bench.now
        flight = self._flight(decision.request, True)
        del self._flights[id(decision.request)]
        transfer = flight.transfer
        self._timeline.add("interrupts", now)
        if decision.cached is not None:
            self._hit("interrupt_entry_cache", now, decision.cached)
        if decision.fault_reason:
            self._refuse(flight, now, decision.fault_reason, decision.record is not None)
            return
        flight.group = _interrupt_group(decision)
        if decision.message is None:
            flight.steps.append((now, "posted"))
            self._answered_later[id(transfer)] = flight
            return
        flight.steps.append((now + 1, "message on m_axi_"))
        self._end(flight, now + 1 - max(transfer.accepted, transfer.data_accepted))

    def _refuse(self, flight: _Flight, now: int, reason: int, recorded: bool) -> None:
        flight.group = "refused"
        flight.steps.append((now, f"refused, reason {reason:#x}" if reason else "refused without a record"))
        self._timeline.add("refusals", now)
        self.statistics.refuse(reason, recorded, flight.transfer.line)
        self._answered_later[id(flight.transfer)] = flight

    def _finished(self, transfer: Transfer) -> None:
        flight = self._answered_later.pop(id(transfer), None)
        if flight is not None:
            end = transfer.first_response
            flight.steps.append((end, "first answer on s_axi_"))
            if isinstance(flight.request, Interrupt):
                self._end(flight, end - max(transfer.accepted, transfer.data_accepted))
            else:
                self._end(flight, end - transfer.accepted - max(0, transfer.data_accepted - flight.decided))

    def _end(self, flight: _Flight, clocks: int) -> None:
        request, transfer = flight.request, flight.transfer
        group, kind = flight.group, "interrupt"
        if isinstance(request, Request):
            kind = f"DMA {transfer.access.value}"
            self.statistics.reads_per_request[flight.reads] += 1
        if group in ("hit", "pass-through") and flight.reads:
            group = f"miss, {flight.reads} read{'s' * (flight.reads > 1)}"
        elif group == "hit":
            group = "waited for others" if flight.waited else f"hit, {'write' if transfer.write else 'read'}"
        self.statistics.request(
            Slow(clocks, group, kind, transfer.source_id, transfer.address, flight.reads, transfer.line, flight.steps)
        )


def _interrupt_group(decision: InterruptDecision) -> str:
    if decision.cached is None:
        return "interrupt, as it came"
    where = "cached" if decision.cached else "read"
    if decision.posted:
        return f"interrupt, posted{' and notified' if decision.message else ''}, entry {where}"
    return f"interrupt, remapped, entry {where}"


def _both(first: Callable[..., None] | None, second: Callable[..., None]) -> Callable[..., None]:
    if first is None:
        return second

    def both(*arguments: Any) -> None:
        first(*arguments)
        second(*arguments)

    return both
