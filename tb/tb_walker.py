"""Walker in lockstep with its model: every output, every clock, between a pipeline and a memory that the bench plays.

Beside the comparison: requests leave in the order in which they came, by direction and ID, and all of them leave.
"""

from collections import Counter, defaultdict
from random import Random
from typing import NamedTuple

import cocotb
from amaranth.hdl import Shape
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from model.arch import SECOND_STAGE_LEVELS
from model.cycle.memory_port import Returned
from model.cycle.request import Attributes, Context, Parking, Replay, Request, Table
from model.cycle.walk_step import Step
from model.cycle.walker import Walker
from rtl.axi.ports import refusal_layout
from rtl.paging_structure_cache import table_layout
from rtl.request import context_layout
from rtl.walker import memory_read_layout, order_layout, parking_layout, replay_layout
from tb.bits import pack, result_mask
from tb.block import CONFIG, SEED, log

IDS, HOST_PAGES, DOMAIN_ID_BITS = 1 << CONFIG.id_bits, CONFIG.haw - 12, CONFIG.domain_id_bits
CONTEXT, TABLE = context_layout(CONFIG), table_layout(CONFIG)
MEMORY_READ, ORDER, PARKING = memory_read_layout(CONFIG), order_layout(CONFIG), parking_layout(CONFIG)
REFUSAL, REPLAY = refusal_layout(CONFIG), replay_layout(CONFIG)
REPLAY_FIELDS = [(name, field.shape) for name, field in REPLAY if name != "valid"]
RESULT = REPLAY["result"]
CONTEXT_FILL = [("source_id", 16), ("context", CONTEXT)]
TABLE_FILL = [("domain_id", CONFIG.domain_id_bits), ("page", 52), ("table", TABLE)]
WIDTHS = [SECOND_STAGE_LEVELS[width][0] for width in CONFIG.sagaw]
TAGS = 1 << (CONFIG.slots - 1).bit_length()


class Phase(NamedTuple):
    """How a part of the run goes: clocks, and the likelihoods of what happens."""

    clocks: int
    arrives: float = 0.7
    returns: float = 0.5  # of one of the reads in flight, in a clock
    stalls: float = 0.2  # of whoever takes something from the walker
    flips: float = 0.02
    ids: int = 4
    writes: float = 0.4


PHASES = (
    Phase(700),
    Phase(500, returns=0.05, flips=0.1),  # walks take long
    Phase(500, stalls=0.7, returns=0.9),
    Phase(500, ids=1, writes=0.1),  # one queue
    Phase(500, ids=IDS, arrives=0.2, returns=0.9, flips=0.3),
    Phase(300, writes=0.9, arrives=1.0),
    Phase(300, arrives=0.0, stalls=0.0, returns=1.0, flips=0.0),  # all must leave
)


class Item(NamedTuple):
    """A request in the pipeline that the bench plays; its slot if it was replayed, and whether with a result."""

    request: Request
    epoch: int
    slot: int | None = None
    has_result: int = 0


def bits(fields, values):
    """Return a valid payload as bits, `valid` lowest; 0 for None."""
    if values is None:
        return 0
    result, place = 1, 1
    for (_, shape), value in zip(fields, values, strict=True):
        result |= pack(shape, value) << place
        place += Shape.cast(shape).width
    return result


