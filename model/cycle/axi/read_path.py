"""Golden model of rtl/axi/read_path.py: same state, same clock counts.

How the unit calls it in each clock: `offer()` first, all of it registers; then, when the pipeline has decided and the
walker has offered, `step` once, which tells what `answered_read` says in this clock.
"""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Response
from model.arch.sizes import OUTPUT_DEPTH
from model.cycle.axi.channel import Issue, device_request, memory_address
from model.cycle.axi.output_fifo import OutputFifo
from model.cycle.axi.ports import Address, DeviceAddress, ReadData, Refusal
from model.cycle.axi.register_slice import RegisterSlice, SkidBuffer
from model.cycle.request import Access, Request

__all__ = ["Inputs", "Outputs", "ReadPath"]

READ, OKAY, SLVERR = int(Access.READ), int(Response.OKAY), int(Response.SLVERR)


class Inputs(NamedTuple):
    """What the path sees in one clock. `issue` is (ID, address, attributes, older)."""

    s_axi_ar: DeviceAddress | None = None
    s_axi_rready: int = 0
    m_axi_arready: int = 0
    m_axi_r: ReadData | None = None
    reads_ready: int = 0
    issue: Issue | None = None
    refusal: Refusal | None = None


class Outputs(NamedTuple):
    """What the path shows in one clock, from registers."""

    s_axi_arready: int
    s_axi_r: ReadData | None
    m_axi_ar: Address | None
    m_axi_rready: int
    reads: Request | None
    read_space: int
    refusal_ready: int


class ReadPath:
    """AR and R between devices, the unit, and memory."""

    def __init__(self, config: UnitConfig) -> None:
        self._own_id = 1 << config.id_bits  # memory has no reason to set this bit; it is dropped
        self.requests: RegisterSlice[Request] = RegisterSlice()
        self.issued: OutputFifo[Address] = OutputFifo(OUTPUT_DEPTH)
        self.returned: SkidBuffer[ReadData] = SkidBuffer()
        self.refused: Refusal | None = None
        self.refused_beats = 0  # still to be sent, less one
        self.in_refusal = self.in_burst = self.refusal_next = 0
        self.answer: ReadData | None = None
        self.forwarded = 0
        self._at_rest = False  # nothing is anywhere, so that without inputs nothing changes
        self._offered = self._registers()

    def offer(self) -> Outputs:
        """Return the outputs of this clock."""
        return self._offered

    def step(self, inputs: Inputs) -> int | None:
        """Advance one clock; return the ID of `answered_read`, None when it is not valid."""
        ar, rready, arready, r, reads_ready, issue, refusal = inputs
        if self._at_rest and ar is None and r is None and issue is None and refusal is None:
            return None
        if r is not None and r.id & self._own_id:
            r = r._replace(id=r.id ^ self._own_id)
        answer = self.answer
        answered = answer.id if answer is not None and rready and self.forwarded and answer.last else None
        requests = self.requests
        requests.step(device_request(ar, READ) if ar is not None and requests.ready else None, reads_ready)
        self.issued.step(None if issue is None else memory_address(issue), arready)
        takes_refusal = self.refused is None
        self._step_answers(self.returned.offer(r), rready or answer is None)
        if takes_refusal and refusal is not None:
            self.refused, self.refused_beats = refusal, refusal.len
        self._offered = offered = self._registers()
        self._at_rest = (
            offered.s_axi_r is None
            and offered.m_axi_ar is None
            and offered.reads is None
            and self.refused is None
            and self.returned.kept is None
        )
        return answered

    def _step_answers(self, returned: ReadData | None, free: int | bool) -> None:
        """Choose what goes into the register of R, if that is free, and advance; a new refusal comes afterwards."""
        refused = self.refused
        if refused is not None and (
            self.in_refusal
            or (not self.in_burst and (returned is None or self.refusal_next))
            or (returned is not None and returned.id == refused.id)
        ):
            if free:
                last = 0 if self.refused_beats else 1
                self.answer = ReadData(refused.id, 0, OKAY if refused.okay else SLVERR, last)
                self.forwarded = self.refusal_next = 0
                self.in_refusal = 1 - last
                self.refused_beats -= 1
                if last:
                    self.refused = None
        elif free:
            self.answer = returned
            if returned is not None:
                self.forwarded = self.refusal_next = 1
                self.in_burst = 1 - returned.last
                returned = None
        self.returned.step(returned)

    def _registers(self) -> Outputs:
        return Outputs(
            self.requests.ready,
            self.answer,
            self.issued.o,
            self.returned.ready,
            self.requests.o,
            self.issued.space,
            1 if self.refused is None else 0,
        )
