"""Remapping tables as software writes them, and the few register accesses that tests share.

Every bit position and register offset is typed here a second time: nothing is taken from
model.arch, so that a wrong declaration there cannot agree with itself. Numbers are in bytes unless a name says bits.
"""

from dataclasses import dataclass
from typing import Any

from model.arch import UnitConfig
from model.reference import AddressType, DmaAccess, DmaRequest, DmaResult, Memory, Unit

# Where the tables lie; each takes 4 KiB. The second-stage table of level n is at SECOND_STAGE_TABLES + n * 4 KiB.
ROOT_TABLE = 0x0010_0000
CONTEXT_TABLE = 0x0020_0000
SECOND_STAGE_TABLES = 0x0030_0000
TABLE_BYTES = 0x1000

SOURCE_ID = 0x1A2B  # bus 0x1A, device and function 0x2B

# Second-stage entry.
R, W = 1 << 0, 1 << 1
PS = 1 << 7
SNP = 1 << 11

# Context-entry: width of the second-stage tables in bits -> AW.
ADJUSTED_WIDTH = {39: 1, 48: 2, 57: 3}

# Entry by level from the leaf up -> lowest address bit of its index.
INDEX_SHIFT = {"PTE": 12, "PDE": 21, "PDPE": 30, "PML4E": 39, "PML5E": 48}

# Bits of GCMD and GSTS.
TE, SRTP = 31, 30


def put(memory: Memory, address: int, value: int, size: int = 8) -> None:
    """Store `value` as `size` little-endian bytes."""
    memory.load(address, value.to_bytes(size, "little"))


def root_entry(context_table: int = CONTEXT_TABLE) -> int:
    """Return a present root-entry, 128 bits."""
    return context_table | 1


def context_entry(
    second_stage_table: int = 0,
    *,
    translation_type: int = 0,
    width: int = 48,
    domain_id: int = 1,
    fault_processing_disable: bool = False,
) -> int:
    """Return a present context-entry, 128 bits; `width` of the second-stage tables in bits."""
    return (
        1
        | fault_processing_disable << 1
        | translation_type << 2
        | second_stage_table
        | ADJUSTED_WIDTH[width] << 64
        | domain_id << 72
    )


def put_device(memory: Memory, context: int, source_id: int = SOURCE_ID) -> tuple[int, int]:
    """Clear the root table and the context table, store the entries of one source-id, return their addresses."""
    for table in (ROOT_TABLE, CONTEXT_TABLE):
        memory.load(table, bytes(TABLE_BYTES))
    root_at, context_at = ROOT_TABLE + (source_id >> 8) * 16, CONTEXT_TABLE + (source_id & 0xFF) * 16
    put(memory, root_at, root_entry(), 16)
    put(memory, context_at, context, 16)
    return root_at, context_at


def put_page(
    memory: Memory, iova: int, page: int, *, width: int = 48, page_shift: int = 12, permissions: int = R | W
) -> dict[str, int]:
    """Clear the second-stage tables, map one page, return the address of each entry used, by name, top level first.

    `width` of the tables in bits; `page_shift` is 12, 21 or 30; `permissions` are of the leaf, those above allow all.
    """
    names = [name for name, shift in INDEX_SHIFT.items() if page_shift <= shift < width]
    places = {}
    for name in reversed(names):
        table = second_stage_table(name)
        memory.load(table, bytes(TABLE_BYTES))
        places[name] = table + (iova >> INDEX_SHIFT[name] & 0x1FF) * 8
    for name, below in zip(names[1:], names, strict=False):
        put(memory, places[name], second_stage_table(below) | R | W)
    put(memory, places[names[0]], page | permissions | (PS if page_shift > 12 else 0))
    return places


def second_stage_table(entry: str) -> int:
    """Return the address of the table that holds the entries of that name."""
    return SECOND_STAGE_TABLES + (1 + list(INDEX_SHIFT).index(entry)) * TABLE_BYTES


def control(unit: Unit, bit: int, value: bool = True) -> None:
    """Change one bit of GCMD (18) as software must: GSTS (1C) without the one-shot bits, and the change."""
    command = unit.read_register(0x1C) & 0x96FF_FFFF & ~(1 << bit)
    unit.write_register(0x18, command | value << bit)


