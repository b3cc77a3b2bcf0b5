"""Interrupt remapper: interrupt requests of devices, each in a slot of its own, until they are answered in order."""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.structures import IRTE_REMAPPED, REMAPPABLE_INTERRUPT_ADDRESS, REMAPPABLE_INTERRUPT_DATA
from rtl.axi.write_path import interrupt_answer_layout, interrupt_layout
from rtl.event_message import message_layout
from rtl.fault_recorder import INDEX_LSB, record_layout
from rtl.irte_check import IRTE_BITS, IrteCheck, interrupt_message
from rtl.memory_port import interrupt_read_layout, returned_layout
from rtl.one_hot import in_turn, select
from rtl.poster import post_layout, posted_layout
from rtl.register_file import interrupt_table_layout
from rtl.request import Access

__all__ = ["InterruptRemapper", "fault_layout"]

INDEX_BITS = 16
IRTE_BYTES_LOG2 = (IRTE_REMAPPED.bytes - 1).bit_length()
FPD = IRTE_REMAPPED["FPD"].lsb


class Phase(enum.Enum, shape=3):
    """What a slot is doing."""

    FREE = 0
    ARRIVED = 1  # checked in this clock
    LOOK_UP = 2
    READ = 3
    FLIGHT = 4
    DONE = 5  # it is known what becomes of it
    POSTING = 6
    FINISHED = 7  # to be answered


def fault_layout() -> data.StructLayout:
    """A fault to record: `record_layout` without its `valid`."""
    return data.StructLayout({name: shape for name, shape in record_layout().members.items() if name != "valid"})


