"""Outstanding in lockstep with its model: every output, every clock."""

from collections import Counter, deque
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.sizes import OUTSTANDING_LIMIT
from model.cycle.outstanding import Issued, Outstanding
from tb.block import CONFIG, SEED, assert_seen, log, reset

OUTPUTS = (
    *("older", "busy_reads", "busy_writes", "full_reads", "full_writes"),
    *("full_messages", "writes_busy", "fenced", "pushed"),
)
ID_BITS = CONFIG.id_bits
# Likelihoods of a request and of an answer in a clock, of `older`, of `flip`; how many IDs. Each begins with a reset.
PHASES = (
    (0.5, 0.5, 0.1, 0.02, 16),
    (0.9, 0.5, 0.02, 0.005, 1),
    (0.5, 0.9, 0.5, 0.1, 3),
    (0.8, 0.8, 0.0, 0.02, 2),
)
PHASE_CLOCKS = 1500


class Traffic:
    """Draws what is issued and answered in one direction, and remembers it: `owed`, by ID, whether each is older."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        self.rng = rng
        self.issue, self.answer, self.older, _, ids = phase
        self.owed = {id: deque() for id in rng.sample(range(1 << ID_BITS), min(ids, 1 << ID_BITS))}

    def draw(self, flip: int) -> tuple[Issued | None, int | None]:
        """Return what is issued, with room left in the counters, and what is answered, now and then unasked."""
        rng, issued, answered = self.rng, None, None
        id = rng.choice([*self.owed])
        waiting = [id for id, owed in self.owed.items() if owed]
        if waiting and rng.random() < self.answer:
            answered = rng.choice(waiting)
            self.owed[answered].popleft()
        elif rng.random() < 0.01 and not self.owed[id]:
            answered = id
        if rng.random() < self.issue and len(self.owed[id]) < 2 * OUTSTANDING_LIMIT - 1:
            issued = Issued(id, int(rng.random() < self.older))
            self.owed[id].append(bool(issued.older))
        if flip:
            self.owed = {id: deque([True] * len(owed)) for id, owed in self.owed.items()}
        return issued, answered

    def counts(self, id: int) -> int:
        """Return how many requests of an ID are without answer."""
        return len(self.owed.get(id, ()))

    def outputs(self) -> list[int]:
        """Return `older`, `busy` and `full` as they must be in the next clock."""
        busy = sum(1 << id for id, owed in self.owed.items() if owed)
        full = sum(1 << id for id, owed in self.owed.items() if len(owed) >= OUTSTANDING_LIMIT)
        return [int(any(any(owed) for owed in self.owed.values())), busy, full]


class Messages(Traffic):
    """Messages: requests of the only ID there is, 0."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        super().__init__(rng, phase)
        self.owed = {0: deque()}

    def draw(self, flip: int) -> tuple[int | None, int]:
        """Return whether what is issued is older, and whether one is answered."""
        issued, answered = super().draw(flip)
        return None if issued is None else issued.older, int(answered is not None)


class Push:
    """When messages are pushed; remembers how many of them have no answer."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.left = 0

    def draw(self, issued: int | None, answered: int, messages: Traffic) -> int:
        """Return whether the messages of earlier clocks are marked; `messages` already has those of this clock."""
        push = int(not self.left and self.rng.random() < 0.1)
        if push:
            self.left = messages.counts(0) - (issued is not None)
        else:
            self.left -= min(self.left, answered)
        return push


class Fence:
    """When data of writes leave, when a fence is set up; remembers all writes that left, and which are marked."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.sent: dict[int, deque[bool]] = {}

    def draw(self, answered: int | None, writes: Traffic, idle: bool) -> tuple[int | None, int]:
        """Return the ID whose data leave, and whether a fence is set up; `answered` comes before both."""
        rng = self.rng
        if answered is not None and self.sent.get(answered):
            self.sent[answered].popleft()
        fence = int(not self.marked and not idle and rng.random() < 0.3)
        if fence:
            self.sent = {id: deque([True] * len(sent)) for id, sent in self.sent.items()}
        ids = [id for id in writes.owed if len(self.sent.get(id, ())) < writes.counts(id)]
        if not ids or rng.random() < 0.2:
            return None, fence
        id = rng.choice(ids)
        self.sent.setdefault(id, deque()).append(False)
        return id, fence

    @property
    def marked(self) -> bool:
        return any(any(sent) for sent in self.sent.values())

    def outputs(self) -> list[int]:
        """Return `writes_busy` and `fenced` as they must be in the next clock."""
        return [int(any(self.sent.values())), int(not self.marked)]


