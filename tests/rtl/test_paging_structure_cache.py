"""pytest entry points of PagingStructureCache: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.paging_structure_cache import PagingStructureCache
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "no power of 2": UnitConfig(paging_structure_cache_entries=5, haw=52, nd=0),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: PagingStructureCache(config=config), name="paging_structure_cache", config=config)
    assert results == (1, 0)
