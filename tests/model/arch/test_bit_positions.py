"""Bit positions typed a second time from the specification, so that they hold without the shared folders too."""

import pytest

from model.arch import CONDITIONS, REGISTERS, STRUCTURES, Access, Kind
from model.arch.encodings import (
    ContextGranularity,
    DeliveryMode,
    DescriptorType,
    IotlbGranularity,
    IqeiCode,
    SourceValidation,
    TableMode,
    TranslationType,
)

# Register -> width in bits, base, byte offset, fields that are not reserved.
REGISTER_BITS = {
    "VER": (32, "", 0x00, "MIN 3:0, MAX 7:4"),
    "CAP": (
        64,
        "",
        0x08,
        """ND 2:0, RWBF 4, PLMR 5, PHMR 6, CM 7, SAGAW 12:8, MGAW 21:16, ZLR 22, DEPRECATED23 23, FRO 33:24,
        SSLPS 37:34, PSI 39, NFR 47:40, MAMV 53:48, DWD 54, DRD 55, FS1GP 56, PI 59, FS5LP 60, ECMDS 61,
        ESIRTPS 62, ESRTPS 63""",
    ),
    "ECAP": (
        64,
        "",
        0x10,
        """C 0, QI 1, DT 2, IR 3, EIM 4, DEPRECATED5 5, PT 6, SC 7, IRO 17:8, MHMV 23:20, DEPRECATED24 24, MTS 25,
        NEST 26, DEPRECATED28 28, PRS 29, ERS 30, SRS 31, NWFS 33, EAFS 34, PSS 39:35, PASID 40, DIT 41, PDS 42,
        SMTS 43, VCS 44, SSADS 45, SSTS 46, FSTS 47, SMPWCS 48, RPS 49, TDXCS 50, PMS 51, ADMS 52, RPRIVS 53,
        HPTS 55, PTRS 56, SSIRWS 57, SMS 58, HPT1GPS 59, RDTS 60, EIMER 61, IRREQ 62""",
    ),
    "GCMD": (32, "", 0x18, "CFI 23, SIRTP 24, IRE 25, QIE 26, WBF 27, SRTP 30, TE 31"),
    "GSTS": (32, "", 0x1C, "CFIS 23, IRTPS 24, IRES 25, QIES 26, WBFS 27, RTPS 30, TES 31"),
    "RTADDR": (64, "", 0x20, "SSIRWE 7, TTM 11:10, RTA 63:12"),
    "CCMD": (64, "", 0x28, "DID 15:0, SID 31:16, FM 33:32, CAIG 60:59, CIRG 62:61, ICC 63"),
    "FSTS": (32, "", 0x34, "PFO 0, PPF 1, IQE 4, ICE 5, ITE 6, DEPRECATED7 7, FRI 15:8"),
    "FECTL": (32, "", 0x38, "IP 30, IM 31"),
    "FEDATA": (32, "", 0x3C, "IMD 15:0"),
    "FEADDR": (32, "", 0x40, "MA 31:2"),
    "FEUADDR": (32, "", 0x44, "MUA 31:0"),
    "PMEN": (32, "", 0x64, "PRS 0, EPM 31"),
    "PLMBASE": (32, "", 0x68, "PLMB 31:0"),
    "PLMLIMIT": (32, "", 0x6C, "PLML 31:0"),
    "PHMBASE": (64, "", 0x70, "PHMB 63:0"),
    "PHMLIMIT": (64, "", 0x78, "PHML 63:0"),
    "IQH": (64, "", 0x80, "QH 18:4"),
    "IQT": (64, "", 0x88, "QT 18:4"),
    "IQA": (64, "", 0x90, "QS 2:0, DW 11, IQA 63:12"),
    "ICS": (32, "", 0x9C, "IWC 0"),
    "IECTL": (32, "", 0xA0, "IP 30, IM 31"),
    "IEDATA": (32, "", 0xA4, "IMD 15:0"),
    "IEADDR": (32, "", 0xA8, "MA 31:2"),
    "IEUADDR": (32, "", 0xAC, "MUA 31:0"),
    "IQERCD": (64, "", 0xB0, "IQEI 3:0, ITESID 47:32, ICESID 63:48"),
    "IRTA": (64, "", 0xB8, "S 3:0, EIME 11, IRTA 63:12"),
    "IVA": (64, "IRO", 0x0, "AM 5:0, IH 6, ADDR 63:12"),
    "IOTLB": (64, "IRO", 0x8, "DID 47:32, DW 48, DR 49, IAIG 58:57, IIRG 61:60, IVT 63"),
    "FRCD": (
        128,
        "FRO",
        0x0,
        "FI 63:12, SID 79:64, T2 92, PRIV 93, EXE 94, PP 95, FR 103:96, PV 123:104, AT 125:124, T1 126, F 127",
    ),
}

