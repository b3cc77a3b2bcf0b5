"""MemoryPort in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.sizes import QUEUE_TAGS, WALKS_IN_A_ROW
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from model.cycle.memory_port import (
    DESCRIPTOR_BEATS,
    DescriptorWrite,
    InterruptRead,
    MemoryPort,
    QueueRead,
    StatusWrite,
)
from rtl.memory_port import (
    descriptor_read_layout,
    descriptor_returned_layout,
    descriptor_write_layout,
    descriptor_written_layout,
    interrupt_read_layout,
    queue_read_layout,
    returned_layout,
    status_write_layout,
)
from rtl.walker import memory_read_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, assert_seen, log, reset

STREAMS = {
    "walks": memory_read_layout(CONFIG),
    "queue": queue_read_layout(CONFIG),
    "interrupts": interrupt_read_layout(CONFIG),
    "descriptor_read": descriptor_read_layout(CONFIG),
    "status_write": status_write_layout(CONFIG),
    "descriptor_write": descriptor_write_layout(CONFIG),
}
READS = list(STREAMS)[:4]
TURNS = READS[1:]  # those who take turns
RETURNED = {
    "walk_returned": returned_layout(CONFIG.slots),
    "queue_returned": returned_layout(QUEUE_TAGS),
    "interrupt_returned": returned_layout(CONFIG.interrupts),
}
BEAT, ANSWER = descriptor_returned_layout(), descriptor_written_layout()
CHANNELS = {"ar": Address, "aw": Address, "w": WriteData}
IDS = CONFIG.slots + QUEUE_TAGS + CONFIG.interrupts + 1
OF_DESCRIPTORS = IDS - 1
FIRST_OF_INTERRUPTS = CONFIG.slots + QUEUE_TAGS
EDGES = (0, CONFIG.slots - 1, CONFIG.slots, FIRST_OF_INTERRUPTS - 1, FIRST_OF_INTERRUPTS, IDS - 2, OF_DESCRIPTORS)
# Likelihoods of an offer of walks, of others, of a write; of AXI's readys; of R and B. Each after a reset.
PHASES = (
    (0.3, 0.3, 0.3, 0.5, 0.5),
    (1.0, 1.0, 1.0, 1.0, 1.0),
    (0.9, 0.9, 0.9, 0.3, 0.9),
    (1.0, 0.05, 0.1, 0.9, 0.3),
    (0.1, 0.6, 0.4, 0.9, 0.3),
)
PHASE_CLOCKS = 800
# Reads that may go before one that waits: of walks before each turn, and the others' turns.
OTHERS_FIRST = len(TURNS) - 1
READS_FIRST = (OTHERS_FIRST + 1) * WALKS_IN_A_ROW + OTHERS_FIRST


class Offers:
    """What is on offer on the streams, held until it is taken, and what AXI does."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        self.rng = rng
        self.walk, self.other, self.write, self.ready, self.answer = phase
        self.streams = dict.fromkeys(STREAMS)
        self.axi = {"arready": 0, "r": None, "awready": 0, "wready": 0, "b": None}
        self.descriptor = 0  # the one that is written
        self.beats_left = 0

    def draw(self) -> None:
        """Offer something new where nothing is on offer, and draw what AXI does."""
        rng, streams = self.rng, self.streams
        likelihoods = {"walks": self.walk, "status_write": self.write, "descriptor_write": self.write}
        for name in STREAMS:
            if streams[name] is None and rng.random() < likelihoods.get(name, self.other):
                streams[name] = getattr(self, f"_{name}")(rng.getrandbits(CONFIG.haw - 6) << 6)
        for name in ("arready", "awready", "wready"):
            self.axi[name] = int(rng.random() < self.ready)
        id = rng.choice((*EDGES, rng.randrange(IDS)))
        answers = rng.random() < self.answer, rng.random() < self.answer
        r = ReadData(id, rng.getrandbits(128), rng.randrange(4), rng.getrandbits(1))
        self.axi["r"] = r if answers[0] else None
        self.axi["b"] = WriteResponse(rng.choice((0, OF_DESCRIPTORS)), rng.randrange(4)) if answers[1] else None

    def _walks(self, address: int) -> tuple:
        rng = self.rng
        wide = rng.getrandbits(1)
        return address | rng.getrandbits(2 if wide else 3) << (4 if wide else 3), wide, rng.randrange(CONFIG.slots)

    def _queue(self, address: int) -> QueueRead:
        return QueueRead(address | self.rng.getrandbits(2) << 4, self.rng.randrange(QUEUE_TAGS))

    def _interrupts(self, address: int) -> InterruptRead:
        return InterruptRead(address | self.rng.getrandbits(2) << 4, self.rng.randrange(CONFIG.interrupts))

    def _descriptor_read(self, address: int) -> int:
        return address

    def _status_write(self, address: int) -> StatusWrite:
        return StatusWrite(address | self.rng.getrandbits(4) << 2, self.rng.getrandbits(32))

    def _descriptor_write(self, address: int) -> DescriptorWrite:
        if not self.beats_left:
            self.descriptor, self.beats_left = address, DESCRIPTOR_BEATS
        self.beats_left -= 1
        return DescriptorWrite(self.descriptor, self.rng.getrandbits(128), int(not self.beats_left))


