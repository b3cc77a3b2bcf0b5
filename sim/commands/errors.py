"""What a command says when it cannot do what it is asked for."""

import click

__all__ = ["BadInput", "reason"]


class BadInput(click.ClickException):
    """Bad input: one sentence on stderr, exit status 2."""

    exit_code = 2


def reason(error: OSError, otherwise: str) -> str:
    """Return the system's own words for an error."""
    return (error.strerror or otherwise).lower()
