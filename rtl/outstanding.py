"""Outstanding requests: how many answers each AXI ID still owes, and how many of them an invalidation waits for."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.sizes import OUTSTANDING_LIMIT

__all__ = ["Outstanding"]


class Outstanding(wiring.Component):
    """Count the requests on the memory side, per direction and ID.

    Spec: rules 16.5, 18.2.
    Answers of one direction and ID come in the order of the requests (AXI4 A5.3), so the requests of the older epoch
    are kept as one number: the answers that must still come until the last of them has its answer. A request of the
    older epoch that is issued behind one of the newer epoch makes both of them awaited: later, never too early.
    Timing: what happens in clock n counts in the outputs of clock n + 1, which are functions of state alone.
    An answer that nobody waits for changes nothing.
    A fence waits for writes whose data have left, not for all that were issued: the data of these may be behind those
    of the interrupt that waits for the fence.

    Members
    -------
    issued_read, issued_write : In
        With `valid`: a request of `id` went out, `older` when what it looked up is of the older epoch.
    answered_read, answered_write : In
        With `valid`: the answer (its last beat) was taken.
    issued_message, answered_message : In
        The unit's own messages: as writes of an ID of their own.
    sent_write : In
        With `valid`: the data of an issued write of `id` have left; its answer comes later.
    fence : In
        Mark the writes whose data have left in earlier clocks. Only while `fenced`.
    flip : In
        The epoch turns: all that is outstanding, and what is issued in this clock, is of the older epoch now.
    older : Out
        An answer to a request of the older epoch is still to come.
    busy_reads, busy_writes : Out
        By ID: an answer is still to come.
    full_reads, full_writes : Out
        By ID: OUTSTANDING_LIMIT requests or more are outstanding. The counters hold OUTSTANDING_LIMIT - 1 more, so
        that whoever issues may look at an earlier clock's value.
    full_messages : Out
        OUTSTANDING_LIMIT messages or more are outstanding.
    writes_busy : Out
        A write of a device whose data have left has no answer yet.
    fenced : Out
        No marked write is without answer.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        ids = 1 << config.id_bits
        issued = data.StructLayout({"valid": 1, "id": config.id_bits, "older": 1})
        answered = data.StructLayout({"valid": 1, "id": config.id_bits})
        super().__init__(
            {
                "issued_read": In(issued),
                "issued_write": In(issued),
                "answered_read": In(answered),
                "answered_write": In(answered),
                "issued_message": In(data.StructLayout({"valid": 1, "older": 1})),
                "answered_message": In(1),
                "sent_write": In(answered),
                "fence": In(1),
                "flip": In(1),
                "older": Out(1),
                "busy_reads": Out(ids),
                "busy_writes": Out(ids),
                "full_reads": Out(ids),
                "full_writes": Out(ids),
                "full_messages": Out(1),
                "writes_busy": Out(1),
                "fenced": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        older = [
            *self._count_by_id(m, "read", self.issued_read, self.answered_read, self.busy_reads, self.full_reads),
            *self._count_by_id(m, "write", self.issued_write, self.answered_write, self.busy_writes, self.full_writes),
            self._count(
                m, "messages", self.issued_message, self.answered_message, Signal(name="busy"), self.full_messages
            ),
        ]
        m.d.comb += self.older.eq(Cat(older).any())
        self._count_sent(m)
        return m

    def _count_by_id(self, m, name, issued, answered, busy, full):
        """Add the counters of one direction; return, by ID, whether the older epoch is owed an answer."""
        older = []
        for i in range(1 << self.config.id_bits):
            one = Signal(data.StructLayout({"valid": 1, "older": 1}), name=f"{name}_issued_{i}")
            m.d.comb += [one.valid.eq(issued.valid & (issued.id == i)), one.older.eq(issued.older)]
            minus = answered.valid & (answered.id == i)
            older.append(self._count(m, f"{name}s_{i}", one, minus, busy[i], full[i]))
        return older

    def _count(self, m, name, issued, answered, busy, full):
        """Add the counters of one ID; return whether the older epoch is owed an answer."""
        count = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}_count")
        awaited = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}_awaited")
        following = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}_following")
        minus = Signal(name=f"{name}_minus")
        m.d.comb += [
            minus.eq(answered & (count != 0)),
            following.eq(count + issued.valid - minus),
            busy.eq(count != 0),
            full.eq(count >= OUTSTANDING_LIMIT),
        ]
        m.d.sync += count.eq(following)
        with m.If(self.flip | (issued.valid & issued.older)):
            m.d.sync += awaited.eq(following)
        with m.Elif(minus & (awaited != 0)):
            m.d.sync += awaited.eq(awaited - 1)
        return awaited != 0

    def _count_sent(self, m):
        """Add, by ID, how many writes whose data have left owe an answer, and how many of these a fence waits for."""
        busy, marked = Signal(1 << self.config.id_bits), Signal(1 << self.config.id_bits)
        for i in range(1 << self.config.id_bits):
            sent = Signal(range(2 * OUTSTANDING_LIMIT), name=f"sent_{i}")
            left = Signal(range(2 * OUTSTANDING_LIMIT), name=f"sent_left_{i}")
            awaited = Signal(range(2 * OUTSTANDING_LIMIT), name=f"marked_{i}")
            minus = Signal(name=f"sent_minus_{i}")
            m.d.comb += [
                minus.eq(self.answered_write.valid & (self.answered_write.id == i) & (sent != 0)),
                left.eq(sent - minus),
                busy[i].eq(sent != 0),
                marked[i].eq(awaited != 0),
            ]
            m.d.sync += sent.eq(left + (self.sent_write.valid & (self.sent_write.id == i)))
            with m.If(self.fence):
                m.d.sync += awaited.eq(left)
            with m.Elif(minus & (awaited != 0)):
                m.d.sync += awaited.eq(awaited - 1)
        m.d.comb += [self.writes_busy.eq(busy.any()), self.fenced.eq(~marked.any())]
