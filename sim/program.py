"""A program in C, compiled against the header of the configured unit and run on the unit in simulation."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from model.arch import UnitConfig
from sim.building import BUILD
from sim.handover.registers import write_header
from sim.simulator import run_job

__all__ = ["PLATFORM", "CompileError", "Run", "run_program"]

PLATFORM = Path(__file__).parent / "data" / "program"
COMPILER = "cc"
OPTIONS = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-shared", "-fPIC")
# All functions are there, and `main` is the program's, not that of the simulator; as it always is on macOS.
LINKED = ("-lm", *(("-Wl,-z,defs", "-Wl,-Bsymbolic") if sys.platform == "linux" else ()))
UNDEFINED = re.compile(r"undefined (?:reference to [`']|symbol: )(\w+)")


class CompileError(Exception):
    """A program of which nothing can be run; the text says why."""


@dataclass(frozen=True)
class Run:
    """What a program did: `lines` are (clock, text), `status` is what `main` returned."""

    lines: list[tuple[int, str]]
    status: int
    clocks: int
    signals: int


def run_program(source: Path, *, config: UnitConfig, simulator: str, waves: Path | None = None) -> Run:
    """Compile and run a program; RTL and model are in lockstep.

    Raises CompileError; JobFailed and SimulatorError as `run_job` does.
    """
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="program_", dir=BUILD))
    try:
        library = _compiled(source, config, folder)
        job = {"kind": "program", "library": str(library)}
        result = run_job(job, config=config, simulator=simulator, waves=waves)
    finally:
        shutil.rmtree(folder)
    played = result["played"]
    lines = [(clock, text) for clock, text in result["lines"]]
    return Run(lines, result["status"], played["clocks"], played["signals"])


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
        raise CompileError(f"{source} does not compile\n{done.stderr.rstrip()}")
    return library
