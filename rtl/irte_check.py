"""Interrupt remapping table entries: the check for a requester, and the message or posting that an entry says."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import FaultReason, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, DeliveryMode, SourceValidation
from model.arch.structures import (
    COMPATIBILITY_INTERRUPT_ADDRESS,
    COMPATIBILITY_INTERRUPT_DATA,
    EVENT_MESSAGE_UPPER_ADDRESS,
    IRTE_POSTED,
    IRTE_REMAPPED,
)
from rtl.event_message import message_layout

__all__ = ["IRTE_BITS", "IrteCheck", "IrteMeaning", "interrupt_message"]

IRTE_BITS = IRTE_REMAPPED.width

# Destination bits that are 0 outside extended interrupt mode, where only the 8 bits 47:40 of the entry count.
NOT_XAPIC_DESTINATION = IRTE_REMAPPED["DST"].to(0xFFFF00FF)


class IrteCheck(wiring.Component):
    """From an entry as read to whether the interrupt request is refused, and what becomes of it otherwise.

    Spec: rules 22.3 c to f, 22.4, 23.1. Combinational.
    Order: read error, not present, source-id (an SVT that does not exist is a reserved bit), format.

    Members
    -------
    irte, error : In
        128 bits as read, and whether the read failed.
    source_id : In
        Of the requester.
    extended : In
        IRTA.EIME of the table.
    refused, fault_reason, suppressed : Out
        Whether there is a fault; FaultReason, 0 for none; whether FPD of the entry keeps the record back (0 without a
        fault).
    posted : Out
        There is no fault, and the interrupt is to be posted; otherwise it becomes a message.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "irte": In(IRTE_BITS),
                "error": In(1),
                "source_id": In(16),
                "extended": In(1),
                "refused": Out(1),
                "fault_reason": Out(8),
                "suppressed": Out(1),
                "posted": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        entry = data.View(data.StructLayout(IRTE_REMAPPED.layout), self.irte)
        wants_post, reserved, matches, passes = (Signal() for _ in range(4))
        m.d.comb += [
            wants_post.eq(entry.im & int(self.config.pi)),
            reserved.eq(self._reserved(entry, wants_post)),
            matches.eq(self._source_matches(entry)),
            passes.eq(~self.error & entry.p & (entry.svt != SourceValidation.RESERVED) & ~reserved & matches),
            self.refused.eq(~passes),
            self.posted.eq(passes & wants_post),
            self.suppressed.eq(~passes & ~self.error & entry.fpd),
        ]
        with m.If(self.error):
            m.d.comb += self.fault_reason.eq(FaultReason.IRTE_ACCESS_ERROR)
        with m.Elif(~entry.p):
            m.d.comb += self.fault_reason.eq(FaultReason.IRTE_NOT_PRESENT)
        with m.Elif(entry.svt == SourceValidation.RESERVED):
            m.d.comb += self.fault_reason.eq(FaultReason.IRTE_RESERVED_BITS)
        with m.Elif(~matches):
            m.d.comb += self.fault_reason.eq(FaultReason.SOURCE_ID_MISMATCH)
        with m.Elif(reserved):
            m.d.comb += self.fault_reason.eq(FaultReason.IRTE_RESERVED_BITS)
        return m

    def _source_matches(self, entry):
        """Compare the requester with SID in the way that SVT and SQ say."""
        different = self.source_id ^ entry.sid
        # SQ leaves out no bit, bit 2, bits 2:1, bits 2:0.
        ignored = Cat(entry.sq == 3, entry.sq >= 2, entry.sq >= 1)
        same = ((different[:3] & ~ignored) == 0) & (different[3:] == 0)
        bus = self.source_id[8:]
        in_range = (entry.sid[8:] <= bus) & (bus <= entry.sid[:8])
        return (
            (entry.svt == SourceValidation.NONE)
            | ((entry.svt == SourceValidation.SOURCE_ID) & same)
            | ((entry.svt == SourceValidation.BUS_RANGE) & in_range)
        )

    def _reserved(self, entry, wants_post):
        config = self.config
        beyond_haw = IRTE_POSTED["PDAH"].to((1 << 32) - (1 << config.haw - 32))
        posted = (self.irte & (config.reserved_mask(IRTE_POSTED) | beyond_haw)).any()
        remapped = (self.irte & config.reserved_mask(IRTE_REMAPPED)).any()
        wide = (self.irte & NOT_XAPIC_DESTINATION).any()
        known_mode = Cat(entry.dlm == mode for mode in DeliveryMode).any()
        return Mux(wants_post, posted, remapped | ~known_mode | (wide & ~self.extended))


class IrteMeaning(wiring.Component):
    """What an entry says that passed its check.

    Spec: rules 22.5, 23.1. Combinational.

    Members
    -------
    irte, extended : In
        As in IrteCheck.
    message : Out
        What to write when nothing is to be posted.
    descriptor, vector, urgent : Out
        Byte address of the posted-interrupt descriptor, bit of PIR, URG; otherwise.
    """

    def __init__(self, *, config: UnitConfig):
        super().__init__(
            {
                "irte": In(IRTE_BITS),
                "extended": In(1),
                "message": Out(message_layout()),
                "descriptor": Out(config.haw),
                "vector": Out(8),
                "urgent": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        entry = data.View(data.StructLayout(IRTE_REMAPPED.layout), self.irte)
        posting = data.View(data.StructLayout(IRTE_POSTED.layout), self.irte)
        m.d.comb += [
            Value.cast(self.message).eq(
                interrupt_message(
                    vector=entry.v,
                    destination=Mux(self.extended, entry.dst, entry.dst[8:16]),
                    delivery_mode=entry.dlm,
                    trigger_mode=entry.tm,
                    destination_mode=entry.dm,
                    redirection_hint=entry.rh,
                )
            ),
            self.descriptor.eq(Cat(Const(0, 6), posting.pdal, posting.pdah)),
            self.vector.eq(posting.vv),
            self.urgent.eq(posting.urg),
        ]
        return m


def interrupt_message(
    *, vector, destination, delivery_mode=0, trigger_mode=0, destination_mode=0, redirection_hint=0
) -> Value:
    """Return the message of an interrupt as the bits of `message_layout`; level is always asserted (rule 22.5).

    `destination` has up to 32 bits; bits 31:8 travel in address bits 63:40, as in the unit's own event messages.
    """
    destination = Value.cast(destination)
    destination = Cat(destination, Const(0, 32 - len(destination)))
    low = _packed(
        COMPATIBILITY_INTERRUPT_ADDRESS,
        FEE=INTERRUPT_PREFIX,
        DESTID=destination[:8],
        RH=redirection_hint,
        DM=destination_mode,
    )
    high = _packed(EVENT_MESSAGE_UPPER_ADDRESS, DESTID_31_8=destination[8:])
    written = _packed(COMPATIBILITY_INTERRUPT_DATA, V=vector, DLM=delivery_mode, TML=1, TM=trigger_mode)
    return Cat(low, high, written)


def _packed(structure, **values) -> Value:
    """Return a structure with these fields, the others 0."""
    return Cat(
        (Value.cast(values.pop(field.name)) | Const(0, field.width))[: field.width]
        if field.name in values
        else Const(0, field.width)
        for field in structure.fields
    )
