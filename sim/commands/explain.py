"""`vtd explain`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import OutputFile, write_json, write_whole
from sim.commands.shared import FILE, JSON_OPTION, input_of, load
from sim.commands.values import hexadecimal, whole
from sim.section import is_toml

if TYPE_CHECKING:
    from sim.explain import Explanation, Scene

__all__ = ["explain"]

LINE = whole(1, "a line number")

ONE_QUESTION = (
    "name one of --event, --queue, or --source-id and --address (with --write, --pasid, or --interrupt and --data "
    "where wanted); --after goes with the last two"
)


@click.command(cls=Command)
@click.argument("capture", type=FILE)
@click.option("--event", type=LINE, help="Line in the file (the header is line 1).")
@click.option("--queue", is_flag=True, help="All descriptors of the invalidation queue.")
@click.option("--source-id", help="Requester of a request of your own, such as 00:1f.2.")
@click.option("--address", type=hexadecimal(64), help="Address of that request.")
@click.option("--write", is_flag=True, help="That request is a write, not a read.")
@click.option("--pasid", type=hexadecimal(20), help="PASID of that request.")
@click.option("--interrupt", is_flag=True, help="That request is an interrupt request, to 0xfee00000..0xfeefffff.")
@click.option("--data", type=hexadecimal(32), help="Data of that interrupt request, 0 by default.")
@click.option("--after", type=LINE, help="Line after which that request comes, the last by default.")
@JSON_OPTION
@click.option("--svg", "svg_file", type=OutputFile(), help="Draw the walk into this file.")
def explain(
    capture: Path,
    event: int | None,
    queue: bool,
    source_id: str | None,
    address: int | None,
    write: bool,
    pasid: int | None,
    interrupt: bool,
    data: int | None,
    after: int | None,
    json_file: Path | None,
    svg_file: Path | None,
) -> None:
    """Explain one request, one register access or the invalidation queue, step by step.

    Name an event of CAPTURE with --event, a request of your own with --source-id and --address, or --queue. CAPTURE is
    a recording, or a TOML file of registers and memory (docs/getting-started.md).

    Exit status: 0 explained, 1 the recording says otherwise of that event, 2 bad usage or input.
    """
    from sim.explain import ExplainError

    own = source_id is not None and address is not None
    any_of_own = (source_id, address, pasid, data) != (None,) * 4 or write or interrupt
    if [event is not None, queue, own].count(True) != 1 or any_of_own != own or (event is not None and after):
        raise BadInput(ONE_QUESTION)
    if interrupt and (write or pasid is not None):
        raise BadInput("--interrupt is a write without PASID already; --write and --pasid belong to DMA")
    if data is not None and not interrupt:
        raise BadInput("--data belongs to an interrupt request; name --interrupt too")
    try:
        if event is not None:
            explanation = _event(capture, event)
        elif queue:
            explanation = _queue(capture, after)
        else:
            explanation = _own(capture, source_id or "", address or 0, write, pasid, interrupt, data or 0, after)
    except ExplainError as error:
        raise BadInput(str(error)) from None
    _show(explanation, json_file, svg_file)
    sys.exit(0 if explanation.equal else 1)


def _event(capture: Path, line: int) -> "Explanation":
    from sim.explain import explain_event

    if is_toml(capture):
        raise BadInput(f"{capture} is no recording and has no events; name --queue, or --source-id and --address")
    recording = load(capture)
    with input_of(capture):
        return explain_event(recording, line)


def _queue(capture: Path, after: int | None) -> "Explanation":
    from sim.explain import explain_queue

    return explain_queue(_scene(capture, after))


def _own(
    capture: Path,
    source_id: str,
    address: int,
    write: bool,
    pasid: int | None,
    interrupt: bool,
    data: int,
    after: int | None,
) -> "Explanation":
    from model.reference import DmaAccess, DmaRequest, InterruptRequest
    from sim.explain import explain_interrupt, explain_request, parse_source_id

    requester = parse_source_id(source_id)
    scene = _scene(capture, after)
    if interrupt:
        return explain_interrupt(scene, InterruptRequest(requester, address, data))
    access = DmaAccess.WRITE if write else DmaAccess.READ
    return explain_request(scene, DmaRequest(requester, address, access, pasid=pasid))


def _scene(capture: Path, after: int | None) -> "Scene":
    """Return the unit that is asked: after a line of a recording, or with the tables of a TOML file."""
    from sim.explain import scene_of_recording, scene_of_tables

    if is_toml(capture):
        if after is not None:
            raise BadInput(f"{capture} is no recording and has no lines; --after does not go with it")
        return scene_of_tables(capture)
    recording = load(capture)
    with input_of(capture):
        return scene_of_recording(recording, after)


def _show(explanation: "Explanation", json_file: Path | None, svg_file: Path | None) -> None:
    from rich.console import Console

    from sim.explain.text import print_explanation

    if json_file:
        write_json(json_file, explanation.to_json())
    if svg_file:
        from sim.explain.picture import picture

        write_whole(svg_file, picture(explanation).encode(), "--svg")
    print_explanation(Console(), explanation)
