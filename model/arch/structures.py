# ruff: noqa: E501  (one row of a table is one line)
"""Structures in memory that legacy mode, interrupts, posting and the queue need.

Every bit is declared: field, ignored or reserved. HAW cuts address fields further: see `UnitConfig.reserved_mask`.
"""

from model.arch.fields import Field, Kind, Structure

__all__ = [
    "COMPATIBILITY_INTERRUPT_ADDRESS",
    "COMPATIBILITY_INTERRUPT_DATA",
    "CONTEXT_CACHE_INV",
    "CONTEXT_ENTRY",
    "EVENT_MESSAGE_ADDRESS",
    "EVENT_MESSAGE_DATA",
    "EVENT_MESSAGE_UPPER_ADDRESS",
    "IEC_INV",
    "INV_WAIT",
    "IOTLB_INV",
    "IRTE_POSTED",
    "IRTE_REMAPPED",
    "PASID_CACHE_INV",
    "POSTED_INTERRUPT_DESCRIPTOR",
    "P_IOTLB_INV",
    "REMAPPABLE_INTERRUPT_ADDRESS",
    "REMAPPABLE_INTERRUPT_DATA",
    "ROOT_ENTRY",
    "SECOND_STAGE_PDE",
    "SECOND_STAGE_PDE_2M",
    "SECOND_STAGE_PDPE",
    "SECOND_STAGE_PDPE_1G",
    "SECOND_STAGE_PML4E",
    "SECOND_STAGE_PML5E",
    "SECOND_STAGE_PTE",
    "STRUCTURES",
]

FIELD, IGNORED, RESERVED = Kind.FIELD, Kind.IGNORED, Kind.RESERVED

# Of both formats of an IRTE.
SQ_MEANING = "SID mask qualifier: 0 all 16 bits, 1 ignore bit 2, 2 ignore bits 2:1, 3 ignore bits 2:0"
SVT_MEANING = "0 no check, 1 SID/SQ, 2 bus range (SID[15:8]=start bus, SID[7:0]=end bus, inclusive), 3 reserved"

# fmt: off
ROOT_ENTRY = Structure("ROOT_ENTRY", 128, "legacy root entry, indexed by bus number; table = 256 entries of 16 bytes", fields=(
    Field("P"          ,  0,  1, FIELD,    "present"),
    Field("RSVD_11_1"  ,  1, 11, RESERVED),
    Field("CTP"        , 12, 52, FIELD,    "context table base (4 KiB aligned); bits at and above HAW are reserved (0)"),
    Field("RSVD_127_64", 64, 64, RESERVED),
))

CONTEXT_ENTRY = Structure("CONTEXT_ENTRY", 128, "legacy context entry; table = 256 entries of 16 bytes, indexed by devfn", fields=(
    Field("P"          ,  0,  1, FIELD,    "present"),
    Field("FPD"        ,  1,  1, FIELD,    "fault processing disable (suppress qualified faults)"),
    Field("TT"         ,  2,  2, FIELD,    "translation type: 00 second stage, translation requests and translated requests blocked; 01 second stage with device-TLB requests allowed (needs ECAP.DT); 10 pass-through (needs ECAP.PT); 11 reserved"),
    Field("RSVD_11_4"  ,  4,  8, RESERVED),
    Field("SSPTPTR"    , 12, 52, FIELD,    "second-stage table base; ignored when TT=10; bits at and above HAW are reserved (0)"),
    Field("AW"         , 64,  3, FIELD,    "adjusted width: 1 = 39-bit/3-level, 2 = 48-bit/4-level, 3 = 57-bit/5-level; must be one of CAP.SAGAW (else LCT.4.1); with TT=10 software must program the largest supported width"),
    Field("IGN_70_67"  , 67,  4, IGNORED),
    Field("RSVD_71_71" , 71,  1, RESERVED),
    Field("DID"        , 72, 16, FIELD,    "domain id; bits above the ND width are reserved"),
    Field("RSVD_127_88", 88, 40, RESERVED),
))

