"""Write path of the AXI shell: AW to the request pipeline, AW and W on to memory, B back, refusals, event messages."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Burst, Cache, Response, Size
from model.arch.sizes import OUTPUT_DEPTH
from rtl.axi.channel import address_layout, connect_device_address, connect_memory_address
from rtl.axi.output_fifo import FallThroughFifo
from rtl.axi.ports import WRITE_CHANNELS, axi_signature, refusal_layout
from rtl.axi.register_slice import OutputRegister, RegisterSlice, SkidBuffer
from rtl.event_message import message_layout
from rtl.request import Access, request_layout
from rtl.request_pipeline import issue_layout

__all__ = ["WritePath"]


class WritePath(wiring.Component):
    """AW, W and B between devices, the unit, and memory; and the unit's own messages.

    Spec: AXI4 A3, A5; for AxMMU signals AXI5 "Untranslated transactions"; messages: rules 25.
    Timing: every output of `s_axi` and `m_axi` comes from a register. AW accepted in clock n is in `writes` in n + 1.
    `issue_write` in clock n, with nothing before it and its first W beat accepted by then, puts AW and that beat on
    `m_axi` in n + 1. B accepted in clock n is on `s_axi` in n + 1.
    Order: W beats belong to the decisions, issued or refused, in the order in which these are made; AxLEN + 1 beats
    each (WLAST of devices is not looked at, that to memory is made anew, so that no device breaks another's bursts).
    AW goes out together with its first beat: a device that keeps its data back delays no message, unless in the
    middle of a burst. A message goes between two bursts, in turn with them.
    B of a refusal: after its last beat was swallowed, in turn with B of memory, but before any of its own ID, which
    can only belong to a younger request.

    Members
    -------
    s_axi : In, m_axi : Out
        Device side, with side band; memory side, whose IDs have one bit more: 1 marks messages (other bits 0), whose
        B goes no further.
    writes : Out(stream)
        Requests of devices.
    issue_write : In, write_space : Out
        Permitted request, and how many more may be issued (a register); more than that are lost.
    refusal : In(stream)
        Request that memory never sees: its data is swallowed, B says SLVERR, or OKAY. To be offered only while memory
        owes its ID nothing. One at a time: `ready`, from a register, is 1 again in the clock after its B went to the
        register of `s_axi`. An `issue_write` in the clock of its transfer is the older one.
    message : In(stream)
        One dword to write. `ready`, combinational, is 1 only in the clock of the transfer.
    answered_write : Out
        With `valid` (combinational): a device took a B of memory.
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
                "answered_write": Out(data.StructLayout({"valid": 1, "id": config.id_bits})),
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
        m.submodules.requests = requests = RegisterSlice(request_layout(self.config))
        connect_device_address(m, self.s_axi, "aw", requests.i, Access.WRITE)
        wiring.connect(m, requests.o, wiring.flipped(self.writes))

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
        self._issued = issued.o
        pushed, issue = issued.push.payload, self.issue_write
        m.d.comb += [
            issued.push.valid.eq(issue.valid),
            pushed.id.eq(issue.id),
            pushed.address.eq(issue.address),
            pushed.attributes.eq(issue.attributes),
            self.write_space.eq(issued.space),
        ]

    def _steer(self, m):
        """W beats to memory or nowhere, messages in between."""
        beat, address, word = self._beats.o, self._addresses.i, self._data.i
        in_burst, left = Signal(), Signal(8)  # beats that follow the one that is next
        start, forward, send, message_was_last = Signal(), Signal(), Signal(), Signal()
        swallow = self._take_refusal(m, start, in_burst)
        may_start = self._issued.valid & beat.valid & ~in_burst & ~swallow
        both_free = address.ready & word.ready
        m.d.comb += [
            send.eq(self.message.valid & both_free & ~in_burst & ~(message_was_last & may_start)),
            start.eq(may_start & both_free & ~send),
            forward.eq(start | (in_burst & beat.valid & word.ready)),
            self._issued.ready.eq(start),
            beat.ready.eq(swallow | forward),
            self.message.ready.eq(send),
            address.valid.eq(start | send),
            address.p.id.eq(self._issued.p.id),
            address.p.address.eq(self._issued.p.address),
            address.p.attributes.eq(self._issued.p.attributes),
            word.valid.eq(forward | send),
            word.p.data.eq(beat.p.data),
            word.p.strb.eq(beat.p.strb),
            word.p.last.eq(Mux(in_burst, left == 0, self._issued.p.attributes.len == 0)),
        ]
        with m.If(start):
            m.d.sync += [
                in_burst.eq(~word.p.last),
                left.eq(self._issued.p.attributes.len - 1),
                message_was_last.eq(0),
            ]
        with m.Elif(forward):
            m.d.sync += [in_burst.eq(~word.p.last), left.eq(left - 1)]
        with m.If(send):
            m.d.sync += message_was_last.eq(1)
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

    def _take_refusal(self, m, start, in_burst):
        """Hold one refusal from its arrival to its B; return whether the W beats of this clock are its own."""
        refused, beat = self._refused, self._beats.o
        before = Signal(range(OUTPUT_DEPTH + 1))  # issued requests that are older than it and did not start
        waiting = Signal(range(OUTPUT_DEPTH + 1))  # issued requests that will not have started after this clock
        swallow = Signal()
        m.d.comb += waiting.eq(OUTPUT_DEPTH - self.write_space + self.issue_write.valid - start)
        with m.FSM():
            with m.State("Free"):
                m.d.comb += self.refusal.ready.eq(1)
                m.d.sync += [refused.eq(self.refusal.p), before.eq(waiting)]
                with m.If(self.refusal.valid):
                    m.next = "Swallow"

            with m.State("Swallow"):
                m.d.comb += swallow.eq((before == 0) & ~in_burst)
                with m.If(start):
                    m.d.sync += before.eq(before - 1)
                with m.If(swallow & beat.valid):
                    m.d.sync += refused.len.eq(refused.len - 1)
                    with m.If(refused.len == 0):
                        m.next = "Answer"

            with m.State("Answer"):
                m.d.comb += self._answering.eq(1)
                with m.If(self._answered):
                    m.next = "Free"

        return swallow

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
        of_memory, refuse, refusal_next = Signal(), Signal(), Signal()
        is_older = returned.p.id == self._refused.id
        m.d.comb += [
            of_memory.eq(returned.valid & ~returned.p.own),
            refuse.eq(self._answering & (~of_memory | refusal_next | is_older)),
            answer.valid.eq(refuse | of_memory),
            returned.ready.eq(returned.p.own | (answer.ready & ~refuse)),
            self._answered.eq(refuse & answer.ready),
        ]
        with m.If(refuse):
            m.d.comb += [
                answer.p.id.eq(self._refused.id),
                answer.p.resp.eq(Mux(self._refused.okay, Response.OKAY, Response.SLVERR)),
            ]
        with m.Else():
            m.d.comb += [answer.p.id.eq(returned.p.id), answer.p.resp.eq(returned.p.resp), answer.p.forwarded.eq(1)]
        with m.If(answer.valid & answer.ready):
            m.d.sync += refusal_next.eq(~refuse)
