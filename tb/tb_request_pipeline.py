"""RequestPipeline in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from amaranth.hdl import Shape
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge

from model.arch import FaultReason
from model.cycle.request import (
    Access,
    Attributes,
    Context,
    Protected,
    Replay,
    Request,
    Result,
    Translation,
)
from model.cycle.request_pipeline import Decision, RequestPipeline
from rtl.fault_recorder import record_layout
from rtl.request import context_layout, protected_layout, request_layout, translation_layout
from rtl.request_pipeline import issue_layout
from rtl.walker import order_layout, parking_layout, replay_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, log
from tb.caches import meets_interrupts

CLOCKS = 4000
REQUEST, CONTEXT, TRANSLATION = request_layout(CONFIG), context_layout(CONFIG), translation_layout(CONFIG)
PROTECTED, ORDER, PARKING = protected_layout(), order_layout(CONFIG), parking_layout(CONFIG)
IDS, HOST_PAGES = 1 << CONFIG.id_bits, CONFIG.haw - 12
LOW, HIGH = 0x4000_0000, 1 << CONFIG.haw - 1  # protected regions begin here
UNIT = 1 << CONFIG.protected_memory_shift
FAULTS = (
    FaultReason.TRANSLATION_TABLE_MODE_INVALID,
    FaultReason.PASID_IN_LEGACY_MODE,
    FaultReason.NOT_AN_INTERRUPT_REQUEST,
    FaultReason.TRANSLATION_TYPE_BLOCKS,
    FaultReason.ADDRESS_BEYOND_WIDTH,
    FaultReason.WRITE_NOT_PERMITTED,
    FaultReason.READ_NOT_PERMITTED,
    FaultReason.OUTPUT_IN_INTERRUPT_RANGE,
)


def valid_layout(layout):
    """Return the fields of a payload that stand behind `valid`, as [(name, shape)]."""
    return [(name, field.shape) for name, field in layout if name != "valid"]


def bits(fields, values):
    """Return a valid payload as bits, `valid` lowest."""
    result, place = 1, 1
    for (_, shape), value in zip(fields, values, strict=True):
        result |= pack(shape, value) << place
        place += Shape.cast(shape).width
    return result


ISSUE, RECORD, REPLAY = (
    valid_layout(layout) for layout in (issue_layout(CONFIG), record_layout(), replay_layout(CONFIG))
)
FILL = [("source_id", 16), ("page", 52), ("translation", TRANSLATION)]


class Stimulus:
    """Draws the inputs of a clock; edges by choice."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.reads = self.writes = None
        self.translate = self.mode = self.epoch = 0
        self.answer: tuple[Context | None, Translation | None] = None, None  # of the caches, for the request in stage 3

    def address(self) -> int:
        rng = self.rng
        base = rng.choice(
            (
                0xFEE0_0000,
                0xFEDF_F000,
                0xFEF0_0000,
                0xFEE0_0000,
                0xFEE0_0000,
                LOW,
                HIGH,
                LOW - 0x1000,
                LOW + UNIT - 0x1000,
                LOW + UNIT,
                HIGH - 0x1000,
                HIGH + 2 * UNIT - 0x1000,
                HIGH + 2 * UNIT,
                (1 << 39) - 0x1000,
                1 << 39,
                1 << 48,
                1 << CONFIG.haw,
                1 << CONFIG.mgaw,
                1 << 57,
                1 << 63 | 0xFEE0_0000,
                rng.getrandbits(64) & -0x1000,
                rng.getrandbits(39) & -0x1000,
                rng.getrandbits(30) & -0x1000,
                0,
            )
        )
        return base & (1 << 64) - 1 | rng.choice((0, 0, 4, 1, 2, 0xFFC, rng.getrandbits(12)))

    def request(self, write: int) -> Request:
        rng = self.rng
        attributes = Attributes(
            rng.choice((0, 0, 0, 1, 255)),
            rng.choice((2, 2, 2, 3, 0)),
            rng.getrandbits(2),
            rng.getrandbits(1),
            rng.getrandbits(4),
            rng.getrandbits(3),
            rng.getrandbits(4),
        )
        access = rng.choice((1, 1, 1, 2) if write else (0, 0, 3))
        address_type = rng.choice((0,) * 16 + (1, 2, 3))
        source_id = rng.getrandbits(16)
        return Request(
            access, source_id, int(rng.random() < 0.05), address_type, self.address(), rng.randrange(IDS), attributes
        )

    def permissions(self) -> tuple[int, int]:
        return self.rng.choice(((1, 1),) * 6 + ((1, 0), (0, 1), (0, 0)))

    def translation(self) -> Translation:
        rng = self.rng
        level = rng.choice((1, 1, 1, 2, 3))
        page = rng.choice((rng.getrandbits(HOST_PAGES), self.address() >> 12 & (1 << HOST_PAGES) - 1))
        page &= -1 << 9 * (level - 1)
        return Translation(
            rng.getrandbits(CONFIG.domain_id_bits), int(rng.random() < 0.2), level, page, *self.permissions()
        )

    def context(self) -> Context | None:
        rng = self.rng
        if rng.random() < 0.4:
            return None
        return Context(
            rng.getrandbits(CONFIG.domain_id_bits),
            int(rng.random() < 0.2),
            int(rng.random() < 0.3),
            rng.choice((1, 1, 2, 3, 0, 7)),
            rng.getrandbits(HOST_PAGES),
        )

    def next_answer(self) -> tuple[Context | None, Translation | None]:
        """Draw what the caches answer in this clock, of the request in stage 2."""
        self.answer = self.context(), self.translation() if self.rng.random() < 0.5 else None
        return self.answer

    def result(self) -> Result:
        rng = self.rng
        kind = rng.random()
        if kind < 0.1:
            return Result(rng.choice((1, 5, 7)), rng.getrandbits(1))
        if kind < 0.2:
            return Result(pass_through=1, translation=Translation(rng.getrandbits(CONFIG.domain_id_bits)))
        return Result(translation=self.translation())

    def replay(self, may_reads: int, may_writes: int) -> Replay | None:
        rng = self.rng
        directions = [write for write, may in ((0, may_reads), (1, may_writes)) if may]
        if not directions or rng.random() < 0.6:
            return None
        slot, has_result, epoch = rng.randrange(CONFIG.slots), rng.getrandbits(1), rng.getrandbits(1)
        return Replay(slot, self.request(rng.choice(directions)), has_result, epoch, self.result())

    def next_clock(self) -> None:
        """Change the state of the unit now and then; a request is offered until it is taken."""
        rng = self.rng
        if rng.random() < 0.05:
            self.translate = int(rng.random() < 0.8)
            self.mode = rng.choice((0,) * 20 + (1, 2, 3, 3))
        if rng.random() < 0.05:
            self.epoch ^= 1
        if self.reads is None and rng.random() < 0.7:
            self.reads = self.request(0)
        if self.writes is None and rng.random() < 0.7:
            self.writes = self.request(1)

    def protected(self) -> Protected:
        if CONFIG.plmr and self.rng.random() < 0.8:
            low = (self.rng.choice((LOW, LOW, 0xFEE0_0000 & -UNIT)),) * 2
        else:
            low = (UNIT, 0)
        high = (HIGH, HIGH + UNIT) if CONFIG.phmr and self.rng.random() < 0.8 else (2 * UNIT, UNIT)
        return Protected(int(self.rng.random() < 0.5), *low, *high)

    def room(self, most: int) -> int:
        """Return a number of which the small ones and the last ones matter."""
        return self.rng.choice((most, most, most, most - 1, 3, 2, 1, 0))


