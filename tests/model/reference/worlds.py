"""Random units in front of random and hostile memory, for the property tests.

Everything is drawn from one `random.Random`: hypothesis hands in one that it can shrink, other tests one with a seed.
Tables are planted as whole chains that would permit an access, and only then spoilt, so that many requests get deep;
frames are few and shared, so that tables point back into tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from model.arch import UnitConfig
from model.reference import AddressType, DmaAccess, DmaRequest, InterruptRequest, Memory, Unit
from tests.model.reference.minimal_walk import Programmed

__all__ = ["CountingMemory", "Image", "World", "dma_requests", "dma_world", "interrupt_world", "random_config"]

PERMISSIONS = (3,) * 12 + (1, 2, 0)
ACCESSES = (DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC, DmaAccess.ZERO_LENGTH_READ)


class Image:
    """Bytes of host memory by 8-byte word: 0 where nothing was stored, None for a word that cannot be read."""

    def __init__(self) -> None:
        self.words: dict[int, bytes | None] = {}

    def __repr__(self) -> str:
        some = {hex(index * 8): word and hex(int.from_bytes(word, "little")) for index, word in self.words.items()}
        return f"{some}" if len(some) <= 64 else f"<{len(some)} words>"

    def read(self, address: int, size: int) -> bytes | None:
        words = [self.words.get(at, bytes(8)) for at in range(address // 8, (address + size - 1) // 8 + 1)]
        if any(word is None for word in words):
            return None
        return b"".join(word for word in words if word)[address % 8 :][:size]

    def store(self, address: int, value: int, size: int = 8) -> None:
        data = value.to_bytes(size, "little")
        for at in range(0, size, 8):
            self.words[(address + at) // 8] = data[at : at + 8]

    def flip(self, address: int, bit: int) -> None:
        word = self.words.get(address // 8 + bit // 64)
        if word is not None:
            self.store(address + bit // 64 * 8, int.from_bytes(word, "little") ^ 1 << bit % 64)

    def to_memory(self, memory: Memory) -> Memory:
        for index, word in self.words.items():
            if word is None:
                memory.fail(index * 8, 8)
            else:
                memory.load(index * 8, word)
        return memory


class CountingMemory(Memory):
    """Memory that counts the unit's accesses."""

    reads = 0
    writes = 0

    def read(self, address: int, size: int) -> int:
        self.reads += 1
        return super().read(address, size)

    def write(self, address: int, size: int, value: int) -> None:
        self.writes += 1
        super().write(address, size, value)


