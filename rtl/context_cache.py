"""Context-cache: checked context-entries, looked up by source-id, in a CAM that one broadcast invalidates."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import number_of
from rtl.request import context_layout, invalidation_layout

__all__ = ["ContextCache"]


class ContextCache(wiring.Component):
    """Cache of context-entries that passed every check.

    Spec: rules 14, 15.
    Timing: as Iotlb: `lookup` in clock n gives `hit` and `context` in clock n + 1; a fill or an invalidation counts
    from the next clock on; an entry that is replaced in clock n gives no hit for the look-up of clock n.
    A fill replaces the entry of the same source-id, otherwise entries in turn, so that a source-id never has two.
    A fill in the clock of any context-cache invalidation is dropped.

    Members
    -------
    lookup : In(16)
        Source-id.
    hit, context : Out
        The entry found for the look-up one clock ago; without a hit `context` means nothing.
    fill : In
        With `valid`: keep `context` for `source_id`.
    invalidate : In
        Command of this clock.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        context = context_layout(config)
        super().__init__(
            {
                "lookup": In(16),
                "hit": Out(1),
                "context": Out(context),
                "fill": In(data.StructLayout({"valid": 1, "source_id": 16, "context": context})),
                "invalidate": In(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.config.context_cache_entries
        m.submodules.contexts = contexts = memory.Memory(shape=context_layout(self.config), depth=count, init=[])
        store, load = contexts.write_port(), contexts.read_port(domain="comb")
        tag = data.StructLayout({"source_id": 16, "domain_id": self.config.domain_id_bits})
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        valid, matches, matched, same, place, replaced = (Signal(count) for _ in range(6))
        victim, fill = Signal(range(count)), Signal()
        command = self.invalidate
        any_invalidation = command.context_global | command.context_domain | command.context_device

        m.d.comb += [
            fill.eq(self.fill.valid & ~any_invalidation),
            # Whether there is a fill comes late in the clock.
            place.eq(Mux(same.any(), same, 1 << victim)),
            replaced.eq(Mux(any_invalidation, 0, place) & self.fill.valid.replicate(count)),
            store.en.eq(fill),
            store.addr.eq(Mux(same.any(), number_of(same), victim)),
            store.data.eq(self.fill.context),
            load.addr.eq(number_of(matched)),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i, entry in enumerate(tags):
            same_device = ((entry.source_id ^ command.source_id) & ~Cat(command.function_mask, C(0, 13))) == 0
            wanted = command.context_domain | (command.context_device & same_device)
            m.d.comb += [
                matches[i].eq(valid[i] & (entry.source_id == self.lookup)),
                same[i].eq(valid[i] & (entry.source_id == self.fill.source_id)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [valid[i].eq(1), entry.eq(Cat(self.fill.source_id, self.fill.context.domain_id))]
            with m.If(command.context_global | (wanted & (entry.domain_id == command.domain_id))):
                m.d.sync += valid[i].eq(0)

        # Without `replaced`, an entry would answer in the next clock with what it holds by then.
        m.d.sync += matched.eq(matches & ~replaced)
        m.d.comb += [self.hit.eq(matched.any()), self.context.eq(load.data)]
        return m
