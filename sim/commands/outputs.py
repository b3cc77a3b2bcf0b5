"""Files that a command writes: checked before anything is done, and each written whole or not at all."""

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import click

from sim.commands.errors import BadInput, reason
from sim.commands.values import name_of
from sim.printable import printable

__all__ = ["OutputFile", "check_files", "say_written", "write_json", "write_whole"]

STANDARD_OUTPUT = "standard output"
DESCRIPTORS = Path("/dev/fd")  # each name in it is an open file


class OutputFile(click.ParamType[Path]):
    """A file to write, and those that are written `beside` it. Where it `makes_folder`, that need not be there yet."""

    name = "path"

    def __init__(self, *, makes_folder: bool = False, beside: Callable[[Path], tuple[Path, ...]] | None = None) -> None:
        self.makes_folder = makes_folder
        self._beside = beside

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if str(value) == "-":
            raise BadInput(f"{name_of(param)} must name a file, not -; {STANDARD_OUTPUT} has the text already")
        return Path(value)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return all files that are written for one that is named."""
        return (path, *(self._beside(path) if self._beside else ()))

    def folder(self, path: Path) -> Path:
        """Return the folder that must be there."""
        folder = _target(path).parent
        while self.makes_folder and not folder.exists():
            folder = folder.parent
        return folder


def check_files(command: click.Command, values: dict[str, Any]) -> None:
    """Refuse files to write that cannot be written, that the command reads, or that two of its options name."""
    taken = {_target(Path("/dev/stdout")): STANDARD_OUTPUT}
    for param in command.params:
        if isinstance(param.type, click.Path):
            taken |= {_target(path): name_of(param) for path in _paths(param, values) if path.is_file()}
    for param in command.params:
        if isinstance(param.type, OutputFile):
            for path in (file for named in _paths(param, values) for file in param.type.files(named)):
                _check(path, param.type, name_of(param))
                other = taken.setdefault(_target(path), name_of(param)) if _is_regular(path) else name_of(param)
                if other != name_of(param):
                    raise BadInput(f"{path}: {other} and {name_of(param)} are the same file; each must have its own")


def _paths(param: click.Parameter, values: dict[str, Any]) -> Iterator[Path]:
    value = values[param.name or ""]
    yield from map(Path, value if isinstance(value, tuple) else [value] if value is not None else [])


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve does not like a link to itself


def _is_regular(path: Path) -> bool:
    """Say whether it is, or will be, a file and no device or pipe."""
    return path.is_file() or not path.exists()


def _is_replaced(path: Path) -> bool:
    """Say whether a new file takes the place of this one: a device, a pipe or an open file is written itself."""
    is_open = path.parent.resolve() in (Path("/dev"), DESCRIPTORS.resolve())
    return not path.exists() or (path.is_file() and not is_open)


def _check(path: Path, kind: OutputFile, option: str) -> None:
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_replaced(path):
            with TemporaryFile(dir=kind.folder(path)):
                pass
        elif not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unwritable(path, error, option) from None


def _unwritable(path: Path, error: OSError, option: str) -> BadInput:
    return BadInput(f"{path}: {reason(error, 'it cannot be written')}; {option} must name a file that can be written")


def say_written(path: Path, more: str = "") -> None:
    """Tell the file that was written, on one line whatever its name."""
    click.echo(f"written: {printable(str(path))}{more}")


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write `values` whole or not at all; BadInput."""
    write_whole(path, (json.dumps(values, indent=2) + "\n").encode(), "--json")


def write_whole(path: Path, content: bytes, option: str) -> None:
    """Write the file that `option` names whole or not at all: a file beside it takes its place when it is complete.

    BadInput when that cannot be. A pipe that nobody reads any longer is as good as written.
    """
    try:
        if _is_replaced(path):
            _replace(_target(path), content)
        else:
            sys.stdout.flush()  # it may be the same pipe
            with path.open("ab") as file:
                file.write(content)
    except BrokenPipeError:
        return
    except OSError as error:
        raise _unwritable(path, error, option) from None


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".vtd.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
