"""The bare unit between models of cocotbext-axi: data, order, refusals, faults, and nobody starves."""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import NamedTuple

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBurstType, AxiMaster, AxiResp

from tb.block import CONFIG, SEED, log
from tb.foreign_models import PAGE, Models, Page, World
from tb.page_tables import READ, WRITE

ROUNDS = int(os.environ["VTD_ROUNDS"])

LANES = CONFIG.data_bits // 8
FULL = LANES.bit_length() - 1
SIZES = (*range(FULL + 1), FULL, FULL)
LENGTHS = (1, 1, 2, 4, 7, 16, 33, 100, 256)  # beats
WINDOW = 8  # pages of an actor
RIGHTS = (READ | WRITE, READ | WRITE, READ, 0, READ | WRITE, WRITE, READ | WRITE, READ | WRITE)
LARGE = 2 << 20
FIRST_HPA = 1 << 32

OUTCOMES = (AxiResp.OKAY, AxiResp.SLVERR)
KINDS = {f"{way} {burst.name} {r.name}" for way in ("read", "write") for burst in AxiBurstType for r in OUTCOMES}

FEEDERS = 32  # per direction, two for each ID
WARM_UP, MEASURED = 300, 2500  # clocks


class Burst(NamedTuple):
    """One access of a device, which the master splits where AXI wants it."""

    burst: AxiBurstType
    address: int
    length: int
    size: int

    def places(self) -> Iterator[int]:
        """Yield the address of each byte in the order in which they are transferred."""
        lower = self.address & -self.length if self.burst is AxiBurstType.WRAP else self.address
        period = LANES if self.burst is AxiBurstType.FIXED else self.length
        return (lower + (self.address - lower + offset) % period for offset in range(self.length))


def draw_burst(rng: Random, base: int) -> Burst:
    """Return an access to the window at `base`: any type, size, length, alignment.

    The models know FIXED only with beats as wide as the bus, and WRAP only where the bytes from the start on, if they
    did not wrap, would end in the same page, and where they fill the bus.
    """
    kind = rng.choices((AxiBurstType.INCR, AxiBurstType.WRAP, AxiBurstType.FIXED), (5, 2, 2))[0]
    size = FULL if kind is AxiBurstType.FIXED else rng.choice(SIZES)
    if kind is AxiBurstType.INCR:
        length = rng.randint(1, rng.choice(LENGTHS) << size)
        if rng.random() < 0.2:
            length = 256 << size
        return Burst(kind, base + rng.randrange(WINDOW * PAGE - length), length, size)
    beats = max(rng.choice((2, 4, 8, 16)), LANES >> size)
    length = beats << size
    lower = rng.randrange(0, WINDOW * PAGE, length)
    wraps = kind is AxiBurstType.WRAP and (lower + length) % PAGE
    return Burst(kind, base + lower + (rng.randrange(beats) << size if wraps else 0), length, size)


