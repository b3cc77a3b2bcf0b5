"""InterruptRemapper in lockstep with its model, between neighbours that the bench plays.

Beside the comparison a scoreboard asks the reference model what must become of each request, and checks by itself that
all leave and are answered in order, that no effect precedes the answers to the writes before it (the fence), and what
epochs may keep.
"""

from collections import Counter, deque
from random import Random
from typing import NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge

from model.arch.registers import GSTS
from model.arch.structures import IRTE_REMAPPED, POSTED_INTERRUPT_DESCRIPTOR
from model.cycle.axi.write_path import Interrupt
from model.cycle.interrupt_remapper import InterruptRemapper
from model.cycle.memory_port import Returned
from model.cycle.poster import Posted
from model.cycle.register_file import InterruptTable
from model.reference.memory import MemoryFault
from model.reference.remap import InterruptTable as ReferenceTable
from model.reference.types import InterruptRequest
from model.reference.unit import Unit as ReferenceUnit
from rtl.axi.write_path import interrupt_answer_layout, interrupt_layout
from rtl.event_message import message_layout
from rtl.interrupt_remapper import fault_layout
from rtl.memory_port import interrupt_read_layout, returned_layout
from rtl.poster import post_layout, posted_layout
from rtl.register_file import interrupt_table_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, log
from tb.irtes import IrteDraw

IDS, SLOTS, HOST_PAGES = 1 << CONFIG.id_bits, CONFIG.interrupts, CONFIG.haw - 12
TAGS = 1 << (SLOTS - 1).bit_length()
ACCESS_ERROR, BAD_DESCRIPTOR, NOT_AN_INTERRUPT = 0x27, 0x28, 0x29
STREAMS = {
    "read": interrupt_read_layout(CONFIG),
    "message": message_layout(),
    "post": post_layout(CONFIG),
    "record": fault_layout(),
    "answer": interrupt_answer_layout(CONFIG),
}
READY = tuple(STREAMS)


class State(NamedTuple):
    """What the registers say."""

    remapping: int = 1
    compatibility: int = 0
    table: InterruptTable = InterruptTable(0x1234, 15, 1)


class Phase(NamedTuple):
    """How a part of the run goes: clocks, and the likelihoods of what happens."""

    clocks: int
    arrives: float = 0.6
    hits: float = 0.5
    returns: float = 0.3
    posts: float = 0.2  # end of a posting, in a clock
    stalls: float = 0.2
    flips: float = 0.1
    writes: float = 0.2  # data of a write of a device leave
    answers: float = 0.3  # to a write, in a clock
    changes: float = 0.05  # of the registers


PHASES = (
    Phase(900),
    Phase(400, hits=1.0, arrives=1.0, stalls=0.0, writes=0.0, changes=0.0),
    Phase(700, hits=0.0, returns=0.2, arrives=0.9),
    Phase(700, writes=0.7, answers=0.6, hits=0.8),  # hardly ever without a write on its way
    Phase(500, stalls=0.7, posts=0.9, hits=0.9),
    Phase(700, flips=0.5, changes=0.5, returns=0.9, posts=0.9),
    Phase(400, arrives=0.0, stalls=0.0, returns=1.0, posts=1.0, writes=0.0, answers=1.0, flips=0.0),  # all must leave
)


class NotYet(Exception):
    """The reference model asks for what the request has not met yet."""


class Entry:
    """A request on the scoreboard, and all that it met."""

    def __init__(self, request: Interrupt, clock: int, before: set[int]) -> None:
        self.request, self.clock = request, clock
        self.before = before  # writes whose data went before, without answer
        self.state: State | None = None
        self.lookup_epoch = 0
        self.irte: int | None = None
        self.error = 0
        self.address: int | None = None  # of the read
        self.descriptor: int | None = None  # address, says the reference model
        self.posted: Posted | None = None
        self.steps: list[tuple] = []  # what left
        self.expected: tuple[list[tuple], int] | None = None


