"""Walker: the requests that could not go straight through, each in a slot of its own, and their page walks."""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.axi.ports import refusal_layout
from rtl.one_hot import lowest, select
from rtl.paging_structure_cache import table_layout
from rtl.request import context_layout, is_write, request_layout, result_layout
from rtl.walk_step import LEVELS, Step, WalkStep, top_level, walk_layout

__all__ = ["Walker", "memory_read_layout", "order_layout", "parking_layout", "replay_layout"]


class Phase(enum.Enum, shape=3):
    """What a slot is doing."""

    FREE = 0
    WAIT = 1  # for older requests; then it is looked up again
    START = 2  # nothing read yet
    READ = 3
    FLIGHT = 4
    DONE = 5
    REPLAY = 6  # on its way through the pipeline again
    REFUSED = 7


def memory_read_layout(config: UnitConfig) -> data.StructLayout:
    """A read of a table entry: address in bytes, 16 bytes when `wide` and 8 otherwise, tag = slot."""
    return data.StructLayout({"address": config.haw, "wide": 1, "tag": range(config.slots)})


def order_layout(config: UnitConfig) -> data.StructLayout:
    """A request being decided: its direction and ID, and its slot if it is `replayed`."""
    return data.StructLayout({"write": 1, "id": config.id_bits, "replayed": 1, "slot": range(config.slots)})


def parking_layout(config: UnitConfig) -> data.StructLayout:
    """A request on its way into a slot: its own (`replayed`) or a free one.

    It is `refused`, or needs a `walk`, or only waits for older ones. `okay`: the device does not see it as a refusal.
    """
    return data.StructLayout(
        {
            "refused": 1,
            "okay": 1,
            "walk": 1,
            "replayed": 1,
            "slot": range(config.slots),
            "epoch": 1,
            "request": request_layout(config),
            "context_valid": 1,
            "context": context_layout(config),
        }
    )


def replay_layout(config: UnitConfig) -> data.StructLayout:
    """A request that enters the pipeline again, with the `result` of its walk, made in `epoch`, if `has_result`."""
    return data.StructLayout(
        {
            "valid": 1,
            "slot": range(config.slots),
            "request": request_layout(config),
            "has_result": 1,
            "epoch": 1,
            "result": result_layout(config),
        }
    )


