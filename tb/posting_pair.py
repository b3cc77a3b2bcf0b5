"""Poster and memory port, connected as in the unit: what the bench of posting runs."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.axi.ports import axi_signature
from rtl.memory_port import MemoryPort, interrupt_read_layout, returned_layout, status_write_layout
from rtl.poster import Poster, post_layout, posted_layout

__all__ = ["PostingPair"]


class PostingPair(wiring.Component):
    """Members as those of the blocks; walks and the queue do nothing."""

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "post": In(stream.Signature(post_layout(config))),
                "posted": Out(posted_layout()),
                "interrupts": In(stream.Signature(interrupt_read_layout(config))),
                "interrupt_returned": Out(returned_layout(config.interrupts)),
                "status_write": In(stream.Signature(status_write_layout(config))),
                "status_written": Out(1),
                "m_axi_mem": Out(axi_signature(config, "m_axi_mem_")),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.poster = poster = Poster(config=self.config)
        m.submodules.memory_port = port = MemoryPort(config=self.config)
        wiring.connect(m, poster.read, port.descriptor_read)
        wiring.connect(m, poster.write, port.descriptor_write)
        wiring.connect(m, wiring.flipped(self.post), poster.post)
        for name in ("interrupts", "status_write"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(port, name))
        wiring.connect(m, port.m_axi_mem, wiring.flipped(self.m_axi_mem))
        m.d.comb += [
            poster.returned.eq(port.descriptor_returned),
            poster.written.eq(port.descriptor_written),
            self.posted.eq(poster.posted),
            self.interrupt_returned.eq(port.interrupt_returned),
            self.status_written.eq(port.status_written),
        ]
        return m
