"""Whatever software, devices and memory do to a unit, in any order, its registers stay consistent."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from hypothesis import event, given
from hypothesis import strategies as st

from model.reference import DmaResult, InterruptResult, Unit
from tests.model.reference.worlds import CountingMemory, World, dma_requests, dma_world, interrupt_world

SEQUENCES = 300
OPERATIONS = 40

# Status bits of FSTS that hold the fault event back: PFO, PPF, IQE, ICE, ITE (24.4).
FAULT_STATUS = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6


@dataclass(frozen=True)
class Snapshot:
    """What software can read, and what left the unit so far."""

    gsts: int
    fsts: int
    fectl: int
    ics: int
    iectl: int
    iqh: int
    iqercd: int
    records: tuple[int, ...]
    messages: int


class Sequence:
    """One unit, its memory, and what the test itself knows about them."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.world = _world(rng)
        self.config = self.world.config
        self.memory = CountingMemory()
        self.unit: Unit = self.world.unit(self.memory)
        self.ring_index = 0
        self.queue_bytes, self.descriptor_bytes = 4096, 16
        self.queue = self.world.frames[0]
        self.seen: Counter[str] = Counter()
        self.log: list[str] = []
        self.constant = self.fixed_registers()
        self.legal = legal_bits(self.config)

    def fixed_registers(self) -> list[int]:
        """VER, CAP and ECAP."""
        read = self.unit.read_register
        return [read(0x00), read(0x08, 8), read(0x10, 8)]

    def snapshot(self) -> Snapshot:
        read, fro = self.unit.read_register, self.config.fro
        places = range(fro, fro + 16 * self.config.nfr, 16)
        return Snapshot(
            gsts=read(0x1C),
            fsts=read(0x34),
            fectl=read(0x38),
            ics=read(0x9C),
            iectl=read(0xA0),
            iqh=read(0x80, 8),
            iqercd=read(0xB0, 8),
            records=tuple(read(at, 8) | read(at + 8, 8) << 64 for at in places),
            messages=len(self.unit.messages),
        )

    def run(self) -> Counter[str]:
        """Do random operations, and look at everything after each."""
        self.check(self.snapshot())
        for _ in range(OPERATIONS):
            before = self.snapshot()
            self.memory.reads = self.memory.writes = 0
            writes = (self.write,) * 3
            kind = self.rng.choice((*writes, self.look, self.dma, self.interrupt, self.disturb))
            kind(before)
            after = self.snapshot()
            self.check(after)
            self.seen["overflow"] += after.fsts & ~before.fsts & 1
            self.seen[f"IQEI {after.iqercd & 15}"] += 1
        self.check_reserved(range(0, 4096, 4), self.told())
        return self.seen

    def told(self) -> str:
        """Return how to do it again."""
        return f"{self.config} after " + "; ".join(self.log)

    # What holds after everything.

    def check(self, now: Snapshot) -> None:
        where = self.told()
        assert bool(now.fsts & 2) == any(record >> 127 for record in now.records), f"PPF is the OR of all F: {where}"
        assert not now.fectl & 1 << 30 or (now.fsts & FAULT_STATUS and now.fectl >> 31), f"FECTL.IP: {where}"
        assert not now.iectl & 1 << 30 or (now.ics & 1 and now.iectl >> 31), f"IECTL.IP: {where}"
        assert bool(now.fsts & 1 << 4) == bool(now.iqercd & 15), f"IQE and IQEI: {where}"
        assert now.gsts & 1 << 26 or now.iqh == 0, f"QIES = 0 but IQH = {now.iqh:#x}: {where}"
        assert now.iqh % self.descriptor_bytes == 0, f"IQH {now.iqh:#x} inside a descriptor: {where}"
        assert now.iqh < self.queue_bytes, f"IQH {now.iqh:#x} outside the queue: {where}"
        assert self.fixed_registers() == self.constant, f"VER, CAP, ECAP changed: {where}"
        self.check_reserved(self.legal, where)

    def check_reserved(self, offsets: Iterable[int], where: str) -> None:
        """Bits that this unit has not read 0, and so do offsets without a register."""
        for offset in offsets:
            value = self.unit.read_register(offset)
            assert not value & ~self.legal.get(offset, 0), f"offset {offset:#x} reads {value:#x}: {where}"

    # What software does.

    def write(self, before: Snapshot) -> None:
        offset, value, size = self.random_write()
        covers = range(offset, offset + size) if size in (4, 8) and offset % size == 0 else range(0)
        self.log.append(f"write_register({offset:#x}, {value:#x}, {size})")
        latched = self.unit.read_register(0x90, 8)
        self.unit.write_register(offset, value, size)
        after = self.snapshot()
        if 0x18 in covers:
            self.check_command(before, after, value >> (0x18 - offset) * 8 & 0xFFFFFFFF, latched)
        else:
            assert after.gsts == before.gsts, f"GSTS changed: {self.told()}"
        self.check_records_after_write(before, after, covers, value, offset)
        self.check_work()
        if not after.gsts >> 25 & 1 and not after.gsts >> 31:
            self.ring_index = 0
        self.seen["event sent"] += after.messages - before.messages
        masked = all(control >> 31 for control in (before.fectl, after.fectl, before.iectl, after.iectl))
        assert after.messages == before.messages or not masked, f"a message although masked: {self.told()}"
        assert after.messages - before.messages <= 2, f"one fault and one completion event at most: {self.told()}"
        self.seen["wait completed with event"] += after.ics & ~before.ics & 1
        self.seen["head moved"] += after.iqh != before.iqh and bool(after.iqh)

    def check_command(self, before: Snapshot, after: Snapshot, command: int, latched: int) -> None:
        """GSTS follows GCMD: levels as written, RTPS and IRTPS once set by SRTP and SIRTP."""
        one_shots = before.gsts & (1 << 30 | 1 << 24)
        levels = 1 << 31 | (1 << 26 if self.config.qi else 0)
        one_shot_controls = 1 << 30
        if self.config.ir:
            levels |= 1 << 25 | 1 << 23
            one_shot_controls |= 1 << 24
        expected = one_shots | command & (levels | one_shot_controls)
        assert after.gsts == expected, f"GSTS {after.gsts:#x}, not {expected:#x}: {self.told()}"
        if after.gsts & ~before.gsts & 1 << 26:
            self.queue_bytes = 4096 << (latched & 7)
            self.descriptor_bytes = 32 if latched & 1 << 11 else 16

    def check_records_after_write(
        self, before: Snapshot, after: Snapshot, covers: range, value: int, offset: int
    ) -> None:
        """A write changes a record only by clearing its F, where F was written as 1 (24.3)."""
        for number, (old, new) in enumerate(zip(before.records, after.records, strict=True)):
            place = self.config.fro + 16 * number + 15  # the byte that holds F, its bit 7
            clears = place in covers and value >> (place - offset) * 8 & 0x80
            assert new == (old & ~(1 << 127) if clears else old), f"record {number}: {self.told()}"
        assert not after.fsts & ~before.fsts & 1, f"a write sets PFO: {self.told()}"

    def check_work(self) -> None:
        """A register write fetches and executes each descriptor of the queue at most once."""
        descriptors = self.queue_bytes // self.descriptor_bytes
        assert self.memory.reads <= descriptors, f"{self.memory.reads} reads: {self.told()}"
        assert self.memory.writes <= descriptors, f"{self.memory.writes} writes: {self.told()}"

    def random_write(self) -> tuple[int, int, int]:
        rng, config = self.rng, self.config
        fro = config.fro + 16 * rng.randrange(config.nfr)
        descriptors = rng.choice((1, 2, 5, 100, 255))
        return rng.choice(
            (
                (0x18, rng.getrandbits(32) | rng.choice((0, 1 << 31 | 1 << 25, 1 << 26)), 4),
                (0x18, 1 << 31 | 1 << 26 | 1 << 25, 4),
                (0x34, rng.choice((1, 1 << 4, 0x71, rng.getrandbits(32))), 4),
                (0x38, rng.choice((0, 1 << 31)), 4),
                (0xA0, rng.choice((0, 1 << 31)), 4),
                (0x9C, 1, 4),
                (fro + 12, rng.choice((1 << 31, rng.getrandbits(32))), 4),
                (fro + 8, 1 << 63, 8),
                (0x88, descriptors << 4, 8),
                (0x88, rng.choice((descriptors << 5, rng.getrandbits(19), rng.getrandbits(64))), 8),
                (0x90, self.queue | rng.choice((0, 0, 0, 0, 1, 7, 1 << 11)), 8),
                (0x20, self.world.root_table | rng.choice((0, 0, 0, 1, 2, 3)) << 10, 8),
                (rng.choice((0x28, config.iro + 8)), rng.getrandbits(64), 8),
                (4 * rng.randrange(0x40), rng.getrandbits(32), 4),
                (8 * rng.randrange(0x80), rng.getrandbits(64), 8),
                (rng.randrange(0x1000), rng.getrandbits(64), rng.choice((1, 2, 3, 4, 8, 16))),
            )
        )

    def look(self, before: Snapshot) -> None:
        """Reading changes nothing, whatever the offset and the size."""
        offset, size = self.rng.randrange(0x1000), self.rng.choice((1, 2, 3, 4, 8, 16))
        self.log.append(f"read_register({offset:#x}, {size})")
        assert 0 <= self.unit.read_register(offset, size) < 2 ** (8 * size), self.told()
        assert self.snapshot() == before, self.told()
        assert (self.memory.reads, self.memory.writes) == (0, 0), self.told()

    # What devices do.

    def dma(self, before: Snapshot) -> None:
        request = self.rng.choice(list(dma_requests(self.rng, self.world)))
        self.log.append(f"dma({request})")
        self.check_answer(before, request.source_id, self.unit.dma(request), notified=0)
        assert self.memory.reads <= 2 + 5, f"{self.memory.reads} reads: {self.told()}"
        assert self.memory.writes == 0, f"{self.memory.writes} writes: {self.told()}"

    def interrupt(self, before: Snapshot) -> None:
        request = self.rng.choice(self.world.requests)
        self.log.append(f"interrupt({request})")
        result = self.unit.interrupt(request)
        self.check_answer(before, request.source_id, result, notified=int(result.notification is not None))
        assert self.memory.reads <= 2, f"{self.memory.reads} reads: {self.told()}"
        assert self.memory.writes <= 1, f"{self.memory.writes} writes: {self.told()}"

    def check_answer(
        self, before: Snapshot, source_id: int, result: DmaResult | InterruptResult, *, notified: int
    ) -> None:
        """24.2, 24.4: what a recordable fault does to the records, to PFO, and to the event; others do nothing."""
        after, where = self.snapshot(), self.told()
        assert (after.gsts, after.ics, after.iectl, after.iqh) == (before.gsts, before.ics, before.iectl, before.iqh)
        collapses = self.config.collapse_faults and any(
            record >> 127 and record >> 64 & 0xFFFF == source_id for record in before.records
        )
        faulted = result.condition is not None and not result.suppressed
        pfo, records, recorded = before.fsts & 1, list(before.records), False
        if faulted and not pfo and not collapses:
            recorded = not records[self.ring_index] >> 127
            pfo = int(not recorded)
        if recorded and result.condition:
            self.check_new_record(after.records[self.ring_index], source_id, result.condition.reason)
            records[self.ring_index] = after.records[self.ring_index]
        assert after.records == tuple(records), f"records: {where}"
        assert after.fsts & 1 == pfo, f"PFO: {where}"
        if recorded and not before.fsts & 2:
            assert after.fsts >> 8 & 255 == self.ring_index, f"FRI: {where}"
        raised = recorded and not before.fsts & FAULT_STATUS
        sent = raised and not before.fectl >> 31
        assert after.messages - before.messages == sent + notified, f"messages: {where}"
        assert after.fectl == before.fectl | (1 << 30 if raised and not sent else 0), f"FECTL: {where}"
        self.seen["recorded"] += recorded
        self.seen["suppressed"] += result.suppressed
        self.seen["collapsed"] += faulted and collapses
        self.seen["wrapped"] += recorded and self.ring_index == self.config.nfr - 1
        self.advance(after, recorded)

    def check_new_record(self, record: int, source_id: int, reason: int) -> None:
        assert record >> 127 == 1, self.told()
        assert record >> 64 & 0xFFFF == source_id, self.told()
        assert record >> 96 & 0xFF == reason, self.told()

    def advance(self, after: Snapshot, recorded: bool) -> None:
        remapping = after.gsts >> 31 | after.gsts >> 25 & 1
        self.ring_index = (self.ring_index + recorded) % self.config.nfr if remapping else 0

    # What memory does.

    def disturb(self, before: Snapshot) -> None:
        """Load descriptors into the queue, or let a part of it or of the tables fail."""
        if self.rng.random() < 0.8:
            noise = Random(self.rng.getrandbits(32))  # as one draw: nothing in 256 descriptors is worth shrinking
            image = b"".join(_descriptor(noise, self.queue) for _ in range(256))
            self.memory.load(self.queue, image)
            self.log.append(f"load({self.queue:#x}, {image.hex()})")
        else:
            at = self.rng.choice((self.queue + 16 * self.rng.randrange(4), self.rng.choice(self.world.planted)[0]))
            self.memory.fail(at, 8)
            self.log.append(f"fail({at:#x}, 8)")
        assert self.snapshot() == before


