"""What of the registers that model/arch declares a configuration has; every view of the registers shows that."""

from model.arch import REGISTERS, Access, Field, Register, UnitConfig
from model.arch.registers import CAP, ECAP, VER

__all__ = ["RESERVED", "bits_of", "registers_of", "reset_of"]

RESERVED = (Access.RSVDZ, Access.RSVDP)


def registers_of(config: UnitConfig) -> list[Register]:
    """Return the registers that have a bit in this unit, by offset."""
    found = [
        register
        for register in REGISTERS
        if config.register_exists(register) and any(bits_of(config, register, field) for field in register.fields)
    ]
    return sorted(found, key=config.register_offset)


def bits_of(config: UnitConfig, register: Register, field: Field) -> int:
    """Return ones at the bits of a field that the unit has: addresses end at HAW, features may be absent."""
    if field.kind in RESERVED:
        return 0
    if field.kind in (Access.RW, Access.WO):
        return field.mask & config.writable_mask(register)
    return field.mask


def reset_of(config: UnitConfig, register: Register, field: Field) -> int:
    """Return the value of a field after reset, or for ever."""
    if field.reset is not None:
        return field.reset
    return field.of({VER: config.ver, CAP: config.cap, ECAP: config.ecap}[register])