class Actor:
    """A device that uses pages of its own with an ID of its own, and knows what they hold."""

    def __init__(self, world: World, rng: Random, number: int) -> None:
        self.world = world
        self.rng = rng
        self.id = number
        self.seen: Counter[str] = Counter()
        sources = (*world.DOMAINS, world.PASSES)
        self.source_id = sources[number % len(sources)]
        self._map(large=number % 5 == 4)

    def _map(self, *, large: bool) -> None:
        """Map the window, page by page or with one large page, and fill what lies there."""
        world, rng = self.world, self.rng
        passes = self.source_id == world.PASSES
        bits = CONFIG.haw if passes else max(CONFIG.sagaw)
        self.base = self._draw(rng, bits, LARGE if large else WINDOW * PAGE)
        self.image = bytearray(rng.randbytes(WINDOW * PAGE))
        if large and not passes:
            world.map(self.source_id, self.base, Page(self._draw(rng, CONFIG.haw, LARGE)), level=2)
        for number, rights in enumerate(RIGHTS):
            iova = self.base + number * PAGE
            if passes:
                world.map(self.source_id, iova, Page(iova))
            elif not large and rights:
                world.map(self.source_id, iova, Page(self._draw(rng, CONFIG.haw, PAGE), rights))
            if page := world.page(self.source_id, iova):
                world.models.host.write(page.hpa, self.image[number * PAGE : (number + 1) * PAGE])

    @staticmethod
    def _draw(rng: Random, bits: int, alignment: int) -> int:
        """Return an address above the lowest 4 GiB, where special ranges are."""
        return rng.randrange(FIRST_HPA, 1 << bits) & -alignment

    async def act(self) -> None:
        """Write and read, several at once, and check every answer."""
        for _ in range(ROUNDS):
            batch = [draw_burst(self.rng, self.base) for _ in range(self.rng.randint(1, 4))]
            if self.rng.random() < 0.5:
                await self._write(batch)
            else:
                await self._read(batch)

    def _source(self) -> int:
        return self.rng.choice(tuple(self.world.STRANGERS)) if self.rng.random() < 0.15 else self.source_id

    async def _write(self, batch: list[Burst]) -> None:
        """Writes of one ID take effect in their order."""
        waiting = []
        for burst in batch:
            source_id, written = self._source(), self.rng.randbytes(burst.length)
            options = {"awid": self.id, "burst": burst.burst, "size": burst.size, "user": source_id}
            task = cocotb.start_soon(self.world.models.device.write(burst.address, written, **options))
            permitted = self._permitted(burst, source_id, write=True)
            for place, allowed, byte in zip(burst.places(), permitted, written, strict=True):
                if allowed:
                    self.image[place - self.base] = byte
            waiting.append((burst, permitted, task))
        for burst, permitted, task in waiting:
            self._check(burst, permitted, (await task).resp, "write")

    async def _read(self, batch: list[Burst]) -> None:
        waiting = []
        for burst in batch:
            source_id = self._source()
            options = {"arid": self.id, "burst": burst.burst, "size": burst.size, "user": source_id}
            task = cocotb.start_soon(self.world.models.device.read(burst.address, burst.length, **options))
            waiting.append((burst, self._permitted(burst, source_id, write=False), task))
        for burst, permitted, task in waiting:
            answer = await task
            self._check(burst, permitted, answer.resp, "read")
            places = zip(burst.places(), permitted, strict=True)
            expected = bytes(self.image[place - self.base] if allowed else 0 for place, allowed in places)
            assert answer.data == expected, f"ID {self.id}, {burst}: {answer.data.hex()} != {expected.hex()} (expected)"

    def _permitted(self, burst: Burst, source_id: int, *, write: bool) -> list[bool]:
        """Say for each byte whether it may be accessed."""
        allowed: dict[int, bool] = {}
        for page in range(burst.address & -PAGE, burst.address + burst.length, PAGE):
            allowed[page] = self.world.place(source_id, page, write=write) is not None
        return [allowed[place & -PAGE] for place in burst.places()]

    def _check(self, burst: Burst, permitted: list[bool], response: AxiResp, direction: str) -> None:
        expected = AxiResp.OKAY if all(permitted) else AxiResp.SLVERR
        assert response == expected, f"ID {self.id}, {direction} {burst}: {response!r}, not {expected!r}"
        self.seen[f"{direction} {burst.burst.name} {expected.name}"] += 1

    def check_memory(self) -> None:
        """Compare host memory with what should be there."""
        for number in range(WINDOW):
            page = self.world.page(self.source_id, self.base + number * PAGE)
            if page is not None:
                found = self.world.models.host.read(page.hpa, PAGE)
                assert found == self.image[number * PAGE : (number + 1) * PAGE], f"ID {self.id}, page {page}"


async def drive(world: World) -> None:
    """Do what a driver does while devices are at work."""
    software = world.software
    while True:
        await software.play(software.collect_faults())
        await software.play(software.invalidate())


