"""Random requests of devices: many IDs and source-ids, hot and cold pages, bursts of all kinds, and what is refused."""

import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.cycle.request import Access, Attributes, Request
from tb.axi_device import Transfer
from tb.random_interrupts import Interrupts, WantedInterrupt
from tb.random_tables import Domain, Tables

__all__ = ["Hot", "Traffic", "Wanted"]

PAGE_BYTES = 4096
LENGTHS = (1,) * 10 + (2, 2, 3, 4, 4, 8, 16)
ATOMIC = (int(Size.DWORD), int(Size.QUADWORD))
CORE_ACCESS = {False: Access.ZERO_LENGTH_READ, True: Access.ATOMIC}


class Hot(NamedTuple):
    """A page that a device asks for again and again."""

    source_id: int
    domain: Domain
    page: int


class Wanted(NamedTuple):
    """A request that comes before the random ones; `write` None is either."""

    source_id: int
    page: int
    write: bool | None = None


class Traffic:
    """Makes one transfer at a time. `root` says which root table counts now; the knobs may change at any time.

    Knobs: `hot`, the share of requests to the pages of `working_set`; `odd`, the share that is unusual; `ids`, how
    many AXI IDs are used; `writes`, the share of writes; `long`, the share of long bursts; `interrupts`, the share of
    interrupt requests.
    `next` holds what shall come first, `later` what shall join it in a certain clock.
    """

    def __init__(
        self,
        config: UnitConfig,
        tables: Tables,
        interrupts: Interrupts,
        rng: random.Random,
        root: Callable[[], int],
    ) -> None:
        self._config, self._tables, self._rng, self._root = config, tables, rng, root
        self._interrupts = interrupts
        self.interrupts = 0.1
        self.hot, self.odd, self.writes, self.long = 0.6, 0.15, 0.5, 0.05
        self.ids = 1 << config.id_bits
        self.working_set: list[Hot] = []
        self.next: deque[Wanted | WantedInterrupt] = deque()
        self.later: deque[tuple[int, Wanted]] = deque()  # (clock, request), earliest first

    def draw_working_set(self, count: int) -> None:
        """Choose the pages that are hot from now on."""
        rng = self._rng
        self.working_set = []
        for _ in range(count):
            source_id = rng.choice(self._tables.source_ids)
            domain = self._tables.domain_of(self._root(), source_id)
            if domain is not None:
                mapped = rng.choice(domain.mapped)
                self.working_set.append(Hot(source_id, domain, mapped.first + rng.getrandbits(mapped.bits)))

    def tick(self, now: int) -> None:
        """A clock begins."""
        while self.later and self.later[0][0] <= now:
            self.next.append(self.later.popleft()[1])

    def transfer(self, cache: int, prot: int, qos: int, wanted: Wanted | WantedInterrupt | None = None) -> Transfer:
        """Return the next transfer to submit, with these attributes; the one that is `wanted`, if any."""
        rng = self._rng
        if isinstance(wanted, WantedInterrupt) or (wanted is None and rng.random() < self.interrupts):
            transfer = Transfer(True, 0, 0, rng.randrange(self.ids), cache=cache, prot=prot, qos=qos)
            self._interrupts.shape(transfer, wanted)
            return transfer
        write = rng.random() < self.writes
        if wanted is None:
            source_id, address = self._where()
        else:
            source_id, address = wanted.source_id, wanted.page << 12 | rng.getrandbits(12)
            write = write if wanted.write is None else wanted.write
        transfer = Transfer(write, source_id, address, rng.randrange(self.ids))
        transfer.cache, transfer.prot, transfer.qos = cache, prot, qos
        if rng.random() < 0.01:
            transfer.pasid = rng.getrandbits(20)
        if rng.random() < 0.01:
            transfer.translated = True
        self._shape(transfer)
        return transfer

    # Where to

    def _where(self) -> tuple[int, int]:
        """Return source-id and address."""
        rng = self._rng
        source_id = rng.choice(self._tables.source_ids if rng.random() < 0.97 else self._tables.strangers)
        domain = self._tables.domain_of(self._root(), source_id)
        if rng.random() < self.odd:
            return source_id, self._odd_address(domain)
        if self.working_set and rng.random() < self.hot:
            hot = rng.choice(self.working_set)
            # Another device of the same domain now and then, and the same device wherever it leads by now.
            return hot.source_id if rng.random() < 0.9 else source_id, hot.page << 12 | rng.getrandbits(12)
        if domain is None:
            return source_id, rng.getrandbits(rng.choice((16, 24, self._config.haw)))
        return source_id, self._mapped_address(domain)

    def _mapped_address(self, domain: Domain) -> int:
        rng = self._rng
        mapped = rng.choice(domain.mapped)
        page = mapped.first + (rng.getrandbits(mapped.bits) if mapped.bits and rng.random() < 0.5 else 0)
        return page << 12 | rng.getrandbits(12)

    def _odd_address(self, domain: Domain | None) -> int:
        """An address beyond some width, in the interrupt range, beside what is mapped, or anywhere."""
        rng = self._rng
        kind = rng.randrange(5)
        if kind == 0:
            edges = {self._config.haw, self._config.mgaw, 39, 48, 57, 63}
            edge = rng.choice(sorted(edge for edge in edges if edge < 64))
            return 1 << edge | rng.getrandbits(rng.choice((12, 30, edge)))
        if kind == 1:
            return INTERRUPT_PREFIX << 20 | rng.getrandbits(20) & ~0x10  # compatibility format
        if kind == 2:
            return rng.getrandbits(64)
        if domain is None:
            return rng.getrandbits(32)
        if kind == 3:
            return self._mapped_address(domain) ^ 1 << rng.randrange(12, domain.width)
        return (1 << min(domain.width, self._config.mgaw)) - 1 - rng.getrandbits(rng.choice((4, 12, 30)))

    # Bursts

    def _shape(self, transfer: Transfer) -> None:
        """Choose beats, size and kind so that the burst stays in its 4 KiB page, as AXI demands."""
        rng = self._rng
        widest = (self._config.data_bits // 8).bit_length() - 1
        transfer.size = rng.choice((widest, widest, rng.randint(0, widest), min(2, widest)))
        beats = rng.choice(LENGTHS)
        if rng.random() < self.long:
            beats = rng.randint(17, 256)
        kind = rng.random()
        step = 1 << transfer.size
        if kind < 0.1 and beats in (2, 4, 8, 16):
            transfer.burst = int(Burst.WRAP)
            transfer.address &= -step
        elif kind < 0.15 and beats <= 16:
            transfer.burst = int(Burst.FIXED)
        else:
            if rng.random() < 0.7:
                transfer.address &= -step
            room = (PAGE_BYTES - (transfer.address & -step) % PAGE_BYTES) >> transfer.size
            beats = min(beats, room)
        transfer.beats = beats
        if rng.random() < 0.02 and beats == 1 and transfer.address % step == 0:
            transfer.lock = 1

    def at_core(self, transfer: Transfer) -> None:
        """Make an AtomicOp of a write, a zero-length read of a read: they enter where AXI cannot carry them."""
        rng = self._rng
        transfer.beats, transfer.burst, transfer.lock = 1, int(Burst.INCR), 0
        transfer.size = rng.choice([size for size in ATOMIC if 8 << size <= self._config.data_bits])
        transfer.address &= -(1 << transfer.size)
        transfer.write_data, transfer.strobes = [], None
        attributes = Attributes(
            transfer.beats - 1, transfer.size, transfer.burst, 0, transfer.cache, transfer.prot, transfer.qos
        )
        transfer.request = Request(
            access=int(CORE_ACCESS[transfer.write]),
            source_id=transfer.source_id,
            pasid_valid=int(transfer.pasid is not None),
            address_type=2 if transfer.translated else 0,
            address=transfer.address,
            id=transfer.id,
            attributes=attributes,
        )
