"""What the tests of replaying share."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sim.__main__ import vtd
from sim.recording import load_recording
from sim.replay import replay
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
