"""Interrupt remapper: interrupt requests of devices, each in a slot of its own, until they are answered in order."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.structures import (
    COMPATIBILITY_INTERRUPT_ADDRESS,
    IRTE_REMAPPED,
    REMAPPABLE_INTERRUPT_ADDRESS,
    REMAPPABLE_INTERRUPT_DATA,
)
from rtl.axi.write_path import interrupt_answer_layout, interrupt_layout
from rtl.event_message import message_layout
from rtl.fault_recorder import INDEX_LSB, record_layout
from rtl.held_ids import HeldIds
from rtl.irte_check import IRTE_BITS, IrteCheck, IrteMeaning, interrupt_message
from rtl.memory_port import interrupt_read_layout, returned_layout
from rtl.one_hot import decoded, in_turn, number_of
from rtl.poster import post_layout, posted_layout
from rtl.register_file import interrupt_table_layout
from rtl.request import Access

__all__ = ["InterruptRemapper", "fault_layout"]

INDEX_BITS = 16
IRTE_BYTES_LOG2 = (IRTE_REMAPPED.bytes - 1).bit_length()
FPD = IRTE_REMAPPED["FPD"].lsb
PREFIX_LSB = COMPATIBILITY_INTERRUPT_ADDRESS["FEE"].lsb


# What becomes of a request: a message, a posting, a fault with a record of it, or one without.
OUTCOMES = ("sends", "posts", "refuses", "vanishes")

# An entry whose check has found what becomes of the request.
ENTRY = data.StructLayout({"irte": IRTE_BITS, "fault_reason": 8})


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
        count = self.config.interrupts
        # Masks of slots. `outcomes` are 0 before it is known what becomes of a request, and after it has left.
        self._comes, self._taken, self._epochs = (Signal(count, name=name) for name in ("comes", "taken", "epochs"))
        self._outcomes = Signal(data.StructLayout(dict.fromkeys(OUTCOMES, count)))
        self._first = Signal(count, init=1)  # the oldest that has not left
        self._posted = Signal(posted_layout())  # `valid`: that of the oldest has ended
        # What slots hold is written once, and read by number.
        m.submodules.requests = self._requests = self._memory(self._request_layout())
        m.submodules.found = self._found = self._memory(ENTRY)
        m.submodules.fetched = self._fetched = self._memory(ENTRY)

        arrived, request = self._take_interrupt(m)
        looked_up, unmapped = self._check_arrived(m, arrived, request)
        missed, hit, was_hit = self._use_found(m, looked_up, request)
        returned = self._take_returned(m, self._choose_read(m, missed))
        disabled = self._show_first(m, was_hit)
        self._leave(m, unmapped | hit | returned, disabled)
        self._tell_state(m, arrived)
        return m

    def _request_layout(self):
        """A request that has been checked."""
        return data.StructLayout(
            {
                "id": self.config.id_bits,
                "source_id": 16,
                "index": INDEX_BITS,
                "address": PREFIX_LSB,  # the rest is the same for all
                "data": 32,
                "place": self.config.haw,  # of its entry, if it is `remapped`
                "remapped": 1,
                "extended": 1,
                "fault_reason": 8,
            }
        )

    def _memory(self, shape):
        """Return a memory with a place for each slot. A distributed RAM has 16 places anyway, a smaller one may become
        registers."""
        return memory.Memory(shape=shape, depth=16, init=[])

    def _request(self, m, number):
        """Return the request in the slot of this number."""
        read = self._requests.read_port(domain="comb")
        m.d.comb += read.addr.eq(number)
        return read.data

    def _tell_state(self, m, arrived):
        m.submodules.held_ids = held = HeldIds(id_bits=self.config.id_bits, capacity=self.config.interrupts)
        m.d.comb += [
            held.enter.valid.eq(self.interrupt.valid & self.interrupt.ready),
            held.enter.id.eq(self.interrupt.p.id),
            held.leave.valid.eq(self.answer.valid & self.answer.ready),
            held.leave.id.eq(self.answer.p.id),
            self.pending.eq(held.held),
            self.older_epoch.eq((self._taken & ~arrived & self._older()).any()),
        ]

    def _older(self):
        """Return which slots use what they looked up in the other epoch."""
        return self._epochs ^ self.epoch.replicate(len(self._epochs))

    def _take_interrupt(self, m):
        """Return the request that came in the last clock: its slot, and all of it with its index."""
        coming, comes = self.interrupt, self._comes
        place, arrived = Signal.like(self._first), Signal.like(comes)
        request = Signal(data.StructLayout({**interrupt_layout(self.config).members, "index": INDEX_BITS + 1}))
        address = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_ADDRESS.layout), coming.p.address)
        content = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_DATA.layout), coming.p.data)
        handle = Cat(address.handle_14_0, address.handle_15)
        m.d.comb += [
            coming.ready.eq(~(place & self._taken).any()),
            comes.eq(Mux(coming.valid & coming.ready, place, 0)),
        ]
        m.d.sync += [
            arrived.eq(comes),
            *(request[name].eq(coming.p[name]) for name in interrupt_layout(self.config).members),
            # Handle plus subhandle.
            request.index.eq(handle + Mux(address.shv, content.subhandle, 0)),
        ]
        with m.If(comes.any()):
            m.d.sync += place.eq(place.rotate_left(1))
        return arrived, request

    def _check_arrived(self, m, arrived, came):
        """Check the request that has just come, which is looked up in this clock; return it as a mask if what is found
        will matter, and what is settled. Rules 22.1 to 22.3 b."""
        config = self.config
        fault, remaps = Signal(8), Signal()
        place = Signal(config.haw + 1)
        address = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_ADDRESS.layout), came.address)
        content = data.View(data.StructLayout(REMAPPABLE_INTERRUPT_DATA.layout), came.data)
        write = self._requests.write_port()
        m.d.comb += [
            self.lookup.eq(came.index),
            place.eq((self.table.address << 12) + (came.index << IRTE_BYTES_LOG2)),
            write.en.eq(arrived.any()),
            write.addr.eq(number_of(arrived)),
            *(write.data[name].eq(came[name]) for name in ("id", "source_id", "index", "address", "data")),
            write.data.place.eq(place),
            write.data.remapped.eq(remaps),
            write.data.extended.eq(self.table.extended),
            write.data.fault_reason.eq(fault),
        ]
        m.d.sync += self._epochs.eq(Mux(self.lookup_epoch, self._epochs | arrived, self._epochs & ~arrived))
        with m.If(~came.whole):
            m.d.comb += fault.eq(FaultReason.NOT_AN_INTERRUPT_REQUEST)
        with m.Elif(~self.interrupt_remapping_enable):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_REMAPPING_REQUIRED if config.irreq else 0)
        with m.Elif(~self.table.extended & int(config.eimer)):
            m.d.comb += fault.eq(FaultReason.EXTENDED_INTERRUPT_MODE_REQUIRED)
        with m.Elif(~address.format), m.If(self.table.extended | ~self.compatibility_enable):
            m.d.comb += fault.eq(FaultReason.COMPATIBILITY_INTERRUPT_BLOCKED)
        with m.Elif(address.shv & content.must_be_zero.any()):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_REQUEST_RESERVED_BITS)
        with m.Elif((came.index >> 1 >> self.table.size).any() | place[-1]):
            m.d.comb += fault.eq(FaultReason.INTERRUPT_INDEX_BEYOND_TABLE)
        with m.Else():
            m.d.comb += remaps.eq(1)
        return Mux(remaps, arrived, 0), _settled(
            Mux(remaps, 0, arrived), refused=fault != 0, suppressed=Const(0), posted=Const(0)
        )

    def _use_found(self, m, looked_up, came):
        """Use what the cache answers two clocks after the look-up; without it the entry must be read. Return which
        slot needs that, what is settled, and whose entries were in the cache."""
        waiting, found, was_hit = (Signal.like(looked_up) for _ in range(3))
        requesters = [Signal(data.StructLayout({"source_id": 16, "extended": 1})) for _ in range(2)]
        m.submodules.found_check = check = IrteCheck(config=self.config)
        m.d.sync += [
            waiting.eq(looked_up),
            found.eq(waiting),
            requesters[0].eq(Cat(came.source_id, self.table.extended)),
            requesters[1].eq(requesters[0]),
            was_hit.eq(Mux(self.iec_hit, was_hit | found, was_hit & ~found)),
        ]
        m.d.comb += [
            check.irte.eq(self.iec_entry),
            check.source_id.eq(requesters[1].source_id),
            check.extended.eq(requesters[1].extended),
        ]
        hit = Mux(self.iec_hit, found, 0)
        return Mux(self.iec_hit, 0, found), _keep(m, self._found, hit, check), was_hit

    def _choose_read(self, m, missed):
        """Of the slots that want to read, in turn. Return that which begins."""
        wants, chosen, turn = (Signal.like(missed) for _ in range(3))
        begins = Signal.like(missed)
        m.d.comb += [
            chosen.eq(in_turn(wants, turn)),
            begins.eq(Mux(self.read.ready, chosen, 0)),
            self.read.valid.eq(wants.any()),
            self.read.p.tag.eq(number_of(chosen)),
            self.read.p.address.eq(self._request(m, number_of(chosen)).place),
        ]
        m.d.sync += wants.eq((wants | missed) & ~begins)
        with m.If(begins.any()):
            m.d.sync += turn.eq(begins)
        return begins

    def _take_returned(self, m, begins):
        """Use an entry that has come back, and keep it if it is good; return what is settled."""
        returned, fill = self.returned, self.iec_fill
        in_flight, chosen = Signal.like(begins), Signal.like(begins)
        request = self._request(m, returned.tag)
        m.submodules.returned_check = check = IrteCheck(config=self.config)
        m.d.comb += [
            # What nobody asked for changes nothing.
            chosen.eq(Mux(returned.valid, in_flight & decoded(returned.tag), 0)),
            check.irte.eq(returned.entry),
            check.error.eq(returned.error),
            check.source_id.eq(request.source_id),
            check.extended.eq(request.extended),
            # What an older epoch has read may be used, but not kept.
            fill.valid.eq((chosen & ~self._older()).any() & ~check.refused),
            fill.index.eq(request.index),
            fill.irte.eq(returned.entry),
        ]
        m.d.sync += in_flight.eq((in_flight | begins) & ~chosen)
        return _keep(m, self._fetched, chosen, check)

    def _show_first(self, m, was_hit):
        """Put the oldest request that has not left on all ways out. Return whether FPD of its entry is set."""
        posted, number = self._posted, number_of(self._first)
        entry = Signal(ENTRY)
        found, fetched = (slots.read_port(domain="comb") for slots in (self._found, self._fetched))
        request = self._request(m, number)
        m.submodules.meaning = meaning = IrteMeaning(config=self.config)
        notification = interrupt_message(vector=posted.vector, destination=posted.destination)
        m.d.comb += [
            found.addr.eq(number),
            fetched.addr.eq(number),
            entry.eq(Mux((was_hit & self._first).any(), found.data, fetched.data)),
            meaning.irte.eq(entry.irte),
            meaning.extended.eq(request.extended),
            self.post.p.address.eq(meaning.descriptor),
            self.post.p.vector.eq(meaning.vector),
            self.post.p.urgent.eq(meaning.urgent),
            self.post.p.extended.eq(request.extended),
            self.record.p.source_id.eq(request.source_id),
            self.record.p.address.eq(request.index << INDEX_LSB),
            self.record.p.access.eq(Access.WRITE),
            self.record.p.interrupt.eq(1),
            self.message_older.eq((self._first & self._older()).any()),
        ]
        with m.If(posted.valid):
            m.d.comb += [
                Value.cast(self.message.p).eq(notification),
                self.record.p.fault_reason.eq(posted.fault_reason),
            ]
        with m.Elif(request.remapped):
            m.d.comb += [self.message.p.eq(meaning.message), self.record.p.fault_reason.eq(entry.fault_reason)]
        with m.Else():
            m.d.comb += [
                self.message.p.address.eq(Cat(request.address, Const(INTERRUPT_PREFIX, 12))),
                self.message.p.data.eq(request.data),
                self.record.p.fault_reason.eq(request.fault_reason),
            ]
        return entry.irte[FPD]

    def _leave(self, m, settled, disabled):
        """The oldest request that has not left leaves: as a message, a posting, or a fault record."""
        first, posted, outcomes = self._first, self.posted, self._outcomes
        posting, ended, silent, finished = (Signal() for _ in range(4))
        may_leave = first & self._fence_off(m)
        sends, posts, refuses, vanishes = ((outcomes[name] & may_leave).any() for name in OUTCOMES)
        begins = self.post.valid & self.post.ready
        # The notification leaves as any message, a fault as any other: FPD of the entry still counts.
        after = _settled(
            Mux(ended & ~silent, first, 0), refused=posted.fault_reason != 0, suppressed=disabled, posted=Const(0)
        )
        m.d.comb += [
            self.message.valid.eq(sends),
            self.post.valid.eq(posts),
            self.record.valid.eq(refuses),
            ended.eq(posting & posted.valid),
            silent.eq(ended & (posted.fault_reason == 0) & ~posted.notify),
            finished.eq((sends & self.message.ready) | (refuses & self.record.ready) | vanishes | silent),
        ]
        gone = Mux(begins | finished, first, 0)
        m.d.sync += [
            posting.eq((posting & ~posted.valid) | begins),
            outcomes.eq((Value.cast(outcomes) & ~gone.replicate(len(OUTCOMES))) | settled | after),
        ]
        with m.If(ended):
            m.d.sync += self._posted.eq(posted)
        with m.If(finished):
            m.d.sync += [first.eq(first.rotate_left(1)), self._posted.valid.eq(0)]
        left = Mux(finished, first, 0)
        self._answer(m, Mux(sends | silent, left, 0), Mux(sends | silent, 0, left))

    def _fence_off(self, m):
        """Return the slots whose writes before have been answered. One mark at a time, for all that wait."""
        marked, fenced = Signal.like(self._taken), Signal.like(self._taken)  # marked: a fence after it is on its way
        answered = Mux(self.writes_busy, Mux(self.fenced, marked, 0), self._taken)
        m.d.comb += self.fence.eq((self._taken & ~marked & ~fenced).any() & self.writes_busy & self.fenced)
        m.d.sync += [
            marked.eq((marked | self.fence.replicate(len(marked))) & ~self._comes),
            fenced.eq((fenced | answered) & ~self._comes),
        ]
        return fenced

    def _answer(self, m, okay, failed):
        """The oldest request is answered, and its slot free again. Its masks: what has left well, or with a fault."""
        oldest = Signal.like(self._first)
        all_okay, all_failed = Signal.like(okay), Signal.like(failed)
        following = oldest.rotate_left(1)
        answered = self.answer.valid & self.answer.ready
        freed = Mux(answered, oldest, 0)
        ids = [self._request(m, number_of(slot)).id for slot in (oldest, following)]
        id = Signal.like(self.answer.p.id)  # read a clock before, for it is compared with others
        m.d.comb += [
            self.answer.valid.eq((oldest & (all_okay | all_failed)).any()),
            self.answer.p.id.eq(id),
            self.answer.p.okay.eq((oldest & all_okay).any()),
        ]
        m.d.sync += [
            id.eq(Mux(answered, ids[1], ids[0])),
            all_okay.eq((all_okay | okay) & ~freed),
            all_failed.eq((all_failed | failed) & ~freed),
            self._taken.eq((self._taken | self._comes) & ~freed),
        ]
        with m.If(answered):
            m.d.sync += oldest.eq(following)


def _settled(slots, *, refused, suppressed, posted):
    """Return what becomes of the requests in these slots, a mask, as bits of `outcomes`."""
    outcomes = (~refused & ~posted, posted, refused & ~suppressed, refused & suppressed)
    return Cat(Mux(is_so, slots, 0) for is_so in outcomes)


def _keep(m, memory, slots, check):
    """Keep the entry of a request, that in `slots` if there is one, and what `check` says of it; return what is
    settled."""
    write = memory.write_port()
    m.d.comb += [
        write.en.eq(slots.any()),
        write.addr.eq(number_of(slots)),
        write.data.irte.eq(check.irte),
        write.data.fault_reason.eq(check.fault_reason),
    ]
    # Of a posting it is not known yet whether it will fault.
    return _settled(slots, refused=check.refused, suppressed=check.suppressed, posted=check.posted)
