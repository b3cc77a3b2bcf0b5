"""What `vtd replay` and `vtd bench` print for a person."""

from collections.abc import Iterator
from dataclasses import fields

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model.arch import UnitConfig
from sim.bench import Row
from sim.recording import Header
from sim.replay import Summary

__all__ = ["configuration_line", "print_rows", "print_summary"]

DIFFERENCES_SHOWN = 20

KINDS = {
    "w": "register writes",
    "r": "register reads",
    "m": "memory read",
    "x": "memory written",
    "t": "DMA requests",
    "ta": "AtomicOps, zero-length reads",
    "i": "interrupt requests",
    "msi": "event messages",
    "mark": "comments and resets",
}

OFFSETS = ("fro", "iro")


def configuration_line(config: UnitConfig) -> str:
    """Return a configuration in one line: version, numbers, then the features that are there."""
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    version = f"version {values.pop('version_major')}.{values.pop('version_minor')}"
    numbers = [f"{name} {_number(name, value)}" for name, value in values.items() if not isinstance(value, bool)]
    features = [name for name, value in values.items() if value is True]
    return ", ".join([version, *numbers]) + "; with " + (" ".join(features) or "no features")


def _number(name: str, value: int | tuple[int, ...]) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value)) or "none"
    return f"{value:#x}" if name in OFFSETS else str(value)


def print_summary(console: Console, header: Header, summary: Summary) -> None:
    """Print what a replay compared, what it excepted, and how it ended."""
    console.print(f"source: {_printable(header.source)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"unit: {configuration_line(summary.config)}", markup=False, highlight=False, soft_wrap=True)
    console.print(_counts(summary))
    if any(_exceptions(summary)):
        console.print(_exception_table(summary))
    for line in _closing(summary):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _printable(text: str) -> str:
    """Escape what would steer a terminal or cannot be encoded; a recording may hold any text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _counts(summary: Summary) -> Table:
    table = Table("kind", "lines")
    for name in ("seen", "compared", "equal", "unequal", "excepted"):
        table.add_column(name, justify="right")
    for kind, text in KINDS.items():
        if kind in summary.kinds:
            count = summary.kinds[kind]
            numbers = (count.seen, count.compared, count.equal, count.unequal, count.excepted.total())
            table.add_row(kind, text, *map(str, numbers))
    return table


def _exceptions(summary: Summary) -> Iterator[tuple[str, str, int]]:
    for kind in KINDS:
        if kind in summary.kinds:
            for name, number in summary.kinds[kind].excepted.items():
                yield kind, name, number
    for name, number in summary.withdrawn.items():
        yield "", f"fault record taken back: {name}", number


def _exception_table(summary: Summary) -> Table:
    table = Table("kind", "exception", title="excepted, by name", title_justify="left")
    table.add_column("count", justify="right")
    for kind, name, number in _exceptions(summary):
        table.add_row(kind, Text(name), str(number))
    return table


def _closing(summary: Summary) -> Iterator[str]:
    if not summary.differences:
        some = f"all {summary.compared} compared lines equal"
        yield some if summary.compared else "nothing was compared, which proves nothing"
        return
    yield from summary.differences[:DIFFERENCES_SHOWN]
    more = len(summary.differences) - DIFFERENCES_SHOWN
    if more > 0:
        yield f"and {more} more"


def print_rows(console: Console, rows: list[Row]) -> None:
    """Print measurements with their limits, then how they were made."""
    table = Table("measurement")
    for name in ("value", "limit"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    table.add_column("met")
    for row in rows:
        table.add_row(row.name, f"{row.value:,.0f}", f"at least {row.limit:,.0f}", row.unit, "yes" if row.met else "no")
    console.print(table)
    for row in rows:
        console.print(f"{row.name}: {row.method}", markup=False, highlight=False, soft_wrap=True)