def _world(rng: Random) -> World:
    """Return a world with chains for DMA and entries for interrupts in one memory."""
    world, interrupts = dma_world(rng), interrupt_world(rng)
    interrupts.config = world.config
    world.requests = interrupts.requests
    world.image.words |= interrupts.image.words
    world.planted += interrupts.planted
    world.interrupt_table = interrupts.interrupt_table % 2**world.config.haw
    world.size_code = interrupts.size_code
    world.extended = interrupts.extended
    world.compatibility = interrupts.compatibility
    world.remapping = interrupts.remapping
    return world


def _descriptor(rng: Random, queue: int) -> bytes:
    """Return a 128-bit descriptor, nearly always a good one, with the other ones among them."""
    status = (queue + 16 * rng.randrange(256)) & ~3
    wait = rng.getrandbits(32) << 32 | rng.getrandbits(3) << 4 | 5
    low, high = rng.choice(((0x11, 0), (0x12, 0), (0x04, 0), (wait, status), (wait, status), (0x31 | 7 << 32, 0)))
    spoilt = rng.random()
    if spoilt < 0.005:
        low ^= 1 << rng.randrange(64)
    elif spoilt < 0.01:
        high ^= 1 << rng.randrange(64)
    return (high << 64 | low).to_bytes(16, "little")


