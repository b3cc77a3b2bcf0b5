"""UnitConfig: what VER, CAP and ECAP say, and what no unit can have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.arch import PRESETS, SECOND_STAGE_LEVELS, ConfigError, UnitConfig
from model.arch.registers import FRCD, IEUADDR, IOTLB, IQA, IRTA, IVA, PHMBASE, PLMBASE, PMEN, VER
from model.arch.structures import (
    CONTEXT_ENTRY,
    INV_WAIT,
    IRTE_POSTED,
    IRTE_REMAPPED,
    ROOT_ENTRY,
    SECOND_STAGE_PDE_2M,
    SECOND_STAGE_PDPE_1G,
    SECOND_STAGE_PTE,
)

QEMU = {"ver": 0x10, "cap": 0xD2008C222F0606, "ecap": 0xF00F5A}


def refusal(**values) -> str:
    """Return the sentence with which these values are refused."""
    with pytest.raises(ConfigError) as error:
        UnitConfig(**values)
    return str(error.value)


def test_default_registers():
    config = UnitConfig()
    assert config.ver == 0x50
    assert config.cap == 0xC8D2078C22780E66
    assert config.ecap == 0xF00FDB
    assert PRESETS["default"] == config


@pytest.mark.parametrize(
    ("name", "value", "bits", "default_bits"),
    [
        ("nd", 2, 2, 6),
        ("rwbf", True, 1 << 4, 0),
        ("plmr", False, 0, 1 << 5),
        ("phmr", False, 0, 1 << 6),
        ("cm", True, 1 << 7, 0),
        ("sagaw", (39,), 0b00010 << 8, 0b01110 << 8),
        ("sagaw", (48,), 0b00100 << 8, 0b01110 << 8),
        ("sagaw", (57,), 0b01000 << 8, 0b01110 << 8),
        ("mgaw", 64, 63 << 16, 56 << 16),
        ("zlr", False, 0, 1 << 22),
        ("fro", 0x400, 0x40 << 24, 0x22 << 24),
        ("sslps", (21,), 1 << 34, 3 << 34),
        ("sslps", (), 0, 3 << 34),
        ("psi", False, 0, 1 << 39),
        ("nfr", 1, 0, 7 << 40),
        ("mamv", 63, 63 << 48, 18 << 48),
        ("pi", False, 0, 1 << 59),
        ("esirtps", False, 0, 1 << 62),
        ("esrtps", False, 0, 1 << 63),
    ],
)
def test_cap_bits(name, value, bits, default_bits):
    assert UnitConfig(**{name: value}).cap == 0xC8D2078C22780E66 - default_bits + bits


@pytest.mark.parametrize(("name", "bit"), [("dwd", 54), ("drd", 55)])
def test_drain_bits_of_version_1(name, bit):
    config = UnitConfig(**{"version_major": 1, name: False})
    assert config.cap == 0xC8D2078C22780E66 & ~(1 << bit)


@pytest.mark.parametrize(
    ("name", "value", "bits", "default_bits"),
    [
        ("c", False, 0, 1 << 0),
        ("pt", False, 0, 1 << 6),
        ("sc", False, 0, 1 << 7),
        ("iro", 0x300, 0x30 << 8, 0x0F << 8),
        ("mhmv", 0, 0, 15 << 20),
        ("adms", True, 1 << 52, 0),
        ("eimer", True, 1 << 61, 0),
        ("irreq", True, 1 << 62, 0),
        ("eim", False, 0, 1 << 4),
    ],
)
def test_ecap_bits(name, value, bits, default_bits):
    assert UnitConfig(**{name: value}).ecap == 0xF00FDB - default_bits + bits


def test_ecap_without_interrupts_and_queue():
    assert UnitConfig(qi=False, ir=False, eim=False, pi=False).ecap == 0xF00FDB & ~0b11010


@pytest.mark.parametrize(("major", "minor", "ver"), [(1, 0, 0x10), (5, 15, 0x5F), (15, 1, 0xF1)])
def test_version(major, minor, ver):
    widths = () if major >= 6 else (48,)
    assert UnitConfig(version_major=major, version_minor=minor, sagaw=widths).ver == ver


def test_lists_of_a_file_become_tuples():
    config = UnitConfig.from_mapping({"sagaw": [39, 48], "sslps": [21]})
    assert (config.sagaw, config.sslps) == ((39, 48), (21,))
    assert config == UnitConfig(sagaw=(39, 48), sslps=(21,))


def test_domain_id_bits():
    assert [UnitConfig(nd=nd).domain_id_bits for nd in range(7)] == [4, 6, 8, 10, 12, 14, 16]


def test_second_stage_levels():
    assert SECOND_STAGE_LEVELS == {39: (1, 3), 48: (2, 4), 57: (3, 5)}


# Refusals


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"haw": "48"}, "haw must be a whole number, not '48'"),
        ({"haw": True}, "haw must be a whole number, not True"),
        ({"haw": 48.0}, "haw must be a whole number, not 48.0"),
        ({"pt": 1}, "pt must be true or false, not 1"),
        ({"sagaw": 48}, "sagaw must be a list of whole numbers, not 48"),
        ({"version_major": 0}, "version_major must be 1 to 15, not 0"),
        ({"version_major": 16, "sagaw": ()}, "version_major must be 1 to 15, not 16"),
        ({"version_minor": -1}, "version_minor must be 0 to 15, not -1"),
        ({"version_minor": 16}, "version_minor must be 0 to 15, not 16"),
        ({"haw": 31}, "haw must be 32 to 52 bits, not 31"),
        ({"haw": 53}, "haw must be 32 to 52 bits, not 53"),
        ({"nd": -1}, "nd must be 0 to 6 (4 to 16 domain-id bits), not -1"),
        ({"nd": 7}, "nd must be 0 to 6 (4 to 16 domain-id bits), not 7"),
        ({"sagaw": (30,)}, "sagaw must be some of 39, 48, 57 in rising order, not [30]"),
        ({"sagaw": (48, 39)}, "sagaw must be some of 39, 48, 57 in rising order, not [48, 39]"),
        ({"sagaw": (39, 39)}, "sagaw must be some of 39, 48, 57 in rising order, not [39, 39]"),
        (
            {"sagaw": ()},
            "sagaw must name a width up to version 5, and none from version 6 on without scalable mode, "
            "not [] at version 5",
        ),
        (
            {"version_major": 6},
            "sagaw must name a width up to version 5, and none from version 6 on without scalable mode, "
            "not [39, 48, 57] at version 6",
        ),
        ({"mgaw": 47}, "mgaw must be haw (48) to 64 bits, not 47"),
        ({"mgaw": 65}, "mgaw must be haw (48) to 64 bits, not 65"),
        ({"haw": 52, "mgaw": 51}, "mgaw must be haw (52) to 64 bits, not 51"),
        ({"sslps": (30,)}, "sslps must be [], [21] or [21, 30], not [30]"),
        ({"sslps": (30, 21)}, "sslps must be [], [21] or [21, 30], not [30, 21]"),
        ({"nfr": 0}, "nfr must be 1 to 244 fault records, not 0"),
        ({"nfr": 245}, "nfr must be 1 to 244 fault records, not 245"),
        ({"nfr": 256}, "nfr must be 1 to 244 fault records, not 256"),
        ({"mamv": -1}, "mamv must be 0 to 63, not -1"),
        ({"mamv": 64}, "mamv must be 0 to 63, not 64"),
        ({"dwd": False}, "dwd and drd must be true from version 2 on, where every IOTLB invalidation drains"),
        (
            {"version_major": 2, "drd": False},
            "dwd and drd must be true from version 2 on, where every IOTLB invalidation drains",
        ),
        ({"qi": False}, "ir needs qi: interrupt remapping without queued invalidation does not exist"),
        ({"ir": False}, "pi needs ir"),
        ({"ir": False, "pi": False}, "eim needs ir"),
        ({"ir": False, "eim": False, "pi": False, "irreq": True}, "irreq needs ir"),
        ({"eim": False, "eimer": True}, "eimer needs eim"),
        ({"mhmv": -1}, "mhmv must be 0 to 15, not -1"),
        ({"mhmv": 16}, "mhmv must be 0 to 15, not 16"),
        ({"protected_memory_shift": 11}, "protected_memory_shift must be 12 to 31, not 11"),
        ({"protected_memory_shift": 32}, "protected_memory_shift must be 12 to 31, not 32"),
        ({"iro": 0xF8}, "iro must be a multiple of 16 that leaves 16 bytes below 0x1000, not 0xf8"),
        ({"iro": 0x1000}, "iro must be a multiple of 16 that leaves 16 bytes below 0x1000, not 0x1000"),
        ({"iro": -16}, "iro must be a multiple of 16 that leaves 16 bytes below 0x1000, not -0x10"),
        ({"fro": 0x228}, "fro must be a multiple of 16 that leaves 128 bytes below 0x1000, not 0x228"),
        ({"fro": 0xF90}, "fro must be a multiple of 16 that leaves 128 bytes below 0x1000, not 0xf90"),
        ({"nfr": 244}, "fro must be a multiple of 16 that leaves 3904 bytes below 0x1000, not 0x220"),
        ({"iro": 0xB0}, "iro 0xb0 must not reach IQERCD at 0xb0"),
        ({"iro": 0x60}, "iro 0x60 must not reach PMEN at 0x64"),
        ({"fro": 0x80, "nfr": 1}, "fro 0x80 must not reach IQH at 0x80"),
        ({"fro": 0xF0}, "fro 0xf0 must not reach iro at 0xf0"),
        ({"fro": 0xC0}, "fro 0xc0 must not reach iro at 0xf0"),
    ],
)
def test_refusal(values, message):
    assert refusal(**values) == message


def test_most_fault_records_fit() -> None:
    assert UnitConfig(nfr=244, fro=0xC0, iro=0x50).cap >> 40 & 0xFF == 243


def test_unknown_name():
    with pytest.raises(ConfigError) as error:
        UnitConfig.from_mapping({"haww": 48})
    assert str(error.value) == (
        "haww is no field of a configuration; there are version_major, version_minor, haw, nd, rwbf, plmr, phmr, cm, "
        "sagaw, mgaw, zlr, fro, sslps, psi, nfr, mamv, dwd, drd, pi, esirtps, esrtps, c, qi, ir, eim, pt, sc, iro, "
        "mhmv, adms, eimer, irreq, iotlb_entries, context_cache_entries, paging_structure_cache_entries, "
        "iec_entries, interrupts, exclusive, walks, parked, id_bits, data_bits, collapse_faults, protected_memory_shift"
    )


@pytest.mark.parametrize("value", [[[39]], [39.0], [True], ["39"]])
@pytest.mark.parametrize("name", ["sagaw", "sslps"])
def test_list_of_what_is_no_number(name, value):
    with pytest.raises(ConfigError, match=rf"^{name} must be "):
        UnitConfig.from_mapping({name: value})


@pytest.mark.parametrize("values", [{"fro": 0xF80}, {"iro": 0xFF0}, {"iro": 0xC0}, {"iro": 0x2A0}, {"iro": 0x210}])
def test_offsets_that_just_fit(values):
    config = UnitConfig(**values)
    assert {name: getattr(config, name) for name in values} == values


# From registers


@pytest.mark.parametrize(
    ("cap", "ecap", "expected"),
    [
        (0xD2008C222F0606, 0xF00F5A, {"mgaw": 48, "haw": 48, "sagaw": (39, 48), "eim": True}),
        (0xD2008C222F0606, 0xF00F4A, {"mgaw": 48, "haw": 48, "sagaw": (39, 48), "eim": False}),
        (0xD2008C22260206, 0xF00F5A, {"mgaw": 39, "haw": 39, "sagaw": (39,), "eim": True}),
        (0xD2008C22260206, 0xF00F4A, {"mgaw": 39, "haw": 39, "sagaw": (39,), "eim": False}),
    ],
)
def test_registers_of_qemu(cap, ecap, expected):
    config = UnitConfig.from_registers(ver=0x10, cap=cap, ecap=ecap)
    assert (config.ver, config.cap, config.ecap) == (0x10, cap, ecap)
    assert config == UnitConfig(
        version_major=1,
        version_minor=0,
        nd=6,
        rwbf=False,
        plmr=False,
        phmr=False,
        cm=False,
        zlr=False,
        fro=0x220,
        sslps=(21, 30),
        psi=True,
        nfr=1,
        mamv=18,
        dwd=True,
        drd=True,
        pi=False,
        esirtps=False,
        esrtps=False,
        c=False,
        qi=True,
        ir=True,
        pt=True,
        sc=False,
        iro=0xF0,
        mhmv=15,
        **expected,
    )


def test_host_address_width_and_collapsing_are_told_apart_from_the_registers():
    config = UnitConfig.from_registers(**QEMU, haw=40, collapse_faults=True)
    assert (config.haw, config.mgaw, config.collapse_faults) == (40, 48, True)


@pytest.mark.parametrize(
    ("register", "bit", "message"),
    [
        ("ver", 8, "this unit cannot be built with VER.RSVD_31_8 (bit 8) = 0x1; it can only be 0x0"),
        ("cap", 3, "this unit cannot be built with CAP.RSVD_3_3 (bit 3) = 0x1; it can only be 0x0"),
        ("cap", 8, "this unit cannot be built with CAP.SAGAW (bit 8) = 0x7; it can only be 0x6"),
        ("cap", 12, "this unit cannot be built with CAP.SAGAW (bit 8) = 0x16; it can only be 0x6"),
        ("cap", 23, "this unit cannot be built with CAP.DEPRECATED23 (bit 23) = 0x1; it can only be 0x0"),
        ("cap", 36, "this unit cannot be built with CAP.SSLPS (bit 34) = 0x7; it can only be 0x3"),
        ("cap", 56, "this unit cannot be built with CAP.FS1GP (bit 56) = 0x1; it can only be 0x0"),
        ("cap", 60, "this unit cannot be built with CAP.FS5LP (bit 60) = 0x1; it can only be 0x0"),
        ("cap", 61, "this unit cannot be built with CAP.ECMDS (bit 61) = 0x1; it can only be 0x0"),
        ("ecap", 2, "this unit cannot be built with ECAP.DT (bit 2) = 0x1; it can only be 0x0"),
        ("ecap", 29, "this unit cannot be built with ECAP.PRS (bit 29) = 0x1; it can only be 0x0"),
        ("ecap", 40, "this unit cannot be built with ECAP.PASID (bit 40) = 0x1; it can only be 0x0"),
        ("ecap", 43, "scalable mode does not exist yet: ECAP.SMTS (bit 43) must be 0"),
        ("ecap", 51, "this unit cannot be built with ECAP.PMS (bit 51) = 0x1; it can only be 0x0"),
        ("ecap", 57, "this unit cannot be built with ECAP.SSIRWS (bit 57) = 0x1; it can only be 0x0"),
        ("ecap", 63, "this unit cannot be built with ECAP.RSVD_63_63 (bit 63) = 0x1; it can only be 0x0"),
    ],
)
def test_feature_that_does_not_exist(register, bit, message):
    with pytest.raises(ConfigError) as error:
        UnitConfig.from_registers(**QEMU | {register: QEMU[register] | 1 << bit})
    assert str(error.value) == message


def test_scalable_mode_is_refused():
    """ECAP of the capture linux-scalable: SRS (31), SMTS (43) and SSTS (46); the one that needs the others is named."""
    with pytest.raises(ConfigError) as error:
        UnitConfig.from_registers(**QEMU | {"ecap": 0x480080F00F4A})
    assert str(error.value) == "scalable mode does not exist yet: ECAP.SMTS (bit 43) must be 0"


def test_registers_that_contradict_each_other():
    with pytest.raises(ConfigError) as error:
        UnitConfig.from_registers(**QEMU | {"ecap": QEMU["ecap"] & ~(1 << 1)})
    assert str(error.value) == "ir needs qi: interrupt remapping without queued invalidation does not exist"


@st.composite
def legal_configs(draw) -> UnitConfig:
    """Draw any configuration that registers can tell; the register places stay clear of each other."""
    booleans, major = st.booleans(), draw(st.integers(1, 15))
    haw, nfr = draw(st.integers(32, 52)), draw(st.integers(1, 200))
    some_widths = st.lists(st.sampled_from([39, 48, 57]), min_size=1, unique=True)
    ir = draw(booleans)
    eim = ir and draw(booleans)
    plain = ("rwbf", "plmr", "phmr", "cm", "zlr", "psi", "esirtps", "esrtps", "c", "pt", "sc", "adms")
    return UnitConfig(
        version_major=major,
        version_minor=draw(st.integers(0, 15)),
        haw=haw,
        nd=draw(st.integers(0, 6)),
        sagaw=tuple(sorted(draw(some_widths))) if major <= 5 else (),
        mgaw=draw(st.integers(haw, 64)),
        fro=draw(st.integers(0x20, (0x1000 - 16 * nfr) // 16)) * 16,
        sslps=draw(st.sampled_from([(), (21,), (21, 30)])),
        nfr=nfr,
        mamv=draw(st.integers(0, 63)),
        dwd=major >= 2 or draw(booleans),
        drd=major >= 2 or draw(booleans),
        pi=ir and draw(booleans),
        qi=ir or draw(booleans),
        ir=ir,
        eim=eim,
        iro=draw(st.integers(0xC, 0x1F)) * 16,
        mhmv=draw(st.integers(0, 15)),
        eimer=eim and draw(booleans),
        irreq=ir and draw(booleans),
        collapse_faults=draw(booleans),
        **{name: draw(booleans) for name in plain},
    )


@given(legal_configs())
def test_registers_tell_the_whole_configuration(config):
    assert (
        UnitConfig.from_registers(
            ver=config.ver,
            cap=config.cap,
            ecap=config.ecap,
            haw=config.haw,
            collapse_faults=config.collapse_faults,
        )
        == config
    )


# Questions to a configuration


@pytest.mark.parametrize(
    ("capability", "there"),
    [
        ("CAP.PI", True),
        ("CAP.CM", False),
        ("CAP.SSLPS[0]", True),
        ("CAP.SSLPS[1]", False),
        ("ECAP.SC", True),
        ("ECAP.PDS", False),
        ("RTADDR.SSIRWE", False),
    ],
)
def test_has(capability, there):
    assert UnitConfig(sslps=(21,)).has(capability) is there


@pytest.mark.parametrize("capability", ["CAP.NOTHING", "NOTHING.SC"])
def test_has_refuses_unknown_names(capability):
    with pytest.raises(KeyError):
        UnitConfig().has(capability)


ABOVE_48_TO_63 = 0xFFFF_0000_0000_0000
ABOVE_48_TO_51 = 0x000F_0000_0000_0000


@pytest.mark.parametrize(
    ("structure", "addresses", "config", "reserved"),
    [
        (ROOT_ENTRY, ("CTP",), {}, 0xFFFF_FFFF_FFFF_FFFF << 64 | ABOVE_48_TO_63 | 0xFFE),
        (ROOT_ENTRY, (), {}, 0xFFFF_FFFF_FFFF_FFFF << 64 | 0xFFE),
        (CONTEXT_ENTRY, ("SSPTPTR",), {}, 0xFFFF_FFFF_FF00_0080 << 64 | ABOVE_48_TO_63 | 0xFF0),
        (SECOND_STAGE_PTE, ("ADDR",), {}, 1 << 62 | ABOVE_48_TO_51),
        (SECOND_STAGE_PTE, ("ADDR",), {"sc": False}, 1 << 62 | ABOVE_48_TO_51 | 1 << 11),
        (SECOND_STAGE_PTE, ("ADDR",), {"haw": 52}, 1 << 62),
        (SECOND_STAGE_PTE, ("ADDR",), {"haw": 32}, 1 << 62 | 0xF_FFFF << 32),
        (SECOND_STAGE_PDE_2M, ("ADDR",), {}, 1 << 62 | ABOVE_48_TO_51 | 0x1FF << 12),
        (SECOND_STAGE_PDE_2M, ("ADDR",), {"sslps": ()}, 1 << 62 | ABOVE_48_TO_51 | 0x1FF << 12 | 1 << 7),
        (SECOND_STAGE_PDPE_1G, ("ADDR",), {}, 1 << 62 | ABOVE_48_TO_51 | 0x3FFFF << 12),
        (SECOND_STAGE_PDPE_1G, ("ADDR",), {"sslps": (21,)}, 1 << 62 | ABOVE_48_TO_51 | 0x3FFFF << 12 | 1 << 7),
        (IRTE_REMAPPED, (), {}, 0xFFFF_FFFF_FFF0_0000 << 64 | 0xFF << 24 | 7 << 12),
        (IRTE_REMAPPED, (), {"pi": False}, 0xFFFF_FFFF_FFF0_0000 << 64 | 0xFF << 24 | 0xF << 12),
        (IRTE_POSTED, (), {}, 0xFFF << 84 | 0x3FFF << 24 | 3 << 12 | 0x3F << 2),
        (INV_WAIT, (), {}, (1 << 128) - 1 << 128 | 3 << 64 | 0xFFFFF << 12 | 1 << 8 | 1 << 7),
    ],
)
def test_reserved_mask(structure, addresses, config, reserved):
    assert UnitConfig(**config).reserved_mask(structure, *addresses) == reserved


def test_register_places():
    config = UnitConfig(iro=0x300, fro=0x400)
    assert [config.register_offset(register) for register in (VER, IRTA, IVA, IOTLB, FRCD)] == [
        0x0,
        0xB8,
        0x300,
        0x308,
        0x400,
    ]


@pytest.mark.parametrize(
    ("config", "absent"),
    [
        ({}, []),
        ({"plmr": False}, [PLMBASE]),
        ({"phmr": False}, [PHMBASE]),
        ({"plmr": False, "phmr": False}, [PMEN, PLMBASE, PHMBASE]),
        ({"ir": False, "eim": False, "pi": False}, [IRTA]),
        ({"qi": False, "ir": False, "eim": False, "pi": False}, [IQA, IEUADDR, IRTA]),
    ],
)
def test_register_exists(config, absent):
    registers = [PMEN, PLMBASE, PHMBASE, IQA, IEUADDR, IRTA, VER, IVA, FRCD]
    there = UnitConfig(**config).register_exists
    assert [register for register in registers if not there(register)] == absent
