"""pytest entry points of InterruptRemapper: the lockstep run, and its latencies in clocks."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from rtl.interrupt_remapper import InterruptRemapper
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "required": UnitConfig(haw=39, mgaw=39, sagaw=(39,), eimer=True, irreq=True, pi=False, interrupts=5, id_bits=1),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_lockstep(name):
    config = CONFIGS[name]
    results = run_bench(lambda: InterruptRemapper(config=config), name="interrupt_remapper", config=config)
    assert results == (8, 0)
