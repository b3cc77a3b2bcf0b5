"""The views of an explanation: JSON that programs read, pictures that stay inside their frame, colours on terminals."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.console import Console

from model.reference import DmaAccess, DmaRequest, InterruptRequest
from sim.__main__ import vtd
from sim.explain import (
    Explanation,
    explain_event,
    explain_interrupt,
    explain_queue,
    explain_request,
    scene_of_recording,
    scene_of_tables,
)
from sim.explain.canvas import MONO, SANS, text_width
from sim.explain.drawing_steps import Columns
from sim.explain.picture import picture
from sim.explain.text import print_explanation
from sim.recording import Dma, Interrupt, Recording, RegisterRead, RegisterWrite, load_recording
from tests.sim.handmade import EVENTS, write_recording
from tests.sim.test_explain_questions import TABLES

PROJECT = Path(__file__).resolve().parents[2]
BUNDLED = PROJECT / "sim" / "data" / "bundled.jsonl.gz"
SVG = "{http://www.w3.org/2000/svg}"
FETCHES = re.compile(r"https?://(?!www\.w3\.org/2000/svg)|<script|<image|<foreignObject|href|@import|url\((?!#)")


@pytest.fixture(scope="module")
def bundled() -> Recording:
    return load_recording(BUNDLED)


@pytest.fixture(scope="module")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return load_recording(write_recording(tmp_path_factory.mktemp("views") / "handmade.jsonl.gz", *EVENTS))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("views") / "driver.toml"
    path.write_text(TABLES)
    return path


# JSON


def test_json_of_a_refused_write(handmade: Recording, tmp_path: Path) -> None:
    file = tmp_path / "explanation.json"
    result = CliRunner().invoke(vtd, ["explain", str(handmade.path), "--event", "13", "--json", str(file)])
    assert result.exit_code == 0
    told = json.loads(file.read_text())
    assert list(told) == [
        "kind",
        "title",
        "place",
        "numbers",
        "steps",
        "outcome",
        "messages",
        "answer",
        "registers",
        "changes",
        "verdict",
        "warnings",
    ]
    assert (told["kind"], told["place"]) == ("dma", "line 13 of handmade.jsonl.gz")
    assert told["numbers"] == {"source-id": "0x3a0a", "address": "0x8080604abc"}
    assert [step["structure"] for step in told["steps"]] == [
        "ROOT_ENTRY",
        "CONTEXT_ENTRY",
        "SECOND_STAGE_PML4E",
        "SECOND_STAGE_PDPE",
        "SECOND_STAGE_PDE",
        "SECOND_STAGE_PTE",
    ]
    level_2 = told["steps"][4]
    assert level_2["place"] == {
        "table": "level 2 table",
        "base": "0x5000",
        "base_from": "ADDR of the level 3 entry",
        "index": "0x3",
        "selected_by": [{"number": "address", "high": 29, "low": 21, "value": "0x3"}],
    }
    assert (level_2["address"], level_2["value"], level_2["size"]) == ("0x5018", "0x6001", 8)
    assert level_2["permissions"] == {"read": True, "write": False}
    assert [(field["name"], field["value"]) for field in level_2["fields"] if field["wrong"]] == [("W", "0x0")]
    assert level_2["notes"] == [{"text": "permitted so far: read", "rule": "rule 6.4"}]
    assert told["outcome"] == {
        "text": "refused: write or AtomicOp without write permission; fault 0x5",
        "rule": "LGN.2",
        "permitted": False,
        "condition": "LGN.2",
        "code": "0x5",
        "recorded": "recorded in FRCD[0]",
        "record": 0,
        "remedy": "Map the address for writing before the device uses it: W must be 1 in the entries of all levels; "
        "then invalidate the IOTLB.",
    }
    assert [(change["register"], change["before"], change["after"]) for change in told["changes"]] == [
        ("FSTS", "0x0", "0x2"),
        ("FECTL", "0x80000000", "0xc0000000"),
        ("FRCD[0]", "0x0", "0x8000000500003a0a0000008080604000"),
    ]
    assert told["verdict"] == ["the recording says the same"]


def test_json_of_a_register_read(handmade: Recording) -> None:
    told = explain_event(handmade, 5).to_json()
    assert (told["kind"], told["answer"], told["outcome"]) == ("register read", "0xc0000000", None)
    assert [(register["register"], register["after"]) for register in told["registers"]] == [("GSTS", "0xc0000000")]


def test_json_of_a_queue(tables: Path) -> None:
    told = explain_queue(scene_of_tables(tables)).to_json()
    assert [step["action"] for step in told["steps"]] == [
        "execute",
        "execute",
        "wrong",
        "waits",
        "waits",
        "wrong, not reached",
    ]
    assert told["steps"][2]["outcome"]["condition"] == "IQEI 3"
    assert told["outcome"]["code"] == "0x3"


# Text


def printed(explanation: Explanation, **options: object) -> str:
    console = Console(file=io.StringIO(), width=80, **options)  # type: ignore[arg-type]
    print_explanation(console, explanation)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_colours_on_a_terminal_only(handmade: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    explanation = explain_event(handmade, 13)
    assert "\x1b" not in printed(explanation)
    assert "\x1b[1;31mrefused: " in printed(explanation, force_terminal=True, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;31m" not in printed(explanation, force_terminal=True, color_system="standard")


def test_text_keeps_to_the_terminal(handmade: Recording) -> None:
    narrow = printed(explain_event(handmade, 13), force_terminal=True, color_system=None).splitlines()
    assert max(map(len, narrow)) <= 80
    assert 110 < max(map(len, printed(explain_event(handmade, 13)).splitlines())) <= 120


# Pictures


def elements(svg: str) -> Iterator[ElementTree.Element]:
    root = ElementTree.fromstring(svg)
    for element in root:
        if element.tag in {SVG + name for name in ("text", "rect", "circle", "path")}:
            yield element


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in elements(svg) if element.tag == SVG + "text"]


def extent(element: ElementTree.Element) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of an element."""
    at = {name: float(value) for name, value in element.attrib.items() if re.fullmatch(r"-?[\d.]+", value)}
    look = element.get("class", "")
    if element.tag == SVG + "rect":
        return at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"]
    if element.tag == SVG + "circle":
        return at["cx"] - at["r"], at["cy"] - at["r"], at["cx"] + at["r"], at["cy"] + at["r"]
    if element.tag == SVG + "path":
        return path_extent(element.attrib["d"])
    size = 20 if "title" in look else 11 if "small" in look else 13
    width = text_width(element.text or "", size, MONO if "mono" in look else SANS)
    left = at["x"] - {"start": 0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
    return left, at["y"] - size, left + width, at["y"] + 4


def path_extent(d: str) -> tuple[float, float, float, float]:
    xs, ys = [], []
    for command, numbers in re.findall(r"([MHVv])\s*([-\d. ]+)", d):
        values = [float(number) for number in numbers.split()]
        if command == "M":
            xs.append(values[0])
            ys.append(values[1])
        elif command == "H":
            xs.append(values[0])
        else:
            ys.append(values[0] + (ys[-1] if command == "v" else 0))
    return min(xs), min(ys), max(xs), max(ys)


def check(svg: str) -> None:
    """A picture is XML, fetches nothing, runs nothing, and stays inside its frame; so do texts of tables."""
    root = ElementTree.fromstring(svg)
    assert not FETCHES.search(svg)
    _, _, width, height = (float(number) for number in root.attrib["viewBox"].split())
    assert len(texts(svg)) >= 3
    for element in elements(svg):
        left, top, right, bottom = extent(element)
        assert left >= 0 and top >= 0 and right <= width and bottom <= height, ElementTree.tostring(element)
    for table in elements(svg):
        if table.tag == SVG + "rect" and table.get("width") == str(Columns.of(0, has_lamps=False).table_width):
            check_table(svg, *extent(table))


def check_table(svg: str, left: float, top: float, right: float, bottom: float) -> None:
    """No text of a table leaves its box or touches one of its lines, and none is cut off."""
    inside = [e for e in elements(svg) if left <= extent(e)[0] < right and top <= extent(e)[1] < bottom]
    lines = [extent(element)[1] for element in inside if element.get("class") == "rule"]
    assert len(lines) == 4
    for element in inside:
        if element.tag == SVG + "text":
            _, above, end, below = extent(element)
            assert end <= right - 8 and below <= bottom and "…" not in (element.text or ""), element.text
            assert not any(above < line < below for line in lines), element.text


def test_picture_of_a_refused_write(handmade: Recording) -> None:
    svg = picture(explain_event(handmade, 13))
    check(svg)
    seen = texts(svg)
    assert "DMA write of 3a:01.2 (source-id 0x3a0a) at 0x8080604abc" in seen
    assert [text for text in seen if re.fullmatch(r"\d+:\d+", text)] == [
        "15:8",
        "7:0",
        "63:48",
        "47:39",
        "38:30",
        "29:21",
        "20:12",
        "11:0",
    ]
    assert [text for text in seen if text.endswith(" table")] == [
        "Root table",
        "Context table",
        "Level 4 table",
        "Level 3 table",
        "Level 2 table",
        "Level 1 table",
    ]
    assert "from ADDR of the level 3 entry" in seen
    assert (seen.count("R"), seen.count("W")) == (4, 4)
    assert "Refused: write or AtomicOp without write permission; fault 0x5" in seen
    assert {"LGN.2", "Recorded in FRCD[0]", "What software must change", "W 0", "ADDR → 0x6000"} <= set(seen)
    lamps = [e.get("class") for e in elements(svg) if e.tag == SVG + "circle" and e.get("r") == "13"]
    assert lamps == ["good-full"] * 5 + ["bad-box", "good-full", "off"]


def test_picture_of_a_permitted_read_has_nothing_red(handmade: Recording) -> None:
    """Level 2 takes the write permission away, which a read does not need."""
    svg = picture(explain_event(handmade, 12))
    assert not [e for e in elements(svg) if "bad" in e.get("class", "")]
    lamps = [e.get("class") for e in elements(svg) if e.tag == SVG + "circle" and e.get("r") == "13"]
    assert lamps == ["good-full"] * 5 + ["off", "good-full", "off"]


def test_picture_of_a_posted_interrupt(tables: Path) -> None:
    svg = picture(explain_interrupt(scene_of_tables(tables), InterruptRequest(0x10, 0xFEE00030, 0)))
    check(svg)
    seen = texts(svg)
    assert {"Interrupt remapping table", "IRTE_POSTED", "Posted-interrupt descriptor", "PIR bits 0x45"} <= set(seen)
    assert "Posted in the descriptor at 0xb000" in seen
    assert "The unit itself: send the notification 0x4099 to 0xfee09000" in seen


def test_picture_of_tables_at_high_addresses(tmp_path: Path) -> None:
    path = tmp_path / "high.toml"
    levels = "".join(f"0xfffffffff{n}ff8 = 0xfffffffff{n + 1}003\n" for n in range(3, 8))
    path.write_text(
        "[unit]\nhaw = 52\n[registers]\nRTADDR = 0xfffffffff1000\n[memory]\n0xfffffffff1000 = [0xfffffffff2001, 0]\n"
        f"0xfffffffff2ff0 = [0xfffffffff3001, 0x103]\n{levels}"
    )
    svg = picture(explain_request(scene_of_tables(path), DmaRequest(0xFF, (1 << 57) - 1, DmaAccess.READ)))
    check(svg)
    assert {"0xfffffffff3000", "from SSPTPTR of the context-entry", "0xfffffffff7ff8"} <= set(texts(svg))


def test_picture_of_an_interrupt_with_a_subhandle(handmade: Recording) -> None:
    svg = picture(explain_event(handmade, 19))
    check(svg)
    assert "bits 19:5 of address, bit 2 of address, bits 15:0 of data" in " ".join(texts(svg))


@pytest.mark.parametrize("name", ["with spaces " * 20, "without" * 30])
def test_picture_of_a_long_name(handmade: Recording, name: str) -> None:
    svg = picture(replace(explain_event(handmade, 13), place=f"line 13 of {name}"))
    check(svg)
    assert name.replace(" ", "") in "".join(texts(svg)).replace(" ", "")


def test_only_what_led_to_the_refusal_looks_bad(bundled: Recording) -> None:
    """The entry permits what is asked for, and leads to where no request may go."""
    svg = picture(explain_event(bundled, 661))
    looks = {element.text: element.get("class") for element in elements(svg)}
    assert looks["This entry maps a page; all levels together permit read and write"] is None
    assert looks["Host address 0xfee00010 is in the interrupt range 0xFEEx_xxxx"] == "bad"


def test_picture_of_a_queue(tables: Path) -> None:
    svg = picture(explain_queue(scene_of_tables(tables)))
    check(svg)
    assert [t for t in texts(svg) if t in ("complete", "error", "waiting", "waiting and wrong")] == [
        "complete",
        "complete",
        "error",
        "waiting",
        "waiting",
        "waiting and wrong",
    ]
    advice = [text for text in texts(svg) if text.startswith("Put a descriptor that this unit has")]
    assert len(advice) == 2, "below the queue, and at the descriptor that is not reached"


def test_picture_names_reserved_bits_by_their_numbers(tables: Path, tmp_path: Path) -> None:
    """Descriptors of 32 bytes, in abort-DMA mode: bit 134 is one of RSVD_255_128."""
    path = tmp_path / "wide.toml"
    path.write_text(
        "[unit]\nadms = true\n[registers]\nRTADDR = 0xc00\nIQA = 0x8800\nIQT = 0x20\n"
        "[memory]\n0x8000 = [0x12, 0, 0x40, 0]\n"
    )
    seen = texts(picture(explain_queue(scene_of_tables(path))))
    assert {"RSVD_255_128 bit 134", "Bit 134 must be 0 here and is 1"} <= set(seen)


def test_picture_is_written_by_the_command_and_is_that_of_the_documents(tmp_path: Path) -> None:
    """The command that made docs/explain.svg."""
    file = tmp_path / "explain.svg"
    result = CliRunner().invoke(vtd, ["explain", str(BUNDLED), "--event", "596", "--svg", str(file)])
    assert result.exit_code == 0
    assert file.read_text() == (PROJECT / "docs" / "explain.svg").read_text(), "make docs/explain.svg again"


def test_picture_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "explain.svg"
    result = CliRunner().invoke(vtd, ["explain", str(BUNDLED), "--event", "596", "--svg", str(file)])
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: {file}: no such file or directory; --svg must name a file that can be written\n",
    )


