"""The remapping unit: wires its blocks together."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.axi.lite import Lite
from rtl.axi.ports import axi_signature
from rtl.axi.read_path import ReadPath
from rtl.axi.register_slice import RegisterSlice
from rtl.axi.write_path import WritePath
from rtl.context_cache import ContextCache
from rtl.interrupt_entry_cache import InterruptEntryCache
from rtl.interrupt_remapper import InterruptRemapper, fault_layout
from rtl.invalidation import Invalidation
from rtl.invalidation_queue import InvalidationQueue
from rtl.iotlb import Iotlb
from rtl.memory_port import MemoryPort
from rtl.one_hot import lowest, select
from rtl.outstanding import Outstanding
from rtl.paging_structure_cache import PagingStructureCache
from rtl.poster import Poster
from rtl.register_file import RegisterFile
from rtl.request import is_write, request_layout
from rtl.request_pipeline import RequestPipeline
from rtl.walker import Walker

__all__ = ["Unit"]


class Unit(wiring.Component):
    """DMA remapping in legacy mode and interrupt remapping between devices (`s_axi`) and memory (`m_axi`).

    Timing: every output comes from a register. A request that hits leaves four clocks after it came.

    Members
    -------
    s_axil : In
        Registers.
    s_axi : In, m_axi : Out
        Requests of devices, and those that are permitted; remapped interrupts, notifications, event messages.
    m_axi_mem : Out
        Tables, queued descriptors, status writes, posted-interrupt descriptors.
    core : In(stream)
        Requests that AXI cannot carry, zero-length reads and AtomicOps; the data of an AtomicOp come on `s_axi` W. They
        go before requests of their direction that `s_axi` has handed over and that still wait in a register slice:
        offer one only while nothing of its direction waits there. Without `core_port` nothing is behind it.
    """

    def __init__(self, *, config: UnitConfig, core_port: bool):
        self.config = config
        self.core_port = core_port
        super().__init__(
            {
                "s_axil": In(axi_signature(config, "s_axil_")),
                "s_axi": In(axi_signature(config, "s_axi_")),
                "m_axi": Out(axi_signature(config, "m_axi_")),
                "m_axi_mem": Out(axi_signature(config, "m_axi_mem_")),
                "core": In(stream.Signature(request_layout(config))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.lite = self._lite = Lite(config=config)
        m.submodules.read_path = self._read_path = ReadPath(config=config)
        m.submodules.write_path = self._write_path = WritePath(config=config)
        m.submodules.request_pipeline = self._pipeline = RequestPipeline(config=config)
        m.submodules.context_cache = self._context_cache = ContextCache(config=config)
        m.submodules.iotlb = self._iotlb = Iotlb(config=config)
        m.submodules.walker = self._walker = Walker(config=config)
        m.submodules.paging_structure_cache = self._tables = PagingStructureCache(config=config)
        m.submodules.memory_port = self._memory_port = MemoryPort(config=config)
        m.submodules.register_file = self._registers = RegisterFile(config=config)
        m.submodules.invalidation_queue = self._queue = InvalidationQueue(config=config)
        m.submodules.invalidation = self._invalidation = Invalidation(config=config)
        m.submodules.outstanding = self._outstanding = Outstanding(config=config)
        m.submodules.interrupt_remapper = self._remapper = InterruptRemapper(config=config)
        m.submodules.interrupt_entry_cache = self._iec = InterruptEntryCache(config=config)
        m.submodules.poster = self._poster = Poster(config=config)
        self._connect_shell(m)
        self._connect_requests(m)
        self._connect_caches(m)
        self._connect_walker(m)
        self._connect_registers(m)
        self._connect_invalidation(m)
        self._connect_interrupts(m)
        self._connect_messages(m)
        return m

    def _connect_shell(self, m):
        """Each path of the shell has its own channels of the same two interfaces."""
        wiring.connect(m, wiring.flipped(self.s_axil), self._lite.s_axil)
        wiring.connect(m, self._memory_port.m_axi_mem, wiring.flipped(self.m_axi_mem))
        for path in (self._read_path, self._write_path):
            _connect_channels(m, self.s_axi, path.s_axi)
            _connect_channels(m, self.m_axi, path.m_axi)

    def _connect_requests(self, m):
        pipeline = self._pipeline
        if self.core_port:
            self._connect_core(m)
        else:
            wiring.connect(m, self._read_path.reads, pipeline.reads)
            wiring.connect(m, self._write_path.writes, pipeline.writes)
        m.d.comb += [
            self._read_path.issue_read.eq(pipeline.issue_read),
            self._write_path.issue_write.eq(pipeline.issue_write),
            pipeline.read_space.eq(self._read_path.read_space),
            pipeline.write_space.eq(self._write_path.write_space),
        ]
        for name in ("translation_enable", "table_mode", "protected"):
            m.d.comb += getattr(pipeline, name).eq(getattr(self._registers, name))

    def _connect_core(self, m):
        """Requests of the core port go before those of devices."""
        pipeline = self._pipeline
        m.submodules.core_slice = core_slice = RegisterSlice(request_layout(self.config))
        wiring.connect(m, wiring.flipped(self.core), core_slice.i)
        core = core_slice.o
        may_write = ~self._write_path.blocked_writes.bit_select(core.p.id, 1)
        for into, of_devices, of_core in (
            (pipeline.reads, self._read_path.reads, core.valid & ~is_write(core.p)),
            (pipeline.writes, self._write_path.writes, core.valid & is_write(core.p) & may_write),
        ):
            m.d.comb += [
                into.valid.eq(of_devices.valid | of_core),
                into.p.eq(Mux(of_core, core.p, of_devices.p)),
                of_devices.ready.eq(into.ready & ~of_core),
            ]
            with m.If(of_core):
                m.d.comb += core.ready.eq(into.ready)
        m.d.comb += self._write_path.core_write.eq(core.valid & core.ready & is_write(core.p))

    def _connect_caches(self, m):
        pipeline, context_cache, iotlb = self._pipeline, self._context_cache, self._iotlb
        m.d.comb += [
            context_cache.lookup.eq(pipeline.lookup_source_id),
            pipeline.context_hit.eq(context_cache.hit),
            pipeline.context.eq(context_cache.context),
            context_cache.fill.eq(self._walker.context_fill),
            iotlb.lookup.source_id.eq(pipeline.lookup_source_id),
            iotlb.lookup.page.eq(pipeline.lookup_page),
            pipeline.iotlb_hit.eq(iotlb.hit),
            pipeline.translation.eq(iotlb.translation),
            pipeline.meets_interrupts.eq(iotlb.meets_interrupts),
            iotlb.fill.eq(pipeline.fill),
            self._tables.lookup.eq(self._walker.lookup),
            self._walker.table_hit.eq(self._tables.hit),
            self._walker.table_found.eq(self._tables.found),
            self._tables.later_domain_id.eq(self._walker.later_domain_id),
            self._walker.later_hit.eq(self._tables.later_hit),
            self._walker.later_found.eq(self._tables.later_found),
            self._tables.fill.eq(self._walker.table_fill),
        ]
        caches = (context_cache, iotlb, self._tables, self._iec)
        m.d.comb += (cache.invalidate.eq(self._invalidation.command) for cache in caches)

    def _connect_walker(self, m):
        pipeline, walker = self._pipeline, self._walker
        m.d.comb += [
            walker.park.eq(pipeline.park),
            walker.release.eq(pipeline.release),
            walker.order.eq(pipeline.order),
            pipeline.blocked.eq(walker.blocked),
            pipeline.replay.eq(walker.replay),
            walker.returned.eq(self._memory_port.walk_returned),
            walker.root_table.eq(self._registers.root_table),
        ]
        for name in ("reads", "writes"):
            m.d.comb += [
                getattr(pipeline, f"{name}_held").eq(getattr(walker, f"{name}_held")),
                getattr(walker, f"may_replay_{name}").eq(getattr(pipeline, f"may_replay_{name}")),
            ]
        wiring.connect(m, walker.read, self._memory_port.walks)
        wiring.connect(m, walker.refused_read, self._read_path.refusal)
        wiring.connect(m, walker.refused_write, self._write_path.refusal)

    def _connect_registers(self, m):
        registers, queue = self._registers, self._queue
        m.d.comb += [
            registers.access.eq(self._lite.access),
            self._lite.read_data.eq(registers.read_data),
            queue.queue.eq(registers.queue),
            queue.table_mode.eq(registers.table_mode),
            queue.iqe.eq(registers.iqe),
            registers.head.eq(queue.head),
            registers.queue_error.eq(queue.error),
            registers.wait_completed.eq(queue.wait_completed),
            queue.returned.eq(self._memory_port.queue_returned),
            queue.status_written.eq(self._memory_port.status_written),
        ]
        wiring.connect(m, queue.read, self._memory_port.queue)
        wiring.connect(m, queue.status_write, self._memory_port.status_write)

    def _connect_invalidation(self, m):
        pipeline, walker = self._pipeline, self._walker
        invalidation, outstanding = self._invalidation, self._outstanding
        wiring.connect(m, self._registers.drain, invalidation.registers)
        wiring.connect(m, self._queue.command, invalidation.queue)
        m.d.comb += [
            self._registers.drain_done.eq(invalidation.registers_done),
            self._queue.done.eq(invalidation.queue_done),
            invalidation.older.eq(
                pipeline.older_epoch | walker.older_epoch | self._remapper.older_epoch | outstanding.older
            ),
            outstanding.flip.eq(invalidation.flip),
        ]
        for block in (pipeline, walker, self._remapper):
            m.d.comb += [
                block.epoch.eq(invalidation.epoch),
                block.lookup_epoch.eq(invalidation.epoch ^ invalidation.flip),
            ]
        for direction, issue, path in (
            ("read", pipeline.issue_read, self._read_path),
            ("write", pipeline.issue_write, self._write_path),
        ):
            issued = getattr(outstanding, f"issued_{direction}")
            m.d.comb += [
                *(issued[name].eq(issue[name]) for name in ("valid", "id", "older")),
                getattr(outstanding, f"answered_{direction}").eq(getattr(path, f"answered_{direction}")),
                getattr(walker, f"busy_{direction}s").eq(getattr(outstanding, f"busy_{direction}s")),
                getattr(pipeline, f"full_{direction}s").eq(getattr(outstanding, f"full_{direction}s")),
            ]

    def _connect_interrupts(self, m):
        remapper, write_path, registers = self._remapper, self._write_path, self._registers
        port, poster, outstanding = self._memory_port, self._poster, self._outstanding
        m.d.comb += [
            write_path.translation_enable.eq(registers.translation_enable),
            write_path.pending.eq(remapper.pending),
            remapper.interrupt_remapping_enable.eq(registers.interrupt_remapping_enable),
            remapper.compatibility_enable.eq(registers.compatibility_enable),
            remapper.table.eq(registers.interrupt_table),
            self._iec.lookup.eq(remapper.lookup),
            remapper.iec_hit.eq(self._iec.hit),
            remapper.iec_entry.eq(self._iec.irte),
            self._iec.fill.eq(remapper.iec_fill),
            remapper.returned.eq(port.interrupt_returned),
            remapper.posted.eq(poster.posted),
            poster.returned.eq(port.descriptor_returned),
            poster.written.eq(port.descriptor_written),
            outstanding.sent_write.eq(write_path.sent_write),
            outstanding.fence.eq(remapper.fence),
            remapper.writes_busy.eq(outstanding.writes_busy),
            remapper.fenced.eq(outstanding.fenced),
        ]
        wiring.connect(m, write_path.interrupt, remapper.interrupt)
        wiring.connect(m, remapper.answer, write_path.interrupt_answer)
        wiring.connect(m, remapper.read, port.interrupts)
        wiring.connect(m, remapper.post, poster.post)
        wiring.connect(m, poster.read, port.descriptor_read)
        wiring.connect(m, poster.write, port.descriptor_write)
        self._connect_records(m)

    def _connect_records(self, m):
        """Faults of DMA go first: the pipeline cannot wait."""
        of_dma, of_interrupts, record = self._pipeline.record, self._remapper.record, self._registers.record
        m.d.comb += of_interrupts.ready.eq(~of_dma.valid)
        with m.If(of_dma.valid):
            m.d.comb += record.eq(of_dma)
        with m.Else():
            m.d.comb += record.valid.eq(of_interrupts.valid)
            m.d.comb += (record[name].eq(of_interrupts.p[name]) for name in fault_layout().members)

    def _connect_messages(self, m):
        """Messages leave one at a time: those of faults, of completed wait descriptors, of devices and postings."""
        sources = (self._registers.fault_message, self._registers.completion_message, self._remapper.message)
        message, outstanding = self._write_path.message, self._outstanding
        chosen, older = Signal(len(sources)), Signal()
        m.d.comb += [
            chosen.eq(Mux(outstanding.full_messages, 0, lowest(Cat(source.valid for source in sources)))),
            message.valid.eq(chosen.any()),
            message.p.eq(select(chosen, [source.p for source in sources])),
            *(source.ready.eq(bit & message.ready) for source, bit in zip(sources, chosen, strict=True)),
            older.eq(chosen[-1] & self._remapper.message_older),
            outstanding.push.eq(self._lite.push),
            self._lite.pushed.eq(outstanding.pushed),
            outstanding.issued_message.valid.eq(message.valid & message.ready),
            outstanding.issued_message.older.eq(older),
            outstanding.answered_message.eq(self._write_path.answered_message),
        ]


def _connect_channels(m, whole, part):
    """Connect the channels of an interface of the unit that one of its blocks has."""
    for name, member in part.signature.members.items():
        ours, theirs = getattr(whole, name), getattr(part, name)
        m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
