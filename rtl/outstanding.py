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

    Members
    -------
    issued_read, issued_write : In
        With `valid`: a request of `id` went out, `older` when what it looked up is of the older epoch.
    answered_read, answered_write : In
        With `valid`: the answer (its last beat) was taken.
    flip : In
        The epoch turns: all that is outstanding, and what is issued in this clock, is of the older epoch now.
    older : Out
        An answer to a request of the older epoch is still to come.
    busy_reads, busy_writes : Out
        By ID: an answer is still to come.
    full_reads, full_writes : Out
        By ID: OUTSTANDING_LIMIT requests or more are outstanding. The counters hold OUTSTANDING_LIMIT - 1 more, so
        that whoever issues may look at an earlier clock's value.
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
                "flip": In(1),
                "older": Out(1),
                "busy_reads": Out(ids),
                "busy_writes": Out(ids),
                "full_reads": Out(ids),
                "full_writes": Out(ids),
            }
        )

    def elaborate(self, platform):
        m = Module()
        older_reads = self._count(m, "read", self.issued_read, self.answered_read, self.busy_reads, self.full_reads)
        older_writes = self._count(
            m, "write", self.issued_write, self.answered_write, self.busy_writes, self.full_writes
        )
        m.d.comb += self.older.eq(Cat(older_reads, older_writes).any())
        return m

    def _count(self, m, name, issued, answered, busy, full):
        """Add the counters of one direction; return, by ID, whether the older epoch is owed an answer."""
        older = Signal(1 << self.config.id_bits, name=f"{name}s_of_older_epoch")
        for i in range(1 << self.config.id_bits):
            count = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}s_{i}")
            awaited = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}s_awaited_{i}")
            following = Signal(range(2 * OUTSTANDING_LIMIT), name=f"{name}s_following_{i}")
            plus, minus = Signal(name=f"{name}_plus_{i}"), Signal(name=f"{name}_minus_{i}")
            m.d.comb += [
                plus.eq(issued.valid & (issued.id == i)),
                minus.eq(answered.valid & (answered.id == i) & (count != 0)),
                following.eq(count + plus - minus),
                busy[i].eq(count != 0),
                full[i].eq(count >= OUTSTANDING_LIMIT),
                older[i].eq(awaited != 0),
            ]
            m.d.sync += count.eq(following)
            with m.If(self.flip | (plus & issued.older)):
                m.d.sync += awaited.eq(following)
            with m.Elif(minus & (awaited != 0)):
                m.d.sync += awaited.eq(awaited - 1)
        return older
