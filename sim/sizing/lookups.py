"""Look-ups in a cache whose entries are replaced in turn, in use or not, and read of memory by walks.

Replacement, filling and invalidation are those of model/cycle. A missing entry is filled when it may be kept; an
invalidation frees entries and does not change whose turn it is. So an entry stays until as many others have been
filled after it as the cache has, or until it is invalidated.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from model.cycle.request import Invalidation
from sim.sizing.stream import Numbers, PageTag

__all__ = ["Covered", "Lookups", "contexts_covered", "indices_covered", "misses", "pages_covered", "walk"]

NEVER = -1 << 62  # when an entry was filled that is not there

# Which of some entries an invalidation frees.
Covered = Callable[[Invalidation, list[int]], Iterable[int]]


class Lookups:
    """Look-ups in their order, without those that hit in a cache of any size.

    A look-up hits for certain when the one before it was for the same entry, which it found or kept. `total` counts all
    of them, `numbers` says which are left, `wanted` for which entry, `kept` whether a miss fills it. `cuts` are the
    invalidations, with the number of the look-ups left that come before each.
    """

    def __init__(self, wanted: Numbers, kept: NDArray[np.bool_], before: Numbers, commands: list[Invalidation]) -> None:
        """`before`: how many look-ups come before each command."""
        left = np.ones(len(wanted), dtype=bool)
        left[1:] = (wanted[1:] != wanted[:-1]) | ~kept[:-1]
        left[before[before < len(wanted)]] = True
        self.total = len(wanted)
        self.numbers = np.flatnonzero(left)
        self.wanted: list[int] = wanted[left].tolist()
        self.kept: list[bool] = kept[left].tolist()
        self.cuts = list(zip(np.searchsorted(self.numbers, before).tolist(), commands, strict=True))

    def pieces(self) -> Iterable[tuple[int, int, Invalidation | None]]:
        """Yield first and last look-up (the last not included) of each piece, and the command after it."""
        begin = 0
        for end, command in self.cuts:
            yield begin, end, command
            begin = end
        yield begin, len(self.wanted), None


def misses(lookups: Lookups, entries: int, known: int, covered: Covered) -> Numbers:
    """Return the numbers of the look-ups that miss in a cache of so many entries, of `known` that there are."""
    last = [NEVER] * (known + 1)  # by entry, the fill that made it; at the end for look-ups of NOTHING
    filled: list[int] = []
    missed: list[int] = []
    wanted, kept = lookups.wanted, lookups.kept
    for begin, end, command in lookups.pieces():
        for at in range(begin, end):
            entry = wanted[at]
            if last[entry] < len(filled) - entries:
                missed.append(at)
                if kept[at]:
                    last[entry] = len(filled)
                    filled.append(entry)
        if command is not None:
            for entry in covered(command, filled[-entries:]):
                last[entry] = NEVER
    return lookups.numbers[missed]


def walk(
    lookups: Lookups, routes: Sequence[tuple[int, ...]], entries: int, known: int, covered: Covered
) -> tuple[int, int]:
    """Return how many walks begin at a known table, and how many second-stage entries all walks read.

    `lookups` are for routes: a walk begins at the lowest table that is known, and keeps all those below.
    """
    last = [NEVER] * (known + 1)
    filled: list[int] = []
    missed = 0
    reads = lookups.total - len(lookups.wanted)  # who hits for certain has the lowest table, and reads its entry
    for begin, end, command in lookups.pieces():
        for route in map(routes.__getitem__, lookups.wanted[begin:end]):
            oldest = len(filled) - entries
            below = 0
            for entry in route:
                if last[entry] >= oldest:
                    break
                below += 1
            else:
                missed += 1
            reads += below + 1
            for entry in reversed(route[:below]):
                if entry >= 0:
                    last[entry] = len(filled)
                    filled.append(entry)
        if command is not None:
            for entry in covered(command, filled[-entries:]):
                last[entry] = NEVER
    return lookups.total - missed, reads


def pages_covered(tags: list[PageTag], command: Invalidation, entries: list[int]) -> list[int]:
    """Return those of some pages or tables that an IOTLB invalidation frees."""
    if command.iotlb_global:
        return entries
    domain_id, page, counts = command.domain_id, command.page, ~command.page_mask
    if command.iotlb_domain:
        return [entry for entry in entries if tags[entry][0] == domain_id]
    return [
        entry
        for entry in entries
        if tags[entry][0] == domain_id and not (tags[entry][1] ^ page) >> tags[entry][2] << tags[entry][2] & counts
    ]


def contexts_covered(tags: list[tuple[int, int]], command: Invalidation, entries: list[int]) -> list[int]:
    """Return those of some context-entries, (domain-id, source-id), that a context-cache invalidation frees."""
    if command.context_global:
        return entries
    domain_id, source_id = command.domain_id, command.source_id
    counts = 0 if command.context_domain else ~command.function_mask
    return [entry for entry in entries if tags[entry][0] == domain_id and not (tags[entry][1] ^ source_id) & counts]


def indices_covered(command: Invalidation, entries: list[int]) -> list[int]:
    """Return those of some interrupt entries, which are numbered by their index, that an invalidation frees."""
    if command.iec_global:
        return entries
    index, counts = command.interrupt_index, ~command.interrupt_mask
    return [entry for entry in entries if not (entry ^ index) & counts]
