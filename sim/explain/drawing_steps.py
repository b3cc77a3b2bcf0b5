"""Parts of the picture of a walk: a table with the selected entry, the entry's card, the permission so far."""

from dataclasses import dataclass
from typing import Self

from model.reference.steps import spell_bits
from sim.explain.canvas import MONO, Canvas, clip, text_width, wrap
from sim.explain.decoding import ones, value_lines
from sim.explain.explanation import FieldValue, Step

__all__ = [
    "Columns",
    "card_height",
    "chips_height",
    "chips_of",
    "draw_card",
    "draw_chips",
    "draw_lamps",
    "draw_table",
    "sentence",
]

CHIP_HEIGHT = 23
LINE = 18
SMALL, SMALL_LINE = 11, 15
PADDING = 14
RULE_WIDTH = 70
WIDE_FIELD_BITS = 64
LAMPS = ((0, "R", 1), (44, "W", 2))  # offset, letter, bit of the permissions


@dataclass(frozen=True)
class Columns:
    """Where tables, cards and lamps stand, in pixels from the left."""

    table: int
    table_width: int
    card: int
    card_width: int
    lamps: int

    @classmethod
    def of(cls, right: int, *, has_lamps: bool) -> Self:
        """Lay out columns that end at `right`."""
        lamps = right - 88
        return cls(60, 296, 400, (lamps - 18 if has_lamps else right) - 400, lamps)

    def span(self, step: Step) -> tuple[int, int]:
        """Return left edge and width of a step's card: all that there is without a table."""
        if step.place is None:
            return self.table, self.card + self.card_width - self.table
        return self.card, self.card_width


Chip = tuple[str, str, float]  # text, look, width


def chips_of(fields: tuple[FieldValue, ...], *, without: tuple[str, ...] = ()) -> list[Chip]:
    """Return a chip for each field that is worth it."""
    chips = []
    for value in fields:
        if not value.shown or value.name in without or (value.meaning == "ignored" and not value.wrong):
            continue
        text = clip(_chip_text(value), 430)
        chips.append((text, "bad" if value.wrong else "", text_width(text, 12, MONO) + 16))
    return chips


def _chip_text(value: FieldValue) -> str:
    if value.address is not None:
        return f"{value.name} → {value.address:#x}"
    if value.meaning == "reserved":
        return f"{value.name} {spell_bits(value.value << value.low)}"
    if value.high - value.low >= WIDE_FIELD_BITS and value.value:
        return f"{value.name} bits {ones(value.value)}"
    return f"{value.name} {value.value:#x}" if value.high > value.low else f"{value.name} {value.value}"


def _rows_of(chips: list[Chip], width: float) -> list[list[Chip]]:
    rows: list[list[Chip]] = [[]]
    for chip in chips:
        if rows[-1] and sum(w + 6 for _, _, w in rows[-1]) + chip[2] > width:
            rows.append([])
        rows[-1].append(chip)
    return rows if chips else []


def chips_height(chips: list[Chip], width: float) -> float:
    """Return how high chips are in rows of `width`."""
    return len(_rows_of(chips, width)) * (CHIP_HEIGHT + 5)


def draw_chips(canvas: Canvas, x: float, y: float, width: float, chips: list[Chip]) -> float:
    """Draw chips in rows from `y` on, and return how high they are."""
    rows = _rows_of(chips, width)
    for number, row in enumerate(rows):
        at = x
        for text, look, chip_width in row:
            top = y + number * (CHIP_HEIGHT + 5)
            canvas.box(at, top, chip_width, CHIP_HEIGHT - 2, "bad-box" if look else "chip", 4)
            canvas.text(at + 8, top + 15, text, f"mono {look}".strip())
            at += chip_width + 6
    return chips_height(chips, width)


def _notes(step: Step, width: float) -> list[list[str]]:
    return [wrap(sentence(note.text), width - RULE_WIDTH) for note in step.notes]


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def card_height(step: Step, columns: Columns, *, with_table: bool) -> float:
    """Return how high a step's card is."""
    _, width = columns.span(step)
    inner = width - 2 * PADDING
    height: float = 2 * PADDING - 6 + max(LINE * sum(map(len, _notes(step, inner))), 6)
    if step.structure:
        height += LINE + 8 + chips_height(chips_of(step.fields), inner)
    if step.value is not None:
        height += LINE * len(value_lines(step.value, step.size))
    return max(height, _Table(step, columns).height if with_table else 0)


