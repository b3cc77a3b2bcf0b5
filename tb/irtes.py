"""Interrupt remapping table entries for benches: right ones, and the same with each single bit changed."""

from collections.abc import Iterator
from random import Random

from model.arch import UnitConfig
from model.arch.encodings import DeliveryMode
from model.arch.structures import IRTE_POSTED, IRTE_REMAPPED

__all__ = ["IrteDraw", "IrteInputs"]

IrteInputs = tuple[int, int, int, int]  # entry, error, source-id, extended

EDGES = (0, 1, 2, 3, 7, 8, 15)  # bits of a source-id that some comparison treats in another way
MODES = tuple(DeliveryMode)


class IrteDraw:
    """Inputs of a check. The valid entries are valid in the unit of `config`."""

    def __init__(self, config: UnitConfig, rng: Random) -> None:
        self.config = config
        self.rng = rng

    def entry(self, *, posted: bool, extended: int, source: int = 0) -> int:
        """Return a present entry of the format; `source` are SID, SQ and SVT, from bit 64 up."""
        rng = self.rng
        common = 1 | rng.getrandbits(1) << 1 | rng.getrandbits(4) << 8 | rng.getrandbits(8) << 16 | source << 64
        if posted:
            high = rng.getrandbits(self.config.haw - 32) if self.config.haw > 32 else 0
            address = IRTE_POSTED["PDAL"].to(rng.getrandbits(26)) | IRTE_POSTED["PDAH"].to(high)
            return common | address | 1 << 15 | rng.getrandbits(1) << 14
        destination = rng.getrandbits(32) if extended else rng.getrandbits(8) << 8
        modes = IRTE_REMAPPED["DLM"].to(rng.choice(MODES)) | rng.getrandbits(3) << 2
        return common | IRTE_REMAPPED["DST"].to(destination) | modes

    def single_bits(self) -> Iterator[IrteInputs]:
        """Yield entries of both formats with each bit changed, in both interrupt modes; some come with an error."""
        rng = self.rng
        for posted in (False, True):
            for extended in (0, 1):
                for _ in range(3):
                    source_id = rng.getrandbits(16)
                    source = rng.choice((0, 1 << 18)) | rng.getrandbits(2) << 16 | source_id
                    entry = self.entry(posted=posted, extended=extended, source=source)
                    for flipped in (0, *(1 << bit for bit in range(128))):
                        yield entry ^ flipped, int(rng.random() < 0.03), source_id, extended

    def delivery_modes(self) -> Iterator[IrteInputs]:
        """Yield each value of the fields from DM to DLM."""
        for value in range(64):
            for posted in (False, True):
                extended = self.rng.getrandbits(1)
                entry = self.entry(posted=posted, extended=extended) & ~(63 << 2)
                yield entry | value << 2, 0, self.rng.getrandbits(16), extended

    def sources(self) -> Iterator[IrteInputs]:
        """Yield every SVT and SQ with source-ids that match, and that differ in one or two bits."""
        rng = self.rng
        for qualifier in range(16):
            for _ in range(3):
                expected = rng.getrandbits(16)
                pairs = (1 << low | 1 << high for low in EDGES for high in EDGES)
                for bits in (0, *(1 << bit for bit in range(16)), 0b111, *pairs):
                    yield self._with_source(qualifier << 16 | expected, expected ^ bits)

    def buses(self) -> Iterator[IrteInputs]:
        """Yield ranges of buses, also empty ones, and buses at and beside their ends."""
        for _ in range(60):
            ends = (self.rng.getrandbits(8), self.rng.getrandbits(8))
            first, last = self.rng.choice(((0, 0), (0, 255), (255, 255), (255, 0), *(ends,) * 12))
            for bus in {first - 1, first, first + 1, last - 1, last, last + 1, 0, 255, (first + last) // 2}:
                qualifier = 2 << 2 | self.rng.getrandbits(2)
                source_id = (bus & 0xFF) << 8 | self.rng.getrandbits(8)
                yield self._with_source(qualifier << 16 | first << 8 | last, source_id)

    def _with_source(self, source: int, source_id: int) -> IrteInputs:
        extended, posted = self.rng.getrandbits(1), self.rng.random() < 0.5
        entry = self.entry(posted=posted, extended=extended, source=source)
        if self.rng.random() < 0.1:  # both faults: which comes first
            entry |= 1 << self.rng.randrange(84, 96)
        return entry, 0, source_id, extended

    def everything(self, random: int = 500) -> Iterator[IrteInputs]:
        """Yield all of these, and so many entries of nothing but random bits."""
        for kind in (self.single_bits, self.delivery_modes, self.sources, self.buses):
            yield from kind()
        for _ in range(random):
            yield tuple(self.rng.getrandbits(width) for width in (128, 1, 16, 1))  # type: ignore[misc]
