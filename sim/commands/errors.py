"""What a command says when it cannot do what it is asked for."""

import click

from sim.printable import printable

__all__ = ["BadInput", "reason"]


class BadInput(click.ClickException):
    """Bad input: one sentence on stderr, below it what another program says of it (`details`), exit status 2."""

    exit_code = 2

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__("\n".join([printable(sentence), *details.splitlines()]))


def reason(error: OSError, otherwise: str) -> str:
    """Return the system's own words for an error."""
    return (error.strerror or otherwise).lower()
