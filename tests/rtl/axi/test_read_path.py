"""pytest entry point of ReadPath."""

import pytest

from model.arch import UnitConfig
from rtl.axi.read_path import ReadPath
from tests.rtl.bench import run_bench

CONFIGS = {"default": UnitConfig(), "narrow": UnitConfig(data_bits=32, id_bits=1)}


@pytest.mark.parametrize("name", CONFIGS)
def test_lockstep(name):
    config = CONFIGS[name]
    results = run_bench(lambda: ReadPath(config=config), name="read_path", config=config)
    assert results == (9, 0)
