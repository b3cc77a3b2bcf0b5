"""The remapping unit without time: each call is answered at once from the registers and the tables in memory."""

from model.arch import FaultCondition, UnitConfig
from model.arch.encodings import ContextGranularity, IotlbGranularity, TableMode
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
from model.reference.steps import Check, Command, Decision, Recorded, Sent, Trace
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
)

__all__ = ["Unit"]

# Refusal without a fault -> rule, and what software must change.
REFUSALS = {
    Refusal.MALFORMED: ("rule 3.1", "Correct the device: it makes a request that no device may make."),
    Refusal.TRANSLATION_OFF: (
        "rule 3.3",
        "Set up tables and turn translation on (GCMD.TE) before the device uses ATS or page requests.",
    ),
    Refusal.BEYOND_HOST_WIDTH: (
        "rule 3.3",
        "Give the device an address below 2^HAW, or turn translation on (GCMD.TE) and map the address.",
    ),
    Refusal.PROTECTED_MEMORY: (
        "rule 21.2",
        "Map memory outside the protected regions, or clear PMEN.EPM once the tables are set up, and wait for PMEN.PRS "
        "to be 0.",
    ),
}
TES, IRES, CFIS = GSTS["TES"].mask, GSTS["IRES"].mask, GSTS["CFIS"].mask
LEVELS = {TES: "DMA translation", IRES: "interrupt remapping", CFIS: "passing of compatibility-format interrupts"}


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
            registers, control=FECTL, data=FEDATA, address=FEADDR, upper_address=FEUADDR, send=self._send_event
        )
        self._completion_event = EventMessage(
            registers, control=IECTL, data=IEDATA, address=IEADDR, upper_address=IEUADDR, send=self._send_event
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
        blocks = (self._translator, self._remapper, self._remapper.poster, self._queue)
        for block in (*blocks, self._protected_memory, self._recorder):
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
            if fault.suppressed:
                self._note_suppressed()
            else:
                self._recorder.record_interrupt(fault.condition, request.source_id, interrupt_index(request))
            result = InterruptResult(condition=fault.condition, suppressed=fault.suppressed)
        if self._trace:
            self._trace(_interrupt_decision(result))
        return result

    def preview_queue(self) -> None:
        """Trace the descriptors between head and tail of the invalidation queue, and do nothing of them."""
        self._queue.preview()

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
                self._trace(Check("DMA translation is off: GSTS.TES = 0", "rule 3.3", permissions=0b11))
            if not untranslated:
                return DmaResult(refusal=Refusal.TRANSLATION_OFF)
            if request.address >> self.config.haw:
                return DmaResult(refusal=Refusal.BEYOND_HOST_WIDTH)
            result = DmaResult(address=request.address, page_shift=12, read=True, write=True, rule="rule 3.3")
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
            self._trace(Check("the address is in the interrupt range 0xFEEx_xxxx: no table is read", "rule 3.4"))
        if request.access is DmaAccess.ZERO_LENGTH_READ:
            return DmaResult(rule="rule 3.4")
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
        if fault.suppressed:
            self._note_suppressed()
        else:
            self._recorder.record_dma(fault.condition, request)
        return DmaResult(refusal=Refusal.FAULT, condition=fault.condition, suppressed=fault.suppressed)

    def _note_suppressed(self) -> None:
        if self._trace:
            self._trace(Recorded("not recorded: FPD is 1 in the entry that was used", "rule 24.5"))

    def _interrupt(self, request: InterruptRequest) -> InterruptResult:
        """Rules 22.1, 22.2, and 28.11 for their order."""
        status, table = self._registers[GSTS], self._interrupt_table
        unchanged = Message(request.address, request.data)
        if not status & IRES:
            if self._trace:
                self._trace(Check("interrupt remapping is off: GSTS.IRES = 0", "rule 22.1"))
            if self.config.irreq:
                raise Fault("IR.2B")
            return InterruptResult(message=unchanged, rule="rule 22.1")
        if self.config.eimer and not table.extended:
            raise Fault("IR.2A")
        if is_remappable(request):
            result = self._remapper.remap(request, table)
            if result.notification:
                self._send(result.notification, "send the notification", "rule 23.3")
            return result
        if self._trace:
            text = f"compatibility format; GSTS.CFIS = {int(bool(status & CFIS))}, IRTA.EIME = {int(table.extended)}"
            self._trace(Check(text, "rule 22.2"))
        if table.extended or not status & CFIS:
            raise Fault("IR.25")
        return InterruptResult(message=unchanged, rule="rule 22.2")

    def _send_event(self, message: Message) -> None:
        self._send(message, "send", "rule 25")

    def _send(self, message: Message, what: str, rule: str) -> None:
        self.messages.append(message)
        if self._trace:
            self._trace(Sent(f"{what} {message.data:#x} to {message.address:#x}", rule))

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
            was = int(bool(self._registers[GSTS] & status))
            if was != value:
                self._note(f"{LEVELS[status]} is turned {'on' if value else 'off'}", "rule 18")
            self._registers[GSTS] = self._registers[GSTS] & ~status | status * value

    def _note(self, text: str, rule: str) -> None:
        if self._trace:
            self._trace(Command(text, rule))

    def _set_root_table(self) -> None:
        self._root_table = RTADDR["RTA"].in_place(self._registers[RTADDR])
        self._table_mode = TableMode(RTADDR["TTM"].of(self._registers[RTADDR]))
        self._registers[GSTS] |= GSTS["RTPS"].mask
        self._note(f"SRTP: the root table is at {self._root_table:#x}, mode {self._table_mode.name}", "rule 18.1")

    def _set_interrupt_table(self) -> None:
        table = self._registers[IRTA]
        self._interrupt_table = InterruptTable(
            base=IRTA["IRTA"].in_place(table),
            entries=2 << IRTA["S"].of(table),
            extended=bool(IRTA["EIME"].of(table)),
        )
        self._registers[GSTS] |= GSTS["IRTPS"].mask
        where = f"at {self._interrupt_table.base:#x}, {self._interrupt_table.entries} entries"
        self._note(f"SIRTP: the interrupt remapping table is {where}", "rule 18.3")

    def _queue_enable(self, enable: bool) -> None:
        enabled = bool(GSTS["QIES"].of(self._registers[GSTS]))
        if enable and not enabled and self.config.qi:
            self._note("the invalidation queue is turned on", "rule 16.1")
            self._queue.enable()
        elif enabled and not enable:
            self._note("the invalidation queue is turned off, its head returns to 0", "rule 16.7")
            self._queue.disable()

    def _context_command(self, _number: int, bits: int) -> None:
        if CCMD["ICC"].of(bits):
            invalidate_context_cache(self.config, self._registers, self._table_mode)
            done = ContextGranularity(CCMD["CAIG"].of(self._registers[CCMD]))
            self._note(f"context-cache invalidation: {_done(done)}", "rule 17")

    def _iotlb_command(self, _number: int, bits: int) -> None:
        if IOTLB["IVT"].of(bits):
            invalidate_iotlb(self.config, self._registers, self._table_mode)
            done = IotlbGranularity(IOTLB["IAIG"].of(self._registers[IOTLB]))
            self._note(f"IOTLB invalidation: {_done(done)}", "rule 17")

    def _fault_status_written(self) -> None:
        self._recorder.status_cleared()
        self._queue.error_cleared()

    def _completion_status_written(self) -> None:
        if not ICS["IWC"].of(self._registers[ICS]):
            self._completion_event.withdraw()


def _done(granularity: ContextGranularity | IotlbGranularity) -> str:
    """A granularity that was done is spelt, 0 stands for a command that was rejected."""
    return f"done, {granularity.name.lower()}" if granularity else "rejected, nothing was done"


def _is_malformed(request: DmaRequest) -> bool:
    """3.1. Always refused, whatever the tables say: AT = 11, a write or AtomicOp with AT = 01, and, without ECAP.PTRS,
    a translated request with PASID."""
    if request.address_type is AddressType.TRANSLATION_REQUEST:
        return request.access in (DmaAccess.WRITE, DmaAccess.ATOMIC)
    if request.address_type is AddressType.TRANSLATED:
        return request.pasid is not None
    return request.address_type is AddressType.RESERVED


def _decision(result: DmaResult) -> Decision:
    if result.condition:
        return _fault_decision(result.condition)
    if result.refusal:
        rule, remedy = REFUSALS[result.refusal]
        text = f"refused: {result.refusal.value}; no fault is recorded"
        return Decision(text, rule, False, result.refusal.value, remedy=remedy)
    if result.address is None:
        return Decision("completes; the data mean nothing", result.rule, True)
    rights = "".join(letter for letter, given in (("R", result.read), ("W", result.write)) if given)
    text = f"permitted: host address {result.address:#x}, page of {1 << result.page_shift:#x} bytes, {rights}"
    return Decision(text, result.rule, True)


def _fault_decision(condition: FaultCondition) -> Decision:
    text = f"refused: {condition.text}; fault {condition.reason:#x}"
    return Decision(text, condition.name, False, condition.name, condition.reason, condition.remedy)


def _interrupt_decision(result: InterruptResult) -> Decision:
    if result.condition:
        return _fault_decision(result.condition)
    if result.message:
        text = f"permitted: {result.message.data:#x} goes to {result.message.address:#x}"
        return Decision(text, result.rule, True)
    return Decision(f"posted in the descriptor at {result.descriptor_address:#x}", result.rule, True)
