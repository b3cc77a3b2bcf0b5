"""GlobalCommand in lockstep with its model: every output, every clock; and what software is promised."""

from collections import Counter
from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.arch.registers import GCMD, GSTS
from model.cycle.global_command import GlobalCommand, Inputs
from tb.block import CONFIG, SEED, assert_seen, log, reset, start_clock

CONTROLS = tuple(GCMD[name].mask for name in ("TE", "SRTP", "QIE", "IRE", "SIRTP", "CFI", "WBF"))
LEVELS = GCMD["TE"].mask | (GCMD["QIE"].mask if CONFIG.qi else 0)
LEVELS |= GCMD["IRE"].mask | GCMD["CFI"].mask if CONFIG.ir else 0
ONE_SHOTS = GCMD["SRTP"].mask | (GCMD["SIRTP"].mask if CONFIG.ir else 0)

ENABLES = ("translation_enable", "interrupt_remapping_enable", "compatibility_enable")

PHASE_CLOCKS, SILENCE = 1500, 150
# Likelihoods in a clock: of a write, of ready and done. Each phase begins with a reset.
PHASES = ((0.02, 0.2), (0.02, 1.0), (0.2, 0.2), (0.2, 1.0), (0.7, 0.2), (0.7, 1.0))


def drive(dut, inputs: Inputs, noise: int) -> None:
    """Drive a clock; what is not written is noise."""
    write = noise << 1 if inputs.write is None else inputs.write << 1 | 1
    dut.write.value = write
    dut.drain__ready.value = inputs.drain_ready
    dut.drain_done.value = inputs.drain_done


def sample(dut) -> tuple[int, ...]:
    offered, drain = int(dut.drain__valid.value), int(dut.drain__payload.value)
    return (
        int(dut.status.value),
        tuple(int(getattr(dut, name).value) for name in ENABLES),
        (drain & 1, drain >> 1) if offered else None,
        int(dut.latch_root_table.value),
        int(dut.latch_queue.value),
        int(dut.latch_interrupt_table.value),
    )


class Software:
    """Writes GCMD in the style of drivers, one control at a time, or any bits, at any time or when all is done."""

    def __init__(self, rng: Random, often: float) -> None:
        self.rng = rng
        self.often = often
        self.written = 0

    def draw(self) -> int | None:
        """Return what is written in this clock."""
        if self.rng.random() >= self.often:
            return None
        if self.rng.random() < 0.3:
            self.written = self.rng.getrandbits(32)
        else:
            self.written = self.written & LEVELS ^ self.rng.choice(CONTROLS)
        return self.written


class DrainEngine:
    """Accepts a drain when it likes, and is done with it when it likes."""

    def __init__(self, rng: Random, quick: float) -> None:
        self.rng = rng
        self.quick = quick
        self.accepted = 0

    def draw(self) -> tuple[int, int]:
        """Return ready and done; done only for a drain that was accepted."""
        ready = int(self.rng.random() < self.quick)
        done = int(self.accepted and self.rng.random() < self.quick)
        self.accepted -= done
        return ready, done


