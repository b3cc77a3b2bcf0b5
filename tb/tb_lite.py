"""Lite in lockstep with its model: every output, every clock; and every access as software asked for it, with answers
that wait for the messages of before."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge

from model.arch.registers import FECTL, FSTS, ICS, IECTL
from model.cycle.axi.lite import Inputs, Lite
from model.cycle.axi.ports import LiteRead, LiteWrite
from rtl.register_file import access_layout
from tb.axi_shell import Held, Sink, Source, Stability, begin_reset
from tb.bits import unpack
from tb.block import SEED, log

PUSHING = {register.offset & -8 for register in (FSTS, FECTL, ICS, IECTL)}
OTHER = 0


class Bench:
    """Drives and samples the device under test, and steps the model beside it."""

    def __init__(self, dut, rng):
        self.dut, self.model, self.clocks = dut, Lite(), 0
        self._aw = Source(dut, "s_axil__aw", ("addr", "prot"), rng)
        self._w = Source(dut, "s_axil__w", LiteWrite._fields, rng)
        self._ar = Source(dut, "s_axil__ar", ("addr", "prot"), rng)
        self._r = Sink(dut, "s_axil__r", LiteRead)
        self._rng = rng
        self.stability = Stability()

    def drive(self, i):
        dut = self.dut
        dut.rst.value = 0
        for source, address in ((self._aw, i.s_axil_aw), (self._ar, i.s_axil_ar)):
            source.drive(None if address is None else (address, self._rng.getrandbits(3)))
        self._w.drive(i.s_axil_w)
        dut.s_axil__bready.value = i.s_axil_bready
        dut.s_axil__rready.value = i.s_axil_rready
        dut.read_data.value = i.read_data
        dut.pushed.value = i.pushed

    def sample(self):
        dut = self.dut
        access = unpack(access_layout(), int(dut.access.value))
        accessed = None
        if access["valid"]:
            word = (access["data"], access["strobe"]) if access["write"] else (0, 0)
            accessed = (access["write"], access["address"], *word)
        return (
            int(dut.s_axil__awready.value),
            int(dut.s_axil__wready.value),
            int(dut.s_axil__bresp.value) if dut.s_axil__bvalid.value else None,
            int(dut.s_axil__arready.value),
            self._r.sample(),
            accessed,
            int(dut.push.value),
        )

    async def clock(self, i):
        """Play one clock, after its edge."""
        expected = self.model.offer()
        self.drive(i)
        await ReadOnly()
        actual = self.sample()
        self.model.step(i)
        assert actual == expected, f"clock {self.clocks}, {i}:\n{actual} !=\n{expected} (expected), seed {SEED}"
        self.stability.clock(
            s_axil_b=(expected.s_axil_b, i.s_axil_bready), s_axil_r=(expected.s_axil_r, i.s_axil_rready)
        )
        self.clocks += 1


class Software:
    """Reads and writes at random, and what came of them: asked, accessed, answered."""

    def __init__(self, bench, rng, stall):
        self.bench, self._rng, self._stall = bench, rng, stall
        self.aw, self.w, self.ar = (Held(rng, stall) for _ in range(3))
        self.addresses, self.words, self.reads = [], [], []
        self.accesses, self.read_data, self.answers, self.written = [], [], [], 0
        self._returned = 0  # read_data of this clock
        self._unpushed = 0  # clocks until what was there before a read has arrived
        self.held = 0

    def _next(self, found, make):
        found.append(make())
        return found[-1]

    def _address(self):
        """Half of all reads push."""
        return self._rng.choice((*PUSHING, *(self._rng.getrandbits(12) for _ in PUSHING)))

    async def clock(self):
        bits, bench = self._rng.getrandbits, self.bench
        await RisingEdge(bench.dut.clk)
        offered = bench.model.offer()
        i = Inputs(
            self.aw.offer(lambda: self._next(self.addresses, lambda: bits(12))),
            self.w.offer(lambda: self._next(self.words, lambda: LiteWrite(bits(64), bits(8)))),
            int(self._rng.random() >= self._stall),
            self.ar.offer(lambda: self._next(self.reads, self._address)),
            int(self._rng.random() >= self._stall),
            self._returned,
            int(not self._unpushed),
        )
        await bench.clock(i)
        self.aw.clock(offered.s_axil_awready)
        self.w.clock(offered.s_axil_wready)
        self.ar.clock(offered.s_axil_arready)
        self._returned = bits(64)
        if self._unpushed:
            assert offered.s_axil_r is None, f"clock {bench.clocks}: an answer before the messages"
            self._unpushed -= 1
            self.held += 1
        access = offered.access
        pushes = access is not None and not access[0] and access[1] & -8 in PUSHING
        assert offered.push == pushes, f"clock {bench.clocks}: {offered}"
        if pushes:
            self._unpushed = self._rng.choice((0, 1, 2, 9))
        if offered.access is not None:
            self.accesses.append(offered.access)
            if not offered.access[0]:
                self.read_data.append(self._returned)
        if offered.s_axil_r is not None and i.s_axil_rready:
            self.answers.append(offered.s_axil_r)
        self.written += offered.s_axil_b is not None and i.s_axil_bready

    def check(self):
        writes = [access[1:] for access in self.accesses if access[0]]
        reads = [access[1] for access in self.accesses if not access[0]]
        assert (
            writes
            == [(address, *word) for address, word in zip(self.addresses, self.words, strict=False)][: len(writes)]
        )
        assert reads == self.reads[: len(reads)]
        assert self.answers == [LiteRead(data, 0) for data in self.read_data[: len(self.answers)]]
        assert len(writes) - 1 <= self.written <= len(writes)
        assert len(reads) - 1 <= len(self.answers) <= len(reads)


async def begin(dut, rng):
    await begin_reset(dut)
    return Bench(dut, rng)


def start(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    Clock(dut.clk, 10, unit="ns").start()
    return random.Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(stall=[0.0, 0.3, 0.7])
async def every_clock_matches_model(dut, stall):
    rng = start(dut)
    for clocks in (20, 1000):  # a reset in between
        software = Software(await begin(dut, rng), rng, stall)
        for _ in range(clocks):
            await software.clock()
    software.check()
    assert software.written >= 100 and len(software.answers) >= 70 and software.held >= 70


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def access_and_answer_come_at_fixed_clocks(dut):
    bench = await begin(dut, start(dut))
    shown = []
    for clock in range(8):
        await RisingEdge(dut.clk)
        shown.append(bench.model.offer())
        inputs = Inputs(s_axil_bready=1, s_axil_rready=1, read_data=100 + clock)
        if clock == 1:
            inputs = inputs._replace(s_axil_ar=8)
        elif clock == 3:
            inputs = inputs._replace(s_axil_aw=16)
        elif clock == 4:
            inputs = inputs._replace(s_axil_w=LiteWrite(5, 0xFF))
        await bench.clock(inputs)
    assert [clock for clock, offered in enumerate(shown) if offered.access] == [2, 5]
    assert [(clock, offered.s_axil_r) for clock, offered in enumerate(shown) if offered.s_axil_r] == [
        (4, LiteRead(103, 0))
    ]
    assert [clock for clock, offered in enumerate(shown) if offered.s_axil_b is not None] == [6]


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(offset=[*PUSHING, OTHER])
async def an_answer_waits_until_messages_have_arrived(dut, offset):
    bench = await begin(dut, start(dut))
    pushes, answers = [], []
    for clock in range(12):
        await RisingEdge(dut.clk)
        offered = bench.model.offer()
        pushes += [clock] * offered.push
        answers += [clock] * (offered.s_axil_r is not None)
        pushed = not (offset in PUSHING and 3 <= clock < 7)
        ar = offset + 4 if clock == 1 else None
        await bench.clock(Inputs(s_axil_ar=ar, s_axil_rready=1, read_data=clock, pushed=int(pushed)))
        if offered.s_axil_r is not None:
            assert offered.s_axil_r.data == 3  # of the clock after the access, however long it takes
    assert (pushes, answers) == (([2], [8]) if offset in PUSHING else ([], [4]))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_read_and_a_write_of_one_clock_take_turns(dut):
    bench = await begin(dut, start(dut))
    order = []
    for clock in range(40):
        await RisingEdge(dut.clk)
        offered = bench.model.offer()
        if offered.access:
            order.append(offered.access[0])
        both = clock % 10 == 1
        ready = Inputs(s_axil_bready=1, s_axil_rready=1)
        both_inputs = ready._replace(s_axil_aw=0, s_axil_w=LiteWrite(0, 0), s_axil_ar=0)
        await bench.clock(both_inputs if both else ready)
    # The one that was last goes second.
    assert order == [1, 0, 1, 0, 1, 0, 1, 0]