# Every kind of event


def sample(recording: Recording) -> list[int]:
    """Lines of events of every kind and every outcome, and some more."""
    lines: dict[object, int] = {}
    for number, event in enumerate(recording.events):
        if isinstance(event, Dma) and event.access is not None:
            lines.setdefault(("dma", event.access, event.reasons, event.refusal), event.line)
        elif isinstance(event, Interrupt):
            lines.setdefault(("interrupt", event.permitted, event.reasons), event.line)
        elif isinstance(event, RegisterWrite | RegisterRead):
            lines.setdefault((type(event), event.offset), event.line)
        else:
            continue
        if number % 200 == 0:
            lines.setdefault(number, event.line)
    return sorted(set(lines.values()))


def test_every_kind_of_event_is_explained_as_it_was_decided(bundled: Recording) -> None:
    lines = sample(bundled)
    assert len(lines) >= 60
    decided = 0
    for line in lines:
        explanation = explain_event(bundled, line)
        check(picture(explanation))
        assert json.loads(json.dumps(explanation.to_json()))["title"] == explanation.title
        assert printed(explanation)
        event = next(event for event in bundled.events if event.line == line)
        if isinstance(event, Dma | Interrupt):
            assert explanation.outcome
            differs = any("otherwise" in sentence for sentence in explanation.verdict)
            assert explanation.outcome.permitted == event.permitted or differs
            assert explanation.outcome.permitted or explanation.outcome.remedy
            assert differs or not event.reasons or explanation.outcome.code in event.reasons
            decided += not differs
    assert decided > 25


