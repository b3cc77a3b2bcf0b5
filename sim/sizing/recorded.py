"""The stream of a recording: its requests answered by the reference model, whose reads of memory tell the walk of each.

Invalidations are those that the unit would do: descriptors as model/cycle understands them, and commands of the
register file of model/cycle.
"""

from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import numpy as np

from model.arch import SECOND_STAGE_LEVELS, UnitConfig
from model.arch.encodings import IqeiCode
from model.arch.registers import CCMD, GCMD, IOTLB, IVA, RTADDR
from model.arch.structures import (
    CONTEXT_ENTRY,
    SECOND_STAGE_PDE,
    SECOND_STAGE_PTE,
)
from model.cycle import iotlb, paging_structure_cache
from model.cycle.invalidation_descriptor import InvalidationDescriptor
from model.cycle.register_file import RegisterAccess, RegisterFile
from model.cycle.request import Invalidation
from model.reference import DmaResult, InterruptRequest, Memory, MemoryFault, Refusal, Unit
from model.reference.remap import interrupt_index
from sim.recording import Dma, Event, Interrupt, Mark, MemoryRead, Recording, RegisterWrite
from sim.replay import RESET_MARK, config_of, dma_request
from sim.sizing.stream import NOTHING, Command, PageTag, Stream

__all__ = ["recorded_stream"]

LEVELS = dict(SECOND_STAGE_LEVELS.values())  # AW of a context-entry -> levels
DID, AW = CONTEXT_ENTRY["DID"], CONTEXT_ENTRY["AW"]
READ_OR_WRITE = SECOND_STAGE_PTE["R"].mask | SECOND_STAGE_PTE["W"].mask
PS = SECOND_STAGE_PDE["PS"].mask

DESCRIPTOR_BITS = 128  # the rest, where it is there, is 0
DESCRIPTOR_MASK = (1 << DESCRIPTOR_BITS) - 1
EVERYTHING = Invalidation(context_global=1, iotlb_global=1, iec_global=1)

REGISTERS = (RTADDR, GCMD, CCMD, IVA, IOTLB)  # all that invalidations by register depend on
QUIET_CLOCKS = 16  # without a command, after which the register file has none any more


class _Place(NamedTuple):
    page: int
    page_kept: bool
    context: int
    context_kept: bool
    heads: int
    route: int
    passed_through: bool


class _Numbered(dict[Any, int]):
    """Things by number, in the order in which they are first asked for."""

    def __missing__(self, thing: Hashable) -> int:
        number = self[thing] = len(self)
        return number


