"""Event message: an interrupt that the unit itself sends, with its mask and pending bit."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch.registers import FECTL

__all__ = ["EventMessage", "message_layout"]

DATA_BITS = 32
ADDRESS_BITS = 64


def message_layout() -> data.StructLayout:
    """A message: `data` is written to `address` as one dword."""
    return data.StructLayout({"address": ADDRESS_BITS, "data": DATA_BITS})


class EventMessage(wiring.Component):
    """Control register (FECTL or IECTL) of one event, and the messages that leave.

    Spec: rules 25.
    Timing: `message` is offered from the clock after the event on, until it is taken, masked or withdrawn. IP is 1
    until it is taken; a further event before that is reported by the same message. What meets in one clock acts in this
    order: the message that is taken, the write of IM, `withdraw`, `event`. A message carries address and data as the
    registers show them in the clock of the event (or of the write that unmasks it), before a write of that clock.

    Members
    -------
    write : In
        With `valid`: software sets IM to `mask`.
    event : In(1)
        An event happened. One message for any number of events that are held back.
    withdraw : In(1)
        Nothing that was reported so far is pending any more: IP is cleared.
    address, data : In
        Where the message goes and what it says.
    control : Out(32)
        IM and IP as software reads them, from registers.
    message : Out(stream)
        Messages; valid and payload are registers. What is on offer may be taken back.
    """

    def __init__(self):
        super().__init__(
            {
                "write": In(data.StructLayout({"valid": 1, "mask": 1})),
                "event": In(1),
                "withdraw": In(1),
                "address": In(ADDRESS_BITS),
                "data": In(DATA_BITS),
                "control": Out(FECTL.width),
                "message": Out(stream.Signature(message_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        masked, pending = Signal(init=FECTL["IM"].reset), Signal()
        now_masked, now_pending, taken = Signal(), Signal(), Signal()
        m.d.comb += [
            taken.eq(self.message.valid & self.message.ready),
            now_masked.eq(Mux(self.write.valid, self.write.mask, masked)),
            now_pending.eq((pending & ~taken & ~self.withdraw) | self.event),
            self.control.eq(masked << FECTL["IM"].lsb | pending << FECTL["IP"].lsb),
        ]
        m.d.sync += [
            masked.eq(now_masked),
            pending.eq(now_pending),
            self.message.valid.eq(now_pending & ~now_masked),
        ]
        with m.If(~self.message.valid | taken):
            m.d.sync += [
                self.message.p.address.eq(self.address),
                self.message.p.data.eq(self.data),
            ]
        return m
