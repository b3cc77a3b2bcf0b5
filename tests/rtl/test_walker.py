"""pytest entry points of Walker: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.walker import Walker
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "other": UnitConfig(haw=39, nd=0, sagaw=(39,), mgaw=39, walks=1, parked=6, id_bits=1),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: Walker(config=config), name="walker", config=config)
    assert results == (1, 0)
