"""Random tables in memory: roots, context-entries, second-stage tables of several domains, and what spoils them."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b

from model.arch import SECOND_STAGE_LEVELS, Structure, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TranslationType
from model.arch.structures import (
    CONTEXT_ENTRY,
    ROOT_ENTRY,
    SECOND_STAGE_PDE,
    SECOND_STAGE_PDE_2M,
    SECOND_STAGE_PDPE,
    SECOND_STAGE_PDPE_1G,
    SECOND_STAGE_PML4E,
    SECOND_STAGE_PML5E,
    SECOND_STAGE_PTE,
)
from tb.history import Words

__all__ = ["Domain", "Entry", "Mapped", "Tables", "hostile_memory"]

TABLE_FORMS = {5: SECOND_STAGE_PML5E, 4: SECOND_STAGE_PML4E, 3: SECOND_STAGE_PDPE, 2: SECOND_STAGE_PDE}
PAGE_FORMS = {3: SECOND_STAGE_PDPE_1G, 2: SECOND_STAGE_PDE_2M, 1: SECOND_STAGE_PTE}
HINTS = {"A", "D", "IR", "EMT", "IPAT"}  # fields that mean nothing in legacy mode
PS = SECOND_STAGE_PDE["PS"].mask
PERMISSIONS = (3,) * 14 + (1, 2)
INTERRUPT_PAGES = (INTERRUPT_PREFIX << 8, (INTERRUPT_PREFIX << 8) + 0xFF)


def page_bits(level: int) -> int:
    """Return how many bits of a page number lie inside what an entry of this level maps."""
    return 9 * (level - 1)


@dataclass
class Entry:
    """An entry of a second-stage table, for the pages from page number `first` on. `good` is its first value."""

    address: int
    level: int
    first: int
    good: int

    @property
    def pages(self) -> tuple[int, int]:
        """First and last page number that it maps."""
        return self.first, self.first + (1 << page_bits(self.level)) - 1


@dataclass
class Mapped:
    """Pages of a domain for traffic: from page number `first` on, 2^bits of them."""

    first: int
    bits: int


@dataclass
class Domain:
    """A domain-id and its one second-stage table."""

    domain_id: int
    width: int
    table: int
    entries: dict[tuple[int, int], Entry] = field(default_factory=dict)  # by level and first page
    tables: dict[tuple[int, int], int] = field(default_factory=dict)  # by level and first page
    mapped: list[Mapped] = field(default_factory=list)

    def near(self, entry: Entry) -> list[Mapped]:
        """Return what is mapped through an entry."""
        first, last = entry.pages
        return [mapped for mapped in self.mapped if first <= mapped.first <= last]

    def path(self, page: int) -> list[Entry]:
        """Return the entries that were planted on the way to a page, from the top level down."""
        places = ((level, page >> page_bits(level) << page_bits(level)) for level in range(self.levels, 0, -1))
        return [self.entries[place] for place in places if place in self.entries]

    @property
    def aw(self) -> int:
        """Value of AW."""
        return SECOND_STAGE_LEVELS[self.width][0]

    @property
    def levels(self) -> int:
        """Number of levels."""
        return SECOND_STAGE_LEVELS[self.width][1]


class Tables:
    """Plants tables in `words` and makes values for their entries. A domain-id has one table at all times: software
    that breaks this rule of the specification gets any answer."""

    def __init__(self, config: UnitConfig, words: Words, rng: random.Random) -> None:
        self.config, self.words, self.rng = config, words, rng
        self._used: set[int] = {0, *range(INTERRUPT_PAGES[0], INTERRUPT_PAGES[1] + 1)}
        ids = range(1 << config.domain_id_bits)
        self._domain_ids = [ids[-1], 0, *rng.sample(ids[1:-1], min(len(ids) - 2, 60))]
        self.source_ids = self._draw_source_ids()
        self.strangers = [rng.getrandbits(16) for _ in range(3)]  # source-ids that no table knows
        self.domains = [self._domain() for _ in range(rng.randint(2, 5))] if config.sagaw else []
        self.roots: list[int] = [self.new_page() for _ in range(2)]
        self.context_tables: dict[tuple[int, int], int] = {}  # by root and bus
        self.contexts: dict[tuple[int, int], int] = {}  # by root and source-id: address
        self._plant_roots()
        self.wild_roots = [self._plant_wild_root() for _ in range(2)]
        words.forget(words.now)  # nobody has seen what was there before

    # Building

    def _page(self) -> int:
        """Return the address of a page that nothing uses; high address bits are used as well."""
        while True:
            page = self.rng.getrandbits(self.rng.choice((16, 20, self.config.haw - 12)))
            if page not in self._used:
                self._used.add(page)
                return page << 12

    def new_page(self) -> int:
        """Return the address of a page that nothing uses, all zeros."""
        page = self._page()
        for offset in range(0, 4096, 16):
            self.words.store(page + offset, 0)
        return page

    def last_page(self) -> int:
        """Return the address of the last page below HAW, all zeros but for what uses it already."""
        page = (1 << self.config.haw - 12) - 1
        if page in self._used:
            return page << 12
        self._used.add(page)
        for offset in range(0, 4096, 16):
            self.words.store(page << 12 | offset, 0)
        return page << 12

    def _draw_source_ids(self) -> list[int]:
        """Few buses; devices of one bus that differ in function bits only, for function masks to tell apart."""
        rng = self.rng
        buses = rng.sample([0, 0xFF, rng.randrange(256), rng.randrange(256)], 2)
        found = set()
        for bus in buses:
            device = rng.choice((0, 0xF8, rng.getrandbits(8) & 0xF8))
            functions = rng.sample(range(8), rng.randint(1, 3))
            found |= {bus << 8 | device | function for function in functions}
            found.add(bus << 8 | rng.getrandbits(8))
        return sorted(found)

    def _domain(self) -> Domain:
        rng, width = self.rng, self.rng.choice(self.config.sagaw)
        domain = Domain(self._domain_ids.pop(0), width, self.new_page())
        reach = min(width, self.config.mgaw) - 12
        near = rng.getrandbits(reach)
        for _ in range(rng.randint(10, 40)):
            level = self._leaf_level()
            place = (
                near ^ rng.getrandbits(rng.choice((4, 9, 12, 20, 30))) if rng.random() < 0.8 else rng.getrandbits(reach)
            )
            first = (place & (1 << reach) - 1) >> page_bits(level) << page_bits(level)
            if rng.random() < 0.1:
                first = ((1 << reach) - 1) >> page_bits(level) << page_bits(level)  # the last page there is
            if self._map(domain, first, level):
                domain.mapped.append(Mapped(first, page_bits(level)))
        return domain

    def _leaf_level(self) -> int:
        levels = [1, *(2 for shift in self.config.sslps if shift == 21), *(3 for s in self.config.sslps if s == 30)]
        return self.rng.choice((1, 1, *levels))

    def _map(self, domain: Domain, first: int, leaf: int) -> bool:
        """Add the entries that lead to a page; False when a larger page is in the way."""
        table = domain.table
        for level in range(domain.levels, leaf - 1, -1):
            begin = first >> page_bits(level) << page_bits(level)
            entry = domain.entries.get((level, begin))
            if entry is None:
                address = table + (first >> page_bits(level) & 0x1FF) * 8
                value = self.leaf(level) if level == leaf else self._pointer(level, self._table(domain, level, begin))
                self.words.write(address, 8, value)
                entry = domain.entries[level, begin] = Entry(address, level, begin, value)
            elif (level == leaf) != (entry.level == 1 or bool(entry.good & PS)):
                return False
            table = domain.tables.get((level, begin), 0)
        return True

    def _table(self, domain: Domain, level: int, begin: int) -> int:
        page = domain.tables[level, begin] = self.new_page()
        return page

    def _plant_roots(self) -> None:
        for root in self.roots:
            for source_id in self.source_ids:
                self._plant_context(root, source_id)
            for bus in {0, 1, 0xFE, 0xFF} - {source_id >> 8 for source_id in self.source_ids}:
                self.words.store(root + bus * 16, self.spoilt_root(0))

    def _plant_context(self, root: int, source_id: int) -> None:
        bus = source_id >> 8
        if (root, bus) not in self.context_tables:
            table = self.context_tables[root, bus] = self.new_page()
            self.words.store(root + bus * 16, ROOT_ENTRY["P"].mask | table)
        address = self.contexts[root, source_id] = self.context_tables[root, bus] + (source_id & 0xFF) * 16
        self.words.store(address, self.context() if self.rng.random() < 0.9 else self.spoilt_context())

    def _plant_wild_root(self) -> int:
        """Return a root table in memory where nothing was written; only domain-ids are put right there."""
        root, domain_id = self._page(), CONTEXT_ENTRY["DID"]
        while root >> 12 & 3:  # as in hostile_memory
            root = self._page()
        for source_id in self.source_ids + self.strangers:
            entry = self.words.granule(root + (source_id >> 8) * 16)
            if not entry or self._root_fails(entry):
                continue
            address = ROOT_ENTRY["CTP"].in_place(entry) + (source_id & 0xFF) * 16
            context = self.words.granule(address)
            if context and self._domain_ids:
                self.words.store(address, context & ~domain_id.mask | domain_id.to(self._domain_ids.pop()))
            elif context:
                self.words.store(address, 0)
        return root

    def _root_fails(self, entry: int) -> bool:
        return not entry & 1 or bool(entry & self.config.reserved_mask(ROOT_ENTRY, "CTP"))

    def domain_of(self, root: int, source_id: int) -> Domain | None:
        """Return the domain that the context-entry of a device names now, None when it names none."""
        address = self.contexts.get((root, source_id))
        context = self.words.granule(address) if address is not None else None
        if context is None:
            return None
        named = CONTEXT_ENTRY["DID"].of(context)
        return next((domain for domain in self.domains if domain.domain_id == named), None)

    # Values

    def good_root(self, root: int, bus: int) -> int:
        """Return the root-entry that was planted."""
        return ROOT_ENTRY["P"].mask | self.context_tables[root, bus]

    def spoilt_root(self, value: int) -> int:
        """Return a root-entry that faults."""
        if self.rng.random() < 0.5:
            return value & ~1 | (self.rng.getrandbits(128) & ~1 if self.rng.random() < 0.5 else 0)
        return value | 1 | self.one_of(self.config.reserved_mask(ROOT_ENTRY, "CTP"))

    def context(self) -> int:
        """Return a context-entry that lets requests through."""
        rng, config = self.rng, self.config
        value = CONTEXT_ENTRY["P"].mask | CONTEXT_ENTRY["FPD"].to(int(rng.random() < 0.4))
        value |= CONTEXT_ENTRY["IGN_70_67"].to(rng.getrandbits(4))
        if config.pt and (not self.domains or rng.random() < 0.12):
            value |= CONTEXT_ENTRY["TT"].to(TranslationType.PASS_THROUGH)
            value |= CONTEXT_ENTRY["SSPTPTR"].to(rng.getrandbits(52))
            value |= CONTEXT_ENTRY["DID"].to(rng.getrandbits(config.domain_id_bits))
            aw = SECOND_STAGE_LEVELS[rng.choice(config.sagaw)][0] if config.sagaw else 0
            return value | CONTEXT_ENTRY["AW"].to(aw)
        if not self.domains:
            return 0
        domain = rng.choice(self.domains)
        value |= CONTEXT_ENTRY["SSPTPTR"].to(domain.table >> 12) | CONTEXT_ENTRY["DID"].to(domain.domain_id)
        return value | CONTEXT_ENTRY["AW"].to(domain.aw)

    def spoilt_context(self) -> int:
        """Return a context-entry that faults."""
        rng, value = self.rng, self.context()
        kind = rng.randrange(4)
        if kind == 0:
            return value & ~1
        if kind == 1:
            wide = (1 << 16) - (1 << self.config.domain_id_bits)
            reserved = self.config.reserved_mask(CONTEXT_ENTRY) | CONTEXT_ENTRY["DID"].to(wide)
            return value | self.one_of(reserved) | 1
        if kind == 2:
            widths = {SECOND_STAGE_LEVELS[width][0] for width in self.config.sagaw}
            wrong = rng.choice([aw for aw in range(8) if aw not in widths])
            return value & ~CONTEXT_ENTRY["AW"].mask | CONTEXT_ENTRY["AW"].to(wrong) | 1
        translation_type = rng.choice((1, 3) if self.config.pt else (1, 2, 3))
        return value & ~CONTEXT_ENTRY["TT"].mask | CONTEXT_ENTRY["TT"].to(translation_type) | 1

    def leaf(self, level: int) -> int:
        """Return an entry that maps a page somewhere in host memory."""
        rng, config = self.rng, self.config
        while True:
            reach = rng.choice((20, config.haw - 12, config.haw - 12))
            page = rng.getrandbits(reach) >> page_bits(level) << page_bits(level)
            if page >> 8 != INTERRUPT_PREFIX or level > 1:
                break
        value = rng.choice(PERMISSIONS) | page << 12 | self._ignored(PAGE_FORMS[level])
        return value | (PS if level > 1 else 0)

    def _pointer(self, level: int, table: int) -> int:
        return self.rng.choice(PERMISSIONS + (3,) * 40) | table | self._ignored(TABLE_FORMS[level])

    def _ignored(self, form: Structure) -> int:
        """Return random bits where hardware must not look."""
        if self.rng.random() < 0.5:
            return 0
        names = {*HINTS, "SNP"} if self.config.sc else HINTS
        fields = (field for field in form.fields if field.name in names or field.name.startswith("IGN"))
        return self.rng.getrandbits(64) & sum(field.mask for field in fields)

    def changed(self, entry: Entry) -> int:
        """Return another value for an entry, which may be anything."""
        rng = self.rng
        now = self.words.granule(entry.address & -16)
        value = entry.good if now is None else now >> entry.address % 16 * 8 & (1 << 64) - 1
        kinds: list[Callable[[], int]] = [
            lambda: entry.good,
            lambda: entry.good & ~3 | rng.randint(1, 3),
            lambda: value & ~3 | rng.randint(1, 3),
            lambda: value & ~3,
            lambda: self.malformed(entry),
            lambda: value ^ 1 << rng.randrange(64),
        ]
        if entry.level <= 3 and (entry.level == 1 or entry.good & PS):
            kinds += [lambda: self.leaf(entry.level)] * 8
            kinds.append(lambda: self.into_interrupt_range(entry.level))
        elif entry.level in (2, 3):
            kinds.append(lambda: self.leaf(entry.level))
        if entry.level > 1:
            kinds.append(lambda: rng.getrandbits(self.config.haw - 12) << 12 | 3)
        return rng.choice(kinds)()

    def into_interrupt_range(self, level: int) -> int:
        """Return an entry that maps a page that lies in the interrupt range, or covers it."""
        page = rng_page(self.rng, INTERRUPT_PAGES) >> page_bits(level) << page_bits(level)
        return 3 | page << 12 | (PS if level > 1 else 0)

    def malformed(self, entry: Entry) -> int:
        """Return the entry with a reserved bit set, at the edges of its fields more often than not."""
        is_page = entry.level == 1 or bool(entry.good & PS)
        form = PAGE_FORMS[entry.level] if is_page else TABLE_FORMS[entry.level]
        reserved = self.config.reserved_mask(form, "ADDR")
        if entry.level == 2 and 21 not in self.config.sslps:
            reserved |= PS
        if entry.level == 3 and 30 not in self.config.sslps:
            reserved |= PS
        return (entry.good | 3) | self.one_of(reserved)

    def one_of(self, mask: int) -> int:
        """Return one of the bits of a mask, the first and last of each run of ones preferred."""
        bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
        edges = [bit for bit in bits if not (mask >> bit + 1 & 1 and mask >> bit - 1 & 1 if bit else 0)]
        return 1 << self.rng.choice(edges if self.rng.random() < 0.7 else bits)


def rng_page(rng: random.Random, pages: tuple[int, int]) -> int:
    """Return one of the pages between two, inclusive."""
    return rng.randint(*pages)


def hostile_memory(config: UnitConfig, seed: int) -> Callable[[int], int | None]:
    """Return memory that holds random bits everywhere, shaped so that walks through it get deep.

    Pages are of three kinds by their two lowest page-number bits: any bits at all, context-entries, second-stage.
    """
    address_mask = (1 << config.haw) - 4096
    salt = seed.to_bytes(8, "little", signed=True)
    widths = [SECOND_STAGE_LEVELS[width][0] for width in config.sagaw] or [2]

    def granule(address: int) -> int | None:
        digest = blake2b(address.to_bytes(8, "little"), digest_size=32, key=salt).digest()
        low, high, choice, spare = (int.from_bytes(digest[at : at + 8], "little") for at in (0, 8, 16, 24))
        if choice & 63 == 0:
            return None
        kind = address >> 12 & 3
        if kind == 0:
            # Root-entries that point to context tables, unless they are noise.
            return low | high << 64 if choice & 0x300 == 0 else (low & address_mask & ~0x3000) | 0x1000 | 1
        if kind == 1:
            aw = widths[spare % len(widths)] if spare & 0x70 else spare & 7
            extra = 0 if choice & 0xC00 else 1 << spare % 128
            return (low & address_mask | 0x2000 | 1 | (low & 0xA if choice & 0x3000 else 0)) | aw << 64 | extra
        return _second_stage(low, choice, address_mask) | _second_stage(high, choice >> 16, address_mask) << 64

    return granule


def _second_stage(bits: int, choice: int, address_mask: int) -> int:
    value = bits & address_mask | 0x2000 | (3 if choice & 0x70 else bits & 3)
    if choice & 0x700 == 0:
        value |= PS
    if choice & 0xF000 == 0:
        value |= bits
    return value
