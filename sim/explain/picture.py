"""An explanation as one SVG picture: the bits of the request, each table and entry on the way, and how it ended."""

from sim.explain.canvas import MONO, Canvas, clip, text_width, wrap
from sim.explain.collecting import QUEUE
from sim.explain.drawing_queue import draw_descriptor
from sim.explain.drawing_steps import Columns, card_height, draw_card, draw_lamps, draw_table, sentence
from sim.explain.explanation import Change, Explanation, Number, Outcome, Selected, Step

__all__ = ["picture"]

WIDTH = 1120
MARGIN = 28
INNER = WIDTH - 2 * MARGIN
LINE = 19
GAP = 30  # between steps
BIT_HEIGHT = 52


def picture(explanation: Explanation) -> str:
    """Return the SVG of an explanation."""
    canvas = Canvas(WIDTH, explanation.title, _description(explanation))
    y = _heading(canvas, explanation)
    y = _numbers(canvas, y, explanation)
    y = _steps(canvas, y, explanation)
    y = _ending(canvas, y, explanation)
    return canvas.svg(y + MARGIN - 10)


def _description(explanation: Explanation) -> str:
    """Say the whole in words, for who cannot see the picture."""
    parts = [explanation.place, *(f"{step.structure} {step.action}" for step in explanation.steps if step.structure)]
    if explanation.outcome:
        parts += [explanation.outcome.text, explanation.outcome.remedy]
    return "; ".join(part for part in parts if part)


def _heading(canvas: Canvas, explanation: Explanation) -> float:
    y = MARGIN + 12.0 - LINE
    for line in wrap(explanation.place, INNER):
        y += LINE
        canvas.text(MARGIN, y, line, "muted")
    for line in wrap(sentence(explanation.title), INNER, 20, bold=True):
        y += 28
        canvas.text(MARGIN, y, line, "title")
    for warning in explanation.warnings:
        for line in wrap(f"Note: {warning}", INNER):
            y += LINE
            canvas.text(MARGIN, y, line, "advice")
    return y + 22


def _numbers(canvas: Canvas, y: float, explanation: Explanation) -> float:
    """Draw each number of the request, cut where steps take their indices from it."""
    if not explanation.numbers or explanation.kind == "register write":
        return y
    x = float(MARGIN)
    for number in explanation.numbers:
        used = [
            (part, at)
            for at, step in enumerate(explanation.steps, start=1)
            if step.place
            for part in step.place.selected
            if part.number == number.name
        ]
        pieces = _pieces(number, used)
        widths = [_piece_width(number, high, low) for high, low, _ in pieces]
        if x > MARGIN and x + sum(widths) > WIDTH - MARGIN:
            x, y = float(MARGIN), y + BIT_HEIGHT + 42
        canvas.text(x, y + 12, f"{number.name} {number.value:#x}", "name")
        right = x + text_width(f"{number.name} {number.value:#x}", bold=True)
        for (high, low, step), width in zip(pieces, widths, strict=True):
            _piece(canvas, x, y + 20, width, number, high, low, step)
            x += width
        x = max(x, right) + 22
    return y + BIT_HEIGHT + 20 + 30


def _pieces(number: Number, used: list[tuple[Selected, int]]) -> list[tuple[int, int, int | None]]:
    """Cut a number into ranges of bits, the highest first, each with the step that it selects an entry for."""
    pieces: list[tuple[int, int, int | None]] = []
    top = number.width - 1
    for part, step in sorted(used, key=lambda pair: -pair[0].high):
        if part.high < top:
            pieces.append((top, part.high + 1, None))
        pieces.append((part.high, part.low, step))
        top = part.low - 1
    if top >= 0:
        pieces.append((top, 0, None))
    return pieces


def _piece_width(number: Number, high: int, low: int) -> float:
    digits = text_width(f"{number.bits(high, low):#x}", 12, MONO)
    return max(digits, text_width(_range(high, low), 11)) + 26


def _range(high: int, low: int) -> str:
    return str(high) if high == low else f"{high}:{low}"


def _piece(
    canvas: Canvas, x: float, y: float, width: float, number: Number, high: int, low: int, step: int | None
) -> None:
    canvas.box(x, y, width, BIT_HEIGHT, "mark-box" if step else "card", 3)
    canvas.text(x + width / 2, y + 17, _range(high, low), "small muted", "middle")
    canvas.text(x + width / 2, y + 34, f"{number.bits(high, low):#x}", "mono", "middle")
    if step:
        _number_mark(canvas, x + width / 2, y + BIT_HEIGHT + 1, step)


def _number_mark(canvas: Canvas, x: float, y: float, number: int) -> None:
    canvas.circle(x, y, 10, "mark-full")
    canvas.text(x, y + 4, str(number), "small inverse", "middle")


