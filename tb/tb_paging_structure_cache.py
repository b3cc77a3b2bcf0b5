"""PagingStructureCache in lockstep with its model: every output, every clock."""

from collections import Counter

import cocotb
from cocotb.triggers import RisingEdge

from model.cycle.paging_structure_cache import Fill, Inputs, PagingStructureCache
from model.cycle.request import Table
from rtl.paging_structure_cache import table_layout
from rtl.request import invalidation_layout
from tb.bits import pack
from tb.block import CONFIG, assert_seen, reset
from tb.caches import PHASE_CLOCKS, Values, play_phases

INVALIDATION = invalidation_layout(CONFIG)
TABLE = table_layout(CONFIG)
DOMAIN_ID_BITS = CONFIG.domain_id_bits
HOST_PAGES = CONFIG.haw - 12


def drive(dut, inputs: Inputs, noise: tuple[int, int]) -> None:
    """Drive a clock; what a look-up or a fill without `valid` carries is noise."""
    domain_id, page = inputs.lookup or noise
    dut.lookup.value = page << DOMAIN_ID_BITS | domain_id
    domain_id, page = inputs.later or noise
    fill = inputs.fill or Fill(noise[0], page, Table(level=1, read=1))
    dut.later_domain_id.value = domain_id
    payload = (pack(TABLE, fill.table) << 52 | fill.page) << DOMAIN_ID_BITS | fill.domain_id
    dut.fill.value = payload << 1 | (inputs.fill is not None)
    dut.invalidate.value = pack(INVALIDATION, inputs.invalidate)


def draw(values: Values, filling: float, invalidating: float) -> Inputs:
    rng = values.rng
    lookup = (values.domain_id(), values.page()) if rng.random() < 0.9 else None
    command, fill = values.command(invalidating), None
    if rng.random() < (max(0.5, filling) if command else filling):
        table = Table(rng.randint(1, 4), rng.getrandbits(HOST_PAGES), rng.getrandbits(1), rng.getrandbits(1))
        # Often what is looked up in the same clock, too.
        domain_id, page = lookup if lookup and rng.random() < 0.3 else (values.domain_id(), values.page())
        fill = Fill(domain_id, page, table)
    later = (values.domain_id(), values.page()) if fill is None and rng.random() < 0.5 else None
    return Inputs(lookup, fill, command, later)


def count(seen: Counter, model: PagingStructureCache, before: list, victim: int, inputs: Inputs) -> None:
    """Count what must not be missing from a run."""
    command = inputs.invalidate
    dropped = sum(old is not None and new is None for old, new in zip(before, model.entries, strict=True))
    seen["invalidated"] += dropped
    seen["spared"] += bool(command and (command.iotlb_domain or command.iotlb_page) and any(model.entries))
    seen["tables kept"] += bool(command and command.iotlb_page and command.keep_tables and not command.iotlb_global)
    seen["dropped fill"] += bool(inputs.fill and model.entries == before)
    seen["wrap"] += model.victim < victim
    seen["replaced"] += bool(model.victim != victim and before[victim])
    seen["same table"] += bool(inputs.fill and model.victim == victim and model.entries != before and not dropped)


async def run_phase(dut, values: Values, seen: Counter, filling: float, invalidating: float) -> None:
    model, inputs, asked_before = PagingStructureCache(CONFIG), Inputs(), None
    drive(dut, inputs, (0, 0))
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        before, victim = model.entries[:], model.victim
        outputs = model.step(inputs)
        for what, asked, hit, found in (
            ("", inputs.lookup, dut.hit, dut.found),
            ("later ", asked_before, dut.later_hit, dut.later_found),
        ):
            if asked is not None:
                table = outputs.later if what else outputs.found
                actual = int(hit.value), int(found.value) if table else 0
                expected = int(table is not None), pack(TABLE, table)
                assert actual == expected, f"clock {clock}, {what}{inputs}: {actual} != {expected} (expected)"
                seen[what + (f"level {table.level}" if table else "miss")] += 1
        asked_before = inputs.later
        count(seen, model, before, victim, inputs)
        inputs = draw(values, filling, invalidating)
        drive(dut, inputs, (values.domain_id(), values.page()))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    seen = await play_phases(dut, run_phase)
    levels = {f"{what}level {level}": 100 for what in ("", "later ") for level in range(1, 5)}
    assert_seen(
        seen,
        levels
        | {
            "miss": 200,
            "later miss": 200,
            "invalidated": 100,
            "spared": 50,
            "tables kept": 50,
            "dropped fill": 20,
            "wrap": 5,
            "replaced": 50,
            "same table": 50,
        },
    )
