"""Golden model of rtl/register_file.py: same registers, same states, same clock counts."""

from collections.abc import Callable
from typing import NamedTuple

from model.arch import REGISTERS, Register, UnitConfig
from model.arch import Access as Kind
from model.arch.encodings import ContextGranularity, IotlbGranularity, TableMode
from model.arch.registers import (
    CAP,
    CCMD,
    ECAP,
    FEADDR,
    FECTL,
    FRCD,
    FSTS,
    GCMD,
    GSTS,
    ICS,
    IEADDR,
    IECTL,
    IOTLB,
    IQA,
    IQERCD,
    IQH,
    IRTA,
    IVA,
    PHMBASE,
    PLMBASE,
    PMEN,
    RTADDR,
    VER,
)
from model.cycle import event_message, fault_recorder, global_command
from model.cycle.event_message import EventMessage, Message
from model.cycle.fault_recorder import FaultRecorder, Record
from model.cycle.global_command import GlobalCommand
from model.cycle.request import Invalidation, Protected

__all__ = ["InterruptTable", "Protected", "Queue", "RegisterAccess", "RegisterFile"]

LANE_BITS, LANE_MASK = 32, 0xFFFFFFFF
WORD_BYTES_LOG2 = 3

REMAPPING = GSTS["TES"].mask | GSTS["IRES"].mask
IM_LSB, F_MASK = FECTL["IM"].lsb, FRCD["F"].mask
PFO, IQE, IWC = FSTS["PFO"].mask, FSTS["IQE"].mask, ICS["IWC"].mask
FUNCTION_MASKS = (0, 0b100, 0b110, 0b111)  # by CCMD.FM
PAGE_NUMBER_BITS = 52

# States of the drains, and whom a drain is for.
IDLE, OFFER, WAIT = range(3)
GLOBAL_COMMAND, PROTECTED_MEMORY, CONTEXT, TRANSLATIONS = range(4)


# By register: which bits software writes in this clock, and their values. FRCD is apart.
Written = dict[str, tuple[int, int]]


class RegisterAccess(NamedTuple):
    """An access of software to the 64-bit word at `address`; a half is written when its four strobes are 1."""

    write: int
    address: int
    data: int = 0
    strobe: int = 0xFF


class InterruptTable(NamedTuple):
    """The interrupt remapping table as SIRTP found it: page number, S, EIME."""

    address: int = 0
    size: int = 0
    extended: int = 0


class Queue(NamedTuple):
    """QIES; page number, QS and DW as they were when it rose; IQT in bytes."""

    enable: int = 0
    address: int = 0
    size: int = 0
    wide: int = 0
    tail: int = 0


