"""Golden model of rtl/axi/write_path.py: same state, same clock counts.

How the unit calls it in each clock: `offer()` first, all of it registers; then, when the pipeline has decided and the
walker and the register file have offered, `step` once, which tells what `answered_write` says in this clock, and
whether the message on offer was taken (the `ready` of the stream `message`).
"""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Response, Size
from model.arch.sizes import OUTPUT_DEPTH
from model.cycle.axi.channel import Issue, device_request, memory_address
from model.cycle.axi.output_fifo import FallThroughFifo
from model.cycle.axi.ports import Address, DeviceAddress, Refusal, WriteData, WriteResponse
from model.cycle.axi.register_slice import RegisterSlice, SkidBuffer
from model.cycle.request import Access, Request

__all__ = ["Effects", "Inputs", "Outputs", "WritePath"]

WRITE, OKAY, SLVERR = int(Access.WRITE), int(Response.OKAY), int(Response.SLVERR)
DWORD, INCR, MESSAGE_CACHE = int(Size.DWORD), int(Burst.INCR), int(Cache.BUFFERABLE)

FREE, SWALLOW, ANSWER = range(3)  # what becomes of a refusal


class Inputs(NamedTuple):
    """What the path sees in one clock. `issue` is (ID, address, attributes, older), `message` (address, data)."""

    s_axi_aw: DeviceAddress | None = None
    s_axi_w: WriteData | None = None
    s_axi_bready: int = 0
    m_axi_awready: int = 0
    m_axi_wready: int = 0
    m_axi_b: WriteResponse | None = None
    writes_ready: int = 0
    issue: Issue | None = None
    refusal: Refusal | None = None
    message: tuple[int, int] | None = None


class Outputs(NamedTuple):
    """What the path shows in one clock, from registers."""

    s_axi_awready: int
    s_axi_wready: int
    s_axi_b: WriteResponse | None
    m_axi_aw: Address | None
    m_axi_w: WriteData | None
    m_axi_bready: int
    writes: Request | None
    write_space: int
    refusal_ready: int


class Effects(NamedTuple):
    """What the path shows in one clock, combinational from its inputs."""

    answered: int | None = None
    message_ready: int = 0


NOTHING = Effects()


