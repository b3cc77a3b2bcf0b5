"""Interrupts of devices, posted by the whole unit into descriptors that software changes at the same time."""

from collections import Counter, deque
from collections.abc import Iterator
from random import Random

from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.structures import IRTE_POSTED, POSTED_INTERRUPT_DESCRIPTOR, REMAPPABLE_INTERRUPT_ADDRESS
from model.cycle.axi.ports import Address
from model.reference.message import interrupt_message
from tb.axi_device import Transfer
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.posting_software import PostingSoftware
from tb.programming import enable_interrupt_remapping
from tb.testbench import Testbench

__all__ = ["PostingRace"]

TABLE = 0x6_0000
PLACES = (0x1000, 0x1040, 0x2000)  # of descriptors; two adjoin
ENTRIES_LOG2 = 4  # more than the smallest cache holds
VECTORS_OF_PLACE = 4  # several entries have one vector of one descriptor
BURST = 40  # interrupts until everything comes to rest
PATIENCE = 20_000  # clocks without an answer to a device until a burst counts as stuck

# Greatest latency, more often a low one: an interrupt takes 2 L + 9 clocks and more.
LATENCIES = (1, 1, 2, 2, 3, 3, 5, 8, 8, 15, 30, 60)
STALLS = (0.0, 0.0, 0.1, 0.4)
WAITING = (1, 3, 20)  # interrupts that devices have under way at most
PACES = (0.05, 0.5, 1.0)

ON, SN, NV, NDST = (POSTED_INTERRUPT_DESCRIPTOR[name] for name in ("ON", "SN", "NV", "NDST"))
SIZE = POSTED_INTERRUPT_DESCRIPTOR.bytes


class _Interrupt:
    """An interrupt request of a device, and whether it stands in its descriptor."""

    def __init__(self, transfer: Transfer, place: int, vector: int, urgent: int) -> None:
        self.transfer = transfer
        self.place, self.vector, self.urgent = place, vector, urgent
        self.reads = 0
        self.stored = False


