"""Write path of the AXI shell: AW to the request pipeline, AW and W on to memory, B back, refusals, interrupts."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Response, Size
from model.arch.sizes import OUTPUT_DEPTH
from rtl.axi.channel import address_layout, connect_memory_address, put_device_address
from rtl.axi.output_fifo import FallThroughFifo
from rtl.axi.ports import WRITE_CHANNELS, axi_signature, refusal_layout
from rtl.axi.register_slice import OutputRegister, RegisterSlice, SkidBuffer
from rtl.axi.write_order import WriteOrder, incoming_layout, interrupt_address_layout, is_for_interrupts
from rtl.event_message import message_layout
from rtl.one_hot import in_turn
from rtl.request import Access, request_layout
from rtl.request_pipeline import issue_layout

__all__ = ["WritePath", "interrupt_answer_layout", "interrupt_layout"]

DWORD_BITS = 32
UNCHANGED = ("core_write", "translation_enable", "pending")  # to WriteOrder


def interrupt_layout(config: UnitConfig) -> data.StructLayout:
    """An interrupt request with its data; without `whole` not all of its bytes are written, so it is none."""
    return data.StructLayout({**interrupt_address_layout(config).members, "data": DWORD_BITS, "whole": 1})


def interrupt_answer_layout(config: UnitConfig) -> data.StructLayout:
    """The answer to an interrupt request: SLVERR unless `okay`."""
    return data.StructLayout({"id": config.id_bits, "okay": 1})


class WritePath(wiring.Component):
    """AW, W and B between devices, the unit, and memory; and the unit's own messages.

    Spec: AXI4 A3, A5; for AxMMU signals AXI5 "Untranslated transactions"; messages: rules 25.
    Timing: every output of `s_axi` and `m_axi` comes from a register. AW accepted in clock n is in `writes` in n + 1.
    W of an interrupt accepted in clock n is in `interrupt` in n if its AW was accepted before, else in n + 1.
    `issue_write` in clock n, with nothing before it and its first W beat accepted by then, puts AW and that beat on
    `m_axi` in n + 1. B accepted in clock n is on `s_axi` in n + 1.
    Order: W beats belong to the decisions, issued or refused, in the order in which these are made, and to interrupts
    in between as WriteOrder says; AxLEN + 1 beats each (WLAST of devices is not looked at, that to memory is made
    anew, so that no device breaks another's bursts).
    AW goes out together with its first beat: a device that keeps its data back holds up no message, unless in the
    middle of a burst. A message goes between two bursts: at once, but not in the first clock after another one in which
    a write that was issued before could start.
    B of memory, of refusals and of interrupts take turns. B of a refusal: after its last beat was swallowed, but before
    any other of its own ID, which can only belong to a younger request. Nothing of B waits for an interrupt: younger
    writes of its ID have not entered the pipeline.

    Members
    -------
    s_axi : In, m_axi : Out
        Device side, with side band; memory side, whose IDs have one bit more: 1 marks messages (other bits 0), whose
        B goes no further.
    writes, core_write, blocked_writes, translation_enable, pending
        As in WriteOrder; `writes` are the requests of devices that are no interrupt requests.
    issue_write : In, write_space : Out
        Permitted request, and how many more may be issued (a register); more than that are lost. A request is issued
        or refused in a later clock than that in which it entered the pipeline.
    refusal : In(stream)
        Request that memory never sees: its data is swallowed, B says SLVERR, or OKAY. To be offered only while memory
        owes its ID nothing. One at a time: `ready`, from a register, is 1 again in the clock after its B went to the
        register of `s_axi`. An `issue_write` in the clock of its transfer is the older one.
    message : In(stream)
        One dword to write. `ready`, combinational, is 1 only in the clock of the transfer.
    interrupt : Out(stream)
        Interrupt requests in order; combinational, `ready` must not depend on it. No younger W beat passes one.
    interrupt_answer : In(stream)
        Answers to them, in any order among different IDs. `ready` depends on the answer on offer.
    sent_write : Out
        With `valid` (a register): the last beat of an issued write has come into the register of `m_axi`.
    answered_write : Out
        With `valid` (combinational): a device took a B of memory.
    answered_message : Out
        For one clock (combinational): B of a message came.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "s_axi": In(axi_signature(config, "s_axi_", WRITE_CHANNELS)),
                "m_axi": Out(axi_signature(config, "m_axi_", WRITE_CHANNELS)),
                "writes": Out(stream.Signature(request_layout(config))),
                "issue_write": In(issue_layout(config)),
                "write_space": Out(range(OUTPUT_DEPTH + 1)),
                "refusal": In(stream.Signature(refusal_layout(config))),
                "message": In(stream.Signature(message_layout())),
                "core_write": In(1),
                "blocked_writes": Out(1 << config.id_bits),
                "translation_enable": In(1),
                "pending": In(1 << config.id_bits),
                "interrupt": Out(stream.Signature(interrupt_layout(config))),
                "interrupt_answer": In(stream.Signature(interrupt_answer_layout(config))),
                "sent_write": Out(data.StructLayout({"valid": 1, "id": config.id_bits})),
                "answered_write": Out(data.StructLayout({"valid": 1, "id": config.id_bits})),
                "answered_message": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._refused = Signal(refusal_layout(self.config))  # its `len` counts down while beats are swallowed
        self._answering = Signal()  # its data is gone, B is due
        self._answered = Signal()  # in this clock
        self._connect_requests(m)
        self._connect_outputs(m)
        self._connect_issued(m)
        self._steer(m)
        self._connect_answers(m)
        return m

    def _connect_requests(self, m):
        m.submodules.requests = requests = RegisterSlice(incoming_layout(self.config))
        coming = requests.i.p
        m.d.comb += [
            self.s_axi.awready.eq(requests.i.ready),
            requests.i.valid.eq(self.s_axi.awvalid),
            coming.for_interrupts.eq(is_for_interrupts(coming.request)),
        ]
        put_device_address(m, self.s_axi, "aw", coming.request, Access.WRITE)
        m.submodules.order = self._order = order = WriteOrder(config=self.config)
        wiring.connect(m, requests.o, order.requests)
        wiring.connect(m, order.writes, wiring.flipped(self.writes))
        m.d.comb += self.blocked_writes.eq(order.blocked_writes)
        m.d.comb += (getattr(order, name).eq(getattr(self, name)) for name in UNCHANGED)

    def _connect_outputs(self, m):
        config, s_axi, m_axi = self.config, self.s_axi, self.m_axi
        beat = {"data": config.data_bits, "strb": config.data_bits // 8}
        address = data.StructLayout({**address_layout(config).members, "id": config.id_bits + 1, "address": 64})
        m.submodules.beats = self._beats = SkidBuffer(data.StructLayout(beat))
        m.submodules.addresses = self._addresses = OutputRegister(address)
        m.submodules.data = self._data = OutputRegister(data.StructLayout({**beat, "last": 1}))
        connect_memory_address(m, self._addresses.o, m_axi, "aw")
        m.d.comb += [
            self._beats.i.valid.eq(s_axi.wvalid),
            s_axi.wready.eq(self._beats.i.ready),
            self._beats.i.p.data.eq(s_axi.wdata),
            self._beats.i.p.strb.eq(s_axi.wstrb),
            m_axi.wvalid.eq(self._data.o.valid),
            self._data.o.ready.eq(m_axi.wready),
            Cat(m_axi.wdata, m_axi.wstrb, m_axi.wlast).eq(self._data.o.p),
        ]

    def _connect_issued(self, m):
        m.submodules.issued = issued = FallThroughFifo(address_layout(self.config), depth=OUTPUT_DEPTH)
        self._issued = issued
        pushed, issue = issued.push.payload, self.issue_write
        m.d.comb += [
            issued.push.valid.eq(issue.valid),
            pushed.id.eq(issue.id),
            pushed.address.eq(issue.address),
            pushed.attributes.eq(issue.attributes),
            self.write_space.eq(issued.space),
        ]

    def _steer(self, m):
        """W beats to memory, to the interrupt remapper or nowhere, messages in between."""
        beat, address, word, order = self._beats.o, self._addresses.i, self._data.i, self._order
        in_burst, left = Signal(), Signal(8)  # beats that follow the one that is next
        may_start, start, goes_on, forward, sent, send, message_was_last = (Signal() for _ in range(7))
        sending = Signal(self.config.id_bits)  # ID of the burst
        swallow, swallowed = self._take_refusal(m, start, in_burst)
        interrupt = self._take_interrupt(m)
        issued = self._issued.o
        both_free = address.ready & word.ready
        m.d.comb += [
            # What is issued in this clock is known late, all else of this early: no message waits for it.
            send.eq(self.message.valid & both_free & ~in_burst & ~(message_was_last & ~self._issued.empty)),
            may_start.eq(both_free & beat.valid & ~in_burst & ~swallow & order.is_write & ~send),
            start.eq(may_start & issued.valid),
            issued.ready.eq(start),
            goes_on.eq(in_burst & beat.valid & word.ready),
            forward.eq(start | goes_on),
            beat.ready.eq(swallow | forward | interrupt),
            sent.eq((may_start & word.p.last & issued.valid) | (goes_on & word.p.last)),
            order.write_taken.eq(swallowed | sent),
            order.interrupt_taken.eq(interrupt),
            self.message.ready.eq(send),
            address.valid.eq(start | send),
            address.p.id.eq(issued.p.id),
            address.p.address.eq(issued.p.address),
            address.p.attributes.eq(issued.p.attributes),
            word.valid.eq(forward | send),
            word.p.data.eq(beat.p.data),
            word.p.strb.eq(beat.p.strb),
            word.p.last.eq(Mux(in_burst, left == 0, issued.p.attributes.len == 0)),
        ]
        m.d.sync += [self.sent_write.valid.eq(sent), self.sent_write.id.eq(Mux(in_burst, sending, issued.p.id))]
        with m.If(forward):
            m.d.sync += in_burst.eq(~word.p.last)
        with m.If(~in_burst):
            m.d.sync += [left.eq(issued.p.attributes.len - 1), sending.eq(issued.p.id)]
        with m.Elif(forward):
            m.d.sync += left.eq(left - 1)
        with m.If(both_free & ~in_burst):
            m.d.sync += message_was_last.eq(send)
        with m.If(send):
            self._put_message(m, address.p, word.p)

    def _put_message(self, m, address, word):
        message = self.message.p
        lanes = self.config.data_bits // message.data.shape().width
        lane = message.address[2:][: (lanes - 1).bit_length()]
        m.d.comb += [
            address.id.eq(1 << self.config.id_bits),
            address.address.eq(message.address),
            address.attributes.eq(0),
            address.attributes.size.eq(Size.DWORD),
            address.attributes.burst.eq(Burst.INCR),
            address.attributes.cache.eq(Cache.BUFFERABLE),
            word.data.eq(message.data.replicate(lanes)),
            word.strb.eq(Cat(Mux(lane == number, 0xF, 0)[:4] for number in range(lanes))),
            word.last.eq(1),
        ]

    def _take_interrupt(self, m):
        """Join an interrupt with its beat; return whether that is taken in this clock."""
        beat, order, interrupt = self._beats.o, self._order, self.interrupt.p
        lanes = self.config.data_bits // DWORD_BITS
        lane = order.interrupt.address[2:][: (lanes - 1).bit_length()]
        m.d.comb += [
            self.interrupt.valid.eq(order.is_interrupt & beat.valid),
            *(interrupt[name].eq(order.interrupt[name]) for name in interrupt_address_layout(self.config).members),
        ]
        for number in range(lanes):
            with m.If(lane == number):
                m.d.comb += [
                    interrupt.data.eq(beat.p.data.word_select(number, DWORD_BITS)),
                    interrupt.whole.eq(beat.p.strb.word_select(number, 4).all()),
                ]
        return self.interrupt.valid & self.interrupt.ready

    def _take_refusal(self, m, start, in_burst):
        """Hold one refusal from its arrival to its B; return whether the W beats of this clock are its own, and
        whether the last one is taken."""
        refused, beat = self._refused, self._beats.o
        # Issued requests that are older than it and did not start: in the clock after it came, all.
        before, last_before = Signal(range(OUTPUT_DEPTH + 1)), Signal(range(OUTPUT_DEPTH + 1))
        is_new, started, none_before, swallow, swallowed = (Signal() for _ in range(5))
        m.d.comb += [
            before.eq(Mux(is_new, OUTPUT_DEPTH - self.write_space, last_before) - started),
            none_before.eq(Mux(is_new, self._issued.empty, last_before == started)),
        ]
        m.d.sync += [is_new.eq(0), started.eq(start), last_before.eq(before)]
        with m.FSM():
            with m.State("Free"):
                m.d.comb += self.refusal.ready.eq(1)
                m.d.sync += [refused.eq(self.refusal.p), is_new.eq(1)]
                with m.If(self.refusal.valid):
                    m.next = "Swallow"

            with m.State("Swallow"):
                m.d.comb += swallow.eq(none_before & ~in_burst & self._order.is_write)
                with m.If(swallow & beat.valid):
                    m.d.sync += refused.len.eq(refused.len - 1)
                    with m.If(refused.len == 0):
                        m.d.comb += swallowed.eq(1)
                        m.next = "Answer"

            with m.State("Answer"):
                m.d.comb += self._answering.eq(1)
                with m.If(self._answered):
                    m.next = "Free"

        return swallow, swallowed

    def _connect_answers(self, m):
        config, s_axi, m_axi = self.config, self.s_axi, self.m_axi
        returned_layout = data.StructLayout({"id": config.id_bits, "own": 1, "resp": 2})
        m.submodules.returned = returned = SkidBuffer(returned_layout)
        m.submodules.answers = answers = OutputRegister(
            data.StructLayout({"id": config.id_bits, "resp": 2, "forwarded": 1})
        )
        m.d.comb += [
            returned.i.valid.eq(m_axi.bvalid),
            m_axi.bready.eq(returned.i.ready),
            returned.i.p.eq(Cat(m_axi.bid, m_axi.bresp)),
            s_axi.bvalid.eq(answers.o.valid),
            answers.o.ready.eq(s_axi.bready),
            Cat(s_axi.bid, s_axi.bresp).eq(answers.o.payload),
            self.answered_write.valid.eq(s_axi.bvalid & s_axi.bready & answers.o.p.forwarded),
            self.answered_write.id.eq(s_axi.bid),
        ]
        self._choose_answer(m, returned.o, answers.i)

    def _choose_answer(self, m, returned, answer):
        """B of memory, of the refusal, of interrupts: in turn, but none before the refusal of its own ID."""
        interrupt, refused = self.interrupt_answer, self._refused
        wants, chosen, turn = Signal(3), Signal(3), Signal(3)
        m.d.comb += [
            wants[0].eq(returned.valid & ~returned.p.own & ~(self._answering & (returned.p.id == refused.id))),
            wants[1].eq(self._answering),
            wants[2].eq(interrupt.valid & ~(self._answering & (interrupt.p.id == refused.id))),
            chosen.eq(in_turn(wants, turn)),
            answer.valid.eq(wants.any()),
            answer.p.forwarded.eq(chosen[0]),
            returned.ready.eq(returned.p.own | (chosen[0] & answer.ready)),
            self._answered.eq(chosen[1] & answer.ready),
            interrupt.ready.eq(chosen[2] & answer.ready),
            self.answered_message.eq(returned.valid & returned.p.own),
        ]
        with m.If(chosen[0]):
            m.d.comb += [answer.p.id.eq(returned.p.id), answer.p.resp.eq(returned.p.resp)]
        for bit, source in ((chosen[1], refused), (chosen[2], interrupt.p)):
            with m.If(bit):
                m.d.comb += [
                    answer.p.id.eq(source.id),
                    answer.p.resp.eq(Mux(source.okay, Response.OKAY, Response.SLVERR)),
                ]
        with m.If(answer.valid & answer.ready):
            m.d.sync += turn.eq(chosen)
