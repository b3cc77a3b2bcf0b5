"""What the tests of the replay job share."""

import pytest

from sim.recording import load_recording
from sim.replay import config_of
from tb.jobs import replay as job_module
from tb.jobs.replay import UnitReplay
from tb.players import play_model
from tb.testbench import Testbench
from tests.sim.handmade import HEADER, write_recording
from tests.tb.untimed_unit import UntimedUnit


@pytest.fixture
def play(tmp_path, monkeypatch):
    """Return a function that replays lines on a unit of the class `unit`, and returns the replay."""
    monkeypatch.setattr(job_module, "PATIENCE", 50)

    def play_lines(*lines, unit=UntimedUnit, header=HEADER, watch=None):
        recording = load_recording(write_recording(tmp_path / "recording.jsonl.gz", *lines, header=header))
        bench = Testbench(config_of(recording.header))
        played = UnitReplay(bench, recording)

        def script(bench):
            for _ in played.script(bench):
                if watch:
                    watch(bench)
                yield

        play_model(bench, script, unit=unit(bench))
        return played.summary

    return play_lines
