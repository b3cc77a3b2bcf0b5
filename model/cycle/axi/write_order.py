"""Golden model of rtl/axi/write_order.py: same FIFOs, same clock counts.

How its owner calls it in each clock: `writes` of the request that the slice offers; then `push`, which tells whose W
beat is next and whether the request leaves; then `step`.
"""

from collections import deque
from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.sizes import WRITE_ORDER_DEPTH
from model.cycle.axi.output_fifo import FallThroughFifo
from model.cycle.request import Request

__all__ = ["INTERRUPT_NEXT", "WRITE_NEXT", "InterruptAddress", "WriteOrder"]

WRITE_NEXT, INTERRUPT_NEXT = 0, 1  # what a W beat belongs to
DWORD = int(Size.DWORD)
INTERRUPT_PAGES = INTERRUPT_PREFIX  # address bits 63:20


class InterruptAddress(NamedTuple):
    """An interrupt request whose data did not come yet."""

    source_id: int
    id: int
    address: int


class WriteOrder:
    """`order` holds WRITE_NEXT or INTERRUPT_NEXT for each write whose data did not come, `queue` those interrupts."""

    def __init__(self, config: UnitConfig) -> None:
        self.order: FallThroughFifo[int] = FallThroughFifo(WRITE_ORDER_DEPTH)
        self.queue: deque[InterruptAddress] = deque()
        self.next_interrupt: InterruptAddress | None = None  # in this clock
        self._room = config.interrupts
        self._just_taken = 0  # whether one left `queue` in the last clock: its place is not free yet
        self._every_id = (1 << (1 << config.id_bits)) - 1
        self._queued = 0  # mask of the IDs in `queue`
        self._pushed: int | None = None
        self._leaves: InterruptAddress | None = None

    def blocked_writes(self, pending: int) -> int:
        """Return the IDs for which no write may enter the pipeline from elsewhere."""
        return pending | self._queued if self.order.space > 1 else self._every_id

    def writes(self, request: Request | None, translation_enable: int, pending: int) -> Request | None:
        """Return `request` if it is offered to the pipeline: no interrupt, and none of its ID is on its way."""
        if request is None or not self.order.space or (pending | self._queued) >> request.id & 1:
            return None
        return None if _is_interrupt_request(request, translation_enable) else request

    def push(
        self, request: Request | None, write: Request | None, write_ready: int, core_write: int, translation_enable: int
    ) -> tuple[int | None, int]:
        """Return what the next W beat belongs to (None: not known), and whether `request` leaves.

        `write` is what `writes` returned; `next_interrupt` is that of the beat.
        """
        self._pushed, self._leaves = (WRITE_NEXT if core_write else None), None
        leaves = 0
        if write is not None:
            if write_ready:
                self._pushed, leaves = WRITE_NEXT, 1
        elif (
            request is not None
            and not core_write
            and self.order.space
            and len(self.queue) + self._just_taken < self._room
            and _is_interrupt_request(request, translation_enable)
        ):
            self._leaves = InterruptAddress(request.source_id, request.id, request.address)
            self._pushed, leaves = INTERRUPT_NEXT, 1
        following = self.order.offer(self._pushed)
        if following == INTERRUPT_NEXT:
            self.next_interrupt = self.queue[0] if self.queue else self._leaves
        return following, leaves

    def step(self, following: int | None, taken: int) -> None:
        """Advance one clock; `following` is what `push` said, `taken`: the last beat of that write is taken."""
        self.order.step(self._pushed, taken)
        self._just_taken = 1 if taken and following == INTERRUPT_NEXT else 0
        if self._leaves is not None:
            self.queue.append(self._leaves)
        elif not self._just_taken:
            return
        if self._just_taken:
            self.queue.popleft()
        self._queued = 0
        for interrupt in self.queue:
            self._queued |= 1 << interrupt.id


def _is_interrupt_request(request: Request, translation_enable: int) -> bool:
    """Say whether a write of a device is an interrupt request, if it writes all four bytes (rule 3.4)."""
    address = request.address
    return (
        address >> 20 == INTERRUPT_PAGES
        and not address & 3
        and not request.attributes.len
        and request.attributes.size == DWORD
        and not request.address_type
        and not (request.pasid_valid and translation_enable)
    )
