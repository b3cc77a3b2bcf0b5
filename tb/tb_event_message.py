"""EventMessage in lockstep with its model: every output, every clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.arch.registers import FECTL
from model.cycle.event_message import EventMessage, Inputs
from rtl.event_message import message_layout
from tb.bits import pack
from tb.block import SEED, assert_seen, log, reset, start_clock

MESSAGE = message_layout()
IP = FECTL["IP"].mask
PHASE_CLOCKS = 1500
PHASES = (0.1, 0.5, 0.9)  # likelihood that a message is taken


def drive(dut, inputs: Inputs) -> None:
    dut.write.value = 0 if inputs.mask is None else inputs.mask << 1 | 1
    for name in ("event", "withdraw", "address", "data"):
        getattr(dut, name).value = getattr(inputs, name)
    dut.message__ready.value = inputs.ready


def draw(rng: Random, ready: float) -> Inputs:
    return Inputs(
        mask=rng.getrandbits(1) if rng.random() < 0.2 else None,
        event=int(rng.random() < 0.4),
        withdraw=int(rng.random() < 0.2),
        address=rng.getrandbits(64),
        data=rng.getrandbits(32),
        ready=int(rng.random() < ready),
    )


def count(seen: Counter, model: EventMessage, inputs: Inputs) -> None:
    """Count what must not be missing from a run, before the model's step."""
    pending = model.control & IP
    on_offer = model.message is not None and not inputs.ready
    seen["taken"] += model.message is not None and inputs.ready
    seen["reported together"] += bool(on_offer and inputs.event)
    seen["masked on offer"] += bool(on_offer and inputs.mask)
    seen["withdrawn on offer"] += bool(on_offer and inputs.withdraw and not inputs.event)
    seen["withdrawn"] += bool(pending and inputs.withdraw and not inputs.event)
    seen["replaced"] += bool(pending and inputs.withdraw and inputs.event)
    seen["unmasked"] += bool(pending and inputs.mask == 0)


async def run_phase(dut, rng: Random, seen: Counter, ready: float) -> None:
    model, inputs = EventMessage(), Inputs()
    drive(dut, inputs)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        offered = int(dut.message__valid.value)
        actual = int(dut.control.value), int(dut.message__payload.value) if offered else None
        expected = model.control, None if model.message is None else pack(MESSAGE, model.message)
        assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
        count(seen, model, inputs)
        model.step(inputs)
        inputs = draw(rng, ready)
        drive(dut, inputs)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    start_clock(dut)
    for ready in PHASES:
        await run_phase(dut, rng, seen, ready)
    assert_seen(seen, {"taken": 100, "reported together": 100, "withdrawn": 50, "replaced": 50, "unmasked": 50})
    assert_seen(seen, {"masked on offer": 50, "withdrawn on offer": 50})
