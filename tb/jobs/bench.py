"""Job "bench": latencies and rates of the unit in clocks, counted in lockstep."""

# Every row says how it was measured; a clock is counted from edge to edge: valid in clock n + 1 is one clock later.

from collections.abc import Awaitable, Callable, Generator, Iterable
from functools import partial
from typing import Any

from model.arch.encodings import INTERRUPT_PREFIX, ContextGranularity, DescriptorType, IotlbGranularity
from model.arch.registers import IQT
from model.arch.structures import (
    CONTEXT_CACHE_INV,
    INV_WAIT,
    IOTLB_INV,
    IRTE_POSTED,
    IRTE_REMAPPED,
    POSTED_INTERRUPT_DESCRIPTOR,
    REMAPPABLE_INTERRUPT_ADDRESS,
)
from tb.axi_device import Transfer
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.page_tables import READ, PageTables
from tb.players import Played
from tb.programming import enable_interrupt_remapping, enable_queue, enable_translation, invalidate_everything
from tb.testbench import RegisterAccess, Script, Testbench

__all__ = ["run"]

LATENCIES = (1, 10, 50, 200)
DEVICES = tuple(bus << 8 for bus in range(8))  # on different buses: nothing in common but the root table
IOVA, HPA = 0x4000_0000, 0x1_0000_0000
PAGE = 0x1000
REQUESTS = 1024  # of a stream whose rate is measured
HOST_LATENCY = 10
LATENCY_TOGETHER = 50
DESCRIPTORS = 128
INTERRUPT_STREAM = 512
QUEUE, STATUS = 0x8_0000, 0x7_0000
INTERRUPTS, DESCRIPTOR = 0x6_0000, 0x5_0000
INTERRUPT_ENTRIES_LOG2 = 6
VECTOR = 0x40
WALK_FOREVER = 20_000  # clocks, more than what is measured meanwhile takes

Steps = Generator[None, None, None]
Player = Callable[[Testbench, Script], Awaitable[Played]]


class Rows(list[dict[str, Any]]):
    """What was measured, as `vtd bench` prints it."""

    def at_most(self, name: str, value: float, limit: float, method: str, unit: str = "clocks") -> None:
        """Add a row that is met when the value is not above the limit."""
        self.append({"name": name, "value": value, "limit": limit, "unit": unit, "method": method, "least": False})

    def at_least(self, name: str, value: float, limit: float, method: str, unit: str) -> None:
        """Add a row that is met when the value is not below the limit."""
        self.append({"name": name, "value": value, "limit": limit, "unit": unit, "method": method, "least": True})


async def run(bench_factory: Callable[[int], Testbench], job: dict[str, Any], player: Player) -> dict[str, Any]:
    """Measure everything; return {"rows": [row], "clocks": clocks in lockstep}."""
    rows = Rows()
    clocks = 0
    for measure in (_hits, _rates, _behind_walks, _misses, _refusals, _invalidations, _fairness, _interrupts, _posting):
        played = await player(bench_factory(1), partial(measure, rows=rows))
        clocks += played.clocks
    return {"rows": rows, "clocks": clocks}


class World:
    """Tables for the devices, each in a domain of its own, with as many pages as the IOTLB holds."""

    def __init__(self, bench: Testbench) -> None:
        self.bench = bench
        bench.host.latency = HOST_LATENCY
        self.tables = PageTables(bench.memory, bench.config)
        self.pages = bench.config.iotlb_entries
        for number, device in enumerate(DEVICES):
            self.tables.attach(device, number + 1)
            for page in range(2 * self.pages):
                self.tables.map(number + 1, IOVA + page * PAGE, HPA + (number << 28) + page * PAGE)

    def start(self) -> Steps:
        """Switch translation on."""
        yield from enable_translation(self.bench, self.tables.root)

    def submit(self, *, write: bool = False, page: int = 0, device: int = 0, id_: int = 0) -> Transfer:
        """Queue one beat to or from a page."""
        return self.bench.device.submit(
            Transfer(write, DEVICES[device], IOVA + page * PAGE + 8 * (id_ % 16), id=id_, skew=0)
        )

    def finish(self, transfers: Iterable[Transfer]) -> Steps:
        """Wait until all are answered."""
        for transfer in transfers:
            yield from self.bench.until(lambda transfer=transfer: transfer.done, "an answer", WALK_FOREVER * 2)

    def one(self, **where: Any) -> Generator[None, None, Transfer]:
        """Do one transfer from start to end, after all is quiet."""
        transfer = self.submit(**where)
        yield from self.finish([transfer])
        yield from self.bench.wait(4)
        return transfer

    def clocks(self, transfer: Transfer) -> int:
        """Return the clocks from the address on s_axi, accepted, to the address on m_axi, valid."""
        return self._left(transfer) - transfer.accepted

    def _left(self, transfer: Transfer) -> int:
        events = (event for event in self.bench.host.log if isinstance(event, Accepted))
        return next(e.clock for e in events if e.clock > transfer.accepted and e.write == transfer.write)

    def rate(self, requests: list[dict[str, Any]]) -> Generator[None, None, float]:
        """Return addresses per clock on m_axi for a stream of requests that are always on offer."""
        self.bench.host.log.clear()
        transfers = [self.submit(**request) for request in requests]
        yield from self.finish(transfers)
        clocks = [event.clock for event in self.bench.host.log if isinstance(event, Accepted)]
        return (len(clocks) - 1) / (clocks[-1] - clocks[0])