# Bits that software writes and reads, or writes only; all others that are not reserved are read-only, or these:
ALL_32, ALL_64 = (1 << 32) - 1, (1 << 64) - 1
READ_WRITE = {
    "RTADDR": 0xFFFF_FFFF_FFFF_FC80,
    "CCMD": 0xE000_0000_0000_FFFF,
    **dict.fromkeys(("FECTL", "IECTL", "PMEN"), 1 << 31),
    **dict.fromkeys(("FEDATA", "IEDATA"), 0xFFFF),
    **dict.fromkeys(("FEADDR", "IEADDR"), 0xFFFF_FFFC),
    **dict.fromkeys(("FEUADDR", "IEUADDR", "PLMBASE", "PLMLIMIT"), ALL_32),
    **dict.fromkeys(("PHMBASE", "PHMLIMIT"), ALL_64),
    "IQT": 0x7_FFF0,
    "IQA": 0xFFFF_FFFF_FFFF_F807,
    "IRTA": 0xFFFF_FFFF_FFFF_F80F,
    "IOTLB": 0xB003_FFFF_0000_0000,
}
WRITE_ONLY = {"GCMD": 0xCF80_0000, "CCMD": 0x3_FFFF_0000, "IVA": 0xFFFF_FFFF_FFFF_F07F}
# Bits that clear when written as 1.
CLEARED_BY_1 = {"FSTS": 0b111_0001, "ICS": 1, "FRCD": 1 << 127}
# Bits that are 1 after power-on, of the registers that no configuration decides.
RESET = {"FECTL": 1 << 31, "IECTL": 1 << 31}

NON_LEAF = ("R 0, W 1, A 8, ADDR 51:12, IR 61, IW 62", "2, 6:3, 10:9, 60:52, 63")
NON_LEAF_WITH_PS = ("R 0, W 1, PS 7, A 8, ADDR 51:12, IR 61, IW 62", "2, 6:3, 10:9, 60:52, 63")
LEAF_IGNORED = "2, 10, 60:52, 63"

# Structure -> width in bits, fields, ignored bits; all others are reserved.
STRUCTURE_BITS = {
    "ROOT_ENTRY": (128, "P 0, CTP 63:12", ""),
    "CONTEXT_ENTRY": (128, "P 0, FPD 1, TT 3:2, SSPTPTR 63:12, AW 66:64, DID 87:72", "70:67"),
    "SECOND_STAGE_PML5E": (64, *NON_LEAF),
    "SECOND_STAGE_PML4E": (64, *NON_LEAF),
    "SECOND_STAGE_PDPE": (64, *NON_LEAF_WITH_PS),
    "SECOND_STAGE_PDE": (64, *NON_LEAF_WITH_PS),
    "SECOND_STAGE_PDPE_1G": (
        64,
        "R 0, W 1, EMT 5:3, IPAT 6, PS 7, A 8, D 9, SNP 11, ADDR 51:30, IR 61, IW 62",
        LEAF_IGNORED,
    ),
    "SECOND_STAGE_PDE_2M": (
        64,
        "R 0, W 1, EMT 5:3, IPAT 6, PS 7, A 8, D 9, SNP 11, ADDR 51:21, IR 61, IW 62",
        LEAF_IGNORED,
    ),
    "SECOND_STAGE_PTE": (
        64,
        "R 0, W 1, EMT 5:3, IPAT 6, A 8, D 9, SNP 11, ADDR 51:12, IR 61, IW 62",
        "7, " + LEAF_IGNORED,
    ),
    "IRTE_REMAPPED": (
        128,
        """P 0, FPD 1, DM 2, RH 3, TM 4, DLM 7:5, IM 15, V 23:16, DST 63:32, SID 79:64, SQ 81:80, SVT 83:82""",
        "11:8",
    ),
    "IRTE_POSTED": (
        128,
        "P 0, FPD 1, URG 14, IM 15, VV 23:16, PDAL 63:38, SID 79:64, SQ 81:80, SVT 83:82, PDAH 127:96",
        "11:8",
    ),
    "POSTED_INTERRUPT_DESCRIPTOR": (512, "PIR 255:0, ON 256, SN 257, NV 279:272, NDST 319:288", ""),
    "COMPATIBILITY_INTERRUPT_ADDRESS": (32, "DM 2, RH 3, FORMAT 4, DESTID 19:12, FEE 31:20", "1:0"),
    "COMPATIBILITY_INTERRUPT_DATA": (32, "V 7:0, DLM 10:8, TML 14, TM 15", ""),
    "REMAPPABLE_INTERRUPT_ADDRESS": (32, "HANDLE_15 2, SHV 3, FORMAT 4, HANDLE_14_0 19:5, FEE 31:20", "1:0"),
    "REMAPPABLE_INTERRUPT_DATA": (32, "SUBHANDLE 15:0, MUST_BE_ZERO 31:16", ""),
    "EVENT_MESSAGE_ADDRESS": (32, "DM 2, RH 3, DESTID 19:12, FEE 31:20", "1:0"),
    "EVENT_MESSAGE_UPPER_ADDRESS": (32, "DESTID_31_8 31:8", ""),
    "EVENT_MESSAGE_DATA": (32, "V 7:0, DLM 8", ""),
    "CONTEXT_CACHE_INV": (256, "TYPE_LO 3:0, G 5:4, TYPE_HI 11:9, DID 31:16, SID 47:32, FM 49:48", ""),
    "IOTLB_INV": (
        256,
        "TYPE_LO 3:0, G 5:4, DW 6, DR 7, TYPE_HI 11:9, DID 31:16, AM 69:64, IH 70, ADDR 127:76",
        "",
    ),
    "IEC_INV": (256, "TYPE_LO 3:0, G 4, TYPE_HI 11:9, IM 31:27, IIDX 47:32", ""),
    "INV_WAIT": (256, "TYPE_LO 3:0, IF 4, SW 5, FN 6, PD 7, TYPE_HI 11:9, STDATA 63:32, STADDR 127:66", ""),
    "P_IOTLB_INV": (
        256,
        "TYPE_LO 3:0, G 5:4, TYPE_HI 11:9, DID 31:16, PASID 51:32, AM 69:64, IH 70, ADDR 127:76",
        "",
    ),
    "PASID_CACHE_INV": (256, "TYPE_LO 3:0, G 5:4, TYPE_HI 11:9, DID 31:16, PASID 51:32", ""),
}

