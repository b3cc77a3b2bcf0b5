"""Software in front of `s_axil_`: register accesses."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from model.arch.axi import Response
from model.arch.registers import PUSHING_OFFSETS
from model.cycle.axi.ports import LiteRead, LiteWrite
from tb.check import CheckFailed
from tb.stalls import Stalling

__all__ = ["AxiLiteMaster", "RegisterAccess"]

WORD_BYTES = 8


@dataclass(slots=True, eq=False)
class RegisterAccess:
    """A read or a write of 1, 2, 4 or 8 bytes within a 64-bit word.

    `value` of a read is there once `done`; `started` and `finished` are clocks, -1 until they come.
    """

    write: bool
    offset: int
    size: int
    value: int = 0
    done: bool = False
    started: int = -1
    finished: int = -1

    def __str__(self) -> str:
        value = f" of {self.value:#x}" if self.write else ""
        return f"{'write' if self.write else 'read'}{value}, {self.size} bytes at register {self.offset:#x}"


class AxiLiteMaster(Stalling):
    """Does accesses one after the other, in the order in which they are submitted.

    Knobs, to be changed at any time
    --------------------------------
    overlap : a read and a write may be under way at the same time, each in its own order
    stall : probability that a channel does nothing in a clock; also by channel: {"r": 0.5}
    on_finished : called with each access when it is done
    messages : returns how many messages memory has taken so far, and how many it has answered. A read of one of
        PUSHING_OFFSETS must not be answered before those that were taken before it
    """

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.overlap = False
        self.on_finished: Callable[[RegisterAccess], None] | None = None
        self.messages: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.finished = 0
        self.clear()

    @property
    def idle(self) -> bool:
        """True when every access is done."""
        return not self.outstanding

    def clear(self) -> None:
        """Forget every access that is not done: the unit is in reset."""
        self._queue: deque[RegisterAccess] = deque()
        self._read: RegisterAccess | None = None
        self._write: RegisterAccess | None = None
        self._ar_owed = self._aw_owed = self._w_owed = False
        self._ar: int | None = None
        self._aw: int | None = None
        self._w: LiteWrite | None = None
        self._bready = self._rready = 0
        self._messages_before = 0  # the read
        self.outstanding = 0

    def submit(self, access: RegisterAccess) -> RegisterAccess:
        """Queue an access and return it."""
        lane = access.offset % WORD_BYTES
        if lane + access.size > WORD_BYTES:
            raise ValueError(f"an access must stay within 8 bytes, not be {access.size} bytes at {access.offset:#x}")
        self._queue.append(access)
        self.outstanding += 1
        return access

    def take(self, now: int, awready: int, wready: int, b: int | None, arready: int, r: LiteRead | None) -> None:
        """See what the unit drove in clock `now`."""
        if not self.outstanding:
            if (b is not None and self._bready) or (r is not None and self._rready):
                raise CheckFailed(f"clock {now}: a response on s_axil that nobody waits for")
            return
        if arready and self._ar is not None:
            self._messages_before = self.messages()[0] if self._ar in PUSHING_OFFSETS else 0
            self._ar = None
        if awready and self._aw is not None:
            self._aw = None
        if wready and self._w is not None:
            self._w = None
        if b is not None and self._bready:
            self._write = self._finish(now, self._write, b)
        if r is not None and self._rready:
            access = self._read
            if access is not None:
                self._check_order(now, access)
                access.value = r.data >> access.offset % WORD_BYTES * 8 & (1 << access.size * 8) - 1
            self._read = self._finish(now, access, r.resp)

    def _check_order(self, now: int, access: RegisterAccess) -> None:
        answered = self.messages()[1]
        if answered < self._messages_before:
            late = self._messages_before - answered
            raise CheckFailed(
                f"clock {now}: {access} is answered before {late} of the messages that left before it (rule 25)"
            )

    def _finish(self, now: int, access: RegisterAccess | None, response: int) -> None:
        if access is None:
            raise CheckFailed(f"clock {now}: a response on s_axil that nobody waits for")
        if response != Response.OKAY:
            raise CheckFailed(f"clock {now}: response {response} to {access}")
        access.done = True
        access.finished = now
        self.outstanding -= 1
        self.finished += 1
        if self.on_finished:
            self.on_finished(access)

    def give(self, now: int) -> tuple[int | None, LiteWrite | None, int, int | None, int]:
        """Return what software drives in clock `now`: aw, w, bready, ar, rready."""
        if not self.outstanding and self._stall is None:
            self._bready = self._rready = 1
            return None, None, 1, None, 1
        chance, stall = self.rng.random, self._stall
        self._start(now)
        if self._ar_owed and (stall is None or chance() >= stall[3]):
            self._ar, self._ar_owed = self._read.offset & -WORD_BYTES, False
        if self._aw_owed and (stall is None or chance() >= stall[0]):
            self._aw, self._aw_owed = self._write.offset & -WORD_BYTES, False
        if self._w_owed and (stall is None or chance() >= stall[1]):
            lane, size = self._write.offset % WORD_BYTES, self._write.size
            self._w, self._w_owed = LiteWrite(self._write.value << lane * 8, (1 << size) - 1 << lane), False
        if stall is None:
            self._bready = self._rready = 1
        else:
            self._bready, self._rready = int(chance() >= stall[2]), int(chance() >= stall[4])
        return self._aw, self._w, self._bready, self._ar, self._rready

    def _start(self, now: int) -> None:
        queue = self._queue
        while queue and (self.overlap or (self._read is None and self._write is None)):
            if (self._write if queue[0].write else self._read) is not None:
                return
            access = queue.popleft()
            access.started = now
            if access.write:
                self._write, self._aw_owed, self._w_owed = access, True, True
            else:
                self._read, self._ar_owed = access, True
