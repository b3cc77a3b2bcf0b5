"""Standard output and standard error that nothing can break: a full disk, a closed pipe, a character without a code."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from sim.commands.errors import reason

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["patient_streams", "table_console"]

WIDE = 1000  # more than any table needs


class _Patient(io.FileIO):
    """An open file that takes everything; the first error stays in `failure`, and what comes after it is dropped."""

    failure: OSError | None = None

    def write(self, data: "io.ReadableBuffer") -> int:  # type: ignore[name-defined]
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
        return memoryview(data).nbytes


@contextmanager
def patient_streams() -> Iterator[None]:
    """Let a command come to its end, its files and its exit status, whatever becomes of what it prints.

    A pipe that nobody reads any longer changes nothing. What else kept standard output from being written is said at
    the end, with exit status 2.
    """
    if sys.stderr:
        sys.stderr = _text(_Patient(sys.stderr.fileno(), "w", closefd=False), sys.stderr)
    try:
        if sys.stdout is None:  # closed before the start: the next file that is opened would take its place
            raise OSError(errno.EBADF, "it is closed")
        output = _Patient(sys.stdout.fileno(), "w", closefd=False)
    except OSError as error:
        _refuse(error)
    sys.stdout = _text(output, sys.stdout)
    try:
        yield
    finally:
        sys.stdout.flush()
        if output.failure and not isinstance(output.failure, BrokenPipeError):
            _refuse(output.failure)


def _text(raw: _Patient, stream: TextIO) -> TextIO:
    """Return a stream in place of another; what its encoding does not have is escaped, such as a name in bytes."""
    lines = bool(stream.line_buffering)
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, "backslashreplace", line_buffering=lines)


def _refuse(error: OSError) -> None:
    why = reason(error, "it cannot be written")
    click.echo(f"Error: standard output: {why}; it must be a file, pipe or terminal that can be written", err=True)
    sys.exit(2)


def table_console() -> "Console":
    """Return where tables are printed: within a terminal or what COLUMNS says, in a pipe as wide as they need."""
    from rich.console import Console

    is_free = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=WIDE if is_free else None)
