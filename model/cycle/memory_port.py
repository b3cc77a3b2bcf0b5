"""Golden model of rtl/memory_port.py: same block, same registers, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Size
from model.arch.sizes import MEMORY_DATA_BITS, WALKS_IN_A_ROW
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse

__all__ = ["MemoryPort", "MemoryRead", "QueueRead", "Returned", "StatusWrite"]

IN_ALL_DWORDS = sum(1 << place for place in range(0, MEMORY_DATA_BITS, 32))
DWORD, QUADWORD, OCTAWORD = int(Size.DWORD), int(Size.QUADWORD), int(Size.OCTAWORD)
INCR = int(Burst.INCR)

# A read of the walker (memory_read_layout): address, wide, tag.
MemoryRead = tuple[int, int, int]


class QueueRead(NamedTuple):
    """A read of 16 bytes of the invalidation queue."""

    address: int
    tag: int


class Returned(NamedTuple):
    """What came back for a read; with `error` the `entry` means nothing."""

    tag: int
    entry: int
    error: int


class StatusWrite(NamedTuple):
    """A write of one dword; the low two bits of `address` are 0."""

    address: int
    data: int


class MemoryPort:
    """The outputs are attributes that depend on state alone; `reads_ready` and `status_ready` ask AXI's readys."""

    def __init__(self, config: UnitConfig) -> None:
        self.walk_returned: Returned | None = None
        self.queue_returned: Returned | None = None
        self.status_written = 0
        self.ar: Address | None = None
        self.rready = 0
        self.aw: Address | None = None
        self.w: WriteData | None = None
        self.bready = 0
        self._slots = config.slots
        self._cache = int(Cache.SNOOPED if config.c else Cache.BUFFERABLE)
        self._overtaken = 0

    def reads_ready(self, walks: bool, queue: bool, arready: int) -> tuple[int, int]:
        """Return `ready` of `walks` and `queue` when these offer a read and memory shows `arready`."""
        if self.ar is not None and not arready:
            return 0, 0
        return (0, 1) if queue and (not walks or self._overtaken == WALKS_IN_A_ROW) else (1, 0)

    def status_ready(self, awready: int, wready: int) -> int:
        """Return `ready` of `status_write` when memory shows `awready` and `wready`."""
        return 1 if (self.aw is None or awready) and (self.w is None or wready) else 0

    def step(
        self,
        walks: MemoryRead | None,
        queue: QueueRead | None,
        status_write: StatusWrite | None,
        arready: int,
        r: ReadData | None,
        awready: int,
        wready: int,
        b: WriteResponse | None,
    ) -> None:
        """Advance one clock."""
        if self.ar is None or arready:
            if walks is None and queue is None:
                self.ar = None
                self._overtaken = 0
            else:
                self._send_read(walks, queue)
        if self.aw is not None or self.w is not None or status_write is not None:
            self._send_write(status_write, awready, wready)
        self._take_returned(r if self.rready else None)
        self.status_written = 1 if b is not None and self.bready else 0
        self.rready = self.bready = 1

    def _send_read(self, walks: MemoryRead | None, queue: QueueRead | None) -> None:
        """Take the read of the walk, unless the queue's was overtaken often enough."""
        if queue is not None and (walks is None or self._overtaken == WALKS_IN_A_ROW):
            self._overtaken = 0
            address, tag = queue
            self.ar = Address(self._slots + tag, address, size=OCTAWORD, burst=INCR, cache=self._cache)
        elif walks is not None:
            self._overtaken = 0 if queue is None else self._overtaken + 1
            address, wide, tag = walks
            size = OCTAWORD if wide else QUADWORD
            self.ar = Address(tag, address, size=size, burst=INCR, cache=self._cache)

    def _send_write(self, write: StatusWrite | None, awready: int, wready: int) -> None:
        ready = self.status_ready(awready, wready)
        if awready:
            self.aw = None
        if wready:
            self.w = None
        if ready and write is not None:
            address, value = write
            self.aw = Address(0, address, size=DWORD, burst=INCR, cache=self._cache)
            self.w = WriteData(value * IN_ALL_DWORDS, 0xF << (address & 0xC), 1)

    def _take_returned(self, r: ReadData | None) -> None:
        if r is None:
            self.walk_returned = self.queue_returned = None
        elif r.id < self._slots:
            self.walk_returned, self.queue_returned = Returned(r.id, r.data, r.resp >> 1), None
        else:
            self.walk_returned, self.queue_returned = None, Returned(r.id - self._slots, r.data, r.resp >> 1)
