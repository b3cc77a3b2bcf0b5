"""What a run did over time and to its requests, as numbers that add up over runs."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

__all__ = ["CACHES", "SLOWEST_OF_GROUP", "Refusals", "Slow", "Statistics", "Timeline"]

# Cache -> row of a timeline that counts its look-ups; hits are in the row of the same name with " hits".
CACHES = {
    "context-cache": "context_cache",
    "IOTLB": "iotlb",
    "paging-structure cache": "paging_structure_cache",
    "interrupt entry cache": "interrupt_entry_cache",
}

PLACES = 128
FIRST_WIDTH = 16  # clocks
SLOWEST = 12
SLOWEST_OF_GROUP = 2


@dataclass
class Timeline:
    """Sums by name over stretches of `width` clocks; where there would be more than PLACES, two become one."""

    width: int = FIRST_WIDTH
    rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, name: str, clock: int, amount: int = 1) -> None:
        """Add to a row in a clock."""
        place = clock // self.width
        while place >= PLACES:
            self._halve()
            place = clock // self.width
        row = self.rows.setdefault(name, [])
        if place >= len(row):
            row += [0] * (place + 1 - len(row))
        row[place] += amount

    def total(self, name: str) -> int:
        """Return the sum of a row."""
        return sum(self.rows.get(name, ()))

    def merge(self, other: "Timeline") -> None:
        """Add another timeline, clock by clock; `other` may become coarser."""
        while self.width < other.width:
            self._halve()
        while other.width < self.width:
            other._halve()
        for name, row in other.rows.items():
            mine = self.rows.setdefault(name, [])
            mine += [0] * (len(row) - len(mine))
            for place, amount in enumerate(row):
                mine[place] += amount

    def _halve(self) -> None:
        self.width *= 2
        self.rows = {name: list(map(sum, _pairs(row))) for name, row in self.rows.items()}


def _pairs(row: list[int]) -> list[list[int]]:
    return [row[place : place + 2] for place in range(0, len(row), 2)]


@dataclass
class Refusals:
    """Requests refused for one reason; `line` is that of the first in a recording, 0 where there is none."""

    count: int = 0
    recorded: int = 0
    line: int = 0

    def add(self, recorded: bool, line: int) -> None:
        """Count a request in."""
        self.line = self.line or line
        self.count += 1
        self.recorded += recorded


@dataclass
class Slow:
    """A request and its way: `steps` are (clock, what happened), `run` the command of its run where there are many."""

    clocks: int
    group: str
    kind: str
    source_id: int
    address: int
    reads: int
    line: int
    steps: list[tuple[int, str]]
    run: str = ""


@dataclass
class Statistics:
    """What a run did, or several; of the reference model, which has no clocks, only what is marked *.

    Members
    -------
    clocks : of all runs
    timeline : look-ups and hits of caches, requests, refusals, interrupts, invalidations; walks summed over clocks
    walks_at_once : number of walks that read memory -> clocks
    latencies : group of requests -> clocks -> requests
    table_reads * : what was read of tables -> reads
    reads_per_request * : reads of tables -> DMA requests
    refusals * : fault reason -> Refusals; 0 is a refusal without one
    slowest : group of requests -> the slowest of it
    memory_latency : clocks of memory where it is always the same, else 0
    """

    clocks: int = 0
    runs: int = 1
    timeline: Timeline = field(default_factory=Timeline)
    walks_at_once: Counter[int] = field(default_factory=Counter)
    latencies: dict[str, Counter[int]] = field(default_factory=dict)
    table_reads: Counter[str] = field(default_factory=Counter)
    reads_per_request: Counter[int] = field(default_factory=Counter)
    refusals: dict[int, Refusals] = field(default_factory=dict)
    slowest: dict[str, list[Slow]] = field(default_factory=dict)
    memory_latency: int = 0

    def request(self, slow: Slow) -> None:
        """Count a request in by its latency."""
        self.latencies.setdefault(slow.group, Counter())[slow.clocks] += 1
        self._keep(slow.group, [slow])

    def refuse(self, reason: int, recorded: bool, line: int) -> None:
        """Count a refusal in."""
        self.refusals.setdefault(reason, Refusals()).add(recorded, line)

    def merge(self, other: "Statistics") -> None:
        """Add those of another run, clock by clock from its beginning."""
        self.clocks += other.clocks
        self.runs += other.runs
        self.timeline.merge(other.timeline)
        self.walks_at_once += other.walks_at_once
        self.table_reads += other.table_reads
        self.reads_per_request += other.reads_per_request
        for group, counts in other.latencies.items():
            self.latencies.setdefault(group, Counter()).update(counts)
        for reason, refusals in other.refusals.items():
            mine = self.refusals.setdefault(reason, Refusals(line=refusals.line))
            mine.count += refusals.count
            mine.recorded += refusals.recorded
        for group, kept in other.slowest.items():
            self._keep(group, kept)
        if self.memory_latency != other.memory_latency:
            self.memory_latency = 0

    def _keep(self, group: str, more: list[Slow]) -> None:
        kept = self.slowest.setdefault(group, [])
        if len(kept) < SLOWEST_OF_GROUP or more[0].clocks > kept[-1].clocks:
            self.slowest[group] = sorted([*kept, *more], key=_quickness)[:SLOWEST_OF_GROUP]

    @property
    def ranking(self) -> list[Slow]:
        """The slowest requests of all groups, the slowest first."""
        return sorted((slow for kept in self.slowest.values() for slow in kept), key=_quickness)[:SLOWEST]

    def hit_rate(self, cache: str) -> float | None:
        """Return the share of look-ups of one of CACHES that hit, None without look-ups."""
        lookups = self.timeline.total(CACHES[cache])
        return self.timeline.total(f"{CACHES[cache]} hits") / lookups if lookups else None

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what dataclasses.asdict spelled, which JSON has carried: its keys are text."""
        return cls(
            **{
                **values,
                "timeline": Timeline(**values["timeline"]),
                "walks_at_once": _numbers(values["walks_at_once"]),
                "latencies": {group: _numbers(counts) for group, counts in values["latencies"].items()},
                "table_reads": Counter(values["table_reads"]),
                "reads_per_request": _numbers(values["reads_per_request"]),
                "refusals": {int(reason): Refusals(**value) for reason, value in values["refusals"].items()},
                "slowest": {group: list(map(_slow, kept)) for group, kept in values["slowest"].items()},
            }
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {
            **vars(self),
            "timeline": vars(self.timeline),
            "refusals": {reason: vars(refusals) for reason, refusals in self.refusals.items()},
            "slowest": {group: list(map(vars, kept)) for group, kept in self.slowest.items()},
        }


def _numbers(counts: dict[Any, int]) -> Counter[int]:
    return Counter({int(number): count for number, count in counts.items()})


def _slow(values: dict[str, Any]) -> Slow:
    return Slow(**{**values, "steps": [(clock, text) for clock, text in values["steps"]]})


def _quickness(slow: Slow) -> int:
    return -slow.clocks