def set_root_table(unit: Unit, root_table: int = ROOT_TABLE, *, mode: int = 0) -> None:
    """Write RTADDR (20) and set SRTP; `mode` is TTM."""
    unit.write_register(0x20, root_table | mode << 10, size=8)
    control(unit, SRTP)
    assert unit.read_register(0x1C) >> SRTP & 1, "GSTS.RTPS must be 1 after SRTP"


def enable(unit: Unit, root_table: int = ROOT_TABLE, *, mode: int = 0) -> None:
    """Set the root table and enable DMA translation."""
    set_root_table(unit, root_table, mode=mode)
    control(unit, TE)
    assert unit.read_register(0x1C) >> TE & 1, "GSTS.TES must be 1 after TE"


@dataclass(frozen=True)
class FaultRecord:
    """One FRCD register whose F is 1. `info` is FI where it stands (63:12); `request_type` is T1:T2, 2 a read;
    `others` holds all bits that belong to none of these fields, each where it stands."""

    source_id: int
    reason: int
    info: int
    request_type: int
    others: int = 0


def fault_records(unit: Unit, *, first: int = 0x220, count: int = 8) -> list[FaultRecord]:
    """Read the FRCD registers, `count` of them from offset `first`, and return those whose F is 1."""
    records = []
    for offset in range(first, first + count * 16, 16):
        record = unit.read_register(offset, 8) | unit.read_register(offset + 8, 8) << 64
        if record >> 127:
            records.append(_fault_record(record))
    return records


def _fault_record(record: int) -> FaultRecord:
    named = 1 << 127 | 1 << 126 | 0xFF << 96 | 1 << 92 | 0xFFFF << 64 | 0xF_FFFF_FFFF_FFFF << 12
    return FaultRecord(
        source_id=record >> 64 & 0xFFFF,
        reason=record >> 96 & 0xFF,
        info=record & 0xFFFF_FFFF_FFFF_F000,
        request_type=(record >> 126 & 1) << 1 | record >> 92 & 1,
        others=record & ~named,
    )


class MappedPage:
    """A unit with translation on, behind which SOURCE_ID reaches one page.

    `places` gives address and size of every entry on the way: "root", "context", "PML5E" to "PTE" as far as `width`
    and `page_shift` have them. Tests damage these, then ask. `config` are fields of UnitConfig.
    """

    def __init__(
        self,
        *,
        iova: int = 0x12_3456_7000,
        page: int = 0x7654_3000,
        width: int = 48,
        page_shift: int = 12,
        permissions: int = R | W,
        translation_type: int = 0,
        domain_id: int = 1,
        fault_processing_disable: bool = False,
        **config: Any,
    ) -> None:
        self.iova, self.page = iova, page
        self.config = UnitConfig(**config)
        self.memory = Memory()
        self.unit = Unit(self.config, self.memory)
        entries = put_page(self.memory, iova, page, width=width, page_shift=page_shift, permissions=permissions)
        context = context_entry(
            second_stage_table(next(iter(entries))),
            translation_type=translation_type,
            width=width,
            domain_id=domain_id,
            fault_processing_disable=fault_processing_disable,
        )
        root_at, context_at = put_device(self.memory, context)
        self.places = {"root": (root_at, 16), "context": (context_at, 16)}
        self.places |= {name: (address, 8) for name, address in entries.items()}
        enable(self.unit)

    def value(self, place: str) -> int:
        """Return the entry at a place."""
        return self.memory.read(*self.places[place])

    def set(self, place: str, bits: int) -> None:
        """Set bits of the entry at a place."""
        put(self.memory, self.places[place][0], self.value(place) | bits, self.places[place][1])

    def clear(self, place: str, bits: int) -> None:
        """Clear bits of the entry at a place."""
        put(self.memory, self.places[place][0], self.value(place) & ~bits, self.places[place][1])

    def fail(self, place: str) -> None:
        """Let reads of the entry at a place fail."""
        self.memory.fail(*self.places[place])

    def dma(
        self,
        access: DmaAccess = DmaAccess.READ,
        address: int | None = None,
        *,
        pasid: int | None = None,
        address_type: AddressType = AddressType.UNTRANSLATED,
    ) -> DmaResult:
        """Let SOURCE_ID ask for one byte, of the mapped page unless `address` says otherwise."""
        address = self.iova if address is None else address
        return self.unit.dma(DmaRequest(SOURCE_ID, address, access, pasid=pasid, address_type=address_type))
