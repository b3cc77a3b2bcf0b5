"""On any configuration and any memory, the unit permits exactly what a second, minimal walk permits."""

from collections import Counter
from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from model.reference import DmaResult, InterruptResult, Memory, Unit
from tests.model.reference import minimal_walk
from tests.model.reference.minimal_walk import Grant, Posted, Sent
from tests.model.reference.worlds import CountingMemory, World, dma_requests, dma_world, interrupt_world

SEEDS = 1500


def as_grant(result: DmaResult) -> Grant | None:
    if not result.permitted:
        return None
    if result.address is None:
        return Grant(None)
    return Grant(result.address, 2**result.page_shift, result.read, result.write, result.snoop)


def check_dma(rng: Random) -> Counter[str]:
    """Compare all requests of one world, and return what they were."""
    seen: Counter[str] = Counter()
    world = dma_world(rng)
    memory = CountingMemory()
    unit, now = world.unit(memory), world.programmed()
    _explain(rng, unit)
    for request in dma_requests(rng, world):
        memory.reads = 0
        result = unit.dma(request)
        expected = minimal_walk.dma(world.config, now, world.image.read, request)
        assert as_grant(result) == expected, f"{request} in {world}: the unit answers {result}"
        assert memory.reads <= 2 + 5, f"{request}: {memory.reads} reads for a root-, a context-entry and 5 levels"
        seen[dma_outcome(result, memory.reads, now.translation)] += 1
    assert memory.writes == 0, "legacy mode never writes tables (4.8)"
    return seen


def _explain(rng: Random, unit: Unit) -> None:
    """Every other time somebody listens: it may change nothing."""
    unit.trace = rng.choice((None, lambda _step: None))


def dma_outcome(result: DmaResult, reads: int, translation: bool) -> str:
    if not result.permitted:
        return f"refused after {reads} reads"
    if result.address is None:
        return "zero-length read of the interrupt range"
    if not translation:
        return "translation off"
    return "pass-through" if reads == 2 else f"{reads - 2} reads to a page of 2^{result.page_shift} bytes"


def as_minimal(result: InterruptResult, memory: Memory) -> Sent | Posted | None:
    """Put the unit's answer, and for a posted interrupt what is in memory now, into the second opinion's words."""
    if not result.permitted:
        return None
    if result.message:
        return Sent(result.message.address, result.message.data)
    assert result.posted
    assert result.descriptor_address is not None
    descriptor = memory.read(result.descriptor_address, 64).to_bytes(64, "little")
    told = result.notification
    return Posted(result.descriptor_address, descriptor, Sent(told.address, told.data) if told else None)


def check_interrupts(rng: Random) -> Counter[str]:
    """Compare each interrupt of one world, each on fresh memory, and return what they were."""
    seen: Counter[str] = Counter()
    world = interrupt_world(rng)
    for request in world.requests:
        memory = CountingMemory()
        unit = world.unit(memory)
        _explain(rng, unit)
        result = unit.interrupt(request)
        assert memory.reads <= 2, f"{request}: {memory.reads} reads for an entry and a descriptor"
        expected = minimal_walk.interrupt(world.config, world.programmed(), world.image.read, request)
        assert as_minimal(result, memory) == expected, f"{request} in {world}: the unit answers {result}"
        assert memory.writes == (1 if result.posted else 0)
        assert unit.messages == ([result.notification] if result.notification else [])
        seen[interrupt_outcome(world, result, memory.reads)] += 1
    return seen


def interrupt_outcome(world: World, result: InterruptResult, reads: int) -> str:
    mode = "x2APIC" if world.extended else "xAPIC"
    if result.posted:
        return f"{mode} posted, {'notified' if result.notification else 'silent'}"
    if result.permitted:
        return "passed unchanged" if reads <= 1 and not world.remapping else f"{mode} message"
    return "refused"


@given(st.randoms(use_true_random=False))
def test_dma_needs_a_chain_of_permissions(rng):
    for outcome in check_dma(rng):
        event(outcome)


@given(st.randoms(use_true_random=False))
def test_interrupts_need_an_entry_that_permits_them(rng):
    for outcome in check_interrupts(rng):
        event(outcome)


def test_dma_of_many_worlds_reaches_every_page_size():
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        seen += check_dma(Random(seed))
    pages = {
        f"{levels - level + 1} reads to a page of 2^{3 + 9 * level} bytes"
        for levels in (3, 4, 5)
        for level in (1, 2, 3)
    }
    rare = {"zero-length read of the interrupt range", "translation off", "pass-through"}
    deep = {f"refused after {reads} reads" for reads in range(8)}
    assert set(seen) == pages | rare | deep
    assert {name: count for name, count in seen.items() if count < 20} == {}
    assert sum(seen[name] for name in pages) >= 2000, seen


def test_interrupts_of_many_worlds_reach_every_outcome():
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        seen += check_interrupts(Random(seed))
    modes = {
        f"{mode} {what}" for mode in ("xAPIC", "x2APIC") for what in ("message", "posted, notified", "posted, silent")
    }
    assert set(seen) == modes | {"passed unchanged", "refused"}
    assert {name: count for name, count in seen.items() if count < 20} == {}
    assert sum(seen[name] for name in modes) >= 400, seen


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_is_all_noise_never_makes_the_unit_raise(seed):
    """Nothing planted: every word that a walk meets is random bits below HAW."""
    rng = Random(seed)
    world = dma_world(rng)
    world.image.words.clear()
    for frame in world.frames:
        for at in range(0, 4096, 8):
            world.image.store(frame + at, rng.getrandbits(64))
    unit = world.unit()
    refused = 0
    for request in dma_requests(rng, world):
        result = unit.dma(request)
        expected = minimal_walk.dma(world.config, world.programmed(), world.image.read, request)
        assert as_grant(result) == expected
        refused += not result.permitted
    assert refused > 0 or not world.translation