class Walker(wiring.Component):
    """Slots for requests that wait, walk, or are refused, in order where AXI says so.

    Spec: rules 4, 6; AXI4 A5 for order.
    Reads of one ID keep their order among each other, and so do all writes (AXI4 has no write data interleaving).
    A request leaves its slot only when no older one of its order is left, but walks meanwhile. One that misses a page
    for which a request of the same source-id and direction walks waits for it, and is looked up again when it has left.
    So nothing of one direction waits for the other, which a device may stop.
    Walks overlap; `walks` of them read memory at once, the others wait.
    A request that waits for nothing else than its order is replayed as soon as those before it are: right behind one
    that is looked up again, whose way it shares then, and otherwise when they have left. So a queue behind a miss
    dissolves at one request per clock. One that an older request still stops when it is decided waits again.

    Members
    -------
    park : In
        With `valid`: put a request into a slot, the lowest free one unless it comes from one; it is that of `order`.
    release : In
        With `valid`: the request of `slot` has left for memory.
    order : In, blocked : Out
        Whether an older request of its order is in a slot (combinational).
    reads_held, writes_held : Out
        Number of slots in use, by direction.
    replay : Out
        With `valid`: a request enters the pipeline again; it is always taken.
    refused_read, refused_write : Out(stream)
        A refused request whose turn has come: the AXI shell answers it. Another may be offered before it is taken.
    may_replay_reads, may_replay_writes : In
        Whether the pipeline could take a read or a write.
    busy_reads, busy_writes : In
        IDs to which memory still owes an answer.
    read : Out(stream), returned : In
        Reads of table entries, and what comes back, by tag, in any order; always accepted. While a read is not taken
        another may be offered in its place.
    root_table, epoch, lookup_epoch : In
        Page number of the current root table; current epoch; epoch of what is looked up in this clock.
    lookup, found..., context_fill, table_fill : to and from the caches.
    older_epoch : Out
        A slot uses what it looked up in the other epoch.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        slot = range(config.slots)
        super().__init__(
            {
                "park": In(data.StructLayout({"valid": 1, "parking": parking_layout(config)})),
                "release": In(data.StructLayout({"valid": 1, "slot": slot})),
                "order": In(order_layout(config)),
                "blocked": Out(1),
                "reads_held": Out(range(config.slots + 1)),
                "writes_held": Out(range(config.slots + 1)),
                "replay": Out(replay_layout(config)),
                "refused_read": Out(stream.Signature(refusal_layout(config))),
                "refused_write": Out(stream.Signature(refusal_layout(config))),
                "read": Out(stream.Signature(memory_read_layout(config))),
                "returned": In(data.StructLayout({"valid": 1, "tag": slot, "entry": 128, "error": 1})),
                "root_table": In(config.haw - 12),
                "epoch": In(1),
                "lookup_epoch": In(1),
                "busy_reads": In(1 << config.id_bits),
                "busy_writes": In(1 << config.id_bits),
                "may_replay_reads": In(1),
                "may_replay_writes": In(1),
                "lookup": Out(data.StructLayout({"domain_id": config.domain_id_bits, "page": 52})),
                "table_hit": In(1),
                "table_found": In(table_layout(config)),
                "context_fill": Out(
                    data.StructLayout({"valid": 1, "source_id": 16, "context": context_layout(config)})
                ),
                "table_fill": Out(
                    data.StructLayout(
                        {
                            "valid": 1,
                            "domain_id": config.domain_id_bits,
                            "page": 52,
                            "table": table_layout(config),
                        }
                    )
                ),
                "older_epoch": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.step = self._step = WalkStep(config=self.config)
        count = self.config.slots
        slot = data.StructLayout(
            {
                "phase": Phase,
                "epoch": 1,
                "request": request_layout(self.config),
                "walk": walk_layout(self.config),
                "okay": 1,
                "result": result_layout(self.config),
                "has_result": 1,  # in REPLAY: it had one before
                "older": count,
            }
        )
        self._slots = [Signal(slot, name=f"slot_{i}") for i in range(count)]
        self._leaving, self._before = Signal(count), Signal(count)
        m.d.comb += [
            self.reads_held.eq(sum((s.phase != Phase.FREE) & ~is_write(s.request) for s in self._slots)),
            self.writes_held.eq(sum((s.phase != Phase.FREE) & is_write(s.request) for s in self._slots)),
            self._before.eq(Cat(self._is_before(s) for s in self._slots)),
            self.blocked.eq(Mux(self.order.replayed, Array(self._slots)[self.order.slot].older, self._before).any()),
            self.older_epoch.eq(Cat(self._is_of_older_epoch(s) for s in self._slots).any()),
        ]
        self._choose_read(m)
        self._choose_replay(m)
        leaving = [
            self._choose_refusal(m, self.refused_read, self.busy_reads, write=False),
            self._choose_refusal(m, self.refused_write, self.busy_writes, write=True),
        ]
        m.d.comb += self._leaving.eq(leaving[0] | leaving[1])
        self._take_returned(m)
        self._take_parked(m)
        self._leave(m)
        return m

    def _is_before(self, s):
        """A request in a slot goes before any new one of its order."""
        write = is_write(s.request)
        same_id = s.request.id == self.order.id
        return (s.phase != Phase.FREE) & (write == self.order.write) & (write | same_id)

    def _is_of_older_epoch(self, s):
        return _is_walking(s) & (s.epoch != self.epoch)

    def _choose_read(self, m):
        """Of the walks that want to read, in turn, one a clock; at most `walks` have begun and not ended."""
        count = self.config.slots
        active = sum((s.phase == Phase.READ) | (s.phase == Phase.FLIGHT) for s in self._slots)
        may_start = Signal()
        wants, chosen, turn = Signal(count), Signal(count), Signal(count)
        m.d.comb += [
            may_start.eq(active < self.config.walks),
            wants.eq(Cat((s.phase == Phase.READ) | ((s.phase == Phase.START) & may_start) for s in self._slots)),
            chosen.eq(in_turn(wants, turn)),
            self.read.valid.eq(wants.any()),
        ]
        s = Signal(self._slots[0].shape())
        walk = Signal(walk_layout(self.config))
        m.d.comb += [
            s.eq(select(chosen, self._slots)),
            self.lookup.domain_id.eq(s.walk.domain_id),
            self.lookup.page.eq(s.request.address[12:]),
            walk.eq(s.walk),
        ]
        # Whoever would read the top table begins at the lowest one known.
        with m.If(s.walk.top & (s.walk.step == Step.SECOND_STAGE) & self.table_hit):
            m.d.comb += [walk.table.eq(self.table_found), walk.top.eq(0)]
        m.d.comb += [
            self.read.p.address.eq(_entry_address(self.config, walk, s.request)),
            self.read.p.wide.eq(walk.step != Step.SECOND_STAGE),
            self.read.p.tag.eq(_number(chosen)),
        ]
        with m.If(self.read.valid & self.read.ready):
            m.d.sync += turn.eq(chosen)
            for bit, slot in zip(chosen, self._slots, strict=True):
                with m.If(bit):
                    m.d.sync += [slot.phase.eq(Phase.FLIGHT), slot.walk.eq(walk)]

    def _choose_replay(self, m):
        """Requests whose walk is done, or that need wait no longer, go through the pipeline again, in turn."""
        count = self.config.slots
        wants, chosen, turn, ahead = Signal(count), Signal(count), Signal(count), Signal(count)
        m.d.comb += [
            # One with a result fills the IOTLB only when it is decided: who waits for that must not overtake it.
            ahead.eq(Cat((s.phase == Phase.REPLAY) & ~s.has_result for s in self._slots)),
            wants.eq(
                Cat(
                    ((s.phase == Phase.DONE) | (s.phase == Phase.WAIT))
                    & ((s.older & ~ahead) == 0)
                    & Mux(is_write(s.request), self.may_replay_writes, self.may_replay_reads)
                    for s in self._slots
                )
            ),
            chosen.eq(in_turn(wants, turn)),
        ]
        s = Signal(self._slots[0].shape())
        m.d.comb += [
            s.eq(select(chosen, self._slots)),
            self.replay.valid.eq(wants.any()),
            self.replay.slot.eq(_number(chosen)),
            self.replay.request.eq(s.request),
            self.replay.has_result.eq(s.phase == Phase.DONE),
            self.replay.epoch.eq(s.epoch),
            self.replay.result.eq(s.result),
        ]
        with m.If(self.replay.valid):
            m.d.sync += turn.eq(chosen)
            for bit, slot in zip(chosen, self._slots, strict=True):
                with m.If(bit):
                    m.d.sync += [
                        slot.phase.eq(Phase.REPLAY),
                        slot.has_result.eq(slot.phase == Phase.DONE),
                        slot.epoch.eq(Mux(slot.phase == Phase.DONE, slot.epoch, self.lookup_epoch)),
                    ]

    def _choose_refusal(self, m, refusal, busy, *, write):
        """A refused request is answered when it is the oldest of its order and memory owes its ID nothing.

        Return the slot that leaves, one-hot, 0 when none does.
        """
        count = self.config.slots
        name = "write" if write else "read"
        wants, chosen, turn = (Signal(count, name=f"{name}_{signal}") for signal in ("wants", "chosen", "turn"))
        refused = Cat((s.phase == Phase.REFUSED) & (is_write(s.request) == write) for s in self._slots)
        waits = Cat((s.older != 0) | busy.bit_select(s.request.id, 1) for s in self._slots)
        s = Signal(self._slots[0].shape(), name=f"refused_{name}_slot")
        m.d.comb += [
            wants.eq(refused & ~waits),
            chosen.eq(in_turn(wants, turn)),
            s.eq(select(chosen, self._slots)),
            refusal.valid.eq(wants.any()),
            refusal.p.id.eq(s.request.id),
            refusal.p.len.eq(s.request.attributes.len),
            refusal.p.okay.eq(s.okay),
        ]
        with m.If(refusal.valid & refusal.ready):
            m.d.sync += turn.eq(chosen)
        return Mux(refusal.ready, chosen, 0)

    def _take_returned(self, m):
        """Step the walk whose entry has come back."""
        returned, step = self.returned, self._step
        s = Signal(self._slots[0].shape())
        chosen, stepped = Signal(self.config.slots), Signal()
        upper_half = s.request.address.bit_select(_index_shift(s.walk.table.level), 1)
        is_second_stage = s.walk.step == Step.SECOND_STAGE
        m.d.comb += [
            # What nobody asked for changes nothing.
            chosen.eq(Cat((returned.tag == i) & (s.phase == Phase.FLIGHT) for i, s in enumerate(self._slots))),
            s.eq(select(chosen, self._slots)),
            stepped.eq(returned.valid & chosen.any()),
            step.walk.eq(s.walk),
            step.access.eq(s.request.access),
            step.address.eq(s.request.address),
            step.address_type.eq(s.request.address_type),
            step.entry.eq(Mux(is_second_stage & upper_half, returned.entry[64:], returned.entry)),
            step.error.eq(returned.error),
            # What an older epoch has read may be answered, but not kept.
            self.context_fill.valid.eq(stepped & step.context_valid & (s.epoch == self.epoch)),
            self.context_fill.source_id.eq(s.request.source_id),
            self.context_fill.context.eq(step.context),
            self.table_fill.valid.eq(stepped & step.table_valid & (s.epoch == self.epoch)),
            self.table_fill.domain_id.eq(s.walk.domain_id),
            self.table_fill.page.eq(s.request.address[12:]),
            self.table_fill.table.eq(step.following.table),
        ]
        for bit, slot in zip(chosen, self._slots, strict=True):
            with m.If(stepped & bit):
                m.d.sync += [
                    slot.phase.eq(Mux(step.done, Phase.DONE, Phase.READ)),
                    slot.walk.eq(step.following),
                    slot.result.eq(step.result),
                ]

    def _take_parked(self, m):
        """Put a request into its own slot again, or into the lowest free one behind all older ones of its order."""
        parking, context = self.park.parking, self.park.parking.context
        free, chosen = Signal(self.config.slots), Signal(self.config.slots)
        same_page, shares, waits, older = Signal(self.config.slots), Signal(), Signal(), Signal(self.config.slots)
        m.d.comb += [
            free.eq(lowest(Cat(s.phase == Phase.FREE for s in self._slots))),
            chosen.eq(Mux(self.park.valid, Mux(parking.replayed, 1 << parking.slot, free), 0)),
            same_page.eq(Cat(_is_walking(s) & _shares_walk(s.request, parking.request) for s in self._slots)),
            # After a replay it walks itself, whoever else does: it has waited once.
            shares.eq(parking.walk & ~parking.refused & ~parking.replayed & same_page.any()),
            waits.eq(~parking.refused & (~parking.walk | shares)),
            older.eq(self._before | Mux(shares, same_page, 0)),
        ]
        self._newly_parked = Signal(self.config.slots)
        m.d.comb += self._newly_parked.eq(Mux(parking.replayed, 0, chosen))
        for bit, slot in zip(chosen, self._slots, strict=True):
            waiting = Mux(parking.replayed & slot.has_result, Phase.DONE, Phase.WAIT)
            with m.If(bit):
                m.d.sync += [
                    slot.phase.eq(Mux(parking.refused, Phase.REFUSED, Mux(waits, waiting, Phase.START))),
                    slot.epoch.eq(parking.epoch),
                    slot.request.eq(parking.request),
                    slot.okay.eq(parking.okay),
                    slot.walk.eq(0),
                    slot.walk.step.eq(Mux(parking.context_valid, Step.SECOND_STAGE, Step.ROOT)),
                    slot.walk.domain_id.eq(context.domain_id),
                    slot.walk.fault_processing_disable.eq(context.fault_processing_disable),
                    slot.walk.top.eq(1),
                    slot.walk.table.level.eq(top_level(self.config, context)),
                    slot.walk.table.table.eq(Mux(parking.context_valid, context.table, self.root_table)),
                    slot.walk.table.read.eq(1),
                    slot.walk.table.write.eq(1),
                ]
        for bit, slot in zip(self._newly_parked, self._slots, strict=True):
            with m.If(bit):
                m.d.sync += slot.older.eq(older & ~self._leaving)

    def _leave(self, m):
        """A slot is free again; the requests behind it need not wait for it any longer."""
        left = Signal(self.config.slots)
        m.d.comb += left.eq(Mux(self.release.valid, 1 << self.release.slot, 0) | self._leaving)
        for number, slot in enumerate(self._slots):
            with m.If(left[number]):
                m.d.sync += slot.phase.eq(Phase.FREE)
            with m.If(~self._newly_parked[number]):
                m.d.sync += slot.older.eq(slot.older & ~left)


def in_turn(wants, turn):
    """Return the one of `wants` that comes after the last one chosen, `turn`, going round."""
    after = wants & ~(turn | (turn - 1))[: len(turn)]
    return Mux(after.any() & turn.any(), lowest(after), lowest(wants))


def _is_walking(s):
    """Say whether what a slot will do rests on what was looked up for it."""
    return (s.phase != Phase.FREE) & (s.phase != Phase.WAIT) & (s.phase != Phase.REFUSED)


def _shares_walk(one, other):
    """Say whether a request profits from another's walk.

    Only of its direction: a write may wait for data that a device sends after an answer to its read.
    """
    same_page = (one.source_id == other.source_id) & (one.address[12:] == other.address[12:])
    return same_page & (is_write(one) == is_write(other))


def _number(one_hot):
    """Return the position of the 1."""
    bits = range(max(1, (len(one_hot) - 1).bit_length()))
    return Cat(
        Cat(bit for i, bit in enumerate(one_hot) if i >> b & 1).any()
        if any(i >> b & 1 for i in range(len(one_hot)))
        else Const(0, 1)
        for b in bits
    )


def _index_shift(level):
    """Return the lowest address bit of the index into a second-stage table."""
    shift = Const(12, 6)
    for number, (bit, _, _) in LEVELS.items():
        shift = Mux(level == number, bit, shift)
    return shift


def _entry_address(config, walk, request):
    """Return the byte address of the entry that a walk reads next (rules 4.2, 4.3, 6.1)."""
    bus, function = request.source_id[8:], request.source_id[:8]
    index = request.address.bit_select(_index_shift(walk.table.level), 9)
    offset = Mux(
        walk.step == Step.SECOND_STAGE,
        Cat(Const(0, 3), index),
        Cat(Const(0, 4), Mux(walk.step == Step.ROOT, bus, function)),
    )
    return Cat(offset[:12], walk.table.table)
