"""Which answers are possible: old table entries until they are invalidated, old registers until the status says so."""

import pytest

from model.arch import UnitConfig
from model.arch.encodings import TableMode
from model.reference import AddressType, DmaAccess
from tb.history import FOREVER, Version, Words
from tb.possible import Answer, ContextScope, PageScope, Protected, Question, World
from tb.possible_interrupts import InterruptScope

ROOT, CONTEXTS, TOP, DIRECTORY, TABLE = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
SOURCE_ID = 0x0010
CONTEXT = CONTEXTS + SOURCE_ID * 16
PTE, PDE = TABLE + 8, DIRECTORY
PAGE = 1
DOMAIN_ID = 7
OTHER_TABLE = 0x6000


@pytest.fixture
def world():
    """Translation is on; device 00:02.0, domain 7, may read and write page 1, which lies at 0xA000."""
    words = Words()
    words.store(ROOT, CONTEXTS | 1)
    words.store(CONTEXT, context(TOP))
    words.write(TOP, 8, DIRECTORY | 3)
    words.write(PDE, 8, TABLE | 3)
    words.write(PTE, 8, 0xA003)
    words.forget(0)
    world = World(UnitConfig(), words)
    world.translation.reset(True, 0)
    world.root.reset(ROOT, 0)
    return world


def context(table, domain_id=DOMAIN_ID, low=1):
    return (domain_id << 8 | 1) << 64 | table | low


def write(world, now, address, size, value):
    world.words.now = now
    if size == 16:
        world.words.store(address, value)
    else:
        world.words.write(address, size, value)


def answers(world, accepted, decided=None, at=None, access=DmaAccess.READ, address=0x1234, **fields):
    question = Question(access, SOURCE_ID, address, **fields)
    decided = accepted + 2 if decided is None else decided
    return {answer for answer, _ in world.answers(question, accepted=accepted, decided=decided, at=at)}


OLD, NEW = Answer(0xA234, True), Answer(0xB234, True)


def fault(reason, suppressed=False):
    return Answer(None, False, reason, suppressed)


def test_nothing_changes(world):
    assert answers(world, 10) == {OLD}
    assert answers(world, 10, access=DmaAccess.ATOMIC) == {OLD}
    assert answers(world, 10, address=0x5000) == {fault(0x06)}
    assert answers(world, 10, address=1 << 39) == {fault(0x04)}
    assert answers(world, 10, pasid=3) == {fault(0x31)}
    assert answers(world, 10, address_type=AddressType.TRANSLATED) == {fault(0x0D)}


def test_changed_leaf_is_possible_until_invalidated(world):
    write(world, 100, PTE, 8, 0xB003)
    assert answers(world, 90, decided=99) == {OLD}
    assert answers(world, 90, decided=100) == {OLD, NEW}
    assert answers(world, 500) == {OLD, NEW}
    world.invalidated(submitted=110, done=150, pages=PageScope(DOMAIN_ID, (PAGE, PAGE), True))
    assert answers(world, 149) == {OLD, NEW}
    assert answers(world, 150) == {NEW}


def test_request_on_its_way_counts_until_its_answer(world):
    write(world, 100, PTE, 8, 0xB003)
    world.invalidated(submitted=110, done=150, pages=PageScope())
    assert answers(world, 120) == {OLD, NEW}
    assert answers(world, 120, at=150) == {NEW}


@pytest.mark.parametrize(
    "scope", [PageScope(DOMAIN_ID + 1), PageScope(DOMAIN_ID, (2, 3)), PageScope(DOMAIN_ID + 1, (0, 9))]
)
def test_other_invalidation_covers_nothing(world, scope):
    write(world, 100, PTE, 8, 0xB003)
    world.invalidated(submitted=110, done=150, pages=scope)
    world.invalidated(submitted=110, done=150, context=ContextScope())
    assert answers(world, 200) == {OLD, NEW}


def test_invalidation_before_the_change_covers_nothing(world):
    write(world, 100, PTE, 8, 0xB003)
    world.invalidated(submitted=99, done=150, pages=PageScope())
    assert answers(world, 200) == {OLD, NEW}


def test_table_pointer_needs_an_invalidation_of_tables(world):
    write(world, 1, OTHER_TABLE + 8, 8, 0xB003)
    world.words.forget(1)
    write(world, 100, PDE, 8, OTHER_TABLE | 3)
    world.invalidated(submitted=110, done=150, pages=PageScope(DOMAIN_ID, (PAGE, PAGE), keep_tables=True))
    assert answers(world, 200) == {OLD, NEW}
    world.invalidated(submitted=210, done=250, pages=PageScope(DOMAIN_ID, (PAGE, PAGE)))
    assert answers(world, 260) == {NEW}


def test_old_combinations_of_levels_are_possible(world):
    write(world, 1, OTHER_TABLE + 8, 8, 0xC003)
    world.words.forget(1)
    write(world, 100, PDE, 8, OTHER_TABLE | 3)
    write(world, 120, PTE, 8, 0xB003)
    assert answers(world, 200) == {OLD, NEW, Answer(0xC234, True)}


