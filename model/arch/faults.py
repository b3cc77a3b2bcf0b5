# ruff: noqa: E501  (one row of a table is one line)
"""Fault reasons and the conditions that raise them of legacy mode, abort-DMA mode and interrupts; queue errors."""

from dataclasses import dataclass
from enum import IntEnum, unique

from model.arch.encodings import IqeiCode

__all__ = ["CONDITIONS", "QUEUE_ERRORS", "FaultCondition", "FaultReason", "QueueError"]


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
    was used suppresses the record. `remedy`: what software must change. `index_logged`: FRCD.FI holds the interrupt
    index.
    """

    name: str
    reason: FaultReason
    qualified: bool
    text: str
    remedy: str
    index_logged: bool = False


@dataclass(frozen=True, slots=True)
class QueueError:
    """Why the invalidation queue stopped, and as `remedy` what software must change."""

    code: IqeiCode
    text: str
    remedy: str


# fmt: off
CONDITIONS = {
    condition.name: condition
    for condition in (
        FaultCondition("LRT.1", FaultReason.ROOT_ACCESS_ERROR, False,
            "error on reading the root entry (address beyond memory, poison, ...)",
            "Let RTADDR.RTA name memory that the unit can read: 4 KiB, 4 KiB aligned, below 2^HAW; write it before GCMD.SRTP."),
        FaultCondition("LRT.2", FaultReason.ROOT_NOT_PRESENT, False,
            "root entry P=0",
            "Set P in the root-entry of this bus and let CTP name a context table, or keep devices of this bus from making DMA."),
        FaultCondition("LRT.3", FaultReason.ROOT_RESERVED_BITS, False,
            "reserved field set in a present root entry",
            "Write 0 to all bits of the root-entry but P and CTP, and keep CTP below 2^HAW."),
        FaultCondition("LCT.1", FaultReason.CONTEXT_ACCESS_ERROR, False,
            "error on reading the context entry",
            "Let CTP of the root-entry name memory that the unit can read: a context table of 4 KiB below 2^HAW."),
        FaultCondition("LCT.2", FaultReason.CONTEXT_NOT_PRESENT, True,
            "context entry P=0",
            "Fill the context-entry of this device and set P last, or keep the device from making DMA."),
        FaultCondition("LCT.3", FaultReason.CONTEXT_RESERVED_BITS, True,
            "reserved field set in a present context entry",
            "Write 0 to the reserved bits of the context-entry; keep SSPTPTR below 2^HAW and DID within CAP.ND."),
        FaultCondition("LCT.4.1", FaultReason.CONTEXT_INVALID, True,
            "context entry AW is not a supported width",
            "Set AW of the context-entry to a width of CAP.SAGAW (1: 39 bits, 2: 48 bits, 3: 57 bits), also for pass-through."),
        FaultCondition("LCT.4.2", FaultReason.CONTEXT_INVALID, True,
            "context entry TT is reserved or unsupported (01 without DT, 10 without PT, 11)",
            "Set TT of the context-entry to 00, or to 10 where ECAP.PT is 1."),
        FaultCondition("LCT.4.3", FaultReason.CONTEXT_INVALID, True,
            "error on reading the top-level second-stage entry addressed by SSPTPTR",
            "Let SSPTPTR of the context-entry name memory that the unit can read: the top table, 4 KiB below 2^HAW."),
        FaultCondition("LCT.5", FaultReason.TRANSLATION_TYPE_BLOCKS, True,
            "TT is 00 or 10, so translation requests and translated requests are blocked",
            "Disable ATS in the device: this unit has no device-TLB support (ECAP.DT = 0)."),
        FaultCondition("LSS.1", FaultReason.SECOND_STAGE_ACCESS_ERROR, True,
            "error on reading a second-stage entry below the top level",
            "Let ADDR of the entry before name memory that the unit can read: the next table, 4 KiB below 2^HAW."),
        FaultCondition("LSS.2", FaultReason.SECOND_STAGE_RESERVED_BITS, True,
            "reserved field set in a second-stage entry that has R or W set",
            "Write 0 to the reserved bits of the entry; use PS only for sizes of CAP.SSLPS, align large pages, set SNP only with ECAP.SC, keep ADDR below 2^HAW."),
        FaultCondition("LGN.1.1", FaultReason.ADDRESS_BEYOND_WIDTH, True,
            "input address above 2^X-1, X = min(MGAW, AW of the context entry)",
            "Give the device an address within the width of AW and MGAW, or use a wider table and set AW to it."),
        FaultCondition("LGN.1.2", FaultReason.ADDRESS_BEYOND_WIDTH, True,
            "translated request above the host address width",
            "Invalidate the device-TLB: the device uses a translation that lies beyond the host address width."),
        FaultCondition("LGN.1.3", FaultReason.ADDRESS_BEYOND_WIDTH, True,
            "pass-through request above the host address width",
            "Give the device a host address below 2^HAW, or translate it (TT 00) instead of passing it through."),
        FaultCondition("LGN.2", FaultReason.WRITE_NOT_PERMITTED, True,
            "write or AtomicOp without write permission",
            "Map the address for writing before the device uses it: W must be 1 in the entries of all levels; then invalidate the IOTLB."),
        FaultCondition("LGN.3", FaultReason.READ_NOT_PERMITTED, True,
            "read or AtomicOp without read permission (not for zero-length reads to write-only pages when CAP.ZLR=1)",
            "Map the address for reading before the device uses it: R must be 1 in the entries of all levels; then invalidate the IOTLB."),
        FaultCondition("LGN.4", FaultReason.OUTPUT_IN_INTERRUPT_RANGE, True,
            "output address inside 0xFEEx_xxxx (for translated and pass-through requests: the input address)",
            "Do not map pages to 0xFEE00000..0xFEEFFFFF: devices raise interrupts through that range of their own addresses, untranslated."),
        FaultCondition("RTA.1.1", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False,
            "TTM=11 without abort-DMA support",
            "Write RTADDR.TTM = 00 and then GCMD.SRTP: this unit has no abort-DMA mode (ECAP.ADMS = 0)."),
        FaultCondition("RTA.1.2", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False,
            "TTM=10",
            "Write RTADDR.TTM = 00 and then GCMD.SRTP: 10 is reserved."),
        FaultCondition("RTA.1.3", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False,
            "TTM=01 without scalable-mode support",
            "Write RTADDR.TTM = 00 and then GCMD.SRTP: this unit has no scalable mode (ECAP.SMTS = 0)."),
        FaultCondition("RTA.1.4", FaultReason.TRANSLATION_TABLE_MODE_INVALID, False,
            "SSIRWE=1 while TTM=00",
            "Write RTADDR.SSIRWE = 0 and then GCMD.SRTP: it belongs to scalable mode."),
        FaultCondition("RTA.2", FaultReason.PASID_IN_LEGACY_MODE, False,
            "request with PASID while TTM=00",
            "Disable PASIDs in the device: legacy mode translates by source-id alone."),
        FaultCondition("RTA.3", FaultReason.PAGE_REQUEST_IN_LEGACY_MODE, False,
            "page request while TTM=00",
            "Disable page requests in the device: legacy mode has none."),
        FaultCondition("RTA.4", FaultReason.DMA_ABORTED, False,
            "any DMA or page request while TTM=11 (abort-DMA mode)",
            "Write RTADDR with tables and TTM = 00 and then GCMD.SRTP when devices may make DMA again."),
        FaultCondition("IR.20", FaultReason.INTERRUPT_REQUEST_RESERVED_BITS, False,
            "reserved field set in the interrupt request (address / data)",
            "Write 0 to bits 31:16 of the device's MSI data: with SHV = 1 they must be 0."),
        FaultCondition("IR.21", FaultReason.INTERRUPT_INDEX_BEYOND_TABLE, False,
            "interrupt index at or beyond the table size, or the entry address is beyond the host address width",
            "Give the device a handle, plus subhandle, within the table, or make the table larger (IRTA.S) and write GCMD.SIRTP.", index_logged=True),
        FaultCondition("IR.22", FaultReason.IRTE_NOT_PRESENT, True,
            "entry not present",
            "Fill the IRTE of this index and set P before the device raises the interrupt; keep it until the device has stopped.", index_logged=True),
        FaultCondition("IR.23", FaultReason.IRTE_ACCESS_ERROR, False,
            "error on reading the entry",
            "Let IRTA name memory that the unit can read, as large as IRTA.S says, below 2^HAW; then write GCMD.SIRTP.", index_logged=True),
        FaultCondition("IR.24", FaultReason.IRTE_RESERVED_BITS, True,
            "reserved field set in a present entry (also reserved SVT value 3, DLM values 3 and 6, IM=1 without posting support)",
            "Correct the IRTE: reserved bits 0, SVT 0 to 2, DLM not 3 or 6, IM and URG only with CAP.PI, and without EIME only bits 47:40 as destination.", index_logged=True),
        FaultCondition("IR.25", FaultReason.COMPATIBILITY_INTERRUPT_BLOCKED, False,
            "compatibility-format request blocked (IRES=1 and EIME=1 or CFIS=0)",
            "Program the device with an address in the remappable format (bit 4 set) and an IRTE; GCMD.CFI lets the old format pass only while EIME is 0."),
        FaultCondition("IR.26", FaultReason.SOURCE_ID_MISMATCH, True,
            "requester does not match SVT/SQ/SID of the entry",
            "Set SID, SQ and SVT of the IRTE to the source-id that the requests carry (behind a bridge that is the bridge's), or give the device a handle of its own.", index_logged=True),
        FaultCondition("IR.27", FaultReason.POSTED_DESCRIPTOR_ACCESS_ERROR, True,
            "posted: error on accessing the posted interrupt descriptor",
            "Let PDAH and PDAL of the IRTE name memory that the unit can read and write: 64 bytes, 64-byte aligned, below 2^HAW.", index_logged=True),
        FaultCondition("IR.28", FaultReason.POSTED_DESCRIPTOR_RESERVED_BITS, True,
            "posted: reserved field set in the posted interrupt descriptor",
            "Write 0 to the reserved bits of the posted-interrupt descriptor; without EIME that includes NDST but for bits 303:296.", index_logged=True),
        FaultCondition("IR.29", FaultReason.NOT_AN_INTERRUPT_REQUEST, False,
            "untranslated request without PASID to 0xFEEx_xxxx that is not a valid interrupt request (non-dword write, AtomicOp, read of non-zero length)",
            "Never give a device memory addresses in 0xFEE00000..0xFEEFFFFF: only writes of one aligned dword, which are interrupts, may go there."),
        FaultCondition("IR.2A", FaultReason.EXTENDED_INTERRUPT_MODE_REQUIRED, False,
            "IRTA.EIME=0 while ECAP.EIMER=1",
            "Set IRTA.EIME and write GCMD.SIRTP: this unit remaps in extended interrupt mode only."),
        FaultCondition("IR.2B", FaultReason.INTERRUPT_REMAPPING_REQUIRED, False,
            "interrupt remapping disabled (IRES=0) while ECAP.IRREQ=1",
            "Set up an interrupt remapping table and turn remapping on (GCMD.SIRTP, then GCMD.IRE): this unit passes no interrupts without it."),
    )
}

QUEUE_ERRORS = {
    error.code: error
    for error in (
        QueueError(IqeiCode.TAIL_BEYOND_QUEUE, "the tail is beyond the queue",
            "Write IQT within the size that IQA.QS says, then clear FSTS.IQE."),
        QueueError(IqeiCode.FETCH_ERROR, "the descriptor cannot be read",
            "Let IQA name memory that the unit can read, as large as IQA.QS says; turn the queue off (GCMD.QIE) to change it, then clear FSTS.IQE."),
        QueueError(IqeiCode.INVALID_TYPE, "type or granularity of the descriptor is unknown or absent",
            "Put a descriptor that this unit has in the place where the head points, then clear FSTS.IQE: fetching goes on there."),
        QueueError(IqeiCode.RESERVED_BITS, "a reserved bit of the descriptor is 1",
            "Write 0 to the reserved bits of the descriptor where the head points, then clear FSTS.IQE: fetching goes on there."),
        QueueError(IqeiCode.INVALID_WIDTH, "this width of descriptors is not allowed",
            "Set IQA.DW as the table mode asks for: 0, or 1 in abort-DMA mode and where ECAP.ADMS is 1; turn the queue off to change it, then clear FSTS.IQE."),
        QueueError(IqeiCode.TAIL_NOT_ALIGNED, "the tail is no multiple of 32 while IQA.DW is 1",
            "Write IQT in steps of 32 bytes, then clear FSTS.IQE."),
        QueueError(IqeiCode.INVALID_TABLE_MODE, "there is no queue in this table mode",
            "Write RTADDR.TTM = 00 and GCMD.SRTP, then clear FSTS.IQE."),
    )
}
# fmt: on
