"""A sweep of cache sizes for a person: a table, and a chart."""

from collections.abc import Callable
from io import BytesIO
from itertools import groupby

from rich.console import Console
from rich.table import Table

from sim.sizing.sweep import CACHES, INTERRUPT_CACHE, Row, Sweep

__all__ = ["chart", "print_sweep"]

HOW = (
    "Reads of memory and expected clocks are per request, of DMA or of interrupts. "
    "Requests come one after the other. One that reads nothing takes 4 clocks, one that reads R times R (L + 3) + 7; "
    "an interrupt 6, or L + 9 when its entry is read. Refused requests count as if they passed."
)
PANELS: tuple[tuple[str, Callable[[Row], float | None]], ...] = (
    ("hit rate of the cache varied", lambda row: row.found.rate),
    ("reads per request", lambda row: row.reads),
    ("expected clocks per request", lambda row: row.clocks),
)
PANEL_INCHES = (3.6, 3.2)


def print_sweep(console: Console, sweep: Sweep) -> None:
    """Print what was looked at, a row for each size, and what the clocks mean."""
    for line in _head(sweep):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    table = Table("cache")
    for name in ("entries", "look-ups", "hit rate", "reads", "clocks"):
        table.add_column(name, justify="right")
    for cache, rows in groupby(sweep.rows, lambda row: row.cache):
        for number, row in enumerate(rows):
            table.add_row("" if number else CACHES[cache], *_figures(row))
        table.add_section()
    console.print(table)
    console.print(HOW, markup=False, highlight=False, soft_wrap=True)


def _head(sweep: Sweep) -> list[str]:
    stream = sweep.stream
    beside = f"; {stream.beside} more need no cache" if stream.beside else ""
    sizes = ", ".join(f"{CACHES[name]} {size}" for name, size in sweep.fixed.items() if name != INTERRUPT_CACHE)
    return [
        f"requests: {len(stream.requests)} DMA, {stream.refused} of them refused, and {len(stream.index)} interrupts, "
        f"with {len(stream.commands)} invalidations{beside}",
        f"not varied: {sizes}; memory answers after L = {sweep.latency} clocks",
    ]


def _figures(row: Row) -> tuple[str, ...]:
    rate = row.found.rate
    assert rate is not None  # caches without look-ups have no row
    return str(row.entries), str(row.found.lookups), f"{rate:.1%}", f"{row.reads:.3f}", f"{row.clocks:.1f}"


def chart(sweep: Sweep) -> bytes:
    """Return an SVG picture: three panels over the number of entries, a line for each cache varied."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    with mpl.rc_context({"svg.hashsalt": "vtd size", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(PANEL_INCHES[0] * len(PANELS), PANEL_INCHES[1]), layout="constrained")
        panels = figure.subplots(1, len(PANELS))
        for axes, (title, value) in zip(panels, PANELS, strict=True):
            for cache, rows in groupby(sweep.rows, lambda row: row.cache):
                points = [(row.entries, value(row)) for row in rows]
                axes.plot(*zip(*points, strict=True), label=CACHES[cache], marker="o", markersize=3)
            axes.set_title(title)
            axes.set_xlabel("entries")
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.set_ylim(0, 1.02 if title.startswith("hit rate") else None)
            axes.grid(alpha=0.3)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(CACHES))
        content = BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()
