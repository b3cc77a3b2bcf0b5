"""Memory behind an AXI manager port of the unit."""

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from model.arch.axi import Burst, Response
from model.cycle.axi.ports import Address, ReadData, WriteData, WriteResponse
from tb.check import CheckFailed
from tb.memory import Memory, MemoryFault, Monitor
from tb.stalls import Stalling
from tb.texts import named

__all__ = ["Accepted", "AxiMemory", "Written", "beat_addresses", "pattern"]

OKAY, EXOKAY, SLVERR = int(Response.OKAY), int(Response.EXOKAY), int(Response.SLVERR)
FIXED, WRAP = int(Burst.FIXED), int(Burst.WRAP)


class Accepted(NamedTuple):
    """An address that memory took in `clock`."""

    clock: int
    write: int
    address: Address


class Written(NamedTuple):
    """Adjoining bytes of one beat that were stored in `clock`, little-endian in `value`."""

    clock: int
    id: int
    address: int
    size: int
    value: int


def beat_addresses(address: int, beats: int, size: int, burst: int) -> list[int]:
    """Return the byte address of each beat of a burst of beats of 2^size bytes. AXI4 A3.4.1."""
    if beats == 1:
        return [address]
    if burst == FIXED:
        return [address] * beats
    step = 1 << size
    first = address & -step
    if burst == WRAP:
        window = step * beats
        base = address & -window
        return [base + (first + step * beat - base) % window for beat in range(beats)]
    return [address, *range(first + step, first + step * beats, step)]


def pattern(address: int, size: int) -> int:
    """Return what memory holds where nothing was stored: a function of the address of each aligned 16 bytes."""
    value = ((address >> 4) * 0x9E3779B97F4A7C15F39CC0605CEDC835 + 0x1234567) & (1 << 128) - 1
    return (value ^ value >> 61) >> (address & 15) * 8 & (1 << size * 8) - 1


