"""Helpers on vectors of which each bit stands for a number: one-hot ones, and those with ones below a number."""

from amaranth import *

__all__ = ["at", "below", "decoded", "first", "in_turn", "lowest", "lowest_number", "lowest_of", "number_of", "select"]


def at(number, values):
    """Return the value at the place `number`, by a tree of multiplexers."""
    if len(values) == 1:
        return values[0]
    values = list(values)
    return Mux(number[0], at(number[1:], values[1::2]), at(number[1:], values[::2]))


def below(number, count):
    """Return `count` bits, ones at the places below `number`."""
    if not len(number):
        return Const(0, count)
    top, rest = number[-1], below(number[:-1], 1 << len(number) - 1)
    return Cat(rest | top.replicate(len(rest)), rest & top.replicate(len(rest)))[:count]


def in_turn(wants, turn):
    """Return the one of `wants` that comes after the last one chosen, `turn`, going round."""
    after = wants & Cat(turn[:place].any() for place in range(len(turn)))
    return Mux(after.any(), lowest(after), lowest(wants))


def decoded(number):
    """Return the vector whose bit at `number` is 1, the others 0."""
    return Cat(_decoded_bits(number))


def _decoded_bits(number):
    if len(number) == 1:
        return [~number[0], number[0]]
    half = len(number) // 2
    low, high = _decoded_bits(number[:half]), _decoded_bits(number[half:])
    return [a & b for b in high for a in low]


def first(bits):
    """Return `bits` with only its lowest 1 left, in few levels of logic."""
    return Cat(bit & ~bits[:i].any() if i else bit for i, bit in enumerate(bits))


def lowest(bits):
    """Return `bits` with only its lowest 1 left."""
    return Cat(bit & ~bits[:place].any() for place, bit in enumerate(bits))


def lowest_number(bits):
    """Return the position of the lowest 1 of `bits`; any number when there is none."""
    if len(bits) == 1:
        return Const(0, 0)
    half = 1 << (len(bits) - 1).bit_length() - 1
    low = bits[:half]
    return Cat(Mux(low.any(), lowest_number(low), lowest_number(bits[half:])), ~low.any())


def lowest_of(bits, values):
    """Return the value that goes with the lowest 1 of `bits`; any of them when there is none."""
    if len(bits) == 1:
        return values[0]
    half = 1 << (len(bits) - 1).bit_length() - 1
    return Mux(bits[:half].any(), lowest_of(bits[:half], values[:half]), lowest_of(bits[half:], values[half:]))


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
