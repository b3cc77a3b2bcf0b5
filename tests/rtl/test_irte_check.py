"""pytest entry points of IrteCheck and IrteMeaning: the run against its model."""

import pytest

from model.arch import UnitConfig
from tb.checked_irte import CheckedIrte
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": UnitConfig(),
    "32-bit addresses": UnitConfig(haw=32, mgaw=39, sagaw=(39,)),
    "widest": UnitConfig(haw=52),
    "no posting": UnitConfig(pi=False, haw=39),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_same_as_model(config):
    results = run_bench(lambda: CheckedIrte(config=config), name="irte_check", config=config)
    assert results == (1, 0)
