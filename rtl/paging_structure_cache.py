"""Paging-structure cache: addresses of second-stage tables, so that a walk can begin at the lowest one known."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import decoded, number_of
from rtl.request import PAGE_BITS, invalidation_layout

__all__ = ["PagingStructureCache", "table_layout"]

# Page-number bits that the way to a table of level 1, 2, 3 looks at and that to one of a higher level does not; those
# from TOP on count for all, those below for none. Rule 6.3.
SHARED_BITS = ((9, 18), (18, 27), (27, 36))
TOP = 36
LEVELS = 1 + len(SHARED_BITS)  # 1 to 4: a table of level 5 is the top one, which the context-entry tells


def table_layout(config: UnitConfig) -> data.StructLayout:
    """A second-stage table: its `level` (1 holds leaves), its page number, and the permissions on the way to it."""
    return data.StructLayout({"level": 3, "table": config.haw - 12, "read": 1, "write": 1})


class PagingStructureCache(wiring.Component):
    """Cache of non-leaf second-stage entries.

    Spec: rules 14, 15.
    Timing: `hit` and `found` are of this `lookup`, `later_hit` and `later_found` of what `fill` looked up in the
    clock before. A fill or an invalidation counts from the next clock on. One comparison with each entry serves fills,
    their look-ups, and invalidations: in the clock of any invalidation of tables a fill is dropped, and a look-up of
    `fill` finds nothing. A fill replaces the entry of the same domain, level and address,
    otherwise entries in turn: no table is there twice.

    Members
    -------
    lookup : In
        `domain_id`, `page` (address bits 63:12).
    hit, found : Out
        The lowest table known for the address; `found` means nothing without a hit.
    fill : In
        With `valid`: keep `table`, of level 1 to 4, for the addresses in `domain_id` that share its prefix with `page`.
        Without: look up `later_domain_id` and its `page`.
    later_hit, later_found : Out
        The lowest table known for what `fill` looked up in the clock before; after a fill they mean nothing.
    invalidate : In
        Command of this clock; page-selective commands with `keep_tables` change nothing here.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "lookup": In(data.StructLayout({"domain_id": config.domain_id_bits, "page": PAGE_BITS})),
                "hit": Out(1),
                "found": Out(table_layout(config)),
                "later_domain_id": In(config.domain_id_bits),
                "later_hit": Out(1),
                "later_found": Out(table_layout(config)),
                "fill": In(
                    data.StructLayout(
                        {
                            "valid": 1,
                            "domain_id": config.domain_id_bits,
                            "page": PAGE_BITS,
                            "table": table_layout(config),
                        }
                    )
                ),
                "invalidate": In(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, count = self.config, self.config.paging_structure_cache_entries
        # `level` has a one for the level of the table, `above` for those below it.
        tag = data.StructLayout(
            {"domain_id": config.domain_id_bits, "page": PAGE_BITS, "above": len(SHARED_BITS), "level": LEVELS}
        )
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        valid, replaced, same = (Signal(count) for _ in range(3))
        matches, later = ([Signal(count) for _ in range(LEVELS)] for _ in range(2))  # by level
        victim, above, level = Signal(range(count)), Signal(len(SHARED_BITS)), Signal(LEVELS)
        command, fill = self.invalidate, Signal()
        by_page = command.iotlb_page & ~command.keep_tables
        any_invalidation = command.iotlb_global | command.iotlb_domain | by_page

        # No fill counts in the clock of an invalidation, so that one comparison with each entry does for both.
        asked = Signal(data.StructLayout({"domain_id": config.domain_id_bits, "page": PAGE_BITS, "mask": PAGE_BITS}))
        m.d.comb += [
            asked.mask.eq(Mux(any_invalidation, command.page_mask[: config.mamv], 0)),
            asked.domain_id.eq(Mux(any_invalidation, command.domain_id, self.fill.domain_id)),
            asked.page.eq(Mux(any_invalidation, command.page, self.fill.page)),
            fill.eq(self.fill.valid & ~any_invalidation),
            above.eq(Cat(self.fill.table.level > number for number in range(1, LEVELS))),
            level.eq(Cat(self.fill.table.level == number for number in range(1, 1 + LEVELS))),
            replaced.eq(Mux(same.any(), same, decoded(victim)[:count])),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i, entry in enumerate(tags):
            in_domain = entry.domain_id == asked.domain_id
            in_page = _same_page(entry, asked.page, asked.mask)
            m.d.comb += same[i].eq(valid[i] & in_domain & in_page & (entry.above == above))
            in_domain_looked_up = valid[i] & (entry.domain_id == self.lookup.domain_id)
            m.d.comb += (
                match[i].eq(bit)
                for match, bit in zip(matches, _by_level(entry, in_domain_looked_up, self.lookup.page), strict=True)
            )
            in_later_domain = valid[i] & ~any_invalidation & (entry.domain_id == self.later_domain_id)
            m.d.sync += (
                match[i].eq(bit & in_later_domain & in_page) for match, bit in zip(later, entry.level, strict=True)
            )
            with m.If(fill & replaced[i]):
                m.d.sync += [valid[i].eq(1), entry.eq(Cat(self.fill.domain_id, self.fill.page, above, level))]
            with m.If(command.iotlb_global | (in_domain & (command.iotlb_domain | (by_page & in_page)))):
                m.d.sync += valid[i].eq(0)

        for hit, found, found_by in ((self.hit, self.found, matches), (self.later_hit, self.later_found, later)):
            m.submodules += (held := memory.Memory(shape=_held_layout(config), depth=count, init=[]))
            write, read = held.write_port(), held.read_port(domain="comb")
            number, found_level = _lowest(found_by)
            m.d.comb += [
                write.en.eq(fill),
                write.addr.eq(Mux(same.any(), number_of(same), victim)),
                write.data.eq(Cat(self.fill.table[name] for name, _ in _held_layout(config))),
                read.addr.eq(number),
                hit.eq(Cat(found_by).any()),
                found.level.eq(found_level),
                *(found[name].eq(read.data[name]) for name, _ in _held_layout(config)),
            ]
        return m


def _held_layout(config: UnitConfig) -> data.StructLayout:
    """What memory holds of a table; the level is in the tag."""
    return data.StructLayout({name: field.shape for name, field in table_layout(config) if name != "level"})


def _same_page(tag, page, mask=0):
    """Say whether a page is one that an entry is for, but for the bits of `mask`."""
    different = (tag.page ^ page) & ~mask
    same = different[TOP:] == 0
    for above, (low, high) in zip(tag.above, SHARED_BITS, strict=True):
        same &= above | (different[low:high] == 0)
    return same


def _by_level(tag, in_domain, page):
    """Say for each level whether an entry is one of that level and for a page."""
    different = tag.page ^ page
    matches = [in_domain & (different[TOP:] == 0)]
    for low, high in reversed(SHARED_BITS):
        matches.insert(0, matches[0] & (different[low:high] == 0))
    return [match & bit for match, bit in zip(matches, tag.level, strict=True)]


def _lowest(matches, levels=range(1, 1 + LEVELS)):
    """Return number and level of the match of the lowest level, of the matches by level: at most one of each."""
    if len(matches) == 1:
        return number_of(matches[0]), Const(levels[0], 3)
    half = len(matches) // 2
    low, high = _lowest(matches[:half], levels[:half]), _lowest(matches[half:], levels[half:])
    is_low = Cat(matches[:half]).any()
    return tuple(Mux(is_low, of_low, of_high) for of_low, of_high in zip(low, high, strict=True))
