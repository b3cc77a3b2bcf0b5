"""The remapping unit without time: each call is answered at once from the registers and the tables in memory."""

from model.arch import UnitConfig
from model.arch.encodings import TableMode
from model.arch.registers import (
    CCMD,
    FEADDR,
    FECTL,
    FEDATA,
    FEUADDR,
    FRCD,
    FSTS,
    GCMD,
    GSTS,
    ICS,
    IEADDR,
    IECTL,
    IEDATA,
    IEUADDR,
    IOTLB,
    IQT,
    IRTA,
    PMEN,
    RTADDR,
)
from model.reference.event_message import EventMessage
from model.reference.fault import Fault
from model.reference.fault_recorder import FaultRecorder
from model.reference.invalidate import InvalidationQueue, invalidate_context_cache, invalidate_iotlb
from model.reference.memory import Memory
from model.reference.protected_memory import ProtectedMemory
from model.reference.register_file import RegisterFile
from model.reference.remap import InterruptTable, Remapper, interrupt_index, is_remappable
from model.reference.translate import Translator, in_interrupt_range
from model.reference.types import (
    AddressType,
    DmaAccess,
    DmaRequest,
    DmaResult,
    InterruptRequest,
    InterruptResult,
    Message,
    Refusal,
    Step,
    Trace,
)

__all__ = ["Unit"]

REFUSAL_RULES = {
    Refusal.MALFORMED: "rule 3.1",
    Refusal.TRANSLATION_OFF: "rule 3.3",
    Refusal.BEYOND_HOST_WIDTH: "rule 3.3",
    Refusal.PROTECTED_MEMORY: "rule 21.2",
}
TES, IRES, CFIS = GSTS["TES"].mask, GSTS["IRES"].mask, GSTS["CFIS"].mask