class _Answers:
    """Bursts of answers of one channel: in order per ID; between IDs as the knobs of the memory say."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._waiting: defaultdict[int, deque[tuple[int, int, deque[Any]]]] = defaultdict(deque)
        self._heads: list[tuple[int, int, int]] = []  # due, number, ID: the oldest burst of each ID, a heap
        self._number = self._latest = 0
        self._beats: deque[Any] = deque()  # the rest of the burst on the channel
        self._id = 0
        self.beat: Any = None
        self.owed = 0

    def push(self, due: int, id_: int, beats: deque[Any], in_order: bool) -> None:
        """Owe the beats, the first of them not before the clock `due`."""
        if in_order:
            due = max(due, self._latest)
        self._latest = max(due, self._latest)
        self._number += 1
        self.owed += 1
        queue = self._waiting[id_]
        if not queue:
            heappush(self._heads, (due, self._number, id_))
        queue.append((due, self._number, beats))

    def taken(self, interleave: bool) -> None:
        """The beat on the channel was taken."""
        self._beats.popleft()
        self.beat = None
        if not self._beats:
            self.owed -= 1
            queue = self._waiting[self._id]
            queue.popleft()
            if queue:
                heappush(self._heads, (*queue[0][:2], self._id))
        elif interleave:
            heappush(self._heads, (*self._waiting[self._id][0][:2], self._id))
            self._beats = deque()

    def offer(self, now: int, shuffle: bool) -> Any:
        """Return the beat for this clock, None when nothing is due; one that is offered stays until it is taken."""
        if not self._beats:
            heads = self._heads
            if not heads or heads[0][0] > now:
                return None
            self._id = self._choose(now) if shuffle and len(heads) > 1 else heappop(heads)[2]
            self._beats = self._waiting[self._id][0][2]
        self.beat = self._beats[0]
        return self.beat

    def _choose(self, now: int) -> int:
        head = self._rng.choice([head for head in self._heads if head[0] <= now])
        self._heads.remove(head)
        heapify(self._heads)
        return head[2]


class AxiMemory(Stalling):
    """Answers the reads and writes of one manager port of the unit, one call of `take` and of `give` per clock.

    An address taken in clock n has the first beat of its answer valid in clock n + latency exactly, then one beat per
    clock, as long as no other burst is on the channel and nothing stalls; a write counts from the later of its address
    and its last beat of data. Data are those of the clock in which the address is taken. Order between IDs is free.

    Knobs, to be changed at any time
    --------------------------------
    latency : clocks, at least 1, or a function without arguments that returns them for each burst
    stall : probability that a channel does nothing in a clock; also by channel: {"r": 0.5}
    order : "fastest", what is due first comes first; "random", any that is due; "accepted", as the addresses came
    interleave : beats of reads of different IDs alternate
    accept : False keeps both address channels closed
    exclusive : there are exclusive accesses. A locked read is answered EXOKAY and reserves what it reads, for its ID; a
        locked write of just that is stored when its last beat came, all beats in one step, and answered EXOKAY, but
        OKAY, and not stored, when anything was stored there in between. Without, they are accesses like others.
    error : response of accesses that fail
    read, write : functions (address, size) -> value and (address, size, value), which raise MemoryFault to fail; by
        default data are a pattern of the address and nothing is stored. `attach` sets both from a Memory.
    monitor : what is reserved; `attach` takes that of the Memory, which also sees what others store there
    observe : called with each Accepted and Written; by default they are appended to `log`
    answered : called with the ID of each response to a write when the manager takes it

    Members
    -------
    writes_taken, writes_answered : number of addresses and of responses since the last reset, by ID
    """

    def __init__(self, data_bytes: int, rng: random.Random, memory: Memory | None = None) -> None:
        self.data_bytes = data_bytes
        self.rng = rng
        self.latency: int | Callable[[], int] = 1
        self.order = "fastest"
        self.interleave = False
        self.accept = True
        self.exclusive = False
        self.error = SLVERR
        self.read: Callable[[int, int], int] = pattern
        self.write: Callable[[int, int, int], None] = lambda address, size, value: None
        self.log: list[Accepted | Written] = []
        self.observe: Callable[[Accepted | Written], None] = self.log.append
        self.answered: Callable[[int], None] = lambda _id: None
        self.monitor = Monitor()
        if memory is not None:
            self.attach(memory)
        self.clear()

    def attach(self, memory: Memory) -> None:
        """Read and store the bytes of `memory`."""
        self.read, self.write = memory.read, memory.write
        self.monitor = getattr(memory, "monitor", self.monitor)

    @property
    def idle(self) -> bool:
        """True when nothing is owed."""
        return not (self._reads.owed or self._responses.owed or self._addresses or self._data)

    @property
    def outstanding(self) -> int:
        """Bursts taken and not wholly answered."""
        return self._reads.owed + self._responses.owed + len(self._addresses)

    def clear(self) -> None:
        """Forget all that is owed: the unit is in reset."""
        self._reads, self._responses = _Answers(self.rng), _Answers(self.rng)
        self._addresses: deque[Address] = deque()  # writes whose data are not complete
        self._places: list[int] = []  # beats of the first of them
        self._data: deque[WriteData] = deque()  # beats that came before their address
        self._beat = 0
        self._response = OKAY
        self.writes_taken: Counter[int] = Counter()
        self.writes_answered: Counter[int] = Counter()
        self._kept: list[WriteData] = []  # beats of an exclusive write that is not complete
        self._awready = self._wready = self._arready = 0
        self._held: tuple[Any, Any, Any] | None = None  # offered to us and not taken yet

    def take(
        self, now: int, aw: Address | None, w: WriteData | None, bready: int, ar: Address | None, rready: int
    ) -> None:
        """See what the manager drove in clock `now`."""
        if self._held is not None:
            self._check_held(now, (aw, w, ar))
            self._held = None
        if not (self._awready and self._wready and self._arready):
            self._held = (
                None if self._awready else aw,
                None if self._wready else w,
                None if self._arready else ar,
            )
        if rready and self._reads.beat is not None:
            self._reads.taken(self.interleave)
        if bready and self._responses.beat is not None:
            id_ = self._responses.beat.id
            self._responses.taken(False)
            self.writes_answered[id_] += 1
            self.answered(id_)
        if ar is not None and self._arready:
            self._accept_read(now, ar)
        if aw is not None and self._awready:
            self.writes_taken[aw.id] += 1
            self.observe(Accepted(now, 1, aw))
            self._addresses.append(aw)
        if w is not None and self._wready:
            self._data.append(w)
        while self._data and self._addresses:
            self._store_beat(now)

    def give(self, now: int) -> tuple[int, int, WriteResponse | None, int, ReadData | None]:
        """Return what memory drives in clock `now`: awready, wready, b, arready, r."""
        reads, responses = self._reads, self._responses
        b, r = responses.beat, reads.beat
        shuffle = self.order == "random"
        if self._stall is None:
            self._awready = self._arready = 1 if self.accept else 0
            self._wready = 1
            if b is None:
                b = responses.offer(now, shuffle)
            if r is None:
                r = reads.offer(now, shuffle or self.interleave)
        else:
            chance = self.rng.random
            aw, w, stall_b, ar, stall_r = self._stall
            self._awready = int(self.accept and chance() >= aw)
            self._wready = int(chance() >= w)
            self._arready = int(self.accept and chance() >= ar)
            if b is None and responses.owed and chance() >= stall_b:
                b = responses.offer(now, shuffle)
            if r is None and reads.owed and chance() >= stall_r:
                r = reads.offer(now, shuffle or self.interleave)
        return self._awready, self._wready, b, self._arready, r

    def _check_held(self, now: int, channels: tuple[Any, Any, Any]) -> None:
        for held, driven in zip(self._held or (), channels, strict=True):
            if held is not None and driven != held:
                was, is_now = named(held), named(driven)
                raise CheckFailed(
                    f"clock {now}: what is offered changed before it was taken\n  before: {was}\n  after:  {is_now}"
                )

    def _due(self, now: int) -> int:
        latency = self.latency if isinstance(self.latency, int) else self.latency()
        if latency < 1:
            raise ValueError(f"latency of a memory must be at least 1 clock, not {latency}")
        return now + latency

    def _accept_read(self, now: int, address: Address) -> None:
        self.observe(Accepted(now, 0, address))
        size = 1 << address.size
        okay = OKAY
        if address.lock and self.exclusive:
            okay = EXOKAY
            self.monitor.reserve((self, address.id), address.addr, size * (address.len + 1))
        beats: deque[ReadData] = deque()
        for place in beat_addresses(address.addr, address.len + 1, address.size, address.burst):
            aligned = place & -size
            try:
                value, response = self.read(aligned, size) << aligned % self.data_bytes * 8, okay
            except MemoryFault:
                value, response = 0, self.error
            beats.append(ReadData(address.id, value, response, int(len(beats) == address.len)))
        self._reads.push(self._due(now), address.id, beats, self.order == "accepted")

    def _store_beat(self, now: int) -> None:
        address, beat = self._addresses[0], self._data.popleft()
        exclusive = address.lock and self.exclusive
        if self._beat == 0:
            self._places = beat_addresses(address.addr, address.len + 1, address.size, address.burst)
            self._response = OKAY
        last = self._beat == address.len
        if beat.last != last:
            raise CheckFailed(f"clock {now}: WLAST is {beat.last} in beat {self._beat} of AW with {named(address)}")
        if exclusive:
            self._kept.append(beat)
        else:
            self._store(now, address, self._places[self._beat], beat)
        self._beat += 1
        if last:
            if exclusive:
                self._store_exclusive(now, address)
            self._addresses.popleft()
            self._beat = 0
            response = deque([WriteResponse(address.id, self._response)])
            self._responses.push(self._due(now), address.id, response, self.order == "accepted")

    def _store_exclusive(self, now: int, address: Address) -> None:
        beats, self._kept = self._kept, []
        if self.monitor.holds((self, address.id), address.addr, (1 << address.size) * len(beats)):
            self._response = EXOKAY
            for place, beat in zip(self._places, beats, strict=True):
                self._store(now, address, place, beat)

    def _store(self, now: int, address: Address, place: int, beat: WriteData) -> None:
        size = 1 << address.size
        base, lane = place & -self.data_bytes, place % self.data_bytes
        allowed = (1 << (lane & -size) + size) - (1 << lane)
        strobe = beat.strb
        if strobe & ~allowed:
            where = f"{place:#x} of AW with {named(address)}"
            raise CheckFailed(f"clock {now}: strobes {strobe:#x} are not within {allowed:#x}: {where}")
        while strobe:
            first = (strobe & -strobe).bit_length() - 1
            count = (~(strobe >> first) & (strobe >> first) + 1).bit_length() - 1
            value = beat.data >> first * 8 & (1 << count * 8) - 1
            strobe &= -1 << first + count
            self.monitor.wrote(base + first, count)
            try:
                self.write(base + first, count, value)
            except MemoryFault:
                self._response = self.error
            else:
                self.observe(Written(now, address.id, base + first, count, value))
