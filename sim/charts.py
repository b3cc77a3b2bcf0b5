"""Charts of a run report, as SVG to stand inside a page: text stays text, colours are the page's CSS variables."""

import io
import math
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tb.statistics import CACHES, Statistics

__all__ = ["bars", "cache_chart", "latency_chart", "traffic_chart", "walk_chart"]

# Colours that matplotlib draws with -> variables of the page's CSS, which has others in the dark.
INK, FAINT = "#010203", "#040506"
FIRST, SECOND, THIRD, FOURTH = "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04"
VARIABLES = {
    INK: "--ink",
    FAINT: "--faint",
    FIRST: "--first",
    SECOND: "--second",
    THIRD: "--third",
    FOURTH: "--fourth",
}
WIDTH = 5.6  # inches; a page scales it
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vtd",
    "font.family": "sans-serif",
    "font.size": 8.5,
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
PER_OCTAVE = 4  # bars of a histogram of clocks


def cache_chart(statistics: Statistics) -> str:
    """Hit rate of each cache that was looked up, and invalidations, over the clocks."""
    names = [name for name in CACHES if statistics.hit_rate(name) is not None]
    if not names:
        return ""
    with matplotlib.rc_context(STYLE):
        heights = [1.0] * len(names) + [0.6]
        figure, panels = _panels(heights, 0.85)
        rows, width = statistics.timeline.rows, statistics.timeline.width
        colours = (FIRST, SECOND, THIRD, FOURTH)
        for name, axes, colour in zip(names, panels, colours, strict=False):
            lookups, found = rows[CACHES[name]], rows[f"{CACHES[name]} hits"]
            rates = [100 * f / n if n else math.nan for n, f in zip(lookups, found, strict=True)]
            axes.stairs(rates, _edges_of(rates, width), fill=True, color=colour, alpha=0.25)
            axes.stairs(rates, _edges_of(rates, width), color=colour, linewidth=1.4)
            axes.set_ylim(-6, 105)  # so that a rate of 0 is seen
            axes.set_yticks([0, 50, 100], ["0 %", "50", "100"])
            axes.set_title(name, loc="left", fontsize=8.5)
        axes = panels[-1]
        counts = rows.get("invalidations", [0])
        axes.stairs(counts, _edges_of(counts, width), fill=True, color=INK)
        axes.set_title("invalidations", loc="left", fontsize=8.5)
        _clock_axis(axes, statistics)
        return _svg(figure, "caches")


def traffic_chart(statistics: Statistics) -> str:
    """Requests decided over the clocks, by kind, and how many of both were refused: a line, which hides neither."""
    rows, width = statistics.timeline.rows, statistics.timeline.width
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _panels([1.0], 1.7)
        places = max(map(len, rows.values()), default=1)
        requests, interrupts, refusals = (
            rows.get(row, []) + [0] * (places - len(rows.get(row, [])))
            for row in ("requests", "interrupts", "refusals")
        )
        edges = _edges_of(requests, width)
        both = [one + other for one, other in zip(requests, interrupts, strict=True)]
        axes.stairs(both, edges, baseline=interrupts, fill=True, color=FIRST, label="DMA")
        axes.stairs(interrupts, edges, fill=True, color=THIRD, label="interrupts")
        axes.stairs(refusals, edges, color=SECOND, linewidth=1.4, label="refused")
        axes.set_ylabel(f"requests in {width} clocks")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
        _clock_axis(axes, statistics)
        return _svg(figure, "traffic")


def walk_chart(statistics: Statistics, walks: int) -> str:
    """Walks in flight over the clocks, on average; `walks` is the most that the unit has, 0 for
    several units."""
    rows, width = statistics.timeline.rows, statistics.timeline.width
    if "walks" not in rows:
        return ""
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _panels([1.0], 1.7)
        clocks = width * statistics.runs
        for row, label, colour in (("held", "requests held", FAINT), ("walks", "walks reading memory", FIRST)):
            means = [count / clocks for count in rows[row]]
            axes.stairs(means, _edges_of(means, width), fill=True, color=colour, label=label)
        if walks:
            axes.axhline(walks, color=SECOND, linewidth=1, label=f"at most {walks}")
        axes.set_ylabel("on average")
        axes.set_ylim(0)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0)
        _clock_axis(axes, statistics)
        return _svg(figure, "walks")


