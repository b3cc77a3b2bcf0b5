"""Invalidation queue: fetches descriptors ahead, checks them at the head, and does them one after the other."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.encodings import DescriptorType, IqeiCode, TableMode
from model.arch.sizes import QUEUE_TAGS, STATUS_WRITES
from rtl.invalidation_descriptor import ENTRY_BITS, InvalidationDescriptor, wait_fields
from rtl.memory_port import queue_read_layout, returned_layout, status_write_layout
from rtl.request import invalidation_layout

__all__ = ["InvalidationQueue", "queue_error_layout", "queue_layout"]

HEAD_BITS = 19  # byte offset in the largest queue, 2^7 pages
READ_BYTES = ENTRY_BITS // 8


def queue_layout(config: UnitConfig) -> data.StructLayout:
    """What the register file says: QIES; IQA as latched when the queue was enabled; IQT in bytes."""
    return data.StructLayout({"enable": 1, "address": config.haw - 12, "size": 3, "wide": 1, "tail": HEAD_BITS})


def queue_error_layout() -> data.StructLayout:
    """An error that stops the queue, and its IqeiCode."""
    return data.StructLayout({"valid": 1, "code": 4})


class InvalidationQueue(wiring.Component):
    """Fetch ahead, up to 8 reads of 16 bytes in flight; do strictly one descriptor at a time, so that fences hold.

    Spec: rules 15, 16, 28.5 to 28.7.
    Errors 1, 6, 5, 7 keep a descriptor from being fetched and are reported when all fetched ones are done; errors
    2, 3, 4 are found when the descriptor has come to the head. The head stays at the descriptor that was not done.
    Whatever was fetched beyond is thrown away, and fetching resumes at the head when `iqe` has fallen.
    When `queue.enable` falls the head returns to 0 at once; a descriptor already begun (command offered, status
    write offered) is completed without moving the head.

    Timing of a prefetched descriptor of 128 bits (256: one more): taken in clock n, checked in n + 1, command or
    status write offered in n + 2; the head moves in the clock after `done`, in which the next one is taken.
    Every output depends on state alone.

    Members
    -------
    queue, table_mode : In
        From the register file.
    iqe : In
        FSTS.IQE; shows an error in the second clock after `error.valid` at the latest.
    head : Out
        IQH, in bytes.
    error : Out
        `valid` for one clock; `code` then, and until the next error.
    wait_completed : Out
        For one clock: a wait descriptor with IF = 1 is complete, in the clock in which the head has moved past it.
    command : Out(stream), done : In
        To the drain engine; `done` comes once for every accepted command.
    read : Out(stream), returned : In
        Reads of the queue, by tag, and what comes back, in any order. A tag is used again only after its return.
    status_write : Out(stream), status_written : In
        Answered in any order. A wait descriptor with IF or FN waits for all answers, one with neither for none;
        STATUS_WRITES may be unanswered.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "queue": In(queue_layout(config)),
                "table_mode": In(2),
                "iqe": In(1),
                "head": Out(HEAD_BITS),
                "error": Out(queue_error_layout()),
                "wait_completed": Out(1),
                "command": Out(stream.Signature(invalidation_layout(config))),
                "done": In(1),
                "read": Out(stream.Signature(queue_read_layout(config))),
                "returned": In(returned_layout(QUEUE_TAGS)),
                "status_write": Out(stream.Signature(status_write_layout(config))),
                "status_written": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._descriptor = Signal(ENTRY_BITS)
        self._upper = Signal()  # the upper half of a 256-bit descriptor is not all zeros
        self._failed = Signal()  # a read of the descriptor failed
        self._discard = Signal()  # forget what was fetched
        self._problem = Signal(4)  # why no descriptor can be fetched: IqeiCode
        self._ready = Signal()  # `_entry` and `_entry_error` are what comes next
        self._entry, self._entry_error = Signal(ENTRY_BITS), Signal()
        self._fetch, self._take, self._offset_mask = Signal(HEAD_BITS), Signal(), Signal(HEAD_BITS)
        self._running = Signal()  # no error stands
        self._begun = Signal()  # a descriptor is being done
        self._done = Signal()  # it is done in this clock
        self._sent, self._unanswered = Signal(), Signal(range(STATUS_WRITES + 1))  # status writes
        m.d.comb += self._offset_mask.eq(~((-1 << 12) << self.queue.size))
        self._find_problem(m)
        self._keep_entries(m)
        self._process(m)
        return m

    def _find_problem(self, m):
        """Say why the queue as it stands cannot be read. 16.1, in the order of 28.5."""
        queue, adms = self.queue, int(self.config.adms)
        legacy, abort = self.table_mode == TableMode.LEGACY, (self.table_mode == TableMode.ABORT_DMA) & adms
        with m.If((queue.tail & ~self._offset_mask).any()):
            m.d.comb += self._problem.eq(IqeiCode.TAIL_BEYOND_QUEUE)
        with m.Elif(queue.wide & queue.tail[4]):
            m.d.comb += self._problem.eq(IqeiCode.TAIL_NOT_ALIGNED)
        with m.Elif(Mux(queue.wide, 1 - adms, abort)):
            m.d.comb += self._problem.eq(IqeiCode.INVALID_WIDTH)
        with m.Elif(~(legacy | abort)):
            m.d.comb += self._problem.eq(IqeiCode.INVALID_TABLE_MODE)

    def _keep_entries(self, m):
        """Read ahead into a ring of entries; a tag is its place in the ring."""
        m.submodules.entries = entries = memory.Memory(shape=ENTRY_BITS + 1, depth=QUEUE_TAGS, init=[])
        store, load = entries.write_port(), entries.read_port(domain="comb")
        next_tag, head_tag = Signal(range(QUEUE_TAGS)), Signal(range(QUEUE_TAGS))
        # By tag: its read is on its way; what it brings is not wanted; the entry is there.
        flying, doomed, full = (Signal(QUEUE_TAGS, name=name) for name in ("flying", "doomed", "full"))
        leaving, arriving, taken = (Signal(QUEUE_TAGS, name=name) for name in ("leaving", "arriving", "taken"))
        in_descriptor, may_fetch, fetch = Signal(), Signal(), Signal()
        offered = self.read

        m.d.comb += [
            in_descriptor.eq(self.queue.wide & self._fetch[4]),
            may_fetch.eq(in_descriptor | (self._fetch != self.queue.tail) & (self._problem == 0)),
            fetch.eq(
                may_fetch
                & self.queue.enable
                & self._running
                & ~(flying | full).bit_select(next_tag, 1)
                & (~offered.valid | offered.ready)
            ),
            leaving.eq(fetch << next_tag),
            arriving.eq(Mux(self.returned.valid, 1 << self.returned.tag, 0)),
            taken.eq(self._take << head_tag),
            store.en.eq(self.returned.valid),
            store.addr.eq(self.returned.tag),
            store.data.eq(Cat(self.returned.entry, self.returned.error)),
            load.addr.eq(head_tag),
            self._ready.eq(full.bit_select(head_tag, 1)),
            Cat(self._entry, self._entry_error).eq(load.data),
        ]
        m.d.sync += [
            flying.eq((flying & ~arriving) | leaving),
            doomed.eq(doomed & ~arriving),
            full.eq((full & ~taken) | (arriving & ~doomed)),
            head_tag.eq(head_tag + self._take),
        ]
        with m.If(offered.ready):
            m.d.sync += offered.valid.eq(0)
        with m.If(fetch):
            m.d.sync += [
                offered.valid.eq(1),
                offered.payload.tag.eq(next_tag),
                offered.payload.address.eq(Cat(Const(0, 12), self.queue.address) + self._fetch),
                next_tag.eq(next_tag + 1),
                self._fetch.eq((self._fetch + READ_BYTES) & self._offset_mask),
            ]
        with m.If(self._discard):
            m.d.sync += [doomed.eq(flying & ~arriving), full.eq(0), head_tag.eq(next_tag)]
            m.d.sync += self._fetch.eq(Mux(self.queue.enable, self.head, 0))

    def _process(self, m):
        """The descriptor at the head: take it, check it, do it, move on."""
        m.submodules.decoder = decoder = InvalidationDescriptor(config=self.config)
        wait = wait_fields(self._descriptor)
        m.d.comb += [
            decoder.descriptor.eq(self._descriptor),
            decoder.upper.eq(self._upper),
            decoder.failed.eq(self._failed),
            decoder.table_mode.eq(self.table_mode),
            self.command.payload.eq(decoder.command),
            self.status_write.payload.address.eq(Cat(Const(0, 2), wait.staddr)),
            self.status_write.payload.data.eq(wait.stdata),
            self._running.eq(1),
            self._discard.eq(~self.queue.enable),
            self._sent.eq(self.status_write.valid & self.status_write.ready),
        ]
        m.d.sync += [
            # An answer that nobody waits for changes nothing.
            self._unanswered.eq(self._unanswered + self._sent - (self.status_written & (self._unanswered != 0))),
            self.wait_completed.eq(0),
        ]
        with m.FSM():
            self._add_taking(m)
            self._add_checking(m, decoder, wait)
            self._add_command(m)
            self._add_wait(m, wait)
            self._add_stopping(m)
        self._move_head(m)

    def _move_head(self, m):
        dropped = Signal()  # the queue was switched off since the descriptor was begun
        size = Mux(self.queue.wide, 2 * READ_BYTES, READ_BYTES)
        m.d.sync += dropped.eq(self._begun & (dropped | ~self.queue.enable))
        with m.If(~self.queue.enable):
            m.d.sync += self.head.eq(0)
        with m.Elif(self._done & ~dropped):
            m.d.sync += self.head.eq((self.head + size) & self._offset_mask)

    def _add_taking(self, m):
        """Take what comes next of what was fetched, if anything does."""
        with m.State("Idle"):
            m.d.comb += self._take.eq(self._ready & self.queue.enable)
            with m.If(self._take):
                m.d.sync += [self._descriptor.eq(self._entry), self._failed.eq(self._entry_error), self._upper.eq(0)]
                with m.If(self.queue.wide):
                    m.next = "Upper Half"
                with m.Else():
                    m.next = "Check"
            # Nothing is left of what was fetched, and nothing more can be.
            with m.Elif(
                self.queue.enable & (self._fetch == self.head) & (self.head != self.queue.tail) & (self._problem != 0)
            ):
                m.d.sync += self.error.code.eq(self._problem)
                m.next = "Error"

        with m.State("Upper Half"):
            m.d.comb += self._take.eq(self._ready & self.queue.enable)
            with m.If(~self.queue.enable):
                m.next = "Idle"
            with m.Elif(self._take):
                m.d.sync += [self._failed.eq(self._failed | self._entry_error), self._upper.eq(self._entry.any())]
                m.next = "Check"

    def _add_checking(self, m, decoder, wait):
        with m.State("Check"):
            with m.If(~self.queue.enable):
                m.next = "Idle"
            with m.Elif(decoder.code != IqeiCode.NONE):
                m.d.sync += self.error.code.eq(decoder.code)
                m.next = "Error"
            with m.Elif(decoder.kind != DescriptorType.WAIT):
                m.next = "Command"
            with m.Elif(wait.sw):
                m.next = "Status"
            with m.Else():
                m.next = "Answer"

    def _add_command(self, m):
        with m.State("Command"):
            m.d.comb += [self._begun.eq(1), self.command.valid.eq(1)]
            with m.If(self.command.ready):
                m.next = "Drain"

        with m.State("Drain"):
            m.d.comb += [self._begun.eq(1), self._done.eq(self.done)]
            with m.If(self.done):
                m.next = "Idle"

    def _add_wait(self, m, wait):
        """Write the status; wait for its answer, and all before it, only if the descriptor says more than SW."""
        with m.State("Status"):
            m.d.comb += [self._begun.eq(1), self.status_write.valid.eq(self._unanswered != STATUS_WRITES)]
            with m.If(self._sent & (wait["if"] | wait.fn)):
                m.next = "Answer"
            with m.Elif(self._sent):
                m.d.comb += self._done.eq(1)
                m.next = "Idle"

        with m.State("Answer"):
            m.d.comb += [self._begun.eq(1), self._done.eq(self._unanswered == 0)]
            with m.If(self._unanswered == 0):
                m.d.sync += self.wait_completed.eq(wait["if"])
                m.next = "Idle"

    def _add_stopping(self, m):
        with m.State("Error"):
            m.d.comb += [self._running.eq(0), self._discard.eq(1), self.error.valid.eq(1)]
            m.next = "Settle"

        with m.State("Settle"):  # IQE rises
            m.d.comb += self._running.eq(0)
            m.next = "Stopped"

        with m.State("Stopped"):
            m.d.comb += self._running.eq(0)
            with m.If(~self.iqe):
                m.next = "Idle"
