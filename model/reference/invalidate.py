"""Invalidation by register and by queue (rules 15 to 17).

The reference model has no caches: a command is checked, reported and has nothing to do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from model.arch import QUEUE_ERRORS, Structure, UnitConfig
from model.arch.encodings import (
    ContextGranularity,
    DescriptorType,
    IotlbGranularity,
    IqeiCode,
    PasidGranularity,
    TableMode,
)
from model.arch.registers import CCMD, FSTS, GSTS, ICS, IOTLB, IQA, IQERCD, IQH, IQT, IVA
from model.arch.structures import (
    CONTEXT_CACHE_INV,
    IEC_INV,
    INV_WAIT,
    IOTLB_INV,
    P_IOTLB_INV,
    PASID_CACHE_INV,
)
from model.reference.effects import effect
from model.reference.event_message import EventMessage
from model.reference.fault_recorder import FaultRecorder
from model.reference.memory import Memory, MemoryFault
from model.reference.register_file import RegisterFile
from model.reference.steps import Check, Decision, Entry, Lookup, Trace, must_be_zero

__all__ = ["InvalidationQueue", "invalidate_context_cache", "invalidate_iotlb"]

TYPE_LOW, TYPE_HIGH = INV_WAIT["TYPE_LO"], INV_WAIT["TYPE_HI"]
IWC, IQE, QIES = ICS["IWC"], FSTS["IQE"], GSTS["QIES"]
STATUS_BYTES = 4

# How a queue error is told: while it happens, while the queue stands still because of it, and before it happens.
ARISES = "queue error: {0}; IQERCD.IQEI = {1:d}, {2}"
STANDS = "the queue is stopped, FSTS.IQE is 1, since a queue error: {0}; IQERCD.IQEI = {1:d}, {2}"
WOULD_ARISE = "would be a queue error: {0}; IQERCD.IQEI would be {1:d}, {2}"

DESCRIPTORS = {
    DescriptorType.CONTEXT_CACHE: CONTEXT_CACHE_INV,
    DescriptorType.IOTLB: IOTLB_INV,
    DescriptorType.INTERRUPT_ENTRY_CACHE: IEC_INV,
    DescriptorType.WAIT: INV_WAIT,
    DescriptorType.PASID_IOTLB: P_IOTLB_INV,
    DescriptorType.PASID_CACHE: PASID_CACHE_INV,
}
LEGACY_TYPES = (
    DescriptorType.CONTEXT_CACHE,
    DescriptorType.IOTLB,
    DescriptorType.INTERRUPT_ENTRY_CACHE,
    DescriptorType.WAIT,
)


def invalidate_context_cache(config: UnitConfig, registers: RegisterFile, mode: TableMode) -> None:
    """Finish a CCMD whose ICC was written as 1: CAIG says what was done, 0 that it was rejected (17)."""
    performed = CCMD["CIRG"].of(registers[CCMD]) if _by_register(config, mode) else ContextGranularity.RESERVED
    registers[CCMD] = registers[CCMD] & ~(CCMD["CAIG"].mask | CCMD["ICC"].mask) | CCMD["CAIG"].to(performed)


def invalidate_iotlb(config: UnitConfig, registers: RegisterFile, mode: TableMode) -> None:
    """Finish an IOTLB whose IVT was written as 1: IAIG says what was done, 0 that it was rejected (15.1, 17).

    A unit without page-selective invalidation does the whole domain instead.
    """
    performed = IOTLB["IIRG"].of(registers[IOTLB])
    if not _by_register(config, mode):
        performed = IotlbGranularity.RESERVED
    elif performed == IotlbGranularity.PAGE and not config.psi:
        performed = IotlbGranularity.DOMAIN
    elif performed == IotlbGranularity.PAGE and IVA["AM"].of(registers[IVA]) > config.mamv:
        performed = IotlbGranularity.RESERVED
    registers[IOTLB] = registers[IOTLB] & ~(IOTLB["IAIG"].mask | IOTLB["IVT"].mask) | IOTLB["IAIG"].to(performed)


def _by_register(config: UnitConfig, mode: TableMode) -> bool:
    return config.version_major <= 5 and mode is TableMode.LEGACY


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a queue stands and how large it and its descriptors (`step`) are, in bytes, as IQA says."""

    base: int
    bytes: int
    wide: bool
    step: int

    @classmethod
    def of(cls, address: int) -> Self:
        wide = bool(IQA["DW"].of(address))
        step = INV_WAIT.bytes if wide else INV_WAIT.bytes // 2
        return cls(IQA["IQA"].in_place(address), 4096 << IQA["QS"].of(address), wide, step)


class _QueueError(Exception):
    def __init__(self, code: IqeiCode) -> None:
        super().__init__(code.name)
        self.code = code


