"""Protected memory regions: DMA that may not reach them, whatever the tables say (rules 21)."""

from model.arch import UnitConfig
from model.arch.registers import PHMBASE, PHMLIMIT, PLMBASE, PLMLIMIT, PMEN
from model.reference.register_file import RegisterFile
from model.reference.steps import Check, Trace

__all__ = ["ProtectedMemory"]


class ProtectedMemory:
    """Compares host physical addresses with the low and the high region while PMEN.PRS is 1.

    Units older than version 2 may let remapped DMA through while translation is on; this one never does (21.2).
    """

    def __init__(self, config: UnitConfig, registers: RegisterFile) -> None:
        self._registers = registers
        self._low_ones = (1 << config.protected_memory_shift) - 1
        self.trace: Trace = None
        self._regions = [(PLMBASE, PLMLIMIT)] * config.plmr + [(PHMBASE, PHMLIMIT)] * config.phmr

    def enable_written(self) -> None:
        """PMEN.PRS follows PMEN.EPM: there is nothing to drain in a model without time (21.3)."""
        enabled = PMEN["EPM"].of(self._registers[PMEN])
        self._registers[PMEN] = self._registers[PMEN] & ~PMEN["PRS"].mask | PMEN["PRS"].to(enabled)

    def blocks(self, address: int, size: int) -> bool:
        """Say whether any of `size` bytes at a host physical address is protected (21.1)."""
        if not PMEN["PRS"].of(self._registers[PMEN]):
            return False
        for base, limit in self._regions:
            first, last = self._registers[base], self._registers[limit] | self._low_ones
            if first <= address + size - 1 and address <= last:
                if self.trace:
                    text = (
                        f"host address {address:#x} is protected: {base.name} and {limit.name}, {first:#x} to {last:#x}"
                    )
                    self.trace(Check(text, "rule 21.2"))
                return True
        return False