class Play:
    """Pipeline, memory and caches around the walker, and the state of a run."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.model = Walker(CONFIG)
        self.seen: Counter = Counter()
        self.phase = PHASES[0]
        self.stages: list[Item | None] = [None, None]  # 3 and 2
        self.epoch = 0
        self.root_table = rng.getrandbits(HOST_PAGES)
        self.in_flight: list[int] = []  # tags
        self.orders: defaultdict[tuple[int, int], list[Request]] = defaultdict(list)  # who must leave first
        # What this clock looks up of the parked request, and behind a context-entry; and what it then finds.
        self.asked: tuple[int, int] | None = None
        self.asked_later: tuple[int, int] | None = None
        self.found: Table | None = None
        self.found_later: Table | None = None

    # What the walker's neighbours do

    def happens(self, likelihood: float) -> bool:
        return self.rng.random() < likelihood

    def request(self) -> Request:
        rng = self.rng
        access = rng.choice((1, 1, 2) if self.happens(self.phase.writes) else (0, 0, 3))
        address = rng.choice((rng.getrandbits(39), rng.getrandbits(48), rng.getrandbits(64), rng.getrandbits(32)))
        if self.happens(0.6):
            address = rng.choice((0x1000, 0x2000, 0x7FFFFFF000, 0x8000000000)) | address & 0xFFF
        address_type = int(self.happens(0.05))
        attributes = Attributes(rng.getrandbits(8), rng.getrandbits(3), 1, 0, rng.getrandbits(4))
        source_id = rng.choice((0x0008, 0x0008, 0x0009, 0x0108, rng.getrandbits(16)))
        return Request(access, source_id, 0, address_type, address, rng.randrange(min(IDS, self.phase.ids)), attributes)

    def context(self) -> Context | None:
        rng = self.rng
        if self.happens(0.5):
            return None
        width = rng.choice((*WIDTHS, *WIDTHS, 0))
        domain_id = rng.getrandbits(CONFIG.domain_id_bits)
        return Context(domain_id, rng.getrandbits(1), 0, width, rng.getrandbits(HOST_PAGES))

    def find_table(self, domain_id: int, page: int) -> Table | None:
        """Play the paging-structure cache."""
        self.asked = domain_id, page
        return self.found

    def find_later(self, domain_id: int, page: int) -> Table | None:
        """Play the look-up of it that is answered in the next clock."""
        self.asked_later = domain_id, page
        return self.found_later

    def table(self) -> Table | None:
        rng = self.rng
        if not self.happens(0.4):
            return None
        return Table(rng.randint(1, 4), rng.getrandbits(HOST_PAGES), rng.getrandbits(1), rng.getrandbits(1))

    def entry(self, tag: int) -> int:
        """Return 128 bits of memory, most often such that the walk goes on."""
        rng, slot = self.rng, self.model.slots[tag]
        noise = rng.getrandbits(128)
        if slot is None or self.happens(0.05):
            return noise
        table = rng.getrandbits(HOST_PAGES) << 12
        if slot.walk.step == Step.ROOT:
            return table | 1
        if slot.walk.step == Step.CONTEXT:
            width, kind = rng.choice(WIDTHS), rng.choice((0, 0, 0, 2))
            return (rng.getrandbits(CONFIG.domain_id_bits) << 8 | width) << 64 | table | kind << 2 | 1
        permissions = rng.choice((3, 3, 3, 3, 1, 2, 0))
        half = table | permissions
        if slot.walk.table.level in (2, 3) and self.happens(0.2):
            half = half & ~0x3FFFF000 | 1 << 7
        other = rng.getrandbits(64)
        return half | other << 64 if self.happens(0.5) else other | half << 64

    def returned(self) -> Returned | None:
        rng = self.rng
        if self.happens(0.02):  # what nobody asked for
            tags = [tag for tag in range(TAGS) if tag not in self.in_flight]
            if tags:
                return Returned(rng.choice(tags), rng.getrandbits(128), 0)
        if not self.in_flight or not self.happens(self.phase.returns):
            return None
        tag = self.in_flight.pop(rng.randrange(len(self.in_flight)))
        return Returned(tag, self.entry(tag), int(self.happens(0.03)))

    def decide(self, blocked: int) -> tuple[Parking | None, int | None]:
        """Play stage 3: return (park, release)."""
        item = self.stages[0]
        if item is None:
            return None, None
        replayed, slot = int(item.slot is not None), item.slot or 0
        refused = int(self.happens(0.15))
        walk = int(not refused and not item.has_result and self.happens(0.6))
        if not refused and not walk and not blocked:
            self.leaves(item.request)
            self.seen["released" if replayed else "passed"] += 1
            return None, item.slot
        context = self.context()
        park = Parking(
            refused,
            int(refused and self.happens(0.3)),
            walk,
            replayed,
            slot,
            item.epoch,
            item.request,
            int(context is not None),
            context or Context(),
        )
        self.seen["refused" if refused else "walk" if walk else "behind"] += 1
        if replayed and not refused and not walk:
            self.seen["waits again"] += 1
            self.seen["waits again with result"] += item.has_result
        return park, None

    def leaves(self, request: Request) -> None:
        """Check that a request is the oldest of its order."""
        waiting = self.orders[_order(request)]
        assert waiting[0] is request, f"{request} leaves before {waiting[0]}"
        del waiting[0]

    def enters(self, replay: Replay | None, lookup_epoch: int) -> Item | None:
        """Play stage 1."""
        if replay is not None:
            self.seen["replayed with result" if replay.has_result else "replayed"] += 1
            epoch = replay.epoch if replay.has_result else lookup_epoch
            return Item(replay.request, epoch, replay.slot, replay.has_result)
        fresh = sum(item is not None and item.slot is None for item in self.stages)
        if self.model.reads_held + self.model.writes_held + fresh >= CONFIG.slots or not self.happens(
            self.phase.arrives
        ):
            return None
        request = self.request()
        self.orders[_order(request)].append(request)
        return Item(request, lookup_epoch)

    # One clock

    def clock(self, dut) -> list[tuple[str, int, int]]:
        """Drive a clock and advance the model; return what must be seen: (output, value, mask)."""
        rng, model, phase = self.rng, self.model, self.phase
        flip = int(self.happens(phase.flips))
        self.epoch ^= flip
        lookup_epoch = self.epoch ^ flip
        if self.happens(0.02):
            self.root_table = rng.getrandbits(HOST_PAGES)
        may = [int(not self.happens(phase.stalls)) for _ in range(2)]
        ready = [int(not self.happens(phase.stalls)) for _ in range(3)]
        busy = [rng.choice((0, rng.getrandbits(IDS))) if phase.stalls else 0 for _ in range(2)]
        answer = self.found_later if self.asked_later else self.table()
        self.found, self.found_later, self.asked, self.asked_later = self.table(), self.table(), None, None
        returned = self.returned()

        held = model.reads_held, model.writes_held
        older_epoch = model.older_epoch(self.epoch)
        replay = model.replay(*may)
        item = self.stages[0]
        order = (0, rng.randrange(IDS), 0, 0)
        if item is not None:
            order = (_order(item.request)[0], item.request.id, int(item.slot is not None), item.slot or 0)
        blocked = model.blocked(*order)
        read = model.read_offer()
        refusals = model.refused_read(busy[0]), model.refused_write(busy[1])
        fills = model.take(returned, self.epoch, self.find_later)
        expected = [
            ("blocked", blocked, -1),
            ("reads_held", held[0], -1),
            ("writes_held", held[1], -1),
            ("older_epoch", int(older_epoch), -1),
            ("replay", bits(REPLAY_FIELDS, replay), _mask(replay)),
            ("read__valid", int(read is not None), -1),
            ("refused_read__valid", int(refusals[0] is not None), -1),
            ("refused_write__valid", int(refusals[1] is not None), -1),
            ("context_fill", bits(CONTEXT_FILL, fills.context), _mask(fills.context)),
            ("table_fill", bits(TABLE_FILL, fills.table), _mask(fills.table)),
        ]
        if read is not None:
            expected.append(("read__payload", pack(MEMORY_READ, read), -1))
        if self.asked_later is not None:
            domain_id, page = self.asked_later
            expected.append(("later_domain_id", domain_id, -1))
            expected.append(("table_fill", page << DOMAIN_ID_BITS + 1, ((1 << 52) - 1) << DOMAIN_ID_BITS + 1 | 1))
        for name, refusal in (("refused_read", refusals[0]), ("refused_write", refusals[1])):
            if refusal is not None:
                expected.append((f"{name}__payload", pack(REFUSAL, refusal), -1))

        self.check_refusals(ready)
        park, release = self.decide(blocked)
        dut.park.value = 0 if park is None else pack(PARKING, park) << 1 | 1
        dut.release.value = 0 if release is None else release << 1 | 1
        dut.order.value = pack(ORDER, order)
        dut.may_replay_reads.value, dut.may_replay_writes.value = may
        dut.read__ready.value, dut.refused_read__ready.value, dut.refused_write__ready.value = ready
        dut.busy_reads.value, dut.busy_writes.value = busy
        dut.returned.value = _returned_bits(returned)
        dut.root_table.value = self.root_table
        dut.epoch.value, dut.lookup_epoch.value = self.epoch, lookup_epoch
        dut.table_hit.value, dut.table_found.value = int(self.found is not None), pack(TABLE, self.found)
        dut.later_hit.value, dut.later_found.value = int(answer is not None), pack(TABLE, answer)

        if read is not None and ready[0]:
            self.in_flight.append(read[2])
            self.seen["read"] += 1
        self.seen["context fill"] += fills.context is not None
        self.seen["table fill"] += fills.table is not None
        self.seen["in flight at once"] = max(self.seen["in flight at once"], len(self.in_flight))
        self.seen["held at once"] = max(self.seen["held at once"], sum(held))
        entering = self.enters(replay, lookup_epoch)
        model.step(park, release, *ready, self.root_table, lookup_epoch, self.find_table)
        if self.asked is not None:
            expected.append(("lookup", _lookup_bits(self.asked), -1))
        self.seen["from cached table"] += self.asked is not None and self.found is not None
        self.seen["from cached table later"] += self.asked_later is not None and self.found_later is not None
        if park is not None and not park.replayed and park.walk:
            self.seen["waits for a walk"] += any(
                slot is not None and slot.request is park.request and model.waiting >> number & 1
                for number, slot in enumerate(model.slots)
            )
        self.stages = [self.stages[1], entering]
        return expected

    def check_refusals(self, ready) -> None:
        chosen = self.model._chosen_refused_read, self.model._chosen_refused_write
        for bit, taken in zip(chosen, ready[1:], strict=True):
            if bit and taken:
                slot = self.model.slots[bit.bit_length() - 1]
                assert slot is not None
                self.leaves(slot.request)
                self.seen["answered"] += 1


def _order(request: Request) -> tuple[int, int]:
    write = int(request.access in (1, 2))
    return write, 0 if write else request.id


def _mask(value) -> int:
    """Return the bits that count: all of a valid payload, but what means nothing of the result of a replay."""
    if value is None:
        return 1
    if not isinstance(value, Replay):
        return -1
    if not value.has_result:
        return (1 << REPLAY["epoch"].offset) - 1
    return (1 << RESULT.offset) - 1 | result_mask(RESULT.shape, value.result) << RESULT.offset


def _lookup_bits(asked: tuple[int, int]) -> int:
    return asked[1] << DOMAIN_ID_BITS | asked[0]


def _returned_bits(returned: Returned | None) -> int:
    if returned is None:
        return 0
    tag, entry, error = returned
    return ((error << 128 | entry) << (TAGS - 1).bit_length() | tag) << 1 | 1


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    play = Play(Random(SEED))
    Clock(dut.clk, 10, unit="ns").start()
    dut.park.value = dut.release.value = dut.returned.value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    clock, expected = 0, play.clock(dut)
    for phase in PHASES:
        play.phase = phase
        for _ in range(phase.clocks):
            await RisingEdge(dut.clk)  # what is read here is from before the edge
            for name, wanted, mask in expected:
                actual = int(getattr(dut, name).value) & mask
                assert actual == wanted & mask, f"clock {clock}: {name} is {actual:#x}, not {wanted & mask:#x}"
            clock, expected = clock + 1, play.clock(dut)
    assert not play.model.in_use and not any(play.orders.values()), f"still there: {play.orders}"
    check_seen(play.seen)


def check_seen(seen: Counter) -> None:
    """Fail when something that the run was for did not happen often enough."""
    log.info("%s", dict(seen))
    least = {"passed": 15, "released": 150, "refused": 75, "answered": 75, "walk": 150, "behind": 50}
    least |= {"replayed": 50, "replayed with result": 100, "waits again": 5, "waits again with result": 2}
    least |= {
        "read": 300,
        "from cached table": 30,
        "from cached table later": 5,
        "context fill": 8,
        "table fill": 8,
        "waits for a walk": 2,
    }
    least |= {"in flight at once": CONFIG.walks, "held at once": CONFIG.slots}
    for what, wanted in least.items():
        assert seen[what] >= wanted, f"only {seen[what]} times {what}, not {wanted}"