def one_clock(dut, model: RequestPipeline, draw: Stimulus, seen: Counter) -> list:
    """Drive a clock and advance the model; return [(output, expected bits, mask)]."""
    rng = draw.rng
    draw.next_clock()
    spaces = draw.room(8), draw.room(8)
    held = [rng.choice((0, 0, 1, CONFIG.slots - 4, rng.randrange(CONFIG.slots))), rng.choice((0, 0, 1, 2, 3))]
    rng.shuffle(held)
    full = [rng.choice((0, 0, rng.getrandbits(IDS))) for _ in range(2)]
    lookup_epoch = draw.epoch ^ int(rng.random() < 0.05)
    (context, translation), answer = draw.answer, draw.next_answer()
    protected = draw.protected()
    blocked = int(rng.random() < 0.3)
    older = model.older_epoch(draw.epoch)
    may = model.may_replay
    replay = draw.replay(*may)
    entry = model.enter(draw.reads, draw.writes, replay, *full, draw.translate, draw.mode, lookup_epoch)
    order = model.order()
    decision = model.decide(context, translation, blocked, protected, draw.epoch)
    count(seen, entry, decision, blocked)

    for name, request in (("reads", draw.reads), ("writes", draw.writes)):
        getattr(dut, f"{name}__valid").value = int(request is not None)
        getattr(dut, f"{name}__payload").value = pack(REQUEST, request or draw.request(0))
    dut.replay.value = 0 if replay is None else bits(REPLAY, replay)
    dut.read_space.value, dut.write_space.value = spaces
    dut.reads_held.value, dut.writes_held.value = held
    dut.full_reads.value, dut.full_writes.value = full
    for name, layout, found in zip(("context", "translation"), (CONTEXT, TRANSLATION), answer, strict=True):
        getattr(dut, name).value = pack(layout, found) if found else rng.getrandbits(Shape.cast(layout).width)
    page = answer[1]
    dut.meets_interrupts.value = meets_interrupts(page) if page else rng.getrandbits(1)
    dut.context_hit.value, dut.iotlb_hit.value = (int(found is not None) for found in answer)
    dut.translation_enable.value, dut.table_mode.value = draw.translate, draw.mode
    dut.protected.value = pack(PROTECTED, protected)
    dut.epoch.value, dut.lookup_epoch.value = draw.epoch, lookup_epoch
    dut.blocked.value = blocked
    if entry.reads_ready:
        draw.reads = None
    if entry.writes_ready:
        draw.writes = None
    model.step(*spaces, *held)
    return expected_outputs(may, entry, order, decision, older)


