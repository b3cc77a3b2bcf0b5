"""Golden model of rtl/axi/lite.py: same state, same clock counts.

How the unit calls it in each clock: `offer()` first, all of it registers; then `step` with the `read_data` that the
register file shows in this clock.
"""

from typing import NamedTuple

from model.arch.registers import PUSHING_OFFSETS
from model.cycle.axi.ports import LiteRead, LiteWrite

__all__ = ["Inputs", "Lite", "Outputs"]

OKAY = 0

IDLE, WANTED, RETURNED, HELD, ANSWER = range(5)  # where a read is


class Inputs(NamedTuple):
    """What the block sees in one clock."""

    s_axil_aw: int | None = None
    s_axil_w: LiteWrite | None = None
    s_axil_bready: int = 0
    s_axil_ar: int | None = None
    s_axil_rready: int = 0
    read_data: int = 0
    pushed: int = 1


class Outputs(NamedTuple):
    """What the block shows in one clock. `access` is (write, address, data, strobe); data and strobe of a read are 0
    here, while they mean nothing in the RTL."""

    s_axil_awready: int = 0
    s_axil_wready: int = 0
    s_axil_b: int | None = None
    s_axil_arready: int = 0
    s_axil_r: LiteRead | None = None
    access: tuple[int, int, int, int] | None = None
    push: int = 0


AT_REST = Outputs(s_axil_awready=1, s_axil_wready=1, s_axil_arready=1)


class Lite:
    """One read and one write at a time; both may be in progress together."""

    def __init__(self) -> None:
        self.awready = self.wready = self.arready = 0
        self.write_address: int | None = None
        self.word: LiteWrite | None = None
        self.b: int | None = None
        self.read = IDLE
        self.read_address = 0
        self.r: LiteRead | None = None
        self.write_was_last = 0
        self._offered = Outputs()

    def offer(self) -> Outputs:
        """Return the outputs of this clock."""
        return self._offered

    def step(self, inputs: Inputs) -> None:
        """Advance one clock."""
        aw, w, bready, ar, rready, read_data, pushed = inputs
        if self._offered is AT_REST and aw is None and w is None and ar is None:
            return
        access = self._offered.access
        if access is not None:
            self.write_was_last = access[0]
        self._step_read(ar, rready, read_data, pushed, access is not None and not access[0])
        self._step_write(aw, w, bready, access is not None and access[0] == 1)
        access = self._access()
        push = int(access is not None and not access[0] and self.read_address & -8 in PUSHING_OFFSETS)
        r = self.r if self.read == ANSWER else None
        offered = Outputs(self.awready, self.wready, self.b, self.arready, r, access, push)
        self._offered = AT_REST if offered == AT_REST else offered

    def _step_read(self, ar: int | None, rready: int, read_data: int, pushed: int, accessed: bool) -> None:
        if self.read == IDLE:
            if ar is not None and self.arready:
                self.read_address, self.read = ar, WANTED
        elif self.read == WANTED:
            if accessed:
                self.read = RETURNED
        elif self.read == RETURNED:
            self.r, self.read = LiteRead(read_data, OKAY), ANSWER if pushed else HELD
        elif self.read == HELD:
            if pushed:
                self.read = ANSWER
        elif rready:
            self.r, self.read = None, IDLE
        self.arready = 1 if self.read == IDLE else 0

    def _step_write(self, aw: int | None, w: LiteWrite | None, bready: int, accessed: bool) -> None:
        if accessed:
            self.write_address = self.word = None
            self.b = OKAY
        elif self.b is not None and bready:
            self.b = None
        if aw is not None and self.awready:
            self.write_address = aw
        if w is not None and self.wready:
            self.word = w
        self.awready = 1 if self.write_address is None and self.b is None else 0
        self.wready = 1 if self.word is None and self.b is None else 0

    def _access(self) -> tuple[int, int, int, int] | None:
        address, word = self.write_address, self.word
        reads = self.read == WANTED
        if address is not None and word is not None and not (reads and self.write_was_last):
            return 1, address, *word
        return (0, self.read_address, 0, 0) if reads else None
