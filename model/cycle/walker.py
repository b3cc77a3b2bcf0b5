"""Golden model of rtl/walker.py: same slots, same turns, same clock counts."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from model.arch import UnitConfig
from model.cycle import walk_step
from model.cycle.axi.ports import Refusal
from model.cycle.context_cache import Fill as ContextFill
from model.cycle.memory_port import MemoryRead, Returned
from model.cycle.paging_structure_cache import Fill as TableFill
from model.cycle.request import Access, Parking, Replay, Request, Result, Table
from model.cycle.walk_step import Constants, Step, Walk

__all__ = ["Fills", "FindTable", "Walker", "find_nothing"]

# What the paging-structure cache knows for (domain-id, page): the lowest table, or none.
FindTable = Callable[[int, int], Table | None]

WRITES = (int(Access.WRITE), int(Access.ATOMIC))
SECOND_STAGE, CONTEXT = Step.SECOND_STAGE, Step.CONTEXT


class Fills(NamedTuple):
    """What a returned entry adds to the caches."""

    context: ContextFill | None = None
    table: TableFill | None = None


# By level: lowest address bit of the index into a table; no entry of a level that is none is ever used.
SHIFTS = (12, 12, 21, 30, 39, 48, 12, 12)
NO_FILLS = Fills()
NO_WALK, NO_RESULT = Walk(), Result()


def find_nothing(domain_id: int, page: int) -> None:
    """Find no table, whatever is asked for."""


class Slot:
    """A request. Its phase is the mask of Walker that has its bit."""

    __slots__ = ("epoch", "has_result", "okay", "older", "request", "result", "walk", "write")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.write = request.access in WRITES
        self.epoch = 0
        self.okay = 0
        self.walk = NO_WALK
        self.result = NO_RESULT
        self.has_result = 0  # when on its way through the pipeline: it had a result before
        self.older = 0  # mask of the slots that it waits for


class Walker:
    """Slots in `slots`, by number; a slot in use has its bit in `reads` or `writes` and in the mask of its phase.

    In each clock unit.py calls, before any `step`: `replay`, `blocked` for the request that the pipeline decides,
    `read_offer`, `refused_read`, `refused_write` and `take`, in any order: all answer from the registers and from
    what they are given, and keep their answer for `step`, which advances one clock. `older_epoch`, `reads_held` and
    `writes_held` are of the registers too. When nothing is held (`in_use` is 0) all of them but `step` may be left
    out, and `step` too when nothing is parked.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.constants = Constants(config)
        self.walks = config.walks
        self.every_slot = (1 << config.slots) - 1
        self.slots: list[Slot | None] = [None] * config.slots
        self.reads = self.writes = 0
        # Phases, each a mask. `waiting`: for older requests; then it is looked up again.
        self.waiting = self.starting = self.reading = self.in_flight = self.done = self.replaying = self.refused = 0
        self.answered = 0  # mask of the refused slots that leave in this clock
        self.in_new_epoch = 0  # mask of the slots whose epoch is 1
        self.read_turn = self.replay_turn = self.refused_read_turn = self.refused_write_turn = 0  # one-hot
        # Answers of this clock, which `step` acts on: one-hot, 0 for none.
        self._chosen_read = self._chosen_replay = self._chosen_refused_read = self._chosen_refused_write = 0
        self._returned: tuple[int, Slot, walk_step.Outcome] | None = None

    @property
    def in_use(self) -> int:
        """Mask of the slots in use."""
        return self.reads | self.writes

    @property
    def reads_held(self) -> int:
        """Number of slots in use by reads."""
        return self.reads.bit_count()

    @property
    def writes_held(self) -> int:
        """Number of slots in use by writes."""
        return self.writes.bit_count()

    @property
    def walking(self) -> int:
        """Mask of the slots whose next doing rests on what was looked up for them."""
        return self.starting | self.reading | self.in_flight | self.done | self.replaying

    def older_epoch(self, epoch: int) -> bool:
        """Say whether a slot uses what it looked up in the other epoch."""
        return self.walking & (~self.in_new_epoch if epoch else self.in_new_epoch) != 0

    def blocked(self, write: int, request_id: int, replayed: int, slot: int) -> int:
        """Say whether an older request of its order is in a slot."""
        if replayed:
            return int(self._at(slot).older != 0)
        return int(self._before(write, request_id) != 0)

    def replay(self, may_reads: int, may_writes: int) -> Replay | None:
        """Return the request that enters the pipeline again in this clock."""
        self._chosen_replay = 0
        wants = self.waiting | self.done
        if not wants:
            return None
        ahead = 0
        for number in _numbers(self.replaying):
            # One with a result fills the IOTLB only when it is decided: who waits for that must not overtake it.
            if not self._at(number).has_result:
                ahead |= 1 << number
        wants &= (self.reads if may_reads else 0) | (self.writes if may_writes else 0)
        for number in _in_turn(wants, self.replay_turn):
            slot = self._at(number)
            if not slot.older & ~ahead:
                self._chosen_replay = 1 << number
                return Replay(number, slot.request, self.done >> number & 1, slot.epoch, slot.result)
        return None

    def read_offer(self) -> MemoryRead | None:
        """Return the read of a table entry offered in this clock."""
        wants = self.reading
        if self.starting and (self.reading | self.in_flight).bit_count() < self.walks:
            wants |= self.starting
        if not wants:
            self._chosen_read = 0
            return None
        number = next(_in_turn(wants, self.read_turn))
        self._chosen_read = 1 << number
        slot = self._at(number)
        return _entry_address(slot.walk, slot.request), int(slot.walk.step != SECOND_STAGE), number

    def refused_read(self, busy: int) -> Refusal | None:
        """Return the refused read whose turn has come; `busy`: IDs to which memory still owes an answer."""
        number = self._refusal(self.refused & self.reads & ~self.answered, self.refused_read_turn, busy)
        self._chosen_refused_read = 0 if number is None else 1 << number
        return None if number is None else _answer(self._at(number))

    def refused_write(self, busy: int) -> Refusal | None:
        """Return the refused write whose turn has come; `busy`: IDs to which memory still owes an answer."""
        number = self._refusal(self.refused & self.writes & ~self.answered, self.refused_write_turn, busy)
        self._chosen_refused_write = 0 if number is None else 1 << number
        return None if number is None else _answer(self._at(number))

    def take(self, returned: Returned | None, epoch: int, find_table: FindTable = find_nothing) -> Fills:
        """Step the walk whose entry has come back; return what the caches may keep of it.

        Behind a context-entry it goes on at the lowest table that `find_table` knows.
        """
        self._returned = None
        if returned is None or not self.in_flight >> returned.tag & 1:
            return NO_FILLS
        number, entry, error = returned
        slot = self._at(number)
        walk, request = slot.walk, slot.request
        if walk.step == SECOND_STAGE and request.address >> SHIFTS[walk.table.level] & 1:
            entry >>= 64
        outcome = walk_step.step(
            self.constants, walk, request.access, request.address, request.address_type, entry, error
        )
        following = outcome.following
        if following is not None and walk.step == CONTEXT:
            outcome = outcome._replace(following=self._from_known(following, request, find_table))
        self._returned = 1 << number, slot, outcome
        # What an older epoch has read may be answered, but not kept.
        if slot.epoch != epoch or (outcome.context is None and outcome.table is None):
            return NO_FILLS
        context, table = outcome.context, outcome.table
        return Fills(
            None if context is None else ContextFill(request.source_id, context),
            None if table is None else TableFill(walk.domain_id, request.address >> 12, table),
        )

    def step(
        self,
        park: Parking | None,
        release: int | None,
        read_ready: int,
        refused_read_ready: int,
        refused_write_ready: int,
        root_table: int,
        lookup_epoch: int,
        find_table: FindTable = find_nothing,
    ) -> None:
        """Advance one clock. `release` is the slot whose request has left for memory.

        A walk of a known context begins at the lowest table that `find_table` knows.
        """
        left = self.answered if release is None else self.answered | 1 << release
        self.answered = 0
        if refused_read_ready and self._chosen_refused_read:
            self.answered |= self._chosen_refused_read
            self.refused_read_turn = self._chosen_refused_read
        if refused_write_ready and self._chosen_refused_write:
            self.answered |= self._chosen_refused_write
            self.refused_write_turn = self._chosen_refused_write
        parked = None if park is None else self._parked(park, root_table, find_table)
        if self._returned is not None:
            self._go_on(*self._returned)
        if self._chosen_read and read_ready:
            self._begin_read()
        if self._chosen_replay:
            self._begin_replay(lookup_epoch)
        if park is not None and parked is not None:
            self._put(parked, park)
        if left:
            self._leave(left)
        self._chosen_read = self._chosen_replay = self._chosen_refused_read = self._chosen_refused_write = 0
        self._returned = None

    def _at(self, number: int) -> Slot:
        slot = self.slots[number]
        assert slot is not None
        return slot

    def _before(self, write: int, request_id: int) -> int:
        """Return the mask of the slots that go before a new request of this order."""
        if write:
            return self.writes
        before = 0
        for number in _numbers(self.reads):
            if self._at(number).request.id == request_id:
                before |= 1 << number
        return before

    def _refusal(self, refused: int, turn: int, busy: int) -> int | None:
        """A refused request is answered when it is the oldest of its order and memory owes its ID nothing."""
        if refused:
            for number in _in_turn(refused, turn):
                slot = self._at(number)
                if not slot.older and not busy >> slot.request.id & 1:
                    return number
        return None

    def _go_on(self, bit: int, slot: Slot, outcome: walk_step.Outcome) -> None:
        self.in_flight ^= bit
        if outcome.result is not None:
            self.done |= bit
            slot.result = outcome.result
        else:
            assert outcome.following is not None
            self.reading |= bit
            slot.walk = outcome.following

    def _begin_read(self) -> None:
        bit = self.read_turn = self._chosen_read
        self.starting &= ~bit
        self.reading &= ~bit
        self.in_flight |= bit

    def _begin_replay(self, lookup_epoch: int) -> None:
        bit = self.replay_turn = self._chosen_replay
        slot = self._at(bit.bit_length() - 1)
        slot.has_result = int(self.done & bit != 0)
        self.replaying |= bit
        self.done &= ~bit
        if self.waiting & bit:
            self.waiting ^= bit
            self._set_epoch(bit, slot, lookup_epoch)

    def _set_epoch(self, bit: int, slot: Slot, epoch: int) -> None:
        slot.epoch = epoch
        self.in_new_epoch = self.in_new_epoch | bit if epoch else self.in_new_epoch & ~bit

    def _parked(self, park: Parking, root_table: int, find_table: FindTable) -> tuple[int, Slot, bool]:
        """Return bit and contents of the slot for a request, and whether it only waits."""
        request = park.request
        waits = not park.refused and not park.walk
        if park.replayed:
            number = park.slot
            slot = self._at(number)
        else:
            free = self.every_slot & ~(self.reads | self.writes)
            number = (free & -free).bit_length() - 1
            slot = Slot(request)
            slot.older = self._before(slot.write, request.id)
            if park.walk and not park.refused:
                same_page = self._same_page(slot)
                if same_page:
                    waits = True
                    slot.older |= same_page
        slot.okay = park.okay
        if not waits and not park.refused:
            slot.walk = self._first_walk(park, root_table, find_table)
        return 1 << number, slot, waits

    def _same_page(self, new: Slot) -> int:
        """Return the mask of the slots of its direction that walk for the page of a request."""
        source_id, page = new.request.source_id, new.request.address >> 12
        found = 0
        for number in _numbers(self.walking & (self.writes if new.write else self.reads)):
            request = self._at(number).request
            if request.address >> 12 == page and request.source_id == source_id:
                found |= 1 << number
        return found

    def _first_walk(self, park: Parking, root_table: int, find_table: FindTable) -> Walk:
        if not park.context_valid:
            return Walk(table=Table(0, root_table))
        context = park.context
        top = Table(walk_step.top_level(self.constants, context), context.table, 1, 1)
        walk = Walk(SECOND_STAGE, 1, top, context.domain_id, context.fault_processing_disable)
        return self._from_known(walk, park.request, find_table)

    def _from_known(self, walk: Walk, request: Request, find_table: FindTable) -> Walk:
        """Return a walk that would read the top table as it goes on from the lowest one known."""
        table = find_table(walk.domain_id, request.address >> 12)
        return walk if table is None else walk._replace(top=0, table=table)

    def _put(self, parked: tuple[int, Slot, bool], park: Parking) -> None:
        bit, slot, waits = parked
        if park.replayed:
            self.replaying ^= bit
        else:
            self.slots[bit.bit_length() - 1] = slot
            if slot.write:
                self.writes |= bit
            else:
                self.reads |= bit
        self._set_epoch(bit, slot, park.epoch)
        if park.refused:
            self.refused |= bit
        elif not waits:
            self.starting |= bit
        elif slot.has_result:
            self.done |= bit
        else:
            self.waiting |= bit

    def _leave(self, left: int) -> None:
        """Free slots; the requests behind them need not wait for them any longer."""
        stay = ~left
        for number in _numbers(left):
            self.slots[number] = None
        self.reads &= stay
        self.writes &= stay
        self.replaying &= stay
        self.refused &= stay
        for number in _numbers(self.reads | self.writes):
            self._at(number).older &= stay


def _numbers(mask: int) -> list[int]:
    """Return the positions of the ones, lowest first."""
    numbers = []
    while mask:
        bit = mask & -mask
        numbers.append(bit.bit_length() - 1)
        mask ^= bit
    return numbers


def _in_turn(wants: int, turn: int) -> Iterator[int]:
    """Go round the positions of the ones, from the one after the last one chosen, `turn`, on."""
    after = wants & -(turn << 1)
    for mask in (after, wants ^ after):
        while mask:
            bit = mask & -mask
            yield bit.bit_length() - 1
            mask ^= bit


def _answer(slot: Slot) -> Refusal:
    return Refusal(slot.request.id, slot.request.attributes.len, slot.okay)


def _entry_address(walk: Walk, request: Request) -> int:
    """Return the byte address of the entry that a walk reads next (rules 4.2, 4.3, 6.1)."""
    if walk.step == SECOND_STAGE:
        offset = (request.address >> SHIFTS[walk.table.level] & 0x1FF) << 3
    elif walk.step == CONTEXT:
        offset = (request.source_id & 0xFF) << 4
    else:
        offset = request.source_id >> 8 << 4
    return walk.table.table << 12 | offset