# Structure -> field -> what must be 1 for it not to be reserved.
RESERVED_UNLESS = {
    **{f"SECOND_STAGE_{entry}": {"IW": "RTADDR.SSIRWE"} for entry in ("PML5E", "PML4E", "PDPE", "PDE")},
    "SECOND_STAGE_PDPE_1G": {"PS": "CAP.SSLPS[1]", "SNP": "ECAP.SC", "IW": "RTADDR.SSIRWE"},
    "SECOND_STAGE_PDE_2M": {"PS": "CAP.SSLPS[0]", "SNP": "ECAP.SC", "IW": "RTADDR.SSIRWE"},
    "SECOND_STAGE_PTE": {"SNP": "ECAP.SC", "IW": "RTADDR.SSIRWE"},
    "IRTE_REMAPPED": {"IM": "CAP.PI"},
    "IRTE_POSTED": {"URG": "CAP.PI", "IM": "CAP.PI"},
    "INV_WAIT": {"PD": "ECAP.PDS"},
}

# Reason -> the conditions that report it (fault conditions).
REASONS = {
    0x01: "LRT.2",
    0x02: "LCT.2",
    0x03: "LCT.4.1 LCT.4.2 LCT.4.3",
    0x04: "LGN.1.1 LGN.1.2 LGN.1.3",
    0x05: "LGN.2",
    0x06: "LGN.3",
    0x07: "LSS.1",
    0x08: "LRT.1",
    0x09: "LCT.1",
    0x0A: "LRT.3",
    0x0B: "LCT.3",
    0x0C: "LSS.2",
    0x0D: "LCT.5",
    0x0E: "LGN.4",
    0x20: "IR.20",
    0x21: "IR.21",
    0x22: "IR.22",
    0x23: "IR.23",
    0x24: "IR.24",
    0x25: "IR.25",
    0x26: "IR.26",
    0x27: "IR.27",
    0x28: "IR.28",
    0x29: "IR.29",
    0x2A: "IR.2A",
    0x2B: "IR.2B",
    0x30: "RTA.1.1 RTA.1.2 RTA.1.3 RTA.1.4",
    0x31: "RTA.2",
    0x32: "RTA.3",
    0x33: "RTA.4",
}
NOT_QUALIFIED = ["LRT.1", "LRT.2", "LRT.3", "LCT.1", "IR.20", "IR.21", "IR.23", "IR.25", "IR.29", "IR.2A", "IR.2B"] + [
    name for names in (REASONS[0x30], REASONS[0x31], REASONS[0x32], REASONS[0x33]) for name in names.split()
]
INDEX_LOGGED = ["IR.21", "IR.22", "IR.23", "IR.24", "IR.26", "IR.27", "IR.28"]


def mask(bits: str) -> int:
    """Return ones at "7" or at "63:12"."""
    high, _, low = bits.partition(":")
    return sum(1 << bit for bit in range(int(low or high), int(high) + 1))


