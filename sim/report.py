"""The report of a run: one page of HTML that needs nothing else, from what a replay or a regression counted."""

import io
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from rich.console import Console

from model.arch import CONDITIONS, FaultReason, UnitConfig
from sim import charts
from sim.explain import ExplainError, Explanation, causes, explain_event
from sim.explain.text import print_explanation
from sim.printable import printable
from sim.recording import Recording
from sim.regress import Regression
from sim.summary import Summary
from sim.tables import KINDS, OFFSETS, exceptions
from sim.versions import command_line, versions
from tb.statistics import CACHES, SLOWEST_OF_GROUP, Slow, Statistics

__all__ = ["linked_lines", "regression_page", "replay_page"]

DIFFERENCES_EXPLAINED = 5
CONFIGURATIONS_SHOWN = 4  # side by side

# Beginnings of the groups of requests, in the order in which they are shown.
GROUPS = ("hit", "pass-through", "not translated", "miss", "waited", "done", "refused", "interrupt")

# What is not there, and why.
NO_CLOCKS = (
    "The reference model has neither clocks nor caches: hit rates, latencies, walks in flight and slowest requests "
    "are absent. Run with --simulator verilator or icarus to have them."
)
NO_RTL = "No RTL took part: the clock-accurate golden model ran alone, so no output was compared in lockstep."

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Article:
    """A request in words: `anchor` and title of its place, its way through the unit, the text of vtd explain."""

    anchor: str
    title: str
    steps: list[tuple[int, str]]
    text: str


def linked_lines(recording: Recording, summary: Summary) -> list[int]:
    """Return the lines of a recording that its report explains."""
    statistics = summary.statistics
    assert statistics is not None, "a report needs statistics"
    lines = _lines_of(recording, summary.differences[:DIFFERENCES_EXPLAINED])
    lines += [refusals.line for refusals in statistics.refusals.values()]
    return sorted({*lines, *(slow.line for slow in statistics.ranking)})


def replay_page(recording: Recording, summary: Summary, closing: list[str], progress: Progress | None = None) -> str:
    """Return the page of a replay; `closing` are the sentences in which it ended."""
    statistics = summary.statistics
    assert statistics is not None, "a report needs statistics"
    explanations = _explanations(recording, summary, progress)
    anchors = {line: explanation.anchor for line, explanation in explanations.items()}
    kinds = [(kind, what) for kind, what in KINDS.items() if kind in summary.kinds]
    return _page(
        statistics,
        configs={"": summary.config},
        title=f"Replay of {recording.name}",
        equal=summary.equal,
        closing=closing,
        source=printable(recording.header.source),
        simulator=summary.simulator,
        seconds=summary.seconds,
        kinds=[{"kind": kind, "what": what, "count": summary.kinds[kind]} for kind, what in kinds],
        differences=[
            {"text": text, "anchor": anchors.get(line, "")}
            for text, line in zip(summary.differences, _lines_of(recording, summary.differences), strict=True)
        ],
        exceptions=list(exceptions(summary)),
        clocks=summary.clocks,
        lockstep=asdict(summary.lockstep),
        compared=summary.compared,
        slowest=[_slow_row(slow, anchors.get(slow.line, "")) for slow in statistics.ranking],
        refusals=[row | {"anchor": anchors.get(row["line"], "")} for row in _refusals(statistics)],
        explanations=list(explanations.values()),
        absent=NO_CLOCKS if summary.simulator == "none" else "",
    )


def _explanations(recording: Recording, summary: Summary, progress: Progress | None) -> dict[int, Article]:
    assert summary.statistics is not None
    steps = {slow.line: slow.steps for slow in summary.statistics.ranking}
    found = {}
    for done, line in enumerate(linked_lines(recording, summary), start=1):
        try:
            text = _text(explain_event(recording, line))
        except ExplainError:
            continue  # a difference beside a request, which no link then leads from
        found[line] = Article(f"line-{line}", f"Line {line}", steps.get(line, []), text)
        if progress:
            progress(done)
    return found


def _text(explanation: Explanation) -> str:
    with io.StringIO() as file:
        print_explanation(Console(file=file), explanation)
        return file.getvalue()


def regression_page(regression: Regression, closing: list[str]) -> str:
    """Return the page of a regression; `closing` are the sentences in which it ended."""
    statistics = regression.statistics or Statistics(runs=0)
    required = regression.required
    coverage = {
        "What happened": {name: n for name, n in regression.coverage.items() if name not in required},
        "Interrupts: what must be met": required,
    }
    explanations = [
        Article(f"request-{number}", f"Request {number}: {slow.run}", slow.steps, "")
        for number, slow in enumerate(statistics.ranking, start=1)
    ]
    failures = {failure.run: f"failure-{number}" for number, failure in enumerate(regression.failures, start=1)}
    return _page(
        statistics,
        configs={run.config_name or f"seed {run.seed}": run.config for run in regression.runs},
        title=f"Regression, {len(regression.runs)} run{'s' * (len(regression.runs) > 1)}",
        equal=regression.equal,
        closing=closing,
        source="",
        simulator=regression.simulator,
        seconds=regression.seconds,
        kinds=[],
        differences=[],
        failures=[
            {"run": run, "anchor": failures[run], "first": text.partition("\n")[0], "text": text}
            for run, text, _ in regression.failures
        ],
        exceptions=[],
        clocks=regression.clocks,
        lockstep=regression.lockstep,
        compared=regression.compared,
        counts=dict(regression.counts),
        coverage={title: dict(sorted(counts.items())) for title, counts in coverage.items() if counts},
        missing=regression.missing,
        runs=[
            {"run": run, "clocks": regression.ran.get(run), "anchor": failures.get(run, "")} for run in regression.runs
        ],
        slowest=[
            _slow_row(slow, explanation.anchor)
            for slow, explanation in zip(statistics.ranking, explanations, strict=True)
        ],
        refusals=_refusals(statistics),
        explanations=explanations,
        absent=NO_RTL if regression.simulator == "none" else "",
    )


