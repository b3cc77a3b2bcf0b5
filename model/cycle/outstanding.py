"""Golden model of rtl/outstanding.py: same block, same counters, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.sizes import OUTSTANDING_LIMIT

__all__ = ["Issued", "Outstanding"]


class Issued(NamedTuple):
    """A request that goes out; `older` when what it looked up is of the older epoch."""

    id: int
    older: int


class Outstanding:
    """The outputs are attributes that depend on state alone: `older`, and bit masks by ID."""

    def __init__(self, config: UnitConfig) -> None:
        ids = 1 << config.id_bits
        self.older = 0
        self.busy_reads = self.busy_writes = 0
        self.full_reads = self.full_writes = 0
        self._counts = [0] * (2 * ids)  # reads by ID, then writes by ID
        self._awaited = [0] * (2 * ids)
        self._ids = ids
        self._owed = 0  # sum of `_awaited`

    def step(
        self,
        issued_read: Issued | None,
        issued_write: Issued | None,
        answered_read: int | None,
        answered_write: int | None,
        flip: int,
    ) -> None:
        """Advance one clock. Of an answer, the ID; None where nothing is issued or answered."""
        if issued_read is None and issued_write is None and answered_read is None and answered_write is None:
            if flip:
                self._turn()
            return
        ids = self._ids
        if answered_read is not None:
            self._answer(answered_read)
        if answered_write is not None:
            self._answer(ids + answered_write)
        if issued_read is not None:
            self._issue(issued_read.id, issued_read.older)
        if issued_write is not None:
            self._issue(ids + issued_write.id, issued_write.older)
        self.older = 1 if self._owed else 0
        if flip:
            self._turn()

    def _turn(self) -> None:
        """Take all that is outstanding for the older epoch."""
        self._awaited = self._counts.copy()
        self._owed = sum(self._awaited)
        self.older = 1 if self._owed else 0

    def _answer(self, place: int) -> None:
        """Count an answer; it comes before a request of the same clock, which it cannot belong to."""
        count = self._counts[place]
        if not count:
            return
        self._counts[place] = count - 1
        if self._awaited[place]:
            self._awaited[place] -= 1
            self._owed -= 1
        self._show(place, count - 1)

    def _issue(self, place: int, older: int) -> None:
        count = self._counts[place] + 1
        self._counts[place] = count
        if older:
            self._owed += count - self._awaited[place]
            self._awaited[place] = count
        self._show(place, count)

    def _show(self, place: int, count: int) -> None:
        if place < self._ids:
            bit = 1 << place
            self.busy_reads = self.busy_reads | bit if count else self.busy_reads & ~bit
            self.full_reads = self.full_reads | bit if count >= OUTSTANDING_LIMIT else self.full_reads & ~bit
        else:
            bit = 1 << place - self._ids
            self.busy_writes = self.busy_writes | bit if count else self.busy_writes & ~bit
            self.full_writes = self.full_writes | bit if count >= OUTSTANDING_LIMIT else self.full_writes & ~bit
