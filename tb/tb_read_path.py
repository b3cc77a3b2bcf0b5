"""ReadPath in lockstep with its model: every output, every clock; and every beat where it belongs."""

import random
from collections import defaultdict, deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from model.cycle.axi.ports import Address, DeviceAddress, ReadData, Refusal
from model.cycle.axi.read_path import Inputs, ReadPath
from model.cycle.request import Attributes
from rtl.axi.ports import refusal_layout
from rtl.request import request_layout
from rtl.request_pipeline import issue_layout
from tb.axi_shell import Decider, Held, Sink, Source, Stability, begin_reset, random_address
from tb.bits import pack
from tb.block import CONFIG, SEED, log

SLVERR = 2
LONGEST = 40


class Bench:
    """Drives and samples the device under test, and steps the model beside it."""

    def __init__(self, dut, rng):
        self.dut, self.model, self.clocks = dut, ReadPath(CONFIG), 0
        self.stability = Stability()
        self._ar = Source(dut, "s_axi__ar", DeviceAddress._fields, rng)
        self._r = Source(dut, "m_axi__r", ReadData._fields, rng)
        self._sinks = [Sink(dut, "s_axi__r", ReadData), Sink(dut, "m_axi__ar", Address)]

    def drive(self, i):
        dut = self.dut
        dut.rst.value = 0
        self._ar.drive(i.s_axi_ar)
        self._r.drive(i.m_axi_r)
        dut.s_axi__rready.value = i.s_axi_rready
        dut.m_axi__arready.value = i.m_axi_arready
        dut.reads__ready.value = i.reads_ready
        dut.issue_read.value = 0 if i.issue is None else pack(issue_layout(CONFIG), (1, *i.issue))
        dut.refusal__valid.value = i.refusal is not None
        dut.refusal__payload.value = pack(refusal_layout(CONFIG), i.refusal)

    def sample(self):
        """Return all outputs: those of the model's Outputs, then `answered_read`."""
        dut = self.dut
        r, ar = (sink.sample() for sink in self._sinks)
        answered = int(dut.answered_read.value)
        return (
            int(dut.s_axi__arready.value),
            r,
            ar,
            int(dut.m_axi__rready.value),
            int(dut.reads__payload.value) if dut.reads__valid.value else None,
            int(dut.read_space.value),
            int(dut.refusal__ready.value),
            answered >> 1 if answered & 1 else None,
        )

    async def clock(self, i):
        """Play one clock, after its edge; return the model's `answered_read` of it."""
        offered = self.model.offer()
        self.drive(i)
        await ReadOnly()
        answered = self.model.step(i)
        actual = self.sample()
        reads = None if offered.reads is None else pack(request_layout(CONFIG), offered.reads)
        expected = (*offered._replace(reads=reads), answered)
        assert actual == expected, f"clock {self.clocks}, {i}:\n{actual} !=\n{expected} (expected), seed {SEED}"
        self.stability.clock(
            s_axi_r=(offered.s_axi_r, i.s_axi_rready),
            m_axi_ar=(offered.m_axi_ar, i.m_axi_arready),
            reads=(offered.reads, i.reads_ready),
        )
        self.clocks += 1
        return answered


class Memory:
    """Answers bursts with random beats: in order per ID, the beats of different IDs mixed when `interleaves`."""

    def __init__(self, rng, stall, interleaves):
        self._rng, self._interleaves = rng, interleaves
        self.r = Held(rng, stall)
        self._open = defaultdict(deque)  # by ID: beats that are left of each burst
        self._current = None
        self.addresses, self.beats = [], defaultdict(list)

    def take(self, address):
        if address is not None:
            self.addresses.append(address)
            self._open[address.id].append(address.len)

    def next_beat(self):
        ids = [id_ for id_, bursts in self._open.items() if bursts]
        if not ids:
            return None
        if self._interleaves or self._current is None:
            self._current = self._rng.choice(ids)
        id_, bursts = self._current, self._open[self._current]
        last = int(bursts[0] == 0)
        bursts[0] -= 1
        if last:
            bursts.popleft()
            self._current = None
        beat = ReadData(id_, self._rng.getrandbits(CONFIG.data_bits), self._rng.getrandbits(2), last)
        self.beats[id_].append(beat)
        # The bit of the ID above those of devices is noise: a read is never the unit's own here.
        return beat._replace(id=id_ | self._rng.getrandbits(1) << CONFIG.id_bits)


