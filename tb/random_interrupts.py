"""Random interrupt remapping tables, posted-interrupt descriptors, and interrupt requests of devices."""

import random
from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Size
from model.arch.encodings import INTERRUPT_PREFIX, DeliveryMode, SourceValidation
from model.arch.structures import (
    IRTE_POSTED,
    IRTE_REMAPPED,
    POSTED_INTERRUPT_DESCRIPTOR,
    REMAPPABLE_INTERRUPT_ADDRESS,
)
from tb.axi_device import Transfer
from tb.axi_memory import AxiMemory
from tb.history import Words
from tb.possible_interrupts import InterruptTable
from tb.random_tables import Tables

__all__ = ["Interrupts", "WantedInterrupt"]

RANGE = INTERRUPT_PREFIX << 20
ON, SN, NV, NDST = (POSTED_INTERRUPT_DESCRIPTOR[name] for name in ("ON", "SN", "NV", "NDST"))
GRANULE = 16
DESCRIPTOR_GRANULES = 4
CONTROL = 32  # offset of the granule with all but PIR
PLANTED = 28  # entries of each table
DEVICES_DIFFER = (1, 2, 4, 6, 7, 8, 0x100)  # bits in which SID differs from a device


class WantedInterrupt(NamedTuple):
    """An interrupt request that comes before the random ones; `index` of its entry."""

    source_id: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls


