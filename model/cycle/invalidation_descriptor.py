"""Golden model of rtl/invalidation_descriptor.py: what a descriptor asks for, and whether it may be done."""

from model.arch import Structure, UnitConfig
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
from model.cycle.request import Invalidation

__all__ = ["DRAIN_ONLY", "InvalidationDescriptor"]

TYPE_LOW, TYPE_HIGH = INV_WAIT["TYPE_LO"], INV_WAIT["TYPE_HI"]
DRAIN_ONLY = Invalidation()
ONLY_OUTSIDE_LEGACY = (DescriptorType.PASID_IOTLB, DescriptorType.PASID_CACHE)

# FM -> bits of the function number that do not count: none, bit 2, bits 2:1, bits 2:0.
FUNCTION_MASKS = (0b000, 0b100, 0b110, 0b111)

# Type -> structure, and the granularities that it has; None where it has no such field. Rules 15, 16.3.
KINDS: dict[int, tuple[Structure, tuple[int, ...] | None]] = {
    DescriptorType.CONTEXT_CACHE: (CONTEXT_CACHE_INV, (1, 2, 3)),
    DescriptorType.IOTLB: (IOTLB_INV, (1, 2, 3)),
    DescriptorType.INTERRUPT_ENTRY_CACHE: (IEC_INV, None),
    DescriptorType.WAIT: (INV_WAIT, None),
    DescriptorType.PASID_IOTLB: (P_IOTLB_INV, (PasidGranularity.PASID_PAGES, PasidGranularity.GLOBAL_OR_PAGE)),
    DescriptorType.PASID_CACHE: (PASID_CACHE_INV, (0, 1, 3)),
}


class InvalidationDescriptor:
    """Two functions, of a configuration."""

    def __init__(self, config: UnitConfig) -> None:
        self._config = config
        self._domain_ids = (1 << config.domain_id_bits) - 1
        self._reserved = {int(kind): config.reserved_mask(structure) for kind, (structure, _) in KINDS.items()}

    def check(self, descriptor: int, upper: int, failed: int, table_mode: int) -> tuple[int, int]:
        """Return IqeiCode and type. `upper`: there are ones in the upper half; `failed`: it could not be read."""
        kind = TYPE_HIGH.of(descriptor) << TYPE_LOW.width | TYPE_LOW.of(descriptor)
        if failed:
            return int(IqeiCode.FETCH_ERROR), kind
        if not self._is_supported(kind, descriptor, table_mode):
            return int(IqeiCode.INVALID_TYPE), kind
        if upper or descriptor & self._reserved[kind]:
            return int(IqeiCode.RESERVED_BITS), kind
        return int(IqeiCode.NONE), kind

    def command(self, kind: int, descriptor: int) -> Invalidation:
        """Return what to invalidate."""
        if kind == DescriptorType.CONTEXT_CACHE:
            return self._context_command(CONTEXT_CACHE_INV.unpack(descriptor))
        if kind == DescriptorType.IOTLB:
            return self._iotlb_command(IOTLB_INV.unpack(descriptor))
        if kind == DescriptorType.INTERRUPT_ENTRY_CACHE:
            return self._interrupt_command(IEC_INV.unpack(descriptor))
        return DRAIN_ONLY

    def _is_supported(self, kind: int, descriptor: int, table_mode: int) -> bool:
        """Say whether the type exists here and the granularity is one of its own."""
        if kind not in KINDS or (kind in ONLY_OUTSIDE_LEGACY and table_mode == TableMode.LEGACY):
            return False
        if kind == DescriptorType.INTERRUPT_ENTRY_CACHE:
            return self._config.ir
        structure, granularities = KINDS[kind]
        if granularities is None:
            return True
        granularity = structure["G"].of(descriptor)
        if kind == DescriptorType.IOTLB and granularity == IotlbGranularity.PAGE:
            return self._config.psi
        return granularity in granularities

    def _context_command(self, fields: dict[str, int]) -> Invalidation:
        granularity = fields["G"]
        return Invalidation(
            context_global=int(granularity == ContextGranularity.GLOBAL),
            context_domain=int(granularity == ContextGranularity.DOMAIN),
            context_device=int(granularity == ContextGranularity.DEVICE),
            domain_id=fields["DID"] & self._domain_ids,
            source_id=fields["SID"],
            function_mask=FUNCTION_MASKS[fields["FM"]],
        )

    def _iotlb_command(self, fields: dict[str, int]) -> Invalidation:
        """AM above MAMV: the whole domain (28.7)."""
        granularity = fields["G"]
        page = int(granularity == IotlbGranularity.PAGE and fields["AM"] <= self._config.mamv)
        return Invalidation(
            iotlb_global=int(granularity == IotlbGranularity.GLOBAL),
            iotlb_domain=int(granularity >= IotlbGranularity.DOMAIN and not page),
            iotlb_page=page,
            keep_tables=page & fields["IH"],
            domain_id=fields["DID"] & self._domain_ids,
            page=fields["ADDR"],
            page_mask=(1 << fields["AM"]) - 1 & (1 << IOTLB_INV["ADDR"].width) - 1,
        )

    def _interrupt_command(self, fields: dict[str, int]) -> Invalidation:
        """IM above MHMV: all entries (28.7)."""
        by_index = int(fields["G"] and fields["IM"] <= self._config.mhmv)
        return Invalidation(
            iec_global=1 - by_index,
            iec_index=by_index,
            interrupt_index=fields["IIDX"],
            interrupt_mask=(1 << fields["IM"]) - 1 & (1 << IEC_INV["IIDX"].width) - 1,
        )
