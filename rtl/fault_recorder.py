"""Fault recorder: the ring of fault records, FSTS, and when a fault event is due."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import CONDITIONS, UnitConfig
from model.arch.registers import FRCD, FSTS
from rtl.request import ADDRESS_BITS, Access

__all__ = ["FaultRecorder", "record_layout"]

TRANSLATION_REQUEST = 1  # PCI Express AT
INDEX_LSB = 48  # an interrupt index stands in address bits 63:48
FI_LSB = FRCD["FI"].lsb
LOGS_INDEX = sorted({condition.reason for condition in CONDITIONS.values() if condition.index_logged})


def record_layout() -> data.StructLayout:
    """A refused request. With `interrupt`, address bits 63:48 are the interrupt index; the others, `access` and
    `address_type` do not count, and reasons that log no index may leave any address there."""
    return data.StructLayout(
        {
            "valid": 1,
            "fault_reason": 8,
            "source_id": 16,
            "address": ADDRESS_BITS,
            "access": Access,
            "address_type": 2,
            "interrupt": 1,
        }
    )


class FaultRecorder(wiring.Component):
    """Writes fault records and keeps FSTS true.

    Spec: rules 24.
    Timing: a record or a queue error of clock n is visible in `status` and `read` in clock n + 1; one of each per
    clock is always accepted. What meets in one clock acts in this order: the clears of software, the record, the
    queue error. So a record may take the place that software frees in the same clock, nothing that software has not
    seen is ever cleared, and a fault after the last F was cleared is a new PPF with its own FRI and event.

    Members
    -------
    record : In
        With `valid`: a fault to record.
    queue_error : In(1)
        Set FSTS.IQE.
    clear : In
        Software writes a 1 to the F bit of these `records`, to FSTS.PFO (`overflow`), to FSTS.IQE (`queue_error`).
    remapping : In(1)
        TES or IRES. While 0, the next record is record 0.
    status : Out(32)
        FSTS.
    read
        Combinational: whether the record `number` was `written` since reset, and then this FRCD.
    event, withdraw : Out(1)
        For EventMessage, combinational: an event is due; nothing that was pending before is left.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "record": In(record_layout()),
                "queue_error": In(1),
                "clear": In(data.StructLayout({"records": config.nfr, "overflow": 1, "queue_error": 1})),
                "remapping": In(1),
                "status": Out(FSTS.width),
                "read": Out(
                    wiring.Signature({"number": In(range(config.nfr)), "written": Out(1), "record": Out(FRCD.width)})
                ),
                "event": Out(1),
                "withdraw": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.config.nfr
        full, left, place, placed = (Signal(count) for _ in range(4))  # bit n: record n
        overflow, overflow_left, error, error_left = Signal(), Signal(), Signal(), Signal()
        first, next_index, index = Signal(FSTS["FRI"].width), Signal(range(count)), Signal(range(count))
        wanted, written, reported = Signal(), Signal(), Signal()

        m.d.comb += [
            left.eq(full & ~self.clear.records),
            overflow_left.eq(overflow & ~self.clear.overflow),
            error_left.eq(error & ~self.clear.queue_error),
            index.eq(Mux(self.remapping, next_index, 0)),
            place.eq(1 << index),
            wanted.eq(self.record.valid & ~overflow_left & ~self._collapses(m, left, placed)),
            written.eq(wanted & ~(left & place).any()),
            placed.eq(Mux(written, place, 0)),
            reported.eq(left.any() | overflow_left | error_left),
            self.withdraw.eq(~reported),
            self.event.eq(~reported & (written | self.queue_error)),
            self.status.eq(
                overflow << FSTS["PFO"].lsb
                | full.any() << FSTS["PPF"].lsb
                | error << FSTS["IQE"].lsb
                | first << FSTS["FRI"].lsb
            ),
        ]
        m.d.sync += [
            full.eq(left | placed),
            overflow.eq(overflow_left | (wanted & ~written)),
            error.eq(error_left | self.queue_error),
            next_index.eq(Mux(written & self.remapping, Mux(index == count - 1, 0, index + 1), index)),
        ]
        with m.If(written & ~left.any()):
            m.d.sync += first.eq(index)
        self._store(m, full, index, placed)
        return m

    def _collapses(self, m, left, placed):
        """A record of the same source-id is still there, in a unit that then drops the fault (rule 24.2)."""
        if not self.config.collapse_faults:
            return Const(0)
        same = Signal(self.config.nfr)
        for number, written in enumerate(placed):
            source_id = Signal(16, name=f"source_id_{number}")
            m.d.comb += same[number].eq(source_id == self.record.source_id)
            with m.If(written):
                m.d.sync += source_id.eq(self.record.source_id)
        return (left & same).any()

    def _store(self, m, full, index, placed):
        """Keep the record at `index` when its bit of `placed` is 1; F is not stored but comes from `full`."""
        layout = data.StructLayout({"fi": 64 - FI_LSB, "sid": 16, "fr": 8, "t1": 1, "t2": 1})
        m.submodules.stored = stored = memory.Memory(shape=layout, depth=max(2, self.config.nfr), init=[])
        store, load = stored.write_port(), stored.read_port(domain="comb")
        written = Signal(self.config.nfr)  # since reset, which the memory does not know
        fault, found = self.record, data.View(data.StructLayout(FRCD.layout), self.read.record)
        is_translation = ~fault.interrupt & (fault.address_type == TRANSLATION_REQUEST)
        m.d.sync += written.eq(written | placed)
        m.d.comb += [
            store.en.eq(placed.any()),
            store.addr.eq(index),
            store.data.fi.eq(self._fault_info()),
            store.data.sid.eq(fault.source_id),
            store.data.fr.eq(fault.fault_reason),
            store.data.t1.eq(~fault.interrupt & (is_translation | (fault.access != Access.WRITE))),
            store.data.t2.eq(~fault.interrupt & ~is_translation & (fault.access == Access.ATOMIC)),
            load.addr.eq(self.read.number),
            self.read.written.eq(written.bit_select(self.read.number, 1)),
            found.f.eq(full.bit_select(self.read.number, 1)),
            *(found[name].eq(load.data[name]) for name in layout.members),
        ]

    def _fault_info(self):
        """FRCD.FI: the page of a DMA request below the widest table, or an interrupt index where it is logged."""
        widest = max(self.config.sagaw, default=ADDRESS_BITS)
        page = self.record.address[FI_LSB:widest]
        logged = Cat(self.record.fault_reason == reason for reason in LOGS_INDEX).any()
        index = Mux(logged, self.record.address[INDEX_LSB:], 0)
        return Mux(self.record.interrupt, index << INDEX_LSB - FI_LSB, page)
