"""What the commands share: bad input, recordings, configurations, JSON files, progress."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sim.commands.errors import BadInput, reason
from sim.commands.outputs import OutputFile, say_written, write_whole
from sim.commands.values import Choice, whole
from sim.printable import printable

if TYPE_CHECKING:
    from model.arch import UnitConfig
    from sim.recording import Recording

__all__ = [
    "BUNDLED",
    "CONFIG_OPTION",
    "CYCLES_OPTION",
    "FILE",
    "JSON_OPTION",
    "REPORT_OPTION",
    "WAVES_OPTION",
    "configuration",
    "input_of",
    "load",
    "progress_bar",
    "simulation",
    "simulator_option",
    "write_view",
]

Decorated = TypeVar("Decorated", bound=Callable[..., Any] | click.Command)

BUNDLED = Path(__file__).parent.parent / "data" / "bundled.jsonl.gz"

FILE = click.Path(path_type=Path)  # to read

JSON_OPTION = click.option(
    "--json",
    "json_file",
    type=OutputFile(),
    help="Write the outcome to this file too; not to -: standard output has the text.",
)
REPORT_OPTION = click.option(
    "--report", "report_file", type=OutputFile(), help="Write a page of HTML about the run to this file."
)


def _beside_waves(waves: Path) -> tuple[Path, Path]:
    from sim.waves import beside

    return beside(waves)


WAVES_OPTION = click.option(
    "--waves",
    type=OutputFile(makes_folder=True, beside=_beside_waves),
    help="Write waveforms to this file, and beside it FILE.gtkw and FILE.reasons, a view for GTKWave.",
)
CONFIG_OPTION = click.option(
    "--config",
    "config_name",
    type=click.Path(),
    default="default",
    show_default=True,
    help="Preset (default, small) or TOML file.",
)
CYCLES_OPTION = click.option("--cycles", type=whole(100), default=20_000, show_default=True, help="Clocks of a run.")


def simulator_option(none: str = "") -> Callable[[Decorated], Decorated]:
    """Return the option; `none` says what there is without a simulator, where that is possible."""
    return click.option(
        "--simulator",
        type=Choice(["verilator", "icarus", *(["none"] if none else [])]),
        default="verilator",
        show_default=True,
        help=f"What simulates the unit{'; none is ' if none else ''}{none}.",
    )


@contextmanager
def input_of(path: Path) -> Iterator[None]:
    """Turn what can be wrong with a recording into one sentence."""
    from model.arch import ConfigError
    from sim.recording import RecordingError

    try:
        yield
    except RecordingError as error:
        raise BadInput(str(error)) from None
    except ConfigError as error:
        raise BadInput(f"{path}, line 1 (header): {error}") from None


def load(path: Path) -> "Recording":
    """Return a recording; BadInput when it cannot be used."""
    from sim.recording import load_recording

    try:
        with input_of(path):
            return load_recording(path)
    except OSError as error:
        raise BadInput(
            f"{path}: {reason(error, 'it cannot be read')}; a recording (vtd-trace, gzip) must be there"
        ) from None


@contextmanager
def simulation() -> Iterator[None]:
    """Turn what can go wrong with a simulator into a message: status 1 for what the unit does wrong, 2 for all else."""
    from sim.simulator import JobFailed, SimulatorError

    try:
        yield
    except JobFailed as error:
        raise click.ClickException(str(error)) from None
    except SimulatorError as error:
        raise BadInput(str(error)) from None


def configuration(name: str) -> "UnitConfig":
    """Return the configuration that --config names; BadInput when there is none."""
    from model.arch import ConfigError
    from sim.configuration import load_config

    try:
        return load_config(name)
    except ConfigError as error:
        raise BadInput(f"--config {error}") from None


def write_view(waves: Path, config: "UnitConfig", simulator: str) -> None:
    """Write a view for GTKWave beside the waveforms, and say so."""
    from sim.waves import beside, view_files

    for file, text in view_files(waves, config, simulator).items():
        write_whole(file, text.encode(), "--waves")
    view, _ = beside(waves)
    say_written(waves, f", to be seen with: gtkwave {printable(shlex.quote(str(view)))}")


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def progress_bar(name: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """Show progress on a terminal; None, which is silence, in a pipe. The yielded function takes what is done."""
    if not _on_terminal():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=total)
        yield lambda done: progress.update(task, completed=done)