class Interrupts:
    """Plants tables and descriptors, makes requests, and is the software that shares the descriptors.

    `table` is the one that software has chosen, `changed` says when software changed a descriptor last, `activity` is
    the likelihood that it changes one in a clock.
    """

    def __init__(self, config: UnitConfig, tables: Tables, words: Words, rng: random.Random, memory: AxiMemory) -> None:
        self._config, self._tables, self._words, self._rng, self._memory = config, tables, words, rng, memory
        self.activity = 0.0
        self.changed: dict[int, int] = {}
        self.table = InterruptTable()
        self.bases = [tables.new_page(), tables.new_page(), tables.last_page()]
        near = rng.randrange(256)
        some = [near ^ rng.getrandbits(3) for _ in range(PLANTED // 2)] + [rng.randrange(256) for _ in range(PLANTED)]
        self.indices = list(dict.fromkeys([0, 1, 255, *some]))[:PLANTED]
        page = tables.new_page()
        self.descriptors = [page, page + 64, page + 4096 - 64, tables.new_page()]
        for address in self.descriptors:
            self._store(address, self.descriptor())
        for base in self.bases:
            for index in self.indices:
                words.store(base + index * GRANULE, self.good(extended=rng.random() < 0.5))
        words.forget(words.now)

    def was_reset(self) -> None:
        """The unit was reset."""
        self.table = InterruptTable()

    # Entries

    def place(self, index: int) -> int:
        """Return where the entry of the current table is."""
        return self.table.base + index * GRANULE

    def hot_index(self) -> int:
        """Return the index of an entry that was planted, in the table more often than not."""
        rng = self._rng
        inside = [index for index in self.indices if index < self.table.entries]
        return rng.choice(inside if inside and rng.random() < 0.95 else self.indices)

    def entry(self) -> int:
        """Return an entry of any kind for the current table."""
        rng, extended = self._rng, self.table.extended
        value = self.good(extended=extended if rng.random() < 0.95 else not extended)
        kind = rng.random()
        if kind < 0.7:
            return value
        if kind < 0.76:
            return value & ~1
        if kind < 0.83:
            return value | IRTE_REMAPPED["SVT"].to(SourceValidation.RESERVED)
        if kind < 0.86:
            reserved_mode = IRTE_REMAPPED["DLM"].to(rng.choice((3, 6)))
            return value & ~(IRTE_REMAPPED["DLM"].mask | IRTE_REMAPPED["IM"].mask) | reserved_mode
        if kind < 0.96:
            return value | self._tables.one_of(self._reserved(value))
        return rng.getrandbits(128) & ~IRTE_REMAPPED["IM"].mask

    def good(self, *, extended: bool) -> int:
        """Return an entry without faults but for its source."""
        rng, config = self._rng, self._config
        common = IRTE_REMAPPED.pack(P=1, FPD=int(rng.random() < 0.3), IGN_11_8=rng.getrandbits(4)) | self._source()
        if config.pi and rng.random() < 0.45:
            address = rng.choice(self.descriptors)
            return common | IRTE_POSTED.pack(
                IM=1, URG=rng.getrandbits(1), VV=rng.getrandbits(8), PDAL=address >> 6 & 0x3FFFFFF, PDAH=address >> 32
            )
        destination = rng.getrandbits(32) if extended else rng.getrandbits(8) << 8
        return common | IRTE_REMAPPED.pack(
            DM=rng.getrandbits(1),
            RH=rng.getrandbits(1),
            TM=rng.getrandbits(1),
            DLM=rng.choice(list(DeliveryMode)),
            V=rng.getrandbits(8),
            DST=destination,
        )

    def posting_into(self, address: int) -> list[int]:
        """Return the indices of entries that name a descriptor."""
        found = []
        for index in self.indices:
            value = self._words.granule(self.place(index))
            if value is not None and IRTE_POSTED["IM"].of(value):
                place = IRTE_POSTED["PDAH"].of(value) << 32 | IRTE_POSTED["PDAL"].of(value) << 6
                found += [index] * (place == address)
        return found

    def _source(self) -> int:
        rng = self._rng
        device = rng.choice(self._tables.source_ids)
        validation = rng.choice((0, 1, 1, 2))
        expected = self._buses(device >> 8)
        if validation != 2:
            expected = device if rng.random() < 0.6 else device ^ rng.choice(DEVICES_DIFFER)
        return IRTE_REMAPPED.pack(SVT=validation, SQ=rng.getrandbits(2), SID=expected)

    def _buses(self, bus: int) -> int:
        rng = self._rng
        first, last = (max(0, min(255, bus + rng.choice((-1, 0, 0, 1)))) for _ in range(2))
        if rng.random() < 0.7:
            first, last = min(first, bus), max(last, bus)
        return first << 8 | last

    def _reserved(self, value: int) -> int:
        """Return the bits that must be 0 in an entry, and which change no address of a descriptor."""
        config = self._config
        if value & IRTE_POSTED["IM"].mask and config.pi:
            return config.reserved_mask(IRTE_POSTED) | IRTE_POSTED["PDAH"].to((1 << 32) - (1 << config.haw - 32))
        mode = 0 if self.table.extended else IRTE_REMAPPED["DST"].to(0xFFFF00FF)
        return config.reserved_mask(IRTE_REMAPPED) & ~IRTE_REMAPPED["IM"].mask | mode

    # Descriptors

    def descriptor(self) -> int:
        """Return a descriptor of any kind."""
        rng = self._rng
        pending = sum(1 << rng.getrandbits(8) for _ in range(rng.choice((0, 1, 3))))
        return pending | self._control()

    def _control(self) -> int:
        rng = self._rng
        destination = rng.getrandbits(32) if self.table.extended else rng.getrandbits(8) << 8
        value = NDST.to(destination) | NV.to(rng.getrandbits(8)) | rng.getrandbits(2) << ON.lsb
        if rng.random() < 0.08:
            value |= self._tables.one_of(
                self._config.reserved_mask(POSTED_INTERRUPT_DESCRIPTOR) & (1 << 8 * (CONTROL + GRANULE)) - 1
            )
        return value

    def tick(self, now: int) -> None:
        """Change a descriptor now and then, as one step."""
        rng = self._rng
        if rng.random() >= self.activity or not self._config.pi:
            return
        address = rng.choice(self.descriptors)
        value = self._control_of(address)
        if value is None:
            return
        kind = rng.random()
        if kind < 0.3:
            value &= ~(ON.mask >> CONTROL * 8)
            for offset in (0, GRANULE):
                self._put(address, offset, 0)
        elif kind < 0.55:
            value ^= SN.mask >> CONTROL * 8
        elif kind < 0.75:
            value &= ~(ON.mask >> CONTROL * 8)
        else:
            value = self._control() >> CONTROL * 8
        self._put(address, CONTROL, value)
        self.changed[address] = now

    def _control_of(self, address: int) -> int | None:
        return self._words.granule(address + CONTROL)

    def _put(self, address: int, offset: int, value: int) -> None:
        if self._words.granule(address + offset) is not None:
            self._words.store(address + offset, value)
            self._memory.monitor.wrote(address + offset, GRANULE)

    def _store(self, address: int, descriptor: int) -> None:
        for number in range(DESCRIPTOR_GRANULES):
            part = descriptor >> number * GRANULE * 8 & (1 << GRANULE * 8) - 1
            self._words.store(address + number * GRANULE, part)

    # Requests

    def shape(self, transfer: Transfer, wanted: WantedInterrupt | None) -> None:
        """Make an interrupt request of a transfer, or what is nearly one."""
        rng = self._rng
        transfer.write, transfer.beats, transfer.size, transfer.burst = True, 1, int(Size.DWORD), int(Burst.INCR)
        transfer.pasid, transfer.translated, transfer.lock = None, False, 0
        data = rng.getrandbits(32)
        index = self.hot_index()
        transfer.source_id = rng.choice(self._tables.source_ids)
        if wanted is not None:
            transfer.source_id, index = wanted.source_id, wanted.index
        elif rng.random() < 0.05:
            last = self.table.entries - 1
            index = rng.choice((last, last + 1, 0xFFFF, rng.getrandbits(16), 256))
        elif rng.random() < 0.7:
            transfer.source_id = self._matching(index)
        if wanted is None and rng.random() < 0.07:
            transfer.address = RANGE | rng.getrandbits(20) & ~0x13  # compatibility format
        else:
            transfer.address, data = self._remappable(index & 0xFFFF, data)
        transfer.write_data, transfer.strobes = [data], [15]
        if wanted is None and rng.random() < 0.06:
            self._spoil(transfer)

    def _matching(self, index: int) -> int:
        """Return a device that an entry accepts, if there is one."""
        value = self._words.granule(self.place(index))
        expected = 0 if value is None else IRTE_REMAPPED["SID"].of(value)
        devices = self._tables.source_ids
        near = [one for one in devices if one >> 3 == expected >> 3]
        return self._rng.choice(near or devices)

    def _remappable(self, index: int, data: int) -> tuple[int, int]:
        rng = self._rng
        subhandle, valid = 0, rng.random() < 0.4
        if valid:
            subhandle = rng.choice((0, 1, rng.getrandbits(4), rng.randint(0, index)))
            handle = index - min(subhandle, index)
            data = min(subhandle, index)
            if rng.random() < 0.04:
                data |= 1 << rng.choice((16, 31, rng.randrange(16, 32)))
            elif rng.random() < 0.02:
                handle, data = 0xFFFF, rng.choice((1, 2, 0xFFFF))
            index = handle
        address = REMAPPABLE_INTERRUPT_ADDRESS.pack(
            HANDLE_15=index >> 15, SHV=int(valid), FORMAT=1, HANDLE_14_0=index & 0x7FFF, FEE=INTERRUPT_PREFIX
        )
        return address, data

    def _spoil(self, transfer: Transfer) -> None:
        """Make of an interrupt request something that is nearly one."""
        rng = self._rng
        kind = rng.randrange(6)
        if kind == 0:
            transfer.strobes = [rng.randrange(15)]
        elif kind == 1:
            transfer.pasid = rng.getrandbits(20)
        elif kind == 2:
            transfer.translated = True
        elif kind == 3:
            transfer.write, transfer.write_data, transfer.strobes = False, [], None
        elif kind == 4:
            transfer.size, transfer.write_data, transfer.strobes = rng.choice((0, 1)), [], None
        else:
            transfer.beats, transfer.write_data, transfer.strobes = 2, [], None
            transfer.address &= ~7
