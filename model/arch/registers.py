# ruff: noqa: E501  (one row of a table is one line)
"""Memory-mapped registers that legacy mode, interrupts and the invalidation queue need.

Names are the specification's without the suffix _REG. Every bit is declared; a later feature adds its registers here.
"""

from model.arch.fields import Access, Field, Register

__all__ = [
    "CAP",
    "CCMD",
    "ECAP",
    "FEADDR",
    "FECTL",
    "FEDATA",
    "FEUADDR",
    "FRCD",
    "FSTS",
    "GCMD",
    "GSTS",
    "ICS",
    "IEADDR",
    "IECTL",
    "IEDATA",
    "IEUADDR",
    "IOTLB",
    "IQA",
    "IQERCD",
    "IQH",
    "IQT",
    "IRTA",
    "IVA",
    "PHMBASE",
    "PHMLIMIT",
    "PLMBASE",
    "PLMLIMIT",
    "PMEN",
    "PUSHING_OFFSETS",
    "REGISTERS",
    "RTADDR",
    "VER",
]

RO, ROS, RW, RW1C, RW1CS = Access.RO, Access.ROS, Access.RW, Access.RW1C, Access.RW1CS
WO, RSVDZ, RSVDP = Access.WO, Access.RSVDZ, Access.RSVDP

# fmt: off
VER = Register("VER", 32, "Architecture version", offset=0x000, fields=(
    Field("MIN"      , 0,  4, RO,    "minor version of the implemented architecture", reset=None),
    Field("MAX"      , 4,  4, RO,    "major version of the implemented architecture", reset=None),
    Field("RSVD_31_8", 8, 24, RSVDZ),
))

CAP = Register("CAP", 64, "Capability register", offset=0x008, fields=(
    Field("ND"          ,  0,  3, RO,    "number of domains: domain-id width = 4+2*ND bits (0=>16 domains ... 6=>64K domains; 7 reserved)", reset=None),
    Field("RSVD_3_3"    ,  3,  1, RSVDZ),
    Field("RWBF"        ,  4,  1, RO,    "1 = software must flush the write buffer (GCMD.WBF) after changing remapping structures; must be 0 when ECAP.SMTS=1", reset=None),
    Field("PLMR"        ,  5,  1, RO,    "protected low-memory region supported", reset=None),
    Field("PHMR"        ,  6,  1, RO,    "protected high-memory region supported", reset=None),
    Field("CM"          ,  7,  1, RO,    "caching mode: 1 = not-present / erroneous entries may be cached, so software must invalidate after making entries present", reset=None),
    Field("SAGAW"       ,  8,  5, RO,    "second-stage adjusted guest address widths: bit 1 (CAP bit 9) = 39-bit/3-level, bit 2 = 48-bit/4-level, bit 3 = 57-bit/5-level; bits 0 and 4 reserved (0). Major version >=6 with ECAP.SSTS=0: must be 0", reset=None),
    Field("RSVD_15_13"  , 13,  3, RSVDZ),
    Field("MGAW"        , 16,  6, RO,    "maximum guest address width minus 1; at least HAW-1; non-zero even when second stage is not supported", reset=None),
    Field("ZLR"         , 22,  1, RO,    "1 = zero-length DMA reads to write-only pages are accepted (not a read-permission fault)", reset=None),
    Field("DEPRECATED23", 23,  1, RO,    "formerly ISOCH; reads 0"),
    Field("FRO"         , 24, 10, RO,    "fault-recording register offset: byte offset = FRO*16 from the register base", reset=None),
    Field("SSLPS"       , 34,  4, RO,    "second-stage large page support: bit 0 (CAP bit 34) = 2 MiB, bit 1 = 1 GiB; only values 0, 1, 3 are legal", reset=None),
    Field("RSVD_38_38"  , 38,  1, RSVDZ),
    Field("PSI"         , 39,  1, RO,    "page-selective invalidation supported; 0 = iotlb_inv with page granularity is an invalid descriptor (register requests may always be executed coarser); p_iotlb_inv page granularity is mandatory with SMTS whatever PSI says", reset=None),
    Field("NFR"         , 40,  8, RO,    "number of fault recording registers minus 1 (1..256)", reset=None),
    Field("MAMV"        , 48,  6, RO,    "maximum address-mask value for page-selective iotlb invalidation (IVA register and iotlb_inv descriptor); valid when PSI=1; at least 9 (18 with 1G pages) recommended; p_iotlb_inv must accept every address mask regardless", reset=None),
    Field("DWD"         , 54,  1, RO,    "write draining on IOTLB invalidation supported; major version >=2: always drains and reports 1", reset=None),
    Field("DRD"         , 55,  1, RO,    "read draining on IOTLB invalidation supported; major version >=2: always drains and reports 1", reset=None),
    Field("FS1GP"       , 56,  1, RO,    "first-stage 1 GiB page support", reset=None),
    Field("RSVD_58_57"  , 57,  2, RSVDZ),
    Field("PI"          , 59,  1, RO,    "interrupt posting supported (needs ECAP.IR)", reset=None),
    Field("FS5LP"       , 60,  1, RO,    "first-stage 5-level paging supported", reset=None),
    Field("ECMDS"       , 61,  1, RO,    "enhanced command interface (ECMD_REG etc.) supported", reset=None),
    Field("ESIRTPS"     , 62,  1, RO,    "hardware does the global interrupt-entry-cache invalidation itself as part of SIRTP (and of IRE disable)", reset=None),
    Field("ESRTPS"      , 63,  1, RO,    "hardware does the global context/PASID/IOTLB invalidation itself as part of SRTP; also allows changing TTM/SSIRWE while TES=1", reset=None),
))

