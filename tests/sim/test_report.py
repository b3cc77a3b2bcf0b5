"""`--report FILE`: one page that says what the command and its JSON say, looked at in a real browser."""

import json
import re

import pytest
from click.testing import CliRunner

from model.arch import PRESETS
from model.reference.translate import Translator
from sim import building
from sim.__main__ import vtd
from sim.charts import traffic_chart
from sim.commands.shared import BUNDLED
from tb.statistics import Statistics
from tests.browser import assert_well_made, opened, table
from tests.sim.handmade import EVENTS, write_recording


def run(folder, *arguments):
    """Run a command with --report and --json; return exit status, page and values."""
    report, values = folder / "report.html", folder / "values.json"
    options = [*map(str, arguments), "--report", str(report), "--json", str(values)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(vtd, options)
    assert result.exit_code in (0, 1), result.output
    return result, report, json.loads(values.read_text())


def headings(page):
    return page.locator("h2").all_inner_texts()


def assert_numbers(page, values):
    """The table of kinds and the lockstep are those of the JSON."""
    shown = {row[0]: list(map(int, row[2:])) for row in table(page, "#kinds")[1:]}
    assert shown == {
        kind: [*(count[name] for name in ("seen", "compared", "equal", "unequal")), sum(count["excepted"].values())]
        for kind, count in values["kinds"].items()
    }
    assert page.inner_text("#compared") == str(sum(count["compared"] for count in values["kinds"].values()))


def assert_self_contained(report):
    text = report.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#|data:)|url\((?!#)|@import|<script|\bhttps?://""", text)


def test_replay_under_verilator(chromium, tmp_path):
    result, report, values = run(tmp_path, "replay", BUNDLED, "--config", "small")
    assert result.exit_code == 0
    assert_self_contained(report)
    with opened(chromium, report) as page:
        assert page.inner_text("h1") == "Replay of bundled.jsonl.gz"
        assert page.inner_text(".verdict strong") == "Equal"
        assert "all 2303 compared lines equal" in page.inner_text(".verdict")
        assert headings(page) == [
            "What was compared", "Caches over time", "Latency", "Walks in flight", "Tables read", "Faults by reason",
            "Named exceptions", "Slowest requests", "Configuration", "Made by", "Explanations",
        ]  # fmt: skip
        assert_numbers(page, values)
        clocks = values["clocks"]
        assert page.inner_text("#clocks") == str(clocks)
        assert page.inner_text("#lockstep").endswith(f"{clocks} clocks, 72 outputs in each, 0 mismatches.")
        excepted = {
            (kind, name): number
            for kind, count in values["kinds"].items()
            for name, number in count["excepted"].items()
        }
        excepted |= {("", f"fault record taken back: {name}"): number for name, number in values["withdrawn"].items()}
        assert {(kind, name): int(number) for kind, name, number in table(page, "#exceptions")[1:]} == excepted
        latencies = {row[0]: row[1:] for row in table(page, "#latency table")[1:]}
        assert latencies["hit, read"][1:3] == ["4", "4"] and latencies["hit, read"][5] == "4"
        assert latencies["miss, 6 reads"][1::4] == ["85", "85"]  # R (L + 3) + 7 with L = 10, as it is alone
        refused = {row[0]: row[3:5] for row in table(page, "#refusals")[1:]}
        assert refused["0x05"] == ["42", "42"]
        assert page.locator("svg").count() == 6
        assert all(box["height"] > 50 for box in (svg.bounding_box() for svg in page.locator("svg").all()))
        assert table(page, "#configuration table")[0] == ["version_major", "1"]
        page.click("#refusals a >> text='430'")
        assert page.url.endswith("#line-430")
        assert "DMA read of 00:02.0 (source-id 0x0010) at 0x1000" in page.inner_text("#line-430")
        assert_well_made(page)


def test_replay_on_the_reference_model(chromium, tmp_path):
    """What only a simulation can tell is said to be absent."""
    _, report, values = run(tmp_path, "replay", BUNDLED, "--simulator", "none")
    assert_self_contained(report)
    with opened(chromium, report) as page:
        assert headings(page) == [
            "What was compared", "Tables read", "Faults by reason", "Named exceptions", "Configuration", "Made by",
            "Explanations",
        ]  # fmt: skip
        assert_numbers(page, values)
        assert "neither clocks nor caches" in page.inner_text("header")
        assert page.locator("#lockstep, #clocks").count() == 0
        assert ["ROOT_ENTRY", "1730"] in table(page, "#tables table")
        assert_well_made(page)


def test_difference_is_explained(chromium, tmp_path):
    recording = write_recording(tmp_path / "x.jsonl.gz", *EVENTS[:10], {**EVENTS[10], "pa": "0x8abc"})
    result, report, _ = run(tmp_path, "replay", recording, "--simulator", "none")
    assert result.exit_code == 1
    with opened(chromium, report) as page:
        assert page.title() == "Replay of x.jsonl.gz: unequal"
        assert page.inner_text(".verdict strong") == "Unequal"
        assert page.inner_text("#differences pre") == "line 12: host address 0x7abc, not 0x8abc explained"
        page.click("#differences a")
        assert "the recording says otherwise" in page.inner_text(":target")
        assert_well_made(page)


def test_different_message_is_explained_with_its_request(chromium, tmp_path):
    """A fault event with other data than recorded: what sent it is the refused write in the line before."""
    unmasked = [
        {"e": "w", "o": offset, "s": 4, "v": value}
        for offset, value in (("0x3c", "0x21"), ("0x40", "0xfee01004"), ("0x38", "0x0"))
    ]
    message = {"e": "msi", "addr": "0xfee01004", "data": "0x22"}
    recording = write_recording(tmp_path / "x.jsonl.gz", *EVENTS[:10], *unmasked, EVENTS[11], message)
    result, report, _ = run(tmp_path, "replay", recording, "--simulator", "none")
    assert result.exit_code == 1
    with opened(chromium, report) as page:
        assert page.inner_text("#differences pre").startswith("line 16: ")
        page.click("#differences a")
        assert page.url.endswith("#line-15")
        assert "0x21 to 0xfee01004" in page.inner_text(":target")
        assert_well_made(page)


def test_campaign(chromium, tmp_path):
    arguments = ("regress", "--simulator", "none", "--seeds", "3-4", "--cycles", "2000", "--jobs", "1")
    _, report, values = run(tmp_path, *arguments)
    assert_self_contained(report)
    with opened(chromium, report) as page:
        assert page.inner_text("h1") == "Regression, 4 runs"
        assert headings(page) == [
            "What was compared", "Caches over time", "Latency", "Walks in flight", "Tables read", "Faults by reason",
            "Coverage", "Slowest requests", "Configuration", "Made by", "Explanations",
        ]  # fmt: skip
        assert page.inner_text("#compared") == str(values["kinds"]["t"]["compared"])
        assert page.inner_text("#clocks") == str(values["clocks"])
        counts = {row[0]: int(row[1]) for row in table(page, "#compared-with > table")}
        assert counts == values["counts"]
        coverage = {row[0]: int(row[1]) for row in table(page, "#coverage table") if row[1] != "times"}
        assert coverage == values["coverage"] | values["required"]
        assert not set(coverage) & set(counts)  # what is counted otherwise has another name
        recorded = sum(int(row[4]) for row in table(page, "#refusals")[1:])
        assert recorded == values["counts"]["faults"]
        parameters = table(page, "#configuration table")
        assert parameters[0] == ["", "default", "small"]
        assert ["haw", "48", "48"] in parameters and ["iotlb_entries", "64", "8"] in parameters
        page.click("#slowest a >> nth=0")
        assert "vtd regress --simulator none --seed" in page.inner_text(":target h3")
        assert "address accepted on s_axi_" in page.inner_text(":target table")
        assert_well_made(page)


def test_interrupts_are_seen_beside_refusals():
    """What is refused is a line: an area would hide interrupts, all of which may be among it."""
    statistics = Statistics(clocks=32)
    for row, amount in (("requests", 9), ("interrupts", 2), ("refusals", 5)):
        statistics.timeline.add(row, 3, amount)
    chart = traffic_chart(statistics)
    colours = ("first", "second", "third")
    filled, drawn = ({name for name in colours if f"{how}: var(--{name})" in chart} for how in ("fill", "stroke"))
    assert (filled, drawn) == ({"first", "third"}, {"second"})


def assert_failed(page, values):
    """The page has what one run did until it failed, and the failure."""
    assert page.inner_text(".verdict strong") == "Unequal"
    assert page.inner_text("#clocks") == str(values["clocks"]) != "0"
    compared = values["kinds"]["t"]["equal"]
    assert page.inner_text("#compared") == str(compared) != "0"
    assert ["requests", str(values["counts"]["requests"])] in table(page, "#compared-with > table")
    assert table(page, "#compared-with .wide table")[1][3:] == [str(values["clocks"]), "failed"]
    assert {"Caches over time", "Latency", "Failures", "Coverage", "Slowest requests"} < set(headings(page))
    (failure,) = values["failures"]
    page.click(".verdict a")
    shown = page.inner_text(":target")
    assert failure["text"].strip() in shown
    assert f"To repeat it: {failure['command']}" in shown
    assert failure["text"].partition("\n")[0] in page.inner_text(".verdict")
    assert_well_made(page)


@pytest.fixture
def wrong_burst(monkeypatch):
    """The unit in a simulator writes to tables with AWBURST 0."""
    right, line = building.unit_verilog, "assign m_axi_mem_awburst = 2'h{};"
    assert line.format(1) in right(PRESETS["small"])
    monkeypatch.setattr(building, "unit_verilog", lambda config: right(config).replace(line.format(1), line.format(0)))


@pytest.mark.usefixtures("wrong_burst")
def test_failed_replay(chromium, tmp_path):
    recording = write_recording(tmp_path / "x.jsonl.gz", *EVENTS)
    arguments = ("replay", recording, "--simulator", "icarus", "--config", "small")
    result, report, values = run(tmp_path, *arguments)
    assert result.exit_code == 1 and values["lockstep"]["mismatches"] == 1
    assert "line 19: interrupt of source-id 0x3a0a at 0xfee00098, data 0x2" in result.output
    with opened(chromium, report) as page:
        (sentence,) = page.locator(".verdict div").all_inner_texts()
        assert re.fullmatch(r"line 23: clock \d+: m_axi_mem_awburst differs: RTL 0x0, model 0x1", sentence)
        assert {"Caches over time", "Latency"} < set(headings(page))
        assert_well_made(page)


@pytest.mark.usefixtures("wrong_burst")
def test_failed_lockstep(chromium, tmp_path):
    arguments = ("regress", "--simulator", "icarus", "--seed", "3", "--cycles", "2000", "--config", "small")
    result, report, values = run(tmp_path, *arguments)
    assert result.exit_code == 1
    assert "m_axi_mem_awburst differs: RTL 0x0, model 0x1" in values["failures"][0]["text"]
    clocks = values["clocks"]
    assert values["lockstep"] == {"clocks": clocks, "signals": 72 * clocks, "mismatches": 1}
    with opened(chromium, report) as page:
        assert_failed(page, values)
        assert page.inner_text("#lockstep").endswith(f"{clocks} clocks, {72 * clocks} values of outputs, 1 mismatch.")


def test_wrong_decision(chromium, tmp_path, monkeypatch):
    monkeypatch.setattr(Translator, "_missing", lambda self, access, permissions: 0)
    arguments = ("regress", "--simulator", "none", "--seed", "2", "--cycles", "5000", "--config", "small")
    result, report, values = run(tmp_path, *arguments)
    assert result.exit_code == 1
    assert values["lockstep"]["mismatches"] == 0
    with opened(chromium, report) as page:
        assert_failed(page, values)


def test_file_that_cannot_be_written(tmp_path):
    recording = write_recording(tmp_path / "x.jsonl.gz", *EVENTS)
    target = tmp_path / "nowhere" / "report.html"
    result = CliRunner().invoke(vtd, ["replay", str(recording), "--simulator", "none", "--report", str(target)])
    assert result.exit_code == 2
    assert f"{target}: no such file or directory; --report must name a file that can be written" in result.output
