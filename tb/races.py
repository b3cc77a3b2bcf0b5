"""Races: an invalidation or a control at every clock of walks, fills and answers, and what may come out afterwards."""

from collections import Counter
from collections.abc import Generator, Iterator
from itertools import count
from typing import NamedTuple

from model.arch.encodings import DescriptorType, IotlbGranularity
from model.arch.registers import CCMD, GCMD, GSTS, IOTLB, IQT, IVA, PHMBASE, PHMLIMIT, PMEN, RTADDR
from model.arch.structures import CONTEXT_CACHE_INV, INV_WAIT, IOTLB_INV
from model.reference.fault import Fault
from model.reference.translate import Translator
from model.reference.types import DmaAccess, DmaRequest
from tb.axi_device import Transfer
from tb.axi_memory import Accepted
from tb.check import CheckFailed
from tb.page_tables import READ, WRITE, PageTables
from tb.programming import enable_queue, enable_translation, poll
from tb.race_kinds import (
    DEVICES,
    FAR,
    FIRST,
    KINDS,
    KNOWN,
    NEAR,
    OTHER_PASSING,
    PAGES,
    PASSING,
    PROBES,
    UNKNOWN,
    VICTIMS,
    WARMING,
    Kind,
    Page,
    Who,
)
from tb.testbench import Testbench

__all__ = ["ROOTS", "Sweep"]

HOST_LATENCY = 16  # clocks: longer than a completion takes to become visible
VARYING = (1, 4, 25)
BOUND = 3000  # clocks within which anything must be over
QUEUE, STATUS, QUEUE_BYTES = 0x8_0000, 0x7_0000, 0x1000
ROOTS = (0x10_0000, 0x40_0000_0000)
OLD, NEW = 1 << 46, 1 << 47  # host addresses of a page before and after

Steps = Generator[None, None, None]


class Sweep:
    """Trials of the kinds named, `by` "registers" or "queue", at every offset; `script` is to be played.

    In each trial devices and domains are new, so that nothing of the trials before is cached. The tables are changed
    in the clock in which the command is submitted. `alone`: only the request that walks from the root on is in its
    way. `latency` is that of the tables, 0 for one that varies. `stride`: every how many clocks. `trials` counts them
    by kind, and `seen` what became of the requests.
    """

    def __init__(
        self,
        by: str,
        kinds: list[str],
        *,
        latency: int = 3,
        width: int = 48,
        alone: bool = False,
        stride: int = 1,
    ) -> None:
        self.by, self.kinds, self.latency, self.width = by, [KINDS[name] for name in kinds], latency, width
        self.stride = stride
        self.victims, self.probes = VICTIMS[:1] if alone else VICTIMS, PROBES
        self.trials: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def script(self, bench: Testbench) -> Steps:
        """Set the unit up, and try everything."""
        bench.host.latency = HOST_LATENCY
        bench.tables.latency = self.latency or (lambda: bench.rng.choice(VARYING))
        world = World(bench, self)
        yield from world.start()
        for kind in self.kinds:
            answered, done = yield from world.measure(kind)
            for offset in range(-done - 2, answered + 3, self.stride):
                yield from world.trial(kind, offset)
                self.trials[kind.name] += 1
            bench.progress = {"trials": self.trials.total()}


class World:
    """Tables and state of the unit over all trials."""

    def __init__(self, bench: Testbench, sweep: Sweep) -> None:
        self.bench, self.sweep = bench, sweep
        self.roots = [PageTables(bench.memory, bench.config, root=root, width=sweep.width) for root in ROOTS]
        self.root = 0
        self.translator = Translator(bench.config, bench.memory)
        self.translating, self.protecting = True, False
        self.number = self.tail = 0

    def start(self) -> Steps:
        """Switch on what the sweep needs."""
        bench = self.bench
        yield from enable_translation(bench, ROOTS[0])
        yield from bench.write(PHMBASE.offset, OLD, 8)
        yield from bench.write(PHMLIMIT.offset, NEW - 1, 8)
        if self.sweep.by == "queue":
            yield from enable_queue(bench, QUEUE)

    def measure(self, kind: Kind) -> Generator[None, None, tuple[int, int]]:
        """Return how many clocks the requests take without the command, and the command after the requests."""
        trial = Trial(self, kind)
        yield from trial.prepare()
        first = self.bench.now
        yield from trial.finish(trial.submit(self.sweep.victims))
        answered = self.bench.now - first
        first = self.bench.now
        yield from trial.perform()
        done = self.bench.now - first
        yield from trial.restore()
        return answered, done

    def trial(self, kind: Kind, offset: int) -> Steps:
        """Do it `offset` clocks after the requests were submitted, or before, and check all that comes out."""
        trial = Trial(self, kind)
        yield from trial.prepare()
        trial.text = f"{self.sweep.by}, {kind.name}, offset {offset}"
        requests_at, command_at = max(0, -offset), max(0, offset)
        steps: Iterator[None] | None = None
        for clock in count():
            if clock == requests_at:
                trial.submit(self.sweep.victims)
            if clock == command_at:
                steps = trial.perform()
            if steps is not None and next(steps, self) is self:
                break
            if clock > BOUND:
                raise CheckFailed(f"{trial.text}: not done after {BOUND} clocks")
            yield
        trial.completed = self.bench.now - 1
        trial.submit(self.sweep.probes)
        yield from trial.finish(trial.asked)
        trial.check()
        yield from trial.restore()


