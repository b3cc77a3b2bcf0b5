"""Iotlb in lockstep with its model: every output, every clock."""

from collections import Counter

import cocotb
from cocotb.triggers import RisingEdge

from model.cycle.iotlb import Fill, Inputs, Iotlb
from model.cycle.request import Translation
from rtl.request import invalidation_layout, translation_layout
from tb.bits import pack
from tb.block import CONFIG, assert_seen, reset
from tb.caches import PHASE_CLOCKS, Values, meets_interrupts, play_phases

INVALIDATION = invalidation_layout(CONFIG)
TRANSLATION = translation_layout(CONFIG)
HOST_PAGES = CONFIG.haw - 12


def drive(dut, inputs: Inputs, noise: tuple[int, int]) -> None:
    """Drive a clock; what a look-up or a fill without `valid` carries is noise."""
    source_id, page = inputs.lookup or noise
    dut.lookup.value = page << 16 | source_id
    fill = inputs.fill or Fill(*noise, Translation(level=1, read=1))
    payload = (pack(TRANSLATION, fill.translation) << 52 | fill.page) << 16 | fill.source_id
    dut.fill.value = payload << 1 | (inputs.fill is not None)
    dut.invalidate.value = pack(INVALIDATION, inputs.invalidate)


def draw(values: Values, filling: float, invalidating: float) -> Inputs:
    rng = values.rng
    lookup = (values.source_id(), values.page()) if rng.random() < 0.9 else None
    command, fill = values.command(invalidating), None
    if rng.random() < (max(0.5, filling) if command else filling):
        translation = Translation(
            values.domain_id(),
            rng.getrandbits(1),
            rng.choice((1, 1, 1, 2, 3)),
            rng.choice((rng.getrandbits(HOST_PAGES), 0xFEE00 ^ 1 << rng.randrange(HOST_PAGES))),
            rng.getrandbits(1),
            rng.getrandbits(1),
        )
        # Most often what is looked up in the same clock, too.
        source_id, page = lookup if lookup and rng.random() < 0.5 else (values.source_id(), values.page())
        fill = Fill(source_id, page % (1 << CONFIG.mgaw - 12), translation)
    return Inputs(lookup, fill, command)


def count(seen: Counter, model: Iotlb, before: list, victim: int, inputs: Inputs) -> None:
    """Count what must not be missing from a run."""
    dropped = sum(old is not None and new is None for old, new in zip(before, model.entries, strict=True))
    seen["invalidated"] += dropped
    seen["spared"] += bool(inputs.invalidate and inputs.invalidate.iotlb_page and any(model.entries))
    seen["dropped fill"] += bool(inputs.fill and model.victim == victim)
    seen["wrap"] += model.victim < victim
    seen["replaced"] += bool(model.victim != victim and before[victim])


async def run_phase(dut, values: Values, seen: Counter, filling: float, invalidating: float) -> None:
    model, inputs = Iotlb(CONFIG), Inputs()
    asked = False  # whether the answer of this clock was asked for
    drive(dut, inputs, (0, 0))
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        before, victim = model.entries[:], model.victim
        outputs = model.step(inputs)
        found = outputs.translation
        actual = int(dut.hit.value), *((int(dut.translation.value), int(dut.meets_interrupts.value)) if found else ())
        expected = int(found is not None), *((pack(TRANSLATION, found), meets_interrupts(found)) if found else ())
        if asked:
            assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
            seen["hit" if found else "miss"] += 1
            seen["interrupt range"] += bool(found and meets_interrupts(found))
        asked = inputs.lookup is not None
        count(seen, model, before, victim, inputs)
        inputs = draw(values, filling, invalidating)
        drive(dut, inputs, (values.source_id(), values.page()))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    seen = await play_phases(dut, run_phase)
    assert_seen(
        seen,
        {
            "hit": 200,
            "interrupt range": 20,
            "miss": 200,
            "invalidated": 100,
            "spared": 50,
            "dropped fill": 50,
            "wrap": 5,
            "replaced": 50,
        },
    )
