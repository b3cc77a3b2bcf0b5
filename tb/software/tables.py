"""Random software changes tables, and invalidates as it must."""

from model.arch.structures import CONTEXT_ENTRY
from tb.axi_memory import Accepted, Written
from tb.possible import ContextScope, PageScope
from tb.random_tables import Domain, Entry
from tb.random_traffic import Wanted
from tb.software.invalidation import Command
from tb.software.registers import Steps
from tb.software.requests import AskingSoftware

__all__ = ["TableSoftware"]


class TableSoftware(AskingSoftware):
    """Entries of all kinds, and memory that fails."""

    def _begin(self) -> None:
        super()._begin()
        self._watched, self._is_read = -1, False  # address of an entry, and whether a walk has read it
        self.bench.tables.observe = self._look_at_tables

    def _change_entries(self) -> Steps:
        """Change some second-stage entries of a domain, then invalidate what may be cached of them."""
        rng = self.rng
        domain, page = self._hot_page()
        if domain is None:
            return
        path = domain.path(page)
        changed = []
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            entry = rng.choice(list(domain.entries.values()))
            if path and rng.random() < 0.8:
                entry = path[-1] if rng.random() < 0.6 else rng.choice(path)
            if self.words.granule(entry.address & -16) is None:
                continue
            if rng.random() < 0.6:
                yield from self._touch(domain, entry)
            self.words.write(entry.address, 8, self.tables.changed(entry))
            changed.append(entry)
            yield from self._pause(rng.choice((0, 0, 5, 50)))
        if rng.random() < 0.9:
            commands = self._covering(domain, changed)
            yield from self._invalidate(commands)
            yield from self._touch_covered(domain, commands)
            for entry in changed:
                yield from self._touch(domain, entry)
        self._spoilt += [(domain, entry) for entry in changed if rng.random() < 0.7]
        if len(self._spoilt) > 3 or any(entry.level > 1 for entry in changed):
            yield from self._pause(rng.choice((0, 50, 200)))
            yield from self._restore_entries()

    def _race(self) -> Steps:
        """Change an entry right after a walk has read it, and invalidate while the walk goes on."""
        rng = self.rng
        domain, page = self._hot_page()
        path = domain.path(page) if domain else []
        if domain is None or not path or self.root not in self.tables.roots:
            return
        entry = rng.choice(path)
        if self.words.granule(entry.address & -16) is None:
            return
        yield from self._invalidate([self._page_command(PageScope(domain.domain_id))])
        self._watched, self._is_read = entry.address, False
        devices = [one for one in self.tables.source_ids if self.tables.domain_of(self.root, one) is domain]
        for _ in range(rng.randint(1, 4) if devices else 0):
            mapped = rng.choice(domain.near(entry) or domain.mapped)
            self.traffic.next.append(Wanted(rng.choice(devices), mapped.first + rng.getrandbits(mapped.bits)))
        last = self.bench.now + 300
        while not self._is_read and self.bench.now < last:
            yield
        self.coverage["changes as a walk reads the entry"] += self._is_read
        self.words.write(entry.address, 8, self.tables.changed(entry))
        self._spoilt.append((domain, entry))
        commands = self._covering(domain, [entry])
        yield from self._invalidate(commands)
        yield from self._settle()
        yield from self._touch_covered(domain, commands)
        yield from self._touch(domain, entry)
        if rng.random() < 0.7:
            yield from self._restore_entries()

    def _look_at_tables(self, entry: Accepted | Written) -> None:
        """See the reads of walks."""
        self.on_tables(entry)
        if isinstance(entry, Accepted) and not entry.write and entry.address.addr == self._watched:
            if not self._is_read and self.rng.random() < 0.7:
                self.delay = self.rng.choice((20, 40) if self.alone else (20, 60, 200))
            self._is_read = True

    def _restore_entries(self) -> Steps:
        """Give entries that were changed their first values again, so that much is permitted at all times."""
        rng = self.rng
        while self._spoilt and rng.random() < 0.9:
            domain, entry = self._spoilt.pop()
            if self.words.granule(entry.address & -16) is not None:
                self.words.write(entry.address, 8, entry.good)
            if rng.random() < 0.7:
                commands = self._covering(domain, [entry])
                yield from self._invalidate(commands)
                yield from self._touch_covered(domain, commands)
                yield from self._touch(domain, entry)

    def _covering(self, domain: Domain, entries: list[Entry]) -> list[Command]:
        """Return commands for the entries, some of them wider than they must be, some for one page of many."""
        rng, domain_id = self.rng, domain.domain_id
        commands = []
        for entry in entries:
            width = rng.random()
            if width < 0.05:
                commands.append(self._page_command(PageScope()))
            elif width < 0.2:
                commands.append(self._page_command(PageScope(domain_id)))
            else:
                am = (entry.pages[1] - entry.pages[0]).bit_length() + rng.choice((0, 0, 0, 1, 5))
                page = entry.first
                mapped = domain.near(entry)
                if width < 0.5 and mapped:
                    am, one = rng.choice((0, 3)), rng.choice(mapped)
                    page = one.first + rng.getrandbits(one.bits)
                first = page >> am << am
                keep = entry.level == 1 and rng.random() < 0.5
                commands.append(self._page_command(PageScope(domain_id, (first, first + (1 << am) - 1), keep)))
        return commands

    def _change_context(self) -> Steps:
        """Change the context-entry of a device, then invalidate by device or domain, and the IOTLB behind it."""
        rng = self.rng
        hot = [hot.source_id for hot in self.traffic.working_set]
        source_id = rng.choice(hot if hot and rng.random() < 0.8 else self.tables.source_ids)
        address = self.tables.contexts[self.root, source_id] if self.root in self.tables.roots else 0
        old = self.words.granule(address) if address else None
        if old is None:
            return
        if rng.random() < 0.7:
            yield from self._touch_device(source_id)
        self.words.store(address, self.tables.context() if rng.random() < 0.85 else self.tables.spoilt_context())
        domain_id = CONTEXT_ENTRY["DID"].of(old) & (1 << self.config.domain_id_bits) - 1
        if rng.random() < 0.1 and not old & 1:
            return  # what was not present is in no cache
        mask = rng.choice((0, 0, 4, 6, 7))
        context = rng.choice(
            (ContextScope(domain_id, source_id ^ rng.getrandbits(3) & mask, mask),) * 3
            + (ContextScope(domain_id), ContextScope())
        )
        pages = rng.choice((PageScope(domain_id), PageScope(domain_id), PageScope()))
        yield from self._invalidate([self._context_command(context), self._page_command(pages)])
        yield from self._touch_device(source_id)

    def _change_root_entry(self) -> Steps:
        rng = self.rng
        root, bus = rng.choice(list(self.tables.context_tables))
        good = self.tables.good_root(root, bus)
        place = root + bus * 16
        if self.words.granule(place) is None:
            return
        spoil = self.words.granule(place) == good and rng.random() < 0.6
        self.words.store(place, self.tables.spoilt_root(good) if spoil else good)
        yield from self._invalidate(self._all())
        if spoil:
            yield from self._pause(rng.randint(0, 100))
            self.words.store(place, good)
            if rng.random() < 0.5:
                yield from self._invalidate(self._all())

    def _break_memory(self) -> Steps:
        """Let some table entries fail for a while."""
        rng = self.rng
        for _ in range(rng.randint(1, 4)):
            place = self._some_entry() & -16
            value = self.words.granule(place)
            if value is not None:
                self._broken.append((place, value))
                self.words.store(place, None)
        if rng.random() < 0.5:
            yield from self._invalidate(self._all())
        yield from self._pause(rng.randint(0, 150))
        self._mend()

    def _mend(self) -> None:
        for place, value in self._broken:
            self.words.store(place, value)
        self._broken.clear()

    def _some_entry(self) -> int:
        rng = self.rng
        kind = rng.random()
        if kind < 0.15:
            root, bus = rng.choice(list(self.tables.context_tables))
            return root + bus * 16
        if kind < 0.4 or not self.tables.domains:
            return rng.choice(list(self.tables.contexts.values()))
        domain = rng.choice(self.tables.domains)
        return rng.choice(list(domain.entries.values())).address
