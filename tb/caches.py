"""What the benches of the caches share: values that nearly collide, commands of every kind, what must have happened."""

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from cocotb.clock import Clock

from model.cycle.request import Invalidation, Translation
from tb.block import CONFIG, SEED, log

__all__ = ["PHASE_CLOCKS", "Values", "meets_interrupts", "play_phases"]


# Likelihoods of a fill and of a command in a clock; each phase begins with a reset.
PHASES = ((0.1, 0.02), (0.1, 0.3), (0.6, 0.02), (0.6, 0.3))
PHASE_CLOCKS = 2500

# First and last page-number bit of the index into a table of each level, and the highest one.
PAGE_EDGES = (0, 8, 9, 17, 18, 26, 27, 35, 36, 44, 51)
# Commands, and how often they come. Narrow ones hit something only when they come often; global ones leave nothing.
KINDS = (
    ((), 2),  # only drains
    (("context_global",), 1),
    (("context_domain",), 1),
    (("context_device",), 4),
    (("iotlb_global",), 1),
    (("iotlb_domain",), 1),
    (("iotlb_page",), 5),
    (("context_global", "iotlb_global"), 1),  # a new root table
    (("iec_global",), 1),
    (("iec_index",), 5),
)
ASKED = [kinds for kinds, often in KINDS for _ in range(often)]


def meets_interrupts(translation: Translation) -> bool:
    """Say whether a page has an address of the interrupt range."""
    bits = 12 + 9 * (translation.level - 1)
    number = translation.page << 12 >> bits
    return 0xFEE0_0000 >> bits <= number <= 0xFEEF_FFFF >> bits


class Values:
    """Draws source-ids, domain-ids and pages from few that differ in one chosen bit."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        bits = CONFIG.domain_id_bits
        source_id, domain_id = rng.getrandbits(16), rng.getrandbits(bits)
        self._source_ids = [source_id] * 5 + [source_id ^ 1 << bit for bit in (0, 1, 2, 3, 7, 8, 15)]
        self._domain_ids = [domain_id] * 3 + [domain_id ^ 1 << bit for bit in (0, 1, bits - 1)]
        self._page = rng.getrandbits(CONFIG.mgaw - 12)
        self._interrupt_index = rng.getrandbits(16)

    def source_id(self) -> int:
        """Return a source-id."""
        return self.rng.choice(self._source_ids)

    def any_source_id(self) -> int:
        """Return a source-id that nobody may have drawn before."""
        return self.rng.getrandbits(16) if self.rng.random() < 0.5 else self.source_id()

    def domain_id(self) -> int:
        """Return a domain-id."""
        return self.rng.choice(self._domain_ids)

    def page(self) -> int:
        """Return a page number that differs from a common one in no, one or two bits, perhaps beyond MGAW."""
        page = self._page
        for _ in range(self.rng.choice((0, 0, 0, 1, 1, 2))):
            page ^= 1 << self.rng.choice(PAGE_EDGES)
        return page

    def interrupt_index(self) -> int:
        """Return an index that differs from a common one in no bit, or in one."""
        return self._interrupt_index ^ (1 << self.rng.randrange(16) if self.rng.random() < 0.6 else 0)

    def command(self, likelihood: float) -> Invalidation | None:
        """Return a command, most often none."""
        rng = self.rng
        if rng.random() >= likelihood:
            return None
        return Invalidation(
            **dict.fromkeys(rng.choice(ASKED), 1),
            keep_tables=rng.getrandbits(1),
            domain_id=self.domain_id(),
            source_id=self.source_id(),
            function_mask=rng.choice((0, 0b100, 0b110, 0b111)),
            page=self.page(),
            page_mask=(1 << min(rng.choice((0, 0, 1, 8, 9, 10, 17, 18, 19, 27, 36, 52)), CONFIG.mamv)) - 1,
            interrupt_index=self.interrupt_index(),
            interrupt_mask=(1 << rng.choice((0, 0, 1, 2, 3, 8, 15, 16))) - 1,
        )


async def play_phases(dut: Any, run_phase: Callable[..., Awaitable[None]]) -> Counter[str]:
    """Run `run_phase(dut, values, seen, filling, invalidating)` for each of PHASES; return what was `seen`."""
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    values, seen = Values(Random(SEED)), Counter[str]()
    Clock(dut.clk, 10, unit="ns").start()
    for filling, invalidating in PHASES:
        await run_phase(dut, values, seen, filling, invalidating)
    return seen
