"""The golden model of the unit, broken on purpose: one way of losing a race each."""

from collections.abc import Callable
from typing import Any

from model.arch import UnitConfig
from model.arch.registers import ICS
from model.cycle.fault_recorder import Inputs as Recording
from model.cycle.fault_recorder import Outputs as Recorded
from model.cycle.iotlb import Outputs as Found
from model.cycle.iotlb import _tag
from model.cycle.request import Invalidation
from model.cycle.unit import Unit
from tb.races import ROOTS

__all__ = [
    "address_mask_ignored",
    "broadcast_looked_up_as_newer",
    "broken",
    "completion_event_lost_by_mask",
    "completion_lost_by_clear",
    "done_at_once",
    "event_lost_by_clear",
    "fault_event_lost_by_mask",
    "fault_lost_by_clear",
    "filled_in_the_broadcast",
    "function_mask_ignored",
    "iotlb_keeps_older",
    "issued_as_newer",
    "large_page_kept",
    "message_taken_with_another",
    "messages_not_pushed",
    "old_root_kept",
    "outstanding_not_counted",
    "pipeline_not_counted",
    "slots_not_counted",
    "tables_always_kept",
    "walker_keeps_older",
    "withdrawn_with_new_event",
]

FIRST_ROOT = ROOTS[0] >> 12

Break = Callable[[Unit], None]


def broken(config: UnitConfig, change: Break, kind: type[Unit] = Unit) -> Any:
    """Return a unit of a kind that is broken again after each reset."""

    class Broken(kind):  # type: ignore[misc, valid-type]
        def reset(self) -> None:
            super().reset()
            change(self)

    return Broken(config)


def _replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    setattr(owner, name, make(getattr(owner, name)))


# Invalidations


def iotlb_keeps_older(unit: Unit) -> None:
    """What an older epoch has walked for is kept in the IOTLB."""
    _replace(unit.pipeline, "_fill", lambda fill: lambda item, translation, epoch: fill(item, translation, item.epoch))


def walker_keeps_older(unit: Unit) -> None:
    """What an older epoch has read is kept in context-cache and paging-structure cache."""

    def make(take: Any) -> Any:
        def take_of_any_epoch(returned: Any, epoch: int, find_table: Any) -> Any:
            if returned is None or not unit.walker.in_flight >> returned.tag & 1:
                return take(returned, epoch, find_table)
            return take(returned, unit.walker._at(returned.tag).epoch, find_table)

        return take_of_any_epoch

    _replace(unit.walker, "take", make)


def done_at_once(unit: Unit) -> None:
    """A command is done without waiting for what is older."""
    _replace(unit.invalidation, "step", lambda step: lambda registers, queue, older: step(registers, queue, 0))


def outstanding_not_counted(unit: Unit) -> None:
    """What waits for its answer from memory is not waited for."""

    def make(step: Any) -> Any:
        def step_and_forget(*inputs: Any) -> None:
            step(*inputs)
            unit.outstanding.older = unit.outstanding._owed = 0

        return step_and_forget

    _replace(unit.outstanding, "step", make)


def issued_as_newer(unit: Unit) -> None:
    """A request of the older epoch that leaves after the broadcast counts as one of the newer epoch."""

    def make(step: Any) -> Any:
        def step_without_older(read: Any, write: Any, *rest: Any) -> None:
            step(read and read._replace(older=0), write and write._replace(older=0), *rest)

        return step_without_older

    _replace(unit.outstanding, "step", make)


def slots_not_counted(unit: Unit) -> None:
    """Walks of the older epoch are not waited for."""
    _replace(unit.walker, "older_epoch", lambda _older: lambda _epoch: False)


def pipeline_not_counted(unit: Unit) -> None:
    """Requests in the pipeline are not waited for."""
    _replace(unit.pipeline, "older_epoch", lambda _older: lambda _epoch: False)


def broadcast_looked_up_as_newer(unit: Unit) -> None:
    """What is looked up in the clock of the broadcast, in caches that still answer, counts as of the newer epoch."""

    def make(enter: Any) -> Any:
        return lambda *inputs: enter(*inputs[:-1], unit.invalidation.epoch)

    _replace(unit.pipeline, "enter", make)


def filled_in_the_broadcast(unit: Unit) -> None:
    """The IOTLB takes a translation in the clock of the broadcast, and what decides does not know of it yet."""

    def make_fill(fill: Any) -> Any:
        return lambda item, translation, epoch: fill(item, translation, epoch ^ unit.invalidation.flip)

    def make_step(step: Callable[..., Found]) -> Any:
        def fill_last(inputs: Any) -> Found:
            found = step(inputs._replace(fill=None))
            if inputs.fill is not None:
                unit.iotlb._keep(inputs.fill)
            return found

        return fill_last

    _replace(unit.pipeline, "_fill", make_fill)
    _replace(unit.iotlb, "step", make_step)


