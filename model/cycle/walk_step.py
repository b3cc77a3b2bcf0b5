"""Golden model of rtl/walk_step.py: one step of a walk as a function. What was read in, what to do next out."""

from typing import NamedTuple

from model.arch import SECOND_STAGE_LEVELS, FaultReason, Structure, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, TranslationType
from model.arch.structures import (
    CONTEXT_ENTRY,
    ROOT_ENTRY,
    SECOND_STAGE_PDE,
    SECOND_STAGE_PDE_2M,
    SECOND_STAGE_PDPE,
    SECOND_STAGE_PDPE_1G,
    SECOND_STAGE_PML4E,
    SECOND_STAGE_PML5E,
    SECOND_STAGE_PTE,
)
from model.cycle.request import Access, Context, Result, Table, Translation

__all__ = [
    "INDEX_SHIFTS",
    "Constants",
    "Outcome",
    "Step",
    "Walk",
    "beyond_width",
    "missing_permission",
    "step",
    "top_level",
]

# Level -> lowest address bit of the index into its table. Rule 6.1.
INDEX_SHIFTS = {1: 12, 2: 21, 3: 30, 4: 39, 5: 48}

# Level -> entry that points to a table, entry that maps a page. Rule 6.3.
FORMS: dict[int, tuple[Structure | None, Structure | None]] = {
    1: (None, SECOND_STAGE_PTE),
    2: (SECOND_STAGE_PDE, SECOND_STAGE_PDE_2M),
    3: (SECOND_STAGE_PDPE, SECOND_STAGE_PDPE_1G),
    4: (SECOND_STAGE_PML4E, None),
    5: (SECOND_STAGE_PML5E, None),
}


class Step:
    """What a walk reads next; plain numbers."""

    ROOT = 0
    CONTEXT = 1
    SECOND_STAGE = 2


class Walk(NamedTuple):
    """State of a walk: what it reads next, the table to read from, and what it knows of the context-entry.

    `table.level` counts in the second stage; `top` marks its first table.
    """

    step: int = Step.ROOT
    top: int = 0
    table: Table = Table()
    domain_id: int = 0
    fault_processing_disable: int = 0


class Outcome(NamedTuple):
    """What a step says; None is valid = 0.

    `result` ends the walk (`done`), otherwise it goes on with `following`: exactly one of the two is None. `context`
    and `table`, which is that of `following`, may be cached.
    """

    result: Result | None = None
    following: Walk | None = None
    context: Context | None = None
    table: Table | None = None


class Constants:
    """What a configuration says about walks, computed once."""

    __slots__ = (
        "context_reserved",
        "domain_id_mask",
        "haw",
        "levels",
        "page_mask",
        "pass_through",
        "pass_through_reserved",
        "root_reserved",
        "top_levels",
        "width_limits",
        "zlr",
    )

    def __init__(self, config: UnitConfig) -> None:
        domain_id = CONTEXT_ENTRY["DID"]
        self.haw = config.haw
        self.page_mask = (1 << config.haw - 12) - 1
        self.domain_id_mask = (1 << config.domain_id_bits) - 1
        self.pass_through = config.pt
        self.zlr = config.zlr
        self.root_reserved = config.reserved_mask(ROOT_ENTRY, "CTP")
        self.context_reserved = config.reserved_mask(CONTEXT_ENTRY, "SSPTPTR") | domain_id.mask & ~domain_id.to(
            self.domain_id_mask
        )
        self.pass_through_reserved = self.context_reserved & ~CONTEXT_ENTRY["SSPTPTR"].mask
        # By AW of the context-entry; 0 where AW is no width of CAP.SAGAW.
        self.top_levels = [0] * 8
        self.width_limits = [0] * 8
        for width in config.sagaw:
            code, levels = SECOND_STAGE_LEVELS[width]
            self.top_levels[code] = levels
            self.width_limits[code] = min(width, config.mgaw)
        # By level: reserved bits of an entry that points to a table and of one that maps a page (all where there is no
        # such entry), bit that tells them apart, and page-number bits that come from the request.
        self.levels = [(0, 0, 0, 0)] * 8
        for level, (table_form, page_form) in FORMS.items():
            table_reserved = -1 if table_form is None else config.reserved_mask(table_form, "ADDR")
            page_reserved = -1 if page_form is None else config.reserved_mask(page_form, "ADDR")
            selects_page = SECOND_STAGE_PDE["PS"].mask if table_form and page_form else 0
            self.levels[level] = table_reserved, page_reserved, selects_page, (1 << INDEX_SHIFTS[level] - 12) - 1


