"""Which answers to a request the specification allows while software changes tables and registers under way.

Whatever software replaced stays possible until it is certainly gone: a table entry that a cache may hold, until the
covering invalidations are complete; one that no cache may hold (not present, malformed, unreadable), only for requests
accepted before; a state of a register, until its status bit says so. The reference model answers for every combination.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from model.arch import UnitConfig
from model.arch.encodings import TableMode
from model.arch.registers import GCMD, GSTS, PHMBASE, PHMLIMIT, PLMBASE, PLMLIMIT, PMEN, RTADDR
from model.arch.structures import CONTEXT_ENTRY, SECOND_STAGE_PDE
from model.reference import AddressType, DmaAccess, DmaRequest, MemoryFault, Unit
from model.reference.translate import in_interrupt_range
from tb.history import FOREVER, Register, Version, Words
from tb.possible_interrupts import InterruptWorld
from tb.texts import fault

__all__ = ["Answer", "ContextScope", "PageScope", "Protected", "Question", "World"]

AW_TO_LEVELS = {1: 3, 2: 4, 3: 5}
PS = SECOND_STAGE_PDE["PS"].mask
COMBINATIONS = 5_000  # more than ever met; the bound keeps a mistake here from looking like a hang

# Conditions of an entry that is never cached: it is the last one that was read (rule 14.3).
NEVER_CACHED = {
    "LRT.1", "LRT.2", "LRT.3", "LCT.1", "LCT.2", "LCT.3", "LCT.4.1", "LCT.4.2", "LCT.4.3", "LSS.1", "LSS.2",
}  # fmt: skip
NO_PERMISSION = {"LGN.2", "LGN.3"}


class Question(NamedTuple):
    """A request of a device, in terms of model.reference; `dword`: it is one beat of four aligned bytes."""

    access: DmaAccess
    source_id: int
    address: int
    pasid: int | None = None
    address_type: AddressType = AddressType.UNTRANSLATED
    dword: bool = False


class Answer(NamedTuple):
    """`address` where it goes, None if nowhere; `okay` when the device is told so; `fault_reason` 0 without a fault;
    `suppressed` when FPD keeps the fault from being recorded."""

    address: int | None
    okay: bool
    fault_reason: int = 0
    suppressed: bool = False

    def __str__(self) -> str:
        if self.address is not None:
            return f"permitted, to {self.address:#x}"
        if self.okay:
            return "completed without memory"
        if not self.fault_reason:
            return "refused without a record"
        return fault(self.fault_reason) + (", not recorded (FPD)" if self.suppressed else "")


class ContextScope(NamedTuple):
    """What a context-cache invalidation covers; None is any. `function_mask` has ones at bits that do not count."""

    domain_id: int | None = None
    source_id: int | None = None
    function_mask: int = 0


class PageScope(NamedTuple):
    """What an IOTLB invalidation covers; `pages` is first and last page number. `keep_tables` is IH."""

    domain_id: int | None = None
    pages: tuple[int, int] | None = None
    keep_tables: bool = False


class Protected(NamedTuple):
    """Protected memory regions as software wrote the registers."""

    enabled: bool = False
    low_base: int = 0
    low_limit: int = 0
    high_base: int = 0
    high_limit: int = 0


class _Done(NamedTuple):
    submitted: int
    done: int
    context: ContextScope | None
    pages: PageScope | None


class _NoVersion(Exception):
    """Nothing is left to read on this path: a combination that cannot have been."""


class World:
    """What software did to tables (`words`) and registers, and so what may be answered.

    Invalidations are reported when software knows that they are complete, in the order of execution.
    """

    def __init__(self, config: UnitConfig, words: Words) -> None:
        self._config, self.words = config, words
        self.translation = Register(False)
        self.root = Register(0)
        self.mode = Register(TableMode.LEGACY)
        self.protected = Register(Protected())
        self.interrupts = InterruptWorld(config, words)
        self._words_forgotten = -1
        self.forgotten = -1  # what was replaced by then is in no cache of DMA remapping any more
        self.commands = 0  # invalidations that are complete
        self._done: list[_Done] = []
        self._horizons: list[tuple[int, int]] = []  # (clock, since when): what ended by then is in no cache any more
        self._path = _Path(self)
        self._units: dict[Any, Unit] = {}

    @property
    def ended(self) -> int:
        """How many invalidations and changes of registers are complete: what they end must not be answered later."""
        registers = (self.translation, self.root, self.mode, self.protected)
        return self.commands + sum(register.settled for register in registers) + self.interrupts.settled

    # What software reports

    def invalidated(
        self, *, submitted: int, done: int, context: ContextScope | None = None, pages: PageScope | None = None
    ) -> None:
        """A command that software gave at clock `submitted` or later is complete at clock `done` or before."""
        self.commands += 1
        self._done.append(_Done(submitted, done, context, pages))
        if pages == PageScope():
            since = self._context_cleared()
            if since is not None:
                self._horizons.append((since, done))

    def _context_cleared(self) -> int | None:
        """Return the clock of the last global context-cache invalidation that the newest command comes after."""
        for command in reversed(self._done):
            if command.context == ContextScope():
                return command.submitted
        return None

    def was_reset(self, now: int) -> None:
        """Every cache is empty, every register at its default; what tables held before cannot matter any more."""
        self.translation.reset(False, now)
        self.root.reset(0, now)
        self.mode.reset(TableMode.LEGACY, now)
        self.protected.reset(Protected(), now)
        self._done.clear()
        self._horizons.clear()
        self.interrupts.was_reset(now)
        self.forgotten = now
        self.words.forget(now)

    def forget(self, oldest: int) -> None:
        """Drop what no request accepted at clock `oldest` or later can meet any more."""
        for register in (self.translation, self.mode, self.protected):
            register.forget(oldest)
        self.interrupts.forget(oldest)
        self._forget_caches(oldest)
        ended = min(self.forgotten, self.interrupts.ended) if self._config.ir else self.forgotten
        if ended > self._words_forgotten:
            self._words_forgotten = ended
            self.words.forget(ended)

    def _forget_caches(self, oldest: int) -> None:
        passed = [horizon for horizon in self._horizons if horizon[1] < oldest]
        if not passed:
            return
        self._horizons = self._horizons[len(passed) :]
        self.forgotten = ended = passed[-1][0]
        self.root.forget(ended)
        self._done = [command for command in self._done if command.submitted > ended]

    # Which versions are left

    def context_gone(self, version: Version, at: int, source_id: int | None, page: int) -> bool:
        """Say whether no cache holds what came from this context-entry (of `source_id`) at clock `at`.

        The context-cache first, then what was made of it in IOTLB and paging-structure caches. A root-entry, or
        the root pointer (`source_id` None) is in no tag: only global commands cover it.
        """
        domain_id = None
        if source_id is not None and version.value is not None:
            domain_id = CONTEXT_ENTRY["DID"].of(version.value)
        cleared = False
        for command in self._done:
            if command.submitted < version.end or command.done > at:
                continue
            cleared = cleared or _covers_context(command.context, source_id, domain_id)
            if cleared and _covers_page(command.pages, domain_id, page, leaf=False):
                return True
        return False

    def page_gone(self, version: Version, at: int, domain_id: int, page: int, leaf: bool) -> bool:
        """Say whether no cache holds what came from this second-stage entry, used for a page of a domain."""
        return any(
            command.submitted >= version.end
            and command.done <= at
            and _covers_page(command.pages, domain_id, page, leaf=leaf)
            for command in self._done
        )

    # Questions

    def answers(
        self, question: Question, *, accepted: int, decided: int, at: int | None = None
    ) -> Iterator[tuple[Answer, bool]]:
        """Yield what may be answered to a request, with True where something outdated is needed for it.

        `accepted` and `decided` are clocks; `at` is the clock until which invalidations count, `accepted` unless the
        request was still on its way to memory later.
        """
        at = accepted if at is None else at
        page = question.address >> 12
        for translation in self.translation.possible(at, decided):
            for protected in self.protected.possible(at, decided):
                for mode in self.mode.possible(at, decided):
                    for root in reversed(self.root.versions):
                        if root.start > decided or (root.end <= at and self.context_gone(root, at, None, page)):
                            continue
                        unit = self._unit(translation.value, mode.value, root.value, protected.value)
                        old = any(v.end != FOREVER for v in (translation, protected, mode, root))
                        for answer, outdated in self._path.answers(unit, question, accepted, decided, at):
                            yield answer, outdated or old

    def _unit(self, translation: bool, mode: TableMode, root: int, protected: Protected) -> Unit:
        """Return a reference unit in this state, over the memory that chooses."""
        key = (translation, mode, root, protected)
        if key not in self._units:
            if len(self._units) > 64:
                self._units.clear()
            self._units[key] = _prepared(self._config, self._path, *key)
        return self._units[key]


def _prepared(
    config: UnitConfig, memory: Any, translation: bool, mode: TableMode, root: int, protected: Protected
) -> Unit:
    unit = Unit(config, memory)
    registers = [(RTADDR, RTADDR["TTM"].to(mode) | root)]
    if config.plmr:
        registers += [(PLMBASE, protected.low_base), (PLMLIMIT, protected.low_limit)]
    if config.phmr:
        registers += [(PHMBASE, protected.high_base), (PHMLIMIT, protected.high_limit)]
    if config.plmr or config.phmr:
        registers.append((PMEN, PMEN["EPM"].to(protected.enabled)))
    for register, value in registers:
        unit.write_register(config.register_offset(register), value, size=register.width // 8)
    command = GCMD["SRTP"].mask | GCMD["TE"].to(translation)
    unit.write_register(config.register_offset(GCMD), command)
    return unit


class _Path:
    """Memory of the reference model that answers a read with one of the versions that are possible, all in turn.

    A request reads root-entry, context-entry, then second-stage entries from the top level down.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._question: Question
        self._accepted = self._decided = self._at = 0
        self._choices: list[int] = []  # which of the candidates, by read
        self._counts: list[int] = []
        self._chosen: list[Version] = []

    def answers(
        self, unit: Unit, question: Question, accepted: int, decided: int, at: int
    ) -> Iterator[tuple[Answer, bool]]:
        choices: list[int] = []
        for _ in range(COMBINATIONS):
            self._question = question
            self._accepted, self._decided, self._at = accepted, decided, at
            self._choices, self._counts, self._chosen = choices, [], []
            try:
                answer = self._ask(unit)
            except _NoVersion:
                answer = None
            counts, chosen = self._counts, self._chosen
            if answer is not None:
                yield answer, any(version.end != FOREVER for version in chosen)
            choices = _next_choices(choices, counts)
            if not choices:
                return
        raise RuntimeError(f"more than {COMBINATIONS} combinations for {question}")

    def _ask(self, unit: Unit) -> Answer | None:
        """Return the reference's answer, None when it rests on an entry that only older requests can have seen."""
        question = self._question
        if question.dword and _is_interrupt(unit, question):
            return None  # interrupts go another way
        result = unit.dma(
            DmaRequest(
                source_id=question.source_id,
                address=question.address,
                access=question.access,
                pasid=question.pasid,
                address_type=question.address_type,
            )
        )
        if result.condition is not None:
            if self._chosen and self._chosen[-1].end <= self._accepted and self._is_never_cached(result.condition.name):
                return None
            return Answer(None, False, int(result.condition.reason), result.suppressed)
        return Answer(result.address, result.refusal is None)

    def _is_never_cached(self, condition: str) -> bool:
        """Say whether the entry that was read last made this fault, whatever the request (rule 14.3)."""
        if condition in NO_PERMISSION:
            return not self._chosen[-1].value & 3
        return condition in NEVER_CACHED or (condition == "LGN.4" and self._level(len(self._chosen) - 1) == 1)

    def _level(self, number: int) -> int:
        """Return the level of the path's `number`-th entry, counted from the root-entry."""
        return AW_TO_LEVELS.get(CONTEXT_ENTRY["AW"].of(self._chosen[1].value), 0) - (number - 2)

    def read(self, address: int, size: int) -> int:
        """Be the memory of the reference model."""
        number = len(self._chosen)
        candidates = self._world.words.versions(address, size)
        if len(candidates) > 1:
            over = self._world.forgotten
            candidates = [
                v for v in candidates if v.start <= self._decided and v.end > over and not self._gone(number, v)
            ]
            if not candidates:
                raise _NoVersion
        if number == len(self._choices):
            self._choices.append(0)
        self._counts.append(len(candidates))
        version = candidates[self._choices[number]]
        self._chosen.append(version)
        if version.value is None:
            raise MemoryFault("this version of the word fails")
        value: int = version.value
        return value

    def write(self, address: int, size: int, value: int) -> None:
        """The reference model writes nothing when it translates."""
        raise AssertionError("a translation writes no memory")

    def _gone(self, number: int, version: Version) -> bool:
        """Say whether the version read in the path's `number`-th place is out of memory and out of every cache."""
        if version.end > self._at:
            return False
        world, question = self._world, self._question
        page = question.address >> 12
        if number < 2:
            return world.context_gone(version, self._at, question.source_id if number else None, page)
        context = self._chosen[1].value
        leaf = self._level(number) == 1 or (version.value is not None and bool(version.value & PS))
        return world.page_gone(version, self._at, CONTEXT_ENTRY["DID"].of(context), page, leaf)


