"""Timing diagrams of the handshakes as WaveDrom draws them, taken from the clock-accurate model."""

import json
import re
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import wavedrom

from model.arch import UnitConfig
from model.arch.axi import Response
from tb.jobs.diagrams import SCENES, Scene, Trace, play_scenes

__all__ = ["wave_json", "write_diagrams"]

KEPT_BEFORE, KEPT_AFTER = 2, 1  # clocks of an idle stretch that are shown; at least two between them are left out
DIGITS = 8  # of a number that fits into a clock
PREFIX = re.compile(r"s_axil_|s_axi_|m_axi_mem_|m_axi_")
# WaveDrom's colours of values: devices and registers, memory, tables, errors.
COLOURS = {"s_axil_": "3", "s_axi_": "3", "m_axi_": "5", "m_axi_mem_": "4"}
ERROR = "9"
GAP = None


def write_diagrams(config: UnitConfig, folder: Path) -> None:
    """Write each scene as WaveJSON and as SVG."""
    place = folder / "diagrams"
    place.mkdir()
    traces = play_scenes(config)
    for scene in SCENES:
        if scene.name in traces:
            text = json.dumps(wave_json(scene, traces[scene.name]), indent=2)
            (place / f"{scene.name}.json").write_text(text + "\n")
            wavedrom.render(text).saveas(str(place / f"{scene.name}.svg"))


def wave_json(scene: Scene, trace: Trace) -> dict[str, Any]:
    """Return the WaveJSON of what a scene showed."""
    clocks = _shown(trace)
    lanes = {port: _lane(port, values, clocks) for port, values in trace.items()}
    distances, edges = [], []
    for number, (start, end) in enumerate(scene.arrows):
        first, last = _clock(trace, start, transfer=True), _clock(trace, end, transfer=False)
        names = ascii_uppercase[2 * number : 2 * number + 2]
        nodes = {clocks.index(clock): name for name, clock in zip(names, (first, last), strict=True)}
        # An arrow has its own lane and its text beside that, or both would cover values.
        node = "".join(nodes.get(column, ".") for column in range(max(nodes) + 1))
        distances.append({"name": f"{last - first} clocks", "node": node})
        edges.append(f"{names[0]}<->{names[1]}")
    numbers = {
        "name": "clock",
        "wave": "".join("|" if clock is GAP else "=" for clock in clocks),
        "data": [str(clock) for clock in clocks if clock is not GAP],
    }
    return {
        "signal": [numbers, *distances, {}, *_groups(lanes)],
        "edge": edges,
        "head": {"text": scene.title},
        "config": {"hscale": 2},
    }


def _shown(trace: Trace) -> list[int | None]:
    """Return the clocks to be drawn, with GAP for a stretch in which nothing changes."""
    samples = list(zip(*trace.values(), strict=True))
    shown: list[int | None] = []
    first = 0
    for clock in range(1, len(samples) + 1):
        if clock == len(samples) or samples[clock] != samples[first]:
            stretch = range(first, clock)
            if len(stretch) > KEPT_BEFORE + KEPT_AFTER + 1:
                shown += [*stretch[:KEPT_BEFORE], GAP, *stretch[-KEPT_AFTER:]]
            else:
                shown += stretch
            first = clock
    return shown


def _lane(port: str, values: list[int | None], clocks: list[int | None]) -> dict[str, Any]:
    prefix = _prefix(port)
    flag = port.endswith(("valid", "ready", "last"))
    wave, data = "", []
    before: int | None = None
    for column, clock in enumerate(clocks):
        if clock is GAP:
            wave += "|"
            continue
        value = values[clock]
        if column and value == before:
            wave += "."
        elif value is None:
            wave += "x"
        elif flag:
            wave += str(value)
        else:
            text = _text(port, value)
            wave += ERROR if text.endswith("ERR") else COLOURS[prefix]
            data.append(text)
        before = value
    return {"name": port.removeprefix(prefix), "wave": wave} | ({"data": data} if data else {})


def _text(port: str, value: int) -> str:
    if port.endswith("resp"):
        return Response(value).name
    text = f"{value:x}"
    return text if len(text) <= DIGITS else f"{text[: DIGITS - 5]}…{text[-4:]}"


def _prefix(port: str) -> str:
    match = PREFIX.match(port)
    assert match, port
    return match[0]


def _clock(trace: Trace, channel: str, *, transfer: bool) -> int:
    """Return the first clock of a channel's valid, of a `transfer` with its ready."""
    valids = trace[channel + "valid"]
    readies = trace.get(channel + "ready", [1] * len(valids)) if transfer else [1] * len(valids)
    return next(clock for clock, both in enumerate(zip(valids, readies, strict=True)) if both == (1, 1))


def _groups(lanes: dict[str, dict[str, Any]]) -> list[Any]:
    """Put adjoining lanes of one interface under its prefix."""
    groups: list[Any] = []
    for port, lane in lanes.items():
        prefix = _prefix(port)
        if not groups or groups[-1][0] != prefix:
            groups += [{}] * bool(groups) + [[prefix]]
        groups[-1].append(lane)
    return groups
