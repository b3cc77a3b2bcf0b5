"""What a lockstep run says when RTL and model differ."""

import asyncio
from types import SimpleNamespace

import pytest

from model.arch import PRESETS
from model.cycle.unit import Unit
from tb import players
from tb.players import Mismatch
from tb.testbench import Testbench


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_vector_of_another_width_is_named(monkeypatch, extra):
    cocotb = pytest.importorskip("cocotb.triggers")
    monkeypatch.setattr(cocotb, "ClockCycles", lambda *_: asyncio.sleep(0))
    bench = Testbench(PRESETS["small"])
    width = players.Signals(bench.config).output_bits
    handle = SimpleNamespace(get_signal_val_binstr=lambda: "0" * (width + extra))
    dut = SimpleNamespace(aclk=None, outputs=SimpleNamespace(_handle=handle))
    port = players._Port(dut, bench, 10, None)
    outputs = Unit(bench.config)._outputs()
    assert not port.matches(outputs)
    with pytest.raises(Mismatch, match=f"the RTL have {width + extra} bits, those of the model {width}"):
        asyncio.run(port.fail(outputs))
