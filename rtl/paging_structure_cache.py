"""Paging-structure cache: addresses of second-stage tables, so that a walk can begin at the lowest one known."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.one_hot import select
from rtl.request import PAGE_BITS, invalidation_layout

__all__ = ["PagingStructureCache", "table_layout"]

# Level of a table -> page-number bits that its entry in the level above does not look at. Rule 6.3.
TABLE_MASKS = {1: (1 << 9) - 1, 2: (1 << 18) - 1, 3: (1 << 27) - 1, 4: (1 << 36) - 1}


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
        The lowest table known for the address; `found` is 0 without a hit.
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
        tag = data.StructLayout({"domain_id": config.domain_id_bits, "page": PAGE_BITS, "ignored": PAGE_BITS})
        valid, matches, replaced, same = (Signal(count) for _ in range(4))
        tags = [Signal(tag, name=f"tag_{i}") for i in range(count)]
        tables = [Signal(table_layout(config), name=f"table_{i}") for i in range(count)]
        victim = Signal(range(count))
        command = self.invalidate
        any_invalidation = command.iotlb_global | command.iotlb_domain | (command.iotlb_page & ~command.keep_tables)
        fill, ignored = Signal(), Signal(PAGE_BITS)

        m.d.comb += [
            fill.eq(self.fill.valid & ~any_invalidation),
            ignored.eq(_ignored(self.fill.table.level)),
            replaced.eq(Mux(fill, Mux(same.any(), same, 1 << victim), 0)),
        ]
        with m.If(fill & ~same.any()):
            m.d.sync += victim.eq(Mux(victim == count - 1, 0, victim + 1))
        for i in range(count):
            m.d.comb += [
                matches[i].eq(valid[i] & _matches(tags[i], self.lookup.domain_id, self.lookup.page, 0)),
                same[i].eq(
                    valid[i]
                    & (tables[i].level == self.fill.table.level)
                    & _matches(tags[i], self.fill.domain_id, self.fill.page, 0)
                ),
            ]
            with m.If(replaced[i]):
                m.d.sync += [
                    valid[i].eq(1),
                    tags[i].domain_id.eq(self.fill.domain_id),
                    tags[i].page.eq(self.fill.page),
                    tags[i].ignored.eq(ignored),
                    tables[i].eq(self.fill.table),
                ]
            with m.If(self._invalidated(tags[i])):
                m.d.sync += valid[i].eq(0)

        m.d.comb += [
            self.hit.eq(matches.any()),
            self.found.eq(select(self._of_lowest_level(m, matches, tables), tables)),
        ]
        return m

    def _of_lowest_level(self, m, matches, tables):
        """Leave only the match of the lowest level: there is at most one of each level."""
        chosen = Const(0, len(tables))
        for level in reversed(TABLE_MASKS):
            at_level = Signal(len(tables), name=f"at_level_{level}")
            m.d.comb += at_level.eq(matches & Cat(table.level == level for table in tables))
            chosen = Mux(at_level.any(), at_level, chosen)
        return chosen

    def _invalidated(self, tag):
        command = self.invalidate
        by_page = command.iotlb_page & ~command.keep_tables
        in_domain = tag.domain_id == command.domain_id
        return (
            command.iotlb_global
            | (in_domain & command.iotlb_domain)
            | (by_page & _matches(tag, command.domain_id, command.page, command.page_mask))
        )


def _matches(tag, domain_id, page, mask):
    return (tag.domain_id == domain_id) & (((tag.page ^ page) & ~tag.ignored & ~mask) == 0)


def _ignored(level):
    mask = Const(0, PAGE_BITS)
    for number, bits in TABLE_MASKS.items():
        mask = Mux(level == number, bits, mask)
    return mask
