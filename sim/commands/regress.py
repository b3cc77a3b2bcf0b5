"""`vtd regress`."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import say_written, write_json, write_whole
from sim.commands.shared import (
    CYCLES_OPTION,
    JSON_OPTION,
    REPORT_OPTION,
    WAVES_OPTION,
    configuration,
    progress_bar,
    simulation,
    simulator_option,
    write_view,
)
from sim.commands.streams import table_console
from sim.commands.values import Choice, Value, whole

if TYPE_CHECKING:
    from sim.regress import Regression, RegressionRun

__all__ = ["PRESETS", "PROFILES", "SEEDS", "closing_lines", "regress"]

PRESETS = ("default", "small")
PROFILES = ("mixed", "interrupts")
MOST_SEEDS = 100_000  # of a campaign: all its runs are in memory


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if not match or not 0 <= int(match[2] or match[1]) - int(match[1]) < MOST_SEEDS:
        raise ValueError
    return range(int(match[1]), int(match[2] or match[1]) + 1)


SEEDS = Value("seeds", f"seeds such as 0-49, at most {MOST_SEEDS} of them", _seeds)


@click.command(cls=Command)
@simulator_option("the golden model alone, against the reference model")
@click.option("--seed", type=whole(0), help="Seed of one run; 1 without --seeds.")
@click.option("--seeds", type=SEEDS, help="A campaign: every seed, such as 0-49, with each configuration.")
@CYCLES_OPTION
@click.option(
    "--config",
    "config_names",
    type=click.Path(),
    multiple=True,
    help="Preset (default, small) or TOML file, may be repeated; default, and in a campaign both presets.",
)
@click.option("--random-config", is_flag=True, help="Each seed draws its own configuration, which costs a build.")
@click.option(
    "--profile",
    type=Choice(PROFILES),
    default="mixed",
    show_default=True,
    help="What devices ask for: DMA with some interrupts, or interrupts with some DMA.",
)
@click.option(
    "--jobs",
    type=whole(1),
    default=lambda: os.cpu_count() or 1,
    show_default="processors",
    help="Runs at the same time.",
)
@JSON_OPTION
@REPORT_OPTION
@WAVES_OPTION
def regress(
    simulator: str,
    seed: int | None,
    seeds: range | None,
    cycles: int,
    config_names: tuple[str, ...],
    random_config: bool,
    profile: str,
    jobs: int,
    json_file: Path | None,
    report_file: Path | None,
    waves: Path | None,
) -> None:
    """Run random tables, traffic and software, and compare every output and every decision.

    Every output of the simulated unit must be that of the golden model in every clock, and every decision one that
    the reference model makes possible at that time. A campaign that is long enough also fails when it has not met every
    fault of interrupts, every way to check a source, and every state of a posted-interrupt descriptor.

    Exit status: 0 all equal, 1 something compared unequal, 2 bad usage or input.
    """
    if seed is not None and seeds is not None:
        raise BadInput("--seed is one run and --seeds is a campaign; name one of them")
    if random_config and config_names:
        raise BadInput("--random-config draws the configuration; --config cannot name one as well")
    which = [1 if seed is None else seed] if seeds is None else list(seeds)
    names = config_names or (("default",) if seeds is None else PRESETS)
    runs = _runs(simulator, which, cycles, names, random_config, waves, profile, report_file is not None)
    if waves and (len(runs) > 1 or simulator == "none"):
        raise BadInput("--waves needs a simulator and one run: one seed and one configuration")
    regression = _do(runs, jobs)
    closing = closing_lines(regression, campaign=seeds is not None)
    _print(regression, closing)
    if json_file:
        write_json(json_file, regression.to_json())
    if waves:
        write_view(waves, runs[0].config, simulator)
    if report_file:
        from sim.report import regression_page

        write_whole(report_file, regression_page(regression, closing).encode(), "--report")
        say_written(report_file)
    sys.exit(0 if regression.equal and not (seeds is not None and regression.missing) else 1)


def _runs(
    simulator: str,
    seeds: list[int],
    cycles: int,
    names: tuple[str, ...],
    random_config: bool,
    waves: Path | None,
    profile: str,
    statistics: bool,
) -> "list[RegressionRun]":
    from sim.regress import RegressionRun

    if random_config:
        from tb.stimulus import random_config as draw

        return [RegressionRun(seed, draw(seed), None, simulator, cycles, waves, profile, statistics) for seed in seeds]
    configs = {name: configuration(name) for name in names}
    return [
        RegressionRun(seed, config, name, simulator, cycles, waves, profile, statistics)
        for seed in seeds
        for name, config in configs.items()
    ]


def _do(runs: "list[RegressionRun]", jobs: int) -> "Regression":
    from sim.regress import regress as do

    with simulation(), progress_bar("regress", sum(run.cycles for run in runs)) as progress:
        return do(runs, processes=jobs, progress=progress)


def _print(regression: "Regression", closing: list[str]) -> None:
    """Print what happened how often, what failed, and how it ended."""
    console = table_console()
    required = regression.required
    tables = {
        "what happened": {name: times for name, times in regression.coverage.items() if name not in required},
        "interrupts: what must be met": required,
    }
    for title, counts in tables.items():
        if regression.coverage and counts:
            console.print(_table(title, counts))
    lines = []
    for failure in regression.failures:
        lines += [f"failed: {failure.text}", f"to repeat it: {failure.run.command}"]
    for line in [*lines, *closing]:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(title: str, counts: dict[str, int]) -> Any:
    from rich.table import Table

    table = Table(title)
    table.add_column("times", justify="right")
    for name, count in sorted(counts.items()):
        table.add_row(name, str(count))
    return table


def closing_lines(regression: "Regression", *, campaign: bool) -> list[str]:
    """Return how it ended, and what a campaign never met."""
    never = ["never met: " + ", ".join(regression.missing)] if campaign and regression.missing else []
    return [*never, _closing(regression)]


def _closing(regression: "Regression") -> str:
    runs, counts = len(regression.runs), regression.counts
    if regression.failures:
        return f"{len(regression.failures)} of {runs} runs failed"
    if not regression.compared:
        return "nothing was compared, which proves nothing"
    what = f"{counts['requests']} requests, {counts['faults']} faults, {counts['invalidations']} invalidations"
    clocks = f"{regression.clocks} clocks"
    if regression.signals:
        clocks += f" ({regression.signals} values of outputs in lockstep)"
    return f"{runs} runs, {clocks}, {what}: all {regression.compared} decisions are as they may be"