@pytest.mark.parametrize("value", [0, 0xA000, 0xA003 | 1 << 62], ids=["zero", "not present", "reserved bit"])
def test_what_faulted_is_never_cached(world, value):
    write(world, 50, PTE, 8, value)
    world.words.forget(50)
    write(world, 100, PTE, 8, 0xB003)
    assert answers(world, 100) == {NEW}
    assert len(answers(world, 99)) == 2


def test_what_failed_is_never_cached(world):
    write(world, 50, TABLE, 16, None)
    assert answers(world, 60) == {OLD, fault(0x07)}
    write(world, 100, TABLE, 16, 0xA003 << 64)
    assert answers(world, 100) == {OLD}


def test_context_needs_both_invalidations_in_order(world):
    write(world, 100, CONTEXT, 16, 0)
    device, domain = ContextScope(DOMAIN_ID, SOURCE_ID), PageScope(DOMAIN_ID)
    world.invalidated(submitted=110, done=120, pages=domain)
    world.invalidated(submitted=130, done=140, context=device)
    assert answers(world, 200) == {OLD, fault(0x02)}
    world.invalidated(submitted=210, done=220, pages=domain)
    assert answers(world, 230) == {fault(0x02)}


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (ContextScope(), True),
        (ContextScope(DOMAIN_ID), True),
        (ContextScope(DOMAIN_ID, SOURCE_ID ^ 4, 4), True),
        (ContextScope(DOMAIN_ID, SOURCE_ID ^ 4, 0), False),
        (ContextScope(DOMAIN_ID, SOURCE_ID ^ 1, 6), False),
        (ContextScope(DOMAIN_ID + 1, SOURCE_ID), False),
    ],
)
def test_scope_of_a_context_cache_invalidation(world, scope, covers):
    write(world, 100, CONTEXT, 16, 0)
    world.invalidated(submitted=110, done=120, context=scope)
    world.invalidated(submitted=110, done=130, pages=PageScope())
    assert (OLD not in answers(world, 200)) == covers


def test_root_entry_needs_global_invalidations(world):
    write(world, 100, ROOT, 16, 0)
    world.invalidated(submitted=110, done=120, context=ContextScope(DOMAIN_ID), pages=PageScope())
    assert answers(world, 200) == {OLD, fault(0x01)}
    world.invalidated(submitted=210, done=220, context=ContextScope(), pages=PageScope())
    assert answers(world, 230) == {fault(0x01)}


def test_fpd_suppresses(world):
    write(world, 100, CONTEXT, 16, context(TOP, low=3))
    assert answers(world, 200, address=0x5000) == {fault(0x06), fault(0x06, suppressed=True)}


def test_translation_until_its_status(world):
    world.translation.write(False, 100)
    assert answers(world, 90, decided=99) == {OLD}
    assert answers(world, 200) == {OLD, Answer(0x1234, True)}
    world.translation.settle(300)
    assert answers(world, 299) == {OLD, Answer(0x1234, True)}
    assert answers(world, 300) == {Answer(0x1234, True)}
    assert answers(world, 299, at=300) == {Answer(0x1234, True)}


def test_root_table_until_it_is_invalidated(world):
    world.root.write(0x8000, 100)
    world.root.settle(150)
    assert answers(world, 200) == {OLD, fault(0x01)}
    world.invalidated(submitted=160, done=250, context=ContextScope(), pages=PageScope())
    assert answers(world, 250) == {fault(0x01)}


def test_table_mode(world):
    world.mode.write(TableMode.RESERVED, 100)
    assert answers(world, 200) == {OLD, fault(0x30)}


def test_protected_memory(world):
    world.protected.write(Protected(True, 0, 0, 0, 0), 100)
    assert answers(world, 200) == {OLD, Answer(None, False)}
    world.protected.settle(210)
    assert answers(world, 210) == {Answer(None, False)}


def test_interrupt_range(world):
    place = {"address": 0xFEE01000}
    assert answers(world, 10, access=DmaAccess.WRITE, dword=True, **place) == set()  # interrupts go another way
    assert answers(world, 10, access=DmaAccess.WRITE, **place) == {fault(0x29)}
    assert answers(world, 10, access=DmaAccess.ZERO_LENGTH_READ, **place) == {Answer(None, True)}


def test_reset_forgets_everything(world):
    write(world, 100, PTE, 8, 0xB003)
    world.was_reset(150)
    assert answers(world, 200) == {Answer(0x1234, True)}
    world.translation.reset(True, 200)
    world.root.reset(ROOT, 200)
    assert answers(world, 210) == {NEW}


def test_forgetting_changes_no_answer(world):
    write(world, 100, PTE, 8, 0xB003)
    world.invalidated(submitted=110, done=150, context=ContextScope(), pages=PageScope())
    write(world, 160, PTE, 8, 0xC003)
    world.interrupts.invalidated(110, 150, InterruptScope())
    before = answers(world, 200)
    world.forget(151)
    assert answers(world, 200) == before == {NEW, Answer(0xC234, True)}
    assert world.words.versions(PTE, 8) == [Version(0xC003, 160, FOREVER), Version(0xB003, 100, 160)]


def test_halves_of_a_granule_have_their_own_versions(world):
    write(world, 100, TABLE, 8, 0xD003)
    assert world.words.versions(PTE, 8) == [Version(0xA003, 0, FOREVER)]
    assert [version.value for version in world.words.versions(TABLE, 8)] == [0xD003, 0]
