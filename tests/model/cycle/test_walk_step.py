"""The walk of the cycle model, run to its end, decides as the reference model does."""

from collections import Counter
from random import Random

import pytest

from model.arch import CONDITIONS, FaultReason, UnitConfig
from model.cycle.request import Access, Context, Result, Table
from model.cycle.walk_step import (
    INDEX_SHIFTS,
    Constants,
    Step,
    Walk,
    beyond_width,
    missing_permission,
    step,
    top_level,
)
from model.reference import DmaAccess, DmaRequest, Memory
from model.reference.fault import Fault
from model.reference.memory import MemoryFault
from model.reference.translate import Translator
from tests.model.reference.worlds import World, dma_requests, dma_world

ACCESSES = {
    DmaAccess.READ: int(Access.READ),
    DmaAccess.WRITE: int(Access.WRITE),
    DmaAccess.ATOMIC: int(Access.ATOMIC),
    DmaAccess.ZERO_LENGTH_READ: int(Access.ZERO_LENGTH_READ),
}
SEEDS = range(6)
WORLDS = 400  # of each seed
PAGE_SHIFTS = {1: 12, 2: 21, 3: 30}
NOT_OF_TABLES = {"LGN.1.2", *(name for name in CONDITIONS if name.startswith(("RTA", "IR.")))}
REASONS = {condition.reason for name, condition in CONDITIONS.items() if name not in NOT_OF_TABLES}


class Walker:
    """Runs walks over a memory, and collects what the steps let caches keep."""

    def __init__(self, config: UnitConfig, memory: Memory) -> None:
        self.constants = Constants(config)
        self.memory = memory
        self.contexts: list[Context] = []
        self.tables: list[tuple[Walk, Table]] = []

    def run(self, walk: Walk, request: DmaRequest) -> Result:
        """Go on with a walk to its result."""
        access, address_type = ACCESSES[request.access], int(request.address_type)
        for _ in range(8):  # root, context, five levels, and one too many
            entry, error = self._read(walk, request)
            outcome = step(self.constants, walk, access, request.address, address_type, entry, error)
            if outcome.context:
                self.contexts.append(outcome.context)
            if outcome.result is not None:
                assert outcome.following is None
                return outcome.result
            assert outcome.following is not None
            walk = outcome.following
            if outcome.table:
                assert outcome.table == walk.table
                assert walk.table.read or walk.table.write, "what permits nothing leads to a fault: rule 14.3"
                self.tables.append((walk, outcome.table))
        raise AssertionError("a walk has at most 7 steps")

    def _read(self, walk: Walk, request: DmaRequest) -> tuple[int, int]:
        second_stage = walk.step == Step.SECOND_STAGE
        if second_stage:
            offset = (request.address >> INDEX_SHIFTS[walk.table.level] & 511) * 8
        else:
            offset = (request.source_id >> 8 if walk.step == Step.ROOT else request.source_id & 255) * 16
        try:
            return self.memory.read((walk.table.table << 12) + offset, 8 if second_stage else 16), 0
        except MemoryFault:
            # What comes with an error means nothing.
            return (1 << 128) - 1, 1


def from_root(world: World) -> Walk:
    return Walk(table=Table(0, world.root_table >> 12, 1, 1))


def decision(result: Result, address: int) -> tuple[object, ...]:
    """Return what a device and software see of a result."""
    if result.fault_reason:
        return result.fault_reason, result.suppressed
    if result.pass_through:
        return "permitted", address, 12, 1, 1
    translation = result.translation
    shift = PAGE_SHIFTS[translation.level]
    offset = address & (1 << shift) - 1
    assert not translation.page << 12 & (1 << shift) - 1, "low bits of a large page are 0"
    return "permitted", translation.page << 12 | offset, shift, translation.read, translation.write


def expected(translator: Translator, request: DmaRequest, root_table: int) -> tuple[object, ...]:
    try:
        result = translator.translate(request, root_table)
    except Fault as fault:
        return int(fault.condition.reason), int(fault.suppressed)
    return "permitted", result.address, result.page_shift, int(result.read), int(result.write)


def requests(rng: Random, world: World) -> list[DmaRequest]:
    return [request for request in dma_requests(rng, world) if request.access in ACCESSES]


