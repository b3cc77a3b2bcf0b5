"""Taking back a fault record, for recordings whose source does not make it."""

from model.arch.registers import FRCD, FSTS
from model.reference import Unit

__all__ = ["FaultLog"]

# Software reads and clears F in the last dword of a record.
F_LANE_OFFSET = FRCD["F"].lsb // 32 * 4
F_IN_LANE = 1 << FRCD["F"].lsb % 32


class FaultLog:
    """Remembers the fault records of a unit before a request, and can clear what the request added, as software
    would: later reads then find what the recording's software found.
    """

    def __init__(self, unit: Unit) -> None:
        config = unit.config
        self._unit = unit
        self._lanes = [config.fro + number * FRCD.stride + F_LANE_OFFSET for number in range(config.nfr)]
        self._records, self._status = self._state()
        self._messages = len(unit.messages)

    def _state(self) -> tuple[list[bool], int]:
        records = [bool(self._unit.read_register(lane) & F_IN_LANE) for lane in self._lanes]
        return records, self._unit.read_register(FSTS.offset)

    def withdraw(self) -> bool:
        """Clear what was recorded since, and the event message for it; say whether there was anything."""
        records, status = self._state()
        if (records, status) == (self._records, self._status):
            return False
        for lane, was_set, is_set in zip(self._lanes, self._records, records, strict=True):
            if is_set and not was_set:
                self._unit.write_register(lane, F_IN_LANE)
        self._unit.write_register(FSTS.offset, status & ~self._status & FSTS["PFO"].mask)
        del self._unit.messages[self._messages :]
        return True
