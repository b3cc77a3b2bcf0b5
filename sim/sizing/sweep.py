"""Cache sizes, one varied at a time, and what requests then find, read and wait for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.arch import UnitConfig
from sim.sizing.caches import Caches, Counts, Hits
from sim.sizing.stream import Stream

__all__ = ["CACHES", "INTERRUPT_CACHE", "Row", "Sweep", "sweep"]

# Clocks that `vtd bench` measures: of a request that reads nothing, of one that reads memory, and of interrupts.
HIT_CLOCKS = 4
CLOCKS_PER_READ, WALK_CLOCKS = 3, 7
INTERRUPT_HIT_CLOCKS, INTERRUPT_MISS_CLOCKS = 6, 9

IOTLB, CONTEXT_CACHE, TABLES, INTERRUPT_CACHE = "iotlb", "context_cache", "paging_structure_cache", "iec"

# Name -> what it is called.
CACHES = {
    IOTLB: "IOTLB",
    CONTEXT_CACHE: "context-cache",
    TABLES: "paging-structure cache",
    INTERRUPT_CACHE: "interrupt entry cache",
}


@dataclass(frozen=True)
class Row:
    """One size of one cache: its look-ups, and reads and clocks per request: DMA, or interrupt."""

    cache: str
    entries: int
    found: Hits
    reads: float
    clocks: float

    def to_json(self) -> dict[str, Any]:
        """Return the row by name."""
        return {
            "cache": self.cache,
            "entries": self.entries,
            "lookups": self.found.lookups,
            "hits": self.found.hits,
            "hit_rate": self.found.rate,
            "reads_per_request": self.reads,
            "clocks_per_request": self.clocks,
        }


@dataclass(frozen=True)
class Sweep:
    """All rows for a stream: `fixed` are the sizes of the caches that are not varied, `latency` clocks of memory."""

    stream: Stream
    fixed: dict[str, int]
    latency: int
    rows: list[Row]

    def to_json(self) -> dict[str, Any]:
        """Return all of it but the requests."""
        stream = self.stream
        return {
            "requests": len(stream.requests),
            "refused": stream.refused,
            "interrupts": len(stream.index),
            "beside": stream.beside,
            "invalidations": len(stream.commands),
            "fixed": self.fixed,
            "latency": self.latency,
            "rows": [row.to_json() for row in self.rows],
        }


def sweep(
    stream: Stream,
    *,
    config: UnitConfig,
    entries: Mapping[str, Sequence[int]],
    latency: int,
    progress: Callable[[int], None] | None = None,
) -> Sweep:
    """Vary each cache over its numbers of `entries`, the others being as in `config`.

    Caches that the stream never looks up are left out. `progress` is called with the number of sizes done so far.
    """
    caches = Caches(stream)
    fixed = {name: getattr(config, f"{name}_entries") for name in CACHES}
    rows: list[Row] = []
    sizes = [(cache, size) for cache in CACHES for size in entries[cache]]
    for done, (cache, size) in enumerate(sizes, start=1):
        row = _row(caches, cache, size, fixed, latency)
        if row.found.lookups:
            rows.append(row)
        if progress:
            progress(done)
    return Sweep(stream, fixed, latency, rows)


def _row(caches: Caches, cache: str, entries: int, fixed: dict[str, int], latency: int) -> Row:
    if cache == INTERRUPT_CACHE:
        found = caches.interrupts(entries)
        missed = 1 - (found.rate or 0)
        clocks = INTERRUPT_HIT_CLOCKS + missed * (latency + INTERRUPT_MISS_CLOCKS - INTERRUPT_HIT_CLOCKS)
        return Row(cache, entries, found, missed, clocks)
    sizes = {name: size for name, size in fixed.items() if name != INTERRUPT_CACHE} | {cache: entries}
    counts = caches.count(**sizes)
    requests = counts.requests or 1
    return Row(cache, entries, getattr(counts, cache), counts.reads / requests, _clocks(counts, latency) / requests)


def _clocks(counts: Counts, latency: int) -> int:
    """Return the clocks of all DMA requests, one after the other: R (L + 3) + 7 for R reads."""
    walks = counts.reads * (latency + CLOCKS_PER_READ) + counts.walks * WALK_CLOCKS
    return (counts.requests - counts.walks) * HIT_CLOCKS + walks
