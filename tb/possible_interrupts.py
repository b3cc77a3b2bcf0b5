"""Which outcomes of an interrupt request the specification allows while software changes tables and registers.

As tb/possible.py for DMA: an interrupt remapping table entry that the cache may hold stays possible until the covering
invalidation is complete, a state of a register until its status bit says so. What a posted-interrupt descriptor held
when the unit read it is known exactly.
"""

from collections.abc import Iterator
from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.registers import GCMD, IRTA
from model.arch.structures import IRTE_POSTED, POSTED_INTERRUPT_DESCRIPTOR
from model.reference import (
    AddressType,
    DmaAccess,
    DmaRequest,
    InterruptRequest,
    InterruptResult,
    MemoryFault,
    Message,
    Unit,
)
from model.reference.remap import interrupt_index
from tb.history import FOREVER, Register, Version, Words
from tb.texts import fault, fields_of

__all__ = [
    "PART",
    "InterruptQuestion",
    "InterruptScope",
    "InterruptTable",
    "InterruptWorld",
    "Met",
    "Outcome",
    "Posting",
]

IRTE_BYTES = 16
DESCRIPTOR_BYTES = 64
PART = -1  # in place of the value of a descriptor of which not all was stored
IM = IRTE_POSTED["IM"]
# Conditions of an entry that is never cached: it is the one that was read.
NEVER_CACHED = ("IR.22", "IR.23", "IR.24")


class InterruptQuestion(NamedTuple):
    """A dword that a device writes to 0xFEEx_xxxx; `whole` when all four bytes are written."""

    source_id: int
    address: int
    data: int
    whole: bool
    pasid: int | None


class InterruptTable(NamedTuple):
    """What IRTA holds: base, S, EIME."""

    base: int = 0
    size: int = 0
    extended: bool = False

    @property
    def entries(self) -> int:
        """Number of entries."""
        return 2 << self.size

    @property
    def register(self) -> int:
        """The value of IRTA."""
        return self.base | IRTA["S"].to(self.size) | IRTA["EIME"].to(int(self.extended))


class InterruptScope(NamedTuple):
    """What an invalidation of the interrupt entry cache covers; None is any. `mask` has ones that do not count."""

    index: int | None = None  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    mask: int = 0


class Posting(NamedTuple):
    """What was seen of a posting: the descriptor read last (None: the read failed), and what was stored after that:
    address and value, of which only a part was stored when it is PART.

    `may_fail`: memory may have refused the write, or the rest of it.
    """

    address: int
    descriptor: int | None
    stored: tuple[int, int] | None
    may_fail: bool

    def __str__(self) -> str:
        unread = "which could not be read"
        held = unread if self.descriptor is None else fields_of(POSTED_INTERRUPT_DESCRIPTOR, self.descriptor)
        return f"at {self.address:#x}: {held}"


class Outcome(NamedTuple):
    """A message, a fault (`fault_reason` not 0; `index` as recorded), or neither; `stored` is address and value."""

    message: tuple[int, int] | None = None
    fault_reason: int = 0
    suppressed: bool = False
    index: int = 0  # type: ignore[assignment]
    stored: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.fault_reason:
            what = f"{fault(self.fault_reason)}, index {self.index:#x}"
            what += ", not recorded (FPD)" if self.suppressed else ""
        else:
            what = "no message" if self.message is None else f"message {self.message[1]:#x} to {self.message[0]:#x}"
        if self.stored is None:
            return what
        address, value = self.stored
        stored = "not all of it" if value == PART else fields_of(POSTED_INTERRUPT_DESCRIPTOR, value)
        return f"{what}, descriptor stored at {address:#x}: {stored}"


class Met(NamedTuple):
    """What an outcome rests on: the entry, None without one; whether something replaced is among it."""

    irte: int | None
    outdated: bool


class _Done(NamedTuple):
    submitted: int
    done: int
    scope: InterruptScope


class _Impossible(Exception):
    """A combination that cannot have been."""


