"""Golden model of rtl/fault_recorder.py: same records, same FSTS, same clock counts."""

from typing import NamedTuple

from model.arch import CONDITIONS, UnitConfig
from model.arch.registers import FRCD, FSTS
from model.cycle.request import Access

__all__ = ["FaultRecorder", "Inputs", "Outputs", "Record"]

F, SID, PAGE_LSB = FRCD["F"].mask, FRCD["SID"], FRCD["FI"].lsb
PPF, PFO, IQE, FRI = FSTS["PPF"].mask, FSTS["PFO"].mask, FSTS["IQE"].mask, FSTS["FRI"]
TRANSLATION_REQUEST = 1  # PCI Express AT
INDEX = ((1 << 16) - 1) << 48  # where the address of an interrupt's record has the interrupt index
LOGS_INDEX = {condition.reason for condition in CONDITIONS.values() if condition.index_logged}

# Access -> FRCD.T1, FRCD.T2. Rule 24.6.
REQUEST_TYPE: dict[int, int] = {
    Access.READ: FRCD.pack(T1=1),
    Access.WRITE: 0,
    Access.ATOMIC: FRCD.pack(T1=1, T2=1),
    Access.ZERO_LENGTH_READ: FRCD.pack(T1=1),
}


class Record(NamedTuple):
    """A refused request. With `interrupt`, address bits 63:48 are the interrupt index, and nothing else of the
    address, of `access` and of `address_type` counts."""

    fault_reason: int
    source_id: int
    address: int
    access: int
    address_type: int
    interrupt: int


class Inputs(NamedTuple):
    """`clear_records` has a 1 for every record whose F bit software writes as 1; `remapping` is TES or IRES."""

    record: Record | None = None
    queue_error: int = 0
    clear_records: int = 0
    clear_overflow: int = 0
    clear_queue_error: int = 0
    remapping: int = 0


class Outputs(NamedTuple):
    """For EventMessage, in the clock of the inputs."""

    event: int
    withdraw: int


class FaultRecorder:
    """`status` is FSTS and `records` is FRCD as software reads them: outputs too. Bit n of `_full` is F of record n,
    `_index` the next record."""

    def __init__(self, config: UnitConfig) -> None:
        self.status = FSTS.reset
        self.records = [0] * config.nfr
        self._full = 0
        self._index = 0
        self._collapse = config.collapse_faults
        self._page_bits = (1 << max(config.sagaw, default=64)) - (1 << PAGE_LSB)

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's events, then advance one clock: software's clears act first, then the record."""
        record, queue_error, clear_records, clear_overflow, clear_queue_error, remapping = inputs
        if not remapping:
            self._index = 0
        if clear_records & self._full:
            self._clear(clear_records & self._full)
        status = self.status & ~(PFO * clear_overflow | IQE * clear_queue_error | (0 if self._full else PPF))
        pending = status & (PPF | PFO | IQE)
        if record is not None and not status & PFO:
            status = self._record(record, remapping, status)
        if queue_error:
            status |= IQE
        self.status = status
        raised = status & PPF or queue_error  # PFO alone is no reason for an event
        return Outputs(event=int(not pending and raised != 0), withdraw=int(not pending))

    def _clear(self, records: int) -> None:
        self._full &= ~records
        for number in range(len(self.records)):
            if records >> number & 1:
                self.records[number] &= ~F

    def _record(self, record: Record, remapping: int, status: int) -> int:
        """Keep the record, or drop it; return FSTS after it. Rules 24.1, 24.2."""
        if self._collapse and any(old & F and SID.of(old) == record.source_id for old in self.records):
            return status
        index = self._index
        if self._full >> index & 1:
            return status | PFO
        if not self._full:
            status = status & ~FRI.mask | PPF | index << FRI.lsb
        self.records[index] = self._packed(record)
        self._full |= 1 << index
        self._index = (index + 1) % len(self.records) if remapping else 0
        return status

    def _packed(self, record: Record) -> int:
        fault = F | record.fault_reason << FRCD["FR"].lsb | record.source_id << SID.lsb
        if record.interrupt:
            return fault | (record.address & INDEX if record.fault_reason in LOGS_INDEX else 0)
        is_translation = record.address_type == TRANSLATION_REQUEST
        kind = REQUEST_TYPE[Access.READ if is_translation else record.access]
        return fault | kind | record.address & self._page_bits
