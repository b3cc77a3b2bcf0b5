"""Rules 14 and 15: after an invalidation no cache answers with an entry that it names, and with all others they do.

What a command names is computed here from addresses and source-ids in whole numbers, not with masks as the caches do.
"""

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest

from model.arch import UnitConfig
from model.cycle import context_cache, interrupt_entry_cache, iotlb, paging_structure_cache
from model.cycle.request import Context, Invalidation, Table, Translation

SEEDS = range(5)
CLOCKS = 4000
LARGE = UnitConfig(iotlb_entries=256, context_cache_entries=256, paging_structure_cache_entries=256, iec_entries=256)
SMALL = UnitConfig(iotlb_entries=5, context_cache_entries=3, paging_structure_cache_entries=6, iec_entries=5)
# Pages that one entry stands for, by level of the page, and by level of the table.
PAGES = {1: 1, 2: 512, 3: 512**2}
TABLE_PAGES = {1: 512, 2: 512**2, 3: 512**3, 4: 512**4}
# FM of a command by device -> source-ids it names, by the three bits of the function number. Rule 15.
FUNCTIONS = {
    0b000: lambda function: {function},
    0b100: lambda function: {function & 3, function & 3 | 4},
    0b110: lambda function: {function & 1 | upper for upper in (0, 2, 4, 6)},
    0b111: lambda function: set(range(8)),
}


class Subject(NamedTuple):
    """A cache: what to fill and ask it with, what its entries stand for, and what commands name them."""

    make: Callable[[UnitConfig], Any]
    inputs: Callable[..., Any]
    draw_fill: Callable[[Random, int], Any]
    draw_lookup: Callable[[Random], Any]
    covers: Callable[[Any, Any], bool]
    named: Callable[[Any, Invalidation], bool]
    payload: Callable[[Any], Any]
    delay: int  # clocks from look-up to answer
    place: int = 0  # of the answer among the outputs


def source_id(rng: Random) -> int:
    return 0x1A28 ^ (1 << rng.randrange(16) if rng.random() < 0.5 else 0) ^ rng.choice((0, 0, 1, 2, 4, 6, 7))


def domain_id(rng: Random) -> int:
    return rng.choice((5, 5, 5, 4, 5 | 1 << 15))


def page(rng: Random) -> int:
    number = 0x5_1234_5678_9ABC
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        number ^= 1 << rng.choice((0, 1, 8, 9, 10, 17, 18, 19, 26, 27, 35, 36, 37, 51))
    return number


def overlaps(first: int, count: int, command: Invalidation) -> bool:
    """Say whether pages, as many as `count` around `first`, meet those of a command."""
    asked = command.page_mask + 1
    start, from_page = first // count * count, command.page // asked * asked
    return start < from_page + asked and from_page < start + count


def names_translation(domain: int, first: int, count: int, command: Invalidation) -> bool:
    if command.iotlb_global:
        return True
    if domain != command.domain_id:
        return False
    return bool(command.iotlb_domain) or bool(command.iotlb_page and overlaps(first, count, command))


def names_page(fill: iotlb.Fill, command: Invalidation) -> bool:
    translation = fill.translation
    return names_translation(translation.domain_id, fill.page, PAGES[translation.level], command)


def names_table(fill: paging_structure_cache.Fill, command: Invalidation) -> bool:
    if command.iotlb_page and command.keep_tables and not (command.iotlb_global or command.iotlb_domain):
        return False
    return names_translation(fill.domain_id, fill.page, TABLE_PAGES[fill.table.level], command)


def names_context(fill: context_cache.Fill, command: Invalidation) -> bool:
    if command.context_global:
        return True
    if fill.context.domain_id != command.domain_id:
        return False
    asked, base = FUNCTIONS[command.function_mask](command.source_id % 8), command.source_id // 8 * 8
    return bool(command.context_domain) or bool(
        command.context_device and fill.source_id in {base + function for function in asked}
    )


def interrupt_index(rng: Random) -> int:
    return 0x5A5A ^ (1 << rng.randrange(16) if rng.random() < 0.6 else 0)


