"""WritePath in lockstep with its model: every output, every clock; every beat where it belongs, B in order per ID."""

from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.arch.sizes import WRITE_ORDER_DEPTH
from model.cycle.axi.ports import Address, DeviceAddress, Refusal, WriteData, WriteResponse
from model.cycle.axi.write_path import Inputs, Interrupt, InterruptAnswer
from model.cycle.request import Attributes
from tb.axi_shell import begin_reset
from tb.block import CONFIG, SEED, log, start_clock
from tb.write_traffic import OWN_ID, SLVERR, Bench, Traffic


async def begin(dut, rng):
    await begin_reset(dut)
    return Bench(dut, rng)


def start(dut):
    log.info("COCOTB_RANDOM_SEED=%d %s", SEED, CONFIG)
    start_clock(dut)
    return Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(stall=[0.0, 0.3, 0.7])
async def every_clock_matches_model(dut, stall):
    rng = start(dut)
    traffic = Traffic(await begin(dut, rng), rng, stall, writes=50, messages=3)
    for _ in range(60):  # then a reset in the middle of it all
        await traffic.clock()
    writes = 150
    traffic = Traffic(await begin(dut, rng), rng, stall, writes=writes, messages=30)
    while sum(map(len, traffic.device.answers.values())) < writes or len(traffic.memory.responses[OWN_ID]) < 30:
        await traffic.clock()
    for _ in range(10):
        await traffic.clock()
    traffic.check()
    refused = sum(refusal is not None for _, refusal in traffic.decider.decided)
    assert refused >= 10 and len(traffic.memory.words) >= 100
    assert len(traffic.remapper.taken) >= 12 and traffic.held_back >= 3 and traffic.of_core >= 1
    assert len({interrupt.whole for interrupt, _ in traffic.remapper.taken}) == 2


async def play(bench, **inputs):
    """Play one clock with everybody else ready; return (offered, effects). What is decided comes from the core port."""
    await RisingEdge(bench.dut.clk)
    offered = bench.model.offer()
    decided = inputs.get("issue") or (inputs.get("refusal") and offered.refusal_ready)
    ready = Inputs(
        s_axi_bready=1,
        m_axi_awready=1,
        m_axi_wready=1,
        writes_ready=1,
        interrupt_ready=1,
        core_write=int(bool(decided)),
    )
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
    await play(bench, core_write=1)  # a write enters before the clock in which it is decided
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
    await play(bench, core_write=1)  # a write enters before the clock in which it is decided
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
    await play(bench, core_write=1)  # a write enters before the clock in which it is decided
    for id_ in (0, 1):  # the answer of 0 keeps that of 1 waiting
        await play(bench, s_axi_bready=0, refusal=Refusal(id_, 0, 0))
        await play(bench, s_axi_bready=0, s_axi_w=BEAT)
        await play(bench, s_axi_bready=0)
    await play(bench, s_axi_bready=0, issue=(1, 0, Attributes(), 0), s_axi_w=BEAT)
    await play(bench, s_axi_bready=0, m_axi_b=WriteResponse(1, 0))
    answers = [(await play(bench))[0].s_axi_b for _ in range(4)]
    assert answers == [WriteResponse(0, SLVERR), WriteResponse(1, SLVERR), WriteResponse(1, 0), None]


