"""Golden model of rtl/global_command.py: same states, same clock counts."""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.registers import GCMD, GSTS

__all__ = ["GlobalCommand", "Inputs", "Outputs"]

TE, SRTP, QIE, IRE, SIRTP, CFI = (GCMD[name].mask for name in ("TE", "SRTP", "QIE", "IRE", "SIRTP", "CFI"))
TES, RTPS, QIES, IRES, IRTPS, CFIS = (GSTS[name].mask for name in ("TES", "RTPS", "QIES", "IRES", "IRTPS", "CFIS"))
LEVELS, ONE_SHOTS = TE | QIE | IRE | CFI, SRTP | SIRTP  # WBF does nothing: nothing is buffered (rule 18.5)

IDLE, TRANSLATION_ENABLE, TRANSLATION_DRAIN, ROOT_TABLE, ROOT_TABLE_DRAIN, OTHERS = range(6)


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
    """`status` is GSTS; it and `translation_enable`, `drain` and `busy` are outputs that depend on state alone.

    `_command` is being acted on, `_waiting` is the one after it, both as GCMD; `_waits` says that there is one.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.status = GSTS.reset
        self.translation_enable = 0
        self._has_queue = config.qi
        self._has_interrupts = config.ir
        self._invalidate = int(config.esrtps)
        self._state = IDLE
        self._command = self._waiting = self._waits = 0

    @property
    def busy(self) -> bool:
        """Whether the state changes without an input."""
        return self._state != IDLE or self._waits != 0

    @property
    def drain(self) -> int | None:
        """The drain on offer; 1 asks for a global invalidation too."""
        if self._state == TRANSLATION_ENABLE and self._te_changes():
            return 0
        if self._state == ROOT_TABLE and self._command & SRTP:
            return self._invalidate
        return None

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

    def _te_changes(self) -> bool:
        return bool(self._command & TE) != bool(self.status & TES)

    def _clear_status(self, write: int) -> None:
        if write & SRTP:
            self.status &= ~RTPS
        if write & SIRTP:
            self.status &= ~IRTPS

    def _act(self, inputs: Inputs) -> Outputs:
        state, command = self._state, self._command
        if state == IDLE:
            self._command, self._waiting, self._waits = self._waiting, 0, 0
            self._state = TRANSLATION_ENABLE
        elif state == TRANSLATION_ENABLE:
            if not self._te_changes():
                self._state = ROOT_TABLE
            elif inputs.drain_ready:
                self.translation_enable = int(command & TE != 0)
                self._state = TRANSLATION_DRAIN
        elif state == TRANSLATION_DRAIN:
            if inputs.drain_done:
                self.status = self.status & ~TES | (TES if command & TE else 0)
                self._state = ROOT_TABLE
        elif state == ROOT_TABLE:
            if not command & SRTP:
                self._state = OTHERS
            elif inputs.drain_ready:
                self._state = ROOT_TABLE_DRAIN
                return Outputs(latch_root_table=1)
        elif state == ROOT_TABLE_DRAIN:
            if inputs.drain_done:
                self.status |= 0 if self._waiting & SRTP else RTPS
                self._state = OTHERS
        else:
            self._state = IDLE
            return self._act_on_others()
        return NOTHING

    def _act_on_others(self) -> Outputs:
        """QIE, IRE, SIRTP, CFI, as far as the unit has them."""
        command, status = self._command, self.status
        latch_queue = latch_interrupt_table = 0
        if self._has_queue:
            latch_queue = int(command & QIE != 0 and not status & QIES)
            status = status & ~QIES | (QIES if command & QIE else 0)
        if self._has_interrupts:
            status = status & ~(IRES | CFIS) | (IRES if command & IRE else 0) | (CFIS if command & CFI else 0)
            if command & SIRTP:
                latch_interrupt_table = 1
                status |= 0 if self._waiting & SIRTP else IRTPS
        self.status = status
        return Outputs(0, latch_queue, latch_interrupt_table)