class Unit:
    """A VT-d remapping unit of the given configuration in front of the given memory.

    It caches nothing: what it answers is what the specification allows once software has invalidated as it must.
    `messages` collects the event messages that the unit sends; the caller takes them out. `trace`, when set, is
    called with every step on the way to an answer.
    """

    def __init__(self, config: UnitConfig, memory: Memory) -> None:
        self.config = config
        self.memory = memory
        self._trace: Trace = None
        self.reset()

    def reset(self) -> None:
        """Put the unit into its power-on state; memory stays as it is."""
        config, memory = self.config, self.memory
        self.messages: list[Message] = []
        self._root_table = 0
        self._table_mode = TableMode.LEGACY
        self._interrupt_table = InterruptTable()
        registers = self._registers = RegisterFile(config)
        self._fault_event = EventMessage(
            registers, control=FECTL, data=FEDATA, address=FEADDR, upper_address=FEUADDR, send=self._send
        )
        self._completion_event = EventMessage(
            registers, control=IECTL, data=IEDATA, address=IEADDR, upper_address=IEUADDR, send=self._send
        )
        self._recorder = FaultRecorder(config, registers, self._fault_event)
        self._protected_memory = ProtectedMemory(config, registers)
        self._translator = Translator(config, memory)
        self._remapper = Remapper(config, memory)
        self._queue = InvalidationQueue(
            config, memory, registers, self._recorder, self._completion_event, lambda: self._table_mode
        )
        self.trace = self._trace
        registers.effects = {
            GCMD: self._global_command,
            CCMD: self._context_command,
            IOTLB: self._iotlb_command,
            FSTS: lambda _number, _bits: self._fault_status_written(),
            FRCD: lambda _number, _bits: self._recorder.status_cleared(),
            FECTL: lambda _number, _bits: self._fault_event.control_written(),
            ICS: lambda _number, _bits: self._completion_status_written(),
            IECTL: lambda _number, _bits: self._completion_event.control_written(),
            IQT: lambda _number, _bits: self._queue.run(),
            PMEN: lambda _number, _bits: self._protected_memory.enable_written(),
        }

    @property
    def trace(self) -> Trace:
        """Called with each `Step` while a request or a register write is worked on; None is silence."""
        return self._trace

    @trace.setter
    def trace(self, trace: Trace) -> None:
        self._trace = trace
        for block in (self._translator, self._remapper, self._remapper.poster, self._queue):
            block.trace = trace

    def read_register(self, offset: int, size: int = 4) -> int:
        """Return what software reads, `size` (4 or 8) bytes at a byte offset; 0 where there is no register."""
        return self._registers.read(offset, size)

    def write_register(self, offset: int, value: int, size: int = 4) -> None:
        """Do what software's write of `size` (4 or 8) bytes at a byte offset does, and all that follows from it."""
        self._registers.write(offset, size, value)

    def dma(self, request: DmaRequest) -> DmaResult:
        """Answer a request of a device that is no interrupt request; a fault is recorded before this returns.

        A dword write to 0xFEEx_xxxx belongs to `interrupt`; here it counts as a write of another size.
        """
        result = self._classify(request)
        if self._trace:
            self._trace(_decision(result))
        return result

    def interrupt(self, request: InterruptRequest) -> InterruptResult:
        """Answer an interrupt request; a fault is recorded before this returns.

        Raises ValueError when the address is not 0xFEEx_xxxx.
        """
        if not in_interrupt_range(request.address):
            raise ValueError(f"an interrupt request must go to 0xfee00000..0xfeefffff, not {request.address:#x}")
        try:
            result = self._interrupt(request)
        except Fault as fault:
            if not fault.suppressed:
                self._recorder.record_interrupt(fault.condition, request.source_id, interrupt_index(request))
            result = InterruptResult(condition=fault.condition, suppressed=fault.suppressed)
        if self._trace:
            self._trace(_interrupt_decision(result))
        return result

    def _classify(self, request: DmaRequest) -> DmaResult:
        """Rules 3, and the first checks of 4 and 5."""
        if _is_malformed(request):
            return DmaResult(refusal=Refusal.MALFORMED)
        translating = bool(self._registers[GSTS] & TES)
        untranslated = request.address_type is AddressType.UNTRANSLATED and request.access is not DmaAccess.PAGE_REQUEST
        # Translation off ignores the PASID (3.3): with one, nobody may write an unchecked interrupt either.
        without_pasid = request.pasid is None or not translating
        if untranslated and without_pasid and in_interrupt_range(request.address):
            return self._interrupt_range(request)
        if not translating:
            if self._trace:
                self._trace(Step("DMA translation is off: GSTS.TES = 0", "rule 3.3"))
            if not untranslated:
                return DmaResult(refusal=Refusal.TRANSLATION_OFF)
            if request.address >> self.config.haw:
                return DmaResult(refusal=Refusal.BEYOND_HOST_WIDTH)
            result = DmaResult(address=request.address, page_shift=12, read=True, write=True)
        else:
            try:
                self._check_mode(request)
                result = self._translator.translate(request, self._root_table)
            except Fault as fault:
                return self._dma_fault(fault, request)
        if self._protected_memory.blocks(result.address or 0, request.size):
            return DmaResult(refusal=Refusal.PROTECTED_MEMORY)
        return result

    def _interrupt_range(self, request: DmaRequest) -> DmaResult:
        """3.4. What is no interrupt request may not go to 0xFEEx_xxxx; a zero-length read completes."""
        if self._trace:
            self._trace(Step("the address is in the interrupt range 0xFEEx_xxxx: no table is read", "rule 3.4"))
        if request.access is DmaAccess.ZERO_LENGTH_READ:
            return DmaResult()
        fault = Fault("IR.29")
        self._recorder.record_interrupt(fault.condition, request.source_id, 0)
        return DmaResult(refusal=Refusal.FAULT, condition=fault.condition)

    def _check_mode(self, request: DmaRequest) -> None:
        """4.1, 5.1. Translation table mode, then what legacy mode never takes."""
        if self._table_mode is TableMode.ABORT_DMA:
            raise Fault("RTA.4" if self.config.adms else "RTA.1.1")
        if self._table_mode is TableMode.RESERVED:
            raise Fault("RTA.1.2")
        if self._table_mode is TableMode.SCALABLE:
            raise Fault("RTA.1.3")
        if request.access is DmaAccess.PAGE_REQUEST:
            raise Fault("RTA.3")
        if request.pasid is not None:
            raise Fault("RTA.2")

    def _dma_fault(self, fault: Fault, request: DmaRequest) -> DmaResult:
        if not fault.suppressed:
            self._recorder.record_dma(fault.condition, request)
        return DmaResult(refusal=Refusal.FAULT, condition=fault.condition, suppressed=fault.suppressed)

    def _interrupt(self, request: InterruptRequest) -> InterruptResult:
        """Rules 22.1, 22.2, and 28.11 for their order."""
        status, table = self._registers[GSTS], self._interrupt_table
        passed = InterruptResult(message=Message(request.address, request.data))
        if not status & IRES:
            if self._trace:
                self._trace(Step("interrupt remapping is off: GSTS.IRES = 0", "rule 22.1"))
            if self.config.irreq:
                raise Fault("IR.2B")
            return passed
        if self.config.eimer and not table.extended:
            raise Fault("IR.2A")
        if is_remappable(request):
            result = self._remapper.remap(request, table)
            if result.notification:
                self._send(result.notification)
            return result
        if self._trace:
            text = f"compatibility format; GSTS.CFIS = {int(bool(status & CFIS))}, IRTA.EIME = {int(table.extended)}"
            self._trace(Step(text, "rule 22.2"))
        if table.extended or not status & CFIS:
            raise Fault("IR.25")
        return passed

    def _send(self, message: Message) -> None:
        self.messages.append(message)
        if self._trace:
            self._trace(Step(f"send {message.data:#x} to {message.address:#x}", "rule 25"))

    def _global_command(self, _number: int, command: int) -> None:
        """18. Controls are acted on from bit 31 down when several change at once (28.13)."""
        self._level(TES, GCMD["TE"].of(command), "")
        if GCMD["SRTP"].of(command):
            self._set_root_table()
        # WBF: nothing is buffered, so the flush is over before GSTS.WBFS could be seen (18.5).
        self._queue_enable(bool(GCMD["QIE"].of(command)))
        self._level(IRES, GCMD["IRE"].of(command), "ECAP.IR")
        if GCMD["SIRTP"].of(command) and self.config.ir:
            self._set_interrupt_table()
        self._level(CFIS, GCMD["CFI"].of(command), "ECAP.IR")
        self._recorder.status_changed()

    def _level(self, status: int, value: int, capability: str) -> None:
        if not capability or self.config.has(capability):
            self._registers[GSTS] = self._registers[GSTS] & ~status | status * value

    def _set_root_table(self) -> None:
        self._root_table = RTADDR["RTA"].in_place(self._registers[RTADDR])
        self._table_mode = TableMode(RTADDR["TTM"].of(self._registers[RTADDR]))
        self._registers[GSTS] |= GSTS["RTPS"].mask

    def _set_interrupt_table(self) -> None:
        table = self._registers[IRTA]
        self._interrupt_table = InterruptTable(
            base=IRTA["IRTA"].in_place(table),
            entries=2 << IRTA["S"].of(table),
            extended=bool(IRTA["EIME"].of(table)),
        )
        self._registers[GSTS] |= GSTS["IRTPS"].mask

    def _queue_enable(self, enable: bool) -> None:
        enabled = bool(GSTS["QIES"].of(self._registers[GSTS]))
        if enable and not enabled and self.config.qi:
            self._queue.enable()
        elif enabled and not enable:
            self._queue.disable()

    def _context_command(self, _number: int, bits: int) -> None:
        if CCMD["ICC"].of(bits):
            invalidate_context_cache(self.config, self._registers, self._table_mode)

    def _iotlb_command(self, _number: int, bits: int) -> None:
        if IOTLB["IVT"].of(bits):
            invalidate_iotlb(self.config, self._registers, self._table_mode)

    def _fault_status_written(self) -> None:
        self._recorder.status_cleared()
        self._queue.error_cleared()

    def _completion_status_written(self) -> None:
        if not ICS["IWC"].of(self._registers[ICS]):
            self._completion_event.withdraw()


