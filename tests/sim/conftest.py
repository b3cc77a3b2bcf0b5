"""What the tests of replaying share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sim.__main__ import vtd
from sim.recording import load_recording
from sim.replay import replay
from tests.browser import browser
from tests.sim.handmade import HEADER, write_recording


@pytest.fixture
def play(tmp_path):
    """Return a function that writes a recording of the given lines, replays it, and returns the summary."""

    def play_lines(*lines, header=HEADER, **options):
        path = write_recording(tmp_path / "recording.jsonl.gz", *lines, header=header)
        return replay(load_recording(path), **options)

    return play_lines


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `vtd generate --config small` writes."""
    folder = tmp_path_factory.mktemp("handover") / "small"
    result = CliRunner().invoke(vtd, ["generate", "--config", "small", "-o", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")
    return folder


# Not longer than a module: while it is there, nothing else in the process can run an event loop of its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless browser."""
    with browser() as found:
        yield found