ECAP = Register("ECAP", 64, "Extended capability register", offset=0x010, fields=(
    Field("C"           ,  0,  1, RO,    "page-walk coherency: 1 = accesses to root/context/PASID/IRTE/legacy second-stage structures snoop caches", reset=None),
    Field("QI"          ,  1,  1, RO,    "queued invalidation supported (must be 1 if IR, DT or SMTS is 1)", reset=None),
    Field("DT"          ,  2,  1, RO,    "device-TLBs supported (ATS)", reset=None),
    Field("IR"          ,  3,  1, RO,    "interrupt remapping supported", reset=None),
    Field("EIM"         ,  4,  1, RO,    "extended interrupt mode (x2APIC, 32-bit destination ids) supported; needs IR", reset=None),
    Field("DEPRECATED5" ,  5,  1, RO,    "deprecated, reads 0"),
    Field("PT"          ,  6,  1, RO,    "pass-through translation type supported", reset=None),
    Field("SC"          ,  7,  1, RO,    "snoop control: SNP bit of second-stage leaf entries (and PGSNP-type overrides) is implemented; 0 = SNP bit reserved", reset=None),
    Field("IRO"         ,  8, 10, RO,    "IOTLB register offset: byte offset = IRO*16 (IVA at +0, IOTLB at +8)", reset=None),
    Field("RSVD_19_18"  , 18,  2, RSVDZ),
    Field("MHMV"        , 20,  4, RO,    "maximum interrupt-mask (IM) value in iec_inv; needs IR", reset=None),
    Field("DEPRECATED24", 24,  1, RO,    "formerly ECS (extended context); reads 0"),
    Field("MTS"         , 25,  1, RO,    "memory-type support in first stage (PAT / CD / EMTE) ; needs SMTS", reset=None),
    Field("NEST"        , 26,  1, RO,    "nested translation supported; needs SMTS, FSTS and SSTS", reset=None),
    Field("RSVD_27_27"  , 27,  1, RSVDZ),
    Field("DEPRECATED28", 28,  1, RO,    "formerly PASID support (old encoding) / DIS; reads 0"),
    Field("PRS"         , 29,  1, RO,    "page request service supported; needs DT and SMTS", reset=None),
    Field("ERS"         , 30,  1, RO,    "execute request supported; removed feature - must be 0"),
    Field("SRS"         , 31,  1, RO,    "supervisor request supported; needs SMTS", reset=None),
    Field("RSVD_32_32"  , 32,  1, RSVDZ),
    Field("NWFS"        , 33,  1, RO,    "no-write flag in translation requests honoured; needs DT", reset=None),
    Field("EAFS"        , 34,  1, RO,    "extended accessed flag supported in first stage; needs SMPWCS and FSTS", reset=None),
    Field("PSS"         , 35,  5, RO,    "PASID size supported: width = PSS+1 bits (max 20)", reset=None),
    Field("PASID"       , 40,  1, RO,    "requests with PASID supported; needs SMTS", reset=None),
    Field("DIT"         , 41,  1, RO,    "device-TLB invalidation throttle: PFSID field of device-TLB invalidations is meaningful; needs DT", reset=None),
    Field("PDS"         , 42,  1, RO,    "page-request drain supported (PD bit of the wait descriptor); needs DT", reset=None),
    Field("SMTS"        , 43,  1, RO,    "scalable-mode translation supported", reset=None),
    Field("VCS"         , 44,  1, RO,    "virtual command interface supported (virtual implementations)", reset=None),
    Field("SSADS"       , 45,  1, RO,    "second-stage accessed/dirty supported; needs SMPWCS. Older name SLADS", reset=None),
    Field("SSTS"        , 46,  1, RO,    "second-stage translation supported (in scalable mode). Older name SLTS", reset=None),
    Field("FSTS"        , 47,  1, RO,    "first-stage translation supported. Older name FLTS", reset=None),
    Field("SMPWCS"      , 48,  1, RO,    "scalable-mode page-walk coherency supported (PWSNP usable)", reset=None),
    Field("RPS"         , 49,  1, RO,    "RID_PASID supported; 0 = requests without PASID use PASID 0", reset=None),
    Field("TDXCS"       , 50,  1, RO,    "TDX-connect / trusted-I/O architecture supported (out of scope here)", reset=None),
    Field("PMS"         , 51,  1, RO,    "performance monitoring supported; needs CAP.ECMDS", reset=None),
    Field("ADMS"        , 52,  1, RO,    "abort-DMA mode (TTM=11) supported. Older name ABDMA", reset=None),
    Field("RPRIVS"      , 53,  1, RO,    "RID_PRIV supported; needs SRS", reset=None),
    Field("RSVD_54_54"  , 54,  1, RSVDZ),
    Field("HPTS"        , 55,  1, RO,    "host permission tables supported; needs SMTS and DT", reset=None),
    Field("PTRS"        , 56,  1, RO,    "PASID in translated requests supported (EPTR); needs DT and PASID", reset=None),
    Field("SSIRWS"      , 57,  1, RO,    "second-stage I/O read/write permission bits (bits 61/62 of SS entries) supported; needs SSTS", reset=None),
    Field("SMS"         , 58,  1, RO,    "stop marker support for page requests; needs PRS. (Older abbreviation seen in code: STC)", reset=None),
    Field("HPT1GPS"     , 59,  1, RO,    "HPT 1 GiB page support; needs HPTS", reset=None),
    Field("RDTS"        , 60,  1, RO,    "resource-director (CLOS/RMID) tagging of the unit's own accesses supported (RDTC_REG)", reset=None),
    Field("EIMER"       , 61,  1, RO,    "EIME required: with IRTA.EIME=0 all interrupts are blocked with fault 2Ah; needs EIM", reset=None),
    Field("IRREQ"       , 62,  1, RO,    "interrupt remapping required: with IRES=0 all interrupts are blocked with fault 2Bh; needs IR", reset=None),
    Field("RSVD_63_63"  , 63,  1, RSVDZ),
))

