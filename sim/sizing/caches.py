"""The caches of the unit alone, without clocks: what requests that come one after the other find in them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from model.cycle.request import Invalidation
from sim.sizing.lookups import Lookups, contexts_covered, indices_covered, misses, pages_covered, walk
from sim.sizing.stream import NOTHING, Numbers, Stream

__all__ = ["Caches", "Counts", "Hits"]

INDICES = 1 << 16


@dataclass(frozen=True)
class Hits:
    """Look-ups of a cache, and how many found something."""

    lookups: int
    hits: int

    @property
    def rate(self) -> float | None:
        """Share of the look-ups that hit, None without any."""
        return self.hits / self.lookups if self.lookups else None


@dataclass(frozen=True)
class Counts:
    """What DMA requests do with caches of some sizes: `walks` of them read memory, `reads` times altogether.

    The IOTLB is looked up for every request that is not passed through, the context-cache matters to those that the
    IOTLB does not answer, the paging-structure cache to walks in the second stage.
    """

    requests: int
    iotlb: Hits
    context_cache: Hits
    paging_structure_cache: Hits
    walks: int
    reads: int


class Caches:
    """Counts for caches of any sizes; what some of them share is computed once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        requests = stream.requests
        self._translations = self._lookups(stream.page[requests], stream.page_kept[requests], _of_pages)
        self._passed_through = int(stream.passed_through[requests].sum())
        self._after_iotlb: dict[int, tuple[Numbers, Lookups, Lookups]] = {}

    def count(self, *, iotlb: int, context_cache: int, paging_structure_cache: int) -> Counts:
        """Return what DMA requests do with caches of so many entries."""
        stream, total = self._stream, len(self._stream.requests)
        missed, contexts, walks = self._missed(iotlb)
        unknown = missed[
            misses(contexts, context_cache, len(stream.contexts), partial(contexts_covered, stream.contexts))
        ]
        found, reads = walk(
            walks, stream.routes, paging_structure_cache, len(stream.tables), partial(pages_covered, stream.tables)
        )
        places = stream.requests[unknown]
        return Counts(
            total,
            Hits(total - self._passed_through, total - len(missed)),
            Hits(len(missed), len(missed) - len(unknown)),
            Hits(walks.total, found),
            walks.total + int((stream.route[places] == NOTHING).sum()),
            reads + int(stream.heads[places].sum()),
        )

    def interrupts(self, entries: int) -> Hits:
        """Return what interrupt requests find in an interrupt entry cache."""
        stream = self._stream
        commands = [c for c in stream.commands if _of_interrupts(c.invalidation)]
        before = np.array([c.interrupts for c in commands], dtype=np.int64)
        lookups = Lookups(stream.index, stream.index_kept, before, [c.invalidation for c in commands])
        missed = misses(lookups, entries, INDICES, indices_covered)
        return Hits(len(stream.index), len(stream.index) - len(missed))

    def _missed(self, iotlb: int) -> tuple[Numbers, Lookups, Lookups]:
        """Return the requests that an IOTLB does not answer, and what they look up of contexts and of tables."""
        if iotlb not in self._after_iotlb:
            stream = self._stream
            missed = misses(self._translations, iotlb, len(stream.pages), partial(pages_covered, stream.pages))
            places = stream.requests[missed]
            contexts = self._lookups(stream.context[places], stream.context_kept[places], _of_contexts, missed)
            in_second_stage = stream.route[places] != NOTHING
            route = stream.route[places[in_second_stage]]
            keeps = np.array([bool(tables) and tables[0] != NOTHING for tables in stream.routes], dtype=bool)
            walks = self._lookups(route, keeps[route], _of_tables, missed[in_second_stage])
            self._after_iotlb[iotlb] = missed, contexts, walks
        return self._after_iotlb[iotlb]

    def _lookups(
        self,
        wanted: Numbers,
        kept: "np.ndarray[tuple[int], np.dtype[np.bool_]]",
        concerned: Callable[[Invalidation], int],
        numbers: Numbers | None = None,
    ) -> Lookups:
        """Return look-ups by the requests `numbers`, or by all, with the commands that concern their cache."""
        commands = [c for c in self._stream.commands if concerned(c.invalidation)]
        before = np.array([c.requests for c in commands], dtype=np.int64)
        if numbers is not None:
            before = np.searchsorted(numbers, before)
        return Lookups(wanted, kept, before, [c.invalidation for c in commands])


def _of_pages(command: Invalidation) -> int:
    return command.iotlb_global or command.iotlb_domain or command.iotlb_page


def _of_tables(command: Invalidation) -> int:
    return command.iotlb_global or command.iotlb_domain or (command.iotlb_page and not command.keep_tables)


def _of_contexts(command: Invalidation) -> int:
    return command.context_global or command.context_domain or command.context_device


def _of_interrupts(command: Invalidation) -> int:
    return command.iec_global or command.iec_index
