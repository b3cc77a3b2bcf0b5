"""Interrupt entry cache: checked interrupt remapping table entries, looked up by index, in a CAM."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.irte_check import IRTE_BITS
from rtl.one_hot import select
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
        valid, matches, matched, replaced, same = (Signal(count) for _ in range(5))
        indices = [Signal(INTERRUPT_INDEX_BITS, name=f"index_{i}") for i in range(count)]
        irtes = [Signal(IRTE_BITS, name=f"irte_{i}") for i in range(count)]
        victim = Signal(range(count))
        command = self.invalidate
        fill = Signal()

        m.d.comb += [
            fill.eq(self.fill.valid & ~(command.iec_global | command.iec_index)),
            replaced.eq(Mux(fill, Mux(same.any(), same, 1 << victim), 0)),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i in range(count):
            different = (indices[i] ^ command.interrupt_index) & ~command.interrupt_mask
            m.d.comb += [
                matches[i].eq(valid[i] & (indices[i] == self.lookup)),
                same[i].eq(valid[i] & (indices[i] == self.fill.index)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [valid[i].eq(1), indices[i].eq(self.fill.index), irtes[i].eq(self.fill.irte)]
            with m.If(command.iec_global | (command.iec_index & (different == 0))):
                m.d.sync += valid[i].eq(0)

        m.d.sync += [
            # Without `replaced`, an entry would answer in the next clock with what it holds by then.
            matched.eq(matches & ~replaced),
            self.hit.eq(matched.any()),
            self.irte.eq(select(matched, irtes)),
        ]
        return m
