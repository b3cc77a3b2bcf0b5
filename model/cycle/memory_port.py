"""Golden model of rtl/memory_port.py: same block, same registers, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Size
from model.arch.sizes import MEMORY_DATA_BITS, QUEUE_TAGS, WALKS_IN_A_ROW
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse

__all__ = [
    "DESCRIPTOR_BEATS",
    "DescriptorReturned",
    "DescriptorWrite",
    "InterruptRead",
    "MemoryPort",
    "MemoryRead",
    "QueueRead",
    "Returned",
    "StatusWrite",
]

IN_ALL_DWORDS = sum(1 << place for place in range(0, MEMORY_DATA_BITS, 32))
ALL_BYTES = (1 << MEMORY_DATA_BITS // 8) - 1
DESCRIPTOR_BEATS = POSTED_INTERRUPT_DESCRIPTOR.width // MEMORY_DATA_BITS
DWORD, QUADWORD, OCTAWORD = int(Size.DWORD), int(Size.QUADWORD), int(Size.OCTAWORD)
INCR, SNOOPED, BUFFERABLE = int(Burst.INCR), int(Cache.SNOOPED), int(Cache.BUFFERABLE)

# Ready of walks, queue, interrupts, descriptor_read.
NOBODY = 0, 0, 0, 0
WALKS = 1, 0, 0, 0
OTHERS = (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)

# A read of the walker (memory_read_layout): address, wide, tag.
MemoryRead = tuple[int, int, int]


class QueueRead(NamedTuple):
    """A read of 16 bytes of the invalidation queue."""

    address: int
    tag: int


class InterruptRead(NamedTuple):
    """A read of an IRTE: 16 bytes."""

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


class DescriptorReturned(NamedTuple):
    """A beat of a posted-interrupt descriptor; `response` is RRESP."""

    last: int
    data: int
    response: int


class DescriptorWrite(NamedTuple):
    """A beat to write back; all beats of a burst carry the same `address`."""

    address: int
    data: int
    last: int


class MemoryPort:
    """The outputs that depend on state alone are attributes; the others are asked for before `step`.

    In each clock: `descriptor_returned` and `descriptor_written` of what memory shows; `reads_ready` and `writes_ready`
    of what is offered and of AXI's readys; then `step`.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.walk_returned: Returned | None = None
        self.queue_returned: Returned | None = None
        self.interrupt_returned: Returned | None = None
        self.status_written = 0
        self.ar: Address | None = None
        self.rready = 0
        self.aw: Address | None = None
        self.w: WriteData | None = None
        self.bready = 0
        self._slots = config.slots
        self._first_of_interrupts = config.slots + QUEUE_TAGS
        self._of_descriptors = self._first_of_interrupts + config.interrupts
        self._lock = int(config.exclusive)
        self._table_cache = SNOOPED if config.c else BUFFERABLE
        self._overtaken = 0
        self._turn = 0
        self._amid = 0

    def descriptor_returned(self, r: ReadData | None) -> DescriptorReturned | None:
        """Return the beat of the descriptor when memory shows `r`."""
        if r is None or r.id != self._of_descriptors or not self.rready:
            return None
        return DescriptorReturned(r.last, r.data, r.resp)

    def descriptor_written(self, b: WriteResponse | None) -> int | None:
        """Return BRESP of the descriptor when memory shows `b`."""
        return None if b is None or b.id != self._of_descriptors or not self.bready else b.resp

    def reads_ready(
        self, walks: bool, queue: bool, interrupts: bool, descriptor: bool, arready: int
    ) -> tuple[int, int, int, int]:
        """Return `ready` of `walks`, `queue`, `interrupts`, `descriptor_read` when these offer a read."""
        if self.ar is not None and not arready:
            return NOBODY
        if not (queue or interrupts or descriptor) or (walks and self._overtaken < WALKS_IN_A_ROW):
            return WALKS
        return OTHERS[self._first((queue, interrupts, descriptor))]

    def writes_ready(self, descriptor: bool, awready: int, wready: int) -> tuple[int, int]:
        """Return `ready` of `status_write` and `descriptor_write` when the latter offers a beat or not."""
        if self.w is not None and not wready:
            return 0, 0
        if self._amid:
            return 0, 1
        free = 1 if self.aw is None or awready else 0
        return 0 if descriptor else free, free

    def step(
        self,
        walks: MemoryRead | None,
        queue: QueueRead | None,
        interrupt: InterruptRead | None,
        descriptor_read: int | None,
        status_write: StatusWrite | None,
        descriptor_write: DescriptorWrite | None,
        arready: int,
        r: ReadData | None,
        awready: int,
        wready: int,
        b: WriteResponse | None,
    ) -> None:
        """Advance one clock."""
        if self.ar is None or arready:
            if queue is not None or interrupt is not None or descriptor_read is not None:
                self._choose_read(walks, queue, interrupt, descriptor_read)
            else:
                self._overtaken = 0
                self.ar = None if walks is None else self._walk_address(walks)
        if self.aw is not None or self.w is not None or status_write is not None or descriptor_write is not None:
            self._send_write(status_write, descriptor_write, awready, wready)
        self._take_returned(r if self.rready else None)
        self.status_written = 1 if b is not None and self.bready and b.id != self._of_descriptors else 0
        self.rready = self.bready = 1

    def _first(self, waiting: tuple[bool, bool, bool]) -> int:
        """Return the first of those who take turns that waits."""
        place = self._turn
        while not waiting[place]:
            place = (place + 1) % 3
        return place

    def _walk_address(self, walks: MemoryRead) -> Address:
        address, wide, tag = walks
        return Address(tag, address, 0, OCTAWORD if wide else QUADWORD, INCR, 0, self._table_cache)

    def _choose_read(
        self,
        walks: MemoryRead | None,
        queue: QueueRead | None,
        interrupt: InterruptRead | None,
        descriptor: int | None,
    ) -> None:
        """Take the read of the walk, unless the others were overtaken often enough."""
        if walks is not None and self._overtaken < WALKS_IN_A_ROW:
            self._overtaken += 1
            self.ar = self._walk_address(walks)
            return
        self._overtaken = 0
        place = self._first((queue is not None, interrupt is not None, descriptor is not None))
        self._turn = (place + 1) % 3
        if place == 0 and queue is not None:
            self.ar = Address(self._slots + queue.tag, queue.address, 0, OCTAWORD, INCR, 0, SNOOPED)
        elif place == 1 and interrupt is not None:
            id = self._first_of_interrupts + interrupt.tag
            self.ar = Address(id, interrupt.address, 0, OCTAWORD, INCR, 0, self._table_cache)
        elif descriptor is not None:
            self.ar = self._descriptor_address(descriptor)

    def _descriptor_address(self, address: int) -> Address:
        return Address(self._of_descriptors, address, DESCRIPTOR_BEATS - 1, OCTAWORD, INCR, self._lock, SNOOPED)

    def _send_write(
        self, status: StatusWrite | None, descriptor: DescriptorWrite | None, awready: int, wready: int
    ) -> None:
        status_ready, descriptor_ready = self.writes_ready(descriptor is not None, awready, wready)
        if awready:
            self.aw = None
        if wready:
            self.w = None
        if descriptor is not None:
            if descriptor_ready:
                address, value, last = descriptor
                if not self._amid:
                    self.aw = self._descriptor_address(address)
                self.w = WriteData(value, ALL_BYTES, last)
                self._amid = 1 - last
        elif status is not None and status_ready:
            address, value = status
            self.aw = Address(0, address, 0, DWORD, INCR, 0, SNOOPED)
            self.w = WriteData(value * IN_ALL_DWORDS, 0xF << (address & 0xC), 1)

    def _take_returned(self, r: ReadData | None) -> None:
        self.walk_returned = self.queue_returned = self.interrupt_returned = None
        if r is None:
            return
        id = r.id
        if id < self._slots:
            self.walk_returned = Returned(id, r.data, r.resp >> 1)
        elif id < self._first_of_interrupts:
            self.queue_returned = Returned(id - self._slots, r.data, r.resp >> 1)
        elif id < self._of_descriptors:
            self.interrupt_returned = Returned(id - self._first_of_interrupts, r.data, r.resp >> 1)
