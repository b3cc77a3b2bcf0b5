"""Outstanding in lockstep with its model: every output, every clock."""

from collections import Counter, deque
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.sizes import OUTSTANDING_LIMIT
from model.cycle.outstanding import Issued, Outstanding
from tb.caches import CONFIG, SEED, assert_seen, log, reset

OUTPUTS = ("older", "busy_reads", "busy_writes", "full_reads", "full_writes")
ID_BITS = CONFIG.id_bits
# Likelihoods of a request and of an answer in a clock, of `older`, of `flip`; how many IDs. Each begins with a reset.
PHASES = (
    (0.5, 0.5, 0.1, 0.02, 16),
    (0.9, 0.5, 0.02, 0.005, 1),
    (0.5, 0.9, 0.5, 0.1, 3),
    (0.8, 0.8, 0.0, 0.02, 2),
)
PHASE_CLOCKS = 1500


class Traffic:
    """Draws what is issued and answered in one direction, and remembers it: `owed`, by ID, whether each is older."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        self.rng = rng
        self.issue, self.answer, self.older, _, ids = phase
        self.owed = {id: deque() for id in rng.sample(range(1 << ID_BITS), min(ids, 1 << ID_BITS))}

    def draw(self, flip: int) -> tuple[Issued | None, int | None]:
        """Return what is issued, with room left in the counters, and what is answered, now and then unasked."""
        rng, issued, answered = self.rng, None, None
        id = rng.choice([*self.owed])
        waiting = [id for id, owed in self.owed.items() if owed]
        if waiting and rng.random() < self.answer:
            answered = rng.choice(waiting)
            self.owed[answered].popleft()
        elif rng.random() < 0.01 and not self.owed[id]:
            answered = id
        if rng.random() < self.issue and len(self.owed[id]) < 2 * OUTSTANDING_LIMIT - 1:
            issued = Issued(id, int(rng.random() < self.older))
            self.owed[id].append(bool(issued.older))
        if flip:
            self.owed = {id: deque([True] * len(owed)) for id, owed in self.owed.items()}
        return issued, answered

    def outputs(self) -> list[int]:
        """Return `older`, `busy` and `full` as they must be in the next clock."""
        busy = sum(1 << id for id, owed in self.owed.items() if owed)
        full = sum(1 << id for id, owed in self.owed.items() if len(owed) >= OUTSTANDING_LIMIT)
        return [int(any(any(owed) for owed in self.owed.values())), busy, full]


def drive(dut, reads: tuple, writes: tuple, flip: int) -> None:
    """Drive a clock; fields without their `valid` are noise."""
    for kind, (issued, answered) in (("read", reads), ("write", writes)):
        id, older = issued or (1, 1)
        getattr(dut, f"issued_{kind}").value = older << ID_BITS + 1 | id << 1 | (issued is not None)
        id = 1 if answered is None else answered
        getattr(dut, f"answered_{kind}").value = id << 1 | (answered is not None)
    dut.flip.value = flip


async def run_phase(dut, rng: Random, seen: Counter, phase: tuple) -> None:
    model, reads, writes, flip = Outstanding(CONFIG), (None, None), (None, None), 0
    traffic = Traffic(rng, phase), Traffic(rng, phase)
    drive(dut, reads, writes, flip)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual = [int(getattr(dut, name).value) for name in OUTPUTS]
        expected = [getattr(model, name) for name in OUTPUTS]
        where = f"clock {clock}, reads {reads}, writes {writes}, flip {flip}"
        assert actual == expected, f"{where}: {actual} != {expected} (expected)"
        seen["full"] += bool(model.full_reads) + bool(model.full_writes)
        seen["idle"] += not model.busy_reads
        seen["flip with traffic"] += bool(flip and None not in (*reads, *writes))
        older = model.older
        model.step(reads[0], writes[0], reads[1], writes[1], flip)
        seen["over"] += bool(older and not model.older)
        (read_older, *read_masks), (write_older, *write_masks) = (part.outputs() for part in traffic)
        shown = model.older, model.busy_reads, model.full_reads, model.busy_writes, model.full_writes
        assert shown == (read_older | write_older, *read_masks, *write_masks), f"clock {clock}: {shown}"
        flip = int(rng.random() < phase[3])
        reads, writes = (part.draw(flip) for part in traffic)
        drive(dut, reads, writes, flip)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for phase in PHASES:
        await run_phase(dut, rng, seen, phase)
    assert_seen(seen, {"full": 100, "over": 10, "idle": 50, "flip with traffic": 5})
