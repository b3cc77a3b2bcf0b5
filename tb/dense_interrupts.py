"""Interrupts for the job "dense": tables of entries, descriptors, requests, and software that keeps no rule."""

from random import Random

from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX, DescriptorType, SourceValidation
from model.arch.registers import IRTA
from model.arch.structures import (
    IEC_INV,
    IRTE_POSTED,
    IRTE_REMAPPED,
    POSTED_INTERRUPT_DESCRIPTOR,
    REMAPPABLE_INTERRUPT_ADDRESS,
)
from tb.axi_device import Transfer
from tb.memory import Memory

__all__ = ["DenseInterrupts"]

RANGE = INTERRUPT_PREFIX << 20
ENTRY_BYTES = 16
PLANTED = (*range(10), 14, 15, 16, 17, 30, 31, 32)  # also behind the end of tables of 2, 8 and 16 entries
SIZES = (0, 2, 3, 3, 3, 3, 3, 15)  # IRTA.S
SOURCES = (0x100, 0x101, 0x102, 0x104, 0x107, 0x108, 0x1FF, 0x200, 0x300)
DESCRIPTOR_BYTES = 64
NOT_XAPIC = 0xFFFF00FF  # bits of a destination that must be 0 without EIME


class DenseInterrupts:
    """`bases` are those of the tables, the last one that of a page at the end of memory; `failing` one that fails."""

    def __init__(self, rng: Random, memory: Memory, haw: int, failing: int) -> None:
        self._rng, self._memory, self._haw = rng, memory, haw
        self.bases = (0x30_0000, 0x31_0000, (1 << haw) - 0x1000)
        self._descriptors = (0x40_0000, 0x40_0040)
        self._failing = failing
        self.extended = False  # as software has set it last
        self._hot = [0]
        self._at_end = False  # the table goes beyond the end of memory
        self.share = self.activity = 0.0

    def begin_phase(self, share: float) -> None:
        """Make all tables anew. `share` of all requests are to be interrupts."""
        rng = self._rng
        self.share = share
        self.activity = rng.choice((0.0, 0.02, 0.1))
        self._at_end = False
        self._hot = rng.sample(range(10), rng.choice((1, 2, 3, 6)))
        self.extended = rng.random() < 0.5
        self.plant()

    def plant(self) -> None:
        """Make all entries and descriptors anew, for the mode that software has set last."""
        for base in self.bases:
            for index in PLANTED:
                self._memory.load(base + index * ENTRY_BYTES, self._entry().to_bytes(ENTRY_BYTES, "little"))
        for address in self._descriptors:
            self._memory.load(address, self._descriptor().to_bytes(DESCRIPTOR_BYTES, "little"))

    def tick(self) -> None:
        """Now and then change an entry or a descriptor, as one step."""
        rng = self._rng
        if rng.random() >= self.activity:
            return
        if rng.random() < 0.3:
            place = rng.choice(self.bases) + rng.choice(self._hot) * ENTRY_BYTES
            self._memory.load(place, self._entry().to_bytes(ENTRY_BYTES, "little"))
        else:
            self._memory.load(rng.choice(self._descriptors), self._descriptor().to_bytes(DESCRIPTOR_BYTES, "little"))

    def table(self) -> int:
        """Return a value of IRTA for one of the tables, which are made for its mode."""
        rng = self._rng
        if rng.random() < 0.3:
            self.extended = not self.extended
            if rng.random() < 0.8:
                self.plant()
        base = rng.choice((*self.bases[2:], self._failing)) if rng.random() < 0.3 else rng.choice(self.bases[:2])
        self._at_end = base == self.bases[-1] and rng.random() < 0.7
        return base | IRTA["S"].to(15 if self._at_end else rng.choice(SIZES)) | IRTA["EIME"].to(int(self.extended))

    def invalidation(self) -> int:
        """Return an iec_inv."""
        rng = self._rng
        index = rng.choice(self._hot) ^ rng.choice((0, 0, 1, 2, 4))
        return IEC_INV.pack(
            TYPE_LO=DescriptorType.INTERRUPT_ENTRY_CACHE,
            G=int(rng.random() < 0.7),
            IIDX=index,
            IM=rng.choice((0, 0, 0, 1, 1, 2, 15, 16)),
        )

    def request(self, number: int) -> Transfer:
        """Return an interrupt request of the ID `number`, or what is nearly one."""
        rng = self._rng
        transfer = Transfer(True, rng.choice(SOURCES[:3] if rng.random() < 0.6 else SOURCES), 0, number, 1, Size.DWORD)
        data = rng.getrandbits(32)
        if rng.random() < 0.15:
            transfer.address = RANGE | rng.getrandbits(20) & ~0x13  # compatibility format
        else:
            transfer.address, data = self._remappable(data)
        if rng.random() < 0.08:
            self._spoil(transfer)
        elif rng.random() < 0.04:
            transfer.strobes = [rng.randrange(15)]
        transfer.write_data = [data]
        return transfer

    def _remappable(self, data: int) -> tuple[int, int]:
        rng = self._rng
        index = rng.choice(self._hot) if rng.random() < 0.87 else rng.choice((*PLANTED, 0x8000, 0xFFFF, 256))
        if self._at_end and rng.random() < 0.2:
            index = rng.choice((255, 256, 256))
        with_subhandle = rng.random() < 0.4
        if with_subhandle:
            data = rng.choice((0, index, rng.randint(0, index)))
            index -= data
            if rng.random() < 0.06:
                data |= 1 << rng.choice((16, 31))
            elif rng.random() < 0.04:
                data |= 0x8000  # with handle bit 15, the sum has 17 bits
        address = REMAPPABLE_INTERRUPT_ADDRESS.pack(
            HANDLE_15=index >> 15, SHV=int(with_subhandle), FORMAT=1, HANDLE_14_0=index & 0x7FFF, FEE=INTERRUPT_PREFIX
        )
        return address, data

    def _spoil(self, transfer: Transfer) -> None:
        kind = self._rng.randrange(5)
        if kind == 0:
            transfer.pasid = 1
        elif kind == 1:
            transfer.translated = True
        elif kind == 2:
            transfer.size = self._rng.choice((0, 1, 3))
        elif kind == 3:
            transfer.address += self._rng.randint(1, 3)
        else:
            transfer.beats, transfer.size = 2, Size.DWORD

    def _entry(self) -> int:
        """Return an entry, most often a good one for the mode of the table."""
        rng = self._rng
        trouble = rng.random() < 0.4
        extended = self.extended != (trouble and rng.random() < 0.3)
        present, silent = not trouble or rng.random() < 0.85, rng.random() < 0.25
        value = IRTE_REMAPPED.pack(P=int(present), FPD=int(silent)) | self._source()
        if rng.random() < 0.45:
            descriptor = rng.choice((*self._descriptors, *(self._failing,) * trouble))
            beyond = 1 << rng.choice((self._haw - 32, 31)) if trouble and rng.random() < 0.2 else 0
            value |= IRTE_POSTED.pack(
                IM=1, URG=rng.getrandbits(1), VV=rng.getrandbits(8), PDAL=descriptor >> 6 & 0x3FF_FFFF,
                PDAH=descriptor >> 32 | beyond,
            )  # fmt: skip
        else:
            mode = rng.choice((3, 6)) if trouble and rng.random() < 0.2 else rng.choice((0, 1, 2, 4, 5, 7))
            value |= IRTE_REMAPPED.pack(
                DM=rng.getrandbits(1), RH=rng.getrandbits(1), TM=rng.getrandbits(1), DLM=mode, V=rng.getrandbits(8),
                DST=rng.getrandbits(32) & ~(0 if extended else NOT_XAPIC),
            )  # fmt: skip
        return value ^ (1 << rng.choice((2, 12, 24, 30, 84, 127)) if trouble and rng.random() < 0.25 else 0)

    def _source(self) -> int:
        rng = self._rng
        validation = rng.choice((SourceValidation.NONE,) * 4 + (SourceValidation.SOURCE_ID,) * 5)
        expected = rng.choice(SOURCES[:3]) ^ rng.choice((0, 0, 1, 2, 3, 4, 5, 6, 8))
        if rng.random() < 0.2:
            validation, expected = SourceValidation.BUS_RANGE, rng.choice((0x0001, 0x0101, 0x0102, 0x0201, 0x0203))
        elif rng.random() < 0.03:
            validation = SourceValidation.RESERVED
        return IRTE_REMAPPED.pack(SVT=validation, SQ=rng.getrandbits(2), SID=expected)

    def _descriptor(self) -> int:
        rng = self._rng
        destination = rng.getrandbits(32) & ~(0 if self.extended and rng.random() < 0.95 else NOT_XAPIC)
        value = POSTED_INTERRUPT_DESCRIPTOR.pack(
            PIR=sum(1 << rng.getrandbits(8) for _ in range(rng.choice((0, 1, 3)))),
            ON=int(rng.random() < 0.3), SN=int(rng.random() < 0.4), NV=rng.getrandbits(8), NDST=destination,
        )  # fmt: skip
        return value ^ (1 << rng.choice((258, 271, 280, 320, 511)) if rng.random() < 0.06 else 0)
