"""pytest entry point of WritePath."""

import pytest

from model.arch import UnitConfig
from rtl.axi.write_path import WritePath
from tests.rtl.bench import run_bench

CONFIGS = {"default": UnitConfig(), "narrow": UnitConfig(data_bits=32, id_bits=1), "wide": UnitConfig(data_bits=128)}


@pytest.mark.parametrize("name", CONFIGS)
def test_lockstep(name):
    config = CONFIGS[name]
    results = run_bench(lambda: WritePath(config=config), name="write_path", config=config)
    assert results == (17, 0)
