# ruff: noqa: E501  (one row of a table is one line)
"""Fault reasons and the conditions that raise them of legacy mode, abort-DMA mode and interrupts."""

from dataclasses import dataclass
from enum import IntEnum, unique

__all__ = ["CONDITIONS", "FaultCondition", "FaultReason"]


@unique
class FaultReason(IntEnum):
    """Value of FRCD.FR."""

    ROOT_NOT_PRESENT = 0x01
    CONTEXT_NOT_PRESENT = 0x02
    CONTEXT_INVALID = 0x03
    ADDRESS_BEYOND_WIDTH = 0x04
    WRITE_NOT_PERMITTED = 0x05
    READ_NOT_PERMITTED = 0x06
    SECOND_STAGE_ACCESS_ERROR = 0x07
    ROOT_ACCESS_ERROR = 0x08
    CONTEXT_ACCESS_ERROR = 0x09
    ROOT_RESERVED_BITS = 0x0A
    CONTEXT_RESERVED_BITS = 0x0B
    SECOND_STAGE_RESERVED_BITS = 0x0C
    TRANSLATION_TYPE_BLOCKS = 0x0D
    OUTPUT_IN_INTERRUPT_RANGE = 0x0E
    INTERRUPT_REQUEST_RESERVED_BITS = 0x20
    INTERRUPT_INDEX_BEYOND_TABLE = 0x21
    IRTE_NOT_PRESENT = 0x22
    IRTE_ACCESS_ERROR = 0x23
    IRTE_RESERVED_BITS = 0x24
    COMPATIBILITY_INTERRUPT_BLOCKED = 0x25
    SOURCE_ID_MISMATCH = 0x26
    POSTED_DESCRIPTOR_ACCESS_ERROR = 0x27
    POSTED_DESCRIPTOR_RESERVED_BITS = 0x28
    NOT_AN_INTERRUPT_REQUEST = 0x29
    EXTENDED_INTERRUPT_MODE_REQUIRED = 0x2A
    INTERRUPT_REMAPPING_REQUIRED = 0x2B
    TRANSLATION_TABLE_MODE_INVALID = 0x30
    PASID_IN_LEGACY_MODE = 0x31
    PAGE_REQUEST_IN_LEGACY_MODE = 0x32
    DMA_ABORTED = 0x33


@dataclass(frozen=True, slots=True)
class FaultCondition:
    """One condition under which a reason is reported.

    `name` is the specification's (interrupt conditions: IR. and the code). `qualified`: FPD = 1 in the entry that
    was used suppresses the record. `index_logged`: FRCD.FI holds the interrupt index.
    """

    name: str
    reason: FaultReason
    qualified: bool
    text: str
    index_logged: bool = False


