"""Values that fields of registers and structures can hold."""

from enum import IntEnum

__all__ = [
    "INTERRUPT_PREFIX",
    "ContextGranularity",
    "DeliveryMode",
    "DescriptorType",
    "IotlbGranularity",
    "IqeiCode",
    "PasidGranularity",
    "SourceValidation",
    "TableMode",
    "TranslationType",
]

# Address bits 31:20 of every interrupt request, with all bits above 0. Rule 3.4.
INTERRUPT_PREFIX = 0xFEE


class TableMode(IntEnum):
    """RTADDR.TTM. Rule 1.3."""

    LEGACY = 0
    SCALABLE = 1
    RESERVED = 2
    ABORT_DMA = 3


class TranslationType(IntEnum):
    """TT of a legacy context-entry. Rule 4.3."""

    SECOND_STAGE = 0
    SECOND_STAGE_WITH_DEVICE_TLB = 1
    PASS_THROUGH = 2
    RESERVED = 3


class SourceValidation(IntEnum):
    """SVT of an IRTE. Rule 22.3."""

    NONE = 0
    SOURCE_ID = 1
    BUS_RANGE = 2
    RESERVED = 3


class DeliveryMode(IntEnum):
    """DLM of an IRTE in the remapped format; 3 and 6 are reserved. Rule 22.3."""

    FIXED = 0
    LOWEST_PRIORITY = 1
    SMI = 2
    NMI = 4
    INIT = 5
    EXT_INT = 7


class DescriptorType(IntEnum):
    """Type of an invalidation descriptor: bits 11:9 above bits 3:0. Rule 16.2."""

    CONTEXT_CACHE = 1
    IOTLB = 2
    DEVICE_TLB = 3
    INTERRUPT_ENTRY_CACHE = 4
    WAIT = 5
    PASID_IOTLB = 6
    PASID_CACHE = 7


class ContextGranularity(IntEnum):
    """CCMD.CIRG, CCMD.CAIG, and G of a context-cache invalidate descriptor."""

    RESERVED = 0
    GLOBAL = 1
    DOMAIN = 2
    DEVICE = 3


class IotlbGranularity(IntEnum):
    """IOTLB.IIRG, IOTLB.IAIG, and G of an IOTLB invalidate descriptor."""

    RESERVED = 0
    GLOBAL = 1
    DOMAIN = 2
    PAGE = 3


class PasidGranularity(IntEnum):
    """G of the invalidate descriptors with PASID; p_iotlb_inv has only PASID_PAGES and ONE_PAGE."""

    DOMAIN = 0
    PASID = 1
    PASID_PAGES = 2
    GLOBAL_OR_PAGE = 3


class IqeiCode(IntEnum):
    """IQERCD.IQEI. Rule 28.5."""

    NONE = 0
    TAIL_BEYOND_QUEUE = 1
    FETCH_ERROR = 2
    INVALID_TYPE = 3
    RESERVED_BITS = 4
    INVALID_WIDTH = 5
    TAIL_NOT_ALIGNED = 6
    INVALID_TABLE_MODE = 7
