"""pytest entry points of EventMessage: the lockstep runs."""

from model.arch import UnitConfig
from rtl.event_message import EventMessage
from tests.rtl.bench import run_bench


def test_lockstep():
    assert run_bench(EventMessage, name="event_message", config=UnitConfig()) == (1, 0)