class Scoreboard:
    """What must leave, by the reference model."""

    def __init__(self) -> None:
        self.unit = ReferenceUnit(CONFIG, self)
        self.entries: deque[Entry] = deque()  # not answered
        self.left = 0  # of these, how many need only be answered
        self.current: Entry | None = None  # whose memory `read` plays

    def read(self, address: int, size: int) -> int:
        """Play memory for the reference model."""
        entry = self.current
        if size == IRTE_REMAPPED.bytes:
            if entry.irte is None:
                raise NotYet
            assert entry.address in (None, address), f"read {entry.address:#x}, not {address:#x}"
            if entry.error:
                raise MemoryFault
            return entry.irte
        entry.descriptor, posted = address, entry.posted
        if posted is None:
            raise NotYet
        if posted.fault_reason == ACCESS_ERROR:
            raise MemoryFault
        descriptor = POSTED_INTERRUPT_DESCRIPTOR
        destination = posted.destination if entry.state.table.extended else posted.destination << 8
        reserved = descriptor["RSVD_511_320"].to(posted.fault_reason == BAD_DESCRIPTOR)
        return reserved | descriptor.pack(ON=1 - posted.notify, NV=posted.vector, NDST=destination)

    def write(self, address: int, size: int, value: int) -> None:
        """Play memory for the reference model."""

    def advance(self) -> None:
        """Count those that have left: all that they should have done is done."""
        while self.left < len(self.entries):
            entry = self.entries[self.left]
            if entry.state is None:
                return
            if entry.expected is None:
                entry.expected = self._expect(entry)
            if entry.expected is None or len(entry.steps) < len(entry.expected[0]):
                return
            self.left += 1

    def _expect(self, entry: Entry) -> tuple[list[tuple], int] | None:
        """Return what leaves for a request, as (stream, payload), and whether it is answered okay; None: not known."""
        request, state = entry.request, entry.state
        if not request.whole:
            return [("record", (NOT_AN_INTERRUPT, request.source_id))], 0
        registers, table = self.unit._registers, state.table
        registers[GSTS] = GSTS["IRES"].to(state.remapping) | GSTS["CFIS"].to(state.compatibility)
        self.unit._interrupt_table = ReferenceTable(table.address << 12, 2 << table.size, bool(table.extended))
        self.current = entry
        try:
            result = self.unit.interrupt(InterruptRequest(request.source_id, request.address, request.data))
        except NotYet:
            return None
        steps: list[tuple] = [] if entry.descriptor is None else [("post", entry.descriptor)]
        if result.condition is not None:
            if not result.suppressed:
                steps.append(("record", (int(result.condition.reason), request.source_id)))
            return steps, 0
        message = result.notification or result.message
        return [*steps, *([("message", (message.address, message.data))] if message else [])], 1


