"""What all tests share: how much hypothesis tries, and where the shared folders are."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

PROJECT = Path(__file__).resolve().parent.parent
SHARED_VARIABLE = "VTD_SHARED"

# The same examples in every run, so that a red run stays red; `--hypothesis-profile explore` looks for new ones.
settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
settings.register_profile("explore", settings.get_profile("steady"), derandomize=False, max_examples=5000)
# For code that is known to be wrong: it only has to fail, soon, and nobody reads how.
settings.register_profile("breakage", settings.get_profile("steady"), phases=[Phase.generate])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of these tests."""
    parser.addoption("--all-breakages", action="store_true", help="try every deliberate error in the RTL")


def shared_folder() -> Path:
    """Return where the shared folders (specification, captures, scenarios) should be, there or not."""
    return Path(os.environ.get(SHARED_VARIABLE) or PROJECT.parent / "shared")


def missing_shared(folder: Path) -> str:
    """Return the sentence that says what is absent; "" when everything is there."""
    absent = [name for name in ("spec", "captures", "scenarios") if not (folder / name).is_dir()]
    if not absent:
        return ""
    return (
        f"{folder} has no {', '.join(absent)}; put the shared folders there, or name their place in {SHARED_VARIABLE}"
    )


def pytest_report_header() -> str:
    """Say in the head of every run whether the tests that compare with the shared folders take part in it."""
    missing = missing_shared(shared_folder())
    return (
        f"shared folders: NOT FOUND, their tests are skipped: {missing}"
        if missing
        else (f"shared folders: found, {shared_folder()}")
    )


@pytest.fixture(scope="session")
def shared() -> Path:
    """Path of the shared folders; the test is skipped, with the reason, where they are absent."""
    missing = missing_shared(shared_folder())
    if missing:
        pytest.skip(missing)
    return shared_folder()
