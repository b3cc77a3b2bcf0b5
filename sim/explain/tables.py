"""Tables typed into a TOML file instead of a recording: registers as software writes them, and memory.

    [unit]         # only where it differs from the default configuration: fields of UnitConfig
    haw = 39
    [registers]    # written in this order, as software would; a list is several writes
    RTADDR = 0x1000
    [memory]       # quadwords from an address on; "fails" is one that cannot be read
    0x1000 = [0x2001, 0]

Memory is 0 elsewhere. Without a GCMD of its own the file ends with one that turns on what has tables.
"""

from pathlib import Path
from typing import Any

from model.arch import REGISTERS, Access, ConfigError, Register, UnitConfig
from model.arch.registers import FRCD, GCMD, IQA, IRTA, RTADDR
from model.reference import Memory, Unit
from sim.explain.scene import ExplainError, QueueHistory, Scene
from sim.printable import printable
from sim.section import read_toml

__all__ = ["scene_of_tables"]

PARTS = ("unit", "registers", "memory")
QUADWORD = 8
FAILS = "fails"

# Registers that name tables -> what software then sets in GCMD.
TURNED_ON = {RTADDR: GCMD["SRTP"].mask | GCMD["TE"].mask, IRTA: GCMD["SIRTP"].mask | GCMD["IRE"].mask}
TURNED_ON |= {IQA: GCMD["QIE"].mask}


def scene_of_tables(path: Path) -> Scene:
    """Return the unit that a TOML file describes; ExplainError, one sentence with the place, for what is wrong."""
    values = read_toml(path, "a TOML file of registers and memory must be there", ExplainError)
    for name, part in values.items():
        if name not in PARTS or not isinstance(part, dict):
            raise ExplainError(f"{path}: {name} is no part of such a file; there are [unit], [registers] and [memory]")
    config = _config(path, values.get("unit", {}))
    memory = Memory()
    for address, quadword in _quadwords(path, values.get("memory", {})):
        if quadword is None:
            memory.fail(address, QUADWORD)
        else:
            memory.load(address, quadword.to_bytes(QUADWORD, "little"))
    unit = Unit(config, memory)
    queue = QueueHistory(unit)
    for register, value in _writes(path, values.get("registers", {}), config):
        offset, size = config.register_offset(register), register.width // 8
        queue.watch(lambda o=offset, v=value, s=size: unit.write_register(o, v, s))  # type: ignore[misc]
    unit.messages.clear()
    return Scene(unit, f"with the tables of {printable(path.name)}", queue)


def _config(path: Path, values: dict[str, Any]) -> UnitConfig:
    try:
        return UnitConfig.from_mapping(values)
    except ConfigError as error:
        raise ExplainError(f"{path}, [unit]: {error}") from None


def _writes(path: Path, values: dict[str, Any], config: UnitConfig) -> list[tuple[Register, int]]:
    """Return the writes of software, in order."""
    writable = {register.name: register for register in REGISTERS if _is_writable(register, config)}
    writes = []
    for name, value in values.items():
        if name not in writable:
            raise ExplainError(
                f"{path}, [registers] {name}: no register that software writes; there are {', '.join(writable)}"
            )
        register = writable[name]
        if value == []:
            raise ExplainError(f"{path}, [registers] {name}: must be a number, or a list of at least one, not []")
        for number in value if isinstance(value, list) else [value]:
            if not _fits(number, register.width):
                raise ExplainError(
                    f"{path}, [registers] {name}: must be a number of at most {register.width} bits, or a list of "
                    f"such, not {number!r:.40}"
                )
            writes.append((register, number))
    if not writes:
        raise ExplainError(f"{path}: [registers] is missing; RTADDR, IRTA or IQA must say where tables are")
    if GCMD.name not in values:
        writes.append((GCMD, _turned_on(values)))
    return writes


def _is_writable(register: Register, config: UnitConfig) -> bool:
    return (
        register is not FRCD
        and config.register_exists(register)
        and bool(register.mask(Access.RW, Access.WO, Access.RW1C, Access.RW1CS))
    )


def _turned_on(values: dict[str, Any]) -> int:
    return sum(command for register, command in TURNED_ON.items() if register.name in values)


def _quadwords(path: Path, values: dict[str, Any]) -> list[tuple[int, int | None]]:
    """Return address and value of each quadword; None is one that cannot be read."""
    found: dict[int, int | None] = {}
    for key, value in values.items():
        first = _address(path, key)
        quadwords = value if isinstance(value, list) else [value]
        if first + len(quadwords) * QUADWORD > 1 << 64:
            raise ExplainError(
                f"{path}, [memory] {key}: {len(quadwords)} quadwords from there run past the last address, 2^64 - 1"
            )
        for position, quadword in enumerate(quadwords):
            address = first + position * QUADWORD
            if address in found:
                raise ExplainError(f"{path}, [memory] {key}: {address:#x} has a value already, from another line")
            if quadword != FAILS and not _fits(quadword, 64):
                raise ExplainError(
                    f"{path}, [memory] {key}: the quadword at {address:#x} must be a number of at most 64 bits "
                    f'or "{FAILS}", not {quadword!r:.40}'
                )
            found[address] = None if quadword == FAILS else quadword
    return list(found.items())


def _address(path: Path, key: str) -> int:
    try:
        address = int(key, 0)
    except ValueError:
        address = -1
    if not 0 <= address < 1 << 64 or address % QUADWORD:
        raise ExplainError(
            f"{path}, [memory] {key}: must be an address of at most 64 bits, a multiple of 8 such as 0x1000"
        )
    return address


def _fits(value: Any, bits: int) -> bool:
    return type(value) is int and 0 <= value < 1 << bits
