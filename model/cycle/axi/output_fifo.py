"""Golden model of rtl/axi/output_fifo.py."""

from collections import deque
from typing import Generic, TypeVar

__all__ = ["FallThroughFifo", "OutputFifo"]

T = TypeVar("T")


class FallThroughFifo(Generic[T]):
    """`space` is a register. What it offers in a clock depends on what is pushed in that clock: `offer`."""

    __slots__ = ("entries", "space")

    def __init__(self, depth: int) -> None:
        self.entries: deque[T] = deque()
        self.space = depth

    def offer(self, push: T | None) -> T | None:
        """Return the oldest entry, in a clock in which `push` is pushed."""
        return self.entries[0] if self.entries else push

    def step(self, push: T | None, taken: int) -> None:
        """Advance one clock; `taken`: somebody took what `offer` returned. A push without space is lost."""
        entries = self.entries
        if push is not None and self.space:
            entries.append(push)
            self.space -= 1
        if taken:
            entries.popleft()
            self.space += 1


class OutputFifo(Generic[T]):
    """`space` and what is offered, `o`, are registers."""

    __slots__ = ("entries", "o", "space")

    def __init__(self, depth: int) -> None:
        self.entries: deque[T] = deque()
        self.space = depth
        self.o: T | None = None

    def step(self, push: T | None, o_ready: int) -> None:
        """Advance one clock in which `push` was pushed. A push without space is lost."""
        entries = self.entries
        if push is not None and self.space:
            entries.append(push)
            self.space -= 1
        if o_ready or self.o is None:
            if entries:
                self.o = entries.popleft()
                self.space += 1
            else:
                self.o = None
