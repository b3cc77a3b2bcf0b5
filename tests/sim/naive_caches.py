"""The rules of the caches once more, as plainly as can be: lists of slots, every entry with its tag in full."""

from collections import Counter
from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle.request import Invalidation
from sim.sizing.stream import PageTag


class Request(NamedTuple):
    """A DMA request: tags of its page and context, None where there is none; tables on the way, the lowest first."""

    page: tuple[int, PageTag] | None
    page_kept: bool
    context: tuple[int, int] | None
    context_kept: bool
    heads: int
    tables: tuple[PageTag, ...] | None
    passed_through: bool


class Slots:
    """Entries that are replaced in turn, whether they are in use or not."""

    def __init__(self, entries: int) -> None:
        self.slots: list = [None] * entries
        self.turn = 0

    def __contains__(self, tag) -> bool:
        return tag is not None and tag in self.slots

    def fill(self, tag) -> None:
        self.slots[self.turn] = tag
        self.turn = (self.turn + 1) % len(self.slots)

    def free(self, is_meant) -> None:
        self.slots = [None if tag is None or is_meant(tag) else tag for tag in self.slots]


def naive_counts(events: list, config: UnitConfig) -> Counter[str]:
    """Return the counts by the names of lockstep_counts."""
    pages, contexts = Slots(config.iotlb_entries), Slots(config.context_cache_entries)
    tables, indices = Slots(config.paging_structure_cache_entries), Slots(config.iec_entries)
    counts: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Invalidation):
            _invalidate(event, pages, contexts, tables, indices)
        elif isinstance(event, Request):
            _request(event, pages, contexts, tables, counts)
        else:
            index, kept = event
            counts["interrupts"] += 1
            counts["interrupt hits"] += index in indices
            if kept and index not in indices:
                indices.fill(index)
    return counts


def _request(request: Request, pages: Slots, contexts: Slots, tables: Slots, counts: Counter[str]) -> None:
    counts["requests"] += 1
    if request.page in pages:
        counts["page hits"] += 1
        return
    known = request.context in contexts
    counts["contexts"] += 1
    counts["context hits"] += known
    if known and request.tables is None:
        return
    counts["walks"] += 1
    if not known:
        counts["reads"] += request.heads
        if request.context_kept:
            contexts.fill(request.context)
    if request.tables is None:
        return
    below = next((at for at, tag in enumerate(request.tables) if tag in tables), len(request.tables))
    counts["tables"] += 1
    counts["table hits"] += below < len(request.tables)
    counts["reads"] += below + 1
    for tag in reversed(request.tables[:below]):
        tables.fill(tag)
    if request.page_kept:
        pages.fill(request.page)


def _invalidate(command: Invalidation, pages: Slots, contexts: Slots, tables: Slots, indices: Slots) -> None:
    def meets(tag: PageTag) -> bool:
        """Say whether an IOTLB command names a byte of the addresses of a tag."""
        if command.iotlb_global:
            return True
        first, last = command.page & ~command.page_mask, command.page | command.page_mask
        overlaps = first <= tag.page + (1 << tag.shift) - 1 and tag.page <= last
        in_domain = tag.domain_id == command.domain_id
        return bool(in_domain and (command.iotlb_domain or (command.iotlb_page and overlaps)))

    def is_context(tag: tuple[int, int]) -> bool:
        domain_id, source_id = tag
        if command.context_global:
            return True
        same = source_id | command.function_mask == command.source_id | command.function_mask
        return bool(domain_id == command.domain_id and (command.context_domain or (command.context_device and same)))

    def is_index(index: int) -> bool:
        same = index | command.interrupt_mask == command.interrupt_index | command.interrupt_mask
        return bool(command.iec_global or (command.iec_index and same))

    pages.free(lambda tag: meets(tag[1]))
    if not command.keep_tables:
        tables.free(meets)
    contexts.free(is_context)
    indices.free(is_index)
