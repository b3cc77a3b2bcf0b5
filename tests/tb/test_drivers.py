"""The drivers themselves: AxiDevice straight on AxiMemory, with no unit between them, in random bursts."""

import random
from contextlib import nullcontext

import pytest

from model.arch import UnitConfig
from model.arch.axi import Burst
from model.cycle.axi.ports import Address, LiteRead, ReadData, WriteData, WriteResponse
from model.cycle.request import Request
from rtl.request import request_layout
from tb.axi_device import AxiDevice, Transfer
from tb.axi_lite_master import AxiLiteMaster, RegisterAccess
from tb.axi_memory import Accepted, AxiMemory, Written, beat_addresses, pattern
from tb.check import CheckFailed
from tb.memory import Memory
from tb.signals import CORE_REQUEST, Signals, wrapper_verilog

CONFIG = UnitConfig()


class BackToBack:
    """A device wired to a memory: what one drives in a clock, the other sees in the same clock."""

    def __init__(self, seed, memory=None, config=CONFIG):
        self.device = AxiDevice(config, random.Random(seed))
        self.memory = AxiMemory(config.data_bits // 8, random.Random(seed + 1), memory)
        self.now = 0

    def clock(self):
        aw, w, bready, ar, rready, _core = self.device.give(self.now)
        given = self.memory.give(self.now)
        aw, ar = (address and Address(*address[:9]) for address in (aw, ar))
        self.device.take(self.now, *given)
        self.memory.take(self.now, aw, w, bready, ar, rready)
        self.now += 1

    def finish(self, limit=100_000):
        while self.device.outstanding:
            self.clock()
            assert self.now < limit, f"{self.device.outstanding} transfers never end"
        assert self.memory.idle


def random_transfer(rng, write):
    size = rng.randrange(4)
    burst = rng.choice(list(Burst))
    beats = {
        Burst.WRAP: rng.choice([2, 4, 8, 16]),
        Burst.FIXED: rng.randint(1, 16),
        Burst.INCR: rng.choice([1, 1, 2, rng.randint(1, 256), 256]),
    }[burst]
    address = rng.randrange(1 << 20) << 12 | rng.randrange(4096 - (beats << size) + 1)
    if burst == Burst.WRAP:
        address &= -1 << size
    return Transfer(write, 0x10, address, rng.randrange(16), beats, size, int(burst))


@pytest.mark.parametrize("order", ["fastest", "random", "accepted"])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_random_bursts_get_the_right_data(order, stall):
    rng = random.Random(f"{order} {stall}")
    bench = BackToBack(1)
    bench.device.stall = bench.memory.stall = stall
    bench.device.skew = lambda: rng.choice([None, -7, -1, 0, 1, 7])
    bench.memory.latency = lambda: rng.randint(1, 200)
    bench.memory.order, bench.memory.interleave = order, order == "random"
    transfers = [bench.device.submit(random_transfer(rng, rng.random() < 0.5)) for _ in range(300)]
    bench.finish()
    written = expected_writes(transfers)
    for transfer in transfers:
        assert transfer.permitted and len(transfer.responses) == (1 if transfer.write else transfer.beats)
        assert -1 < transfer.offered <= transfer.accepted < transfer.first_response <= transfer.finished < bench.now
        if not transfer.write:
            size = 1 << transfer.size
            assert transfer.data == [pattern(place & -size, size) for place in places_of(transfer)]
    log = bench.memory.log
    assert [e.address for e in log if isinstance(e, Accepted)] == [
        Address(*t.channel()[:9]) for t in sorted(transfers, key=lambda t: (t.accepted, t.write))
    ]
    stored = {}
    for entry in log:
        if isinstance(entry, Written):
            stored.update(zip(range(entry.address, entry.address + entry.size), bytes_of(entry), strict=True))
    assert stored == written and len(written) > 1000


def places_of(transfer):
    return beat_addresses(transfer.address, transfer.beats, transfer.size, transfer.burst)


def bytes_of(entry):
    return entry.value.to_bytes(entry.size, "little")


def expected_writes(transfers):
    """Bytes by address after all writes, in their order."""
    image = {}
    for transfer in (t for t in transfers if t.write):
        size = 1 << transfer.size
        for place, value in zip(places_of(transfer), transfer.write_data, strict=True):
            for byte in range(place % size, size):
                image[(place & -size) + byte] = value >> byte * 8 & 0xFF
    return image


@pytest.mark.parametrize("latency", [1, 2, 50, 200])
@pytest.mark.parametrize("write", [False, True])
def test_latency_is_exact(latency, write):
    bench = BackToBack(2)
    bench.memory.latency = latency
    for beats in (1, 2, 256):
        transfer = bench.device.submit(Transfer(write, 1, 0x1000, 3, beats))
        bench.finish()
        start = transfer.accepted + (beats - 1 if write else 0)
        assert transfer.first_response - start == latency
        assert transfer.finished - transfer.first_response == (0 if write else beats - 1)


@pytest.mark.parametrize("latency", [1, 7, 200])
def test_one_read_and_one_write_per_clock(latency):
    bench = BackToBack(3)
    bench.memory.latency = latency
    transfers = [bench.device.submit(Transfer(bool(n % 2), 1, n * 8, n % 5)) for n in range(1000)]
    bench.finish()
    for n, transfer in enumerate(transfers):
        assert (transfer.accepted, transfer.finished) == (n // 2, n // 2 + latency)


def test_order_per_id_holds_and_ids_overtake():
    bench = BackToBack(4)
    latencies = iter([90, 10, 50, 20])
    bench.memory.latency = lambda: next(latencies)
    slow, fast, behind_slow, behind_fast = (bench.device.submit(Transfer(False, 1, 8 * n, n % 2)) for n in range(4))
    bench.finish()
    assert [t.finished for t in (slow, fast, behind_slow, behind_fast)] == [90, 11, 91, 23]


def test_accepted_order_overtakes_nothing():
    bench = BackToBack(5)
    latencies = iter([90, 10, 50])
    bench.memory.latency, bench.memory.order = lambda: next(latencies), "accepted"
    transfers = [bench.device.submit(Transfer(False, 1, 8 * n, n)) for n in range(3)]
    bench.finish()
    assert [t.finished for t in transfers] == [90, 91, 92]


def test_interleave_mixes_bursts():
    bench = BackToBack(6)
    bench.memory.interleave = True
    transfers = [bench.device.submit(Transfer(False, 1, 0x1000 * n, n, 64)) for n in range(2)]
    bench.finish()
    assert max(t.first_response for t in transfers) < min(t.finished for t in transfers)


def test_closed_memory_accepts_nothing():
    bench = BackToBack(7)
    bench.memory.accept = False
    transfers = [bench.device.submit(Transfer(write, 1, 0)) for write in (False, True)]
    for _ in range(50):
        bench.clock()
    assert [t.accepted for t in transfers] == [-1, -1]
    bench.memory.accept = True
    bench.finish()
    assert [t.accepted for t in transfers] == [50, 50]


@pytest.mark.parametrize("skew", [-5, -1, 1, 5])
def test_skew_is_exact(skew):
    bench = BackToBack(8)
    transfers = [bench.device.submit(Transfer(True, 1, 64 * n, 1, 4, skew=skew)) for n in range(20)]
    bench.finish()
    first = transfers[0]
    assert first.data_offered - first.offered == skew
    assert all((t.data_offered - t.offered) * (1 if skew > 0 else -1) >= abs(skew) for t in transfers)


def test_memory_fails_and_stores():
    image = Memory()
    image.load(0x1000, bytes(range(64)))
    image.fail(0x1010, 8)
    bench = BackToBack(9, image)
    submit = bench.device.submit
    read = submit(Transfer(False, 1, 0x1008, 0, 3))
    bench.finish()
    assert read.responses == [0, 2, 0] and read.data == [0x0F0E0D0C0B0A0908, 0, 0x1F1E1D1C1B1A1918]
    assert not read.permitted
    bad = submit(Transfer(True, 1, 0x1008, 0, 2, write_data=[1, 2]))
    narrow = submit(Transfer(True, 1, 0x1021, 0, 1, size=1, write_data=[0xAABB]))
    bytes_ = submit(Transfer(True, 1, 0x1028, 0, 1, write_data=[0xFFEEDDCCBBAA9988], strobes=[0b1001_0010]))
    bench.finish()
    assert (bad.responses, narrow.responses, bytes_.responses) == ([2], [0], [0])
    assert image.read(0x1008, 8) == 1
    assert image.read(0x1020, 8) == 0x272625242322AA20
    assert image.read(0x1028, 8) == 0xFF2E2DCC2B2A9928
    assert bench.device.refused == 2
    bench.memory.error, bench.memory.exclusive = 3, True
    worse = submit(Transfer(False, 1, 0x1010))
    locked = submit(Transfer(False, 1, 0x1020, lock=1))
    bench.finish()
    assert (worse.responses, locked.responses, locked.permitted) == ([3], [1], True)


@pytest.mark.parametrize("data_bits", [32, 128])
def test_other_bus_widths(data_bits):
    config = UnitConfig(data_bits=data_bits)
    bench, rng = BackToBack(10, config=config), random.Random(10)
    for n in range(100):
        size = rng.randrange((data_bits // 8).bit_length())
        place = rng.randrange(1 << 20) & -16
        transfer = bench.device.submit(Transfer(bool(n % 2), 1, place + rng.randrange(16), n % 16, 3, size))
        bench.finish()
        if not transfer.write:
            assert transfer.data == [pattern(p & -1 << size, 1 << size) for p in places_of(transfer)]


def test_response_out_of_nowhere():
    device = AxiDevice(CONFIG, random.Random(1))
    device.give(0)
    with pytest.raises(CheckFailed, match=r"^clock 0: a response on B to ID 3, which waits for none$"):
        device.take(0, 0, 0, WriteResponse(3, 0), 0, None)


def test_core_requests_take_their_turn():
    device = AxiDevice(CONFIG, random.Random(1))
    before = device.submit(Transfer(True, 1, 0))
    request = Request(2, 1, 0, 0, 0x2000, 5)
    atomic = device.submit(Transfer(True, 1, 0x2000, 5, request=request))
    after = device.submit(Transfer(True, 1, 8))
    seen = []
    for now in range(4):
        aw, _w, _bready, _ar, _rready, core = device.give(now)
        seen.append((aw and aw.addr, core))
        device.take(now, now != 1, 1, None, 0, None, core is not None)
    assert seen == [(0, None), (None, request), (8, None), (None, None)]
    assert (before.accepted, atomic.accepted, after.accepted) == (0, 1, 2)


def test_core_request_layout():
    layout, start = request_layout(CONFIG), 0
    names = [(name, field) for name, field in layout if name != "attributes"]
    attributes = layout["attributes"]
    fields = [(name, field.offset, field.width) for name, field in names]
    fields += [(name, attributes.offset + field.offset, field.width) for name, field in attributes.shape]
    for (name, offset, width), (name_here, width_here) in zip(fields, CORE_REQUEST.items(), strict=True):
        assert (name, offset, width) == (name_here, start, width_here or CONFIG.id_bits)
        start += width


def test_wrapper_masks_payloads():
    text = wrapper_verilog(CONFIG)
    assert "s_axi_rdata & {64{s_axi_rvalid}}" in text
    assert "m_axi_mem_araddr & {48{m_axi_mem_arvalid}}" in text
    assert "    s_axi_rvalid,\n" in text and ".aresetn(inputs[" in text


def test_vector_packs_changes_only():
    signals = Signals(CONFIG)
    vector = signals.output_vector(["s_axi_awready", "s_axi_b", "m_axi_ar", "s_axil_b", "s_axil_r"])
    places = signals.outputs
    for values in [(0, (3, 2), None, 0, None), (1, (3, 2), Address(7, 0x123000, 4), None, (5, 0)), (0,) + (None,) * 4]:
        bits, expected = vector.pack(values), {}
        awready, b, ar, lite_b, lite_r = values
        expected["s_axi_awready"] = awready
        expected |= {"s_axi_bid": b[0], "s_axi_bresp": b[1], "s_axi_bvalid": 1} if b else {}
        expected |= {f"m_axi_ar{n}": v for n, v in ar._asdict().items()} | {"m_axi_arvalid": 1} if ar else {}
        expected |= {} if lite_b is None else {"s_axil_bvalid": 1}
        expected |= {"s_axil_rdata": lite_r[0], "s_axil_rvalid": 1} if lite_r else {}
        assert bits == sum(value << places[name].shift for name, value in expected.items())
    with pytest.raises(ValueError, match=r"^s_axi_bid has 4 bits and cannot hold 0x10$"):
        vector.pack((0, (16, 0), None, None, None))


def test_differences_name_ports():
    signals = Signals(CONFIG)
    place = signals.outputs["s_axi_rresp"]
    assert signals.differences(2 << place.shift, 0) == [("s_axi_rresp", 2, 0)]
    text = format(0, f"0{signals.output_bits}b")
    at = len(text) - 1 - place.shift
    assert signals.undefined(text[:at] + "X" + text[at + 1 :]) == [("s_axi_rresp", "0X")]


def test_seed_repeats_a_run():
    runs = []
    for _ in range(2):
        rng, bench = random.Random(11), BackToBack(11)
        bench.device.stall = bench.memory.stall = {"r": 0.3, "aw": 0.5}
        transfers = [bench.device.submit(random_transfer(rng, bool(n % 2))) for n in range(40)]
        bench.finish()
        runs.append([(t.accepted, t.finished, t.data) for t in transfers])
    assert runs[0] == runs[1]


def test_answer_that_changes_before_it_is_taken():
    device = AxiDevice(CONFIG, random.Random(1))
    device.submit(Transfer(False, 1, 0))
    device.stall = {"r": 1.0}
    device.give(0)
    device.take(0, 0, 0, None, 1, None)
    device.give(1)
    device.take(1, 0, 0, None, 1, ReadData(0, 5, 0, 1))
    device.give(2)
    with pytest.raises(CheckFailed, match=r"^clock 2: an answer changed before it was taken: R id 0x"):
        device.take(2, 0, 0, None, 1, ReadData(0, 6, 0, 1))


def test_address_that_changes_before_it_is_taken():
    memory = AxiMemory(8, random.Random(1))
    memory.accept = False
    memory.give(0)
    memory.take(0, None, None, 1, Address(0, 8), 1)
    memory.give(1)
    with pytest.raises(
        CheckFailed,
        match=r"^clock 1: what is offered changed before it was taken\n  before: id 0x.*\n  after:  nothing$",
    ):
        memory.take(1, None, None, 1, None, 1)


def test_answer_to_a_write_before_its_data():
    device = AxiDevice(CONFIG, random.Random(1))
    device.submit(Transfer(True, 1, 0))
    device.give(0)
    device.take(0, 1, 0, None, 1, None)
    device.give(1)
    with pytest.raises(CheckFailed, match=r"^clock 1: B before the last W of the write of source-id"):
        device.take(1, 0, 0, WriteResponse(0, 0), 0, None)


@pytest.mark.parametrize(
    ("burst", "size", "address", "beats", "expected"),
    [  # AXI4 A3.4.1, worked out by hand
        (Burst.INCR, 3, 0x1003, 3, [0x1003, 0x1008, 0x1010]),
        (Burst.INCR, 0, 0x1007, 3, [0x1007, 0x1008, 0x1009]),
        (Burst.FIXED, 2, 0x1006, 3, [0x1006, 0x1006, 0x1006]),
        (Burst.WRAP, 2, 0x1038, 4, [0x1038, 0x103C, 0x1030, 0x1034]),
        (Burst.WRAP, 3, 0x1040, 2, [0x1040, 0x1048]),
    ],
)
def test_addresses_of_beats(burst, size, address, beats, expected):
    assert beat_addresses(address, beats, size, burst) == expected


@pytest.mark.parametrize("lasts", [[1, 0], [0, 0]])
def test_wrong_wlast(lasts):
    memory = AxiMemory(8, random.Random(1))
    memory.give(0)
    memory.take(0, Address(0, 0, len=1), None, 1, None, 1)
    with pytest.raises(CheckFailed, match=r"^clock \d: WLAST is \d in beat \d of AW with id 0x0, "):
        for now, last in enumerate(lasts, start=1):
            memory.give(now)
            memory.take(now, None, WriteData(0, 0xFF, last), 1, None, 1)


def test_strobes_outside_the_beat():
    memory = AxiMemory(8, random.Random(1))
    memory.give(0)
    with pytest.raises(CheckFailed, match=r"^clock 0: strobes 0x18 are not within 0xc: 0x2 of AW with id 0x0, "):
        memory.take(0, Address(0, 2, size=1), WriteData(0, 0x18, 1), 1, None, 1)


def test_answer_to_a_burst_before_its_last_data():
    device = AxiDevice(CONFIG, random.Random(1))
    device.submit(Transfer(True, 1, 0, beats=2))
    for now in range(2):
        device.give(now)
        with pytest.raises(CheckFailed, match=r"^clock 1: B before") if now else nullcontext():
            device.take(now, 1, int(now == 0), WriteResponse(0, 0) if now else None, 0, None)


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_register_accesses(overlap, stall):
    rng = random.Random(12)
    master, image = AxiLiteMaster(random.Random(13)), bytearray(4096)
    master.overlap, master.stall = overlap, stall
    accesses, values = [], []
    expected = bytearray(4096)
    for _ in range(400):
        size = rng.choice([1, 2, 4, 8])
        # Where reads overtake writes they must not meet.
        write = rng.random() < 0.5
        offset = (rng.randrange(2048) + (2048 if overlap and write else 0)) & -size
        access = RegisterAccess(write, offset, size, rng.getrandbits(size * 8) if write else 0)
        if write:
            expected[offset : offset + size] = access.value.to_bytes(size, "little")
        values.append(int.from_bytes(expected[offset : offset + size], "little"))
        accesses.append(master.submit(access))
    addresses = {"aw": None, "w": None}
    b = r = None
    now = together = 0
    while not master.idle:
        ready = [rng.random() < 0.5 for _ in range(3)]
        aw, w, bready, ar, rready = master.give(now)
        shown = b, r
        together += ar is not None and aw is not None
        master.take(now, int(ready[0]), int(ready[1]), b, int(ready[2]), r)
        b = None if b is not None and bready else b
        r = None if r is not None and rready else r
        if aw is not None and ready[0]:
            addresses["aw"] = aw
        if w is not None and ready[1]:
            addresses["w"] = w
        if shown[0] is None and None not in addresses.values():
            for lane in range(8):
                if addresses["w"].strb >> lane & 1:
                    image[addresses["aw"] + lane] = addresses["w"].data >> lane * 8 & 0xFF
            addresses, b = {"aw": None, "w": None}, 0
        if ar is not None and ready[2]:
            r = LiteRead(int.from_bytes(image[ar : ar + 8], "little"), 0)
        now += 1
        assert now < 20_000
    assert image == expected
    assert [access.value for access in accesses] == values
    assert all(access.done and access.finished > access.started >= 0 for access in accesses)
    assert bool(together) == overlap