class Asked(NamedTuple):
    """A request under way, and whether it was asked after the command was done."""

    who: Who
    transfer: Transfer
    after: bool


class Trial:
    """One command in the middle of some requests; every request has a place in its page of its own."""

    def __init__(self, world: World, kind: Kind) -> None:
        self.world, self.kind, self.bench = world, kind, world.bench
        self.text = kind.name
        self.completed = 0  # clock in which software can see that the command is done
        self.asked: list[Asked] = []
        self.before: dict[Who, int | None] = {}
        self.now: dict[Who, int | None] = {}
        number = world.number = world.number + 1
        self.number = number
        self.devices = number * 8 & 0xFFFF
        self.domain, self.new_domain = 2 * number, 2 * number + 1
        tables = world.roots[world.root]
        self.tables, self.other_root = tables, world.roots[1 - world.root]
        self._region_shift = 9 * tables.levels + 3

    def iova(self, page: Page) -> int:
        """Return the guest address of a page."""
        return page.region << self._region_shift | page.number << 12

    def prepare(self) -> Steps:
        """Build old and new tables, and warm the caches up."""
        self._build()
        if self.kind.control in ("TE on", "PMEN off"):
            yield from self._switch()
        first = self._expect()
        yield from self.finish(self.submit(WARMING))
        for who, transfer, _ in self.asked:
            if transfer.permitted != (first[who] is not None):
                raise CheckFailed(f"{self.text}: {who} of the warming up went wrong")
        self.asked.clear()
        self.bench.host.log.clear()

    def submit(self, wanted: tuple[Who, ...]) -> list[Asked]:
        """Submit requests, each with an ID of its own as far as there are so many."""
        submitted = []
        for number, who in enumerate(wanted):
            address = self.iova(who.page) + 8 * len(self.asked)
            transfer = Transfer(who.write, self.devices | who.function, address, id=number % 16, skew=0)
            submitted.append(Asked(who, self.bench.device.submit(transfer), self.completed > 0))
            self.asked.append(submitted[-1])
        return submitted

    def finish(self, asked: list[Asked]) -> Steps:
        """Wait until all are answered."""
        last = self.bench.now + BOUND
        while not all(one.transfer.done for one in reversed(asked)):
            if self.bench.now > last:
                late = next(one for one in asked if not one.transfer.done)
                raise CheckFailed(f"{self.text}: no answer to {late.who} within {BOUND} clocks")
            yield

    def _change(self) -> None:
        """Change what the command is about; software does so before it gives the command."""
        self.before = self._expect()
        kind, tables = self.kind, self.tables
        if kind.control == "SRTP":
            self._switch_root()
        elif kind.control:
            self._switch_flag()
        elif kind.context is not None:
            for function in DEVICES:
                if kind.covers_function(function):
                    tables.attach(self.devices | function, self.new_domain)
        else:
            self._change_entries()
        self.now = self._expect()

    def perform(self) -> Steps:
        """Change the tables, submit the command, and wait until software sees that it is done."""
        if self.kind.control:
            self._change()
            return self._switch()
        return self._by_queue() if self.world.sweep.by == "queue" else self._by_registers()

    def restore(self) -> Steps:
        """Leave translation on and protection off for the next trial."""
        if self.kind.control in ("TE off", "PMEN on"):
            self._switch_flag()
            yield from self._switch()

    def check(self) -> None:
        """Compare every request with the tables: old or new before the command was done, new afterwards."""
        accepted: dict[tuple[int, int], Accepted] = {}
        for event in self.bench.host.log:
            if isinstance(event, Accepted):
                key = event.write, event.address.addr & 0xFFF
                if key in accepted:
                    raise CheckFailed(f"{self.text}: {key} came twice")
                accepted[key] = event
        for number, asked in enumerate(self.asked):
            event = accepted.pop((int(asked.who.write), 8 * number), None)
            self._check_one(asked, event, 8 * number)
        if accepted:
            raise CheckFailed(f"{self.text}: nobody asked for {accepted}")

    def _check_one(self, asked: Asked, event: Accepted | None, offset: int) -> None:
        who, transfer, after = asked
        came = None if event is None else event.address.addr - offset
        where = "refused" if came is None else f"{came:#x}"
        if transfer.permitted != (event is not None):
            raise CheckFailed(f"{self.text}: {who} {where}, but answered {transfer.responses}")
        old, new = self.before[who], self.now[who]
        self._count(who, came, after)
        if came == new:
            return
        if came != old:
            raise CheckFailed(f"{self.text}: {who} {where}, neither old {old} nor new {new}")
        if self._may_stay(who):
            return
        if after:
            raise CheckFailed(f"{self.text}: {who} {where}, asked after the completion in clock {self.completed}")
        if event is not None and not (event.clock < self.completed and transfer.finished <= self.completed):
            raise CheckFailed(
                f"{self.text}: {who} left for {where} in clock {event.clock}, answered in {transfer.finished}, "
                f"after the completion in clock {self.completed}"
            )

    def _count(self, who: Who, came: int | None, after: bool) -> None:
        """Count what became of it, where the command matters."""
        if self.before[who] != self.now[who]:
            when = "after" if after else "in the way"
            self.world.sweep.seen[f"{when}: {'new' if came == self.now[who] else 'old'}"] += 1

    def _may_stay(self, who: Who) -> bool:
        """Translations that were used before outlive a command for contexts alone."""
        if self.kind.context is None or self.kind.iotlb is not None or who.function in (PASSING, OTHER_PASSING):
            return False
        return any(who[:2] == other[:2] for other in (*WARMING, *self.world.sweep.victims))

    # Tables

    def _host(self, page: Page, changed: bool) -> int:
        return (NEW if changed else OLD) | self.number % (1 << 17) << 28 | page.region << 22 | page.number << 12

    def _build(self) -> None:
        """Two domains: the first as things are, the second as they will be wherever the command reaches."""
        kind, tables = self.kind, self.tables
        for function in DEVICES:
            passes = kind.context is not None and function in (PASSING, OTHER_PASSING)
            tables.attach(self.devices | function, self.domain, passes=passes)
        there = self.other_root if kind.control == "SRTP" else tables
        for page in PAGES:
            large = kind.large and page.region == UNKNOWN
            if large and page.number:
                continue
            level = 2 if large else 1
            tables.map(self.domain, self.iova(page), self._host(page, False), level=level)
            changed = kind.covers_page(page)
            rights = READ | WRITE
            if changed and page in (KNOWN, FIRST):
                rights = (READ | WRITE, 0, READ)[self.number % 3]
            host = self._host(page, changed)
            if rights:
                there.map(self.new_domain, self.iova(page), host, level=level, rights=rights)
            else:
                self.bench.memory.write(there.entry_place(self.new_domain, self.iova(page), level), 8, 0)
        if kind.control == "SRTP":
            for function in DEVICES:
                there.attach(self.devices | function, self.new_domain)

    def _change_entries(self) -> None:
        """Replace an entry that points to a table, or with IH = 1 only those of pages."""
        kind, tables = self.kind, self.tables
        if kind.iotlb is not IotlbGranularity.PAGE:
            for region in (NEAR, FAR, UNKNOWN):
                self._copy(Page(region, 0), tables.levels)
            return
        if kind.hint:
            for page in PAGES:
                large = kind.large and page.region == UNKNOWN
                if kind.covers_page(page) and not (large and page.number):
                    self._copy(page, 2 if large else 1)
            return
        above = 3 if kind.address_mask == 18 else 2
        self._copy(KNOWN, above)
        self._copy(FIRST, 3 if kind.large else above)

    def _copy(self, page: Page, level: int) -> None:
        """Put the new domain's entry in the place of the old one's."""
        memory, tables, iova = self.bench.memory, self.tables, self.iova(page)
        entry = memory.read(tables.entry_place(self.new_domain, iova, level), 8)
        memory.write(tables.entry_place(self.domain, iova, level), 8, entry)

    # What the reference says of the tables as they are

    def _expect(self) -> dict[Who, int | None]:
        return {who: self._address(who) for who in set(PROBES)}

    def _address(self, who: Who) -> int | None:
        """Return where a request must go, None when it must be refused."""
        world, address = self.world, self.iova(who.page)
        if not world.translating:
            return address
        access = DmaAccess.WRITE if who.write else DmaAccess.READ
        try:
            request = DmaRequest(self.devices | who.function, address, access)
            host = world.translator.translate(request, ROOTS[world.root]).address
        except Fault:
            return None
        assert host is not None
        return None if world.protecting and OLD <= host < NEW else host

    # Controls

    def _switch_root(self) -> None:
        self.world.root ^= 1

    def _switch_flag(self) -> None:
        world = self.world
        if self.kind.control.startswith("TE"):
            world.translating = not world.translating
        else:
            world.protecting = not world.protecting

    def _switch(self) -> Steps:
        """Make the unit do what `world` says, with as few accesses as there can be; the first time, turn it."""
        bench, world, kind = self.bench, self.world, self.kind
        if not self.before and kind.control != "SRTP":
            self._switch_flag()
        levels = GCMD["QIE"].mask * (world.sweep.by == "queue")
        if kind.control == "SRTP":
            yield from bench.write(RTADDR.offset, ROOTS[world.root], 8)
            yield from bench.write(GCMD.offset, levels | GCMD["TE"].mask | GCMD["SRTP"].mask)
            yield from poll(bench, GSTS.offset, GSTS["RTPS"].mask, GSTS["RTPS"].mask)
        elif kind.control.startswith("TE"):
            yield from bench.write(GCMD.offset, levels | GCMD["TE"].mask * world.translating)
            yield from poll(bench, GSTS.offset, GSTS["TES"].mask, GSTS["TES"].mask * world.translating)
        else:
            yield from bench.write(PMEN.offset, PMEN["EPM"].mask * world.protecting)
            yield from poll(bench, PMEN.offset, PMEN["PRS"].mask, PMEN["PRS"].mask * world.protecting)

    # Commands

    def _targets(self) -> list[int]:
        """Return IVA of the commands by page, which a descriptor has too; of a large page, another part of it."""
        first = self.iova(FIRST) + (0x5000 if self.kind.large else 0)
        mask = (1 << 12 + self.kind.address_mask) - 1
        details = IVA["AM"].to(self.kind.address_mask) | IVA["IH"].to(self.kind.hint)
        return [first & ~mask | details, self.iova(KNOWN) & ~mask | details]

    def _by_registers(self) -> Steps:
        bench, kind = self.bench, self.kind
        offset, operand = bench.config.register_offset(IOTLB), bench.config.register_offset(IVA)
        targets = self._targets() if kind.iotlb is IotlbGranularity.PAGE else [None]
        if targets[0] is not None:
            yield from bench.write(operand, targets[0], 8)
        self._change()
        if kind.context is not None:
            value = CCMD["ICC"].mask | CCMD["CIRG"].to(kind.context) | CCMD["DID"].to(self.domain)
            value |= CCMD["SID"].to(self.devices | kind.source_function) | CCMD["FM"].to(kind.function_mask)
            yield from bench.write(CCMD.offset, value, 8)
            yield from poll(bench, CCMD.offset, CCMD["ICC"].mask, 0, size=8)
        if kind.iotlb is not None:
            value = IOTLB["IVT"].mask | IOTLB["IIRG"].to(kind.iotlb) | IOTLB["DID"].to(self.domain)
            for target in targets:
                if target is not None and target != targets[0]:
                    yield from bench.write(operand, target, 8)
                yield from bench.write(offset, value, 8)
                yield from poll(bench, offset, IOTLB["IVT"].mask, 0, size=8)

    def _by_queue(self) -> Steps:
        bench, world = self.bench, self.world
        self._change()
        for descriptor in self._descriptors():
            bench.memory.write(QUEUE + world.tail, 16, descriptor)
            world.tail = (world.tail + 16) % QUEUE_BYTES
        yield from bench.write(IQT.offset, world.tail, 8)
        while bench.memory.read(STATUS, 4) != self.number:
            yield

    def _descriptors(self) -> list[int]:
        kind, found = self.kind, []
        if kind.context is not None:
            descriptor = CONTEXT_CACHE_INV["TYPE_LO"].to(DescriptorType.CONTEXT_CACHE)
            descriptor |= CONTEXT_CACHE_INV["G"].to(kind.context) | CONTEXT_CACHE_INV["DID"].to(self.domain)
            descriptor |= CONTEXT_CACHE_INV["SID"].to(self.devices | kind.source_function)
            found.append(descriptor | CONTEXT_CACHE_INV["FM"].to(kind.function_mask))
        if kind.iotlb is not None:
            descriptor = IOTLB_INV["TYPE_LO"].to(DescriptorType.IOTLB) | IOTLB_INV["G"].to(kind.iotlb)
            descriptor |= IOTLB_INV["DID"].to(self.domain)
            if kind.iotlb is IotlbGranularity.PAGE:
                found += [descriptor | target << 64 for target in self._targets()]
            else:
                found.append(descriptor)
        wait = INV_WAIT["TYPE_LO"].to(DescriptorType.WAIT) | INV_WAIT["SW"].mask | INV_WAIT["FN"].mask
        return [*found, wait | INV_WAIT["STDATA"].to(self.number) | INV_WAIT["STADDR"].to(STATUS >> 2)]
