"""Golden model of rtl/poster.py: same states, same clock counts."""

from enum import IntEnum
from typing import NamedTuple

from model.arch import FaultReason, UnitConfig
from model.arch.axi import Response
from model.arch.sizes import MEMORY_DATA_BITS, POST_ATTEMPTS
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from model.cycle.memory_port import DESCRIPTOR_BEATS, DescriptorReturned, DescriptorWrite

__all__ = ["Post", "Posted", "Poster", "State"]

ON, SN = POSTED_INTERRUPT_DESCRIPTOR["ON"], POSTED_INTERRUPT_DESCRIPTOR["SN"]
NV, NDST = POSTED_INTERRUPT_DESCRIPTOR["NV"], POSTED_INTERRUPT_DESCRIPTOR["NDST"]
EXOKAY = int(Response.EXOKAY)
ACCESS_ERROR = int(FaultReason.POSTED_DESCRIPTOR_ACCESS_ERROR)
RESERVED_BITS = int(FaultReason.POSTED_DESCRIPTOR_RESERVED_BITS)
BEAT_MASK = (1 << MEMORY_DATA_BITS) - 1


class State(IntEnum):
    """Where the update of a descriptor is."""

    IDLE = 0
    COLLECT = 1  # beats of the read
    WRITE = 2  # the beats to write that are left
    WAIT = 3  # for the answer
    REPEAT = 4  # the read again


IDLE, COLLECT, WRITE, WAIT, REPEAT = map(int, State)


class Post(NamedTuple):
    """An interrupt to post: where the descriptor is, bit of PIR, URG, and IRTA.EIME."""

    address: int
    vector: int
    urgent: int
    extended: int


class Posted(NamedTuple):
    """What became of it; with `notify` the rest says who is to be notified, else it means nothing."""

    fault_reason: int
    notify: int
    destination: int
    vector: int


class Poster:
    """`posted` is the output that depends on state alone.

    In each clock: `read` of what is offered, and `write` of what came back; then `step`. `post` is ready when it is
    `idle` and its read is.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.posted: Posted | None = None
        self.state = IDLE
        self.lost = 0
        self._exclusive = config.exclusive
        self._reserved = config.reserved_mask(POSTED_INTERRUPT_DESCRIPTOR)
        self._job = Post(0, 0, 0, 0)
        self._descriptor = 0  # beats of the read, then what is written
        self._beat = 0
        self._failed = False
        self._notify = 0
        self._destination = 0
        self._vector = 0

    @property
    def idle(self) -> bool:
        """True when the next `post` can be taken."""
        return self.state == IDLE

    def read(self, post: Post | None) -> int | None:
        """Return the address that is offered as `read`."""
        if self.state == IDLE:
            return None if post is None else post.address
        return self._job.address if self.state == REPEAT else None

    def write(self, returned: DescriptorReturned | None) -> DescriptorWrite | None:
        """Return the beat that is offered as `write`."""
        if self.state == WRITE:
            return self._beat_of(self._descriptor)
        if returned is None or not returned.last or self._check(returned):
            return None
        return DescriptorWrite(self._job.address, self._update(self._collected(returned))[0] & BEAT_MASK, 0)

    def step(
        self,
        post: Post | None,
        read_ready: int,
        returned: DescriptorReturned | None,
        write_ready: int,
        written: int | None,
    ) -> None:
        """Advance one clock."""
        self.posted = None
        state = self.state
        if state == IDLE:
            if post is not None and read_ready:
                self._job = post
                self.lost = 0
                self._begin()
        elif state == COLLECT:
            if returned is not None:
                self._collect(returned, write_ready)
        elif state == WRITE:
            if write_ready:
                self._beat += 1
                if self._beat == DESCRIPTOR_BEATS:
                    self.state = WAIT
        elif state == WAIT:
            if written is not None:
                self._conclude(written)
        elif read_ready:
            self._begin()

    def _begin(self) -> None:
        self.state = COLLECT
        self._descriptor = self._beat = 0
        self._failed = False

    def _beat_of(self, descriptor: int) -> DescriptorWrite:
        beat = self._beat
        data = descriptor >> beat * MEMORY_DATA_BITS & BEAT_MASK
        return DescriptorWrite(self._job.address, data, 1 if beat == DESCRIPTOR_BEATS - 1 else 0)

    def _bad(self, returned: DescriptorReturned) -> bool:
        return returned.response != EXOKAY if self._exclusive else returned.response > EXOKAY

    def _collected(self, returned: DescriptorReturned) -> int:
        return self._descriptor | returned.data << self._beat * MEMORY_DATA_BITS

    def _check(self, returned: DescriptorReturned) -> int:
        """Return the fault of a descriptor with this last beat, 0 for none. Rule 23.1."""
        if self._failed or self._bad(returned):
            return ACCESS_ERROR
        descriptor = self._collected(returned)
        reserved = self._reserved if self._job.extended else self._reserved | NDST.to(0xFFFF00FF)
        return RESERVED_BITS if descriptor & reserved else 0

    def _update(self, descriptor: int) -> tuple[int, int]:
        """Return what to write, and whether a notification is due. Rule 23.2."""
        notify = not ON.of(descriptor) and (self._job.urgent or not SN.of(descriptor))
        return descriptor | 1 << self._job.vector | (ON.mask if notify else 0), int(notify)

    def _collect(self, returned: DescriptorReturned, write_ready: int) -> None:
        if not returned.last:
            self._failed = self._failed or self._bad(returned)
            self._descriptor = self._collected(returned)
            self._beat += 1
            return
        if fault := self._check(returned):
            self._finish(Posted(fault, 0, 0, 0))
            return
        descriptor = self._collected(returned)
        destination = NDST.of(descriptor)
        self._destination = destination if self._job.extended else destination >> 8 & 0xFF
        self._vector = NV.of(descriptor)
        self._descriptor, self._notify = self._update(descriptor)
        self._beat = write_ready
        self.state = WRITE

    def _conclude(self, response: int) -> None:
        if response == EXOKAY or (response < EXOKAY and not self._exclusive):
            self._finish(Posted(0, self._notify, self._destination, self._vector))
            return
        self.lost += 1
        if response > EXOKAY or self.lost == POST_ATTEMPTS:
            self._finish(Posted(ACCESS_ERROR, 0, 0, 0))
        else:
            self.state = REPEAT

    def _finish(self, posted: Posted) -> None:
        self.posted = posted
        self.state = IDLE
