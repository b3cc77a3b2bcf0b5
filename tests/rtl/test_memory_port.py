"""pytest entry points of MemoryPort: the lockstep runs, and what AXI sees."""

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from model.cycle.memory_port import (
    DescriptorReturned,
    DescriptorWrite,
    InterruptRead,
    MemoryPort,
    QueueRead,
    Returned,
    StatusWrite,
)
from rtl.memory_port import MemoryPort as MemoryPortRtl
from tests.rtl.bench import run_bench

CONFIGS = {
    "default": PRESETS["default"],
    "small": PRESETS["small"],
    "not snooped": UnitConfig(c=False, haw=52, walks=3, parked=6, interrupts=5),
    "no exclusive accesses": UnitConfig(exclusive=False),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_lockstep(config):
    results = run_bench(lambda: MemoryPortRtl(config=config), name="memory_port", config=config)
    assert results == (1, 0)


OFFERS = ("walks", "queue", "interrupt", "descriptor_read", "status_write", "descriptor_write")


def step(port, *, arready=0, r=None, awready=0, wready=0, b=None, **offers):
    port.step(*(offers.get(name) for name in OFFERS), arready, r, awready, wready, b)


def test_reads_as_axi_sees_them():
    port = MemoryPort(PRESETS["default"])
    step(port, walks=(0x1238, 0, 5), queue=QueueRead(0x4560, 7))
    assert port.ar == Address(id=5, addr=0x1238, len=0, size=3, burst=1, lock=0, cache=15, prot=0, qos=0)
    step(port, walks=(0x1240, 1, 15), queue=QueueRead(0x4560, 7), arready=1)
    assert port.ar == Address(id=15, addr=0x1240, size=4, cache=15)
    step(port, queue=QueueRead(0x4560, 7), arready=1)
    assert port.ar == Address(id=16 + 7, addr=0x4560, size=4, cache=15)
    step(port, interrupt=InterruptRead(0x4570, 6), arready=1)
    assert port.ar == Address(id=16 + 8 + 6, addr=0x4570, size=4, cache=15)
    step(port, descriptor_read=0x4580, arready=1)
    assert port.ar == Address(id=16 + 8 + 8, addr=0x4580, len=3, size=4, lock=1, cache=15)


def test_only_tables_may_be_read_without_snooping():
    """Digest 10.1."""
    port = MemoryPort(UnitConfig(c=False))
    caches = []
    for offer in (
        {"walks": (0, 0, 0)},
        {"interrupt": InterruptRead(0, 0)},
        {"queue": QueueRead(0, 0)},
        {"descriptor_read": 0},
    ):
        step(port, **offer, arready=1)
        caches.append(port.ar.cache)
    assert caches == [2, 2, 15, 15]


@pytest.mark.parametrize(("response", "error"), [(0, 0), (1, 0), (2, 1), (3, 1)])
@pytest.mark.parametrize(("id", "who", "tag"), [(0, 0, 0), (15, 0, 15), (16, 1, 0), (23, 1, 7), (24, 2, 0), (31, 2, 7)])
def test_what_comes_back_goes_to_who_asked(response, error, id, who, tag):
    port = MemoryPort(PRESETS["default"])
    step(port)
    step(port, r=ReadData(id, 1 << 127 | 5, response, 1))
    returned = [None, None, None]
    returned[who] = Returned(tag, 1 << 127 | 5, error)
    assert [port.walk_returned, port.queue_returned, port.interrupt_returned] == returned


def test_answers_of_descriptors_are_theirs_alone():
    port = MemoryPort(PRESETS["default"])
    r, b = ReadData(32, 5, 1, 0), WriteResponse(32, 1)
    assert (port.descriptor_returned(r), port.descriptor_written(b)) == (None, None)  # R and B are not ready yet
    step(port)
    assert port.descriptor_returned(r) == DescriptorReturned(0, 5, 1)
    assert port.descriptor_written(b) == 1
    step(port, r=r, b=b)
    assert (port.walk_returned, port.queue_returned, port.interrupt_returned, port.status_written) == (
        None,
        None,
        None,
        0,
    )
    assert (port.descriptor_returned(r._replace(id=31)), port.descriptor_written(b._replace(id=0))) == (None, None)
    step(port, b=b._replace(id=0))
    assert port.status_written == 1


@pytest.mark.parametrize(("address", "strobes"), [(0x0, 0xF), (0x4, 0xF0), (0x8, 0xF00), (0x3C, 0xF000)])
def test_status_write_is_one_dword(address, strobes):
    port = MemoryPort(UnitConfig(c=False))
    step(port, status_write=StatusWrite(address, 0x1234_5678))
    assert port.aw == Address(id=0, addr=address, len=0, size=2, burst=1, cache=15)
    assert port.w == WriteData(0x12345678_12345678_12345678_12345678, strobes, 1)


@pytest.mark.parametrize("exclusive", [True, False])
def test_descriptor_write_is_one_burst(exclusive):
    port = MemoryPort(UnitConfig(exclusive=exclusive))
    status = StatusWrite(0, 1)
    beats = [DescriptorWrite(0x40, 7 + place, int(place == 3)) for place in range(4)]
    data = []
    for beat in beats:
        assert port.writes_ready(True, 1, 1) == (0, 1)
        step(port, status_write=status, descriptor_write=beat, awready=int(bool(data)), wready=1)
        data.append(port.w)
        if len(data) == 1:
            assert port.aw == Address(id=32, addr=0x40, len=3, size=4, lock=int(exclusive), cache=15)
    assert data == [WriteData(7 + place, 0xFFFF, int(place == 3)) for place in range(4)]
    assert port.writes_ready(False, 1, 1) == (1, 1)
    step(port, status_write=status, awready=1, wready=1)
    assert (port.aw.id, port.w.strb) == (0, 0xF)


def test_no_status_write_between_beats():
    """Also while the next beat is not there yet."""
    port = MemoryPort(PRESETS["default"])
    step(port, descriptor_write=DescriptorWrite(0x40, 1, 0), awready=1, wready=1)
    assert port.writes_ready(False, 1, 1) == (0, 1)
