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
    """The outputs are attributes that depend on state alone: `older`, `full_messages`, `writes_busy`, `fenced`,
    `pushed`, and bit masks by ID."""

    def __init__(self, config: UnitConfig) -> None:
        ids = 1 << config.id_bits
        self.older = 0
        self.busy_reads = self.busy_writes = 0
        self.full_reads = self.full_writes = 0
        self.full_messages = self.writes_busy = 0
        self.fenced = self.pushed = 1
        self._counts = [0] * (2 * ids + 1)  # reads by ID, then writes by ID, then messages
        self._awaited = [0] * (2 * ids + 1)
        self._sent = [0] * ids  # writes whose data have left, without answer
        self._marked = [0] * ids  # of these, those that a fence waits for
        self._all_sent = self._all_marked = 0  # sums
        self._to_push = 0  # messages that a push waits for
        self._ids = ids
        self._owed = 0  # sum of `_awaited`

    def step(
        self,
        issued_read: Issued | None,
        issued_write: Issued | None,
        answered_read: int | None,
        answered_write: int | None,
        flip: int,
        issued_message: int | None = None,
        answered_message: int = 0,
        sent_write: int | None = None,
        fence: int = 0,
        push: int = 0,
    ) -> None:
        """Advance one clock. Of an answer and of what is sent, the ID; None where nothing is issued or answered.

        Of a message, whether it is of the older epoch.
        """
        if sent_write is not None or answered_write is not None or fence:
            self._step_sent(sent_write, answered_write, fence)
        if push or answered_message:
            self._step_pushed(answered_message, push)
        if (
            issued_read is None
            and issued_write is None
            and answered_read is None
            and answered_write is None
            and issued_message is None
            and not answered_message
        ):
            if flip:
                self._turn()
            return
        ids = self._ids
        if answered_message:
            self._answer(2 * ids)
        if issued_message is not None:
            self._issue(2 * ids, issued_message)
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

    def _step_sent(self, sent: int | None, answered: int | None, fence: int) -> None:
        """Count what the fence looks at; an answer cannot belong to a write whose data leave in this clock."""
        if answered is not None and self._sent[answered]:
            self._sent[answered] -= 1
            self._all_sent -= 1
            if self._marked[answered]:
                self._marked[answered] -= 1
                self._all_marked -= 1
        if fence:
            self._marked = self._sent.copy()
            self._all_marked = self._all_sent
        if sent is not None:
            self._sent[sent] += 1
            self._all_sent += 1
        self.writes_busy = 1 if self._all_sent else 0
        self.fenced = 0 if self._all_marked else 1

    def _step_pushed(self, answered: int, push: int) -> None:
        """Count the messages of before a push that have no answer yet."""
        unanswered = self._counts[2 * self._ids] if push else self._to_push
        self._to_push = max(0, unanswered - answered)
        self.pushed = 0 if self._to_push else 1

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
        elif place == 2 * self._ids:
            self.full_messages = 1 if count >= OUTSTANDING_LIMIT else 0
        else:
            bit = 1 << place - self._ids
            self.busy_writes = self.busy_writes | bit if count else self.busy_writes & ~bit
            self.full_writes = self.full_writes | bit if count >= OUTSTANDING_LIMIT else self.full_writes & ~bit
