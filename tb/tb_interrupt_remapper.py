"""InterruptRemapper in lockstep with its model, between neighbours that the bench plays.

Beside the comparison a scoreboard asks the reference model what must become of each request, and checks by itself that
all leave and are answered in order, that no effect precedes the answers to the writes before it (the fence), and what
epochs may keep.
"""

from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.cycle.axi.write_path import Interrupt
from model.cycle.poster import Posted
from model.cycle.register_file import InterruptTable
from tb.block import CONFIG, SEED, assert_seen, log, reset, start_clock
from tb.remapper_neighbours import READY, SLOTS, Phase, Play
from tb.remapper_scoreboard import Entry, State

PHASES = (
    Phase(900),
    Phase(400, hits=1.0, arrives=1.0, stalls=0.0, writes=0.0, changes=0.0),
    Phase(700, hits=0.0, returns=0.2, arrives=0.9),
    Phase(700, writes=0.7, answers=0.6, hits=0.8),  # hardly ever without a write on its way
    Phase(500, stalls=0.7, posts=0.9, hits=0.9),
    Phase(700, flips=0.5, changes=0.5, returns=0.9, posts=0.9),
    Phase(400, arrives=0.0, stalls=0.0, returns=1.0, posts=1.0, writes=0.0, answers=1.0, flips=0.0),  # all must leave
)


async def begin(dut, rng) -> Play:
    play = Play(rng)
    for name in READY:
        getattr(dut, f"{name}__ready").value = 0
    dut.interrupt__valid.value = dut.returned.value = dut.posted.value = 0
    await reset(dut)
    return play


def start(dut) -> Random:
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    start_clock(dut)
    return Random(SEED)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    play = await begin(dut, start(dut))
    for phase in PHASES:
        play.phase, play.state = phase, State(table=InterruptTable(0x1234, 15, int(CONFIG.eim)))
        for _ in range(phase.clocks):
            await play.clock(dut)
            await RisingEdge(dut.clk)
    assert not play.board.entries and not play.model.in_use
    least = {"message": 200, "post": 30, "record": 60, "okay": 200, "refused": 100, "nothing leaves": 10, "hit": 80}
    least |= {"read": 60, "fill": 10, "notified": 5, "posting fails": 10, "fence": 30, "older": 100}
    least |= {"in flight at once": 3, "held at once": SLOTS}
    if not CONFIG.pi:
        least = {"message": 100, "record": 60}
    assert_seen(play.seen, least)


QUIET = Phase(
    0, arrives=0.0, hits=1.0, returns=0.0, posts=0.0, stalls=0.0, flips=0.0, writes=0.0, answers=0.0, changes=0.0
)
TABLE_SIZE = 15


class Directed(Play):
    """Requests for index 3 by the one device there is, of an entry that is good; nothing happens by chance."""

    posted_entry = False
    latency = 0  # of writes of devices, when they come one per clock

    def request(self) -> Interrupt:
        return Interrupt(8, 1, 0xFEE0_0070, 0, 1)

    def entry_of(self, entry: Entry) -> int:
        return self.draw.entry(posted=self.posted_entry, extended=entry.state.table.extended)

    def happens(self, likelihood: float) -> bool:
        return likelihood >= 1

    def step_writes(self, fence: int) -> None:
        if not self.latency:
            return
        if fence:
            self.writes = dict.fromkeys(self.writes, True)
        self.writes[self.now] = False
        self.writes.pop(self.now - self.latency, None)


async def until(dut, play: Directed, is_there, **changes) -> int:
    """Play clocks, of which `changes` say what happens, until `is_there` of the model; return its clock."""
    play.phase = QUIET._replace(**changes)
    for _ in range(100):
        if is_there(play.model):
            return play.now
        await play.clock(dut)
        await RisingEdge(dut.clk)
    raise AssertionError("it never came")


async def one_request(dut, play: Directed, **changes) -> int:
    """Let a request come; return its clock."""
    clock = play.now
    play.phase = QUIET._replace(arrives=1.0, **changes)
    await play.clock(dut)
    await RisingEdge(dut.clk)
    return clock


async def begin_directed(dut) -> Directed:
    rng = start(dut)
    play = await begin(dut, rng)
    play = Directed(rng)
    play.state = State(table=InterruptTable(0x1234, TABLE_SIZE, int(CONFIG.eim)))
    return play


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_hit_is_a_message_after_five_clocks(dut):
    play = await begin_directed(dut)
    for _ in range(3):
        came = await one_request(dut, play)
        assert await until(dut, play, lambda model: model.message) == came + 4
        assert await until(dut, play, lambda model: model.answer) == came + 5
        await until(dut, play, lambda model: not model.in_use)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def what_passes_is_a_message_after_two_clocks(dut):
    play = await begin_directed(dut)
    play.state = State(remapping=0)
    came = await one_request(dut, play)
    assert await until(dut, play, lambda model: model.message or model.record) == came + 2


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_miss_reads_after_five_clocks_and_leaves_one_clock_after_the_return(dut):
    play = await begin_directed(dut)
    came = await one_request(dut, play, hits=0.0)
    assert await until(dut, play, lambda model: model.read, hits=0.0) == came + 4
    assert await until(dut, play, lambda model: not model.read) == came + 5
    came = play.now
    assert await until(dut, play, lambda model: model.message, returns=1.0) == came + 1


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_posting_is_offered_after_five_clocks_and_its_notification_one_after_its_end(dut):
    play = await begin_directed(dut)
    if not CONFIG.pi:
        return
    play.posted_entry = True
    play.posted = lambda: None
    came = await one_request(dut, play)
    assert await until(dut, play, lambda model: model.post) == came + 4
    assert await until(dut, play, lambda model: not model.post) == came + 5
    came, play.posting.posted = play.now, Posted(0, 1, 7, 0x33)
    results = [play.posting.posted]
    play.posted = lambda: results.pop() if results else None
    assert await until(dut, play, lambda model: model.message) == came + 1
    assert play.model.message.address == 0xFEE0_7000


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def hits_pass_at_one_per_two_clocks_or_better(dut):
    play = await begin_directed(dut)
    play.phase = QUIET._replace(arrives=1.0)
    for _ in range(107):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    assert play.seen["message"] >= (95 if SLOTS >= 7 else 50)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def as_many_entries_as_there_are_slots_are_read_at_once(dut):
    play = await begin_directed(dut)
    play.phase = QUIET._replace(arrives=1.0, hits=0.0)
    for _ in range(40):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    assert len(play.in_flight) == SLOTS


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def requests_leave_among_writes_that_never_cease(dut):
    play = await begin_directed(dut)
    play.latency = 20
    for _ in range(30):
        play.phase = QUIET
        await play.clock(dut)
        await RisingEdge(dut.clk)
    came = await one_request(dut, play)
    assert play.latency <= await until(dut, play, lambda model: model.message) - came <= play.latency + 3
    came = await one_request(dut, play)
    play.phase = QUIET
    for _ in range(5):
        await play.clock(dut)
        await RisingEdge(dut.clk)
    await one_request(dut, play)  # while a fence is under way: it waits for the next
    await until(dut, play, lambda model: model.answer)
    assert await until(dut, play, lambda model: not model.in_use) - came <= 2 * play.latency + 8
