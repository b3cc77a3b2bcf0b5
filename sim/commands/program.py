"""`vtd program`."""

import sys
from pathlib import Path

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.shared import (
    CONFIG_OPTION,
    FILE,
    WAVES_OPTION,
    configuration,
    simulation,
    simulator_option,
    write_view,
)
from sim.commands.values import whole

__all__ = ["program"]


@click.command(cls=Command)
@click.argument("source", type=FILE)
@simulator_option()
@CONFIG_OPTION
@click.option(
    "--cycles",
    type=whole(1),
    default=1_000_000,
    show_default=True,
    help="Clocks after which a program that has not ended is given up.",
)
@WAVES_OPTION
def program(source: Path, simulator: str, config_name: str, cycles: int, waves: Path | None) -> None:
    """Compile SOURCE, a program in C, and run it on the unit in simulation.

    It includes vtd_unit.h, the registers of the configured unit, and platform.h, the machine around it: host memory,
    devices, messages of interrupts. Every output of the unit is compared with the golden model in every clock.

    Exit status: 0 when main returns 0, 1 when it does not or does not end, or the outputs differ, 2 bad usage, input or
    program.
    """
    from sim.program import CompileError, run_program

    config = configuration(config_name)
    if not source.is_file():
        what = "a folder" if source.is_dir() else "not a file" if source.exists() else "no such file"
        raise BadInput(f"{source}: {what}; a program in C must be there")
    try:
        with simulation():
            run = run_program(source, config=config, simulator=simulator, clocks=cycles, on_line=_print, waves=waves)
    except CompileError as error:
        raise BadInput(str(error), error.details) from None
    finally:
        if waves and waves.exists():
            write_view(waves, config, simulator)
    click.echo(f"{simulator}: all {run.signals} outputs equal model/cycle in {run.clocks} clocks")
    click.echo(f"main returned {run.status}")
    sys.exit(0 if run.status == 0 else 1)


def _print(clock: int, text: str) -> None:
    click.echo(f"{clock:>8}  {text}")
