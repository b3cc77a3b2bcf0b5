"""Golden model of rtl/invalidation_queue.py: same block, same states, same clock counts."""

from enum import IntEnum

from model.arch import UnitConfig
from model.arch.encodings import DescriptorType, IqeiCode, TableMode
from model.arch.sizes import QUEUE_TAGS, STATUS_WRITES
from model.arch.structures import INV_WAIT
from model.cycle.invalidation_descriptor import InvalidationDescriptor
from model.cycle.memory_port import QueueRead, Returned, StatusWrite
from model.cycle.register_file import Queue
from model.cycle.request import Invalidation

__all__ = ["InvalidationQueue", "State"]


class State(IntEnum):
    """Of the RTL's state machine."""

    IDLE = 0
    UPPER_HALF = 1
    CHECK = 2
    COMMAND = 3
    DRAIN = 4
    STATUS = 5
    ANSWER = 6
    ERROR = 7
    SETTLE = 8
    STOPPED = 9


IDLE, UPPER_HALF, CHECK, COMMAND, DRAIN, STATUS, ANSWER, ERROR, SETTLE, STOPPED = (int(state) for state in State)

READ_BYTES = 16
PAGE_BYTES = 4096
STATUS_WRITE, DATA, ADDRESS = INV_WAIT["SW"], INV_WAIT["STDATA"], INV_WAIT["STADDR"]
COMPLETION_EVENT = INV_WAIT["IF"]
ANSWERED = INV_WAIT["IF"].mask | INV_WAIT["FN"].mask  # with one of these, a wait descriptor waits for the answer
TYPE_WAIT = int(DescriptorType.WAIT)
LEGACY, ABORT_DMA = int(TableMode.LEGACY), int(TableMode.ABORT_DMA)
NO_PROBLEM, TAIL_BEYOND_QUEUE = int(IqeiCode.NONE), int(IqeiCode.TAIL_BEYOND_QUEUE)
TAIL_NOT_ALIGNED, INVALID_WIDTH = int(IqeiCode.TAIL_NOT_ALIGNED), int(IqeiCode.INVALID_WIDTH)
INVALID_TABLE_MODE = int(IqeiCode.INVALID_TABLE_MODE)