class Traffic:
    """Devices, memory and decisions, all at random; `stall` of their clocks are idle."""

    def __init__(self, bench, rng, stall, *, reads, interleaves, refuse=0.3):
        self.bench, self._rng, self._stall = bench, rng, stall
        self._left = reads
        self.ar, self.asked, self.answers = Held(rng, stall), defaultdict(list), []
        self.memory = Memory(rng, stall, interleaves)
        self.decider = Decider(rng, stall, lambda id_: id_, refuse)

    def _next_address(self):
        if not self._left:
            return None
        self._left -= 1
        address = random_address(self._rng, CONFIG.id_bits, LONGEST)
        self.asked[address.id].append(address)
        return address

    def _ready(self):
        return int(self._rng.random() >= self._stall)

    async def clock(self):
        bench, memory = self.bench, self.memory
        await RisingEdge(bench.dut.clk)
        offered = bench.model.offer()
        issue, refusal = self.decider.clock(offered.read_space, CONFIG.haw)
        i = Inputs(
            self.ar.offer(self._next_address), self._ready(), self._ready(), memory.r.offer(memory.next_beat),
            self._ready(), issue, refusal,
        )  # fmt: skip
        answered = await bench.clock(i)
        self.ar.clock(offered.s_axi_arready)
        memory.r.clock(offered.m_axi_rready)
        memory.take(offered.m_axi_ar if i.m_axi_arready else None)
        if i.reads_ready and offered.reads is not None:
            self.decider.take(offered.reads)
        if i.s_axi_rready and offered.s_axi_r is not None:
            self.answers.append(offered.s_axi_r)
        self.decider.end(offered.refusal_ready, answered)

    def is_done(self, reads):
        return sum(beat.last for beat in self.answers) == reads

    def check(self):
        """Compare what memory and devices got with what was asked and decided; orders hold per ID."""
        asked = {id_: iter(found) for id_, found in self.asked.items()}
        expected, issued = defaultdict(list), []
        beats = {id_: iter(found) for id_, found in self.memory.beats.items()}
        for request, refusal in self.decider.decided:
            address = next(asked[request.id])
            assert (request.address, request.attributes, request.source_id) == (address.addr, address[2:9], address[9])
            if refusal is None:
                issued.append((request.id, request.attributes))
                expected[request.id] += (next(beats[request.id]) for _ in range(address.len + 1))
            else:
                response = 0 if refusal.okay else SLVERR
                expected[request.id] += (
                    ReadData(request.id, 0, response, int(n == address.len)) for n in range(address.len + 1)
                )
        answers = defaultdict(list)
        for beat in self.answers:
            answers[beat.id].append(beat)
        assert answers == expected
        assert [(address.id, address[2:]) for address in self.memory.addresses] == issued

    def check_bursts_are_whole(self):
        """No beat between those of a burst, where memory mixes nothing."""
        current = None
        for beat in self.answers:
            assert current in (None, beat.id)
            current = None if beat.last else beat.id


async def begin(dut, rng):
    await begin_reset(dut)
    return Bench(dut, rng)


def start(dut):
    log.info("COCOTB_RANDOM_SEED=%d %s", SEED, CONFIG)
    Clock(dut.clk, 10, unit="ns").start()
    return random.Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(stall=[0.0, 0.3, 0.7], interleaves=[False, True])
async def every_clock_matches_model(dut, stall, interleaves):
    rng = start(dut)
    traffic = Traffic(await begin(dut, rng), rng, stall, reads=50, interleaves=True)
    for _ in range(60):  # then a reset in the middle of it all
        await traffic.clock()
    traffic = Traffic(await begin(dut, rng), rng, stall, reads=100, interleaves=interleaves)
    while not traffic.is_done(100):
        await traffic.clock()
    for _ in range(10):
        await traffic.clock()
    traffic.check()
    if not interleaves:
        traffic.check_bursts_are_whole()
    refused = sum(refusal is not None for _, refusal in traffic.decider.decided)
    assert refused >= 10 and sum(map(len, traffic.memory.beats.values())) >= 100


async def play(bench, **inputs):
    """Play one clock with everybody else ready; return what was offered."""
    await RisingEdge(bench.dut.clk)
    offered = bench.model.offer()
    await bench.clock(Inputs(s_axi_rready=1, m_axi_arready=1, reads_ready=1)._replace(**inputs))
    return offered


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def an_issue_is_on_the_address_channel_one_clock_later(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for number in range(20):
        offered = await play(bench, issue=(1, number, Attributes(), 0))
        assert offered.m_axi_ar == (Address(1, number - 1, size=0) if number else None)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def nine_issues_fit_while_memory_takes_none(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for number in range(9):
        offered = await play(bench, issue=(1, number, Attributes(), 0), m_axi_arready=0)
        # The place of the first one, which has left at once, is free one clock later.
        assert offered.read_space == 8 - max(min(number, 1), number - 1)
    assert (await play(bench, m_axi_arready=0)).read_space == 0
    for number in range(9):
        assert (await play(bench)).m_axi_ar.addr == number
    assert (await play(bench)).m_axi_ar is None


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def refusals_and_bursts_of_memory_take_turns(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    answers, memory = [], 0
    for clock in range(60):
        beat = ReadData(0, clock, 0, memory & 1)  # bursts of two beats
        offered = await play(bench, refusal=Refusal(1, 1, 0), m_axi_r=beat)
        memory += offered.m_axi_rready
        if offered.s_axi_r is not None:
            answers.append(offered.s_axi_r.id)
    assert answers[8:24] == (answers[8:12] * 4) and sorted(answers[8:12]) == [0, 0, 1, 1], answers
