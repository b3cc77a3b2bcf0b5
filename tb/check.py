"""What a bench raises when the unit does not do what it must."""

from typing import Any

__all__ = ["CheckFailed"]


class CheckFailed(AssertionError):
    """The unit does not do what it must; the text says what, and in which clock. `result` is what a job has of the
    clocks before, None where it keeps nothing."""

    result: dict[str, Any] | None = None
