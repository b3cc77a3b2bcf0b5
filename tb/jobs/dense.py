"""Job "dense": much of everything in few clocks, and nothing checked but that unit and model agree.

Software here keeps no rule: it changes tables under way, invalidates what it likes, and resets the unit often. So it
needs no bookkeeping, and meets in a thousand clocks what a well-behaved one meets in ten thousand.
"""

from collections.abc import Callable, Generator, Iterator
from itertools import chain
from typing import Any

from model.arch import REGISTERS, Register, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TableMode
from model.arch.registers import (
    CCMD,
    FEADDR,
    FECTL,
    FEDATA,
    FRCD,
    FSTS,
    GCMD,
    ICS,
    IEADDR,
    IECTL,
    IEDATA,
    IOTLB,
    IQA,
    IQH,
    IQT,
    IRTA,
    IVA,
    PHMBASE,
    PHMLIMIT,
    PLMBASE,
    PLMLIMIT,
    PMEN,
    RTADDR,
)
from model.arch.structures import CONTEXT_CACHE_INV, CONTEXT_ENTRY, INV_WAIT, IOTLB_INV, SECOND_STAGE_PDE
from model.cycle.request import Access, Attributes, Request
from tb.axi_device import Transfer
from tb.dense_interrupts import DenseInterrupts
from tb.descriptors import draw_descriptor
from tb.page_tables import READ, WRITE, PageTables
from tb.programming import command, enable_queue, poll
from tb.testbench import Testbench

__all__ = ["SEEDS", "SMALL", "run"]

# As few entries as show every effect: this one is built and simulated soonest. Widths of which each can be exceeded.
SMALL = UnitConfig(
    haw=39, sagaw=(39, 48), mgaw=48, nd=0, nfr=2, iotlb_entries=4, context_cache_entries=2,
    paging_structure_cache_entries=4, walks=2, parked=6, iec_entries=2, interrupts=4, id_bits=1,
)  # fmt: skip

PAGE, LARGE, HUGE = 1 << 12, 1 << 21, 1 << 30
QUEUE, STATUS = 0x8_0000, 0x7_0000
ROOTS = (0x10_0000, 0x20_0000)
LOW, HIGH = 3 * LARGE, HUGE * 64  # protected regions, LARGE bytes each
HOST_PAGES = (LOW - PAGE, LOW, LOW + LARGE - PAGE, LOW + LARGE, HIGH, HIGH + LARGE - PAGE, HIGH + LARGE, HUGE * 100)
FAILING = 1 << 36  # a page of tables

# Functions of one device that each function mask parts in another way, and some of another bus.
FUNCTIONS, PASSING, NARROW, HIDDEN, WIDE_DOMAIN = (0x100, 0x101, 0x104), 0x107, 0x208, 0x209, 0x20A
ABSENT, FAILING_TOP, NO_BUS, BAD_BUS, FAILING_BUS = 0x20B, 0x20C, 0x300, 0x400, 0x500
DOMAINS = {0x100: 1, 0x101: 2, 0x104: 3, HIDDEN: 4, PASSING: 5, NARROW: 6}
STRANGERS = (HIDDEN, WIDE_DOMAIN, ABSENT, FAILING_TOP, NO_BUS, BAD_BUS, FAILING_BUS)
IOVAS = (
    *range(0, 4 * PAGE, PAGE), LARGE, LARGE + PAGE,
    2 * LARGE, 2 * LARGE + 0x1F_F000, 3 * LARGE, HUGE, HUGE + 0x3FFF_F000, 5 * HUGE,
)  # fmt: skip
INTERRUPTS = INTERRUPT_PREFIX << 20
TO_INTERRUPTS = 4 * PAGE
ODD_IOVAS = (4 * LARGE, 1 << 39, 1 << 47, 1 << 48, INTERRUPTS, 5 * HUGE + INTERRUPTS % HUGE, TO_INTERRUPTS)
MASKS = (0, 0, 1, 1, 2, 9, 9, 18, 19)  # AM, up to one above MAMV
OFFSETS = (0, 0, 0, 4, 8, 0x10, 0xFF8, 0xFFC, 0xFFF)

PHASE_CLOCKS = (900, 650, 650, 650, 650, 650)  # in the first one, everybody asks for everything
SEEDS = list(range(1, 17))  # together they notice every breakage of tests/rtl

