"""The registers of a configuration as SystemRDL 2.0: a view of model/arch/registers.py, which declares them."""

import re
from enum import IntEnum
from textwrap import indent

from model.arch import CONDITIONS, Access, FaultReason, Field, Register, UnitConfig
from model.arch.encodings import ContextGranularity, IotlbGranularity, IqeiCode, TableMode
from model.arch.registers import CAP, CCMD, ECAP, FRCD, IOTLB, IQERCD, RTADDR, VER
from sim.handover.narrowing import RESERVED, bits_of, registers_of, reset_of

__all__ = ["rdl"]

ACCESS = {
    Access.RO: "sw = r; hw = w;",
    Access.ROS: "sw = r; hw = w;",
    Access.RW: "sw = rw; hw = r;",
    Access.RW1C: "sw = rw; onwrite = woclr; hw = w;",
    Access.RW1CS: "sw = rw; onwrite = woclr; hw = w;",
    Access.WO: "sw = w; hw = r;",
}
CONSTANT = "sw = r; hw = na;"
COMMAND = "sw = rw; hw = rw; hwclr;"
COMMANDS = (CCMD["ICC"], IOTLB["IVT"])  # the unit clears them when it is done
HALF = 64  # registers are accessed in 4 or 8 bytes, so that one of 128 bits is two

# Encoding -> the fields that hold it.
ENCODINGS: dict[type[IntEnum], tuple[Field, ...]] = {
    TableMode: (RTADDR["TTM"],),
    ContextGranularity: (CCMD["CIRG"], CCMD["CAIG"]),
    IotlbGranularity: (IOTLB["IIRG"], IOTLB["IAIG"]),
    IqeiCode: (IQERCD["IQEI"],),
    FaultReason: (FRCD["FR"],),
}

HEADER = """\
// Registers of vtd_unit in one configuration, made by `vtd generate`.
// vtd_access is the access as the VT-d specification spells it. Bits without a field are reserved.

property vtd_access { component = field; type = string; };

"""
PREAMBLE = """\
name = "VT-d remapping unit";
desc = "Registers of the unit, behind s_axil_. Read and write them in aligned pieces of 4 or 8 bytes.";
littleendian; lsb0;
default accesswidth = 32;
"""


def rdl(config: UnitConfig) -> str:
    """Return the SystemRDL of all registers that a unit of this configuration has."""
    encodings = "\n".join(_enum(encoding, users[0].width) for encoding, users in ENCODINGS.items())
    body = "\n".join([PREAMBLE, *(_placed(config, register) for register in registers_of(config))])
    return f"{HEADER}{encodings}\naddrmap vtd_unit {{\n{indent(body, '    ')}}};\n"


def _enum(encoding: type[IntEnum], bits: int) -> str:
    rows = []
    for value in encoding:
        why = [c.text for c in CONDITIONS.values() if c.reason is value] if encoding is FaultReason else []
        lines = [f"name = {_text(value.name.lower().replace('_', ' '))};", *_description(why)]
        rows.append(f"    {value.name} = {bits}'h{value.value:x} {{ {' '.join(lines)} }};\n")
    return f"enum {encoding.__name__} {{\n{''.join(rows)}}};\n"


def _placed(config: UnitConfig, register: Register) -> str:
    """Return a register at its place; one of 128 bits is a register file of two halves."""
    place = f"@ {config.register_offset(register):#05x}"
    if register is not FRCD:
        return f"{_register(config, register)} {register.name} {place};\n"
    low, high = _register(config, register, 0, HALF), _register(config, register, HALF, HALF)
    halves = f"name = {_text(register.meaning)};\n{low} LO @ 0x0;\n{high} HI @ 0x8;\n"
    return f"regfile {{\n{indent(halves, '    ')}}} FRCD[{config.nfr}] {place} += {register.stride:#x};\n"


def _register(config: UnitConfig, register: Register, low: int = 0, width: int = 0) -> str:
    """Return a register, or the `width` bits of it from `low` up."""
    part = f", bits {low + width - 1} to {low}" if width else ""
    width = width or register.width
    fields = [f for f in register.fields if low <= f.lsb < low + width]
    lines = [
        f"name = {_text(register.meaning + part)};",
        *_description(_reserved(config, register, fields)),
        f"regwidth = {width};",
        *(_field(config, register, field, low) for field in fields if bits_of(config, register, field)),
    ]
    return "reg {\n" + indent("\n".join(lines), "    ") + "\n}"


def _reserved(config: UnitConfig, register: Register, fields: list[Field]) -> list[str]:
    """Return what software has to know about bits that are no field of this unit."""
    preserved = [f"{f.lsb + f.width - 1}:{f.lsb}" for f in fields if f.kind is Access.RSVDP]
    absent = [f.name for f in fields if f.kind not in RESERVED and not bits_of(config, register, f)]
    return [
        *([f"bits {', '.join(preserved)} are RsvdP: write back what was read"] if preserved else []),
        *([f"this unit does not have {', '.join(absent)}: write 0"] if absent else []),
    ]


def _field(config: UnitConfig, register: Register, field: Field, low: int) -> str:
    bits = bits_of(config, register, field)
    lsb, msb = (bits & -bits).bit_length() - 1 - low, bits.bit_length() - 1 - low
    narrowed = [] if bits == field.mask else [f"this unit has bits {msb}:{lsb} of it, the others are 0"]
    lines = [
        f"name = {_text(_short(field.meaning))};",
        *_description([field.meaning, *narrowed, f"access {field.kind.value}"]),
        _access(register, field),
        f"vtd_access = {_text(field.kind.value)};",
        *(f"encode = {encoding.__name__};" for encoding, users in ENCODINGS.items() if field in users),
    ]
    reset = f"{msb - lsb + 1}'h{reset_of(config, register, field):x}"
    return "field {\n" + indent("\n".join(lines), "    ") + f"\n}} {field.name}[{msb}:{lsb}] = {reset};"


def _access(register: Register, field: Field) -> str:
    if register in (VER, CAP, ECAP):
        return CONSTANT
    assert isinstance(field.kind, Access), f"{field.name} is a field of a register"
    return COMMAND if field in COMMANDS else ACCESS[field.kind]


def _short(meaning: str) -> str:
    """Return the part of a meaning that can stand for a name."""
    return re.split(r"[:;,] | \(", meaning)[0]


def _description(notes: list[str]) -> list[str]:
    """Return a line with notes made sentences; none when there are none."""
    sentences = " ".join(note[0].upper() + note[1:].rstrip(".") + "." for note in notes)
    return [f"desc = {_text(sentences)};"] if notes else []


def _text(text: str) -> str:
    """Return a string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
