"""Interrupt posting: update of a posted-interrupt descriptor, and its notification (rules 23)."""

from model.arch import UnitConfig
from model.arch.structures import IRTE_POSTED, POSTED_INTERRUPT_DESCRIPTOR
from model.reference.fault import Fault
from model.reference.memory import Memory, MemoryFault
from model.reference.message import interrupt_message
from model.reference.steps import Check, Entry, Lookup, Trace, must_be_zero
from model.reference.types import InterruptResult, Message

__all__ = ["Poster"]

ON, SN = POSTED_INTERRUPT_DESCRIPTOR["ON"], POSTED_INTERRUPT_DESCRIPTOR["SN"]
NV, NDST = POSTED_INTERRUPT_DESCRIPTOR["NV"], POSTED_INTERRUPT_DESCRIPTOR["NDST"]
PDAL, PDAH = IRTE_POSTED["PDAL"], IRTE_POSTED["PDAH"]


class Poster:
    """Posts interrupts of IRTEs in the posted format into descriptors in memory."""

    def __init__(self, config: UnitConfig, memory: Memory) -> None:
        self._memory = memory
        self.trace: Trace = None
        self._reserved = config.reserved_mask(POSTED_INTERRUPT_DESCRIPTOR)

    def post(self, irte: int, *, extended: bool) -> InterruptResult:
        """Post the interrupt of a checked IRTE; Fault when the descriptor is bad, which then stays as it was.

        `extended` is extended interrupt mode: NDST then has 32 bits, otherwise bits 15:8 only.
        """
        address = PDAH.of(irte) << 32 | PDAL.of(irte) * POSTED_INTERRUPT_DESCRIPTOR.bytes
        if self.trace:
            text = f"posted-interrupt descriptor at {address:#x}: PDAH and PDAL of the entry"
            self.trace(
                Lookup(text, "rule 23.1", "posted-interrupt descriptor", address, "PDAH and PDAL of the IRTE", 0)
            )
        descriptor = self._read(address)
        reserved = self._reserved if extended else self._reserved | NDST.to(0xFFFF00FF)
        if descriptor & reserved:
            if self.trace:
                self.trace(must_be_zero(descriptor & reserved, "IR.28"))
            raise Fault("IR.28")
        notify = not ON.of(descriptor) and (IRTE_POSTED["URG"].of(irte) or not SN.of(descriptor))
        updated = descriptor | 1 << IRTE_POSTED["VV"].of(irte)
        if notify:
            updated |= ON.mask
        if self.trace:
            self.trace(Check(_notification_due(irte, descriptor), "rule 23.2"))
        self._write(address, updated)
        return InterruptResult(
            posted=True,
            descriptor_address=address,
            notification=self._notification(descriptor, extended=extended) if notify else None,
            rule="rule 23.2",
        )

    def _notification(self, descriptor: int, *, extended: bool) -> Message:
        """23.3. Vector NV to NDST: fixed, edge, asserted, physical destination."""
        destination = NDST.of(descriptor)
        return interrupt_message(
            vector=NV.of(descriptor), destination=destination if extended else destination >> 8 & 0xFF
        )

    def _read(self, address: int) -> int:
        structure = POSTED_INTERRUPT_DESCRIPTOR
        try:
            descriptor = self._memory.read(address, structure.bytes)
        except MemoryFault:
            if self.trace:
                self.trace(Entry("the read fails", "rule 23.1", structure, address, None, structure.bytes))
            raise Fault("IR.27") from None
        if self.trace:
            self.trace(Entry("read", "rule 23.1", structure, address, descriptor, structure.bytes))
        return descriptor

    def _write(self, address: int, descriptor: int) -> None:
        structure = POSTED_INTERRUPT_DESCRIPTOR
        try:
            self._memory.write(address, structure.bytes, descriptor)
        except MemoryFault:
            if self.trace:
                self.trace(Entry("the write fails", "rule 23.1", structure, address, None, structure.bytes))
            raise Fault("IR.27") from None
        if self.trace:
            text = "write, as one step with the read"
            self.trace(Entry(text, "rule 23.2", structure, address, descriptor, structure.bytes))


def _notification_due(irte: int, descriptor: int) -> str:
    vector = f"vector {IRTE_POSTED['VV'].of(irte):#x} is set in PIR"
    if ON.of(descriptor):
        return f"{vector}; no notification: ON is 1, one is outstanding already"
    if SN.of(descriptor) and not IRTE_POSTED["URG"].of(irte):
        return f"{vector}; no notification: SN is 1, and URG of the IRTE is 0"
    return f"{vector}; ON becomes 1, and a notification is due: {'URG is 1' if SN.of(descriptor) else 'SN is 0'}"
