"""What all commands do before their own work."""

from typing import Any

import click

from sim.commands.outputs import check_files

__all__ = ["Command"]


class Command(click.Command):
    """A command of `vtd`: the files that it writes are checked before it begins."""

    def invoke(self, ctx: click.Context) -> Any:
        """Check what is named, then do the work."""
        check_files(self, ctx.params)
        return super().invoke(ctx)