def _hits(bench: Testbench, rows: Rows) -> Steps:
    world = World(bench)
    yield from world.start()
    for name, write in (("read", False), ("write", True)):
        yield from world.one(write=write)
        hit = yield from world.one(write=write)
        method = (
            "address handshake on s_axi_ to address valid on m_axi_; a page used just before, nothing else going on"
        )
        rows.at_most(f"IOTLB hit, {name}", world.clocks(hit), 4, method)


def _rates(bench: Testbench, rows: Rows) -> Steps:
    world = World(bench)
    yield from world.start()
    pages, devices = world.pages, len(DEVICES)
    per_device = max(1, pages // devices)
    streams = {
        "reads, one page": [{"id_": n % 16} for n in range(REQUESTS)],
        "writes, one page": [{"id_": n % 16, "write": True} for n in range(REQUESTS)],
        "reads, all pages of a full IOTLB": [{"page": n % pages, "id_": n % 16} for n in range(REQUESTS)],
        "reads and writes, full IOTLB, 8 source-ids": [
            {"device": n // 2 % devices, "page": n // 16 % per_device, "id_": n // 2 % 16, "write": bool(n % 2)}
            for n in range(REQUESTS)
        ],
    }
    for name, requests in streams.items():
        yield from invalidate_everything(bench)
        for device, page in sorted({(request.get("device", 0), request.get("page", 0)) for request in requests}):
            yield from world.one(device=device, page=page)
        rate = yield from world.rate(requests)
        method = f"{REQUESTS} single beats always on offer, 16 IDs; addresses on m_axi_ per clock, first to last"
        rows.at_least(f"sustained rate: {name}", rate, 1, method, "requests/clock")


def _behind_walks(bench: Testbench, rows: Rows) -> Steps:
    world = World(bench)
    yield from world.start()
    yield from world.one()
    bench.tables.latency = WALK_FOREVER
    walks = bench.config.walks
    misses = [world.submit(page=1 + n, id_=n) for n in range(walks)]
    yield from bench.wait(30)
    rate = yield from world.rate([{"id_": 8 + n % 8} for n in range(REQUESTS)])
    if any(transfer.done for transfer in misses):
        raise CheckFailed("a walk was over too soon to measure anything")
    method = f"{walks} misses of IDs 0 and up wait for memory; then {REQUESTS} reads of one known page with IDs 8 to 15"
    rows.at_least(f"hits of other IDs while {walks} walks wait", rate, 1, method, "requests/clock")
    yield from world.finish(misses)


def _misses(bench: Testbench, rows: Rows) -> Steps:
    world = World(bench)
    yield from world.start()
    reads = world.tables.levels + 2
    way = "address handshake on s_axi_ to address valid on m_axi_"
    for latency in LATENCIES:
        bench.tables.latency = latency
        yield from invalidate_everything(bench)
        cold = yield from world.one()
        method = f"{way}; after global invalidations; R = {reads} reads: root, context, {reads - 2} levels"
        rows.at_most(f"cold miss, R = {reads}, L = {latency}", world.clocks(cold), reads * (latency + 3) + 8, method)
        neighbour = yield from world.one(page=1)
        method = f"{way}; the page beside that of the cold miss"
        rows.at_most(f"new page next to a known one, L = {latency}", world.clocks(neighbour), latency + 10, method)
    bench.tables.latency = LATENCY_TOGETHER
    yield from invalidate_everything(bench)
    alone = world.clocks((yield from world.one()))
    yield from invalidate_everything(bench)
    bench.host.log.clear()
    together = [world.submit(device=n, id_=n) for n in range(len(DEVICES))]
    yield from world.finish(together)
    last = max(event.clock for event in bench.host.log if isinstance(event, Accepted))
    method = (
        "source-ids on 8 buses, 8 IDs, nothing cached; first address on s_axi_ to last on m_axi_, against one alone"
    )
    # The two walks of a small unit can overlap no more than two misses.
    limit = 1.5 * max(1, len(DEVICES) / bench.config.walks)
    ratio = (last - together[0].accepted) / alone
    rows.at_most(f"8 cold misses together, L = {LATENCY_TOGETHER}", ratio, limit, method, "times one")


def _refusals(bench: Testbench, rows: Rows) -> Steps:
    """A write to a page that is only readable, and a read beyond the width of a known context."""
    world = World(bench)
    world.tables.map(1, IOVA, HPA, rights=READ)
    yield from world.start()
    yield from world.one()
    write = yield from world.one(write=True)
    read = bench.device.submit(Transfer(False, DEVICES[0], 1 << world.tables.width))
    yield from world.finish([read])
    way = "address handshake to first error response valid; "
    for name, transfer, method in (
        ("write", write, "a read-only page in the IOTLB, data with the address"),
        ("read", read, "an address beyond the width of a cached context-entry"),
    ):
        if transfer.permitted:
            raise CheckFailed(f"the {name} was not refused")
        rows.at_most(f"refusal, cached, {name}", transfer.first_response - transfer.accepted, 8, way + method)


def _invalidations(bench: Testbench, rows: Rows) -> Steps:
    """Descriptors of every granularity, and a wait descriptor with a status write behind them."""
    world = World(bench)
    bench.tables.latency = LATENCY_TOGETHER
    yield from world.start()
    yield from enable_queue(bench, QUEUE)
    for number in range(DESCRIPTORS - 1):
        bench.memory.write(QUEUE + 16 * number, 16, _descriptor(number))
    wait = INV_WAIT["TYPE_LO"].to(DescriptorType.WAIT) | INV_WAIT["SW"].mask | INV_WAIT["STDATA"].to(1)
    bench.memory.write(QUEUE + 16 * (DESCRIPTORS - 1), 16, wait | INV_WAIT["STADDR"].to(STATUS >> 2))
    tail = bench.software.submit(RegisterAccess(True, IQT.offset, 8, 16 * DESCRIPTORS))
    yield from bench.until(lambda: tail.done, "the write of IQT")
    first, longest = bench.now, 0
    accepted = 0
    while not bench.memory.read(STATUS, 4):
        invalidation = bench.unit.invalidation
        if invalidation.flip:
            accepted = bench.now - 1
        if invalidation.queue_done:
            longest = max(longest, bench.now - accepted)
        yield
    written = next(event.clock for event in bench.tables.log if isinstance(event, Written))
    method = "command accepted by the drain engine to done, every granularity, nothing outstanding; longest of all"
    rows.at_most("cache invalidation, once drained", longest, 4, method)
    method = f"{DESCRIPTORS} descriptors, all granularities; IQT written to status write of the last"
    clocks = (written - first) / DESCRIPTORS
    rows.at_most(f"descriptors from the queue, L = {LATENCY_TOGETHER}", clocks, 16, method, "clocks each")


def _descriptor(number: int) -> int:
    if number % 2:
        kind = (ContextGranularity.GLOBAL, ContextGranularity.DOMAIN, ContextGranularity.DEVICE)[number // 2 % 3]
        return CONTEXT_CACHE_INV["TYPE_LO"].to(DescriptorType.CONTEXT_CACHE) | CONTEXT_CACHE_INV["G"].to(kind)
    granularity = (IotlbGranularity.GLOBAL, IotlbGranularity.DOMAIN, IotlbGranularity.PAGE)[number // 2 % 3]
    return IOTLB_INV["TYPE_LO"].to(DescriptorType.IOTLB) | IOTLB_INV["G"].to(granularity) | IOTLB_INV["DID"].to(1)


def _fairness(bench: Testbench, rows: Rows) -> Steps:
    world = World(bench)
    yield from world.start()
    yield from world.one()
    bench.host.log.clear()
    transfers = [world.submit(id_=n % 16, write=write) for n in range(REQUESTS) for write in (False, True)]
    yield from world.finish(transfers)
    log = [event for event in bench.host.log if isinstance(event, Accepted)][:REQUESTS]
    reads = sum(not event.write for event in log)
    method = f"both always on offer, one page; share of the rarer among the first {REQUESTS} addresses on m_axi_"
    share = min(reads, len(log) - reads) / len(log)
    rows.at_least("reads and writes both always waiting", share, 1 / 3, method, "of all")


class Interrupts:
    """A table of entries, each for the vector of its own number, and devices that send interrupts."""

    def __init__(self, bench: Testbench) -> None:
        self.bench = bench
        for index in range(1 << INTERRUPT_ENTRIES_LOG2):
            entry = IRTE_REMAPPED["P"].mask | IRTE_REMAPPED["V"].to(VECTOR + index)
            bench.memory.write(INTERRUPTS + 16 * index, 16, entry)

    def start(self) -> Steps:
        """Switch interrupt remapping on."""
        yield from enable_interrupt_remapping(self.bench, INTERRUPTS, size=INTERRUPT_ENTRIES_LOG2 - 1)

    def submit(self, index: int, id_: int = 0, device: int = 0) -> Transfer:
        """Queue an interrupt request."""
        handle = REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_14_0"].to(index) | REMAPPABLE_INTERRUPT_ADDRESS["FORMAT"].mask
        address = INTERRUPT_PREFIX << 20 | handle
        return self.bench.device.submit(Transfer(True, DEVICES[device], address, id=id_, size=2, skew=0))

    def one(self, index: int) -> Generator[None, None, int]:
        """Do one interrupt when all is quiet; return the clocks from its data, accepted, to the message, valid."""
        self.bench.host.log.clear()
        transfer = self.submit(index)
        yield from self.bench.until(lambda: transfer.done, "an answer", WALK_FOREVER)
        yield from self.bench.wait(4)
        return self.messages()[0].clock - transfer.data_accepted

    def messages(self) -> list[Accepted]:
        """Return the messages seen on m_axi."""
        events = (event for event in self.bench.host.log if isinstance(event, Accepted))
        return [event for event in events if event.address.addr >> 20 & 0xFFF == INTERRUPT_PREFIX]


def _interrupts(bench: Testbench, rows: Rows) -> Steps:
    world, interrupts = World(bench), Interrupts(bench)
    yield from world.start()
    yield from interrupts.start()
    way = "W handshake on s_axi_ to AW and W of the message valid on m_axi_; "
    for number, latency in enumerate(LATENCIES):
        bench.tables.latency = latency
        clocks = yield from interrupts.one(number)
        rows.at_most(
            f"interrupt, IEC miss, L = {latency}", clocks, latency + 10, way + "an entry used for the first time"
        )
    clocks = yield from interrupts.one(0)
    rows.at_most("interrupt, IEC hit", clocks, 6, way + "an entry used before")
    for index in range(8):
        yield from interrupts.one(index)
    bench.host.log.clear()
    transfers = [interrupts.submit(n % 8, n % 16, n % len(DEVICES)) for n in range(INTERRUPT_STREAM)]
    yield from world.finish(transfers)
    clocks = [event.clock for event in interrupts.messages()]
    rate = (len(clocks) - 1) / (clocks[-1] - clocks[0])
    method = f"{INTERRUPT_STREAM} requests always on offer, 8 entries, 16 IDs; messages on m_axi_, first to last"
    rows.at_least("sustained remapped interrupts, IEC hits", rate, 0.5, method, "interrupts/clock")
    yield from world.one()
    for n in range(2 * REQUESTS):
        interrupts.submit(n % 8, n % 16, n % len(DEVICES))
    yield from bench.wait(50)
    bench.host.log.clear()
    reads = [world.submit(id_=n % 16) for n in range(REQUESTS)]
    yield from world.finish(reads)
    clocks = [event.clock for event in bench.host.log if isinstance(event, Accepted) and not event.write]
    if len(interrupts.messages()) < REQUESTS // 4:
        raise CheckFailed("too few interrupts came beside the reads to say anything")
    method = f"{REQUESTS} reads of one known page always on offer, interrupts too; addresses on m_axi_ per clock"
    rows.at_least(
        "DMA hits while interrupts stream", (len(clocks) - 1) / (clocks[-1] - clocks[0]), 1, method, "requests/clock"
    )


def _posting(bench: Testbench, rows: Rows) -> Steps:
    interrupts = Interrupts(bench)
    bench.tables.exclusive = True
    entry = IRTE_POSTED["P"].mask | IRTE_POSTED["IM"].mask | IRTE_POSTED["VV"].to(VECTOR)
    bench.memory.write(INTERRUPTS, 16, entry | IRTE_POSTED["PDAL"].to(DESCRIPTOR >> 6))
    yield from interrupts.start()
    yield from interrupts.one(0)
    method = (
        "W handshake on s_axi_ to AW and W of the notification valid on m_axi_; exclusive read and write of 64 bytes"
    )
    for latency in LATENCIES:
        bench.tables.latency = latency
        bench.memory.write(DESCRIPTOR, 64, POSTED_INTERRUPT_DESCRIPTOR["NV"].to(VECTOR))
        clocks = yield from interrupts.one(0)
        rows.at_most(f"posted interrupt, IEC hit, L = {latency}", clocks, 2 * latency + 16, method)
