"""Golden model of rtl/unit.py: the blocks in the same wiring, one clock at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

from model.arch import UnitConfig
from model.cycle import context_cache, interrupt_entry_cache, iotlb, paging_structure_cache
from model.cycle.axi import lite, read_path, write_path
from model.cycle.axi.lite import Lite
from model.cycle.axi.ports import Address, DeviceAddress, LiteRead, LiteWrite, ReadData, WriteData, WriteResponse
from model.cycle.axi.read_path import ReadPath
from model.cycle.axi.register_slice import RegisterSlice
from model.cycle.axi.write_path import WritePath
from model.cycle.context_cache import ContextCache
from model.cycle.interrupt_entry_cache import InterruptEntryCache
from model.cycle.interrupt_remapper import InterruptRemapper
from model.cycle.invalidation import Invalidation
from model.cycle.invalidation_queue import InvalidationQueue
from model.cycle.iotlb import Iotlb
from model.cycle.memory_port import MemoryPort
from model.cycle.outstanding import Issued, Outstanding
from model.cycle.paging_structure_cache import PagingStructureCache
from model.cycle.poster import Poster
from model.cycle.register_file import RegisterAccess, RegisterFile
from model.cycle.request import Access, Request
from model.cycle.request_pipeline import NO_DECISION, Decision, Entry, RequestPipeline
from model.cycle.walker import NO_FILLS, Walker

__all__ = ["Inputs", "Outputs", "Unit"]

WRITES = (int(Access.WRITE), int(Access.ATOMIC))


class Inputs(NamedTuple):
    """What the unit sees in one clock. A channel whose valid is 0 is None; `core` is the core request port, `reset`
    is 1 while `aresetn` is low."""

    s_axil_aw: int | None = None
    s_axil_w: LiteWrite | None = None
    s_axil_bready: int = 0
    s_axil_ar: int | None = None
    s_axil_rready: int = 0
    s_axi_aw: DeviceAddress | None = None
    s_axi_w: WriteData | None = None
    s_axi_bready: int = 0
    s_axi_ar: DeviceAddress | None = None
    s_axi_rready: int = 0
    m_axi_awready: int = 0
    m_axi_wready: int = 0
    m_axi_b: WriteResponse | None = None
    m_axi_arready: int = 0
    m_axi_r: ReadData | None = None
    m_axi_mem_awready: int = 0
    m_axi_mem_wready: int = 0
    m_axi_mem_b: WriteResponse | None = None
    m_axi_mem_arready: int = 0
    m_axi_mem_r: ReadData | None = None
    core: Request | None = None
    reset: int = 0


class Outputs(NamedTuple):
    """What the unit shows in one clock; all of it depends on state alone."""

    s_axil_awready: int
    s_axil_wready: int
    s_axil_b: int | None
    s_axil_arready: int
    s_axil_r: LiteRead | None
    s_axi_awready: int
    s_axi_wready: int
    s_axi_b: WriteResponse | None
    s_axi_arready: int
    s_axi_r: ReadData | None
    m_axi_aw: Address | None
    m_axi_w: WriteData | None
    m_axi_bready: int
    m_axi_ar: Address | None
    m_axi_rready: int
    m_axi_mem_aw: Address | None
    m_axi_mem_w: WriteData | None
    m_axi_mem_bready: int
    m_axi_mem_ar: Address | None
    m_axi_mem_rready: int
    core_ready: int


class Unit:
    """DMA remapping in legacy mode and interrupt remapping between devices and memory.

    `observer`, when set, is called with ("decision", (request, Decision)) in the clock in which the pipeline decides.
    `faults` and `invalidations` count fault records wanted and commands broadcast, over resets.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.config = config
        self.observer: Callable[[str, Any], None] | None = None
        self.faults = self.invalidations = 0
        self.reset()

    def reset(self) -> None:
        """Go back to the state after reset."""
        config = self.config
        self.lite = Lite()
        self.read_path = ReadPath(config)
        self.write_path = WritePath(config)
        self.core: RegisterSlice[Request] = RegisterSlice()
        self.pipeline = RequestPipeline(config)
        self.context_cache = ContextCache(config)
        self.iotlb = Iotlb(config)
        self.walker = Walker(config)
        self.tables = PagingStructureCache(config)
        self.memory_port = MemoryPort(config)
        self.registers = RegisterFile(config)
        self.queue = InvalidationQueue(config)
        self.invalidation = Invalidation(config)
        self.outstanding = Outstanding(config)
        self.remapper = InterruptRemapper(config)
        self.iec = InterruptEntryCache(config)
        self.poster = Poster(config)

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        outputs = self._outputs()
        if inputs.reset:
            self.reset()
        else:
            self._advance(inputs)
        return outputs

    def _outputs(self) -> Outputs:
        registers, reads, writes, port = (
            self.lite.offer(),
            self.read_path.offer(),
            self.write_path.offer(),
            self.memory_port,
        )
        return Outputs(
            registers.s_axil_awready,
            registers.s_axil_wready,
            registers.s_axil_b,
            registers.s_axil_arready,
            registers.s_axil_r,
            writes.s_axi_awready,
            writes.s_axi_wready,
            writes.s_axi_b,
            reads.s_axi_arready,
            reads.s_axi_r,
            writes.m_axi_aw,
            writes.m_axi_w,
            writes.m_axi_bready,
            reads.m_axi_ar,
            reads.m_axi_rready,
            port.aw,
            port.w,
            port.bready,
            port.ar,
            port.rready,
            self.core.ready,
        )

    def _advance(self, inputs: Inputs) -> None:
        """One clock: what is combinational first, in the order in which it depends on each other; then every step."""
        reads, writes = self.read_path.offer(), self.write_path.offer()
        entry, of_core = self._enter(reads, writes)
        decision = self._decide()
        effects, answered_read, issued_message = self._step_shell(inputs, reads, writes, entry, of_core, decision)
        fence = self._step_interrupts(inputs, decision, effects)
        self._step_walker(inputs, decision, entry)
        self._step_registers(decision)
        self.outstanding.step(
            None if decision.issue_read is None else Issued(decision.issue_read.id, decision.issue_read.older),
            None if decision.issue_write is None else Issued(decision.issue_write.id, decision.issue_write.older),
            answered_read,
            effects.answered,
            self._flip,
            issued_message,
            effects.answered_message,
            effects.sent,
            fence,
            self._push,
        )

    def _enter(self, reads: read_path.Outputs, writes: write_path.Outputs) -> tuple[Entry, int]:
        """Stage 1 of the pipeline, with what the core port offers before what devices offer.

        Return also what the core port offers: 0 nothing, 1 a read, 2 a write.
        """
        pipeline, walker, registers, outstanding = self.pipeline, self.walker, self.registers, self.outstanding
        core, path = self.core.o, self.write_path
        pending = self.remapper.pending
        read, write, of_core = reads.reads, path.writes(registers.translation_enable, pending), 0
        if core is not None and core.access not in WRITES:
            read, of_core = core, 1
        elif core is not None and not path.blocked_writes(pending) >> core.id & 1:
            write, of_core = core, 2
        self._room = reads.read_space, writes.write_space, walker.reads_held, walker.writes_held
        replay = walker.replay(*pipeline.may_replay) if walker.in_use else None
        invalidation = self.invalidation
        entry = pipeline.enter(
            read,
            write,
            replay,
            outstanding.full_reads,
            outstanding.full_writes,
            registers.translation_enable,
            registers.table_mode,
            invalidation.epoch ^ invalidation.flip,
        )
        return entry, of_core

    def _decide(self) -> Decision:
        """Stage 3 of the pipeline."""
        pipeline = self.pipeline
        order = pipeline.order()
        if order is None:
            return NO_DECISION
        decision = pipeline.decide(
            self.context_cache.found.context,
            self.iotlb.found.translation,
            self.walker.blocked(*order),
            self.registers.protected,
            self.invalidation.epoch,
        )
        if decision.record is not None:
            self.faults += 1
        if self.observer is not None and pipeline.deciding is not None:
            self.observer("decision", (pipeline.deciding.request, decision))
        return decision

    def _step_shell(
        self,
        inputs: Inputs,
        reads: read_path.Outputs,
        writes: write_path.Outputs,
        entry: Entry,
        of_core: int,
        decision: Decision,
    ) -> tuple[write_path.Effects, int | None, int | None]:
        """Advance shell and core port; return what the write path shows besides, the ID of a read that memory has
        answered, and of a message that goes, whether it is of the older epoch."""
        walker, outstanding, registers, remapper = self.walker, self.outstanding, self.registers, self.remapper
        refused_read = walker.refused_read(outstanding.busy_reads) if walker.refused else None
        refused_write = walker.refused_write(outstanding.busy_writes) if walker.refused else None
        self._refusals_taken = reads.refusal_ready, writes.refusal_ready
        message = None
        if not outstanding.full_messages:
            message = registers.fault_message or registers.completion_message or remapper.message
        answered_read = self.read_path.step(
            read_path.Inputs(
                inputs.s_axi_ar,
                inputs.s_axi_rready,
                inputs.m_axi_arready,
                inputs.m_axi_r,
                0 if of_core == 1 else entry.reads_ready,
                decision.issue_read,
                refused_read,
            )
        )
        effects = self.write_path.step(
            write_path.Inputs(
                inputs.s_axi_aw,
                inputs.s_axi_w,
                inputs.s_axi_bready,
                inputs.m_axi_awready,
                inputs.m_axi_wready,
                inputs.m_axi_b,
                0 if of_core == 2 else entry.writes_ready,
                decision.issue_write,
                refused_write,
                message,
                entry.writes_ready if of_core == 2 else 0,
                remapper.interrupt_ready,
                remapper.answer,
                registers.translation_enable,
                remapper.pending,
            )
        )
        issued_message = None
        self._messages_ready = 0, 0, 0
        if effects.message_ready:
            if registers.fault_message is not None:
                self._messages_ready = 1, 0, 0
            elif registers.completion_message is not None:
                self._messages_ready = 0, 1, 0
            else:
                self._messages_ready = 0, 0, 1
            issued_message = remapper.message_older(self.invalidation.epoch) if self._messages_ready[2] else 0
        self.core.step(inputs.core, (0, entry.reads_ready, entry.writes_ready)[of_core])
        offered = self.lite.offer()
        self._access, self._push = offered.access, offered.push
        self.lite.step(
            lite.Inputs(
                inputs.s_axil_aw,
                inputs.s_axil_w,
                inputs.s_axil_bready,
                inputs.s_axil_ar,
                inputs.s_axil_rready,
                registers.read_data,
                outstanding.pushed,
            )
        )
        return effects, answered_read, issued_message

    def _step_interrupts(self, inputs: Inputs, decision: Decision, effects: write_path.Effects) -> int:
        """Look at what interrupts want of the memory port, advance remapper, its cache and the poster; return whether
        a fence is set up. What they want of the port is kept for `_step_walker`."""
        remapper, poster, port, outstanding = self.remapper, self.poster, self.memory_port, self.outstanding
        invalidation, registers = self.invalidation, self.registers
        self._interrupt_read = self._descriptor_read = self._descriptor_write = None
        self._remapper_is_older = 0
        self._interrupt_record = None
        command = invalidation.command
        if not remapper.in_use and effects.interrupt is None:
            if command is not None:
                self.iec.step(interrupt_entry_cache.Inputs(None, None, command))
            return 0
        epoch = invalidation.epoch
        self._remapper_is_older = remapper.older_epoch(epoch)
        fence = remapper.fence(outstanding.writes_busy, outstanding.fenced)
        fill = remapper.take(port.interrupt_returned, epoch)
        returned = port.descriptor_returned(inputs.m_axi_mem_r)
        written = port.descriptor_written(inputs.m_axi_mem_b)
        post = remapper.post
        self._interrupt_read = remapper.read
        self._descriptor_read, self._descriptor_write = poster.read(post), poster.write(returned)
        walks = self.walker.read_offer() if self.walker.in_use else None
        ready = port.reads_ready(
            walks is not None,
            self.queue.read is not None,
            remapper.read is not None,
            self._descriptor_read is not None,
            inputs.m_axi_mem_arready,
        )
        write_ready = port.writes_ready(
            self._descriptor_write is not None, inputs.m_axi_mem_awready, inputs.m_axi_mem_wready
        )[1]
        posted, idle = poster.posted, poster.idle
        poster.step(post, ready[3], returned, write_ready, written)
        if decision.record is None and remapper.record is not None:
            self._interrupt_record = remapper.record
            self.faults += 1
        lookup, found = remapper.lookup, self.iec.found.irte
        remapper.step(
            effects.interrupt,
            registers.interrupt_remapping_enable,
            registers.compatibility_enable,
            registers.interrupt_table,
            epoch ^ invalidation.flip,
            found,
            ready[2],
            self._messages_ready[2],
            1 if idle and ready[3] else 0,
            posted,
            0 if decision.record is not None else 1,
            effects.interrupt_answer_ready,
            outstanding.writes_busy,
            outstanding.fenced,
        )
        self.iec.step(interrupt_entry_cache.Inputs(lookup, fill, command))
        return fence

    def _step_walker(self, inputs: Inputs, decision: Decision, entry: Entry) -> None:
        """Advance walker, caches, memory port, and the pipeline."""
        walker, port, queue, invalidation = self.walker, self.memory_port, self.queue, self.invalidation
        epoch, command = invalidation.epoch, invalidation.command
        read, fills = None, NO_FILLS
        self._walker_is_older = False
        if walker.in_use:
            read = walker.read_offer()
            fills = walker.take(port.walk_returned, epoch, self.tables.finder(command))
            self._walker_is_older = walker.older_epoch(epoch)
        self._pipeline_is_older = self.pipeline.older_epoch(epoch)
        walks_ready, self._queue_ready, _, _ = port.reads_ready(
            read is not None,
            queue.read is not None,
            self._interrupt_read is not None,
            self._descriptor_read is not None,
            inputs.m_axi_mem_arready,
        )
        self._status_ready, _ = port.writes_ready(
            self._descriptor_write is not None, inputs.m_axi_mem_awready, inputs.m_axi_mem_wready
        )
        self._returned, self._status_written = port.queue_returned, port.status_written
        port.step(
            read,
            queue.read,
            self._interrupt_read,
            self._descriptor_read,
            queue.status_write,
            self._descriptor_write,
            inputs.m_axi_mem_arready,
            inputs.m_axi_mem_r,
            inputs.m_axi_mem_awready,
            inputs.m_axi_mem_wready,
            inputs.m_axi_mem_b,
        )
        if walker.in_use or decision.park is not None:
            walker.step(
                decision.park,
                decision.release,
                walks_ready,
                *self._refusals_taken,
                self.registers.root_table,
                epoch ^ invalidation.flip,
                self.tables.find,
            )
        source_id, page = entry.lookup_source_id, entry.lookup_page
        self.context_cache.step(context_cache.Inputs(source_id, fills.context, command))
        lookup = None if source_id is None or page is None else (source_id, page)
        self.iotlb.step(iotlb.Inputs(lookup, decision.fill, command))
        if command is not None or fills.table is not None:
            self.tables.step(paging_structure_cache.Inputs(None, fills.table, command))
        self.pipeline.step(*self._room)

    def _step_registers(self, decision: Decision) -> None:
        """Advance register file, invalidation queue and drain engine."""
        registers, queue, invalidation = self.registers, self.queue, self.invalidation
        drain, command = registers.drain, queue.command
        drain_ready, command_ready = invalidation.ready(drain is not None, command is not None)
        drain_done, command_done = invalidation.registers_done, invalidation.queue_done
        head, error, wait_completed = queue.head, queue.error, queue.wait_completed
        queue.step(
            registers.queue,
            registers.table_mode,
            registers.iqe,
            command_ready,
            command_done,
            self._queue_ready,
            self._returned,
            self._status_ready,
            self._status_written,
        )
        registers.step(
            None if self._access is None else RegisterAccess(*self._access),
            head,
            error,
            wait_completed,
            decision.record or self._interrupt_record,
            drain_ready,
            drain_done,
            self._messages_ready[0],
            self._messages_ready[1],
        )
        self._flip = invalidation.flip
        self.invalidations += invalidation.flip
        older = self._pipeline_is_older or self._walker_is_older or self._remapper_is_older or self.outstanding.older
        invalidation.step(drain, command, int(older))
