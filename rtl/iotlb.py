"""IOTLB: translations of pages, looked up by source-id and address, in a CAM that one broadcast invalidates."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX
from rtl.one_hot import lowest_number
from rtl.request import PAGE_BITS, invalidation_layout, translation_layout

__all__ = ["Iotlb", "meets_interrupts"]

PREFIX_LSB = 20 - 12  # of the interrupt range, in page numbers
LEVEL_BITS = 9  # of the page number; a page one level higher does not look at so many. Rule 6.3.


class Iotlb(wiring.Component):
    """Cache of translations of requests without PASID.

    Spec: rules 14, 15.
    Timing: `lookup` in clock n gives `hit` and `translation` in clock n + 1, combinational from registers; one look-up
    per clock. A fill or an invalidation in clock n counts for look-ups from clock n + 1 on; an entry that is replaced
    in clock n gives no hit for the look-up of clock n. A fill in the clock of any IOTLB invalidation is dropped.
    Entries are replaced in turn, in use or not. When several match, the lowest one answers: all are true until
    invalidated.
    What look-ups and invalidations compare stands in registers; the translations are in a memory.

    Members
    -------
    lookup : In
        `source_id`, `page` (address bits 63:12).
    hit, translation, meets_interrupts : Out
        The entry found for the look-up one clock ago, and whether its page and the interrupt range meet; without a hit
        they mean nothing.
    fill : In
        With `valid`: keep `translation`, of level 1 to 3, of `page`, an address below 2^MGAW, for `source_id`.
    invalidate : In
        Command of this clock; `page_mask` says no more than CAP.MAMV allows.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        translation = translation_layout(config)
        super().__init__(
            {
                "lookup": In(data.StructLayout({"source_id": 16, "page": PAGE_BITS})),
                "hit": Out(1),
                "translation": Out(translation),
                "meets_interrupts": Out(1),
                "fill": In(
                    data.StructLayout({"valid": 1, "source_id": 16, "page": PAGE_BITS, "translation": translation})
                ),
                "invalidate": In(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count, page_bits = self.config.iotlb_entries, self.config.mgaw - 12
        layout = {"source_id": 16, "domain_id": self.config.domain_id_bits, "page": page_bits, "large": 1, "huge": 1}
        tags = [Signal(data.StructLayout(layout), name=f"tag_{i}") for i in range(count)]
        valid, matches, matched, replaced, invalidated = (Signal(count) for _ in range(5))
        victim, fill, beyond = Signal(range(count)), Signal(), Signal()
        command = self.invalidate

        m.d.comb += [
            fill.eq(self.fill.valid & ~(command.iotlb_global | command.iotlb_domain | command.iotlb_page)),
            replaced.eq(fill << victim),
            beyond.eq(self.lookup.page[page_bits:].any()),
        ]
        with m.If(fill):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i, tag in enumerate(tags):
            same_page = _is_in(tag, tag.page ^ self.lookup.page[:page_bits])
            m.d.comb += matches[i].eq(valid[i] & same_page & (tag.source_id == self.lookup.source_id))
            with m.If(replaced[i]):
                m.d.sync += [
                    valid[i].eq(1),
                    tag.source_id.eq(self.fill.source_id),
                    tag.domain_id.eq(self.fill.translation.domain_id),
                    tag.page.eq(self.fill.page),
                    tag.large.eq(self.fill.translation.level >= 2),
                    tag.huge.eq(self.fill.translation.level == 3),
                ]
            with m.If(invalidated[i]):
                m.d.sync += valid[i].eq(0)
        m.d.comb += invalidated.eq(self._invalidated(m, tags))
        # Without `replaced`, an entry would answer in the next clock with what it holds by then.
        m.d.sync += matched.eq(Mux(beyond, 0, matches & ~replaced))
        self._add_translations(m, fill, victim, matched)
        return m

    def _add_translations(self, m, fill, victim, matched):
        """Keep the translations by number of their entry; answer with the one of the lowest that `matched`."""
        kept = data.StructLayout({"translation": translation_layout(self.config), "meets_interrupts": 1})
        m.submodules.translations = translations = memory.Memory(shape=kept, depth=self.config.iotlb_entries, init=[])
        store, load = translations.write_port(), translations.read_port(domain="comb")
        m.d.comb += [
            store.en.eq(fill),
            store.addr.eq(victim),
            store.data.translation.eq(self.fill.translation),
            store.data.meets_interrupts.eq(meets_interrupts(self.fill.translation)),
            load.addr.eq(lowest_number(matched)),
            self.hit.eq(matched.any()),
            self.translation.eq(load.data.translation),
            self.meets_interrupts.eq(load.data.meets_interrupts),
        ]

    def _invalidated(self, m, tags):
        """Say, by number, which entries the command removes."""
        command, page_bits = self.invalidate, self.config.mgaw - 12
        by_page, counts = Signal(), Signal(PAGE_BITS)
        m.d.comb += [
            counts.eq(~(command.page_mask & ((1 << self.config.mamv) - 1))),
            by_page.eq(command.iotlb_page & ~(command.page & counts)[page_bits:].any()),
        ]
        invalidated = []
        for tag in tags:
            same_page = _is_in(tag, (tag.page ^ command.page[:page_bits]) & counts[:page_bits])
            asked = command.iotlb_domain | (by_page & same_page)
            invalidated.append(command.iotlb_global | (asked & (tag.domain_id == command.domain_id)))
        return Cat(invalidated)


def meets_interrupts(translation):
    """Say whether a page has an address in common with the interrupt range, 0xFEEx_xxxx."""
    page, prefix = translation.page, Const(INTERRUPT_PREFIX << PREFIX_LSB, PAGE_BITS)
    middle, high = page[LEVEL_BITS : 2 * LEVEL_BITS], page[2 * LEVEL_BITS :]
    return (
        (translation.level[1] | (page[PREFIX_LSB:LEVEL_BITS] == prefix[PREFIX_LSB:LEVEL_BITS]))
        & ((translation.level == 3) | (middle == prefix[LEVEL_BITS : 2 * LEVEL_BITS]))
        & (high == prefix[2 * LEVEL_BITS :])
    )


def _is_in(tag, difference):
    """Say whether an address is in the page of `tag`, from which its page number has this difference."""
    lower, middle, upper = (
        difference[:LEVEL_BITS],
        difference[LEVEL_BITS : 2 * LEVEL_BITS],
        difference[2 * LEVEL_BITS :],
    )
    return ((lower == 0) | tag.large) & ((middle == 0) | tag.huge) & (upper == 0)