def drive(dut, reads: tuple, writes: tuple, flip: int, messages: tuple, sent: tuple, push: int) -> None:
    """Drive a clock; fields without their `valid` are noise."""
    for kind, (issued, answered) in (("read", reads), ("write", writes)):
        id, older = issued or (1, 1)
        getattr(dut, f"issued_{kind}").value = older << ID_BITS + 1 | id << 1 | (issued is not None)
        id = 1 if answered is None else answered
        getattr(dut, f"answered_{kind}").value = id << 1 | (answered is not None)
    dut.flip.value = flip
    older, dut.answered_message.value = messages
    dut.issued_message.value = 2 if older is None else older << 1 | 1
    dut.push.value = push
    id, dut.fence.value = sent
    dut.sent_write.value = 2 if id is None else id << 1 | 1


async def run_phase(dut, rng: Random, seen: Counter, phase: tuple) -> None:
    model, reads, writes, flip, messages, sent, push = (
        Outstanding(CONFIG),
        (None, None),
        (None, None),
        0,
        (None, 0),
        (None, 0),
        0,
    )
    traffic = (Traffic(rng, phase), Traffic(rng, phase), Messages(rng, phase))
    fence, pushes = Fence(rng), Push(rng)
    drive(dut, reads, writes, flip, messages, sent, push)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual = [int(getattr(dut, name).value) for name in OUTPUTS]
        expected = [getattr(model, name) for name in OUTPUTS]
        where = (
            f"clock {clock}, reads {reads}, writes {writes}, flip {flip}, messages {messages}, sent {sent}, push {push}"
        )
        assert actual == expected, f"{where}: {actual} != {expected} (expected)"
        seen["full"] += bool(model.full_reads) + bool(model.full_writes)
        seen["full of messages"] += model.full_messages
        seen["idle"] += not model.busy_reads
        seen["fenced"] += model.fenced and model.writes_busy
        seen["not fenced"] += not model.fenced
        seen["not pushed"] += not model.pushed
        seen["pushed, and messages behind"] += model.pushed and model.full_messages
        seen["flip with traffic"] += bool(flip and None not in (*reads, *writes))
        older = model.older
        model.step(reads[0], writes[0], reads[1], writes[1], flip, *messages, *sent, push)
        seen["over"] += bool(older and not model.older)
        outputs = [part.outputs() for part in traffic]
        any_older, busy, full = zip(*outputs, strict=True)
        wanted = [int(any(any_older)), *busy[:2], *full[:2], int(full[2] != 0), *fence.outputs(), int(not pushes.left)]
        assert [getattr(model, name) for name in OUTPUTS] == wanted, f"clock {clock}"
        flip = int(rng.random() < phase[3])
        reads, writes, messages = (part.draw(flip) for part in traffic)
        sent = fence.draw(writes[1], traffic[1], rng.random() < 0.5)
        push = pushes.draw(*messages, traffic[2])
        drive(dut, reads, writes, flip, messages, sent, push)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for phase in PHASES:
        await run_phase(dut, rng, seen, phase)
    assert_seen(seen, {"full": 100, "over": 10, "idle": 50, "flip with traffic": 5, "fenced": 50, "not fenced": 500})
    assert_seen(seen, {"full of messages": 100, "not pushed": 500, "pushed, and messages behind": 20})
