"""Request pipeline: look-up in two clocks, decision in the third, one request per clock."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX, TableMode
from model.arch.sizes import SLOTS_LEFT
from rtl.fault_recorder import record_layout
from rtl.request import (
    PAGE_BITS,
    Access,
    attributes_layout,
    context_layout,
    is_write,
    protected_layout,
    request_layout,
    result_layout,
    translation_layout,
)
from rtl.walk_step import above_limits, beyond_width, limits, missing_permission
from rtl.walker import order_layout, parking_layout, replay_layout

__all__ = ["RequestPipeline", "issue_layout"]


def issue_layout(config: UnitConfig) -> data.StructLayout:
    """A permitted request on its way to memory."""
    return data.StructLayout(
        {
            "valid": 1,
            "id": config.id_bits,
            "address": config.haw,
            "attributes": attributes_layout(),
            "older": 1,  # looked up in the other epoch
        }
    )


def decision_layout(config: UnitConfig) -> data.StructLayout:
    """What becomes of a request: a fault (not recorded if `suppressed`), else refused without a record, completed
    without memory, or, with none of them, done at `address` if that is not protected."""
    return data.StructLayout(
        {
            "fault_reason": 8,
            "suppressed": 1,
            "interrupt": 1,  # the fault is one of an interrupt request
            "refused": 1,
            "completes": 1,
            "address": config.haw,
        }
    )


class RequestPipeline(wiring.Component):
    """Decides for every request: to memory, into a slot of the walker, or refused.

    Spec: rules 3, 4, 21, 22.1.
    Timing: a request taken in clock n is decided in clock n + 2: `issue_read`, `issue_write`, `park`, `release`,
    `record` and `fill` are combinational in that clock. One request enters per clock: from a slot first, otherwise
    reads and writes in turn. Nothing enters without room for every way out, so the pipeline never stops.

    Members
    -------
    reads, writes : In(stream)
        Requests of devices; `ready` is 1 only in the clock in which one is taken.
    replay, may_replay_reads, may_replay_writes : from and to the walker.
    read_space, write_space : In
        Free places in the shell's output FIFOs.
    reads_held, writes_held : In
        Slots of the walker in use. Neither direction takes the last ones, so that it cannot stop the other.
    full_reads, full_writes : In
        IDs for which no more requests may be issued for now.
    lookup_source_id, lookup_page : Out
        Look-up of this clock, to context-cache and IOTLB.
    context_hit, context, iotlb_hit, translation : In
        Their answers, two clocks later.
    translation_enable, table_mode, protected, epoch, lookup_epoch : In
        State of the unit.
    order, blocked : to and from the walker, for the request being decided.
    issue_read, issue_write, park, release, record, fill : Out
        Decisions.
    older_epoch : Out
        Something in the pipeline was looked up in the other epoch.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        request = request_layout(config)
        slot = range(config.slots)
        super().__init__(
            {
                "reads": In(stream.Signature(request)),
                "writes": In(stream.Signature(request)),
                "replay": In(replay_layout(config)),
                "may_replay_reads": Out(1),
                "may_replay_writes": Out(1),
                "read_space": In(8),
                "write_space": In(8),
                "reads_held": In(range(config.slots + 1)),
                "writes_held": In(range(config.slots + 1)),
                "full_reads": In(1 << config.id_bits),
                "full_writes": In(1 << config.id_bits),
                "lookup_source_id": Out(16),
                "lookup_page": Out(PAGE_BITS),
                "context_hit": In(1),
                "context": In(context_layout(config)),
                "iotlb_hit": In(1),
                "translation": In(translation_layout(config)),
                "translation_enable": In(1),
                "table_mode": In(2),
                "protected": In(protected_layout()),
                "epoch": In(1),
                "lookup_epoch": In(1),
                "order": Out(order_layout(config)),
                "blocked": In(1),
                "issue_read": Out(issue_layout(config)),
                "issue_write": Out(issue_layout(config)),
                "park": Out(data.StructLayout({"valid": 1, "parking": parking_layout(config)})),
                "release": Out(data.StructLayout({"valid": 1, "slot": slot})),
                "record": Out(record_layout()),
                "fill": Out(
                    data.StructLayout(
                        {"valid": 1, "source_id": 16, "page": PAGE_BITS, "translation": translation_layout(config)}
                    )
                ),
                "older_epoch": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        item = data.StructLayout(
            {
                "valid": 1,
                "replayed": 1,
                "slot": range(self.config.slots),
                "epoch": 1,
                "translate": 1,
                "table_mode": 2,
                "request": request_layout(self.config),
                "has_result": 1,
                "result": result_layout(self.config),
            }
        )
        self._entering, self._looked_up, self._deciding = Signal(item), Signal(item), Signal(item)
        # What is known of the request in stage 3 before the caches answer; `ask` that their answer decides.
        self._prepared, self._ask = Signal(decision_layout(self.config)), Signal()
        self._above, self._is_interrupt = Signal(len(limits(self.config))), Signal()
        m.d.sync += [self._looked_up.eq(self._entering), self._deciding.eq(self._looked_up)]
        m.d.comb += self.older_epoch.eq(
            Cat(s.valid & (s.epoch != self.epoch) for s in (self._looked_up, self._deciding)).any()
        )
        self._enter(m)
        self._prepare(m)
        self._decide(m)
        self._finish(m)
        return m

    def _enter(self, m):
        """Stage 1: choose a request for which there is room everywhere, and look it up."""
        stages = (self._looked_up, self._deciding)
        reads_under_way = [s.valid & ~is_write(s.request) for s in stages]
        writes_under_way = [s.valid & is_write(s.request) for s in stages]
        fresh = [s.valid & ~s.replayed for s in stages]
        fresh_reads = [f & ~is_write(s.request) for f, s in zip(fresh, stages, strict=True)]
        fresh_writes = [f & is_write(s.request) for f, s in zip(fresh, stages, strict=True)]
        held = self.reads_held + self.writes_held
        slots, most = self.config.slots, self.config.slots - SLOTS_LEFT
        may_read, may_write, slot_free = Signal(), Signal(), Signal()
        take_read, take_write, last_was_write = Signal(), Signal(), Signal()
        m.d.comb += [
            self.may_replay_reads.eq(by_count(reads_under_way, (self.read_space > n for n in range(3)))),
            self.may_replay_writes.eq(by_count(writes_under_way, (self.write_space > n for n in range(3)))),
            slot_free.eq(by_count(fresh, (held < slots - n for n in range(3)))),
            may_read.eq(
                ~self.replay.valid
                & self.may_replay_reads
                & slot_free
                & by_count(fresh_reads, (self.reads_held < most - n for n in range(3)))
                & ~self.full_reads.bit_select(self.reads.p.id, 1)
            ),
            may_write.eq(
                ~self.replay.valid
                & self.may_replay_writes
                & slot_free
                & by_count(fresh_writes, (self.writes_held < most - n for n in range(3)))
                & ~self.full_writes.bit_select(self.writes.p.id, 1)
            ),
            take_write.eq(may_write & self.writes.valid & ~(may_read & self.reads.valid & last_was_write)),
            take_read.eq(may_read & self.reads.valid & ~take_write),
            self.writes.ready.eq(take_write),
            self.reads.ready.eq(take_read),
        ]
        with m.If(take_write | take_read):
            m.d.sync += last_was_write.eq(take_write)
        entering = self._entering
        request = Mux(take_write, self.writes.p.as_value(), self.reads.p.as_value())
        m.d.comb += [
            entering.valid.eq(self.replay.valid | take_write | take_read),
            entering.replayed.eq(self.replay.valid),
            entering.slot.eq(self.replay.slot),
            entering.has_result.eq(self.replay.valid & self.replay.has_result),
            entering.epoch.eq(Mux(entering.has_result, self.replay.epoch, self.lookup_epoch)),
            entering.translate.eq(self.translation_enable),
            entering.table_mode.eq(self.table_mode),
            entering.request.as_value().eq(Mux(self.replay.valid, self.replay.request.as_value(), request)),
            entering.result.eq(self.replay.result),
            self.lookup_source_id.eq(entering.request.source_id),
            self.lookup_page.eq(entering.request.address[12:]),
        ]

    def _prepare(self, m):
        """Stage 2: what the request, the registers and the result of a walk say, whatever the caches answer."""
        item, config = self._looked_up, self.config
        request, decision, ask = item.request, Signal(decision_layout(config)), Signal()
        is_interrupt_range = (request.address >> 20) == INTERRUPT_PREFIX
        untranslated = request.address_type == 0
        m.d.sync += [
            self._prepared.eq(decision),
            self._ask.eq(ask),
            self._above.eq(above_limits(config, request.address)),
            self._is_interrupt.eq(is_interrupt(request) & is_interrupt_range),
        ]
        m.d.comb += decision.address.eq(request.address)
        with m.If((request.address_type == 3) | ((request.address_type == 2) & request.pasid_valid)):
            m.d.comb += decision.refused.eq(1)
        with m.Elif((request.address_type == 1) & is_write(request)):
            m.d.comb += decision.refused.eq(1)
        with m.Elif(untranslated & is_interrupt_range & ~(request.pasid_valid & item.translate)):
            with m.If(request.access == Access.ZERO_LENGTH_READ):
                m.d.comb += decision.completes.eq(1)
            # An interrupt request passes as with remapping off until the interrupt block exists.
            with m.Elif(~is_interrupt(request)):
                m.d.comb += [decision.fault_reason.eq(FaultReason.NOT_AN_INTERRUPT_REQUEST), decision.interrupt.eq(1)]
        with m.Elif(~item.translate):
            m.d.comb += decision.refused.eq(~untranslated | (request.address >> config.haw).any())
        with m.Elif(item.table_mode != TableMode.LEGACY):
            abort = (item.table_mode == TableMode.ABORT_DMA) & int(config.adms)
            reason = Mux(abort, FaultReason.DMA_ABORTED, FaultReason.TRANSLATION_TABLE_MODE_INVALID)
            m.d.comb += decision.fault_reason.eq(reason)
        with m.Elif(request.pasid_valid):
            m.d.comb += decision.fault_reason.eq(FaultReason.PASID_IN_LEGACY_MODE)
        with m.Elif(item.has_result):
            self._use_result(m, decision)
        with m.Else():
            m.d.comb += ask.eq(1)

    def _decide(self, m):
        """Stage 3: what the caches say of a request that needs them."""
        item, config, context = self._deciding, self.config, self.context
        request = item.request
        self._decision, self._walk = Signal(decision_layout(config)), Signal()
        beyond = beyond_width(config, self._above, context)
        m.d.comb += [
            self._decision.eq(self._prepared),
            self.order.write.eq(is_write(request)),
            self.order.id.eq(request.id),
            self.order.replayed.eq(item.replayed),
            self.order.slot.eq(item.slot),
        ]
        with m.If(self._ask):
            with m.If(self.context_hit & (request.address_type != 0)):
                self._fault(m, self._decision, FaultReason.TRANSLATION_TYPE_BLOCKS, context)
            with m.Elif(self.context_hit & context.pass_through), m.If(beyond):
                self._fault(m, self._decision, FaultReason.ADDRESS_BEYOND_WIDTH, context)
            with m.Elif(self.iotlb_hit & (request.address_type == 0)):
                self._use_translation(m, self._decision, request, self.translation)
            with m.Elif(self.context_hit & beyond):
                self._fault(m, self._decision, FaultReason.ADDRESS_BEYOND_WIDTH, context)
            with m.Else():
                m.d.comb += self._walk.eq(1)

    def _use_result(self, m, decision):
        result = self._looked_up.result
        with m.If(result.fault_reason != 0):
            m.d.comb += [decision.fault_reason.eq(result.fault_reason), decision.suppressed.eq(result.suppressed)]
        with m.Elif(~result.pass_through):
            self._use_translation(m, decision, self._looked_up.request, result.translation)

    def _use_translation(self, m, decision, request, translation):
        missing = missing_permission(self.config, request.access, translation.read, translation.write)
        within = Signal(self.config.haw - 12)
        m.d.comb += [
            within.eq(Mux(translation.level == 3, (1 << 18) - 1, Mux(translation.level == 2, (1 << 9) - 1, 0))),
            decision.address[12:].eq((translation.page & ~within) | (request.address[12:] & within)),
        ]
        with m.If(missing != 0):
            self._fault(m, decision, missing, translation)
        with m.Elif(decision.address[20:] == INTERRUPT_PREFIX):
            self._fault(m, decision, FaultReason.OUTPUT_IN_INTERRUPT_RANGE, translation)

    def _fault(self, m, decision, reason, entry):
        """Refuse a request with a fault that the context-entry, or what was kept of it, can suppress."""
        m.d.comb += [decision.fault_reason.eq(reason), decision.suppressed.eq(entry.fault_processing_disable)]

    def _finish(self, m):
        item, decision = self._deciding, self._decision
        request, is_fault = item.request, self._decision.fault_reason != 0
        refused, passes = Signal(), Signal()
        m.d.comb += [
            refused.eq(
                is_fault | decision.refused | decision.completes | (~self._walk & self._is_protected(decision.address)),
            ),
            passes.eq(item.valid & ~self.blocked & ~refused & ~self._walk),
        ]
        for issue, direction in ((self.issue_read, ~is_write(request)), (self.issue_write, is_write(request))):
            m.d.comb += [
                issue.valid.eq(passes & direction),
                issue.id.eq(request.id),
                issue.address.eq(decision.address),
                issue.attributes.eq(request.attributes),
                issue.older.eq(item.epoch != self.epoch),
            ]
        parking = self.park.parking
        m.d.comb += [
            self.park.valid.eq(item.valid & ~passes),
            parking.refused.eq(refused),
            parking.okay.eq(decision.completes),
            parking.walk.eq(self._walk),
            parking.replayed.eq(item.replayed),
            parking.slot.eq(item.slot),
            parking.epoch.eq(item.epoch),
            parking.request.eq(request),
            parking.context_valid.eq(self.context_hit),
            parking.context.eq(self.context),
            self.release.valid.eq(passes & item.replayed),
            self.release.slot.eq(item.slot),
            self.record.valid.eq(item.valid & is_fault & ~decision.suppressed),
            self.record.fault_reason.eq(decision.fault_reason),
            self.record.source_id.eq(request.source_id),
            self.record.address.eq(request.address),
            self.record.access.eq(request.access),
            self.record.address_type.eq(request.address_type),
            self.record.interrupt.eq(decision.interrupt),
            # Permissions held, so it may be kept; another walk may have filled it in the meantime.
            self.fill.valid.eq(
                passes
                & item.has_result
                & ~item.result.pass_through
                & ~self.iotlb_hit
                & (item.epoch == self.epoch)
                & item.translate
            ),
            self.fill.source_id.eq(request.source_id),
            self.fill.page.eq(request.address[12:]),
            self.fill.translation.eq(item.result.translation),
        ]

    def _is_protected(self, address):
        """Regions are multiples of at least 4 KiB, so a burst, which stays in a 4 KiB page, is in or out as a whole."""
        regions = self.protected
        low, high = self.config.protected_memory_shift, self.config.haw
        place, blocked = address[low:], Const(0)
        if self.config.plmr:
            blocked |= (place >= regions.low_base[low:high]) & (place <= regions.low_limit[low:high])
        if self.config.phmr:
            blocked |= (place >= regions.high_base[low:high]) & (place <= regions.high_limit[low:high])
        return regions.enable & blocked & ~self._is_interrupt


def by_count(flags, cases):
    """Return the case, of three, with the number of the ones among two flags."""
    none, one, two = cases
    return Mux(flags[0] & flags[1], two, Mux(flags[0] | flags[1], one, none))


def is_interrupt(request):
    """Say whether a request to 0xFEEx_xxxx has the form of an interrupt: one aligned dword written (rule 3.4)."""
    attributes = request.attributes
    one_dword = (attributes.len == 0) & (attributes.size == Size.DWORD) & (request.address[:2] == 0)
    return (request.access == Access.WRITE) & one_dword
