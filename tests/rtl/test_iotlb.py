"""pytest entry points of Iotlb: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.iotlb import Iotlb
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "no power of 2": UnitConfig(iotlb_entries=5, haw=52, nd=0),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: Iotlb(config=config), name="iotlb", config=config)
    assert results == (1, 0)
