"""Random software reads faults, and sets up and masks events."""

from model.arch import Register
from model.arch.registers import (
    FEADDR,
    FECTL,
    FEDATA,
    FEUADDR,
    FRCD,
    FSTS,
    IEADDR,
    IECTL,
    IEDATA,
    IEUADDR,
    REGISTERS,
)
from tb.check import CheckFailed
from tb.software.registers import RegisterSoftware, Steps

__all__ = ["FaultSoftware"]


class FaultSoftware(RegisterSoftware):
    """Every record must be of a request that was refused."""

    def _read_faults(self) -> Steps:
        """Read the ring of fault records from FRI on, and clear them."""
        status = yield from self.read(FSTS)
        number = FSTS["FRI"].of(status)
        base = self.config.register_offset(FRCD)
        for _ in range(self.config.nfr if status & FSTS["PPF"].mask else 0):
            offset = base + number * FRCD.stride
            high = yield from self._access(False, offset + 8, 8, 0)
            if not high >> 63:
                break
            low = yield from self._access(False, offset, 8, 0)
            record = high << 64 | low
            if not self._expected_record(record & ~FRCD["F"].mask):
                raise CheckFailed(f"clock {self.bench.now}: fault record {record:#034x} is of no request")
            self.coverage["fault records read"] += 1
            if self.rng.random() < 0.9:
                yield from self._access(True, offset + 12, 4, 1 << 31)
            number = (number + 1) % self.config.nfr
        if status & FSTS["PFO"].mask:
            self.coverage["fault overflows cleared"] += 1
            yield from self.write(FSTS, FSTS["PFO"].mask)

    def _set_up_events(self) -> Steps:
        for control, data, low, high in ((FECTL, FEDATA, FEADDR, FEUADDR), (IECTL, IEDATA, IEADDR, IEUADDR)):
            if self.config.register_exists(control):
                yield from self._set_event(control, data, low, high)

    def _set_event(self, control: Register, data: Register, low: Register, high: Register) -> Steps:
        """Choose address and data of a message, masked meanwhile as software must."""
        rng = self.rng
        yield from self.write(control, 1 << 31)
        upper = rng.getrandbits(self.config.haw - 32) if self.config.eim and self.config.haw > 32 else 0
        address, value = 0xFEE00000 | rng.getrandbits(18) << 2, rng.getrandbits(16)
        self.messages.add((upper << 32 | address, value))
        for register, number in ((data, value), (low, address), (high, upper)):
            yield from self.write(register, number)
        yield from self.write(control, rng.getrandbits(1) << 31)

    def _mask_events(self) -> Steps:
        controls = [control for control in (FECTL, IECTL) if self.config.register_exists(control)]
        yield from self.write(self.rng.choice(controls), self.rng.getrandbits(1) << 31)

    def _read_registers(self) -> Steps:
        """Read anything, and write what cannot be written."""
        rng = self.rng
        for _ in range(rng.randint(1, 10)):
            register = rng.choice(REGISTERS)
            if not self.config.register_exists(register):
                continue
            size = rng.choice((1, 2, 4, 8))
            offset = self.config.register_offset(register) & -8 | rng.randrange(8) & -size
            yield from self._access(False, offset, size, 0)
        yield from self._access(True, 0x008, 8, rng.getrandbits(64))
        yield from self._access(True, 0xFF8 if self.config.fro != 0xFF0 else 0x000, 8, rng.getrandbits(64))
