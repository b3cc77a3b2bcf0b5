"""What must leave the interrupt remapper for each request, by the reference model."""

from collections import deque
from typing import NamedTuple

from model.arch.registers import GSTS
from model.arch.structures import IRTE_REMAPPED, POSTED_INTERRUPT_DESCRIPTOR
from model.cycle.axi.write_path import Interrupt
from model.cycle.poster import Posted
from model.cycle.register_file import InterruptTable
from model.reference.memory import MemoryFault
from model.reference.remap import InterruptTable as ReferenceTable
from model.reference.types import InterruptRequest
from model.reference.unit import Unit as ReferenceUnit
from tb.block import CONFIG

__all__ = ["ACCESS_ERROR", "BAD_DESCRIPTOR", "Entry", "Scoreboard", "State"]

ACCESS_ERROR, BAD_DESCRIPTOR, NOT_AN_INTERRUPT = 0x27, 0x28, 0x29


class State(NamedTuple):
    """What the registers say."""

    remapping: int = 1
    compatibility: int = 0
    table: InterruptTable = InterruptTable(0x1234, 15, 1)


class NotYet(Exception):
    """The reference model asks for what the request has not met yet."""


class Entry:
    """A request on the scoreboard, and all that it met."""

    def __init__(self, request: Interrupt, clock: int, before: set[int]) -> None:
        self.request, self.clock = request, clock
        self.before = before  # writes whose data went before, without answer
        self.state: State | None = None
        self.lookup_epoch = 0
        self.irte: int | None = None
        self.error = 0
        self.address: int | None = None  # of the read
        self.descriptor: int | None = None  # address, says the reference model
        self.posted: Posted | None = None
        self.steps: list[tuple] = []  # what left
        self.expected: tuple[list[tuple], int] | None = None


class Scoreboard:
    """What must leave, by the reference model."""

    def __init__(self) -> None:
        self.unit = ReferenceUnit(CONFIG, self)
        self.entries: deque[Entry] = deque()  # not answered
        self.left = 0  # of these, how many need only be answered
        self.current: Entry | None = None  # whose memory `read` plays

    def read(self, address: int, size: int) -> int:
        """Play memory for the reference model."""
        entry = self.current
        if size == IRTE_REMAPPED.bytes:
            if entry.irte is None:
                raise NotYet
            assert entry.address in (None, address), f"read {entry.address:#x}, not {address:#x}"
            if entry.error:
                raise MemoryFault
            return entry.irte
        entry.descriptor, posted = address, entry.posted
        if posted is None:
            raise NotYet
        if posted.fault_reason == ACCESS_ERROR:
            raise MemoryFault
        descriptor = POSTED_INTERRUPT_DESCRIPTOR
        destination = posted.destination if entry.state.table.extended else posted.destination << 8
        reserved = descriptor["RSVD_511_320"].to(posted.fault_reason == BAD_DESCRIPTOR)
        return reserved | descriptor.pack(ON=1 - posted.notify, NV=posted.vector, NDST=destination)

    def write(self, address: int, size: int, value: int) -> None:
        """Play memory for the reference model."""

    def advance(self) -> None:
        """Count those that have left: all that they should have done is done."""
        while self.left < len(self.entries):
            entry = self.entries[self.left]
            if entry.state is None:
                return
            if entry.expected is None:
                entry.expected = self._expect(entry)
            if entry.expected is None or len(entry.steps) < len(entry.expected[0]):
                return
            self.left += 1

    def _expect(self, entry: Entry) -> tuple[list[tuple], int] | None:
        """Return what leaves for a request, as (stream, payload), and whether it is answered okay; None: not known."""
        request, state = entry.request, entry.state
        if not request.whole:
            return [("record", (NOT_AN_INTERRUPT, request.source_id))], 0
        registers, table = self.unit._registers, state.table
        registers[GSTS] = GSTS["IRES"].to(state.remapping) | GSTS["CFIS"].to(state.compatibility)
        self.unit._interrupt_table = ReferenceTable(table.address << 12, 2 << table.size, bool(table.extended))
        self.current = entry
        try:
            result = self.unit.interrupt(InterruptRequest(request.source_id, request.address, request.data))
        except NotYet:
            return None
        steps: list[tuple] = [] if entry.descriptor is None else [("post", entry.descriptor)]
        if result.condition is not None:
            if not result.suppressed:
                steps.append(("record", (int(result.condition.reason), request.source_id)))
            return steps, 0
        message = result.notification or result.message
        return [*steps, *([("message", (message.address, message.data))] if message else [])], 1