def drive(dut, offers: Offers) -> None:
    """Drive a clock; what comes with a valid of 0 is noise."""
    for name, layout in STREAMS.items():
        value = offers.streams[name]
        getattr(dut, f"{name}__valid").value = value is not None
        # A layout of one field takes a plain number from the model.
        getattr(dut, f"{name}__payload").value = pack(layout, (value,) if type(value) is int else value)
    for name in ("arready", "awready", "wready"):
        getattr(dut, f"m_axi_mem__{name}").value = offers.axi[name]
    for channel, idle in (("r", ReadData(offers.rng.choice(EDGES), 0, 3, 0)), ("b", WriteResponse(0, 3))):
        answer = offers.axi[channel]
        getattr(dut, f"m_axi_mem__{channel}valid").value = answer is not None
        for field, value in (answer or idle)._asdict().items():
            getattr(dut, f"m_axi_mem__{channel}{field}").value = value


def shown_by(dut) -> dict:
    """Return the outputs by name; payloads only when they are valid."""
    names = (*(f"{name}__ready" for name in STREAMS), "status_written")
    shown = {name: int(getattr(dut, name).value) for name in names}
    shown |= {name: int(getattr(dut, f"m_axi_mem__{name}").value) for name in ("rready", "bready")}
    for name in (*RETURNED, "descriptor_returned", "descriptor_written"):
        value = int(getattr(dut, name).value)
        shown[name] = value >> 1 if value & 1 else None
    for channel, kind in CHANNELS.items():
        fields = None
        if int(getattr(dut, f"m_axi_mem__{channel}valid").value):
            fields = kind(*(int(getattr(dut, f"m_axi_mem__{channel}{field}").value) for field in kind._fields))
        shown[channel] = fields
    return shown


def expected_of(model: MemoryPort, offers: Offers) -> dict:
    streams, axi = offers.streams, offers.axi
    reads = model.reads_ready(*(streams[name] is not None for name in READS), axi["arready"])
    writes = model.writes_ready(streams["descriptor_write"] is not None, axi["awready"], axi["wready"])
    shown = {f"{name}__ready": ready for name, ready in zip(STREAMS, reads + writes, strict=True)}
    for name, layout in RETURNED.items():
        returned = getattr(model, name)
        shown[name] = None if returned is None else pack(layout, (1, *returned)) >> 1
    beat, answer = model.descriptor_returned(axi["r"]), model.descriptor_written(axi["b"])
    shown["descriptor_returned"] = None if beat is None else pack(BEAT, (1, *beat)) >> 1
    shown["descriptor_written"] = None if answer is None else pack(ANSWER, (1, answer)) >> 1
    for name in ("status_written", "rready", "bready", *CHANNELS):
        shown[name] = getattr(model, name)
    return shown


