"""Units whose path of interrupts is broken on purpose: random runs of the model alone find each of them."""

from typing import Any

import pytest

from model.arch.config import PRESETS
from model.arch.registers import GCMD
from model.cycle.interrupt_entry_cache import Fill
from model.cycle.interrupt_remapper import Slot
from model.cycle.unit import Unit
from tb.check import CheckFailed
from tb.jobs.regress import run_on_model
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit
from tests.tb.broken_units import broken
from tests.tb.readable import assert_readable

CYCLES = 8_000
SEEDS = range(6)


def cache_keeps_what_is_invalidated(unit: Unit) -> None:
    """An invalidation of the cache does nothing."""
    unit.iec._invalidate = lambda command: None


def index_mask_ignored(unit: Unit) -> None:
    """An index-selective invalidation drops one entry alone, whatever IM says."""
    right = unit.iec._invalidate
    unit.iec._invalidate = lambda command: right(command._replace(interrupt_mask=0))


def new_table_with_old_entries(unit: Unit) -> None:
    """SIRTP invalidates nothing, though CAP.ESIRTPS says so."""
    _not_invalidated_with(unit, GCMD["SIRTP"].mask)


def remapping_off_with_old_entries(unit: Unit) -> None:
    """Clearing IRE invalidates nothing, though CAP.ESIRTPS says so."""
    _not_invalidated_with(unit, GCMD["IRE"].mask)


def _not_invalidated_with(unit: Unit, broken: int) -> None:
    command = unit.registers._command
    right = command._invalidations
    command._invalidations = lambda control: (0, 0) if control == broken else right(control)


def interrupts_not_drained(unit: Unit) -> None:
    """An invalidation does not wait for interrupts that have read their entry."""
    unit.remapper.older_epoch = lambda epoch: 0


def messages_not_drained(unit: Unit) -> None:
    """An invalidation does not wait for the answers to messages."""
    right = unit.outstanding.step

    def step(*inputs: Any) -> None:
        right(*inputs[:5], None, 0, *inputs[7:])

    unit.outstanding.step = step


def older_entry_kept(unit: Unit) -> None:
    """What was read before an invalidation goes into the cache after it."""
    _on_fill(unit, lambda slot, faulty, fill: None if faulty else Fill(slot.index, unit.memory_port_entry))


def faulty_entry_kept(unit: Unit) -> None:
    """An entry that is not present, or has reserved bits set, goes into the cache."""
    _on_fill(unit, lambda slot, faulty, fill: Fill(slot.index, unit.memory_port_entry) if faulty else fill)


def _on_fill(unit: Any, change: Any) -> None:
    right = unit.remapper.take

    def take(returned: Any, epoch: int) -> Any:
        fill = right(returned, epoch)
        if unit.remapper._returned is None:
            return None
        unit.memory_port_entry = returned.entry
        slot, result, _ = unit.remapper._returned
        return change(slot, result.fault_reason, fill)

    unit.remapper.take = take


def not_fenced(unit: Unit) -> None:
    """Messages and postings do not wait for DMA writes that came before."""
    right = unit.remapper._fence_off
    unit.remapper._fence_off = lambda busy, fenced: right(0, 1)


def fault_disable_ignored(unit: Unit) -> None:
    """Every fault is recorded, whatever FPD says."""
    _on_slots(unit, lambda slot: setattr(slot, "suppressed", 0))


def index_wraps(unit: Unit) -> None:
    """Handle plus subhandle is taken modulo 2^16."""
    _on_arrival(unit, lambda slot: setattr(slot, "index", slot.index & 0xFFFF))


def strobes_ignored(unit: Unit) -> None:
    """A write of some bytes of a dword is an interrupt request."""
    _on_arrival(unit, lambda slot: setattr(slot, "request", slot.request._replace(whole=1)))


def faults_answered_okay(unit: Unit) -> None:
    """The device is not told that its interrupt was refused."""
    _on_slots(unit, lambda slot: None, answer_okay=True)


def record_without_index(unit: Unit) -> None:
    """A fault record of an interrupt has no index."""
    _on_slots(unit, lambda slot: None, without_index=True)


def extended_always(unit: Unit) -> None:
    """EIME is taken to be set."""
    right = unit.remapper._check

    def check(slot: Slot, remapping: int, compatibility: int, table: Any, epoch: int) -> None:
        right(slot, remapping, compatibility, table._replace(extended=1), epoch)

    unit.remapper._check = check


def table_has_twice_the_entries(unit: Unit) -> None:
    """S is taken for one more."""
    right = unit.remapper._check

    def check(slot: Slot, remapping: int, compatibility: int, table: Any, epoch: int) -> None:
        right(slot, remapping, compatibility, table._replace(size=table.size + 1), epoch)

    unit.remapper._check = check


def urgent_ignored(unit: Unit) -> None:
    """SN keeps back the notifications of urgent interrupts too."""
    right = unit.poster.step
    unit.poster.step = lambda post, *rest: right(post and post._replace(urgent=0), *rest)


def notified_again(unit: Unit) -> None:
    """A notification is sent though one is outstanding."""
    right = unit.poster._update

    def update(descriptor: int) -> tuple[int, int]:
        return right(descriptor)[0], 1

    unit.poster._update = update


def posted_without_exclusive_access(unit: Unit) -> None:
    """What software changes in a descriptor meanwhile is lost."""
    unit.memory_port._lock = 0
    unit.poster._exclusive = False


def one_attempt(unit: Unit) -> None:
    """A posting that loses a race is a fault."""
    right = unit.poster._conclude
    unit.poster._conclude = lambda response: right(3 if response == 0 else response)


def _on_arrival(unit: Unit, change: Any) -> None:
    right = unit.remapper._arrive

    def arrive(interrupt: Any) -> None:
        right(interrupt)
        change(unit.remapper._arrived)

    unit.remapper._arrive = arrive


def _on_slots(unit: Unit, change: Any, *, answer_okay: bool = False, without_index: bool = False) -> None:
    remapper = unit.remapper
    right = remapper._show

    def show() -> None:
        for slot in remapper.slots:
            if slot is not None:
                change(slot)
        right()
        if remapper.answer is not None and answer_okay:
            remapper.answer = remapper.answer._replace(okay=1)
        if remapper.record is not None and without_index:
            remapper.record = remapper.record._replace(address=0)

    remapper._show = show


WRONG = [
    cache_keeps_what_is_invalidated,
    index_mask_ignored,
    new_table_with_old_entries,
    remapping_off_with_old_entries,
    interrupts_not_drained,
    messages_not_drained,
    older_entry_kept,
    faulty_entry_kept,
    not_fenced,
    fault_disable_ignored,
    index_wraps,
    strobes_ignored,
    faults_answered_okay,
    record_without_index,
    extended_always,
    table_has_twice_the_entries,
    urgent_ignored,
    notified_again,
    posted_without_exclusive_access,
    one_attempt,
]


def is_caught(unit: WatchedUnit, seed: int) -> bool:
    try:
        run_on_model(Testbench(unit.config, seed), CYCLES, unit, "interrupts")
    except CheckFailed as error:
        assert_readable(str(error))
        return True
    return False


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_broken_unit_is_caught(change):
    assert any(is_caught(broken(PRESETS["small"], change, WatchedUnit), seed) for seed in SEEDS)
