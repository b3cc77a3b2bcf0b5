"""Texts of others, such as names of files: how they are shown."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """Escape what would steer a terminal, is no character, or may not stand in XML."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
