"""WalkStep against its model: every output for every input tried. There is no clock."""

from collections import Counter
from collections.abc import Iterator
from random import Random

import cocotb
from cocotb.triggers import Timer

from model.arch import SECOND_STAGE_LEVELS
from model.cycle.request import Result, Table
from model.cycle.walk_step import Constants, Outcome, Step, Walk, step
from rtl.request import context_layout, result_layout
from rtl.walk_step import walk_layout
from tb.bits import pack, result_mask, unpack
from tb.block import CONFIG, SEED, log

CONSTANTS = Constants(CONFIG)
HOST_PAGES = CONFIG.haw - 12
WALK, RESULT, CONTEXT = walk_layout(CONFIG), result_layout(CONFIG), context_layout(CONFIG)
AFTER_ROOT = pack(
    WALK, Walk(3, 0, Table(0, (1 << HOST_PAGES) - 1))
)  # what counts of a walk that goes on to a context-entry

Inputs = tuple[Walk, int, int, int, int, int]  # walk, access, address, address type, entry, error

# The interrupt range is 0xFEE00 to 0xFEEFF.
INTERRUPT_PAGES = (0xFEE00, 0xFEE01, 0xFEEFF, 0xFED00, 0xFEF00, 0xFEE00 | 1 << 20)


class Compare:
    """Drives inputs, compares all outputs, counts what happened."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.seen: Counter = Counter()

    async def check(self, inputs: Inputs) -> Outcome:
        walk, access, address, address_type, entry, error = inputs
        dut, outcome = self.dut, step(CONSTANTS, *inputs)
        dut.walk.value = pack(WALK, walk)
        dut.access.value = access
        dut.address.value = address
        dut.address_type.value = address_type
        dut.entry.value = entry
        dut.error.value = error
        await Timer(1, "ns")
        done = int(outcome.result is not None)
        where = f"{inputs}, expected {outcome}"
        flags = int(dut.done.value), int(dut.context_valid.value), int(dut.table_valid.value)
        assert flags == (done, outcome.context is not None, outcome.table is not None), f"{where}: {flags}"
        if outcome.result is not None:
            result, mask = int(dut.result.value), result_mask(RESULT, outcome.result)
            assert result & mask == pack(RESULT, outcome.result) & mask, f"{where}: {unpack(RESULT, result)}"
        if outcome.following is not None:
            following, mask = int(dut.following.value), AFTER_ROOT if walk.step == Step.ROOT else -1
            assert following & mask == pack(WALK, outcome.following) & mask, f"{where}: {unpack(WALK, following)}"
        if outcome.context is not None:
            context = int(dut.context.value)
            assert context == pack(CONTEXT, outcome.context), f"{where}: {unpack(CONTEXT, context)}"
        self._count(outcome)
        return outcome

    def _count(self, outcome: Outcome) -> None:
        if outcome.result is None:
            self.seen["goes on"] += 1
        elif outcome.result.fault_reason:
            self.seen[outcome.result.fault_reason] += 1
        else:
            self.seen[
                "pass-through" if outcome.result.pass_through else f"level {outcome.result.translation.level}"
            ] += 1


class Draw:
    """Inputs: entries that are right, then with each single bit changed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def walk(self, number: int, level: int) -> Walk:
        rng = self.rng
        permissions = rng.choice((3, 3, 1, 2, 0))
        table = Table(level, rng.getrandbits(HOST_PAGES), permissions & 1, permissions >> 1)
        return Walk(number, rng.getrandbits(1), table, rng.getrandbits(CONFIG.domain_id_bits), rng.getrandbits(1))

    def address(self, limit: int = 39) -> int:
        return self.rng.getrandbits(limit)

    def single_bits(self, walk: Walk, entry: int, bits: int) -> Iterator[Inputs]:
        """Yield the entry, and the entry with each bit changed, once for every access; some come with an error."""
        for access in range(4):
            for flipped in (0, *(1 << bit for bit in range(bits))):
                address_type = self.rng.choice((0,) * 15 + (1, 2, 3))
                yield walk, access, self.address(), address_type, entry ^ flipped, int(self.rng.random() < 0.05)

    def root_entries(self) -> Iterator[Inputs]:
        for number in (*[Step.ROOT] * 3, 3):  # 3 is no step
            yield from self.single_bits(self.walk(number, 0), self.rng.getrandbits(HOST_PAGES) << 12 | 1, 128)

    def context_entry(self, translation_type: int, width: int) -> int:
        rng = self.rng
        table = rng.getrandbits(52 if translation_type == 2 and rng.getrandbits(1) else HOST_PAGES)
        upper = rng.getrandbits(CONFIG.domain_id_bits) << 8 | rng.getrandbits(4) << 3 | width
        return upper << 64 | table << 12 | translation_type << 2 | rng.getrandbits(1) << 1 | 1

    def context_entries(self) -> Iterator[Inputs]:
        for translation_type in range(4):
            for width in range(8):
                entry = self.context_entry(translation_type, width)
                yield from list(self.single_bits(self.walk(Step.CONTEXT, 0), entry, 128))[self.rng.randrange(4) :: 4]
                yield from self._widths(entry)
                for number in range(12):
                    yield self.walk(Step.CONTEXT, 0), number & 3, self.address(), 1 + number // 4, entry, 0

    def _widths(self, entry: int) -> Iterator[Inputs]:
        """Yield addresses that reach each bit."""
        for bit in range(12, 64):
            for address in (1 << bit, (1 << bit) - 1, 1 << bit | self.address(12)):
                yield self.walk(Step.CONTEXT, 0), self.rng.randrange(4), address, 0, entry, 0

    def second_stage_entries(self) -> Iterator[Inputs]:
        rng = self.rng
        for level in range(8):
            for _ in range(2 if 1 <= level <= 5 else 1):
                for page_size in (0, 1 << 7):
                    low = 12 + 9 * (level - 1) if page_size and level in (2, 3) else 12
                    entry = rng.getrandbits(CONFIG.haw - low) << low | page_size | 3
                    yield from self.single_bits(self.walk(Step.SECOND_STAGE, level), entry, 64)
        yield from self._permissions()
        yield from self._interrupt_range()

    def _permissions(self) -> Iterator[Inputs]:
        """Yield each combination of access, level, kind, permissions so far, permissions of the entry."""
        for number in range(4 * 5 * 2 * 4 * 4):
            access, level, page_size = number & 3, number // 128 + 1, number >> 2 & 1
            above, here = number >> 3 & 3, number >> 5 & 3
            walk = self.walk(Step.SECOND_STAGE, level)
            walk = walk._replace(table=walk.table._replace(read=above & 1, write=above >> 1))
            yield walk, access, self.address(), 0, self.rng.getrandbits(2) << 30 | page_size << 7 | here, 0

    def _interrupt_range(self) -> Iterator[Inputs]:
        """Yield pages that lead to the interrupt range and beside it, where part of the number is the request's."""
        for level, ignored in ((1, 0), (2, (1 << 9) - 1), (3, (1 << 18) - 1)):
            for page in INTERRUPT_PAGES:
                for bit in (None, *range(HOST_PAGES)):
                    number = page % (1 << HOST_PAGES) ^ (0 if bit is None else 1 << bit)
                    entry = (number & ~ignored) << 12 | (1 << 7 if level > 1 else 0) | 3
                    address = (number & ignored) << 12 | self.rng.getrandbits(18) << 39 | self.address(12)
                    walk = self.walk(Step.SECOND_STAGE, level)
                    yield walk._replace(table=walk.table._replace(read=1, write=1)), 0, address, 0, entry, 0


