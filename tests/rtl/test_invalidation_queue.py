"""pytest entry points of InvalidationQueue: the lockstep runs."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.invalidation_queue import InvalidationQueue
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "wide descriptors": UnitConfig(adms=True, haw=39, nd=3, mamv=9, mhmv=8),
    "few features": UnitConfig(psi=False, ir=False, eim=False, pi=False, haw=52, mamv=63),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: InvalidationQueue(config=config), name="invalidation_queue", config=config)
    assert results == (3, 0)
