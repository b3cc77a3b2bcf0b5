"""pytest entry points of Invalidation: the lockstep run, and how long a command takes."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from model.cycle.invalidation import Invalidation
from model.cycle.request import Invalidation as Command
from rtl.invalidation import Invalidation as InvalidationRtl
from tests.rtl.bench import run_bench


@pytest.mark.parametrize("config", [UnitConfig(), UnitConfig(nd=0)], ids=["default", "4-bit domain-ids"])
def test_lockstep(config):
    results = run_bench(lambda: InvalidationRtl(config=config), name="invalidation", config=config)
    assert results == (1, 0)


@pytest.mark.parametrize("remaining", [0, 1, 7])
def test_done_comes_three_clocks_after_acceptance_when_nothing_older_is_left(remaining):
    model, command = Invalidation(PRESETS["default"]), Command(iotlb_global=1)
    assert model.ready(False, True) == (0, 1)
    model.step(None, command, 0)
    assert (model.command, model.flip, model.epoch) == (command, 1, 1)
    model.step(None, None, 1)  # what is left in the clock of the broadcast is not looked at
    assert (model.command, model.flip, model.epoch) == (None, 0, 1)
    for _ in range(remaining):
        model.step(None, None, 1)
        assert model.queue_done == 0
    model.step(None, None, 0)
    assert (model.queue_done, model.registers_done, model.ready(True, False)) == (1, 0, (1, 0))


def test_requesters_take_turns():
    model, served = Invalidation(PRESETS["default"]), []
    for _ in range(40):
        ready = model.ready(True, True)
        if any(ready):
            served.append(ready)
        model.step(Command(), Command(), 0)
    assert served[:4] == [(1, 0), (0, 1), (1, 0), (0, 1)]
    assert len(served) >= 10
