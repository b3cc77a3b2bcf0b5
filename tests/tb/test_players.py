"""What a lockstep run says when RTL and model differ."""

import asyncio
from types import SimpleNamespace

import pytest

from model.arch import PRESETS
from model.cycle.unit import Unit
from tb import players
from tb.axi_device import Transfer
from tb.players import Mismatch
from tb.possible import Answer
from tb.testbench import Testbench


def mismatch(monkeypatch, bench, change):
    """Return how a run ends whose RTL shows what `change` makes of the text of the outputs of the model."""
    cocotb = pytest.importorskip("cocotb.triggers")
    monkeypatch.setattr(cocotb, "ClockCycles", lambda *_: asyncio.sleep(0))
    handle = SimpleNamespace(get_signal_val_binstr=lambda: change(port, port._text))
    port = players._Port(SimpleNamespace(aclk=None, outputs=SimpleNamespace(_handle=handle)), bench, 10, None)
    outputs = Unit(bench.config)._outputs()
    assert not port.matches(outputs)
    with pytest.raises(Mismatch) as failure:
        asyncio.run(port.fail(outputs))
    return failure.value


def replaced(port, text, name, bits):
    """Return the text with other bits for an output."""
    shift, width = port.signals.outputs[name]
    end = len(text) - shift
    return text[: end - width] + bits.rjust(width, "0") + text[end:]


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_vector_of_another_width_is_named(monkeypatch, extra):
    bench = Testbench(PRESETS["small"])
    width = players.Signals(bench.config).output_bits
    failure = mismatch(monkeypatch, bench, lambda port, text: "0" * (width + extra))
    assert str(failure) == f"clock 0: the outputs of the RTL have {width + extra} bits, those of the model {width}"


def test_all_that_differs_stands_side_by_side(monkeypatch):
    def change(port, text):
        for name, bits in (("s_axi_bvalid", "x"), ("m_axi_awaddr", "101010111100"), ("m_axi_awvalid", "1")):
            text = replaced(port, text, name, bits)
        return text

    bench = Testbench(PRESETS["small"], 7)
    bench.note("phase")
    bench.note(Transfer(True, 0xFA, 0x1000, 3, pasid=5), Answer(None, False, 5))
    failure = mismatch(monkeypatch, bench, change)
    assert failure.signal == "s_axi_bvalid"
    assert str(failure).splitlines() == [
        "clock 0: s_axi_bvalid is undefined: RTL x",
        "  also           RTL    model",
        "  m_axi_awaddr   0xabc  0x0",
        "  m_axi_awvalid  0x1    0x0",
        "  time 10 ns, seed 7",
        "  clock 0: phase",
        "  clock 0: write of source-id 0x00fa at 0x1000, ID 3, PASID 0x5: fault 0x05 WRITE_NOT_PERMITTED",
        "  waves: none; run again with waves",
    ]
