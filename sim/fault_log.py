"""The fault log as software finds it: what a request added to it, and taking that back."""

from dataclasses import dataclass

from model.arch.registers import FRCD, FSTS
from model.reference import Message, Unit

__all__ = ["FaultLog", "Withdrawal"]

# Software reads and clears F in the last dword of a record.
F_LANE_OFFSET = FRCD["F"].lsb // 32 * 4
F_IN_LANE = 1 << FRCD["F"].lsb % 32


@dataclass(frozen=True)
class Withdrawal:
    """What took a fault record back: 4-byte register writes (offset, value), and the messages that went with it."""

    writes: list[tuple[int, int]]
    messages: list[Message]


class FaultLog:
    """Remembers the fault records of a unit before a request, tells what the request added, and can clear it, as
    software would, for recordings whose source does not make the record: later reads then find what the recording's
    software found.
    """

    def __init__(self, unit: Unit) -> None:
        config = unit.config
        self._unit = unit
        self._records = [config.fro + number * FRCD.stride for number in range(config.nfr)]
        self._flags, self._status = self._state()
        self._messages = len(unit.messages)

    def _state(self) -> tuple[list[bool], int]:
        flags = [bool(self._unit.read_register(place + F_LANE_OFFSET) & F_IN_LANE) for place in self._records]
        return flags, self._unit.read_register(FSTS.offset)

    def added(self) -> list[int]:
        """Return the byte offsets of the fault records that were written since."""
        flags, _ = self._state()
        changed = zip(self._records, self._flags, flags, strict=True)
        return [place for place, was_set, is_set in changed if is_set and not was_set]

    def withdraw(self) -> Withdrawal | None:
        """Clear what was recorded since, and the event message for it; None when there is nothing."""
        flags, status = self._state()
        if (flags, status) == (self._flags, self._status):
            return None
        writes = [(place + F_LANE_OFFSET, F_IN_LANE) for place in self.added()]
        writes.append((FSTS.offset, status & ~self._status & FSTS["PFO"].mask))
        for offset, value in writes:
            self._unit.write_register(offset, value)
        messages = self._unit.messages[self._messages :]
        del self._unit.messages[self._messages :]
        return Withdrawal(writes, messages)
