"""pytest entry points of Outstanding: the lockstep run, and when the older epoch is over."""

import pytest

from model.arch import UnitConfig
from model.cycle.outstanding import Issued, Outstanding
from rtl.outstanding import Outstanding as OutstandingRtl
from tests.rtl.bench import run_bench

CONFIGS = {"default": UnitConfig(), "four IDs": UnitConfig(id_bits=2)}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: OutstandingRtl(config=config), name="outstanding", config=config)
    assert results == (1, 0)


def test_older_falls_with_the_last_answer_of_the_older_epoch():
    model = Outstanding(UnitConfig())
    older = []
    model.step(Issued(3, 0), None, None, None, 0)
    model.step(Issued(3, 0), None, None, None, 1)  # issued in the clock of the flip: older too
    model.step(Issued(3, 0), None, None, None, 0)
    for _ in range(3):
        older.append(model.older)
        model.step(None, None, 3, None, 0)
    assert older == [1, 1, 0]
    assert model.busy_reads == 0


def test_an_older_request_behind_a_newer_one_awaits_both():
    model = Outstanding(UnitConfig())
    model.step(None, Issued(0, 0), None, None, 0)
    assert model.older == 0
    model.step(None, Issued(0, 1), None, None, 0)
    older = []
    for _ in range(2):
        older.append(model.older)
        model.step(None, None, None, 0, 0)
    assert (older, model.older) == ([1, 1], 0)
