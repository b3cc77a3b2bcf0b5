"""Golden model of rtl/axi/write_path.py: same state, same clock counts.

How the unit calls it in each clock: `offer()` first, all of it registers, `writes(...)`, and `blocked_writes(...)` if
the core port has a write; then, when the pipeline has decided and the walker, the register file and the interrupt
remapper have offered, `step` once, which returns what the path shows besides: Effects.
"""

from typing import NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Response, Size
from model.arch.sizes import OUTPUT_DEPTH, WRITE_ORDER_DEPTH
from model.cycle.axi.channel import Issue, device_request, memory_address
from model.cycle.axi.output_fifo import FallThroughFifo
from model.cycle.axi.ports import Address, DeviceAddress, Refusal, WriteData, WriteResponse
from model.cycle.axi.register_slice import RegisterSlice, SkidBuffer
from model.cycle.axi.write_order import INTERRUPT_NEXT, WRITE_NEXT, WriteOrder
from model.cycle.request import Access, Request

__all__ = ["Effects", "Inputs", "Interrupt", "InterruptAnswer", "Outputs", "WritePath"]

WRITE, OKAY, SLVERR = int(Access.WRITE), int(Response.OKAY), int(Response.SLVERR)
DWORD, INCR, MESSAGE_CACHE = int(Size.DWORD), int(Burst.INCR), int(Cache.BUFFERABLE)

FREE, SWALLOW, ANSWER = range(3)  # what becomes of a refusal
OF_MEMORY, OF_REFUSAL, OF_INTERRUPT = range(3)  # whose B


class Interrupt(NamedTuple):
    """An interrupt request with its data; without `whole` not all of its bytes are written, so it is none."""

    source_id: int
    id: int
    address: int
    data: int
    whole: int


class InterruptAnswer(NamedTuple):
    """The answer to an interrupt request: SLVERR unless `okay`."""

    id: int
    okay: int


class Inputs(NamedTuple):
    """What the path sees in one clock. `issue` is (ID, address, attributes, older), `message` (address, data).

    `writes_ready` only counts in a clock in which `writes` offered something.
    """

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
    core_write: int = 0
    interrupt_ready: int = 0
    interrupt_answer: InterruptAnswer | None = None
    translation_enable: int = 0
    pending: int = 0


class Outputs(NamedTuple):
    """What the path shows in one clock, from registers."""

    s_axi_awready: int
    s_axi_wready: int
    s_axi_b: WriteResponse | None
    m_axi_aw: Address | None
    m_axi_w: WriteData | None
    m_axi_bready: int
    write_space: int
    refusal_ready: int


class Effects(NamedTuple):
    """What the path shows in one clock, combinational from its inputs, but for `sent`; that and `answered` are IDs."""

    answered: int | None = None
    message_ready: int = 0
    interrupt: Interrupt | None = None
    interrupt_answer_ready: int = 0
    sent: int | None = None
    answered_message: int = 0


NOTHING = Effects()
# By whose B came last: in which order they may come now.
TURNS = tuple(tuple((last + 1 + behind) % 3 for behind in range(3)) for last in range(3))


