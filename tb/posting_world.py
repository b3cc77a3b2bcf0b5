"""What surrounds poster and memory port: interrupts to post, other traffic, memory, and software that shares it.

Needs no simulator: `PairModel`, or whatever shows its outputs, can be put into a `PostingWorld`.
"""

from collections import Counter
from random import Random
from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.sizes import MEMORY_DATA_BITS
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from model.cycle.memory_port import InterruptRead, MemoryPort, Returned, StatusWrite
from model.cycle.poster import Post, Posted, Poster
from tb.axi_memory import AxiMemory
from tb.check import CheckFailed
from tb.memory import Memory
from tb.posting_software import PostingSoftware

__all__ = ["Inputs", "Outputs", "PairModel", "PostingWorld"]

PLACES = (0x1000, 0x1040, 0x2000)  # of descriptors; two adjoin
ENTRIES, STATUS = 0x3000, 0x4000


class Inputs(NamedTuple):
    """All inputs of the pair."""

    post: Post | None = None
    interrupt: InterruptRead | None = None
    status_write: StatusWrite | None = None
    awready: int = 0
    wready: int = 0
    b: WriteResponse | None = None
    arready: int = 0
    r: ReadData | None = None


class Outputs(NamedTuple):
    """All outputs of the pair."""

    post_ready: int
    posted: Posted | None
    interrupt_ready: int
    interrupt_returned: Returned | None
    status_ready: int
    status_written: int
    aw: Address | None
    w: WriteData | None
    bready: int
    ar: Address | None
    rready: int


class PairModel:
    """The models of both blocks, connected as in the unit."""

    def __init__(self, config: UnitConfig) -> None:
        self.poster = Poster(config)
        self.port = MemoryPort(config)

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's outputs, then advance one clock."""
        poster, port = self.poster, self.port
        post, interrupt, status, awready, wready, b, arready, r = inputs
        returned, written = port.descriptor_returned(r), port.descriptor_written(b)
        read, write = poster.read(post), poster.write(returned)
        _, _, interrupt_ready, read_ready = port.reads_ready(
            False, False, interrupt is not None, read is not None, arready
        )
        status_ready, write_ready = port.writes_ready(write is not None, awready, wready)
        outputs = Outputs(
            int(poster.idle and read_ready),
            poster.posted,
            interrupt_ready,
            port.interrupt_returned,
            status_ready,
            port.status_written,
            port.aw,
            port.w,
            port.bready,
            port.ar,
            port.rready,
        )
        poster.step(post, read_ready, returned, write_ready, written)
        port.step(None, None, interrupt, read, status, write, arready, r, awready, wready, b)
        return outputs


class PostingWorld:
    """Gives the inputs of each clock (`inputs`), takes its outputs (`take`); `done` when all was posted and taken.

    Interrupts are posted `posts` times, then everything comes to rest. `activity` is that of software, `traffic` the
    likelihood of other reads and writes in a clock, `pace` that of an interrupt. `memory` may be changed.
    """

    def __init__(
        self,
        config: UnitConfig,
        seed: int | str,
        *,
        posts: int,
        activity: float = 0.05,
        traffic: float = 0.2,
        pace: float = 0.3,
        extended: int = 1,
    ) -> None:
        self.rng = Random(f"world {seed}")
        self.now = 0
        self.left = posts
        self.seen: Counter[str] = Counter()
        image = Memory()
        self.memory = AxiMemory(MEMORY_DATA_BITS // 8, Random(f"memory {seed}"), image)
        self.memory.exclusive = True
        self.memory.observe = lambda _: None
        self._image = image
        self._extended = extended
        self._traffic, self._pace = traffic, pace
        self._software = {
            place: PostingSoftware(image, Random(f"{place} {seed}"), place, extended=bool(extended), activity=activity)
            for place in PLACES
        }
        for tag in range(config.interrupts):
            image.write(ENTRIES + 16 * tag, 16, tag + 1 << 100 | 0xABC)
        self._free = set(range(config.interrupts))  # tags
        self._status_left: list[StatusWrite] = []
        self._post: Post | None = None
        self._job: Post | None = None
        self._interrupt: InterruptRead | None = None
        self._status: StatusWrite | None = None

    @property
    def done(self) -> bool:
        """True when all was posted, taken, and answered."""
        idle = self._post is None and self._job is None and self._interrupt is None and self._status is None
        return not self.left and idle and self.memory.idle and all(one.idle for one in self._software.values())

    def finish(self) -> Counter[str]:
        """Check that nothing was lost; return what happened."""
        for software in self._software.values():
            software.finish(self.now)
            self.seen.update(software.seen)
        return self.seen

    def inputs(self) -> Inputs:
        """Return the inputs of this clock."""
        rng = self.rng
        if self.left and self._post is None and rng.random() < self._pace:
            self._post = self._new_post()
        if self.left and self._interrupt is None and self._free and rng.random() < self._traffic:
            tag = self._free.pop()
            self._interrupt = InterruptRead(ENTRIES + 16 * tag, tag)
        if self.left and self._status is None and rng.random() < self._traffic:
            self._status = StatusWrite(STATUS + 4 * rng.randrange(16), rng.getrandbits(32))
        return Inputs(self._post, self._interrupt, self._status, *self.memory.give(self.now))

    def take(self, inputs: Inputs, outputs: Outputs) -> None:
        """See the outputs of this clock, and go on to the next."""
        now = self.now
        for software in self._software.values():
            software.step(now)
        if outputs.posted is not None:
            self._posted(outputs.posted)
        if inputs.post is not None and outputs.post_ready:
            self._job, self._post = inputs.post, None
            self._software[self._job.address].accepted(now, self._job.vector, self._job.urgent)
        if inputs.interrupt is not None and outputs.interrupt_ready:
            self._interrupt = None
        if outputs.interrupt_returned is not None:
            tag, entry, error = outputs.interrupt_returned
            if error or entry != (tag + 1 << 100 | 0xABC):
                raise CheckFailed(f"clock {now}: IRTE {tag} is {entry:#x}")
            self._free.add(tag)
            self.seen["IRTEs read"] += 1
        if inputs.status_write is not None and outputs.status_ready:
            self._status_left.append(inputs.status_write)
            self._status = None
        if outputs.status_written:
            address, value = self._status_left.pop(0)
            self.seen["status writes"] += 1
            if not any(address == later.address for later in self._status_left):
                self._check_status(address, value)
        self.memory.take(now, outputs.aw, outputs.w, outputs.bready, outputs.ar, outputs.rready)
        self.now += 1

    def _check_status(self, address: int, value: int) -> None:
        if self._image.read(address, 4) != value:
            raise CheckFailed(f"clock {self.now}: status {self._image.read(address, 4):#x}, not {value:#x}")

    def _new_post(self) -> Post:
        """Mostly of a vector that is not in PIR, so that each is an interrupt of its own."""
        rng = self.rng
        self.left -= 1
        place = rng.choice(PLACES)
        vector = rng.getrandbits(8)
        while rng.random() < 0.9 and self._software[place].pending(vector):
            vector = rng.getrandbits(8)
        if not self.left:
            for software in self._software.values():
                software.quiet = True
        return Post(place, vector, int(rng.random() < 0.2), self._extended)

    def _posted(self, posted: Posted) -> None:
        job, self._job = self._job, None
        if job is None or posted.fault_reason:
            raise CheckFailed(f"clock {self.now}: {posted} for {job}")
        software = self._software[job.address]
        software.posted(self.now, job.vector)
        if posted.notify:
            software.notified(self.now, posted.destination, posted.vector)
