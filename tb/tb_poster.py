"""Poster in lockstep with its model, every output, every clock; and its results against the reference model."""

from collections import Counter
from random import Random
from typing import NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from model.arch.sizes import MEMORY_DATA_BITS, POST_ATTEMPTS
from model.arch.structures import IRTE_POSTED, POSTED_INTERRUPT_DESCRIPTOR
from model.cycle.memory_port import DESCRIPTOR_BEATS, DescriptorReturned
from model.cycle.poster import Post, Posted, Poster
from model.reference.fault import Fault
from model.reference.memory import Memory
from model.reference.message import interrupt_message
from model.reference.post import Poster as ReferencePoster
from rtl.memory_port import (
    descriptor_read_layout,
    descriptor_returned_layout,
    descriptor_write_layout,
    descriptor_written_layout,
)
from rtl.poster import post_layout, posted_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, assert_seen, log, reset

POST, POSTED = post_layout(CONFIG), posted_layout()
READ, WRITE = descriptor_read_layout(CONFIG), descriptor_write_layout(CONFIG)
RETURNED, WRITTEN = descriptor_returned_layout(), descriptor_written_layout()
ON, SN, NDST = (POSTED_INTERRUPT_DESCRIPTOR[name] for name in ("ON", "SN", "NDST"))
RESERVED = CONFIG.reserved_mask(POSTED_INTERRUPT_DESCRIPTOR)
XAPIC_RESERVED = NDST.to(0xFFFF00FF)
BITS = [bit for bit in range(512) if (RESERVED | XAPIC_RESERVED) >> bit & 1]
OKAY, EXOKAY = 0, 1
DONE = EXOKAY if CONFIG.exclusive else OKAY
BEAT_MASK = (1 << MEMORY_DATA_BITS) - 1
NOISE = DescriptorReturned(1, BEAT_MASK, 3)
# Likelihoods of an interrupt on offer, of ready, of a beat or an answer; of trouble of each kind. Each after a reset.
PHASES = ((0.9, 1.0, 1.0, 0.0), (0.9, 1.0, 1.0, 0.3), (0.3, 0.4, 0.4, 0.1), (1.0, 0.5, 0.9, 0.3))
PHASE_CLOCKS = 2500


class Inputs(NamedTuple):
    """All inputs of the block."""

    post: Post | None = None
    read_ready: int = 0
    returned: DescriptorReturned | None = None
    write_ready: int = 0
    written: int | None = None


class Shown(NamedTuple):
    """All outputs of the block; payloads only when they are valid."""

    post_ready: int
    read: int | None
    write: int | None
    posted: int | None


