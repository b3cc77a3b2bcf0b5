"""pytest entry points of ContextCache: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.context_cache import ContextCache
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "no power of 2": UnitConfig(context_cache_entries=5, haw=52, nd=0),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: ContextCache(config=config), name="context_cache", config=config)
    assert results == (1, 0)
