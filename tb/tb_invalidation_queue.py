"""InvalidationQueue in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.encodings import IqeiCode
from model.arch.sizes import QUEUE_TAGS, STATUS_WRITES
from model.cycle.invalidation_queue import InvalidationQueue, State
from model.cycle.memory_port import Returned
from model.cycle.register_file import Queue
from rtl.invalidation_queue import queue_layout
from rtl.memory_port import queue_read_layout, status_write_layout
from rtl.request import invalidation_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, assert_seen, log, reset
from tb.queue_world import Batch, Inputs, Software, Surroundings

QUEUE, COMMAND = queue_layout(CONFIG), invalidation_layout(CONFIG)
READ, STATUS_WRITE = queue_read_layout(CONFIG), status_write_layout(CONFIG)
TAIL_NOT_ALIGNED = IqeiCode.TAIL_NOT_ALIGNED  # does not exist without descriptors of 256 bits
# Likelihood of ready, of trouble; latency of memory; clocks. Each phase begins with a reset.
PHASES = (
    (0.9, 0.0, 5, 4000),
    (0.3, 0.0, 60, 1500),
    (0.9, 0.05, 5, 2500),
    (0.3, 0.05, 60, 2500),
    (0.9, 0.3, 5, 2500),
    (0.6, 0.3, 60, 2500),
)
SILENCE = Inputs(Queue(), 0, 0, 0, 0, 0, None, 0, 0)


def drive(dut, inputs: Inputs) -> None:
    """Drive a clock; what comes with `returned` when it is not valid is noise."""
    dut.queue.value = pack(QUEUE, inputs.queue)
    dut.table_mode.value = inputs.table_mode
    dut.iqe.value = inputs.iqe
    dut.command__ready.value = inputs.command_ready
    dut.done.value = inputs.done
    dut.read__ready.value = inputs.read_ready
    tag, entry, error = inputs.returned or Returned(inputs.queue.tail >> 4 & 7, -1 & (1 << 128) - 1, 0)
    dut.returned.value = error << 132 | entry << 4 | tag << 1 | (inputs.returned is not None)
    dut.status_write__ready.value = inputs.status_write_ready
    dut.status_written.value = inputs.status_written


def shown_by(dut) -> list:
    """Return the outputs; payloads only when they are valid."""
    error = int(dut.error.value)
    shown = [int(dut.head.value), error >> 1 if error & 1 else None, int(dut.wait_completed.value)]
    for name in ("command", "read", "status_write"):
        valid = int(getattr(dut, f"{name}__valid").value)
        shown.append(int(getattr(dut, f"{name}__payload").value) if valid else None)
    return shown


def expected_of(model: InvalidationQueue) -> list:
    offers = ((COMMAND, model.command), (READ, model.read), (STATUS_WRITE, model.status_write))
    packed = [None if value is None else pack(layout, value) for layout, value in offers]
    return [model.head, model.error, model.wait_completed, *packed]


async def run(dut, clocks: int, software: Software | Batch, around: Surroundings, seen: Counter) -> None:
    """Compare for so many clocks after a reset; count what must not be missing."""
    model, inputs = InvalidationQueue(CONFIG), SILENCE
    drive(dut, inputs)
    await reset(dut)
    for clock in range(clocks):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual, expected = shown_by(dut), expected_of(model)
        assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
        if model.state != State.IDLE and not inputs.queue.enable:
            seen[f"off in {State(model.state).name}"] += 1
        model.step(*inputs)
        seen["all tags in flight"] += around.reads_in_flight == QUEUE_TAGS
        seen["all status writes unanswered"] += around.writes_in_flight == STATUS_WRITES
        software.act(model)
        inputs = around.answer(model, software.queue, software.table_mode, software.iqe)
        drive(dut, inputs)
    seen["commands"] += len(around.commands)
    seen["writes"] += len(around.writes)
    seen["completions"] += around.completions


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    Clock(dut.clk, 10, unit="ns").start()
    rng, seen = Random(SEED), Counter()
    for ready, trouble, latency, clocks in PHASES:
        log.info("ready=%.1f trouble=%.2f latency<=%d", ready, trouble, latency)
        software = Software(rng, CONFIG, trouble=trouble)
        around = Surroundings(
            rng,
            software.read,
            ready=ready,
            latency=lambda latency=latency: rng.randint(1, latency),
            drain_clocks=lambda: rng.choice((3, 3, 3, 4, 30)),
            stray=0.02,
        )
        await run(dut, clocks, software, around, seen)
        seen.update(software.seen)
    errors = {f"error {code}": 1 for code in range(1, 8) if CONFIG.adms or code != TAIL_NOT_ALIGNED}
    states = {f"off in {state.name}": 1 for state in (State.COMMAND, State.DRAIN, State.STOPPED)}
    done = {"wrapped": 1, "resumed": 30, "commands": 300, "writes": 150, "completions": 10}
    assert_seen(seen, done | errors | states)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def sixteen_clocks_per_descriptor_at_latency_50(dut):
    """Page-selective commands, in full lockstep; in 16 clocks for each."""
    Clock(dut.clk, 10, unit="ns").start()
    for wide in (0, 1) if CONFIG.adms else (0,):
        count = 60 if wide else 120
        batch, seen = Batch([2 | 1 << 4] * count, wide=wide), Counter()
        await run(dut, 16 * count, batch, Surroundings(Random(SEED), batch.read), seen)
        assert seen["commands"] == count, f"{seen['commands']} descriptors in {16 * count} clocks, not {count}"
        assert seen["all tags in flight"] >= 100


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def status_writes_do_not_wait_for_each_other(dut):
    """Only the last one has FN; its answer, like the others', takes 100 clocks."""
    Clock(dut.clk, 10, unit="ns").start()
    status, fence, seen = 5 | 1 << 5 | 0x7000 << 64, 1 << 6, Counter()
    batch = Batch([status] * 40 + [status | fence], wide=0)
    await run(dut, 1000, batch, Surroundings(Random(SEED), batch.read, latency=lambda: 100), seen)
    assert_seen(seen, {"all status writes unanswered": 100, "writes": 41})