class Play:
    """Neighbours of the remapper, and the state of a run."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.model, self.board = rng, InterruptRemapper(CONFIG), Scoreboard()
        self.draw = IrteDraw(CONFIG, rng)
        self.seen: Counter = Counter()
        self.phase = PHASES[0]
        self.now = self.epoch = 0
        self.flipped = -2  # clock of the last flip
        self.state = State()
        self.offered: Interrupt | None = None
        self.found: deque[Entry | None] = deque([None, None])  # who looked up in the last clocks
        self.irte: int | None = None  # the answer of the cache in this clock
        self.in_flight: dict[int, Entry] = {}
        self.posting: Entry | None = None
        self.returned_for: Entry | None = None
        self.writes: dict[int, bool] = {}  # data have left; whether marked
        self.write_number = 0
        self.waiting: dict[str, tuple] = {}

    def happens(self, likelihood: float) -> bool:
        return self.rng.random() < likelihood

    # What the neighbours do

    def registers(self) -> State:
        rng = self.rng
        address = (1 << HOST_PAGES) - 1 if self.happens(0.15) else rng.getrandbits(HOST_PAGES)
        size = rng.choice((0, 3, 7, 14, 15, 15))
        extended = int(CONFIG.eim and (rng.getrandbits(1) or (CONFIG.eimer and self.happens(0.8))))
        return State(int(self.happens(0.8)), rng.getrandbits(1), InterruptTable(address, size, extended))

    def request(self) -> Interrupt:
        rng = self.rng
        index = rng.choice((0, 1, rng.getrandbits(4), rng.getrandbits(16), 1 << rng.randrange(16), 0xFFFF))
        if self.happens(0.7):
            index &= (2 << self.state.table.size) - 1
        data = rng.getrandbits(16) if self.happens(0.8) else rng.getrandbits(32)
        subhandle_valid = rng.getrandbits(1)
        if subhandle_valid and self.happens(0.7):
            data = data & ~0xFFFF | rng.randrange(index + 1)
            index -= data & 0xFFFF
        remappable = int(self.happens(0.85))
        address = 0xFEE << 20 | (index & 0x7FFF) << 5 | remappable << 4 | subhandle_valid << 3 | index >> 15 << 2
        source_id = rng.choice((0x0008, 0x0009, 0x0108, rng.getrandbits(16)))
        return Interrupt(
            source_id, rng.choice((0, 0, IDS - 1, rng.randrange(IDS))), address, data, int(self.happens(0.95))
        )

    def entry_of(self, entry: Entry) -> int:
        """Return an entry of the table, most often one that is good for the request."""
        rng, source_id = self.rng, entry.request.source_id
        bus = source_id >> 8
        source = rng.choice((0, 1 << 18 | source_id, 1 << 18 | 3 << 16 | source_id ^ 3, 2 << 18 | bus << 8 | bus))
        irte = self.draw.entry(posted=self.happens(0.3), extended=entry.state.table.extended, source=source)
        return irte ^ 1 << rng.randrange(128) if self.happens(0.25) else irte

    def returned(self) -> Returned | None:
        rng = self.rng
        if self.happens(0.02):  # what nobody asked for
            tags = [tag for tag in range(TAGS) if tag not in self.in_flight]
            if tags:
                return Returned(rng.choice(tags), rng.getrandbits(128), 0)
        if not self.in_flight or not self.happens(self.phase.returns):
            return None
        tag = rng.choice([*self.in_flight])
        entry = self.returned_for = self.in_flight.pop(tag)
        entry.irte, entry.error = self.entry_of(entry), int(self.happens(0.05))
        return Returned(tag, entry.irte, entry.error)

    def posted(self) -> Posted | None:
        if self.posting is None or not self.happens(self.phase.posts):
            return None
        rng, entry = self.rng, self.posting
        self.posting = None
        reason = rng.choice((0, 0, 0, ACCESS_ERROR, BAD_DESCRIPTOR))
        destination = rng.getrandbits(32 if entry.state.table.extended else 8)
        entry.posted = Posted(reason, 0 if reason else rng.getrandbits(1), destination, rng.getrandbits(8))
        self.seen["notified"] += entry.posted.notify
        self.seen["posting fails"] += reason != 0
        return entry.posted

    def found_irte(self) -> int | None:
        """Play the cache: answer the look-up of two clocks ago."""
        entry = self.found.popleft()
        if entry is None:
            return self.rng.choice((None, self.rng.getrandbits(128)))
        if not self.happens(self.phase.hits):
            return None
        self.seen["hit"] += 1
        entry.irte = self.entry_of(entry)
        return entry.irte

    def step_writes(self, fence: int) -> None:
        """Let writes of devices be answered, be marked, and come, in this order."""
        answered = self.rng.choice([*self.writes]) if self.writes and self.happens(self.phase.answers) else None
        if answered is not None:
            del self.writes[answered]
        if fence:
            self.writes = dict.fromkeys(self.writes, True)
            self.seen["fence"] += 1
        if self.happens(self.phase.writes):
            self.writes[self.write_number] = False
            self.write_number += 1

    # Checks

    def check_effect(self, name: str, payload: tuple) -> None:
        """Something is on offer: it may only be when the writes before the request have been answered."""
        board = self.board
        entry = board.entries[0 if name == "answer" else board.left]
        assert not entry.before & self.writes.keys(), f"{name} of {entry.request} passes writes {entry.before}"
        assert self.waiting.get(name, payload) == payload, f"{name} did not wait: {self.waiting[name]}, then {payload}"
        self.waiting[name] = payload

    def leaves(self, name: str, payload: tuple) -> None:
        """What the oldest request has offered is taken."""
        del self.waiting[name]
        entry = self.board.entries[self.board.left]
        if name == "post":
            irte, extended = entry.irte, entry.state.table.extended
            assert payload[1:] == (irte >> 16 & 0xFF, irte >> 14 & 1, extended)
            self.posting, payload = entry, payload[0]
        elif name == "record":
            reason, source_id, address, *kind = payload
            handle = (entry.request.address >> 2 & 1) << 15 | entry.request.address >> 5 & 0x7FFF
            subhandle = entry.request.data if entry.request.address >> 3 & 1 else 0
            assert address == (handle + subhandle & 0xFFFF) << 48 and kind == [1, 0, 1]
            payload = reason, source_id
        entry.steps.append((name, payload))
        self.seen[name] += 1

    def answers(self, payload: tuple) -> None:
        """The oldest request is answered: what left for it must be what the reference model says."""
        del self.waiting["answer"]
        assert self.board.left, "answered before it left"
        entry = self.board.entries.popleft()
        self.board.left -= 1
        steps, okay = entry.expected
        assert entry.steps == steps, f"{entry.request}, {entry.state}: {entry.steps} != {steps} (expected)"
        assert payload == (entry.request.id, okay)
        self.seen["okay" if okay else "refused"] += 1
        self.seen["nothing leaves"] += not steps

    def check_fill(self, fill) -> None:
        """What is kept is what was returned, for one that was looked up in this epoch."""
        if fill is None:
            return
        entry = self.returned_for
        assert fill.irte == entry.irte and entry.lookup_epoch == self.epoch and entry.clock + 1 > self.flipped
        self.seen["fill"] += 1

    def check_epochs(self, older: int) -> None:
        sampled = [e for e in self.board.entries if e.clock + 1 < self.now]
        assert older == int(any(e.clock + 1 <= self.flipped for e in sampled)), f"clock {self.now}"
        self.seen["older"] += older

    # One clock

    def drive(self, dut, flip: int, returned, posted, ready) -> None:
        rng, state = self.rng, self.state
        dut.interrupt__valid.value = self.offered is not None
        noise = Interrupt(0, 0, 0, rng.getrandbits(32), 1)
        dut.interrupt__payload.value = pack(interrupt_layout(CONFIG), self.offered or noise)
        dut.interrupt_remapping_enable.value = state.remapping
        dut.compatibility_enable.value = state.compatibility
        dut.table.value = pack(interrupt_table_layout(CONFIG), state.table)
        dut.epoch.value, dut.lookup_epoch.value = self.epoch, self.epoch ^ flip
        dut.iec_hit.value, dut.iec_entry.value = self.irte is not None, self.irte or 0
        dut.returned.value = 0 if returned is None else pack(returned_layout(SLOTS), (1, *returned))
        dut.posted.value = 0 if posted is None else pack(posted_layout(), (1, *posted))
        dut.writes_busy.value = int(bool(self.writes))
        dut.fenced.value = int(not any(self.writes.values()))
        for name, value in zip(READY, ready, strict=True):
            getattr(dut, f"{name}__ready").value = value

    def sample(self, dut) -> dict:
        """Return what the RTL shows, as the model does."""
        fill = int(dut.iec_fill.value)
        shown = {
            name: int(getattr(dut, f"{name}__payload").value) if getattr(dut, f"{name}__valid").value else None
            for name in READY
        }
        shown |= {
            name: int(getattr(dut, name).value) for name in ("older_epoch", "pending", "fence", "interrupt__ready")
        }
        return shown | {"iec_fill": fill >> 1 if fill & 1 else None}

    async def clock(self, dut) -> None:
        """Play one clock, after its edge."""
        model, phase = self.model, self.phase
        flip = int(self.flipped < self.now - 1 and not model.older_epoch(self.epoch) and self.happens(phase.flips))
        self.epoch ^= flip
        if flip:
            self.flipped = self.now
        if self.happens(phase.changes):
            self.state = self.registers()
        if self.offered is None and self.happens(phase.arrives):
            self.offered = self.request()
        returned, posted, self.irte = self.returned(), self.posted(), self.found_irte()
        ready = tuple(int(not self.happens(phase.stalls)) for _ in READY)
        if self.posting is not None:
            ready = (*ready[:2], 0, *ready[3:])
        self.drive(dut, flip, returned, posted, ready)
        await ReadOnly()
        busy, fenced = int(bool(self.writes)), int(not any(self.writes.values()))
        fence, fill = model.fence(busy, fenced), model.take(returned, self.epoch)
        expected = {
            name: None if getattr(model, name) is None else pack(layout, getattr(model, name))
            for name, layout in STREAMS.items()
        } | {
            "older_epoch": model.older_epoch(self.epoch),
            "pending": model.pending,
            "fence": fence,
            "interrupt__ready": model.interrupt_ready,
            "iec_fill": None if fill is None else fill.irte << 16 | fill.index,
        }
        actual = self.sample(dut)
        differences = {name: (actual[name], wanted) for name, wanted in expected.items() if actual[name] != wanted}
        assert not differences, f"clock {self.now}: (actual, expected) {differences}"
        if model.lookup is not None:
            assert int(dut.lookup.value) == model.lookup
        if model.message is not None:
            assert int(dut.message_older.value) == model.message_older(self.epoch)
        self.observe(ready, fill)
        taken = self.offered if model.interrupt_ready else None
        model.step(
            self.offered, *self.state, self.epoch ^ flip, self.irte, *ready[:3], posted, *ready[3:], busy, fenced
        )  # fmt: skip
        if taken is not None:
            # Writes whose data left in an earlier clock; one beat per clock, so none does in this one.
            self.board.entries.append(Entry(taken, self.now, set(self.writes)))
            self.offered = None
        self.step_writes(fence)
        self.now += 1

    def observe(self, ready: tuple, fill) -> None:
        """Tell the scoreboard what this clock showed."""
        model, board = self.model, self.board
        self.check_epochs(model.older_epoch(self.epoch))
        self.check_fill(fill)
        assert model.pending == sum({1 << entry.request.id for entry in board.entries})
        for entry in board.entries:
            if entry.clock == self.now - 1:
                entry.state = self.state
                entry.lookup_epoch = self.epoch if self.flipped < self.now else 1 - self.epoch
        looking = [e for e in board.entries if e.clock == self.now - 1] if model.lookup is not None else [None]
        self.found.append(looking[0])
        board.advance()
        for name, is_taken in zip(READY, ready, strict=True):
            offer = getattr(model, name)
            if offer is None:
                continue
            if name == "read":
                if is_taken:
                    self._reads(*offer)
                continue
            self.check_effect(name, tuple(offer))
            if is_taken and name != "answer":
                self.leaves(name, tuple(offer))
        if model.answer is not None and ready[-1]:
            self.answers(tuple(model.answer))
        self.seen["in flight at once"] = max(self.seen["in flight at once"], len(self.in_flight))
        self.seen["held at once"] = max(self.seen["held at once"], len(board.entries))

    def _reads(self, address: int, tag: int) -> None:
        assert tag not in self.in_flight
        request = self.model.slots[tag].request
        self.in_flight[tag] = next(entry for entry in self.board.entries if entry.request is request)
        self.in_flight[tag].address = address
        self.seen["read"] += 1


async def begin(dut, rng) -> Play:
    play = Play(rng)
    for name in READY:
        getattr(dut, f"{name}__ready").value = 0
    dut.interrupt__valid.value = dut.returned.value = dut.posted.value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    return play


def start(dut) -> Random:
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    Clock(dut.clk, 10, unit="ns").start()
    return Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    play = await begin(dut, start(dut))
    for phase in PHASES:
        play.phase, play.state = phase, State(table=InterruptTable(0x1234, 15, int(CONFIG.eim)))
        for _ in range(phase.clocks):
            await play.clock(dut)
            await RisingEdge(dut.clk)
    assert not play.board.entries and not play.model.in_use
    log.info("%s", dict(play.seen))
    least = {"message": 200, "post": 30, "record": 60, "okay": 200, "refused": 100, "nothing leaves": 10, "hit": 80}
    least |= {"read": 60, "fill": 10, "notified": 5, "posting fails": 10, "fence": 30, "older": 100}
    least |= {"in flight at once": 3, "held at once": SLOTS}
    if not CONFIG.pi:
        least = {"message": 100, "record": 60}
    for what, wanted in least.items():
        assert play.seen[what] >= wanted, f"only {play.seen[what]} times {what}, not {wanted}"


QUIET = Phase(
    0, arrives=0.0, hits=1.0, returns=0.0, posts=0.0, stalls=0.0, flips=0.0, writes=0.0, answers=0.0, changes=0.0
)
TABLE_SIZE = 15


class Directed(Play):
    """Requests for index 3 by the one device there is, of an entry that is good; nothing happens by chance."""

    posted_entry = False
    latency = 0  # of writes of devices, when they come one per clock

    def request(self) -> Interrupt:
        return Interrupt(8, 1, 0xFEE0_0070, 0, 1)

    def entry_of(self, entry: Entry) -> int:
        return self.draw.entry(posted=self.posted_entry, extended=entry.state.table.extended)

    def happens(self, likelihood: float) -> bool:
        return likelihood >= 1

    def step_writes(self, fence: int) -> None:
        if not self.latency:
            return
        if fence:
            self.writes = dict.fromkeys(self.writes, True)
        self.writes[self.now] = False
        self.writes.pop(self.now - self.latency, None)


async def until(dut, play: Directed, is_there, **changes) -> int:
    """Play clocks, of which `changes` say what happens, until `is_there` of the model; return its clock."""
    play.phase = QUIET._replace(**changes)
    for _ in range(100):
        if is_there(play.model):
            return play.now
        await play.clock(dut)
        await RisingEdge(dut.clk)
    raise AssertionError("it never came")


async def one_request(dut, play: Directed, **changes) -> int:
    """Let a request come; return its clock."""
    clock = play.now
    play.phase = QUIET._replace(arrives=1.0, **changes)
    await play.clock(dut)
    await RisingEdge(dut.clk)
    return clock


async def begin_directed(dut) -> Directed:
    rng = start(dut)
    play = await begin(dut, rng)
    play = Directed(rng)
    play.state = State(table=InterruptTable(0x1234, TABLE_SIZE, int(CONFIG.eim)))
    return play


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_hit_is_a_message_after_five_clocks(dut):
    play = await begin_directed(dut)
    for _ in range(3):
        came = await one_request(dut, play)
        assert await until(dut, play, lambda model: model.message) == came + 4
        assert await until(dut, play, lambda model: model.answer) == came + 5
        await until(dut, play, lambda model: not model.in_use)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def what_passes_is_a_message_after_two_clocks(dut):
    play = await begin_directed(dut)
    play.state = State(remapping=0)
    came = await one_request(dut, play)
    assert await until(dut, play, lambda model: model.message or model.record) == came + 2


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_miss_reads_after_five_clocks_and_leaves_one_clock_after_the_return(dut):
    play = await begin_directed(dut)
    came = await one_request(dut, play, hits=0.0)
    assert await until(dut, play, lambda model: model.read, hits=0.0) == came + 4
    assert await until(dut, play, lambda model: not model.read) == came + 5
    came = play.now
    assert await until(dut, play, lambda model: model.message, returns=1.0) == came + 1


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_posting_is_offered_after_five_clocks_and_its_notification_one_after_its_end(dut):
    play = await begin_directed(dut)
    if not CONFIG.pi:
        return
    play.posted_entry = True
    play.posted = lambda: None
    came = await one_request(dut, play)
    assert await until(dut, play, lambda model: model.post) == came + 4
    assert await until(dut, play, lambda model: not model.post) == came + 5
    came, play.posting.posted = play.now, Posted(0, 1, 7, 0x33)
    results = [play.posting.posted]
    play.posted = lambda: results.pop() if results else None
    assert await until(dut, play, lambda model: model.message) == came + 1
    assert play.model.message.address == 0xFEE0_7000


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def hits_pass_at_one_per_two_clocks_or_better(dut):
    play = await begin_directed(dut)
    play.phase = QUIET._replace(arrives=1.0)
    for _ in range(107):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    assert play.seen["message"] >= (95 if SLOTS >= 7 else 50)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def as_many_entries_as_there_are_slots_are_read_at_once(dut):
    play = await begin_directed(dut)
    play.phase = QUIET._replace(arrives=1.0, hits=0.0)
    for _ in range(40):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    assert len(play.in_flight) == SLOTS


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def requests_leave_among_writes_that_never_cease(dut):
    play = await begin_directed(dut)
    play.latency = 20
    for _ in range(30):
        play.phase = QUIET
        await play.clock(dut)
        await RisingEdge(dut.clk)
    came = await one_request(dut, play)
    assert play.latency <= await until(dut, play, lambda model: model.message) - came <= play.latency + 3
    came = await one_request(dut, play)
    play.phase = QUIET
    for _ in range(5):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    await one_request(dut, play)  # while a fence is under way: it waits for the next
    await until(dut, play, lambda model: model.answer)
    assert await until(dut, play, lambda model: not model.in_use) - came <= 2 * play.latency + 8
