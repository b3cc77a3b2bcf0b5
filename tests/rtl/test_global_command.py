"""pytest entry points of GlobalCommand: the lockstep runs."""

import pytest

from model.arch import UnitConfig
from rtl.global_command import GlobalCommand
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": UnitConfig(),
    "software invalidates": UnitConfig(esrtps=False),
    "software invalidates interrupts": UnitConfig(esirtps=False),
    "no interrupts": UnitConfig(ir=False, eim=False, pi=False),
    "no queue": UnitConfig(qi=False, ir=False, eim=False, pi=False),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_lockstep(config):
    assert run_bench(lambda: GlobalCommand(config=config), name="global_command", config=config) == (4, 0)