@dataclass
class World:
    """A configuration, memory, what software programmed, and requests that aim at the planted chains."""

    config: UnitConfig
    image: Image = field(default_factory=Image)
    frames: list[int] = field(default_factory=list)
    planted: list[tuple[int, int]] = field(default_factory=list)  # (address, size in bits) of table entries
    targets: list[tuple[int, int]] = field(default_factory=list)  # (source-id, address) of DMA
    context_tables: dict[int, int] = field(default_factory=dict)  # by source-id
    requests: list[InterruptRequest] = field(default_factory=list)
    root_table: int = 0
    table_mode: int = 0
    translation: bool = True
    remapping: bool = False
    compatibility: bool = False
    extended: bool = False
    interrupt_table: int = 0
    size_code: int = 0
    regions: tuple[tuple[int, int], tuple[int, int]] | None = None  # low and high, base and limit as written

    def unit(self, memory: Memory | None = None) -> Unit:
        """Return a unit that software has programmed to this world, through its registers."""
        unit = Unit(self.config, self.image.to_memory(memory or Memory()))
        unit.write_register(0x20, self.root_table | self.table_mode << 10, size=8)
        unit.write_register(0xB8, self.interrupt_table | self.extended << 11 | self.size_code, size=8)
        levels = self.translation << 31 | self.remapping << 25 | self.compatibility << 23
        unit.write_register(0x18, 1 << 30 | 1 << 24)
        unit.write_register(0x18, levels)
        if self.regions:
            (low_base, low_limit), (high_base, high_limit) = self.regions
            unit.write_register(0x68, low_base)
            unit.write_register(0x6C, low_limit)
            unit.write_register(0x70, high_base, size=8)
            unit.write_register(0x78, high_limit, size=8)
            unit.write_register(0x64, 1 << 31)
        return unit

    def programmed(self) -> Programmed:
        """Return the same, as the second opinion wants it."""
        return Programmed(
            translation=self.translation,
            table_mode=self.table_mode,
            root_table=self.root_table,
            remapping=self.remapping and self.config.ir,
            compatibility=self.compatibility,
            extended=self.extended and self.config.eim,
            interrupt_table=self.interrupt_table,
            interrupt_entries=2 ** (self.size_code + 1),
            protected=tuple(self._protected()),
        )

    def _protected(self) -> Iterator[tuple[int, int]]:
        """First and last byte of the regions that this unit has: bits below the alignment count as 0, and as 1."""
        if not self.regions:
            return
        unit_bytes = 2**self.config.protected_memory_shift
        for exists, end, (base, limit) in zip(
            (self.config.plmr, self.config.phmr), (2**32, 2**self.config.haw), self.regions, strict=True
        ):
            first = base % end // unit_bytes * unit_bytes
            last = limit % end // unit_bytes * unit_bytes + unit_bytes - 1
            if exists and first <= last:
                yield first, last

    def entry(self, address: int, value: int, size: int = 8) -> None:
        """Plant a table entry of `size` bytes."""
        self.image.store(address, value, size)
        self.planted.append((address, size * 8))


def _some(rng: Random, likelihood: float) -> bool:
    return rng.random() < likelihood


def random_config(rng: Random) -> UnitConfig:
    """Return any configuration, most often one that can do much."""
    haw = rng.choice((32, 36, 39, 40, 46, 48, 52))
    version = rng.choice((1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 6))
    widths = rng.choice(((39,), (48,), (57,), (39, 48), (39, 57), (48, 57), (39, 48, 57), (39, 48, 57)))
    ir = _some(rng, 0.95)
    eim = ir and _some(rng, 0.85)
    return UnitConfig(
        version_major=version,
        haw=haw,
        nd=rng.randint(0, 6),
        plmr=_some(rng, 0.8),
        phmr=_some(rng, 0.8),
        sagaw=widths if version <= 5 else (),
        mgaw=rng.choice((haw, rng.randint(haw, 64), 57, 64)),
        zlr=_some(rng, 0.5),
        sslps=rng.choice(((), (21,), (21, 30), (21, 30))),
        nfr=rng.choice((1, 2, 3, 8)),
        psi=_some(rng, 0.7),
        pi=ir and _some(rng, 0.8),
        ir=ir,
        eim=eim,
        pt=_some(rng, 0.7),
        sc=_some(rng, 0.6),
        adms=_some(rng, 0.3),
        eimer=eim and _some(rng, 0.2),
        irreq=ir and _some(rng, 0.2),
        collapse_faults=_some(rng, 0.3),
        protected_memory_shift=rng.choice((12, 20, 21, 24)),
    )


def _frames(rng: Random, haw: int, count: int) -> list[int]:
    """Return page addresses below HAW, in all of memory and at both ends of it."""
    top = 2**haw - 4096
    frames = [rng.choice((rng.randrange(2 ** (haw - 12)) << 12, rng.randrange(256) << 12)) for _ in range(count)]
    return [top, *frames[1:]] if _some(rng, 0.3) else frames


def _table(rng: Random, world: World) -> int:
    """Return the frame for a new table: most often one of its own, otherwise any, in use or not."""
    used = {address & -4096 for address, _ in world.planted} | {world.root_table}
    fresh = [frame for frame in world.frames if frame not in used]
    return rng.choice(fresh if fresh and _some(rng, 0.9) else world.frames)