class InterruptRemapper(wiring.Component):
    """A ring of slots: requests come into them, and leave them, in order; only the reads of entries are in any order.

    Spec: rules 22, 23.4.
    A request that passes as it is goes the same way as one that is remapped. Nothing leaves - as a message, a posting,
    a fault record or an answer - before the writes of devices whose data went before have been answered: the fence.
    Timing: what comes in clock t is checked in t + 1, with the state of the unit in this clock, and looked up; the
    cache answers in t + 3; its message or posting is offered in t + 4, or its read in case of a miss. An entry
    that is returned in clock n is a message in n + 1. Answers are offered one clock after the message was taken.
    One request per clock, as long as slots are free.

    Members
    -------
    interrupt : In(stream)
        Requests; `ready` comes from registers.
    answer : Out(stream)
        Their answers, in order; a message that is answered here may still be on its way.
    interrupt_remapping_enable, compatibility_enable, table : In
        IRES, CFIS, and the table that SIRTP made current.
    epoch, lookup_epoch : In
        Current epoch; epoch of what is looked up in this clock.
    older_epoch : Out
        A slot uses what it looked up in the other epoch.
    pending : Out
        By ID: a request was taken and is not answered.
    lookup, iec_hit, iec_entry, iec_fill : to and from the interrupt entry cache.
    read : Out(stream), returned : In
        Reads of entries, tag = slot, and what comes back, in any order. While a read is not taken another may be
        offered in its place.
    message : Out(stream)
        Messages to send.
    message_older : Out
        The message on offer was made from what was looked up in the other epoch.
    post : Out(stream), posted : In
        Interrupts to post, one at a time.
    record : Out(stream)
        Faults.
    writes_busy, fence, fenced : to and from Outstanding.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "interrupt": In(stream.Signature(interrupt_layout(config))),
                "answer": Out(stream.Signature(interrupt_answer_layout(config))),
                "interrupt_remapping_enable": In(1),
                "compatibility_enable": In(1),
                "table": In(interrupt_table_layout(config)),
                "epoch": In(1),
                "lookup_epoch": In(1),
                "older_epoch": Out(1),
                "pending": Out(1 << config.id_bits),
                "lookup": Out(INDEX_BITS),
                "iec_hit": In(1),
                "iec_entry": In(IRTE_BITS),
                "iec_fill": Out(data.StructLayout({"valid": 1, "index": INDEX_BITS, "irte": IRTE_BITS})),
                "read": Out(stream.Signature(interrupt_read_layout(config))),
                "returned": In(returned_layout(config.interrupts)),
                "message": Out(stream.Signature(message_layout())),
                "message_older": Out(1),
                "post": Out(stream.Signature(post_layout(config))),
                "posted": In(posted_layout()),
                "record": Out(stream.Signature(fault_layout())),
                "writes_busy": In(1),
                "fence": Out(1),
                "fenced": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        slot = data.StructLayout(
            {
                "phase": Phase,
                "source_id": 16,
                "id": config.id_bits,
                "whole": 1,
                "epoch": 1,
                "extended": 1,
                "index": INDEX_BITS + 1,  # handle plus subhandle
                "address": 64,  # of the request; of the entry to read; then of the message, or of the descriptor
                "data": 32,  # of the request; then of the message, or vector and URG of the posting
                "post": 1,
                "fault_reason": 8,
                "suppressed": 1,
                "marked": 1,  # a fence that was set up after it came is on its way
                "fenced": 1,
            }
        )
        self._slots = [Signal(slot, name=f"slot_{i}") for i in range(config.interrupts)]
        m.d.comb += [
            *(
                bit.eq(Cat((s.phase != Phase.FREE) & (s.id == number) for s in self._slots).any())
                for number, bit in enumerate(self.pending)
            ),
            self.older_epoch.eq(Cat(self._is_of_older_epoch(s) for s in self._slots).any()),
        ]
        self._fence_off(m)
        self._take_interrupt(m)
        self._use_found(m, self._check_arrived(m))
        self._choose_read(m)
        self._take_returned(m)
        self._send(m)
        self._answer(m)
        return m

    def _is_of_older_epoch(self, s):
        return (s.phase != Phase.FREE) & (s.phase != Phase.ARRIVED) & (s.epoch != self.epoch)

    def _fence_off(self, m):
        """Note for each slot when the writes before it have been answered. One mark at a time, for all that wait."""
        waits = Cat((s.phase != Phase.FREE) & ~s.marked & ~s.fenced for s in self._slots)
        m.d.comb += self.fence.eq(waits.any() & self.writes_busy & self.fenced)
        for s in self._slots:
            with m.If(~self.writes_busy | (s.marked & self.fenced)):
                m.d.sync += s.fenced.eq(1)
            with m.If(self.fence):
                m.d.sync += s.marked.eq(1)

    def _take_interrupt(self, m):
        coming = self.interrupt
        place = Signal(self.config.interrupts, init=1)
        request = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_ADDRESS.layout), coming.p.address)
        content = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_DATA.layout), coming.p.data)
        handle = Cat(request.handle_14_0, request.handle_15)
        m.d.comb += coming.ready.eq((place & Cat(s.phase == Phase.FREE for s in self._slots)).any())
        with m.If(coming.valid & coming.ready):
            m.d.sync += place.eq(place.rotate_left(1))
            for bit, s in zip(place, self._slots, strict=True):
                with m.If(bit):
                    m.d.sync += [
                        s.phase.eq(Phase.ARRIVED),
                        *(s[name].eq(coming.p[name]) for name in interrupt_layout(self.config).members),
                        s.index.eq(handle + Mux(request.shv, content.subhandle, 0)),
                        s.marked.eq(0),
                        s.fenced.eq(0),
                    ]

    def _check_arrived(self, m):
        """Check the request that has just come, which is looked up in this clock; return it as a mask if what is found
        will matter. Rules 22.1 to 22.3 b."""
        config = self.config
        arrived = Signal(config.interrupts)
        s = Signal(self._slots[0].shape())
        fault, remaps, shv = Signal(8), Signal(), Signal()
        place = Signal(config.haw + 1)
        request = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_ADDRESS.layout), s.address[:32])
        content = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_DATA.layout), s.data)
        m.d.comb += [
            arrived.eq(Cat(s.phase == Phase.ARRIVED for s in self._slots)),
            s.eq(select(arrived, self._slots)),
            shv.eq(request.shv),
            self.lookup.eq(s.index),
            place.eq((self.table.address << 12) + (s.index << IRTE_BYTES_LOG2)),
        ]
        with m.If(~s.whole):
            m.d.comb += fault.eq(FaultReason.NOT_AN_INTERRUPT_REQUEST)
        with m.Elif(~self.interrupt_remapping_enable):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_REMAPPING_REQUIRED if config.irreq else 0)
        with m.Elif(~self.table.extended & int(config.eimer)):
            m.d.comb += fault.eq(FaultReason.EXTENDED_INTERRUPT_MODE_REQUIRED)
        with m.Elif(~request.format), m.If(self.table.extended | ~self.compatibility_enable):
            m.d.comb += fault.eq(FaultReason.COMPATIBILITY_INTERRUPT_BLOCKED)
        with m.Elif(shv & content.must_be_zero.any()):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_REQUEST_RESERVED_BITS)
        with m.Elif((s.index >> 1 >> self.table.size).any() | place[-1]):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_INDEX_BEYOND_TABLE)
        with m.Else():
            m.d.comb += remaps.eq(1)
        for bit, slot in zip(arrived, self._slots, strict=True):
            with m.If(bit):
                m.d.sync += [
                    slot.phase.eq(Mux(remaps, Phase.LOOK_UP, Phase.DONE)),
                    slot.epoch.eq(self.lookup_epoch),
                    slot.extended.eq(self.table.extended),
                    slot.address.eq(Mux(remaps, place, s.address)),
                    slot.post.eq(0),
                    slot.fault_reason.eq(fault),
                    slot.suppressed.eq(0),
                ]
        return Mux(remaps, arrived, 0)

    def _use_found(self, m, looked_up):
        """Use what the cache answers two clocks after the look-up; without it the entry must be read."""
        config = self.config
        waiting, found = Signal(config.interrupts), Signal(config.interrupts)
        s = Signal(self._slots[0].shape())
        m.submodules.found_check = check = IrteCheck(config=config)
        m.d.sync += [waiting.eq(looked_up), found.eq(waiting)]
        m.d.comb += [
            s.eq(select(found, self._slots)),
            check.irte.eq(self.iec_entry),
            check.source_id.eq(s.source_id),
            check.extended.eq(s.extended),
        ]
        for bit, slot in zip(found, self._slots, strict=True):
            with m.If(bit & self.iec_hit):
                _put_result(m, slot, check)
            with m.Elif(bit):
                m.d.sync += slot.phase.eq(Phase.READ)

    def _choose_read(self, m):
        """Of the slots that want to read, in turn."""
        count = self.config.interrupts
        wants, chosen, turn = Signal(count), Signal(count), Signal(count)
        s = Signal(self._slots[0].shape())
        m.d.comb += [
            wants.eq(Cat(s.phase == Phase.READ for s in self._slots)),
            chosen.eq(in_turn(wants, turn)),
            s.eq(select(chosen, self._slots)),
            self.read.valid.eq(wants.any()),
            self.read.p.address.eq(s.address),
            self.read.p.tag.eq(select(chosen, [Const(number, range(count)) for number in range(count)])),
        ]
        with m.If(self.read.valid & self.read.ready):
            m.d.sync += turn.eq(chosen)
            for bit, slot in zip(chosen, self._slots, strict=True):
                with m.If(bit):
                    m.d.sync += slot.phase.eq(Phase.FLIGHT)

    def _take_returned(self, m):
        """Use an entry that has come back, and keep it if it is good."""
        returned, fill = self.returned, self.iec_fill
        chosen = Signal(self.config.interrupts)
        s = Signal(self._slots[0].shape())
        m.submodules.returned_check = check = IrteCheck(config=self.config)
        m.d.comb += [
            # What nobody asked for changes nothing.
            chosen.eq(
                Cat(
                    returned.valid & (returned.tag == number) & (s.phase == Phase.FLIGHT)
                    for number, s in enumerate(self._slots)
                )
            ),
            s.eq(select(chosen, self._slots)),
            check.irte.eq(returned.entry),
            check.error.eq(returned.error),
            check.source_id.eq(s.source_id),
            check.extended.eq(s.extended),
            # What an older epoch has read may be used, but not kept.
            fill.valid.eq(chosen.any() & (check.fault_reason == 0) & (s.epoch == self.epoch)),
            fill.index.eq(s.index),
            fill.irte.eq(returned.entry),
        ]
        for bit, slot in zip(chosen, self._slots, strict=True):
            with m.If(bit):
                _put_result(m, slot, check)

    def _send(self, m):
        """The oldest request that has not left leaves: as a message, a posting, or a fault record."""
        count = self.config.interrupts
        turn, settled, leaves, finished = Signal(count, init=1), Signal(), Signal(), Signal()
        s = Signal(self._slots[0].shape())
        refused, posted = s.fault_reason != 0, self.posted
        m.d.comb += [
            s.eq(select(turn, self._slots)),
            settled.eq((s.phase == Phase.DONE) & s.fenced),
            self.message.valid.eq(settled & ~refused & ~s.post),
            self.message.p.address.eq(s.address),
            self.message.p.data.eq(s.data),
            self.message_older.eq(s.epoch != self.epoch),
            self.post.valid.eq(settled & ~refused & s.post),
            self.post.p.address.eq(s.address),
            Cat(self.post.p.vector, self.post.p.urgent).eq(s.data),
            self.post.p.extended.eq(s.extended),
            self.record.valid.eq(settled & refused & ~s.suppressed),
            self.record.p.fault_reason.eq(s.fault_reason),
            self.record.p.source_id.eq(s.source_id),
            self.record.p.address.eq(s.index << INDEX_LSB),
            self.record.p.access.eq(Access.WRITE),
            self.record.p.interrupt.eq(1),
            leaves.eq(
                (self.message.valid & self.message.ready)
                | (self.record.valid & self.record.ready)
                | (settled & refused & s.suppressed)
            ),
            finished.eq(
                leaves | ((s.phase == Phase.POSTING) & posted.valid & (posted.fault_reason == 0) & ~posted.notify)
            ),
        ]
        with m.If(finished):
            m.d.sync += turn.eq(turn.rotate_left(1))
        for bit, slot in zip(turn, self._slots, strict=True):
            with m.If(bit & finished):
                m.d.sync += slot.phase.eq(Phase.FINISHED)
            with m.Elif(bit & self.post.valid & self.post.ready):
                m.d.sync += slot.phase.eq(Phase.POSTING)
            with m.Elif(bit & (s.phase == Phase.POSTING) & posted.valid):
                # The notification leaves as any message, a fault as any other: FPD of the entry still counts.
                m.d.sync += [
                    slot.phase.eq(Phase.DONE),
                    slot.post.eq(0),
                    slot.fault_reason.eq(posted.fault_reason),
                    Cat(slot.address, slot.data).eq(
                        interrupt_message(vector=posted.vector, destination=posted.destination)
                    ),
                ]

    def _answer(self, m):
        """The oldest request is answered, and its slot free again."""
        turn = Signal(self.config.interrupts, init=1)
        s = Signal(self._slots[0].shape())
        m.d.comb += [
            s.eq(select(turn, self._slots)),
            self.answer.valid.eq(s.phase == Phase.FINISHED),
            self.answer.p.id.eq(s.id),
            self.answer.p.okay.eq(s.fault_reason == 0),
        ]
        with m.If(self.answer.valid & self.answer.ready):
            m.d.sync += turn.eq(turn.rotate_left(1))
            for bit, slot in zip(turn, self._slots, strict=True):
                with m.If(bit):
                    m.d.sync += slot.phase.eq(Phase.FREE)


def _put_result(m, slot, check):
    """Put what `check` says into a slot."""
    m.d.sync += [
        slot.phase.eq(Phase.DONE),
        slot.post.eq(check.posted),
        slot.fault_reason.eq(check.fault_reason),
        # Of a posting it is not known yet whether it will fault.
        slot.suppressed.eq(Mux(check.posted, check.irte[FPD], check.suppressed)),
        slot.address.eq(Mux(check.posted, check.descriptor, check.message.address)),
        slot.data.eq(Mux(check.posted, Cat(check.vector, check.urgent), check.message.data)),
    ]
