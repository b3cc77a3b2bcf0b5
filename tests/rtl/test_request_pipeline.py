"""pytest entry points of RequestPipeline: the lockstep run."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.request_pipeline import RequestPipeline
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "other": UnitConfig(haw=39, sagaw=(39,), mgaw=39, adms=True, zlr=False, plmr=False, walks=5, parked=6, id_bits=1),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: RequestPipeline(config=config), name="request_pipeline", config=config)
    assert results == (1, 0)