def step(
    constants: Constants, walk: Walk, access: int, address: int, address_type: int, entry: int, error: int
) -> Outcome:
    """Go one step: `entry` is 128 bits as read, a second-stage entry in the low half; `error`: the read failed."""
    if walk[0] == Step.SECOND_STAGE:
        return _second_stage(constants, walk, access, address, entry, error)
    if walk[0] == Step.CONTEXT:
        return _context(constants, walk, address, address_type, entry, error)
    return _root(constants, walk, entry, error)


def beyond_width(constants: Constants, address: int, context: Context) -> bool:
    """Say whether an address is above what the context-entry lets through (rules 4.6, 4.7)."""
    if context.pass_through:
        return address >> constants.haw != 0
    limit = constants.width_limits[context.width]
    return limit != 0 and address >> limit != 0


def top_level(constants: Constants, context: Context) -> int:
    """Return the number of second-stage levels that a context-entry's AW asks for, 0 for none of CAP.SAGAW."""
    return constants.top_levels[context.width]


def missing_permission(constants: Constants, access: int, read: int, write: int) -> int:
    """Return the fault reason of a missing permission, 0 when none is missing (rules 3.9, 6.4, 28.11)."""
    if access in (WRITE, ATOMIC) and not write:
        return WRITE_NOT_PERMITTED
    if access == WRITE or read or (access == ZERO_LENGTH_READ and write and constants.zlr):
        return 0
    return READ_NOT_PERMITTED


def _fault(reason: int, suppressed: int) -> Outcome:
    return Outcome(Result(reason, suppressed))


def _root(constants: Constants, walk: Walk, entry: int, error: int) -> Outcome:
    """Rule 4.2. FPD does not touch these faults."""
    if error or walk.step != Step.ROOT:  # no such step: refused
        return _fault(ROOT_ACCESS_ERROR, 0)
    if not entry & 1:
        return _fault(ROOT_NOT_PRESENT, 0)
    if entry & constants.root_reserved:
        return _fault(ROOT_RESERVED_BITS, 0)
    table = walk.table._replace(table=entry >> 12 & constants.page_mask)
    return Outcome(None, walk._replace(step=Step.CONTEXT, table=table))


def _context(constants: Constants, walk: Walk, address: int, address_type: int, entry: int, error: int) -> Outcome:
    """Rules 4.3 to 4.7, up to the walk."""
    if error:
        return _fault(CONTEXT_ACCESS_ERROR, 0)
    disable = entry >> 1 & 1
    if not entry & 1:
        return _fault(CONTEXT_NOT_PRESENT, disable)
    translation_type = entry >> 2 & 3
    passes = int(translation_type == PASS_THROUGH)
    if entry & (constants.pass_through_reserved if passes else constants.context_reserved):
        return _fault(CONTEXT_RESERVED_BITS, disable)
    width = entry >> 64 & 7
    levels = constants.top_levels[width]
    if not levels or not (translation_type == SECOND_STAGE or (passes and constants.pass_through)):
        return _fault(CONTEXT_INVALID, disable)
    domain_id = entry >> 72 & constants.domain_id_mask
    context = Context(domain_id, disable, passes, width, entry >> 12 & constants.page_mask)
    if address_type:
        return _fault(TRANSLATION_TYPE_BLOCKS, disable)
    if beyond_width(constants, address, context):
        return _fault(ADDRESS_BEYOND_WIDTH, disable)
    if passes:
        return Outcome(Result(0, 0, 1, Translation(domain_id)), None, context)
    following = Walk(Step.SECOND_STAGE, 1, Table(levels, context.table, 1, 1), domain_id, disable)
    return Outcome(None, following, context)


