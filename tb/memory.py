"""Host memory behind the unit: a sparse image, parts of which can fail, with a monitor of exclusive accesses."""

from collections.abc import Hashable

from model.reference.memory import Memory as Image
from model.reference.memory import MemoryFault

__all__ = ["Memory", "MemoryFault", "Monitor"]

GRANULE = 64  # bytes that are reserved together


class Monitor:
    """Reservations of exclusive accesses, one for each master. AXI4 A7.2.

    An exclusive read reserves the granules that it touches, and forgets the master's reservation before; any write to
    one of them, whoever writes, the master itself too, breaks it.
    """

    def __init__(self) -> None:
        self._reserved: dict[Hashable, tuple[int, int]] = {}

    def reserve(self, master: Hashable, address: int, size: int) -> None:
        """Note an exclusive read."""
        self._reserved[master] = address, size

    def holds(self, master: Hashable, address: int, size: int) -> bool:
        """Say whether an exclusive write of what this master has read last may be stored."""
        return self._reserved.get(master) == (address, size)

    def wrote(self, address: int, size: int) -> None:
        """Note that these bytes were written."""
        if self._reserved:
            first, last = address // GRANULE, (address + size - 1) // GRANULE
            for master, (start, length) in list(self._reserved.items()):
                if start // GRANULE <= last and first <= (start + length - 1) // GRANULE:
                    del self._reserved[master]


class Memory(Image):
    """Host memory as the model's, whose `monitor` sees all that is stored, whoever stores it."""

    def __init__(self) -> None:
        super().__init__()
        self.monitor = Monitor()

    def load(self, address: int, data: bytes) -> None:
        """Put `data` at `address`; it can be read from then on, also where reads failed before."""
        super().load(address, data)
        self.monitor.wrote(address, len(data))