class InvalidationQueue:
    """Fetches, checks and executes descriptors, strictly one after the other, until the queue is empty or wrong.

    So a fence is always kept, and a wait descriptor has nothing to wait for (16.5, 16.6).
    """

    def __init__(
        self,
        config: UnitConfig,
        memory: Memory,
        registers: RegisterFile,
        recorder: FaultRecorder,
        completion_event: EventMessage,
        table_mode: Callable[[], TableMode],
    ) -> None:
        self._config = config
        self._memory = memory
        self._registers = registers
        self._recorder = recorder
        self._completion_event = completion_event
        self._table_mode = table_mode
        self._address = 0
        self._reserved = {kind: config.reserved_mask(structure) for kind, structure in DESCRIPTORS.items()}
        self.trace: Trace = None

    def enable(self) -> None:
        """GCMD.QIE was set: take IQA and start at the head (16.1)."""
        self._address = self._registers[IQA]
        self._registers[GSTS] |= QIES.mask
        self.run()

    def disable(self) -> None:
        """GCMD.QIE was cleared: the head returns to 0 (16.7)."""
        self._registers[GSTS] &= ~QIES.mask
        self._registers[IQH] = 0

    def run(self) -> None:
        """Process descriptors while the queue is on, not empty, and no error stands (16.2)."""
        registers = self._registers
        while QIES.of(registers[GSTS]) and registers[IQH] != registers[IQT] and not IQE.of(registers[FSTS]):
            try:
                self._next()
            except _QueueError as error:
                self._note_error(error.code, ARISES)
                registers[IQERCD] = registers[IQERCD] & ~IQERCD["IQEI"].mask | IQERCD["IQEI"].to(error.code)
                self._recorder.report(IQE.mask)

    def error_cleared(self) -> None:
        """Software wrote FSTS: without IQE there is no error information, and fetching resumes at the head (16.4)."""
        if not IQE.of(self._registers[FSTS]):
            self._registers[IQERCD] &= ~IQERCD["IQEI"].mask
            self.run()

    def _next(self) -> None:
        """Do the descriptor at the head; the head moves on only when it was good (16.2)."""
        queue = _Shape.of(self._address)
        self._check_queue(wide=queue.wide, queue_bytes=queue.bytes, descriptor_bytes=queue.step)
        kind, descriptor = self._fetch(queue, self._registers[IQH], "execute")
        if kind is DescriptorType.WAIT:
            self._wait(descriptor)
        self._registers[IQH] = (self._registers[IQH] + queue.step) % queue.bytes

    def preview(self) -> None:
        """Trace the error that stands, then what stands between head and tail as it would be done; do nothing of it.

        A queue that is wrong as a whole, such as one whose tail is out of place, has no descriptors.
        """
        if IQE.of(self._registers[FSTS]):
            self._note_error(IqeiCode(IQERCD["IQEI"].of(self._registers[IQERCD])), STANDS)
        enabled = QIES.of(self._registers[GSTS])
        queue = _Shape.of(self._address if enabled else self._registers[IQA])
        head, tail = self._registers[IQH], self._registers[IQT]
        try:
            self._check_queue(wide=queue.wide, queue_bytes=queue.bytes, descriptor_bytes=queue.step)
        except _QueueError as error:
            self._note_error(error.code, WOULD_ARISE)
            return
        while head != tail:
            try:
                self._fetch(queue, head, "waits")
            except _QueueError as error:
                self._note_error(error.code, WOULD_ARISE)
            head = (head + queue.step) % queue.bytes

    def _fetch(self, queue: "_Shape", head: int, what: str) -> tuple[DescriptorType, int]:
        """Read and check the descriptor at `head`; `what` is done with a good one, for the trace."""
        if self.trace:
            text = f"invalidation queue at {queue.base:#x}, head {head:#x}, tail {self._registers[IQT]:#x}"
            self.trace(Lookup(text, "rule 16.2", "invalidation queue", queue.base, "IQA", head // queue.step))
        place = queue.base + head
        try:
            descriptor = self._memory.read(place, queue.step)
        except MemoryFault:
            self._note("the read fails", None, place, None, queue.step)
            raise _QueueError(IqeiCode.FETCH_ERROR) from None
        try:
            kind, structure = self._check(descriptor)
        except _QueueError as error:
            self._note("wrong", _structure(descriptor), place, descriptor, queue.step)
            if self.trace:
                self.trace(self._blame(error.code, descriptor))
            raise
        self._note(what, structure, place, descriptor, queue.step)
        if self.trace:
            self.trace(Check(*effect(self._config, kind, structure, descriptor)))
        return kind, descriptor

    def _check_queue(self, *, wide: bool, queue_bytes: int, descriptor_bytes: int) -> None:
        """16.1, in the order of 28.5."""
        tail, mode = self._registers[IQT], self._table_mode()
        if tail >= queue_bytes:
            raise _QueueError(IqeiCode.TAIL_BEYOND_QUEUE)
        if tail % descriptor_bytes:
            raise _QueueError(IqeiCode.TAIL_NOT_ALIGNED)
        if wide and not self._config.adms:
            raise _QueueError(IqeiCode.INVALID_WIDTH)
        if mode is TableMode.ABORT_DMA and self._config.adms and not wide:
            raise _QueueError(IqeiCode.INVALID_WIDTH)
        if mode is not TableMode.LEGACY and not (mode is TableMode.ABORT_DMA and self._config.adms):
            raise _QueueError(IqeiCode.INVALID_TABLE_MODE)

    def _check(self, descriptor: int) -> tuple[DescriptorType, Structure]:
        """16.3. Type and granularity first, then reserved bits."""
        kind = self._kind(descriptor)
        if kind is None or not self._is_supported(kind, descriptor):
            raise _QueueError(IqeiCode.INVALID_TYPE)
        if descriptor & self._reserved[kind]:
            raise _QueueError(IqeiCode.RESERVED_BITS)
        return kind, DESCRIPTORS[kind]

    def _kind(self, descriptor: int) -> DescriptorType | None:
        """Return the type, None where this table mode has none of that number."""
        legal = LEGACY_TYPES if self._table_mode() is TableMode.LEGACY else tuple(DESCRIPTORS)
        return next((kind for kind in legal if kind == _type(descriptor)), None)

    def _is_supported(self, kind: DescriptorType, descriptor: int) -> bool:
        structure = DESCRIPTORS[kind]
        if kind is DescriptorType.WAIT:
            return True
        if kind is DescriptorType.INTERRUPT_ENTRY_CACHE:
            return self._config.ir
        granularity = structure["G"].of(descriptor)
        if kind is DescriptorType.IOTLB and granularity == IotlbGranularity.PAGE:
            return self._config.psi
        if kind is DescriptorType.PASID_IOTLB:
            return granularity in (PasidGranularity.PASID_PAGES, PasidGranularity.GLOBAL_OR_PAGE)
        if kind is DescriptorType.PASID_CACHE:
            return granularity != PasidGranularity.PASID_PAGES
        return granularity != ContextGranularity.RESERVED

    def _wait(self, descriptor: int) -> None:
        """16.5. Status write first, then the completion event."""
        if INV_WAIT["SW"].of(descriptor):
            address = INV_WAIT["STADDR"].in_place(descriptor) & (1 << self._config.haw) - 1
            try:
                self._memory.write(address, STATUS_BYTES, INV_WAIT["STDATA"].of(descriptor))
            except MemoryFault:
                # A posted write: the unit has no record for its failure, and the queue goes on.
                self._note_status_write(address)
        if INV_WAIT["IF"].of(descriptor):
            was_set = IWC.of(self._registers[ICS])
            self._registers[ICS] |= IWC.mask
            if not was_set:
                self._completion_event.raise_event()

    def _note(self, text: str, structure: Structure | None, address: int, value: int | None, size: int) -> None:
        if self.trace:
            self.trace(Entry(text, "rule 16.2", structure, address, value, size))

    def _note_status_write(self, address: int) -> None:
        if self.trace:
            self._note("the status write fails", None, address, None, STATUS_BYTES)
            text = f"the status write to {address:#x} fails: software never sees it, no record tells, the queue goes on"
            self.trace(Check(text, "rule 16.5", INV_WAIT["STADDR"].mask))

    def _note_error(self, code: IqeiCode, sentence: str) -> None:
        if self.trace:
            error = QUEUE_ERRORS[code]
            text = sentence.format(error.text, code, code.name)
            self.trace(Decision(text, "rule 16.4", False, f"IQEI {code:d}", int(code), error.remedy))

    def _blame(self, code: IqeiCode, descriptor: int) -> Check:
        """Say what is wrong with a descriptor that was not done."""
        number, kind = _type(descriptor), self._kind(descriptor)
        if kind is not None and code is IqeiCode.RESERVED_BITS:
            return must_be_zero(descriptor & self._reserved[kind], "rule 16.3")
        if kind is None or kind is DescriptorType.INTERRUPT_ENTRY_CACHE:  # of that, all granularities exist, or none
            why = "" if descriptor else ": all bits are 0, as where nothing was ever written"
            return Check(f"type {number} does not exist here{why}", "rule 16.3", TYPE_LOW.mask | TYPE_HIGH.mask)
        granularity = DESCRIPTORS[kind]["G"]
        text = f"type {number} with granularity {granularity.of(descriptor)} does not exist here"
        return Check(text, "rule 16.3", granularity.mask)


def _structure(descriptor: int) -> Structure | None:
    kind = _type(descriptor)
    return DESCRIPTORS[DescriptorType(kind)] if kind in set(DESCRIPTORS) else None


def _type(descriptor: int) -> int:
    return TYPE_HIGH.of(descriptor) << TYPE_LOW.width | TYPE_LOW.of(descriptor)
