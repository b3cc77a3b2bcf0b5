"""pytest entry points of WalkStep: the run against its model."""

import pytest

from model.arch import UnitConfig
from rtl.walk_step import WalkStep
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": UnitConfig(),
    "little": UnitConfig(haw=32, nd=0, mgaw=46, sagaw=(39,), sslps=(), pt=False, zlr=False, sc=False),
    "wide": UnitConfig(haw=52, nd=3, mgaw=52, sagaw=(48, 57), sslps=(21,), zlr=False),
    "no widths": UnitConfig(version_major=6, sagaw=()),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_same_as_model(config):
    results = run_bench(lambda: WalkStep(config=config), name="walk_step", config=config)
    assert results == (1, 0)
