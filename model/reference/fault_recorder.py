"""Primary fault logging: the ring of fault records, FSTS, and the fault event (rules 24)."""

from model.arch import FaultCondition, UnitConfig
from model.arch.registers import FRCD, FSTS, GSTS
from model.reference.event_message import EventMessage
from model.reference.register_file import RegisterFile
from model.reference.steps import Recorded, Trace
from model.reference.types import AddressType, DmaAccess, DmaRequest

__all__ = ["FaultRecorder"]

F, SID = FRCD["F"], FRCD["SID"]
PPF, PFO, FRI = FSTS["PPF"], FSTS["PFO"], FSTS["FRI"]
REMAPPING = GSTS["TES"].mask | GSTS["IRES"].mask
EVENT_SOURCES = sum(FSTS[name].mask for name in ("PPF", "PFO", "IQE", "ICE", "ITE"))

# FRCD.T1, FRCD.T2 by access. Rule 24.6.
REQUEST_TYPE = {
    DmaAccess.WRITE: (0, 0),
    DmaAccess.PAGE_REQUEST: (0, 1),
    DmaAccess.READ: (1, 0),
    DmaAccess.ZERO_LENGTH_READ: (1, 0),
    DmaAccess.ATOMIC: (1, 1),
}


class FaultRecorder:
    """Writes fault records and keeps FSTS true."""

    def __init__(self, config: UnitConfig, registers: RegisterFile, event: EventMessage) -> None:
        self._config = config
        self._registers = registers
        self._event = event
        self._index = 0
        self.trace: Trace = None

    def status_changed(self) -> None:
        """GSTS changed: the ring stands at record 0 whenever neither DMA nor interrupts are remapped (24.1)."""
        if not self._registers[GSTS] & REMAPPING:
            self._index = 0

    def record_dma(self, condition: FaultCondition, request: DmaRequest) -> None:
        """Record a refused DMA or page request."""
        widest = max(self._config.sagaw, default=64)
        t1, t2 = REQUEST_TYPE[request.access]
        is_translation = request.address_type is AddressType.TRANSLATION_REQUEST
        self._record(
            FRCD.pack(
                FI=(request.address & (1 << widest) - 1) >> FRCD["FI"].lsb,
                SID=request.source_id,
                FR=condition.reason,
                T1=1 if is_translation else t1,
                T2=0 if is_translation else t2,
                F=1,
            )
        )

    def record_interrupt(self, condition: FaultCondition, source_id: int, index: int) -> None:
        """Record a refused interrupt request; `index` counts only where the condition logs it."""
        logged = index if condition.index_logged else 0
        self._record(FRCD.pack(FI=(logged & 0xFFFF) << 48 - FRCD["FI"].lsb, SID=source_id, FR=condition.reason, F=1))

    def _record(self, record: int) -> None:
        registers = self._registers
        if registers[FSTS] & PFO.mask:
            self._note("FSTS.PFO is 1, so faults are dropped until software clears it")
            return
        if self._config.collapse_faults and any(F.of(r) and SID.of(r) == SID.of(record) for r in registers.frcd):
            self._note(f"source-id {SID.of(record):#06x} has a record already")
            return
        if F.of(registers.frcd[self._index]):
            self._note(f"FRCD[{self._index}] still holds an older fault, so FSTS.PFO is set")
            registers[FSTS] |= PFO.mask
            return
        if self.trace:
            self.trace(Recorded(f"recorded in FRCD[{self._index}]", "rule 24.2", self._index))
        was_pending = registers[FSTS] & EVENT_SOURCES
        if not registers[FSTS] & PPF.mask:
            registers[FSTS] = registers[FSTS] & ~FRI.mask | PPF.mask | FRI.to(self._index)
        registers.frcd[self._index] = record
        self._index = (self._index + 1) % self._config.nfr
        self.status_changed()
        if not was_pending:
            self._event.raise_event()

    def _note(self, why: str) -> None:
        if self.trace:
            self.trace(Recorded(f"not recorded: {why}", "rule 24.2"))

    def report(self, status: int) -> None:
        """Set a queue error bit of FSTS (a mask), with the event if nothing else was pending (24.4)."""
        was_pending = self._registers[FSTS] & EVENT_SOURCES
        self._registers[FSTS] |= status
        if not was_pending:
            self._event.raise_event()

    def status_cleared(self) -> None:
        """Software cleared bits of FSTS or of a record: bring PPF up to date, withdraw an event without a reason."""
        if not any(F.of(record) for record in self._registers.frcd):
            self._registers[FSTS] &= ~PPF.mask
        if not self._registers[FSTS] & EVENT_SOURCES:
            self._event.withdraw()