class WritePath:
    """AW, W and B between devices, the unit, and memory; and the unit's own messages."""

    def __init__(self, config: UnitConfig) -> None:
        self.requests: RegisterSlice[Request] = RegisterSlice()
        self.order = WriteOrder(config)
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
        self.forwarded = 0
        self.answer_turn = OF_INTERRUPT  # whose B came last
        self._sent: int | None = None  # whose last beat has just left
        # Of this clock, for Effects.
        self._interrupt: Interrupt | None = None
        self._taken = self._answered_message = 0
        self._sending = 0  # ID of the burst
        self._own_id = 1 << config.id_bits
        self._dwords = config.data_bits // 32
        self._every_dword = sum(1 << 32 * number for number in range(self._dwords))
        self._at_rest = False  # nothing is anywhere, so that without inputs nothing changes
        self._offered = self._registers()

    def offer(self) -> Outputs:
        """Return the outputs of this clock that come from registers."""
        return self._offered

    def writes(self, translation_enable: int, pending: int) -> Request | None:
        """Return the stream `writes` of this clock; `pending` has a 1 for every ID with an interrupt."""
        return self.order.writes(self.requests.o, translation_enable, pending)

    def blocked_writes(self, pending: int) -> int:
        """Return the IDs for which no write may enter the pipeline from the core port in this clock."""
        return self.order.blocked_writes(pending)

    def step(self, inputs: Inputs) -> Effects:
        """Advance one clock; return the outputs of this clock that do not come from registers."""
        aw, w, bready, awready, wready, b, writes_ready, issue, refusal, message, core_write = inputs[:11]
        interrupt_ready, interrupt_answer, translation_enable, pending = inputs[11:]
        if (
            self._at_rest
            and aw is None
            and w is None
            and b is None
            and issue is None
            and refusal is None
            and message is None
            and interrupt_answer is None
            and not core_write
        ):
            return NOTHING
        requests, order = self.requests, self.order
        request = requests.o
        write = None if request is None else order.writes(request, translation_enable, pending)
        following, leaves = order.push(request, write, writes_ready, core_write, translation_enable)
        requests.step(device_request(aw, WRITE) if aw is not None and requests.ready else None, leaves)
        answered = self.answer.id if self.answer is not None and bready and self.forwarded else None
        takes_refusal = self.phase == FREE
        interrupt_answer_ready = self._step_answers(
            self.returned.offer(b), interrupt_answer, bready or self.answer is None
        )
        issued = None if issue is None else memory_address(issue)
        if awready:
            self.address = None
        if wready:
            self.word = None
        sent, self._sent = self._sent, None
        message_ready = self._step_data(self.beats.offer(w), issued, message, following, interrupt_ready)
        order.step(following, self._taken)
        if takes_refusal and refusal is not None:
            self.refused, self.refused_left, self.phase = refusal, refusal.len, SWALLOW
            self.before = len(self.issued.entries)
        self._offered = offered = self._registers()
        self._at_rest = (
            offered.s_axi_b is None
            and offered.m_axi_aw is None
            and offered.m_axi_w is None
            and requests.o is None
            and order.order.space == WRITE_ORDER_DEPTH
            and offered.write_space == OUTPUT_DEPTH
            and self.refused is None
            and self.beats.kept is None
            and self.returned.kept is None
        )
        return Effects(answered, message_ready, self._interrupt, interrupt_answer_ready, sent, self._answered_message)

    def _step_data(
        self,
        beat: WriteData | None,
        issued: Address | None,
        message: tuple[int, int] | None,
        following: int | None,
        interrupt_ready: int,
    ) -> int:
        """Send W beats where they belong (`following`), messages in between; return whether the message goes.

        `address` and `word` are None where their registers can take something.
        """
        start = send = self._taken = 0
        self._interrupt = None
        if following == INTERRUPT_NEXT and beat is not None:
            self._interrupt = self._join(beat)
        head = self.issued.offer(issued)
        if self.in_burst:
            if beat is not None and self.word is None:
                self._forward(beat, self.left)
                beat = None
        else:
            is_write = following == WRITE_NEXT
            swallow = self.phase == SWALLOW and not self.before and is_write
            if self.address is None and self.word is None:
                # No message waits for what is issued in this clock.
                if message is not None and not (self.message_was_last and self.issued.entries):
                    send = 1
                    self._send(*message)
                elif head is not None and beat is not None and not swallow and is_write:
                    start = 1
                    self._start(head, beat)
                    beat = None
                self.message_was_last = send
            if swallow and beat is not None:
                self._swallow()
                beat = None
            elif self._interrupt is not None and interrupt_ready:
                self._taken = 1
                beat = None
        self.beats.step(beat)
        self.issued.step(issued, start)
        return send

    def _start(self, address: Address, beat: WriteData) -> None:
        self.address = address
        self._sending = address.id
        if self.phase == SWALLOW:
            self.before -= 1
        self._forward(beat, address.len)

    def _forward(self, beat: WriteData, left: int) -> None:
        """Send a beat, which `left` others follow."""
        self.word = WriteData(beat.data, beat.strb, 0 if left else 1)
        self.in_burst = 1 if left else 0
        self.left = left - 1
        if not left:
            self._taken, self._sent = 1, self._sending

    def _swallow(self) -> None:
        if not self.refused_left:
            self.phase = ANSWER
            self._taken = 1
        self.refused_left -= 1

    def _join(self, beat: WriteData) -> Interrupt:
        """Join the interrupt that is next with its beat."""
        interrupt = self.order.next_interrupt
        assert interrupt is not None
        source_id, id_, address = interrupt
        lane = address >> 2 & self._dwords - 1
        whole = 1 if beat.strb >> 4 * lane & 0xF == 0xF else 0
        return Interrupt(source_id, id_, address, beat.data >> 32 * lane & 0xFFFFFFFF, whole)

    def _send(self, address: int, data: int) -> None:
        lane = address >> 2 & self._dwords - 1
        self.address = Address(self._own_id, address, size=DWORD, burst=INCR, cache=MESSAGE_CACHE)
        self.word = WriteData(data * self._every_dword, 0xF << 4 * lane, 1)

    def _step_answers(self, returned: WriteResponse | None, interrupt: InterruptAnswer | None, free: int | bool) -> int:
        """Choose what goes into the register of B, if that is free: memory, the refusal, interrupts, in turn, but none
        before the refusal of its own ID. B of messages goes nowhere. Return whether the interrupt's goes."""
        self._answered_message = 0
        if returned is not None and returned.id & self._own_id:
            returned = None
            self._answered_message = 1
        if not free:
            self.returned.step(returned)
            return 0
        refused = self.refused if self.phase == ANSWER else None
        memory_goes, interrupt_goes = returned is not None, interrupt is not None
        if refused is not None:
            memory_goes = returned is not None and returned.id != refused.id
            interrupt_goes = interrupt is not None and interrupt.id != refused.id
        self.answer, self.forwarded = None, 0
        for source in TURNS[self.answer_turn]:
            if source == OF_MEMORY and memory_goes:
                self.answer, self.forwarded, returned = returned, 1, None
                break
            if source == OF_REFUSAL and refused is not None:
                self.answer = WriteResponse(refused.id, OKAY if refused.okay else SLVERR)
                self.refused, self.phase = None, FREE
                break
            if source == OF_INTERRUPT and interrupt_goes and interrupt is not None:
                self.answer = WriteResponse(interrupt.id, OKAY if interrupt.okay else SLVERR)
                break
        self.returned.step(returned)
        if self.answer is None:
            return 0
        self.answer_turn = source
        return 1 if source == OF_INTERRUPT else 0

    def _registers(self) -> Outputs:
        return Outputs(
            self.requests.ready,
            self.beats.ready,
            self.answer,
            self.address,
            self.word,
            self.returned.ready,
            self.issued.space,
            1 if self.phase == FREE else 0,
        )
