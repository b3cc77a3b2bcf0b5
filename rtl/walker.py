"""Walker: the requests that could not go straight through, each in a slot of its own, and their page walks."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.axi.ports import refusal_layout
from rtl.one_hot import at, decoded, first, lowest_number, lowest_of, number_of
from rtl.paging_structure_cache import table_layout
from rtl.request import PAGE_BITS, context_layout, is_write, request_layout, result_layout
from rtl.walk_step import LEVELS, Step, WalkStep, top_level, walk_layout

__all__ = ["Walker", "memory_read_layout", "order_layout", "parking_layout", "replay_layout"]


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


def next_read_layout(config: UnitConfig) -> data.StructLayout:
    """A walk, and bits 11:3 of the address of the entry that it reads next in `walk.table`."""
    return data.StructLayout({"walk": walk_layout(config), "offset": 9})


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
    Where a walk begins in the second stage is looked up when the walk is made: when its request is parked with a known
    context, or when its context-entry comes back. It reads there however long it waits for its turn.

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
        A refused request whose turn has come: the AXI shell answers it. Another may be offered before it is taken. It
        leaves its slot in the clock after that.
    may_replay_reads, may_replay_writes : In
        Whether the pipeline could take a read or a write.
    busy_reads, busy_writes : In
        IDs to which memory still owes an answer.
    read : Out(stream), returned : In
        Reads of table entries, and what comes back, by tag, in any order; always accepted. While a read is not taken
        another may be offered in its place.
    root_table, epoch, lookup_epoch : In
        Page number of the current root table; current epoch; epoch of what is looked up in this clock.
    lookup, table_hit, table_found : to and from the paging-structure cache, for what is parked.
    context_fill, table_fill : Out
        To the caches.
    later_domain_id, later_hit, later_found : to and from the paging-structure cache
        The look-up behind a context-entry, of the page of `table_fill`, and its answer, one clock later.
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
                "later_domain_id": Out(config.domain_id_bits),
                "later_hit": In(1),
                "later_found": In(table_layout(config)),
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
        config, count = self.config, self.config.slots
        m.submodules.step = self._step = WalkStep(config=config)
        # Slots in use, by direction. Each is in one of the phases that follow. One bit for each slot.
        self._reads, self._writes = Signal(count, name="reads"), Signal(count, name="writes")
        self._waiting = Signal(count, name="waiting")  # for older requests; then it is looked up again
        self._starting = Signal(count, name="starting")  # nothing read yet
        self._reading = Signal(count, name="reading")
        self._in_flight = Signal(count, name="in_flight")
        self._done = Signal(count, name="done")
        self._replaying = Signal(count, name="replaying")  # on its way through the pipeline again
        self._refused = Signal(count, name="refused")
        self._answered = Signal(count, name="answered")  # in `refused`: it leaves in this clock
        self._had_result = Signal(count, name="had_result")  # in `replaying`: it had one before
        self._epochs = Signal(count, name="epochs")
        tag = data.StructLayout({"id": config.id_bits, "source_id": 16, "page": PAGE_BITS})
        self._tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        self._older = [Signal(count, name=f"older_{i}") for i in range(count)]
        # Those of them that are not ahead: looked up again, so that one may follow right behind.
        self._stops = [Signal(count, name=f"stops_{i}") for i in range(count)]
        self._ahead = Signal(count, name="ahead")
        self._walking, self._before, self._waits = (Signal(count, name=n) for n in ("walking", "before", "waits"))
        self._add_memories(m)

        same_id = Cat(tag.id == self.order.id for tag in self._tags)
        m.d.comb += [
            # What these will do rests on what was looked up for them.
            self._walking.eq((self._reads | self._writes) & ~self._waiting & ~self._refused),
            self._before.eq(Mux(self.order.write, self._writes, self._reads & same_id)),
            self._waits.eq(Cat(older.any() for older in self._older)),
            self.blocked.eq(Mux(self.order.replayed, self._waits.bit_select(self.order.slot, 1), self._before.any())),
            self.older_epoch.eq((self._walking & (self._epochs ^ self.epoch.replicate(count))).any()),
        ]
        self._take_returned(m)
        self._choose_read(m)
        self._choose_replay(m)
        self._choose_refused_read(m)
        self._choose_refused_write(m)
        self._take_parked(m)
        self._go_on(m)
        return m

    def _add_memories(self, m):
        """What slots hold beside their state, by number; each memory has one writer.

        `parked` is what came with the request. `first` is the state in which its walk starts, `following` that after an
        entry came back, `asked` that for which one is being read, and whether that is the upper half of the 16 bytes.
        """
        config = self.config
        parked = data.StructLayout({"request": request_layout(config), "okay": 1})
        next_read, depth = next_read_layout(config), 1 << len(self.release.slot)
        m.submodules.parked = self._parked = memory.Memory(shape=parked, depth=depth, init=[])
        m.submodules.first = self._first = memory.Memory(shape=next_read, depth=depth, init=[])
        m.submodules.following = self._following = memory.Memory(shape=next_read, depth=depth, init=[])
        asked = data.StructLayout({"walk": walk_layout(config), "upper_half": 1})
        m.submodules.asked = self._asked = memory.Memory(shape=asked, depth=depth, init=[])
        m.submodules.results = self._results = memory.Memory(shape=result_layout(config), depth=depth, init=[])

    def _choose_read(self, m):
        """Of the walks that want to read, in turn, one a clock; at most `walks` have begun and not ended."""
        wants, taken, after = Signal(self.config.slots), Signal(), Signal(self.config.slots)
        next_read = Signal(self._first.shape)
        active, full, begins = Signal(range(self.config.walks + 1)), Signal(), Signal()
        # What goes with a slot is chosen beside its number.
        number, starts, made = Signal(range(self.config.slots)), Signal(), Signal()
        values = [Cat(Const(i, len(number)), self._starting[i], self._made_slots[i]) for i in range(self.config.slots)]
        first, following = _read(m, self._first, number), _read(m, self._following, number)
        m.d.comb += [
            wants.eq(self._reading | Mux(full, 0, self._starting)),
            self.read.valid.eq(wants.any()),
            taken.eq(self.read.valid & self.read.ready),
            Cat(number, starts, made).eq(_next_of(wants, after, values)),
            begins.eq(taken & starts),
            next_read.eq(Mux(starts, first.as_value(), Mux(made, self._made.as_value(), following.as_value()))),
            self.read.p.address.eq(Cat(C(0, 3), next_read.offset, next_read.walk.table.table)),
            self.read.p.wide.eq(next_read.walk.step != Step.SECOND_STAGE),
            self.read.p.tag.eq(number),
        ]
        m.d.sync += active.eq(active + begins - self._ended)
        with m.If(begins & ~self._ended):
            m.d.sync += full.eq(active == self.config.walks - 1)
        with m.If(~begins & self._ended):
            m.d.sync += full.eq(0)
        _keep_turn(m, after, number, taken)
        upper_half = next_read.offset[0] & ~self.read.p.wide
        _write(m, self._asked, number, Cat(next_read.walk, upper_half), self.read.valid)
        self._asks = _one_hot(number, taken, self.config.slots)

    def _choose_replay(self, m):
        """Requests whose walk is done, or that need wait no longer, go through the pipeline again, in turn."""
        wants, after, number = Signal(self.config.slots), Signal(self.config.slots), Signal(range(self.config.slots))
        may_leave = Mux(self.may_replay_reads, self._reads, 0) | Mux(self.may_replay_writes, self._writes, 0)
        # What goes with a slot is chosen beside its number.
        values = [Cat(Const(i, len(number)), self._done[i], self._epochs[i]) for i in range(self.config.slots)]
        self._replayed = _next_first(wants, after)
        m.d.comb += [
            wants.eq((self._waiting | self._done) & may_leave & Cat(stops == 0 for stops in self._stops)),
            Cat(number, self.replay.has_result, self.replay.epoch).eq(_next_of(wants, after, values)),
            self.replay.valid.eq(wants.any()),
            self.replay.slot.eq(number_of(self._replayed)),
            self.replay.request.eq(_read(m, self._parked, number).request),
            self.replay.result.eq(_read(m, self._results, number)),
        ]
        _keep_turn(m, after, number, self.replay.valid)

    def _choose_refused_read(self, m):
        """A refused read is answered when it is the oldest of its ID and memory owes that ID nothing; in turn."""
        wants, taken, after = Signal(self.config.slots), Signal(), Signal(self.config.slots)
        number, busy = Signal(range(self.config.slots)), Cat(at(tag.id, self.busy_reads) for tag in self._tags)
        m.d.comb += [
            wants.eq(self._refused & self._reads & ~self._answered & ~self._waits & ~busy),
            number.eq(_next_of(wants, after, range(self.config.slots))),
            self.refused_read.valid.eq(wants.any()),
            taken.eq(self.refused_read.valid & self.refused_read.ready),
        ]
        _keep_turn(m, after, number, taken)
        self._answer(m, self.refused_read, number)
        self._refused_read_leaves = Mux(taken, _next_first(wants, after), 0)

    def _choose_refused_write(self, m):
        """A refused write is answered when it is the oldest and memory owes its ID nothing."""
        oldest = self._refused & self._writes & ~self._answered & ~self._waits  # at most one
        free = oldest & ~Cat(at(tag.id, self.busy_writes) for tag in self._tags)
        self._answer(m, self.refused_write, number_of(oldest))
        m.d.comb += self.refused_write.valid.eq(free.any())
        self._refused_write_leaves = Mux(self.refused_write.ready, free, 0)

    def _answer(self, m, refusal, number):
        parked = _read(m, self._parked, number)
        m.d.comb += [
            refusal.p.id.eq(parked.request.id),
            refusal.p.len.eq(parked.request.attributes.len),
            refusal.p.okay.eq(parked.okay),
        ]

    def _take_returned(self, m):
        """Step the walk whose entry has come back; where it goes on is known in the next clock."""
        returned, step, stepped, current = self.returned, self._step, Signal(), Signal()
        request, asked = _read(m, self._parked, returned.tag).request, _read(m, self._asked, returned.tag)
        self._ended = Signal()
        m.d.comb += [
            # What nobody asked for changes nothing.
            stepped.eq(returned.valid & self._in_flight.bit_select(returned.tag, 1)),
            step.walk.eq(asked.walk),
            step.access.eq(request.access),
            step.address.eq(request.address),
            step.address_type.eq(request.address_type),
            step.entry.eq(Mux(asked.upper_half, returned.entry[64:], returned.entry)),
            step.error.eq(returned.error),
            # What an older epoch has read may be answered, but not kept.
            current.eq(stepped & (self._epochs.bit_select(returned.tag, 1) == self.epoch)),
            self.context_fill.valid.eq(current & step.context_valid),
            self.context_fill.source_id.eq(request.source_id),
            self.context_fill.context.eq(step.context),
            self.table_fill.valid.eq(current & step.table_valid),
            self.table_fill.domain_id.eq(asked.walk.domain_id),
            self.later_domain_id.eq(step.following.domain_id),
            self.table_fill.page.eq(request.address[12:]),
            self.table_fill.table.eq(step.following.table),
            self._ended.eq(stepped & step.done),
        ]
        _write(m, self._results, returned.tag, step.result, stepped)
        self._stepped = _one_hot(returned.tag, stepped, self.config.slots)

        made, page = Signal(self._first.shape), Signal(PAGE_BITS)
        number, valid = Signal.like(returned.tag), Signal()
        self._made, self._made_slots = Signal.like(made), Signal(self.config.slots)
        m.d.sync += [
            made.walk.eq(step.following),
            made.offset.eq(_offset(step.following, request)),
            page.eq(request.address[12:]),
            self._made_slots.eq(self._stepped),
            number.eq(returned.tag),
            valid.eq(stepped),
        ]
        m.d.comb += self._made.eq(made)
        # Only behind a context-entry is the next table a top one.
        with m.If(made.walk.top & self.later_hit):
            m.d.comb += [
                self._made.walk.table.eq(self.later_found),
                self._made.walk.top.eq(0),
                self._made.offset.eq(_known_index(self.later_found, page)),
            ]
        _write(m, self._following, number, self._made, valid)

    def _take_parked(self, m):
        """Put a request into its own slot again, or into the lowest free one behind all older ones of its order."""
        parking, context, request = self.park.parking, self.park.parking.context, self.park.parking.request
        number, shares, place = Signal(range(self.config.slots)), Signal(), Signal(self.config.slots)
        # Only of its direction: a write may wait for data that a device sends after an answer to its read.
        walking = self._walking & Mux(is_write(request), self._writes, self._reads)
        asked = Cat(request.source_id, request.address[12:])
        # After a replay it walks itself, whoever else does: it has waited once.
        same_page = Mux(parking.replayed, 0, walking & Cat(Cat(tag.source_id, tag.page) == asked for tag in self._tags))
        m.d.comb += [
            number.eq(Mux(parking.replayed, parking.slot, lowest_number(~(self._reads | self._writes)))),
            place.eq(decoded(number)),
            shares.eq(same_page.any()),
            self.lookup.domain_id.eq(context.domain_id),
            self.lookup.page.eq(request.address[12:]),
        ]
        _write(m, self._parked, number, Cat(request, parking.okay), self.park.valid)
        _write(m, self._first, number, self._first_read(m), self.park.valid)

        # These come late.
        walks, waits = Signal(), Signal()
        m.d.comb += [
            walks.eq(self.park.valid & ~parking.refused & parking.walk),
            waits.eq(self.park.valid & ~parking.refused & ~parking.walk),
        ]
        self._put = Mux(self.park.valid, place, 0)
        self._new = Mux(self.park.valid, Mux(parking.replayed, 0, place), 0)
        self._put_refused = Mux(self.park.valid & parking.refused, place, 0)
        self._put_starting = Mux(walks, Mux(shares, 0, place), 0)
        self._put_again = Mux(waits, Mux(parking.replayed, place & self._had_result, 0), 0)
        self._put_waiting = Mux(walks, Mux(shares, place, 0), 0) | Mux(
            waits, place & ~(self._had_result & parking.replayed.replicate(self.config.slots)), 0
        )
        self._goes_behind = self._before | Mux(walks, same_page, 0)

    def _first_read(self, m):
        """Return where the walk of a request begins: at the lowest table known, or at the root table."""
        parking, context = self.park.parking, self.park.parking.context
        request, known, first = parking.request, parking.context_valid, Signal(self._first.shape)
        top = top_level(self.config, context)
        m.d.comb += [
            first.walk.step.eq(Mux(known, Step.SECOND_STAGE, Step.ROOT)),
            first.walk.top.eq(1),
            first.walk.table.eq(Cat(top, Mux(known, context.table, self.root_table), C(3, 2))),
            first.walk.domain_id.eq(context.domain_id),
            first.walk.fault_processing_disable.eq(context.fault_processing_disable),
            first.offset.eq(Mux(known, _index(top, request.address[12:]), Cat(C(0, 1), request.source_id[8:]))),
        ]
        with m.If(known & self.table_hit):
            m.d.comb += [
                first.walk.table.eq(self.table_found),
                first.walk.top.eq(0),
                first.offset.eq(_known_index(self.table_found, request.address[12:])),
            ]
        return first

    def _go_on(self, m):
        """The next phase of every slot, and the slots that it waits for."""
        parking, put, stepped, asks, replayed = self.park.parking, self._put, self._stepped, self._asks, self._replayed
        released, left, answered = Signal(self.config.slots), Signal(self.config.slots), self._answered
        new, ended = self._new, Mux(self._ended, stepped, 0)
        m.d.comb += [
            released.eq(_one_hot(self.release.slot, self.release.valid, self.config.slots)),
            left.eq(released | answered),
        ]
        m.d.sync += [
            answered.eq(self._refused_read_leaves | self._refused_write_leaves),
            self._reads.eq((self._reads & ~left) | Mux(is_write(parking.request), 0, new)),
            self._writes.eq((self._writes & ~left) | Mux(is_write(parking.request), new, 0)),
            self._waiting.eq((self._waiting & ~replayed) | self._put_waiting),
            self._starting.eq((self._starting & ~asks) | self._put_starting),
            self._reading.eq((self._reading & ~asks) | (stepped & ~ended)),
            self._in_flight.eq((self._in_flight & ~stepped) | asks),
            self._done.eq((self._done & ~replayed) | ended | self._put_again),
            self._replaying.eq((self._replaying & ~put & ~released) | replayed),
            self._refused.eq((self._refused & ~answered) | self._put_refused),
            self._had_result.eq((self._had_result & ~replayed) | (self._done & replayed)),
        ]
        write, arrives = self.order.write, self.park.valid & ~parking.replayed
        refused_read, refused_write = (answered & self._reads).any(), (answered & self._writes).any()
        m.d.sync += [
            self.reads_held.eq(_count(self.reads_held, arrives & ~write, self.release.valid & ~write, refused_read)),
            self.writes_held.eq(_count(self.writes_held, arrives & write, self.release.valid & write, refused_write)),
        ]
        # One with a result fills the IOTLB only when it is decided: who waits for that must not overtake it.
        ahead = (self._ahead & ~put & ~released) | (replayed & ~self._done)
        m.d.sync += self._ahead.eq(ahead)
        for i, (tag, older, stops) in enumerate(zip(self._tags, self._older, self._stops, strict=True)):
            with m.If(put[i]):
                m.d.sync += tag.eq(Cat(parking.request.id, parking.request.source_id, parking.request.address[12:]))
                m.d.sync += self._epochs[i].eq(parking.epoch)
            with m.Elif(self._waiting[i] & replayed[i]):
                m.d.sync += self._epochs[i].eq(self.lookup_epoch)
            # A slot that is free again stops nobody any longer; a free one is stopped by nobody.
            older_next = (older & ~left) | Mux(new[i], self._goes_behind & ~answered, 0)
            m.d.sync += [older.eq(older_next), stops.eq(older_next & ~ahead)]


def _next_of(wants, after, values):
    """Return the value of the first one of `wants` that is also one of `after`, otherwise of the first one."""
    behind = wants & after
    return Mux(behind.any(), lowest_of(behind, values), lowest_of(wants, values))


def _next_first(wants, after):
    """Return only the first one of `wants` that is also one of `after`, otherwise the first one."""
    behind = wants & after
    return Mux(behind.any(), first(behind), first(wants))


def _keep_turn(m, after, number, taken):
    """Let those behind the one `taken` come before it."""
    with m.If(taken):
        m.d.sync += after.eq(Cat(Const(0, 1), (number < i for i in range(1, len(after)))))


def _count(held, new, released, refused):
    """Return how many are held next; a request is parked or released. The sums do not wait for what happens."""
    fewer = Mux(refused, held - 1, held)
    fewest = Mux(refused, held - 2, held - 1)
    more = Mux(refused, held, held + 1)
    return Mux(new, more, Mux(released, fewest, fewer))


def _one_hot(number, enable, count):
    """Return `count` bits, a 1 in place `number` if `enable`."""
    return Cat(enable & (number == i) for i in range(count))


def _read(m, held, number):
    """Return what a memory holds in place `number`."""
    port = held.read_port(domain="comb")
    m.d.comb += port.addr.eq(number)
    return port.data


def _write(m, held, number, value, enable):
    port = held.write_port()
    m.d.comb += [port.addr.eq(number), port.data.eq(value), port.en.eq(enable)]


def _index(level, page):
    """Return the index of the entry that a walk reads in a second-stage table."""
    return at(level, [page[LEVELS[number][0] - 12 :][:9] if number in LEVELS else page[:9] for number in range(8)])


def _known_index(table, page):
    """Return the same for a table that the paging-structure cache knows: it is of level 1 to 4."""
    return at(table.level[:2], [page[LEVELS[number][0] - 12 :][:9] for number in (4, 1, 2, 3)])


def _offset(walk, request):
    """Return bits 11:3 of the address of the entry that a walk reads behind a root-entry or later (rules 4.3, 6.1)."""
    function = Cat(C(0, 1), request.source_id[:8])
    return Mux(walk.step == Step.CONTEXT, function, _index(walk.table.level, request.address[12:]))
