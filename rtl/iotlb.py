"""IOTLB: translations of pages, looked up by source-id and address, in a CAM that one broadcast invalidates."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import lowest, select
from rtl.request import PAGE_BITS, invalidation_layout, translation_layout

__all__ = ["Iotlb"]

# Page-number bits that do not count, by level. Rule 6.3.
LEVEL_MASKS = {1: 0, 2: (1 << 9) - 1, 3: (1 << 18) - 1}


class Iotlb(wiring.Component):
    """Cache of translations of requests without PASID.

    Spec: rules 14, 15.
    Timing: `lookup` in clock n gives `hit` and `translation` in clock n + 2, one look-up per clock. A fill or an
    invalidation in clock n counts for look-ups from clock n + 1 on; an entry that is replaced in clock n gives no
    hit for the look-up of clock n. A fill in the clock of any IOTLB invalidation is dropped.
    Entries are replaced in turn, in use or not. When several match, the lowest one answers: all are true until
    invalidated.

    Members
    -------
    lookup : In
        `source_id`, `page` (address bits 63:12).
    hit, translation : Out
        The entry found for the look-up two clocks ago; `translation` is 0 without a hit.
    fill : In
        With `valid`: keep `translation`, of level 1 to 3, of `page` for `source_id`.
    invalidate : In
        Command of this clock.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        translation = translation_layout(config)
        super().__init__(
            {
                "lookup": In(data.StructLayout({"source_id": 16, "page": PAGE_BITS})),
                "hit": Out(1),
                "translation": Out(translation),
                "fill": In(
                    data.StructLayout({"valid": 1, "source_id": 16, "page": PAGE_BITS, "translation": translation})
                ),
                "invalidate": In(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = self.config.iotlb_entries
        tag = data.StructLayout({"source_id": 16, "page": PAGE_BITS, "ignored": PAGE_BITS})
        valid, matches, matched, replaced = Signal(count), Signal(count), Signal(count), Signal(count)
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        translations = [Signal(translation_layout(self.config), name=f"translation_{i}") for i in range(count)]
        victim = Signal(range(count))
        any_invalidation = self.invalidate.iotlb_global | self.invalidate.iotlb_domain | self.invalidate.iotlb_page

        m.d.comb += replaced.eq((self.fill.valid & ~any_invalidation) << victim)
        with m.If(replaced.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i in range(count):
            same_page = ((tags[i].page ^ self.lookup.page) & ~tags[i].ignored) == 0
            m.d.comb += matches[i].eq(valid[i] & same_page & (tags[i].source_id == self.lookup.source_id))
            with m.If(replaced[i]):
                m.d.sync += [
                    valid[i].eq(1),
                    tags[i].source_id.eq(self.fill.source_id),
                    tags[i].page.eq(self.fill.page),
                    tags[i].ignored.eq(_ignored(self.fill.translation.level)),
                    translations[i].eq(self.fill.translation),
                ]
            with m.If(self._invalidated(tags[i], translations[i])):
                m.d.sync += valid[i].eq(0)

        m.d.sync += [
            # Without `replaced`, an entry would answer in the next clock with what it holds by then.
            matched.eq(matches & ~replaced),
            self.hit.eq(matched.any()),
            self.translation.eq(select(lowest(matched), translations)),
        ]
        return m

    def _invalidated(self, tag, translation):
        command = self.invalidate
        same_page = ((tag.page ^ command.page) & ~tag.ignored & ~command.page_mask) == 0
        asked = command.iotlb_domain | (command.iotlb_page & same_page)
        return command.iotlb_global | (asked & (translation.domain_id == command.domain_id))


def _ignored(level):
    mask = Const(0, PAGE_BITS)
    for number, bits in LEVEL_MASKS.items():
        mask = Mux(level == number, bits, mask)
    return mask
