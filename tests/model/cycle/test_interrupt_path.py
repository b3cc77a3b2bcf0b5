"""Write path, interrupt remapper and Outstanding together, as models: latency, throughput, order, and no deadlock."""

from collections import defaultdict, deque
from random import Random

import pytest

from model.arch import UnitConfig
from model.arch.config import PRESETS
from model.cycle.axi.ports import DeviceAddress, WriteData, WriteResponse
from model.cycle.axi.write_path import Inputs, WritePath
from model.cycle.interrupt_remapper import InterruptRemapper
from model.cycle.outstanding import Issued, Outstanding
from model.cycle.register_file import InterruptTable

IRTE = 1 | 0x33 << 16 | 0x500 << 32
TABLE = InterruptTable(0x1000, 15, 0)
PIPELINE_CLOCKS = 2


class World:
    """A device that sends `writes`, (ID, whether an interrupt, beats), as fast as it can; a memory of `latency`."""

    def __init__(self, config: UnitConfig, writes, latency: int) -> None:
        self.path, self.remapper, self.outstanding = WritePath(config), InterruptRemapper(config), Outstanding(config)
        self.own_id, self.latency, self.now = 1 << config.id_bits, latency, 0
        self.addresses, self.beats = deque(), deque()
        for number, (id_, is_interrupt, beats) in enumerate(writes):
            address = 0xFEE0_0010 | number % 0x4000 << 5 if is_interrupt else 0x1000
            self.addresses.append(DeviceAddress(id_, address, beats - 1, 2 if is_interrupt else 3))
            self.beats.extend(WriteData(number, 0xFF, 0) for _ in range(beats))
        self.deciding, self.lookups = deque(), deque([None, None])
        self.open, self.answers = deque(), deque()  # bursts whose data did not all come; (clock, ID) of B
        self.log = []  # (event, ID, clock)

    def clock(self) -> None:
        path, remapper, outstanding = self.path, self.remapper, self.outstanding
        offered, write = path.offer(), path.writes(0, remapper.pending)
        due = self.deciding and self.deciding[0][0] <= self.now and offered.write_space
        request = self.deciding.popleft()[1] if due else None
        issue = None if request is None else (request.id, request.address, request.attributes, 0)
        answer = self.answers[0][1] if self.answers and self.answers[0][0] <= self.now else None
        message = None if outstanding.full_messages else remapper.message
        effects = path.step(
            Inputs(
                self.addresses[0] if self.addresses else None,
                self.beats[0] if self.beats else None,
                s_axi_bready=1,
                m_axi_awready=1,
                m_axi_wready=1,
                m_axi_b=None if answer is None else WriteResponse(answer, 0),
                writes_ready=1,
                issue=issue,
                message=message,
                interrupt_ready=remapper.interrupt_ready,
                interrupt_answer=remapper.answer,
                pending=remapper.pending,
            )
        )
        self._watch(offered, answer)
        if write is not None:
            self.deciding.append((self.now + PIPELINE_CLOCKS, write))
        fence = remapper.fence(outstanding.writes_busy, outstanding.fenced)
        remapper.take(None, 0)
        found = self.lookups.popleft()
        self.lookups.append(remapper.lookup)
        remapper.step(
            effects.interrupt, 1, 0, TABLE, 0, None if found is None else IRTE, 1, effects.message_ready, 1, None, 1,
            effects.interrupt_answer_ready, outstanding.writes_busy, outstanding.fenced,
        )  # fmt: skip
        outstanding.step(
            None,
            None if request is None else Issued(request.id, 0),
            None,
            effects.answered,
            0,
            0 if effects.message_ready else None,
            effects.answered_message,
            effects.sent,
            fence,
        )
        self.now += 1

    def _watch(self, offered, answer) -> None:
        if self.addresses and offered.s_axi_awready:
            self.addresses.popleft()
        if self.beats and offered.s_axi_wready:
            self.log.append(("w", self.beats.popleft().data, self.now))
        if answer is not None and offered.m_axi_bready:
            self.answers.popleft()
        if offered.m_axi_aw is not None:
            self.open.append([offered.m_axi_aw.id, offered.m_axi_aw.len + 1])
            if offered.m_axi_aw.id == self.own_id:
                self.log.append(("message", 0, self.now))
        if offered.m_axi_w is not None:
            self.open[0][1] -= 1
            if not self.open[0][1]:
                self.answers.append((self.now + self.latency, self.open.popleft()[0]))
        if offered.s_axi_b is not None:
            self.log.append(("b", offered.s_axi_b.id, self.now))

    def of(self, event: str) -> list[tuple[int, int]]:
        """Return (ID, clock) of every such event."""
        return [(id_, clock) for name, id_, clock in self.log if name == event]

    def play(self, answers: int, most: int) -> None:
        """Play until the device has so many answers; fail after `most` clocks."""
        for _ in range(most):
            if len(self.of("b")) == answers:
                return
            self.clock()
        raise AssertionError(f"{len(self.of('b'))} answers to {answers} writes after {most} clocks")


@pytest.mark.parametrize("name", PRESETS)
def test_a_message_leaves_six_clocks_after_its_data_came(name):
    world = World(PRESETS[name], [(0, True, 1)], 20)
    beats, world.beats = world.beats, deque()
    for _ in range(4):
        world.clock()
    world.beats = beats
    world.play(1, 30)
    (_, came), (_, left) = world.of("w")[0], world.of("message")[0]
    assert left - came == 5


@pytest.mark.parametrize("name", PRESETS)
def test_interrupts_pass_at_one_per_two_clocks_or_better(name):
    world = World(PRESETS[name], [(number % 4, True, 1) for number in range(200)], 20)
    world.play(200, 420)
    clocks = [clock for _, clock in world.of("message")]
    assert (clocks[-1] - clocks[0]) / 199 <= 2


@pytest.mark.parametrize("name", PRESETS)
def test_a_full_ring_waits_for_no_write_whose_data_are_behind_it(name):
    """The second fence is set up when younger writes are issued whose data are behind interrupts without slot."""
    slots = PRESETS[name].interrupts
    writes = [(0, False, 4)] + [(1, True, 1)] * (slots + 4) + [(2, False, 4)] * 3 + [(1, True, 1)] * slots
    World(PRESETS[name], writes, 40).play(len(writes), 1000)


@pytest.mark.parametrize("seed", range(12))
def test_order_of_answers_and_the_fence(seed):
    rng = Random(seed)
    likelihood, ids = rng.choice((0.1, 0.5, 0.9)), rng.choice((1, 2, 16))
    writes = []
    for _ in range(300):
        is_interrupt = rng.random() < likelihood
        writes.append((rng.randrange(ids), is_interrupt, 1 if is_interrupt else rng.choice((1, 1, 2, 9))))
    latency = rng.choice((1, 7, 40))
    world = World(PRESETS["small" if seed % 2 else "default"], writes, latency)
    world.play(len(writes), 300 * (2 * latency + 30))
    answers, messages = defaultdict(list), iter(world.of("message"))
    for id_, clock in world.of("b"):
        answers[id_].append(clock)
    latest = 0
    for id_, is_interrupt, _ in writes:  # those of an ID come in order, so each takes the next answer
        clock = answers[id_].pop(0)
        if not is_interrupt:
            latest = max(latest, clock)
            continue
        left = next(messages)[1]
        assert latest < left and clock >= left - 1, "a message before the answer to an older write"
