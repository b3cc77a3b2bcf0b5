"""What memory and registers held, and when: a value that was replaced may still be in use, in caches and in flight."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from model.reference.memory import MemoryFault

__all__ = ["FOREVER", "Register", "Version", "Words"]

FOREVER = 1 << 62
GRANULE_BYTES = 16
QUADWORD = (1 << 64) - 1


class Version(NamedTuple):
    """`value` can be seen from clock `start` on, until `end`, when it was replaced; None is a read that fails."""

    value: Any
    start: int
    end: int


class Register:
    """A state of the unit that software sets: a written value may be in force at once, an old one until settled."""

    def __init__(self, value: Any) -> None:
        self.versions = [Version(value, -1, FOREVER)]
        self.settled = 0  # how often

    @property
    def newest(self) -> Any:
        """What was written last."""
        return self.versions[-1].value

    def write(self, value: Any, now: int) -> None:
        """From now on `value` is possible too."""
        self.versions.append(Version(value, now, FOREVER))

    def settle(self, now: int) -> None:
        """Software has seen that what it wrote last is in force."""
        self.settled += 1
        *older, last = self.versions
        self.versions = [Version(v.value, v.start, min(v.end, now)) for v in older] + [last]

    def forget(self, horizon: int) -> None:
        """Drop what ended at or before a clock."""
        self.versions = [v for v in self.versions if v.end > horizon]

    def reset(self, value: Any, now: int) -> None:
        """The unit was reset: nothing of before is left."""
        self.versions = [Version(value, now, FOREVER)]

    def possible(self, at: int, decided: int) -> Iterator[Version]:
        """Yield, newest first, what was not yet over at clock `at` and had begun in clock `decided`."""
        for version in reversed(self.versions):
            if version.end > at and version.start <= decided:
                yield version


class Words:
    """Memory as the unit reads it, in granules of 16 bytes that change as a whole, with all they ever held.

    Where nothing was written, `base` gives the granule at an address (a multiple of 16), for ever the same.
    `read` and `write` are those of model.reference.Memory, but for the clock, which is taken from `now`.
    """

    def __init__(self, base: Callable[[int], int | None] = lambda _address: 0) -> None:
        self._base = base
        self._held: dict[int, list[tuple[int, int | None]]] = {}  # (clock, value), oldest first
        self._changed: set[int] = set()  # granules with more than one value
        self.now = 0

    def granule(self, address: int) -> int | None:
        """Return the 128 bits at a multiple of 16, None where reads fail."""
        held = self._held.get(address)
        return held[-1][1] if held else self._base(address)

    def read(self, address: int, size: int) -> int:
        """Return `size` bytes inside memory; MemoryFault when some of them fail."""
        first = address & -GRANULE_BYTES
        value = 0
        for place in range(first, address + size, GRANULE_BYTES):
            part = self.granule(place)
            if part is None:
                raise MemoryFault(f"memory fails at {place:#x}")
            value |= part << (place - first) * 8
        return value >> (address - first) * 8 & (1 << size * 8) - 1

    def write(self, address: int, size: int, value: int) -> None:
        """Change `size` bytes, not across a granule; MemoryFault where they fail."""
        place = address & -GRANULE_BYTES
        old = self.granule(place)
        if old is None:
            raise MemoryFault(f"memory fails at {place:#x}")
        shift = (address - place) * 8
        mask = (1 << size * 8) - 1
        self.store(place, old & ~(mask << shift) | (value & mask) << shift)

    def store(self, address: int, value: int | None) -> None:
        """Let the granule at a multiple of 16 hold `value`, or fail."""
        held = self._held.get(address)
        if held is None:
            held = self._held[address] = [(-1, self._base(address))]
        if held[-1][1] == value:
            return
        held.append((self.now, value))
        self._changed.add(address)

    def versions(self, address: int, size: int) -> list[Version]:
        """Return what 8 or 16 aligned bytes held, newest first."""
        place = address & -GRANULE_BYTES
        held = self._held.get(place)
        if held is None or len(held) == 1:
            value = held[0][1] if held else self._base(place)
            return [Version(_part(value, address, size), -1, FOREVER)]
        found: list[Version] = []
        end = FOREVER
        for start, value in reversed(held):
            part = _part(value, address, size)
            if found and found[-1].value == part:
                found[-1] = Version(part, start, found[-1].end)
            else:
                found.append(Version(part, start, end))
            end = start
        return found

    def forget(self, horizon: int) -> None:
        """Drop what was replaced at or before a clock."""
        for address in list(self._changed):
            held = self._held[address]
            while len(held) > 1 and held[1][0] <= horizon:
                held.pop(0)
            if len(held) == 1:
                self._changed.discard(address)


def _part(value: int | None, address: int, size: int) -> int | None:
    if value is None or size == GRANULE_BYTES:
        return value
    return value >> 64 if address & 8 else value & QUADWORD
