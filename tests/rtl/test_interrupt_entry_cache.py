"""pytest entry points of InterruptEntryCache: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.interrupt_entry_cache import InterruptEntryCache
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "no power of 2": UnitConfig(iec_entries=5, nd=0),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: InterruptEntryCache(config=config), name="interrupt_entry_cache", config=config)
    assert results == (1, 0)
