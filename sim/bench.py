"""What unit and models can do, measured: clocks of the RTL, and what is done in a second."""

import time
from dataclasses import dataclass
from typing import Any

from model.arch import UnitConfig
from model.arch.config import PRESETS
from model.reference import DmaRequest, DmaResult, Unit
from sim.recording import Recording
from sim.replay import Replayer
from sim.simulator import Report, run_job

__all__ = ["BenchError", "Row", "reference_model_translations", "rows_to_json", "simulation_speeds", "unit_clocks"]

TRANSLATIONS_PER_SECOND = 30_000
REPETITIONS = 5
LOCKSTEP_CLOCKS_PER_SECOND = 5_000


class BenchError(Exception):
    """A recording on which nothing can be measured; the text is one sentence."""


@dataclass(frozen=True)
class Row:
    """One measurement. `value` and `limit` are in `unit`; with `least` the value must be at least the limit, else at
    most; without a limit it is only reported. `method` says how it was made."""

    name: str
    value: float
    limit: float | None
    unit: str
    method: str
    least: bool = True

    @property
    def met(self) -> bool:
        """True when the value keeps to the limit."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.least else self.value <= self.limit


def rows_to_json(rows: list[Row]) -> dict[str, Any]:
    """Return the rows as architecture 5 spells them."""
    names = ("name", "value", "limit", "unit", "met", "method")
    return {"rows": [{name: getattr(row, name) for name in names} for row in rows]}


def unit_clocks(config: UnitConfig, simulator: str, on_progress: Report | None = None) -> list[Row]:
    """Measure the unit in lockstep on a simulator, in clocks; raises what sim.simulator.run_job does."""
    result = run_job({"kind": "bench"}, config=config, simulator=simulator, on_progress=on_progress)
    return [Row(**row) for row in result["rows"]]


def simulation_speeds(config: UnitConfig, simulator: str) -> list[Row]:
    """Measure the speed of a simulator with this configuration, in lockstep and alone."""
    result = run_job({"kind": "speed"}, config=config, simulator=simulator)
    limit = LOCKSTEP_CLOCKS_PER_SECOND if simulator == "verilator" and config == PRESETS["default"] else None
    method = f"{result['clocks']} clocks of reads and writes, mostly hits; this machine"
    return [
        Row(f"{simulator}, lockstep", round(result["lockstep"]), limit, "clocks/s", method),
        Row(f"{simulator}, the same inputs, nothing compared", round(result["bare"]), None, "clocks/s", method),
    ]


class _Stopwatch:
    """Stands before `Unit.dma`, and adds up the time spent in it."""

    def __init__(self, unit: Unit) -> None:
        self._dma = unit.dma
        self.seconds = 0.0
        self.calls = 0

    def __call__(self, request: DmaRequest) -> DmaResult:
        start = time.perf_counter()
        result = self._dma(request)
        self.seconds += time.perf_counter() - start
        self.calls += 1
        return result


def reference_model_translations(recording: Recording) -> Row:
    """Measure the reference model on every DMA request of a recording.

    Raises BenchError when the recording has no DMA request or does not replay equal: the speed of wrong answers is
    worth nothing.
    """
    passes = [_measure(recording) for _ in range(REPETITIONS)]
    calls = passes[0].calls
    best = max(stopwatch.calls / stopwatch.seconds for stopwatch in passes)
    return Row(
        name="reference model, DMA translations",
        value=round(best),
        limit=TRANSLATIONS_PER_SECOND,
        unit="translations/s",
        method=f"all {calls} DMA requests of {recording.name}, permitted and refused, in its replay; only the "
        f"time inside Unit.dma, by time.perf_counter around each call; best of {REPETITIONS} replays",
    )


def _measure(recording: Recording) -> _Stopwatch:
    replayer = Replayer(recording)
    stopwatch = _Stopwatch(replayer.unit)
    replayer.unit.dma = stopwatch  # type: ignore[method-assign]  # the replayer calls it in place of the method
    for event in recording.events:
        replayer.play(event)
    replayer.finish()
    if not stopwatch.calls:
        raise BenchError(f"{recording.path} has no DMA request to measure; name a recording with t lines")
    if replayer.summary.differences:
        raise BenchError(
            f"{recording.path} does not replay equal, so its speed means nothing; see vtd replay {recording.path}"
        )
    return stopwatch
