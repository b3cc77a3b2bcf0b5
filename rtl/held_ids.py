"""Which AXI IDs the entries of a queue have."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from rtl.one_hot import decoded

__all__ = ["HeldIds"]


class HeldIds(wiring.Component):
    """A bit for each ID: it entered and did not leave as often.

    What enters first leaves first. Entries are numbered, and of each ID the number of its last one is kept: when
    that one leaves, no other has the ID.
    Timing: `held` is a register. An entry may not leave in the clock in which it enters.

    Parameters
    ----------
    id_bits : int
        Width of an ID.
    capacity : int
        How many entries there may be at once.
    """

    def __init__(self, *, id_bits, capacity):
        self.id_bits = id_bits
        self.capacity = capacity
        step = data.StructLayout({"valid": 1, "id": id_bits})
        super().__init__({"enter": In(step), "leave": In(step), "held": Out(1 << id_bits)})

    def elaborate(self, platform):
        m = Module()
        number = range(self.capacity)
        m.submodules.last_numbers = last_numbers = memory.Memory(shape=number, depth=1 << self.id_bits, init=[])
        write, read = last_numbers.write_port(), last_numbers.read_port(domain="comb")
        entering, leaving = Signal(number), Signal(number)  # these wrap at a power of two, not at `capacity`
        enter, leave = self.enter, self.leave
        none_left = leave.valid & (read.data == leaving)
        m.d.comb += [
            write.en.eq(enter.valid),
            write.addr.eq(enter.id),
            write.data.eq(entering),
            read.addr.eq(leave.id),
        ]
        m.d.sync += [
            entering.eq(entering + enter.valid),
            leaving.eq(leaving + leave.valid),
            self.held.eq((self.held & ~Mux(none_left, decoded(leave.id), 0)) | Mux(enter.valid, decoded(enter.id), 0)),
        ]
        return m