def latency_chart(groups: dict[str, Counter[int]]) -> str:
    """A histogram of clocks for each group, below each other, on one logarithmic axis."""
    if not groups:
        return ""
    most = max(max(counts) for counts in groups.values())
    with matplotlib.rc_context(STYLE):
        figure, panels = _panels([1.0] * len(groups), 0.56)
        for axes, (group, counts) in zip(panels, groups.items(), strict=True):
            edges = _edges(most)
            heights = [sum(n for clocks, n in counts.items() if a <= clocks < b) for a, b in pairwise(edges)]
            colour = SECOND if group == "refused" else THIRD if group.startswith("interrupt") else FIRST
            axes.stairs(heights, edges, fill=True, color=colour)
            axes.set_xscale("log", base=2)
            axes.set_yticks([])
            axes.set_title(f"{group}: {counts.total()}", loc="left", fontsize=8.5, pad=1)
            axes.spines["left"].set_visible(False)
        ticks = [1 << power for power in range(most.bit_length() + 1)]
        panels[-1].set_xlim(0.8, most * 1.3)
        panels[-1].set_xticks(ticks, list(map(str, ticks)))
        panels[-1].minorticks_off()
        panels[-1].set_xlabel("clocks")
        return _svg(figure, "latency")


def bars(counts: Counter[int], name: str, label: str, axis: str) -> str:
    """A bar for each number, with its count above it."""
    if not counts:
        return ""
    numbers = range(max(counts) + 1)
    with matplotlib.rc_context(STYLE):
        figure, (axes,) = _panels([1.0], 1.7)
        heights = [counts[number] for number in numbers]
        found = axes.bar(list(numbers), heights, 0.7, color=FIRST)
        axes.bar_label(found, [str(height) if height else "" for height in heights], fontsize=8)
        axes.set_xticks(list(numbers))
        axes.set_xlabel(label)
        axes.set_ylabel(axis)
        return _svg(figure, name)


def _panels(heights: list[float], inches: float) -> tuple[Figure, list[Axes]]:
    """Panels below each other that share their horizontal axis; `inches` is the height of one of height 1."""
    figure = Figure((WIDTH, sum(heights) * inches + 0.5), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    return figure, list(panels[:, 0])


def _edges_of(values: list[Any], width: int) -> list[int]:
    return [place * width for place in range(len(values) + 1)]


def _clock_axis(axes: Axes, statistics: Statistics) -> None:
    longest = statistics.timeline.width * max(map(len, statistics.timeline.rows.values()), default=1)
    axes.set_xlim(0, statistics.clocks if statistics.runs == 1 else longest)
    axes.set_xlabel("clock" if statistics.runs == 1 else f"clock of a run; {statistics.runs} runs together")


def _edges(most: int) -> list[int]:
    """Return the edges of bars of equal width on a logarithmic axis, where whole numbers of clocks allow it."""
    edges = {round(2 ** (step / PER_OCTAVE)) for step in range(PER_OCTAVE * (most.bit_length() + 1) + 1)}
    return sorted(edges)


def _svg(figure: Figure, name: str) -> str:
    """Return the figure as an element of HTML: no prologue, no foreign addresses, ids of its own."""
    with io.StringIO() as file:
        figure.savefig(
            file, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
        text = file.getvalue()
    head, _, text = text[text.index("<svg") :].partition(">")
    view = re.search(r'viewBox="[^"]*"', head)
    assert view
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"font-family: [^;]*; ", "", text)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", text).replace("xlink:href", "href")
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    return f"<svg {view[0]}>{text}"
