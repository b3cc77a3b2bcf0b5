"""Golden model of rtl/interrupt_remapper.py: same ring of slots, same turns, same clock counts."""

from model.arch import FaultReason, UnitConfig
from model.cycle.axi.write_path import Interrupt, InterruptAnswer
from model.cycle.event_message import Message
from model.cycle.fault_recorder import Record
from model.cycle.interrupt_entry_cache import Fill
from model.cycle.irte_check import Checked, Constants, check, interrupt_message
from model.cycle.memory_port import InterruptRead, Returned
from model.cycle.poster import Post, Posted
from model.cycle.register_file import InterruptTable
from model.cycle.request import Access

__all__ = ["InterruptRemapper"]

NOTHING, READ, FLIGHT, DONE, POSTING, FINISHED = range(6)  # what a slot is doing; NOTHING until it is looked up


class Slot:
    """An interrupt request from its arrival to its answer."""

    __slots__ = (
        "address",
        "data",
        "epoch",
        "extended",
        "fault_reason",
        "fenced",
        "index",
        "marked",
        "number",
        "phase",
        "post",
        "request",
        "suppressed",
    )

    def __init__(self, request: Interrupt, number: int) -> None:
        self.request = request
        self.number = number
        self.phase = NOTHING
        self.epoch = self.extended = self.index = 0  # handle plus subhandle
        self.address = request.address  # of the request, of the entry to read; then of the message
        self.data = request.data  # of the request; then of the message
        self.post: Post | None = None
        self.fault_reason = self.suppressed = 0
        self.marked = self.fenced = 0