class InvalidationQueue:
    """The outputs are attributes that depend on state alone.

    `head`, `error` (an IqeiCode for one clock, else None), `wait_completed`; on offer, or None: `command`, `read`,
    `status_write`. `quiet`: nothing happens while `queue` and, after an error, `iqe` stay and nothing comes in.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.head = 0
        self.error: int | None = None
        self.wait_completed = 0
        self.command: Invalidation | None = None
        self.read: QueueRead | None = None
        self.status_write: StatusWrite | None = None
        self.state: int = IDLE
        self._adms = config.adms
        self._host_addresses = (1 << config.haw) - 1
        self._decoder = InvalidationDescriptor(config)
        self._descriptor = self._upper = self._failed = self._code = 0
        self._unanswered = 0
        self._dropped = False
        self._fetch = 0
        self._entries = [(0, 0)] * QUEUE_TAGS  # what came back: 128 bits, error
        self._next_tag = self._head_tag = 0
        self._flying = self._doomed = self._full = 0  # by tag: its read is on its way, is not wanted; it is there
        self._queue = Queue()
        self.quiet = True

    def step(
        self,
        queue: Queue,
        table_mode: int,
        iqe: int,
        command_ready: int,
        done: int,
        read_ready: int,
        returned: Returned | None,
        status_write_ready: int,
        status_written: int,
    ) -> None:
        """Advance one clock. `..._ready` answer the offers."""
        if self.quiet and returned is None and queue == self._queue and (iqe or self.state != STOPPED):
            return
        self._queue = queue
        state, enable = self.state, queue.enable
        taken = bool(enable and state <= UPPER_HALF and self._full >> self._head_tag & 1)
        fetched = self._fetches(table_mode, read_ready)
        sent = 1 if self.status_write is not None and status_write_ready else 0
        self.wait_completed = 0
        if state <= UPPER_HALF:
            self.state = self._take() if taken else self._find_none(table_mode)
        elif state == CHECK:
            self.state = self._check(table_mode) if enable else IDLE
        elif state <= ANSWER:
            self.state = self._do(command_ready, done, sent)
        else:
            self.state = SETTLE if state == ERROR else STOPPED if state == SETTLE or iqe else IDLE
        self._unanswered += sent - (status_written if self._unanswered else 0)

        if read_ready:
            self.read = None
        self._keep_entries(taken, fetched, returned)
        if state == ERROR or not enable:
            self._discard(self.head if enable else 0)
        if not enable:
            self.head = 0
        elif self.state == IDLE and COMMAND <= state <= ANSWER and not self._dropped:
            self.head = self._behind(self.head, 2 * READ_BYTES if queue.wide else READ_BYTES)
        self._dropped = COMMAND <= state <= ANSWER and bool(self._dropped or not enable)
        self._show()

    # Reading ahead

    def _fetches(self, table_mode: int, read_ready: int) -> bool:
        """Say whether a read is started in this clock."""
        queue = self._queue
        if not queue.enable or self.state >= ERROR or (self.read is not None and not read_ready):
            return False
        if (self._flying | self._full) >> self._next_tag & 1:
            return False
        if queue.wide and self._fetch & READ_BYTES:
            return True
        return self._fetch != queue.tail and not self._find_problem(table_mode)

    def _find_problem(self, table_mode: int) -> int:
        """Say why the queue as it stands cannot be read: 0 or IqeiCode. 16.1, in the order of 28.5."""
        _, _, size, wide, tail = self._queue
        abort = self._adms and table_mode == ABORT_DMA
        if tail >= PAGE_BYTES << size:
            return TAIL_BEYOND_QUEUE
        if wide and tail & READ_BYTES:
            return TAIL_NOT_ALIGNED
        if (wide and not self._adms) or (abort and not wide):
            return INVALID_WIDTH
        return NO_PROBLEM if abort or table_mode == LEGACY else INVALID_TABLE_MODE

    def _keep_entries(self, taken: bool, fetched: bool, returned: Returned | None) -> None:
        if taken:
            self._full &= ~(1 << self._head_tag)
            self._head_tag = (self._head_tag + 1) % QUEUE_TAGS
        if returned is not None:
            tag, entry, error = returned
            self._entries[tag] = entry, error
            self._flying &= ~(1 << tag)
            self._full |= 1 << tag & ~self._doomed
            self._doomed &= ~(1 << tag)
        if fetched:
            address = (self._queue.address * PAGE_BYTES + self._fetch) & self._host_addresses
            self.read = QueueRead(address, self._next_tag)
            self._flying |= 1 << self._next_tag
            self._next_tag = (self._next_tag + 1) % QUEUE_TAGS
            self._fetch = self._behind(self._fetch, READ_BYTES)

    def _discard(self, head: int) -> None:
        """Forget what was fetched; reads resume at `head`."""
        self._doomed = self._flying
        self._full = 0
        self._head_tag = self._next_tag
        self._fetch = head

    def _behind(self, offset: int, size: int) -> int:
        return (offset + size) % (PAGE_BYTES << self._queue.size)

    # The descriptor at the head: each returns the next state

    def _take(self) -> int:
        entry, error = self._entries[self._head_tag]
        if self.state == UPPER_HALF:
            self._failed |= error
            self._upper = entry
            return CHECK
        self._descriptor, self._failed, self._upper = entry, error, 0
        return UPPER_HALF if self._queue.wide else CHECK

    def _find_none(self, table_mode: int) -> int:
        """Stop when nothing is left of what was fetched and nothing more can be."""
        queue = self._queue
        if not queue.enable:
            return IDLE
        if self.state == IDLE and self._fetch == self.head and self.head != queue.tail:
            self._code = self._find_problem(table_mode)
            return ERROR if self._code else IDLE
        return self.state

    def _check(self, table_mode: int) -> int:
        self._code, kind = self._decoder.check(self._descriptor, self._upper, self._failed, table_mode)
        if self._code:
            return ERROR
        if kind == TYPE_WAIT:
            return STATUS if STATUS_WRITE.of(self._descriptor) else ANSWER
        self.command = self._decoder.command(kind, self._descriptor)
        return COMMAND

    def _do(self, command_ready: int, done: int, sent: int) -> int:
        state = self.state
        if state == COMMAND and command_ready:
            self.command = None
            return DRAIN
        if state == DRAIN and done:
            return IDLE
        if state == STATUS and sent:
            return ANSWER if self._descriptor & ANSWERED else IDLE
        if state == ANSWER and not self._unanswered:
            self.wait_completed = COMPLETION_EVENT.of(self._descriptor)
            return IDLE
        return state

    def _show(self) -> None:
        """Set the outputs that follow from the state, and find out whether anything can happen by itself."""
        state, queue = self.state, self._queue
        self.error = self._code if state == ERROR else None
        self.status_write = None
        if state == STATUS and self._unanswered != STATUS_WRITES:
            address = ADDRESS.in_place(self._descriptor) & self._host_addresses
            self.status_write = StatusWrite(address, DATA.of(self._descriptor))
        waits = state == STOPPED or (state == IDLE and (self.head == queue.tail or not queue.enable))
        settled = self._fetch == self.head and (queue.enable or not self.head)
        busy = self.read is not None or self._flying or self._full or self._unanswered or self.wait_completed
        self.quiet = bool(waits and settled and not busy)
