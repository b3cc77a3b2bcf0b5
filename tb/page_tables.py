"""Well-formed legacy tables in a memory image, built page by page."""

from model.arch import SECOND_STAGE_LEVELS, UnitConfig
from model.arch.encodings import TranslationType
from model.arch.structures import CONTEXT_ENTRY, ROOT_ENTRY, SECOND_STAGE_PDE, SECOND_STAGE_PTE
from tb.memory import Memory

__all__ = ["READ", "WRITE", "PageTables"]

PAGE_BYTES = 4096
READ, WRITE = SECOND_STAGE_PTE["R"].mask, SECOND_STAGE_PTE["W"].mask


class PageTables:
    """Root table at `root`, frames for further tables from there upwards.

    `width` is the address width of every second stage, one of the configuration's `sagaw`.
    """

    def __init__(self, memory: Memory, config: UnitConfig, *, root: int = 0x10_0000, width: int | None = None) -> None:
        self.memory = memory
        self.root = root
        self.width = max(config.sagaw) if width is None else width
        self.code, self.levels = SECOND_STAGE_LEVELS[self.width]
        self._next = root + PAGE_BYTES
        self._context_tables: dict[int, int] = {}
        self._tops: dict[int, int] = {}  # domain-id -> top table

    def frame(self) -> int:
        """Return the address of a fresh page."""
        self._next += PAGE_BYTES
        return self._next - PAGE_BYTES

    def top(self, domain_id: int) -> int:
        """Return the address of the top table of a domain."""
        if domain_id not in self._tops:
            self._tops[domain_id] = self.frame()
        return self._tops[domain_id]

    def root_place(self, source_id: int) -> int:
        """Return the address of the root-entry of a source-id."""
        return self.root + (source_id >> 8) * ROOT_ENTRY.bytes

    def context_place(self, source_id: int) -> int:
        """Return the address of the context-entry of a source-id; its root-entry is there from now on."""
        bus, function = source_id >> 8, source_id & 0xFF
        if bus not in self._context_tables:
            table = self._context_tables[bus] = self.frame()
            self.memory.write(self.root_place(source_id), 16, ROOT_ENTRY["P"].mask | table)
        return self._context_tables[bus] + function * CONTEXT_ENTRY.bytes

    def attach(self, source_id: int, domain_id: int, *, passes: bool = False) -> None:
        """Give a device its context-entry: a domain, or pass-through."""
        kind = TranslationType.PASS_THROUGH if passes else TranslationType.SECOND_STAGE
        entry = CONTEXT_ENTRY["P"].mask | CONTEXT_ENTRY["TT"].to(kind) | CONTEXT_ENTRY["AW"].to(self.code)
        entry |= CONTEXT_ENTRY["DID"].to(domain_id) | self.top(domain_id)
        self.memory.write(self.context_place(source_id), 16, entry)

    def entry_place(self, domain_id: int, iova: int, level: int = 1) -> int:
        """Return the address of the entry of `level` for an address; the tables above are there from now on."""
        table = self.top(domain_id)
        for above in range(self.levels, level, -1):
            place = table + _index(iova, above) * 8
            entry = self.memory.read(place, 8)
            if not entry & (READ | WRITE):
                entry = self.frame() | READ | WRITE
                self.memory.write(place, 8, entry)
            table = entry & -PAGE_BYTES
        return table + _index(iova, level) * 8

    def map(self, domain_id: int, iova: int, hpa: int, *, level: int = 1, rights: int = READ | WRITE) -> int:
        """Map one page of level 1 to 3; return the address of its entry."""
        place = self.entry_place(domain_id, iova, level)
        self.memory.write(place, 8, hpa | rights | (SECOND_STAGE_PDE["PS"].mask if level > 1 else 0))
        return place


def _index(iova: int, level: int) -> int:
    return iova >> 12 + 9 * (level - 1) & 0x1FF
