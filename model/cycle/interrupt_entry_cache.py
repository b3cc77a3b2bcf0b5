"""Golden model of rtl/interrupt_entry_cache.py: same block, same entries, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.request import Invalidation

__all__ = ["Fill", "Inputs", "InterruptEntryCache", "Outputs"]


class Fill(NamedTuple):
    """An interrupt remapping table entry, 128 bits as read, to keep for an index."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    irte: int


class Inputs(NamedTuple):
    """`lookup` is an index; None when nobody looks, and then the answer two clocks later means nothing."""

    lookup: int | None = None
    fill: Fill | None = None
    invalidate: Invalidation | None = None


class Outputs(NamedTuple):
    """The entry found for the look-up two clocks ago, None without a hit."""

    irte: int | None = None


NOTHING = Outputs()


class InterruptEntryCache:
    """`entries` by number; `_numbers` says which one belongs to an index."""

    def __init__(self, config: UnitConfig) -> None:
        self.entries: list[Fill | None] = [None] * config.iec_entries
        self.victim = 0
        self.matched: int | None = None  # of the look-up one clock ago
        self.found = NOTHING  # of the look-up two clocks ago
        self._numbers: dict[int, int] = {}

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        lookup, fill, invalidate = inputs
        outputs = self.found
        self.found = NOTHING if self.matched is None else Outputs(self.matched)
        number = None if lookup is None else self._numbers.get(lookup)
        replaced = None
        if invalidate and (invalidate.iec_global or invalidate.iec_index):
            # In this clock the entries still answer, and nothing is kept.
            self.matched = self._irte(number)
            self._invalidate(invalidate)
            return outputs
        if fill is not None:
            replaced = self._numbers.get(fill.index, self.victim)
        self.matched = None if number == replaced else self._irte(number)
        if fill is not None and replaced is not None:
            self._keep(fill, replaced)
        return outputs

    def _irte(self, number: int | None) -> int | None:
        entry = None if number is None else self.entries[number]
        return None if entry is None else entry.irte

    def _keep(self, fill: Fill, number: int) -> None:
        if fill.index not in self._numbers:
            self.victim = (number + 1) % len(self.entries)
        self._drop(number)
        self.entries[number] = fill
        self._numbers[fill.index] = number

    def _drop(self, number: int) -> None:
        entry = self.entries[number]
        if entry is not None:
            self.entries[number] = None
            del self._numbers[entry.index]

    def _invalidate(self, command: Invalidation) -> None:
        for number, entry in enumerate(self.entries):
            if entry is not None and (
                command.iec_global or (entry.index ^ command.interrupt_index) & ~command.interrupt_mask == 0
            ):
                self._drop(number)