GCMD = Register("GCMD", 32, "Global command", offset=0x018, fields=(
    Field("RSVD_22_0" ,  0, 23, RSVDZ),
    Field("CFI"       , 23,  1, WO,    "compatibility-format interrupts: 1 = pass when IRES=1 and EIME=0; 0 = block"),
    Field("SIRTP"     , 24,  1, WO,    "one-shot: latch IRTA_REG as the current interrupt remapping table"),
    Field("IRE"       , 25,  1, WO,    "interrupt remapping enable (level)"),
    Field("QIE"       , 26,  1, WO,    "queued invalidation enable (level)"),
    Field("WBF"       , 27,  1, WO,    "one-shot: flush root-complex write buffers (ignored when CAP.RWBF=0)"),
    Field("RSVD_29_28", 28,  2, RSVDZ),
    Field("SRTP"      , 30,  1, WO,    "one-shot: latch RTADDR_REG (RTA, TTM, SSIRWE)"),
    Field("TE"        , 31,  1, WO,    "DMA translation enable (level)"),
))

GSTS = Register("GSTS", 32, "Global status", offset=0x01c, fields=(
    Field("RSVD_22_0" ,  0, 23, RSVDZ),
    Field("CFIS"      , 23,  1, RO,    "current CFI state"),
    Field("IRTPS"     , 24,  1, RO,    "set when SIRTP completed; cleared when a new SIRTP is accepted"),
    Field("IRES"      , 25,  1, RO,    "interrupt remapping enabled"),
    Field("QIES"      , 26,  1, RO,    "queued invalidation enabled"),
    Field("WBFS"      , 27,  1, RO,    "write-buffer flush in progress (1 after WBF, 0 when done)"),
    Field("RSVD_29_28", 28,  2, RSVDZ),
    Field("RTPS"      , 30,  1, RO,    "set when SRTP completed; cleared when a new SRTP is accepted"),
    Field("TES"       , 31,  1, RO,    "DMA translation enabled"),
))

