"""An explanation as text: coloured where the console is a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from sim.explain.collecting import NOT_REACHED, QUEUE, STATES
from sim.explain.decoding import value_lines
from sim.explain.explanation import Change, Explanation, FieldValue, Outcome, Step

__all__ = ["print_explanation"]

WIDTH = 120
UNDER_STEP = 5  # columns of the number before a step
UNDER_ENTRY = 8
HANG = 4

Part = tuple[str, str]


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print an explanation; in a pipe plain, and as wide as the terminal, but not wider than can be read."""
    width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    for indent, parts in _paragraphs(explanation):
        if not parts:
            console.print()
            continue
        for line in _lines(console, Text.assemble(*parts), indent, width):
            console.print(line, soft_wrap=True, highlight=False)


def _lines(console: Console, text: Text, indent: int, width: int) -> Iterator[Text]:
    """Break a paragraph into lines; all but the first are indented further."""
    first, *more = text.wrap(console, width - indent)
    first.rstrip()
    yield Text(" " * indent) + first
    if more:
        rest = len(text.plain) - len(text.plain[len(first) :].lstrip())
        for line in text[rest:].wrap(console, width - indent - HANG):
            line.rstrip()
            yield Text(" " * (indent + HANG)) + line


def _paragraphs(explanation: Explanation) -> Iterator[tuple[int, list[Part]]]:
    for warning in explanation.warnings:
        yield 0, [("note: ", "yellow"), (warning, "")]
    yield 0, [(f"{explanation.place}: ", ""), (explanation.title, "bold")]
    yield 0, []
    for number, step in enumerate(explanation.steps, start=1):
        yield from (_descriptor if step.place and step.place.table == QUEUE else _step)(number, step)
    if not explanation.steps:
        yield 0, [("no table or queue is read", "")]
    yield from _ending(explanation)


def _ending(explanation: Explanation) -> Iterator[tuple[int, list[Part]]]:
    if explanation.outcome:
        yield 0, []
        yield from _outcome(explanation.outcome)
    for message in explanation.messages:
        yield 0, [(message.text, ""), _rule(message.rule)]
    if explanation.answer is not None:
        yield 0, [(f"the unit answers {explanation.answer:#x}", "bold")]
    for register in explanation.registers:
        yield 4, [(f"{register.register} holds {register.after:#x}", "")]
        yield from _fields(register.fields)
    for change in explanation.changes:
        yield from _change(change)
    if explanation.verdict:
        yield 0, []
    for sentence in explanation.verdict:
        yield 0, [(sentence, "red" if "otherwise" in sentence else "")]


def _step(number: int, step: Step) -> Iterator[tuple[int, list[Part]]]:
    head: Part = (f"{number:3}. ", "bold")
    if not step.structure:
        first, *rest = step.notes or (None,)
        text = first.text if first else ""
        rule = first.rule if first else step.rule
        if step.place:
            text, rule, rest = f"{step.place.table}: no entry is read", step.rule, list(step.notes)
        yield 0, [head, (text, ""), _rule(rule)]
    else:
        rest = list(step.notes)
        where = f" at {step.address:#x}: {step.action}"
        yield 0, [head, (step.structure, "bold cyan"), (where, ""), _rule(step.rule)]
    yield from _why(step)
    if step.value is not None:
        yield from _value(step.value, step.size)
    yield from _fields(step.fields)
    for note in rest:
        if note:
            yield UNDER_STEP, [("so: ", "bold"), (note.text, ""), _rule(note.rule)]


def _descriptor(number: int, step: Step) -> Iterator[tuple[int, list[Part]]]:
    """A descriptor of the queue: its state, its fields in one line, what it does or what is wrong with it."""
    state = STATES.get(step.action, step.action)
    handed = f", handed over in line {step.line}" if step.line else ""
    colour = {"complete": "green", "waiting": "yellow"}.get(state, "bold red")
    yield (
        0,
        [
            (f"{number:3}. ", "bold"),
            (step.structure, "bold cyan"),
            (f" at {step.address:#x}: ", ""),
            (state, colour),
            (handed, ""),
            _rule(step.rule),
        ],
    )
    if step.value is not None:
        yield from _value(step.value, step.size)
    parts: list[Part] = []
    for value in step.fields:
        if value.shown:
            address = "" if value.address is None else f", address {value.address:#x}"
            parts.append((f"{value.name} = {value.value:#x}{address}", "bold red" if value.wrong else "green"))
            parts.append((" <--; " if value.wrong else "; ", ""))
    if parts:
        yield UNDER_ENTRY, [*parts[:-1], (parts[-1][0].removesuffix("; "), "")]
    for note in step.notes:
        yield UNDER_STEP, [("so: ", "bold"), (note.text, ""), _rule(note.rule)]
    if step.outcome:
        yield UNDER_STEP, [("so: ", "bold"), (step.outcome.text, "bold red"), _rule(step.outcome.rule)]
        if step.action == NOT_REACHED:  # the remedy of the error itself stands below the queue
            yield UNDER_STEP, _remedy(step.outcome)


def _value(value: int, size: int) -> Iterator[tuple[int, list[Part]]]:
    first, *more = value_lines(value, size)
    yield UNDER_ENTRY, [(f"value {first}", "dim")]
    for line in more:
        yield UNDER_ENTRY, [(f"      {line}", "dim")]


def _why(step: Step) -> Iterator[tuple[int, list[Part]]]:
    """Say why the entry stands where it does."""
    place = step.place
    if place is None:
        return
    alone = len(place.selected) == 1  # then the index is all that they say
    chosen = ", ".join(f"{part}" if alone else f"{part} = {part.value:#x}" for part in place.selected)
    index = f", entry {place.index:#x}" if place.selected or place.index else ""
    yield (
        UNDER_ENTRY,
        [
            ("why there: ", "bold"),
            (f"{place.table} at {place.base:#x} ({place.base_from}){index}{': ' + chosen if chosen else ''}", ""),
        ],
    )


def _fields(fields: tuple[FieldValue, ...]) -> Iterator[tuple[int, list[Part]]]:
    for value in fields:
        if value.shown:
            address = "" if value.address is None else f", address {value.address:#x}"
            meaning = f": {value.meaning}" if value.meaning else ""
            colour = "bold red" if value.wrong else "green"
            mark: list[Part] = [("  <--", "bold red")] if value.wrong else []
            yield UNDER_ENTRY, [(f"{value.name} = {value.value:#x}{address}", colour), *mark, (meaning, "")]


def _outcome(outcome: Outcome) -> Iterator[tuple[int, list[Part]]]:
    yield 0, [(outcome.text, "bold green" if outcome.permitted else "bold red"), _rule(outcome.rule)]
    if outcome.recorded:
        yield 0, [(outcome.recorded, "")]
    if outcome.remedy:
        yield 0, _remedy(outcome)


def _remedy(outcome: Outcome) -> list[Part]:
    return [("what software must change: ", "bold yellow"), (outcome.remedy, "")]


def _change(change: Change) -> Iterator[tuple[int, list[Part]]]:
    yield 0, [(change.register, "bold"), (f" changes from {change.before:#x} to {change.after:#x}", "")]
    yield from _fields(change.fields)


def _rule(rule: str) -> Part:
    return f"  [{rule}]", "dim"
