"""The golden model with counters for what cannot be seen from outside."""

from collections import Counter

from model.arch import UnitConfig
from model.cycle.memory_port import Returned
from model.cycle.unit import Unit
from model.cycle.walk_step import Step
from model.cycle.walker import Fills, Walker

__all__ = ["WatchedUnit"]


class WatchedUnit(Unit):
    """Counts in `coverage`, over resets."""

    def __init__(self, config: UnitConfig) -> None:
        self.coverage: Counter[str] = Counter()
        super().__init__(config)

    def reset(self) -> None:
        """Go back to the state after reset."""
        super().reset()
        self.walker = _Walker(self.config, self.coverage)


class _Walker(Walker):
    def __init__(self, config: UnitConfig, coverage: Counter[str]) -> None:
        super().__init__(config)
        self._coverage = coverage

    def take(self, returned: Returned | None, epoch: int) -> Fills:
        fills = super().take(returned, epoch)
        if self._returned is not None:
            _, slot, outcome = self._returned
            kept = "kept" if slot.epoch == epoch else "dropped for their epoch"
            self._coverage[f"context-entries to cache, {kept}"] += outcome.context is not None
            self._coverage[f"tables to cache, {kept}"] += outcome.table is not None
        return fills

    def _begin_read(self) -> None:
        walk = self._chosen_walk
        if self.starting & self._chosen_read:
            if walk.step != Step.SECOND_STAGE:
                self._coverage["walk begins at the root table"] += 1
            elif walk.top:
                self._coverage["walk begins behind a cached context-entry"] += 1
            else:
                self._coverage[f"walk begins at a cached table of level {walk.table.level}"] += 1
        super()._begin_read()
