"""MemoryPort in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.sizes import QUEUE_TAGS, WALKS_IN_A_ROW
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from model.cycle.memory_port import MemoryPort, QueueRead, StatusWrite
from rtl.memory_port import queue_read_layout, returned_layout, status_write_layout
from rtl.walker import memory_read_layout
from tb.bits import pack
from tb.caches import CONFIG, SEED, assert_seen, log, reset

STREAMS = {
    "walks": memory_read_layout(CONFIG),
    "queue": queue_read_layout(CONFIG),
    "status_write": status_write_layout(CONFIG),
}
RETURNED = {"walk_returned": returned_layout(CONFIG.slots), "queue_returned": returned_layout(QUEUE_TAGS)}
CHANNELS = {"ar": Address, "aw": Address, "w": WriteData}
IDS = CONFIG.slots + QUEUE_TAGS
# Likelihoods of an offer of walks, of the queue, of a status write; of AXI's readys; of R and B. Each after a reset.
PHASES = (
    (0.3, 0.3, 0.3, 0.5, 0.5),
    (1.0, 1.0, 1.0, 1.0, 1.0),
    (0.9, 0.9, 0.9, 0.3, 0.9),
    (1.0, 0.1, 0.1, 0.9, 0.3),
)
PHASE_CLOCKS = 800


class Offers:
    """What is on offer on the three streams, held until it is taken, and what AXI does."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        self.rng = rng
        self.walk, self.fetch, self.write, self.ready, self.answer = phase
        self.streams = dict.fromkeys(STREAMS)
        self.axi = {"arready": 0, "r": None, "awready": 0, "wready": 0, "b": None}

    def draw(self) -> None:
        """Offer something new where nothing is on offer, and draw what AXI does."""
        rng, streams = self.rng, self.streams
        address = rng.getrandbits(CONFIG.haw - 4) << 4
        if streams["walks"] is None and rng.random() < self.walk:
            wide = rng.getrandbits(1)
            streams["walks"] = address | (0 if wide else rng.getrandbits(1) << 3), wide, rng.randrange(CONFIG.slots)
        if streams["queue"] is None and rng.random() < self.fetch:
            streams["queue"] = QueueRead(address ^ 1 << CONFIG.haw - 1, rng.randrange(QUEUE_TAGS))
        if streams["status_write"] is None and rng.random() < self.write:
            streams["status_write"] = StatusWrite(address | rng.getrandbits(2) << 2, rng.getrandbits(32))
        for name in ("arready", "awready", "wready"):
            self.axi[name] = int(rng.random() < self.ready)
        id = rng.choice((0, CONFIG.slots - 1, CONFIG.slots, IDS - 1, rng.randrange(IDS)))
        answers = rng.random() < self.answer, rng.random() < self.answer
        self.axi["r"] = ReadData(id, rng.getrandbits(128), rng.randrange(4), 1) if answers[0] else None
        self.axi["b"] = WriteResponse(0, rng.randrange(4)) if answers[1] else None


def drive(dut, offers: Offers) -> None:
    for name, layout in STREAMS.items():
        getattr(dut, f"{name}__valid").value = offers.streams[name] is not None
        getattr(dut, f"{name}__payload").value = pack(layout, offers.streams[name])
    for name in ("arready", "awready", "wready"):
        getattr(dut, f"m_axi_mem__{name}").value = offers.axi[name]
    for channel, idle in (("r", ReadData(IDS - 1, 0, 3, 0)), ("b", WriteResponse(0, 3))):
        answer = offers.axi[channel]
        getattr(dut, f"m_axi_mem__{channel}valid").value = answer is not None
        for field, value in (answer or idle)._asdict().items():
            getattr(dut, f"m_axi_mem__{channel}{field}").value = value


def shown_by(dut) -> dict:
    """Return the outputs by name; payloads only when they are valid."""
    names = ("walks__ready", "queue__ready", "status_write__ready", "status_written")
    shown = {name: int(getattr(dut, name).value) for name in names}
    shown |= {name: int(getattr(dut, f"m_axi_mem__{name}").value) for name in ("rready", "bready")}
    for name in RETURNED:
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
    walks, queue = model.reads_ready(streams["walks"] is not None, streams["queue"] is not None, axi["arready"])
    shown = {"walks__ready": walks, "queue__ready": queue}
    shown["status_write__ready"] = model.status_ready(axi["awready"], axi["wready"])
    for name, layout in RETURNED.items():
        returned = getattr(model, name)
        shown[name] = None if returned is None else pack(layout, (1, *returned)) >> 1
    for name in ("status_written", "rready", "bready", *CHANNELS):
        shown[name] = getattr(model, name)
    return shown


async def run_phase(dut, rng: Random, seen: Counter, phase: tuple) -> None:
    model, offers, overtaken = MemoryPort(CONFIG), Offers(rng, phase), 0
    drive(dut, offers)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        streams, axi = offers.streams, offers.axi
        actual, expected = shown_by(dut), expected_of(model, offers)
        assert actual == expected, f"clock {clock}, {streams}, {axi}: {actual} != {expected} (expected)"
        model.step(streams["walks"], streams["queue"], streams["status_write"], *axi.values())
        taken = {name for name in STREAMS if streams[name] is not None and expected[f"{name}__ready"]}
        seen.update(taken)
        overtaken = overtaken + ("walks" in taken) if streams["queue"] is not None and "queue" not in taken else 0
        assert overtaken <= WALKS_IN_A_ROW, f"clock {clock}: {overtaken} walks before the queue"
        seen["queue overtaken to the limit"] += overtaken == WALKS_IN_A_ROW
        seen["alone on AW or W"] += (model.aw is None) != (model.w is None)
        seen.update(name for name in RETURNED if expected[name] is not None)
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
    wanted = {"walks": 500, "queue": 200, "status_write": 300, "walk_returned": 300, "queue_returned": 300}
    assert_seen(seen, wanted | {"queue overtaken to the limit": 20, "alone on AW or W": 100})
