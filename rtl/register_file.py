"""Register file: every register that software finds, and what a write makes the unit do."""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import REGISTERS, Access, Register, UnitConfig
from model.arch.encodings import ContextGranularity, IotlbGranularity, TableMode
from model.arch.registers import (
    CAP,
    CCMD,
    ECAP,
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
    IQA,
    IQERCD,
    IQH,
    IQT,
    IRTA,
    IVA,
    PHMBASE,
    PHMLIMIT,
    PLMBASE,
    PLMLIMIT,
    PMEN,
    RTADDR,
    VER,
)
from rtl.event_message import EventMessage, message_layout
from rtl.fault_recorder import FaultRecorder, record_layout
from rtl.global_command import GlobalCommand
from rtl.invalidation_queue import queue_error_layout, queue_layout
from rtl.one_hot import below, select
from rtl.request import PAGE_BITS, invalidation_layout, protected_layout

__all__ = [
    "RegisterFile",
    "access_layout",
    "interrupt_table_layout",
]

ADDRESS_BITS = 12
WORD_BYTES = 8
LANE_BITS = 32
QUEUE_BITS = IQT["QT"].lsb + IQT["QT"].width  # an offset into the invalidation queue, bytes


def access_layout() -> data.StructLayout:
    """An access of software to the 64-bit word at `address`, whose three lowest bits do not count. A 32-bit half
    is written when all four of its strobes are 1."""
    return data.StructLayout({"valid": 1, "write": 1, "address": ADDRESS_BITS, "data": 64, "strobe": 8})


def interrupt_table_layout(config: UnitConfig) -> data.StructLayout:
    """The interrupt remapping table, latched by SIRTP: page number, S (2^(S+1) entries), EIME."""
    return data.StructLayout({"address": config.haw - 12, "size": 4, "extended": 1})


class Drainer(enum.Enum, shape=2):
    """What a drain is for."""

    GLOBAL_COMMAND = 0
    PROTECTED_MEMORY = 1
    CONTEXT = 2
    IOTLB = 3