def dma_world(rng: Random) -> World:
    """Return a world whose `targets` are chains of tables for DMA."""
    world = World(random_config(rng))
    world.frames = _frames(rng, world.config.haw, rng.choice((3, 8, 16, 20)))
    world.root_table = rng.choice(world.frames)
    world.table_mode = rng.choice((0,) * 40 + (1, 2, 3))
    world.translation = _some(rng, 0.9)
    for _ in range(rng.randint(1, 3)):
        _plant_chain(rng, world)
    if _some(rng, 0.15):
        _protect(rng, world)
    _spoil(rng, world)
    return world


def _plant_chain(rng: Random, world: World) -> None:
    config, haw = world.config, world.config.haw
    used = dict(world.context_tables)
    source_id = rng.choice([one for one in (0x0000, 0x00FA, 0xFFFF, rng.randrange(2**16)) if one not in used])
    same_bus = [table for other, table in used.items() if other >> 8 == source_id >> 8]
    context_table = world.context_tables[source_id] = same_bus[0] if same_bus else _table(rng, world)
    world.entry(world.root_table + (source_id >> 8) * 16, context_table | 1, 16)
    width = rng.choice(config.sagaw or (48,))
    limit = min(width, config.mgaw)
    passes = _some(rng, 0.15)
    if passes:
        limit = min(haw, limit)
    # Sometimes just beyond the limit, with tables that would carry on.
    address = _address(rng, limit) | (1 << limit if limit < 64 and _some(rng, 0.1) else 0)
    kind = 2 if passes else rng.choice((0,) * 20 + (1, 3))
    domain_id = rng.randrange(2 ** (4 + 2 * config.nd))
    table = _table(rng, world)
    low = table | kind << 2 | _some(rng, 0.3) << 1 | 1
    if passes:
        low |= rng.getrandbits(52) << 12
    levels = {39: 3, 48: 4, 57: 5}[width]
    world.entry(context_table + (source_id & 0xFF) * 16, (domain_id << 8 | levels - 2) << 64 | low, 16)
    if not passes:
        _plant_pages(rng, world, address, table, levels)
    world.targets.append((source_id, address))


def _address(rng: Random, limit: int) -> int:
    address = 0
    for shift in (12, 21, 30, 39, 48, 57):
        address |= rng.choice((0, 1, 511, rng.randrange(512), rng.randrange(512))) << shift
    return (address | rng.randrange(4096)) & (1 << limit) - 1