RTADDR = Register("RTADDR", 64, "Root table address", offset=0x020, fields=(
    Field("RSVD_6_0",  0,  7, RSVDZ),
    Field("SSIRWE"  ,  7,  1, RW,    "second-stage I/O read/write enable: use IR/IW (bits 61/62) instead of R/W in second-stage entries; RsvdZ when ECAP.SSIRWS=0; must not be set with TTM=00"),
    Field("RSVD_9_8",  8,  2, RSVDZ),
    Field("TTM"     , 10,  2, RW,    "translation table mode: 00 legacy, 01 scalable, 10 reserved, 11 abort-DMA"),
    Field("RTA"     , 12, 52, RW,    "root table base, 4 KiB aligned; bits at and above HAW may be unimplemented/ignored; may be changed while TES=1"),
))

CCMD = Register("CCMD", 64, "Register-based context-cache invalidation", offset=0x028, fields=(
    Field("DID"       ,  0, 16, RW,    "domain id (domain- and device-selective)"),
    Field("SID"       , 16, 16, WO,    "source-id (device-selective)"),
    Field("FM"        , 32,  2, WO,    "function mask for SID: 0 none, 1 mask bit 2, 2 mask bits 2:1, 3 mask bits 2:0"),
    Field("RSVD_58_34", 34, 25, RSVDZ),
    Field("CAIG"      , 59,  2, RO,    "granularity actually performed: 00 none/error, 01 global, 10 domain, 11 device"),
    Field("CIRG"      , 61,  2, RW,    "granularity requested: 00 reserved, 01 global, 10 domain, 11 device"),
    Field("ICC"       , 63,  1, RW,    "write 1 to start; hardware clears when done (CAIG valid then)"),
))

FSTS = Register("FSTS", 32, "Fault status", offset=0x034, fields=(
    Field("PFO"        ,  0,  1, RW1CS, "primary fault overflow: a fault was dropped because the next FRCD register was still full"),
    Field("PPF"        ,  1,  1, ROS,   "primary pending fault: OR of the F bits of all FRCD registers"),
    Field("RSVD_3_2"   ,  2,  2, RSVDZ),
    Field("IQE"        ,  4,  1, RW1CS, "invalidation queue error (detail in IQERCD.IQEI); descriptor processing stops while set"),
    Field("ICE"        ,  5,  1, RW1CS, "invalidation completion error: unexpected/invalid device-TLB completion (source in IQERCD.ICESID); processing continues"),
    Field("ITE"        ,  6,  1, RW1CS, "invalidation time-out error: a device-TLB invalidation timed out (source in IQERCD.ITESID); processing stops while set"),
    Field("DEPRECATED7",  7,  1, RO,    "formerly PRO (page request overflow; now PRS_REG.PRO); reads 0"),
    Field("FRI"        ,  8,  8, ROS,   "index of the FRCD register that received the fault making PPF go 0 -> 1; undefined while PPF=0"),
    Field("RSVD_31_16" , 16, 16, RSVDZ),
))