def expected_outputs(may, entry, order, decision: Decision, older) -> list:
    """Return (output, expected bits, only the lowest bit counts)."""
    expected = [
        ("may_replay_reads", may[0], 0),
        ("may_replay_writes", may[1], 0),
        ("reads__ready", entry.reads_ready, 0),
        ("writes__ready", entry.writes_ready, 0),
        ("older_epoch", int(older), 0),
    ]
    if entry.lookup_page is not None:
        expected += [("lookup_source_id", entry.lookup_source_id, 0), ("lookup_page", entry.lookup_page, 0)]
    if order is not None:
        expected.append(("order", pack(ORDER, order), 0))
    for name, fields, value in (
        ("issue_read", ISSUE, decision.issue_read),
        ("issue_write", ISSUE, decision.issue_write),
        ("record", RECORD, decision.record),
        ("fill", FILL, decision.fill),
    ):
        expected.append((name, 0 if value is None else bits(fields, value), value is None))
    park, release = decision.park, decision.release
    expected.append(("park", 0 if park is None else pack(PARKING, park) << 1 | 1, park is None))
    expected.append(("release", 0 if release is None else release << 1 | 1, release is None))
    return expected


def count(seen: Counter, entry, decision: Decision, blocked: int) -> None:
    """Count what must not be missing from a run."""
    seen["entered"] += entry.lookup_page is not None
    seen["read"] += decision.issue_read is not None
    seen["write"] += decision.issue_write is not None
    seen["fill"] += decision.fill is not None
    seen["release"] += decision.release is not None
    if decision.record is not None:
        seen[f"fault {decision.record.fault_reason:#x}"] += 1
        seen["interrupt fault"] += decision.record.interrupt
    park = decision.park
    if park is not None:
        seen["refused"] += park.refused
        seen["refused without record"] += park.refused and decision.record is None
        seen["protected"] += (
            park.refused and not park.okay and not park.request.address_type and decision.record is None
        )
        seen["completed"] += park.okay
        seen["walk"] += park.walk
        seen["behind"] += blocked and not park.refused and not park.walk
        seen["replayed again"] += park.replayed
        seen["atomic"] += park.request.access == Access.ATOMIC


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    draw, model, seen, expected = Stimulus(Random(SEED)), RequestPipeline(CONFIG), Counter(), []
    Clock(dut.clk, 10, unit="ns").start()
    for name in ("reads__valid", "writes__valid", "replay"):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0
    expected = one_clock(dut, model, draw, seen)
    for clock in range(CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        for name, wanted, only_valid in expected:
            actual = int(getattr(dut, name).value)
            if only_valid:
                actual &= 1
            assert actual == wanted, f"clock {clock}: {name} is {actual:#x}, not {wanted:#x}"
        expected = one_clock(dut, model, draw, seen)
    check_seen(seen)


def check_seen(seen: Counter) -> None:
    """Fail when something that the run was for did not happen often enough."""
    log.info("%s", dict(seen))
    least = {f"fault {int(reason):#x}": 2 for reason in FAULTS}
    least |= {"entered": 2000, "read": 200, "write": 200, "fill": 20, "release": 100, "interrupt fault": 5}
    least |= {
        "refused": 300,
        "refused without record": 100,
        "completed": 5,
        "protected": 100,
        "walk": 200,
        "behind": 100,
    }
    least |= {"replayed again": 100, "atomic": 50}
    if CONFIG.adms:
        least[f"fault {int(FaultReason.DMA_ABORTED):#x}"] = 5
    for what, wanted in least.items():
        assert seen[what] >= wanted, f"only {seen[what]} times {what}, not {wanted}"
