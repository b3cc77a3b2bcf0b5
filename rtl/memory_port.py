"""Memory port: all that the unit itself reads and writes in the memory of its tables, as AXI4."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Size
from model.arch.sizes import MEMORY_DATA_BITS, QUEUE_TAGS, WALKS_IN_A_ROW
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from rtl.axi.ports import axi_signature
from rtl.one_hot import at
from rtl.walker import memory_read_layout

__all__ = [
    "DESCRIPTOR_BEATS",
    "MemoryPort",
    "descriptor_read_layout",
    "descriptor_returned_layout",
    "descriptor_write_layout",
    "descriptor_written_layout",
    "interrupt_read_layout",
    "queue_read_layout",
    "returned_layout",
    "status_write_layout",
]

DWORDS = MEMORY_DATA_BITS // 32
STROBES = MEMORY_DATA_BITS // 8
RESPONSE_BITS = 2
DESCRIPTOR_BEATS = POSTED_INTERRUPT_DESCRIPTOR.width // MEMORY_DATA_BITS


def queue_read_layout(config: UnitConfig) -> data.StructLayout:
    """A read of 16 bytes of the invalidation queue."""
    return data.StructLayout({"address": config.haw, "tag": range(QUEUE_TAGS)})


def interrupt_read_layout(config: UnitConfig) -> data.StructLayout:
    """A read of an IRTE: 16 bytes."""
    return data.StructLayout({"address": config.haw, "tag": range(config.interrupts)})


def returned_layout(tags: int) -> data.StructLayout:
    """What came back for one of `tags` reads; with `error` the `entry` means nothing."""
    return data.StructLayout({"valid": 1, "tag": range(tags), "entry": MEMORY_DATA_BITS, "error": 1})


def status_write_layout(config: UnitConfig) -> data.StructLayout:
    """A write of one dword; the low two bits of `address` are 0."""
    return data.StructLayout({"address": config.haw, "data": 32})


def descriptor_read_layout(config: UnitConfig) -> data.StructLayout:
    """An exclusive read of the 64 bytes at `address`, which is a multiple of 64."""
    return data.StructLayout({"address": config.haw})


def descriptor_returned_layout() -> data.StructLayout:
    """A beat of what came back for it; `response` is RRESP."""
    return data.StructLayout({"valid": 1, "last": 1, "data": MEMORY_DATA_BITS, "response": RESPONSE_BITS})


def descriptor_write_layout(config: UnitConfig) -> data.StructLayout:
    """A beat of the exclusive write of these 64 bytes; all beats of a burst carry the same `address`."""
    return data.StructLayout({"address": config.haw, "data": MEMORY_DATA_BITS, "last": 1})


def descriptor_written_layout() -> data.StructLayout:
    """The answer to the write; `response` is BRESP."""
    return data.StructLayout({"valid": 1, "response": RESPONSE_BITS})


class MemoryPort(wiring.Component):
    """The unit's own accesses to memory: tagged reads out of order, status writes, and updates of descriptors.

    Spec: AXI4 (IHI 0022) A2, A3, A7.2 for exclusive accesses; rule 10.1: reads of tables
    are snooped when ECAP.C says so, all else always.
    IDs of reads: slot for walks, `slots` + tag for the queue, `slots` + QUEUE_TAGS + tag for interrupts, the last one
    for descriptors; whoever asks does not reuse a tag before its read has returned. Walks go first, but while any of
    the others waits, WALKS_IN_A_ROW of them at most go before one of the others, and these take turns: a flood of
    misses or interrupts stops nobody. IDs of writes: 0 for status writes, so their answers come in order; the last
    one for descriptors, whose beats follow each other: between its first and its last no status write is accepted.
    Timing: a read or write accepted in clock n is on AR or AW and W in clock n + 1; what R or B delivers in clock n
    is returned in clock n + 1, except for descriptors: in clock n. A new one is accepted while the old one is taken:
    one per clock. Every AXI output is a register or a constant. `ready` of all streams depend on AXI's.

    Members
    -------
    walks, queue, interrupts : In(stream)
        Reads of table entries (16 bytes when `wide`, else 8), of queued descriptors, and of IRTEs.
    walk_returned, queue_returned, interrupt_returned : Out
        What came back: all 128 bits, whatever the size of the read; `error` unless OKAY or EXOKAY. No `ready`.
    status_write : In(stream)
        A dword to write.
    status_written : Out
        For one clock: a write was answered, well or not (a posted write has no record for its failure).
    descriptor_read : In(stream)
        Reads of posted-interrupt descriptors: bursts of DESCRIPTOR_BEATS, exclusive when the configuration is. One at a
        time; the next one after the answer to the write, if there is a write.
    descriptor_returned : Out
        R of the descriptor, in the same clock.
    descriptor_write : In(stream)
        The beats to write back, DESCRIPTOR_BEATS of them, the last one marked. Goes before a status write.
    descriptor_written : Out
        B of the descriptor, in the same clock.
    m_axi_mem : Out
        R and B are always ready, from the first clock after reset on.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "walks": In(stream.Signature(memory_read_layout(config))),
                "walk_returned": Out(returned_layout(config.slots)),
                "queue": In(stream.Signature(queue_read_layout(config))),
                "queue_returned": Out(returned_layout(QUEUE_TAGS)),
                "interrupts": In(stream.Signature(interrupt_read_layout(config))),
                "interrupt_returned": Out(returned_layout(config.interrupts)),
                "status_write": In(stream.Signature(status_write_layout(config))),
                "status_written": Out(1),
                "descriptor_read": In(stream.Signature(descriptor_read_layout(config))),
                "descriptor_returned": Out(descriptor_returned_layout()),
                "descriptor_write": In(stream.Signature(descriptor_write_layout(config))),
                "descriptor_written": Out(descriptor_written_layout()),
                "m_axi_mem": Out(axi_signature(config, "m_axi_mem_")),
            }
        )
        self._first_of_interrupts = config.slots + QUEUE_TAGS
        self._of_descriptors = self._first_of_interrupts + config.interrupts

    def elaborate(self, platform):
        m = Module()
        axi = self.m_axi_mem
        self._send_reads(m)
        self._take_returned(m)
        self._send_writes(m)
        self._take_answers(m)
        m.d.comb += [
            axi.arburst.eq(Burst.INCR),
            axi.awburst.eq(Burst.INCR),
            axi.awcache.eq(Cache.SNOOPED),
        ]
        return m

    def _send_reads(self, m):
        axi, walks = self.m_axi_mem, self.walks
        others = (self.queue, self.interrupts, self.descriptor_read)
        overtaken = Signal(range(WALKS_IN_A_ROW + 1))
        free, waiting, choose_other = Signal(), Signal(), Signal()
        number = self._choose(m, [other.valid for other in others], free & choose_other)
        m.d.comb += [
            free.eq(~axi.arvalid | axi.arready),
            waiting.eq(Cat(other.valid for other in others).any()),
            choose_other.eq(waiting & (~walks.valid | (overtaken == WALKS_IN_A_ROW))),
            walks.ready.eq(free & ~choose_other),
            *(other.ready.eq(free & choose_other & (number == place)) for place, other in enumerate(others)),
        ]
        with m.If(free):
            m.d.sync += axi.arvalid.eq(walks.valid | waiting)
            walk, *reads = self._reads()
            for name in walk:  # walks come late in the clock
                other = at(number, [read[name] for read in reads])
                m.d.sync += getattr(axi, name).eq(Mux(choose_other, other, walk[name]))
            with m.If(choose_other | ~waiting):
                m.d.sync += overtaken.eq(0)
            with m.Else():
                m.d.sync += overtaken.eq(overtaken + 1)

    def _choose(self, m, valids, taken):
        """Return the number of the first one that waits, beginning behind the last one `taken`."""
        count = len(valids)
        number, turn = Signal(range(count)), Signal(range(count))
        with m.Switch(turn):
            for first in range(count):
                with m.Case(first):
                    for place in reversed([(first + offset) % count for offset in range(count)]):
                        with m.If(valids[place]):
                            m.d.comb += number.eq(place)
        with m.If(taken):
            m.d.sync += turn.eq(Mux(number == count - 1, 0, number + 1))
        return number

    def _reads(self):
        """Return what AR carries for walks, and for each of those who take turns."""
        walks, queue, interrupts = self.walks.p, self.queue.p, self.interrupts.p
        entry = {"arsize": Size.OCTAWORD, "arlen": 0, "arlock": 0, "arcache": self._table_cache()}
        return (
            {
                **entry,
                "arid": walks.tag,
                "araddr": walks.address,
                "arsize": Mux(walks.wide, Size.OCTAWORD, Size.QUADWORD),
            },
            {
                **entry,
                "arid": queue.tag + self.config.slots,
                "araddr": queue.address,
                "arcache": Cache.SNOOPED,
            },
            {**entry, "arid": interrupts.tag + self._first_of_interrupts, "araddr": interrupts.address},
            {
                "arid": self._of_descriptors,
                "araddr": self.descriptor_read.p.address,
                "arsize": Size.OCTAWORD,
                "arlen": DESCRIPTOR_BEATS - 1,
                "arlock": int(self.config.exclusive),
                "arcache": Cache.SNOOPED,
            },
        )

    def _table_cache(self):
        return Cache.SNOOPED if self.config.c else Cache.BUFFERABLE

    def _take_returned(self, m):
        axi, slots = self.m_axi_mem, self.config.slots
        taken = Signal()
        m.d.comb += taken.eq(axi.rvalid & axi.rready)
        m.d.sync += axi.rready.eq(1)
        for returned, first, end in (
            (self.walk_returned, 0, slots),
            (self.queue_returned, slots, self._first_of_interrupts),
            (self.interrupt_returned, self._first_of_interrupts, self._of_descriptors),
        ):
            m.d.sync += [
                returned.valid.eq(taken & (axi.rid < end) & (axi.rid >= first if first else 1)),
                returned.tag.eq(axi.rid - first),
                returned.entry.eq(axi.rdata),
                returned.error.eq(axi.rresp[1]),
            ]
        m.d.comb += [
            self.descriptor_returned.valid.eq(taken & (axi.rid == self._of_descriptors)),
            self.descriptor_returned.last.eq(axi.rlast),
            self.descriptor_returned.data.eq(axi.rdata),
            self.descriptor_returned.response.eq(axi.rresp),
        ]

    def _send_writes(self, m):
        axi, status, beat = self.m_axi_mem, self.status_write, self.descriptor_write
        address_free, data_free, amid = Signal(), Signal(), Signal()
        m.d.comb += [
            address_free.eq(~axi.awvalid | axi.awready),
            data_free.eq(~axi.wvalid | axi.wready),
            beat.ready.eq(data_free & (amid | address_free)),
            status.ready.eq(data_free & address_free & ~amid & ~beat.valid),
        ]
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(axi.wready):
            m.d.sync += axi.wvalid.eq(0)
        with m.If(beat.valid & beat.ready):
            m.d.sync += [
                amid.eq(~beat.p.last),
                axi.wvalid.eq(1),
                axi.wdata.eq(beat.p.data),
                axi.wstrb.eq((1 << STROBES) - 1),
                axi.wlast.eq(beat.p.last),
            ]
            with m.If(~amid):
                m.d.sync += [
                    axi.awvalid.eq(1),
                    axi.awid.eq(self._of_descriptors),
                    axi.awaddr.eq(beat.p.address),
                    axi.awsize.eq(Size.OCTAWORD),
                    axi.awlen.eq(DESCRIPTOR_BEATS - 1),
                    axi.awlock.eq(int(self.config.exclusive)),
                ]
        with m.Elif(status.valid & status.ready):
            m.d.sync += [
                axi.wvalid.eq(1),
                axi.wdata.eq(status.p.data.replicate(DWORDS)),
                axi.wstrb.eq(0xF << (status.p.address[2:4] << 2)),
                axi.wlast.eq(1),
                axi.awvalid.eq(1),
                axi.awid.eq(0),
                axi.awaddr.eq(status.p.address),
                axi.awsize.eq(Size.DWORD),
                axi.awlen.eq(0),
                axi.awlock.eq(0),
            ]

    def _take_answers(self, m):
        axi = self.m_axi_mem
        taken, of_descriptor = Signal(), Signal()
        m.d.comb += [
            taken.eq(axi.bvalid & axi.bready),
            of_descriptor.eq(axi.bid == self._of_descriptors),
            self.descriptor_written.valid.eq(taken & of_descriptor),
            self.descriptor_written.response.eq(axi.bresp),
        ]
        m.d.sync += [axi.bready.eq(1), self.status_written.eq(taken & ~of_descriptor)]
