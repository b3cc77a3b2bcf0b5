"""Memory port: reads of the walker and of the invalidation queue, and status writes, as AXI4."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Size
from model.arch.sizes import MEMORY_DATA_BITS, QUEUE_TAGS, WALKS_IN_A_ROW
from rtl.axi.ports import axi_signature
from rtl.walker import memory_read_layout

__all__ = ["MemoryPort", "queue_read_layout", "returned_layout", "status_write_layout"]

DWORDS = MEMORY_DATA_BITS // 32


def queue_read_layout(config: UnitConfig) -> data.StructLayout:
    """A read of 16 bytes of the invalidation queue."""
    return data.StructLayout({"address": config.haw, "tag": range(QUEUE_TAGS)})


def returned_layout(tags: int) -> data.StructLayout:
    """What came back for one of `tags` reads; with `error` the `entry` means nothing."""
    return data.StructLayout({"valid": 1, "tag": range(tags), "entry": MEMORY_DATA_BITS, "error": 1})


def status_write_layout(config: UnitConfig) -> data.StructLayout:
    """A write of one dword; the low two bits of `address` are 0."""
    return data.StructLayout({"address": config.haw, "data": 32})


class MemoryPort(wiring.Component):
    """The unit's own accesses to memory: tagged, out of order, single beats on 128 data bits.

    Spec: AXI4 (IHI 0022) A2, A3; ECAP.C for snooping.
    Reads carry ID = slot for walks and `slots` + tag for the queue; whoever asks does not reuse a tag before its read
    has returned. Walks go first, but a waiting read of the queue is overtaken by WALKS_IN_A_ROW of them at most: a
    flood of misses cannot stop the queue. Writes carry ID 0, so their answers come in order.
    Timing: a read or write accepted in clock n is on AR or AW and W in clock n + 1; what R or B delivers in clock n
    is returned in clock n + 1. A new one is accepted while the old one is taken: one per clock.
    Every AXI output is a register or a constant. `ready` of `walks`, `queue` and `status_write` depend on AXI's.

    Members
    -------
    walks, queue : In(stream)
        Reads of table entries (16 bytes when `wide`, else 8), and of descriptors.
    walk_returned, queue_returned : Out
        What came back: all 128 bits, whatever the size of the read; `error` unless OKAY or EXOKAY. No `ready`.
    status_write : In(stream)
        A dword to write.
    status_written : Out
        For one clock: a write was answered, well or not (a posted write has no record for its failure).
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
                "status_write": In(stream.Signature(status_write_layout(config))),
                "status_written": Out(1),
                "m_axi_mem": Out(axi_signature(config, "m_axi_mem_")),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._send_reads(m)
        self._take_returned(m)
        self._send_writes(m)
        axi, cache = self.m_axi_mem, Cache.SNOOPED if self.config.c else Cache.BUFFERABLE
        m.d.comb += [burst.eq(Burst.INCR) for burst in (axi.arburst, axi.awburst)]
        m.d.comb += [signal.eq(cache) for signal in (axi.arcache, axi.awcache)]
        return m

    def _send_reads(self, m):
        axi, walks, queue = self.m_axi_mem, self.walks.payload, self.queue.payload
        overtaken = Signal(range(WALKS_IN_A_ROW + 1))
        free, choose_queue = Signal(), Signal()
        m.d.comb += [
            free.eq(~axi.arvalid | axi.arready),
            choose_queue.eq(self.queue.valid & (~self.walks.valid | (overtaken == WALKS_IN_A_ROW))),
            self.walks.ready.eq(free & ~choose_queue),
            self.queue.ready.eq(free & choose_queue),
        ]
        with m.If(free):
            m.d.sync += axi.arvalid.eq(self.walks.valid | self.queue.valid)
            with m.If(choose_queue):
                m.d.sync += [
                    axi.arid.eq(queue.tag + self.config.slots),
                    axi.araddr.eq(queue.address),
                    axi.arsize.eq(Size.OCTAWORD),
                ]
            with m.Else():
                m.d.sync += [
                    axi.arid.eq(walks.tag),
                    axi.araddr.eq(walks.address),
                    axi.arsize.eq(Mux(walks.wide, Size.OCTAWORD, Size.QUADWORD)),
                ]
            with m.If(choose_queue | ~self.queue.valid):
                m.d.sync += overtaken.eq(0)
            with m.Else():
                m.d.sync += overtaken.eq(overtaken + 1)

    def _take_returned(self, m):
        slots, axi = self.config.slots, self.m_axi_mem
        of_queue = Signal()
        m.d.comb += of_queue.eq(axi.rid >= slots)
        m.d.sync += [
            axi.rready.eq(1),
            self.walk_returned.valid.eq(axi.rvalid & axi.rready & ~of_queue),
            self.queue_returned.valid.eq(axi.rvalid & axi.rready & of_queue),
        ]
        for returned, tag in ((self.walk_returned, axi.rid), (self.queue_returned, axi.rid - slots)):
            m.d.sync += [returned.tag.eq(tag), returned.entry.eq(axi.rdata), returned.error.eq(axi.rresp[1])]

    def _send_writes(self, m):
        axi, write = self.m_axi_mem, self.status_write.payload
        value = Signal(32)
        m.d.comb += [
            axi.awsize.eq(Size.DWORD),
            axi.wdata.eq(value.replicate(DWORDS)),
            axi.wlast.eq(1),
            self.status_write.ready.eq((~axi.awvalid | axi.awready) & (~axi.wvalid | axi.wready)),
        ]
        m.d.sync += [axi.bready.eq(1), self.status_written.eq(axi.bvalid & axi.bready)]
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(axi.wready):
            m.d.sync += axi.wvalid.eq(0)
        with m.If(self.status_write.valid & self.status_write.ready):
            m.d.sync += [
                axi.awvalid.eq(1),
                axi.wvalid.eq(1),
                axi.awaddr.eq(write.address),
                value.eq(write.data),
                axi.wstrb.eq(0xF << (write.address[2:4] << 2)),
            ]
