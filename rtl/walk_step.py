"""One step of a walk: what was read in, what to do next out. Combinational; all walk slots share one."""

from collections import defaultdict

from amaranth import *
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from model.arch import SECOND_STAGE_LEVELS, FaultReason, UnitConfig
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
from rtl.paging_structure_cache import table_layout
from rtl.request import ADDRESS_BITS, Access, context_layout, result_layout

__all__ = [
    "Step",
    "WalkStep",
    "above_limits",
    "beyond_width",
    "limits",
    "missing_permission",
    "top_level",
    "walk_layout",
]

# Level -> lowest index bit, entry that points to a table, entry that maps a page. Rule 6.3.
LEVELS = {
    1: (12, None, SECOND_STAGE_PTE),
    2: (21, SECOND_STAGE_PDE, SECOND_STAGE_PDE_2M),
    3: (30, SECOND_STAGE_PDPE, SECOND_STAGE_PDPE_1G),
    4: (39, SECOND_STAGE_PML4E, None),
    5: (48, SECOND_STAGE_PML5E, None),
}


class Step(enum.Enum, shape=2):
    """What a walk reads next."""

    ROOT = 0
    CONTEXT = 1
    SECOND_STAGE = 2


def walk_layout(config: UnitConfig) -> data.StructLayout:
    """State of a walk: what it reads next, the table to read from, and what it knows of the context-entry.

    `table.level` counts in the second stage; `top` marks its first table.
    """
    return data.StructLayout(
        {
            "step": Step,
            "top": 1,
            "table": table_layout(config),
            "domain_id": config.domain_id_bits,
            "fault_processing_disable": 1,
        }
    )


