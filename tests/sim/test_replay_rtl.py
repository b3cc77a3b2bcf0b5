"""`vtd replay` on the simulated unit: recordings in lockstep, and one sentence for everything that is wrong."""

import gzip
import json

import pytest
from click.testing import CliRunner

from model.arch import PRESETS
from sim.__main__ import vtd
from sim.commands.shared import BUNDLED
from sim.recording import load_recording
from sim.replay import replay
from tests.sim.handmade import EVENTS, HEADER, write_recording

COMPARED_KINDS = ("r", "t", "ta", "i", "x", "msi")


def run(*arguments, tmp_path):
    """Run the command; return exit status, printed text and the JSON, where there is one."""
    file = tmp_path / "summary.json"
    options = ["replay", *map(str, arguments), "--json", str(file)]
    result = CliRunner(env={"COLUMNS": "200"}).invoke(vtd, options)
    return result.exit_code, result.stdout, json.loads(file.read_text()) if file.exists() else None


def assert_in_lockstep(summary, simulator, *, clocks):
    assert summary["simulator"] == simulator
    assert summary["clocks"] >= clocks
    assert summary["lockstep"] == {"clocks": summary["clocks"], "signals": 72, "mismatches": 0}
    for kind, count in summary["kinds"].items():
        told = count["compared"] + sum(count["excepted"].values())
        assert told == (count["seen"] if kind in COMPARED_KINDS else 0), kind
        assert (count["equal"], count["unequal"]) == (count["compared"], 0), kind


@pytest.mark.parametrize("preset", PRESETS)
def test_bundled_recording_under_verilator(preset, tmp_path):
    """What is compared, and what is excepted, is as with the reference model alone."""
    status, text, summary = run(BUNDLED, "--config", preset, tmp_path=tmp_path)
    assert status == 0, text
    assert_in_lockstep(summary, "verilator", clocks=40_000)
    assert summary["config"]["iotlb_entries"] == PRESETS[preset].iotlb_entries
    assert summary["config"]["interrupts"] == PRESETS[preset].interrupts
    expected = replay(load_recording(BUNDLED)).to_json()
    assert summary["kinds"] == expected["kinds"]
    assert summary["kinds"]["i"]["equal"] == 247
    assert summary["withdrawn"] == expected["withdrawn"]
    assert text.splitlines()[-1] == "all 2303 compared lines equal"


def test_typed_recording_under_icarus(tmp_path):
    """Queue, translation, refusals, register status; the unit's memory and messages go over the bus."""
    recording = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS)
    arguments = (recording, "--simulator", "icarus", "--config", "small")
    status, text, summary = run(*arguments, tmp_path=tmp_path)
    assert status == 0, text
    assert_in_lockstep(summary, "icarus", clocks=200)
    assert {kind: count["compared"] for kind, count in summary["kinds"].items() if count["compared"]} == {
        "r": 1,
        "t": 2,
        "i": 1,
        "x": 1,
    }
    clocks = summary["clocks"]
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line]
    assert ["i", "interrupt requests", "1", "1", "1", "0", "0"] in rows
    assert ["", "clocks", str(clocks), "", "", "", ""] in rows
    assert ["", "clocks in lockstep", str(clocks), str(clocks), str(clocks), "0", ""] in rows
    assert "iotlb_entries 8," in text.splitlines()[1]
    assert text.splitlines()[-2:] == [
        f"icarus: all 72 outputs equal model/cycle in {clocks} clocks",
        "all 5 compared lines equal",
    ]


def test_difference_from_the_recording_under_icarus(tmp_path):
    """The unit is right, the line is not."""
    recording = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS[:10], {**EVENTS[10], "pa": "0x8abc"})
    status, text, summary = run(recording, "--simulator", "icarus", "--config", "small", tmp_path=tmp_path)
    assert status == 1
    assert text.splitlines()[-1] == "line 12: host address 0x7abc, not 0x8abc"
    assert summary["kinds"]["t"]["unequal"] == 1
    assert summary["lockstep"]["mismatches"] == 0


def test_limit_under_icarus(tmp_path):
    recording = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS)
    arguments = (recording, "--simulator", "icarus", "--config", "small", "--limit", "11")
    status, _, summary = run(*arguments, tmp_path=tmp_path)
    assert status == 0
    assert {kind: count["seen"] for kind, count in summary["kinds"].items()} == {"w": 3, "r": 1, "m": 6, "t": 1}


# Bad usage and bad input


def refusal(*arguments):
    """Run what must be refused before anything is built, and return the sentence."""
    result = CliRunner(env={"COLUMNS": "200"}).invoke(vtd, ["replay", *map(str, arguments)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def recording(tmp_path):
    return write_recording(tmp_path / "recording.jsonl.gz", *EVENTS)


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_unit_that_cannot_be_built(simulator, tmp_path):
    header = HEADER | {"ecap": hex(int(HEADER["ecap"], 16) | 1 << 43)}
    path = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS, header=header)
    assert refusal(path, "--simulator", simulator) == (
        f"{path}, line 1 (header): scalable mode does not exist yet: ECAP.SMTS (bit 43) must be 0"
    )


def test_damaged_recording(recording):
    recording.write_bytes(gzip.compress(b'{"format": "other"}\n'))
    assert refusal(recording) == (f"{recording}, line 1 (header): format and version must be vtd-trace 1")


def test_waves_without_a_simulator(recording, tmp_path):
    assert refusal(recording, "--simulator", "none", "--waves", tmp_path / "w.fst") == (
        "--waves needs a simulator; --simulator must be verilator or icarus"
    )


def test_configuration_that_does_not_exist(recording):
    assert refusal(recording, "--config", "smal") == (
        "--config smal: no such file or directory; name a TOML file or one of default, small"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("walks = 17", "walks must be 1 to 16, not 17"),
        ("walks = ", "not TOML: Invalid value (at end of document)"),
        ("walk = 1", "walk is no field of a configuration; there are "),
    ],
)
@pytest.mark.parametrize("simulator", ["verilator", "none"])
def test_configuration_that_is_wrong(recording, tmp_path, text, sentence, simulator):
    file = tmp_path / "unit.toml"
    file.write_text(text)
    found = refusal(recording, "--config", file, "--simulator", simulator)
    assert found.startswith(f"--config {file}: {sentence}")


def test_sizes_come_from_the_configuration_and_the_rest_from_the_recording(recording, tmp_path):
    file = tmp_path / "unit.toml"
    file.write_text("walks = 3\nhaw = 40\nnfr = 5\ndata_bits = 128\n")
    status, _, summary = run(recording, "--config", file, "--simulator", "none", tmp_path=tmp_path)
    assert status == 0
    config = summary["config"]
    assert (config["walks"], config["data_bits"], config["haw"], config["nfr"]) == (3, 128, 48, 1)
