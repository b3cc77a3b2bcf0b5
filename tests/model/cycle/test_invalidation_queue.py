"""The queue of the cycle model against the reference model: heads, errors, status writes, commands and their order.

What a descriptor commands is worked out here once more, from the bits of the specification.
"""

from random import Random

import pytest

from model.arch import UnitConfig
from model.cycle.invalidation_queue import InvalidationQueue
from model.cycle.register_file import Queue
from model.cycle.request import Invalidation
from model.reference import Memory, MemoryFault
from tb.descriptors import draw_descriptor, draw_legal
from tb.queue_world import Surroundings
from tests.model.reference.interrupts import (
    FSTS,
    ICS,
    IQA,
    IQE,
    IQT,
    PAGE,
    QIE,
    QUEUE,
    command,
    make_unit,
    queue_state,
    set_root_table,
    trace_of,
    uncommand,
)

CONFIGS = {
    "default": {},
    "wide descriptors": {"adms": True, "nd": 3, "mamv": 9, "haw": 40, "mhmv": 8},
    "no pages": {"psi": False, "nd": 0},
    "no interrupts": {"ir": False, "eim": False, "pi": False, "mamv": 63},
}
LEGACY, SCALABLE, RESERVED, ABORT_DMA = range(4)
SEEDS = range(12)
PATIENCE = 20_000  # clocks


