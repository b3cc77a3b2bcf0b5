"""Interrupt remapping: from an interrupt request to a message, a posted interrupt, or a fault (rules 22)."""

from dataclasses import dataclass

from model.arch import Structure, UnitConfig
from model.arch.encodings import DeliveryMode, SourceValidation
from model.arch.structures import (
    IRTE_POSTED,
    IRTE_REMAPPED,
    REMAPPABLE_INTERRUPT_ADDRESS,
    REMAPPABLE_INTERRUPT_DATA,
)
from model.reference.fault import Fault
from model.reference.memory import Memory, MemoryFault
from model.reference.message import interrupt_message
from model.reference.post import Poster
from model.reference.steps import Check, Entry, Lookup, Selector, Trace, must_be_zero, spell_bits
from model.reference.types import InterruptRequest, InterruptResult

__all__ = ["InterruptTable", "Remapper", "interrupt_index", "is_remappable"]

FORMAT, SHV = REMAPPABLE_INTERRUPT_ADDRESS["FORMAT"], REMAPPABLE_INTERRUPT_ADDRESS["SHV"]
HANDLE_14_0, HANDLE_15 = REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_14_0"], REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_15"]
SUBHANDLE, MUST_BE_ZERO = REMAPPABLE_INTERRUPT_DATA["SUBHANDLE"], REMAPPABLE_INTERRUPT_DATA["MUST_BE_ZERO"]
HANDLE_BITS = (Selector("address", 19, 5), Selector("address", 2, 2))
SUBHANDLE_BITS = (Selector("data", 15, 0),)
P, FPD, IM, DST, DLM = (IRTE_REMAPPED[name] for name in ("P", "FPD", "IM", "DST", "DLM"))
SVT, SQ, SID = IRTE_REMAPPED["SVT"], IRTE_REMAPPED["SQ"], IRTE_REMAPPED["SID"]

# SQ -> bits of the source-id that are not compared. Rule 22.3.
IGNORED_SOURCE_ID_BITS = (0b000, 0b100, 0b110, 0b111)

# Destination bits outside the 8-bit APIC id, which xAPIC mode takes from DST bits 15:8. Rule 22.3.
NOT_XAPIC_DESTINATION = DST.to(0xFFFF00FF)

# Advice for IR.21 where the index is within the table.
MOVE_TABLE = (
    "Put the whole interrupt remapping table below 2^HAW (IRTA) and write GCMD.SIRTP, or give the device a handle "
    "whose entry lies there."
)


@dataclass(frozen=True, slots=True)
class InterruptTable:
    """The interrupt remapping table that GCMD.SIRTP made current: `base` in bytes, `entries`, extended mode."""

    base: int = 0
    entries: int = 2
    extended: bool = False


def is_remappable(request: InterruptRequest) -> bool:
    """Say whether a request is in the remappable format; otherwise it is in the compatibility format (rule 22.2)."""
    return bool(FORMAT.of(request.address))


def interrupt_index(request: InterruptRequest) -> int:
    """Return the index of a remappable request, 17 bits: handle plus subhandle never wraps (22.3 b)."""
    handle = HANDLE_15.of(request.address) << HANDLE_14_0.width | HANDLE_14_0.of(request.address)
    return handle + (SUBHANDLE.of(request.data) if SHV.of(request.address) else 0)


