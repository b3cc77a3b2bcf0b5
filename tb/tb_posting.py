"""Poster and memory port against software that shares the descriptors, in lockstep with their models."""

from collections import Counter

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from model.cycle.memory_port import Returned
from model.cycle.poster import Posted
from rtl.memory_port import interrupt_read_layout, returned_layout, status_write_layout
from rtl.poster import post_layout, posted_layout
from tb.bits import pack, unpack
from tb.block import CONFIG, SEED, assert_seen, log, reset
from tb.posting_world import Inputs, Outputs, PairModel, PostingWorld

POSTED, RETURNED = posted_layout(), returned_layout(CONFIG.interrupts)
STREAMS = {
    "post": post_layout(CONFIG),
    "interrupts": interrupt_read_layout(CONFIG),
    "status_write": status_write_layout(CONFIG),
}
# Greatest latency, likelihood of a stall, activity of software, interrupts, EIME. Each after a reset.
PHASES = ((2, 0.0, 0.5, 120, 1), (6, 0.3, 0.2, 60, 0), (40, 0.1, 0.02, 15, 1))
CLOCKS = 50_000


def drive(dut, inputs: Inputs) -> None:
    """Drive a clock; what comes with a valid of 0 is noise."""
    for (name, layout), value in zip(STREAMS.items(), inputs, strict=False):
        getattr(dut, f"{name}__valid").value = value is not None
        getattr(dut, f"{name}__payload").value = pack(layout, value)
    for name in ("arready", "awready", "wready"):
        getattr(dut, f"m_axi_mem__{name}").value = getattr(inputs, name)
    idle = {"r": ReadData(0, 0, 3, 1), "b": WriteResponse(0, 3)}
    for channel, noise in idle.items():
        answer = getattr(inputs, channel)
        getattr(dut, f"m_axi_mem__{channel}valid").value = answer is not None
        for field, value in (answer or noise)._asdict().items():
            getattr(dut, f"m_axi_mem__{channel}{field}").value = value


def struct_of(signal, layout, kind):
    """Return what a signal with `valid` shows, None when it is not valid."""
    fields = unpack(layout, int(signal.value))
    return kind(**{name: fields[name] for name in kind._fields}) if fields["valid"] else None


def channel_of(dut, name: str, kind):
    if not int(getattr(dut, f"m_axi_mem__{name}valid").value):
        return None
    return kind(*(int(getattr(dut, f"m_axi_mem__{name}{field}").value) for field in kind._fields))


def shown_by(dut) -> Outputs:
    posted = struct_of(dut.posted, POSTED, Posted)
    return Outputs(
        int(dut.post__ready.value),
        posted if posted is None or posted.notify else Posted(posted.fault_reason, 0, 0, 0),
        int(dut.interrupts__ready.value),
        struct_of(dut.interrupt_returned, RETURNED, Returned),
        int(dut.status_write__ready.value),
        int(dut.status_written.value),
        channel_of(dut, "aw", Address),
        channel_of(dut, "w", WriteData),
        int(dut.m_axi_mem__bready.value),
        channel_of(dut, "ar", Address),
        int(dut.m_axi_mem__rready.value),
    )


def of_model(outputs: Outputs) -> Outputs:
    posted = outputs.posted
    if posted is None or posted.notify:
        return outputs
    return outputs._replace(posted=Posted(posted.fault_reason, 0, 0, 0))


async def run_phase(dut, number: int, phase: tuple, seen: Counter) -> None:
    latency, stall, activity, posts, extended = phase
    seed = f"{SEED} {number}"
    world, model = PostingWorld(CONFIG, seed, posts=posts, activity=activity, extended=extended), PairModel(CONFIG)
    world.memory.latency = lambda: world.rng.randint(1, latency)
    world.memory.stall = stall
    world.memory.order = "random"
    drive(dut, Inputs())
    await reset(dut)
    await RisingEdge(dut.clk)
    model.step(Inputs())
    while not world.done:
        inputs = world.inputs()
        drive(dut, inputs)
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual, expected = shown_by(dut), of_model(model.step(inputs))
        assert actual == expected, f"clock {world.now}, {inputs}: {actual} != {expected} (expected)"
        world.take(inputs, actual)
        seen["lost races"] += model.poster.lost > 0 and actual.posted is not None
        assert world.now < CLOCKS, f"only {seen}"
    seen.update(world.finish())


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def software_loses_nothing(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    seen = Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for number, phase in enumerate(PHASES):
        await run_phase(dut, number, phase, seen)
    assert seen["posted"] == sum(phase[3] for phase in PHASES)
    wanted = {"notified": 50, "moved": 100, "suspended": 30, "lost races": 1, "urgent though suppressed": 3}
    assert_seen(seen, wanted | {"IRTEs read": 200, "status writes": 200})


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def clocks_of_a_posting(dut):
    """AR one clock after `post`, AW and W one after the last beat, `posted` after 2 L + 9, and the next one then."""
    Clock(dut.clk, 10, unit="ns").start()
    for latency in (1, 5, 50):
        world = PostingWorld(CONFIG, SEED, posts=4, activity=0.0, traffic=0.0, pace=1.0)
        world.memory.latency = latency
        accepted = []
        drive(dut, Inputs())
        await reset(dut)
        await RisingEdge(dut.clk)
        while len(accepted) < 4:
            inputs = world.inputs()
            drive(dut, inputs)
            await RisingEdge(dut.clk)
            outputs = shown_by(dut)
            since = world.now - accepted[-1] if accepted else None
            assert (outputs.ar is not None) == (since == 1)
            assert (outputs.aw is not None) == (since == latency + 5)
            assert (outputs.posted is not None) == (since == 2 * latency + 9)
            if inputs.post is not None and outputs.post_ready:
                accepted.append(world.now)
            world.take(inputs, outputs)