class LoggedMemory(Memory):
    """Remembers what was written, also where it failed."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[tuple[int, int]] = []

    def write(self, address: int, size: int, value: int) -> None:
        self.writes.append((address, value))
        super().write(address, size, value)


class Pair:
    """One queue in both models, over the same memory."""

    def __init__(self, rng: Random, features: dict, mode: int) -> None:
        self.rng = rng
        self.config = UnitConfig(**features)
        self.memory = LoggedMemory()
        self.unit = make_unit(self.memory, **features)
        self.steps = trace_of(self.unit)
        self.mode = mode
        set_root_table(self.unit, mode << 10)
        self.cycle = InvalidationQueue(self.config)
        self.queue = Queue()
        self.error: int | None = None
        slow = rng.choice((1, 60))
        self.around = Surroundings(
            rng, self._read, ready=rng.choice((0.4, 1.0)), latency=lambda: rng.randint(1, slow), drain_clocks=lambda: 3
        )

    def _read(self, address: int) -> int | None:
        try:
            return self.memory.read(address, 16)
        except MemoryFault:
            return None

    def switch_on(self, *, wide: int, size: int) -> None:
        self.queue = Queue(1, QUEUE // PAGE, size, wide, 0)
        self.unit.write_register(IQT, 0, size=8)
        self.unit.write_register(IQA, QUEUE | wide << 11 | size, size=8)
        command(self.unit, QIE)
        self._run()

    def switch_off(self) -> None:
        self.queue = self.queue._replace(enable=0)
        uncommand(self.unit, QIE)
        self._run()

    def set_tail(self, tail: int) -> None:
        self.queue = self.queue._replace(tail=tail)
        self.unit.write_register(IQT, tail, size=8)
        self._run()

    def clear_error(self) -> None:
        self.error = None
        self.unit.write_register(FSTS, IQE)
        self._run()

    def _run(self) -> None:
        """Let the cycle model run until nothing happens any more, and compare."""
        for _ in range(PATIENCE):
            self.cycle.step(*self.around.answer(self.cycle, self.queue, self.mode, int(self.error is not None)))
            if self.cycle.error is not None:
                self.error = self.cycle.error
            if self.cycle.quiet:
                break
        else:
            raise AssertionError(f"the queue is still busy after {PATIENCE} clocks")
        self._compare()

    def _compare(self) -> None:
        error = (int(self.error is not None), self.error or 0)
        assert (self.cycle.head, *error) == queue_state(self.unit)
        executed = [step[3] for step in self.steps if step[0] == "execute"]
        commands = [decode(descriptor, self.config) for descriptor in executed]
        assert self.around.commands == [command for command in commands if command is not None]
        assert self.around.writes == self.memory.writes
        assert bool(self.around.completions) == bool(self.unit.read_register(ICS) & 1)
        assert self.around.completions == sum(bool(d & 0x1F == 0x15 and d & 0xE00 == 0) for d in executed)


def decode(descriptor: int, config: UnitConfig) -> Invalidation | None:
    """Return the command of a legal descriptor: rule 15, and 1.4, 15.1; None when it asks for nothing."""
    kind, granularity = descriptor & 0xF, descriptor >> 4 & 3
    domain_id = descriptor >> 16 & (1 << 4 + 2 * config.nd) - 1
    if kind == 1:
        masks = {0: 0, 1: 4, 2: 6, 3: 7}
        asked = {1: "context_global", 2: "context_domain", 3: "context_device"}[granularity]
        return Invalidation(
            domain_id=domain_id,
            source_id=descriptor >> 32 & 0xFFFF,
            function_mask=masks[descriptor >> 48 & 3],
            **{asked: 1},
        )
    if kind == 2:
        mask, hint = descriptor >> 64 & 0x3F, descriptor >> 70 & 1
        if granularity == 3 and mask > config.mamv:
            granularity = 2
        asked = {1: "iotlb_global", 2: "iotlb_domain", 3: "iotlb_page"}[granularity]
        return Invalidation(
            domain_id=domain_id,
            page=descriptor >> 76 & (1 << 52) - 1,
            page_mask=(1 << min(mask, 52)) - 1,
            keep_tables=hint if granularity == 3 else 0,
            **{asked: 1},
        )
    if kind == 4:
        mask = descriptor >> 27 & 0x1F
        return Invalidation(
            interrupt_index=descriptor >> 32 & 0xFFFF,
            interrupt_mask=(1 << min(mask, 16)) - 1,
            **{"iec_index" if granularity & 1 and mask <= config.mhmv else "iec_global": 1},
        )
    return Invalidation() if kind in (6, 7) else None


def fill(pair: Pair, start: int, count: int, trouble: float) -> int:
    """Put descriptors into the ring from byte `start` on; return the offset behind them."""
    rng, queue = pair.rng, pair.queue
    step = 32 if queue.wide else 16
    for _ in range(count):
        descriptor = draw_descriptor(rng, pair.config, wide=bool(queue.wide), trouble=trouble)
        pair.memory.load(QUEUE + start, descriptor.to_bytes(32, "little")[:step])
        if rng.random() < trouble / 5:
            pair.memory.fail(QUEUE + start + rng.randrange(step // 8) * 8, 8)
        start = (start + step) % (PAGE << queue.size)
    return start


def mend(pair: Pair) -> None:
    """Mend what stopped the queue, most often, and clear the error."""
    rng, queue = pair.rng, pair.queue
    step = 32 if queue.wide else 16
    if pair.error in (2, 3, 4) and rng.random() < 0.9:
        pair.memory.load(QUEUE + pair.cycle.head, draw_legal(rng, pair.config).to_bytes(32, "little")[:step])
    if pair.error in (1, 6):
        # The tail that software meant, written while the error stands: nothing happens yet.
        pair.set_tail(queue.tail % (PAGE << queue.size) // step * step)
    pair.clear_error()


@pytest.mark.parametrize("features", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_16_random_queues(features, seed):
    rng = Random(seed)
    trouble = rng.choice((0.0, 0.05, 0.2))
    wide = rng.getrandbits(1) if features.get("adms") else 0
    pair = Pair(rng, features, ABORT_DMA if wide and rng.random() < 0.7 else LEGACY)
    for _ in range(2):
        pair.switch_on(wide=wide, size=rng.choice((0, 0, 1)))
        tail = 0
        for _ in range(4):
            if pair.error is None:
                tail = fill(pair, tail, rng.choice((1, 5, 100)), trouble)
                wrong = rng.choice((PAGE << pair.queue.size, 16)) if rng.random() < trouble else 0
                pair.set_tail(tail ^ wrong)
            for _ in range(20):
                if pair.error is None:
                    break
                mend(pair)
            if pair.error is None:
                tail = pair.queue.tail
        pair.switch_off()
        if pair.error is not None:
            pair.clear_error()
    assert pair.steps
    assert pair.around.clock > 100


@pytest.mark.parametrize("wide", [0, 1], ids=["128 bits", "256 bits"])
@pytest.mark.parametrize("mode", [LEGACY, SCALABLE, RESERVED, ABORT_DMA])
@pytest.mark.parametrize("features", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("tail", [0x10, 0x20, 0xFF0, 0x1000, 0x1010, 0x7FFF0])
def test_28_5_width_mode_and_tail(tail, features, mode, wide):
    """Every combination of them, then resumption without a change: the same error again."""
    pair = Pair(Random(1), features, mode)
    pair.switch_on(wide=wide, size=0)
    pair.memory.load(QUEUE, (5).to_bytes(32, "little") * (PAGE // 32) if wide else (5).to_bytes(16, "little") * 256)
    pair.set_tail(tail)
    if pair.error is not None:
        pair.clear_error()


@pytest.mark.parametrize("wide", [0, 1], ids=["128 bits", "256 bits"])
@pytest.mark.parametrize("features", CONFIGS.values(), ids=CONFIGS)
def test_16_3_types_granularities_and_single_bits(features, wide):
    """Each type with each granularity, and a good descriptor of each type with any one bit turned over."""
    descriptors = [code >> 4 << 9 | code & 0xF | g << 4 for code in (*range(10), 17, 66, 127) for g in range(4)]
    descriptors += [
        good ^ 1 << bit for good in (0x11, 0x12, 0x4, 0x14, 0x5, 0x26, 0x37) for bit in range(256 if wide else 128)
    ]
    for mode in {LEGACY, ABORT_DMA} if wide else {LEGACY}:
        pair = Pair(Random(2), features, mode)
        for descriptor in descriptors:
            pair.switch_on(wide=wide, size=0)
            pair.memory.load(QUEUE, descriptor.to_bytes(32, "little"))
            pair.set_tail(32 if wide else 16)
            pair.switch_off()
            if pair.error is not None:
                pair.clear_error()
            pair.steps.clear()
            pair.around.commands.clear()
            pair.around.writes.clear()
            pair.memory.writes.clear()
            pair.around.completions = 0
            pair.unit.write_register(ICS, 1)


# What the reference cannot show, for it has no time.

GLOBAL_IOTLB, DOMAIN_IOTLB = 2 | 1 << 4, 2 | 2 << 4


class Life:
    """A queue of its own, clock by clock, over plain memory; a command takes 40 clocks."""

    def __init__(self, *entries: int) -> None:
        self.cycle = InvalidationQueue(UnitConfig())
        self.entries = list(entries)
        self.around = Surroundings(Random(0), self._read, latency=lambda: 5, drain_clocks=lambda: 40)
        self.queue = Queue(1, 1, 0, 0, 16 * len(entries))
        self.iqe = 0

    def _read(self, address: int) -> int:
        return self.entries[(address - PAGE) // 16]

    def run(self, clocks: int) -> None:
        for _ in range(clocks):
            self.cycle.step(*self.around.answer(self.cycle, self.queue, LEGACY, self.iqe))
            self.iqe |= int(self.cycle.error is not None)


def test_16_7_a_command_under_way_does_not_move_the_head_of_the_next_queue():
    life = Life(GLOBAL_IOTLB, GLOBAL_IOTLB)
    life.run(20)
    assert len(life.around.commands) == 1
    life.queue = life.queue._replace(enable=0)
    life.run(3)
    assert life.cycle.head == 0
    life.entries[0] = DOMAIN_IOTLB
    life.queue = life.queue._replace(enable=1, tail=16)
    life.run(31)  # the old command is done, and the first one of the new queue is on its way
    assert (len(life.around.commands), life.cycle.head) == (2, 0)
    assert life.around.commands[1] == Invalidation(iotlb_domain=1)
    life.run(45)
    assert (life.cycle.head, life.cycle.quiet) == (16, True)


def test_16_4_what_was_fetched_behind_an_error_is_fetched_again():
    life = Life(0, GLOBAL_IOTLB)
    life.run(60)
    assert (life.cycle.head, life.iqe, life.around.commands) == (0, 1, [])
    life.entries = [5, DOMAIN_IOTLB]
    life.iqe = 0
    life.run(70)
    assert (life.cycle.head, life.iqe, life.around.commands) == (32, 0, [Invalidation(iotlb_domain=1)])


def test_28_6_the_head_waits_for_the_answer_only_with_if_or_fn():
    status = 5 | 1 << 5 | 0x7000 << 64
    for flags, moves in ((0, True), (1 << 4, False), (1 << 6, False)):
        life = Life(status | flags)
        while not life.around.writes:
            life.run(1)
        life.run(1)
        assert (life.cycle.head == 16) == moves
        life.run(20)
        assert (life.cycle.head, life.around.completions) == (16, int(flags == 1 << 4))
