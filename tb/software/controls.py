"""Random software changes what counts for every request: translation, root table, table mode, protected memory."""

from model.arch.encodings import IqeiCode, TableMode
from model.arch.registers import GCMD, GSTS, PHMBASE, PHMLIMIT, PLMBASE, PLMLIMIT, PMEN, RTADDR
from tb.possible import ContextScope, PageScope, Protected
from tb.random_traffic import Wanted
from tb.software.queue import QueueSoftware
from tb.software.registers import Steps
from tb.software.requests import AskingSoftware

__all__ = ["ControlSoftware"]


class ControlSoftware(AskingSoftware, QueueSoftware):
    """Waits for the status bit of each control."""

    def _set_root(self, root: int, mode: TableMode, command: int = 0) -> Steps:
        yield from self.write(RTADDR, root | RTADDR["TTM"].to(mode))
        submitted = self.bench.now
        self.world.root.write(root, submitted)
        self.world.mode.write(mode, submitted)
        self.root = root
        yield from self._global_command(GCMD["SRTP"].mask | command)
        yield from self._poll(GSTS, GSTS["RTPS"].mask, GSTS["RTPS"].mask)
        now = self.bench.now
        # With ESRTPS the change and the invalidation are one, so what it covers ended before it.
        self.world.root.settle(submitted if self.config.esrtps else now)
        self.world.mode.settle(now)
        if self.config.esrtps:
            self.world.invalidated(submitted=submitted, done=now, context=ContextScope(), pages=PageScope())
        elif mode is TableMode.LEGACY:
            yield from self._invalidate(self._all())

    def _set_translation(self, on: bool) -> Steps:
        self.world.translation.write(on, self.bench.now)
        yield from self._global_command(TE=on)
        mask = GSTS["TES"].mask
        yield from self._poll(GSTS, mask, mask if on else 0)
        self.world.translation.settle(self.bench.now)

    def _translation_off(self) -> Steps:
        yield from self._set_translation(False)
        yield from self._pause(self.rng.randint(0, 100))
        yield from self._set_translation(True)

    def _hurry(self) -> Steps:
        """Write GCMD again and again without waiting; SRTP at the end tells when all of it is over."""
        yield from self._settle()
        rng = self.rng
        for _ in range(rng.randint(1, 4)):
            on = rng.random() < 0.5
            self.world.translation.write(on, self.bench.now)
            yield from self._global_command(rng.choice((0, GCMD["WBF"].mask)), TE=on)
        self.world.translation.write(True, self.bench.now)
        self._command |= GCMD["TE"].mask
        yield from self._set_root(self.root, self.world.mode.newest)
        self.world.translation.settle(self.bench.now)

    def _other_root(self) -> Steps:
        yield from self._settle()
        rng = self.rng
        root = rng.choice(self.tables.roots) if rng.random() < 0.7 else rng.choice(self.tables.wild_roots)
        yield from self._set_root(root, TableMode.LEGACY)
        if root in self.tables.wild_roots:
            self.coverage["phases of random memory"] += 1
            yield from self._pause(rng.randint(50, 250))
            if rng.random() < 0.3:
                yield from self._invalidate_anything()
            yield from self._settle()
            yield from self._set_root(rng.choice(self.tables.roots), TableMode.LEGACY)

    def _other_mode(self) -> Steps:
        """A table mode in which every DMA is refused, for a while."""
        yield from self._settle()
        rng = self.rng
        mode = rng.choice((TableMode.SCALABLE, TableMode.RESERVED, TableMode.ABORT_DMA))
        yield from self._set_root(self.root, mode)
        yield from self._pause(rng.randint(20, 120))
        if not self._queue_on and rng.random() < 0.5:
            yield from self._by_ccmd(ContextScope())
            yield from self._by_iotlb(PageScope())
        if self._queue_on and not self._wide and rng.random() < 0.6:
            abort = mode is TableMode.ABORT_DMA and self.config.adms
            code = IqeiCode.INVALID_WIDTH if abort else IqeiCode.INVALID_TABLE_MODE
            yield from self._submit([])
            head = self._batches[-1]
            yield from self._expect_queue_error(code)
            yield from self._set_root(self.root, TableMode.LEGACY)
            yield from self._clear_queue_error()
            assert self._batches[-1] is head
            yield from self._settle()
        else:
            yield from self._set_root(self.root, TableMode.LEGACY)

    def _protect(self) -> Steps:
        """Protected regions around what the tables lead to, for a while."""
        rng, config = self.rng, self.config
        low, high = sorted(self._chunk(32) for _ in range(2))
        if rng.random() < 0.1:
            low, high = high, low  # no region then, unless they are equal
        start, end = sorted(self._chunk(config.haw) for _ in range(2))
        if rng.random() < 0.3:
            end = start
        protected = Protected(True, low, high, start, end)
        registers = [(PLMBASE, low), (PLMLIMIT, high)] if config.plmr else []
        registers += [(PHMBASE, start), (PHMLIMIT, end)] if config.phmr else []
        for register, value in registers:
            yield from self.write(register, value)
        yield from self._enable_protection(protected)
        if self.traffic.working_set:
            self.traffic.next.extend(Wanted(hot.source_id, hot.page) for hot in self.traffic.working_set[:4])
            yield from self._asked()
        yield from self._pause(rng.randint(0, 150))
        yield from self._enable_protection(protected._replace(enabled=False))

    def _chunk(self, bits: int) -> int:
        """Return the first address of the smallest thing that can be protected, below 2^bits: near what is mapped."""
        rng, shift = self.rng, self.config.protected_memory_shift
        place = rng.getrandbits(bits)
        if self.traffic.working_set and rng.random() < 0.8:
            hot = rng.choice(self.traffic.working_set)
            path = hot.domain.path(hot.page)
            place = path[-1].good & (1 << self.config.haw) - 4096
        place = max(0, place + rng.choice((0, 0, 1, -1)) * (1 << shift))
        return place % (1 << bits) >> shift << shift

    def _enable_protection(self, protected: Protected) -> Steps:
        self.world.protected.write(protected, self.bench.now)
        yield from self.write(PMEN, PMEN["EPM"].to(protected.enabled))
        yield from self._poll(PMEN, PMEN["PRS"].mask, PMEN["PRS"].to(protected.enabled))
        self.world.protected.settle(self.bench.now)
