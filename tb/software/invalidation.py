"""Random software gives invalidations, by queue or by register, and tells the World when they are complete."""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from model.arch.encodings import ContextGranularity, DescriptorType, IotlbGranularity, TableMode
from model.arch.registers import CCMD, IOTLB, IQT, IVA
from model.arch.structures import CONTEXT_CACHE_INV, IEC_INV, INV_WAIT, IOTLB_INV
from tb.check import CheckFailed
from tb.possible import ContextScope, PageScope
from tb.possible_interrupts import InterruptScope
from tb.software.registers import RegisterSoftware, Steps

__all__ = ["Command", "InvalidatingSoftware"]


class Command(NamedTuple):
    """An invalidation: what it covers, and how it is asked for by queue."""

    context: ContextScope | None
    pages: PageScope | None
    descriptor: int
    interrupts: InterruptScope | None = None  # only by queue


@dataclass
class _Batch:
    """Descriptors on their way: `status` is where the wait descriptor behind them writes `data`."""

    submitted: int
    commands: list[Command]
    status: int
    data: int


class InvalidatingSoftware(RegisterSoftware):
    """Makes commands and gives them."""

    def _begin(self) -> None:
        super()._begin()
        self._queue_on = self._wide = False
        self._tail = 0
        self._batches: deque[_Batch] = deque()

    def look(self) -> None:
        """See which batches are complete."""
        while self._batches:
            batch = self._batches[0]
            if self.words.read(batch.status, 4) != batch.data:
                return
            self._batches.popleft()
            self._completed(batch.commands, batch.submitted)

    def _completed(self, commands: list[Command], submitted: int) -> None:
        now = self.bench.now
        for command in commands:
            if command.interrupts is not None:
                self.world.interrupts.invalidated(submitted, now, command.interrupts)
            if command.context is not None or command.pages is not None:
                self.world.invalidated(submitted=submitted, done=now, context=command.context, pages=command.pages)

    def _settle(self) -> Steps:
        """Wait until the queue is empty."""
        if self._batches:
            data, status = self._batches[-1].data, self._batches[-1].status
            yield from self._until(lambda: self.words.read(status, 4) == data, "the status of a wait descriptor")
            self.look()

    def _invalidate(self, commands: list[Command]) -> Steps:
        """Give commands, by queue or by register; they may still be under way when this returns."""
        self.coverage["invalidations that software asked for"] += len(commands)
        for command in commands:
            self.coverage[f"invalidation: {_kind(command)}"] += 1
            if self.bench.device.outstanding:
                self.coverage[f"invalidation with traffic in flight: {_kind(command)}"] += 1
        if self._queue_on:
            if len(self._batches) > 6:
                yield from self._settle()
            yield from self._submit(commands)
            if self.rng.random() < 0.8:
                yield from self._settle()
        else:
            for command in commands:
                yield from self._by_register(command)

    def _submit(self, commands: list[Command]) -> Steps:
        descriptors = [command.descriptor for command in commands]
        if self.config.ir and self.rng.random() < 0.1:
            descriptors.append(IEC_INV.pack(TYPE_LO=DescriptorType.INTERRUPT_ENTRY_CACHE, G=self.rng.getrandbits(1)))
        status, data, wait = self._wait_descriptor()
        submitted = self.bench.now
        for descriptor in [*descriptors, wait]:
            self._put(descriptor)
        self._batches.append(_Batch(submitted, commands, status, data))
        yield from self.write(IQT, self._tail)

    def _wait_descriptor(self) -> tuple[int, int, int]:
        """Return where a wait descriptor writes what, and the descriptor."""
        rng = self.rng
        self._status_number += 1
        status = self._status_page + self._status_number % 1024 * 4
        data = self._status_number << 8 | rng.getrandbits(8)
        wait = INV_WAIT.pack(TYPE_LO=DescriptorType.WAIT, SW=1, FN=rng.getrandbits(1), STDATA=data, STADDR=status >> 2)
        if rng.random() < 0.1:
            wait |= INV_WAIT["IF"].mask
            self.coverage["wait descriptors with status write and event"] += 1
        if rng.random() < 0.3:  # bits at and above HAW are ignored
            wait |= rng.getrandbits(64 - self.config.haw) << 64 + self.config.haw
        return status, data, wait

    def _put(self, descriptor: int) -> None:
        """Put a descriptor at the tail, which software's copy moves on."""
        size = 32 if self._wide else 16
        self.words.store(self._queue_base + self._tail, descriptor)
        if self._wide:
            self.words.store(self._queue_base + self._tail + 16, 0)
        self._tail = (self._tail + size) % 4096

    def _by_register(self, command: Command) -> Steps:
        submitted = self.bench.now
        if command.context is not None:
            yield from self._by_ccmd(command.context)
        if command.pages is not None:
            yield from self._by_iotlb(command.pages)
        legacy = self.world.mode.newest is TableMode.LEGACY
        if legacy and self.config.version_major <= 5:
            self._completed([command], submitted)

    def _by_ccmd(self, scope: ContextScope) -> Steps:
        granularity = ContextGranularity.DEVICE
        if scope.domain_id is None:
            granularity = ContextGranularity.GLOBAL
        elif scope.source_id is None:
            granularity = ContextGranularity.DOMAIN
        value = CCMD.pack(
            DID=scope.domain_id or 0,
            SID=scope.source_id or 0,
            FM=scope.function_mask.bit_count(),
            CIRG=granularity,
            ICC=1,
        )
        yield from self.write(CCMD, value)
        seen = yield from self._poll(CCMD, CCMD["ICC"].mask, 0)
        self._reported("CCMD.CAIG", CCMD["CAIG"].of(seen), granularity)

    def _by_iotlb(self, scope: PageScope) -> Steps:
        granularity = IotlbGranularity.PAGE
        if scope.domain_id is None:
            granularity = IotlbGranularity.GLOBAL
        elif scope.pages is None:
            granularity = IotlbGranularity.DOMAIN
        if scope.pages is not None:
            am = (scope.pages[1] - scope.pages[0]).bit_length()
            address = scope.pages[0] | self.rng.getrandbits(am) if am else scope.pages[0]
            yield from self.write(IVA, IVA.pack(AM=am, IH=int(scope.keep_tables), ADDR=address))
        value = IOTLB.pack(DID=scope.domain_id or 0, IIRG=granularity, IVT=1, DR=self.rng.getrandbits(1))
        yield from self.write(IOTLB, value)
        seen = yield from self._poll(IOTLB, IOTLB["IVT"].mask, 0)
        if granularity is IotlbGranularity.PAGE and not self.config.psi:
            granularity = IotlbGranularity.DOMAIN
        self._reported("IOTLB.IAIG", IOTLB["IAIG"].of(seen), granularity)

    def _reported(self, name: str, seen: int, wanted: int) -> None:
        legacy = self.world.mode.newest is TableMode.LEGACY
        expected = wanted if legacy and self.config.version_major <= 5 else 0
        if seen != expected:
            raise CheckFailed(f"clock {self.bench.now}: {name} is {seen}, and not {expected}")

    def _context_command(self, scope: ContextScope) -> Command:
        granularity = ContextGranularity.DEVICE
        if scope.domain_id is None:
            granularity = ContextGranularity.GLOBAL
        elif scope.source_id is None:
            granularity = ContextGranularity.DOMAIN
        descriptor = CONTEXT_CACHE_INV.pack(
            TYPE_LO=DescriptorType.CONTEXT_CACHE,
            G=granularity,
            DID=scope.domain_id or 0,
            SID=scope.source_id or 0,
            FM=scope.function_mask.bit_count(),
        )
        return Command(scope, None, descriptor)

    def _page_command(self, scope: PageScope) -> Command:
        """Return the command; more pages than MAMV allows, or any where there is no PSI, become the whole domain."""
        rng = self.rng
        if scope.pages is not None:
            am = (scope.pages[1] - scope.pages[0]).bit_length()
            if not self.config.psi or am > self.config.mamv:
                scope = PageScope(scope.domain_id)
        values = {"TYPE_LO": DescriptorType.IOTLB, "DR": rng.getrandbits(1), "DW": rng.getrandbits(1)}
        values["DID"] = scope.domain_id or 0
        if scope.domain_id is None:
            values["G"] = IotlbGranularity.GLOBAL
            values["DID"] = rng.getrandbits(16)
        elif scope.pages is None:
            values["G"] = IotlbGranularity.DOMAIN
        else:
            am = (scope.pages[1] - scope.pages[0]).bit_length()
            values |= {"G": IotlbGranularity.PAGE, "AM": am, "IH": int(scope.keep_tables)}
            values["ADDR"] = scope.pages[0] | (rng.getrandbits(am) if am else 0)
        return Command(None, scope, IOTLB_INV.pack(**values))

    def _all(self) -> list[Command]:
        return [self._context_command(ContextScope()), self._page_command(PageScope())]

    def _invalidate_anything(self) -> Steps:
        """Commands that nothing asks for: of any breadth, of other domains, and far away."""
        rng = self.rng
        commands = []
        for _ in range(rng.choice((1, 1, 2, 3, 12))):
            domain_id = rng.choice([*(d.domain_id for d in self.tables.domains), rng.getrandbits(4)])
            domain_id &= (1 << self.config.domain_id_bits) - 1
            kind = rng.random()
            if kind < 0.06:
                commands.append(self._context_command(ContextScope()))
            elif kind < 0.3:
                source_id = rng.choice(self.tables.source_ids) if rng.random() < 0.7 else None
                mask = rng.choice((0, 4, 6, 7)) if source_id is not None else 0
                commands.append(self._context_command(ContextScope(domain_id, source_id, mask)))
            elif kind < 0.36:
                commands.append(self._page_command(PageScope()))
            elif kind < 0.5:
                commands.append(self._page_command(PageScope(domain_id)))
            else:
                commands.append(self._page_command(self._some_pages(domain_id)))
        yield from self._invalidate(commands)

    def _some_pages(self, domain_id: int) -> PageScope:
        rng = self.rng
        am = rng.choice((0, 0, 1, 9, rng.randint(0, 30)))
        page = rng.getrandbits(52)
        hot = [hot.page for hot in self.traffic.working_set if hot.domain.domain_id == domain_id]
        if hot and rng.random() < 0.8:
            page = rng.choice(hot) ^ (1 << rng.choice((0, 8, 9, 18)) if rng.random() < 0.5 else 0)
        first = page >> am << am
        return PageScope(domain_id, (first, first + (1 << am) - 1), rng.random() < 0.3)


def _kind(command: Command) -> str:
    if command.interrupts is not None:
        return "interrupt entry cache, " + ("global" if command.interrupts.index is None else "index")
    scope = command.context
    if scope is not None:
        if scope.domain_id is None:
            return "context-cache, global"
        return "context-cache, domain" if scope.source_id is None else "context-cache, device"
    pages = command.pages
    if pages is None or pages.domain_id is None:
        return "IOTLB, global"
    return "IOTLB, domain" if pages.pages is None else "IOTLB, pages"
