"""Golden model of rtl/event_message.py: same mask, same pending bit, same clock counts."""

from typing import NamedTuple

from model.arch.registers import FECTL

__all__ = ["EventMessage", "Inputs", "Message"]

IM, IP = FECTL["IM"].mask, FECTL["IP"].mask


class Message(NamedTuple):
    """`data` is written to `address` as one dword."""

    address: int
    data: int


class Inputs(NamedTuple):
    """`mask` is what software writes into IM, None when it does not; `ready` belongs to the message on offer."""

    mask: int | None = None
    event: int = 0
    withdraw: int = 0
    address: int = 0
    data: int = 0
    ready: int = 0


class EventMessage:
    """`control` is IM and IP as software reads them, `message` what is on offer; both are outputs too."""

    def __init__(self) -> None:
        self.control = FECTL.reset
        self.message: Message | None = None

    def step(self, inputs: Inputs) -> None:
        """Advance one clock. The message that is taken comes first, then the write of IM, `withdraw` and `event`."""
        taken = self.message is not None and inputs.ready
        masked = self.control & IM if inputs.mask is None else IM * inputs.mask
        pending = IP if inputs.event or (self.control & IP and not taken and not inputs.withdraw) else 0
        if masked or not pending:
            self.message = None
        elif self.message is None or taken:
            self.message = Message(inputs.address, inputs.data)
        self.control = masked | pending
