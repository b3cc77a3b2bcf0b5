"""Tables with wholly random contents: the unit must answer every request, and permit what the reference permits."""

from collections import Counter
from collections.abc import Generator
from random import Random

from model.arch import UnitConfig
from model.arch.encodings import TranslationType
from model.arch.structures import CONTEXT_ENTRY, ROOT_ENTRY, SECOND_STAGE_PDE
from model.cycle.request import Access, Attributes, Request
from model.reference.fault import Fault
from model.reference.translate import Translator
from model.reference.types import AddressType, DmaAccess, DmaRequest
from tb.axi_device import Transfer
from tb.axi_memory import Accepted
from tb.check import CheckFailed
from tb.memory import Memory
from tb.page_tables import READ, WRITE
from tb.programming import enable_translation, invalidate_everything
from tb.testbench import Testbench

__all__ = ["WildTables"]

FRAMES, FRAME = 24, 4096
BASE = 0x10_0000
BURST = 24  # requests that are under way together
BOUND = 4000  # clocks for all of them
PS = SECOND_STAGE_PDE["PS"].mask
DOMAINS = 0x4000  # domain-ids of entries that are not wholly random: one for each place in memory

Steps = Generator[None, None, None]
Asked = tuple[Transfer, Request, int | None]


class WildTables:
    """Images of FRAMES pages, each of which may be read as any table: `script` is to be played.

    Entries are wholly random, or good but for a few bits, or zero, or cannot be read; pointers lead into the image,
    also to itself, or anywhere. `seen` counts what became of the requests.
    """

    def __init__(self, images: int) -> None:
        self.images = images
        self.seen: Counter[str] = Counter()

    def script(self, bench: Testbench) -> Steps:
        """Try all images."""
        bench.tables.latency = lambda: bench.rng.choice((1, 3, 10))
        bench.tables.order = "random"
        bench.host.latency = 5
        for number in range(self.images):
            rng = Random(f"{bench.seed} {number}")
            image = _Image(rng, bench.config, rng.choice((0, 0, 0.01, 0.05, 0.3, 1)))
            image.fill(bench.memory)
            root = image.root
            yield from invalidate_everything(bench)
            yield from enable_translation(bench, root)
            yield from self._requests(bench, rng, root)
            self.seen["images"] += 1
            bench.progress = {"images": self.seen["images"]}

    def _requests(self, bench: Testbench, rng: Random, root: int) -> Steps:
        """Have BURST requests answered twice: the second time with what is cached by then."""
        translator = Translator(bench.config, bench.memory)
        places = [(rng.getrandbits(16), _address(rng)) for _ in range(BURST // 2)]
        for _ in range(2):
            bench.host.log.clear()
            asked: list[Asked] = []
            for number in range(BURST):
                source_id, address = rng.choice(places)
                request = _request(rng, source_id, address | number * 16, number % 16)
                asked.append((bench.core(request), request, _expected(translator, request, root)))
            yield from bench.until(lambda: not bench.device.outstanding, "an answer to each request", BOUND)
            self._check(bench, asked)

    def _check(self, bench: Testbench, asked: list[Asked]) -> None:
        came: Counter[tuple[int, int]] = Counter()
        for event in bench.host.log:
            if isinstance(event, Accepted):
                came[event.write, event.address.addr] += 1
        for transfer, request, expected in asked:
            what = f"{request}: {transfer.responses}, reference {expected}"
            if transfer.permitted != (expected is not None):
                raise CheckFailed(what)
            if expected is not None:
                key = int(transfer.write), expected
                if not came[key]:
                    raise CheckFailed(f"{what}, and nothing came to memory there")
                came[key] -= 1
            self.seen["refused" if expected is None else "permitted"] += 1
        if +came:
            raise CheckFailed(f"nobody asked for {+came}")


def _request(rng: Random, source_id: int, address: int, id_: int) -> Request:
    access = rng.choice((Access.READ, Access.READ, Access.ZERO_LENGTH_READ, Access.WRITE, Access.WRITE))
    return Request(int(access), source_id, 0, 0, address, id_, Attributes(size=3))


def _expected(translator: Translator, request: Request, root: int) -> int | None:
    access = {
        Access.READ: DmaAccess.READ,
        Access.WRITE: DmaAccess.WRITE,
        Access.ZERO_LENGTH_READ: DmaAccess.ZERO_LENGTH_READ,
    }[Access(request.access)]
    try:
        result = translator.translate(
            DmaRequest(request.source_id, request.address, access, 8, None, AddressType.UNTRANSLATED), root
        )
    except Fault:
        return None
    return result.address


def _address(rng: Random) -> int:
    """Return an address of a page, away from the interrupt range."""
    width = rng.choice((39, 39, 39, 48, 57, 64))
    return (rng.getrandbits(width) | 1 << 35) & -FRAME


class _Image:
    """Draws the contents of the image. Each page is meant to be a table of one sort; `wild` is the likelihood that an
    entry is wholly random, or that a pointer goes to a page of any sort."""

    def __init__(self, rng: Random, config: UnitConfig, wild: float) -> None:
        self.rng, self.config, self.wild = rng, config, wild
        makers = (self._root_entry, self._context_entry, self._table_entries)
        self.makers = [makers[min(number % 8, 2)] for number in range(FRAMES)]

    @property
    def root(self) -> int:
        """Address of a page to begin with."""
        return self._frame(0)

    def fill(self, memory: Memory) -> None:
        """Draw everything anew; a few words of some pages cannot be read."""
        rng = self.rng
        for number, maker in enumerate(self.makers):
            frame = BASE + number * FRAME
            words = bytearray()
            while len(words) < FRAME:
                entry = rng.getrandbits(128) if rng.random() < self.wild else maker(frame + len(words))
                words += entry.to_bytes(16, "little")
            memory.load(frame, bytes(words))
            if rng.random() < 0.3:
                memory.fail(frame + rng.randrange(FRAME // 128) * 128, 128)

    def _frame(self, sort: int) -> int:
        """Return the address of a page of a sort: 0 roots, 1 contexts, 2 tables."""
        number = self.rng.randrange(FRAMES)
        while min(number % 8, 2) != sort and self.rng.random() >= self.wild:
            number = self.rng.randrange(FRAMES)
        return BASE + number * FRAME

    def _root_entry(self, _place: int) -> int:
        return self._frame(1) | ROOT_ENTRY["P"].mask

    def _context_entry(self, place: int) -> int:
        rng = self.rng
        kind = rng.choice((TranslationType.SECOND_STAGE,) * 12 + tuple(TranslationType))
        entry = CONTEXT_ENTRY["P"].mask | CONTEXT_ENTRY["TT"].to(kind) | CONTEXT_ENTRY["AW"].to(rng.choice((1, 2, 3)))
        # One domain, one top table: what is a domain twice with different tables is software's fault.
        return entry | CONTEXT_ENTRY["DID"].to(DOMAINS + (place - BASE) // 16) | self._frame(2)

    def _table_entries(self, _place: int) -> int:
        return self._table_entry() | self._table_entry() << 64

    def _table_entry(self) -> int:
        """Return an entry of a table: nothing, a large page where it may be one, a page anywhere, or the next table."""
        rng = self.rng
        kind = rng.random()
        if kind < 0.05:
            return 0
        rights = rng.choice((READ | WRITE,) * 6 + (READ, WRITE))
        if kind < 0.2:
            return rng.getrandbits(self.config.haw - 30) << 30 | PS | rights
        if kind < 0.25:
            return rng.getrandbits(self.config.haw - 12) << 12 | rights
        return self._frame(2) | rights