def _page(statistics: Statistics, *, configs: dict[str, UnitConfig], **values: Any) -> str:
    environment = Environment(
        loader=PackageLoader("sim", "data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    timed = statistics.clocks > 0
    walks = {config.walks for config in configs.values()}
    groups = {group: statistics.latencies[group] for group in sorted(statistics.latencies, key=_group_order)}
    values = {"counts": {}, "coverage": {}, "missing": [], "runs": [], "failures": []} | values
    return environment.get_template("report.html.j2").render(
        values,
        statistics=statistics,
        configurations=list(configs)[:CONFIGURATIONS_SHOWN],
        configurations_left=len(configs) - CONFIGURATIONS_SHOWN,
        parameters=_parameters(list(configs.values())[:CONFIGURATIONS_SHOWN]),
        timed=timed,
        slowest_of_group=SLOWEST_OF_GROUP,
        caches=_caches(statistics),
        latencies=[_latency_row(group, counts, statistics) for group, counts in groups.items()],
        charts={
            name: Markup(svg)
            for name, svg in {
                "caches": charts.cache_chart(statistics),
                "traffic": charts.traffic_chart(statistics) if timed else "",
                "walks": charts.walk_chart(statistics, walks.pop() if len(walks) == 1 else 0),
                "latency": charts.latency_chart(groups),
                "at_once": charts.bars(statistics.walks_at_once, "at-once", "walks that read memory at once", "clocks"),
                "reads": charts.bars(
                    statistics.reads_per_request, "reads", "reads of tables for a DMA request", "requests"
                ),
            }.items()
        },
        command=command_line(),
        versions=versions(values["simulator"]),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _caches(statistics: Statistics) -> list[dict[str, Any]]:
    return [
        {
            "name": name.replace("irte", "IRTE").replace("source id", "source-id"),
            "lookups": statistics.timeline.total(row),
            "hits": statistics.timeline.total(f"{row} hits"),
            "rate": statistics.hit_rate(name),
        }
        for name, row in CACHES.items()
    ]


def _group_order(group: str) -> tuple[int, str]:
    return next(place for place, beginning in enumerate(GROUPS) if group.startswith(beginning)), group


def _latency_row(group: str, counts: Counter[int], statistics: Statistics) -> dict[str, Any]:
    clocks = sorted(counts)
    until = list(accumulate(counts[clock] for clock in clocks))

    def quantile(share: float) -> int:
        return clocks[bisect_left(until, share * until[-1])]

    return {
        "group": group,
        "requests": until[-1],
        "least": clocks[0],
        "median": quantile(0.5),
        "most_of": quantile(0.95),
        "most": clocks[-1],
        "alone": _alone(group, statistics.memory_latency),
    }


def _alone(group: str, latency: int) -> int | None:
    """Return the clocks of such a request when nothing else is going on, as vtd bench measures them."""
    if group.startswith("hit") or group == "pass-through":
        return 4
    if group == "interrupt, remapped, entry cached":
        return 6
    if latency and group.startswith("miss"):
        return int(group.split()[1]) * (latency + 3) + 7
    if latency and group == "interrupt, remapped, entry read":
        return latency + 9
    return None


def _refusals(statistics: Statistics) -> list[dict[str, Any]]:
    rows = []
    for reason, refusals in sorted(statistics.refusals.items()):
        conditions = [condition for condition in CONDITIONS.values() if condition.reason == reason]
        name = (
            FaultReason(reason).name.replace("_", " ").lower()
            if reason
            else "no record: FPD, or refused without a fault"
        )
        rows.append(
            {
                "reason": f"{reason:#04x}" if reason else "-",
                "name": name.replace("irte", "IRTE").replace("source id", "source-id"),
                "conditions": ", ".join(condition.name for condition in conditions),
                "count": refusals.count,
                "recorded": refusals.recorded,
                "line": refusals.line,
                "anchor": "",
            }
        )
    return rows


def _slow_row(slow: Slow, anchor: str) -> dict[str, Any]:
    bus, device, function = slow.source_id >> 8, slow.source_id >> 3 & 0x1F, slow.source_id & 7
    return asdict(slow) | {
        "source": f"{bus:02x}:{device:02x}.{function}",
        "address": f"{slow.address:#x}",
        "anchor": anchor,
    }


def _lines_of(recording: Recording, differences: list[str]) -> list[int]:
    """Return the line of a recording that tells of each difference: of an effect, that of the request before it."""
    lines = [int(text.removeprefix("line ").partition(":")[0]) for text in differences]
    cause_of = causes(recording)
    return [cause_of.get(line, line) for line in lines]


def _parameters(configs: list[UnitConfig]) -> list[tuple[str, list[str]]]:
    """Return the name of each parameter with its value in each configuration."""
    values = [asdict(config) for config in configs]
    return [(name, [_parameter(name, one[name]) for one in values]) for name in values[0]]


def _parameter(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:#x}" if name in OFFSETS else str(value)
