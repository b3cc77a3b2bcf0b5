"""pytest entry point of Lite."""

from model.arch import UnitConfig
from rtl.axi.lite import Lite
from tests.rtl.bench import run_bench


def test_lockstep():
    config = UnitConfig()
    results = run_bench(lambda: Lite(config=config), name="lite", config=config)
    assert results == (10, 0)
