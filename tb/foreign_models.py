"""cocotbext-axi on every port of the bare `vtd_unit`: AXI models that were not written by who wrote the unit."""

import logging
from collections.abc import Generator, Iterable, Iterator
from itertools import zip_longest
from random import Random
from typing import Any, ClassVar, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiMaster, AxiRam, AxiResp
from cocotbext.axi.axi_channels import AxiARBus, AxiARMonitor, AxiAWBus, AxiAWMonitor, AxiBMonitor, AxiRMonitor

from model.arch import UnitConfig
from model.arch.encodings import ContextGranularity, DescriptorType, IotlbGranularity
from model.arch.faults import FaultReason
from model.arch.registers import FEADDR, FECTL, FEDATA, FRCD, FSTS, IQT
from model.arch.structures import CONTEXT_CACHE_INV, INV_WAIT, IOTLB_INV
from tb.page_tables import READ, WRITE, PageTables
from tb.programming import enable_queue, enable_translation

__all__ = ["PAGE", "Address", "Fault", "Models", "Page", "Software", "World"]

PAGE = 4096
QUEUE, STATUS = 0x8_0000, 0x7_0000
QUEUE_ENTRIES = 256
MESSAGE_ADDRESS, MESSAGE_DATA = 0xFEE0_1000, 0x4321
SETTLE = 50  # clocks, more than the last of what was answered needs to leave the unit

Steps = Generator[None, None, None]


class DeviceReadAddress(AxiARBus):
    """AR of a device: what the models call `user` is the source-id."""

    _optional_signals = {name: name for name in AxiARBus._optional_signals} | {"aruser": "armmusid"}


class DeviceWriteAddress(AxiAWBus):
    """AW of a device: what the models call `user` is the source-id."""

    _optional_signals = {name: name for name in AxiAWBus._optional_signals} | {"awuser": "awmmusid"}


class Address(NamedTuple):
    """What a monitor saw on an address channel."""

    id: int
    address: int
    len: int
    size: int
    burst: int
    source_id: int


class Answer(NamedTuple):
    """One B, or one beat of R, whose data is of interest here only with an error."""

    okay: bool
    last: bool
    data: int | None


class Fault(NamedTuple):
    """What a fault record says about a request."""

    reason: int
    source_id: int
    page: int
    write: bool


class Page(NamedTuple):
    """Where a page lies, and what is allowed there."""

    hpa: int
    rights: int = READ | WRITE


class Models:
    """The four models, and monitors of what devices ask for and are told, and of what goes to host memory.

    To be made while the unit is in reset: the models take what they see for what they asked for.
    """

    def __init__(self, dut, config: UnitConfig) -> None:
        # The models tell every transfer otherwise.
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        self.dut = dut
        device = AxiBus.from_prefix(dut, "s_axi")
        device.read.ar = DeviceReadAddress.from_prefix(dut, "s_axi")
        device.write.aw = DeviceWriteAddress.from_prefix(dut, "s_axi")
        host, tables = AxiBus.from_prefix(dut, "m_axi"), AxiBus.from_prefix(dut, "m_axi_mem")
        domain = {"clock": dut.aclk, "reset": dut.aresetn, "reset_active_level": False}
        self.registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), **domain)
        self.device = AxiMaster(device, **domain)
        self.host = AxiRam(host, size=1 << config.haw, **domain)
        self.tables = AxiRam(tables, size=1 << config.haw, **domain)
        self._asked = AxiARMonitor(device.read.ar, **domain), AxiAWMonitor(device.write.aw, **domain)
        self._answered = AxiRMonitor(device.read.r, **domain), AxiBMonitor(device.write.b, **domain)
        self._issued = AxiARMonitor(host.read.ar, **domain), AxiAWMonitor(host.write.aw, **domain)
        for name in ("mmussidv", "mmussid", "mmuatst"):
            for channel in ("ar", "aw"):
                getattr(dut, f"s_axi_{channel}{name}").value = 0

    @classmethod
    async def start(cls, dut, config: UnitConfig) -> "Models":
        """Start the clock, reset the unit, and return its models."""
        Clock(dut.aclk, 10, unit="ns").start()
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, 3)
        models = cls(dut, config)
        await ClockCycles(dut.aclk, 2)
        dut.aresetn.value = 1
        await ClockCycles(dut.aclk, 2)
        return models

    def stall(self, rng: Random, probability: float, *, longest: int) -> None:
        """Let every channel of every port stand still now and then, for up to `longest` clocks."""
        for model in (self.registers, self.device, self.host, self.tables):
            write, read = model.write_if, model.read_if
            for channel in (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel):
                channel.set_pause_generator(_pauses(Random(rng.random()), probability, longest))

    def asked(self, *, write: bool) -> list[Address]:
        """Return the requests of devices since the last call."""
        return list(_seen(self._asked[write], "aw" if write else "ar"))

    def answered(self, *, write: bool) -> dict[int, list[Answer]]:
        """Return R beats or B by ID since the last call."""
        return _by_id(_told(self._answered[write], "b" if write else "r"))

    def issued(self, *, write: bool) -> dict[int, list[Address]]:
        """Return what went to host memory by ID since the last call."""
        return _by_id((seen.id, seen) for seen in _seen(self._issued[write], "aw" if write else "ar"))


