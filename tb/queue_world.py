"""What surrounds the invalidation queue: software, memory, and the drain engine, one call per clock.

Needs no simulator: whatever shows the queue's outputs as attributes can be put into it.
"""

from collections import Counter, deque
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from model.arch import UnitConfig
from model.cycle.memory_port import Returned
from model.cycle.register_file import Queue
from model.cycle.request import Invalidation
from tb.descriptors import draw_descriptor, draw_legal

__all__ = ["Batch", "Inputs", "Software", "Surroundings"]

ENTRY_BYTES, PAGE_BYTES = 16, 4096
LEGACY, SCALABLE, RESERVED, ABORT_DMA = range(4)


class Inputs(NamedTuple):
    """All inputs of the queue, in the order of its model's `step`."""

    queue: Queue
    table_mode: int
    iqe: int
    command_ready: int
    done: int
    read_ready: int
    returned: Returned | None
    status_write_ready: int
    status_written: int


class Surroundings:
    """Answers what the queue offers: `ready` with that likelihood, memory after `latency()` clocks, in any order.

    `read` gives the 16 bytes at an address, or None when memory fails. `commands`, `writes` (address, data),
    `completions`: what the queue has done so far. `drain_clocks()`: from a command to its `done`.
    `stray`: likelihood, while memory owes none, of an answer to a write that nobody made.
    """

    def __init__(
        self,
        rng: Random,
        read: Callable[[int], int | None],
        *,
        ready: float = 1.0,
        latency: Callable[[], int] = lambda: 50,
        drain_clocks: Callable[[], int] = lambda: 3,
        stray: float = 0.0,
    ) -> None:
        self.clock = 0
        self.commands: list[Invalidation] = []
        self.writes: list[tuple[int, int]] = []
        self.completions = 0
        self.reads_in_flight = self.writes_in_flight = 0
        self._rng = rng
        self._read = read
        self._ready = ready
        self._latency = latency
        self._drain_clocks = drain_clocks
        self._stray = stray
        self._reads: list[tuple[int, int, int | None]] = []  # due, tag, entry
        self._writes: deque[int] = deque()  # due; answered in order
        self._done = -1  # when the command is done

    def answer(self, shown: Any, queue: Queue, table_mode: int, iqe: int) -> Inputs:
        """Return the inputs of a clock in which the queue shows `shown`."""
        self.clock += 1
        self.completions += shown.wait_completed
        command_ready, read_ready, status_write_ready = (int(self._rng.random() < self._ready) for _ in range(3))
        done = self.clock == self._done
        returned, written = self._return(), self._answer_write()
        if shown.command is not None and command_ready:
            self.commands.append(shown.command)
            self._done = self.clock + self._drain_clocks()
        if shown.read is not None and read_ready:
            address, tag = shown.read
            self._reads.append((self.clock + self._latency(), tag, self._read(address)))
        if shown.status_write is not None and status_write_ready:
            self.writes.append(tuple(shown.status_write))
            self._writes.append(self.clock + self._latency())
        self.reads_in_flight, self.writes_in_flight = len(self._reads), len(self._writes)
        return Inputs(
            queue, table_mode, iqe, command_ready, int(done), read_ready, returned, status_write_ready, int(written)
        )

    def _return(self) -> Returned | None:
        due = [read for read in self._reads if read[0] <= self.clock]
        if not due:
            return None
        read = self._rng.choice(due)
        self._reads.remove(read)
        _, tag, entry = read
        return Returned(tag, self._rng.getrandbits(128) if entry is None else entry, int(entry is None))

    def _answer_write(self) -> bool:
        if self._writes and self._writes[0] <= self.clock:
            self._writes.popleft()
            return True
        return not self._writes and self._rng.random() < self._stray


