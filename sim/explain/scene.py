"""Where something is asked: a unit after a line of a recording, or with the tables of a TOML file."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from model.arch.registers import GSTS
from model.reference import Unit
from sim.explain.collecting import ERRORS, NOT_REACHED, QUEUE, observe
from sim.explain.explanation import Step
from sim.recording import Mark, Recording, RegisterWrite
from sim.replay import RESET_MARK, Replayer

__all__ = ["ExplainError", "QueueHistory", "Scene", "earlier_differences", "last_line", "scene_of_recording"]

QIES = GSTS["QIES"]


class ExplainError(Exception):
    """What was asked for cannot be explained; the text is one sentence."""


class QueueHistory:
    """Descriptors that the unit took from the invalidation queue and that still stand there, in order."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._enabled = False
        self._steps: dict[int | None, Step] = {}

    def watch(self, action: Callable[[], object], line: int | None = None) -> None:
        """Do `action`, a register write in line `line`, and remember the descriptors that the unit did then."""
        observed = observe(self._unit, (), action)
        enabled = bool(QIES.of(self._unit.read_register(GSTS.offset)))
        if enabled != self._enabled:
            self._enabled = enabled
            self.forget()
        for step in observed.steps:
            if step.place and step.place.table == QUEUE and step.address is not None:
                self._steps.pop(step.address, None)  # the ring came round: the place has a new descriptor
                self._steps[step.address] = replace(step, line=line)

    def forget(self) -> None:
        """The queue is empty: it was turned on or off, or the unit was reset."""
        self._steps.clear()

    def steps(self) -> tuple[Step, ...]:
        """Return what was done, and then, as it would be done, what stands between head and tail."""
        waiting = observe(self._unit, (), self._unit.preview_queue).steps
        ahead = {step.address for step in waiting}
        done = [step for step in self._steps.values() if step.address not in ahead]
        return (*done, *map(self._ahead, waiting))

    def _ahead(self, step: Step) -> Step:
        """Of what is wrong, only that is an error by now which the unit has met, as it still stands there."""
        if step.action not in ERRORS:
            return step
        met = self._steps.get(step.address)
        if met and (met.action, met.value) == (step.action, step.value):
            return met
        return replace(step, action=NOT_REACHED)


@dataclass
class Scene:
    """A unit in the state in which it is asked; `place` says which that is."""

    unit: Unit
    place: str
    queue: QueueHistory
    warnings: tuple[str, ...] = field(default=())


def scene_of_recording(recording: Recording, after: int | None) -> Scene:
    """Return the scene after line `after`, without it after the last; ExplainError when there is no such line."""
    last = last_line(recording)
    if after is not None and not 1 <= after <= last:
        raise ExplainError(f"{recording.path} has no line {after}; --after must be 1 to {last}")
    replayer = Replayer(recording)
    queue = QueueHistory(replayer.unit)
    for event in recording.events:
        if after is not None and event.line > after:
            break
        if isinstance(event, RegisterWrite):
            queue.watch(lambda event=event: replayer.play(event), event.line)  # type: ignore[misc]
        else:
            replayer.play(event)
        if isinstance(event, Mark) and event.text == RESET_MARK:
            queue.forget()
    place = f"after line {after or last} of {recording.name}{'' if after else ', the last'}"
    return Scene(replayer.unit, place, queue, earlier_differences(replayer))


def last_line(recording: Recording) -> int:
    """Return the number of the last line."""
    return recording.events[-1].line if recording.events else 1


def earlier_differences(replayer: Replayer) -> tuple[str, ...]:
    """Warn when what came before compares unequal."""
    differences = replayer.summary.differences
    if not differences:
        return ()
    number = len(differences)
    lines = "1 earlier line compares" if number == 1 else f"{number} earlier lines compare"
    return (f"{lines} unequal, so the state may be another; {differences[0]}",)
