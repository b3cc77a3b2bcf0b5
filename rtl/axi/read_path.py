"""Read path of the AXI shell: AR to the request pipeline and on to memory, R back, refusals answered."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Response
from model.arch.sizes import OUTPUT_DEPTH
from rtl.axi.channel import address_layout, connect_memory_address, put_device_address
from rtl.axi.output_fifo import OutputFifo
from rtl.axi.ports import READ_CHANNELS, axi_signature, refusal_layout
from rtl.axi.register_slice import OutputRegister, RegisterSlice, SkidBuffer
from rtl.request import Access, request_layout
from rtl.request_pipeline import issue_layout

__all__ = ["ReadPath"]


class ReadPath(wiring.Component):
    """AR and R between devices, the unit, and memory.

    Spec: AXI4 A3, A5; for AxMMU signals AXI5 "Untranslated transactions".
    Timing: every output of `s_axi` and `m_axi` comes from a register. AR accepted in clock n is in `reads` in n + 1;
    `issue_read` in clock n, with nothing before it, is on `m_axi` in n + 1; R accepted in clock n, or a refusal in
    clock n - 1, is on `s_axi` in n + 1.
    Order of R: that of memory. A refusal goes in between bursts, in turn with them; but always before a beat of its
    own ID, which can only belong to a younger request. So memory may interleave bursts of different IDs, and a
    refusal interrupts one only when memory itself did so with a younger burst of the refusal's ID.

    Members
    -------
    s_axi : In, m_axi : Out
        Device side, with side band; memory side, whose IDs have one bit more, 0 for requests of devices.
    reads : Out(stream)
        Requests of devices.
    issue_read : In, read_space : Out
        Permitted request, and how many more may be issued; more than that are lost.
    refusal : In(stream)
        Request that memory never sees: answered with AxLEN + 1 beats of SLVERR, or OKAY, and data 0. To be offered
        only while memory owes its ID nothing. One at a time: `ready`, from a register, is 1 again in the clock after
        its last beat went to the register of `s_axi`.
    answered_read : Out
        With `valid` (combinational): a device took the last beat of a burst of memory.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "s_axi": In(axi_signature(config, "s_axi_", READ_CHANNELS)),
                "m_axi": Out(axi_signature(config, "m_axi_", READ_CHANNELS)),
                "reads": Out(stream.Signature(request_layout(config))),
                "issue_read": In(issue_layout(config)),
                "read_space": Out(range(OUTPUT_DEPTH + 1)),
                "refusal": In(stream.Signature(refusal_layout(config))),
                "answered_read": Out(data.StructLayout({"valid": 1, "id": config.id_bits})),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._connect_requests(m)
        self._connect_issued(m)
        self._connect_answers(m)
        return m

    def _connect_requests(self, m):
        m.submodules.requests = requests = RegisterSlice(request_layout(self.config))
        m.d.comb += [self.s_axi.arready.eq(requests.i.ready), requests.i.valid.eq(self.s_axi.arvalid)]
        put_device_address(m, self.s_axi, "ar", requests.i.p, Access.READ)
        wiring.connect(m, requests.o, wiring.flipped(self.reads))

    def _connect_issued(self, m):
        m.submodules.issued = issued = OutputFifo(address_layout(self.config), depth=OUTPUT_DEPTH)
        pushed, issue = issued.push.payload, self.issue_read
        m.d.comb += [
            issued.push.valid.eq(issue.valid),
            pushed.id.eq(issue.id),
            pushed.address.eq(issue.address),
            pushed.attributes.eq(issue.attributes),
            self.read_space.eq(issued.space),
        ]
        connect_memory_address(m, issued.o, self.m_axi, "ar")

    def _connect_answers(self, m):
        config, s_axi = self.config, self.s_axi
        beat = data.StructLayout({"id": config.id_bits, "data": config.data_bits, "resp": 2, "last": 1})
        answer = data.StructLayout({"beat": beat, "forwarded": 1})
        m.submodules.returned = returned = SkidBuffer(beat)
        m.submodules.answers = answers = OutputRegister(answer)
        m.d.comb += [
            returned.i.valid.eq(self.m_axi.rvalid),
            self.m_axi.rready.eq(returned.i.ready),
            returned.i.p.eq(
                Cat(self.m_axi.rid[: config.id_bits], self.m_axi.rdata, self.m_axi.rresp, self.m_axi.rlast)
            ),
            s_axi.rvalid.eq(answers.o.valid),
            answers.o.ready.eq(s_axi.rready),
            Cat(s_axi.rid, s_axi.rdata, s_axi.rresp, s_axi.rlast).eq(answers.o.p.beat),
            self.answered_read.valid.eq(s_axi.rvalid & s_axi.rready & s_axi.rlast & answers.o.p.forwarded),
            self.answered_read.id.eq(s_axi.rid),
        ]
        self._choose_answer(m, returned.o, answers.i)

    def _choose_answer(self, m, returned, answer):
        refused = Signal(refusal_layout(self.config))  # its `len` counts down
        refusing, in_refusal, in_burst, refusal_next = Signal(), Signal(), Signal(), Signal()
        refuse, moves = Signal(), Signal()
        may_start = ~in_burst & (~returned.valid | refusal_next)
        is_older = returned.valid & (returned.p.id == refused.id)
        m.d.comb += [
            self.refusal.ready.eq(~refusing),
            refuse.eq(refusing & (in_refusal | may_start | is_older)),
            answer.valid.eq(refuse | returned.valid),
            moves.eq(answer.valid & answer.ready),
        ]
        with m.If(~refusing):
            m.d.sync += [refusing.eq(self.refusal.valid), refused.eq(self.refusal.p)]
        with m.If(refuse):
            m.d.comb += [
                answer.p.beat.id.eq(refused.id),
                answer.p.beat.resp.eq(Mux(refused.okay, Response.OKAY, Response.SLVERR)),
                answer.p.beat.last.eq(refused.len == 0),
            ]
            with m.If(moves):
                m.d.sync += [
                    refusing.eq(~answer.p.beat.last),
                    in_refusal.eq(~answer.p.beat.last),
                    refused.len.eq(refused.len - 1),
                    refusal_next.eq(0),
                ]
        with m.Else():
            m.d.comb += [
                answer.p.beat.eq(returned.p),
                answer.p.forwarded.eq(1),
                returned.ready.eq(answer.ready),
            ]
            with m.If(moves):
                m.d.sync += [in_burst.eq(~returned.p.last), refusal_next.eq(1)]