CONDITIONS = {
    condition.name: condition
    for condition in (
        FaultCondition(
            "LRT.1",
            FaultReason.ROOT_ACCESS_ERROR,
            False,
            "error on reading the root entry (address beyond memory, poison, ...)",
        ),
        FaultCondition("LRT.2", FaultReason.ROOT_NOT_PRESENT, False, "root entry P=0"),
        FaultCondition("LRT.3", FaultReason.ROOT_RESERVED_BITS, False, "reserved field set in a present root entry"),
        FaultCondition("LCT.1", FaultReason.CONTEXT_ACCESS_ERROR, False, "error on reading the context entry"),
        FaultCondition("LCT.2", FaultReason.CONTEXT_NOT_PRESENT, True, "context entry P=0"),
        FaultCondition(
            "LCT.3", FaultReason.CONTEXT_RESERVED_BITS, True, "reserved field set in a present context entry"
        ),
        FaultCondition("LCT.4.1", FaultReason.CONTEXT_INVALID, True, "context entry AW is not a supported width"),
        FaultCondition(
            "LCT.4.2",
            FaultReason.CONTEXT_INVALID,
            True,
            "context entry TT is reserved or unsupported (01 without DT, 10 without PT, 11)",
        ),
        FaultCondition(
            "LCT.4.3",
            FaultReason.CONTEXT_INVALID,
            True,
            "error on reading the top-level second-stage entry addressed by SSPTPTR",
        ),
        FaultCondition(
            "LCT.5",
            FaultReason.TRANSLATION_TYPE_BLOCKS,
            True,
            "TT is 00 or 10, so translation requests and translated requests are blocked",
        ),
        FaultCondition(
            "LSS.1",
            FaultReason.SECOND_STAGE_ACCESS_ERROR,
            True,
            "error on reading a second-stage entry below the top level",
        ),
        FaultCondition(
            "LSS.2",
            FaultReason.SECOND_STAGE_RESERVED_BITS,
            True,
            "reserved field set in a second-stage entry that has R or W set",
        ),
        FaultCondition(
            "LGN.1.1",
            FaultReason.ADDRESS_BEYOND_WIDTH,
            True,
            "input address above 2^X-1, X = min(MGAW, AW of the context entry)",
        ),
        FaultCondition(
            "LGN.1.2", FaultReason.ADDRESS_BEYOND_WIDTH, True, "translated request above the host address width"
        ),
        FaultCondition(
            "LGN.1.3", FaultReason.ADDRESS_BEYOND_WIDTH, True, "pass-through request above the host address width"
        ),
        FaultCondition("LGN.2", FaultReason.WRITE_NOT_PERMITTED, True, "write or AtomicOp without write permission"),
        FaultCondition(
            "LGN.3",
            FaultReason.READ_NOT_PERMITTED,
            True,
            "read or AtomicOp without read permission (not for zero-length reads to write-only pages when CAP.ZLR=1)",
        ),
        FaultCondition(
            "LGN.4",
            FaultReason.OUTPUT_IN_INTERRUPT_RANGE,
            True,
            "output address inside 0xFEEx_xxxx (for translated and pass-through requests: the input address)",
        ),
        FaultCondition(
            "RTA.1.1", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False, "TTM=11 without abort-DMA support"
        ),
        FaultCondition("RTA.1.2", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False, "TTM=10"),
        FaultCondition(
            "RTA.1.3", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False, "TTM=01 without scalable-mode support"
        ),
        FaultCondition("RTA.1.4", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False, "SSIRWE=1 while TTM=00"),
        FaultCondition("RTA.2", FaultReason.PASID_IN_LEGACY_MODE, False, "request with PASID while TTM=00"),
        FaultCondition("RTA.3", FaultReason.PAGE_REQUEST_IN_LEGACY_MODE, False, "page request while TTM=00"),
        FaultCondition(
            "RTA.4", FaultReason.DMA_ABORTED, False, "any DMA or page request while TTM=11 (abort-DMA mode)"
        ),
        FaultCondition(
            "IR.20",
            FaultReason.INTERRUPT_REQUEST_RESERVED_BITS,
            False,
            "reserved field set in the interrupt request (address / data)",
        ),
        FaultCondition(
            "IR.21",
            FaultReason.INTERRUPT_INDEX_BEYOND_TABLE,
            False,
            "interrupt index at or beyond the table size, or the entry address is beyond the host address width",
            index_logged=True,
        ),
        FaultCondition("IR.22", FaultReason.IRTE_NOT_PRESENT, True, "entry not present", index_logged=True),
        FaultCondition("IR.23", FaultReason.IRTE_ACCESS_ERROR, False, "error on reading the entry", index_logged=True),
        FaultCondition(
            "IR.24",
            FaultReason.IRTE_RESERVED_BITS,
            True,
            "reserved field set in a present entry (also reserved SVT value 3, DLM values 3 and 6, IM=1 without posting support)",
            index_logged=True,
        ),
        FaultCondition(
            "IR.25",
            FaultReason.COMPATIBILITY_INTERRUPT_BLOCKED,
            False,
            "compatibility-format request blocked (IRES=1 and EIME=1 or CFIS=0)",
        ),
        FaultCondition(
            "IR.26",
            FaultReason.SOURCE_ID_MISMATCH,
            True,
            "requester does not match SVT/SQ/SID of the entry",
            index_logged=True,
        ),
        FaultCondition(
            "IR.27",
            FaultReason.POSTED_DESCRIPTOR_ACCESS_ERROR,
            True,
            "posted: error on accessing the posted interrupt descriptor",
            index_logged=True,
        ),
        FaultCondition(
            "IR.28",
            FaultReason.POSTED_DESCRIPTOR_RESERVED_BITS,
            True,
            "posted: reserved field set in the posted interrupt descriptor",
            index_logged=True,
        ),
        FaultCondition(
            "IR.29",
            FaultReason.NOT_AN_INTERRUPT_REQUEST,
            False,
            "untranslated request without PASID to 0xFEEx_xxxx that is not a valid interrupt request (non-dword write, AtomicOp, read of non-zero length)",
        ),
        FaultCondition("IR.2A", FaultReason.EXTENDED_INTERRUPT_MODE_REQUIRED, False, "IRTA.EIME=0 while ECAP.EIMER=1"),
        FaultCondition(
            "IR.2B",
            FaultReason.INTERRUPT_REMAPPING_REQUIRED,
            False,
            "interrupt remapping disabled (IRES=0) while ECAP.IRREQ=1",
        ),
    )
}
