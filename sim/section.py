"""TOML files that a person wrote, and their tables: values taken by name, each checked, and none left over."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["DescriptionError", "Section", "is_toml", "read_toml"]

T = TypeVar("T")


def is_toml(path: Path) -> bool:
    """Say whether a name is that of a TOML file."""
    return path.suffix.lower() == ".toml"


def read_toml(path: Path, wanted: str, error: Callable[[str], Exception]) -> dict[str, Any]:
    """Return what is in a file, or raise the `error`; `wanted` is what it tells where no file can be read."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as unread:
        reason = (unread.strerror or "it cannot be read").lower()
        raise error(f"{path}: {reason}; {wanted}") from None
    except ValueError as wrong:  # also of bytes that are no text
        raise error(f"{path}: not TOML: {wrong}") from None


class DescriptionError(Exception):
    """A description of which nothing can be made; the text is one sentence with the place in it."""


class Section:
    """Table at `place`; a value that is wrong, or absent and without a default, is a DescriptionError."""

    def __init__(self, values: Any, place: str = "") -> None:
        if not isinstance(values, Mapping):
            raise DescriptionError(f"{place} must be a table of names and values")
        self.place = place
        self._values = dict(values)
        self._known: list[str] = []

    @property
    def names(self) -> list[str]:
        """Names that nobody took yet."""
        return list(self._values)

    def where(self, name: str) -> str:
        """Return the place of a value."""
        return f"{self.place}.{name}".lstrip(".")

    def parsed(self, name: str, parse: Callable[[Any], T | None], wanted: str, default: Any = None) -> T:
        """Return what `parse` makes of a value; None is a value that is not `wanted`."""
        value = self._take(name, default)
        found = parse(value)
        if found is None:
            raise DescriptionError(f"{self.where(name)} must be {wanted}, not {value!r}")
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        return self.parsed(name, lambda value: value if isinstance(value, bool) else None, "true or false", default)

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number, both ends included."""
        return self._number(name, range(least, most + 1), f"a whole number, {least} to {most}", default)

    def bits(self, name: str, bits: int, default: int | None = None) -> int:
        """Return a number of so many bits."""
        return self._number(name, range(1 << bits), f"a number of at most {bits} bits", default)

    def text(self, name: str, characters: int, default: str | None = None) -> str:
        """Return printable ASCII characters, at least one."""

        def parse(value: Any) -> str | None:
            is_text = isinstance(value, str) and value.isascii() and value.isprintable()
            return value if is_text and 0 < len(value) <= characters else None

        return self.parsed(name, parse, f"1 to {characters} ASCII characters", default)

    def choice(self, name: str, allowed: tuple[T, ...], default: T) -> T:
        """Return one of some values, all of one type."""

        def parse(value: Any) -> T | None:
            return value if type(value) is type(allowed[0]) and value in allowed else None

        return self.parsed(name, parse, f"one of {', '.join(map(repr, allowed))}", default)

    def section(self, name: str) -> "Section":
        """Return a table, an empty one when there is none."""
        return Section(self._take(name, {}), self.where(name))

    def sections(self, name: str) -> "list[Section]":
        """Return the tables of a list."""
        values = self._take(name, [])
        if not isinstance(values, list):
            raise DescriptionError(f"{self.where(name)} must be a list of tables")
        return [Section(value, f"{self.where(name)}[{number}]") for number, value in enumerate(values)]

    def end(self, listed: str = "") -> None:
        """Refuse what nobody took: a misspelt name must not be a default.

        `listed` tells what names there are, where not all of them were asked for.
        """
        for name in self._values:
            if listed:
                raise DescriptionError(f"{self.where(name)} is not known here; {listed}")
            raise DescriptionError(f"{self.where(name)} is not known; there are {', '.join(self._known)}")

    def _number(self, name: str, allowed: range, wanted: str, default: int | None) -> int:
        def parse(value: Any) -> int | None:
            return value if type(value) is int and value in allowed else None  # a bool is none

        return self.parsed(name, parse, wanted, default)

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        value = self._values.pop(name, default)
        if value is None:
            raise DescriptionError(f"{self.where(name)} is missing")
        return value
