"""Write order: takes interrupt requests out of the writes of devices, and tells whose W beats come next."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.sizes import WRITE_ORDER_DEPTH
from rtl.axi.output_fifo import FallThroughFifo
from rtl.held_ids import HeldIds
from rtl.request import request_layout

__all__ = ["WriteOrder", "incoming_layout", "interrupt_address_layout", "is_for_interrupts"]

UNTRANSLATED = 0  # address type
DWORD_LSB, PREFIX_LSB = 2, 20  # of the address of an interrupt


def interrupt_address_layout(config: UnitConfig) -> data.StructLayout:
    """An interrupt request whose data did not come yet."""
    return data.StructLayout({"source_id": 16, "id": config.id_bits, "address": 32})


def incoming_layout(config: UnitConfig) -> data.StructLayout:
    """A write of a device, and whether `is_for_interrupts` says so of it: known before the write is in a register."""
    return data.StructLayout({"request": request_layout(config), "for_interrupts": 1})


class WriteOrder(wiring.Component):
    """Sorts writes by what they are, and remembers their order for the W channel.

    Rules 3.4, 22; AXI4 A5: B of one ID in the order of AW, W in the order of AW.
    Writes enter the pipeline in the order in which they are decided, so one bit for each tells whose beats come next.
    A write whose ID has an interrupt on its way waits, and with it all behind it: their B could overtake.
    Timing: nothing is lost; what leaves in a clock tells of itself in this clock already when nothing waits before it.

    Members
    -------
    requests : In(stream)
        AW of devices, in order.
    writes : Out(stream)
        All of them but interrupt requests.
    core_write : In
        In this clock a write entered the pipeline from elsewhere; its data come on the same W channel. Only to be
        given for an ID whose bit of `blocked_writes` is 0.
    blocked_writes : Out
        By ID, from registers: no such write may enter now.
    translation_enable : In
        TES.
    pending : In
        By ID: an interrupt that was taken is not answered.
    is_write, is_interrupt : Out
        What the next W beat belongs to; neither while it is not known.
    interrupt : Out
        The interrupt, while `is_interrupt`.
    write_taken, interrupt_taken : In
        The next W beat, the last one of its write, is taken in this clock. Only one of them, and for what it is of.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        ids = 1 << config.id_bits
        super().__init__(
            {
                "requests": In(stream.Signature(incoming_layout(config))),
                "writes": Out(stream.Signature(request_layout(config))),
                "core_write": In(1),
                "blocked_writes": Out(ids),
                "translation_enable": In(1),
                "pending": In(ids),
                "is_write": Out(1),
                "is_interrupt": Out(1),
                "interrupt": Out(interrupt_address_layout(config)),
                "write_taken": In(1),
                "interrupt_taken": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.order = order = FallThroughFifo(1, depth=WRITE_ORDER_DEPTH)
        request = self.requests.p.request
        interrupt, leaves, room, held = Signal(), Signal(), Signal(), Signal(1 << self.config.id_bits)
        queued = self._queue(m, leaves, room)
        m.d.comb += [
            interrupt.eq(self.requests.p.for_interrupts & ~(request.pasid_valid & self.translation_enable)),
            held.eq(self.pending | queued),
            # The last place is for devices: what they have been offered to the pipeline stays on offer.
            self.blocked_writes.eq(Mux(order.space > 1, held, ~0)),
            self.writes.p.eq(request),
            self.writes.valid.eq(self.requests.valid & ~interrupt & ~order.full & ~held.bit_select(request.id, 1)),
            leaves.eq(self.requests.valid & interrupt & ~order.full & room & ~self.core_write),
            self.requests.ready.eq(leaves | (self.writes.valid & self.writes.ready)),
            order.push.valid.eq(self.requests.ready | self.core_write),
            order.push.payload.eq(leaves),
            order.o.ready.eq(self.write_taken | self.interrupt_taken),
            # A write that comes in this clock is not decided yet, and `writes` may be ready late. An interrupt is: when
            # nothing is stored, `order` shows what is pushed, 1 only if it is pushed.
            self.is_write.eq(~order.empty & ~order.o.payload),
            self.is_interrupt.eq(order.o.payload),
        ]
        return m

    def _queue(self, m, leaves, room):
        """Keep the interrupts whose data did not come; return their IDs as a mask."""
        config = self.config
        depth = 1 << (config.interrupts - 1).bit_length()
        m.submodules.interrupts = queue = FallThroughFifo(_stored_layout(config), depth=depth)
        m.submodules.held_ids = ids = HeldIds(id_bits=config.id_bits, capacity=config.interrupts)
        request, new, first = self.requests.p.request, queue.push.payload, queue.o.p
        m.d.comb += [
            room.eq(queue.space > depth - config.interrupts),
            queue.push.valid.eq(leaves),
            queue.o.ready.eq(self.interrupt_taken),
            new.source_id.eq(request.source_id),
            new.id.eq(request.id),
            new.address.eq(request.address[DWORD_LSB:PREFIX_LSB]),
            self.interrupt.source_id.eq(first.source_id),
            self.interrupt.id.eq(first.id),
            self.interrupt.address.eq(Cat(Const(0, DWORD_LSB), first.address, Const(INTERRUPT_PREFIX, 12))),
            ids.enter.valid.eq(leaves & ~(queue.empty & queue.o.ready)),
            ids.enter.id.eq(request.id),
            ids.leave.valid.eq(~queue.empty & queue.o.ready),
            ids.leave.id.eq(first.id),
        ]
        return ids.held


def _stored_layout(config):
    """An interrupt without the bits of its address that are the same in all."""
    return data.StructLayout({"source_id": 16, "id": config.id_bits, "address": PREFIX_LSB - DWORD_LSB})


def is_for_interrupts(request):
    """Say whether a write of a device is an interrupt request (rule 3.4), if it writes all four bytes, and if it has no
    PASID while translation is enabled."""
    attributes = request.attributes
    in_range = (request.address >> PREFIX_LSB) == INTERRUPT_PREFIX
    one_dword = (attributes.len == 0) & (attributes.size == Size.DWORD) & (request.address[:DWORD_LSB] == 0)
    return in_range & one_dword & (request.address_type == UNTRANSLATED)
