"""A unit of two small blocks, which Yosys and nextpnr finish in seconds."""

from amaranth import ClockDomain, Elaboratable, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sim.generate import to_verilog

__all__ = ["tiny_verilog"]


class _Adder(wiring.Component):
    a: In(16)
    total: Out(16)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.total.eq(self.total + self.a)
        return m


class _Chooser(wiring.Component):
    total: In(16)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        held = Signal(16)
        m.d.sync += held.eq(self.total ^ held.rotate_left(3))
        with m.If(held.xor()):
            m.d.sync += self.o.eq(self.total[:4] & self.total[4:8] | held[12:])
        return m


class _Unit(wiring.Component):
    a: In(16)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.submodules.adder = adder = _Adder()
        m.submodules.chooser = chooser = _Chooser()
        m.d.comb += [adder.a.eq(self.a), chooser.total.eq(adder.total), self.o.eq(chooser.o)]
        return m


class _Top(Elaboratable):
    def __init__(self):
        self.ports = [Signal(name="aclk"), Signal(16, name="a"), Signal(4, name="o")]

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain(reset_less=True)
        m.submodules.unit = unit = _Unit()
        domain.clk, a, o = self.ports
        m.d.comb += [unit.a.eq(a), o.eq(unit.o)]
        return m


def tiny_verilog() -> str:
    """Return the Verilog of its top module `vtd_unit`."""
    top = _Top()
    return to_verilog(top, "vtd_unit", ports=top.ports)
