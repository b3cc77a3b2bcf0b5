"""`vtd replay`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import say_written, write_json, write_whole
from sim.commands.shared import (
    CONFIG_OPTION,
    FILE,
    JSON_OPTION,
    REPORT_OPTION,
    WAVES_OPTION,
    configuration,
    input_of,
    load,
    progress_bar,
    simulation,
    simulator_option,
    write_view,
)
from sim.commands.streams import table_console
from sim.commands.values import whole

if TYPE_CHECKING:
    from model.arch import UnitConfig
    from sim.recording import Recording
    from sim.summary import Summary

__all__ = ["replay"]

PROGRESS_EVERY = 500  # events of the reference model alone, which is quick


@click.command(cls=Command)
@click.argument("capture", type=FILE)
@simulator_option("the reference model alone")
@CONFIG_OPTION
@click.option("--limit", type=whole(1), help="Stop after this many events.")
@JSON_OPTION
@REPORT_OPTION
@WAVES_OPTION
def replay(
    capture: Path,
    simulator: str,
    config_name: str,
    limit: int | None,
    json_file: Path | None,
    report_file: Path | None,
    waves: Path | None,
) -> None:
    """Replay CAPTURE and compare every answer.

    The header of CAPTURE says what software finds; --config gives the sizes that it does not see: caches, walks, bus.

    Exit status: 0 all equal, 1 something compared unequal, 2 bad usage or input.
    """
    if waves and simulator == "none":
        raise BadInput("--waves needs a simulator; --simulator must be verilator or icarus")
    from sim.tables import print_summary

    sizes = configuration(config_name)
    recording = load(capture)
    if simulator == "none":
        summary = _on_reference(recording, sizes, limit, report_file is not None)
    else:
        summary = _on_unit(recording, sizes, limit, simulator, waves, report_file is not None)
    print_summary(table_console(), recording.header, summary)
    if json_file:
        write_json(json_file, summary.to_json())
    if waves:
        write_view(waves, summary.config, simulator)
    if report_file:
        _write_report(report_file, recording, summary)
    sys.exit(0 if summary.equal else 1)


def _on_reference(recording: "Recording", sizes: "UnitConfig", limit: int | None, statistics: bool) -> "Summary":
    from sim import replay as replaying
    from sim.configuration import with_sizes

    with input_of(recording.path), progress_bar("replay", _events(recording, limit)) as progress:

        def seldom(done: int) -> None:
            if progress and done % PROGRESS_EVERY == 0:
                progress(done)

        shown = seldom if progress else None
        summary = replaying.replay(recording, limit=limit, progress=shown, statistics=statistics)
    summary.config = with_sizes(summary.config, sizes)
    return summary


def _on_unit(
    recording: "Recording",
    sizes: "UnitConfig",
    limit: int | None,
    simulator: str,
    waves: Path | None,
    statistics: bool,
) -> "Summary":
    from sim.replay_unit import replay_unit

    events = _events(recording, limit)
    with input_of(recording.path), simulation(), progress_bar("replay", events) as progress:
        return replay_unit(
            recording,
            sizes=sizes,
            simulator=simulator,
            limit=limit,
            waves=waves,
            progress=progress,
            statistics=statistics,
        )


def _events(recording: "Recording", limit: int | None) -> int:
    return min(limit or len(recording.events), len(recording.events))


def _write_report(file: Path, recording: "Recording", summary: "Summary") -> None:
    from sim.report import linked_lines, replay_page
    from sim.tables import closing

    with progress_bar("report", len(linked_lines(recording, summary))) as progress:
        page = replay_page(recording, summary, list(closing(summary)), progress)
    write_whole(file, page.encode(), "--report")
    say_written(file)
