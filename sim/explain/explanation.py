"""What is known of one request, register access or queue, for every view of it: text, JSON, picture.

Numbers are plain integers here; `to_json` spells addresses and values in hexadecimal.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["Change", "Explanation", "FieldValue", "Note", "Number", "Outcome", "Place", "Selected", "Step"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the request, such as its address: the walk takes its indices from it."""

    name: str
    width: int
    value: int

    def bits(self, high: int, low: int) -> int:
        """Return bits `high` to `low`."""
        return self.value >> low & (1 << high - low + 1) - 1


@dataclass(frozen=True, slots=True)
class Selected:
    """Bits of a number that helped to choose an entry, and what they hold."""

    number: str
    high: int
    low: int
    value: int

    def __str__(self) -> str:
        bits = f"bit {self.low}" if self.high == self.low else f"bits {self.high}:{self.low}"
        return f"{bits} of the {self.number}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands, and why there: number `index` of `table`, whose begin `base` was found in `base_from`."""

    table: str
    base: int
    base_from: str
    index: int
    selected: tuple[Selected, ...]


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field of an entry or register. `wrong`: it has a part in a refusal; `shown`: worth a reader's time."""

    name: str
    high: int
    low: int
    value: int
    address: int | None
    meaning: str
    wrong: bool
    shown: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was found out, and the rule that says so."""

    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `permitted` or not; for a fault its condition, reason code, and what became of the record.

    `remedy` is what software must change so that the same is permitted.
    """

    text: str
    rule: str
    permitted: bool
    condition: str = ""
    code: int | None = None
    recorded: str = ""
    record: int | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry that was read or written, and what followed from it; without `structure` only notes.

    `action` is what was done with it, `value` None when that failed. `permissions`, from the first entry that has
    any, is what all entries so far permit: bit 0 read, bit 1 write. `outcome` and `line` are a queue descriptor's:
    the error that it made, and the line that handed it over.
    """

    rule: str
    notes: tuple[Note, ...]
    place: Place | None = None
    structure: str = ""
    action: str = ""
    address: int | None = None
    value: int | None = None
    size: int = 0
    fields: tuple[FieldValue, ...] = ()
    permissions: int | None = None
    outcome: Outcome | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A register before and after; both are the same where it was only read."""

    register: str
    before: int
    after: int
    fields: tuple[FieldValue, ...]


@dataclass(frozen=True)
class Explanation:
    """The whole. `kind` is dma, interrupt, register write, register read or queue; `place` says when and where.

    `equal` is False where the recording says otherwise, and no exception is the reason.
    """

    kind: str
    title: str
    place: str
    numbers: tuple[Number, ...] = ()
    steps: tuple[Step, ...] = ()
    outcome: Outcome | None = None
    messages: tuple[Note, ...] = ()
    answer: int | None = None
    registers: tuple[Change, ...] = ()
    changes: tuple[Change, ...] = ()
    verdict: tuple[str, ...] = ()
    equal: bool = True
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes; docs/architecture.md says what every key means."""
        return {
            "kind": self.kind,
            "title": self.title,
            "place": self.place,
            "numbers": {number.name: hex(number.value) for number in self.numbers},
            "steps": [_step(step) for step in self.steps],
            "outcome": _outcome(self.outcome),
            "messages": [_note(message) for message in self.messages],
            "answer": _hex(self.answer),
            "registers": [_change(change) for change in self.registers],
            "changes": [_change(change) for change in self.changes],
            "verdict": list(self.verdict),
            "warnings": list(self.warnings),
        }


def _hex(value: int | None) -> str | None:
    return None if value is None else hex(value)


def _note(note: Note) -> dict[str, str]:
    return {"text": note.text, "rule": note.rule}


def _outcome(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "text": outcome.text,
        "rule": outcome.rule,
        "permitted": outcome.permitted,
        "condition": outcome.condition or None,
        "code": _hex(outcome.code),
        "recorded": outcome.recorded or None,
        "record": outcome.record,
        "remedy": outcome.remedy or None,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "place": _place(step.place),
        "structure": step.structure or None,
        "action": step.action or None,
        "address": _hex(step.address),
        "value": _hex(step.value),
        "size": step.size,
        "fields": [_field(field) for field in step.fields],
        "notes": [_note(note) for note in step.notes],
        "permissions": None if step.permissions is None else _permissions(step.permissions),
        "outcome": _outcome(step.outcome),
        "line": step.line,
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "table": place.table,
        "base": hex(place.base),
        "base_from": place.base_from,
        "index": hex(place.index),
        "selected_by": [
            {"number": part.number, "high": part.high, "low": part.low, "value": hex(part.value)}
            for part in place.selected
        ],
    }


def _permissions(permissions: int) -> dict[str, bool]:
    return {"read": bool(permissions & 1), "write": bool(permissions & 2)}


def _field(value: FieldValue) -> dict[str, Any]:
    return {
        "name": value.name,
        "high": value.high,
        "low": value.low,
        "value": hex(value.value),
        "address": _hex(value.address),
        "meaning": value.meaning,
        "wrong": value.wrong,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "register": change.register,
        "before": hex(change.before),
        "after": hex(change.after),
        "fields": [_field(value) for value in change.fields],
    }
