"""Part of the picture of an invalidation queue: one descriptor, its effect, and what became of it."""

from sim.explain.canvas import Canvas, text_width, wrap
from sim.explain.collecting import NOT_REACHED, STATES
from sim.explain.drawing_steps import chips_height, chips_of, draw_chips, sentence
from sim.explain.explanation import Step

__all__ = ["draw_descriptor"]

LEFT = 60
SLOT_WIDTH = 132
LINE = 18

LOOKS = {"complete": "good", "waiting": "advice"}  # of a descriptor in this state; any other is wrong

TYPE_FIELDS = ("TYPE_LO", "TYPE_HI")  # the name of the descriptor says it


def draw_descriptor(canvas: Canvas, y: float, right: int, number: int, step: Step) -> float:
    """Draw one descriptor as a row that joins the one above, and return where the next begins."""
    state = STATES.get(step.action, step.action)
    look = LOOKS.get(state, "bad")
    x = LEFT + SLOT_WIDTH
    width = right - x
    inner = width - 130
    chips = chips_of(step.fields, without=() if look == "bad" else TYPE_FIELDS)
    notes = [(line, "") for note in step.notes for line in wrap(sentence(note.text), inner)]
    if step.outcome:
        notes += [(line, "bad") for line in wrap(sentence(step.outcome.text), inner)]
        if step.action == NOT_REACHED:  # the remedy of the error itself stands below the queue
            notes += [(line, "advice") for line in wrap(step.outcome.remedy, inner, bold=True)]
    height = 34 + len(notes) * LINE + chips_height(chips, inner)
    canvas.box(LEFT, y, SLOT_WIDTH, height, f"{look}-box", 0)
    canvas.box(x, y, width, height, "card", 0)
    canvas.text(LEFT - 12, y + 22, str(number), "small muted", "end")
    assert step.address is not None
    canvas.text(LEFT + 10, y + 21, f"{step.address:#x}", "mono")
    canvas.text(x + 14, y + 21, step.structure, "name")
    canvas.text(right - 14, y + 21, state, look, "end")
    if step.line:
        canvas.text(
            right - 14 - text_width(state, 13, bold=True) - 12, y + 21, f"line {step.line}", "small muted", "end"
        )
    at = y + 21 + LINE
    at += draw_chips(canvas, x + 14, at - 9, inner, chips)
    for line, note_look in notes:
        canvas.text(x + 14, at + 4, line, note_look)
        at += LINE
    return y + height
