"""WritePath in lockstep with its model: every output, every clock; and every beat where it belongs."""

import json
import logging
import os
import random
from collections import defaultdict, deque

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from model.arch import UnitConfig
from model.cycle.axi.ports import Address, DeviceAddress, Refusal, WriteData, WriteResponse
from model.cycle.axi.write_path import Inputs, WritePath
from model.cycle.request import Attributes
from rtl.axi.ports import refusal_layout
from rtl.event_message import message_layout
from rtl.request import request_layout
from rtl.request_pipeline import issue_layout
from tb.axi_shell import Decider, Held, Sink, Source, Stability, begin_reset, random_address
from tb.bits import pack

CONFIG = UnitConfig(**json.loads(os.environ["VTD_CONFIG"]))
SEED = cocotb.RANDOM_SEED
OWN_ID = 1 << CONFIG.id_bits
SLVERR = 2
LONGEST = 40
log = logging.getLogger("cocotb.tb.write_path")


class Bench:
    """Drives and samples the device under test, and steps the model beside it."""

    def __init__(self, dut, rng):
        self.dut, self.model, self.clocks = dut, WritePath(CONFIG), 0
        self.stability = Stability()
        self._aw = Source(dut, "s_axi__aw", DeviceAddress._fields, rng)
        self._w = Source(dut, "s_axi__w", WriteData._fields, rng)
        self._b = Source(dut, "m_axi__b", WriteResponse._fields, rng)
        self._sinks = [
            Sink(dut, "s_axi__b", WriteResponse),
            Sink(dut, "m_axi__aw", Address),
            Sink(dut, "m_axi__w", WriteData),
        ]

    def drive(self, i):
        dut = self.dut
        dut.rst.value = 0
        self._aw.drive(i.s_axi_aw)
        self._w.drive(i.s_axi_w)
        self._b.drive(i.m_axi_b)
        dut.s_axi__bready.value = i.s_axi_bready
        dut.m_axi__awready.value = i.m_axi_awready
        dut.m_axi__wready.value = i.m_axi_wready
        dut.writes__ready.value = i.writes_ready
        dut.issue_write.value = 0 if i.issue is None else pack(issue_layout(CONFIG), (1, *i.issue))
        dut.refusal__valid.value = i.refusal is not None
        dut.refusal__payload.value = pack(refusal_layout(CONFIG), i.refusal)
        dut.message__valid.value = i.message is not None
        dut.message__payload.value = pack(message_layout(), i.message)

    def sample(self):
        """Return all outputs: those of the model's Outputs, then those of its Effects."""
        dut = self.dut
        b, aw, w = (sink.sample() for sink in self._sinks)
        answered = int(dut.answered_write.value)
        return (
            int(dut.s_axi__awready.value),
            int(dut.s_axi__wready.value),
            b,
            aw,
            w,
            int(dut.m_axi__bready.value),
            int(dut.writes__payload.value) if dut.writes__valid.value else None,
            int(dut.write_space.value),
            int(dut.refusal__ready.value),
            answered >> 1 if answered & 1 else None,
            int(dut.message__ready.value),
        )

    async def clock(self, i):
        """Play one clock, after its edge; return the model's outputs of it."""
        offered = self.model.offer()
        self.drive(i)
        await ReadOnly()
        effects = self.model.step(i)
        actual = self.sample()
        writes = None if offered.writes is None else pack(request_layout(CONFIG), offered.writes)
        expected = (*offered._replace(writes=writes), *effects)
        assert actual == expected, f"clock {self.clocks}, {i}:\n{actual} !=\n{expected} (expected), seed {SEED}"
        self.stability.clock(
            s_axi_b=(offered.s_axi_b, i.s_axi_bready),
            m_axi_aw=(offered.m_axi_aw, i.m_axi_awready),
            m_axi_w=(offered.m_axi_w, i.m_axi_wready),
            writes=(offered.writes, i.writes_ready),
        )
        self.clocks += 1
        return effects


class Device:
    """Offers AW and W, each on its own, and takes B; what it wrote is in `sent`, by number of the write."""

    def __init__(self, rng, stall, count):
        self._rng, self._left = rng, count
        self.aw, self.w = Held(rng, stall), Held(rng, stall)
        self.addresses, self._beats = deque(), deque()
        self.sent, self.answers = [], defaultdict(list)

    def next_address(self):
        if not self.addresses:
            self._make()
        return self.addresses.popleft() if self.addresses else None

    def next_beat(self):
        if not self._beats and self._rng.random() < 0.5:
            self._make()
        return self._beats.popleft() if self._beats else None

    def _make(self):
        if not self._left:
            return
        self._left -= 1
        rng = self._rng
        address = random_address(rng, CONFIG.id_bits, LONGEST)
        data, strobe = CONFIG.data_bits, CONFIG.data_bits // 8
        beats = [
            WriteData(rng.getrandbits(data), rng.getrandbits(strobe), int(n == address.len))
            for n in range(address.len + 1)
        ]
        self.addresses.append(address)
        self._beats.extend(beats)
        self.sent.append((address, beats))


