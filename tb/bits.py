"""Plain numbers of the models to packed ports and back, after an Amaranth layout."""

from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data

from model.cycle.request import Result

__all__ = ["pack", "result_mask", "unpack"]


def pack(layout: data.StructLayout, value: Any) -> int:
    """Return `value`, a tuple in the order of the layout's fields (nested where the layout is), as bits; None is 0."""
    if value is None:
        return 0
    if not isinstance(layout, data.StructLayout):
        return _checked(Shape.cast(layout).width, value)
    bits = 0
    for (_, field), part in zip(layout, value, strict=True):
        bits |= pack(field.shape, part) << field.offset
    return bits


def unpack(layout: data.StructLayout, bits: int) -> dict[str, Any]:
    """Return the fields of `bits` by name, nested where the layout is: for messages that a person reads."""
    fields = {}
    for name, field in layout:
        part = bits >> field.offset & (1 << field.width) - 1
        fields[name] = unpack(field.shape, part) if isinstance(field.shape, data.StructLayout) else part
    return fields


def result_mask(layout: data.StructLayout, result: Result) -> int:
    """Return ones at the bits of the end of a walk that mean something, which depends on how it ended."""
    if result.fault_reason:
        return _ones(layout, "fault_reason", "suppressed")
    if result.pass_through:
        return _ones(layout, "fault_reason", "pass_through")
    return _ones(layout, "fault_reason", "pass_through", "translation")


def _ones(layout: data.StructLayout, *names: str) -> int:
    return sum((1 << layout[name].width) - 1 << layout[name].offset for name in names)


def _checked(width: int, value: int) -> int:
    if not 0 <= value < 1 << width:
        raise ValueError(f"a field of {width} bits cannot hold {value:#x}")
    return int(value)