def _is_malformed(request: DmaRequest) -> bool:
    """3.1. Always refused, whatever the tables say: AT = 11, a write with AT = 01, and, without ECAP.PTRS, a
    translated request with PASID."""
    if request.address_type is AddressType.TRANSLATION_REQUEST:
        return request.access is DmaAccess.WRITE
    if request.address_type is AddressType.TRANSLATED:
        return request.pasid is not None
    return request.address_type is AddressType.RESERVED


def _decision(result: DmaResult) -> Step:
    if result.condition:
        recorded = "not recorded, FPD = 1" if result.suppressed else "recorded"
        return Step(
            f"refused: {result.condition.text}; fault {result.condition.reason:#x}, {recorded}", result.condition.name
        )
    if result.refusal:
        return Step(f"refused: {result.refusal.value}; no fault is recorded", REFUSAL_RULES[result.refusal])
    if result.address is None:
        return Step("completes; the data mean nothing", "rule 3.4")
    rights = "".join(letter for letter, given in (("R", result.read), ("W", result.write)) if given)
    return Step(
        f"permitted: host address {result.address:#x}, page of {1 << result.page_shift:#x} bytes, {rights}", "rule 9.2"
    )


def _interrupt_decision(result: InterruptResult) -> Step:
    if result.condition:
        recorded = "not recorded, FPD = 1" if result.suppressed else "recorded"
        return Step(
            f"refused: {result.condition.text}; fault {result.condition.reason:#x}, {recorded}", result.condition.name
        )
    if result.message:
        return Step(f"permitted: {result.message.data:#x} goes to {result.message.address:#x}", "rule 22.5")
    return Step(f"posted in the descriptor at {result.descriptor_address:#x}", "rule 23.2")
