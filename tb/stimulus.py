"""Constrained-random runs of the whole unit: tables, traffic and software at once, in phases, with resets between."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from model.arch import ConfigError, UnitConfig
from tb.check import CheckFailed
from tb.checker import NUMBERS, Checker, numbered
from tb.history import Words
from tb.possible import World
from tb.random_interrupts import Interrupts, WantedInterrupt
from tb.random_software import Software
from tb.random_tables import Tables, hostile_memory
from tb.random_traffic import Traffic, Wanted
from tb.stalls import CHANNELS
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit

__all__ = ["PROFILES", "Stimulus", "random_config"]

# Share of interrupt requests, and of what software does to interrupts as a multiple of what is usual.
PROFILES = {"mixed": ((0.0, 0.03, 0.1, 0.3), 1.0), "interrupts": ((0.3, 0.6, 0.9, 0.98), 3.5)}

LIGHT, HEAVY = (0.0, 0.0, 0.1, 0.3), (0.0, 0.3, 0.7, 0.9)  # stalls of the channels of a port
LATENCIES = (1, 2, 3, 5, 10, 20, 40, 200)
SHORT_LATENCIES = (1, 2, 3, 5, 10)
PHASE_CLOCKS = {True: (300, 1500), False: (100, 800)}  # of one of drills, of another
STORM_PROBABILITY = 0.5  # of a phase after one of drills; every other phase is one of drills
DRAIN_CLOCKS = 100_000
RESET_PROBABILITY = 0.04  # of a phase
FORGET_CLOCKS = 64
AT_CORE = 0.2  # share of the requests that find nothing in front of them


class Stimulus:
    """One run on a bench, whose script is `script`. `unit` is the model that the bench plays on.

    `coverage` counts what happened, `compared` the comparisons with model/reference.
    """

    def __init__(self, bench: Testbench, unit: WatchedUnit, cycles: int, profile: str = "mixed") -> None:
        self._profile = PROFILES[profile]
        self._bench, self._cycles, self._rng = bench, cycles, bench.rng
        self._words = Words(hostile_memory(bench.config, bench.seed))
        self._tables = Tables(bench.config, self._words, self._rng)
        self._world = World(bench.config, self._words)
        self.coverage: Counter[str] = unit.coverage
        self._checker = Checker(bench, self._world, unit, self.coverage)
        self._interrupts = Interrupts(bench.config, self._tables, self._words, self._rng, bench.tables)
        self._checker.interrupts.changed = self._interrupts.changed
        self._traffic = Traffic(bench.config, self._tables, self._interrupts, self._rng, lambda: self._software.root)
        self._software = Software(
            bench,
            self._world,
            self._tables,
            self._interrupts,
            self.coverage,
            self._checker.is_record,
            self._traffic,
        )
        self._software.on_tables = self._checker.interrupts.tables
        self._software.interrupting = self._profile[1]
        self._checker.interrupts.messages = self._software.messages
        self._number = 0
        self._alone = [False, False]  # the newest read, write has entered at the core port
        self._limit, self._rate = 8, 0.5
        self._calm = False
        self._tables_latency = self._host_latency = self._latency(1)
        bench.tables.latency = self._latency_of_tables
        bench.host.latency = lambda: self._software.host_latency or self._host_latency()
        bench.tables.attach(self._words)  # type: ignore[arg-type]
        bench.tables.exclusive = bench.config.exclusive

    @property
    def compared(self) -> int:
        """Number of decisions found among the possible ones."""
        return self._checker.compared

    def script(self, bench: Testbench) -> Iterator[None]:
        """Play phases until the clocks are over, then wait for the end of everything."""
        self._words.now = bench.now
        software = self._software.run()
        phase_ends = 0
        while bench.now < self._cycles:
            if bench.now >= phase_ends:
                self._calm = not self._calm or self._rng.random() >= STORM_PROBABILITY
                phase_ends = bench.now + self._rng.randint(*PHASE_CLOCKS[self._calm])
                self._begin_phase()
                if self._rng.random() < RESET_PROBABILITY and self.coverage["resets"] * 4000 < bench.now:
                    yield from self._reset()
                    software = self._software.run()
            self._tick()
            next(software)
            yield
        yield from self._drain(software)
        if not self.compared:
            raise CheckFailed(f"clock {bench.now}: nothing was compared")

    def _tick(self) -> None:
        """What happens in every clock: time goes on, devices may ask."""
        bench = self._bench
        self._words.now = bench.now
        if bench.now % FORGET_CLOCKS == 0:
            self._software.look()
            self._world.forget(self._checker.oldest)
        self._traffic.tick(bench.now)
        self._interrupts.tick(bench.now)
        self._software.watch()
        if self._software.alone:
            for _ in range(len(self._traffic.next)):
                self._ask(self._traffic.next.popleft())
            return
        while bench.device.outstanding < self._limit and self._rng.random() < self._rate:
            first = self._traffic.next and self._rng.random() < 0.8
            self._ask(self._traffic.next.popleft() if first else None)

    def _ask(self, wanted: Wanted | WantedInterrupt | None) -> None:
        self._number = (self._number + 1) % NUMBERS
        if not self._checker.is_free(self._number):
            return
        transfer = self._traffic.transfer(*numbered(self._number), wanted)
        undecided = self._checker.undecided[transfer.write]
        if self._alone[transfer.write] and undecided:
            if wanted is not None:
                self._traffic.next.appendleft(wanted)
            return
        # What enters by another port has no order with what is in front of it on the bus: it goes alone.
        may_enter = not undecided and not isinstance(wanted, WantedInterrupt)
        self._alone[transfer.write] = may_enter and self._rng.random() < AT_CORE
        if self._alone[transfer.write]:
            self._traffic.at_core(transfer)
        self._checker.submit(transfer)

    def _drain(self, software: Iterator[None]) -> Iterator[None]:
        """No more requests, no back-pressure; software ends what it does and waits for what it asked for."""
        bench = self._bench
        for driver in (bench.device, bench.software, bench.host, bench.tables):
            driver.stall = 0.0
        self._host_latency = self._tables_latency = self._latency(1)
        last = bench.now + DRAIN_CLOCKS
        self._software.stopping = True
        ended = False
        while bench.device.outstanding or not ended or not self._checker.interrupts.idle:
            self._words.now = bench.now
            if not ended:
                ended = next(software, self) is self  # `self` stands for the end
            if bench.now > last:
                raise CheckFailed(f"clock {bench.now}: {bench.device.outstanding} requests are never answered")
            yield

    def _reset(self) -> Iterator[None]:
        """Reset the unit, with all that is under way cut off."""
        bench = self._bench
        self.coverage["resets"] += 1
        bench.note("reset")
        bench.reset = 1
        for _ in range(self._rng.choice((2, 3, 10))):
            yield
            self._words.now = bench.now
        bench.reset = 0
        self._checker.was_reset()
        self._software.was_reset()
        self._interrupts.was_reset()

    def _begin_phase(self) -> None:
        """Draw all knobs anew."""
        rng, bench, traffic = self._rng, self._bench, self._traffic
        bench.software.stall = rng.choice((0.0, 0.0, 0.3))
        for driver in (bench.device, bench.host, bench.tables):
            stalls = rng.choice((LIGHT, LIGHT, LIGHT, HEAVY))
            driver.stall = {channel: rng.choice(stalls) for channel in CHANNELS} if rng.random() < 0.5 else 0.0
        self._host_latency = self._latency(rng.choice(LATENCIES))
        self._tables_latency = self._latency(rng.choice(LATENCIES))
        for memory in (bench.host, bench.tables):
            memory.order = rng.choice(("fastest", "random", "accepted"))
            memory.interleave = rng.random() < 0.3
        bench.device.skew = rng.choice((None, lambda: rng.randint(-5, 5)))
        bench.software.overlap = False
        self._limit = rng.choice((2, 8, 16, 40, 80, 150))
        self._rate = rng.choice((0.1, 0.5, 0.8, 0.8))
        self._software.pace = rng.choice((0, 0, 20, 60, 200))
        traffic.hot, traffic.odd = rng.choice((0.3, 0.8, 0.95)), rng.choice((0.01, 0.03, 0.3))
        traffic.draw_working_set(rng.choice((2, 4, 8, 16)))
        traffic.writes, traffic.long = rng.choice((0.0, 0.2, 0.5, 0.5, 1.0)), rng.choice((0.0, 0.0, 0.0, 0.03))
        traffic.ids = rng.choice((1, 1 << bench.config.id_bits, 1 << bench.config.id_bits))
        traffic.interrupts = rng.choice(self._profile[0])
        self._interrupts.activity = rng.choice((0.0, 0.01, 0.05, 0.2))
        self._software.drilling = 0.1
        if self._calm:
            self._calm_down()
        bench.note("phase")

    def _calm_down(self) -> None:
        """Make this phase one of drills: software does many things to few pages, since all else answers soon."""
        rng, bench = self._rng, self._bench
        stall = rng.choice((0.0, 0.0, 0.1))
        bench.software.stall = bench.device.stall = bench.host.stall = bench.tables.stall = stall
        self._host_latency, self._tables_latency = (self._latency(rng.choice(SHORT_LATENCIES)) for _ in range(2))
        self._limit, self._software.pace, self._software.drilling = rng.choice((1, 2, 4)), 0, 0.85

    def _latency(self, longest: int) -> Callable[[], int]:
        rng = self._rng
        shortest = longest if rng.random() < 0.3 else 1
        return lambda: rng.randint(shortest, longest)

    def _latency_of_tables(self) -> int:
        """Return the latency of the read that was just accepted: software may want it to take long."""
        delay, self._software.delay = self._software.delay, 0
        return delay or self._tables_latency()


def random_config(seed: int) -> UnitConfig:
    """Return a legal configuration of legacy mode, drawn at random."""
    rng = random.Random(f"config {seed}")
    while True:
        try:
            return UnitConfig(**_random_fields(rng))
        except ConfigError:
            continue


def _random_fields(rng: random.Random) -> dict[str, Any]:
    def flag() -> bool:
        return rng.random() < 0.5

    haw = rng.choice((32, 36, 39, 46, 48, 52))
    qi = rng.random() < 0.8
    ir = qi and rng.random() < 0.7
    eim = ir and flag()
    return {
        "version_major": rng.randint(2, 5),
        "haw": haw,
        "nd": rng.randint(0, 6),
        "plmr": flag(),
        "phmr": flag(),
        "sagaw": rng.choice(((39,), (48,), (57,), (39, 48), (39, 57), (48, 57), (39, 48, 57))),
        "mgaw": rng.choice((haw, 48, 57, 64)),
        "zlr": flag(),
        "sslps": rng.choice(((), (21,), (21, 30))),
        "psi": flag(),
        "nfr": rng.choice((1, 2, 8, 16)),
        "mamv": rng.choice((0, 9, 18, 63)),
        "pi": ir and flag(),
        "esirtps": flag(),
        "esrtps": flag(),
        "c": flag(),
        "qi": qi,
        "ir": ir,
        "eim": eim,
        "eimer": eim and rng.random() < 0.3,
        "irreq": ir and rng.random() < 0.3,
        "mhmv": rng.choice((0, 3, 15)),
        "pt": flag(),
        "sc": flag(),
        "adms": flag(),
        "iotlb_entries": rng.choice((2, 3, 8, 16, 64)),
        "context_cache_entries": rng.choice((2, 3, 4, 16)),
        "paging_structure_cache_entries": rng.choice((2, 5, 8, 32)),
        "iec_entries": rng.choice((2, 8, 32)),
        "interrupts": rng.choice((4, 8, 16)),
        "exclusive": rng.random() < 0.7,
        "walks": rng.choice((1, 2, 5, 8)),
        "parked": rng.choice((4, 5, 8)),
        "id_bits": rng.choice((1, 2, 4, 6)),
        "data_bits": rng.choice((32, 64, 128)),
        "collapse_faults": flag(),
        "protected_memory_shift": rng.choice((12, 20, 21, 24)),
    }
