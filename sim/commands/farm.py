"""`vtd farm`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput, Interrupted
from sim.commands.outputs import OutputFile, write_json
from sim.commands.regress import PRESETS, PROFILES, SEEDS
from sim.commands.shared import CYCLES_OPTION, JSON_OPTION, configuration, progress_bar, simulation, simulator_option
from sim.commands.values import Choice, whole

if TYPE_CHECKING:
    from sim.farm import Farm
    from sim.regress import RegressionRun

__all__ = ["farm"]

COMMANDS_SHOWN = 5  # of each group


@click.command(cls=Command)
@click.option("--seeds", type=SEEDS, required=True, help="Such as 0-999, each with each configuration.")
@CYCLES_OPTION
@click.option(
    "--config",
    "config_names",
    type=click.Path(),
    multiple=True,
    help="Preset or TOML file, may be repeated; both presets.",
)
@simulator_option("the golden model alone, against the reference model")
@click.option("--profile", type=Choice(PROFILES), default="mixed", show_default=True, help="As in vtd regress.")
@click.option("--address", help="Of a Dask scheduler, tcp://HOST:PORT; without, a cluster of this machine is started.")
@click.option("--workers", type=whole(1), help="Processes of that cluster; the number of processors.")
@click.option(
    "--resume", "results_file", type=OutputFile(), help="Keep each outcome in this file, and do none in it again."
)
@JSON_OPTION
def farm(
    seeds: range,
    cycles: int,
    config_names: tuple[str, ...],
    simulator: str,
    profile: str,
    address: str | None,
    workers: int | None,
    results_file: Path | None,
    json_file: Path | None,
) -> None:
    """Spread the random runs of vtd regress over a Dask cluster, and group what fails by the first signal that differs.

    A run whose worker is lost is done by another one. Workers elsewhere need the same sources.

    Exit status: 0 all equal, 1 something compared unequal, 2 bad usage or input.
    """
    from sim.regress import RegressionRun

    if address and workers:
        raise BadInput("--workers is for a cluster of this machine; the one of --address has its own")
    configs = {name: configuration(name) for name in config_names or PRESETS}
    runs = [
        RegressionRun(seed, config, name, simulator, cycles, profile=profile)
        for seed in seeds
        for name, config in configs.items()
    ]
    found = _do(runs, address, workers, results_file)
    _print(found)
    if json_file:
        write_json(json_file, found.to_json())
    sys.exit(0 if found.regression.equal and not found.regression.missing else 1)


def _do(runs: "list[RegressionRun]", address: str | None, workers: int | None, file: Path | None) -> "Farm":
    from sim.farm import FarmError
    from sim.farm import farm as do
    from sim.simulator import require

    if runs[0].simulator != "none" and not address:
        require(runs[0].simulator)
    try:
        with simulation(), progress_bar("farm", len(runs)) as progress:
            return do(runs, address=address, workers=workers, file=file, progress=progress)
    except FarmError as error:
        raise BadInput(str(error)) from None
    except KeyboardInterrupt:
        raise Interrupted(_how_to_go_on(file)) from None


def _how_to_go_on(file: Path | None) -> str:
    if file is None:
        return "what was done is lost; with --resume FILE a farm keeps it, and the same command goes on"
    return f"what was done is in {file}; the same command, with --resume {file}, goes on"


def _print(found: "Farm") -> None:
    """Print the groups of failures, and how it ended."""
    from sim.commands.regress import closing_lines

    lines = [f"known already: {found.known} of {len(found.regression.runs)} runs"] if found.known else []
    for group in found.ordered_groups():
        earliest = group.failures[0].text
        lines += [f"{group.name}: {len(group.failures)} failed, the earliest: {earliest}", "to repeat them:"]
        lines += [f"  {failure.run.command}" for failure in group.failures[:COMMANDS_SHOWN]]
        if (more := len(group.failures) - COMMANDS_SHOWN) > 0:
            lines.append(f"  and {more} more, which --json has")
    for line in [*lines, *closing_lines(found.regression, campaign=True)]:
        click.echo(line)
