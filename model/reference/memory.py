"""Host physical memory as the unit sees it: sparse, and able to fail."""

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
        first, last = address // WORD_BYTES, (address + len(data) + WORD_BYTES - 1) // WORD_BYTES
        image = bytearray(
            b"".join((self._words.get(i) or 0).to_bytes(WORD_BYTES, "little") for i in range(first, last))
        )
        start = address - first * WORD_BYTES
        image[start : start + len(data)] = data
        for position in range(last - first):
            word = image[position * WORD_BYTES : (position + 1) * WORD_BYTES]
            self._words[first + position] = int.from_bytes(word, "little")

    def fail(self, address: int, size: int) -> None:
        """Let every access to these bytes (whole 64-bit words) fail until something is loaded there."""
        for index in range(address // WORD_BYTES, (address + size + WORD_BYTES - 1) // WORD_BYTES):
            self._words[index] = None
