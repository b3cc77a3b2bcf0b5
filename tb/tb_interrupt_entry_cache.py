"""InterruptEntryCache in lockstep with its model: every output, every clock."""

from collections import Counter, deque

import cocotb
from cocotb.triggers import RisingEdge

from model.cycle.interrupt_entry_cache import Fill, Inputs, InterruptEntryCache
from rtl.request import invalidation_layout
from tb.bits import pack
from tb.block import CONFIG, assert_seen, reset
from tb.caches import PHASE_CLOCKS, Values, play_phases

INVALIDATION = invalidation_layout(CONFIG)


def drive(dut, inputs: Inputs, noise: int) -> None:
    """Drive a clock; what a look-up or a fill without `valid` carries is noise."""
    dut.lookup.value = noise if inputs.lookup is None else inputs.lookup
    fill = inputs.fill or Fill(noise, 1)
    dut.fill.value = fill.irte << 17 | fill.index << 1 | (inputs.fill is not None)
    dut.invalidate.value = pack(INVALIDATION, inputs.invalidate)


def draw(values: Values, filling: float, invalidating: float) -> Inputs:
    rng = values.rng
    lookup = values.interrupt_index() if rng.random() < 0.9 else None
    command, fill = values.command(invalidating), None
    if rng.random() < (max(0.5, filling) if command else filling):
        # Often what is looked up in the same clock; otherwise also one of very many, so that victims go round.
        same = lookup is not None and rng.random() < 0.3
        index = lookup if same else rng.choice((rng.getrandbits(16), values.interrupt_index()))
        fill = Fill(index, rng.getrandbits(128))
    return Inputs(lookup, fill, command)


def count(seen: Counter, model: InterruptEntryCache, before: list, victim: int, inputs: Inputs) -> None:
    """Count what must not be missing from a run."""
    command = inputs.invalidate
    dropped = sum(old is not None and new is None for old, new in zip(before, model.entries, strict=True))
    seen["invalidated"] += dropped
    seen["spared"] += bool(command and command.iec_index and not command.iec_global and any(model.entries))
    seen["dropped fill"] += bool(inputs.fill and model.entries == before)
    seen["fill beside a command for others"] += bool(inputs.fill and command and model.entries != before)
    seen["wrap"] += model.victim < victim
    seen["replaced"] += bool(model.victim != victim and before[victim])
    seen["same index"] += bool(inputs.fill and model.victim == victim and model.entries != before and not dropped)


async def run_phase(dut, values: Values, seen: Counter, filling: float, invalidating: float) -> None:
    model, inputs = InterruptEntryCache(CONFIG), Inputs()
    asked = deque([False, False], maxlen=2)  # whether the answers of this clock and the next were asked for
    drive(dut, inputs, 0)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        before, victim = model.entries[:], model.victim
        outputs = model.step(inputs)
        actual = int(dut.hit.value), int(dut.irte.value) if dut.hit.value else 0
        expected = int(outputs.irte is not None), outputs.irte or 0
        if asked[0]:
            assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
            seen["hit" if expected[0] else "miss"] += 1
        asked.append(inputs.lookup is not None)
        count(seen, model, before, victim, inputs)
        inputs = draw(values, filling, invalidating)
        drive(dut, inputs, values.interrupt_index())


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
            "fill beside a command for others": 50,
            "wrap": 5,
            "replaced": 50,
            "same index": 50,
        },
    )
