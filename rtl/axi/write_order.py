"""Write order: takes interrupt requests out of the writes of devices, and tells whose W beats come next."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.sizes import WRITE_ORDER_DEPTH
from rtl.axi.output_fifo import FallThroughFifo
from rtl.request import request_layout

__all__ = ["WriteOrder", "interrupt_address_layout"]

UNTRANSLATED = 0  # address type


def interrupt_address_layout(config: UnitConfig) -> data.StructLayout:
    """An interrupt request whose data did not come yet."""
    return data.StructLayout({"source_id": 16, "id": config.id_bits, "address": 32})


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
    taken : In
        The next W beat, the last one of its write, is taken in this clock.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        ids = 1 << config.id_bits
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(config))),
                "writes": Out(stream.Signature(request_layout(config))),
                "core_write": In(1),
                "blocked_writes": Out(ids),
                "translation_enable": In(1),
                "pending": In(ids),
                "is_write": Out(1),
                "is_interrupt": Out(1),
                "interrupt": Out(interrupt_address_layout(config)),
                "taken": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.order = order = FallThroughFifo(1, depth=WRITE_ORDER_DEPTH)
        request = self.requests.p
        interrupt, leaves, room, held = Signal(), Signal(), Signal(), Signal(1 << self.config.id_bits)
        queued = self._queue(m, leaves, room)
        m.d.comb += [
            interrupt.eq(is_interrupt_request(request, self.translation_enable)),
            held.eq(self.pending | queued),
            # The last place is for devices: what they have been offered to the pipeline stays on offer.
            self.blocked_writes.eq(Mux(order.space > 1, held, ~0)),
            self.writes.p.eq(request),
            self.writes.valid.eq(
                self.requests.valid & ~interrupt & (order.space != 0) & ~held.bit_select(request.id, 1)
            ),
            leaves.eq(self.requests.valid & interrupt & (order.space != 0) & room & ~self.core_write),
            self.requests.ready.eq(leaves | (self.writes.valid & self.writes.ready)),
            order.push.valid.eq(self.requests.ready | self.core_write),
            order.push.payload.eq(leaves),
            order.o.ready.eq(self.taken),
            self.is_write.eq(order.o.valid & ~order.o.payload),
            self.is_interrupt.eq(order.o.valid & order.o.payload),
        ]
        return m

    def _queue(self, m, leaves, room):
        """Keep the interrupts whose data did not come; return their IDs as a mask."""
        config = self.config
        places = [
            Signal(data.StructLayout({"valid": 1, "interrupt": interrupt_address_layout(config)}), name=f"place_{i}")
            for i in range(config.interrupts)
        ]
        new = Signal(interrupt_address_layout(config))
        empty, leave, store = Signal(), Signal(), Signal()
        request = self.requests.p
        m.d.comb += [
            new.source_id.eq(request.source_id),
            new.id.eq(request.id),
            new.address.eq(request.address),
            empty.eq(~places[0].valid),
            room.eq(~places[-1].valid),
            leave.eq(self.is_interrupt & self.taken),
            store.eq(leaves & ~(empty & leave)),
            self.interrupt.eq(Mux(empty, new, places[0].interrupt)),
        ]
        before = Const(1)  # the place before is in use when all have moved up
        for place, behind in zip(places, [*places[1:], None], strict=True):
            follower = Const(0, len(place.as_value())) if behind is None else behind.as_value()
            stays = Mux(leave, follower[0], place.valid)
            with m.If(leave):
                m.d.sync += place.eq(follower)
            with m.If(store & before & ~stays):
                m.d.sync += [place.valid.eq(1), place.interrupt.eq(new)]
            before = stays
        ids = [Mux(place.valid, 1 << place.interrupt.id, 0) for place in places]
        queued = Signal(1 << config.id_bits)
        m.d.comb += (queued[number].eq(Cat(mask[number] for mask in ids).any()) for number in range(len(queued)))
        return queued


def is_interrupt_request(request, translation_enable):
    """Say whether a write of a device is an interrupt request, if it writes all four bytes (rule 3.4)."""
    attributes = request.attributes
    in_range = (request.address >> 20) == INTERRUPT_PREFIX
    one_dword = (attributes.len == 0) & (attributes.size == Size.DWORD) & (request.address[:2] == 0)
    takes_part = (request.address_type == UNTRANSLATED) & ~(request.pasid_valid & translation_enable)
    return in_range & one_dword & takes_part