def test_queue_after_many_lines(bundled: Recording) -> None:
    explanation = explain_queue(scene_of_recording(bundled, 500))
    assert len(explanation.steps) > 20
    check(picture(explanation))


# In a browser

MEASURE = """() => {
  const frame = document.documentElement.viewBox.baseVal;
  const drawn = [...document.documentElement.children].filter(e => e.getBBox && e.tagName !== 'defs');
  return [frame.width, frame.height, drawn.map(e => {
    const b = e.getBBox(); return [e.tagName, e.textContent, b.x, b.y, b.x + b.width, b.y + b.height]; })];
}"""


def test_a_browser_sees_all_of_it_and_no_text_over_another(
    chromium: Any, bundled: Recording, handmade: Recording, tables: Path, tmp_path: Path
) -> None:
    explanations = [explain_event(bundled, line) for line in (430, 596, 650, 979, 1437, 1545)]
    explanations += [explain_event(handmade, line) for line in (5, 12, 13, 16, 19, 23)]
    explanations += [explain_queue(scene_of_tables(tables))]
    explanations += [explain_interrupt(scene_of_tables(tables), InterruptRequest(0x10, 0xFEE00030, 0))]
    page = chromium.new_page()
    for number, explanation in enumerate(explanations):
        file = tmp_path / f"{number}.svg"
        file.write_text(picture(explanation))
        page.goto(file.as_uri())
        width, height, drawn = page.evaluate(MEASURE)
        for tag, text, left, top, right, bottom in drawn:
            assert left >= -0.5 and top >= -0.5 and right <= width + 0.5 and bottom <= height + 0.5, (tag, text)
        words = [box for box in drawn if box[0] == "text" and box[1].strip()]
        for one, other in combinations(words, 2):
            apart = one[4] <= other[2] + 1 or other[4] <= one[2] + 1
            assert apart or one[5] <= other[3] + 3 or other[5] <= one[3] + 3, (one, other)
    page.close()
