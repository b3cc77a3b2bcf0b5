"""One step of a walk: what was read in, what to do next out. Combinational; all walk slots share one."""

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

__all__ = ["Step", "WalkStep", "beyond_width", "missing_permission", "top_level", "walk_layout"]

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
        Otherwise: the state to go on with.
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
        m.d.comb += self.following.eq(self.walk)
        with m.Switch(self.walk.step):
            with m.Case(Step.ROOT):
                self._root(m)
            with m.Case(Step.CONTEXT):
                self._context(m)
            with m.Case(Step.SECOND_STAGE):
                self._second_stage(m)
            with m.Default():
                self._fault(m, FaultReason.ROOT_ACCESS_ERROR, qualified=False)
        return m

    def _fault(self, m, reason, *, qualified=True, disable=None):
        disable = self.walk.fault_processing_disable if disable is None else disable
        m.d.comb += [
            self.done.eq(1),
            self.result.fault_reason.eq(reason),
            self.result.suppressed.eq(disable if qualified else 0),
        ]

    def _root(self, m):
        entry = data.View(data.StructLayout(ROOT_ENTRY.layout), self.entry)
        with m.If(self.error):
            self._fault(m, FaultReason.ROOT_ACCESS_ERROR, qualified=False)
        with m.Elif(~entry.p):
            self._fault(m, FaultReason.ROOT_NOT_PRESENT, qualified=False)
        with m.Elif((self.entry & self.config.reserved_mask(ROOT_ENTRY, "CTP")).any()):
            self._fault(m, FaultReason.ROOT_RESERVED_BITS, qualified=False)
        with m.Else():
            m.d.comb += [self.following.step.eq(Step.CONTEXT), self.following.table.table.eq(entry.ctp)]

    def _context(self, m):
        config = self.config
        entry = data.View(data.StructLayout(CONTEXT_ENTRY.layout), self.entry)
        passes = Signal()
        address_bits = CONTEXT_ENTRY["SSPTPTR"].mask
        domain_id = CONTEXT_ENTRY["DID"]
        reserved = config.reserved_mask(CONTEXT_ENTRY, "SSPTPTR") | domain_id.to(
            (1 << domain_id.width) - (1 << config.domain_id_bits)
        )
        width_known = Signal()
        m.d.comb += [
            passes.eq(entry.tt == TranslationType.PASS_THROUGH),
            # From version 6 on there may be no width at all.
            width_known.eq(Cat(C(0), (entry.aw == SECOND_STAGE_LEVELS[width][0] for width in config.sagaw)).any()),
            self.context.domain_id.eq(entry.did),
            self.context.fault_processing_disable.eq(entry.fpd),
            self.context.pass_through.eq(passes),
            self.context.width.eq(entry.aw),
            self.context.table.eq(entry.ssptptr),
        ]
        type_known = (entry.tt == TranslationType.SECOND_STAGE) | (passes if config.pt else 0)
        with m.If(self.error):
            self._fault(m, FaultReason.CONTEXT_ACCESS_ERROR, qualified=False)
        with m.Elif(~entry.p):
            self._fault(m, FaultReason.CONTEXT_NOT_PRESENT, disable=entry.fpd)
        with m.Elif((self.entry & Mux(passes, reserved & ~address_bits, reserved)).any()):
            self._fault(m, FaultReason.CONTEXT_RESERVED_BITS, disable=entry.fpd)
        with m.Elif(~width_known | ~type_known):
            self._fault(m, FaultReason.CONTEXT_INVALID, disable=entry.fpd)
        with m.Else():
            self._with_context(m)

    def _with_context(self, m):
        context = self.context
        with m.If(self.address_type != 0):
            self._fault(m, FaultReason.TRANSLATION_TYPE_BLOCKS, disable=context.fault_processing_disable)
        with m.Elif(beyond_width(self.config, self.address, context)):
            self._fault(m, FaultReason.ADDRESS_BEYOND_WIDTH, disable=context.fault_processing_disable)
        with m.Elif(context.pass_through):
            m.d.comb += [
                self.context_valid.eq(1),
                self.done.eq(1),
                self.result.pass_through.eq(1),
                self.result.translation.domain_id.eq(context.domain_id),
            ]
        with m.Else():
            m.d.comb += [
                self.context_valid.eq(1),
                self.following.step.eq(Step.SECOND_STAGE),
                self.following.top.eq(1),
                self.following.table.level.eq(top_level(self.config, context)),
                self.following.table.table.eq(context.table),
                self.following.table.read.eq(1),
                self.following.table.write.eq(1),
                self.following.domain_id.eq(context.domain_id),
                self.following.fault_processing_disable.eq(context.fault_processing_disable),
            ]

    def _second_stage(self, m):
        config, walk = self.config, self.walk
        entry = self.entry[:64]
        may_read, may_write = SECOND_STAGE_PTE["R"], SECOND_STAGE_PTE["W"]
        read, write = entry[may_read.lsb], entry[may_write.lsb]
        is_page, reserved, page, shift_mask = Signal(), Signal(), Signal(config.haw - 12), Signal(config.haw - 12)
        with m.Switch(walk.table.level):
            for level, (shift, table_form, page_form) in LEVELS.items():
                with m.Case(level):
                    self._form(m, entry, table_form, page_form, is_page, reserved)
                    if page_form:
                        m.d.comb += shift_mask.eq((1 << shift - 12) - 1)
            with m.Default():
                m.d.comb += reserved.eq(1)  # no such level: refused
        allowed_read, allowed_write = walk.table.read & read, walk.table.write & write
        m.d.comb += page.eq((entry[12:] & ~shift_mask) | (self.address[12:] & shift_mask))
        missing = missing_permission(config, self.access, allowed_read, allowed_write)
        translation = self.result.translation
        with m.If(self.error):
            self._fault(m, Mux(walk.top, FaultReason.CONTEXT_INVALID, FaultReason.SECOND_STAGE_ACCESS_ERROR))
        with m.Elif(~read & ~write):
            self._fault(m, missing_permission(config, self.access, 0, 0))
        with m.Elif(reserved):
            self._fault(m, FaultReason.SECOND_STAGE_RESERVED_BITS)
        with m.Elif(~is_page):
            m.d.comb += [
                self.table_valid.eq(allowed_read | allowed_write),
                self.following.top.eq(0),
                self.following.table.level.eq(walk.table.level - 1),
                self.following.table.table.eq(entry[12:]),
                self.following.table.read.eq(allowed_read),
                self.following.table.write.eq(allowed_write),
            ]
        with m.Elif(missing != 0):
            self._fault(m, missing)
        with m.Elif(page[8:] == INTERRUPT_PREFIX):
            self._fault(m, FaultReason.OUTPUT_IN_INTERRUPT_RANGE)
        with m.Else():
            m.d.comb += [
                self.done.eq(1),
                translation.domain_id.eq(walk.domain_id),
                translation.fault_processing_disable.eq(walk.fault_processing_disable),
                translation.level.eq(walk.table.level),
                translation.page.eq(entry[12:] & ~shift_mask),
                translation.read.eq(allowed_read),
                translation.write.eq(allowed_write),
            ]

    def _form(self, m, entry, table_form, page_form, is_page, reserved):
        masks = {form: self.config.reserved_mask(form, "ADDR") for form in (table_form, page_form) if form}
        if table_form is None:
            m.d.comb += [is_page.eq(1), reserved.eq((entry & masks[page_form]).any())]
        elif page_form is None:
            m.d.comb += reserved.eq((entry & masks[table_form]).any())
        else:
            m.d.comb += [
                is_page.eq(entry[table_form["PS"].lsb]),
                reserved.eq((entry & Mux(is_page, masks[page_form], masks[table_form])).any()),
            ]


def beyond_width(config, address, context):
    """Say whether an address is above what the context-entry lets through (rules 4.6, 4.7)."""
    beyond = address[config.haw :].any() & context.pass_through
    for width in config.sagaw:
        this_width = context.width == SECOND_STAGE_LEVELS[width][0]
        beyond = beyond | (this_width & ~context.pass_through & (address >> min(width, config.mgaw)).any())
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