def _pauses(rng: Random, probability: float, longest: int) -> Iterator[bool]:
    while True:
        paused = rng.random() < probability
        for _ in range(rng.randint(1, rng.choice((1, 3, longest)))):
            yield paused


def _seen(monitor: AxiARMonitor | AxiAWMonitor, channel: str) -> Iterator[Address]:
    while not monitor.empty():
        seen = monitor.recv_nowait()
        yield Address(*(int(getattr(seen, channel + name)) for name in ("id", "addr", "len", "size", "burst", "user")))


def _told(monitor: AxiRMonitor | AxiBMonitor, channel: str) -> Iterator[tuple[int, Answer]]:
    while not monitor.empty():
        told = monitor.recv_nowait()
        okay = int(getattr(told, channel + "resp")) == AxiResp.OKAY
        last, data = (int(told.rlast), int(told.rdata)) if channel == "r" else (1, 0)
        yield int(getattr(told, channel + "id")), Answer(okay, bool(last), None if okay else data)


def _by_id(pairs: Iterable[tuple[int, Any]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for id_, value in pairs:
        found.setdefault(id_, []).append(value)
    return found


class _Bytes:
    """A memory model as tb.page_tables writes it."""

    def __init__(self, ram: AxiRam) -> None:
        self.ram = ram

    def read(self, address: int, size: int) -> int:
        return int.from_bytes(self.ram.read(address, size), "little")

    def write(self, address: int, size: int, value: int) -> None:
        self.ram.write(address, value.to_bytes(size, "little"))


class Software:
    """A driver: what tb.programming needs, over AxiLiteMaster, and the daily work of a driver."""

    def __init__(self, models: Models, config: UnitConfig) -> None:
        self.config = config
        self.now = 0
        self.faults: list[Fault] = []
        self.invalidations = 0
        self._registers = models.registers
        self._memory = _Bytes(models.tables)
        self._clock = models.dut.aclk
        self._tail = 0

    async def play(self, script: Steps) -> None:
        """Play a script, one step per clock."""
        for _ in script:
            await RisingEdge(self._clock)
            self.now += 1

    def read(self, offset: int, size: int = 4) -> Generator[None, None, int]:
        """Read a register."""
        answer = yield from self._answer(self._registers.read(offset, size))
        return int.from_bytes(answer.data, "little")

    def write(self, offset: int, value: int, size: int = 4) -> Steps:
        """Write a register."""
        yield from self._answer(self._registers.write(offset, value.to_bytes(size, "little")))

    def _answer(self, access):
        task = cocotb.start_soon(access)
        while not task.done():
            yield
        assert task.result().resp == AxiResp.OKAY
        return task.result()

    def start(self, root: int) -> Steps:
        """Switch on translation, queued invalidation and fault events."""
        yield from self.write(FEDATA.offset, MESSAGE_DATA)
        yield from self.write(FEADDR.offset, MESSAGE_ADDRESS)
        yield from self.write(FECTL.offset, 0)
        yield from enable_queue(self, QUEUE)
        yield from enable_translation(self, root)

    def collect_faults(self) -> Steps:
        """Take over what the fault records hold, and free them."""
        yield from self.write(FSTS.offset, FSTS["PFO"].mask)
        base = self.config.register_offset(FRCD)
        for place in range(base, base + self.config.nfr * FRCD.stride, FRCD.stride):
            high = yield from self.read(place + 8, 8)
            record = high << 64 | (yield from self.read(place, 8))
            if FRCD["F"].of(record):
                yield from self.write(place + 12, 1 << 31)
                assert not FRCD["T2"].of(record) and not FRCD["AT"].of(record) and not FRCD["PP"].of(record)
                fault = Fault(FRCD["FR"].of(record), FRCD["SID"].of(record), record & -PAGE & (1 << 64) - 1, False)
                self.faults.append(fault._replace(write=not FRCD["T1"].of(record)))

    def invalidate(self) -> Steps:
        """Invalidate everything through the queue, and wait for the status write."""
        self.invalidations += 1
        context = CONTEXT_CACHE_INV["TYPE_LO"].to(DescriptorType.CONTEXT_CACHE)
        iotlb = IOTLB_INV["TYPE_LO"].to(DescriptorType.IOTLB)
        wait = INV_WAIT["TYPE_LO"].to(DescriptorType.WAIT) | INV_WAIT["SW"].mask | INV_WAIT["FN"].mask
        for descriptor in (
            context | CONTEXT_CACHE_INV["G"].to(ContextGranularity.GLOBAL),
            iotlb | IOTLB_INV["G"].to(IotlbGranularity.GLOBAL),
            wait | INV_WAIT["STDATA"].to(self.invalidations) | INV_WAIT["STADDR"].to(STATUS >> 2),
        ):
            self._memory.write(QUEUE + self._tail * 16, 16, descriptor)
            self._tail = (self._tail + 1) % QUEUE_ENTRIES
        yield from self.write(IQT.offset, self._tail << 4, 8)
        while self._memory.read(STATUS, 4) != self.invalidations:
            yield


def _compare(what: str, actual: dict[int, list[Any]], expected: dict[int, list[Any]]) -> None:
    for id_ in actual | expected:
        pairs = enumerate(zip_longest(actual.get(id_, []), expected.get(id_, [])))
        for number, (found, wanted) in pairs:
            assert found == wanted, f"{what}, number {number} of ID {id_}: {found}, not {wanted}"


class World:
    """Two devices with a domain of their own, one that passes, and two that have no business here."""

    DOMAINS: ClassVar = {0x0100: 1, 0x0208: 2}
    PASSES = 0x04FF
    STRANGERS: ClassVar = {0x0300: FaultReason.ROOT_NOT_PRESENT, 0x0101: FaultReason.CONTEXT_NOT_PRESENT}

    def __init__(self, models: Models, config: UnitConfig) -> None:
        self.models = models
        self.software = Software(models, config)
        self._tables = PageTables(_Bytes(models.tables), config)
        for source_id, domain in self.DOMAINS.items():
            self._tables.attach(source_id, domain)
        self._tables.attach(self.PASSES, 3, passes=True)
        self._pages: dict[tuple[int, int], Page] = {}

    async def start(self) -> None:
        """Switch everything on."""
        await self.software.play(self.software.start(self._tables.root))

    def map(self, source_id: int, iova: int, page: Page, *, level: int = 1) -> None:
        """Map one page of a device, or use one of the device that passes."""
        if source_id in self.DOMAINS:
            self._tables.map(self.DOMAINS[source_id], iova, page.hpa, level=level, rights=page.rights)
        for offset in range(0, PAGE << 9 * (level - 1), PAGE):
            self._pages[source_id, iova + offset] = page._replace(hpa=page.hpa + offset)

    def page(self, source_id: int, iova: int) -> Page | None:
        """Return the page of an address, also one without rights."""
        return self._pages.get((source_id, iova & -PAGE))

    def place(self, source_id: int, iova: int, *, write: bool) -> int | None:
        """Return the host address of a permitted access, None for a refused one."""
        page = self.page(source_id, iova)
        return page.hpa + iova % PAGE if page and page.rights & (WRITE if write else READ) else None

    def check_requests(self) -> tuple[int, int]:
        """Compare what went to host memory, and the answers, with what devices asked for; return (permitted, refused).

        Every permitted burst went there once, translated, and in its order among those of its ID; a refused one never.
        Answers of an ID are in order too, and every beat of a refused read says so. Every fault that was recorded is
        that of a refused burst.
        """
        permitted = 0
        refused: list[Fault] = []
        for write in (False, True):
            expected, answers = self._expected(write, refused)
            permitted += sum(map(len, expected.values()))
            _compare(f"answers, write={write}", self.models.answered(write=write), answers)
            issued = self.models.issued(write=write)
            messages = issued.pop(1 << self.software.config.id_bits, [])
            assert bool(messages) == write, f"{len(messages)} event messages"
            assert {message.address for message in messages} <= {MESSAGE_ADDRESS}
            _compare(f"issued, write={write}", issued, expected)
        strange = set(self.software.faults) - set(refused)
        assert not strange, f"recorded, but not refused: {strange}"
        assert self.models.host.read(MESSAGE_ADDRESS, 4) == MESSAGE_DATA.to_bytes(4, "little")
        return permitted, len(refused)

    def _expected(self, write: bool, refused: list[Fault]) -> tuple[dict[int, list[Address]], dict[int, list[Answer]]]:
        """Return by ID what should go to host memory, and how devices should be answered; add faults to `refused`."""
        issued: dict[int, list[Address]] = {}
        answers: dict[int, list[Answer]] = {}
        for asked in self.models.asked(write=write):
            place = self.place(asked.source_id, asked.address, write=write)
            okay, beats = place is not None, 1 if write else asked.len + 1
            if okay:
                issued.setdefault(asked.id, []).append(asked._replace(address=place, source_id=0))
            else:
                refused.append(self._fault(asked, write))
            answer = [Answer(okay, beat == beats, None if okay else 0) for beat in range(1, beats + 1)]
            answers.setdefault(asked.id, []).extend(answer)
        return issued, answers

    def _fault(self, asked: Address, write: bool) -> Fault:
        not_permitted = FaultReason.WRITE_NOT_PERMITTED if write else FaultReason.READ_NOT_PERMITTED
        reason = self.STRANGERS.get(asked.source_id, not_permitted)
        return Fault(reason, asked.source_id, asked.address & -PAGE, write)

    async def settle(self) -> None:
        """Wait until nothing moves any more, and collect the last faults."""
        await ClockCycles(self.models.dut.aclk, SETTLE)
        await self.software.play(self.software.collect_faults())