def masks(text: str) -> dict[str, int]:
    """Return name -> ones at its bits, of "P 0, CTP 63:12"."""
    return {name: mask(bits) for name, bits in (field.split() for field in text.split(","))}


@pytest.mark.parametrize("name", REGISTER_BITS)
def test_register_bits(name):
    register = {register.name: register for register in REGISTERS}[name]
    width, base, offset, text = REGISTER_BITS[name]
    reserved = {Access.RSVDZ, Access.RSVDP}
    assert (register.width, register.base, register.offset) == (width, base, offset)
    assert {field.name: field.mask for field in register.fields if field.kind not in reserved} == masks(text)
    assert register.mask(*reserved) == (1 << width) - 1 - sum(masks(text).values())


def test_every_register_is_typed():
    assert [register.name for register in REGISTERS] == list(REGISTER_BITS)


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.name)
def test_access_and_reset(register):
    assert register.mask(Access.RW) == READ_WRITE.get(register.name, 0)
    assert register.mask(Access.WO) == WRITE_ONLY.get(register.name, 0)
    assert register.mask(Access.RW1C, Access.RW1CS) == CLEARED_BY_1.get(register.name, 0)
    assert register.reset == RESET.get(register.name, 0)


@pytest.mark.parametrize("name", STRUCTURE_BITS)
def test_structure_bits(name):
    structure = {structure.name: structure for structure in STRUCTURES}[name]
    width, text, ignored = STRUCTURE_BITS[name]
    assert structure.width == width == structure.bytes * 8
    assert {field.name: field.mask for field in structure.fields if field.kind is Kind.FIELD} == masks(text)
    ignored_mask = sum(mask(bits.strip()) for bits in ignored.split(",") if bits)
    assert sum(field.mask for field in structure.fields if field.kind is Kind.IGNORED) == ignored_mask
    reserved = (1 << width) - 1 - ignored_mask - sum(masks(text).values())
    assert structure.reserved_mask(lambda _capability: True) == reserved
    conditional = RESERVED_UNLESS.get(name, {})
    assert {field.name: field.reserved_unless for field in structure.fields if field.reserved_unless} == conditional
    conditional_mask = sum(masks(text)[field] for field in conditional)
    assert structure.reserved_mask(lambda _capability: False) == reserved | conditional_mask


def test_every_structure_is_typed():
    assert [structure.name for structure in STRUCTURES] == list(STRUCTURE_BITS)


def test_fault_conditions():
    typed = {name: reason for reason, names in REASONS.items() for name in names.split()}
    assert {name: int(condition.reason) for name, condition in CONDITIONS.items()} == typed
    assert {name for name, condition in CONDITIONS.items() if not condition.qualified} == set(NOT_QUALIFIED)
    assert {name for name, condition in CONDITIONS.items() if condition.index_logged} == set(INDEX_LOGGED)


@pytest.mark.parametrize(
    ("encoding", "values"),
    [
        (TableMode, {"LEGACY": 0, "SCALABLE": 1, "RESERVED": 2, "ABORT_DMA": 3}),
        (TranslationType, {"SECOND_STAGE": 0, "SECOND_STAGE_WITH_DEVICE_TLB": 1, "PASS_THROUGH": 2, "RESERVED": 3}),
        (SourceValidation, {"NONE": 0, "SOURCE_ID": 1, "BUS_RANGE": 2, "RESERVED": 3}),
        (DeliveryMode, {"FIXED": 0, "LOWEST_PRIORITY": 1, "SMI": 2, "NMI": 4, "INIT": 5, "EXT_INT": 7}),
        (
            DescriptorType,
            {
                "CONTEXT_CACHE": 1,
                "IOTLB": 2,
                "DEVICE_TLB": 3,
                "INTERRUPT_ENTRY_CACHE": 4,
                "WAIT": 5,
                "PASID_IOTLB": 6,
                "PASID_CACHE": 7,
            },
        ),
        (ContextGranularity, {"RESERVED": 0, "GLOBAL": 1, "DOMAIN": 2, "DEVICE": 3}),
        (IotlbGranularity, {"RESERVED": 0, "GLOBAL": 1, "DOMAIN": 2, "PAGE": 3}),
        (
            IqeiCode,
            {
                "NONE": 0,
                "TAIL_BEYOND_QUEUE": 1,
                "FETCH_ERROR": 2,
                "INVALID_TYPE": 3,
                "RESERVED_BITS": 4,
                "INVALID_WIDTH": 5,
                "TAIL_NOT_ALIGNED": 6,
                "INVALID_TABLE_MODE": 7,
            },
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_encodings(encoding, values):
    assert {member.name: member.value for member in encoding} == values
