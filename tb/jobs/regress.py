"""Constrained-random run of the unit in a simulator: outputs in lockstep, decisions against model/reference."""

from typing import Any

from tb.collector import Collector
from tb.players import Played, play_model
from tb.stimulus import Stimulus
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit

__all__ = ["run", "run_on_model"]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Play `cycles` clocks of the `seed`, and return what was compared and what happened, `statistics` where asked."""
    bench = make_bench(seed=job["seed"])
    unit = WatchedUnit(bench.config)
    stimulus = Stimulus(bench, unit, job["cycles"], job.get("profile", "mixed"))
    collector = Collector(bench, unit) if job.get("statistics") else None
    script = collector.script(stimulus.script) if collector else stimulus.script
    return _result(await player(bench, script, unit=unit), stimulus, collector)


def run_on_model(
    bench: Testbench,
    cycles: int,
    unit: WatchedUnit | None = None,
    profile: str = "mixed",
    statistics: bool = False,
) -> dict[str, Any]:
    """Do the same on model/cycle alone; `unit` stands in for it."""
    unit = unit or WatchedUnit(bench.config)
    stimulus = Stimulus(bench, unit, cycles, profile)
    collector = Collector(bench, unit) if statistics else None
    script = collector.script(stimulus.script) if collector else stimulus.script
    return _result(play_model(bench, script, unit=unit), stimulus, collector)


def _result(played: Played, stimulus: Stimulus, collector: Collector | None) -> dict[str, Any]:
    result = {"played": played.to_json(), "compared": stimulus.compared, "coverage": dict(+stimulus.coverage)}
    return result | ({"statistics": collector.statistics.to_json()} if collector else {})