async def walk_to_the_end(compare: Compare, draw: Draw) -> None:
    """Go from the root to a result through entries that are nearly always right."""
    rng = draw.rng
    width = rng.choice(CONFIG.sagaw or (39,))
    walk, result = draw.walk(Step.ROOT, 0), None
    access, address = rng.randrange(4), draw.address(min(width, CONFIG.haw))
    while result is None:
        if walk.step == Step.CONTEXT:
            entry = draw.context_entry(rng.choice((0, 0, 0, 0, 2)), SECOND_STAGE_LEVELS[width][0])
        else:
            last = walk.step == Step.SECOND_STAGE and walk.table.level in (2, 3) and rng.random() < 0.3
            low = 12 + 9 * (walk.table.level - 1) if last else 12
            entry = rng.getrandbits(CONFIG.haw - low) << low | last << 7 | (1 if walk.step == Step.ROOT else 3)
        if rng.random() < 0.05:
            entry ^= 1 << rng.randrange(128)
        upper = rng.getrandbits(64) << 64 if walk.step == Step.SECOND_STAGE else 0  # another entry beside the one asked
        outcome = await compare.check((walk, access, address, 0, entry | upper, int(rng.random() < 0.01)))
        walk, result = outcome.following or walk, outcome.result
    compare.seen["walked to a page"] += result != Result() and not result.fault_reason


@cocotb.test()
async def every_output_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    compare, draw = Compare(dut), Draw(Random(SEED))
    for kind in (draw.root_entries, draw.context_entries, draw.second_stage_entries):
        for inputs in kind():
            await compare.check(inputs)
    for _ in range(500):
        await walk_to_the_end(compare, draw)
    log.info("%s", dict(compare.seen))
    wanted = dict.fromkeys(range(1, 15), 5) | {"goes on": 1000, "level 1": 100}
    if not CONFIG.sagaw:
        del wanted[0x04], wanted[0x0D]  # no context-entry gets that far
    else:
        wanted["walked to a page"] = 100
    for what, at_least in wanted.items():
        assert compare.seen[what] >= at_least, f"only {compare.seen[what]} times {what}, not {at_least}"
