"""Context-cache: checked context-entries, looked up by source-id, in a CAM that one broadcast invalidates."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import select
from rtl.request import context_layout, invalidation_layout

__all__ = ["ContextCache"]


class ContextCache(wiring.Component):
    """Cache of context-entries that passed every check.

    Spec: rules 14, 15.
    Timing: as Iotlb: `lookup` in clock n gives `hit` and `context` in clock n + 2; a fill or an invalidation counts
    from the next clock on; an entry that is replaced in clock n gives no hit for the look-up of clock n.
    A fill replaces the entry of the same source-id, otherwise entries in turn, so that a source-id never has two.
    A fill in the clock of any context-cache invalidation is dropped.

    Members
    -------
    lookup : In(16)
        Source-id.
    hit, context : Out
        The entry found for the look-up two clocks ago; `context` is 0 without a hit.
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
        valid, matches, matched, replaced, same = (Signal(count) for _ in range(5))
        source_ids = [Signal(16, name=f"source_id_{i}") for i in range(count)]
        contexts = [Signal(context_layout(self.config), name=f"context_{i}") for i in range(count)]
        victim = Signal(range(count))
        command = self.invalidate
        any_invalidation = command.context_global | command.context_domain | command.context_device
        fill = Signal()

        m.d.comb += [
            fill.eq(self.fill.valid & ~any_invalidation),
            replaced.eq(Mux(fill, Mux(same.any(), same, 1 << victim), 0)),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i in range(count):
            m.d.comb += [
                matches[i].eq(valid[i] & (source_ids[i] == self.lookup)),
                same[i].eq(valid[i] & (source_ids[i] == self.fill.source_id)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [
                    valid[i].eq(1),
                    source_ids[i].eq(self.fill.source_id),
                    contexts[i].eq(self.fill.context),
                ]
            with m.If(self._invalidated(source_ids[i], contexts[i])):
                m.d.sync += valid[i].eq(0)

        m.d.sync += [
            # Without `replaced`, an entry would answer in the next clock with what it holds by then.
            matched.eq(matches & ~replaced),
            self.hit.eq(matched.any()),
            self.context.eq(select(matched, contexts)),
        ]
        return m

    def _invalidated(self, source_id, context):
        command = self.invalidate
        difference = source_id ^ command.source_id
        # Cut apart: `~` of the 3-bit mask is 3 bits wide, and would hide the bits above.
        same_device = ((difference[:3] & ~command.function_mask) == 0) & (difference[3:] == 0)
        asked = command.context_domain | (command.context_device & same_device)
        return command.context_global | (asked & (context.domain_id == command.domain_id))
