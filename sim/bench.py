"""What the models can do, measured: for now the DMA translations that the reference model makes in a second."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from model.reference import DmaRequest, DmaResult, Unit
from sim.recording import Recording
from sim.replay import Replayer

__all__ = ["BenchError", "Row", "reference_model_translations", "rows_to_json"]

TRANSLATIONS_PER_SECOND = 30_000
REPETITIONS = 5


class BenchError(Exception):
    """A recording on which nothing can be measured; the text is one sentence."""


@dataclass(frozen=True)
class Row:
    """One measurement. `limit` is the least `value` that meets it; both in `unit`; `method` says how it was made."""

    name: str
    value: float
    limit: float
    unit: str
    method: str

    @property
    def met(self) -> bool:
        """True when the value reaches the limit."""
        return self.value >= self.limit


def rows_to_json(rows: list[Row]) -> dict[str, Any]:
    """Return the rows as architecture 5 spells them."""
    return {"rows": [asdict(row) | {"met": row.met} for row in rows]}


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
        method=f"all {calls} DMA requests of {recording.path.name}, permitted and refused, in its replay; only the "
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
