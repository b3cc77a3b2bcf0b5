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
        The entry found for the look-up two clocks ago; `irte` means nothing without a hit.
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
        command = self.invalidate
        valid, matches, matched, same, replaced = (Signal(count) for _ in range(5))
        indices = [Signal(INTERRUPT_INDEX_BITS, name=f"index_{i}") for i in range(count)]
        m.submodules.irtes = irtes = memory.Memory(shape=IRTE_BITS, depth=max(count, 16), init=[])
        write, read = irtes.write_port(), irtes.read_port(domain="comb")
        victim = Signal(count, init=1)
        # A fill is known late in its clock, so it is stored in the next one, in which it counts already.
        new = Signal.like(self.fill)
        known, is_new, was_replaced = Signal(), Signal(), Signal()

        def survives(index):
            different = (index ^ command.interrupt_index) & ~command.interrupt_mask
            return ~(command.iec_global | (command.iec_index & (different == 0)))

        m.d.sync += [new.eq(self.fill), new.valid.eq(self.fill.valid & ~(command.iec_global | command.iec_index))]
        m.d.comb += [
            known.eq(same.any()),
            replaced.eq(Mux(new.valid, Mux(known, same, victim), 0)),
            write.en.eq(new.valid),
            write.addr.eq(number_of(Mux(known, same, victim))),
            write.data.eq(new.irte),
            read.addr.eq(number_of(matched)),
            is_new.eq(new.index == self.lookup),
            # An entry that was replaced in the clock of the look-up gives no hit.
            was_replaced.eq(new.valid & Mux(known, (matched & same).any(), (matched & victim).any())),
        ]
        with m.If(new.valid & ~known):
            m.d.sync += victim.eq(victim.rotate_left(1))
        for i in range(count):
            m.d.comb += [
                matches[i].eq(valid[i] & (indices[i] == self.lookup)),
                same[i].eq(valid[i] & (indices[i] == new.index)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [valid[i].eq(survives(new.index)), indices[i].eq(new.index)]
            with m.Elif(~survives(indices[i])):
                m.d.sync += valid[i].eq(0)

        m.d.sync += [
            matched.eq(Mux(is_new, replaced, 0) | (matches & ~replaced)),
            self.hit.eq(matched.any() & ~was_replaced),
            self.irte.eq(read.data),
        ]
        return m
