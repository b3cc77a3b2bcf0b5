"""pytest entry points of FaultRecorder: the lockstep runs."""

import pytest

from model.arch import UnitConfig
from rtl.fault_recorder import FaultRecorder
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": UnitConfig(),
    "one record, narrow tables": UnitConfig(nfr=1, sagaw=(39,)),
    "three records, one of each source-id": UnitConfig(nfr=3, collapse_faults=True),
    "no tables": UnitConfig(version_major=6, sagaw=(), nfr=2),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_lockstep(config):
    assert run_bench(lambda: FaultRecorder(config=config), name="fault_recorder", config=config) == (1, 0)