class Remapper:
    """Remaps one interrupt request at a time; it keeps nothing from one to the next."""

    def __init__(self, config: UnitConfig, memory: Memory) -> None:
        self._config = config
        self._memory = memory
        self.poster = Poster(config, memory)
        self.trace: Trace = None
        self._remapped_reserved = config.reserved_mask(IRTE_REMAPPED)
        self._posted_reserved = config.reserved_mask(IRTE_POSTED)
        beyond_haw = IRTE_POSTED["PDAH"].to((1 << 32) - (1 << config.haw - 32))
        self._posted_reserved |= beyond_haw

    def remap(self, request: InterruptRequest, table: InterruptTable) -> InterruptResult:
        """Return the permitted result of a remappable request; raise Fault for any other (22.3, in its order)."""
        if SHV.of(request.address) and MUST_BE_ZERO.of(request.data):
            self._note(f"SHV is 1, but bits 31:16 of the data {request.data:#x} are not 0", "IR.20")
            raise Fault("IR.20")
        index = interrupt_index(request)
        place = table.base + index * IRTE_REMAPPED.bytes
        if self.trace:
            self.trace(_lookup(request, index, table))
        if index >= table.entries or place >> self._config.haw:
            if self.trace:
                self.trace(_out_of_reach(index, place, table, self._config.haw))
            raise Fault("IR.21", remedy="" if index >= table.entries else MOVE_TABLE)
        irte = self._read(place)
        try:
            return self._with_irte(irte, request.source_id, extended=table.extended)
        except Fault as fault:
            raise Fault(fault.condition.name, fault_processing_disable=bool(FPD.of(irte))) from None

    def _with_irte(self, irte: int, source_id: int, *, extended: bool) -> InterruptResult:
        """22.3 d to f: from here FPD of the entry counts, present or not."""
        if not P.of(irte):
            self._note("P is 0: nobody may raise this interrupt", "IR.22", P.mask)
            raise Fault("IR.22")
        self._verify_source(irte, source_id)
        if IM.of(irte) and self._config.pi:
            if irte & self._posted_reserved:
                self._note_wrong(irte & self._posted_reserved)
                raise Fault("IR.24")
            return self.poster.post(irte, extended=extended)
        reserved = self._remapped_reserved | (0 if extended else NOT_XAPIC_DESTINATION)
        if irte & reserved or DLM.of(irte) not in set(DeliveryMode):
            self._note_wrong(irte & reserved)
            raise Fault("IR.24")
        return _remapped(irte, extended=extended)

    def _verify_source(self, irte: int, source_id: int) -> None:
        """22.3 e. Compare the requester with SID in the way that SVT and SQ say."""
        validation, expected = SVT.of(irte), SID.of(irte)
        if validation == SourceValidation.RESERVED:
            self._note("SVT holds the reserved value 3", "IR.24", SVT.mask)
            raise Fault("IR.24")
        if validation == SourceValidation.SOURCE_ID:
            matches = not (source_id ^ expected) & ~IGNORED_SOURCE_ID_BITS[SQ.of(irte)]
        else:
            matches = validation == SourceValidation.NONE or expected >> 8 <= source_id >> 8 <= expected & 0xFF
        if self.trace:
            self.trace(_source_check(irte, source_id, matches=matches))
        if not matches:
            raise Fault("IR.26")

    def _read(self, address: int) -> int:
        structure: Structure = IRTE_REMAPPED
        try:
            irte = self._memory.read(address, structure.bytes)
        except MemoryFault:
            if self.trace:
                self.trace(Entry("the read fails", "rule 22.3", structure, address, None, structure.bytes))
            raise Fault("IR.23") from None
        if self.trace:
            posted = IM.of(irte) and self._config.pi
            form = IRTE_POSTED if posted else structure
            self.trace(Entry("read", "rule 22.3", form, address, irte, structure.bytes))
        return irte

    def _note(self, text: str, rule: str, blame: int = 0) -> None:
        if self.trace:
            self.trace(Check(text, rule, blame))

    def _note_wrong(self, bits: int) -> None:
        if self.trace:
            self.trace(must_be_zero(bits, "IR.24") if bits else Check("DLM holds a reserved value", "IR.24", DLM.mask))


def _lookup(request: InterruptRequest, index: int, table: InterruptTable) -> Lookup:
    subhandle = f" plus subhandle {SUBHANDLE.of(request.data):#x}" if SHV.of(request.address) else ", no subhandle"
    name = "interrupt remapping table"
    text = f"{name} at {table.base:#x} of {table.entries} entries, index {index:#x}: the handle{subhandle}"
    selectors = HANDLE_BITS + (SUBHANDLE_BITS if SHV.of(request.address) else ())
    return Lookup(text, "rule 22.3", name, table.base, f"IRTA, {table.entries} entries", index, selectors)


def _out_of_reach(index: int, place: int, table: InterruptTable, haw: int) -> Check:
    """22.3 b. Say which of the two limits it is, or both."""
    reasons = []
    if index >= table.entries:
        reasons.append(f"index {index:#x} is beyond the table, which ends with index {table.entries - 1:#x}")
    if place >> haw:
        reasons.append(f"the entry would be at {place:#x}, beyond host memory, which ends below 2^{haw}")
    return Check("; ".join(reasons), "IR.21")


def _source_check(irte: int, source_id: int, *, matches: bool) -> Check:
    how = {
        SourceValidation.NONE: "SVT says: not checked",
        SourceValidation.SOURCE_ID: f"SVT says: compare with SID {SID.of(irte):#06x}, {_compared(irte)}",
        SourceValidation.BUS_RANGE: f"SVT says: bus from {SID.of(irte) >> 8:#04x} to {SID.of(irte) & 0xFF:#04x}",
    }[SourceValidation(SVT.of(irte))]
    text = f"source-id {source_id:#06x} {'matches' if matches else 'does not match'}; {how}"
    return Check(text, "rule 22.3", 0 if matches else SVT.mask | SQ.mask | SID.mask)


def _compared(irte: int) -> str:
    qualifier = SQ.of(irte)
    ignored = IGNORED_SOURCE_ID_BITS[qualifier]
    return f"SQ {qualifier} {f'leaves out {spell_bits(ignored)}' if ignored else 'compares all bits'}"


def _remapped(irte: int, *, extended: bool) -> InterruptResult:
    """22.5. The message that an IRTE in the remapped format makes of the request."""
    destination = DST.of(irte)
    message = interrupt_message(
        vector=IRTE_REMAPPED["V"].of(irte),
        destination=destination if extended else destination >> 8 & 0xFF,
        delivery_mode=DLM.of(irte),
        trigger_mode=IRTE_REMAPPED["TM"].of(irte),
        destination_mode=IRTE_REMAPPED["DM"].of(irte),
        redirection_hint=IRTE_REMAPPED["RH"].of(irte),
    )
    return InterruptResult(message=message)
