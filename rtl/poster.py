"""Poster: puts an interrupt into a posted-interrupt descriptor in memory, as one step."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.axi import Response
from model.arch.sizes import MEMORY_DATA_BITS, POST_ATTEMPTS
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from rtl.memory_port import (
    DESCRIPTOR_BEATS,
    descriptor_read_layout,
    descriptor_returned_layout,
    descriptor_write_layout,
    descriptor_written_layout,
)
from rtl.one_hot import decoded

__all__ = ["Poster", "post_layout", "posted_layout"]

ON, SN = POSTED_INTERRUPT_DESCRIPTOR["ON"], POSTED_INTERRUPT_DESCRIPTOR["SN"]
NV, NDST = POSTED_INTERRUPT_DESCRIPTOR["NV"], POSTED_INTERRUPT_DESCRIPTOR["NDST"]
XAPIC_RESERVED = NDST.to(0xFFFF00FF)  # rules 23.1: destination bits other than 303:296
VECTOR_BITS, DESTINATION_BITS = 8, 32
KEPT_BEATS = NDST.lsb // MEMORY_DATA_BITS + 1  # all behind is reserved: 0 in a descriptor that is written back
BEAT_BITS_LOG2 = (MEMORY_DATA_BITS - 1).bit_length()
ACCESS_ERROR = FaultReason.POSTED_DESCRIPTOR_ACCESS_ERROR
RESERVED_BITS = FaultReason.POSTED_DESCRIPTOR_RESERVED_BITS
FAULT_BITS = 8
NO_FAULT = Const(0, FAULT_BITS)


def post_layout(config: UnitConfig) -> data.StructLayout:
    """An interrupt to post: `address` of the descriptor (a multiple of 64), bit of PIR, URG, and IRTA.EIME."""
    return data.StructLayout({"address": config.haw, "vector": VECTOR_BITS, "urgent": 1, "extended": 1})


def posted_layout() -> data.StructLayout:
    """What became of it: `fault_reason` 0 when it is in the descriptor; then, with `notify`, who is to be notified."""
    return data.StructLayout(
        {"valid": 1, "fault_reason": FAULT_BITS, "notify": 1, "destination": DESTINATION_BITS, "vector": VECTOR_BITS}
    )


class Poster(wiring.Component):
    """Posts one interrupt at a time: reads the descriptor, checks it, writes it back with PIR and ON set.

    Spec: rules 23; AXI4 A7.2 for exclusive accesses.
    Read and write are an exclusive pair, so that software may change the descriptor at any time: a write that memory
    refuses (OKAY) is begun again with the read, and what that finds decides anew, also where the notification goes.
    After POST_ATTEMPTS refusals it is an access error. So is a read answered OKAY: such memory has no exclusive
    accesses, and a write would be stored unconditionally. With any fault the descriptor stays as it was, except when
    memory answers a write with an error and has stored it all the same.
    Without `config.exclusive`, OKAY is as good as EXOKAY: what software changes between read and write is then undone,
    bits of PIR that it took come back, and a notification may go to the place before; so software must not touch a
    descriptor while interrupts may be posted to it.
    Timing: `post` is accepted in clock n with the read (AR valid in n + 1); the first beat of the write is offered in
    the clock of the last beat of the read (AW and W valid in the next); `posted` comes one clock after the answer to
    the write, or after the last beat of a read that led to a fault. With a memory of latency L that is 2 L + 9 clocks
    after `post` was accepted, and the next one is accepted from that clock on.

    Members
    -------
    post : In(stream)
        Interrupts to post; `ready` depends on that of `read`.
    posted : Out
        Valid for one clock, for each `post`. Registers.
    read : Out(stream)
        Descriptor to read; depends on `post`.
    returned : In
        Its beats. No `ready`.
    write : Out(stream)
        Beats to write; the first depends on `returned`.
    written : In
        The answer to the write.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "post": In(stream.Signature(post_layout(config))),
                "posted": Out(posted_layout()),
                "read": Out(stream.Signature(descriptor_read_layout(config))),
                "returned": In(descriptor_returned_layout()),
                "write": Out(stream.Signature(descriptor_write_layout(config))),
                "written": In(descriptor_written_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = Signal(post_layout(self.config))
        kept = Signal(KEPT_BEATS * MEMORY_DATA_BITS)  # the descriptor to write; beats come in behind, leave in front
        arriving, leaving = Signal(range(DESCRIPTOR_BEATS)), Signal(range(DESCRIPTOR_BEATS))  # beats to come, to go
        lost = Signal(range(POST_ATTEMPTS))
        fault = Signal(FAULT_BITS)  # of the read up to this beat
        m.d.comb += [
            self.read.p.address.eq(job.address),
            self.write.p.address.eq(job.address),
            self.write.p.data.eq(kept),
            self.write.p.last.eq(leaving == DESCRIPTOR_BEATS - 1),
        ]
        m.d.sync += self.posted.valid.eq(0)
        changed, notify = self._change(m, job, arriving)
        self._check(m, job, arriving, fault)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [
                    self.read.valid.eq(self.post.valid),
                    self.read.p.address.eq(self.post.p.address),
                    self.post.ready.eq(self.read.ready),
                ]
                m.d.sync += [job.eq(self.post.p), lost.eq(0)]
                with m.If(self.post.valid & self.read.ready):
                    m.next = "Collect"
            with m.State("Collect"):
                self._collect(m, kept, changed, arriving, leaving, fault)
            with m.State("Write"):
                m.d.comb += self.write.valid.eq(1)
                with m.If(self.write.ready):
                    m.d.sync += [leaving.eq(leaving + 1), kept.eq(kept >> MEMORY_DATA_BITS)]
                    with m.If(self.write.p.last):
                        m.next = "Wait"
            with m.State("Wait"):
                self._conclude(m, lost, notify)
            with m.State("Repeat"):
                m.d.comb += self.read.valid.eq(1)
                with m.If(self.read.ready):
                    m.next = "Collect"
        return m

    def _collect(self, m, kept, changed, arriving, leaving, fault):
        with m.If(self.returned.valid):
            m.d.sync += arriving.eq(arriving + 1)
            with m.If(~self.returned.last | self.write.ready):
                # The last beat, if there is no fault, is 0, and comes in while the first one leaves.
                m.d.sync += kept.eq(Cat(kept[MEMORY_DATA_BITS:], changed))
            with m.If(self.returned.last & (fault != 0)):
                self._finish(m, fault, Const(0))
                m.next = "Idle"
            with m.Elif(self.returned.last):
                m.d.comb += self.write.valid.eq(1)
                m.d.sync += leaving.eq(self.write.ready)
                m.next = "Write"

    def _check(self, m, job, arriving, fault):
        """Check each beat as it comes; `fault` tells of all up to this one. Rule 23.1: access error before the rest."""
        reserved = self.config.reserved_mask(POSTED_INTERRUPT_DESCRIPTOR)
        before, failed, bad = Signal.like(fault), Signal(), Signal()
        response = self.returned.response
        m.d.comb += failed.eq(response != Response.EXOKAY if self.config.exclusive else response[1])
        with m.Switch(arriving):
            for number in range(DESCRIPTOR_BEATS):
                with m.Case(number):
                    always = reserved >> number * MEMORY_DATA_BITS
                    legacy = XAPIC_RESERVED >> number * MEMORY_DATA_BITS
                    m.d.comb += bad.eq(
                        (self.returned.data & always).any() | (~job.extended & (self.returned.data & legacy).any())
                    )
        with m.If(failed | (before == ACCESS_ERROR)):
            m.d.comb += fault.eq(ACCESS_ERROR)
        with m.Elif(bad):
            m.d.comb += fault.eq(RESERVED_BITS)
        with m.Else():
            m.d.comb += fault.eq(before)
        with m.If(self.returned.valid):
            m.d.sync += before.eq(Mux(self.returned.last, NO_FAULT, fault))

    def _change(self, m, job, arriving):
        """Make the beat to write from the one that comes, and note whether and whom to notify. Rules 23.2 and 23.3."""
        beat = self.returned.data
        on, sn, destination = (_part(beat, field) for field in (ON, SN, NDST))
        changed, notify = Signal(MEMORY_DATA_BITS), Signal()
        place, number = job.vector[:BEAT_BITS_LOG2], job.vector[BEAT_BITS_LOG2:]
        m.d.comb += changed.eq(beat | Mux(arriving == number, decoded(place), 0))
        with m.If(arriving == KEPT_BEATS - 1):
            wanted = job.urgent | ~sn
            m.d.comb += _part(changed, ON).eq(on | wanted)
            m.d.sync += [
                notify.eq(~on & wanted),
                self.posted.destination.eq(Mux(job.extended, destination, destination[8:16])),
                self.posted.vector.eq(_part(beat, NV)),
            ]
        return changed, notify

    def _conclude(self, m, lost, notify):
        response = self.written.response
        done = response == Response.EXOKAY if self.config.exclusive else ~response[1]
        with m.If(self.written.valid & done):
            self._finish(m, NO_FAULT, notify)
            m.next = "Idle"
        with m.Elif(self.written.valid & (response[1] | (lost == POST_ATTEMPTS - 1))):
            self._finish(m, ACCESS_ERROR, Const(0))
            m.next = "Idle"
        with m.Elif(self.written.valid):
            m.d.sync += lost.eq(lost + 1)
            m.next = "Repeat"

    def _finish(self, m, fault, notify):
        """Show the result in the next clock."""
        m.d.sync += [self.posted.valid.eq(1), self.posted.fault_reason.eq(fault), self.posted.notify.eq(notify)]


def _part(beat, field):
    """Return a field in its beat."""
    first = field.lsb % MEMORY_DATA_BITS
    return beat[first : first + field.width]