def names_interrupt(fill: interrupt_entry_cache.Fill, command: Invalidation) -> bool:
    count = command.interrupt_mask + 1
    same = fill.index // count == command.interrupt_index // count
    return bool(command.iec_global) or bool(command.iec_index and same)


IOTLB = Subject(
    iotlb.Iotlb,
    iotlb.Inputs,
    lambda rng, serial: iotlb.Fill(
        source_id(rng), page(rng), Translation(domain_id(rng), 0, rng.randint(1, 3), serial, 1, 1)
    ),
    lambda rng: (source_id(rng), page(rng)),
    lambda fill, lookup: (
        (fill.source_id, fill.page // PAGES[fill.translation.level])
        == (lookup[0], lookup[1] // PAGES[fill.translation.level])
    ),
    names_page,
    lambda fill: fill.translation,
    1,
)
CONTEXT_CACHE = Subject(
    context_cache.ContextCache,
    context_cache.Inputs,
    lambda rng, serial: context_cache.Fill(source_id(rng), Context(domain_id(rng), 0, 0, 1, serial)),
    source_id,
    lambda fill, lookup: fill.source_id == lookup,
    names_context,
    lambda fill: fill.context,
    1,
)
PAGING_STRUCTURE_CACHE = Subject(
    paging_structure_cache.PagingStructureCache,
    paging_structure_cache.Inputs,
    lambda rng, serial: paging_structure_cache.Fill(domain_id(rng), page(rng), Table(rng.randint(1, 4), serial, 1, 1)),
    lambda rng: (domain_id(rng), page(rng)),
    lambda fill, lookup: (
        (fill.domain_id, fill.page // TABLE_PAGES[fill.table.level])
        == (lookup[0], lookup[1] // TABLE_PAGES[fill.table.level])
    ),
    names_table,
    lambda fill: fill.table,
    0,
)
TABLES_BEHIND_A_CONTEXT = PAGING_STRUCTURE_CACHE._replace(
    inputs=lambda lookup=None, fill=None, invalidate=None: paging_structure_cache.Inputs(
        None, fill, invalidate, lookup
    ),
    delay=1,
    place=1,
)
INTERRUPT_ENTRY_CACHE = Subject(
    interrupt_entry_cache.InterruptEntryCache,
    interrupt_entry_cache.Inputs,
    lambda rng, serial: interrupt_entry_cache.Fill(interrupt_index(rng), serial),
    interrupt_index,
    lambda fill, lookup: fill.index == lookup,
    names_interrupt,
    lambda fill: fill.irte,
    2,
)
SUBJECTS = {
    "iotlb": IOTLB,
    "context_cache": CONTEXT_CACHE,
    "paging_structure_cache": PAGING_STRUCTURE_CACHE,
    "tables_behind_a_context": TABLES_BEHIND_A_CONTEXT,
    "interrupt_entry_cache": INTERRUPT_ENTRY_CACHE,
}

every_cache = pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
every_seed = pytest.mark.parametrize("seed", SEEDS)


def command(rng: Random) -> Invalidation:
    """Return a command as the register file and the queue make them."""
    often = {"context_device": 3, "iotlb_page": 4, "iec_index": 4}
    names = ("context_global", "context_domain", "iotlb_global", "iotlb_domain", "iec_global", *often)
    kinds = {rng.choice([name for name in names for _ in range(often.get(name, 1))])}
    if rng.random() < 0.1:
        kinds |= {"context_global", "iotlb_global"}
    return Invalidation(
        **dict.fromkeys(kinds, 1),
        keep_tables=rng.getrandbits(1),
        domain_id=domain_id(rng),
        source_id=source_id(rng),
        function_mask=rng.choice([*FUNCTIONS]),
        page=page(rng),
        page_mask=(1 << rng.choice((0, 0, 0, 1, 8, 9, 10, 18, 27, 52))) - 1,
        interrupt_index=interrupt_index(rng),
        interrupt_mask=(1 << rng.choice((0, 0, 0, 1, 2, 3, 8, 15, 16))) - 1,
    )


def ask(subject: Subject, cache: Any, lookup: Any) -> Any:
    """Look up in a clock of its own."""
    answer = cache.step(subject.inputs(lookup))
    for _ in range(subject.delay):
        answer = cache.step(subject.inputs())
    return answer[subject.place]


@every_cache
@every_seed
def test_nothing_named_answers(subject, seed):
    """Fills, look-ups and commands in every order and in the same clocks. `true` is what may be answered."""
    rng, cache, true, counts = Random(seed), subject.make(SMALL), {}, [0, 0, 0]
    for serial in range(1, CLOCKS):
        lookup = subject.draw_lookup(rng)
        asked = command(rng) if rng.random() < 0.15 else None
        fill = subject.draw_fill(rng, serial) if rng.random() < 0.5 else None
        cache.step(subject.inputs(lookup, fill, asked))
        if fill:
            true[subject.payload(fill)] = fill
        if asked:
            before = len(true)
            # A fill in the clock of the command was read before it: it is named, too.
            true = {key: kept for key, kept in true.items() if not subject.named(kept, asked)}
            counts[0] += before - len(true)
        lookup = subject.draw_lookup(rng)
        answer = ask(subject, cache, lookup)
        counts[1 if answer else 2] += 1
        if answer:
            assert answer in true, f"seed {seed}, clock {serial}, {lookup}: {answer} was invalidated"
            assert subject.covers(true[answer], lookup), f"seed {seed}, clock {serial}, {lookup}: {answer}"
    assert min(counts) > 100, counts


@every_cache
@every_seed
def test_all_others_answer(subject, seed):
    """While the cache is not full, a command drops nothing but what it names."""
    rng, spared = Random(seed), 0
    for _ in range(60):
        cache = subject.make(LARGE)
        fills = [subject.draw_fill(rng, serial) for serial in range(1, rng.randint(2, 50))]
        for fill in fills:
            cache.step(subject.inputs(None, fill))
        asked = command(rng)
        cache.step(subject.inputs(None, None, asked))
        kept = [entry for entry in cache.entries if entry]
        assert all(not subject.named(entry, asked) for entry in kept)
        # A later fill replaces an earlier one only where both cannot be true: in caches that hold a thing once.
        for number, fill in enumerate(fills):
            if not subject.named(fill, asked) and not any(_same(fill, later) for later in fills[number + 1 :]):
                assert fill in kept, f"seed {seed}, {asked}: {fill} is gone"
                spared += 1
    assert spared > 100, spared


def _same(fill: Any, later: Any) -> bool:
    if isinstance(fill, iotlb.Fill):
        return False
    if isinstance(fill, context_cache.Fill):
        return fill.source_id == later.source_id
    if isinstance(fill, interrupt_entry_cache.Fill):
        return fill.index == later.index
    count = TABLE_PAGES[fill.table.level]
    return (fill.domain_id, fill.table.level, fill.page // count) == (
        later.domain_id,
        later.table.level,
        later.page // count,
    )


def test_no_table_is_found_beside_a_command_for_tables():
    """Behind a context-entry the comparison of the command is needed; a command that spares tables needs none."""
    fill, inputs = paging_structure_cache.Fill(5, 0, Table(1, 7, 1, 1)), paging_structure_cache.Inputs
    for asked, found in (
        (None, fill.table),
        (Invalidation(context_global=1), fill.table),
        (Invalidation(iotlb_page=1, keep_tables=1, domain_id=5), fill.table),
        (Invalidation(iotlb_page=1, domain_id=4), None),
        (Invalidation(iotlb_domain=1, domain_id=4), None),
        (Invalidation(iotlb_global=1), None),
    ):
        cache = paging_structure_cache.PagingStructureCache(LARGE)
        cache.step(inputs(fill=fill))
        assert cache.step(inputs(invalidate=asked, later=(5, 0))).later is None
        assert cache.step(inputs()).later == found
        assert cache.step(inputs()).later is None


def test_pages_are_found_by_their_size():
    """An entry answers for its first and its last page, and for none beside them."""
    for level, count in PAGES.items():
        cache = iotlb.Iotlb(LARGE)
        translation = Translation(level=level, page=7)
        cache.step(iotlb.Inputs(None, iotlb.Fill(3, count * 8 + count // 2, translation)))
        answers = [ask(IOTLB, cache, (3, number)) for number in (count * 8 - 1, count * 8, count * 9 - 1, count * 9)]
        assert answers == [None, translation, translation, None], level
