"""`vtd generate`."""

from pathlib import Path

import click

from sim.commands.shared import CONFIG_OPTION, FILE, BadInput, configuration

__all__ = ["generate"]


@click.command()
@CONFIG_OPTION
@click.option("-o", "folder", type=FILE, default=Path("build/vtd_unit"), show_default=True, help="Folder to write to.")
def generate(config_name: str, folder: Path) -> None:
    """Write the Verilog of the unit, its lint waivers, its registers, and a summary.

    Exit status: 0 written, 2 bad usage or input; then nothing was changed.
    """
    from sim.generate import description, summary

    config = configuration(config_name)
    files = description(config)
    try:
        _write(folder, files)
    except OSError as error:
        reason = (error.strerror or "it cannot be written").lower()
        raise BadInput(f"{folder}: {reason}; -o must name a folder that can be written") from None
    click.echo(summary(config), nl=False)
    for name in files:
        click.echo(f"written: {folder / name}")


def _write(folder: Path, files: dict[str, str]) -> None:
    """Write all or nothing: each file replaces its old one when all of them are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    temporaries = {name: folder / f".{name}.new" for name in files}
    try:
        for name, text in files.items():
            temporaries[name].write_text(text)
        for name, temporary in temporaries.items():
            temporary.replace(folder / name)
    finally:
        for temporary in temporaries.values():
            temporary.unlink(missing_ok=True)
