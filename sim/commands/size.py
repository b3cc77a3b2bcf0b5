"""`vtd size`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import OutputFile, write_json, write_whole
from sim.commands.shared import CONFIG_OPTION, FILE, JSON_OPTION, configuration, input_of, load, progress_bar
from sim.commands.streams import table_console
from sim.commands.values import Value, whole
from sim.section import DescriptionError, is_toml, read_toml

if TYPE_CHECKING:
    from sim.sizing.stream import Stream

__all__ = ["size"]

PROGRESS_EVERY = 500  # events
LEAST_ENTRIES, MOST_ENTRIES = 2, 256  # that a unit can be built with


def _entries(text: str) -> tuple[int, ...]:
    numbers = {int(part) for part in text.split(",")}
    if not all(LEAST_ENTRIES <= number <= MOST_ENTRIES for number in numbers):
        raise ValueError
    return tuple(sorted(numbers))


ENTRIES = Value("numbers", f"numbers of {LEAST_ENTRIES} to {MOST_ENTRIES} such as 8,16,32", _entries)


@click.command(cls=Command)
@click.argument("capture", type=FILE, metavar="CAPTURE|STREAM.toml")
@CONFIG_OPTION
@click.option("--iotlb", type=ENTRIES, default="8,16,32,64,128,256", show_default=True, help="Entries of the IOTLB.")
@click.option(
    "--context-cache", type=ENTRIES, default="2,4,8,16,32", show_default=True, help="Entries of the context-cache."
)
@click.option(
    "--paging-structure-cache",
    type=ENTRIES,
    default="2,4,8,16,32,64",
    show_default=True,
    help="Entries of the paging-structure cache.",
)
@click.option(
    "--iec", type=ENTRIES, default="2,4,8,16,32,64", show_default=True, help="Entries of the interrupt entry cache."
)
@click.option("--latency", type=whole(1), default=50, show_default=True, help="Clocks of a memory read.")
@click.option("--limit", type=whole(1), help="Stop after this many events, or requests of STREAM.toml.")
@JSON_OPTION
@click.option("--chart", "chart_file", type=OutputFile(), help="Write a picture (SVG) to this file too.")
def size(
    capture: Path,
    config_name: str,
    latency: int,
    limit: int | None,
    json_file: Path | None,
    chart_file: Path | None,
    **entries: tuple[int, ...],
) -> None:
    """Say what caches of other sizes would do with the same requests, without simulation.

    CAPTURE is a recording; STREAM.toml describes requests to make up, such as sim/data/stream.toml. One cache is varied
    at a time, the others have the sizes of --config.

    Exit status: 0 well, 2 bad usage or input.
    """
    from sim.sizing.report import chart, print_sweep
    from sim.sizing.sweep import sweep

    config = configuration(config_name)
    stream = _described(capture, limit) if is_toml(capture) else _recorded(capture, limit)
    if not len(stream.requests) + len(stream.index):
        raise BadInput(f"{capture}: no request needs a cache; there must be one that is translated or remapped")
    with progress_bar("sizes", sum(map(len, entries.values()))) as progress:
        result = sweep(stream, config=config, entries=entries, latency=latency, progress=progress)
    print_sweep(table_console(), result)
    if json_file:
        write_json(json_file, {"source": str(capture), **result.to_json()})
    if chart_file:
        write_whole(chart_file, chart(result), "--chart")
    sys.exit(0)


def _recorded(path: Path, limit: int | None) -> "Stream":
    from sim.sizing.recorded import recorded_stream

    recording = load(path)
    events = len(recording.events)
    with input_of(path), progress_bar("recording", min(limit or events, events)) as progress:

        def seldom(done: int) -> None:
            if progress and done % PROGRESS_EVERY == 0:
                progress(done)

        return recorded_stream(recording, limit, seldom if progress else None)


def _described(path: Path, limit: int | None) -> "Stream":
    from sim.sizing.description import description_of
    from sim.sizing.synthetic import synthetic_stream

    values = read_toml(path, "a description (TOML) or a recording must be there", BadInput)
    try:
        return synthetic_stream(description_of(values, limit))
    except DescriptionError as error:
        raise BadInput(f"{path}: {error}") from None
