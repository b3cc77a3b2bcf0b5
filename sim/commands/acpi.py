"""`vtd acpi`."""

from pathlib import Path

import click

from sim.commands.command import Command
from sim.commands.errors import BadInput
from sim.commands.outputs import OutputFile, say_written, write_whole
from sim.commands.shared import CONFIG_OPTION, FILE, configuration

__all__ = ["acpi"]


@click.command(cls=Command)
@click.argument("description", type=FILE)
@CONFIG_OPTION
@click.option("-o", "target", type=OutputFile(), required=True, help="File to write.")
def acpi(description: Path, config_name: str, target: Path) -> None:
    """Write the ACPI table DMAR, by which an operating system finds the unit.

    DESCRIPTION is a TOML file that tells where the unit is and which devices are behind it; --config tells what the
    unit is. Firmware takes the file as it is; `iasl -d` shows it.

    Exit status: 0 written, 2 bad usage or input; then nothing was changed.
    """
    from sim.acpi import DEVICE_TLB_NOTE, dmar_table, wants_device_tlbs
    from sim.section import DescriptionError, read_toml

    config = configuration(config_name)
    values = read_toml(description, "a description (TOML) must be there", BadInput)
    try:
        table = dmar_table(values, config)
    except DescriptionError as error:
        raise BadInput(f"{description}: {error}") from None
    write_whole(target, table, "-o")
    if wants_device_tlbs(values):
        click.echo(f"note: {DEVICE_TLB_NOTE}", err=True)
    say_written(target, f", {len(table)} bytes")
