"""What a command says when it cannot do what it is asked for."""

from typing import IO, Any

import click

from sim.printable import printable

__all__ = ["BadInput", "Interrupted", "reason"]


class BadInput(click.ClickException):
    """Bad input: one sentence on stderr, below it what another program says of it (`details`), exit status 2."""

    exit_code = 2

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__("\n".join([printable(sentence), *details.splitlines()]))


class Interrupted(click.ClickException):
    """Ctrl-C, or told to terminate: one sentence on stderr, exit status 130, which a shell has for Ctrl-C."""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence, below the ^C of the terminal."""
        click.echo(f"\nInterrupted: {printable(self.message)}", file, err=file is None)


def reason(error: OSError, otherwise: str) -> str:
    """Return the system's own words for an error."""
    return (error.strerror or otherwise).lower()