def legal_bits(config) -> dict[int, int]:
    """Bits that may ever read 1 in a unit without scalable mode and device-TLBs, by dword."""
    everything = 0xFFFFFFFF
    host = 2**config.haw - 1
    aligned = everything - (2**config.protected_memory_shift - 1)
    upper = everything if config.eim else 0
    bits = {0x00: 0xFF, 0x08: everything, 0x0C: everything, 0x10: everything, 0x14: everything}
    bits |= {0x1C: 0xC0000000, 0x20: 0xFFFFFC00, 0x24: host >> 32, 0x28: 0xFFFF, 0x2C: 0x78000000}
    bits |= {0x34: 0xFF13, 0x38: 0xC0000000, 0x3C: 0xFFFF, 0x40: 0xFFFFFFFC, 0x44: upper}
    if config.plmr or config.phmr:
        bits |= {0x64: 0x80000001}
    if config.plmr:
        bits |= {0x68: aligned, 0x6C: aligned}
    if config.phmr:
        bits |= {0x70: aligned, 0x74: host >> 32, 0x78: aligned, 0x7C: host >> 32}
    if config.qi:
        bits[0x1C] |= 1 << 26
        bits |= {0x80: 0x7FFF0, 0x88: 0x7FFF0, 0x90: 0xFFFFF807, 0x94: host >> 32, 0x9C: 1}
        bits |= {0xA0: 0xC0000000, 0xA4: 0xFFFF, 0xA8: 0xFFFFFFFC, 0xAC: upper, 0xB0: 0xF}
    if config.ir:
        bits[0x1C] |= 1 << 25 | 1 << 24 | 1 << 23
        bits |= {0xB8: 0xFFFFF00F | (0x800 if config.eim else 0), 0xBC: host >> 32}
    bits |= {config.iro + 12: 0x3603FFFF}
    for record in range(config.fro, config.fro + 16 * config.nfr, 16):
        bits |= {record: 0xFFFFF000, record + 4: everything, record + 8: 0x1000FFFF, record + 12: 0xC00000FF}
    return bits


@given(st.randoms(use_true_random=False))
def test_registers_stay_consistent(rng):
    for what in Sequence(rng).run():
        event(what)


def test_many_sequences_reach_every_state():
    seen: Counter[str] = Counter()
    for seed in range(SEQUENCES):
        seen += Sequence(Random(seed)).run()
    status = {"recorded", "suppressed", "collapsed", "wrapped", "overflow", "event sent"}
    queue = {"wait completed with event", "head moved"} | {f"IQEI {code}" for code in range(8)}
    assert set(seen) == status | queue
    assert {name: count for name, count in seen.items() if count < 10} == {}
