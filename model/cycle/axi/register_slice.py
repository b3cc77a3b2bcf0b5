"""Golden model of rtl/axi/register_slice.py. One object instead of the two halves where both are used together.

`step` comes once per clock, at its end; everything else is a register and may be read at any time before. An object
that was just made is one in reset.
"""

from typing import Generic, TypeVar

__all__ = ["RegisterSlice", "SkidBuffer"]

T = TypeVar("T")


class SkidBuffer(Generic[T]):
    """`ready` is a register. What it offers in a clock depends on its input in that clock: `offer`."""

    __slots__ = ("kept", "ready")

    def __init__(self) -> None:
        self.ready = 0
        self.kept: T | None = None

    def offer(self, i: T | None) -> T | None:
        """Return what the buffer offers in a clock in which `i` is offered to it."""
        if self.kept is not None:
            return self.kept
        return i if self.ready else None

    def step(self, stays: T | None) -> None:
        """Advance one clock; `stays` is what `offer` returned if nobody took it, else None."""
        self.kept = stays
        self.ready = 1 if stays is None else 0


class RegisterSlice(Generic[T]):
    """`ready` and what is offered, `o`, are registers."""

    __slots__ = ("kept", "o", "ready")

    def __init__(self) -> None:
        self.ready = 0
        self.kept: T | None = None
        self.o: T | None = None

    def step(self, i: T | None, o_ready: int) -> None:
        """Advance one clock in which `i` was offered to the slice."""
        moving = self.kept
        if moving is None and self.ready:
            moving = i
        if o_ready or self.o is None:
            self.o = moving
            moving = None
        self.kept = moving
        self.ready = 1 if moving is None else 0
