"""From entries and registers to their fields with values and meaning."""

from dataclasses import dataclass
from itertools import groupby

from model.arch import REGISTERS, Access, Field, Kind, Register, Structure, UnitConfig
from model.reference import Unit
from sim.explain.explanation import Change, FieldValue

__all__ = ["NamedRegister", "fields_of", "ones", "register_change", "registers_at", "registers_of", "value_lines"]

# Shown even when 0: their absence is what most refusals are about.
SHOWN_WHEN_ZERO = ("P", "R", "W")

# Fields that hold an address without its low bits.
ADDRESS_FIELDS = ("CTP", "SSPTPTR", "ADDR", "STADDR", "RTA", "IRTA", "IQA")

WIDE_FIELD_BITS = 64  # above that a number says little, its bits that are 1 do


@dataclass(frozen=True)
class NamedRegister:
    """One register of a unit: `name` with its number where there are several, `offset` in bytes."""

    name: str
    register: Register
    offset: int

    def read(self, unit: Unit) -> int:
        """Return the whole value, as software reads it."""
        sizes = [8] * (self.register.width // 64) or [4]
        return sum(unit.read_register(self.offset + 8 * at, size) << 64 * at for at, size in enumerate(sizes))


def registers_of(config: UnitConfig) -> list[NamedRegister]:
    """Return every register of a unit, one by one."""
    found = []
    for register in REGISTERS:
        if config.register_exists(register):
            offset = config.register_offset(register)
            if register.stride:
                found += [
                    NamedRegister(f"{register.name}[{number}]", register, offset + number * register.stride)
                    for number in range(config.nfr)
                ]
            else:
                found.append(NamedRegister(register.name, register, offset))
    return found


def registers_at(config: UnitConfig, offset: int, size: int) -> list[NamedRegister]:
    """Return the registers that an access of `size` bytes at `offset` touches."""
    return [
        named
        for named in registers_of(config)
        if named.offset < offset + size and offset < named.offset + named.register.width // 8
    ]


def register_change(named: NamedRegister, before: int, after: int, config: UnitConfig) -> Change:
    """Return a register's change, with the fields of its new value; those that differ are shown too."""
    return Change(named.name, before, after, fields_of(named.register, after, config, differing=before ^ after))


def fields_of(
    owner: Structure | Register, value: int, config: UnitConfig, *, wrong: int = 0, differing: int = 0
) -> tuple[FieldValue, ...]:
    """Return all fields of a value; those with a bit in `wrong` or `differing` are shown though they are 0."""
    return tuple(_field(field, value, config, wrong, differing) for field in owner.fields)


def _field(field: Field, value: int, config: UnitConfig, wrong: int, differing: int) -> FieldValue:
    number = field.of(value)
    is_wrong = bool(field.mask & wrong)
    is_reserved = field.kind in (Kind.RESERVED, Access.RSVDZ, Access.RSVDP)
    shown = number or is_wrong or field.name in SHOWN_WHEN_ZERO or (field.mask & differing and not is_reserved)
    return FieldValue(
        name=field.name,
        high=field.lsb + field.width - 1,
        low=field.lsb,
        value=number,
        address=field.in_place(value) if field.name in ADDRESS_FIELDS else None,
        meaning=_meaning(field, number, config),
        wrong=is_wrong,
        shown=bool(shown),
    )


def _meaning(field: Field, number: int, config: UnitConfig) -> str:
    if field.kind is Kind.IGNORED:
        return "ignored"
    if field.kind in (Kind.RESERVED, Access.RSVDZ, Access.RSVDP):
        return "reserved"
    if field.reserved_unless and not config.has(field.reserved_unless):
        return f"reserved, since {field.reserved_unless} is 0"
    if field.width > WIDE_FIELD_BITS and number:
        return f"{field.meaning}; bits that are 1: {ones(number)}"
    return field.meaning


def value_lines(value: int, size: int) -> list[str]:
    """Spell a value of `size` bytes in quadwords, the highest first, four a line."""
    words = [f"{value >> 64 * at & 0xFFFFFFFFFFFFFFFF:016x}" for at in reversed(range(max(size // 8, 1)))]
    lines = ["_".join(words[at : at + 4]) for at in range(0, len(words), 4)]
    return ["0x" + lines[0], *("  " + line for line in lines[1:])]


def ones(number: int) -> str:
    """Spell the bits that are 1, with ranges."""
    bits = [bit for bit in range(number.bit_length()) if number >> bit & 1]
    runs = [[bit for _, bit in run] for _, run in groupby(enumerate(bits), lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{run[0]:#x}" if len(run) == 1 else f"{run[0]:#x} to {run[-1]:#x}" for run in runs)
