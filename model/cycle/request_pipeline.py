"""Golden model of rtl/request_pipeline.py: same stages, same decisions, same clock counts."""

from typing import NamedTuple

from model.arch import FaultReason, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TableMode
from model.arch.sizes import SLOTS_LEFT
from model.cycle.fault_recorder import Record
from model.cycle.iotlb import Fill
from model.cycle.request import Access, Context, Issue, Parking, Protected, Replay, Request, Result, Translation
from model.cycle.walk_step import Constants, beyond_width, missing_permission

__all__ = ["Decision", "Entry", "Order", "RequestPipeline"]


class Order(NamedTuple):
    """A request being decided: its direction and ID, and its slot if it is `replayed`."""

    write: int
    id: int
    replayed: int
    slot: int


class Decision(NamedTuple):
    """What becomes of the request in stage 3; `release` is the slot that it has left."""

    issue_read: Issue | None = None
    issue_write: Issue | None = None
    park: Parking | None = None
    release: int | None = None
    record: Record | None = None
    fill: Fill | None = None


class Entry(NamedTuple):
    """Which request entered, if any, and what is looked up for it: source-id and page."""

    reads_ready: int = 0
    writes_ready: int = 0
    lookup_source_id: int | None = None
    lookup_page: int | None = None


class Item(NamedTuple):
    """A request in the pipeline, with the state of the unit that it is judged by."""

    write: int
    replayed: int
    slot: int
    epoch: int
    translate: int
    table_mode: int
    request: Request
    result: Result | None


class Verdict(NamedTuple):
    """What tables and registers say of a request; `address` is where it would go."""

    fault_reason: int = 0
    suppressed: int = 0
    refused: int = 0
    okay: int = 0  # done without memory
    walk: int = 0
    address: int = 0
    interrupt: int = 0  # a fault of interrupt remapping