SECOND_STAGE_PML5E = Structure("SECOND_STAGE_PML5E", 64, "second-stage PML5 entry", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("IGN_6_3"   ,  3,  4, IGNORED),
    Field("RSVD_7_7"  ,  7,  1, RESERVED),
    Field("A"         ,  8,  1, FIELD,    "accessed (scalable mode with SSADE=1; else ignored)"),
    Field("IGN_10_9"  ,  9,  2, IGNORED),
    Field("RSVD_11_11", 11,  1, RESERVED),
    Field("ADDR"      , 12, 40, FIELD,    "next table address; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1); ignored otherwise"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PML4E = Structure("SECOND_STAGE_PML4E", 64, "second-stage PML4 entry", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("IGN_6_3"   ,  3,  4, IGNORED),
    Field("RSVD_7_7"  ,  7,  1, RESERVED),
    Field("A"         ,  8,  1, FIELD,    "accessed (scalable mode with SSADE=1; else ignored)"),
    Field("IGN_10_9"  ,  9,  2, IGNORED),
    Field("RSVD_11_11", 11,  1, RESERVED),
    Field("ADDR"      , 12, 40, FIELD,    "next table address; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1); ignored otherwise"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PDPE = Structure("SECOND_STAGE_PDPE", 64, "second-stage PDP entry pointing to a table", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("IGN_6_3"   ,  3,  4, IGNORED),
    Field("PS"        ,  7,  1, FIELD,    "0 = points to a table"),
    Field("A"         ,  8,  1, FIELD,    "accessed (scalable mode with SSADE=1; else ignored)"),
    Field("IGN_10_9"  ,  9,  2, IGNORED),
    Field("RSVD_11_11", 11,  1, RESERVED),
    Field("ADDR"      , 12, 40, FIELD,    "next table address; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1); ignored otherwise"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PDE = Structure("SECOND_STAGE_PDE", 64, "second-stage PD entry pointing to a table", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("IGN_6_3"   ,  3,  4, IGNORED),
    Field("PS"        ,  7,  1, FIELD,    "0 = points to a table"),
    Field("A"         ,  8,  1, FIELD,    "accessed (scalable mode with SSADE=1; else ignored)"),
    Field("IGN_10_9"  ,  9,  2, IGNORED),
    Field("RSVD_11_11", 11,  1, RESERVED),
    Field("ADDR"      , 12, 40, FIELD,    "next table address; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1); ignored otherwise"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PDPE_1G = Structure("SECOND_STAGE_PDPE_1G", 64, "second-stage PDP entry mapping 1 GiB (PS=1, SSLPS bit 1)", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("EMT"       ,  3,  3, FIELD,    "extended memory type (used when EMTE=1; else ignored)"),
    Field("IPAT"      ,  6,  1, FIELD,    "ignore PAT (used when EMTE=1 and nested; else ignored)"),
    Field("PS"        ,  7,  1, FIELD,    "1 = page", reserved_unless="CAP.SSLPS[1]"),
    Field("A"         ,  8,  1, FIELD,    "accessed (SSADE=1)"),
    Field("D"         ,  9,  1, FIELD,    "dirty (SSADE=1)"),
    Field("IGN_10_10" , 10,  1, IGNORED),
    Field("SNP"       , 11,  1, FIELD,    "snoop (reserved when ECAP.SC=0)", reserved_unless="ECAP.SC"),
    Field("RSVD_29_12", 12, 18, RESERVED),
    Field("ADDR"      , 30, 22, FIELD,    "page frame; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1)"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PDE_2M = Structure("SECOND_STAGE_PDE_2M", 64, "second-stage PD entry mapping 2 MiB (PS=1, SSLPS bit 0)", fields=(
    Field("R"         ,  0,  1, FIELD,    "read permission"),
    Field("W"         ,  1,  1, FIELD,    "write permission"),
    Field("IGN_2_2"   ,  2,  1, IGNORED),
    Field("EMT"       ,  3,  3, FIELD,    "extended memory type (used when EMTE=1; else ignored)"),
    Field("IPAT"      ,  6,  1, FIELD,    "ignore PAT (used when EMTE=1 and nested; else ignored)"),
    Field("PS"        ,  7,  1, FIELD,    "1 = page", reserved_unless="CAP.SSLPS[0]"),
    Field("A"         ,  8,  1, FIELD,    "accessed (SSADE=1)"),
    Field("D"         ,  9,  1, FIELD,    "dirty (SSADE=1)"),
    Field("IGN_10_10" , 10,  1, IGNORED),
    Field("SNP"       , 11,  1, FIELD,    "snoop (reserved when ECAP.SC=0)", reserved_unless="ECAP.SC"),
    Field("RSVD_20_12", 12,  9, RESERVED),
    Field("ADDR"      , 21, 31, FIELD,    "page frame; bits 51:HAW reserved"),
    Field("IGN_60_52" , 52,  9, IGNORED),
    Field("IR"        , 61,  1, FIELD,    "I/O read permission (SSIRWE=1)"),
    Field("IW"        , 62,  1, FIELD,    "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63" , 63,  1, IGNORED),
))

SECOND_STAGE_PTE = Structure("SECOND_STAGE_PTE", 64, "second-stage page table entry (4 KiB)", fields=(
    Field("R"        ,  0,  1, FIELD,   "read permission"),
    Field("W"        ,  1,  1, FIELD,   "write permission"),
    Field("IGN_2_2"  ,  2,  1, IGNORED),
    Field("EMT"      ,  3,  3, FIELD,   "extended memory type (used when EMTE=1; else ignored)"),
    Field("IPAT"     ,  6,  1, FIELD,   "ignore PAT (used when EMTE=1 and nested; else ignored)"),
    Field("IGN_7_7"  ,  7,  1, IGNORED),
    Field("A"        ,  8,  1, FIELD,   "accessed (SSADE=1)"),
    Field("D"        ,  9,  1, FIELD,   "dirty (SSADE=1)"),
    Field("IGN_10_10", 10,  1, IGNORED),
    Field("SNP"      , 11,  1, FIELD,   "snoop (reserved when ECAP.SC=0)", reserved_unless="ECAP.SC"),
    Field("ADDR"     , 12, 40, FIELD,   "page frame; bits 51:HAW reserved"),
    Field("IGN_60_52", 52,  9, IGNORED),
    Field("IR"       , 61,  1, FIELD,   "I/O read permission (SSIRWE=1)"),
    Field("IW"       , 62,  1, FIELD,   "I/O write permission (SSIRWE=1); reserved otherwise", reserved_unless="RTADDR.SSIRWE"),
    Field("IGN_63_63", 63,  1, IGNORED),
))

IRTE_REMAPPED = Structure("IRTE_REMAPPED", 128, "interrupt remap table entry, remapped format", fields=(
    Field("P"          ,  0,  1, FIELD,    "present"),
    Field("FPD"        ,  1,  1, FIELD,    "fault processing disable"),
    Field("DM"         ,  2,  1, FIELD,    "destination mode 0 physical 1 logical"),
    Field("RH"         ,  3,  1, FIELD,    "redirection hint"),
    Field("TM"         ,  4,  1, FIELD,    "trigger mode 0 edge 1 level"),
    Field("DLM"        ,  5,  3, FIELD,    "delivery mode: 0 fixed 1 lowest 2 SMI 4 NMI 5 INIT 7 ExtINT; 3 and 6 reserved"),
    Field("IGN_11_8"   ,  8,  4, IGNORED),
    Field("RSVD_14_12" , 12,  3, RESERVED),
    Field("IM"         , 15,  1, FIELD,    "0 = remapped format", reserved_unless="CAP.PI"),
    Field("V"          , 16,  8, FIELD,    "vector"),
    Field("RSVD_31_24" , 24,  8, RESERVED),
    Field("DST"        , 32, 32, FIELD,    "destination: EIME=1 full 32 bits; EIME=0 only bits 47:40 (APIC id), others reserved"),
    Field("SID"        , 64, 16, FIELD,    "source-id to match"),
    Field("SQ"         , 80,  2, FIELD,    SQ_MEANING),
    Field("SVT"        , 82,  2, FIELD,    SVT_MEANING),
    Field("RSVD_127_84", 84, 44, RESERVED),
))

IRTE_POSTED = Structure("IRTE_POSTED", 128, "interrupt remap table entry, posted format (needs CAP.PI)", fields=(
    Field("P"         ,  0,  1, FIELD,    "present"),
    Field("FPD"       ,  1,  1, FIELD,    "fault processing disable"),
    Field("RSVD_7_2"  ,  2,  6, RESERVED),
    Field("IGN_11_8"  ,  8,  4, IGNORED),
    Field("RSVD_13_12", 12,  2, RESERVED),
    Field("URG"       , 14,  1, FIELD,    "urgent", reserved_unless="CAP.PI"),
    Field("IM"        , 15,  1, FIELD,    "1 = posted format", reserved_unless="CAP.PI"),
    Field("VV"        , 16,  8, FIELD,    "virtual vector (bit to set in PIR)"),
    Field("RSVD_37_24", 24, 14, RESERVED),
    Field("PDAL"      , 38, 26, FIELD,    "posted descriptor address bits 31:6"),
    Field("SID"       , 64, 16, FIELD,    "source-id to match"),
    Field("SQ"        , 80,  2, FIELD,    SQ_MEANING),
    Field("SVT"       , 82,  2, FIELD,    SVT_MEANING),
    Field("RSVD_95_84", 84, 12, RESERVED),
    Field("PDAH"      , 96, 32, FIELD,    "posted descriptor address bits 63:32; bits >= HAW must be 0"),
))

POSTED_INTERRUPT_DESCRIPTOR = Structure("POSTED_INTERRUPT_DESCRIPTOR", 512, "posted interrupt descriptor, 64 bytes, 64-byte aligned", fields=(
    Field("PIR"         ,   0, 256, FIELD,    "pending bits, one per vector"),
    Field("ON"          , 256,   1, FIELD,    "outstanding notification"),
    Field("SN"          , 257,   1, FIELD,    "suppress notification for non-urgent"),
    Field("RSVD_271_258", 258,  14, RESERVED),
    Field("NV"          , 272,   8, FIELD,    "notification vector"),
    Field("RSVD_287_280", 280,   8, RESERVED),
    Field("NDST"        , 288,  32, FIELD,    "notification destination: x2APIC 32-bit id; xAPIC only bits 303:296"),
    Field("RSVD_511_320", 320, 192, RESERVED),
))

COMPATIBILITY_INTERRUPT_ADDRESS = Structure("COMPATIBILITY_INTERRUPT_ADDRESS", 32, "compatibility-format interrupt request address", fields=(
    Field("IGN_1_0"  ,  0,  2, IGNORED),
    Field("DM"       ,  2,  1, FIELD,    "destination mode"),
    Field("RH"       ,  3,  1, FIELD,    "redirection hint"),
    Field("FORMAT"   ,  4,  1, FIELD,    "0 = compatibility format"),
    Field("RSVD_11_5",  5,  7, RESERVED),
    Field("DESTID"   , 12,  8, FIELD,    "APIC id"),
    Field("FEE"      , 20, 12, FIELD,    "fixed 0xFEE"),
))

COMPATIBILITY_INTERRUPT_DATA = Structure("COMPATIBILITY_INTERRUPT_DATA", 32, "compatibility-format interrupt request data", fields=(
    Field("V"         ,  0,  8, FIELD,    "vector"),
    Field("DLM"       ,  8,  3, FIELD,    "delivery mode"),
    Field("RSVD_13_11", 11,  3, RESERVED),
    Field("TML"       , 14,  1, FIELD,    "trigger level 1 = assert"),
    Field("TM"        , 15,  1, FIELD,    "trigger mode"),
    Field("RSVD_31_16", 16, 16, RESERVED),
))

REMAPPABLE_INTERRUPT_ADDRESS = Structure("REMAPPABLE_INTERRUPT_ADDRESS", 32, "remappable-format interrupt request address", fields=(
    Field("IGN_1_0"    ,  0,  2, IGNORED),
    Field("HANDLE_15"  ,  2,  1, FIELD,   "handle bit 15"),
    Field("SHV"        ,  3,  1, FIELD,   "subhandle valid"),
    Field("FORMAT"     ,  4,  1, FIELD,   "1 = remappable format"),
    Field("HANDLE_14_0",  5, 15, FIELD,   "handle bits 14:0"),
    Field("FEE"        , 20, 12, FIELD,   "fixed 0xFEE"),
))

REMAPPABLE_INTERRUPT_DATA = Structure("REMAPPABLE_INTERRUPT_DATA", 32, "remappable-format interrupt request data", fields=(
    Field("SUBHANDLE"   ,  0, 16, FIELD, "added to the handle when SHV=1; ignored when SHV=0"),
    Field("MUST_BE_ZERO", 16, 16, FIELD, "must be 0 when SHV=1 (else fault 20h); ignored when SHV=0"),
))

EVENT_MESSAGE_ADDRESS = Structure("EVENT_MESSAGE_ADDRESS", 32, "address of event interrupts issued by the unit (FEADDR, IEADDR, PEADDR, PERFINTRADDR)", fields=(
    Field("IGN_1_0"  ,  0,  2, IGNORED),
    Field("DM"       ,  2,  1, FIELD,    "destination mode"),
    Field("RH"       ,  3,  1, FIELD,    "redirection hint"),
    Field("RSVD_11_4",  4,  8, RESERVED),
    Field("DESTID"   , 12,  8, FIELD,    "APIC id bits 7:0"),
    Field("FEE"      , 20, 12, FIELD,    "0xFEE"),
))

EVENT_MESSAGE_UPPER_ADDRESS = Structure("EVENT_MESSAGE_UPPER_ADDRESS", 32, "upper address of event interrupts", fields=(
    Field("RSVD_7_0"   , 0,  8, RESERVED),
    Field("DESTID_31_8", 8, 24, FIELD,    "x2APIC id bits 31:8; 0 in xAPIC mode"),
))

EVENT_MESSAGE_DATA = Structure("EVENT_MESSAGE_DATA", 32, "data of event interrupts", fields=(
    Field("V"        , 0,  8, FIELD,    "vector"),
    Field("DLM"      , 8,  1, FIELD,    "0 fixed, 1 lowest priority"),
    Field("RSVD_31_9", 9, 23, RESERVED),
))

CONTEXT_CACHE_INV = Structure("CONTEXT_CACHE_INV", 256, "context-cache invalidate (cc_inv)", fields=(
    Field("TYPE_LO"    ,  0,   4, FIELD,    "type bits 3:0"),
    Field("G"          ,  4,   2, FIELD,    "1 global, 2 domain, 3 device"),
    Field("RSVD_8_6"   ,  6,   3, RESERVED),
    Field("TYPE_HI"    ,  9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_15_12" , 12,   4, RESERVED),
    Field("DID"        , 16,  16, FIELD,    "domain id"),
    Field("SID"        , 32,  16, FIELD,    "source-id"),
    Field("FM"         , 48,   2, FIELD,    "function mask 0..3 as in CCMD_REG"),
    Field("RSVD_255_50", 50, 206, RESERVED),
))

IOTLB_INV = Structure("IOTLB_INV", 256, "IOTLB invalidate (iotlb_inv)", fields=(
    Field("TYPE_LO"     ,   0,   4, FIELD,    "type bits 3:0"),
    Field("G"           ,   4,   2, FIELD,    "1 global, 2 domain, 3 page"),
    Field("DW"          ,   6,   1, FIELD,    "drain writes"),
    Field("DR"          ,   7,   1, FIELD,    "drain reads"),
    Field("RSVD_8_8"    ,   8,   1, RESERVED),
    Field("TYPE_HI"     ,   9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_15_12"  ,  12,   4, RESERVED),
    Field("DID"         ,  16,  16, FIELD,    "domain id"),
    Field("RSVD_63_32"  ,  32,  32, RESERVED),
    Field("AM"          ,  64,   6, FIELD,    "address mask"),
    Field("IH"          ,  70,   1, FIELD,    "invalidation hint: non-leaf entries unchanged"),
    Field("RSVD_75_71"  ,  71,   5, RESERVED),
    Field("ADDR"        ,  76,  52, FIELD,    "address bits 63:12"),
    Field("RSVD_255_128", 128, 128, RESERVED),
))

IEC_INV = Structure("IEC_INV", 256, "interrupt entry cache invalidate", fields=(
    Field("TYPE_LO"    ,  0,   4, FIELD,    "type bits 3:0"),
    Field("G"          ,  4,   1, FIELD,    "0 global, 1 index-selective"),
    Field("RSVD_8_5"   ,  5,   4, RESERVED),
    Field("TYPE_HI"    ,  9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_26_12" , 12,  15, RESERVED),
    Field("IM"         , 27,   5, FIELD,    "index mask"),
    Field("IIDX"       , 32,  16, FIELD,    "interrupt index"),
    Field("RSVD_255_48", 48, 208, RESERVED),
))

INV_WAIT = Structure("INV_WAIT", 256, "invalidation wait (inv_wait)", fields=(
    Field("TYPE_LO"     ,   0,   4, FIELD,    "type bits 3:0"),
    Field("IF"          ,   4,   1, FIELD,    "generate completion event"),
    Field("SW"          ,   5,   1, FIELD,    "status write"),
    Field("FN"          ,   6,   1, FIELD,    "fence: execute only after all earlier descriptors completed"),
    Field("PD"          ,   7,   1, FIELD,    "page-request drain (reserved when ECAP.PDS=0)", reserved_unless="ECAP.PDS"),
    Field("RSVD_8_8"    ,   8,   1, RESERVED),
    Field("TYPE_HI"     ,   9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_31_12"  ,  12,  20, RESERVED),
    Field("STDATA"      ,  32,  32, FIELD,    "status data (32-bit write)"),
    Field("RSVD_65_64"  ,  64,   2, RESERVED),
    Field("STADDR"      ,  66,  62, FIELD,    "status address bits 63:2 (structure bit 66 = address bit 2); bits >= HAW ignored; STADDR/STDATA ignored when SW=0"),
    Field("RSVD_255_128", 128, 128, RESERVED),
))

P_IOTLB_INV = Structure("P_IOTLB_INV", 256, "PASID-based IOTLB invalidate (p_iotlb_inv)", fields=(
    Field("TYPE_LO"     ,   0,   4, FIELD,    "type bits 3:0"),
    Field("G"           ,   4,   2, FIELD,    "2 PASID-selective, 3 page-in-PASID"),
    Field("RSVD_8_6"    ,   6,   3, RESERVED),
    Field("TYPE_HI"     ,   9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_15_12"  ,  12,   4, RESERVED),
    Field("DID"         ,  16,  16, FIELD,    "domain id"),
    Field("PASID"       ,  32,  20, FIELD,    "PASID"),
    Field("RSVD_63_52"  ,  52,  12, RESERVED),
    Field("AM"          ,  64,   6, FIELD,    "address mask"),
    Field("IH"          ,  70,   1, FIELD,    "invalidation hint"),
    Field("RSVD_75_71"  ,  71,   5, RESERVED),
    Field("ADDR"        ,  76,  52, FIELD,    "address bits 63:12"),
    Field("RSVD_255_128", 128, 128, RESERVED),
))

PASID_CACHE_INV = Structure("PASID_CACHE_INV", 256, "PASID-cache invalidate (pc_inv)", fields=(
    Field("TYPE_LO"    ,  0,   4, FIELD,    "type bits 3:0"),
    Field("G"          ,  4,   2, FIELD,    "0 domain, 1 PASID-in-domain, 3 global; 2 reserved"),
    Field("RSVD_8_6"   ,  6,   3, RESERVED),
    Field("TYPE_HI"    ,  9,   3, FIELD,    "type bits 6:4"),
    Field("RSVD_15_12" , 12,   4, RESERVED),
    Field("DID"        , 16,  16, FIELD,    "domain id"),
    Field("PASID"      , 32,  20, FIELD,    "PASID"),
    Field("RSVD_255_52", 52, 204, RESERVED),
))

# fmt: on

STRUCTURES = (
    ROOT_ENTRY,
    CONTEXT_ENTRY,
    SECOND_STAGE_PML5E,
    SECOND_STAGE_PML4E,
    SECOND_STAGE_PDPE,
    SECOND_STAGE_PDE,
    SECOND_STAGE_PDPE_1G,
    SECOND_STAGE_PDE_2M,
    SECOND_STAGE_PTE,
    IRTE_REMAPPED,
    IRTE_POSTED,
    POSTED_INTERRUPT_DESCRIPTOR,
    COMPATIBILITY_INTERRUPT_ADDRESS,
    COMPATIBILITY_INTERRUPT_DATA,
    REMAPPABLE_INTERRUPT_ADDRESS,
    REMAPPABLE_INTERRUPT_DATA,
    EVENT_MESSAGE_ADDRESS,
    EVENT_MESSAGE_UPPER_ADDRESS,
    EVENT_MESSAGE_DATA,
    CONTEXT_CACHE_INV,
    IOTLB_INV,
    IEC_INV,
    INV_WAIT,
    P_IOTLB_INV,
    PASID_CACHE_INV,
)
