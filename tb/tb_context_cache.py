"""ContextCache in lockstep with its model: every output, every clock."""

from collections import Counter

import cocotb
from cocotb.triggers import RisingEdge

from model.cycle.context_cache import ContextCache, Fill, Inputs
from model.cycle.request import Context
from rtl.request import context_layout, invalidation_layout
from tb.bits import pack
from tb.block import CONFIG, assert_seen, reset
from tb.caches import PHASE_CLOCKS, Values, play_phases

INVALIDATION = invalidation_layout(CONFIG)
CONTEXT = context_layout(CONFIG)
HOST_PAGES = CONFIG.haw - 12


def drive(dut, inputs: Inputs, noise: int) -> None:
    """Drive a clock; what a look-up or a fill without `valid` carries is noise."""
    dut.lookup.value = noise if inputs.lookup is None else inputs.lookup
    fill = inputs.fill or Fill(noise, Context(pass_through=1))
    payload = pack(CONTEXT, fill.context) << 16 | fill.source_id
    dut.fill.value = payload << 1 | (inputs.fill is not None)
    dut.invalidate.value = pack(INVALIDATION, inputs.invalidate)


def draw(values: Values, filling: float, invalidating: float) -> Inputs:
    rng = values.rng
    lookup = values.source_id() if rng.random() < 0.9 else None
    command, fill = values.command(invalidating), None
    if rng.random() < (max(0.5, filling) if command else filling):
        context = Context(
            values.domain_id(), rng.getrandbits(1), rng.getrandbits(1), rng.getrandbits(3), rng.getrandbits(HOST_PAGES)
        )
        # Often what is looked up in the same clock; otherwise also one of very many, so that victims go round.
        fill = Fill(lookup if lookup is not None and rng.random() < 0.3 else values.any_source_id(), context)
    return Inputs(lookup, fill, command)


def count(seen: Counter, model: ContextCache, before: list, victim: int, inputs: Inputs) -> None:
    """Count what must not be missing from a run."""
    command = inputs.invalidate
    dropped = sum(old is not None and new is None for old, new in zip(before, model.entries, strict=True))
    seen["invalidated"] += dropped
    seen["spared"] += bool(command and (command.context_domain or command.context_device) and any(model.entries))
    seen["dropped fill"] += bool(inputs.fill and model.entries == before)
    seen["wrap"] += model.victim < victim
    seen["replaced"] += bool(model.victim != victim and before[victim])
    seen["same source-id"] += bool(inputs.fill and model.victim == victim and model.entries != before and not dropped)


async def run_phase(dut, values: Values, seen: Counter, filling: float, invalidating: float) -> None:
    model, inputs = ContextCache(CONFIG), Inputs()
    asked = False  # whether the answer of this clock was asked for
    drive(dut, inputs, 0)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        before, victim = model.entries[:], model.victim
        outputs = model.step(inputs)
        found = outputs.context
        actual = int(dut.hit.value), int(dut.context.value) if found else 0
        expected = int(found is not None), pack(CONTEXT, found)
        if asked:
            assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
            seen["hit" if expected[0] else "miss"] += 1
        asked = inputs.lookup is not None
        count(seen, model, before, victim, inputs)
        inputs = draw(values, filling, invalidating)
        drive(dut, inputs, values.source_id())


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    seen = await play_phases(dut, run_phase)
    assert_seen(
        seen,
        {
            "hit": 200,
            "miss": 200,
            "invalidated": 100,
            "spared": 50,
            "dropped fill": 50,
            "wrap": 5,
            "replaced": 50,
            "same source-id": 50,
        },
    )
