"""`vtd bench`."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import write_json
from sim.commands.shared import (
    BUNDLED,
    CONFIG_OPTION,
    FILE,
    JSON_OPTION,
    configuration,
    input_of,
    load,
    simulation,
    simulator_option,
)
from sim.commands.streams import table_console

if TYPE_CHECKING:
    from sim.bench import Row

__all__ = ["bench"]


@click.command(cls=Command)
@click.option("--recording", type=FILE, default=BUNDLED, help="For the reference model; the bundled one by default.")
@CONFIG_OPTION
@simulator_option()
@JSON_OPTION
def bench(recording: Path, config_name: str, simulator: str, json_file: Path | None) -> None:
    """Measure latencies and rates of the unit in clocks, and speeds on this machine; compare with the limits.

    Exit status: 0 all limits met, 1 one was missed, 2 bad usage or input.
    """
    from sim.bench import rows_to_json, simulation_speeds, unit_clocks
    from sim.simulator import require
    from sim.tables import print_rows

    config = configuration(config_name)
    require(simulator)
    last = _reference(recording)
    with simulation():
        rows = unit_clocks(config, simulator)
        for name in ("verilator", "icarus"):
            if name == simulator or _is_there(name):
                rows += simulation_speeds(config, name)
    rows.append(last)
    print_rows(table_console(), rows)
    if json_file:
        write_json(json_file, rows_to_json(rows))
    sys.exit(0 if all(row.met for row in rows) else 1)


def _is_there(simulator: str) -> bool:
    return simulator == "verilator" or shutil.which("iverilog") is not None


def _reference(recording: Path) -> "Row":
    from sim.bench import BenchError, reference_model_translations

    loaded = load(recording)
    try:
        with input_of(recording):
            return reference_model_translations(loaded)
    except BenchError as error:
        raise BadInput(str(error)) from None