class Rules:
    """What AXI and those who wait may rely on, whatever the model does."""

    def __init__(self, seen: Counter) -> None:
        self.seen = seen
        self.waited = dict.fromkeys(TURNS, 0)
        self.addresses: list[Address] = []  # whose data were not all taken
        self.beats: list[WriteData] = []  # of the first of them, also before its address
        self.held: dict = {}

    def check(self, clock: int, shown: dict, offers: Offers, taken: set) -> None:
        """Check a clock."""
        reads_taken = len(taken.intersection(READS))
        for name in TURNS:
            waits = offers.streams[name] is not None and name not in taken
            self.waited[name] = self.waited[name] + reads_taken if waits else 0
            assert self.waited[name] <= READS_FIRST, f"clock {clock}: {self.waited[name]} reads before {name}"
            self.seen["overtaken by walks and others"] += self.waited[name] > 2 * WALKS_IN_A_ROW
        for channel, ready in (("ar", "arready"), ("aw", "awready"), ("w", "wready")):
            if self.held.get(channel) is not None:
                assert shown[channel] == self.held[channel], f"clock {clock}: {channel} changed before it was taken"
            self.held[channel] = None if offers.axi[ready] else shown[channel]
        if shown["aw"] is not None and offers.axi["awready"]:
            self.addresses.append(shown["aw"])
        if shown["w"] is not None and offers.axi["wready"]:
            self.beats.append(shown["w"])
        while self.addresses and len(self.beats) > self.addresses[0].len:
            self._check_burst(self.addresses.pop(0))

    def _check_burst(self, address: Address) -> None:
        count = address.len + 1
        burst, self.beats = self.beats[:count], self.beats[count:]
        assert [beat.last for beat in burst] == [0] * address.len + [1], f"{address}: {burst}"
        full = (1 << 16) - 1
        strobes = 0xF << address.addr % 16 if address.id == 0 else full
        assert all(beat.strb == strobes for beat in burst), f"{address}: {burst}"
        assert (address.id, address.len) in ((0, 0), (OF_DESCRIPTORS, DESCRIPTOR_BEATS - 1))
        self.seen[f"bursts of {count}"] += 1


async def run_phase(dut, rng: Random, seen: Counter, phase: tuple) -> None:
    model, offers, rules = MemoryPort(CONFIG), Offers(rng, phase), Rules(seen)
    drive(dut, offers)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        streams, axi = offers.streams, offers.axi
        actual, expected = shown_by(dut), expected_of(model, offers)
        assert actual == expected, f"clock {clock}, {streams}, {axi}: {actual} != {expected} (expected)"
        model.step(*streams.values(), *axi.values())
        taken = {name for name in STREAMS if streams[name] is not None and expected[f"{name}__ready"]}
        rules.check(clock, expected, offers, taken)
        seen.update(taken)
        seen["alone on AW or W"] += (model.aw is None) != (model.w is None)
        seen["status write waits for a burst"] += bool(
            offers.beats_left and streams["status_write"] is not None and "descriptor_write" in taken
        )
        seen.update(name for name in expected if expected[name] is not None and "__" not in name)
        for name in taken:
            streams[name] = None
        offers.draw()
        drive(dut, offers)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for phase in PHASES:
        await run_phase(dut, rng, seen, phase)
    wanted = {"walks": 500, "queue": 200, "interrupts": 200, "descriptor_read": 200}
    wanted |= {"status_write": 100, "descriptor_write": 300, "bursts of 1": 100, "bursts of 4": 100}
    wanted |= dict.fromkeys((*RETURNED, "descriptor_returned", "descriptor_written"), 200)
    wanted |= {"overtaken by walks and others": 20, "alone on AW or W": 100, "status write waits for a burst": 100}
    assert_seen(seen, wanted)