class Surroundings:
    """Offers interrupts and answers as the memory port does; `attempts` is what the running one has read, in order."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        self.rng = rng
        self.offering, self.ready, self.answering, self.trouble = phase
        self.post: Post | None = None
        self.job: Post | None = None
        self.descriptor = 0
        self.responses: list[int] = []
        self.answer = OKAY
        self.beats: list[DescriptorReturned] = []
        self.written: list[int] = []
        self.lost = 0

    def draw(self) -> Inputs:
        rng = self.rng
        if self.post is None and rng.random() < self.offering:
            self.post = self.next_post()
        returned = written = None
        if self.beats and rng.random() < self.answering:
            returned = self.beats[0]
        if len(self.written) == DESCRIPTOR_BEATS and rng.random() < self.answering:
            written = self.answer
        return Inputs(self.post, int(rng.random() < self.ready), returned, int(rng.random() < self.ready), written)

    def happened(self, inputs: Inputs, shown: Shown) -> None:
        """See what was transferred in this clock."""
        if shown.post_ready and inputs.post is not None:
            self.job, self.post, self.lost = inputs.post, None, 0
        if inputs.returned is not None:
            self.beats.pop(0)
        if inputs.written is not None:
            self.written = []
            self.lost += CONFIG.exclusive and inputs.written == OKAY
        if shown.read is not None and inputs.read_ready:
            assert shown.read == self.job.address and not self.beats
            self.beats = self.read()
        if shown.write is not None and inputs.write_ready:
            self.written.append(shown.write)

    def next_post(self) -> Post | None:
        """Return the interrupt to offer next."""
        rng = self.rng
        vector = rng.choice((0, 127, 128, 255, rng.getrandbits(8)))
        return Post(rng.getrandbits(CONFIG.haw - 6) << 6, vector, rng.getrandbits(1), rng.getrandbits(1))

    def read(self) -> list[DescriptorReturned]:
        """Return the beats of a descriptor, most often a good one."""
        rng = self.rng
        descriptor = rng.choice((0, rng.getrandbits(512), rng.getrandbits(512))) & ~RESERVED
        descriptor &= ~XAPIC_RESERVED | -self.job.extended
        if rng.random() < self.trouble:
            descriptor |= 1 << rng.choice(BITS)
        self.responses = [DONE] * DESCRIPTOR_BEATS
        if not CONFIG.exclusive:
            self.responses = [rng.choice((OKAY, OKAY, EXOKAY)) for _ in self.responses]
        if rng.random() < self.trouble:
            self.responses[rng.randrange(DESCRIPTOR_BEATS)] = rng.choice((0, 2, 3))
        self.answer = rng.choice((0, 0, 0, 2, 3)) if rng.random() < self.trouble else DONE
        return self.beats_of(descriptor)

    def beats_of(self, descriptor: int) -> list[DescriptorReturned]:
        """Return the beats with which a read of this descriptor is answered."""
        self.descriptor = descriptor
        last = DESCRIPTOR_BEATS - 1
        return [
            DescriptorReturned(int(place == last), descriptor >> place * MEMORY_DATA_BITS & BEAT_MASK, response)
            for place, response in enumerate(self.responses)
        ]

    def failed(self) -> int | None:
        """Return the first beat that was an error."""
        for place, response in enumerate(self.responses):
            if response > EXOKAY or (CONFIG.exclusive and response != EXOKAY):
                return place
        return None


class AlwaysLost(Surroundings):
    """Software that changes the descriptor each time before it is written."""

    def read(self) -> list[DescriptorReturned]:
        beats = super().read()
        self.answer = OKAY
        return beats


class EachReservedBit(Surroundings):
    """Descriptors with one bit that is reserved in both modes or in one, each bit in both modes, all else 0."""

    def __init__(self, rng: Random, phase: tuple) -> None:
        super().__init__(rng, phase)
        self.responses, self.answer = [DONE] * DESCRIPTOR_BEATS, DONE
        self.left = [(bit, extended) for bit in BITS for extended in (0, 1)]

    def next_post(self) -> Post | None:
        return Post(0x1000, 5, 0, self.left[0][1]) if self.left else None

    def read(self) -> list[DescriptorReturned]:
        return self.beats_of(1 << self.left.pop(0)[0])


def drive(dut, inputs: Inputs) -> None:
    """Drive a clock; what comes with a valid of 0 is noise."""
    dut.post__valid.value = inputs.post is not None
    dut.post__payload.value = pack(POST, inputs.post)
    dut.read__ready.value = inputs.read_ready
    dut.returned.value = pack(RETURNED, (int(inputs.returned is not None), *(inputs.returned or NOISE)))
    dut.write__ready.value = inputs.write_ready
    dut.written.value = pack(WRITTEN, (0, 1) if inputs.written is None else (1, inputs.written))


def shown_by(dut) -> Shown:
    posted = int(dut.posted.value)
    return Shown(
        int(dut.post__ready.value),
        int(dut.read__payload.value) if int(dut.read__valid.value) else None,
        int(dut.write__payload.value) if int(dut.write__valid.value) else None,
        without_meaningless(posted) if posted & 1 else None,
    )


def without_meaningless(posted: int) -> int:
    """Return the bits of `posted` that mean something."""
    notify = posted >> POSTED["notify"].offset & 1
    return posted if notify else posted & (1 << POSTED["notify"].offset) - 1


def expected_of(model: Poster, inputs: Inputs) -> Shown:
    read, write = model.read(inputs.post), model.write(inputs.returned)
    return Shown(
        int(model.idle and inputs.read_ready),
        read,
        None if write is None else pack(WRITE, write),
        None if model.posted is None else without_meaningless(pack(POSTED, (1, *model.posted))),
    )


def of_reference(job: Post, descriptor: int) -> tuple[int, int, tuple | None]:
    """Return what the reference model says: fault, the descriptor afterwards, the notification."""
    memory = Memory()
    memory.write(job.address, 64, descriptor)
    irte = IRTE_POSTED.pack(
        PDAL=job.address >> 6 & (1 << 26) - 1, PDAH=job.address >> 32, VV=job.vector, URG=job.urgent
    )
    try:
        result = ReferencePoster(CONFIG, memory).post(irte, extended=bool(job.extended))
    except Fault as fault:
        return int(fault.condition.reason), memory.read(job.address, 64), None
    return 0, memory.read(job.address, 64), result.notification


def check_result(around: Surroundings, posted: Posted, written: list[int], seen: Counter) -> None:
    """Compare with the reference model, and count."""
    job, descriptor = around.job, around.descriptor
    failed = around.failed()
    fault, after, notification = of_reference(job, descriptor)
    if failed is not None:
        fault = 0x27
        seen[f"error {around.responses[failed]} in beat {failed}"] += 1
    if fault:
        assert (posted.fault_reason, written) == (fault, []), f"{posted} != fault {fault:#x}, {written}"
        seen[f"fault {fault:#x}"] += 1
        return
    beats = [word >> WRITE["data"].offset & BEAT_MASK for word in written]
    assert sum(beat << place * MEMORY_DATA_BITS for place, beat in enumerate(beats)) == after
    assert [word >> WRITE["last"].offset for word in written] == [0, 0, 0, 1]
    if around.answer > EXOKAY or around.lost == POST_ATTEMPTS:
        assert posted.fault_reason == 0x27
        seen["write error"] += around.answer > EXOKAY
        seen["given up"] += around.lost == POST_ATTEMPTS
        return
    assert posted.fault_reason == 0
    sent = interrupt_message(vector=posted.vector, destination=posted.destination) if posted.notify else None
    assert sent == notification, f"{sent} != {notification} (expected)"
    on, sn = ON.of(descriptor), SN.of(descriptor)
    seen[f"ON {on} SN {sn} URG {job.urgent} EIME {job.extended}"] += 1
    seen["after a lost race"] += around.lost > 0


async def run_phase(dut, around: Surroundings, seen: Counter, clocks: int) -> None:
    model, inputs, written = Poster(CONFIG), Inputs(), []
    drive(dut, inputs)
    await reset(dut)
    for clock in range(clocks):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        actual, expected = shown_by(dut), expected_of(model, inputs)
        assert actual == expected, f"clock {clock}, {inputs}: {actual} != {expected} (expected)"
        if model.posted is not None:
            check_result(around, model.posted, written, seen)
        around.happened(inputs, expected)
        if expected.read is not None and inputs.read_ready:
            written = []
        written = around.written[:] or written
        model.step(*inputs)
        inputs = around.draw()
        drive(dut, inputs)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    Clock(dut.clk, 10, unit="ns").start()
    for phase in PHASES:
        await run_phase(dut, Surroundings(rng, phase), seen, PHASE_CLOCKS)
    wanted = {f"ON {n & 1} SN {n >> 1 & 1} URG {n >> 2 & 1} EIME {n >> 3}": 5 for n in range(16)}
    errors = (0, 2, 3) if CONFIG.exclusive else (2, 3)
    wanted |= {f"error {response} in beat {beat}": 2 for response in errors for beat in range(DESCRIPTOR_BEATS)}
    wanted |= {"fault 0x27": 40, "fault 0x28": 40, "write error": 10}
    assert_seen(seen, wanted | ({"after a lost race": 10} if CONFIG.exclusive else {}))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_reserved_bit(dut):
    seen = Counter()
    Clock(dut.clk, 10, unit="ns").start()
    around = EachReservedBit(Random(SEED), (1.0, 1.0, 1.0, 0.0))
    await run_phase(dut, around, seen, 13 * 2 * len(BITS))
    well = sum(not RESERVED >> bit & 1 for bit in BITS)
    assert well == 24 and not around.left
    assert seen["fault 0x28"] == 2 * len(BITS) - well and seen["ON 0 SN 0 URG 0 EIME 1"] == well, seen


@cocotb.test(skip=not CONFIG.exclusive, timeout_time=1, timeout_unit="ms")
async def gives_up_after_many_lost_races(dut):
    seen = Counter()
    Clock(dut.clk, 10, unit="ns").start()
    around = AlwaysLost(Random(SEED), (1.0, 1.0, 1.0, 0.0))
    await run_phase(dut, around, seen, 11 * POST_ATTEMPTS)
    assert seen["given up"] == 1 and len(seen) == 2, seen