class InterruptRemapper:
    """The outputs that depend on state alone are attributes: `interrupt_ready`, `pending`, `lookup`, `read`, `message`,
    `post`, `record`, `answer`.

    In each clock, before `step`: `fence`, `older_epoch`, `message_older` and `take`, as they are needed. While `in_use`
    is 0 and no interrupt comes, all of it may be left out.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.constants = Constants(config)
        self.eimer, self.irreq, self.haw = config.eimer, config.irreq, config.haw
        self.interrupt_ready = 1
        self.pending = 0
        self.lookup: int | None = None
        self.read: InterruptRead | None = None
        self.message: Message | None = None
        self.post: Post | None = None
        self.record: Record | None = None
        self.answer: InterruptAnswer | None = None
        self.slots: list[Slot | None] = [None] * config.interrupts
        self._count = config.interrupts
        self._place = self._turn = self._answer_turn = 0  # next to be filled, to leave, to be answered
        self._read_turn = -1
        self._of_epoch = [0, 0]  # slots by epoch, without that which has just come
        self._unfenced: list[Slot] = []
        self._reading = 0  # mask
        self._arrived: Slot | None = None
        self._waiting: Slot | None = None
        self._found: Slot | None = None
        self._returned: tuple[Slot, Checked, int] | None = None  # of this clock; FPD

    @property
    def in_use(self) -> bool:
        """Say whether a request is in a slot."""
        return self.slots[self._answer_turn] is not None

    def older_epoch(self, epoch: int) -> int:
        """Say whether a slot uses what it looked up in the other epoch."""
        return 1 if self._of_epoch[1 - epoch] else 0

    def message_older(self, epoch: int) -> int:
        """Say whether the message on offer was made from what was looked up in the other epoch."""
        slot = self.slots[self._turn]
        return 0 if slot is None or slot.epoch == epoch else 1

    def fence(self, writes_busy: int, fenced: int) -> int:
        """Say whether a fence is set up in this clock."""
        return 1 if writes_busy and fenced and any(not slot.marked for slot in self._unfenced) else 0

    def take(self, returned: Returned | None, epoch: int) -> Fill | None:
        """Look at what memory returned; return what is to be kept."""
        self._returned = None
        slot = None if returned is None or returned.tag >= self._count else self.slots[returned.tag]
        if returned is None or slot is None or slot.phase != FLIGHT:
            return None
        irte = returned.entry
        result = check(self.constants, irte, returned.error, slot.request.source_id, slot.extended)
        self._returned = slot, result, irte >> 1 & 1
        return Fill(slot.index, irte) if not result.fault_reason and slot.epoch == epoch else None

    def step(
        self,
        interrupt: Interrupt | None,
        interrupt_remapping_enable: int,
        compatibility_enable: int,
        table: InterruptTable,
        lookup_epoch: int,
        iec_entry: int | None,
        read_ready: int,
        message_ready: int,
        post_ready: int,
        posted: Posted | None,
        record_ready: int,
        answer_ready: int,
        writes_busy: int,
        fenced: int,
    ) -> None:
        """Advance one clock, in which `take` was asked if something was returned. `iec_entry` is the entry found for
        the look-up two clocks ago."""
        self._leave(message_ready, post_ready, posted, record_ready)
        if answer_ready and self.answer is not None:
            self._free()
        self._fence_off(writes_busy, fenced)
        if read_ready and self.read is not None:
            self._begin_read(self.read.tag)
        if self._returned is not None:
            _put_result(*self._returned)
            self._returned = None
        found, self._found, self._waiting = self._found, self._waiting, None
        if found is not None:
            self._use(found, iec_entry)
        self.lookup = None
        if self._arrived is not None:
            self._check(self._arrived, interrupt_remapping_enable, compatibility_enable, table, lookup_epoch)
            self._arrived = None
        if interrupt is not None and self.interrupt_ready:
            self._arrive(interrupt)
        self._show()

    def _arrive(self, interrupt: Interrupt) -> None:
        self._arrived = slot = Slot(interrupt, self._place)
        self.slots[self._place] = slot
        self._unfenced.append(slot)
        self._place = (self._place + 1) % self._count
        address = slot.address
        slot.index = (address >> 2 & 1) << 15 | address >> 5 & 0x7FFF
        if address >> 3 & 1:
            slot.index += slot.data & 0xFFFF
        self.lookup = slot.index & 0xFFFF

    def _check(self, slot: Slot, remapping: int, compatibility: int, table: InterruptTable, epoch: int) -> None:
        """Check a request that has just come. Rules 22.1 to 22.3 b."""
        address, data = slot.address, slot.data
        slot.epoch, slot.extended = epoch, table.extended
        self._of_epoch[epoch] += 1
        index, subhandle_valid = slot.index, address >> 3 & 1
        place = (table.address << 12) + index * 16
        slot.phase = DONE
        if not slot.request.whole:
            slot.fault_reason = NOT_AN_INTERRUPT
        elif not remapping:
            slot.fault_reason = REMAPPING_REQUIRED if self.irreq else 0
        elif self.eimer and not table.extended:
            slot.fault_reason = EXTENDED_MODE_REQUIRED
        elif not address >> 4 & 1:
            slot.fault_reason = COMPATIBILITY_BLOCKED if table.extended or not compatibility else 0
        elif subhandle_valid and data >> 16:
            slot.fault_reason = RESERVED_BITS
        elif index >> table.size + 1 or place >> self.haw:
            slot.fault_reason = BEYOND_TABLE
        else:
            slot.phase, slot.address = NOTHING, place
            self._waiting = slot

    def _use(self, slot: Slot, irte: int | None) -> None:
        """Use what the cache has found."""
        if irte is None:
            slot.phase = READ
            self._reading |= 1 << slot.number
        else:
            result = check(self.constants, irte, 0, slot.request.source_id, slot.extended)
            _put_result(slot, result, irte >> 1 & 1)

    def _begin_read(self, number: int) -> None:
        slot = self.slots[number]
        assert slot is not None
        slot.phase = FLIGHT
        self._reading &= ~(1 << number)
        self._read_turn = number

    def _leave(self, message_ready: int, post_ready: int, posted: Posted | None, record_ready: int) -> None:
        """The oldest request that has not left goes on."""
        slot = self.slots[self._turn]
        if slot is None:
            return
        if self.message is not None:
            finished = message_ready
        elif self.record is not None:
            finished = record_ready
        elif self.post is not None:
            finished = 0
            if post_ready:
                slot.phase = POSTING
        elif slot.phase == POSTING:
            finished = 0 if posted is None else _use_posted(slot, posted)
        else:
            finished = slot.phase == DONE and slot.fenced and slot.suppressed
        if finished:
            slot.phase = FINISHED
            self._turn = (self._turn + 1) % self._count

    def _free(self) -> None:
        slot = self.slots[self._answer_turn]
        assert slot is not None
        self._of_epoch[slot.epoch] -= 1
        self.slots[self._answer_turn] = None
        self._answer_turn = (self._answer_turn + 1) % self._count

    def _fence_off(self, writes_busy: int, fenced: int) -> None:
        """Note for each slot when the writes before it have been answered."""
        if not self._unfenced:
            return
        fence = self.fence(writes_busy, fenced)
        left = []
        for slot in self._unfenced:
            if not writes_busy or (slot.marked and fenced):
                slot.fenced = 1
            else:
                slot.marked |= fence
                left.append(slot)
        self._unfenced = left

    def _show(self) -> None:
        """Bring the outputs up to date with the state."""
        slots = self.slots
        self.interrupt_ready = 1 if slots[self._place] is None else 0
        self.pending = 0
        for slot in slots:
            if slot is not None:
                self.pending |= 1 << slot.request.id
        self.message = self.post = self.record = self.answer = self.read = None
        slot = slots[self._turn]
        if slot is not None and slot.phase == DONE and slot.fenced:
            if slot.fault_reason:
                if not slot.suppressed:
                    index = (slot.index & 0xFFFF) << 48
                    self.record = Record(slot.fault_reason, slot.request.source_id, index, WRITE, 0, 1)
            elif slot.post is not None:
                self.post = slot.post
            else:
                self.message = Message(slot.address, slot.data)
        slot = slots[self._answer_turn]
        if slot is not None and slot.phase == FINISHED:
            self.answer = InterruptAnswer(slot.request.id, 0 if slot.fault_reason else 1)
        if self._reading:
            above = self._reading >> self._read_turn + 1 << self._read_turn + 1
            wants = above or self._reading
            number = (wants & -wants).bit_length() - 1
            slot = slots[number]
            assert slot is not None
            self.read = InterruptRead(slot.address, number)


def _put_result(slot: Slot, result: Checked, fault_processing_disable: int) -> None:
    slot.phase = DONE
    slot.fault_reason = result.fault_reason
    if result.posted:
        # It is not known yet whether it will fault.
        slot.suppressed = fault_processing_disable
        slot.post = Post(result.descriptor, result.vector, result.urgent, slot.extended)
    else:
        slot.suppressed = result.suppressed
        slot.address, slot.data = result.message


def _use_posted(slot: Slot, posted: Posted) -> int:
    """Say whether a request whose posting has ended is finished; otherwise it is a fault or a notification now."""
    if not posted.fault_reason and not posted.notify:
        return 1
    slot.phase, slot.post = DONE, None
    slot.fault_reason = posted.fault_reason
    slot.address, slot.data = interrupt_message(posted.vector, posted.destination)
    return 0


# Plain numbers: a member of an IntEnum costs a look-up, and an operation with it a conversion.
NOT_AN_INTERRUPT = int(FaultReason.NOT_AN_INTERRUPT_REQUEST)
REMAPPING_REQUIRED = int(FaultReason.INTERRUPT_REMAPPING_REQUIRED)
EXTENDED_MODE_REQUIRED = int(FaultReason.EXTENDED_INTERRUPT_MODE_REQUIRED)
COMPATIBILITY_BLOCKED = int(FaultReason.COMPATIBILITY_INTERRUPT_BLOCKED)
RESERVED_BITS = int(FaultReason.INTERRUPT_REQUEST_RESERVED_BITS)
BEYOND_TABLE = int(FaultReason.INTERRUPT_INDEX_BEYOND_TABLE)
WRITE = int(Access.WRITE)
