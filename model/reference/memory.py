"""Host physical memory as the unit sees it: sparse, and able to fail."""

import struct

__all__ = ["Memory", "MemoryFault"]

WORD_BYTES = 8


class MemoryFault(Exception):
    """A read or write that memory answered with an error."""


class Memory:
    """Bytes by host physical address, 0 where nothing was ever stored; any part can be made to fail.

    Kept as 64-bit words, since nearly all that the unit reads is made of them; None marks a word that fails.
    """

    def __init__(self) -> None:
        self._words: dict[int, int | None] = {}

    def read(self, address: int, size: int) -> int:
        """Return `size` bytes as a little-endian number; MemoryFault when any of them fails."""
        words = self._words
        index, offset = divmod(address, WORD_BYTES)
        count = (offset + size + WORD_BYTES - 1) // WORD_BYTES
        value = 0
        for position in range(count):
            word = words.get(index + position, 0)
            if word is None:
                raise MemoryFault(f"memory fails at {(index + position) * WORD_BYTES:#x}")
            value |= word << position * 64
        return value >> offset * 8 & (1 << size * 8) - 1

    def write(self, address: int, size: int, value: int) -> None:
        """Store `value` as `size` little-endian bytes; MemoryFault, and nothing stored, when any of them fails."""
        indices = range(address // WORD_BYTES, (address + size - 1) // WORD_BYTES + 1)
        for index in indices:
            if self._words.get(index, 0) is None:
                raise MemoryFault(f"memory fails at {index * WORD_BYTES:#x}")
        self.load(address, value.to_bytes(size, "little"))

    def load(self, address: int, data: bytes) -> None:
        """Put `data` at `address`; it can be read from then on, also where reads failed before."""
        first, before = divmod(address, WORD_BYTES)
        last, behind = divmod(address + len(data), WORD_BYTES)
        if behind:
            data = data + self._held(last)[behind:]
        if before:
            data = self._held(first)[:before] + data
        words = struct.unpack(f"<{len(data) // WORD_BYTES}Q", data)
        self._words.update(enumerate(words, start=first))

    def _held(self, index: int) -> bytes:
        return (self._words.get(index) or 0).to_bytes(WORD_BYTES, "little")

    def fail(self, address: int, size: int) -> None:
        """Let every access to these bytes (whole 64-bit words) fail until something is loaded there."""
        for index in range(address // WORD_BYTES, (address + size + WORD_BYTES - 1) // WORD_BYTES):
            self._words[index] = None