class PostingRace:
    """A script: `rounds` interrupts in bursts, each with its own latencies, stalls and pace, then `seen` has counts.

    What the unit does is taken from its buses alone. It posts in the order in which devices wrote, so the oldest
    request that is not stored is the one whose descriptor it reads and writes. CheckFailed when it touches another
    descriptor, changes anything but the bit of the vector and ON, sets ON against ON, SN or URG, sends a message
    before the write that makes it due, or to another place than that write found in memory, or answers a device with
    an error or before its bit is there; and, after each burst, when software has not found every interrupt.
    """

    def __init__(self, rounds: int, *, extended: int) -> None:
        self.seen: Counter[str] = Counter()
        self._rounds = rounds
        self.extended = extended

    def script(self, bench: Testbench) -> Iterator[None]:
        """Play on a Testbench."""
        self._begin(bench)
        yield from enable_interrupt_remapping(bench, TABLE, size=ENTRIES_LOG2 - 1, extended=bool(self.extended))
        left = self._rounds
        while left:
            yield from self._burst(min(left, BURST))
            left -= min(left, BURST)
            bench.progress = {"rounds": self._rounds - left, "of": self._rounds}
        self.seen.update(sum((software.seen for software in self._software.values()), Counter()))

    def _begin(self, bench: Testbench) -> None:
        self._bench = bench
        self._rng = rng = bench.rng
        self._waiting: deque[_Interrupt] = deque()  # not stored yet
        self._open: dict[int, _Interrupt] = {}  # not answered yet, by transfer
        self._due: deque[tuple[int, int, int]] = deque()  # messages: descriptor, destination, vector
        self._before: dict[int, int] = {}  # descriptors as software left them
        self._stored: _Interrupt | None = None
        self._beats = 0  # of the update that is being stored
        self._messages_due = self._messages_begun = 0
        self._begun_now = False
        bench.tables.exclusive = True
        bench.tables.observe, bench.host.observe = self._on_tables, self._on_host
        bench.device.on_finished = self._answered
        self._software = {
            place: PostingSoftware(bench.memory, Random(f"{place} {bench.seed}"), place, extended=bool(self.extended))
            for place in PLACES
        }
        self._entries = [self._new_entry(index, rng) for index in range(1 << ENTRIES_LOG2)]
        self._leave()

    def _new_entry(self, index: int, rng: Random) -> tuple[int, int, int]:
        place, urgent = rng.choice(PLACES), int(rng.random() < 0.25)
        vector = rng.randrange(VECTORS_OF_PLACE) * 85
        entry = IRTE_POSTED.pack(P=1, IM=1, URG=urgent, VV=vector, PDAL=place >> 6)
        self._bench.memory.write(TABLE + 16 * index, 16, entry)
        return place, vector, urgent

    # Devices and time.

    def _burst(self, left: int) -> Iterator[None]:
        bench, rng = self._bench, self._rng
        self._turn_knobs()
        waiting, pace = rng.choice(WAITING), rng.choice(PACES)
        for software in self._software.values():
            software.quiet = False
        self._answered_last = bench.now
        while not self._settled(left):
            if left and len(self._open) < waiting and rng.random() < pace:
                left -= 1
                self._submit()
            if not left and not self._open:
                for software in self._software.values():
                    software.quiet = True
            yield
            self._clock()
            if bench.now - self._answered_last > PATIENCE:
                raise CheckFailed(f"clock {bench.now}: {left} to send, {len(self._open)} open, {len(self._due)} due")
        for software in self._software.values():
            software.finish(bench.now)
        self.seen["bursts"] += 1

    def _turn_knobs(self) -> None:
        bench, rng = self._bench, self._rng
        slowest, slowest_host = rng.choice(LATENCIES), rng.choice(LATENCIES)
        bench.tables.latency = lambda: rng.randint(1, slowest)
        bench.host.latency = lambda: rng.randint(1, slowest_host)
        for driver in (bench.tables, bench.host, bench.device):
            driver.stall = rng.choice(STALLS)
        bench.tables.order = rng.choice(("fastest", "random", "accepted"))
        for software in self._software.values():
            software.activity = min(0.5, 1 / slowest)
        self.seen[f"latency to {slowest}"] += 1

    def _settled(self, left: int) -> bool:
        return not (left or self._open or self._due or not all(one.idle for one in self._software.values()))

    def _submit(self) -> None:
        rng = self._rng
        index = rng.randrange(len(self._entries))
        address = INTERRUPT_PREFIX << 20 | REMAPPABLE_INTERRUPT_ADDRESS["HANDLE_14_0"].to(index)
        address |= REMAPPABLE_INTERRUPT_ADDRESS["FORMAT"].mask
        transfer = Transfer(
            True,
            rng.getrandbits(16),
            address,
            id=rng.getrandbits(self._bench.config.id_bits),
            size=2,
            skew=rng.choice((0, 0, 3, -2)),
        )
        interrupt = _Interrupt(transfer, *self._entries[index])
        self._open[id(transfer)] = interrupt
        self._waiting.append(interrupt)
        self._bench.device.submit(transfer)
        urgent = ", urgent" * interrupt.urgent
        self._bench.note(f"interrupt {index}, descriptor at {interrupt.place:#x}, vector {interrupt.vector}{urgent}")

    def _clock(self) -> None:
        """See what the unit did in the clock that is over, then let software go on."""
        now = self._bench.now
        self._check_message_on_offer()
        if self._stored is not None:
            self._check_update(self._stored)
        for software in self._software.values():
            software.step(now)
        if self._stored is not None:
            self._software[self._stored.place].posted(now, self._stored.vector)
            self._stored = None
        self._leave()

    def _leave(self) -> None:
        for place in PLACES:
            self._before[place] = self._bench.memory.read(place, SIZE)

    def _wrong(self, what: str) -> CheckFailed:
        return CheckFailed(f"clock {self._bench.now}: {what}")

    # What the unit does.

    def _answered(self, transfer: Transfer) -> None:
        interrupt = self._open.pop(id(transfer))
        self._answered_last = self._bench.now
        if not transfer.permitted:
            raise self._wrong(f"{transfer} was refused")
        if not interrupt.stored:
            raise self._wrong(f"{transfer} was answered before its bit was in the descriptor")

    def _on_tables(self, event: Accepted | Written) -> None:
        if isinstance(event, Written):
            self._on_stored(event)
        elif event.address.lock:
            self._on_access(event.write, event.address)

    def _on_access(self, write: int, address: Address) -> None:
        interrupt = self._waiting[0] if self._waiting else None
        if interrupt is None or address.addr != interrupt.place:
            raise self._wrong(f"{address}, which is not where the oldest interrupt goes")
        if interrupt.transfer.data_accepted < 0:
            raise self._wrong(f"{address} before a device asked for it")
        if write:
            return
        interrupt.reads += 1
        if interrupt.reads == 1:
            self._software[interrupt.place].accepted(self._bench.now, interrupt.vector, interrupt.urgent)
        self.seen["lost races"] += interrupt.reads > 1
        self.seen["lost three times"] += interrupt.reads == 4

    def _on_stored(self, event: Written) -> None:
        """Only exclusive writes that succeed store anything in a descriptor: four beats, all in one clock."""
        interrupt = self._waiting[0] if self._waiting else None
        if interrupt is None or event.address & -SIZE != interrupt.place or not interrupt.reads:
            raise self._wrong(f"{event} into nobody's descriptor")
        self._beats += 1
        if self._beats * event.size == SIZE:
            self._beats = 0
            self._waiting.popleft()
            self._stored = interrupt
            interrupt.stored = True

    def _check_update(self, interrupt: _Interrupt) -> None:
        """Compare the whole descriptor with what rule 23.2 makes of what software left there."""
        place = interrupt.place
        before, after = self._before[place], self._bench.memory.read(place, SIZE)
        notify = not ON.of(before) and (interrupt.urgent or not SN.of(before))
        if after != before | 1 << interrupt.vector | (ON.mask if notify else 0):
            raise self._wrong(
                f"{place:#x} went from {before:#x} to {after:#x} by vector {interrupt.vector}, "
                f"urgent {interrupt.urgent}"
            )
        self.seen["coalesced"] += before >> interrupt.vector & 1
        self.seen["silent"] += not notify
        if notify:
            self._messages_due += 1
            destination = NDST.of(before) if self.extended else NDST.of(before) >> 8 & 0xFF
            self._due.append((place, destination, NV.of(before)))

    def _check_message_on_offer(self) -> None:
        """A message is valid only in clocks after that of the write that makes it due."""
        address = self._bench.outputs.m_axi_aw
        if address is not None and self._messages_begun + (not self._begun_now) > self._messages_due:
            raise self._wrong(f"{address} before the write to a descriptor that makes it due")
        self._begun_now = False

    def _on_host(self, event: Accepted | Written) -> None:
        if isinstance(event, Accepted):
            self._messages_begun += 1
            self._begun_now = True
            return
        if not self._due:
            raise self._wrong(f"{event}, which is not due")
        place, destination, vector = self._due.popleft()
        message = interrupt_message(vector=vector, destination=destination)
        if (event.address, event.size, event.value) != (message.address, 4, message.data):
            raise self._wrong(f"{event}, but {place:#x} said {destination:#x}, {vector:#x}")
        self._software[place].notified(self._bench.now, destination, vector)
