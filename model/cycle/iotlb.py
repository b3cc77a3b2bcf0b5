"""Golden model of rtl/iotlb.py: same block, same entries, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.request import Invalidation, Translation

__all__ = ["Fill", "Inputs", "Iotlb", "Outputs"]

# Level of a page -> page-number bits that do not count. Rule 6.3.
SHIFTS = {1: 0, 2: 9, 3: 18}


class Fill(NamedTuple):
    """A translation to keep, of `page` for `source_id`; `translation.level` is 1 to 3."""

    source_id: int
    page: int
    translation: Translation


class Inputs(NamedTuple):
    """`lookup` is (source-id, page); None when nobody looks, and then the answer one clock later means nothing."""

    lookup: tuple[int, int] | None = None
    fill: Fill | None = None
    invalidate: Invalidation | None = None


class Outputs(NamedTuple):
    """The translation found for the look-up one clock ago, None without a hit."""

    translation: Translation | None = None


NOTHING = Outputs()


class Iotlb:
    """`entries` by number; `_index` finds them by shift, source-id and page: a bit for each entry that has these."""

    def __init__(self, config: UnitConfig) -> None:
        self.entries: list[Fill | None] = [None] * config.iotlb_entries
        self.victim = 0
        self.matched: Translation | None = None  # of the look-up one clock ago
        self.found = NOTHING  # of the look-up two clocks ago: stage 3 of the pipeline holds it
        self._index: dict[tuple[int, int, int], int] = {}

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        lookup, fill, invalidate = inputs
        self.found = outputs = NOTHING if self.matched is None else Outputs(self.matched)
        filling = fill is not None and not (invalidate and _invalidates(invalidate))
        self.matched = None if lookup is None else self._match(*lookup, 1 << self.victim if filling else 0)
        if filling:
            assert fill is not None
            self._keep(fill)
        elif invalidate:
            self._invalidate(invalidate)
        return outputs

    def _match(self, source_id: int, page: int, replaced: int) -> Translation | None:
        """Find the lowest matching entry that is not replaced in this clock."""
        find = self._index.get
        matches = find((0, source_id, page), 0) | find((9, source_id, page >> 9), 0)
        matches = (matches | find((18, source_id, page >> 18), 0)) & ~replaced
        if not matches:
            return None
        entry = self.entries[(matches & -matches).bit_length() - 1]
        assert entry is not None
        return entry.translation

    def _keep(self, fill: Fill) -> None:
        number = self.victim
        self._drop(number)
        self.entries[number] = fill
        tag = _tag(fill)
        self._index[tag] = self._index.get(tag, 0) | 1 << number
        self.victim = (number + 1) % len(self.entries)

    def _drop(self, number: int) -> None:
        entry = self.entries[number]
        if entry is not None:
            self.entries[number] = None
            tag = _tag(entry)
            self._index[tag] &= ~(1 << number)
            if not self._index[tag]:
                del self._index[tag]

    def _invalidate(self, command: Invalidation) -> None:
        if command.iotlb_global:
            self.entries = [None] * len(self.entries)
            self._index.clear()
        elif command.iotlb_domain or command.iotlb_page:
            for number, entry in enumerate(self.entries):
                if entry is not None and entry.translation.domain_id == command.domain_id and _asked(command, entry):
                    self._drop(number)


def _invalidates(command: Invalidation) -> int:
    return command.iotlb_global or command.iotlb_domain or command.iotlb_page


def _asked(command: Invalidation, entry: Fill) -> bool:
    """Say whether an entry of the domain has a byte in common with what the command names."""
    if command.iotlb_domain:
        return True
    return (entry.page ^ command.page) >> SHIFTS[entry.translation.level] << SHIFTS[
        entry.translation.level
    ] & ~command.page_mask == 0


def _tag(entry: Fill) -> tuple[int, int, int]:
    shift = SHIFTS[entry.translation.level]
    return shift, entry.source_id, entry.page >> shift
