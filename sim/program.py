"""A program in C, compiled against the header of the configured unit and run on the unit in simulation."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.arch import UnitConfig
from sim.building import BUILD
from sim.handover.registers import write_header
from sim.simulator import JobFailed, SimulatorError, run_job

__all__ = ["PLATFORM", "CompileError", "Run", "run_program"]

PLATFORM = Path(__file__).parent / "data" / "program"
COMPILER = "cc"
OPTIONS = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-shared", "-fPIC")
# All functions are there, and `main` is the program's, not that of the simulator; as it always is on macOS.
LINKED = ("-lm", *(("-Wl,-z,defs", "-Wl,-Bsymbolic") if sys.platform == "linux" else ()))
UNDEFINED = re.compile(r"undefined (?:reference to [`']|symbol: )(\w+)")


class CompileError(Exception):
    """A program of which nothing can be run; the text says why, `details` are the compiler's own words."""

    def __init__(self, text: str, details: str = "") -> None:
        super().__init__(text)
        self.details = details


@dataclass(frozen=True)
class Run:
    """What a program did: `status` is what `main` returned."""

    status: int
    clocks: int
    signals: int


def run_program(
    source: Path,
    *,
    config: UnitConfig,
    simulator: str,
    clocks: int,
    on_line: Callable[[int, str], None],
    waves: Path | None = None,
) -> Run:
    """Compile and run a program for at most `clocks`; RTL and model are in lockstep.

    `on_line` gets clock and text of each line that the program printed, also of one that failed. Raises CompileError;
    JobFailed for a program that does not come to its end, else JobFailed and SimulatorError as `run_job` does.
    """
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="program_", dir=BUILD))
    try:
        library = _compiled(source, config, folder)
        lines = folder / "lines"
        job = {"kind": "program", "library": str(library), "lines": str(lines), "clocks": clocks}
        try:
            result = run_job(job, config=config, simulator=simulator, waves=waves)
        except SimulatorError as error:
            if not lines.exists():
                raise
            raise JobFailed(f"the program crashed, called exit or failed an assertion: {error}") from None
        finally:
            if lines.exists():
                for line in lines.read_text().splitlines():
                    on_line(*json.loads(line))
    finally:
        shutil.rmtree(folder)
    played = result["played"]
    return Run(result["status"], played["clocks"], played["signals"])


def _compiled(source: Path, config: UnitConfig, folder: Path) -> Path:
    write_header(config, folder)
    library = folder / "program.so"
    includes = [f"-I{place}" for place in (source.resolve().parent, folder, PLATFORM)]
    command = [COMPILER, *OPTIONS, *includes, str(source), str(PLATFORM / "platform.c"), "-o", str(library), *LINKED]
    if not shutil.which(COMPILER):
        raise CompileError(f"{COMPILER} is not there; please run: sudo apt-get install -y gcc")
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if missing := sorted(set(UNDEFINED.findall(done.stderr))):
        raise CompileError(
            f"{source}: {', '.join(missing)} not defined; a program defines main, and calls what platform.h, "
            "the C library or itself has"
        )
    if done.returncode:
        raise CompileError(f"{source} does not compile", done.stderr)
    return library
