"""Random software lets devices ask for certain pages, so that they meet what it changes."""

from tb.random_tables import Domain, Entry
from tb.random_traffic import Wanted
from tb.software.invalidation import Command, InvalidatingSoftware
from tb.software.registers import Steps

__all__ = ["AskingSoftware"]


class AskingSoftware(InvalidatingSoftware):
    """Puts requests in front of the random ones."""

    def _begin(self) -> None:
        super()._begin()
        self.traffic.next.clear()
        self.traffic.later.clear()

    def _touch(self, domain: Domain, entry: Entry) -> Steps:
        """Let devices of a domain ask for pages that an entry maps."""
        rng, mapped = self.rng, domain.near(entry)
        if mapped:
            places = (rng.choice(mapped) for _ in range(rng.randint(1, 4)))
            yield from self._touch_pages(domain, [one.first + rng.getrandbits(one.bits) for one in places])

    def _touch_covered(self, domain: Domain, commands: list[Command]) -> Steps:
        """Let devices of a domain ask for pages that commands name."""
        scopes = [command.pages.pages for command in commands if command.pages and command.pages.pages]
        yield from self._touch_pages(domain, [first for first, _ in scopes])

    def _touch_pages(self, domain: Domain, pages: list[int]) -> Steps:
        """Let devices of a domain ask for pages; wait until they have, mostly."""
        devices = self._devices(domain)
        if devices and pages and self.root in self.tables.roots:
            self.traffic.next.extend(Wanted(self.rng.choice(devices), page) for page in pages)
            yield from self._asked()

    def _touch_device(self, source_id: int) -> Steps:
        """Let a device ask for pages that its domain maps."""
        domain = self.tables.domain_of(self.root, source_id)
        if domain is not None:
            for _ in range(self.rng.randint(1, 3)):
                one = self.rng.choice(domain.mapped)
                self.traffic.next.append(Wanted(source_id, one.first + self.rng.getrandbits(one.bits)))
            yield from self._asked()

    def _asked(self) -> Steps:
        """Wait, not for ever, until what shall come next has come, and a bit longer: it meets what follows or not."""
        if self.rng.random() < 0.3:
            yield from self._pause(self.rng.randint(0, 12))
            return
        last = self.bench.now + 200
        while self.traffic.next and self.bench.now < last:
            yield
        self.traffic.next.clear()
        yield from self._pause(self.rng.choice((0, 4, 10, 60)))

    def _hot_page(self) -> tuple[Domain | None, int]:
        """Return a page that devices ask for, and its domain."""
        working_set = self.traffic.working_set
        if working_set and self.rng.random() < 0.9:
            hot = self.rng.choice(working_set)
            return hot.domain, hot.page
        if not self.tables.domains:
            return None, 0
        domain = self.rng.choice(self.tables.domains)
        return domain, self.rng.choice(domain.mapped).first

    def _devices(self, domain: Domain) -> list[int]:
        """Return the devices whose context-entries name a domain."""
        return [one for one in self.tables.source_ids if self.tables.domain_of(self.root, one) is domain]
