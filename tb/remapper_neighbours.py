"""The neighbours of the interrupt remapper, played at random: all that it is compared with in each clock."""

from collections import Counter, deque
from random import Random
from typing import NamedTuple

from cocotb.triggers import ReadOnly

from model.cycle.axi.write_path import Interrupt
from model.cycle.interrupt_remapper import InterruptRemapper
from model.cycle.memory_port import Returned
from model.cycle.poster import Posted
from model.cycle.register_file import InterruptTable
from rtl.axi.write_path import interrupt_answer_layout, interrupt_layout
from rtl.event_message import message_layout
from rtl.interrupt_remapper import fault_layout
from rtl.memory_port import interrupt_read_layout, returned_layout
from rtl.poster import post_layout, posted_layout
from rtl.register_file import interrupt_table_layout
from tb.bits import pack
from tb.block import CONFIG
from tb.irtes import IrteDraw
from tb.remapper_scoreboard import ACCESS_ERROR, BAD_DESCRIPTOR, Entry, Scoreboard, State

__all__ = ["READY", "SLOTS", "Phase", "Play"]

IDS, SLOTS, HOST_PAGES = 1 << CONFIG.id_bits, CONFIG.interrupts, CONFIG.haw - 12
TAGS = 1 << (SLOTS - 1).bit_length()
STREAMS = {
    "read": interrupt_read_layout(CONFIG),
    "message": message_layout(),
    "post": post_layout(CONFIG),
    "record": fault_layout(),
    "answer": interrupt_answer_layout(CONFIG),
}
READY = tuple(STREAMS)


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


class Play:
    """Neighbours of the remapper, and the state of a run."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.model, self.board = rng, InterruptRemapper(CONFIG), Scoreboard()
        self.draw = IrteDraw(CONFIG, rng)
        self.seen: Counter = Counter()
        self.phase = Phase(0)
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
