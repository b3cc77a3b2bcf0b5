"""Lockstep is worth something: each deliberate error in a copy of the RTL makes unit and model differ.

A run takes every third row of the table, from the first on, for each costs the building of a simulator; all of them
with `pytest --all-breakages tests/rtl/test_breakages.py`. That a row fits the RTL as it reads is checked for all.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rtl.breakages import BREAKAGES, Breakage

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("rtl", "model", "sim", "tb")
STEP = 3  # of the rows that are tried without --all-breakages
TIME_LIMIT_SECONDS = 300  # against a simulation that hangs, not against a busy machine
PASSED, DIFFERS = 0, 3

# Builds the simulator of the copy and plays the seeds until unit and model differ. No garbage is collected: to look
# for it takes a third of the time of elaboration, which makes little.
RUN = f"""
import gc
import sys
from sim.simulator import JobFailed, run_job
from tb.jobs.dense import SEEDS, SMALL
gc.disable()
try:
    run_job({{"kind": "dense", "seeds": SEEDS}}, config=SMALL, simulator="icarus")
except JobFailed as failure:
    print(failure)
    sys.exit({DIFFERS})
"""
MISMATCH = re.compile(r"clock \d+: (s_axil|s_axi|m_axi|m_axi_mem|core)_\w+ (differs: RTL 0x|is undefined: RTL )")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what a simulation needs."""
    for part in PARTS:
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def simulate(copy: Path) -> subprocess.CompletedProcess[str]:
    """Build and run the unit of the copy against the model of the copy."""
    return subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=copy,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))} | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the rows."""
    if "breakage" in metafunc.fixturenames:
        chosen = BREAKAGES if metafunc.config.getoption("--all-breakages") else BREAKAGES[::STEP]
        metafunc.parametrize("breakage", chosen, ids=lambda breakage: breakage.what)


def test_unbroken_copy_passes(copy: Path):
    result = simulate(copy)
    assert result.returncode == PASSED, result.stdout + result.stderr


def test_every_breakage_is_another_one():
    assert len({(b.file, b.right, b.wrong) for b in BREAKAGES}) == len({b.what for b in BREAKAGES}) == len(BREAKAGES)


def test_every_breakage_fits():
    for breakage in BREAKAGES:
        breakage.broken((PROJECT / "rtl" / breakage.file).read_text())


def test_breakage_is_seen(breakage: Breakage, copy: Path):
    breakage.apply(copy)
    result = simulate(copy)
    assert result.returncode == DIFFERS, f"nothing differs although {breakage.what}: {result.stdout}{result.stderr}"
    assert MISMATCH.match(result.stdout), result.stdout