FECTL = Register("FECTL", 32, "Fault event control", offset=0x038, fields=(
    Field("RSVD_29_0",  0, 30, RSVDP),
    Field("IP"       , 30,  1, RO,    "interrupt pending: an event was held back (masked or not yet issued)"),
    Field("IM"       , 31,  1, RW,    "interrupt mask; 1 = hold back the message", reset=1),
))

FEDATA = Register("FEDATA", 32, "Fault event message data", offset=0x03c, fields=(
    Field("IMD"       ,  0, 16, RW,    "message data value (EVENT_MESSAGE_DATA)"),
    Field("RSVD_31_16", 16, 16, RSVDZ),
))

FEADDR = Register("FEADDR", 32, "Fault event message address", offset=0x040, fields=(
    Field("RSVD_1_0", 0,  2, RSVDZ),
    Field("MA"      , 2, 30, RW,    "message address bits 31:2"),
))

FEUADDR = Register("FEUADDR", 32, "Fault event message upper address", offset=0x044, fields=(
    Field("MUA", 0, 32, RW, "message address bits 63:32 (x2APIC: destination id bits 31:8 in 31:8); RsvdZ when not implemented"),
))

PMEN = Register("PMEN", 32, "Protected memory enable", offset=0x064, exists_if=("CAP.PLMR", "CAP.PHMR",), fields=(
    Field("PRS"      ,  0,  1, RO,    "protected region status: 1 when protection is in force (after draining)"),
    Field("RSVD_30_1",  1, 30, RSVDP),
    Field("EPM"      , 31,  1, RW,    "enable protected memory"),
))

PLMBASE = Register("PLMBASE", 32, "Protected low memory base", offset=0x068, exists_if=("CAP.PLMR",), fields=(
    Field("PLMB", 0, 32, RW, "base, bits 31:(N+1) implemented, bits N:0 RsvdZ where 2^(N+1) is the implementation alignment; low bits decode as 0"),
))

PLMLIMIT = Register("PLMLIMIT", 32, "Protected low memory limit", offset=0x06c, exists_if=("CAP.PLMR",), fields=(
    Field("PLML", 0, 32, RW, "limit (inclusive), low bits N:0 decode as 1; limit below base disables the region; limit == base means 2^(N+1) bytes"),
))

PHMBASE = Register("PHMBASE", 64, "Protected high memory base", offset=0x070, exists_if=("CAP.PHMR",), fields=(
    Field("PHMB", 0, 64, RW, "base, bits 63:(N+1) implemented (bits at/above HAW ignored), bits N:0 RsvdZ"),
))

PHMLIMIT = Register("PHMLIMIT", 64, "Protected high memory limit", offset=0x078, exists_if=("CAP.PHMR",), fields=(
    Field("PHML", 0, 64, RW, "limit (inclusive), same rules as PLMLIMIT"),
))

IQH = Register("IQH", 64, "Invalidation queue head", offset=0x080, exists_if=("ECAP.QI",), fields=(
    Field("RSVD_3_0"  ,  0,  4, RSVDZ),
    Field("QH"        ,  4, 15, RO,    "queue head: descriptor index in 16-byte units (DW=1: bit 4 is 0, index in bits 18:5); reset to 0 when QIES becomes 0"),
    Field("RSVD_63_19", 19, 45, RSVDZ),
))

IQT = Register("IQT", 64, "Invalidation queue tail", offset=0x088, exists_if=("ECAP.QI",), fields=(
    Field("RSVD_3_0"  ,  0,  4, RSVDZ),
    Field("QT"        ,  4, 15, RW,    "queue tail: next free slot in 16-byte units (DW=1: bit 4 must be 0, else IQE info 6)"),
    Field("RSVD_63_19", 19, 45, RSVDZ),
))

