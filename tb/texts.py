"""What travels and is compared, in words, for the messages of a run that fails."""

from typing import Any

from model.arch import FaultReason
from model.arch.fields import Structure

__all__ = ["fault", "fields_of", "named"]


def fault(reason: int) -> str:
    """Return a fault reason with its name."""
    return f"fault {reason:#04x} {FaultReason(reason).name}"


def fields_of(structure: Structure, value: int) -> str:
    """Return the fields of a structure in memory that are not 0."""
    fields = structure.unpack(value).items()
    return ", ".join(f"{name} {number:#x}" for name, number in fields if number) or "all 0"


def named(values: Any) -> str:
    """Return a named tuple of numbers as its fields: `id 0x1, addr 0x2000`; None is nothing."""
    if values is None:
        return "nothing"
    fields = values._asdict().items()
    return ", ".join(f"{name} ({named(v)})" if hasattr(v, "_asdict") else f"{name} {v:#x}" for name, v in fields)
