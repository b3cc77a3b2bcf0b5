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
from model.reference.types import InterruptRequest, InterruptResult, Step, Trace

__all__ = ["InterruptTable", "Remapper", "interrupt_index", "is_remappable"]

FORMAT, SHV = REMAPPABLE_INTERRUPT_ADDRESS["FORMAT"], REMAPPABLE_INTERRUPT_ADDRESS["SHV"]
HANDLE_14_0, HANDLE_15 = REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_14_0"], REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_15"]
SUBHANDLE, MUST_BE_ZERO = REMAPPABLE_INTERRUPT_DATA["SUBHANDLE"], REMAPPABLE_INTERRUPT_DATA["MUST_BE_ZERO"]
P, FPD, IM, DST, DLM = (IRTE_REMAPPED[name] for name in ("P", "FPD", "IM", "DST", "DLM"))
SVT, SQ, SID = IRTE_REMAPPED["SVT"], IRTE_REMAPPED["SQ"], IRTE_REMAPPED["SID"]

# SQ -> bits of the source-id that are not compared. Rule 22.3.
IGNORED_SOURCE_ID_BITS = (0b000, 0b100, 0b110, 0b111)

# Destination bits outside the 8-bit APIC id, which xAPIC mode takes from DST bits 15:8. Rule 22.3.
NOT_XAPIC_DESTINATION = DST.to(0xFFFF00FF)


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
            raise Fault("IR.20")
        index = interrupt_index(request)
        place = table.base + index * IRTE_REMAPPED.bytes
        if self.trace:
            self.trace(_lookup(request, index, table))
        if index >= table.entries or place >> self._config.haw:
            raise Fault("IR.21")
        irte = self._read(place)
        try:
            return self._with_irte(irte, request.source_id, extended=table.extended)
        except Fault as fault:
            raise Fault(fault.condition.name, fault_processing_disable=bool(FPD.of(irte))) from None

    def _with_irte(self, irte: int, source_id: int, *, extended: bool) -> InterruptResult:
        """22.3 d to f: from here FPD of the entry counts, present or not."""
        if not P.of(irte):
            raise Fault("IR.22")
        self._verify_source(irte, source_id)
        if IM.of(irte) and self._config.pi:
            if irte & self._posted_reserved:
                self._note_reserved(irte & self._posted_reserved)
                raise Fault("IR.24")
            return self.poster.post(irte, extended=extended)
        reserved = self._remapped_reserved | (0 if extended else NOT_XAPIC_DESTINATION)
        if irte & reserved or DLM.of(irte) not in set(DeliveryMode):
            self._note_reserved(irte & reserved)
            raise Fault("IR.24")
        return _remapped(irte, extended=extended)

    def _verify_source(self, irte: int, source_id: int) -> None:
        """22.3 e. Compare the requester with SID in the way that SVT and SQ say."""
        validation, expected = SVT.of(irte), SID.of(irte)
        if validation == SourceValidation.RESERVED:
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
                self.trace(Step("the read fails", "rule 22.3", structure, address))
            raise Fault("IR.23") from None
        if self.trace:
            posted = IM.of(irte) and self._config.pi
            self.trace(Step("read", "rule 22.3", IRTE_POSTED if posted else structure, address, irte))
        return irte

    def _note_reserved(self, bits: int) -> None:
        if self.trace:
            text = f"bits that must be 0 here are 1: {bits:#x}" if bits else "DLM holds a reserved value"
            self.trace(Step(text, "IR.24"))


def _lookup(request: InterruptRequest, index: int, table: InterruptTable) -> Step:
    subhandle = f" plus subhandle {SUBHANDLE.of(request.data):#x}" if SHV.of(request.address) else ", no subhandle"
    where = f"interrupt remapping table at {table.base:#x} of {table.entries} entries"
    return Step(f"{where}, index {index:#x}: the handle{subhandle}", "rule 22.3")


def _source_check(irte: int, source_id: int, *, matches: bool) -> Step:
    how = {
        SourceValidation.NONE: "SVT says: not checked",
        SourceValidation.SOURCE_ID: f"SVT says: compare with SID {SID.of(irte):#06x}, SQ {SQ.of(irte)} leaves out bits "
        f"{IGNORED_SOURCE_ID_BITS[SQ.of(irte)]:#05b}",
        SourceValidation.BUS_RANGE: f"SVT says: bus from {SID.of(irte) >> 8:#04x} to {SID.of(irte) & 0xFF:#04x}",
    }[SourceValidation(SVT.of(irte))]
    return Step(f"source-id {source_id:#06x} {'matches' if matches else 'does not match'}; {how}", "rule 22.3")


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