def _second_stage(constants: Constants, walk: Walk, access: int, address: int, entry: int, error: int) -> Outcome:
    """Rules 6.3 to 6.5, and the interrupt range (LGN.4)."""
    _, top, (level, _, read, write), domain_id, disable = walk
    if error:
        return _fault(CONTEXT_INVALID if top else SECOND_STAGE_ACCESS_ERROR, disable)
    if not entry & 3:
        return _fault(missing_permission(constants, access, 0, 0), disable)
    table_reserved, page_reserved, selects_page, from_address = constants.levels[level]
    is_page = level == 1 or entry & selects_page
    entry &= ENTRY_MASK
    if level == 0 or level > 5 or entry & (page_reserved if is_page else table_reserved):
        return _fault(SECOND_STAGE_RESERVED_BITS, disable)
    read &= entry
    write &= entry >> 1
    page = entry >> 12 & constants.page_mask
    if not is_page:
        table = Table(level - 1, page, read, write)
        following = Walk(Step.SECOND_STAGE, 0, table, domain_id, disable)
        return Outcome(None, following, None, table if read or write else None)
    missing = missing_permission(constants, access, read, write)
    if missing:
        return _fault(missing, disable)
    page &= ~from_address
    if (page | address >> 12 & from_address) >> 8 == INTERRUPT_PAGES:
        return _fault(OUTPUT_IN_INTERRUPT_RANGE, disable)
    return Outcome(Result(0, 0, 0, Translation(domain_id, disable, level, page, read, write)))


# Plain numbers: a member of an IntEnum costs a look-up, and an operation with it a conversion.
WRITE, ATOMIC, ZERO_LENGTH_READ = int(Access.WRITE), int(Access.ATOMIC), int(Access.ZERO_LENGTH_READ)
PASS_THROUGH, SECOND_STAGE = int(TranslationType.PASS_THROUGH), int(TranslationType.SECOND_STAGE)
ENTRY_MASK = (1 << 64) - 1
INTERRUPT_PAGES = INTERRUPT_PREFIX
ROOT_ACCESS_ERROR = int(FaultReason.ROOT_ACCESS_ERROR)
ROOT_NOT_PRESENT = int(FaultReason.ROOT_NOT_PRESENT)
ROOT_RESERVED_BITS = int(FaultReason.ROOT_RESERVED_BITS)
CONTEXT_ACCESS_ERROR = int(FaultReason.CONTEXT_ACCESS_ERROR)
CONTEXT_NOT_PRESENT = int(FaultReason.CONTEXT_NOT_PRESENT)
CONTEXT_RESERVED_BITS = int(FaultReason.CONTEXT_RESERVED_BITS)
CONTEXT_INVALID = int(FaultReason.CONTEXT_INVALID)
TRANSLATION_TYPE_BLOCKS = int(FaultReason.TRANSLATION_TYPE_BLOCKS)
ADDRESS_BEYOND_WIDTH = int(FaultReason.ADDRESS_BEYOND_WIDTH)
SECOND_STAGE_ACCESS_ERROR = int(FaultReason.SECOND_STAGE_ACCESS_ERROR)
SECOND_STAGE_RESERVED_BITS = int(FaultReason.SECOND_STAGE_RESERVED_BITS)
WRITE_NOT_PERMITTED = int(FaultReason.WRITE_NOT_PERMITTED)
READ_NOT_PERMITTED = int(FaultReason.READ_NOT_PERMITTED)
OUTPUT_IN_INTERRUPT_RANGE = int(FaultReason.OUTPUT_IN_INTERRUPT_RANGE)
