"""DMA remapping in legacy mode: root-entry, context-entry, second-stage walk (rules 4, 6, 9, 11)."""

from dataclasses import dataclass

from model.arch import SECOND_STAGE_LEVELS, Structure, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TranslationType
from model.arch.structures import (
    CONTEXT_ENTRY,
    ROOT_ENTRY,
    SECOND_STAGE_PDE,
    SECOND_STAGE_PDE_2M,
    SECOND_STAGE_PDPE,
    SECOND_STAGE_PDPE_1G,
    SECOND_STAGE_PML4E,
    SECOND_STAGE_PML5E,
    SECOND_STAGE_PTE,
)
from model.reference.fault import Fault
from model.reference.memory import Memory, MemoryFault
from model.reference.steps import Check, Entry, Lookup, Selector, Trace, must_be_zero
from model.reference.types import AddressType, DmaAccess, DmaRequest, DmaResult

__all__ = ["Translator", "in_interrupt_range"]

ROOT_P, ROOT_CTP = ROOT_ENTRY["P"], ROOT_ENTRY["CTP"]
CONTEXT_P, CONTEXT_FPD, CONTEXT_TT = CONTEXT_ENTRY["P"], CONTEXT_ENTRY["FPD"], CONTEXT_ENTRY["TT"]
CONTEXT_AW, CONTEXT_DID, SSPTPTR = CONTEXT_ENTRY["AW"], CONTEXT_ENTRY["DID"], CONTEXT_ENTRY["SSPTPTR"]
READ, WRITE, SNP = SECOND_STAGE_PTE["R"].mask, SECOND_STAGE_PTE["W"].mask, SECOND_STAGE_PTE["SNP"].mask
PS = SECOND_STAGE_PDE["PS"].mask

PAGE_SHIFT = 12
INTERRUPT_SHIFT = 20

# Level -> lowest address bit of its index, entry that points to a table, entry that maps a page. Rule 6.3.
LEVELS: dict[int, tuple[int, Structure | None, Structure | None]] = {
    5: (48, SECOND_STAGE_PML5E, None),
    4: (39, SECOND_STAGE_PML4E, None),
    3: (30, SECOND_STAGE_PDPE, SECOND_STAGE_PDPE_1G),
    2: (21, SECOND_STAGE_PDE, SECOND_STAGE_PDE_2M),
    1: (12, None, SECOND_STAGE_PTE),
}
INDEX_MASK = 0x1FF

BUS = (Selector("source-id", 15, 8),)
DEVICE = (Selector("source-id", 7, 0),)
PAGE_ADDRESS = SECOND_STAGE_PTE["ADDR"].mask

# TT -> why it is refused.
UNSUPPORTED = {
    TranslationType.SECOND_STAGE_WITH_DEVICE_TLB: "1, device-TLB requests, needs ECAP.DT, which is 0",
    TranslationType.PASS_THROUGH: "2, pass-through, needs ECAP.PT, which is 0",
    TranslationType.RESERVED: "3 is reserved",
}

# Advice for LGN.2 and LGN.3 of an AtomicOp, and for LGN.1.1 where no wider table would help.
MAP_FOR_BOTH = (
    "Map the address for reading and writing before the device uses it: an AtomicOp needs R and W to be 1 in the "
    "entries of all levels; then invalidate the IOTLB."
)
NARROWER_ADDRESS = (
    "Give the device an address that this unit can translate: below 2^MGAW (CAP.MGAW), and within the widest table of "
    "CAP.SAGAW."
)


