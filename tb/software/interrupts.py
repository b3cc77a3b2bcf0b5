"""Random software changes interrupt remapping tables, what counts for every interrupt, and invalidates as it must."""

from model.arch.encodings import DescriptorType
from model.arch.registers import GCMD, GSTS, IRTA
from model.arch.structures import IEC_INV
from tb.possible_interrupts import InterruptScope, InterruptTable
from tb.random_interrupts import WantedInterrupt
from tb.software.invalidation import Command
from tb.software.queue import QueueSoftware
from tb.software.registers import Steps
from tb.software.tables import TableSoftware

__all__ = ["InterruptSoftware"]

SIZES = (0, 2, 6, 7, 7, 7, 7, 8, 15)


class InterruptSoftware(TableSoftware, QueueSoftware):
    """Waits for the status bit of each control. Entries may be of any kind at all times."""

    # Controls

    def _set_interrupt_table(self, table: InterruptTable) -> Steps:
        world, interrupts = self.world.interrupts, self.interrupts
        yield from self.write(IRTA, table.register)
        submitted = self.bench.now
        world.table.write(table, submitted)
        interrupts.table = table
        yield from self._global_command(GCMD["SIRTP"].mask)
        yield from self._poll(GSTS, GSTS["IRTPS"].mask, GSTS["IRTPS"].mask)
        world.table_settled(submitted, self.bench.now)
        if not self.config.esirtps:
            yield from self._invalidate_interrupts([InterruptScope()])

    def _set_remapping(self, on: bool) -> Steps:
        if self.world.interrupts.remapping.newest == on:
            return  # nothing drains then
        world, now = self.world.interrupts, self.bench.now
        if on and self.config.esirtps:  # emptied when IRE was cleared, and nothing was read since
            world.invalidated(now, now, InterruptScope())
        world.remapping.write(on, now)
        yield from self._global_command(IRE=on)
        yield from self._poll(GSTS, GSTS["IRES"].mask, GSTS["IRES"].to(int(on)))
        world.remapping.settle(self.bench.now)

    def _set_compatibility(self, on: bool) -> Steps:
        if self.world.interrupts.compatibility.newest == on:
            return  # nothing drains then
        self.world.interrupts.compatibility.write(on, self.bench.now)
        yield from self._global_command(CFI=on)
        yield from self._poll(GSTS, GSTS["CFIS"].mask, GSTS["CFIS"].to(int(on)))
        self.world.interrupts.compatibility.settle(self.bench.now)

    def _set_up_interrupts(self) -> Steps:
        if self.config.ir:
            yield from self._set_interrupt_table(self._some_table(extended=self._extended()))
            yield from self._set_remapping(True)
            yield from self._set_compatibility(self.rng.random() < 0.5)

    def _extended(self) -> bool:
        return self.config.eim and self.rng.random() < 0.6

    def _some_table(self, *, extended: bool) -> InterruptTable:
        rng = self.rng
        bases = self.interrupts.bases
        return InterruptTable(rng.choice((*bases[:2] * 3, *bases)), rng.choice(SIZES), extended)

    def _other_interrupt_table(self) -> Steps:
        """Another table, of another size and mode; the mode may change while interrupts are not remapped alone."""
        extended = self.interrupts.table.extended
        changes = self._extended() != extended
        yield from self._ask_interrupts([self.interrupts.hot_index() for _ in range(2)])
        if changes:
            yield from self._set_remapping(False)
            extended = not extended
        yield from self._set_interrupt_table(self._some_table(extended=extended))
        if changes:
            yield from self._set_remapping(True)
        yield from self._ask_interrupts([self.interrupts.hot_index() for _ in range(2)])

    def _remapping_off(self) -> Steps:
        """Entries change meanwhile; with ESIRTPS that needs no invalidation."""
        indices = [self.interrupts.hot_index() for _ in range(2)]
        yield from self._ask_interrupts(indices)
        yield from self._set_remapping(False)
        yield from self._pause(self.rng.randint(0, 100))
        for index in indices:
            self._change_interrupt_entry(index)
        yield from self._set_remapping(True)
        yield from self._ask_interrupts(indices)

    def _other_compatibility(self) -> Steps:
        on = not self.world.interrupts.compatibility.newest
        yield from self._set_compatibility(on)
        if on and self.interrupts.table.extended and self.rng.random() < 0.5:
            yield from self._set_remapping(False)
            yield from self._set_interrupt_table(self._some_table(extended=False))
            yield from self._set_remapping(True)

    # Entries

    def _interrupt_command(self, scope: InterruptScope) -> Command:
        values = {"TYPE_LO": int(DescriptorType.INTERRUPT_ENTRY_CACHE)}
        if scope.index is not None:
            bits = scope.mask.bit_length()
            index = scope.index ^ self.rng.getrandbits(16) & scope.mask
            values |= {"G": 1, "IM": bits, "IIDX": index}
        else:
            values |= {"IM": self.rng.getrandbits(5), "IIDX": self.rng.getrandbits(16)}
        return Command(None, None, IEC_INV.pack(**values), scope)

    def _invalidate_interrupts(self, scopes: list[InterruptScope]) -> Steps:
        """Give commands; without a queue there is only the side effect of SIRTP."""
        if self._queue_on:
            yield from self._invalidate([self._interrupt_command(scope) for scope in scopes])
        elif self.config.esirtps and self.rng.random() < 0.7:
            yield from self._set_interrupt_table(self.interrupts.table)

    def _interrupt_scope(self, index: int) -> InterruptScope:
        width = self.rng.random()
        if width < 0.1:
            return InterruptScope()
        mask = (1 << self.rng.choice((0, 0, 0, 1, 2, 3, 8, 15))) - 1
        return InterruptScope(index & ~mask & 0xFFFF if width < 0.6 else index, mask)

    def _change_interrupt_entry(self, index: int) -> bool:
        """Replace an entry; False where memory fails."""
        place = self.interrupts.place(index)
        if self.words.granule(place) is None:
            return False
        self.words.store(place, self.interrupts.entry())
        return True

    def _change_interrupt_entries(self) -> Steps:
        """Change some entries, then invalidate what may be cached of them."""
        rng = self.rng
        changed = []
        for _ in range(rng.choice((1, 1, 2, 5))):
            index = self.interrupts.hot_index()
            if rng.random() < 0.6:
                yield from self._ask_interrupts([index])
            if self._change_interrupt_entry(index):
                changed.append(index)
                yield from self._pause(rng.choice((0, 0, 5, 50)))
        if rng.random() < 0.9:
            yield from self._invalidate_interrupts([self._interrupt_scope(index) for index in changed])
        yield from self._ask_interrupts(changed)

    def _race_interrupt_entry(self) -> Steps:
        """Change an entry right after it was read, and invalidate while the interrupt goes on."""
        rng, interrupts = self.rng, self.interrupts
        index = interrupts.hot_index()
        place = interrupts.place(index)
        if self.words.granule(place) is None or not self._queue_on:
            return
        yield from self._invalidate_interrupts([InterruptScope(index)])
        self._watched, self._is_read = place, False
        yield from self._ask_interrupts([index] * rng.randint(1, 3), wait=False)
        last = self.bench.now + 300
        while not self._is_read and self.bench.now < last:
            yield
        self.coverage["changes as an interrupt reads its entry"] += self._is_read
        self._change_interrupt_entry(index)
        yield from self._invalidate_interrupts([self._interrupt_scope(index)])
        yield from self._settle()
        yield from self._ask_interrupts([index] * 2)

    def _ask_interrupts(self, indices: list[int], *, wait: bool = True) -> Steps:
        """Let devices ask for interrupts."""
        for index in indices:
            value = self.words.granule(self.interrupts.place(index))
            devices = self.tables.source_ids
            near = [one for one in devices if value is not None and one >> 3 == value >> 67 & 0x1FFF]
            self.traffic.next.append(WantedInterrupt(self.rng.choice(near or devices), index))
        if wait and indices:
            yield from self._asked()

    def _break_interrupts(self) -> Steps:
        """Let entries or descriptors fail for a while."""
        rng, interrupts = self.rng, self.interrupts
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.4:
                index = interrupts.hot_index()
                self._break(interrupts.place(index), 1)
                yield from self._invalidate_interrupts([InterruptScope(index)])
                yield from self._ask_interrupts([index])
            else:
                descriptor = rng.choice(interrupts.descriptors)
                indices = interrupts.posting_into(descriptor)[:3]
                if rng.random() < 0.5:
                    yield from self._ask_interrupts(indices, wait=False)
                    yield from self._pause(rng.randint(0, 60))
                self._break(descriptor, 4)
                yield from self._ask_interrupts(indices)
        yield from self._pause(rng.randint(0, 150))
        self._mend()

    def _break(self, place: int, granules: int) -> None:
        values = [self.words.granule(place + number * 16) for number in range(granules)]
        if None in values:
            return
        told = self.rng.random() < 0.5  # the exclusive write of a posting is not tried, or fails
        for number, value in enumerate(values):
            assert value is not None
            self._broken.append((place + number * 16, value))
            self.words.store(place + number * 16, None)
            if told:
                self.bench.tables.monitor.wrote(place + number * 16, 16)
