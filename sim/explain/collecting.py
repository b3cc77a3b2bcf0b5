"""From the steps of the reference model to an explanation's steps and outcome: grouped, nothing added."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from model.arch import UnitConfig
from model.reference import Check, Command, Decision, Entry, Lookup, Recorded, Selector, Sent, Unit
from model.reference import Step as ModelStep
from sim.explain.decoding import fields_of, register_change, registers_of
from sim.explain.explanation import Change, Note, Number, Outcome, Place, Selected, Step

__all__ = ["ERRORS", "NOT_REACHED", "QUEUE", "STATES", "Observed", "observe"]

QUEUE = "invalidation queue"

# What the reference model says of a descriptor that it did not do.
ERRORS = ("wrong", "the read fails")

NOT_REACHED = "wrong, not reached"

# What was done with a descriptor -> what is said of it.
STATES = {
    "execute": "complete",
    "the status write fails": "complete but for the failed status write",
    "waits": "waiting",
    "wrong": "error",
    "the read fails": "error",
    NOT_REACHED: "waiting and wrong",
}


@dataclass
class Observed:
    """What a unit did while it was watched."""

    steps: list[Step] = field(default_factory=list)
    outcome: Outcome | None = None
    messages: list[Note] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


@dataclass
class _Draft:
    """One step while what belongs to it still comes in."""

    rule: str
    place: Place | None = None
    entry: Entry | None = None
    notes: list[Note] = field(default_factory=list)
    blame: int = 0
    taken: int = 0  # permissions that this entry took away
    permissions: int | None = None
    outcome: Outcome | None = None

    def step(self, config: UnitConfig) -> Step:
        entry = self.entry
        if entry is None:
            return Step(self.rule, tuple(self.notes), self.place, permissions=self.permissions)
        known = entry.structure is not None and entry.value is not None
        return Step(
            rule=entry.rule,
            notes=tuple(self.notes),
            place=self.place,
            structure=entry.structure.name if entry.structure else "unknown descriptor",
            action=entry.text,
            address=entry.address,
            value=entry.value,
            size=entry.size,
            fields=fields_of(entry.structure, entry.value, config, wrong=self.blame) if known else (),  # type: ignore[arg-type]
            permissions=self.permissions,
            outcome=self.outcome,
        )


def observe(unit: Unit, numbers: tuple[Number, ...], action: Callable[[], object]) -> Observed:
    """Do `action` and return what `unit` did, the bits of `numbers` that chose entries, and registers that changed."""
    registers = registers_of(unit.config)
    before = [named.read(unit) for named in registers]
    trace: list[ModelStep] = []
    unit.trace = trace.append
    try:
        action()
    finally:
        unit.trace = None
    observed = _grouped(trace, numbers, unit.config)
    for named, old in zip(registers, before, strict=True):
        new = named.read(unit)
        if new != old:
            observed.changes.append(register_change(named, old, new, unit.config))
    return observed


def _grouped(trace: list[ModelStep], numbers: tuple[Number, ...], config: UnitConfig) -> Observed:
    """A lookup begins a step; the entry, and what is found out from it, follow."""
    observed, drafts = Observed(), [_Draft("")]
    recorded = Recorded("", "")
    for step in trace:
        if isinstance(step, Lookup):
            drafts.append(_Draft(step.rule, _place(step, numbers)))
        elif isinstance(step, Entry):
            _entry(step, drafts)
        elif isinstance(step, Check):
            _check(step, drafts)
        elif isinstance(step, Command):
            drafts.append(_Draft(step.rule, notes=[Note(step.text, step.rule)]))
        elif isinstance(step, Sent):
            observed.messages.append(Note(step.text, step.rule))
        elif isinstance(step, Recorded):
            recorded = step
        elif isinstance(step, Decision):
            outcome = _outcome(step, recorded)
            observed.outcome = observed.outcome or outcome
            entry = drafts[-1].entry
            if entry and entry.text in ERRORS and _in_queue(drafts[-1]):
                drafts[-1].outcome = outcome
    missing = next((step.missing for step in trace if isinstance(step, Check) and step.missing), 0)
    for draft in drafts:
        draft.blame |= draft.taken & missing
    observed.steps = [draft.step(config) for draft in drafts[1:]]
    return observed


def _entry(step: Entry, drafts: list[_Draft]) -> None:
    """An entry belongs to the lookup before it; what a descriptor wrote is what became of the descriptor."""
    draft = drafts[-1]
    if draft.entry and _in_queue(draft):
        draft.entry = replace(draft.entry, text=step.text)
        return
    if draft.place is None or draft.entry:
        drafts.append(_Draft(step.rule))
    drafts[-1].entry = step


def _check(step: Check, drafts: list[_Draft]) -> None:
    """A check belongs to the entry before it; without one it is a step of its own."""
    if drafts[-1].place is None and drafts[-1].entry is None:
        drafts.append(_Draft(step.rule))
    draft = drafts[-1]
    draft.notes.append(Note(step.text, step.rule))
    if step.permissions is None:
        draft.blame |= step.blame
    else:
        draft.taken, draft.permissions = step.blame, step.permissions


def _in_queue(draft: _Draft) -> bool:
    return draft.place is not None and draft.place.table == QUEUE


def _place(lookup: Lookup, numbers: tuple[Number, ...]) -> Place:
    selected = tuple(_selected(selector, numbers) for selector in lookup.selectors)
    return Place(lookup.table, lookup.base, lookup.base_from, lookup.index, selected)


def _selected(selector: Selector, numbers: tuple[Number, ...]) -> Selected:
    number = next(number for number in numbers if number.name == selector.number)
    return Selected(selector.number, selector.high, selector.low, number.bits(selector.high, selector.low))


def _outcome(step: Decision, recorded: Recorded) -> Outcome:
    return Outcome(
        step.text,
        step.rule,
        step.permitted,
        step.condition,
        step.code,
        recorded.text,
        recorded.record,
        step.remedy,
    )
