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
        Without: look up `domain_id` and `page`.
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
        tag = data.StructLayout({"domain_id": config.domain_id_bits, "page": PAGE_BITS, "above": len(SHARED_BITS)})
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        valid, matches, named, replaced, same, later = (Signal(count) for _ in range(6))
        victim, above = Signal(range(count)), Signal(len(SHARED_BITS))
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
            above.eq(Cat(self.fill.table.level > level for level in range(1, 1 + len(SHARED_BITS)))),
            replaced.eq(Mux(same.any(), same, decoded(victim)[:count])),
        ]
        m.d.sync += later.eq(Mux(any_invalidation, 0, named))
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i, entry in enumerate(tags):
            in_domain = entry.domain_id == asked.domain_id
            in_page = _same_page(entry, asked.page, asked.mask)
            m.d.comb += [
                matches[i].eq(
                    valid[i] & (entry.domain_id == self.lookup.domain_id) & _same_page(entry, self.lookup.page)
                ),
                named[i].eq(valid[i] & in_domain & in_page),
                same[i].eq(named[i] & (entry.above == above)),
            ]
            with m.If(fill & replaced[i]):
                m.d.sync += [valid[i].eq(1), entry.eq(Cat(self.fill.domain_id, self.fill.page, above))]
            with m.If(command.iotlb_global | (in_domain & (command.iotlb_domain | (by_page & in_page)))):
                m.d.sync += valid[i].eq(0)

        for hit, found, found_by in ((self.hit, self.found, matches), (self.later_hit, self.later_found, later)):
            m.submodules += (held := memory.Memory(shape=_held_layout(config), depth=count, init=[]))
            write, read = held.write_port(), held.read_port(domain="comb")
            number, level = _lowest(found_by, tags)
            m.d.comb += [
                write.en.eq(fill),
                write.addr.eq(Mux(same.any(), number_of(same), victim)),
                write.data.eq(Cat(self.fill.table[name] for name, _ in _held_layout(config))),
                read.addr.eq(number),
                hit.eq(found_by.any()),
                found.level.eq(level),
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


def _lowest(matches, tags):
    """Return number and level of the match of the lowest level: there is at most one of each."""
    above = [Cat(tag.above[i] for tag in tags) for i in range(len(SHARED_BITS))]
    number, level = number_of(matches & above[-1]), Const(1 + len(SHARED_BITS), 3)
    for i in reversed(range(len(SHARED_BITS))):
        of_level = matches & ~above[i] & (above[i - 1] if i else ~Const(0, len(tags)))
        number, level = Mux(of_level.any(), number_of(of_level), number), Mux(of_level.any(), 1 + i, level)
    return number, level