def _plant_pages(rng: Random, world: World, address: int, table: int, levels: int) -> None:
    config = world.config
    last = rng.choice([1] + [(shift - 12) // 9 + 1 for shift in config.sslps])
    for level in range(levels, 0, -1):
        shift = 3 + 9 * level
        ignored = (
            rng.getrandbits(9) << 52 | rng.getrandbits(1) << 63 | rng.getrandbits(1) << 61 | rng.getrandbits(1) << 2
        )
        entry = rng.choice(PERMISSIONS) | (ignored if _some(rng, 0.5) else 0)
        place = table + (address >> shift & 511) * 8
        if level == last:
            world.entry(place, entry | _page(rng, world, level, shift))
            return
        table = _table(rng, world)
        world.entry(place, entry | table)


def _page(rng: Random, world: World, level: int, shift: int) -> int:
    frame = rng.choice((rng.randrange(2 ** (world.config.haw - shift)), 0xFEE00000 >> shift, rng.randrange(4)))
    if _some(rng, 0.7):
        frame = rng.randrange(2 ** (world.config.haw - shift))
    snoop = world.config.sc and _some(rng, 0.5)
    # PS is ignored at level 1, where every entry maps a page.
    page_size = 1 << 7 if level > 1 or _some(rng, 0.3) else 0
    return frame << shift | snoop << 11 | page_size


def _protect(rng: Random, world: World) -> None:
    """Protect regions that begin or end near what a chain may reach."""
    near = rng.choice(world.planted)[0] if _some(rng, 0.5) else rng.randrange(2**world.config.haw)
    low, high = rng.randrange(2**32), rng.choice((near, world.frames[0], 2**64 - 1))
    world.regions = (
        (low, rng.choice((low, 2**32 - 1, rng.randrange(2**32)))),
        (min(near, high), rng.choice((near, high, rng.getrandbits(64)))),
    )


def _spoil(rng: Random, world: World) -> None:
    """Flip chosen bits of planted entries, let memory fail, or put noise around."""
    haw = world.config.haw
    edges = (0, 1, 2, 3, 4, 7, 8, 11, 12, 20, 21, 29, 30, haw - 1, haw, 51, 52, 61, 62, 63)
    upper = (64, 65, 66, 67, 71, 72, 75 + 2 * world.config.nd, 76 + 2 * world.config.nd, 87, 88, 95, 96, 127)
    for _ in range(rng.choice((0, 0, 0, 0, 0, 1, 1, 3))):
        address, bits = rng.choice(world.planted)
        bit = rng.choice([bit for bit in edges + upper if bit < bits])
        if bit in range(12, 64):
            _mirror(world, address, bit)
        world.image.flip(address, bit)
    if _some(rng, 0.12):
        world.image.words[rng.choice(world.planted)[0] // 8] = None
    if _some(rng, 0.2):
        noise, frame = Random(rng.getrandbits(32)), rng.choice(world.frames)
        planted = {address // 8 + word for address, bits in world.planted for word in range(bits // 64)}
        for index in range(frame // 8, frame // 8 + 512):
            if index not in planted:
                # Pointers into the same few frames: walks go on through the noise, in circles too.
                world.image.store(index * 8, rng.choice(world.frames) | noise.choice((0, 1, 3, 3, 0x83)))


def _mirror(world: World, address: int, bit: int) -> None:
    """Where an entry will point with one bit flipped, store what is where it points now: a walk that does not refuse
    the bit goes on as if nothing had happened."""
    word = world.image.words.get(address // 8)
    if word is None:
        return
    page = int.from_bytes(word, "little") & (1 << 64) - 4096
    for place, size in world.planted:
        if place & -4096 == page:
            for at in range(place // 8, (place + size // 8) // 8):
                world.image.words.setdefault(at ^ 1 << bit - 3, world.image.words.get(at))


def dma_requests(rng: Random, world: World) -> Iterator[DmaRequest]:
    """Yield requests to the planted chains, and others that miss them by a little."""
    for source_id, address in world.targets:
        for access in ACCESSES:
            yield DmaRequest(source_id, address, access, size=rng.randint(1, min(64, 4096 - address % 4096)))
        yield _odd_request(rng, source_id, address)


def _odd_request(rng: Random, source_id: int, address: int) -> DmaRequest:
    access, address_type, pasid = rng.choice(ACCESSES), AddressType.UNTRANSLATED, None
    what = rng.randrange(6)
    if what == 0:
        address ^= 1 << rng.choice((12, 21, 30, 31, 32, 38, 39, 47, 48, 56, 57, 63))
    elif what == 1:
        source_id ^= 1 << rng.randrange(16)
    elif what == 2:
        address = 0xFEE00000 + rng.choice((-1, 0, 0xFFFFF, 0x100000, rng.randrange(0x100000)))
    elif what == 3:
        access = DmaAccess.PAGE_REQUEST
    elif what == 4:
        address_type = rng.choice(list(AddressType))
    if what == 5 or _some(rng, 0.2):
        pasid = rng.randrange(2**20)
    return DmaRequest(source_id, address, access, size=1, pasid=pasid, address_type=address_type)


def interrupt_world(rng: Random) -> World:
    """Return a world whose `requests` are interrupts, most of them with an entry planted for them."""
    world = World(random_config(rng), translation=False)
    haw = world.config.haw
    world.frames = _frames(rng, haw, rng.randint(2, 6))
    world.remapping = _some(rng, 0.93)
    world.compatibility = _some(rng, 0.5)
    world.extended = _some(rng, 0.5) and world.config.eim
    world.size_code = rng.choice((0, 1, 7, 15, 15, rng.randrange(16)))
    world.interrupt_table = rng.choice(world.frames)
    for _ in range(rng.randint(1, 4)):
        world.requests.append(_plant_interrupt(rng, world))
    _spoil(rng, world)
    return world


def _plant_interrupt(rng: Random, world: World) -> InterruptRequest:
    entries = 2 ** (world.size_code + 1)
    index = rng.choice((0, entries - 1, rng.randrange(entries), rng.randrange(entries), entries, 0x10000))
    if _some(rng, 0.8):
        index = rng.randrange(entries)
    source_id = rng.randrange(2**16)
    entry = _posted_entry(rng, world) if _some(rng, 0.5 if world.config.pi else 0.1) else _remapped_entry(rng, world)
    # An index beyond 16 bits must not come back to the low entries: one stands there too.
    for place in {index, index % 0x10000}:
        world.entry(world.interrupt_table + place * 16, entry | _source_check(rng, source_id) << 64, 16)
    return _interrupt_request(rng, index, source_id)


def _source_check(rng: Random, source_id: int) -> int:
    how, qualifier = rng.choice((0, 1, 1, 1, 2, 2, 3)), rng.randrange(4)
    expected = source_id ^ rng.choice((0, 0, 0, 1, 2, 4, 6, 7, 8, 0x100, 0x8000))
    if how == 2:
        bus = source_id >> 8
        start, end = rng.choice(((bus, bus), (0, bus), (bus, 255), (bus + 1, 255), (0, bus - 1), (bus + 1, bus - 1)))
        expected = (start & 255) << 8 | end & 255
    return how << 18 | qualifier << 16 | expected


def _destination(rng: Random, world: World) -> int:
    return rng.getrandbits(32) if world.extended or _some(rng, 0.05) else rng.randrange(256) << 8


def _remapped_entry(rng: Random, world: World) -> int:
    delivery = rng.choice((0, 0, 1, 2, 3, 4, 5, 6, 7))
    flags = rng.getrandbits(3) << 2 | _some(rng, 0.2) << 1 | 1
    return _destination(rng, world) << 32 | rng.randrange(256) << 16 | rng.getrandbits(4) << 8 | delivery << 5 | flags


def _posted_entry(rng: Random, world: World) -> int:
    descriptor = rng.choice(world.frames) + rng.randrange(64) * 64
    urgent, vector = rng.getrandbits(1), rng.randrange(256)
    state = _destination(rng, world) << 32 | rng.randrange(256) << 16 | rng.choice((0, 0, 1, 2, 3))
    world.entry(descriptor, state << 256 | (rng.getrandbits(256) if _some(rng, 0.5) else 0), 64)
    low = vector << 16 | 1 << 15 | urgent << 14 | _some(rng, 0.2) << 1 | 1
    return (descriptor >> 32) << 96 | (descriptor & 0xFFFFFFC0) << 32 | low


def _interrupt_request(rng: Random, index: int, source_id: int) -> InterruptRequest:
    """Return a request with this index, as handle alone or as handle plus subhandle."""
    with_subhandle = index > 0xFFFF or _some(rng, 0.5)
    handle = rng.randint(max(0, index - 0xFFFF), min(index, 0xFFFF)) if with_subhandle else index
    data = index - handle if with_subhandle else rng.getrandbits(32)
    if with_subhandle and _some(rng, 0.05):
        data |= 1 << rng.randrange(16, 32)
    remappable = _some(rng, 0.9)
    address = 0xFEE00000 | (handle & 0x7FFF) << 5 | (handle >> 15) << 2 | remappable << 4 | with_subhandle << 3
    return InterruptRequest(source_id, address, data)