@cocotb.test(timeout_time=5, timeout_unit="ms")
@cocotb.parametrize(stall=[0.0, 0.4])
async def data_and_refusals(dut, stall):
    """Every byte arrives where it belongs; what is not permitted is answered with an error and goes nowhere."""
    log.info("COCOTB_RANDOM_SEED=%d stall=%.1f", SEED, stall)
    rng = Random(SEED + bool(stall))
    world = World(await Models.start(dut, CONFIG), CONFIG)
    actors = [Actor(world, Random(rng.random()), number) for number in range(1 << CONFIG.id_bits)]
    await world.start()
    if stall:
        world.models.stall(rng, stall, longest=12)
    cocotb.start_soon(drive(world))
    for task in [cocotb.start_soon(actor.act()) for actor in actors]:
        await task
    await world.settle()
    for actor in actors:
        actor.check_memory()
    permitted, refused = world.check_requests()
    seen = sum((actor.seen for actor in actors), Counter())
    faults, invalidations = len(world.software.faults), world.software.invalidations
    log.info("%d permitted, %d refused, %d faults, %d invalidations", permitted, refused, faults, invalidations)
    log.info("%s", dict(seen))
    assert set(seen) == KINDS, f"never: {KINDS - set(seen)}"
    assert min(permitted, refused) >= 5 * ROUNDS and faults >= CONFIG.nfr and invalidations >= 3


class Meter:
    """Clocks of the last answers on `s_axi`, and counts of addresses on `m_axi`, by direction (0 reads, 1 writes)."""

    def __init__(self, dut) -> None:
        self.answers: tuple[list[int], list[int]] = ([], [])
        self.issued = [0, 0]
        self._clock = dut.aclk
        self._answered = (dut.s_axi_rvalid, dut.s_axi_rready, dut.s_axi_rlast), (dut.s_axi_bvalid, dut.s_axi_bready)
        self._addressed = (dut.m_axi_arvalid, dut.m_axi_arready), (dut.m_axi_awvalid, dut.m_axi_awready)

    async def run(self) -> None:
        """Look for as long as the measurement takes."""
        for clock in range(MEASURED):
            await RisingEdge(self._clock)
            for direction in (0, 1):
                if all(int(signal.value) for signal in self._answered[direction]):
                    self.answers[direction].append(clock)
                self.issued[direction] += all(int(signal.value) for signal in self._addressed[direction])

    def longest(self, direction: int) -> int:
        """Return the longest time without an answer, in clocks."""
        return max(after - before for before, after in pairwise([0, *self.answers[direction], MEASURED]))


class Load(NamedTuple):
    """What reads and writes do all the time, in this order, and the clocks that each may go without an answer."""

    beats: tuple[int, int]
    misses: tuple[bool, bool]  # pages in turn, more than the IOTLB holds
    longest: tuple[int, int]


LOADS = {
    "short": Load((1, 1), (False, False), (8, 8)),
    "long_writes": Load((1, 256), (False, False), (8, 300)),
    "long_reads": Load((256, 1), (False, False), (300, 8)),
    "reads_miss": Load((1, 1), (True, False), (40, 40)),
    "writes_miss": Load((1, 1), (False, True), (40, 40)),
}


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(load=list(LOADS))
async def nobody_starves(dut, load):
    """Reads and writes both wait all the time; each gets on, and as often as the other where beats are the same."""
    load, name = LOADS[load], load
    world = World(await Models.start(dut, CONFIG), CONFIG)
    source_id = next(iter(world.DOMAINS))
    pages = [FIRST_HPA + number * PAGE for number in range(2 * CONFIG.iotlb_entries + FEEDERS)]
    for iova in pages:
        world.map(source_id, iova, Page(FIRST_HPA + iova))
    await world.start()
    for number in range(FEEDERS):
        for direction in (0, 1):
            cocotb.start_soon(feed(world.models.device, load, direction, number, pages, source_id))
    await ClockCycles(dut.aclk, WARM_UP)
    meter = Meter(dut)
    await meter.run()
    found = meter.longest(0), meter.longest(1)
    log.info("%s: reads and writes issued %s, longest times without an answer %s", name, meter.issued, found)
    assert load.beats[0] != load.beats[1] or min(meter.issued) >= sum(meter.issued) / 3, meter.issued
    assert found[0] <= load.longest[0] and found[1] <= load.longest[1], found


async def feed(device: AxiMaster, load: Load, direction: int, number: int, pages: list[int], source_id: int) -> None:
    """Read or write for ever, one access at a time."""
    id_, length = number % (1 << CONFIG.id_bits), load.beats[direction] * LANES
    while True:
        iova = pages[number % len(pages) if load.misses[direction] else 0]
        if direction:
            answer = await device.write(iova, bytes(length), awid=id_, user=source_id)
        else:
            answer = await device.read(iova, length, arid=id_, user=source_id)
        assert answer.resp == AxiResp.OKAY
        number += FEEDERS
