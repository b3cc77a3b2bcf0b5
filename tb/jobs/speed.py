"""Job "speed": how fast a simulator is in lockstep, and alone on the same inputs. Seconds, so of this machine only."""

import time
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from tb.axi_device import Transfer
from tb.jobs.bench import DEVICES, IOVA, PAGE, Steps, World
from tb.players import Played
from tb.testbench import Script, Testbench

__all__ = ["run"]

CLOCKS = 30_000
OUTSTANDING = 24

Player = Callable[[Testbench, Script], Awaitable[Played]]


async def run(bench_factory: Callable[[int], Testbench], job: dict[str, Any], player: Player) -> dict[str, Any]:
    """Return clocks per second: {"lockstep", "bare", "clocks"}."""
    bench = bench_factory(1)
    inputs: list[Any] = []
    clock = bench.clock

    def recorded(outputs: Any) -> Any:
        inputs.append(clock(outputs))
        return inputs[-1]

    bench.clock = recorded  # type: ignore[method-assign]
    begun = time.perf_counter()
    played = await player(bench, _traffic)
    lockstep = played.clocks / (time.perf_counter() - begun)
    return {"lockstep": lockstep, "bare": await _bare(bench, inputs), "clocks": played.clocks}


def _traffic(bench: Testbench) -> Steps:
    """Reads and writes of eight devices, mostly hits, with a miss now and then."""
    world = World(bench)
    bench.tables.latency = 20
    yield from world.start()
    rng, numbers = bench.rng, count()
    while bench.now < CLOCKS:
        while bench.device.outstanding < OUTSTANDING:
            page = rng.randrange(8) if rng.random() < 0.97 else rng.randrange(2 * world.pages)
            address = IOVA + page * PAGE + rng.randrange(64) * 64
            transfer = Transfer(rng.random() < 0.5, rng.choice(DEVICES), address, id=next(numbers) % 16, beats=8)
            bench.device.submit(transfer)
        yield


async def _bare(bench: Testbench, inputs: list[Any]) -> float:
    """Give the same inputs again, to nobody's interest."""
    import cocotb
    from cocotb.triggers import RisingEdge

    from model.cycle.unit import Inputs
    from tb.signals import Signals

    pack = Signals(bench.config).input_vector(Inputs._fields).pack
    vectors = list(map(pack, inputs))
    dut: Any = cocotb.top
    edge = RisingEdge(dut.aclk)
    begun = time.perf_counter()
    for vector in vectors:
        await edge
        dut.inputs.value = vector
    return len(vectors) / (time.perf_counter() - begun)
