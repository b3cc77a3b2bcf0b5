"""The command line: `vtd`, also `python -m sim`."""

import click

from sim.commands.acpi import acpi
from sim.commands.bench import bench
from sim.commands.explain import explain
from sim.commands.farm import farm
from sim.commands.generate import generate
from sim.commands.program import program
from sim.commands.regress import regress
from sim.commands.replay import replay
from sim.commands.size import size
from sim.commands.synth import synth

__all__ = ["main", "vtd"]


@click.group()
def vtd() -> None:
    """An open Intel VT-d remapping unit: replay, explain and measure."""


for command in (
    acpi,
    bench,
    explain,
    farm,
    generate,
    program,
    regress,
    replay,
    size,
    synth,
):
    vtd.add_command(command)


def main() -> None:
    """Run the command line."""
    vtd(prog_name="vtd")


if __name__ == "__main__":
    main()
