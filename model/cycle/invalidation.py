"""Golden model of rtl/invalidation.py: same block, same states, same clock counts."""

from enum import IntEnum

from model.arch import UnitConfig
from model.cycle.request import Invalidation as Command

__all__ = ["Invalidation", "State"]


class State(IntEnum):
    """Of the RTL's state machine."""

    IDLE = 0
    BROADCAST = 1
    DRAIN = 2


IDLE, BROADCAST, DRAIN = (int(state) for state in State)


class Invalidation:
    """The outputs are attributes that depend on state alone; `ready` asks what the requesters offer in this clock.

    `command` is None but in the clock of the broadcast.
    """

    def __init__(self, config: UnitConfig) -> None:
        del config  # all sizes are those of Command
        self.state: int = IDLE
        self.registers_done = 0
        self.queue_done = 0
        self.command: Command | None = None
        self.epoch = 0
        self.flip = 0
        self._serves_queue = True

    def ready(self, registers: bool, queue: bool) -> tuple[int, int]:
        """Return `ready` of the two requesters when these offer a command."""
        if self.state != IDLE:
            return 0, 0
        return (0, 1) if queue and not (registers and self._serves_queue) else (1, 0)

    def step(self, registers: Command | None, queue: Command | None, older: int) -> None:
        """Advance one clock. `registers`, `queue`: commands on offer."""
        state = self.state
        if state == IDLE:
            self.registers_done = self.queue_done = 0
            if registers is not None or queue is not None:
                self._accept(registers, queue)
        elif state == BROADCAST:
            self.command = None
            self.flip = 0
            self.state = DRAIN
        elif not older:
            if self._serves_queue:
                self.queue_done = 1
            else:
                self.registers_done = 1
            self.state = IDLE

    def _accept(self, registers: Command | None, queue: Command | None) -> None:
        self._serves_queue = queue is not None and not (registers is not None and self._serves_queue)
        self.command = queue if self._serves_queue else registers
        self.epoch ^= 1
        self.flip = 1
        self.state = BROADCAST
