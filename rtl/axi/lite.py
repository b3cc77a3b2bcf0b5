"""Registers over AXI4-Lite: s_axil to accesses of the register file, one per clock."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import Response
from model.arch.registers import PUSHING_OFFSETS
from rtl.axi.ports import axi_signature
from rtl.register_file import access_layout

__all__ = ["Lite"]

WORD_BITS = 3  # of an address within 64 bits


class Lite(wiring.Component):
    """One read and one write at a time; both may be in progress together.

    Spec: AXI4 B1 "AXI4-Lite"; pushed messages: rules 25. AxPROT is not looked at; every response is OKAY.
    Timing: every output comes from registers. AR accepted in clock n: access in n + 1, R in n + 3, or in the clock
    after `pushed` is 1 again. The later one of AW and W accepted in clock n: access in n + 1, B in n + 2. Where both
    want the access, they take turns. Ready is 1 again in the clock after the answer was taken.

    Members
    -------
    s_axil : In
        Software.
    access : Out
        Access of this clock.
    read_data : In(64)
        What the read of the clock before saw.
    push : Out(1)
        The access of this clock reads at one of PUSHING_OFFSETS.
    pushed : In(1)
        Since the clock after the last `push`: the messages of before have arrived.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "s_axil": In(axi_signature(config, "s_axil_")),
                "access": Out(access_layout()),
                "read_data": In(64),
                "push": Out(1),
                "pushed": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        read_wanted, write_wanted, write_was_last = Signal(), Signal(), Signal()
        write = write_wanted & ~(read_wanted & write_was_last)
        read = read_wanted & ~write
        read_address = self._connect_read(m, read_wanted, read)
        write_address = self._connect_write(m, write_wanted, write)
        m.d.comb += [
            self.s_axil.rresp.eq(Response.OKAY),
            self.s_axil.bresp.eq(Response.OKAY),
            self.access.valid.eq(read_wanted | write_wanted),
            self.access.write.eq(write),
            self.access.address.eq(Mux(write, write_address, read_address)),
        ]
        with m.If(self.access.valid):
            m.d.sync += write_was_last.eq(write)
        return m

    def _connect_read(self, m, wanted, accessed):
        """From AR to R; return the address."""
        s_axil = self.s_axil
        ready, valid, returned, held = (Signal() for _ in range(4))
        pushes = Signal()  # the address is one of PUSHING_OFFSETS
        address, read_data = Signal.like(s_axil.araddr), Signal.like(s_axil.rdata)
        m.d.comb += [s_axil.arready.eq(ready), s_axil.rvalid.eq(valid), s_axil.rdata.eq(read_data)]
        taken, answered = s_axil.arvalid & ready, valid & s_axil.rready
        waits, has_data, stays = Signal(), Signal(), Signal()
        m.d.comb += [
            waits.eq(taken | (wanted & ~accessed)),
            has_data.eq(returned | held),
            stays.eq(valid & ~answered),
            self.push.eq(accessed & pushes),
        ]
        m.d.sync += [
            wanted.eq(waits),
            returned.eq(accessed),
            held.eq(has_data & ~self.pushed),
            valid.eq((has_data & self.pushed) | stays),
            ready.eq(~waits & ~accessed & ~has_data & ~stays),
        ]
        words = {offset >> WORD_BITS for offset in PUSHING_OFFSETS}
        with m.If(ready):
            m.d.sync += [
                address.eq(s_axil.araddr),
                pushes.eq(Cat(s_axil.araddr[WORD_BITS:] == word for word in words).any()),
            ]
        with m.If(returned):
            m.d.sync += read_data.eq(self.read_data)
        return address

    def _connect_write(self, m, wanted, accessed):
        """From AW and W to B; return the address."""
        s_axil = self.s_axil
        address_ready, data_ready, has_address, has_data, valid = (Signal() for _ in range(5))
        address = Signal.like(s_axil.awaddr)
        word = Signal(Cat(s_axil.wdata, s_axil.wstrb).shape())
        m.d.comb += [
            s_axil.awready.eq(address_ready),
            s_axil.wready.eq(data_ready),
            s_axil.bvalid.eq(valid),
            Cat(self.access.data, self.access.strobe).eq(word),
            wanted.eq(has_address & has_data),
        ]
        answers = Signal()
        m.d.comb += answers.eq(accessed | (valid & ~s_axil.bready))
        m.d.sync += valid.eq(answers)
        for has, ready, offered in (
            (has_address, address_ready, s_axil.awvalid),
            (has_data, data_ready, s_axil.wvalid),
        ):
            stays = Signal(name=f"{has.name}_stays")
            m.d.comb += stays.eq((offered & ready) | (has & ~accessed))
            m.d.sync += [has.eq(stays), ready.eq(~stays & ~answers)]
        with m.If(address_ready):
            m.d.sync += address.eq(s_axil.awaddr)
        with m.If(data_ready):
            m.d.sync += word.eq(Cat(s_axil.wdata, s_axil.wstrb))
        return address
