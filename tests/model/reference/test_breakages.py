"""The tests of the model are worth something: each deliberate error in a copy of the model turns them red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.reference.breakages import BREAKAGES, Breakage

PROJECT = Path(__file__).resolve().parents[3]
TESTS = Path("tests/model/reference")
PASSED, FAILED = 0, 1  # exit codes of pytest; 2 to 5 mean that it could not even run the tests
TIME_LIMIT_SECONDS = 180  # against a model that hangs, not against a busy machine


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the model's tests need; pytest's `pythonpath` of the copied settings makes it the one in use."""
    for folder in ("model", "tests"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def run_tests(copy: Path, *selected: str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy, named as in the table of breakages, until the first fails."""
    quick = ("-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *quick, "--hypothesis-profile=breakage", *(str(TESTS / s) for s in selected)],
        cwd=copy,
        env={k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV", "PYTHONPATH"))},
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )


def test_unbroken_copy_passes(copy: Path):
    result = run_tests(copy, *sorted({breakage.seen_by for breakage in BREAKAGES}))
    assert result.returncode == PASSED, result.stdout + result.stderr


def test_every_breakage_is_another_one():
    assert len({(b.file, b.right, b.wrong) for b in BREAKAGES}) == len({b.what for b in BREAKAGES}) == len(BREAKAGES)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.what)
def test_breakage_is_seen(breakage: Breakage, copy: Path):
    breakage.apply(copy)
    result = run_tests(copy, breakage.seen_by)
    assert result.returncode == FAILED, (
        f"{breakage.seen_by} did not fail although {breakage.what}: {result.stdout}{result.stderr}"
    )
