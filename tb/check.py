"""What a bench raises when the unit does not do what it must."""

__all__ = ["CheckFailed"]


class CheckFailed(AssertionError):
    """The unit does not do what it must; the text says what, and in which clock."""
