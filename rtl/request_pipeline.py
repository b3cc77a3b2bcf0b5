"""Request pipeline: look-up in two clocks, decision in the third, one request per clock."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TableMode
from model.arch.sizes import SLOTS_LEFT
from rtl.fault_recorder import record_layout
from rtl.iotlb import meets_interrupts
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
from rtl.walk_step import above_limits, beyond_width, missing_permission
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


def judgement_layout() -> data.StructLayout:
    """What stops a request: it is `refused`, perhaps with a fault, which is recorded unless `suppressed`."""
    return data.StructLayout(
        {
            "refused": 1,
            "completes": 1,  # without memory, and is no failure
            "is_fault": 1,
            "fault_reason": 8,
            "suppressed": 1,
            "interrupt": 1,  # the fault is one of an interrupt request
        }
    )


def verdict_layout(config: UnitConfig) -> data.StructLayout:
    """What becomes of a request: it `passes`, to `address`, if it is not blocked and that not protected; or needs a
    `walk`; or is `refused`."""
    return data.StructLayout(
        {
            "passes": 1,
            "walk": 1,
            "refused": 1,
            "completes": 1,  # refused, but the device does not see it as that
            "is_fault": 1,
            "suppressed": 1,  # it is not recorded
            "fault_reason": 8,
            "interrupt": 1,  # the fault is one of an interrupt request
            "fills": 1,  # brings a page that the IOTLB does not hold
            "address": config.haw,
        }
    )


class RequestPipeline(wiring.Component):
    """Decides for every request: to memory, into a slot of the walker, or refused.

    Spec: rules 3, 4, 21, 22.1.
    Timing: a request taken in clock n is judged in clock n + 1, by what the caches answer, and decided in n + 2:
    `issue_read`, `issue_write`, `park`, `release`, `record` and `fill` are combinational in that clock. One request
    enters per clock: from a slot first, otherwise reads and writes in turn. Nothing enters without room for every way
    out, so the pipeline never stops. Room that others make, who take from an output FIFO or answer a refused request,
    counts one clock after the inputs below tell of it.

    Members
    -------
    reads, writes : In(stream)
        Requests of devices; `ready` is 1 only in the clock in which one is taken.
    replay, may_replay_reads, may_replay_writes : from and to the walker, the latter two from registers.
    read_space, write_space : In
        Free places in the shell's output FIFOs.
    reads_held, writes_held : In
        Slots of the walker in use. Neither direction takes the last ones, so that it cannot stop the other.
    full_reads, full_writes : In
        IDs for which no more requests may be issued for now. While there are any, a request is taken one clock after it
        was first offered at the soonest; what has become full since does not count yet.
    lookup_source_id, lookup_page : Out
        Look-up of this clock, to context-cache and IOTLB.
    context_hit, context, iotlb_hit, translation, meets_interrupts : In
        Their answers, one clock later; without a hit the rest means nothing.
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
                "meets_interrupts": In(1),
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
                "write": 1,
                "request": request_layout(self.config),
                "has_result": 1,
                "result": result_layout(self.config),
                "meets_interrupts": 1,  # the page of the result
            }
        )
        self._entering, self._looked_up, self._deciding = Signal(item), Signal(item), Signal(item)
        # Of the request in stage 3: what was judged of it, and the context-entry that the cache has for it.
        self._verdict = Signal(verdict_layout(self.config))
        self._context_hit, self._context = Signal(), Signal(context_layout(self.config))
        self._passes = Signal()
        m.d.sync += [
            self._looked_up.eq(self._entering),
            self._deciding.eq(self._looked_up),
            self._context_hit.eq(self.context_hit),
            self._context.eq(Mux(self.context_hit, self.context, 0)),
        ]
        m.d.comb += self.older_epoch.eq(
            Cat(s.valid & (s.epoch != self.epoch) for s in (self._looked_up, self._deciding)).any()
        )
        self._enter(m)
        self._judge(m)
        self._decide(m)
        return m

    def _enter(self, m):
        """Stage 1: choose a request for which there is room everywhere, and look it up."""
        room_for_read, room_for_write = self._keep_room(m)
        may_read, may_write, picks_write = Signal(), Signal(), Signal()
        take_read, take_write, last_was_write = Signal(), Signal(), Signal()
        m.d.comb += [
            may_read.eq(self.reads.valid & room_for_read & _may_issue(m, self.reads, self.full_reads)),
            may_write.eq(self.writes.valid & room_for_write & _may_issue(m, self.writes, self.full_writes)),
            picks_write.eq(may_write & ~(may_read & last_was_write)),
            # Whether something is replayed comes late in the clock.
            take_write.eq(picks_write & ~self.replay.valid),
            take_read.eq(may_read & ~picks_write & ~self.replay.valid),
            self.writes.ready.eq(take_write),
            self.reads.ready.eq(take_read),
        ]
        with m.If(take_write | take_read):
            m.d.sync += last_was_write.eq(take_write)
        entering = self._entering
        request = Mux(picks_write, self.writes.p.as_value(), self.reads.p.as_value())
        m.d.comb += [
            entering.valid.eq(self.replay.valid | take_write | take_read),
            entering.replayed.eq(self.replay.valid),
            entering.slot.eq(self.replay.slot),
            entering.has_result.eq(self.replay.valid & self.replay.has_result),
            entering.epoch.eq(Mux(entering.has_result, self.replay.epoch, self.lookup_epoch)),
            entering.translate.eq(self.translation_enable),
            entering.table_mode.eq(self.table_mode),
            entering.write.eq(Mux(self.replay.valid, is_write(self.replay.request), picks_write)),
            entering.request.as_value().eq(Mux(self.replay.valid, self.replay.request.as_value(), request)),
            entering.result.eq(self.replay.result),
            entering.meets_interrupts.eq(meets_interrupts(self.replay.result.translation)),
            self.lookup_source_id.eq(entering.request.source_id),
            self.lookup_page.eq(entering.request.address[12:]),
        ]

    def _keep_room(self, m):
        """Return registers that say whether there is room for a read and for a write of a device."""
        stages, entering, deciding = (self._looked_up, self._deciding), self._entering, self._deciding
        slots = self.config.slots
        fresh = [s.valid & ~s.replayed for s in stages]
        enters_fresh = entering.valid & ~entering.replayed
        held = self.reads_held + self.writes_held
        slot_free = _room(m, slots, held, fresh, enters_fresh, self._passes)
        rooms = []
        for write, may_replay, space, direction_held in (
            (0, self.may_replay_reads, self.read_space, self.reads_held),
            (1, self.may_replay_writes, self.write_space, self.writes_held),
        ):
            under_way = [s.valid & (s.write == write) for s in stages]
            enters = entering.valid & (entering.write == write)
            parks = deciding.valid & ~self._passes & (deciding.write == write)
            passes = self._passes & (deciding.write == write)
            fresh_here = [f & u for f, u in zip(fresh, under_way, strict=True)]
            m.d.comb += may_replay.eq(_room(m, space, 0, under_way, enters, parks))
            kept = _room(m, slots - SLOTS_LEFT, direction_held, fresh_here, enters & ~entering.replayed, passes)
            rooms.append(may_replay & slot_free & kept)
        return rooms

    def _judge(self, m):
        """Stage 2: what the request, the registers, the result of a walk, and the caches say.

        The caches come late in the clock. What is judged without them says whether it `asks` them.
        """
        item, config, context, translation = self._looked_up, self.config, self.context, self.translation
        request, result = item.request, item.result
        early, asks = Signal(judgement_layout()), Signal()
        self._judge_request(m, early, asks)

        late, goes, by_page, by_context, passes_through = Signal(judgement_layout()), *(Signal() for _ in range(4))
        untranslated = request.address_type == 0
        beyond = beyond_width(config, above_limits(config, request.address), context)
        page_reason = self._judge_page(request, translation, self.meets_interrupts)
        m.d.comb += [
            passes_through.eq(self.context_hit & context.pass_through & untranslated),
            by_page.eq(self.iotlb_hit & untranslated & ~passes_through),
            # A page that is known is not beyond the width.
            by_context.eq(self.context_hit & (~untranslated | (beyond & (context.pass_through | ~self.iotlb_hit)))),
            goes.eq((by_page & (page_reason == 0)) | (passes_through & ~beyond)),
        ]
        with m.If(by_page & (page_reason != 0)):
            self._fault(m, late, page_reason, translation.fault_processing_disable)
        with m.If(by_context):
            reason = Mux(untranslated, FaultReason.ADDRESS_BEYOND_WIDTH, FaultReason.TRANSLATION_TYPE_BLOCKS)
            self._fault(m, late, reason, context.fault_processing_disable)

        judgement, verdict = Signal(judgement_layout()), Signal(verdict_layout(config))
        page = Mux(item.has_result, result.translation, translation)
        m.d.comb += [
            judgement.eq(Mux(asks, late, early)),
            verdict.passes.eq(item.valid & Mux(asks, goes, ~early.refused)),
            verdict.walk.eq(asks & ~late.refused & ~goes),
            verdict.refused.eq(judgement.refused),
            verdict.completes.eq(judgement.completes),
            verdict.is_fault.eq(item.valid & judgement.is_fault),
            verdict.suppressed.eq(judgement.suppressed),
            verdict.fault_reason.eq(judgement.fault_reason),
            verdict.interrupt.eq(judgement.interrupt),
            # Permissions held, so it may be kept; another walk may have filled it in the meantime.
            verdict.fills.eq(item.has_result & ~result.pass_through & ~self.iotlb_hit & item.translate),
            # Of no meaning unless it passes.
            verdict.address.eq(
                Mux(
                    item.translate & Mux(item.has_result, ~result.pass_through, by_page),
                    self._translate(m, request, page),
                    request.address,
                )
            ),
        ]
        m.d.sync += self._verdict.eq(verdict)

    def _judge_request(self, m, judgement, asks):
        """Rules 3 and 4, in their order, until it takes a context-entry or a page that the caches know."""
        item, request, result = self._looked_up, self._looked_up.request, self._looked_up.result
        is_interrupt_range = is_in_interrupt_range(request.address)
        untranslated = request.address_type == 0
        with m.If((request.address_type == 3) | ((request.address_type == 2) & request.pasid_valid)):
            m.d.comb += judgement.refused.eq(1)
        with m.Elif((request.address_type == 1) & is_write(request)):
            m.d.comb += judgement.refused.eq(1)
        with m.Elif(untranslated & is_interrupt_range & ~(request.pasid_valid & item.translate)):
            with m.If(request.access == Access.ZERO_LENGTH_READ):
                m.d.comb += [judgement.refused.eq(1), judgement.completes.eq(1)]
            with m.Else():  # interrupt requests go another way
                self._fault(m, judgement, FaultReason.NOT_AN_INTERRUPT_REQUEST)
                m.d.comb += judgement.interrupt.eq(1)
        with m.Elif(~item.translate):
            m.d.comb += judgement.refused.eq(~untranslated | (request.address >> self.config.haw).any())
        with m.Elif(item.table_mode != TableMode.LEGACY):
            abort = (item.table_mode == TableMode.ABORT_DMA) & int(self.config.adms)
            reason = Mux(abort, FaultReason.DMA_ABORTED, FaultReason.TRANSLATION_TABLE_MODE_INVALID)
            self._fault(m, judgement, reason)
        with m.Elif(request.pasid_valid):
            self._fault(m, judgement, FaultReason.PASID_IN_LEGACY_MODE)
        with m.Elif(item.has_result):
            page = result.translation
            page_reason = self._judge_page(request, page, item.meets_interrupts)
            with m.If(result.fault_reason != 0):
                self._fault(m, judgement, result.fault_reason, result.suppressed)
            with m.Elif(~result.pass_through & (page_reason != 0)):
                self._fault(m, judgement, page_reason, page.fault_processing_disable)
        with m.Else():
            m.d.comb += asks.eq(1)

    def _fault(self, m, judgement, reason, suppressed=0):
        m.d.comb += [
            judgement.refused.eq(1),
            judgement.is_fault.eq(1),
            judgement.fault_reason.eq(reason),
            judgement.suppressed.eq(suppressed),
        ]

    def _judge_page(self, request, translation, meets):
        """Return why a page that `meets` the interrupt range, or not, does not take a request; 0 if it does."""
        missing = missing_permission(self.config, request.access, translation.read, translation.write)
        bit, bits = request.address[20], request.address[21:30]
        is_interrupt_range = (
            meets
            & (~translation.level[1] | (bit == INTERRUPT_PREFIX & 1))
            & ((translation.level != 3) | (bits == INTERRUPT_PREFIX >> 1 & (1 << len(bits)) - 1))
        )
        return Mux(missing != 0, missing, Mux(is_interrupt_range, FaultReason.OUTPUT_IN_INTERRUPT_RANGE, 0))

    def _translate(self, m, request, page):
        """Return where a page takes a request."""
        translation, within = Signal(translation_layout(self.config)), Signal(self.config.haw - 12)
        m.d.comb += [
            translation.eq(page),
            within.eq(Mux(translation.level == 3, (1 << 18) - 1, Mux(translation.level == 2, (1 << 9) - 1, 0))),
        ]
        return Cat(request.address[:12], (translation.page & ~within) | (request.address[12:] & within))

    def _decide(self, m):
        """Stage 3: whether the request goes to memory, unless it is blocked, or protected memory is in its way."""
        item, verdict = self._deciding, self._verdict
        request, is_protected = item.request, Signal()
        m.d.comb += [
            self.order.write.eq(item.write),
            self.order.id.eq(request.id),
            self.order.replayed.eq(item.replayed),
            self.order.slot.eq(item.slot),
            is_protected.eq(self._is_protected(verdict.address)),
            self._passes.eq(verdict.passes & ~self.blocked & ~is_protected),
        ]
        for issue, direction in ((self.issue_read, ~item.write), (self.issue_write, item.write)):
            m.d.comb += [
                issue.valid.eq(self._passes & direction),
                issue.id.eq(request.id),
                issue.address.eq(verdict.address),
                issue.attributes.eq(request.attributes),
                issue.older.eq(item.epoch != self.epoch),
            ]
        parking = self.park.parking
        m.d.comb += [
            self.park.valid.eq(item.valid & ~self._passes),
            parking.refused.eq(verdict.refused | (~verdict.walk & is_protected)),
            parking.okay.eq(verdict.completes),
            parking.walk.eq(verdict.walk),
            parking.replayed.eq(item.replayed),
            parking.slot.eq(item.slot),
            parking.epoch.eq(item.epoch),
            parking.request.eq(request),
            parking.context_valid.eq(self._context_hit),
            parking.context.eq(self._context),
            self.release.valid.eq(self._passes & item.replayed),
            self.release.slot.eq(item.slot),
            self.record.valid.eq(verdict.is_fault & ~verdict.suppressed),
            self.record.fault_reason.eq(verdict.fault_reason),
            self.record.source_id.eq(request.source_id),
            self.record.address.eq(request.address),
            self.record.access.eq(request.access),
            self.record.address_type.eq(request.address_type),
            self.record.interrupt.eq(verdict.interrupt),
            self.fill.valid.eq(self._passes & verdict.fills & (item.epoch == self.epoch)),
            self.fill.source_id.eq(request.source_id),
            self.fill.page.eq(request.address[12:]),
            self.fill.translation.eq(item.result.translation),
        ]

    def _is_protected(self, address):
        """Regions are multiples of at least 4 KiB, so a burst, which stays in a 4 KiB page, is in or out as a whole."""
        regions = self.protected
        low, high = self.config.protected_memory_shift, self.config.haw
        place, blocked = address[low:], Const(0)
        # Only "less than" is but a carry chain.
        if self.config.plmr:
            blocked |= ~(place < regions.low_base[low:high]) & ~(regions.low_limit[low:high] < place)
        if self.config.phmr:
            blocked |= ~(place < regions.high_base[low:high]) & ~(regions.high_limit[low:high] < place)
        return regions.enable & blocked


def _room(m, places, held, under_way, enters, returns):
    """Return a register: whether one more may enter, where `held` of the `places` are taken, one is kept for each of
    two `under_way`, one `enters`, and that of one, no longer under way, `returns`."""
    few = [by_count(under_way, [places == held + used + n for used in range(3)]) for n in range(2)]
    more = by_count(under_way, [places > held + used + 1 for used in range(3)])
    room = Signal(init=1)
    m.d.sync += room.eq(more | (few[1] & (returns | ~enters)) | (few[0] & returns & ~enters))
    return room


def _may_issue(m, requests, full):
    """Return a register: whether the ID of the request on offer, and the clock before, or every ID, was not `full`."""
    may_issue = Signal(init=1)
    waits = requests.valid & ~requests.ready
    m.d.sync += may_issue.eq(~full.any() | (waits & ~full.bit_select(requests.p.id, 1)))
    return may_issue


def by_count(flags, cases):
    """Return the case, of three, with the number of the ones among two flags."""
    none, one, two = cases
    return Mux(flags[0] & flags[1], two, Mux(flags[0] | flags[1], one, none))


def is_in_interrupt_range(address):
    """Say whether an address is 0xFEEx_xxxx."""
    return address[20:] == INTERRUPT_PREFIX
