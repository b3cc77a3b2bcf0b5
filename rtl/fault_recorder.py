"""Fault recorder: the ring of fault records, FSTS, and when a fault event is due."""

from amaranth import *
from amaranth.lib import data, wiring
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
    Timing: a record or a queue error of clock n is visible in `status` and `records` in clock n + 1; one of each per
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
    records : Out(ArrayLayout)
        FRCD, by number.
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
                "records": Out(data.ArrayLayout(FRCD.width, config.nfr)),
                "event": Out(1),
                "withdraw": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.config.nfr
        full, left, place = Signal(count), Signal(count), Signal(count)  # bit n: record n
        overflow, overflow_left, error, error_left = Signal(), Signal(), Signal(), Signal()
        first, next_index, index = Signal(FSTS["FRI"].width), Signal(range(count)), Signal(range(count))
        wanted, written, reported = Signal(), Signal(), Signal()

        m.d.comb += [
            left.eq(full & ~self.clear.records),
            overflow_left.eq(overflow & ~self.clear.overflow),
            error_left.eq(error & ~self.clear.queue_error),
            index.eq(Mux(self.remapping, next_index, 0)),
            place.eq(1 << index),
            wanted.eq(self.record.valid & ~overflow_left & ~self._collapses(left)),
            written.eq(wanted & ~(left & place).any()),
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
            full.eq(left | Mux(written, place, 0)),
            overflow.eq(overflow_left | (wanted & ~written)),
            error.eq(error_left | self.queue_error),
            next_index.eq(Mux(written & self.remapping, Mux(index == count - 1, 0, index + 1), index)),
        ]
        with m.If(written & ~left.any()):
            m.d.sync += first.eq(index)
        self._store(m, full, Mux(written, place, 0))
        return m

    def _collapses(self, left):
        """A record of the same source-id is still there, in a unit that then drops the fault (rule 24.2)."""
        if not self.config.collapse_faults:
            return Const(0)
        sid = FRCD["SID"]
        same = [record[sid.lsb : sid.lsb + sid.width] == self.record.source_id for record in self.records]
        return (left & Cat(same)).any()

    def _store(self, m, full, place):
        """Keep the record where `place` has a 1; F is not stored but comes from `full`."""
        layout = data.StructLayout(FRCD.layout)
        new = Signal(layout)
        fault = self.record
        is_translation = ~fault.interrupt & (fault.address_type == TRANSLATION_REQUEST)
        m.d.comb += [
            new.fi.eq(self._fault_info()),
            new.sid.eq(fault.source_id),
            new.fr.eq(fault.fault_reason),
            new.t1.eq(~fault.interrupt & (is_translation | (fault.access != Access.WRITE))),
            new.t2.eq(~fault.interrupt & ~is_translation & (fault.access == Access.ATOMIC)),
        ]
        for number in range(self.config.nfr):
            stored = Signal(layout, name=f"record_{number}")
            with m.If(place[number]):
                m.d.sync += stored.eq(new)
            f = FRCD["F"].lsb
            m.d.comb += self.records[number].eq(Cat(stored.as_value()[:f], full[number]))

    def _fault_info(self):
        """FRCD.FI: the page of a DMA request below the widest table, or an interrupt index where it is logged."""
        widest = max(self.config.sagaw, default=ADDRESS_BITS)
        page = self.record.address[FI_LSB:widest]
        logged = Cat(self.record.fault_reason == reason for reason in LOGS_INDEX).any()
        index = Mux(logged, self.record.address[INDEX_LSB:], 0)
        return Mux(self.record.interrupt, index << INDEX_LSB - FI_LSB, page)
