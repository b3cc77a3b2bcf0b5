"""pytest entry points of MemoryPort: the lockstep runs, and what AXI sees."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from model.cycle.axi.ports import Address, ReadData, WriteData
from model.cycle.memory_port import MemoryPort, QueueRead, Returned, StatusWrite
from rtl.memory_port import MemoryPort as MemoryPortRtl
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "not snooped": UnitConfig(c=False, haw=52, walks=3, parked=6),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: MemoryPortRtl(config=config), name="memory_port", config=config, simulator="icarus")
    assert results == (1, 0)


def step(port, *, walks=None, queue=None, status_write=None, arready=0, r=None, awready=0, wready=0, b=None):
    port.step(walks, queue, status_write, arready, r, awready, wready, b)


def test_reads_of_walks_and_queue_as_axi_sees_them():
    port = MemoryPort(PRESETS["default"])
    step(port, walks=(0x1238, 0, 5), queue=QueueRead(0x4560, 7))
    assert port.ar == Address(id=5, addr=0x1238, len=0, size=3, burst=1, lock=0, cache=15, prot=0, qos=0)
    step(port, walks=(0x1240, 1, 15), queue=QueueRead(0x4560, 7), arready=1)
    assert port.ar == Address(id=15, addr=0x1240, size=4, cache=15)
    step(port, queue=QueueRead(0x4560, 7), arready=1)
    assert port.ar == Address(id=16 + 7, addr=0x4560, size=4, cache=15)


@pytest.mark.parametrize(("response", "error"), [(0, 0), (1, 0), (2, 1), (3, 1)])
@pytest.mark.parametrize(("id", "of_queue"), [(0, False), (15, False), (16, True), (23, True)])
def test_what_comes_back_goes_to_who_asked(response, error, id, of_queue):
    port = MemoryPort(PRESETS["default"])
    step(port)
    step(port, r=ReadData(id, 1 << 127 | 5, response, 1))
    returned = Returned(id % 16, 1 << 127 | 5, error)
    assert (port.walk_returned, port.queue_returned) == ((None, returned) if of_queue else (returned, None))


@pytest.mark.parametrize(("address", "strobes"), [(0x0, 0xF), (0x4, 0xF0), (0x8, 0xF00), (0x3C, 0xF000)])
def test_status_write_is_one_dword(address, strobes):
    port = MemoryPort(UnitConfig(c=False))
    step(port, status_write=StatusWrite(address, 0x1234_5678))
    assert port.aw == Address(id=0, addr=address, len=0, size=2, burst=1, cache=2)
    assert port.w == WriteData(0x12345678_12345678_12345678_12345678, strobes, 1)
