"""`vtd generate`."""

from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput, reason
from sim.commands.outputs import say_written
from sim.commands.shared import CONFIG_OPTION, FILE, configuration, progress_bar

__all__ = ["generate"]

FOLDED = ("diagrams", "manual")  # folders of many files, each shown as one line
FOLDERS = (*FOLDED, "example", "program")  # each is written whole
MARK = "vtd_unit.core"  # where it is, this command wrote before


@click.command(cls=Command)
@CONFIG_OPTION
@click.option("-o", "folder", type=FILE, default=Path("build/vtd_unit"), show_default=True, help="Folder to write to.")
def generate(config_name: str, folder: Path) -> None:
    """Write the folder that an integrator takes: Verilog, registers, header, manual, and how to use them.

    Where it wrote before, what else is in its folders diagrams, example, manual and program is removed.

    Exit status: 0 written, 2 bad usage or input; then nothing was changed.
    """
    from sim.generate import summary
    from sim.handover import STEPS, write_handover

    config = configuration(config_name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=folder) as name, progress_bar("generate", len(STEPS)) as on_step:
            write_handover(config, Path(name), on_step)
            files = _move(Path(name), folder)
    except OSError as error:
        raise BadInput(
            f"{folder}: {reason(error, 'it cannot be written')}; -o must name a folder that can be written"
        ) from None
    click.echo(summary(config), nl=False)
    for line in _listing(files):
        say_written(folder / line)


def _move(source: Path, folder: Path) -> list[Path]:
    """Let each file replace its old one, now that all are complete; return their places in the folder.

    What an older configuration had besides, in the folders that are written whole, goes.
    """
    again = (folder / MARK).is_file()
    files = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True, parents=True)
        (source / file).replace(folder / file)
    if again:
        for name in FOLDERS:
            _keep_only(folder / name, {folder / file for file in files})
    return files


def _keep_only(folder: Path, kept: set[Path]) -> None:
    """Remove all other files of a folder, and the folders that are empty then."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_symlink() or not path.is_dir():
            if path not in kept:
                path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _listing(files: list[Path]) -> list[str]:
    """Return a line for each file, one for a folder of many."""
    lines = []
    for folder, group in groupby(files, key=lambda file: file.parts[0]):
        names = [str(file) for file in group]
        lines += [f"{folder}/, {len(names)} files"] if folder in FOLDED else names
    return lines
