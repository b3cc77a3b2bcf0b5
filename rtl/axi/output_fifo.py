"""Output FIFO: takes whatever is pushed, tells how much more it can take, offers it from a register."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl.axi.register_slice import OutputRegister

__all__ = ["FallThroughFifo", "OutputFifo"]


def _signature(shape, depth, name):
    if depth not in (2, 4, 8, 16, 32, 64):
        raise ValueError(f"{name} depth must be a power of two from 2 to 64, not {depth!r}")
    return {
        "push": In(data.StructLayout({"valid": 1, "payload": shape})),
        "space": Out(range(depth + 1)),
        "o": Out(stream.Signature(shape)),
    }


class FallThroughFifo(wiring.Component):
    """FIFO with credit: a push is never refused, so nobody may push more than `space` told. `o.ready` says that `o` is
    taken: only while it is valid.

    Timing: `o` is combinational from `push` while the FIFO is empty; `space` comes from a register and counts
    free entries, but not the one that was taken in the last clock. A push without space is lost, and changes nothing
    that is stored. `full`, a register too, says sooner in the clock that `space` is 0, `empty` that nothing is stored.

    Parameters
    ----------
    shape : ShapeLike
        What is stored.
    depth : int
        Number of entries; ValueError unless a power of two from 2 to 64.
    """

    def __init__(self, shape, *, depth):
        self.depth = depth
        self._shape = shape
        super().__init__({**_signature(shape, depth, "FallThroughFifo"), "empty": Out(1, init=1), "full": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.entries = entries = memory.Memory(shape=self._shape, depth=self.depth, init=[])
        write, read = entries.write_port(), entries.read_port(domain="comb")
        first, last = Signal(range(self.depth)), Signal(range(self.depth))
        space = Signal(range(self.depth + 1), init=self.depth)
        empty, full = self.empty, self.full
        pushed, taken, returned = Signal(), Signal(), Signal()
        is_last = Mux(returned, space == self.depth - 2, space == self.depth - 1)
        m.d.comb += [
            self.space.eq(space),
            self.o.valid.eq(~empty | self.push.valid),
            read.addr.eq(first),
            Value.cast(self.o.payload).eq(Mux(empty, self.push.payload, read.data)),
            # Pushes and `ready` may come late in the clock. What is stored without a push is stored over.
            pushed.eq(self.push.valid & ~full),
            taken.eq(self.o.ready),
            write.addr.eq(last),
            write.data.eq(self.push.payload),
            write.en.eq(~full),
        ]
        m.d.sync += [
            returned.eq(taken),
            space.eq(Mux(pushed, Mux(returned, space, space - 1), Mux(returned, space + 1, space))),
            full.eq(Mux(pushed, ~returned & (space == 1), ~returned & full)),
            empty.eq(Mux(pushed, empty & self.o.ready, empty | (is_last & self.o.ready))),
        ]
        with m.If(taken):
            m.d.sync += first.eq(first + 1)
        with m.If(pushed):
            m.d.sync += last.eq(last + 1)
        return m


class OutputFifo(wiring.Component):
    """FallThroughFifo with an output register, which holds one entry more.

    Timing: what is pushed in clock n into an empty FIFO is offered in clock n + 1, from a register.
    """

    def __init__(self, shape, *, depth):
        self.depth = depth
        self._shape = shape
        super().__init__(_signature(shape, depth, "OutputFifo"))

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = FallThroughFifo(self._shape, depth=self.depth)
        m.submodules.register = register = OutputRegister(self._shape)
        m.d.comb += [fifo.push.eq(self.push), self.space.eq(fifo.space)]
        m.d.comb += [
            register.i.valid.eq(fifo.o.valid),
            register.i.payload.eq(fifo.o.payload),
            fifo.o.ready.eq(register.i.ready & fifo.o.valid),
        ]
        wiring.connect(m, register.o, wiring.flipped(self.o))
        return m
