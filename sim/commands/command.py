"""What all commands do before their own work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sim.commands.errors import BadInput, Interrupted
from sim.commands.outputs import check_files

__all__ = ["Command", "Group"]


class Command(click.Command):
    """A command of `vtd`: wrong arguments are one sentence, and the files that it writes are checked."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; BadInput."""
        with _one_sentence(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Check what is named, then do the work."""
        check_files(self, ctx.params)
        return super().invoke(ctx)


class Group(click.Group):
    """All commands; what is wrong before the arguments of one is one sentence too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the options before the command; BadInput."""
        with _one_sentence(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; BadInput."""
        with _one_sentence(ctx):
            return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Do what a command does; Interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted(f"{ctx.command_path} {ctx.invoked_subcommand} did not come to its end") from None


@contextmanager
def _one_sentence(ctx: click.Context) -> Iterator[None]:
    """Turn what is wrong with the usage into one sentence; help without arguments stays."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        text = (error.format_message() if isinstance(error, click.MissingParameter) else error.message).rstrip(".")
        near = getattr(error, "possibilities", None)  # of a name that is not known
        meant = f", perhaps {' or '.join(near)}" if near else ""
        sentence = f"{text[:1].lower()}{text[1:]}{meant}; {ctx.command_path} --help tells what there is"
        raise BadInput(sentence) from None
