"""What a bench raises when the unit does not do what it must."""

import traceback
from typing import Any

__all__ = ["CheckFailed", "defect"]


class CheckFailed(AssertionError):
    """The unit does not do what it must; the text says what, and in which clock. `result` is what a job has of the
    clocks before, None where it keeps nothing."""

    result: dict[str, Any] | None = None


def defect(error: Exception) -> str:
    """Return what to say of an error that is no check's: what it is, and below that its place."""
    return f"a defect of the bench: {type(error).__name__}: {error}\n{''.join(traceback.format_exception(error))}"
