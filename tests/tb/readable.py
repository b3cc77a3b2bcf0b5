"""What no message to a person has in it."""

import re

__all__ = ["assert_readable"]

# The text of a Python object, a value that only Python calls so, and a number that should be hexadecimal.
UNREADABLE = re.compile(r"\w\(\w+=|\b(?:None|True|False)\b|<\w|\b\d{6,}\b")


def assert_readable(text: str) -> None:
    """Check the text of a failure."""
    assert not UNREADABLE.search(text), text