class _ObservedMemory(Memory):
    """Memory that keeps what the unit has read, in order; None is a read that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[int | None] = []

    def read(self, address: int, size: int) -> int:
        try:
            value = super().read(address, size)
        except MemoryFault:
            self.values.append(None)
            raise
        self.values.append(value)
        return value


class _RegisterCommands:
    """What the unit's registers invalidate when software writes them."""

    def __init__(self, config: UnitConfig) -> None:
        self._file = RegisterFile(config)
        self._offsets = [(config.register_offset(r), r.width // 8) for r in REGISTERS if config.register_exists(r)]

    @property
    def table_mode(self) -> int:
        """TTM of the current root table."""
        return self._file.table_mode

    def write(self, event: RegisterWrite) -> Iterator[Invalidation]:
        """Yield what a write invalidates; every command is done at once."""
        offset, size = event.offset, event.size
        concerned = any(offset < start + width and start < offset + size for start, width in self._offsets)
        if not concerned or size not in (4, 8) or offset % size:
            return
        half = offset % 8
        access: RegisterAccess | None = RegisterAccess(
            1, offset - half, event.value << half * 8, (1 << size) - 1 << half
        )
        quiet = 0
        while quiet < QUIET_CLOCKS:
            self._file.step(access, 0, None, 0, None, 1, 1, 1, 1)
            access = None
            quiet += 1
            if self._file.drain is not None:
                quiet = 0
                yield self._file.drain


class _Recorder:
    """Plays the events of a recording on the reference model, and notes what the caches see."""

    def __init__(self, recording: Recording) -> None:
        self._config = config_of(recording.header)
        self._memory = _ObservedMemory()
        self._unit = Unit(self._config, self._memory)
        self._descriptors = InvalidationDescriptor(self._config)
        self._registers = _RegisterCommands(self._config)
        self._domain_ids = (1 << self._config.domain_id_bits) - 1
        self._places, self._routes = _Numbered(), _Numbered()
        self._pages, self._contexts, self._tables = _Numbered(), _Numbered(), _Numbered()
        self._requests: list[int] = []
        self._indices: list[int] = []
        self._index_kept: list[bool] = []
        self._commands: list[Command] = []
        self._refused = self._beside = 0
        self._actions: dict[type, Callable[[Any], None]] = {
            RegisterWrite: self._register_write,
            MemoryRead: self._memory_read,
            Dma: self._dma,
            Interrupt: self._interrupt,
            Mark: self._mark,
        }

    def play(self, event: Event) -> None:
        """Take in one event; what the unit answers or writes itself changes no cache."""
        action = self._actions.get(type(event))
        if action is not None:
            self._memory.values.clear()
            action(event)

    def stream(self) -> Stream:
        """Return what all events played were."""
        fields = [np.array(column) for column in zip(*self._places, strict=True)] or [np.array([], dtype=int)] * 7
        page, page_kept, context, context_kept, heads, route, passed_through = fields
        return Stream(
            requests=np.array(self._requests, dtype=np.int64),
            page=page.astype(np.int64),
            page_kept=page_kept.astype(bool),
            context=context.astype(np.int64),
            context_kept=context_kept.astype(bool),
            heads=heads.astype(np.int64),
            route=route.astype(np.int64),
            passed_through=passed_through.astype(bool),
            routes=list(self._routes),
            pages=[tag for _, tag in self._pages],
            contexts=list(self._contexts),
            tables=list(self._tables),
            index=np.array(self._indices, dtype=np.int64),
            index_kept=np.array(self._index_kept, dtype=bool),
            commands=self._commands,
            refused=self._refused,
            beside=self._beside,
        )

    def _invalidate(self, command: Invalidation) -> None:
        if any(command):  # others only wait
            self._commands.append(Command(len(self._requests), len(self._indices), command))

    def _register_write(self, event: RegisterWrite) -> None:
        self._unit.write_register(event.offset, event.value, event.size)
        for command in self._registers.write(event):
            self._invalidate(command)
        for descriptor in self._memory.values:  # nothing else is read now
            self._descriptor(descriptor)

    def _descriptor(self, descriptor: int | None) -> None:
        table_mode, value = self._registers.table_mode, descriptor or 0
        code, kind = self._descriptors.check(value, value >> DESCRIPTOR_BITS, descriptor is None, table_mode)
        if code == IqeiCode.NONE:
            self._invalidate(self._descriptors.command(kind, value & DESCRIPTOR_MASK))

    def _memory_read(self, event: MemoryRead) -> None:
        if event.data is None:
            self._memory.fail(event.address, event.size)
        else:
            self._memory.load(event.address, event.data)

    def _mark(self, event: Mark) -> None:
        if event.text == RESET_MARK:
            self._unit.reset()
            self._registers = _RegisterCommands(self._config)
            self._invalidate(EVERYTHING)

    def _interrupt(self, event: Interrupt) -> None:
        request = InterruptRequest(event.source_id, event.address, event.data)
        result = self._unit.interrupt(request)
        read = self._memory.values
        if not read:
            self._beside += 1
            return
        self._indices.append(interrupt_index(request))
        # Where a descriptor of a posted interrupt is read too, the entry has passed its check.
        self._index_kept.append(result.permitted or len(read) > 1)

    def _dma(self, event: Dma) -> None:
        request = dma_request(event)
        if request is None:
            return
        result = self._unit.dma(request)
        if not self._memory.values:
            self._beside += 1
            return
        self._refused += not result.permitted
        self._requests.append(self._places[self._place(event.source_id, event.address >> 12, result)])

    def _place(self, source_id: int, page: int, result: DmaResult) -> _Place:
        """Return what a request looks for that has read what memory says: root-entry, context-entry, then tables."""
        read = self._memory.values
        entry = read[1] if len(read) > 1 else None
        if entry is None:
            return _Place(NOTHING, False, NOTHING, False, len(read), NOTHING, False)
        domain_id = DID.of(entry) & self._domain_ids
        context = self._contexts[domain_id, source_id]
        if len(read) == 2:
            # Passed through, even if only protected memory then refuses it.
            passed = result.permitted or result.refusal is Refusal.PROTECTED_MEMORY
            return _Place(NOTHING, False, context, passed, 2, NOTHING, passed)
        level, permissions, tables = LEVELS[AW.of(entry)], READ_OR_WRITE, []
        for value in read[2:-1]:
            assert value is not None  # a failure ends the walk
            permissions &= value
            level -= 1
            tag = PageTag(domain_id, *_prefix(page, paging_structure_cache.SHIFTS[level]))
            tables.append(self._tables[tag] if permissions else NOTHING)
        last = read[-1]
        is_page = last is not None and (level == 1 or last & PS != 0)  # kept only if it may be used
        found = NOTHING
        if is_page and level in iotlb.SHIFTS:
            found = self._pages[source_id, PageTag(domain_id, *_prefix(page, iotlb.SHIFTS[level]))]
        return _Place(found, result.permitted, context, True, 2, self._routes[tuple(reversed(tables))], False)


def recorded_stream(
    recording: Recording, limit: int | None = None, progress: Callable[[int], None] | None = None
) -> Stream:
    """Return the stream of a recording, or of its first `limit` events.

    `progress` is called with the number of events done so far. Raises ConfigError when the unit cannot be built.
    """
    recorder = _Recorder(recording)
    for done, event in enumerate(recording.events[:limit], start=1):
        recorder.play(event)
        if progress:
            progress(done)
    return recorder.stream()


def _prefix(page: int, shift: int) -> tuple[int, int]:
    return page >> shift << shift, shift
