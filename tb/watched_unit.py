"""The golden model with counters for what cannot be seen from outside."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.axi.write_path import Interrupt
from model.cycle.event_message import Message
from model.cycle.fault_recorder import Record
from model.cycle.interrupt_entry_cache import Fill
from model.cycle.interrupt_remapper import InterruptRemapper, Slot
from model.cycle.memory_port import Returned
from model.cycle.poster import Posted
from model.cycle.unit import Unit
from model.cycle.walk_step import Step
from model.cycle.walker import Fills, FindTable, Walker, find_nothing

__all__ = ["InterruptDecision", "WatchedUnit"]


class InterruptDecision(NamedTuple):
    """An interrupt request that leaves the remapper, with its message, its record, or nothing.

    `cached`: its entry was found in the cache; None when no entry was looked up. `posted`: its descriptor was updated.
    """

    request: Interrupt
    fault_reason: int
    message: Message | None
    record: Record | None
    cached: bool | None = None
    posted: bool = False


class WatchedUnit(Unit):
    """Counts in `coverage`, over resets. `on_interrupt`, when set, is called with each InterruptDecision."""

    on_interrupt: Callable[[InterruptDecision], None] | None = None

    def __init__(self, config: UnitConfig) -> None:
        self.coverage: Counter[str] = Counter()
        super().__init__(config)

    def reset(self) -> None:
        """Go back to the state after reset."""
        super().reset()
        self.walker = _Walker(self.config, self.coverage)
        self.remapper = _Remapper(self.config, self)


class _Remapper(InterruptRemapper):
    def __init__(self, config: UnitConfig, unit: WatchedUnit) -> None:
        super().__init__(config)
        self._unit = unit
        self._cached: dict[int, bool] = {}  # number of a slot -> whether its entry was found
        self._posting: int | None = None  # turn in which a descriptor is updated

    def _leave(self, message_ready: int, post_ready: int, posted: Posted | None, record_ready: int) -> None:
        turn, message, record = self._turn, self.message, self.record
        slot = self.slots[turn]
        if self.post is not None and post_ready:
            self._posting = turn
        super()._leave(message_ready, post_ready, posted, record_ready)
        if self._turn != turn and slot is not None:
            cached, is_posted, self._posting = self._cached.pop(turn, None), self._posting == turn, None
            if self._unit.on_interrupt is not None:
                reason = slot.fault_reason
                self._unit.on_interrupt(InterruptDecision(slot.request, reason, message, record, cached, is_posted))

    def _use(self, slot: Slot, irte: int | None) -> None:
        self._cached[slot.number] = irte is not None
        self._unit.coverage["interrupt entries found in the cache" if irte else "interrupt entries read"] += 1
        super()._use(slot, irte)

    def take(self, returned: Returned | None, epoch: int) -> Fill | None:
        fill = super().take(returned, epoch)
        if self._returned is not None:
            slot, result, _ = self._returned
            kept = "kept" if slot.epoch == epoch else "dropped for their epoch"
            self._unit.coverage[f"interrupt entries to cache, {kept}"] += not result.fault_reason
        return fill


class _Walker(Walker):
    def __init__(self, config: UnitConfig, coverage: Counter[str]) -> None:
        super().__init__(config)
        self._coverage = coverage

    def take(self, returned: Returned | None, epoch: int, find_table: FindTable = find_nothing) -> Fills:
        fills = super().take(returned, epoch, find_table)
        if self._returned is not None:
            _, slot, outcome = self._returned
            kept = "kept" if slot.epoch == epoch else "dropped for their epoch"
            self._coverage[f"context-entries to cache, {kept}"] += outcome.context is not None
            self._coverage[f"tables to cache, {kept}"] += outcome.table is not None
        return fills

    def _begin_read(self) -> None:
        walk = self._at(self._chosen_read.bit_length() - 1).walk
        if self.starting & self._chosen_read:
            if walk.step != Step.SECOND_STAGE:
                self._coverage["walk begins at the root table"] += 1
            elif walk.top:
                self._coverage["walk begins behind a cached context-entry"] += 1
            else:
                self._coverage[f"walk begins at a cached table of level {walk.table.level}"] += 1
        super()._begin_read()
