"""Event messages: the interrupts that the unit itself sends, with mask and pending bit (rule 25)."""

from collections.abc import Callable

from model.arch import Register
from model.reference.register_file import RegisterFile
from model.reference.types import Message

__all__ = ["EventMessage"]


class EventMessage:
    """One event interrupt: its control, data, address and upper-address registers, and where messages go."""

    def __init__(
        self,
        registers: RegisterFile,
        *,
        control: Register,
        data: Register,
        address: Register,
        upper_address: Register,
        send: Callable[[Message], None],
    ) -> None:
        self._registers = registers
        self._control, self._data, self._address, self._upper_address = control, data, address, upper_address
        self._send = send

    def raise_event(self) -> None:
        """An event happened: send the message, or hold it back while it is masked."""
        self._registers[self._control] |= self._control["IP"].mask
        self.control_written()

    def control_written(self) -> None:
        """Send what was held back, if it is no longer masked."""
        control = self._registers[self._control]
        if control & self._control["IP"].mask and not control & self._control["IM"].mask:
            self.withdraw()
            address = self._registers[self._address] | self._registers[self._upper_address] << self._address.width
            self._send(Message(address, self._registers[self._data]))

    def withdraw(self) -> None:
        """The reason for the event is gone: nothing is pending any more."""
        self._registers[self._control] &= ~self._control["IP"].mask