def _is_interrupt(unit: Unit, question: Question) -> bool:
    """Rule 3.4: an aligned dword written to the interrupt range, without PASID as far as the PASID counts."""
    translating = bool(GSTS["TES"].of(unit.read_register(GSTS.offset)))
    return (
        question.access is DmaAccess.WRITE
        and question.address_type is AddressType.UNTRANSLATED
        and in_interrupt_range(question.address)
        and (question.pasid is None or not translating)
    )


def _next_choices(choices: list[int], counts: list[int]) -> list[int]:
    """Return the next combination in depth-first order, empty after the last one."""
    for place in range(len(counts) - 1, -1, -1):
        if choices[place] + 1 < counts[place]:
            return [*choices[:place], choices[place] + 1]
    return []


def _covers_context(scope: ContextScope | None, source_id: int | None, domain_id: int | None) -> bool:
    if scope is None:
        return False
    if scope.domain_id is None:
        return True
    if domain_id != scope.domain_id or source_id is None:
        return False
    return scope.source_id is None or not (source_id ^ scope.source_id) & ~scope.function_mask


def _covers_page(scope: PageScope | None, domain_id: int | None, page: int, *, leaf: bool) -> bool:
    if scope is None or (scope.keep_tables and not leaf):
        return False
    if scope.domain_id is None:
        return True
    if domain_id != scope.domain_id:
        return False
    return scope.pages is None or scope.pages[0] <= page <= scope.pages[1]
