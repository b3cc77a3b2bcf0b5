"""Interrupt entry cache: checked interrupt remapping table entries, looked up by index, in a CAM."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.irte_check import IRTE_BITS
from rtl.one_hot import number_of
from rtl.request import INTERRUPT_INDEX_BITS, invalidation_layout

__all__ = ["InterruptEntryCache"]


class InterruptEntryCache(wiring.Component):
    """Cache of entries as memory holds them. They are checked again for each request, whose source-id is its own.

    Spec: rules 14, 15.
    Timing: as ContextCache: `lookup` in clock n gives `hit` and `irte` in clock n + 2; a fill or an invalidation
    counts from the next clock on; an entry that is replaced in clock n gives no hit for the look-up of clock n.
    A fill replaces the entry of the same index, otherwise entries in turn, so that an index never has two. A fill in
    the clock of any invalidation of interrupt entries is dropped.

    Members
    -------
    lookup : In(16)
        Index.
    hit, irte : Out
        The entry found for the look-up two clocks ago; `irte` is 0 without a hit.
    fill : In
        With `valid`: keep `irte` for `index`.
    invalidate : In
        Command of this clock.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "lookup": In(INTERRUPT_INDEX_BITS),
                "hit": Out(1),
                "irte": Out(IRTE_BITS),
                "fill": In(data.StructLayout({"valid": 1, "index": INTERRUPT_INDEX_BITS, "irte": IRTE_BITS})),
                "invalidate": In(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.config.iec_entries
        valid, matches, matched, same, replaced = (Signal(count) for _ in range(5))
        indices = [Signal(INTERRUPT_INDEX_BITS, name=f"index_{i}") for i in range(count)]
        m.submodules.irtes = irtes = memory.Memory(shape=IRTE_BITS, depth=max(count, 16), init=[])
        write, read = irtes.write_port(), irtes.read_port(domain="comb")
        victim = Signal(count, init=1)
        command = self.invalidate
        commanded, fill = Signal(), Signal()
        # A fill and a command do not meet, so they share a comparison: with this index, but for these bits.
        index, ignored = Signal(INTERRUPT_INDEX_BITS), Signal(INTERRUPT_INDEX_BITS)

        m.d.comb += [
            commanded.eq(command.iec_global | command.iec_index),
            fill.eq(self.fill.valid & ~commanded),
            index.eq(Mux(command.iec_index, command.interrupt_index, self.fill.index)),
            ignored.eq(Mux(command.iec_index, command.interrupt_mask, 0)),
            replaced.eq(Mux(fill, Mux(same.any(), same, victim), 0)),
            write.en.eq(fill),
            write.addr.eq(number_of(replaced)),
            write.data.eq(self.fill.irte),
            read.addr.eq(number_of(matched)),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(victim.rotate_left(1))
        for i in range(count):
            m.d.comb += [
                matches[i].eq(valid[i] & (indices[i] == self.lookup)),
                same[i].eq(valid[i] & (((indices[i] ^ index) & ~ignored) == 0)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [valid[i].eq(1), indices[i].eq(self.fill.index)]
            with m.If(command.iec_global | (command.iec_index & same[i])):
                m.d.sync += valid[i].eq(0)

        m.d.sync += [
            # Without `replaced`, an entry would answer in the next clock with what it holds by then.
            matched.eq(matches & ~replaced),
            self.hit.eq(matched.any()),
            self.irte.eq(Mux(matched.any(), read.data, 0)),
        ]
        return m
