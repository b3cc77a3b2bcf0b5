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
        """Advance one clock. The write of IM acts first, then `withdraw`, `event`, and at last the message."""
        masked = self.control & IM if inputs.mask is None else IM * inputs.mask
        pending = IP if inputs.event or (self.control & IP and not inputs.withdraw) else 0
        if self.message is not None and inputs.ready:
            self.message = None
        if pending and not masked and self.message is None:
            self.message = Message(inputs.address, inputs.data)
            pending = 0
        self.control = masked | pending
