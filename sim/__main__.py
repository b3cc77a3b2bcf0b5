"""The command line: `vtd`, also `python -m sim`."""

import signal
from contextlib import suppress

import click
import psutil

from sim.commands.acpi import acpi
from sim.commands.bench import bench
from sim.commands.command import Group
from sim.commands.explain import explain
from sim.commands.farm import farm
from sim.commands.generate import generate
from sim.commands.program import program
from sim.commands.regress import regress
from sim.commands.replay import replay
from sim.commands.size import size
from sim.commands.streams import patient_streams
from sim.commands.synth import synth

__all__ = ["main", "vtd"]


@click.group(cls=Group)
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
    """Run the command line. On Ctrl-C, told to terminate, or when its terminal is closed, it takes its tools along and
    says so. Signals that were ignored when it was started stay so: Ctrl-C in the background, under nohup the other."""
    signal.signal(signal.SIGTERM, _terminate)
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _terminate)
    with patient_streams():
        vtd(prog_name="vtd")


def _terminate(*_: object) -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