IQA = Register("IQA", 64, "Invalidation queue address", offset=0x090, exists_if=("ECAP.QI",), fields=(
    Field("QS"       ,  0,  3, RW,    "queue size: 2^QS 4-KiB pages = 2^(QS+8) 128-bit or 2^(QS+7) 256-bit descriptors"),
    Field("RSVD_10_3",  3,  8, RSVDZ),
    Field("DW"       , 11,  1, RW,    "descriptor width: 0 = 128 bit, 1 = 256 bit; setting it with ECAP.SMTS=0 and ECAP.ADMS=0 causes a queue error (IQEI 5)"),
    Field("IQA"      , 12, 52, RW,    "queue base, 4 KiB aligned; bits at and above HAW may be unimplemented/ignored"),
))

ICS = Register("ICS", 32, "Invalidation completion status", offset=0x09c, exists_if=("ECAP.QI",), fields=(
    Field("IWC"      , 0,  1, RW1CS, "a wait descriptor with IF=1 completed"),
    Field("RSVD_31_1", 1, 31, RSVDZ),
))

IECTL = Register("IECTL", 32, "Invalidation completion event control", offset=0x0a0, exists_if=("ECAP.QI",), fields=(
    Field("RSVD_29_0",  0, 30, RSVDP),
    Field("IP"       , 30,  1, RO,    "interrupt pending: an event was held back (masked or not yet issued)"),
    Field("IM"       , 31,  1, RW,    "interrupt mask; 1 = hold back the message", reset=1),
))

IEDATA = Register("IEDATA", 32, "Invalidation completion event message data", offset=0x0a4, exists_if=("ECAP.QI",), fields=(
    Field("IMD"       ,  0, 16, RW,    "message data value (EVENT_MESSAGE_DATA)"),
    Field("RSVD_31_16", 16, 16, RSVDZ),
))

IEADDR = Register("IEADDR", 32, "Invalidation completion event message address", offset=0x0a8, exists_if=("ECAP.QI",), fields=(
    Field("RSVD_1_0", 0,  2, RSVDZ),
    Field("MA"      , 2, 30, RW,    "message address bits 31:2"),
))

IEUADDR = Register("IEUADDR", 32, "Invalidation completion event message upper address", offset=0x0ac, exists_if=("ECAP.QI",), fields=(
    Field("MUA", 0, 32, RW, "message address bits 63:32 (x2APIC: destination id bits 31:8 in 31:8); RsvdZ when not implemented"),
))

IQERCD = Register("IQERCD", 64, "Invalidation queue error record", offset=0x0b0, exists_if=("ECAP.QI",), fields=(
    Field("IQEI"     ,  0,  4, ROS,   "reason for FSTS.IQE"),
    Field("RSVD_31_4",  4, 28, RSVDZ),
    Field("ITESID"   , 32, 16, ROS,   "source-id of the device whose invalidation timed out; captured only if ITE was 0; valid while ITE=1"),
    Field("ICESID"   , 48, 16, ROS,   "source-id of the bad completion; captured only if ICE was 0; valid while ICE=1"),
))

IRTA = Register("IRTA", 64, "Interrupt remapping table address", offset=0x0b8, exists_if=("ECAP.IR",), fields=(
    Field("S"        ,  0,  4, RW,    "table size: 2^(S+1) entries"),
    Field("RSVD_10_4",  4,  7, RSVDZ),
    Field("EIME"     , 11,  1, RW,    "extended interrupt mode enable (x2APIC destinations); RsvdZ when ECAP.EIM=0; must not change while IRES=1; takes effect with SIRTP"),
    Field("IRTA"     , 12, 52, RW,    "table base, 4 KiB aligned; bits at and above HAW may be unimplemented/ignored"),
))

