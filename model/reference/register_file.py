"""Register file: what software reads back, and which bits a write changes."""

from collections.abc import Callable

from model.arch import REGISTERS, Access, Register, UnitConfig
from model.arch.registers import (
    CAP,
    ECAP,
    FEUADDR,
    FRCD,
    IEUADDR,
    IQA,
    IRTA,
    PHMBASE,
    PHMLIMIT,
    PLMBASE,
    PLMLIMIT,
    RTADDR,
    VER,
)

__all__ = ["RegisterFile", "WriteEffect"]

# Called after a write changed a register: its number among its kind (0 but for FRCD), and the bits written as 1.
WriteEffect = Callable[[int, int], None]

LANE_BYTES = 4
LANE_MASK = 0xFFFFFFFF


class RegisterFile:
    """Values of all registers of a configuration, and the accesses of software to them.

    `self[REGISTER]` reads and sets a value as hardware does; `frcd` holds the fault records. `read` and `write`
    are software's. What a write makes the unit do is in `effects`, by register, filled in by the unit.
    """

    def __init__(self, config: UnitConfig) -> None:
        self._config = config
        self.effects: dict[Register, WriteEffect] = {}
        self.frcd: list[int] = []
        self._values: dict[str, int] = {}
        self._lanes: dict[int, tuple[Register, int, int]] = {}
        self._writable: dict[str, int] = {}
        for register in REGISTERS:
            if config.register_exists(register):
                self._place(register)
        self.reset()

    def _place(self, register: Register) -> None:
        self._writable[register.name] = register.mask(Access.RW, Access.WO) & _implemented(register, self._config)
        for number in range(self._config.nfr if register is FRCD else 1):
            offset = self._config.register_offset(register) + number * register.stride
            for lane in range(register.width // 8 // LANE_BYTES):
                self._lanes[offset + lane * LANE_BYTES] = (register, number, lane * LANE_BYTES * 8)

    def reset(self) -> None:
        """Put every register into its power-on state."""
        self._values = {register.name: register.reset for register in REGISTERS}
        self._values |= {VER.name: self._config.ver, CAP.name: self._config.cap, ECAP.name: self._config.ecap}
        self.frcd = [FRCD.reset] * self._config.nfr

    def __getitem__(self, register: Register) -> int:
        return self._values[register.name]

    def __setitem__(self, register: Register, value: int) -> None:
        self._values[register.name] = value

    def read(self, offset: int, size: int) -> int:
        """Return what software reads: `size` is 4 or 8 bytes, `offset` a multiple of it.

        Offsets without a register read 0, as do other sizes and offsets: the specification leaves them undefined.
        """
        if not _is_access(offset, size):
            return 0
        return sum(self._read_lane(offset + at) << at * 8 for at in range(0, size, LANE_BYTES))

    def _read_lane(self, offset: int) -> int:
        if offset not in self._lanes:
            return 0
        register, number, shift = self._lanes[offset]
        value = self.frcd[number] if register is FRCD else self._values[register.name]
        return (value & ~register.mask(Access.WO)) >> shift & LANE_MASK

    def write(self, offset: int, size: int, value: int) -> None:
        """Do what software's write does: `size` is 4 or 8 bytes, `offset` a multiple of it; others are ignored.

        A 64-bit register takes its effect once, after both halves of one 8-byte write.
        """
        if not _is_access(offset, size):
            return
        written: dict[tuple[Register, int], tuple[int, int]] = {}
        for at in range(0, size, LANE_BYTES):
            if offset + at in self._lanes:
                register, number, shift = self._lanes[offset + at]
                bits, mask = written.get((register, number), (0, 0))
                lane = value >> at * 8 & LANE_MASK
                written[register, number] = (bits | lane << shift, mask | LANE_MASK << shift)
        for (register, number), (bits, mask) in written.items():
            self._change(register, number, bits, mask)
            if register in self.effects:
                self.effects[register](number, bits)

    def _change(self, register: Register, number: int, bits: int, mask: int) -> None:
        old = self.frcd[number] if register is FRCD else self._values[register.name]
        replaced = self._writable[register.name] & mask
        cleared = register.mask(Access.RW1C, Access.RW1CS) & bits
        new = (old & ~replaced | bits & replaced) & ~cleared
        if register is FRCD:
            self.frcd[number] = new
        else:
            self._values[register.name] = new


def _is_access(offset: int, size: int) -> bool:
    return size in (4, 8) and offset % size == 0


def _implemented(register: Register, config: UnitConfig) -> int:
    """Return ones at the bits that this unit has of a register; the others read 0 and ignore writes."""
    below_haw = (1 << config.haw) - 1
    above_alignment = -1 << config.protected_memory_shift
    if register in (FEUADDR, IEUADDR):
        return -1 if config.eim else 0
    if register is RTADDR:
        return below_haw & ~RTADDR["SSIRWE"].mask
    if register is IQA:
        return below_haw
    if register is IRTA:
        return below_haw & (-1 if config.eim else ~IRTA["EIME"].mask)
    if register in (PLMBASE, PLMLIMIT):
        return above_alignment
    if register in (PHMBASE, PHMLIMIT):
        return above_alignment & below_haw
    return -1
