"""`vtd bench`: what is counted, when the limit is met, and what cannot be measured."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sim import bench
from sim.__main__ import vtd
from sim.bench import Row, reference_model_translations
from sim.recording import load_recording
from tests.sim.handmade import EVENTS, write_recording


class Clock:
    """Advances by a fixed time at every look, so that one translation takes exactly that long."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def perf_counter(self) -> float:
        self.now += self.seconds
        return self.now


def clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(bench, "time", Clock(seconds))


def test_time_inside_the_model_is_what_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two DMA requests (the look-up without access rights is none) of 1/65536 s each."""
    clock(monkeypatch, 1 / 65536)
    row = reference_model_translations(load_recording(write_recording(tmp_path / "r.jsonl.gz", *EVENTS)))
    assert (row.value, row.limit, row.unit, row.met) == (65536, 30000, "translations/s", True)
    assert row.method == (
        "all 2 DMA requests of r.jsonl.gz, permitted and refused, in its replay; only the time inside Unit.dma, "
        "by time.perf_counter around each call; best of 5 replays"
    )


@pytest.mark.parametrize(("value", "met"), [(29999.9, False), (30000.0, True), (30000.1, True)])
def test_limit(value: float, met: bool) -> None:
    assert Row("name", value, 30000.0, "translations/s", "method").met is met


@pytest.mark.parametrize(
    ("seconds", "value", "met", "exit_code"), [(2**-16, 65536, True, 0), (2**-14, 16384, False, 1)]
)
def test_bench_writes_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, value: int, met: bool, exit_code: int
) -> None:
    clock(monkeypatch, seconds)
    monkeypatch.setattr(bench, "unit_clocks", lambda *_: [])  # measured in tests/tb/test_bench.py
    monkeypatch.setattr(bench, "simulation_speeds", lambda *_: [])
    recording, rows = write_recording(tmp_path / "r.jsonl.gz", *EVENTS), tmp_path / "rows.json"
    result = CliRunner().invoke(vtd, ["bench", "--recording", str(recording), "--json", str(rows)])
    assert (result.exit_code, result.stderr) == (exit_code, "")
    assert json.loads(rows.read_text()) == {
        "rows": [
            {
                "name": "reference model, DMA translations",
                "value": value,
                "limit": 30000,
                "unit": "translations/s",
                "met": met,
                "method": "all 2 DMA requests of r.jsonl.gz, permitted and refused, in its replay; only the time "
                "inside Unit.dma, by time.perf_counter around each call; best of 5 replays",
            }
        ]
    }
    assert f"{value:,}" in result.stdout
    assert "at least 30,000" in result.stdout


def test_bundled_recording_is_the_default() -> None:
    """Without a stopped clock: the value is the machine's, so only what was measured is checked."""
    result = CliRunner().invoke(vtd, ["bench"])
    assert result.exit_code in (0, 1), result.output
    assert "all 1730 DMA requests of bundled.jsonl.gz" in result.stdout


def test_recording_without_dma(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "r.jsonl.gz", *EVENTS[:4])
    result = CliRunner().invoke(vtd, ["bench", "--recording", str(recording)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {recording} has no DMA request to measure; name a recording with t lines\n"


def test_recording_that_differs(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "r.jsonl.gz", *EVENTS[:10], EVENTS[10] | {"pa": "0x8abc"})
    result = CliRunner().invoke(vtd, ["bench", "--recording", str(recording)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {recording} does not replay equal, so its speed means nothing; see vtd replay {recording}\n"
    )
