"""What the command `vtd` writes, and where: standard output and files, whatever becomes of them."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.table import Table

from sim.__main__ import vtd
from sim.commands.streams import table_console
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


@pytest.mark.parametrize(("columns", "whole"), [(None, True), ("80", False)])
def test_tables_are_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch, columns: str | None, whole: bool) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout", output := io.StringIO())
    table_console().print(Table("x" * 60, "y" * 60))
    assert ("x" * 60 in output.getvalue()) is whole


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


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "a\nb.gz"),
        ("explain", "a\nb.toml", "--queue"),
        ("generate", "--config", "a\nb.toml"),
        ("size", "a\nb.toml"),
        ("program", "a\nb.c"),
        ("bench", "--json", "a\nb/c"),
    ],
)
def test_what_is_wrong_is_one_line_whatever_the_name(arguments: tuple[str, ...]) -> None:
    assert "a\\nb" in refusal(*arguments)


def test_what_was_written_is_one_line_whatever_the_name(recording: Path, tmp_path: Path) -> None:
    page = tmp_path / "a\nb.html"
    result = CliRunner().invoke(vtd, ["replay", str(recording), "--simulator", "none", "--report", str(page)])
    assert result.stdout.splitlines()[-1] == f"written: {tmp_path}/a\\nb.html"
    assert page.exists()


# Files to write


def refusal(*arguments: str | Path) -> str:
    """Run what must be refused before anything is done, and return the sentence."""
    result = CliRunner().invoke(vtd, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a file of each kind that a command reads, and leave all of them as they are."""
    write_recording(tmp_path / "r.gz", *EVENTS)
    (tmp_path / "tables.toml").write_bytes(TABLES.read_bytes())
    (tmp_path / "stream.toml").write_bytes((PROJECT / "sim" / "data" / "stream.toml").read_bytes())
    (tmp_path / "config.toml").write_text("iotlb_entries = 8\n")
    (tmp_path / "program.c").write_text("int main() { return 0; }\n")
    (tmp_path / "a.reasons").write_text("int main() { return 0; }\n")
    (tmp_path / "link").symlink_to("tables.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("explain tables.toml --queue --svg tables.toml", "tables.toml: CAPTURE and --svg"),
        ("explain tables.toml --queue --json link", "link: CAPTURE and --json"),
        ("explain tables.toml --queue --json ./same --svg same", "same: --json and --svg"),
        ("replay r.gz --json r.gz", "r.gz: CAPTURE and --json"),
        ("replay r.gz --json a --report a", "a: --json and --report"),
        ("replay r.gz --waves r.gz", "r.gz: CAPTURE and --waves"),
        ("replay r.gz --config config.toml --report config.toml", "config.toml: --config and --report"),
        ("regress --config small --config config.toml --json config.toml", "config.toml: --config and --json"),
        ("regress --waves a --report a", "a: --report and --waves"),
        ("regress --waves a --report a.gtkw", "a.gtkw: --report and --waves"),
        ("program a.reasons --waves a", "a.reasons: SOURCE and --waves"),
        ("bench --recording r.gz --json r.gz", "r.gz: --recording and --json"),
        ("acpi stream.toml -o stream.toml", "stream.toml: DESCRIPTION and -o"),
        ("program program.c --waves program.c", "program.c: SOURCE and --waves"),
        ("farm --seeds 1 --resume a --json a", "a: --resume and --json"),
        ("farm --seeds 1 --config config.toml --resume config.toml", "config.toml: --config and --resume"),
        ("synth --config config.toml --json config.toml", "config.toml: --config and --json"),
        ("synth --sweep a --json a", "a: --sweep and --json"),
        ("size stream.toml --chart stream.toml", "stream.toml: CAPTURE|STREAM.toml and --chart"),
        ("size r.gz --chart a --json a", "a: --json and --chart"),
    ],
)
def test_one_file_for_two_purposes(here: Path, line: str, sentence: str) -> None:
    before = contents(here)
    assert refusal(*line.split()) == f"{sentence} are the same file; each must have its own"
    assert contents(here) == before


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("explain tables.toml --queue --json a --svg {}", "--svg"),
        ("replay r.gz --simulator none --json a --report {}", "--report"),
        ("regress --simulator none --cycles 100 --json a --report {}", "--report"),
        ("regress --cycles 100 --json a --waves {}", "--waves"),
        ("size stream.toml --json a --chart {}", "--chart"),
        ("synth --json a --sweep {}", "--sweep"),
        ("farm --seeds 1 --simulator none --json a --resume {}", "--resume"),
        ("bench --json {}", "--json"),
        ("acpi stream.toml -o {}", "-o"),
        ("program program.c --waves {}", "--waves"),
    ],
)
def test_files_are_checked_before_anything_is_done(here: Path, line: str, option: str) -> None:
    before = contents(here)
    wanted = f"{option} must name a file that can be written"
    cases = {str(PROJECT): "is a directory", "r.gz/x": "not a directory", "n" * 300: "file name too long"}
    if option != "--waves":  # which makes its folder
        cases |= {"nodir/x": "no such file or directory"}
    for name, reason in cases.items():
        assert refusal(*line.format(name).split()) == f"{name}: {reason}; {wanted}"
    assert contents(here) == before


def test_open_file_that_is_not_there(here: Path) -> None:
    before = contents(here)
    sentence = refusal("explain", "tables.toml", "--queue", "--json", "a", "--svg", "/dev/fd/999")
    assert sentence.startswith("/dev/fd/999: ") and sentence.endswith("; --svg must name a file that can be written")
    assert contents(here) == before


def test_json_is_not_mixed_with_the_text() -> None:
    assert refusal("explain", TABLES, "--queue", "--json", "-") == (
        "--json must name a file, not -; standard output has the text already"
    )


def test_file_that_standard_output_goes_to(tmp_path: Path) -> None:
    for name in ("/dev/stdout", "out"):
        done = shell(f'vtd explain "$1" --queue --json {name} > out', TABLES, folder=tmp_path)
        assert (done.returncode, done.stderr) == (
            2,
            f"Error: {name}: standard output and --json are the same file; each must have its own\n",
        )


def test_pipes_and_open_files_are_written_themselves(tmp_path: Path) -> None:
    ask = 'vtd explain "$1" --queue --json'
    direct = shell(f"{ask} out > /dev/null && cat out", TABLES, folder=tmp_path)
    assert json.loads(direct.stdout)["kind"] == "queue"
    for line in (
        f"{ask} >(cat) > /dev/null; wait",
        f"{{ {ask} /dev/fd/3 > /dev/null; }} 3>&1 | cat",
        f"{ask} /dev/stderr 2>&1 > /dev/null | cat",
        f"mkfifo f; cat f & {ask} f > /dev/null; wait",
    ):
        assert shell(line, TABLES, folder=tmp_path).stdout == direct.stdout, line
    mixed = shell(f"{ask} /dev/stdout | cat", TABLES)
    assert (mixed.returncode, mixed.stderr) == (0, "")
    assert mixed.stdout.startswith(direct.stdout) and len(mixed.stdout) > len(direct.stdout)
    added = shell(f"echo kept > log; {ask} /dev/fd/3 3>> log > /dev/null; cat log", TABLES, folder=tmp_path)
    assert added.stdout == "kept\n" + direct.stdout
    unread = shell(f"{ask} >(true) > /dev/null", TABLES)
    assert (unread.returncode, unread.stderr) == (0, "")
