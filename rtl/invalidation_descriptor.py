"""A descriptor of the invalidation queue: whether it may be done, and the command it stands for. Combinational."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.encodings import (
    ContextGranularity,
    DescriptorType,
    IotlbGranularity,
    IqeiCode,
    PasidGranularity,
    TableMode,
)
from model.arch.structures import (
    CONTEXT_CACHE_INV,
    IEC_INV,
    INV_WAIT,
    IOTLB_INV,
    P_IOTLB_INV,
    PASID_CACHE_INV,
)
from rtl.one_hot import below
from rtl.request import INTERRUPT_INDEX_BITS, PAGE_BITS, invalidation_layout

__all__ = ["ENTRY_BITS", "InvalidationDescriptor", "wait_fields"]

ENTRY_BITS = 128
TYPE_LOW, TYPE_HIGH = INV_WAIT["TYPE_LO"], INV_WAIT["TYPE_HI"]

DESCRIPTORS = {
    DescriptorType.CONTEXT_CACHE: CONTEXT_CACHE_INV,
    DescriptorType.IOTLB: IOTLB_INV,
    DescriptorType.INTERRUPT_ENTRY_CACHE: IEC_INV,
    DescriptorType.WAIT: INV_WAIT,
    DescriptorType.PASID_IOTLB: P_IOTLB_INV,
    DescriptorType.PASID_CACHE: PASID_CACHE_INV,
}
ONLY_OUTSIDE_LEGACY = (DescriptorType.PASID_IOTLB, DescriptorType.PASID_CACHE)


def wait_fields(descriptor) -> data.View:
    """Return the fields of a wait descriptor."""
    return _view(INV_WAIT, descriptor)


class InvalidationDescriptor(wiring.Component):
    """Check and decode one descriptor.

    Spec: rules 15, 16.3, 28.5, 28.7.
    A read that failed comes first, then type and granularity, then reserved bits. Combinational.
    AM above MAMV invalidates the whole domain, IM above MHMV all interrupt entries. Descriptors with PASID find no
    cache and only drain.

    Members
    -------
    descriptor, upper, failed : In
        The lower 128 bits; whether the upper ones are not all 0; whether a read of it failed.
    table_mode : In
        Decides which types there are.
    code : Out
        IqeiCode; 0 when the descriptor may be done.
    kind : Out
        DescriptorType, when the code is 0.
    command : Out
        What to invalidate; all zeros for types that invalidate nothing that exists.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "descriptor": In(ENTRY_BITS),
                "upper": In(1),
                "failed": In(1),
                "table_mode": In(2),
                "code": Out(4),
                "kind": Out(7),
                "command": Out(invalidation_layout(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._check(m)
        self._decode(m)
        return m

    def _check(self, m):
        known, reserved = Signal(), Signal()
        m.d.comb += self.kind.eq(
            Cat(self.descriptor[TYPE_LOW.lsb :][: TYPE_LOW.width], self.descriptor[TYPE_HIGH.lsb :][: TYPE_HIGH.width])
        )
        with m.Switch(self.kind):
            for kind, structure in DESCRIPTORS.items():
                with m.Case(kind):
                    m.d.comb += [
                        known.eq(self._is_supported(kind)),
                        reserved.eq((self.descriptor & self.config.reserved_mask(structure)).any() | self.upper),
                    ]
        with m.If(self.failed):
            m.d.comb += self.code.eq(IqeiCode.FETCH_ERROR)
        with m.Elif(~known):
            m.d.comb += self.code.eq(IqeiCode.INVALID_TYPE)
        with m.Elif(reserved):
            m.d.comb += self.code.eq(IqeiCode.RESERVED_BITS)

    def _is_supported(self, kind):
        """Say whether the type exists here and the granularity is one of its own."""
        if kind == DescriptorType.WAIT:
            return 1
        if kind == DescriptorType.INTERRUPT_ENTRY_CACHE:
            return int(self.config.ir)
        granularity = _view(DESCRIPTORS[kind], self.descriptor).g
        supported = granularity != ContextGranularity.RESERVED
        if kind == DescriptorType.IOTLB and not self.config.psi:
            supported &= granularity != IotlbGranularity.PAGE
        if kind == DescriptorType.PASID_IOTLB:
            supported = granularity >= PasidGranularity.PASID_PAGES
        if kind == DescriptorType.PASID_CACHE:
            supported = granularity != PasidGranularity.PASID_PAGES
        return supported & (self.table_mode != TableMode.LEGACY) if kind in ONLY_OUTSIDE_LEGACY else supported

    def _decode(self, m):
        command = self.command
        context, iotlb = _view(CONTEXT_CACHE_INV, self.descriptor), _view(IOTLB_INV, self.descriptor)
        interrupts = _view(IEC_INV, self.descriptor)
        page = (iotlb.g == IotlbGranularity.PAGE) & (iotlb.am <= self.config.mamv)
        by_index = interrupts.g & (interrupts.im <= self.config.mhmv)
        with m.Switch(self.kind):
            with m.Case(DescriptorType.CONTEXT_CACHE):
                m.d.comb += [
                    command.context_global.eq(context.g == ContextGranularity.GLOBAL),
                    command.context_domain.eq(context.g == ContextGranularity.DOMAIN),
                    command.context_device.eq(context.g == ContextGranularity.DEVICE),
                    command.domain_id.eq(context.did),
                    command.source_id.eq(context.sid),
                    command.function_mask.eq(Cat(context.fm == 3, context.fm >= 2, context.fm >= 1)),
                ]
            with m.Case(DescriptorType.IOTLB):
                m.d.comb += [
                    command.iotlb_global.eq(iotlb.g == IotlbGranularity.GLOBAL),
                    command.iotlb_domain.eq((iotlb.g >= IotlbGranularity.DOMAIN) & ~page),
                    command.iotlb_page.eq(page),
                    command.keep_tables.eq(page & iotlb.ih),
                    command.domain_id.eq(iotlb.did),
                    command.page.eq(iotlb.addr),
                    command.page_mask.eq(below(iotlb.am, PAGE_BITS)),
                ]
            with m.Case(DescriptorType.INTERRUPT_ENTRY_CACHE):
                m.d.comb += [
                    command.iec_global.eq(~by_index),
                    command.iec_index.eq(by_index),
                    command.interrupt_index.eq(interrupts.iidx),
                    command.interrupt_mask.eq(below(interrupts.im, INTERRUPT_INDEX_BITS)),
                ]


def _view(structure, descriptor):
    """Return the fields of a descriptor, its upper half taken as 0."""
    return data.View(data.StructLayout(structure.layout), Cat(descriptor, Const(0, structure.width - ENTRY_BITS)))