@pytest.mark.parametrize("seed", SEEDS)
def test_same_decision_as_reference(seed):
    rng, seen, permitted = Random(seed), Counter(), Counter()
    for number in range(WORLDS):
        world = dma_world(rng)
        memory = world.image.to_memory(Memory())
        translator, walker = Translator(world.config, memory), Walker(world.config, memory)
        for request in requests(rng, world):
            wanted = expected(translator, request, world.root_table)
            actual = decision(walker.run(from_root(world), request), request.address)
            assert actual == wanted, f"seed {seed}, world {number}, {world.config}, {request}"
            (permitted if wanted[0] == "permitted" else seen)[wanted[0] if wanted[0] != "permitted" else wanted[2]] += 1
    assert set(seen) == REASONS, f"only {sorted(seen)}"
    assert set(permitted) == {12, 21, 30} and permitted.total() > WORLDS, permitted


@pytest.mark.parametrize("seed", SEEDS)
def test_cached_entries_lead_to_same_decision(seed):
    """A walk that begins at a context-entry or a table that a step let caches keep ends as one from the root does."""
    rng, contexts, tables = Random(seed), 0, 0
    for number in range(WORLDS):
        world = dma_world(rng)
        memory = world.image.to_memory(Memory())
        translator, walker = Translator(world.config, memory), Walker(world.config, memory)
        for request in requests(rng, world):
            walker.contexts, walker.tables = [], []
            walker.run(from_root(world), request)
            other = DmaRequest(request.source_id, request.address ^ rng.choice((0, 1 << 12)), rng.choice([*ACCESSES]))
            wanted = expected(translator, other, world.root_table)
            where = f"seed {seed}, world {number}, {world.config}, {other}"
            for context in walker.contexts[:]:
                contexts += 1
                assert decision(with_context(walker, context, other), other.address) == wanted, where
            if beyond(walker, other) or request.address_type:
                continue
            for walk, table in walker.tables[:]:
                if other.address >> 12 + 9 * table.level == request.address >> 12 + 9 * table.level:
                    tables += 1
                    assert decision(walker.run(walk, other), other.address) == wanted, where
    assert contexts > WORLDS and tables > WORLDS, f"only {contexts} context-entries, {tables} tables"


def beyond(walker: Walker, request: DmaRequest) -> bool:
    return any(beyond_width(walker.constants, request.address, context) for context in walker.contexts)


def with_context(walker: Walker, context: Context, request: DmaRequest) -> Result:
    """Do what the pipeline and the walker do with a context-entry that is cached."""
    if beyond_width(walker.constants, request.address, context):
        return Result(FaultReason.ADDRESS_BEYOND_WIDTH, context.fault_processing_disable)
    if context.pass_through:
        return Result(pass_through=1)
    table = Table(top_level(walker.constants, context), context.table, 1, 1)
    walk = Walk(Step.SECOND_STAGE, 1, table, context.domain_id, context.fault_processing_disable)
    return walker.run(walk, request)


# (CAP.ZLR, read, write) -> reason for a read, a write, an AtomicOp, a zero-length read. Rules 3.9, 6.4, 28.11.
MISSING = {
    (True, 0, 0): (6, 5, 5, 6),
    (True, 1, 0): (0, 5, 5, 0),
    (True, 0, 1): (6, 0, 6, 0),
    (True, 1, 1): (0, 0, 0, 0),
    (False, 0, 0): (6, 5, 5, 6),
    (False, 1, 0): (0, 5, 5, 0),
    (False, 0, 1): (6, 0, 6, 6),
    (False, 1, 1): (0, 0, 0, 0),
}


@pytest.mark.parametrize(("zlr", "read", "write"), MISSING)
def test_missing_permission(zlr, read, write):
    constants = Constants(UnitConfig(zlr=zlr))
    assert tuple(missing_permission(constants, access, read, write) for access in range(4)) == MISSING[zlr, read, write]


def test_levels_and_widths_of_version_6():
    constants = Constants(UnitConfig(version_major=6, sagaw=()))
    assert [top_level(constants, Context(width=aw)) for aw in range(8)] == [0] * 8
    assert not any(beyond_width(constants, (1 << 64) - 1, Context(width=aw)) for aw in range(8))


@pytest.mark.parametrize(
    ("aw", "limit", "levels"), [(0, None, 0), (1, 39, 3), (2, 46, 4), (3, 46, 5), (4, None, 0), (7, None, 0)]
)
def test_width_is_limited_by_mgaw(aw, limit, levels):
    constants, context = Constants(UnitConfig(haw=40, mgaw=46)), Context(width=aw)
    assert top_level(constants, context) == levels
    for bit in range(12, 64):
        assert beyond_width(constants, 1 << bit, context) == (limit is not None and bit >= limit), bit


def test_pass_through_is_limited_by_haw():
    constants, context = Constants(UnitConfig(haw=40)), Context(width=1, pass_through=1)
    assert [bit for bit in range(64) if beyond_width(constants, 1 << bit, context)] == list(range(40, 64))
