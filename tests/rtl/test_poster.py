"""pytest entry points of Poster: the lockstep runs."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.poster import Poster
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "no exclusive accesses": UnitConfig(exclusive=False, haw=52),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: Poster(config=config), name="poster", config=config)
    assert results == (3, 0)  # without exclusive accesses no race is lost, and the third is skipped
