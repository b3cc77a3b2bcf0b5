"""The command `vtd`: what it prints and writes, its exit status, and one sentence for everything that is wrong."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sim.__main__ import vtd
from sim.commands.shared import BUNDLED
from sim.data.cut import main as cut
from sim.recording import load_recording
from tests.sim.handmade import EVENTS, HEADER, write_recording

# A command with a tool that it would leave behind.
LONG_COMMAND = """
import subprocess, time
from sim.__main__ import main, vtd

@vtd.command()
def long():
    subprocess.Popen(["sleep", "60"])
    print("started", flush=True)
    time.sleep(60)

main()
"""

# On the reference model alone; test_replay_rtl.py has the simulated unit.
REPLAY = ("replay", "--simulator", "none")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "handmade.jsonl.gz", *EVENTS)


def run(*arguments: str | Path) -> Result:
    """Run the command on a terminal wide enough to break no line."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(vtd, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> str:
    """Run what must be refused as bad usage or input, and return the sentence."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ") and result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


def rows(output: str) -> list[list[str]]:
    """Return the cells of all table rows."""
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in output.splitlines() if "│" in line]


def test_replay_of_equal_answers(recording: Path) -> None:
    result = run(*REPLAY, recording)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "source: typed by hand"
    assert lines[1] == (
        "unit: version 1.0, haw 48, nd 6, sagaw 39/48, mgaw 48, fro 0x220, sslps 21/30, nfr 1, mamv 18, iro 0xf0, "
        "mhmv 15, protected_memory_shift 21; with psi dwd drd qi ir pt"
    )
    assert rows(result.stdout) == [
        ["w", "register writes", "9", "0", "0", "0", "0"],
        ["r", "register reads", "1", "1", "1", "0", "0"],
        ["m", "memory read", "8", "0", "0", "0", "0"],
        ["x", "memory written", "1", "1", "1", "0", "0"],
        ["t", "DMA requests", "3", "2", "2", "0", "1"],
        ["i", "interrupt requests", "1", "1", "1", "0", "0"],
        ["mark", "comments and resets", "1", "0", "0", "0", "0"],
        ["t", "no bus request (w 2)", "1"],
    ]
    assert lines[-1] == "all 5 compared lines equal"


def test_replay_writes_json(recording: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    assert run(*REPLAY, recording, "--json", summary).exit_code == 0
    values = json.loads(summary.read_text())
    assert set(values) >= {"capture", "simulator", "config", "kinds", "clocks", "lockstep", "seconds"}
    assert (values["capture"], values["simulator"], values["clocks"]) == (str(recording), "none", 0)
    assert values["lockstep"] == {"clocks": 0, "signals": 0, "mismatches": 0}
    assert values["config"]["haw"] == 48
    assert values["kinds"]["t"] == {
        "seen": 3,
        "compared": 2,
        "equal": 2,
        "unequal": 0,
        "excepted": {"no bus request (w 2)": 1},
    }
    assert [path.name for path in tmp_path.iterdir() if path != recording] == ["summary.json"]


def test_json_takes_the_place_of_what_was_there(recording: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text("old" * 100_000)
    assert run(*REPLAY, recording, "--json", summary).exit_code == 0
    assert json.loads(summary.read_text())["kinds"]["x"]["equal"] == 1


def test_json_into_a_device(recording: Path) -> None:
    result = run(*REPLAY, recording, "--json", "/dev/null")
    assert (result.exit_code, result.stderr) == (0, "")
    assert not Path("/dev/null").is_file()


def test_json_that_cannot_be_written(recording: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "summary.json"
    result = run(*REPLAY, recording, "--json", nowhere)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {nowhere}: no such file or directory; --json must name a file that can be written\n"
    )


def test_replay_of_one_difference(tmp_path: Path) -> None:
    differing = write_recording(tmp_path / "differing.jsonl.gz", *EVENTS[:10], EVENTS[10] | {"pa": "0x8abc"})
    summary = tmp_path / "summary.json"
    result = run(*REPLAY, differing, "--json", summary)
    assert (result.exit_code, result.stderr) == (1, "")
    assert ["t", "DMA requests", "1", "1", "0", "1", "0"] in rows(result.stdout)
    assert result.stdout.splitlines()[-1] == "line 12: host address 0x7abc, not 0x8abc"
    assert json.loads(summary.read_text())["kinds"]["t"]["unequal"] == 1


@pytest.mark.parametrize(("number", "last"), [(20, "line 21: "), (21, "and 1 more"), (50, "and 30 more")])
def test_at_most_twenty_differences_are_printed(tmp_path: Path, number: int, last: str) -> None:
    reads = [{"e": "r", "o": "0x0", "s": 4, "v": "0x11"}] * number
    result = run(*REPLAY, write_recording(tmp_path / "r.jsonl.gz", *reads))
    lines = result.stdout.splitlines()
    assert result.exit_code == 1
    assert sum(line.startswith("line ") for line in lines) == 20
    assert lines[-1].startswith(last)


def test_replay_stops_at_the_limit(recording: Path) -> None:
    result = run(*REPLAY, recording, "--limit", "12")  # lines 2 to 13
    assert result.exit_code == 0
    assert ["t", "DMA requests", "2", "2", "2", "0", "0"] in rows(result.stdout)
    assert result.stdout.splitlines()[-1] == "all 3 compared lines equal"


def test_replay_that_compares_nothing_is_no_pass(recording: Path) -> None:
    result = run(*REPLAY, recording, "--limit", "3")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines()[-1] == "nothing was compared, which proves nothing"


def test_texts_of_a_recording_are_no_markup(tmp_path: Path) -> None:
    marked = write_recording(tmp_path / "r.jsonl.gz", *EVENTS[:4], header=HEADER | {"source": "[bold]a[/] \\[x]"})
    result = run(*REPLAY, marked)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "source: [bold]a[/] \\[x]"


def test_texts_of_a_recording_cannot_steer_the_terminal(tmp_path: Path) -> None:
    steering = write_recording(tmp_path / "r.jsonl.gz", *EVENTS[:4], header=HEADER | {"source": "a\x1b[2J\nb\ud800"})
    result = run(*REPLAY, steering)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "source: a\\x1b[2J\\nb\\ud800"


def test_bundled_recording() -> None:
    """Counted in the file with grep, when it was cut."""
    result = run(*REPLAY, BUNDLED)
    assert (result.exit_code, result.stderr) == (0, "")
    table = {row[0]: [int(cell) for cell in row[2:]] for row in rows(result.stdout) if len(row) == 7}
    assert {kind: counts[0] for kind, counts in table.items()} == {
        "w": 310,
        "r": 167,
        "m": 1270,
        "x": 198,
        "t": 1730,
        "i": 257,
        "msi": 47,
        "mark": 123,
    }
    assert all(unequal == 0 for _, _, _, unequal, _ in table.values())
    compared = sum(counts[1] for counts in table.values())
    assert compared > 2000
    assert result.stdout.splitlines()[-1] == f"all {compared} compared lines equal"


def test_bundled_recording_shows_what_the_unit_does() -> None:
    """Permitted and refused DMA and interrupts, with these reasons, and the queue at work."""
    events = [json.loads(line) for line in gzip.decompress(BUNDLED.read_bytes()).splitlines()[1:]]
    refused = {(event["e"], event["fr"]) for event in events if event.get("ok") is False}
    assert {reason for kind, reason in refused if kind == "t"} == {
        f"0x{reason:x}" for reason in (1, 2, 3, 4, 5, 6, 7, 9, 0xA, 0xB, 0xC, 0xE)
    }
    assert {reason for kind, reason in refused if kind == "i"} == {"0x20", "0x22", "0x24", "0x26"}
    assert {event["e"] for event in events if event.get("ok")} == {"t", "i"}
    assert sum(event["e"] == "w" and event["o"] == "0x88" for event in events) > 50


def test_bundled_recording_is_cut_by_its_script(shared: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.jsonl.gz"
    result = CliRunner().invoke(cut, [str(shared / "captures" / "linux-faults.jsonl.gz"), str(fresh)])
    assert (result.exit_code, result.output) == (0, "")
    assert gzip.decompress(fresh.read_bytes()) == gzip.decompress(BUNDLED.read_bytes())
    assert fresh.read_bytes()[4:8] == bytes(4)  # no time of day in it


def test_cut_keeps_what_is_not_mere_repetition(tmp_path: Path) -> None:
    interrupt = {"e": "i", "sid": "0x10", "addr": "0xfee00000", "data": "0x1", "ok": True}
    memory = {"e": "m", "a": "0x1000", "d": "01020304"}
    part = {"e": "m", "a": "0x1001", "d": "0203"}
    changed = {"e": "m", "a": "0x1001", "d": "0207"}
    failing = {"e": "m", "a": "0x1000", "d": None, "s": 2, "err": True}
    written = {"e": "x", "a": "0x1001", "d": "0203"}
    mark, write = {"e": "mark", "text": "t"}, {"e": "w", "o": "0x88", "s": 4, "v": "0x10"}
    events = [memory, interrupt, memory, part, interrupt, changed, part, written, part, written, failing, failing]
    events += [memory, interrupt, mark, interrupt, interrupt, write, interrupt]
    kept = [memory, interrupt, changed, part, written, written, failing]
    kept += [memory, mark, interrupt, write, interrupt]
    source, output = write_recording(tmp_path / "in.jsonl.gz", *events), tmp_path / "out.jsonl.gz"
    assert CliRunner().invoke(cut, [str(source), str(output)]).exit_code == 0
    header, *lines = [json.loads(line) for line in gzip.decompress(output.read_bytes()).splitlines()]
    assert lines == kept
    assert header == HEADER | {
        "source": "excerpt of in.jsonl.gz, lines 2 to 20, without interrupt requests that repeat a line since the last "
        "register write or mark, and without memory reads that repeat what earlier lines say: typed by hand"
    }


COMMANDS = {
    "replay": lambda path: ("replay", path),
    "replay on the reference model": lambda path: (*REPLAY, path),
    "explain": lambda path: ("explain", path, "--event", "2"),
    "bench": lambda path: ("bench", "--recording", path),
}


@pytest.fixture(params=COMMANDS)
def refusal_of(request: pytest.FixtureRequest) -> Any:
    """Give each command the same bad recording."""
    return lambda path: refusal(*COMMANDS[request.param](path))


def test_missing_file(refusal_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "nothing.jsonl.gz"
    assert refusal_of(path) == f"{path}: no such file or directory; a recording (vtd-trace, gzip) must be there"


def test_directory(refusal_of: Any, tmp_path: Path) -> None:
    assert refusal_of(tmp_path) == f"{tmp_path}: is a directory; a recording (vtd-trace, gzip) must be there"


def test_not_gzip(refusal_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl.gz"
    path.write_text(json.dumps(HEADER) + "\n")
    assert refusal_of(path) == f"{path}: not a gzip file; a recording is gzip-compressed JSON lines"


def cut_in_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def zeros_in_the_middle(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(8) + data[len(data) // 2 + 8 :]


def wrong_checksum(data: bytes) -> bytes:
    return data[:-8] + bytes(byte ^ 0xFF for byte in data[-8:-4]) + data[-4:]


@pytest.mark.parametrize("damage", [cut_in_half, zeros_in_the_middle, wrong_checksum])
def test_damaged_gzip(refusal_of: Any, recording: Path, damage: Callable[[bytes], bytes]) -> None:
    recording.write_bytes(damage(recording.read_bytes()))
    assert refusal_of(recording) == f"{recording}: the gzip data end early or are damaged; fetch the file again"


def test_number_of_thousands_of_digits(refusal_of: Any, tmp_path: Path) -> None:
    """Python refuses to read it as a number at all."""
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(f'{json.dumps(HEADER)}\n{{"e":"w","s":{"9" * 5000}}}\n'.encode()))
    assert refusal_of(path) == f"{path}, line 2: not JSON; every line must be one JSON object"


def test_not_json(refusal_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress(f"{json.dumps(HEADER)}\n{{'e': 1}}\n".encode()))
    assert refusal_of(path) == f"{path}, line 2: not JSON; every line must be one JSON object"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"e": "z"}, "'e' must be one of 'w', 'r', 'm', 'x', 't', 'ta', 'i', 'msi', 'mark', not 'z'"),
        ({"e": "w", "o": 32, "s": 8, "v": "0x0"}, "'o' must be a hexadecimal text such as '0x1c', not 32"),
        ({"e": "w", "o": "0x20", "s": 3, "v": "0x0"}, "'s' must be a number in 1, 2, 4, 8, not 3"),
        ({"e": "w", "o": "0x20", "s": 4, "v": "0x100000000"}, "'v' must fit in 32 bits, not be 0x100000000"),
        ({"e": "m", "a": "0x1000", "d": "0"}, "'d' must be bytes in hexadecimal, not '0'"),
        ({"e": "mark"}, "'text' is missing; it must be a text"),
    ],
)
def test_wrong_event(refusal_of: Any, tmp_path: Path, event: object, message: str) -> None:
    path = write_recording(tmp_path / "r.jsonl.gz", EVENTS[0], event)
    assert refusal_of(path) == f"{path}, line 3: {message}"


def test_interrupt_request_to_another_place(refusal_of: Any, tmp_path: Path) -> None:
    event = {"e": "i", "sid": "0x10", "addr": "0x1000", "data": "0x1", "ok": False, "fr": "0x22"}
    path = write_recording(tmp_path / "r.jsonl.gz", EVENTS[0], event)
    assert refusal_of(path) == f"{path}, line 3: 'addr' must be 0xfee00000 to 0xfeefffff, not 0x1000"


def test_configuration_that_no_unit_has(refusal_of: Any, tmp_path: Path) -> None:
    """Interrupt remapping without the queue: ECAP with bit 1 cleared."""
    path = write_recording(tmp_path / "r.jsonl.gz", *EVENTS, header=HEADER | {"ecap": "0xf00f48"})
    assert refusal_of(path) == (
        f"{path}, line 1 (header): ir needs qi: interrupt remapping without queued invalidation does not exist"
    )


def test_scalable_mode(refusal_of: Any, shared: Path) -> None:
    path = shared / "captures" / "linux-scalable.jsonl.gz"
    assert refusal_of(path) == (
        f"{path}, line 1 (header): scalable mode does not exist yet: ECAP.SMTS (bit 43) must be 0"
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nothing", "no such command 'nothing'; vtd --help tells what there is"),
        ("repaly", "no such command 'repaly', perhaps replay; vtd --help tells what there is"),
        ("--unknown", "no such option '--unknown'; vtd --help tells what there is"),
        ("replay", "missing argument 'CAPTURE'; vtd replay --help tells what there is"),
        ("replay a b", "got unexpected extra argument (b); vtd replay --help tells what there is"),
        ("replay a --simulator spice", "--simulator takes verilator, icarus or none, not 'spice'"),
        ("replay a --limit 0", "--limit takes a whole number, 1 or more, not '0'"),
        ("explain a --event 0", "--event takes a line number, 1 or more, not '0'"),
        ("explain a --event first", "--event takes a line number, 1 or more, not 'first'"),
        ("explain a --queue --after x", "--after takes a line number, 1 or more, not 'x'"),
        ("explain a --address -1", "--address takes a number of at most 64 bits such as 0x1000, not '-1'"),
        ("explain a --address 12g", "--address takes a number of at most 64 bits such as 0x1000, not '12g'"),
        ("explain a --pasid 0x100000", "--pasid takes a number of at most 20 bits such as 0x1000, not '0x100000'"),
        ("bench --jsno a", "no such option '--jsno', perhaps --json; vtd bench --help tells what there is"),
        ("bench --json", "option '--json' requires an argument; vtd bench --help tells what there is"),
        ("farm", "missing option '--seeds'; vtd farm --help tells what there is"),
        ("farm --seeds 3-2", "--seeds takes seeds such as 0-49, at most 100000 of them, not '3-2'"),
        ("farm --seeds 1 --workers 0", "--workers takes a whole number, 1 or more, not '0'"),
        ("regress --profile all", "--profile takes mixed or interrupts, not 'all'"),
        ("regress --cycles 99", "--cycles takes a whole number, 100 or more, not '99'"),
        ("size a --iec 1,8", "--iec takes numbers of 2 to 256 such as 8,16,32, not '1,8'"),
        ("synth --min-mhz nan", "--min-mhz takes a number of MHz, 0 or more, not 'nan'"),
        ("acpi a", "missing option '-o'; vtd acpi --help tells what there is"),
    ],
)
def test_bad_usage(line: str, sentence: str) -> None:
    assert refusal(*line.split()) == sentence


def test_address_of_64_bits() -> None:
    assert refusal("explain", "a", "--address", "0x10000000000000000").startswith("--address takes a number of at most")
    assert refusal("explain", "a", "--address", "0xffffffffffffffff").startswith("name one of --event, ")


def test_installed_command_and_module_are_quiet_in_a_pipe(recording: Path) -> None:
    command = Path(sys.executable).with_name("vtd")
    for start in ([str(command)], [sys.executable, "-m", "sim"]):
        done = subprocess.run([*start, *REPLAY, str(recording)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines()[-1] == "all 5 compared lines equal"
        assert "\x1b" not in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_command_takes_its_tools_along(number: signal.Signals) -> None:
    # In the background or under nohup, where these tests may be, the signal would be ignored.
    start = f"import signal; signal.signal({number:d}, signal.SIG_DFL)\n{LONG_COMMAND}"
    command = [sys.executable, "-c", start, "long"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "started\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)  # to the end of the pipes, which the tool has too
    assert (process.returncode, errors) == (130, "\nInterrupted: vtd long did not come to its end\n")


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar counts all events of the recording."""
    totals: list[int] = []

    class Bar:
        def __init__(self, **_options: object) -> None:
            pass

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_error: object) -> None:
            pass

        def add_task(self, _description: str, total: int) -> int:
            totals.append(total)
            return 0

        def update(self, _task: int, completed: int) -> None:
            totals.append(completed)

    monkeypatch.setattr("rich.progress.Progress", Bar)
    monkeypatch.setattr("sim.commands.shared._on_terminal", lambda: True)
    assert run(*REPLAY, BUNDLED).exit_code == 0
    number = len(load_recording(BUNDLED).events)
    assert totals == [number, *range(500, number, 500)]