async def run_phase(dut, rng: Random, seen: Counter, often: float, quick: float) -> None:
    model, inputs = GlobalCommand(CONFIG), Inputs()
    software, engine = Software(rng, often), DrainEngine(rng, quick)
    drive(dut, inputs, rng.getrandbits(32))
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual = sample(dut)
        before = model.status, tuple(getattr(model, name) for name in ENABLES), model.drain
        latches = model.step(inputs)
        expected = *before, *latches
        assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
        accepted = actual[2] is not None and inputs.drain_ready
        engine.accepted += accepted
        seen["writes"] += inputs.write is not None
        seen["drains"] += accepted
        seen[f"drain {actual[2]}"] += bool(accepted)
        for name, latched in zip(("root_tables", "queues", "interrupt_tables"), latches, strict=True):
            seen[name] += latched
        inputs = Inputs(software.draw() if clock < PHASE_CLOCKS - SILENCE else None, *engine.draw())
        drive(dut, inputs, rng.getrandbits(32))
    assert model.status & ~ONE_SHOTS == software.written & LEVELS
    for enable, status in zip(ENABLES, ("TES", "IRES", "CFIS"), strict=True):
        assert getattr(model, enable) == bool(model.status & GSTS[status].mask)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    """And when software falls silent everything gets done, with the levels of the newest write."""
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    start_clock(dut)
    for often, quick in PHASES:
        await run_phase(dut, rng, seen, often, quick)
    assert_seen(seen, {"writes": 500, "drains": 50, "root_tables": 20})
    assert_seen(seen, {"queues": 20 * CONFIG.qi, "interrupt_tables": 20 * CONFIG.ir})
    assert bool(seen["drain (1, 0)"]) == CONFIG.esrtps
    assert bool(seen["drain (0, 1)"]) == (CONFIG.ir and CONFIG.esirtps)
    assert bool(seen["queues"]) == CONFIG.qi and bool(seen["interrupt_tables"]) == CONFIG.ir


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def one_shot_is_never_lost(dut):
    """SRTP and SIRTP in any clock around another command: the table is taken after the write, and said so."""
    start_clock(dut)
    await reset(dut)
    for gap in range(25):
        last = {"root": -1, "interrupt": -1}
        engine = DrainEngine(Random(gap), 1.0)
        for clock in range(80):
            write = {0: ONE_SHOTS, gap: ONE_SHOTS | GCMD["CFI"].mask, gap + 1: GCMD["CFI"].mask}.get(clock)
            ready, done = engine.draw()
            drive(dut, Inputs(write, ready, done), 0)
            await RisingEdge(dut.clk)
            engine.accepted += int(dut.drain__valid.value) and ready
            if int(dut.latch_root_table.value):
                last["root"] = clock
            if int(dut.latch_interrupt_table.value):
                last["interrupt"] = clock
            # From the second write on, the status tells of nothing older.
            if clock > gap and last["root"] <= gap:
                assert not int(dut.status.value) & GSTS["RTPS"].mask
            if clock > gap and last["interrupt"] <= gap:
                assert not int(dut.status.value) & GSTS["IRTPS"].mask
        assert last["root"] > gap, f"gap {gap}: {last}"
        assert not CONFIG.ir or last["interrupt"] > gap, f"gap {gap}: {last}"
        assert int(dut.status.value) & ONE_SHOTS == ONE_SHOTS, f"gap {gap}"


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def command_without_drain_takes_three_clocks(dut):
    drive(dut, Inputs(), 0)
    start_clock(dut)
    await reset(dut)
    level = GCMD["QIE"].mask if CONFIG.qi else 0
    drive(dut, Inputs(level), 0)
    await RisingEdge(dut.clk)
    drive(dut, Inputs(), 0)
    for _ in range(2):
        await RisingEdge(dut.clk)
        assert int(dut.status.value) == 0
    await RisingEdge(dut.clk)
    assert int(dut.status.value) == level


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def controls_take_effect_from_bit_31_down(dut):
    """All written at once, on, then the levels off: what is in force changes first, the status with the drain."""
    on = ["translation_enable", "TES", "latch_root_table", "RTPS", "latch_queue", "QIES"]
    on += ["interrupt_remapping_enable", "IRES", "latch_interrupt_table", "IRTPS", "compatibility_enable", "CFIS"]
    levels = [name for name in on if name.endswith("enable")] + ["TES", "QIES", "IRES", "CFIS"]
    absent = set() if CONFIG.qi else {"latch_queue", "QIES"}
    absent |= set() if CONFIG.ir else {*on[6:]}
    start_clock(dut)
    await reset(dut)
    engine, before = DrainEngine(Random(SEED), 0.3), observed(dut)
    # The one-shots' status stays from the first command to the second.
    for write, expected in ((LEVELS | ONE_SHOTS, on), (0, [name for name in on if name in levels])):
        changes = []
        for clock in range(150):
            ready, done = engine.draw()
            drive(dut, Inputs(write if not clock else None, ready, done), 0)
            await RisingEdge(dut.clk)
            engine.accepted += int(dut.drain__valid.value) and ready
            now = observed(dut)
            changes += sorted(name for name in now if now[name] != before[name] and (name in levels or now[name]))
            before = now
        assert changes == [name for name in expected if name not in absent]


def observed(dut) -> dict[str, int]:
    """Return outputs that change once for each control: enables, latches, and bits of the status."""
    status = int(dut.status.value)
    latches = ("latch_root_table", "latch_queue", "latch_interrupt_table")
    shown = {name: int(getattr(dut, name).value) for name in (*ENABLES, *latches)}
    return shown | {name: GSTS[name].of(status) for name in ("TES", "RTPS", "QIES", "IRES", "IRTPS", "CFIS")}