class WritePath:
    """AW, W and B between devices, the unit, and memory; and the unit's own messages."""

    def __init__(self, config: UnitConfig) -> None:
        self.requests: RegisterSlice[Request] = RegisterSlice()
        self.issued: FallThroughFifo[Address] = FallThroughFifo(OUTPUT_DEPTH)
        self.beats: SkidBuffer[WriteData] = SkidBuffer()
        self.address: Address | None = None
        self.word: WriteData | None = None
        self.in_burst = self.message_was_last = 0
        self.left = 0  # beats of the burst that follow the one that is next
        self.refused: Refusal | None = None
        self.phase = FREE
        self.before = 0  # issued requests that are older than the refusal and did not start
        self.refused_left = 0
        self.returned: SkidBuffer[WriteResponse] = SkidBuffer()
        self.answer: WriteResponse | None = None
        self.forwarded = self.refusal_next = 0
        self._own_id = 1 << config.id_bits
        self._dwords = config.data_bits // 32
        self._every_dword = sum(1 << 32 * number for number in range(self._dwords))
        self._at_rest = False  # nothing is anywhere, so that without inputs nothing changes
        self._offered = self._registers()

    def offer(self) -> Outputs:
        """Return the outputs of this clock that come from registers."""
        return self._offered

    def step(self, inputs: Inputs) -> Effects:
        """Advance one clock; return the outputs of this clock that do not come from registers."""
        aw, w, bready, awready, wready, b, writes_ready, issue, refusal, message = inputs
        if (
            self._at_rest
            and aw is None
            and w is None
            and b is None
            and issue is None
            and refusal is None
            and message is None
        ):
            return NOTHING
        requests = self.requests
        requests.step(device_request(aw, WRITE) if aw is not None and requests.ready else None, writes_ready)
        answered = self.answer.id if self.answer is not None and bready and self.forwarded else None
        takes_refusal = self.phase == FREE
        self._step_answers(self.returned.offer(b), bready or self.answer is None)
        issued = None if issue is None else memory_address(issue)
        if awready:
            self.address = None
        if wready:
            self.word = None
        message_ready = self._step_data(self.beats.offer(w), issued, message)
        if takes_refusal and refusal is not None:
            self.refused, self.refused_left, self.phase = refusal, refusal.len, SWALLOW
            self.before = OUTPUT_DEPTH - self.issued.space
        self._offered = offered = self._registers()
        self._at_rest = (
            offered.s_axi_b is None
            and offered.m_axi_aw is None
            and offered.m_axi_w is None
            and offered.writes is None
            and offered.write_space == OUTPUT_DEPTH
            and self.refused is None
            and self.beats.kept is None
            and self.returned.kept is None
        )
        return Effects(answered, message_ready)

    def _step_data(self, beat: WriteData | None, issued: Address | None, message: tuple[int, int] | None) -> int:
        """Send W beats to memory or nowhere, messages in between; return whether the message goes.

        `address` and `word` are None where their registers can take something.
        """
        start = send = 0
        head = self.issued.offer(issued)
        if self.in_burst:
            if beat is not None and self.word is None:
                self._forward(beat, self.left)
                beat = None
        else:
            swallow = self.phase == SWALLOW and not self.before
            if self.address is None and self.word is None:
                may_start = head is not None and beat is not None and not swallow
                if message is not None and not (self.message_was_last and may_start):
                    send = 1
                    self._send(*message)
                elif head is not None and beat is not None and not swallow:
                    start = 1
                    self._start(head, beat)
                    beat = None
            if swallow and beat is not None:
                self._swallow()
                beat = None
        self.beats.step(beat)
        self.issued.step(issued, start)
        return send

    def _start(self, address: Address, beat: WriteData) -> None:
        self.address = address
        self.message_was_last = 0
        if self.phase == SWALLOW:
            self.before -= 1
        self._forward(beat, address.len)

    def _forward(self, beat: WriteData, left: int) -> None:
        """Send a beat, which `left` others follow."""
        self.word = WriteData(beat.data, beat.strb, 0 if left else 1)
        self.in_burst = 1 if left else 0
        self.left = left - 1

    def _swallow(self) -> None:
        if not self.refused_left:
            self.phase = ANSWER
        self.refused_left -= 1

    def _send(self, address: int, data: int) -> None:
        lane = address >> 2 & self._dwords - 1
        self.address = Address(self._own_id, address, size=DWORD, burst=INCR, cache=MESSAGE_CACHE)
        self.word = WriteData(data * self._every_dword, 0xF << 4 * lane, 1)
        self.message_was_last = 1

    def _step_answers(self, returned: WriteResponse | None, free: int | bool) -> None:
        """Choose what goes into the register of B, if that is free; B of messages goes nowhere."""
        if returned is not None and returned.id & self._own_id:
            returned = None
        refused = self.refused
        if (
            refused is not None
            and self.phase == ANSWER
            and (returned is None or self.refusal_next or returned.id == refused.id)
        ):
            if free:
                self.answer = WriteResponse(refused.id, OKAY if refused.okay else SLVERR)
                self.forwarded = self.refusal_next = 0
                self.refused, self.phase = None, FREE
        elif free:
            self.answer = returned
            if returned is not None:
                self.forwarded = self.refusal_next = 1
                returned = None
        self.returned.step(returned)

    def _registers(self) -> Outputs:
        return Outputs(
            self.requests.ready,
            self.beats.ready,
            self.answer,
            self.address,
            self.word,
            self.returned.ready,
            self.requests.o,
            self.issued.space,
            1 if self.phase == FREE else 0,
        )