class Memory:
    """Takes AW and W, and answers bursts that are complete: in order per ID, else in any."""

    def __init__(self, rng, stall):
        self._rng = rng
        self.b = Held(rng, stall)
        self.addresses, self.words = [], []
        self._answered_words, self._open = 0, deque()
        self._complete = defaultdict(deque)
        self.responses = defaultdict(list)

    def take(self, address, word):
        if address is not None:
            self.addresses.append(address)
            self._open.append(address)
        if word is not None:
            self.words.append(word)
        while self._open and len(self.words) > self._answered_words + self._open[0].len:
            address = self._open.popleft()
            self._answered_words += address.len + 1
            self._complete[address.id].append(address)

    def next_answer(self):
        ids = [id_ for id_, queue in self._complete.items() if queue]
        if not ids:
            return None
        id_ = self._rng.choice(ids)
        self._complete[id_].popleft()
        answer = WriteResponse(id_, self._rng.getrandbits(2))
        self.responses[id_].append(answer)
        return answer


class Traffic:
    """A device, a memory, decisions and messages, all at random; `stall` of their clocks are idle."""

    def __init__(self, bench, rng, stall, *, writes, messages, refuse=0.3):
        self.bench, self._rng, self._stall = bench, rng, stall
        self.device, self.memory = Device(rng, stall, writes), Memory(rng, stall)
        self.decider = Decider(rng, stall, lambda _id: 0, refuse)
        self.message, self.messages, self._messages_left = Held(rng, 0.8), [], messages

    def _next_message(self):
        if not self._messages_left:
            return None
        self._messages_left -= 1
        self.messages.append((self._rng.getrandbits(62) << 2, self._rng.getrandbits(32)))
        return self.messages[-1]

    def _ready(self):
        return int(self._rng.random() >= self._stall)

    async def clock(self):
        bench, device, memory = self.bench, self.device, self.memory
        await RisingEdge(bench.dut.clk)
        offered = bench.model.offer()
        issue, refusal = self.decider.clock(offered.write_space, CONFIG.haw)
        i = Inputs(
            device.aw.offer(device.next_address), device.w.offer(device.next_beat), self._ready(),
            self._ready(), self._ready(), memory.b.offer(memory.next_answer), self._ready(), issue, refusal,
            self.message.offer(self._next_message),
        )  # fmt: skip
        effects = await bench.clock(i)
        device.aw.clock(offered.s_axi_awready)
        device.w.clock(offered.s_axi_wready)
        memory.b.clock(offered.m_axi_bready)
        self.message.clock(effects.message_ready)
        memory.take(offered.m_axi_aw if i.m_axi_awready else None, offered.m_axi_w if i.m_axi_wready else None)
        if i.writes_ready and offered.writes is not None:
            self.decider.take(offered.writes)
        if i.s_axi_bready and offered.s_axi_b is not None:
            device.answers[offered.s_axi_b.id].append(offered.s_axi_b.resp)
        self.decider.end(offered.refusal_ready, effects.answered)

    def check(self):
        """Compare what memory and device got with what was sent and decided."""
        decided, sent = self.decider.decided, self.device.sent
        assert len(decided) == len(sent)
        forwarded, answers = [], defaultdict(list)
        responses = {id_: iter(found) for id_, found in self.memory.responses.items()}
        for (request, refusal), (address, beats) in zip(decided, sent, strict=True):
            assert (request.id, request.address, request.attributes) == (address.id, address.addr, address[2:9])
            if refusal is None:
                forwarded.append((request, beats))
                answers[request.id].append(next(responses[request.id]).resp)
            else:
                answers[request.id].append(0 if refusal.okay else SLVERR)
        assert self.device.answers == answers
        self._check_memory(iter(forwarded), iter(self.messages))

    def _check_memory(self, forwarded, messages):
        words = iter(self.memory.words)
        for address in self.memory.addresses:
            if address.id == OWN_ID:
                place, data = next(messages)
                assert address == Address(OWN_ID, place, 0, 2, 1, 0, 2, 0, 0)
                word, first = next(words), place % (CONFIG.data_bits // 8)
                assert (word.strb, word.data >> first * 8 & 0xFFFF_FFFF, word.last) == (0xF << first, data, 1)
            else:
                request, beats = next(forwarded)
                assert (address.id, address[2:]) == (request.id, request.attributes)
                assert [next(words) for _ in beats] == beats
        assert [*forwarded, *messages, *words] == []


async def begin(dut, rng):
    await begin_reset(dut)
    return Bench(dut, rng)


def start(dut):
    log.info("COCOTB_RANDOM_SEED=%d %s", SEED, CONFIG)
    Clock(dut.clk, 10, unit="ns").start()
    return random.Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(stall=[0.0, 0.3, 0.7])
async def every_clock_matches_model(dut, stall):
    rng = start(dut)
    traffic = Traffic(await begin(dut, rng), rng, stall, writes=50, messages=3)
    for _ in range(60):  # then a reset in the middle of it all
        await traffic.clock()
    writes = 100
    traffic = Traffic(await begin(dut, rng), rng, stall, writes=writes, messages=30)
    while sum(map(len, traffic.device.answers.values())) < writes or len(traffic.memory.responses[OWN_ID]) < 30:
        await traffic.clock()
    for _ in range(10):
        await traffic.clock()
    traffic.check()
    refused = sum(refusal is not None for _, refusal in traffic.decider.decided)
    assert refused >= 10 and len(traffic.memory.words) >= 100


async def play(bench, **inputs):
    """Play one clock with everybody else ready; return (offered, effects)."""
    await RisingEdge(bench.dut.clk)
    offered = bench.model.offer()
    ready = Inputs(s_axi_bready=1, m_axi_awready=1, m_axi_wready=1, writes_ready=1)
    return offered, await bench.clock(ready._replace(**inputs))


ISSUE = (1, 0x1000, Attributes(len=3, size=3), 0)
BEAT = WriteData(0x55, 1, 0)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_message_waits_for_no_device_that_keeps_its_data_back(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for _ in range(3):
        await play(bench, issue=ISSUE)
    await play(bench, refusal=Refusal(1, 3, 0))
    _, effects = await play(bench, message=(0xFEE0_0004, 0x1234))
    assert effects.message_ready
    offered, _ = await play(bench)
    assert offered.m_axi_aw == Address(OWN_ID, 0xFEE0_0004, size=2, burst=1, cache=2)
    assert offered.m_axi_w.last and offered.m_axi_w.strb == 0xF << 4 % (CONFIG.data_bits // 8)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def address_and_first_beat_leave_one_clock_after_the_issue(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for _ in range(4):
        offered, _ = await play(bench, s_axi_w=BEAT)
    assert not offered.s_axi_wready
    offered, _ = await play(bench, s_axi_w=BEAT, issue=ISSUE)
    assert offered.m_axi_aw is None
    offered, _ = await play(bench, s_axi_w=BEAT)
    assert offered.m_axi_aw == Address(1, 0x1000, 3) and offered.m_axi_w == BEAT
    for last in (0, 0, 1):
        offered, _ = await play(bench, s_axi_w=BEAT)
        assert offered.m_axi_w == BEAT._replace(last=last)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def single_beats_pass_at_one_per_clock(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    single = (1, 0x1000, Attributes(len=0, size=3), 0)
    addresses = 0
    for _ in range(20):
        offered, _ = await play(bench, s_axi_w=BEAT, issue=single)
        addresses += offered.m_axi_aw is not None
    assert addresses == 19


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def refusals_and_answers_of_memory_take_turns(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    answers = []
    for clock in range(60):
        offered, _ = await play(
            bench, refusal=Refusal(1, 0, 0), s_axi_w=BEAT, m_axi_b=WriteResponse(0, 0), s_axi_bready=clock % 3 == 0
        )
        if clock % 3 == 0 and offered.s_axi_b is not None:
            answers.append(offered.s_axi_b.id)
    assert answers[2:18] in ([0, 1] * 8, [1, 0] * 8), answers


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_refusal_is_answered_before_a_younger_write_of_its_id(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for id_ in (0, 1):  # the answer of 0 keeps that of 1 waiting
        await play(bench, s_axi_bready=0, refusal=Refusal(id_, 0, 0))
        await play(bench, s_axi_bready=0, s_axi_w=BEAT)
        await play(bench, s_axi_bready=0)
    await play(bench, s_axi_bready=0, issue=(1, 0, Attributes(), 0), s_axi_w=BEAT)
    await play(bench, s_axi_bready=0, m_axi_b=WriteResponse(1, 0))
    answers = [(await play(bench))[0].s_axi_b for _ in range(4)]
    assert answers == [WriteResponse(0, SLVERR), WriteResponse(1, SLVERR), WriteResponse(1, 0), None]
