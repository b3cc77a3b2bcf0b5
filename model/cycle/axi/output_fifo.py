"""Golden model of rtl/axi/output_fifo.py."""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["FallThroughFifo", "OutputFifo"]

T = TypeVar("T")


class FallThroughFifo(Generic[T]):
    """`space` is a register: free entries, but not the one that was taken in the last clock. What it offers in a clock
    depends on what is pushed in that clock: `offer`."""

    __slots__ = ("_depth", "entries", "space")

    def __init__(self, depth: int) -> None:
        self.entries: deque[T] = deque()
        self.space = self._depth = depth

    def offer(self, push: T | None) -> T | None:
        """Return the oldest entry, in a clock in which `push` is pushed."""
        return self.entries[0] if self.entries else push

    def step(self, push: T | None, taken: int) -> None:
        """Advance one clock; `taken`: somebody took what `offer` returned. A push without space is lost."""
        entries = self.entries
        if push is not None and self.space:
            entries.append(push)
        if taken:
            entries.popleft()
        self.space = self._depth - len(entries) - taken


class OutputFifo(Generic[T]):
    """`space`, as above, and what is offered, `o`, are registers."""

    __slots__ = ("_depth", "entries", "o", "space")

    def __init__(self, depth: int) -> None:
        self.entries: deque[T] = deque()
        self.space = self._depth = depth
        self.o: T | None = None

    def step(self, push: T | None, o_ready: int) -> None:
        """Advance one clock in which `push` was pushed. A push without space is lost."""
        entries = self.entries
        if push is not None and self.space:
            entries.append(push)
        moves = 0
        if o_ready or self.o is None:
            moves = 1 if entries else 0
            self.o = entries.popleft() if moves else None
        self.space = self._depth - len(entries) - moves
