"""Helpers on one-hot vectors."""

from amaranth import *

__all__ = ["lowest", "select"]


def lowest(bits):
    """Return `bits` with only its lowest 1 left."""
    return (bits & (~bits + 1))[: len(bits)]


def select(one_hot, values):
    """Return the value whose bit of `one_hot` is 1, as bits, 0 when none is."""
    result = Const(0, len(Value.cast(values[0])))
    for bit, value in zip(one_hot, values, strict=True):
        result = result | Mux(bit, value, 0)
    return result
