"""Constrained-random runs of the unit: one, or a campaign of many over several processes."""

import shlex
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from model.arch import UnitConfig
from tb.statistics import Statistics

__all__ = ["Failure", "Regression", "RegressionRun", "Report", "do_run", "regress"]

Report = Callable[[int], None]

ENOUGH_CLOCKS = 300_000  # in which a campaign must meet whatever it can


@dataclass(frozen=True)
class RegressionRun:
    """One run. `config_name` is what --config names, None for a configuration drawn from the seed; `simulator` is
    "verilator", "icarus", or "none" for model/cycle alone. `statistics` asks for those of Regression."""

    seed: int
    config: UnitConfig
    config_name: str | None
    simulator: str
    cycles: int
    waves: Path | None = None
    profile: str = "mixed"
    statistics: bool = False

    @property
    def command(self) -> str:
        """The command that does the same again."""
        words = ["vtd", "regress", "--simulator", self.simulator, "--seed", str(self.seed)]
        words += ["--random-config"] if self.config_name is None else ["--config", self.config_name]
        words += ["--profile", self.profile] if self.profile != "mixed" else []
        return shlex.join([*words, "--cycles", str(self.cycles)])


class Failure(NamedTuple):
    """A run that failed, what was wrong, and the first output that differed, "" where a check failed."""

    run: RegressionRun
    text: str
    signal: str = ""


