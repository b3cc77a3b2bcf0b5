"""Values of options: each says what its option takes where something else is given."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sim.commands.errors import BadInput

__all__ = ["Choice", "Value", "hexadecimal", "name_of", "whole"]

T = TypeVar("T")


def name_of(param: click.Parameter | None) -> str:
    """Return what a person calls an option or argument."""
    assert param is not None
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name


class Value(click.ParamType[T]):
    """What `parse` makes of a text; a ValueError is a text that is not what the option `takes`."""

    def __init__(self, name: str, takes: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._takes = takes
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        try:
            return self._parse(str(value))
        except ValueError:
            raise _not_taken(param, self._takes, value) from None


class Choice(click.Choice[str]):
    """One of some words."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self.choices:
            *most, last = self.choices
            raise _not_taken(param, f"{', '.join(most)} or {last}", value)
        return str(value)


def _not_taken(param: click.Parameter | None, takes: str, value: Any) -> BadInput:
    return BadInput(f"{name_of(param)} takes {takes}, not {str(value)!r}")


def whole(least: int, what: str = "a whole number") -> Value[int]:
    """Return the type of a whole number that has no upper end."""

    def parse(text: str) -> int:
        if (number := int(text)) < least:
            raise ValueError
        return number

    return Value("number", f"{what}, {least} or more", parse)


def hexadecimal(bits: int) -> Value[int]:
    """Return the type of a number of `bits` bits, written with 0x or in decimal."""

    def parse(text: str) -> int:
        if not 0 <= (number := int(text, 0)) < 1 << bits:
            raise ValueError
        return number

    return Value("number", f"a number of at most {bits} bits such as 0x1000", parse)
