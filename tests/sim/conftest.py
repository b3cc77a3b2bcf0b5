"""What the tests of replaying share."""

import pytest

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
