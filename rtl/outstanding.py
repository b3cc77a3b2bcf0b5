"""Outstanding requests: how many answers each AXI ID still owes, and how many of them an invalidation waits for."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.sizes import OUTSTANDING_LIMIT
from rtl.one_hot import decoded

__all__ = ["Outstanding", "Unanswered"]

COUNT_BITS = (2 * OUTSTANDING_LIMIT - 1).bit_length()


class Unanswered(wiring.Component):
    """Requests and their answers: which IDs owe one, and which of them to a marked request.

    By ID, requests and answers are counted modulo 2 * OUTSTANDING_LIMIT, a power of 2; the third count is that of the
    requests at the boundary, where the first one without a mark came behind marked ones. Counts are in memories, for in
    one clock one ID has a request and one an answer; what a reset or `mark` changes of all IDs is a bit by ID.

    Members
    -------
    request : In
        With `valid`: a request of `id`; when `marked`, so are all before it.
    answer : In
        With `valid`: an answer to the oldest request of `id`; nothing changes when there is none.
    mark : In
        All requests of earlier clocks are marked.
    busy, full, marked : Out
        By ID, from registers: a request, OUTSTANDING_LIMIT requests, a marked one is without answer.
    """

    def __init__(self, *, id_bits: int):
        ids = 1 << id_bits
        super().__init__(
            {
                "request": In(data.StructLayout({"valid": 1, "id": id_bits, "marked": 1})),
                "answer": In(data.StructLayout({"valid": 1, "id": id_bits})),
                "mark": In(1),
                "busy": Out(ids),
                "full": Out(ids),
                "marked": Out(ids),
            }
        )

    def elaborate(self, platform):
        m = Module()
        request, answer = self.request, self.answer
        busy = Signal(len(self.busy))
        bounded = Signal.like(busy)  # there is a boundary
        asked, answered = Signal(COUNT_BITS), Signal(COUNT_BITS)  # with the request, the answer of this clock
        is_request, is_answer, is_same, is_bounded = request.valid, Signal(), Signal(), Signal()
        asked_of_request, asked_of_answer = self._count(m, "asked", is_request, request.id, asked, answer.id)
        answered_of_answer, answered_of_request = self._count(m, "answered", is_answer, answer.id, answered, request.id)
        starts = is_request & ~request.marked & ~is_bounded
        _, boundary = self._count(m, "boundary", starts, request.id, asked_of_request, answer.id)
        # The bits of an ID that owes nothing are 0, whether they are cleared or not.
        of_request, of_answer = decoded(request.id), Mux(answer.valid, decoded(answer.id), 0)
        is_last = answered == asked_of_answer
        is_last_marked = Mux((bounded & of_answer).any() & ~self.mark, answered == boundary, is_last)
        # OUTSTANDING_LIMIT more or less is the other highest bit.
        fills = asked ^ answered_of_request == OUTSTANDING_LIMIT
        empties = asked_of_answer ^ answered_of_answer == OUTSTANDING_LIMIT
        m.d.comb += [
            self.busy.eq(busy),
            is_answer.eq(answer.valid & busy.bit_select(answer.id, 1)),
            is_same.eq(is_answer & (request.id == answer.id)),
            is_bounded.eq(bounded.bit_select(request.id, 1) & ~self.mark),
            # An ID that owes nothing goes on from the count of its answers: a reset does not reach the memories.
            asked.eq(Mux(busy.bit_select(request.id, 1), asked_of_request, answered_of_request) + 1),
            answered.eq(answered_of_answer + 1),
        ]
        # Whether there is a request is known late in the clock: what becomes of the bits without it comes first.
        still_busy = busy & ~Mux(is_last, of_answer, 0)
        still_marked = Mux(self.mark, busy, self.marked) & ~Mux(is_last_marked, of_answer, 0)
        still_full = self.full & ~Mux(empties, of_answer, 0)
        full = Mux(is_same, self.full, still_full | Mux(fills, of_request, 0))  # with it
        requested = Mux(is_request, of_request, 0)
        m.d.sync += [
            busy.eq(still_busy | requested),
            self.marked.eq(still_marked | Mux(request.marked, requested, 0)),
            bounded.eq((Mux(self.mark, 0, bounded) & ~requested) | Mux(request.marked, 0, requested)),
            self.full.eq(Mux(is_request, full, still_full)),
        ]
        return m

    def _count(self, m, name, enable, id, count, other_id):
        """Add a count by ID, with `enable` replaced by `count` of `id`; return those of `id` and of `other_id`."""
        m.submodules[name] = counts = memory.Memory(shape=COUNT_BITS, depth=len(self.busy), init=[])
        write, read, other = counts.write_port(), *(counts.read_port(domain="comb") for _ in range(2))
        m.d.comb += [
            write.en.eq(enable),
            write.addr.eq(id),
            write.data.eq(count),
            read.addr.eq(id),
            other.addr.eq(other_id),
        ]
        return read.data, other.data


class Outstanding(wiring.Component):
    """Count the requests on the memory side, per direction and ID.

    Spec: rules 16.5, 18.2, 25.
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
    push : In
        Mark the messages issued in earlier clocks. Only while `pushed`.
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
    pushed : Out
        No marked message is without answer.
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
                "push": In(1),
                "flip": In(1),
                "older": Out(1),
                "busy_reads": Out(ids),
                "busy_writes": Out(ids),
                "full_reads": Out(ids),
                "full_writes": Out(ids),
                "full_messages": Out(1),
                "writes_busy": Out(1),
                "fenced": Out(1),
                "pushed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads = reads = self._follow(m, self.issued_read, self.answered_read)
        m.submodules.writes = writes = self._follow(m, self.issued_write, self.answered_write)
        m.submodules.messages = messages = Unanswered(id_bits=1)  # all of ID 0
        m.submodules.pushed_messages = pushed_messages = Unanswered(id_bits=1)
        m.submodules.sent = sent = Unanswered(id_bits=self.config.id_bits)
        m.d.comb += [
            messages.request.valid.eq(self.issued_message.valid),
            messages.request.marked.eq(self.issued_message.older | self.flip),
            messages.answer.valid.eq(self.answered_message),
            messages.mark.eq(self.flip),
            pushed_messages.request.valid.eq(self.issued_message.valid),
            pushed_messages.answer.valid.eq(self.answered_message),
            pushed_messages.mark.eq(self.push),
            sent.request.valid.eq(self.sent_write.valid),
            sent.request.id.eq(self.sent_write.id),
            sent.answer.eq(self.answered_write),
            sent.mark.eq(self.fence),
            self.older.eq(Cat(reads.marked, writes.marked, messages.marked).any()),
            self.busy_reads.eq(reads.busy),
            self.busy_writes.eq(writes.busy),
            self.full_reads.eq(reads.full),
            self.full_writes.eq(writes.full),
            self.full_messages.eq(messages.full[0]),
            self.writes_busy.eq(sent.busy.any()),
            self.fenced.eq(~sent.marked.any()),
            self.pushed.eq(~pushed_messages.marked[0]),
        ]
        return m

    def _follow(self, m, issued, answered):
        """Return what one direction owes, requests of the older epoch marked."""
        unanswered = Unanswered(id_bits=self.config.id_bits)
        m.d.comb += [
            unanswered.request.valid.eq(issued.valid),
            unanswered.request.id.eq(issued.id),
            unanswered.request.marked.eq(issued.older | self.flip),
            unanswered.answer.eq(answered),
            unanswered.mark.eq(self.flip),
        ]
        return unanswered