class Batch:
    """Software that puts these descriptors into a queue, once, and expects no error."""

    def __init__(self, descriptors: list[int], *, wide: int) -> None:
        bits = 256 if wide else 128
        self.queue = Queue(1, 0x123, 0, wide, len(descriptors) * bits // 8)
        self.table_mode = LEGACY
        self.iqe = 0
        self._image = sum(descriptor << place * bits for place, descriptor in enumerate(descriptors))

    def read(self, address: int) -> int:
        """Return the 16 bytes at an address."""
        return self._image >> (address % PAGE_BYTES) * 8 & (1 << 128) - 1

    def act(self, shown: Any) -> None:
        """Complain when there is an error."""
        assert shown.error is None, f"error {shown.error} at {shown.head:#x}"


class Software:
    """Fills a queue, switches it off and on, makes mistakes with the likelihood of `trouble`, and mends them.

    `queue`, `table_mode`, `iqe` are what the register file shows. `seen` counts what happened.
    """

    def __init__(self, rng: Random, config: UnitConfig, *, trouble: float) -> None:
        self.queue = Queue()
        self.table_mode = LEGACY
        self.iqe = 0
        self.seen: Counter[str] = Counter()
        self._rng = rng
        self._config = config
        self._trouble = trouble
        self._memory: dict[int, int | None] = {}
        self._off = 3  # clocks until the queue is switched on
        self._code: int | None = None
        self._head = 0

    def read(self, address: int) -> int | None:
        """Return the 16 bytes at an address, None when they cannot be read."""
        return self._memory.get(address, 0)

    def act(self, shown: Any) -> None:
        """Do what software does before a clock in which the queue shows `shown`."""
        self.seen["wrapped"] += bool(self.queue.enable and shown.head < self._head)
        self.seen["moved"] += shown.head != self._head
        self._head = shown.head
        if self._code is not None and not self.iqe:
            self.iqe = 1
        if not self.queue.enable:
            self._wait_off()
        elif self._rng.random() < self._trouble / (5 if shown.command or shown.status_write else 30):
            self._switch_off()
        elif self.iqe:
            if self._rng.random() < 0.1:
                self._mend(shown.head)
        elif self._rng.random() < 0.1:
            self._submit(shown.head)
        if shown.error is not None:
            self._code = shown.error
            self.seen[f"error {shown.error}"] += 1

    def _wait_off(self) -> None:
        self._off -= 1
        if self.iqe and self._rng.random() < 0.3:
            self._clear_error()
        if self._off <= 0:
            self._switch_on()

    def _switch_on(self) -> None:
        rng = self._rng
        self.table_mode = rng.choice((LEGACY, LEGACY, ABORT_DMA)) if self._config.adms else LEGACY
        wide = int(self._config.adms and (self.table_mode == ABORT_DMA or rng.random() < 0.5))
        if rng.random() < 2 * self._trouble:
            self.table_mode, wide = rng.choice((LEGACY, SCALABLE, RESERVED, ABORT_DMA)), rng.getrandbits(1)
        size = rng.choice((0, 0, 0, 1, 6, 7) if self._trouble else (0,))
        self.queue = Queue(1, rng.randrange(1, 1 << 20), size, wide, 0)
        self._memory.clear()
        self._head = 0

    def _switch_off(self) -> None:
        self.queue = self.queue._replace(enable=0)
        self._off = self._rng.choice((1, 2, 10, 60))

    def _step(self) -> int:
        return 2 * ENTRY_BYTES if self.queue.wide else ENTRY_BYTES

    def _submit(self, head: int) -> None:
        """Put in some descriptors, or as many as there is room for, and move the tail behind them."""
        rng, queue, step = self._rng, self.queue, self._step()
        ring = PAGE_BYTES << queue.size
        tail = min(queue.tail, ring - step) // step * step
        room = (head - tail - step) % ring // step
        count = min(room, rng.choice((1, 2, 3, 8, 20, room)), 100)
        for _ in range(count):
            self._place(tail, draw_descriptor(rng, self._config, wide=bool(queue.wide), trouble=self._trouble))
            tail = (tail + step) % ring
        if rng.random() < 2 * self._trouble:
            tail = rng.choice((tail | ring, tail ^ ENTRY_BYTES, tail)) & 0x7FFFF
        self.queue = queue._replace(tail=tail)

    def _place(self, offset: int, descriptor: int) -> None:
        address = self.queue.address * PAGE_BYTES + offset
        for part in range(2 if self.queue.wide else 1):
            failing = self._rng.random() < self._trouble / 4
            entry = descriptor >> 128 * part & (1 << 128) - 1
            self._memory[address + part * ENTRY_BYTES] = None if failing else entry

    def _mend(self, head: int) -> None:
        """Do something about the error, but not always; then clear IQE."""
        rng, queue = self._rng, self.queue
        if rng.random() < 0.7:
            if self._code in (1, 6):
                self.queue = queue._replace(tail=queue.tail % (PAGE_BYTES << queue.size) & -self._step())
            elif self._code in (2, 3, 4):
                trouble, self._trouble = self._trouble, 0
                self._place(head, draw_legal(rng, self._config))
                self._trouble = trouble
            else:
                self._switch_off()
        self._clear_error()

    def _clear_error(self) -> None:
        self.seen["resumed"] += 1
        self.iqe = 0
        self._code = None
