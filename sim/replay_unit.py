"""Replay of a recording on the simulated unit: the job of tb/jobs/replay.py, as seen from outside the simulator."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.arch import UnitConfig
from sim.configuration import with_sizes
from sim.recording import Recording
from sim.replay import config_of
from sim.simulator import run_job
from sim.summary import Summary
from tb.statistics import Statistics

__all__ = ["replay_unit"]


def replay_unit(
    recording: Recording,
    *,
    sizes: UnitConfig,
    simulator: str,
    limit: int | None = None,
    waves: Path | None = None,
    progress: Callable[[int], None] | None = None,
    statistics: bool = False,
) -> Summary:
    """Replay a recording, or its first `limit` events, on the unit in a simulator, and compare every line.

    What software finds is as the recording's header says; the rest of the configuration is that of `sizes`.
    `progress` is called with the number of events done so far. Raises ConfigError when the unit cannot be built,
    and what `run_job` raises.
    """
    config = with_sizes(config_of(recording.header), sizes)
    start = time.perf_counter()

    def report(line: dict[str, Any]) -> None:
        if progress and "events" in line:
            progress(line["events"])

    job = {"kind": "replay", "capture": str(recording.path.resolve()), "limit": limit, "statistics": statistics}
    result = run_job(job, config=config, simulator=simulator, waves=waves, on_progress=report)
    summary = Summary.from_json(result["summary"], result["differences"])
    summary.capture, summary.simulator = str(recording.path), simulator
    if statistics:
        summary.statistics = Statistics.from_json(result["statistics"])
    summary.seconds = time.perf_counter() - start
    return summary
