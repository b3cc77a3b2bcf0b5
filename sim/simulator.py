"""Jobs on the whole unit in a simulator: started, watched, and their results brought back."""

import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from model.arch import UnitConfig
from sim.building import BUILD, TOP, SimulatorError, built_simulator, runner_of

__all__ = ["SIMULATORS", "JobFailed", "SimulatorError", "require", "run_job"]

SIMULATORS = ("verilator", "icarus")
POLL_SECONDS = 0.1
Report = Callable[[dict[str, Any]], None]

ICARUS_MISSING = (
    "--simulator icarus needs Icarus Verilog; please run: sudo apt-get install -y iverilog "
    "(Fedora: sudo dnf install -y iverilog; macOS: brew install icarus-verilog)"
)
VERILATOR_MISSING = (
    "--simulator verilator needs {0}; please run: sudo apt-get install -y {1} "
    "(Fedora: sudo dnf install -y {2}; macOS: xcode-select --install)"
)
# Commands any of which will do -> packages of Debian and of Fedora.
VERILATOR_NEEDS = {
    ("perl",): ("perl", "perl"),
    ("make",): ("make", "make"),
    ("c++",): ("g++", "gcc-c++"),
}


class JobFailed(Exception):
    """What the unit did is wrong; the text is that of the check that failed, `signal` the first that differed or "",
    `result` what the job has of the clocks before, None where it keeps nothing."""

    def __init__(self, text: str, signal: str = "", result: dict[str, Any] | None = None) -> None:
        super().__init__(text)
        self.signal = signal
        self.result = result


def require(simulator: str) -> None:
    """Raise click.UsageError, one line, when a simulator cannot be used on this machine."""
    if simulator == "icarus":
        if not (shutil.which("iverilog") and shutil.which("vvp")):
            raise click.UsageError(ICARUS_MISSING)
        return
    for commands, packages in VERILATOR_NEEDS.items():
        if not any(map(shutil.which, commands)):
            raise click.UsageError(VERILATOR_MISSING.format(commands[0], *packages))


def run_job(
    job: dict[str, Any],
    *,
    config: UnitConfig,
    simulator: str,
    waves: Path | None = None,
    on_progress: Report | None = None,
) -> dict[str, Any]:
    """Do a job of tb/tb_unit.py in a simulator ("verilator" or "icarus") and return its result.

    `waves` is the FST file to write. `on_progress` gets what the job reports while it runs. Raises JobFailed for what
    the unit did wrong, SimulatorError for all else; the job's folder below build/runs, with its log, then stays.
    """
    require(simulator)
    directory = built_simulator(config, simulator, waves=waves is not None)
    (BUILD / "runs").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{simulator}_", dir=BUILD / "runs"))
    job = job | {
        "config": asdict(config),
        "result": str(folder / "result.json"),
        "progress": str(folder / "progress"),
        "waves": str(waves.resolve()) if waves else None,
    }
    (folder / "job.json").write_text(json.dumps(job))
    _simulate(simulator, directory, folder, job["waves"], on_progress)
    result = _result(folder)
    shutil.rmtree(folder)
    return result


def _result(folder: Path) -> dict[str, Any]:
    log = folder / "log"
    try:
        result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        raise SimulatorError(f"the simulation broke, see {log}") from None
    if "error" in result:
        raise JobFailed(f"{result['error']}\n  log: {log}", result["signal"], result["result"])
    return result


def _simulate(simulator: str, directory: Path, folder: Path, waves: str | None, on_progress: Report | None) -> None:
    """Run the simulator to its end, and pass on what it reports meanwhile."""
    arguments: list[str] = []
    if waves:
        Path(waves).parent.mkdir(parents=True, exist_ok=True)
        arguments = ["--trace-file", waves] if simulator == "verilator" else [f"+waves={waves}"]
    runner = runner_of(simulator)
    ended = threading.Event()

    def simulate() -> None:
        try:
            runner.test(
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                test_module="tb.tb_unit",
                build_dir=directory,
                test_dir=folder,
                plusargs=arguments,
                waves=waves is not None,
                extra_env={"VTD_JOB": str(folder / "job.json")},
                results_xml=str(folder / "results.xml"),
                log_file=folder / "log",
            )
        except (Exception, SystemExit):
            pass  # the result file tells all: a failed check, or by its absence a broken simulation
        finally:
            ended.set()

    # The runner waits for its process, hence a thread; a daemon, so that Ctrl-C does not wait for it.
    threading.Thread(target=simulate, daemon=True).start()
    position = 0
    while not ended.wait(POLL_SECONDS):
        position = _report(folder / "progress", position, on_progress)
    _report(folder / "progress", position, on_progress)


def _report(progress: Path, position: int, on_progress: Report | None) -> int:
    """Pass on the newest whole line after `position`; return the position after it."""
    if on_progress is None or not progress.exists():
        return position
    with progress.open("rb") as file:
        file.seek(position)
        lines, _, _ = file.read().rpartition(b"\n")
    if not lines:
        return position
    on_progress(json.loads(lines.split(b"\n")[-1]))
    return position + len(lines) + 1
