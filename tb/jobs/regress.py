"""Constrained-random run of the unit in a simulator: outputs in lockstep, decisions against model/reference."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tb.check import CheckFailed
from tb.collector import Collector
from tb.players import Mismatch, play_model, played_until_now
from tb.signals import Signals
from tb.stimulus import Stimulus
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit

__all__ = ["run", "run_on_model"]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Play `cycles` clocks of the `seed`, and return what was compared and what happened, `statistics` where asked.

    CheckFailed and Mismatch have the same of the clocks before as their `result`.
    """
    bench = make_bench(seed=job["seed"])
    signals = len(Signals(bench.config).outputs)
    unit = WatchedUnit(bench.config)
    one = _Run(bench, unit, job["cycles"], job.get("profile", "mixed"), job.get("statistics", False), signals)
    with one.kept_on_failure():
        await player(bench, one.script, unit=unit)
    return one.result()


def run_on_model(
    bench: Testbench,
    cycles: int,
    unit: WatchedUnit | None = None,
    profile: str = "mixed",
    statistics: bool = False,
) -> dict[str, Any]:
    """Do the same on model/cycle alone; `unit` stands in for it."""
    unit = unit or WatchedUnit(bench.config)
    one = _Run(bench, unit, cycles, profile, statistics, signals=0)
    with one.kept_on_failure():
        play_model(bench, one.script, unit=unit)
    return one.result()


class _Run:
    """A run whose script is `script`; `signals` is the number of outputs that are compared in each clock."""

    def __init__(
        self, bench: Testbench, unit: WatchedUnit, cycles: int, profile: str, statistics: bool, signals: int
    ) -> None:
        self._bench, self._unit, self._signals = bench, unit, signals
        self._stimulus = Stimulus(bench, unit, cycles, profile)
        self._collector = Collector(bench, unit) if statistics else None
        self.script = self._collector.script(self._stimulus.script) if self._collector else self._stimulus.script

    def result(self) -> dict[str, Any]:
        """Return what was compared and what happened until now."""
        played = played_until_now(self._bench, self._unit, signals=self._signals)
        stimulus, collector = self._stimulus, self._collector
        result = {"played": played.to_json(), "compared": stimulus.compared, "coverage": dict(+stimulus.coverage)}
        return result | ({"statistics": collector.to_json()} if collector else {})

    @contextmanager
    def kept_on_failure(self) -> Iterator[None]:
        """Give the result until then to what ends the run, and to its text what happened last."""
        try:
            yield
        except (CheckFailed, Mismatch) as error:
            error.result = self.result()
            if isinstance(error, CheckFailed):  # a mismatch has them
                error.args = ("\n".join([str(error), *self._bench.recent()]),)
            raise