class InterruptWorld:
    """What software did to tables (`words`) and registers of interrupt remapping.

    Invalidations are reported when software knows that they are complete, in the order of execution.
    """

    def __init__(self, config: UnitConfig, words: Words) -> None:
        self._config, self._words = config, words
        self.remapping = Register(False)
        self.compatibility = Register(False)
        self.table = Register(InterruptTable())
        self.ended = -1  # what was replaced by then is in the cache no more
        self.commands = 0
        self._cached_tables: list[Version] = []  # tables of before, from which the cache may hold entries
        self._done: list[_Done] = []
        self._memory = _Memory(self)
        self._units: dict[tuple[bool, bool, bool, InterruptTable], Unit] = {}

    @property
    def mode_is_in_entries(self) -> bool:
        """Whether no entry is kept from one interrupt mode to the other, in which other bits are reserved."""
        return self._config.esirtps

    @property
    def settled(self) -> int:
        """How many invalidations and changes of registers are complete."""
        return self.commands + self.remapping.settled + self.compatibility.settled + self.table.settled

    # What software reports

    def table_settled(self, submitted: int, now: int) -> None:
        """The table that was written last, at clock `submitted`, is in force."""
        *older, _ = self.table.versions
        # With ESIRTPS the change and the invalidation are one, so what it covers ended before it.
        end = submitted if self._config.esirtps else now
        self._cached_tables += [Version(v.value, v.start, end) for v in older if v.end == FOREVER]
        self.table.settle(now)
        if self._config.esirtps:
            self.invalidated(submitted, now, InterruptScope())

    def invalidated(self, submitted: int, done: int, scope: InterruptScope) -> None:
        """A command that software gave at clock `submitted` or later is complete at clock `done` or before."""
        self.commands += 1
        self._done.append(_Done(submitted, done, scope))

    def was_reset(self, now: int) -> None:
        """The cache is empty, every register at its default."""
        self.remapping.reset(False, now)
        self.compatibility.reset(False, now)
        self.table.reset(InterruptTable(), now)
        self._cached_tables.clear()
        self._done.clear()
        self.ended = now

    def forget(self, oldest: int) -> None:
        """Drop what no request accepted at clock `oldest` or later can meet any more."""
        for register in (self.remapping, self.compatibility, self.table):
            register.forget(oldest)
        passed = [command for command in self._done if command.done < oldest and command.scope.index is None]
        if passed:
            self.ended = ended = max(command.submitted for command in passed)
            self._done = [command for command in self._done if command.submitted > ended]
            self._cached_tables = [table for table in self._cached_tables if table.end > ended]

    # Questions

    def outcomes(
        self,
        question: InterruptQuestion,
        translation: Register,
        posting: Posting | None,
        *,
        accepted: int,
        decided: int,
        at: int,
    ) -> Iterator[tuple[Outcome, Met]]:
        """Yield what may become of a request; clocks as in World.answers."""
        request = InterruptRequest(question.source_id, question.address, question.data)
        index = interrupt_index(request)
        self._memory.prepare(index, posting, accepted, decided, at)
        # Translation counts only for what has a PASID: with it on, that is no interrupt request.
        any_state = [Version(False, -1, FOREVER)]
        for translating in any_state if question.pasid is None else translation.possible(at, decided):
            if translating.value:
                continue
            for remapping in self.remapping.possible(at, decided):
                for compatibility in self.compatibility.possible(at, decided):
                    for table in self.table.possible(at, decided):
                        states = (translating, remapping, compatibility, table)
                        old = any(version.end != FOREVER for version in states)
                        unit = self._unit(*(version.value for version in states))
                        for outcome, met in self._memory.outcomes(unit, question, request):
                            yield outcome, met._replace(outdated=met.outdated or old)

    def _unit(self, *key: object) -> Unit:
        """Return a reference unit in this state, over the memory that chooses."""
        if key not in self._units:
            if len(self._units) > 64:
                self._units.clear()
            self._units[key] = self._prepared(*key)  # type: ignore[index,arg-type]
        return self._units[key]  # type: ignore[index]

    def _prepared(self, translation: bool, remapping: bool, compatibility: bool, table: InterruptTable) -> Unit:
        config = self._config
        unit = Unit(config, self._memory)  # type: ignore[arg-type]
        levels = {"TE": translation, "IRE": remapping, "CFI": compatibility, "SIRTP": config.ir}
        if config.ir:
            unit.write_register(config.register_offset(IRTA), table.register, size=8)
        unit.write_register(config.register_offset(GCMD), sum(GCMD[name].to(int(on)) for name, on in levels.items()))
        return unit

    def entries(self, place: int, index: int, decided: int, at: int) -> list[tuple[Version, bool]]:
        """Return what a look-up of `index` may have found, its place in the current table; True: only in the cache."""
        found = [
            (version, False)
            for version in self._words.versions(place, IRTE_BYTES)
            if version.start <= decided and not (version.end <= at and self._gone(version.end, at, index))
        ]
        for table in self._cached_tables:
            other = table.value.base + index * IRTE_BYTES
            if other != place and index < table.value.entries and not self._gone(table.end, at, index):
                found += [
                    (Version(version.value, version.start, min(version.end, table.end)), True)
                    for version in self._words.versions(other, IRTE_BYTES)
                    if version.start <= table.end and not self._gone(min(version.end, table.end), at, index)
                ]
        return found

    def _gone(self, end: int, at: int, index: int) -> bool:
        """Say whether the cache holds nothing any more that was replaced in clock `end`."""
        return end <= self.ended or any(
            command.submitted >= end
            and command.done <= at
            and (command.scope.index is None or not (command.scope.index ^ index) & ~command.scope.mask)
            for command in self._done
        )


