"""pytest entry points of RegisterFile: the lockstep runs, and its registers against the reference model."""

import pytest

from model.arch import UnitConfig
from rtl.register_file import RegisterFile
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": UnitConfig(),
    "one record, no queue": UnitConfig(nfr=1, qi=False, ir=False, eim=False, pi=False, phmr=False, esrtps=False),
    "version 6, no protected memory": UnitConfig(version_major=6, sagaw=(), plmr=False, phmr=False, nfr=3),
    "narrow": UnitConfig(
        haw=39, mgaw=39, nd=2, psi=False, eim=False, plmr=False, protected_memory_shift=12, fro=0x400, iro=0x300
    ),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_lockstep(config):
    assert run_bench(lambda: RegisterFile(config=config), name="register_file", config=config) == (
        1,
        0,
    )
