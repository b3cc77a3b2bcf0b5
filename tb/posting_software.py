"""Software that shares a posted-interrupt descriptor with the unit, and watches what the unit does to it."""

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from random import Random

from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from tb.check import CheckFailed
from tb.memory import Memory

__all__ = ["PostingSoftware"]

SIZE = POSTED_INTERRUPT_DESCRIPTOR.bytes
PIR, ON, SN, NV, NDST = (POSTED_INTERRUPT_DESCRIPTOR[name] for name in ("PIR", "ON", "SN", "NV", "NDST"))
CONTROL = ON.lsb // 8  # offset of the quadword with all but PIR
WORD = 8
PAUSES = (0, 0, 1, 2, 5, 20)  # clocks between the steps of software
REACTIONS = (0, 1, 5, 50, 200)  # clocks from a notification until software clears ON
SUSPENSIONS = (2, 5, 30, 100)  # clocks with SN = 1


def _in_control(value: int) -> int:
    """Return bits of the descriptor as they stand in the control quadword."""
    return value >> CONTROL * 8


class _Open:
    """An interrupt that the unit is posting: whether urgent, and when its bit was last seen in PIR."""

    def __init__(self, now: int, urgent: int) -> None:
        self.accepted = now
        self.urgent = urgent
        self.there = -1