class RegisterFile:
    """The outputs are attributes: what they show depends on state alone, and changes with `step`.

    `translation_enable`, `table_mode`, `root_table` (a page number), `protected`, `interrupt_remapping_enable`,
    `compatibility_enable`, `interrupt_table`, `queue`, `iqe`; `read_data` of the access one clock ago; `drain`,
    `fault_message`, `completion_message`: what is on offer, or None.

    Within, `_stored` is what software wrote into the bits that it can write, by name of the register. While nothing
    is under way and nothing comes in, a clock changes nothing: `_awake` is then False, and `step` returns at once.
    """

    translation_enable: int
    protected: Protected
    interrupt_remapping_enable: int
    compatibility_enable: int
    iqe: int
    drain: Invalidation | None
    fault_message: Message | None
    completion_message: Message | None

    def __init__(self, config: UnitConfig) -> None:
        self._config = config
        self.read_data = 0
        self.table_mode = 0
        self.root_table = 0
        self.interrupt_table = InterruptTable()
        self.queue = Queue()
        self._command = GlobalCommand(config)
        self._recorder = FaultRecorder(config)
        self._fault_event = EventMessage()
        self._completion_event = EventMessage()
        self._state, self._drainer, self._performed = IDLE, GLOBAL_COMMAND, 0
        self._payload = Invalidation()
        self._protecting = self._prs = 0
        self._context_busy = self._iotlb_busy = 0  # ICC and IVT
        self._context_performed = self._iotlb_performed = 0  # CAIG and IAIG
        self._waited = self._error_code = 0  # IWC and IQEI
        self._awake = True
        self._place_registers()
        self._show()

    def _place_registers(self) -> None:
        existing = [register for register in REGISTERS if self._config.register_exists(register)]
        self._stored = {register.name: 0 for register in REGISTERS}
        self._writable = {register.name: self._config.writable_mask(register) for register in existing}
        self._write_only = {register.name: register.mask(Kind.WO) for register in existing}
        self._lanes: dict[int, tuple[Register, int, int]] = {}  # byte offset -> register, its number, first bit
        for register in existing:
            for number in range(self._config.nfr if register is FRCD else 1):
                offset = self._config.register_offset(register) + number * register.stride
                for bit in range(0, register.width, LANE_BITS):
                    self._lanes[offset + bit // 8] = (register, number, bit)
        low_ones = (1 << self._config.protected_memory_shift) - 1
        self._limit_ones = low_ones
        self._reported: dict[str, Callable[[int], int]] = {
            VER.name: lambda _head: self._config.ver,
            CAP.name: lambda _head: self._config.cap,
            ECAP.name: lambda _head: self._config.ecap,
            GCMD.name: lambda _head: 0,
            GSTS.name: lambda _head: self._command.status,
            CCMD.name: lambda _head: self._context_register(),
            FSTS.name: lambda _head: self._recorder.status,
            FECTL.name: lambda _head: self._fault_event.control,
            PMEN.name: lambda _head: self._stored["PMEN"] | self._prs << PMEN["PRS"].lsb,
            IQH.name: lambda head: head & IQH["QH"].mask if self.queue.enable else 0,
            ICS.name: lambda _head: IWC * self._waited,
            IECTL.name: lambda _head: self._completion_event.control,
            IQERCD.name: lambda _head: self._error_code << IQERCD["IQEI"].lsb,
            IOTLB.name: lambda _head: self._iotlb_register(),
        }

    def step(
        self,
        access: RegisterAccess | None,
        head: int,
        queue_error: int | None,
        wait_completed: int,
        record: Record | None,
        drain_ready: int,
        drain_done: int,
        fault_ready: int,
        completion_ready: int,
    ) -> None:
        """Advance one clock. `head` is IQH in bytes, `queue_error` an IqeiCode; `..._ready` answer the offers."""
        asked = access is not None or record is not None or wait_completed != 0 or queue_error is not None
        if not (asked or self._awake):
            return
        # What came in, or was under way before this clock, may have a consequence in the next one.
        self._awake = asked or self._busy()
        written: Written = {}
        self.read_data = 0
        cleared_records = 0
        if access is not None:
            if access.write:
                cleared_records = self._decode(access, written)
            else:
                self.read_data = self._read(access.address, head)
        # From here on software's write (`written`) and hardware's reports act on the state of this clock; what
        # software can write changes last.
        status = written.get("FSTS", (0, 0))[1]
        self._record(record, queue_error, cleared_records, status, written, fault_ready)
        self._complete(wait_completed, written, completion_ready)
        if queue_error is not None or status & IQE:
            self._error_code = queue_error or 0
        self._advance(written, drain_ready, drain_done)
        self._store(written)
        self._show()

    # Accesses of software

    def _read(self, address: int, head: int) -> int:
        offset = address >> WORD_BYTES_LOG2 << WORD_BYTES_LOG2
        return self._read_lane(offset, head) | self._read_lane(offset + 4, head) << LANE_BITS

    def _read_lane(self, offset: int, head: int) -> int:
        if offset not in self._lanes:
            return 0
        register, number, bit = self._lanes[offset]
        if register is FRCD:
            value = self._recorder.records[number]
        elif register.name in self._reported:
            value = self._reported[register.name](head)
        else:
            value = self._stored[register.name]
        return (value & ~self._write_only[register.name]) >> bit & LANE_MASK

    def _decode(self, access: RegisterAccess, written: Written) -> int:
        """Fill in which bits of each register are written, and their values; return the records whose F is cleared."""
        cleared_records = 0
        offset = access.address >> WORD_BYTES_LOG2 << WORD_BYTES_LOG2
        for lane in (0, 1):
            place = self._lanes.get(offset + lane * 4)
            if place is None or access.strobe >> lane * 4 & 0xF != 0xF:
                continue
            register, number, bit = place
            bits = (access.data >> lane * LANE_BITS & LANE_MASK) << bit
            if register is FRCD:
                cleared_records |= int(bits & F_MASK != 0) << number
            else:
                mask, others = written.get(register.name, (0, 0))
                written[register.name] = (mask | LANE_MASK << bit, others | bits)
        return cleared_records

    def _store(self, written: Written) -> None:
        """Keep what software can write. CCMD and IOTLB do not appear in `written` while they are busy."""
        for name, (mask, bits) in written.items():
            change = self._writable[name] & mask
            self._stored[name] = self._stored[name] & ~change | bits & change

    # Events

    def _record(
        self,
        record: Record | None,
        queue_error: int | None,
        cleared_records: int,
        status: int,
        written: Written,
        ready: int,
    ) -> None:
        event, withdraw = self._recorder.step(
            fault_recorder.Inputs(
                record,
                int(queue_error is not None),
                cleared_records,
                int(status & PFO != 0),
                int(status & IQE != 0),
                int(self._command.status & REMAPPING != 0),
            )
        )
        address = self._stored["FEADDR"] | self._stored["FEUADDR"] << FEADDR.width
        self._fault_event.step(
            event_message.Inputs(_mask_written(written, FECTL), event, withdraw, address, self._stored["FEDATA"], ready)
        )

    def _complete(self, wait_completed: int, written: Written, ready: int) -> None:
        left = self._waited and not written.get("ICS", (0, 0))[1] & IWC
        event = wait_completed and not left
        self._waited = int(left or wait_completed)
        address = self._stored["IEADDR"] | self._stored["IEUADDR"] << IEADDR.width
        self._completion_event.step(
            event_message.Inputs(
                _mask_written(written, IECTL), int(event), int(not left), address, self._stored["IEDATA"], ready
            )
        )

    # Commands and their drains

    def _busy(self) -> bool:
        """Whether the state may change without an access, a record or a report."""
        return bool(
            self._state != IDLE
            or self._command.busy
            or self._context_busy
            or self._iotlb_busy
            or self._wants_protection() != self._prs
            or self.fault_message
            or self.completion_message
            or self.read_data
        )

    def _wants_protection(self) -> int:
        return self._stored["PMEN"] >> PMEN["EPM"].lsb

    def _advance(self, written: Written, drain_ready: int, drain_done: int) -> None:
        """One clock of the drains and of the commands behind them."""
        context_starts = self._starts(written, CCMD, "ICC", self._context_busy)
        iotlb_starts = self._starts(written, IOTLB, "IVT", self._iotlb_busy)
        command_ready = command_done = 0
        if self._state == IDLE:
            self._choose()
        elif self._state == OFFER:
            if drain_ready:
                command_ready = int(self._drainer == GLOBAL_COMMAND)
                if self._drainer == PROTECTED_MEMORY:
                    self._protecting = self._wants_protection()
                self._state = WAIT
        elif drain_done:
            command_done = int(self._drainer == GLOBAL_COMMAND)
            self._finish()
            self._state = IDLE
        self._context_busy |= context_starts
        self._iotlb_busy |= iotlb_starts
        value = written["GCMD"][1] if "GCMD" in written else None
        self._latch(self._command.step(global_command.Inputs(value, command_ready, command_done)))

    def _starts(self, written: Written, register: Register, start: str, busy: int) -> int:
        """Say whether software starts a command; while one is under way, forget what it writes."""
        if register.name not in written:
            return 0
        if busy:
            del written[register.name]
            return 0
        return int(written[register.name][1] & register[start].mask != 0)

    def _choose(self) -> None:
        """Prepare the drain that is most urgent, if there is one."""
        if self._command.drain is not None:
            dma, interrupts = self._command.drain
            self._drainer = GLOBAL_COMMAND
            self._payload = Invalidation(context_global=dma, iotlb_global=dma, iec_global=interrupts)
        elif self._wants_protection() != self._prs:
            self._drainer, self._payload = PROTECTED_MEMORY, Invalidation()
        elif self._context_busy:
            self._drainer = CONTEXT
            self._performed, self._payload = self._context_command()
        elif self._iotlb_busy:
            self._drainer = TRANSLATIONS
            self._performed, self._payload = self._iotlb_command()
        else:
            return
        self._state = OFFER

    def _finish(self) -> None:
        """The drain is over: report it."""
        if self._drainer == PROTECTED_MEMORY:
            self._prs = self._protecting
        elif self._drainer == CONTEXT:
            self._context_busy, self._context_performed = 0, self._performed
        elif self._drainer == TRANSLATIONS:
            self._iotlb_busy, self._iotlb_performed = 0, self._performed

    def _latch(self, latches: global_command.Outputs) -> None:
        if latches.latch_root_table:
            self.root_table = RTADDR["RTA"].of(self._stored["RTADDR"])
            self.table_mode = RTADDR["TTM"].of(self._stored["RTADDR"])
        if latches.latch_queue:
            value = self._stored["IQA"]
            self.queue = self.queue._replace(
                address=IQA["IQA"].of(value), size=IQA["QS"].of(value), wide=IQA["DW"].of(value)
            )
        if latches.latch_interrupt_table:
            value = self._stored["IRTA"]
            self.interrupt_table = InterruptTable(IRTA["IRTA"].of(value), IRTA["S"].of(value), IRTA["EIME"].of(value))

    # Invalidation by register: rule 17

    def _by_register(self) -> bool:
        return self.table_mode == TableMode.LEGACY and self._config.version_major <= 5

    def _context_command(self) -> tuple[int, Invalidation]:
        """Return the granularity that CAIG will report, and the command."""
        ccmd = self._stored["CCMD"]
        performed = CCMD["CIRG"].of(ccmd) if self._by_register() else ContextGranularity.RESERVED
        return performed, Invalidation(
            context_global=int(performed == ContextGranularity.GLOBAL),
            context_domain=int(performed == ContextGranularity.DOMAIN),
            context_device=int(performed == ContextGranularity.DEVICE),
            domain_id=self._domain_id(CCMD["DID"].of(ccmd)),
            source_id=CCMD["SID"].of(ccmd),
            function_mask=FUNCTION_MASKS[CCMD["FM"].of(ccmd)],
        )

    def _iotlb_command(self) -> tuple[int, Invalidation]:
        """Return the granularity that IAIG will report, and the command. Without CAP.PSI a page becomes its domain."""
        iotlb, operand = self._stored["IOTLB"], self._stored["IVA"]
        address_mask = IVA["AM"].of(operand)
        performed = IOTLB["IIRG"].of(iotlb)
        if not self._by_register():
            performed = IotlbGranularity.RESERVED
        elif performed == IotlbGranularity.PAGE and not self._config.psi:
            performed = IotlbGranularity.DOMAIN
        elif performed == IotlbGranularity.PAGE and address_mask > self._config.mamv:
            performed = IotlbGranularity.RESERVED
        by_page = int(performed == IotlbGranularity.PAGE)
        return performed, Invalidation(
            iotlb_global=int(performed == IotlbGranularity.GLOBAL),
            iotlb_domain=int(performed == IotlbGranularity.DOMAIN),
            iotlb_page=by_page,
            keep_tables=by_page & IVA["IH"].of(operand),
            domain_id=self._domain_id(IOTLB["DID"].of(iotlb)),
            page=IVA["ADDR"].of(operand),
            page_mask=(1 << min(address_mask, PAGE_NUMBER_BITS)) - 1,
        )

    def _domain_id(self, domain_id: int) -> int:
        return domain_id & (1 << self._config.domain_id_bits) - 1

    def _context_register(self) -> int:
        value = self._stored["CCMD"] & ~CCMD["ICC"].mask
        return value | CCMD["ICC"].mask * self._context_busy | CCMD["CAIG"].to(self._context_performed)

    def _iotlb_register(self) -> int:
        value = self._stored["IOTLB"] & ~IOTLB["IVT"].mask
        return value | IOTLB["IVT"].mask * self._iotlb_busy | IOTLB["IAIG"].to(self._iotlb_performed)

    # Outputs

    def _show(self) -> None:
        """Bring the outputs up to date with the state."""
        status = self._command.status
        self.translation_enable = self._command.translation_enable
        self.interrupt_remapping_enable = self._command.interrupt_remapping_enable
        self.compatibility_enable = self._command.compatibility_enable
        self.iqe = FSTS["IQE"].of(self._recorder.status)
        self.queue = self.queue._replace(enable=GSTS["QIES"].of(status), tail=self._stored["IQT"])
        self.protected = self._protected()
        self.drain = self._payload if self._state == OFFER else None
        self.fault_message = self._fault_event.message
        self.completion_message = self._completion_event.message

    def _protected(self) -> Protected:
        """Return the regions; one that the unit does not have ends before it begins."""
        stored, config, ones = self._stored, self._config, self._limit_ones
        return Protected(
            self._prs | self._protecting,
            stored["PLMBASE"] if config.plmr else (1 << PLMBASE.width) - 1,
            stored["PLMLIMIT"] | ones if config.plmr else 0,
            stored["PHMBASE"] if config.phmr else (1 << PHMBASE.width) - 1,
            stored["PHMLIMIT"] | ones if config.phmr else 0,
        )


def _mask_written(written: Written, control: Register) -> int | None:
    """What software writes into IM, None if it does not."""
    return written[control.name][1] >> IM_LSB & 1 if control.name in written else None
