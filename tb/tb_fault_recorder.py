"""FaultRecorder in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.arch import CONDITIONS
from model.arch.registers import FSTS
from model.cycle.fault_recorder import FaultRecorder, Inputs, Outputs, Record
from rtl.fault_recorder import record_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, assert_seen, log, reset, start_clock

RECORD = record_layout()
REASONS = sorted({condition.reason for condition in CONDITIONS.values()})
SOURCE_IDS = (0, 0xFFFF, 0x1234, 0x1235, 0x9234)
ADDRESS_EDGES = (0, 11, 12, 38, 39, 47, 48, 56, 57, 63)
PHASE_CLOCKS = 1500
# Likelihoods in a clock: of a fault, of each clear. Each phase begins with a reset.
PHASES = ((0.1, 0.1), (0.1, 0.5), (0.7, 0.1), (0.7, 0.5))
PFO, IQE = FSTS["PFO"].mask, FSTS["IQE"].mask


def drive(dut, inputs: Inputs, number: int, noise: int) -> None:
    """Drive a clock, in which record `number` is read; a record to keep without `valid` is noise."""
    dut.record.value = pack(RECORD, (1, *inputs.record)) if inputs.record else noise & ~1
    dut.queue_error.value = inputs.queue_error
    clears = inputs.clear_queue_error << 1 | inputs.clear_overflow
    dut.clear.value = clears << CONFIG.nfr | inputs.clear_records
    dut.remapping.value = inputs.remapping
    dut.read__number.value = number


def draw_record(rng: Random) -> Record:
    address = rng.choice((0, rng.getrandbits(64), (1 << 64) - 1)) ^ 1 << rng.choice(ADDRESS_EDGES)
    return Record(
        rng.choice(REASONS),
        rng.choice((*SOURCE_IDS, rng.getrandbits(16))),
        address,
        rng.getrandbits(2),
        rng.getrandbits(2),
        int(rng.random() < 0.4),
    )


def draw(rng: Random, faults: float, clears: float, remapping: int) -> Inputs:
    records = 0
    if rng.random() < clears:
        everything = (1 << CONFIG.nfr) - 1
        records = rng.choice((everything, 1 << rng.randrange(CONFIG.nfr), rng.getrandbits(CONFIG.nfr)))
    return Inputs(
        record=draw_record(rng) if rng.random() < faults else None,
        queue_error=int(rng.random() < 0.05),
        clear_records=records,
        clear_overflow=int(rng.random() < clears),
        clear_queue_error=int(rng.random() < clears),
        remapping=remapping ^ (rng.random() < 0.02),
    )


def sample(dut) -> tuple[int, int, int, int]:
    return (
        int(dut.status.value),
        int(dut.read__record.value) if dut.read__written.value else 0,
        int(dut.event.value),
        int(dut.withdraw.value),
    )


def count(seen: Counter, inputs: Inputs, outputs: Outputs, before: tuple, after: tuple) -> None:
    """Count what must not be missing from a run; `before` and `after` are the model's FSTS and records."""
    if inputs.record is not None:
        kept = after[1] != before[1]
        seen["records" if kept else "dropped"] += 1
        seen["with_clear"] += bool(inputs.clear_records)
        seen["with_queue_error"] += inputs.queue_error
    seen["overflows"] += bool(after[0] & PFO and not before[0] & PFO)
    seen["queue_errors"] += bool(after[0] & IQE and not before[0] & IQE)
    seen["events"] += outputs.event
    seen["withdrawals"] += outputs.withdraw


async def run_phase(dut, rng: Random, seen: Counter, faults: float, clears: float) -> None:
    model, inputs, number = FaultRecorder(CONFIG), Inputs(), 0
    drive(dut, inputs, number, rng.getrandbits(RECORD.size))
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual = sample(dut)
        before = model.status, model.records[:]
        outputs = model.step(inputs)
        expected = before[0], before[1][number], *outputs
        assert actual == expected, f"clock {clock}, {inputs}, record {number}: {actual} != {expected} (expected)"
        count(seen, inputs, outputs, before, (model.status, model.records))
        remapping = inputs.remapping
        inputs = draw(rng, faults, clears, remapping)
        seen["remapping_falls"] += remapping > inputs.remapping
        number = rng.randrange(CONFIG.nfr)
        drive(dut, inputs, number, rng.getrandbits(RECORD.size))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    start_clock(dut)
    for faults, clears in PHASES:
        await run_phase(dut, rng, seen, faults, clears)
    assert_seen(seen, {"records": 200, "dropped": 50, "with_clear": 50, "with_queue_error": 20})
    assert_seen(seen, {"overflows": 20, "queue_errors": 20, "events": 20, "withdrawals": 20, "remapping_falls": 10})