def _steps(canvas: Canvas, y: float, explanation: Explanation) -> float:
    has_lamps = any(step.permissions is not None for step in explanation.steps)
    columns = Columns.of(WIDTH - MARGIN, has_lamps=has_lamps)
    if not explanation.steps:
        canvas.text(MARGIN, y + 4, "No table or queue is read", "muted")
        y += LINE + 8
    lamps_before: tuple[float, int] | None = None
    for number, step in enumerate(explanation.steps, start=1):
        following = explanation.steps[number] if number < len(explanation.steps) else None
        if _in_queue(step):
            y = draw_descriptor(canvas, y, WIDTH - MARGIN, number, step)
            y += 0 if following and _in_queue(following) else 16
            continue
        height = _step(canvas, y, columns, number, step, explanation)
        if step.permissions is not None:
            lamps_before = draw_lamps(canvas, columns, y, step, lamps_before)
        if following or explanation.outcome:
            _onward(canvas, columns, y + height, step, following)
        y += height + GAP
    return y


def _in_queue(step: Step) -> bool:
    return step.place is not None and step.place.table == QUEUE


def _step(canvas: Canvas, y: float, columns: Columns, number: int, step: Step, explanation: Explanation) -> float:
    """Draw one step, and return how high it is."""
    refused = explanation.outcome is not None and not explanation.outcome.permitted
    is_fatal = refused and number == len(explanation.steps)
    with_table = step.place is not None
    height = card_height(step, columns, with_table=with_table)
    _number_mark(canvas, MARGIN + 10, y + 22, number)
    if with_table:
        middle = draw_table(canvas, columns, y, step)
        tip = columns.card if step.structure else columns.card - 2
        canvas.path(f"M{columns.table + columns.table_width} {middle:g} H{tip - 1:g}", "arrow")
    draw_card(canvas, columns, y, height, step, is_fatal=is_fatal)
    return height


def _onward(canvas: Canvas, columns: Columns, y: float, step: Step, following: Step | None) -> None:
    """Draw the way from an entry to the next table, or down to what comes next."""
    x = columns.card + 30
    if following is None or following.place is None or not step.structure:
        canvas.path(f"M{x} {y:g} V{y + GAP - 2:g}", "arrow")
    else:
        canvas.path(f"M{x} {y:g} v{GAP / 2:g} H{columns.table + 40} v{GAP / 2 - 2:g}", "arrow")


def _ending(canvas: Canvas, y: float, explanation: Explanation) -> float:
    if explanation.outcome:
        y = _outcome(canvas, y, explanation.outcome)
    for message in explanation.messages:
        canvas.text(MARGIN, y + 12, f"The unit itself: {message.text}", "")
        y += LINE
    if explanation.answer is not None:
        canvas.text(MARGIN, y + 12, f"The unit answers {explanation.answer:#x}", "name")
        y += LINE + 8
    if explanation.changes or explanation.registers:
        y += 8
    for change in (*explanation.registers, *explanation.changes):
        y = _register(canvas, y, change)
    for line_of_verdict in explanation.verdict:
        for line in wrap(sentence(line_of_verdict), INNER):
            canvas.text(MARGIN, y + 14, line, "muted")
            y += LINE
    return y + 6


def _outcome(canvas: Canvas, y: float, outcome: Outcome) -> float:
    look = "good" if outcome.permitted else "bad"
    rows = [(line, look) for line in wrap(sentence(outcome.text), INNER - 150, 13, bold=True)]
    rows += [(line, "") for line in wrap(sentence(outcome.recorded), INNER - 150)]
    y = _panel(canvas, y, outcome.rule, rows, look)
    if outcome.remedy:
        advice = [("What software must change", "advice")]
        y = _panel(canvas, y, "", advice + [(line, "") for line in wrap(outcome.remedy, INNER - 40)], "advice")
    return y


def _panel(canvas: Canvas, y: float, rule: str, rows: list[tuple[str, str]], look: str) -> float:
    height = len(rows) * LINE + 18
    canvas.box(MARGIN, y, INNER, height, f"{look}-box")
    for number, (line, text_look) in enumerate(rows):
        canvas.text(MARGIN + 18, y + 22 + number * LINE, line, text_look)
    canvas.text(WIDTH - MARGIN - 16, y + 22, rule, f"{look} mono", "end")
    return y + height + 12


def _register(canvas: Canvas, y: float, change: Change) -> float:
    """Write a register, what it holds now and held before, and its fields below."""
    values = f"{change.after:#x}" if change.before == change.after else f"{change.before:#x} → {change.after:#x}"
    canvas.text(MARGIN, y + 14, change.register, "name")
    canvas.text(MARGIN + 84, y + 14, values, "mono")
    shown = [f"{value.name} {value.value:#x}" for value in change.fields if value.shown]
    lines = wrap("   ".join(shown).replace(" 0x", "\u00a00x"), INNER - 84, 12, MONO)
    for number, line in enumerate(lines, start=1):
        canvas.text(MARGIN + 84, y + 14 + number * LINE, clip(line, INNER - 84), "mono muted")
    return y + LINE * (1 + len(lines)) + 8