@dataclass
class Regression:
    """What came of all runs, of those that failed until they did. `ran` are the clocks of each run that ended."""

    simulator: str
    runs: list[RegressionRun]
    clocks: int = 0
    signals: int = 0  # values of outputs compared with the simulator's
    compared: int = 0  # decisions found among those that model/reference makes possible
    counts: Counter[str] = field(default_factory=Counter)  # requests, refusals, invalidations, faults
    coverage: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    ran: dict[RegressionRun, int] = field(default_factory=dict)
    seconds: float = 0.0
    statistics: Statistics | None = None

    @property
    def equal(self) -> bool:
        """True when something was compared and nothing was wrong."""
        return self.compared > 0 and not self.failures

    @property
    def required(self) -> dict[str, int]:
        """How often each thing was counted that interrupts in these configurations can do."""
        from tb.interrupt_checker import required_rows

        names = [name for config in {run.config for run in self.runs} for name in required_rows(config)]
        return {name: self.coverage[name] for name in dict.fromkeys(names)}

    @property
    def missing(self) -> list[str]:
        """What `required` was never met, though there was time enough for it."""
        if self.clocks < ENOUGH_CLOCKS or self.failures:
            return []
        return [name for name, count in self.required.items() if not count]

    def add(self, run: RegressionRun, result: dict[str, Any]) -> None:
        """Count a run in."""
        played = Counter(result["played"])
        clocks, signals = played.pop("clocks"), played.pop("signals")
        self.ran[run] = clocks
        self.clocks += clocks
        self.signals += clocks * signals
        self.compared += result["compared"]
        self.counts += played
        self.coverage += Counter(result["coverage"])
        if run.statistics:
            statistics = Statistics.from_json(result["statistics"])
            for slow in (slow for kept in statistics.slowest.values() for slow in kept):
                slow.run = run.command
            if self.statistics is None:
                self.statistics = statistics
            else:
                self.statistics.merge(statistics)

    def fail(self, failure: Failure, result: dict[str, Any] | None) -> None:
        """Count a run in that failed, with the result of the clocks before where there is one."""
        self.failures.append(failure)
        if result is not None:
            self.add(failure.run, result)

    @property
    def lockstep(self) -> dict[str, int]:
        """How much was compared with a simulator's outputs, as architecture 5 spells it."""
        clocks = self.clocks if self.simulator != "none" else 0
        mismatches = sum(bool(failure.signal) for failure in self.failures)
        return {"clocks": clocks, "signals": self.signals, "mismatches": mismatches}

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as architecture 5 spells it; `runs`, `coverage` and `failures` are beside it."""
        unequal = len(self.failures)
        kind = {"seen": self.compared + unequal, "compared": self.compared + unequal, "equal": self.compared}
        return {
            "capture": None,
            "simulator": self.simulator,
            "config": asdict(self.runs[0].config) if len({run.config for run in self.runs}) == 1 else None,
            "kinds": {"t": {**kind, "unequal": unequal, "excepted": {}}},
            "clocks": self.clocks,
            "lockstep": self.lockstep,
            "seconds": self.seconds,
            "runs": [{"seed": run.seed, "config": run.config_name, "cycles": run.cycles} for run in self.runs],
            "counts": dict(self.counts),
            "coverage": dict(sorted(self.coverage.items())),
            "required": self.required,
            "missing": self.missing,
            "failures": [{"command": failure.run.command, "text": failure.text} for failure in self.failures],
        }


def regress(runs: list[RegressionRun], *, processes: int, progress: Report | None = None) -> Regression:
    """Do all runs, `processes` at a time; `progress` is called with the number of clocks done so far.

    Raises SimulatorError when a simulator cannot be built or breaks.
    """
    regression = Regression(runs[0].simulator, runs)
    start = time.perf_counter()
    clocks = dict.fromkeys(runs, 0)

    def report(run: RegressionRun, done: int) -> None:
        clocks[run] = min(done, run.cycles)
        if progress:
            progress(sum(clocks.values()))

    for run, result, failure in _results(runs, processes, report):
        if failure is None:
            regression.add(run, result)
        else:
            regression.fail(failure, result)
    regression.seconds = time.perf_counter() - start
    return regression


def _results(
    runs: list[RegressionRun], processes: int, report: Callable[[RegressionRun, int], None]
) -> list[tuple[RegressionRun, Any, Failure | None]]:
    """Return for each run, as they end, its result, and why it failed."""
    # A simulator is a process of its own; the model alone needs one here.
    alone = runs[0].simulator == "none"
    if alone and len(runs) == 1:
        return [_outcome(runs[0], lambda: do_run(runs[0]))]  # in no thread, for which Ctrl-C would have to wait
    pool: ProcessPoolExecutor | ThreadPoolExecutor
    if alone:
        pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))  # threads are about: no fork
    else:
        pool = ThreadPoolExecutor(processes)
    found: list[tuple[RegressionRun, Any, Failure | None]] = []
    with pool:
        started: dict[Future[dict[str, Any]], RegressionRun] = {}
        for run in runs:
            started[pool.submit(do_run, run) if alone else pool.submit(do_run, run, report)] = run
        try:
            for future in as_completed(started):
                run = started[future]
                found.append(_outcome(run, future.result))
                report(run, run.cycles)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _outcome(run: RegressionRun, result: Callable[[], dict[str, Any]]) -> tuple[RegressionRun, Any, Failure | None]:
    from sim.simulator import JobFailed

    try:
        return run, result(), None
    except JobFailed as error:
        return run, error.result, Failure(run, str(error), error.signal)


def do_run(run: RegressionRun, report: Callable[[RegressionRun, int], None] | None = None) -> dict[str, Any]:
    """Do one run and return what tb.jobs.regress does; `report` gets the number of clocks done, of a simulator only.

    Raises JobFailed for what is wrong, with the same of the clocks before as its `result`, and SimulatorError when a
    simulator cannot be built or breaks.
    """
    if run.simulator == "none":
        return _on_model(run)
    from sim.simulator import run_job

    def on_progress(line: dict[str, Any]) -> None:
        if report:
            report(run, int(line.get("clocks", 0)))

    job: dict[str, Any] = {"kind": "regress", "seed": run.seed, "cycles": run.cycles, "profile": run.profile}
    job["statistics"] = run.statistics
    return run_job(job, config=run.config, simulator=run.simulator, waves=run.waves, on_progress=on_progress)


def _on_model(run: RegressionRun) -> dict[str, Any]:
    from sim.simulator import JobFailed
    from tb.check import CheckFailed, defect
    from tb.jobs.regress import run_on_model
    from tb.testbench import Testbench

    try:
        bench = Testbench(run.config, run.seed)
        return run_on_model(bench, run.cycles, profile=run.profile, statistics=run.statistics)
    except CheckFailed as error:
        raise JobFailed(str(error), result=error.result) from None
    except Exception as error:
        raise JobFailed(defect(error)) from None
