"""Register slice of two entries, and the two halves it is made of: registered ready, registered valid."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["OutputRegister", "RegisterSlice", "SkidBuffer"]


class SkidBuffer(wiring.Component):
    """Registers `ready`: the transfer that comes when the way out is blocked is put aside.

    Timing: `i.ready` comes from a register, 0 in reset and in the first clock after it. `o` is combinational from
    `i` while nothing is put aside: no clock is lost, one transfer per clock.

    Parameters
    ----------
    shape : ShapeLike
        What is transferred.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        full, ready = Signal(), Signal()
        kept = Signal.like(self.i.payload)
        m.d.comb += [
            self.i.ready.eq(ready),
            self.o.valid.eq(full | (self.i.valid & ready)),
            Value.cast(self.o.payload).eq(Mux(full, kept, self.i.payload)),
        ]
        stays = self.o.valid & ~self.o.ready
        m.d.sync += [full.eq(stays), ready.eq(~stays)]
        with m.If(ready):
            m.d.sync += kept.eq(self.i.payload)
        return m


class OutputRegister(wiring.Component):
    """Registers `valid` and the payload.

    Timing: what `i` transfers in clock n is offered from clock n + 1 on. `i.ready` is combinational from `o.ready`,
    one transfer per clock. While nothing is offered the payload is any: `i.valid` may come late in the clock.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        valid, payload = Signal(), Signal.like(self.o.payload)
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.eq(payload),
            self.i.ready.eq(self.o.ready | ~valid),
        ]
        with m.If(self.i.ready):
            m.d.sync += [valid.eq(self.i.valid), payload.eq(self.i.payload)]
        return m


class RegisterSlice(wiring.Component):
    """Two entries: `i.ready`, `o.valid` and `o.payload` all come from registers.

    Timing: what `i` transfers in clock n is offered in clock n + 1; one transfer per clock.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.skid = skid = SkidBuffer(self._shape)
        m.submodules.register = register = OutputRegister(self._shape)
        wiring.connect(m, wiring.flipped(self.i), skid.i)
        wiring.connect(m, skid.o, register.i)
        wiring.connect(m, register.o, wiring.flipped(self.o))
        return m