class PostingSoftware:
    """A processor that takes interrupts from one descriptor, and another that moves and suspends who gets them.

    Call `step` once in each clock, before memory takes what the unit writes in that clock; `accepted` when the unit
    begins with an interrupt for this descriptor (or has it in hand, earlier), `posted` when it is done with it,
    `notified` for each notification. Software itself learns of interrupts only by notifications, and by looking into
    PIR after it has cleared SN; it clears ON, then takes PIR word by word. Its updates are atomic, in one clock or as
    an exclusive pair over several. `memory` must be the one whose monitor the unit's memory port obeys.

    What the unit wrote is found by comparing with what software left. CheckFailed, at once, when it undid something,
    set anything but one bit of PIR and ON, set ON that was set or suppressed, or did not set ON that was due; when a
    notification comes without ON or does not go where NDST and NV pointed at the moment of the write; and, by `posted`
    and `finish`, when an interrupt was lost.

    Members
    -------
    activity : likelihood that it begins to change something in a clock, may be changed; with 0 it only watches
    quiet : set to True to let software finish: SN goes to 0, nothing new begins
    idle : True when software has nothing left to do
    seen : counts of what happened
    """

    def __init__(
        self,
        memory: Memory,
        rng: Random,
        address: int,
        *,
        extended: bool = True,
        activity: float = 0.05,
    ) -> None:
        self.address = address
        self.quiet = False
        self.seen: Counter[str] = Counter()
        self._memory = memory
        self._rng = rng
        self._extended = extended
        self.activity = activity
        self._now = -1
        self._kicked = False
        self._handler: Iterator[None] | None = None
        self._mover: Iterator[None] | None = None
        self._open: dict[int, _Open] = {}
        self._owed: dict[int, int] = {}  # vector -> when it was in PIR
        self._due: deque[tuple[int, int]] = deque()  # notifications: destination, vector
        memory.load(address, (NDST.to(self._new_destination()) | NV.to(rng.getrandbits(8))).to_bytes(SIZE, "little"))
        self._left = self._read()

    @property
    def idle(self) -> bool:
        """True when software has nothing left to do."""
        return self._handler is None and self._mover is None and not self._kicked and not SN.of(self._left)

    def pending(self, vector: int) -> bool:
        """Say whether the vector is in PIR or being posted; then it may be posted again, but is one interrupt."""
        return vector in self._open or bool(self._left >> vector & 1)

    def step(self, now: int) -> None:
        """See what the unit has written, and do what software does in clock `now`."""
        self._now = now
        self._look()
        if not self.activity:
            return
        if self._handler is None and self._kicked:
            self._kicked = False
            self._handler = self._take_interrupts()
        if self._mover is None:
            if not self.quiet and self._rng.random() < self.activity:
                self._mover = self._change()
            elif self.quiet and SN.of(self._left):
                self._mover = self._resume()
        if self._handler is None and self._mover is None:
            return
        self._handler, self._mover = self._advance(self._handler), self._advance(self._mover)
        self._left = self._read()

    def accepted(self, now: int, vector: int, urgent: int) -> None:
        """The unit begins with an interrupt; one of a vector that is being posted already must wait for that one."""
        if vector in self._open:
            raise ValueError(f"vector {vector} is being posted already")
        self._open[vector] = _Open(now, urgent)

    def posted(self, now: int, vector: int) -> None:
        """The unit says that the interrupt is in PIR."""
        post = self._open.pop(vector)
        if post.there < post.accepted:
            raise CheckFailed(f"clock {now}: vector {vector} of {self.address:#x} was never in PIR, but is posted")
        if self._left >> vector & 1:
            self._owed[vector] = now
        self.seen["posted"] += 1

    def notified(self, now: int, destination: int, vector: int) -> None:
        """A notification came."""
        if not self._due:
            raise CheckFailed(f"clock {now}: notification to {destination:#x} from {self.address:#x}, which set no ON")
        due = self._due.popleft()
        if due != (destination, vector):
            raise CheckFailed(
                f"clock {now}: notification from {self.address:#x} to {destination:#x}, {vector:#x}, "
                f"not to {due[0]:#x}, {due[1]:#x}"
            )
        where = NDST.of(self._left) if self._extended else NDST.of(self._left) >> 8
        self.seen["notified, and moved since"] += (destination, vector) != (where, NV.of(self._left))
        self.seen["notified"] += 1
        self._kicked = True

    def finish(self, now: int) -> None:
        """Check that nothing was lost; the unit and software have nothing left to do."""
        if self._due or self._open:
            raise CheckFailed(f"clock {now}: no notification of {list(self._due)}, nothing of {list(self._open)}")
        if self._owed or PIR.of(self._left) or ON.of(self._left):
            raise CheckFailed(f"clock {now}: {sorted(self._owed)} left in PIR of {self.address:#x}: {self._left:#x}")

    def _read(self) -> int:
        return self._memory.read(self.address, SIZE)

    def _new_destination(self) -> int:
        return self._rng.getrandbits(32) if self._extended else self._rng.getrandbits(8) << 8

    def _advance(self, thread: Iterator[None] | None) -> Iterator[None] | None:
        """Return what is left of the thread after this clock."""
        if thread is None or next(thread, thread) is thread:
            return None
        return thread

    # What the unit does.

    def _look(self) -> None:
        before, after = self._left, self._read()
        if after != before:
            self._left = after
            self._check_update(before, after)
        for vector, post in self._open.items():
            if after >> vector & 1:
                post.there = self._now

    def _check_update(self, before: int, after: int) -> None:
        added = after & ~before
        vector = PIR.of(added).bit_length() - 1
        if before & ~after or added & ~(PIR.mask | ON.mask) or PIR.of(added) & PIR.of(added) - 1:
            raise self._wrong(before, after, "more than one bit of PIR and ON changed")
        if vector >= 0 and vector not in self._open:
            raise self._wrong(before, after, f"nobody posts {vector}")
        urgent = [post.urgent for number, post in self._open.items() if vector in (-1, number)]
        if ON.of(added):
            self._due.append((NDST.of(after) if self._extended else NDST.of(after) >> 8 & 0xFF, NV.of(after)))
            if SN.of(before) and not any(urgent):
                raise self._wrong(before, after, "ON is set though SN is")
            self.seen["urgent though suppressed"] += SN.of(before)
        elif not ON.of(before) and (all(urgent) or not SN.of(before)):
            raise self._wrong(before, after, "ON is not set though a notification is due")
        else:
            self.seen["silent, ON" if ON.of(before) else "silent, SN"] += 1

    def _wrong(self, before: int, after: int, what: str) -> CheckFailed:
        return CheckFailed(f"clock {self._now}: {self.address:#x} went from {before:#x} to {after:#x}: {what}")

    # What software does: each generator is a thread, each yield a clock.

    def _pause(self) -> Iterator[None]:
        for _ in range(self._rng.choice(PAUSES)):
            yield

    def _update(self, offset: int, change: Callable[[int], int]) -> Generator[None, None, int]:
        """Change a quadword as one step; return what it was."""
        memory, place = self._memory, self.address + offset
        if self._rng.random() < 0.5:
            value = memory.read(place, WORD)
            memory.write(place, WORD, change(value))
            return value
        master = self, offset, self._rng.random()  # each thread has its own reservation
        while True:
            memory.monitor.reserve(master, place, WORD)
            value = memory.read(place, WORD)
            yield from self._pause()
            if memory.monitor.holds(master, place, WORD):
                memory.write(place, WORD, change(value))
                return value
            self.seen["software lost a race"] += 1

    def _take_interrupts(self) -> Iterator[None]:
        for _ in range(self._rng.choice(REACTIONS)):
            yield
        yield from self._update(CONTROL, lambda control: control & ~_in_control(ON.mask))
        for offset in range(0, PIR.width // 8, WORD):
            yield from self._pause()
            if self._memory.read(self.address + offset, WORD):
                taken = yield from self._update(offset, lambda _: 0)
                self._deliver(taken << offset * 8)

    def _deliver(self, vectors: int) -> None:
        while vectors:
            lowest = vectors & -vectors
            vectors ^= lowest
            self.seen["taken"] += 1
            self._owed.pop(lowest.bit_length() - 1, None)

    def _change(self) -> Iterator[None]:
        moves = self._move, self._move, self._move, self._move_plainly, self._move_plainly
        yield from self._rng.choice((self._suspend, self._post, *moves))()

    def _suspend(self) -> Iterator[None]:
        yield from self._update(CONTROL, lambda control: control | _in_control(SN.mask))
        self.seen["suspended"] += 1
        for _ in range(self._rng.choice(SUSPENSIONS)):
            yield
        yield from self._move()
        yield from self._resume()

    def _resume(self) -> Iterator[None]:
        """Nobody was notified of what came meanwhile."""
        yield from self._update(CONTROL, lambda control: control & ~_in_control(SN.mask))
        yield from self._pause()
        if self._memory.read(self.address, PIR.width // 8):
            self._kicked = True

    def _move(self) -> Iterator[None]:
        new = _in_control(NDST.to(self._new_destination()) | NV.to(self._rng.getrandbits(8)))
        kept = ~_in_control(NDST.mask | NV.mask)
        yield from self._update(CONTROL, lambda control: control & kept | new)
        self.seen["moved"] += 1

    def _move_plainly(self) -> Iterator[None]:
        """Store into the bytes of NDST, or NV, alone."""
        if self._rng.random() < 0.5:
            self._memory.write(self.address + NDST.lsb // 8, 4, self._new_destination())
        else:
            self._memory.write(self.address + NV.lsb // 8, 1, self._rng.getrandbits(8))
        self.seen["moved plainly"] += 1
        yield

    def _post(self) -> Iterator[None]:
        """Post an interrupt as software, to itself."""
        vector = self._rng.getrandbits(8)
        bit = 1 << vector % 64
        yield from self._update(vector // 64 * WORD, lambda word: word | bit)
        self._kicked = True
        self.seen["posted by software"] += 1