class WalkStep(wiring.Component):
    """The page walk as one function: walk state and returned entry to next state, result, and entries to cache.

    Spec: rules 4.2 to 4.7, 6. Combinational.

    Members
    -------
    walk, access, address, address_type : In
        The walk and the request it is for.
    entry, error : In
        128 bits as read (a second-stage entry in the low half), and whether the read failed.
    done, result : Out
        The walk ends with this result.
    following : Out
        Otherwise: the state to go on with; after a root-entry, only `step` and `table.table` mean something.
    context_valid, context : Out
        The context-entry passed its checks, this request's use of it too, and it may be cached (rules 14.3).
    table_valid : Out
        `following.table` may be cached for the domain and address: something is permitted through it.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "walk": In(walk_layout(config)),
                "access": In(Access),
                "address": In(ADDRESS_BITS),
                "address_type": In(2),
                "entry": In(128),
                "error": In(1),
                "done": Out(1),
                "result": Out(result_layout(config)),
                "following": Out(walk_layout(config)),
                "context_valid": Out(1),
                "context": Out(context_layout(config)),
                "table_valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._reserved, self._is_page = Signal(), Signal()
        self._go_on(m)
        self._check_form(m)
        with m.Switch(self.walk.step):
            with m.Case(Step.ROOT):
                self._root(m)
            with m.Case(Step.CONTEXT):
                self._context(m)
            with m.Case(Step.SECOND_STAGE):
                self._second_stage(m)
            with m.Default():
                m.d.comb += self.done.eq(1)
                self._fault(m, FaultReason.ROOT_ACCESS_ERROR, qualified=False)
        return m

    def _fault(self, m, reason, *, qualified=True):
        m.d.comb += [
            self.result.fault_reason.eq(reason),
            self.result.suppressed.eq(self._fault_processing_disable if qualified else 0),
        ]

    def _go_on(self, m):
        """What follows, and the result, for entries that pass their checks."""
        walk, context, following, translation = self.walk, self.context, self.following, self.result.translation
        entry = data.View(data.StructLayout(CONTEXT_ENTRY.layout), self.entry)
        in_context = walk.step == Step.CONTEXT
        permissions = self.entry[:2]  # of a second-stage entry: R, W
        allowed = Cat(walk.table.read, walk.table.write) & permissions
        self._fault_processing_disable = Mux(in_context, entry.fpd, walk.fault_processing_disable)
        m.d.comb += [
            context.domain_id.eq(entry.did),
            context.fault_processing_disable.eq(entry.fpd),
            context.pass_through.eq(entry.tt == TranslationType.PASS_THROUGH),
            context.width.eq(entry.aw),
            context.table.eq(entry.ssptptr),
            following.step.eq(Mux(walk.step == Step.ROOT, Step.CONTEXT, Step.SECOND_STAGE)),
            following.top.eq(in_context),
            following.table.level.eq(Mux(in_context, top_level(self.config, context), walk.table.level - 1)),
            following.table.table.eq(self.entry[12:]),
            following.table.read.eq(in_context | allowed[0]),
            following.table.write.eq(in_context | allowed[1]),
            following.domain_id.eq(Mux(in_context, entry.did, walk.domain_id)),
            following.fault_processing_disable.eq(self._fault_processing_disable),
            self.result.pass_through.eq(in_context),
            translation.domain_id.eq(walk.domain_id),
            translation.fault_processing_disable.eq(walk.fault_processing_disable),
            translation.level.eq(walk.table.level),
            translation.page.eq(self.entry[12:]),
            translation.read.eq(allowed[0]),
            translation.write.eq(allowed[1]),
        ]

    def _root(self, m):
        entry = data.View(data.StructLayout(ROOT_ENTRY.layout), self.entry)
        reserved = (self.entry & self.config.reserved_mask(ROOT_ENTRY, "CTP")).any()
        m.d.comb += self.done.eq(self.error | ~entry.p | reserved)
        with m.If(self.error):
            self._fault(m, FaultReason.ROOT_ACCESS_ERROR, qualified=False)
        with m.Elif(~entry.p):
            self._fault(m, FaultReason.ROOT_NOT_PRESENT, qualified=False)
        with m.Elif(reserved):
            self._fault(m, FaultReason.ROOT_RESERVED_BITS, qualified=False)

    def _context(self, m):
        config, context = self.config, self.context
        entry = data.View(data.StructLayout(CONTEXT_ENTRY.layout), self.entry)
        address_bits = CONTEXT_ENTRY["SSPTPTR"].mask
        domain_id = CONTEXT_ENTRY["DID"]
        reserved = config.reserved_mask(CONTEXT_ENTRY, "SSPTPTR") | domain_id.to(
            (1 << domain_id.width) - (1 << config.domain_id_bits)
        )
        # The table of a pass-through entry means nothing.
        reserved_bits = (self.entry & reserved & ~address_bits).any() | (
            ~context.pass_through & (self.entry & reserved & address_bits).any()
        )
        # From version 6 on there may be no width at all.
        width_known = Cat(C(0), (entry.aw == SECOND_STAGE_LEVELS[width][0] for width in config.sagaw)).any()
        type_known = (entry.tt == TranslationType.SECOND_STAGE) | (context.pass_through if config.pt else 0)
        m.d.comb += self.done.eq(~self.context_valid | context.pass_through)
        with m.If(self.error):
            self._fault(m, FaultReason.CONTEXT_ACCESS_ERROR, qualified=False)
        with m.Elif(~entry.p):
            self._fault(m, FaultReason.CONTEXT_NOT_PRESENT)
        with m.Elif(reserved_bits):
            self._fault(m, FaultReason.CONTEXT_RESERVED_BITS)
        with m.Elif(~width_known | ~type_known):
            self._fault(m, FaultReason.CONTEXT_INVALID)
        with m.Elif(self.address_type != 0):
            self._fault(m, FaultReason.TRANSLATION_TYPE_BLOCKS)
        with m.Elif(beyond_width(config, above_limits(config, self.address), context)):
            self._fault(m, FaultReason.ADDRESS_BEYOND_WIDTH)
        with m.Else():
            m.d.comb += self.context_valid.eq(1)

    def _second_stage(self, m):
        config, table = self.config, self.following.table
        # Bits of a large page's address below its size are reserved, so they are 0.
        within = Mux(self.walk.table.level == 3, (1 << 18) - 1, Mux(self.walk.table.level == 2, (1 << 9) - 1, 0))
        page = self.entry[12 : config.haw] | (self.address[12:] & within)
        missing = missing_permission(config, self.access, table.read, table.write)
        # Others ask for this late in the clock, and so it does not wait for the reason.
        m.d.comb += [
            self.done.eq(self.error | (self.entry[:2] == 0) | self._reserved | self._is_page),
            self.table_valid.eq(~self.done & (table.read | table.write)),
        ]
        with m.If(self.error):
            self._fault(m, Mux(self.walk.top, FaultReason.CONTEXT_INVALID, FaultReason.SECOND_STAGE_ACCESS_ERROR))
        with m.Elif(self.entry[:2] == 0):
            self._fault(m, missing_permission(config, self.access, 0, 0))
        with m.Elif(self._reserved):
            self._fault(m, FaultReason.SECOND_STAGE_RESERVED_BITS)
        with m.Elif(self._is_page):
            with m.If(missing != 0):
                self._fault(m, missing)
            with m.Elif(page[8:] == INTERRUPT_PREFIX):
                self._fault(m, FaultReason.OUTPUT_IN_INTERRUPT_RANGE)

    def _check_form(self, m):
        """Second stage: whether the entry maps a page, and whether a bit is set that is reserved in its form."""
        level, is_large = self.walk.table.level, self.entry[SECOND_STAGE_PDE["PS"].lsb]
        forms = []  # (when the entry has it, its structure, whether it maps a page)
        for number, (_, table_form, page_form) in LEVELS.items():
            if table_form and page_form:
                forms.append(((level == number) & ~is_large, table_form, False))
                forms.append(((level == number) & is_large, page_form, True))
            else:
                forms.append((level == number, table_form or page_form, table_form is None))
        masks = [self.config.reserved_mask(structure, "ADDR") for _, structure, _ in forms]
        groups = defaultdict(int)  # forms -> bits that are reserved in just these
        for bit in range(64):
            groups[tuple(i for i, mask in enumerate(masks) if mask >> bit & 1)] |= 1 << bit
        form = Signal(len(forms))
        m.d.comb += [
            form.eq(Cat(when for when, _, _ in forms)),
            self._is_page.eq(Cat(bit for bit, (_, _, is_page) in zip(form, forms, strict=True) if is_page).any()),
            self._reserved.eq(~form.any()),  # no such level: refused
        ]
        for reserving, mask in groups.items():
            with m.If((self.entry & mask).any() & Cat(form[i] for i in reserving).any()):
                m.d.comb += self._reserved.eq(1)


def limits(config):
    """Return the places from which on an address can be beyond a width, highest first."""
    return sorted({config.haw, *(min(width, config.mgaw) for width in config.sagaw)}, reverse=True)


def above_limits(config, address):
    """Say for each of the limits whether the address has a bit there or higher."""
    bits, top = [Const(0)], len(address)
    for place in limits(config):
        bits.append(bits[-1] | address[place:top].any())
        top = place
    return Cat(bits[1:])


def beyond_width(config, above, context):
    """Say whether an address, of which `above_limits` are known, is beyond the context-entry's (rules 4.6, 4.7)."""
    above = dict(zip(limits(config), above, strict=True))
    beyond = above[config.haw] & context.pass_through
    for width in config.sagaw:
        this_width = context.width == SECOND_STAGE_LEVELS[width][0]
        beyond = beyond | (this_width & ~context.pass_through & above[min(width, config.mgaw)])
    return beyond


def top_level(config, context):
    """Return the number of second-stage levels that a context-entry's AW asks for."""
    level = Const(0, 3)
    for width in config.sagaw:
        code, levels = SECOND_STAGE_LEVELS[width]
        level = Mux(context.width == code, levels, level)
    return level


def missing_permission(config, access, read, write):
    """Return the fault reason of a missing permission, 0 when none is missing (rules 4.7, 3.9)."""
    writes = (access == Access.WRITE) | (access == Access.ATOMIC)
    reads = (access == Access.READ) | (access == Access.ATOMIC)
    zero_length = access == Access.ZERO_LENGTH_READ
    lacks_read = (reads & ~read) | (zero_length & ~(read | write if config.zlr else read))
    return Mux(writes & ~write, FaultReason.WRITE_NOT_PERMITTED, Mux(lacks_read, FaultReason.READ_NOT_PERMITTED, 0))
