"""Golden model of rtl/paging_structure_cache.py: same block, same entries, same clock counts."""

from collections.abc import Callable
from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.request import Invalidation, Table

__all__ = ["Fill", "Inputs", "Outputs", "PagingStructureCache"]

# Level of a table -> page-number bits below what its entry in the level above looks at. Rule 6.3.
SHIFTS = {1: 9, 2: 18, 3: 27, 4: 36}


class Fill(NamedTuple):
    """A table to keep, of level 1 to 4, for the addresses in `domain_id` that share its prefix with `page`."""

    domain_id: int
    page: int
    table: Table


class Inputs(NamedTuple):
    """`lookup` is (domain-id, page); None when nobody looks, and then the answer means nothing.

    So is `later`, the look-up of a clock without `fill` that is answered in the next one.
    """

    lookup: tuple[int, int] | None = None
    fill: Fill | None = None
    invalidate: Invalidation | None = None
    later: tuple[int, int] | None = None


class Outputs(NamedTuple):
    """The lowest tables known for `lookup` of the same clock and `later` of the clock before, None without a hit."""

    found: Table | None = None
    later: Table | None = None


class PagingStructureCache:
    """`entries` by number; `_numbers` says which one has a level, domain-id and address prefix."""

    def __init__(self, config: UnitConfig) -> None:
        self.entries: list[Fill | None] = [None] * config.paging_structure_cache_entries
        self.victim = 0
        self._later: Table | None = None
        self._numbers: dict[tuple[int, int, int], int] = {}

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        lookup, fill, invalidate, later = inputs
        outputs = Outputs(None if lookup is None else self.find(*lookup), self._later)
        self._later = None if later is None else self.finder(invalidate)(*later)
        if invalidate and _invalidates(invalidate):
            self._invalidate(invalidate)
        elif fill is not None:
            self._keep(fill)
        return outputs

    def finder(self, command: Invalidation | None) -> Callable[[int, int], Table | None]:
        """Return the look-up that fills and invalidations share: beside a `command` for tables it finds nothing."""
        return _find_nothing if command and _invalidates(command) else self.find

    def find(self, domain_id: int, page: int) -> Table | None:
        """Return the lowest table known for an address."""
        for level, shift in SHIFTS.items():
            number = self._numbers.get((level, domain_id, page >> shift))
            if number is not None:
                entry = self.entries[number]
                assert entry is not None
                return entry.table
        return None

    def _keep(self, fill: Fill) -> None:
        tag = _tag(fill)
        number = self._numbers.get(tag)
        if number is None:
            number = self.victim
            self.victim = (number + 1) % len(self.entries)
        self._drop(number)
        self.entries[number] = fill
        self._numbers[tag] = number

    def _drop(self, number: int) -> None:
        entry = self.entries[number]
        if entry is not None:
            self.entries[number] = None
            del self._numbers[_tag(entry)]

    def _invalidate(self, command: Invalidation) -> None:
        for number, entry in enumerate(self.entries):
            if entry is not None and _is_hit(command, entry):
                self._drop(number)


def _find_nothing(domain_id: int, page: int) -> None:
    return None


def _invalidates(command: Invalidation) -> bool:
    return bool(command.iotlb_global or command.iotlb_domain or (command.iotlb_page and not command.keep_tables))


def _is_hit(command: Invalidation, entry: Fill) -> bool:
    if command.iotlb_global:
        return True
    if entry.domain_id != command.domain_id:
        return False
    if command.iotlb_domain:
        return True
    shift = SHIFTS[entry.table.level]
    return (entry.page ^ command.page) & ~command.page_mask & -1 << shift == 0


def _tag(entry: Fill) -> tuple[int, int, int]:
    shift = SHIFTS[entry.table.level]
    return entry.table.level, entry.domain_id, entry.page >> shift
