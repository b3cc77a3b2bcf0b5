"""Random software concentrates on one page: devices ask for it before, while and after its tables change.

Nothing else is asked for meanwhile, so that what caches hold is not replaced, and what drains is what matters.
"""

from collections.abc import Generator
from typing import NamedTuple

from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.structures import CONTEXT_ENTRY
from tb.possible import ContextScope, PageScope
from tb.random_tables import Domain, Entry
from tb.random_traffic import Wanted
from tb.software.registers import Steps
from tb.software.tables import TableSoftware

__all__ = ["DrillingSoftware"]

ANSWER_CLOCKS = 400
READ_CLOCKS = 100
SLOW_HOST_CLOCKS = 80
TO_STAGE_1 = 3  # clocks from the submission of a request until it is looked up
INTERRUPT_PAGE = INTERRUPT_PREFIX << 8


class _Target(NamedTuple):
    """A page that a device may ask for, and the entries on the way to it."""

    device: int
    domain: Domain
    page: int
    path: list[Entry]


class DrillingSoftware(TableSoftware):
    """Drills are actions; each leaves the tables as they were planted, but for the context-entry."""

    def _begin(self) -> None:
        super()._begin()
        self._aim = {False: 12, True: 30}  # clocks from giving a command to its broadcast, by queue or not
        self._aimed_from, self._broadcasts = -1, 0

    def watch(self) -> None:
        """See, in each clock, whether the command that is aimed at is broadcast."""
        if self._aimed_from >= 0 and self.bench.unit.invalidations != self._broadcasts:
            self._aim[self._queue_on] = self.bench.now - self._aimed_from
            self._aimed_from = -1

    # Drills

    def _drill_entry(self) -> Steps:
        """Change an entry that caches hold, or that a walk has just read, and invalidate one page."""
        target = yield from self._begin_drill()
        if target is not None:
            leaf = target.path[-1]
            entry = leaf if self.rng.random() < 0.4 else self.rng.choice(target.path)
            raced = yield from self._let_be_cached(target, entry.address)
            self.words.write(entry.address, 8, self._other_value(entry))
            pages = self._pages_with(target, entry)
            named = target.page if raced else self.rng.choice(pages)
            scope = self._scope(target.domain, named, keep=entry is leaf)
            yield from self._invalidate([self._page_command(scope)])
            yield from self._settle()
            covered = [page for page in pages if scope.pages and scope.pages[0] <= page <= scope.pages[1]]
            yield from self._ask(target.device, covered[:1] + pages[:2])
            yield from self._restore(target)
        yield from self._end_drill()

    def _drill_context(self) -> Steps:
        """Change a context-entry that caches hold, or that a walk has just read, and invalidate for its device."""
        rng = self.rng
        target = yield from self._begin_drill()
        address = self.tables.contexts[self.root, target.device] if target is not None else 0
        old = self.words.granule(address) if address else None
        if target is not None and old is not None:
            yield from self._let_be_cached(target, address)
            self.words.store(address, self.tables.context() if rng.random() < 0.7 else self.tables.spoilt_context())
            domain_id = CONTEXT_ENTRY["DID"].of(old)
            mask = rng.choice((0, 0, 4, 6, 7))
            scope = ContextScope(domain_id, target.device ^ rng.getrandbits(3) & mask, mask)
            commands = [self._context_command(scope), self._page_command(PageScope(domain_id))]
            yield from self._invalidate(commands)
            yield from self._settle()
            yield from self._ask(target.device, [target.page, target.page])
            if self.tables.domain_of(self.root, target.device) is None or rng.random() < 0.5:
                now = CONTEXT_ENTRY["DID"].of(self.words.granule(address) or 0)
                self.words.store(address, old)
                yield from self._invalidate([self._context_command(ContextScope(now)), *commands])
        yield from self._end_drill()

    def _drill_broadcast(self) -> Steps:
        """Aim one request at the clock of a broadcast, after the page has changed; memory answers late."""
        rng = self.rng
        target = yield from self._begin_drill()
        for _ in range(rng.randint(1, 5) if target is not None else 0):
            assert target is not None
            leaf = target.path[-1]
            if rng.random() < 0.8:
                yield from self._ask(target.device, [target.page])
            self.words.write(leaf.address, 8, self.tables.leaf(leaf.level) | 3)
            yield from self._settle()
            self.host_latency = SLOW_HOST_CLOCKS
            now = self.bench.now
            offset = max(0, self._aim[self._queue_on] - TO_STAGE_1 + rng.randint(-2, 2))
            self.traffic.later.append((now + offset, Wanted(target.device, target.page)))
            self._aimed_from, self._broadcasts = now, self.bench.unit.invalidations
            yield from self._invalidate([self._page_command(PageScope(target.domain.domain_id))])
            yield from self._settle()
            yield from self._answered()
            self.host_latency = 0
            self.coverage["requests aimed at a broadcast"] += 1
        if target is not None:
            yield from self._restore(target)
        yield from self._end_drill()

    def _drill_permission(self) -> Steps:
        """Let a page be cached by what it permits, then ask for what it does not."""
        target = yield from self._begin_drill(quiet=self.rng.random() < 0.7)
        if target is not None:
            leaf = target.path[-1]
            write = self.rng.random() < 0.5
            self.words.write(leaf.address, 8, leaf.good & ~3 | (2 if write else 1))
            yield from self._flush(target.domain)
            yield from self._ask(target.device, [target.page], write)
            yield from self._ask(target.device, [target.page] * 2, not write)
            yield from self._restore(target)
        yield from self._end_drill()

    def _drill_interrupt_range(self) -> Steps:
        """Let a large page be cached that maps into the interrupt range too, then ask for what goes there."""
        rng = self.rng
        target = yield from self._begin_drill(large=True)
        if target is not None:
            leaf = target.path[-1]
            size = leaf.pages[1] - leaf.pages[0] + 1
            inside = INTERRUPT_PAGE % size
            self.words.write(leaf.address, 8, self.tables.into_interrupt_range(leaf.level))
            yield from self._flush(target.domain)
            outside = (inside + rng.randrange(0x100, size)) % size
            yield from self._ask(target.device, [leaf.first + outside])
            yield from self._ask(target.device, [leaf.first + inside + rng.getrandbits(8) for _ in range(2)])
            yield from self._restore(target)
        yield from self._end_drill()

    # Their parts

    def _begin_drill(self, large: bool = False, quiet: bool = False) -> Generator[None, None, _Target | None]:
        """Return a page to drill with, None where there is none; from now on nothing else is asked for.

        `large`: of a large page; `quiet`: of a device whose context-entry has FPD, if there is one.
        """
        target = self._target(large, quiet)
        if target is not None:
            self.alone = True
            yield from self._answered()
            if any(self._value(entry) != entry.good for entry in target.path):
                yield from self._restore(target)
        return target

    def _end_drill(self) -> Steps:
        self.host_latency = 0
        if self.alone:
            yield from self._answered()
            self.alone = False

    def _target(self, large: bool, quiet: bool) -> _Target | None:
        rng = self.rng
        devices = [one for one in self.tables.source_ids if self.tables.domain_of(self.root, one) is not None]
        if not devices or self.root not in self.tables.roots:
            return None
        of_fpd = [one for one in devices if self._disables_faults(one)]
        device = rng.choice(of_fpd if quiet and of_fpd else devices)
        domain = self.tables.domain_of(self.root, device)
        assert domain is not None
        mapped = [one for one in domain.mapped if one.bits]
        if not mapped or not (large or rng.random() < 0.4):
            mapped = [] if large else domain.mapped
        if not mapped:
            return None
        one = rng.choice(mapped)
        path = domain.path(one.first)
        if any(self.words.granule(entry.address & -16) is None for entry in path):
            return None
        return _Target(device, domain, one.first + rng.getrandbits(one.bits), path)

    def _disables_faults(self, device: int) -> bool:
        entry = self.words.granule(self.tables.contexts[self.root, device])
        return entry is not None and bool(CONTEXT_ENTRY["FPD"].of(entry))

    def _value(self, entry: Entry) -> int:
        value = self.words.granule(entry.address & -16)
        assert value is not None
        return value >> entry.address % 16 * 8 & (1 << 64) - 1

    def _pages_with(self, target: _Target, entry: Entry) -> list[int]:
        """Return pages that an entry maps: the target's, another of its large page, and one beside it."""
        rng, leaf = self.rng, target.path[-1]
        near = rng.choice(target.domain.near(entry) or target.domain.mapped)
        return [
            target.page,
            leaf.first + rng.randrange(leaf.pages[1] - leaf.first + 1),
            near.first + rng.getrandbits(near.bits),
        ]

    def _scope(self, domain: Domain, page: int, keep: bool) -> PageScope:
        am = self.rng.choice((0, 0, 0, 1, 5))
        first = page >> am << am
        return PageScope(domain.domain_id, (first, first + (1 << am) - 1), keep and self.rng.random() < 0.5)

    def _other_value(self, entry: Entry) -> int:
        now = self._value(entry)
        return next((new for new in (self.tables.changed(entry) for _ in range(3)) if new != now), now ^ 3)

    def _let_be_cached(self, target: _Target, address: int) -> Generator[None, None, bool]:
        """Let a walk read an entry: it has ended when this returns, or (True) goes on."""
        rng = self.rng
        if rng.random() < 0.4:
            yield from self._ask(target.device, [target.page])
            return False
        yield from self._flush(target.domain, target.device)
        self._watched, self._is_read = address, False
        self.traffic.next.append(Wanted(target.device, target.page))
        last = self.bench.now + READ_CLOCKS
        while not self._is_read and self.bench.now < last:
            yield
        self.coverage["changes as a walk reads the entry"] += self._is_read
        yield from self._pause(rng.choice((0, 0, 2, 8)))
        return True

    def _ask(self, device: int, pages: list[int], write: bool | None = None) -> Steps:
        """Let a device ask for pages, one after the other; return when it has its answers, mostly."""
        for page in pages:
            self.traffic.next.append(Wanted(device, page, write))
            if self.rng.random() < 0.9:
                yield from self._answered()
        yield from self._answered()

    def _answered(self) -> Steps:
        """Wait, not for ever, until no device waits for anything."""
        last = self.bench.now + ANSWER_CLOCKS
        while (self.traffic.next or self.traffic.later or self.bench.device.outstanding) and self.bench.now < last:
            yield

    def _flush(self, domain: Domain, device: int | None = None) -> Steps:
        """Invalidate all of a domain, and of a device."""
        commands = [self._page_command(PageScope(domain.domain_id))]
        if device is not None:
            commands.insert(0, self._context_command(ContextScope(domain.domain_id, device)))
        yield from self._invalidate(commands)
        yield from self._settle()

    def _restore(self, target: _Target) -> Steps:
        """Give the entries their first values."""
        for entry in target.path:
            self.words.write(entry.address, 8, entry.good)
        yield from self._invalidate([self._page_command(PageScope(target.domain.domain_id))])
