"""Golden model of rtl/context_cache.py: same block, same entries, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.request import Context, Invalidation

__all__ = ["ContextCache", "Fill", "Inputs", "Outputs"]


class Fill(NamedTuple):
    """A context-entry to keep for a source-id."""

    source_id: int
    context: Context


class Inputs(NamedTuple):
    """`lookup` is a source-id; None when nobody looks, and then the answer one clock later means nothing."""

    lookup: int | None = None
    fill: Fill | None = None
    invalidate: Invalidation | None = None


class Outputs(NamedTuple):
    """The context-entry found for the look-up one clock ago, None without a hit."""

    context: Context | None = None


NOTHING = Outputs()


class ContextCache:
    """`entries` by number; `_numbers` says which one belongs to a source-id."""

    def __init__(self, config: UnitConfig) -> None:
        self.entries: list[Fill | None] = [None] * config.context_cache_entries
        self.victim = 0
        self.matched: Context | None = None  # of the look-up one clock ago
        self.found = NOTHING  # of the look-up two clocks ago: stage 3 of the pipeline holds it
        self._numbers: dict[int, int] = {}

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        lookup, fill, invalidate = inputs
        self.found = outputs = NOTHING if self.matched is None else Outputs(self.matched)
        number = None if lookup is None else self._numbers.get(lookup)
        replaced = None
        if invalidate and _invalidates(invalidate):
            # In this clock the entries still answer, and nothing is kept.
            self.matched = self._context(number)
            self._invalidate(invalidate)
            return outputs
        if fill is not None:
            replaced = self._numbers.get(fill.source_id, self.victim)
        self.matched = None if number == replaced else self._context(number)
        if fill is not None and replaced is not None:
            self._keep(fill, replaced)
        return outputs

    def _context(self, number: int | None) -> Context | None:
        entry = None if number is None else self.entries[number]
        return None if entry is None else entry.context

    def _keep(self, fill: Fill, number: int) -> None:
        if fill.source_id not in self._numbers:
            self.victim = (number + 1) % len(self.entries)
        self._drop(number)
        self.entries[number] = fill
        self._numbers[fill.source_id] = number

    def _drop(self, number: int) -> None:
        entry = self.entries[number]
        if entry is not None:
            self.entries[number] = None
            del self._numbers[entry.source_id]

    def _invalidate(self, command: Invalidation) -> None:
        for number, entry in enumerate(self.entries):
            if entry is not None and _is_hit(command, entry):
                self._drop(number)


def _invalidates(command: Invalidation) -> int:
    return command.context_global or command.context_domain or command.context_device


def _is_hit(command: Invalidation, entry: Fill) -> bool:
    if command.context_global:
        return True
    if entry.context.domain_id != command.domain_id:
        return False
    return bool(command.context_domain) or (entry.source_id ^ command.source_id) & ~command.function_mask == 0