class RequestPipeline:
    """One request per clock: `looked_up` is in stage 2, `deciding` in stage 3.

    In each clock unit.py calls, with the walker between them: `enter`, whose answer goes to the streams and to the
    caches; `order`, then walker.blocked; `decide`, whose answer goes everywhere; and at last `step`, which advances one
    clock. `older_epoch` and `may_replay`, which walker.replay obeys, are of the registers. When nothing is under way
    (`is_idle`) `order` and `decide` may be left out.
    """

    def __init__(self, config: UnitConfig) -> None:
        self.constants = Constants(config)
        self.config = config
        self.slots = config.slots
        self.most = config.slots - SLOTS_LEFT
        self.haw_mask = (1 << config.haw) - 1
        self.protected_ones = (1 << config.protected_memory_shift) - 1
        self.looked_up: Item | None = None
        self.deciding: Item | None = None
        self.last_was_write = 0
        self._entering: Item | None = None
        self._passes = False  # the request being decided goes to memory
        # Whether one more may enter: a read, a write, replayed or not; and one of devices, who also needs a slot.
        self.may_replay = 1, 1
        self._slot_free = self._may_hold_read = self._may_hold_write = True
        # No ID was full, or the ID of the request that waits was not.
        self._may_issue_read = self._may_issue_write = True

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is under way."""
        return self.looked_up is None and self.deciding is None

    def older_epoch(self, epoch: int) -> bool:
        """Say whether something was looked up in the other epoch."""
        one, other = self.looked_up, self.deciding
        return (one is not None and one.epoch != epoch) or (other is not None and other.epoch != epoch)

    def enter(
        self,
        reads: Request | None,
        writes: Request | None,
        replay: Replay | None,
        full_reads: int,
        full_writes: int,
        translation_enable: int,
        table_mode: int,
        lookup_epoch: int,
    ) -> Entry:
        """Stage 1: choose a request for which there is room everywhere, and look it up.

        From a slot first, otherwise reads and writes in turn. Neither direction takes the last slots.
        """
        entry = self._choose(reads, writes, replay, translation_enable, table_mode, lookup_epoch)
        self._may_issue_read = not full_reads or bool(
            reads is not None and not entry.reads_ready and not full_reads >> reads.id & 1
        )
        self._may_issue_write = not full_writes or bool(
            writes is not None and not entry.writes_ready and not full_writes >> writes.id & 1
        )
        return entry

    def _choose(
        self,
        reads: Request | None,
        writes: Request | None,
        replay: Replay | None,
        translation_enable: int,
        table_mode: int,
        lookup_epoch: int,
    ) -> Entry:
        self._entering = None
        if replay is not None:
            request, slot = replay.request, replay.slot
            write = int(request.access in WRITES)
            result, epoch = (replay.result, replay.epoch) if replay.has_result else (None, lookup_epoch)
            self._entering = Item(write, 1, slot, epoch, translation_enable, table_mode, request, result)
            return Entry(0, 0, request.source_id, request.address >> 12)
        if reads is None and writes is None:
            return NO_ENTRY
        if not self._slot_free:
            return NO_ENTRY
        may_read, may_write = self.may_replay
        if reads is not None and not (may_read and self._may_hold_read and self._may_issue_read):
            reads = None
        if writes is not None and not (may_write and self._may_hold_write and self._may_issue_write):
            writes = None
        if writes is not None and (reads is None or not self.last_was_write):
            self._entering = Item(1, 0, 0, lookup_epoch, translation_enable, table_mode, writes, None)
            return Entry(0, 1, writes.source_id, writes.address >> 12)
        if reads is not None:
            self._entering = Item(0, 0, 0, lookup_epoch, translation_enable, table_mode, reads, None)
            return Entry(1, 0, reads.source_id, reads.address >> 12)
        return NO_ENTRY

    def order(self) -> Order | None:
        """Return what the walker needs to say whether the request being decided is blocked."""
        item = self.deciding
        return None if item is None else Order(item.write, item.request.id, item.replayed, item.slot)

    def decide(
        self,
        context: Context | None,
        translation: Translation | None,
        blocked: int,
        protected: Protected,
        epoch: int,
    ) -> Decision:
        """Stage 3: `context` and `translation` are what the caches hold for the request, None without a hit."""
        item = self.deciding
        if item is None:
            return NO_DECISION
        verdict = self._judge(item, context, translation)
        request = item.request
        fault_reason, suppressed, refused, okay, walk, address, interrupt = verdict
        if not refused and not walk and protected.enable:
            refused = self._is_protected(address, protected)
        if blocked or refused or walk:
            record = None
            if fault_reason and not suppressed:
                record = Record(
                    fault_reason, request.source_id, request.address, request.access, request.address_type, interrupt
                )
            park = Parking(
                refused,
                okay,
                walk,
                item.replayed,
                item.slot,
                item.epoch,
                request,
                int(context is not None),
                NO_CONTEXT if context is None else context,
            )
            return Decision(None, None, park, None, record)
        self._passes = True
        issue = Issue(request.id, address, request.attributes, int(item.epoch != epoch))
        return Decision(
            None if item.write else issue,
            issue if item.write else None,
            None,
            item.slot if item.replayed else None,
            None,
            self._fill(item, translation, epoch),
        )

    def step(self, read_space: int, write_space: int, reads_held: int, writes_held: int) -> None:
        """Advance one clock, given the room for what leaves and the slots in use."""
        entering, last, left = self._entering, self.looked_up, self.deciding
        if left is not None:
            # What others free in this clock does not count yet.
            if self._passes:
                if left.write:
                    write_space -= 1
                    writes_held -= left.replayed
                else:
                    read_space -= 1
                    reads_held -= left.replayed
            elif left.write:
                writes_held += 1 - left.replayed
            else:
                reads_held += 1 - left.replayed
            self._passes = False
        for one in (entering, last):
            if one is None:
                continue
            if one.write:
                write_space -= 1
                writes_held += 1 - one.replayed
            else:
                read_space -= 1
                reads_held += 1 - one.replayed
        self.may_replay = int(read_space > 0), int(write_space > 0)
        self._slot_free = reads_held + writes_held < self.slots
        self._may_hold_read, self._may_hold_write = reads_held < self.most, writes_held < self.most
        self.deciding = last
        self.looked_up = entering
        self._entering = None
        if entering is not None and not entering.replayed:
            self.last_was_write = entering.write

    def _fill(self, item: Item, translation: Translation | None, epoch: int) -> Fill | None:
        """Return what the IOTLB may keep: permissions held, and another walk may have filled it in the meantime."""
        result = item.result
        if result is None or result.pass_through or translation is not None:
            return None
        if item.epoch != epoch or not item.translate:
            return None
        return Fill(item.request.source_id, item.request.address >> 12, result.translation)

    def _judge(self, item: Item, context: Context | None, translation: Translation | None) -> Verdict:
        """Rules 3 and 4, in their order."""
        request = item.request
        address, address_type = request.address, request.address_type
        if address_type and (
            address_type == 3 or (address_type == 2 and request.pasid_valid) or (address_type == 1 and item.write)
        ):
            return REFUSED
        if address >> 20 == INTERRUPT_PAGES and not address_type and not (request.pasid_valid and item.translate):
            return COMPLETED if request.access == ZERO_LENGTH_READ else NOT_AN_INTERRUPT
        if not item.translate:
            if address_type or address > self.haw_mask:
                return REFUSED
            return Verdict(address=address)
        if item.table_mode != LEGACY:
            aborts = item.table_mode == ABORT_DMA and self.config.adms
            return _fault(DMA_ABORTED if aborts else TRANSLATION_TABLE_MODE_INVALID)
        if request.pasid_valid:
            return _fault(PASID_IN_LEGACY_MODE)
        if item.result is not None:
            return self._with_result(request, item.result)
        if context is not None and (address_type or context.pass_through):
            return self._with_context(request, context)
        if translation is not None and not address_type:
            return self._translated(request, translation)
        if context is not None and beyond_width(self.constants, address, context):
            return self._with_context(request, context)
        return WALK

    def _with_result(self, request: Request, result: Result) -> Verdict:
        if result.fault_reason:
            return _fault(result.fault_reason, result.suppressed)
        if result.pass_through:
            return Verdict(address=request.address & self.haw_mask)
        return self._translated(request, result.translation)

    def _with_context(self, request: Request, context: Context) -> Verdict:
        """Pass-through, or what a known context-entry refuses without a walk."""
        if request.address_type:
            return _fault(TRANSLATION_TYPE_BLOCKS, context.fault_processing_disable)
        if beyond_width(self.constants, request.address, context):
            return _fault(ADDRESS_BEYOND_WIDTH, context.fault_processing_disable)
        return Verdict(address=request.address)

    def _translated(self, request: Request, translation: Translation) -> Verdict:
        missing = missing_permission(self.constants, request.access, translation.read, translation.write)
        if missing:
            return _fault(missing, translation.fault_processing_disable)
        within = WITHIN[translation.level]
        address = (translation.page << 12 & ~within | request.address & within) & self.haw_mask
        if address >> 20 == INTERRUPT_PAGES:
            return _fault(OUTPUT_IN_INTERRUPT_RANGE, translation.fault_processing_disable)
        return Verdict(address=address)

    def _is_protected(self, address: int, protected: Protected) -> int:
        """Regions are multiples of at least 4 KiB, so a burst, which stays in a 4 KiB page, is in or out as a whole."""
        _, low_base, low_limit, high_base, high_limit = protected
        ones = self.protected_ones
        return int(
            (self.config.plmr and low_base <= address <= low_limit | ones)
            or (self.config.phmr and high_base <= address <= high_limit | ones)
        )


def _fault(reason: int, suppressed: int = 0) -> Verdict:
    return Verdict(reason, suppressed, 1)


NO_ENTRY, NO_DECISION, NO_CONTEXT = Entry(), Decision(), Context()
# Plain numbers: a member of an IntEnum costs a look-up, and an operation with it a conversion.
ZERO_LENGTH_READ, WRITES = int(Access.ZERO_LENGTH_READ), (int(Access.WRITE), int(Access.ATOMIC))
LEGACY, ABORT_DMA = int(TableMode.LEGACY), int(TableMode.ABORT_DMA)
INTERRUPT_PAGES = INTERRUPT_PREFIX
DMA_ABORTED = int(FaultReason.DMA_ABORTED)
TRANSLATION_TABLE_MODE_INVALID = int(FaultReason.TRANSLATION_TABLE_MODE_INVALID)
PASID_IN_LEGACY_MODE = int(FaultReason.PASID_IN_LEGACY_MODE)
TRANSLATION_TYPE_BLOCKS = int(FaultReason.TRANSLATION_TYPE_BLOCKS)
ADDRESS_BEYOND_WIDTH = int(FaultReason.ADDRESS_BEYOND_WIDTH)
OUTPUT_IN_INTERRUPT_RANGE = int(FaultReason.OUTPUT_IN_INTERRUPT_RANGE)
# Address bits that a page of each level takes from the request.
WITHIN = (0xFFF, 0xFFF, (1 << 21) - 1, (1 << 30) - 1)
REFUSED = Verdict(refused=1)
WALK = Verdict(walk=1)
COMPLETED = Verdict(refused=1, okay=1)
NOT_AN_INTERRUPT = Verdict(int(FaultReason.NOT_AN_INTERRUPT_REQUEST), 0, 1, interrupt=1)