def in_interrupt_range(address: int) -> bool:
    """Say whether an address is 0xFEEx_xxxx (rule 3.4)."""
    return address >> INTERRUPT_SHIFT == INTERRUPT_PREFIX


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of a second-stage entry in this unit: its structure, reserved bits, and address bits."""

    structure: Structure
    reserved: int
    address: int


class Translator:
    """Translates one request at a time from the tables in memory; it keeps nothing from one to the next."""

    def __init__(self, config: UnitConfig, memory: Memory) -> None:
        self._config = config
        self._memory = memory
        self.trace: Trace = None
        self._root_reserved = config.reserved_mask(ROOT_ENTRY, "CTP")
        domain_id_reserved = CONTEXT_DID.to((1 << CONTEXT_DID.width) - (1 << config.domain_id_bits))
        self._context_reserved = config.reserved_mask(CONTEXT_ENTRY, "SSPTPTR") | domain_id_reserved
        self._ignored_when_passing_through = SSPTPTR.mask
        self._widths = {SECOND_STAGE_LEVELS[width][0]: width for width in config.sagaw}
        self._levels = {
            level: (shift, self._form(table), self._form(page)) for level, (shift, table, page) in LEVELS.items()
        }

    def _form(self, structure: Structure | None) -> _Form | None:
        if structure is None:
            return None
        return _Form(structure, self._config.reserved_mask(structure, "ADDR"), structure["ADDR"].mask)

    def translate(self, request: DmaRequest, root_table: int) -> DmaResult:
        """Return the permitted result of a request without PASID; raise Fault for any other (4.2 to 4.7)."""
        root_entry = self._root_entry(root_table, request.source_id)
        context_entry = self._context_entry(ROOT_CTP.in_place(root_entry), request.source_id)
        try:
            return self._with_context(context_entry, request)
        except Fault as fault:
            raise Fault(
                fault.condition.name,
                remedy=fault.remedy,
                fault_processing_disable=bool(CONTEXT_FPD.of(context_entry)),
            ) from None

    def _root_entry(self, root_table: int, source_id: int) -> int:
        """4.2. Root table: one 16-byte entry per bus. None of its faults is qualified."""
        if self.trace:
            index = source_id >> 8
            text = f"root table at {root_table:#x}, index {index:#x}: the bus number"
            self.trace(Lookup(text, "rule 4.2", "root table", root_table, "RTADDR.RTA", index, BUS))
        entry = self._read(ROOT_ENTRY, root_table + (source_id >> 8) * ROOT_ENTRY.bytes, "LRT.1", "rule 4.2")
        if not ROOT_P.of(entry):
            self._note("P is 0: this bus has no context table", "LRT.2", ROOT_P.mask)
            raise Fault("LRT.2")
        if entry & self._root_reserved:
            self._note_reserved(entry & self._root_reserved, "LRT.3")
            raise Fault("LRT.3")
        return entry

    def _context_entry(self, table: int, source_id: int) -> int:
        """4.3. Context table: one 16-byte entry per device and function of a bus."""
        if self.trace:
            index = source_id & 0xFF
            text = f"context table at {table:#x}, index {index:#x}: the device and function number"
            self.trace(Lookup(text, "rule 4.3", "context table", table, "CTP of the root-entry", index, DEVICE))
        return self._read(CONTEXT_ENTRY, table + (source_id & 0xFF) * CONTEXT_ENTRY.bytes, "LCT.1", "rule 4.3")

    def _with_context(self, entry: int, request: DmaRequest) -> DmaResult:
        """4.3 to 4.7: from here FPD of the context-entry counts, present or not."""
        translation_type = CONTEXT_TT.of(entry)
        self._check_context(entry, translation_type)
        if request.address_type is not AddressType.UNTRANSLATED:
            # 4.4. TT = 01, which would let these pass, needs ECAP.DT and was refused above.
            self._note(f"TT = {translation_type} takes untranslated requests only", "LCT.5", CONTEXT_TT.mask)
            raise Fault("LCT.5")
        if translation_type == TranslationType.PASS_THROUGH:
            return self._pass_through(request.address)
        width = self._widths[CONTEXT_AW.of(entry)]
        if self.trace:
            levels = SECOND_STAGE_LEVELS[width][1]
            text = f"AW says tables of {levels} levels, {width} bits; CAP.MGAW allows {self._config.mgaw} bits"
            self.trace(Check(text, "rule 4.3"))
        if request.address >> min(width, self._config.mgaw):
            if self.trace:
                self.trace(_too_wide(width, self._config.mgaw))
            widest = min(max(self._widths.values()), self._config.mgaw)
            raise Fault("LGN.1.1", remedy=NARROWER_ADDRESS if request.address >> widest else "")
        result = self._second_stage(request, SSPTPTR.in_place(entry), SECOND_STAGE_LEVELS[width][1])
        if in_interrupt_range(result.address or 0):
            text = f"host address {result.address:#x} is in the interrupt range 0xFEEx_xxxx"
            self._note(text, "LGN.4", PAGE_ADDRESS & -1 << result.page_shift)
            raise Fault("LGN.4")
        return result

    def _check_context(self, entry: int, translation_type: int) -> None:
        if not CONTEXT_P.of(entry):
            self._note("P is 0: this device may do nothing", "LCT.2", CONTEXT_P.mask)
            raise Fault("LCT.2")
        reserved = self._context_reserved
        if translation_type == TranslationType.PASS_THROUGH:
            reserved &= ~self._ignored_when_passing_through
        if entry & reserved:
            self._note_reserved(entry & reserved, "LCT.3")
            raise Fault("LCT.3")
        if CONTEXT_AW.of(entry) not in self._widths:
            text = f"AW = {CONTEXT_AW.of(entry)} is no width of this unit; CAP.SAGAW has {_spell(self._widths)}"
            self._note(text, "LCT.4.1", CONTEXT_AW.mask)
            raise Fault("LCT.4.1")
        if not self._supports(translation_type):
            self._note(f"TT = {UNSUPPORTED[TranslationType(translation_type)]}", "LCT.4.2", CONTEXT_TT.mask)
            raise Fault("LCT.4.2")

    def _supports(self, translation_type: int) -> bool:
        if translation_type == TranslationType.PASS_THROUGH:
            return self._config.pt
        return translation_type == TranslationType.SECOND_STAGE

    def _pass_through(self, address: int) -> DmaResult:
        """4.6, 9.1. The interrupt range needs no check here: requests to it never get this far (3.4)."""
        if self.trace:
            text = "TT says pass-through: the address stays, no page table is read"
            self.trace(Check(text, "rule 4.6", permissions=READ | WRITE))
        if address >> self._config.haw:
            self._note(f"the address has bits above the {self._config.haw} of host addresses", "LGN.1.3")
            raise Fault("LGN.1.3")
        return DmaResult(address=address, page_shift=PAGE_SHIFT, read=True, write=True, rule="rule 9.1")

    def _second_stage(self, request: DmaRequest, table: int, levels: int) -> DmaResult:
        """6.3 to 6.5. Walk from the top level down; permissions accumulate and are checked at the leaf."""
        address, permissions = request.address, READ | WRITE
        for level in range(levels, 0, -1):
            shift, table_form, page_form = self._levels[level]
            form = page_form if table_form is None else table_form
            assert form is not None  # every level has a form
            place = table + (address >> shift & INDEX_MASK) * 8
            if self.trace:
                self.trace(_lookup(level, levels, table, address, shift))
            entry = self._fetch(form.structure, place, "LCT.4.3" if level == levels else "LSS.1", "rule 6.3")
            if page_form is not None and table_form is not None and entry & PS:
                form = page_form
            if self.trace:
                self.trace(Entry("read", "rule 6.3", form.structure, place, entry, form.structure.bytes))
            if not entry & (READ | WRITE):
                if self.trace:
                    text = "R and W are 0: nothing is mapped from here on"
                    missing = self._missing(request.access, 0)
                    self.trace(Check(text, "rule 6.3", READ | WRITE, permissions=0, missing=missing))
                raise _refused(request.access, 0)
            if entry & form.reserved:
                self._note_reserved(entry & form.reserved, "LSS.2")
                raise Fault("LSS.2")
            before, is_page = permissions, form is page_form
            permissions &= entry
            missing = self._missing(request.access, permissions) if is_page else 0
            if self.trace:
                self.trace(_permitted(before, entry, missing, is_page=is_page))
            if missing:
                raise _refused(request.access, permissions)
            if is_page:
                offset = (1 << shift) - 1
                return DmaResult(
                    address=entry & form.address | address & offset,
                    page_shift=shift,
                    read=bool(permissions & READ),
                    write=bool(permissions & WRITE),
                    snoop=self._config.sc and bool(entry & SNP),
                )
            table = entry & form.address
        raise AssertionError("level 1 holds pages only")

    def _missing(self, access: DmaAccess, permissions: int) -> int:
        """4.7, 3.9. Return what an access lacks. A zero-length read does with either permission where CAP.ZLR = 1."""
        if access is DmaAccess.ZERO_LENGTH_READ and self._config.zlr:
            return 0 if permissions else READ | WRITE
        if access is DmaAccess.WRITE or access is DmaAccess.ATOMIC:
            needed = WRITE if access is DmaAccess.WRITE else READ | WRITE
        else:
            needed = READ
        return needed & ~permissions

    def _read(self, structure: Structure, address: int, error: str, rule: str) -> int:
        entry = self._fetch(structure, address, error, rule)
        if self.trace:
            self.trace(Entry("read", rule, structure, address, entry, structure.bytes))
        return entry

    def _fetch(self, structure: Structure, address: int, error: str, rule: str) -> int:
        """Read an entry whose form may depend on what it holds; whoever knows the form tells the trace."""
        try:
            return self._memory.read(address, structure.bytes)
        except MemoryFault:
            if self.trace:
                self.trace(Entry("the read fails", rule, structure, address, None, structure.bytes))
            raise Fault(error) from None

    def _note(self, text: str, rule: str, blame: int = 0) -> None:
        if self.trace:
            self.trace(Check(text, rule, blame))

    def _note_reserved(self, bits: int, rule: str) -> None:
        if self.trace:
            self.trace(must_be_zero(bits, rule))


def _too_wide(width: int, mgaw: int) -> Check:
    """4.7. Name the limit that the address exceeds, the narrower one; AW is to blame only where it is that."""
    if width <= mgaw:
        return Check(f"the address has more than the {width} bits of AW", "LGN.1.1", CONTEXT_AW.mask)
    return Check(f"the address has more than the {mgaw} bits of CAP.MGAW", "LGN.1.1")


def _lookup(level: int, levels: int, table: int, address: int, shift: int) -> Lookup:
    index = address >> shift & INDEX_MASK
    bits = Selector("address", shift + 8, shift)
    text = f"level {level} table at {table:#x}, index {index:#x}: {bits}"
    base_from = "SSPTPTR of the context-entry" if level == levels else f"ADDR of the level {level + 1} entry"
    return Lookup(text, "rule 6.3", f"level {level} table", table, base_from, index, (bits,))


def _permitted(before: int, entry: int, missing: int, *, is_page: bool) -> Check:
    """Tell what all entries so far permit, which of R and W took something away here, and what the request lacks."""
    permissions = before & entry
    what = "this entry maps a page; all levels together permit" if is_page else "permitted so far:"
    return Check(f"{what} {_rights(permissions)}", "rule 6.4", before & ~entry, permissions, missing)


def _spell(widths: dict[int, int]) -> str:
    return ", ".join(f"AW {code} ({width} bits)" for code, width in sorted(widths.items())) or "none"


def _rights(permissions: int) -> str:
    names = [name for name, mask in (("read", READ), ("write", WRITE)) if permissions & mask]
    return " and ".join(names) or "nothing"


def _refused(access: DmaAccess, permissions: int) -> Fault:
    """Return the fault of a missing permission: write first, also for an AtomicOp that lacks both (28.11)."""
    writes = access is DmaAccess.WRITE or access is DmaAccess.ATOMIC
    name = "LGN.2" if writes and not permissions & WRITE else "LGN.3"
    return Fault(name, remedy=MAP_FOR_BOTH if access is DmaAccess.ATOMIC else "")