Steps = Generator[None, None, None]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Play the script with each of `seeds`; return what it did."""
    played = [await player(make_bench(seed=seed), script) for seed in job["seeds"]]
    return {"played": [each.to_json() for each in played]}


def script(bench: Testbench) -> Iterator[None]:
    """Play phases with a reset before each."""
    crowd = _Crowd(bench)
    for clocks in PHASE_CLOCKS:
        bench.reset = 1
        yield from bench.wait(bench.rng.choice((2, 3)))
        bench.reset = 0
        crowd.begin_phase()
        software = crowd.software()
        for _ in range(clocks):
            crowd.tick()
            next(software)
            yield


class _Crowd:
    """Tables, devices and software."""

    def __init__(self, bench: Testbench) -> None:
        self.bench, self.rng, self.config = bench, bench.rng, bench.config
        self.places: dict[tuple[int, int], list[tuple[int, int, int]]] = {}  # root, domain: address, bytes, value
        self.root = 0
        for number, root in enumerate(ROOTS):
            self._plant(root, number)
        self.hot: list[tuple[int, int]] = []  # source-ids and addresses that come often
        self.first = [(source_id, iova) for source_id in DOMAINS for iova in (*IOVAS, *ODD_IOVAS)]  # come once
        self.first += [(stranger, 0) for stranger in STRANGERS]
        self.rng.shuffle(self.first)
        self.tail = 0
        self.interrupts = DenseInterrupts(self.rng, bench.memory, bench.config.haw, FAILING)
        bench.host.latency = lambda: self.rng.randint(1, self.host_latency)
        bench.tables.latency = lambda: self.rng.randint(1, self.tables_latency)

    # Tables

    def _plant(self, root: int, number: int) -> None:
        memory = self.bench.memory
        tables = PageTables(memory, self.config, root=root, width=48)
        for function in (*FUNCTIONS, HIDDEN, PASSING):
            tables.attach(function, DOMAINS[function], passes=function == PASSING)
        tables.attach(WIDE_DOMAIN, 0x11)
        narrow = PageTables(memory, self.config, root=root + 0x8_0000, width=39)
        narrow.attach(NARROW, DOMAINS[NARROW])
        memory.write(tables.context_place(NARROW), 16, memory.read(narrow.context_place(NARROW), 16))
        memory.write(tables.root_place(BAD_BUS), 16, root | 1 | 1 << 45)
        memory.write(tables.root_place(FAILING_BUS), 16, FAILING | 1)
        memory.fail(FAILING, PAGE)
        memory.write(tables.context_place(FAILING_TOP), 16, 2 << 64 | 7 << 72 | FAILING | 1)
        hidden = tables.context_place(HIDDEN)
        memory.write(hidden, 16, memory.read(hidden, 16) | CONTEXT_ENTRY["FPD"].mask)
        for function, domain_id in DOMAINS.items():
            self._remember(number, domain_id, tables.context_place(function), 16)
            if function != PASSING:
                self._map(narrow if function == NARROW else tables, domain_id, number)

    def _map(self, tables: PageTables, domain_id: int, number: int) -> None:
        for position, iova in enumerate(IOVAS):
            level = 3 if iova >= HUGE else 2 if iova >= LARGE * 2 else 1
            base = iova & -(1 << 12 + 9 * (level - 1))
            host = HOST_PAGES[(position + domain_id + number) % len(HOST_PAGES)] & -(1 << 12 + 9 * (level - 1))
            rights = (READ | WRITE, READ | WRITE, READ, WRITE)[(position + domain_id) % 4]
            self._remember(number, domain_id, tables.map(domain_id, base, host, level=level, rights=rights), 8)
        for level in (2, 3):
            self._remember(number, domain_id, tables.entry_place(domain_id, 0, level), 8)
        memory = self.bench.memory
        reads_only = tables.entry_place(domain_id, LARGE, 2)
        memory.write(reads_only, 8, memory.read(reads_only, 8) & ~WRITE)
        tables.map(domain_id, 5 * HUGE, 3 * HUGE, level=3)  # the interrupt range is in this page
        tables.map(domain_id, TO_INTERRUPTS, INTERRUPTS)
        memory.write(tables.entry_place(domain_id, 4 * LARGE, 2), 8, FAILING | READ | WRITE)

    def _remember(self, number: int, domain_id: int, place: int, size: int) -> None:
        value = self.bench.memory.read(place, size)
        self.places.setdefault((number, domain_id), []).append((place, size, value))

    def _change(self) -> None:
        """Give an entry another value, most often a good one."""
        rng, memory = self.rng, self.bench.memory
        place, size, good = rng.choice(self.places[self.root, DOMAINS[rng.choice(self.hot)[0]]])
        is_leaf = size == 8 and good & (PAGE - 1) & ~3 in (0, SECOND_STAGE_PDE["PS"].mask)
        values = [
            lambda: good,
            lambda: good,
            lambda: good & ~3 | rng.choice((0, 1, 2, 3)),
            lambda: good ^ 1 << rng.randrange(size * 8),
            lambda: good ^ (CONTEXT_ENTRY["FPD"].mask if size == 16 else 1 << rng.randrange(39, 52)),
        ]
        if is_leaf:
            values += [lambda: good & (PAGE - 1) | rng.choice(HOST_PAGES) & (-HUGE if good & 0x80 else -PAGE)] * 3
            values += [lambda: good & (PAGE - 1) | INTERRUPTS & (-HUGE if good & 0x80 else -PAGE)]
        memory.load(place, rng.choice(values)().to_bytes(size, "little"))

    # Devices

    def begin_phase(self) -> None:
        """Draw how fast everything is and who takes part, and leave all entries good."""
        rng, bench = self.rng, self.bench
        for place, size, good in chain.from_iterable(self.places.values()):
            bench.memory.load(place, good.to_bytes(size, "little"))
        known = list(DOMAINS)
        self.hot = [(rng.choice(known), rng.choice(IOVAS)) for _ in range(rng.choice((1, 2, 3, 3)))]
        if rng.random() < 0.2:
            function = rng.choice(FUNCTIONS)
            self.hot = [(function, 5 * HUGE), (function, 5 * HUGE + INTERRUPTS % HUGE)]
        bench.software.stall = rng.choice((0.0, 0.0, 0.3))
        for driver in (bench.device, bench.host, bench.tables):
            driver.stall = rng.choice(
                (0.0, 0.0, 0.0, 0.0, 0.2, {"r": 0.7, "b": 0.7}, {"aw": 0.8, "ar": 0.8}, {"w": 0.8})
            )
        for memory in (bench.host, bench.tables):
            memory.order = rng.choice(("fastest", "random", "accepted"))
        bench.device.skew = rng.choice((None, lambda: rng.randint(-4, 4)))
        self.host_latency, self.tables_latency = rng.choice((1, 4, 4, 30, 200)), rng.choice((1, 4, 4, 15))
        self.limit, self.rate = rng.choice((1, 4, 8, 8, 30, 150)), rng.choice((0.5, 1.0))
        self.strange, self.odd = rng.choice((0.03, 0.2)), rng.choice((0.03, 0.2))
        self.writes, self.ids = rng.choice((0.2, 0.5, 0.8)), rng.choice((1, 2))
        self.change = 0.0 if self.first else rng.choice((0.0, 0.05, 0.2))
        self.interrupts.begin_phase(0.1 if self.first else rng.choice((0.0, 0.3, 0.7, 0.95)))
        bench.tables.exclusive = rng.random() < 0.9
        if self.first:
            self.limit, self.host_latency, self.tables_latency = 8, 4, 2

    def tick(self) -> None:
        """One clock of devices, and of memory."""
        if self.rng.random() < self.change:
            self._change()
        self.interrupts.tick()
        if self.bench.device.outstanding < self.limit and self.rng.random() < self.rate:
            self._ask()

    def _ask(self) -> None:
        rng, bench = self.rng, self.bench
        if rng.random() < self.interrupts.share:
            bench.device.submit(self.interrupts.request(rng.randrange(self.ids)))
            return
        beats, size = rng.choice((1, 1, 1, 2, 4)), rng.choice((0, 2, 2, 3))
        offset = rng.choice(OFFSETS)
        if offset + (beats << size) > PAGE:
            beats, size = 1, 0
        address = (rng.choice(ODD_IOVAS) if rng.random() < self.odd else rng.choice(IOVAS)) + offset
        source_id = rng.choice(STRANGERS if rng.random() < self.strange else list(DOMAINS))
        if rng.random() < 0.7:
            source_id, address = rng.choice(self.hot)
            address += offset
        if source_id == PASSING and rng.random() < 0.8:
            address = rng.choice(HOST_PAGES) + offset
        if self.first:
            source_id, address = self.first.pop()
            address += offset
        write, number = rng.random() < self.writes, rng.randrange(self.ids)
        # What enters by another port has no order with what is in front of it on the bus: it goes alone.
        if bench.device.outstanding == 0 and rng.random() < 0.5:
            access = Access.ATOMIC if write else Access.ZERO_LENGTH_READ
            kind = rng.choice((0, 0, 0, 1, 2, 3))
            bench.core(Request(access, source_id, 0, kind, address, number, Attributes(size=size)))
            return
        pasid = 1 if rng.random() < 0.01 else None
        bench.device.submit(
            Transfer(write, source_id, address, number, beats, size, pasid=pasid, translated=rng.random() < 0.02)
        )

    # Software

    def software(self) -> Steps:
        """Set the unit up and do one thing after the other, without end."""
        yield from self._set_up()
        actions: dict[Callable[[], Steps], int] = {
            self._queue_descriptors: 24,
            self._mend_queue: 8,
            self._invalidate_iotlb: 4,
            self._invalidate_contexts: 4,
            self._read_faults: 6,
            self._set_events: 3,
            self._protect: 3,
            self._switch: 3,
            self._switch_interrupts: 6,
            self._read_anything: 2,
            self._rest: 4,
        }
        while self.first:
            yield from self._read_faults()
        while True:
            yield from self.rng.choices(list(actions), list(actions.values()))[0]()

    def _write(self, register: Register, value: int) -> Steps:
        yield from self.bench.write(self.config.register_offset(register), value, min(8, register.width // 8))

    def _set_up(self) -> Steps:
        self.tail = 0
        for register, value in (
            (FEADDR, 0xFEE0_1000), (FEDATA, 0x31), (IEADDR, 0xFEE0_2004), (IEDATA, 0x32),
            (PLMBASE, LOW), (PLMLIMIT, LOW), (PHMBASE, HIGH), (PHMLIMIT, HIGH),
        ):  # fmt: skip
            yield from self._write(register, value)
        yield from self._write(PMEN, self.rng.getrandbits(1) << 31)
        for control in (FECTL, IECTL):
            yield from self._write(control, 0)
        self.root = self.rng.randrange(len(ROOTS))
        for register, value in ((RTADDR, ROOTS[self.root]), (IRTA, self.interrupts.table()), (IQA, QUEUE)):
            yield from self._write(register, value)
        yield from command(self.bench, one_shot=GCMD["SRTP"].mask | GCMD["SIRTP"].mask)
        passes = self.rng.choice((0, GCMD["CFI"].mask))
        yield from command(self.bench, set_bits=GCMD["TE"].mask | GCMD["QIE"].mask | GCMD["IRE"].mask | passes)

    def _rest(self) -> Steps:
        yield from self.bench.wait(self.rng.randint(1, 60))

    def _descriptor(self) -> int:
        rng = self.rng
        kind = rng.randrange(10)
        if kind == 0 and rng.random() < 0.4:
            return draw_descriptor(rng, self.config, wide=False, trouble=1)
        if kind < 4:
            address = STATUS + 4 * rng.randrange(16)
            return INV_WAIT.pack(
                TYPE_LO=5, IF=rng.randrange(4) == 0, SW=rng.randrange(4) > 0, FN=rng.randrange(4) == 0,
                STDATA=rng.getrandbits(32), STADDR=address >> 2,
            )  # fmt: skip
        if kind == 4 or rng.random() < self.interrupts.share:
            return self.interrupts.invalidation()
        source_id, domain_id, iova = self._target()
        if kind < 6:
            fields = {"G": rng.randint(1, 3), "FM": rng.randrange(4)}
            return CONTEXT_CACHE_INV.pack(TYPE_LO=1, SID=source_id, DID=domain_id, **fields)
        fields = {"G": rng.choice((1, 2, 3, 3, 3, 3)), "AM": rng.choice(MASKS), "IH": rng.getrandbits(1)}
        return IOTLB_INV.pack(TYPE_LO=2, ADDR=iova >> 12, DID=domain_id, **fields)

    def _target(self) -> tuple[int, int, int]:
        """Return source-id, domain-id and address of an invalidation."""
        rng = self.rng
        source_id, iova = rng.choice(self.hot) if rng.random() < 0.8 else (rng.choice(list(DOMAINS)), rng.choice(IOVAS))
        return source_id ^ rng.choice((0, 0, 1, 4)), DOMAINS[source_id], iova ^ rng.choice((0, 0, PAGE, PAGE, 2 * PAGE))

    def _queue_descriptors(self) -> Steps:
        for _ in range(self.rng.choice((1, 2, 3, 12))):
            self.bench.memory.load(QUEUE + self.tail, self._descriptor().to_bytes(16, "little"))
            self.tail = (self.tail + 16) % PAGE
        beyond = PAGE if self.rng.random() < 0.03 else 0
        yield from self._write(IQT, self.tail | beyond)

    def _mend_queue(self) -> Steps:
        """Put a good descriptor where the queue may have stopped, and let it go on; see what it says meanwhile."""
        head = yield from self.bench.read(IQH.offset, 8)
        status = yield from self.bench.read(FSTS.offset)
        yield from self.bench.read(0xB0, 8)  # IQERCD
        if status & FSTS["IQE"].mask:
            self.bench.memory.load(QUEUE + head % PAGE, INV_WAIT.pack(TYPE_LO=5, FN=1).to_bytes(16, "little"))
            yield from self._write(IQT, self.tail)
            yield from self._write(FSTS, FSTS["IQE"].mask)

    def _invalidate_iotlb(self) -> Steps:
        rng = self.rng
        _, domain_id, iova = self._target()
        yield from self._write(IVA, IVA.pack(ADDR=iova >> 12, AM=rng.choice(MASKS), IH=rng.getrandbits(1)))
        yield from self._write(IOTLB, IOTLB.pack(IVT=1, IIRG=rng.choice((0, 1, 2, 3, 3)), DID=domain_id))
        yield from poll(self.bench, self.config.register_offset(IOTLB), IOTLB["IVT"].mask, 0, size=8)

    def _invalidate_contexts(self) -> Steps:
        source_id, domain_id, _ = self._target()
        fields = {"CIRG": self.rng.randrange(4), "FM": self.rng.randrange(4)}
        yield from self._write(CCMD, CCMD.pack(ICC=1, SID=source_id, DID=domain_id, **fields))
        yield from poll(self.bench, CCMD.offset, CCMD["ICC"].mask, 0, size=8)

    def _read_faults(self) -> Steps:
        yield from self.bench.read(FSTS.offset)
        first = self.config.register_offset(FRCD)
        for number in range(self.config.nfr):
            place = first + number * FRCD.stride
            yield from self.bench.read(place, 8)
            yield from self.bench.read(place + 8, 8)
            if self.rng.random() < 0.9:
                yield from self.bench.write(place + 12, 1 << 31)
        if self.rng.random() < 0.6:
            yield from self._write(FSTS, FSTS["PFO"].mask)

    def _set_events(self) -> Steps:
        rng = self.rng
        yield from self._write(rng.choice((FECTL, IECTL)), rng.getrandbits(1) << 31)
        yield from self.bench.read(rng.choice((FECTL, IECTL)).offset)
        yield from self._write(ICS, rng.getrandbits(1))
        yield from self.bench.write(FEDATA.offset, rng.getrandbits(16), rng.choice((2, 4)))

    def _protect(self) -> Steps:
        enable = PMEN["EPM"].mask if self.rng.random() < 0.7 else 0
        yield from self._write(PMEN, enable)
        yield from poll(self.bench, PMEN.offset, PMEN["PRS"].mask, PMEN["PRS"].mask if enable else 0)

    def _switch(self) -> Steps:
        """Translation, queue, root table, table mode."""
        rng, bench = self.rng, self.bench
        kind = rng.randrange(4)
        if kind == 0:
            yield from command(bench, clear_bits=GCMD["TE"].mask)
            yield from self._rest()
            yield from command(bench, set_bits=GCMD["TE"].mask)
        elif kind == 1:
            yield from command(bench, clear_bits=GCMD["QIE"].mask)
            self.tail = 0
            yield from enable_queue(bench, QUEUE)
        else:
            mode = rng.choice((TableMode.ABORT_DMA, TableMode.RESERVED)) if kind == 2 else TableMode.LEGACY
            yield from self._set_root(mode)
            yield from self._rest()
            yield from self._set_root(TableMode.LEGACY)

    def _switch_interrupts(self) -> Steps:
        """Interrupt remapping, compatibility format, interrupt table."""
        rng, bench = self.rng, self.bench
        kind = rng.randrange(3)
        if kind == 0:
            yield from command(bench, clear_bits=GCMD["IRE"].mask)
            yield from self._rest()
            self.interrupts.plant()
            yield from command(bench, set_bits=GCMD["IRE"].mask)
        elif kind == 1:
            passes = rng.random() < 0.7
            yield from command(bench, **{"set_bits" if passes else "clear_bits": GCMD["CFI"].mask})
        else:
            yield from self._set_interrupt_table()

    def _set_interrupt_table(self) -> Steps:
        yield from self._write(IRTA, self.interrupts.table())
        yield from command(self.bench, one_shot=GCMD["SIRTP"].mask)

    def _set_root(self, mode: TableMode) -> Steps:
        self.root = self.rng.randrange(len(ROOTS))
        yield from self._write(RTADDR, ROOTS[self.root] | RTADDR["TTM"].to(mode))
        yield from command(self.bench, one_shot=GCMD["SRTP"].mask)

    def _read_anything(self) -> Steps:
        register = self.rng.choice([register for register in REGISTERS if self.config.register_exists(register)])
        yield from self.bench.read(self.config.register_offset(register), min(8, register.width // 8))
