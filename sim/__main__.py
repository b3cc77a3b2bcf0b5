"""The command line: `vtd`, also `python -m sim`."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

__all__ = ["main", "vtd"]

BUNDLED = Path(__file__).parent / "data" / "bundled.jsonl.gz"
PROGRESS_EVERY = 500

EITHER_EVENT_OR_REQUEST = (
    "name either --event, or --source-id and --address (with --write, --pasid and --after where wanted)"
)

FILE = click.Path(path_type=Path)


class BadInput(click.ClickException):
    """Bad input: one sentence on stderr, exit status 2."""

    exit_code = 2


class Hexadecimal(click.ParamType[int]):
    """A number of `bits` bits, written with 0x or in decimal."""

    name = "number"

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value, 0)
        except ValueError:
            number = -1
        if not 0 <= number < 1 << self._bits:
            self.fail(f"{value!r} must be a number of at most {self._bits} bits such as 0x1000", param, ctx)
        return number


@contextmanager
def _input_of(path: Path) -> Iterator[None]:
    """Turn what can be wrong with a recording into one sentence."""
    from model.arch import ConfigError
    from sim.recording import RecordingError

    try:
        yield
    except RecordingError as error:
        raise BadInput(str(error)) from None
    except ConfigError as error:
        raise BadInput(f"{path}, line 1 (header): {error}") from None


def _load(path: Path) -> Any:
    from sim.recording import load_recording

    try:
        with _input_of(path):
            return load_recording(path)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        raise BadInput(f"{path}: {reason}; a recording (vtd-trace, gzip) must be there") from None


def _write_json(path: Path, values: dict[str, Any]) -> None:
    """Write whole or not at all: a file beside the target takes its place when it is complete."""
    text = json.dumps(values, indent=2) + "\n"
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():
            target.write_text(text)  # a device or pipe cannot be replaced
            return
        try:
            temporary.write_text(text)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise BadInput(f"{path}: {reason}; --json must name a file that can be written") from None


def _on_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None] | None]:
    """Show progress on a terminal, nothing in a pipe."""
    if not _on_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("replay", total=total)

        def show(done: int) -> None:
            if done % PROGRESS_EVERY == 0:
                progress.update(task, completed=done)

        yield show


@click.group()
def vtd() -> None:
    """An open Intel VT-d remapping unit: replay, explain and measure."""


@vtd.command()
@click.argument("capture", type=FILE)
@click.option(
    "--simulator",
    type=click.Choice(["none", "verilator", "icarus"]),
    default="none",
    show_default=True,
    help="What is driven; none is the reference model alone.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many events.")
@click.option("--json", "json_file", type=FILE, help="Write the summary to this file too.")
def replay(capture: Path, simulator: str, limit: int | None, json_file: Path | None) -> None:
    """Replay CAPTURE and compare every answer.

    Exit status: 0 all equal, 1 something compared unequal, 2 bad usage or input.
    """
    if simulator != "none":
        raise BadInput(f"--simulator {simulator}: there is no RTL to simulate yet; use --simulator none")
    from rich.console import Console

    from sim import replay as replaying
    from sim.tables import print_summary

    recording = _load(capture)
    with _input_of(capture), _progress(min(limit or len(recording.events), len(recording.events))) as progress:
        summary = replaying.replay(recording, limit=limit, progress=progress)
    print_summary(Console(), recording.header, summary)
    if json_file:
        _write_json(json_file, summary.to_json())
    sys.exit(0 if summary.equal else 1)


@vtd.command()
@click.argument("capture", type=FILE)
@click.option("--event", type=click.IntRange(min=1), help="Line in the file (the header is line 1).")
@click.option("--source-id", help="Requester, such as 00:1f.2.")
@click.option("--address", type=Hexadecimal(64), help="Address of that request.")
@click.option("--write", is_flag=True, help="That request is a write, not a read.")
@click.option("--pasid", type=Hexadecimal(20), help="PASID of that request.")
@click.option("--after", type=click.IntRange(min=1), help="Line after which that request comes, the last by default.")
def explain(capture: Path, event: int | None, after: int | None, **request_options: Any) -> None:
    """Explain one request step by step.

    Name an event of CAPTURE with --event, or a request of your own with --source-id and --address.
    """
    from sim.explain import ExplainError, explain_event, explain_request

    try:
        request = _request(**request_options)
        if (event is None) == (request is None) or (event is not None and after is not None):
            raise BadInput(EITHER_EVENT_OR_REQUEST)
        recording = _load(capture)
        with _input_of(capture):
            if event is not None:
                lines = explain_event(recording, event)
            else:
                lines = explain_request(recording, request, after=after)
            for line in lines:
                click.echo(line)
    except ExplainError as error:
        raise BadInput(str(error)) from None


def _request(source_id: str | None, address: int | None, write: bool, pasid: int | None) -> Any:
    """Return the request that the options describe, None when they are not used."""
    from model.reference import DmaAccess, DmaRequest
    from sim.explain import parse_source_id

    if source_id is None and address is None and not write and pasid is None:
        return None
    if source_id is None or address is None:
        raise BadInput(EITHER_EVENT_OR_REQUEST)
    access = DmaAccess.WRITE if write else DmaAccess.READ
    return DmaRequest(parse_source_id(source_id), address, access, pasid=pasid)


@vtd.command()
@click.option("--recording", type=FILE, default=BUNDLED, help="Measure on this recording, not on the bundled one.")
@click.option("--json", "json_file", type=FILE, help="Write the rows to this file too.")
def bench(recording: Path, json_file: Path | None) -> None:
    """Measure, and compare with the limits.

    Exit status: 0 all limits met, 1 one was missed, 2 bad usage or input.
    """
    from rich.console import Console

    from sim.bench import BenchError, reference_model_translations, rows_to_json
    from sim.tables import print_rows

    loaded = _load(recording)
    try:
        with _input_of(recording):
            rows = [reference_model_translations(loaded)]
    except BenchError as error:
        raise BadInput(str(error)) from None
    print_rows(Console(), rows)
    if json_file:
        _write_json(json_file, rows_to_json(rows))
    sys.exit(0 if all(row.met for row in rows) else 1)


def main() -> None:
    """Run the command line."""
    vtd(prog_name="vtd")


if __name__ == "__main__":
    main()
