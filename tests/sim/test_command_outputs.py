"""What the command `vtd` writes, and where: standard output and files, whatever becomes of them."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from sim.__main__ import vtd
from tests.sim.handmade import EVENTS, write_recording

PROJECT = Path(__file__).parents[2]
TABLES = PROJECT / "docs" / "example-tables.toml"
MAY_BE_WRITTEN = "it must be a file, pipe or terminal that can be written"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "handmade.jsonl.gz", *EVENTS)


def shell(
    line: str, *arguments: str | Path, folder: Path = PROJECT, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash, in which `vtd` is the command and $1, $2 ... are the arguments."""
    script = f'vtd() {{ "{sys.executable}" -m sim "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(
        ["bash", "-c", script, "bash", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | environment,
    )


# Standard output


@pytest.mark.parametrize("command", ['explain "$1" --queue', "explain --help"])
def test_standard_output_that_is_full(command: str) -> None:
    done = shell(f"vtd {command} > /dev/full", TABLES)
    assert (done.returncode, done.stderr) == (
        2,
        f"Error: standard output: no space left on device; {MAY_BE_WRITTEN}\n",
    )
    assert shell(f"vtd {command} > /dev/full 2>&1", TABLES).returncode == 2


def test_standard_output_that_is_closed() -> None:
    done = shell('vtd explain "$1" --queue >&-', TABLES)
    assert (done.returncode, done.stderr) == (2, f"Error: standard output: it is closed; {MAY_BE_WRITTEN}\n")


def test_pipe_that_nobody_reads_changes_nothing(recording: Path, tmp_path: Path) -> None:
    """The command does all its work, and its status tells how that ended."""
    file = tmp_path / "out.json"
    done = shell('vtd replay --simulator none "$1" --json "$2" | true', recording, file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert file.read_text().endswith("}\n")
    differing = write_recording(tmp_path / "differing.jsonl.gz", *EVENTS[:10], EVENTS[10] | {"pa": "0x8abc"})
    done = shell('vtd replay --simulator none "$1" | true', differing)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {}])
def test_names_that_standard_output_cannot_spell(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / os.fsdecode("ü\u4e00".encode() + b"\xff.toml")
    path.write_bytes(TABLES.read_bytes())
    done = shell('vtd explain "$1" --queue', path, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("with the tables of ") and "\\udcff.toml: " in done.stdout
    missing = shell('vtd explain "$1" --queue', tmp_path / os.fsdecode(b"\xff.toml"), **environment)
    assert missing.returncode == 2
    assert missing.stderr.startswith("Error: ") and missing.stderr.count("\n") == 1


# Names of files


NAMES = {b"b\xffd": "b\\udcffd", b"a\x01\nb": "a\\x01\\nb"}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_and_pages_of_files_with_any_name(recording: Path, tmp_path: Path, name: bytes) -> None:
    shown = NAMES[name]
    tables = tmp_path / os.fsdecode(name + b".toml")
    tables.write_bytes(TABLES.read_bytes())
    odd = recording.rename(tmp_path / os.fsdecode(name + b".gz"))
    svg, page = tmp_path / "out.svg", tmp_path / "out.html"
    for capture, question in ((tables, ["--queue"]), (odd, ["--event", "13"]), (odd, ["--queue"])):
        result = CliRunner().invoke(vtd, ["explain", str(capture), *question, "--svg", str(svg)])
        assert (result.exit_code, result.stderr) == (0, "")
        assert shown in "".join(ElementTree.parse(svg).getroot().itertext())
    result = CliRunner().invoke(vtd, ["replay", str(odd), "--simulator", "none", "--report", str(page)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"Replay of {shown}.gz" in page.read_text()
