"""Bit fields, the one form in which registers and memory structures are declared.

A field is declared once and read three ways: as a Python value (`Field.of`, `Structure.pack`, `Structure.unpack`),
as an Amaranth layout (`Structure.layout`, `Register.layout`), and as a register description (name, access, meaning).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise

__all__ = ["Access", "Field", "Kind", "Register", "Structure"]


class Kind(Enum):
    """What hardware does with the bits of a memory structure."""

    FIELD = "field"
    IGNORED = "ignored"
    RESERVED = "reserved"  # must be 0, and is checked


class Access(Enum):
    """What software may do with the bits of a register; the spelling is the specification's."""

    RO = "RO"
    ROS = "ROS"
    RW = "RW"
    RW1C = "RW1C"
    RW1CS = "RW1CS"
    WO = "WO"
    RSVDZ = "RsvdZ"
    RSVDP = "RsvdP"


@dataclass(frozen=True, slots=True)
class Field:
    """Bits `lsb + width - 1` to `lsb` of a register or structure.

    `reserved_unless` names the capability ("ECAP.SC", "CAP.SSLPS[1]") or control ("RTADDR.SSIRWE") without which
    the bits of a structure are reserved. `reset` is the value after power-on, None where the configuration fixes it.
    """

    name: str
    lsb: int
    width: int
    kind: Kind | Access
    meaning: str = ""
    reserved_unless: str | None = None
    reset: int | None = 0

    @property
    def mask(self) -> int:
        """Ones where the field is."""
        return ((1 << self.width) - 1) << self.lsb

    def of(self, value: int) -> int:
        """Return the field's bits of `value`, shifted down to bit 0."""
        return value >> self.lsb & (1 << self.width) - 1

    def in_place(self, value: int) -> int:
        """Return the field's bits of `value` where they stand in their quadword, all others 0: an address field
        gives the address."""
        return (value & self.mask) >> self.lsb // 64 * 64

    def to(self, number: int) -> int:
        """Return `number` placed at the field; ValueError when it does not fit."""
        if not 0 <= number < 1 << self.width:
            raise ValueError(f"{self.name} must fit in {self.width} bits, not {number:#x}")
        return number << self.lsb


def _by_name(owner: str, width: int, fields: tuple[Field, ...]) -> dict[str, Field]:
    """Index the fields; ValueError when they leave a bit undeclared, overlap, or share a name."""
    if fields[0].lsb != 0 or fields[-1].lsb + fields[-1].width != width:
        raise ValueError(f"{owner} must declare every bit from 0 to {width - 1}")
    for low, high in pairwise(fields):
        if low.lsb + low.width != high.lsb:
            raise ValueError(f"{owner}.{high.name} must start at bit {low.lsb + low.width}, not {high.lsb}")
    index = {field.name: field for field in fields}
    if len(index) != len(fields):
        raise ValueError(f"{owner} declares a field name twice")
    return index


@dataclass(frozen=True)
class _Fields:
    name: str
    width: int
    meaning: str
    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        _by_name(self.name, self.width, self.fields)

    @cached_property
    def _index(self) -> Mapping[str, Field]:
        return _by_name(self.name, self.width, self.fields)

    def __getitem__(self, name: str) -> Field:
        """Return the field of that name; KeyError when there is none."""
        return self._index[name]

    @property
    def layout(self) -> dict[str, int]:
        """Field widths from bit 0 up, as `amaranth.lib.data.StructLayout` takes them."""
        return {field.name.lower(): field.width for field in self.fields}

    def pack(self, **values: int) -> int:
        """Return the value whose named fields hold `values`, all others 0; KeyError, ValueError."""
        return sum(self[name].to(number) for name, number in values.items())

    def unpack(self, value: int) -> dict[str, int]:
        """Return every field of `value` by name, reserved and ignored ones too."""
        return {field.name: field.of(value) for field in self.fields}


@dataclass(frozen=True)
class Structure(_Fields):
    """A structure in memory; bit 0 is bit 0 of its first byte. `width` in bits, `fields` from bit 0 up."""

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return self.width // 8

    def reserved_mask(self, exists: Callable[[str], bool]) -> int:
        """Return ones at every reserved bit; `exists` says whether a capability or control is 1."""
        return sum(
            field.mask
            for field in self.fields
            if field.kind is Kind.RESERVED or (field.reserved_unless and not exists(field.reserved_unless))
        )


@dataclass(frozen=True, kw_only=True)
class Register(_Fields):
    """A memory-mapped register.

    `offset` in bytes from `base`: "" is the register base, "IRO" and "FRO" the places that ECAP and CAP announce.
    `exists_if` lists the capabilities of which one must be 1. `stride` in bytes, when there are several.
    """

    offset: int
    base: str = ""
    exists_if: tuple[str, ...] = ()
    stride: int = 0

    def __hash__(self) -> int:
        return hash(self.name)

    def mask(self, *kinds: Access) -> int:
        """Return ones at every bit with one of these kinds of access."""
        return sum(field.mask for field in self.fields if field.kind in kinds)

    @property
    def reset(self) -> int:
        """Value after power-on, 0 where the configuration fixes it."""
        return sum((field.reset or 0) << field.lsb for field in self.fields)