class RegisterFile(wiring.Component):
    """All registers of a configuration, their side effects, and the drains and messages that follow.

    Spec: rules 2, 15, 17, 18, 21.3, 24, 25.
    Timing: `read_data` is registered: what the read of the clock before saw, 0 after a clock without one. A write of
    clock n is visible to a read of clock n + 1, and so is what hardware reports in clock n. Outputs are registers
    (`protected`, `fault_message` and so on are wired from them), none depends on an input of the same clock.
    Software's write comes before what hardware reports in the same clock, see FaultRecorder and EventMessage; so
    ICS.IWC that is cleared while a wait completes is 1 again, with a new event.

    What needs a drain gets one after the other: GCMD first, then PMEN, CCMD, IOTLB. A register invalidation that is
    rejected drains too, and reports 0. Writes of CCMD and IOTLB are ignored while ICC and IVT are 1, so what was
    asked for is done and reported; IVA counts as it stands when the drain is asked for. PMEN.PRS follows EPM:
    protection is in force from the acceptance of the drain on when it is enabled, and until its end when disabled.
    Offsets without a register read 0.

    Members
    -------
    access, read_data
        Software.
    translation_enable, table_mode, root_table, interrupt_remapping_enable, compatibility_enable, interrupt_table
        How requests are to be handled; root_table is a page number. They change in the clock after `drain` is
        accepted, the clock of the broadcast; TES, IRES, CFIS, RTPS and IRTPS follow when it is done.
    protected
        Protected memory.
    queue, iqe, head, queue_error, wait_completed
        The invalidation queue. `iqe` is FSTS.IQE; `wait_completed` is a pulse, a wait descriptor with IF = 1.
    record
        A fault to record.
    drain, drain_done
        Requests to the drain engine, one at a time, and the pulse that answers each.
    fault_message, completion_message
        Event messages.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "access": In(access_layout()),
                "read_data": Out(64),
                "translation_enable": Out(1),
                "table_mode": Out(2),
                "root_table": Out(config.haw - 12),
                "protected": Out(protected_layout()),
                "interrupt_remapping_enable": Out(1),
                "compatibility_enable": Out(1),
                "interrupt_table": Out(interrupt_table_layout(config)),
                "queue": Out(queue_layout(config)),
                "iqe": Out(1),
                "head": In(QUEUE_BITS),
                "queue_error": In(queue_error_layout()),
                "wait_completed": In(1),
                "record": In(record_layout()),
                "drain": Out(stream.Signature(invalidation_layout(config))),
                "drain_done": In(1),
                "fault_message": Out(stream.Signature(message_layout())),
                "completion_message": Out(stream.Signature(message_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._decode(m)
        # What software reads, by register; FRCD is apart, and what is missing here is plain storage.
        self._values = {
            VER: Const(self.config.ver, VER.width),
            CAP: Const(self.config.cap, CAP.width),
            ECAP: Const(self.config.ecap, ECAP.width),
            GCMD: Const(0, GCMD.width),
        }
        self._add_faults(m)
        m.submodules.command = command = GlobalCommand(config=self.config)
        self._add_queue(m, command)
        self._add_global_command(m, command)
        self._add_protected_memory(m)
        self._add_drains(m, command)
        self._add_read(m)
        return m

    # Accesses of software

    def _decode(self, m):
        """Decode the address once, for reads and writes: `_here` by word, `_record_here` by number of the FRCD.
        `_writes` are the lanes of the word that are written in this clock."""
        address, first = self.access.address, self.config.fro // FRCD.stride
        self._here, self._writes = {}, Signal(2, name="writes")
        self._record_here = Signal(self.config.nfr, name="record_here")
        for register in filter(self._exists, REGISTERS):
            word = self.config.register_offset(register) // WORD_BYTES
            if register is not FRCD and word not in self._here:
                self._here[word] = Signal(name=f"here_{word * WORD_BYTES:x}")
                m.d.comb += self._here[word].eq(address[3:] == word)
        m.d.comb += [
            self._writes.eq(Cat(self.access.strobe[:4].all(), self.access.strobe[4:].all())),
            self._record_here.eq(Cat(address[4:] == first + number for number in range(self.config.nfr))),
        ]
        with m.If(~(self.access.valid & self.access.write)):
            m.d.comb += self._writes.eq(0)

    def _lanes(self, register: Register):
        """Return, by lane of a register, its bits, whether software writes it in this clock, and what."""
        offset = self.config.register_offset(register)
        for at in range(0, register.width, LANE_BITS):
            word, byte = divmod(offset + at // 8, WORD_BYTES)
            written = self._here[word] & self._writes[byte // 4]
            yield slice(at, at + LANE_BITS), written, self.access.data[byte * 8 : byte * 8 + LANE_BITS]

    def _ones(self, register: Register, name: str):
        """The field's bits into which software writes 1 in this clock."""
        field = register[name]
        ones = Cat(Mux(written, bits, 0) for _, written, bits in self._lanes(register))
        return ones[field.lsb : field.lsb + field.width]

    def _exists(self, register: Register) -> bool:
        return self.config.register_exists(register)

    def _store(self, m, register: Register, unlocked=1):
        """Return the stored bits of a register, those that software may write; others are 0. 0 if it is absent."""
        value = Signal(register.width, name=register.name.lower())
        if self._exists(register):
            writable = Const(self.config.writable_mask(register), register.width)
            for lane, written, bits in self._lanes(register):
                with m.If(written & unlocked):
                    m.d.sync += value[lane].eq(bits & writable[lane])
            self._values.setdefault(register, value)
        return value

    def _add_read(self, m):
        """Drive `read_data` from the values."""
        read, upper = self._recorder.read, self.access.address[3]
        chosen = [self._record_here.any() & read.written & part for part in (~upper, upper)]
        words = [read.record[:64], read.record[64:]]
        lanes = {}
        for register in filter(self._exists, REGISTERS):
            if register is FRCD:
                continue
            offset = self.config.register_offset(register)
            readable = Signal(register.width, name=f"{register.name.lower()}_readable")
            m.d.comb += readable.eq(Value.cast(self._values[register]) & ~register.mask(Access.WO))
            for at in range(0, register.width, LANE_BITS):
                lanes[offset + at // 8] = readable[at : at + LANE_BITS]
        nothing = Const(0, LANE_BITS)
        for word, here in self._here.items():
            chosen.append(here)
            words.append(Cat(lanes.get(word * WORD_BYTES + at, nothing) for at in (0, 4)))
        m.d.sync += self.read_data.eq(0)
        with m.If(self.access.valid & ~self.access.write):
            m.d.sync += self.read_data.eq(select(chosen, words))

    # Events

    def _add_event(self, m, control, event_data, address, upper_address):
        """Return the EventMessage behind four registers, its `event` and `withdraw` left open."""
        event = EventMessage()
        ((_, written, bits),) = self._lanes(control)
        m.d.comb += [
            event.write.valid.eq(written),
            event.write.mask.eq(bits[control["IM"].lsb]),
            event.data.eq(self._store(m, event_data)),
            event.address.eq(Cat(self._store(m, address), self._store(m, upper_address))),
        ]
        self._values[control] = event.control
        return event

    def _add_faults(self, m):
        m.submodules.recorder = self._recorder = recorder = FaultRecorder(config=self.config)
        m.submodules.fault_event = event = self._add_event(m, FECTL, FEDATA, FEADDR, FEUADDR)
        # Bit F is the highest of the record, hence of its second word.
        freed = self.access.address[3] & self._writes[1] & self.access.data[-1]
        m.d.comb += [
            recorder.clear.records.eq(Mux(freed, self._record_here, 0)),
            recorder.read.number.eq(self.access.address[4:] - self.config.fro // FRCD.stride),
            recorder.record.eq(self.record),
            recorder.queue_error.eq(self.queue_error.valid),
            recorder.clear.overflow.eq(self._ones(FSTS, "PFO")),
            recorder.clear.queue_error.eq(self._ones(FSTS, "IQE")),
            event.event.eq(recorder.event),
            event.withdraw.eq(recorder.withdraw),
            self.iqe.eq(recorder.status[FSTS["IQE"].lsb]),
        ]
        self._values[FSTS] = recorder.status
        wiring.connect(m, wiring.flipped(self.fault_message), event.message)

    # Invalidation queue

    def _add_queue(self, m, command):
        """IQH, IQT, IQA, IQERCD, and the completion event; all of it absent without ECAP.QI."""
        if not self.config.qi:
            return
        code, waited, left = Signal(4), Signal(), Signal()
        tail, address = self._store(m, IQT), self._store(m, IQA)
        m.submodules.completion_event = event = self._add_event(m, IECTL, IEDATA, IEADDR, IEUADDR)
        m.d.comb += [
            left.eq(waited & ~self._ones(ICS, "IWC")),
            event.event.eq(self.wait_completed & ~left),
            event.withdraw.eq(~left),
            self.queue.tail.eq(tail),
        ]
        m.d.sync += waited.eq(left | self.wait_completed)
        with m.If(self._recorder.clear.queue_error):
            m.d.sync += code.eq(0)
        with m.If(self.queue_error.valid):
            m.d.sync += code.eq(self.queue_error.code)
        with m.If(command.latch_queue):
            fields = data.View(data.StructLayout(IQA.layout), address)
            m.d.sync += [
                self.queue.address.eq(fields.iqa),
                self.queue.size.eq(fields.qs),
                self.queue.wide.eq(fields.dw),
            ]
        enabled = command.status[GSTS["QIES"].lsb]
        m.d.comb += self.queue.enable.eq(enabled)
        self._values[IQH] = Mux(enabled, self.head & IQH["QH"].mask, 0)  # 0 at once when QIES is (16.7)
        self._values[ICS] = waited
        self._values[IQERCD] = code
        wiring.connect(m, wiring.flipped(self.completion_message), event.message)

    # Commands

    def _add_global_command(self, m, command):
        ((_, written, bits),) = self._lanes(GCMD)
        root = data.View(data.StructLayout(RTADDR.layout), self._store(m, RTADDR))
        table = data.View(data.StructLayout(IRTA.layout), self._store(m, IRTA))
        status = data.View(data.StructLayout(GSTS.layout), command.status)
        m.d.comb += [
            command.write.valid.eq(written),
            command.write.value.eq(bits),
            self.translation_enable.eq(command.translation_enable),
            self.interrupt_remapping_enable.eq(command.interrupt_remapping_enable),
            self.compatibility_enable.eq(command.compatibility_enable),
            self._recorder.remapping.eq(status.tes | status.ires),
        ]
        with m.If(command.latch_root_table):
            m.d.sync += [self.root_table.eq(root.rta), self.table_mode.eq(root.ttm)]
        with m.If(command.latch_interrupt_table):
            m.d.sync += [
                self.interrupt_table.address.eq(table.irta),
                self.interrupt_table.size.eq(table.s),
                self.interrupt_table.extended.eq(table.eime),
            ]
        self._values[GSTS] = command.status

    def _add_protected_memory(self, m):
        """The regions; `_epm` is what software wants and `_prs` what it reads."""
        low_ones = (1 << self.config.protected_memory_shift) - 1
        stored = self._store(m, PMEN)
        self._epm, self._prs, self._protecting = stored[PMEN["EPM"].lsb], Signal(name="prs"), Signal(name="protecting")
        self._values[PMEN] = stored | self._prs
        m.d.comb += self.protected.enable.eq(self._prs | self._protecting)
        for base, limit, exists in (
            ((PLMBASE, self.protected.low_base), (PLMLIMIT, self.protected.low_limit), self.config.plmr),
            ((PHMBASE, self.protected.high_base), (PHMLIMIT, self.protected.high_limit), self.config.phmr),
        ):
            first, last = self._store(m, base[0]), self._store(m, limit[0])
            m.d.comb += [
                base[1].eq(first if exists else ~0),
                limit[1].eq(last | low_ones if exists else 0),
            ]

    def _add_drains(self, m, command):
        """Ask for one drain at a time, for whoever needs one, and finish what it was for."""
        context, iotlb = Signal(name="context_busy"), Signal(name="iotlb_busy")
        invalidations = {
            Drainer.CONTEXT: self._add_context_command(m, context),
            Drainer.IOTLB: self._add_iotlb_command(m, iotlb),
        }
        drainer, granularity = Signal(Drainer), Signal(2)
        with m.FSM():
            with m.State("Idle"):
                m.d.sync += self.drain.p.eq(0)
                with m.If(command.drain.valid):
                    m.d.sync += [
                        drainer.eq(Drainer.GLOBAL_COMMAND),
                        self.drain.p.context_global.eq(command.drain.p.dma),
                        self.drain.p.iotlb_global.eq(command.drain.p.dma),
                        self.drain.p.iec_global.eq(command.drain.p.interrupts),
                    ]
                    m.next = "Offer"
                with m.Elif(self._epm != self._prs):
                    m.d.sync += drainer.eq(Drainer.PROTECTED_MEMORY)
                    m.next = "Offer"
                for kind, busy in ((Drainer.CONTEXT, context), (Drainer.IOTLB, iotlb)):
                    performed, payload = invalidations[kind]
                    with m.Elif(busy):
                        m.d.sync += [drainer.eq(kind), granularity.eq(performed), self.drain.p.eq(payload)]
                        m.next = "Offer"

            with m.State("Offer"):
                m.d.comb += self.drain.valid.eq(1)
                with m.If(self.drain.ready):
                    m.d.comb += command.drain.ready.eq(drainer == Drainer.GLOBAL_COMMAND)
                    with m.If(drainer == Drainer.PROTECTED_MEMORY):
                        m.d.sync += self._protecting.eq(self._epm)
                    m.next = "Wait"

            with m.State("Wait"), m.If(self.drain_done):
                with m.Switch(drainer):
                    with m.Case(Drainer.GLOBAL_COMMAND):
                        m.d.comb += command.drain_done.eq(1)
                    with m.Case(Drainer.PROTECTED_MEMORY):
                        m.d.sync += self._prs.eq(self._protecting)
                    with m.Case(Drainer.CONTEXT):
                        m.d.sync += [context.eq(0), self._caig.eq(granularity)]
                    with m.Case(Drainer.IOTLB):
                        m.d.sync += [iotlb.eq(0), self._iaig.eq(granularity)]
                m.next = "Idle"

    def _by_register(self):
        """Whether register-based invalidation works (17)."""
        return (self.table_mode == TableMode.LEGACY) & int(self.config.version_major <= 5)

    def _add_command_register(self, m, register, start, performed, busy):
        """Store a register with a start bit and a granularity that hardware reports; return its fields."""
        stored = self._store(m, register, unlocked=~busy)
        with m.If(self._ones(register, start).any()):
            m.d.sync += busy.eq(1)
        done = Signal(2, name=f"{register.name.lower()}_performed")
        start_bit = 1 << register[start].lsb
        self._values[register] = (stored & ~start_bit) | busy << register[start].lsb | done << register[performed].lsb
        return data.View(data.StructLayout(register.layout), stored), done

    def _add_context_command(self, m, busy):
        """CCMD: return the granularity to report, and the command."""
        fields, self._caig = self._add_command_register(m, CCMD, "ICC", "CAIG", busy)
        performed = Mux(self._by_register(), fields.cirg, ContextGranularity.RESERVED)
        payload = Signal(invalidation_layout(self.config), name="context_payload")
        m.d.comb += [
            payload.context_global.eq(performed == ContextGranularity.GLOBAL),
            payload.context_domain.eq(performed == ContextGranularity.DOMAIN),
            payload.context_device.eq(performed == ContextGranularity.DEVICE),
            payload.domain_id.eq(fields.did),
            payload.source_id.eq(fields.sid),
            payload.function_mask.eq(Cat(fields.fm == 3, fields.fm >= 2, fields.fm >= 1)),
        ]
        return performed, payload

    def _add_iotlb_command(self, m, busy):
        """IVA and IOTLB: return the granularity to report, and the command."""
        fields, self._iaig = self._add_command_register(m, IOTLB, "IVT", "IAIG", busy)
        operand = data.View(data.StructLayout(IVA.layout), self._store(m, IVA))
        page_granularity = IotlbGranularity.DOMAIN
        if self.config.psi:
            page_granularity = Mux(operand.am > self.config.mamv, IotlbGranularity.RESERVED, IotlbGranularity.PAGE)
        wanted = Mux(fields.iirg == IotlbGranularity.PAGE, page_granularity, fields.iirg)
        performed = Mux(self._by_register(), wanted, IotlbGranularity.RESERVED)
        payload = Signal(invalidation_layout(self.config), name="iotlb_payload")
        m.d.comb += [
            payload.iotlb_global.eq(performed == IotlbGranularity.GLOBAL),
            payload.iotlb_domain.eq(performed == IotlbGranularity.DOMAIN),
            payload.iotlb_page.eq(performed == IotlbGranularity.PAGE),
            payload.keep_tables.eq(operand.ih & payload.iotlb_page),
            payload.domain_id.eq(fields.did),
            payload.page.eq(operand.addr),
            payload.page_mask.eq(below(operand.am, PAGE_BITS)),
        ]
        return performed, payload
