"""`vtd synth`."""

import sys
from dataclasses import asdict
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import OutputFile, write_json, write_whole
from sim.commands.shared import CONFIG_OPTION, JSON_OPTION, configuration, progress_bar
from sim.commands.streams import table_console
from sim.commands.values import Choice, Value, whole
from sim.devices import DEFAULT_DEVICE, DEVICES, SPEED_GRADE

if TYPE_CHECKING:
    from model.arch import UnitConfig
    from sim.critical_path import Path as TimingPath
    from sim.sweep import Point
    from sim.synth import Flow, Synthesis

__all__ = ["synth"]


def _megahertz(text: str) -> float:
    if not 0 <= (number := float(text)) < inf:
        raise ValueError
    return number


@click.command(cls=Command)
@CONFIG_OPTION
@click.option(
    "--device",
    type=Choice(list(DEVICES)),
    default=DEFAULT_DEVICE,
    show_default=True,
    help=f"The FPGA, of {SPEED_GRADE}.",
)
@click.option("--seed", type=whole(0), default=1, show_default=True, help="Of placement.")
@click.option(
    "--min-mhz",
    type=Value("number", "a number of MHz, 0 or more", _megahertz),
    help="Work towards this clock instead of for the area, and fail when it is slower.",
)
@click.option("--max-lut4", type=whole(0), help="Fail when it takes more LUT4.")
@click.option(
    "--sweep", "chart_file", type=OutputFile(), help="Many sizes instead of one; draw area and clock to this SVG."
)
@JSON_OPTION
def synth(
    config_name: str,
    device: str,
    seed: int,
    min_mhz: float | None,
    max_lut4: int | None,
    chart_file: Path | None,
    json_file: Path | None,
) -> None:
    """Measure size and clock of the unit on an FPGA (Lattice ECP5), with Yosys and nextpnr.

    It takes some minutes, and seconds when nothing changed since the last time. --sweep changes the number of IOTLB
    entries (8 to 256) and of walks (1 to 16) of the configuration, one at a time; an interrupted one goes on where it
    stopped.

    Exit status: 0 done, 1 a limit was missed or the unit does not fit, 2 bad usage or input.
    """
    from sim.synth import Flow

    config = configuration(config_name)
    flow = Flow(device, seed, min_mhz or None)
    if chart_file and (min_mhz is not None or max_lut4 is not None):
        raise BadInput("--min-mhz and --max-lut4 are limits of one configuration; --sweep measures many")
    if chart_file:
        values, failed = _sweep(config, flow, chart_file)
    else:
        result = _one(config_name, config, flow)
        values, failed = result.to_json(), _missed(result, min_mhz, max_lut4)
    if json_file:
        write_json(json_file, {"config": asdict(config)} | values)
    for line in failed:
        click.echo(line)
    sys.exit(1 if failed else 0)


def _one(name: str, config: "UnitConfig", flow: "Flow") -> "Synthesis":
    """Synthesise one configuration and print it."""
    from sim.building import unit_verilog
    from sim.synth import STEPS, DoesNotFit, SynthesisError, synthesise

    try:
        with progress_bar("synth", STEPS) as progress:
            verilog = unit_verilog(config, core_port=False)
            result = synthesise(verilog, flow, progress)
    except DoesNotFit as error:
        raise click.ClickException(str(error)) from None
    except SynthesisError as error:
        raise BadInput(str(error)) from None
    _print(name, result)
    return result


def _sweep(config: "UnitConfig", flow: "Flow", chart_file: Path) -> tuple[dict[str, Any], list[str]]:
    """Synthesise all sizes, print and draw them; return their JSON, and what failed."""
    from sim.sweep import SWEEP, chart, sweep
    from sim.synth import STEPS

    with progress_bar("sweep", STEPS * sum(map(len, SWEEP.values()))) as progress:
        points = sweep(config, SWEEP, flow, progress)
    table_console().print(_points(points))
    write_whole(chart_file, chart(points), "--sweep")
    failed = [f"{point.field} {point.value}: {point.failure}" for point in points if not point.result]
    return {"points": [point.to_json() for point in points]}, failed


def _missed(result: "Synthesis", min_mhz: float | None, max_lut4: int | None) -> list[str]:
    missed = []
    if min_mhz is not None and result.fmax_mhz < min_mhz:
        given_up = "" if result.flow.target_mhz else " (the router gave them up: this is without)"
        missed.append(f"missed: {result.fmax_mhz:.2f} MHz, at least {min_mhz:g} are wanted{given_up}")
    if max_lut4 is not None and result.cells["lut4"] > max_lut4:
        missed.append(f"missed: {result.cells['lut4']} LUT4, at most {max_lut4} are wanted")
    return missed


def _print(name: str, result: "Synthesis") -> None:
    console = table_console()
    cells = result.cells
    console.print(_blocks(result))
    lines = [
        f"{name}: {cells['lut4']} LUT4, {cells['ff']} flip-flops, {cells['bram']} block RAMs, {cells['carry']} carry "
        f"cells, {cells['distributed_ram']} distributed RAMs; together {result.sites} LUT sites",
        f"clock: {result.fmax_mhz:.2f} MHz on {result.flow.device}, {SPEED_GRADE}, seed {result.flow.seed}",
    ]
    if path := result.path:
        lines.append(f"slowest path: {path.ns:.1f} ns from {path.start} to {path.end}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if path:
        console.print(_parts(path))


def _points(points: "list[Point]") -> Any:
    from rich.table import Table

    table = Table("size")
    for title in ("", "LUT4", "flip-flops", "MHz"):
        table.add_column(title, justify="right")
    for point in points:
        cells = (
            ["failed"]
            if point.result is None
            else [str(point.result.cells["lut4"]), str(point.result.cells["ff"]), f"{point.result.fmax_mhz:.1f}"]
        )
        table.add_row(point.field, str(point.value), *cells)
    return table


def _blocks(result: "Synthesis") -> Any:
    from rich.table import Table

    table = Table("block")
    for title in ("LUT4", "FF", "carry", "RAM", "depth", "ns"):
        table.add_column(title, justify="right")
    table.add_column("its slowest register")
    for block, counts in result.blocks.items():
        ns, register = result.arrivals.get(block, (None, ""))
        numbers = (counts["lut4"], counts["ff"], counts["carry"], counts["distributed_ram"] + counts["bram"])
        depth, ns_text = str(result.depths.get(block, "")), "" if ns is None else f"{ns:.1f}"
        table.add_row(block, *map(str, numbers), depth, ns_text, register.removeprefix(f"{block}."))
    return table


def _parts(path: "TimingPath") -> Any:
    from rich.table import Table

    table = Table("slowest path")
    for title in ("ns logic", "ns routing", "LUTs"):
        table.add_column(title, justify="right")
    for part in path.parts:
        table.add_row(part.block, f"{part.logic_ns:.1f}", f"{part.routing_ns:.1f}", str(part.luts))
    return table
