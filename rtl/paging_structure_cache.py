"""Paging-structure cache: addresses of second-stage tables, so that a walk can begin at the lowest one known."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import number_of
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
    Timing: `hit` and `found` are of this clock's `lookup`: the walk that asks starts in the next clock. A fill or an
    invalidation counts from the next clock on; a fill in the clock of any invalidation of tables is dropped. A fill
    replaces the entry of the same domain, level and address, otherwise entries in turn: no table is there twice.

    Members
    -------
    lookup : In
        `domain_id`, `page` (address bits 63:12).
    hit, found : Out
        The lowest table known for the address; `found` means nothing without a hit.
    fill : In
        With `valid`: keep `table`, of level 1 to 4, for the addresses in `domain_id` that share its prefix with `page`.
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
        m.submodules.tables = tables = memory.Memory(shape=table_layout(config), depth=count, init=[])
        write, read = tables.write_port(), tables.read_port(domain="comb")
        tag = data.StructLayout({"domain_id": config.domain_id_bits, "page": PAGE_BITS, "above": len(SHARED_BITS)})
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        valid, matches, replaced, same = (Signal(count) for _ in range(4))
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
            replaced.eq(Mux(fill, Mux(same.any(), same, 1 << victim), 0)),
            write.en.eq(fill),
            write.addr.eq(Mux(same.any(), number_of(same), victim)),
            write.data.eq(self.fill.table),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i, entry in enumerate(tags):
            in_domain = entry.domain_id == asked.domain_id
            in_page = _same_page(entry, asked.page, asked.mask)
            m.d.comb += [
                matches[i].eq(
                    valid[i] & (entry.domain_id == self.lookup.domain_id) & _same_page(entry, self.lookup.page)
                ),
                same[i].eq(valid[i] & in_domain & in_page & (entry.above == above)),
            ]
            with m.If(replaced[i]):
                m.d.sync += [valid[i].eq(1), entry.eq(Cat(self.fill.domain_id, self.fill.page, above))]
            with m.If(command.iotlb_global | (in_domain & (command.iotlb_domain | (by_page & in_page)))):
                m.d.sync += valid[i].eq(0)

        m.d.comb += [
            self.hit.eq(matches.any()),
            read.addr.eq(number_of(_lowest_level(matches, tags))),
            self.found.eq(read.data),
        ]
        return m


def _same_page(tag, page, mask=0):
    """Say whether a page is one that an entry is for, but for the bits of `mask`."""
    different = (tag.page ^ page) & ~mask
    same = different[TOP:] == 0
    for above, (low, high) in zip(tag.above, SHARED_BITS, strict=True):
        same &= above | (different[low:high] == 0)
    return same


def _lowest_level(matches, tags):
    """Leave only the match of the lowest level: there is at most one of each."""
    chosen = matches
    for level in range(len(SHARED_BITS)):
        above = Cat(tag.above[level] for tag in tags)
        chosen = chosen & ~Mux((matches & ~above).any(), above, 0)
    return chosen