class _Memory:
    """Memory of the reference model: entries are one version after the other, a descriptor is what was seen."""

    def __init__(self, world: InterruptWorld) -> None:
        self._world = world
        self._index = self._accepted = self._decided = self._at = 0
        self._posting: Posting | None = None
        self._number = self._count = 0
        self._met: tuple[Version, bool] | None = None
        self._descriptor_read = False
        self._stored: tuple[int, int] | None = None

    def prepare(self, index: int, posting: Posting | None, accepted: int, decided: int, at: int) -> None:
        self._index, self._posting = index, posting
        self._accepted, self._decided, self._at = accepted, decided, at

    def outcomes(
        self, unit: Unit, question: InterruptQuestion, request: InterruptRequest
    ) -> Iterator[tuple[Outcome, Met]]:
        number = 0
        while True:
            self._number, self._count, self._met, self._descriptor_read, self._stored = number, 1, None, False, None
            try:
                outcome = self._ask(unit, question, request)
            except _Impossible:
                outcome = None
            count, met = self._count, self._met
            if outcome is not None:
                yield (
                    outcome,
                    Met(None, False) if met is None else Met(met[0].value, met[1] or met[0].end != FOREVER),
                )
            number += 1
            if number >= count:
                return

    def _ask(self, unit: Unit, question: InterruptQuestion, request: InterruptRequest) -> Outcome:
        if question.whole:
            result: InterruptResult = unit.interrupt(request)
            unit.messages.clear()
            condition, suppressed = result.condition, result.suppressed
            message: Message | None = result.message or result.notification
        else:
            dma = unit.dma(
                DmaRequest(
                    source_id=question.source_id,
                    address=question.address,
                    access=DmaAccess.WRITE,
                    pasid=question.pasid,
                    address_type=AddressType.UNTRANSLATED,
                )
            )
            condition, suppressed, message = dma.condition, dma.suppressed, None
        if self._descriptor_read != (self._posting is not None):
            raise _Impossible
        if condition is None:
            sent = None if message is None else (message.address, message.data)
            return Outcome(sent, stored=self._stored)
        if self._met is not None and self._never_met(condition.name):
            raise _Impossible
        index = self._index & 0xFFFF if condition.index_logged and not suppressed else 0
        return Outcome(None, int(condition.reason), suppressed, index, self._stored)

    def _never_met(self, condition: str) -> bool:
        """Say whether the entry makes this fault, is in no cache therefore, and was replaced before."""
        assert self._met is not None
        version, only_cached = self._met
        if condition == "IR.24" and not self._world.mode_is_in_entries:
            return False
        return condition in NEVER_CACHED and (only_cached or version.end <= self._accepted)

    def read(self, address: int, size: int) -> int:
        """Return an entry, or the descriptor."""
        if size == DESCRIPTOR_BYTES:
            posting, self._descriptor_read = self._posting, True
            if posting is None or posting.address != address:
                raise _Impossible
            if posting.descriptor is None:
                raise MemoryFault("the descriptor fails")
            return posting.descriptor
        found = self._world.entries(address, self._index, self._decided, self._at)
        self._count = len(found)
        if self._number >= len(found):
            raise _Impossible
        self._met = found[self._number]
        value = self._met[0].value
        if value is None:
            raise MemoryFault("this version of the entry fails")
        return int(value)

    def write(self, address: int, _size: int, value: int) -> None:
        """Take the descriptor."""
        posting = self._posting
        assert posting is not None
        if posting.may_fail:
            self._stored = posting.stored
            raise MemoryFault("the descriptor fails")
        self._stored = address, value