class _Table:
    """The texts of a table, broken into lines, and how high they make its parts."""

    def __init__(self, step: Step, columns: Columns) -> None:
        assert step.place is not None
        self.base = f"{step.place.base:#x}"
        self.origin_x = 12 + text_width(self.base, 12, MONO) + 8
        origin = f"from {step.place.base_from}"
        fits = self.origin_x + text_width(origin, SMALL) <= columns.table_width - 8
        self.beside = [origin] if fits else []
        self.below = [] if fits else wrap(origin, columns.table_width - 24, SMALL)
        chosen = ", ".join(str(part).replace(" of the ", " of ") for part in step.place.selected)
        self.chosen = wrap(_short(chosen), columns.table_width - 110, SMALL)
        self.entries = 50 + SMALL_LINE * len(self.below)  # where they begin
        self.entry_height = 22 + SMALL_LINE * max(len(self.chosen) - 1, 0)
        self.height = self.entries + self.entry_height + 24


def draw_table(canvas: Canvas, columns: Columns, y: float, step: Step) -> float:
    """Draw a table as a box of entries, the selected one marked, and return where its middle is."""
    place, table = step.place, _Table(step, columns)
    assert place is not None
    x, width = columns.table, columns.table_width
    canvas.box(x, y, width, table.height, "card")
    canvas.text(x + 12, y + 20, sentence(place.table), "name")
    canvas.text(x + 12, y + 38, table.base, "mono")
    for line in table.beside:
        canvas.text(x + table.origin_x, y + 38, line, "small muted")
    for number, line in enumerate(table.below):
        canvas.text(x + 12, y + 53 + number * SMALL_LINE, line, "small muted")
    top = y + table.entries + 8
    for line_y in (top - 8, top - 4, top + table.entry_height + 4, top + table.entry_height + 8):
        canvas.path(f"M{x + 8} {line_y:g} H{x + width - 8}", "rule")
    canvas.box(x + 1, top, width - 2, table.entry_height, "mark-box", 0)
    name = f"entry {place.index:#x}" if table.chosen or place.index else "this descriptor"
    canvas.text(x + 12, top + 15, name, "marked")
    for number, line in enumerate(table.chosen):
        canvas.text(x + width - 10, top + 15 + number * SMALL_LINE, line, "small muted", "end")
    return top + table.entry_height / 2


def _short(chosen: str) -> str:
    """Name the number once where both parts are bits of the same."""
    parts = chosen.split(", ")
    owners = {part.rpartition(" of ")[2] for part in parts}
    if len(parts) > 1 and len(owners) == 1:
        bits = " and ".join(part.rpartition(" of ")[0].replace("bits ", "").replace("bit ", "") for part in parts)
        return f"bits {bits} of {owners.pop()}"
    return chosen


def draw_card(canvas: Canvas, columns: Columns, y: float, height: float, step: Step, *, is_fatal: bool) -> None:
    """Draw the card of an entry: name, address, value, fields, and what was found out from it."""
    x, width = columns.span(step)
    canvas.box(x, y, width, height, "bad-box" if is_fatal else "card")
    inner, at = x + PADDING, y + PADDING + (7.0 if step.structure else 10.0)
    rule_at = y + height - 10 if step.structure else at
    canvas.text(x + width - PADDING, rule_at, step.rule, "small muted", "end")
    if step.structure:
        failed = "fails" in step.action or step.action == "wrong"
        canvas.text(inner, at, step.structure, "name")
        where = f"{step.address:#x}" + ("" if step.action == "read" else f"   {step.action}")
        canvas.text(x + width - PADDING, at, where, "mono bad" if failed else "mono", "end")
        at += LINE
        if step.value is not None:
            for line in value_lines(step.value, step.size):
                canvas.text(inner, at, line, "mono muted")
                at += LINE
        at += draw_chips(canvas, inner, at - 9, width - 2 * PADDING, chips_of(step.fields)) + 8
    notes = _notes(step, width - 2 * PADDING)
    for number, lines in enumerate(notes, start=1):
        for line in lines:  # what led to a refusal was found last
            canvas.text(inner, at, line, "bad" if is_fatal and number == len(notes) else "")
            at += LINE


def draw_lamps(
    canvas: Canvas, columns: Columns, y: float, step: Step, before: tuple[float, int] | None
) -> tuple[float, int]:
    """Draw whether reads and writes are permitted so far; return where the lamps stand, and the permissions."""
    permissions = step.permissions or 0
    at = y + 36
    if before is None:
        canvas.text(columns.lamps + 32, y + 10, "permitted so far", "small muted", "middle")
    for offset, letter, bit in LAMPS:
        x = columns.lamps + 10 + offset
        if before:
            look = "good-line" if before[1] & bit else "off-line"
            canvas.path(f"M{x} {before[0] + 14:g} V{at - 14:g}", look)
        is_lost = any(field.wrong and field.name == letter for field in step.fields)
        canvas.circle(x, at, 13, "good-full" if permissions & bit else "bad-box" if is_lost else "off")
        look = "inverse" if permissions & bit else "bad" if is_lost else "muted"
        canvas.text(x, at + 5, letter, look, "middle")
    return at, permissions