IVA = Register("IVA", 64, "Invalidate address (operand of IOTLB_REG)", offset=0x000, base="IRO", fields=(
    Field("AM"       ,  0,  6, WO,    "address mask: 2^AM pages, must be <= CAP.MAMV"),
    Field("IH"       ,  6,  1, WO,    "invalidation hint: 1 = non-leaf entries were not changed"),
    Field("RSVD_11_7",  7,  5, RSVDZ),
    Field("ADDR"     , 12, 52, WO,    "page address (bits below 12+AM ignored)"),
))

IOTLB = Register("IOTLB", 64, "Register-based IOTLB invalidation", offset=0x008, base="IRO", fields=(
    Field("RSVD_31_0" ,  0, 32, RSVDP),
    Field("DID"       , 32, 16, RW,    "domain id"),
    Field("DW"        , 48,  1, RW,    "drain writes"),
    Field("DR"        , 49,  1, RW,    "drain reads"),
    Field("RSVD_56_50", 50,  7, RSVDZ),
    Field("IAIG"      , 57,  2, RO,    "granularity actually performed: 00 none/error, 01 global, 10 domain, 11 page"),
    Field("RSVD_59_59", 59,  1, RSVDZ),
    Field("IIRG"      , 60,  2, RW,    "granularity requested: 00 reserved, 01 global, 10 domain, 11 page-in-domain"),
    Field("RSVD_62_62", 62,  1, RSVDZ),
    Field("IVT"       , 63,  1, RW,    "write 1 to start; hardware clears when done"),
))

FRCD = Register("FRCD", 128, "Fault recording register n", offset=0x000, base="FRO", stride=16, fields=(
    Field("RSVD_11_0" ,   0, 12, RSVDZ),
    Field("FI"        ,  12, 52, ROS,   "fault info: address bits 63:12 of the faulting request, bits above the largest supported AGAW read 0; interrupt faults: interrupt index in bits 63:48 and 47:12 zero (undefined for 20h, 25h, 29h, 2Ah, 2Bh)"),
    Field("SID"       ,  64, 16, ROS,   "source-id: who sent the request"),
    Field("RSVD_91_80",  80, 12, RSVDZ),
    Field("T2"        ,  92,  1, ROS,   "type bit 2 (see T1)"),
    Field("PRIV"      ,  93,  1, ROS,   "privileged mode requested; relevant only if PP=1 (RsvdZ when ECAP.PASID=0)"),
    Field("EXE"       ,  94,  1, ROS,   "execute requested (ER); 0 since execute requests were removed"),
    Field("PP"        ,  95,  1, ROS,   "request carried a PASID; PV valid"),
    Field("FR"        ,  96,  8, ROS,   "fault reason: why the request was refused"),
    Field("PV"        , 104, 20, ROS,   "PASID value, valid only when PP=1; RsvdZ when ECAP.PASID=0"),
    Field("AT"        , 124,  2, ROS,   "address type of the faulting read/write/AtomicOp: 00 untranslated, 01 translation request, 10 translated; RsvdZ when ECAP.DT=0"),
    Field("T1"        , 126,  1, ROS,   "type bit 1: T1:T2 is 00 write, 01 page request, 10 read (incl. translation requests), 11 AtomicOp"),
    Field("F"         , 127,  1, RW1CS, "fault present, set after the other fields are valid; software clears by writing 1 and the register may be reused"),
))

# fmt: on

REGISTERS = (
    VER,
    CAP,
    ECAP,
    GCMD,
    GSTS,
    RTADDR,
    CCMD,
    FSTS,
    FECTL,
    FEDATA,
    FEADDR,
    FEUADDR,
    PMEN,
    PLMBASE,
    PLMLIMIT,
    PHMBASE,
    PHMLIMIT,
    IQH,
    IQT,
    IQA,
    ICS,
    IECTL,
    IEDATA,
    IEADDR,
    IEUADDR,
    IQERCD,
    IRTA,
    IVA,
    IOTLB,
    FRCD,
)

# Of the 64-bit words a read of which brings the messages that left before it to memory (rule 25).
PUSHING_OFFSETS = frozenset(register.offset & -8 for register in (FSTS, FECTL, ICS, IECTL))
