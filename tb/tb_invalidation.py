"""Invalidation in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.cycle.invalidation import Invalidation
from rtl.request import invalidation_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, assert_seen, log, reset
from tb.caches import Values

COMMAND = invalidation_layout(CONFIG)
REQUESTERS = ("registers", "queue")
PHASE_CLOCKS = 1000
# Likelihood of a new command in a clock, of `older`.
PHASES = ((0.1, 0.0), (0.9, 0.0), (0.9, 0.5), (0.3, 0.95))


def drive(dut, offers: dict, older: int) -> None:
    for name, command in offers.items():
        getattr(dut, f"{name}__valid").value = command is not None
        noise = -1 & (1 << COMMAND.size) - 1
        getattr(dut, f"{name}__payload").value = noise if command is None else pack(COMMAND, command)
    dut.older.value = older


def shown_by(dut) -> list[int]:
    names = ("registers_done", "queue_done", "command", "epoch", "flip", "registers__ready", "queue__ready")
    return [int(getattr(dut, name).value) for name in names]


async def run_phase(dut, values: Values, seen: Counter, offering: float, remaining: float) -> None:
    model, offers, older = Invalidation(CONFIG), dict.fromkeys(REQUESTERS), 0
    clocks = dict.fromkeys(REQUESTERS, 0)  # since acceptance
    drive(dut, offers, older)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual = shown_by(dut)
        ready = model.ready(offers["registers"] is not None, offers["queue"] is not None)
        done = model.registers_done, model.queue_done
        expected = [*done, pack(COMMAND, model.command), model.epoch, model.flip, *ready]
        assert actual == expected, f"clock {clock}, {offers}, older {older}: {actual} != {expected} (expected)"
        seen["both"] += all(offers.values()) and any(ready)
        model.step(offers["registers"], offers["queue"], older)
        for place, name in enumerate(REQUESTERS):
            clocks[name] += 1
            seen[f"{name} done"] += done[place]
            seen["4 clocks"] += bool(done[place] and clocks[name] <= 4)
            if offers[name] is not None and ready[place]:
                offers[name], clocks[name] = None, 0
            if offers[name] is None and values.rng.random() < offering:
                offers[name] = values.command(1.0)
        older = int(values.rng.random() < remaining)
        drive(dut, offers, older)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    values, seen = Values(Random(SEED)), Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for offering, remaining in PHASES:
        await run_phase(dut, values, seen, offering, remaining)
    assert_seen(seen, {"registers done": 100, "queue done": 100, "both": 50, "4 clocks": 50})
