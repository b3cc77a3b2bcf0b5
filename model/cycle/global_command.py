"""Golden model of rtl/global_command.py: same states, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.registers import GCMD, GSTS

__all__ = ["GlobalCommand", "Inputs", "Outputs"]

TE, SRTP, QIE, IRE, SIRTP, CFI = (GCMD[name].mask for name in ("TE", "SRTP", "QIE", "IRE", "SIRTP", "CFI"))
TES, RTPS, QIES, IRES, IRTPS, CFIS = (GSTS[name].mask for name in ("TES", "RTPS", "QIES", "IRES", "IRTPS", "CFIS"))
LEVELS, ONE_SHOTS = TE | QIE | IRE | CFI, SRTP | SIRTP  # WBF does nothing: nothing is buffered (rule 18.5)

IDLE, ACT, DRAIN = range(3)


class Inputs(NamedTuple):
    """`write` is what software writes into GCMD; `drain_ready` and `drain_done` answer `drain`."""

    write: int | None = None
    drain_ready: int = 0
    drain_done: int = 0


class Outputs(NamedTuple):
    """In the clock of the inputs: take RTADDR, IQA, IRTA."""

    latch_root_table: int = 0
    latch_queue: int = 0
    latch_interrupt_table: int = 0


NOTHING = Outputs()


class GlobalCommand:
    """`status` is GSTS; it, the three `..._enable`, `drain` and `busy` are outputs that depend on state alone.

    `_command` is being acted on, `_waiting` is the one after it, both as GCMD; `_waits` says that there is one.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.status = GSTS.reset
        self.translation_enable = self.interrupt_remapping_enable = self.compatibility_enable = 0
        # Controls that are levels, and the status bits that follow them.
        self._levels = {TE: TES} | ({QIE: QIES} if config.qi else {}) | ({IRE: IRES, CFI: CFIS} if config.ir else {})
        # In the order in which they take effect: rule 28.13.
        self._controls = (TE, SRTP) + (QIE,) * config.qi + (IRE, SIRTP, CFI) * config.ir
        self._esrtps, self._esirtps = int(config.esrtps), int(config.esirtps)
        self._state = IDLE
        self._command = self._waiting = self._waits = 0

    @property
    def busy(self) -> bool:
        """Whether the state changes without an input."""
        return self._state != IDLE or self._waits != 0

    @property
    def drain(self) -> tuple[int, int] | None:
        """The drain on offer: with a global invalidation of all that is cached for DMA, of interrupt entries?"""
        if self._state != ACT:
            return None
        control = self._next_control()
        return None if control in (0, QIE) else self._invalidations(control)

    def step(self, inputs: Inputs) -> Outputs:
        """Return this clock's latches, then advance one clock; a write acts after all else."""
        outputs = NOTHING
        if self.busy:
            outputs = self._act(inputs)
        if inputs.write is not None:
            self._waiting = inputs.write & LEVELS | (inputs.write | self._waiting) & ONE_SHOTS
            self._waits = 1
            self._clear_status(inputs.write)
        return outputs

    def _next_control(self) -> int:
        """Return the highest control that is not as the status says, 0 when all are."""
        for control in self._controls:
            wanted = self._command & control != 0
            if control & ONE_SHOTS:
                if wanted:
                    return control
            elif wanted != (self.status & self._levels[control] != 0):
                return control
        return 0

    def _invalidations(self, control: int) -> tuple[int, int]:
        of_interrupts = control == SIRTP or (control == IRE and not self._command & IRE)
        return self._esrtps * (control == SRTP), self._esirtps * of_interrupts

    def _clear_status(self, write: int) -> None:
        if write & SRTP:
            self.status &= ~RTPS
        if write & SIRTP:
            self.status &= ~IRTPS

    def _act(self, inputs: Inputs) -> Outputs:
        if self._state == IDLE:
            self._command, self._waiting, self._waits = self._waiting, 0, 0
            self._state = ACT
            return NOTHING
        control = self._next_control()
        if self._state == DRAIN:
            if inputs.drain_done:
                self._finish(control)
                self._state = ACT
        elif not control:
            self._state = IDLE
        elif control == QIE:
            self._finish(QIE)
            return Outputs(latch_queue=int(self._command & QIE != 0))
        elif inputs.drain_ready:
            self._state = DRAIN
            return self._begin(control)
        return NOTHING

    def _begin(self, control: int) -> Outputs:
        """The drain is accepted: what comes from now on finds the new state."""
        wanted = int(self._command & control != 0)
        if control == TE:
            self.translation_enable = wanted
        elif control == IRE:
            self.interrupt_remapping_enable = wanted
        elif control == CFI:
            self.compatibility_enable = wanted
        return Outputs(int(control == SRTP), 0, int(control == SIRTP))

    def _finish(self, control: int) -> None:
        """Let the status follow."""
        if control in self._levels:
            level = self._levels[control]
            self.status = self.status & ~level | (level if self._command & control else 0)
        else:
            self._command &= ~control
            if not self._waiting & control:
                self.status |= RTPS if control == SRTP else IRTPS