INTERRUPT = DeviceAddress(1, 0xFEE0_0010, 0, 2, mmusid=0x1234)
INTERRUPT_BEAT = WriteData(0x5678, 0xF, 1)
TAKEN = Interrupt(0x1234, 1, 0xFEE0_0010, 0x5678, 1)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def an_interrupt_goes_to_the_remapper_in_the_clock_of_its_data(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    _, effects = await play(bench, s_axi_aw=INTERRUPT)
    assert effects.interrupt is None
    _, effects = await play(bench, s_axi_w=INTERRUPT_BEAT)
    assert effects.interrupt == TAKEN
    _, effects = await play(bench, s_axi_aw=INTERRUPT, s_axi_w=INTERRUPT_BEAT)
    assert effects.interrupt is None
    _, effects = await play(bench)
    assert effects.interrupt == TAKEN


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def interrupts_pass_at_one_per_clock(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    taken = [(await play(bench, s_axi_aw=INTERRUPT, s_axi_w=INTERRUPT_BEAT))[1].interrupt for _ in range(20)]
    assert taken == [None] + [TAKEN] * 19


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_write_waits_for_the_interrupts_of_its_id(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    await play(bench, s_axi_aw=INTERRUPT)
    await play(bench, s_axi_aw=DeviceAddress(1, 0x1000))
    for _ in range(3):  # the data of the interrupt are to come
        await play(bench)
        assert bench.model.writes(0, 0) is None and not bench.model.writes(0, 1)
    await play(bench, s_axi_w=INTERRUPT_BEAT)
    for _ in range(3):
        await play(bench, pending=2, writes_ready=0)
        assert bench.model.writes(0, 2) is None and bench.model.writes(0, 1) is not None


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def writes_without_data_wait_when_their_order_cannot_be_kept(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for _ in range(WRITE_ORDER_DEPTH + 3):
        await play(bench, s_axi_aw=DeviceAddress(1, 0x1000))
    assert bench.model.writes(0, 0) is None and bench.model.blocked_writes(0) == (1 << OWN_ID) - 1
    await play(bench, refusal=Refusal(1, 0, 0), core_write=0)
    await play(bench, s_axi_w=BEAT)
    await play(bench)  # then its place is free
    assert bench.model.writes(0, 0) is not None and bench.model.blocked_writes(0) == (1 << OWN_ID) - 1


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def interrupts_without_data_wait_in_a_queue_of_their_own(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for number in range(CONFIG.interrupts + 2):
        await play(bench, s_axi_aw=INTERRUPT._replace(addr=0xFEE0_0000 + 4 * number))
    for _ in range(2):
        await play(bench)
        assert bench.model.requests.o is not None
    wide = WriteData((1 << CONFIG.data_bits) - 1, (1 << CONFIG.data_bits // 8) - 1, 1)
    taken = [(await play(bench, s_axi_w=wide))[1].interrupt.address & 0xFF for _ in range(CONFIG.interrupts + 2)]
    assert taken == [4 * number for number in range(CONFIG.interrupts + 2)]


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_refusal_is_answered_before_a_younger_interrupt_of_its_id(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    await play(bench, s_axi_bready=0, refusal=Refusal(0, 0, 0))
    await play(bench, s_axi_bready=0, s_axi_w=BEAT)
    await play(bench, s_axi_bready=0)  # its answer keeps the next one waiting
    await play(bench, s_axi_bready=0, refusal=Refusal(1, 0, 0))
    await play(bench, s_axi_bready=0, s_axi_w=BEAT)
    answers, answer = [], InterruptAnswer(1, 1)
    for _ in range(5):
        offered, effects = await play(bench, interrupt_answer=answer)
        answers.append(offered.s_axi_b)
        answer = None if effects.interrupt_answer_ready else answer
    assert answers[:4] == [WriteResponse(0, SLVERR), WriteResponse(1, SLVERR), WriteResponse(1, 0), None]


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def all_three_kinds_of_answers_take_turns(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    kinds = []
    for _ in range(60):
        _, effects = await play(
            bench,
            refusal=Refusal(1, 0, 0),
            s_axi_w=BEAT,
            m_axi_b=WriteResponse(0, 0),
            interrupt_answer=InterruptAnswer(0, 1),
        )
        kinds.append("i" if effects.interrupt_answer_ready else "m")
    assert 15 <= kinds.count("i") <= 45


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def an_interrupt_waits_when_its_order_cannot_be_kept(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    for _ in range(WRITE_ORDER_DEPTH):
        await play(bench, s_axi_aw=DeviceAddress(1, 0x1000))
    for _ in range(3):
        await play(bench, s_axi_aw=INTERRUPT)
    assert bench.model.requests.o is not None and not bench.model.order.queue
    for _ in range(WRITE_ORDER_DEPTH):
        await play(bench, issue=(*ISSUE[:2], Attributes(), *ISSUE[3:]), core_write=0, s_axi_w=BEAT)
    _, effects = await play(bench, s_axi_w=INTERRUPT_BEAT)
    assert effects.interrupt == TAKEN


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def an_interrupt_is_younger_than_a_write_that_enters_from_elsewhere_in_its_clock(dut):
    bench = await begin(dut, start(dut))
    await play(bench)
    await play(bench, s_axi_aw=INTERRUPT)
    await play(bench, core_write=1)
    await play(bench)
    _, effects = await play(bench, s_axi_w=INTERRUPT_BEAT)
    assert effects.interrupt is None  # that was the data of the write
    await play(bench, refusal=Refusal(1, 0, 0), core_write=0)
    for _ in range(2):
        _, effects = await play(bench, s_axi_w=INTERRUPT_BEAT)
    assert effects.interrupt == TAKEN