def function_mask_ignored(unit: Unit) -> None:
    """A command for a device reaches one function only."""
    _change_command(unit.context_cache, lambda command: command._replace(function_mask=0))


def address_mask_ignored(unit: Unit) -> None:
    """A command by page reaches one page only."""
    _change_command(unit.iotlb, lambda command: command._replace(page_mask=0))


def tables_always_kept(unit: Unit) -> None:
    """IH counts as 1."""
    _change_command(unit.tables, lambda command: command._replace(keep_tables=1))


def _change_command(cache: Any, change: Callable[[Invalidation], Invalidation]) -> None:
    def make(step: Any) -> Any:
        def changed(inputs: Any) -> Any:
            command = inputs.invalidate
            return step(inputs if command is None else inputs._replace(invalidate=change(command)))

        return changed

    _replace(cache, "step", make)


def large_page_kept(unit: Unit) -> None:
    """A command by page finds a large page only by its first 4 KiB."""

    def make(step: Any) -> Any:
        def exact(inputs: Any) -> Found:
            command = inputs.invalidate
            entries = list(unit.iotlb.entries)
            found: Found = step(inputs)
            if command is not None and command.iotlb_page:
                for number, entry in enumerate(entries):
                    if entry is not None and entry.page & ~command.page_mask != command.page & ~command.page_mask:
                        unit.iotlb.entries[number] = entry
                        tag = _tag(entry)
                        unit.iotlb._index[tag] = unit.iotlb._index.get(tag, 0) | 1 << number
            return found

        return exact

    _replace(unit.iotlb, "step", make)


def old_root_kept(unit: Unit) -> None:
    """SRTP does not change the root table."""
    _replace(
        unit.walker,
        "step",
        lambda step: lambda *inputs: step(*inputs[:-3], FIRST_ROOT, *inputs[-2:]),
    )


# Registers, faults and messages: what comes in the clock of software's write is lost


def event_lost_by_clear(unit: Unit) -> None:
    """The last F is cleared in the clock of a record: no new event."""
    recorder = unit.registers._recorder

    def make(step: Callable[[Recording], Recorded]) -> Any:
        def lose(inputs: Recording) -> Recorded:
            event, withdraw = step(inputs)
            return Recorded(event if not inputs.clear_records else 0, withdraw)

        return lose

    _replace(recorder, "step", make)


def fault_lost_by_clear(unit: Unit) -> None:
    """A fault in the clock in which an F is cleared is dropped, and no overflow told of."""
    _replace(
        unit.registers._recorder,
        "step",
        lambda step: lambda inputs: step(inputs._replace(record=None) if inputs.clear_records else inputs),
    )


def completion_lost_by_clear(unit: Unit) -> None:
    """IWC is cleared in the clock of a completion, and stays 0."""

    def make(complete: Any) -> Any:
        def lose(wait_completed: int, written: Any, ready: int) -> None:
            complete(wait_completed and not written.get("ICS", (0, 0))[1] & ICS["IWC"].mask, written, ready)

        return lose

    _replace(unit.registers, "_complete", make)


def fault_event_lost_by_mask(unit: Unit) -> None:
    """IM of the fault event is written in the clock of an event, which is lost."""
    _lose_with_mask(unit.registers._fault_event)


def completion_event_lost_by_mask(unit: Unit) -> None:
    """The same of the completion event."""
    _lose_with_mask(unit.registers._completion_event)


def _lose_with_mask(event: Any) -> None:
    _replace(
        event, "step", lambda step: lambda inputs: step(inputs if inputs.mask is None else inputs._replace(event=0))
    )


def message_taken_with_another(unit: Unit) -> None:
    """The message of a completion counts as sent when that of a fault is."""
    _replace(unit.registers, "step", lambda step: lambda *inputs: step(*inputs[:-1], inputs[-2]))


def messages_not_pushed(unit: Unit) -> None:
    """A read of registers does not wait for messages."""
    _replace(unit.outstanding, "step", lambda step: lambda *inputs: step(*inputs[:-1], 0))


def withdrawn_with_new_event(unit: Unit) -> None:
    """Withdrawing the event before withdraws a new one of the same clock."""
    event = unit.registers._fault_event
    _replace(
        event, "step", lambda step: lambda inputs: step(inputs._replace(event=inputs.event and not inputs.withdraw))
    )
