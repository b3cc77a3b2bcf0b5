"""What `vtd replay` and `vtd bench` print for a person."""

from collections.abc import Iterator
from dataclasses import fields

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model.arch import UnitConfig
from sim.bench import Row
from sim.configuration import SIZES
from sim.printable import printable
from sim.recording import Header
from sim.summary import Summary

__all__ = ["KINDS", "OFFSETS", "closing", "configuration_line", "exceptions", "print_rows", "print_summary"]

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


def configuration_line(config: UnitConfig, *, sizes: bool) -> str:
    """Return a configuration in one line: version, numbers (with `sizes` also those that software does not see), then
    the features that are there."""
    names = [field.name for field in fields(config) if sizes or field.name not in SIZES]
    values = {name: getattr(config, name) for name in names}
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
    console.print(f"source: {printable(header.source)}", markup=False, highlight=False, soft_wrap=True)
    unit = configuration_line(summary.config, sizes=summary.simulator != "none")
    console.print(f"unit: {unit}", markup=False, highlight=False, soft_wrap=True)
    console.print(_counts(summary))
    if any(exceptions(summary)):
        console.print(_exception_table(summary))
    for line in closing(summary):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _counts(summary: Summary) -> Table:
    table = Table("kind", "lines")
    for name in ("seen", "compared", "equal", "unequal", "excepted"):
        table.add_column(name, justify="right")
    for kind, text in KINDS.items():
        if kind in summary.kinds:
            count = summary.kinds[kind]
            numbers = (count.seen, count.compared, count.equal, count.unequal, count.excepted.total())
            table.add_row(kind, text, *map(str, numbers))
    if summary.simulator != "none":
        table.add_section()
        lockstep = summary.lockstep
        clocks, mismatches = lockstep.clocks, lockstep.mismatches
        table.add_row("", "clocks", str(summary.clocks))
        table.add_row("", "clocks in lockstep", *map(str, (clocks, clocks, clocks - mismatches, mismatches)))
    return table


def exceptions(summary: Summary) -> Iterator[tuple[str, str, int]]:
    """Yield what was excepted: kind of line, name, number."""
    for kind in KINDS:
        if kind in summary.kinds:
            for name, number in summary.kinds[kind].excepted.items():
                yield kind, name, number
    for name, number in summary.withdrawn.items():
        yield "", f"fault record taken back: {name}", number


def _exception_table(summary: Summary) -> Table:
    table = Table("kind", "exception", title="excepted, by name", title_justify="left")
    table.add_column("count", justify="right")
    for kind, name, number in exceptions(summary):
        table.add_row(kind, Text(name), str(number))
    return table


def closing(summary: Summary) -> Iterator[str]:
    """Yield the sentences in which a replay ends."""
    lockstep = summary.lockstep
    if lockstep.clocks and not lockstep.mismatches:
        yield f"{summary.simulator}: all {lockstep.signals} outputs equal model/cycle in {lockstep.clocks} clocks"
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
        table.add_row(row.name, _figure(row.value), _limit(row), row.unit, _met(row))
    console.print(table)
    for row in rows:
        console.print(f"{row.name}: {row.method}", markup=False, highlight=False, soft_wrap=True)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def _limit(row: Row) -> str:
    if row.limit is None:
        return ""
    return f"{'at least' if row.least else 'at most'} {_figure(row.limit)}"


def _met(row: Row) -> str:
    if row.limit is None:
        return ""
    return "yes" if row.met else "no"
