"""Helpers on vectors of which each bit stands for a number: one-hot ones, and those with ones below a number."""

from amaranth import *

__all__ = ["below", "lowest", "number_of", "select"]


def below(number, count):
    """Return `count` bits, ones at the places below `number`."""
    if not len(number):
        return Const(0, count)
    top, rest = number[-1], below(number[:-1], 1 << len(number) - 1)
    return Cat(rest | top.replicate(len(rest)), rest & top.replicate(len(rest)))[:count]


def lowest(bits):
    """Return `bits` with only its lowest 1 left."""
    return (bits & (~bits + 1))[: len(bits)]


def select(one_hot, values):
    """Return the value whose bit of `one_hot` is 1, as bits, 0 when none is."""
    result = Const(0, len(Value.cast(values[0])))
    for bit, value in zip(one_hot, values, strict=True):
        result = result | Mux(bit, value, 0)
    return result


def number_of(one_hot):
    """Return the position of the 1, 0 when there is none."""
    bits = range(max(1, (len(one_hot) - 1).bit_length()))
    return Cat(Cat(C(0), (bit for i, bit in enumerate(one_hot) if i >> b & 1)).any() for b in bits)
