"""Registers as software meets them, and GCMD with GSTS (rules 18); numbers in names are those of rules."""

import pytest

from model.arch import UnitConfig
from model.reference import DmaAccess, DmaRequest, InterruptRequest, Memory, Message, Unit
from tests.model.reference.interrupts import (
    CCMD,
    CFI,
    EIME,
    FECTL,
    FSTS,
    GCMD,
    GSTS,
    IM,
    IOTLB,
    IQA,
    IQH,
    IQT,
    IRE,
    IRTA,
    IVA,
    QIE,
    QUEUE,
    RTADDR,
    SIRTP,
    SOURCE,
    SRTP,
    TABLE,
    TE,
    WBF,
    command,
    interrupt,
    make_unit,
    place_irte,
    remapped_irte,
    set_interrupt_table,
    set_root_table,
    uncommand,
    wait,
)

# nd 6, plmr, phmr, sagaw 39 48 57, mgaw 57, zlr, fro 220h, sslps 2M 1G, psi, nfr 8, mamv 18, dwd, drd, pi, both ES.
DEFAULT_CAP = (
    6
    | 1 << 5
    | 1 << 6
    | 0b01110 << 8
    | 56 << 16
    | 1 << 22
    | 0x22 << 24
    | 0b11 << 34
    | 1 << 39
    | 7 << 40
    | 18 << 48
    | 1 << 54
    | 1 << 55
    | 1 << 59
    | 1 << 62
    | 1 << 63
)
# c, qi, ir, eim, pt, sc, iro F0h, mhmv 15.
DEFAULT_ECAP = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 0x0F << 8 | 15 << 20

# Offset, bytes, value after reset, bits that keep what is written; of the default configuration, HAW 48.
REGISTERS = {
    "VER": (0x000, 4, 0x50, 0),
    "CAP": (0x008, 8, DEFAULT_CAP, 0),
    "ECAP": (0x010, 8, DEFAULT_ECAP, 0),
    "GSTS": (0x01C, 4, 0, 0),
    "RTADDR": (0x020, 8, 0, 0x0000_FFFF_FFFF_FC00),
    "CCMD": (0x028, 8, 0, 0x6000_0000_0000_FFFF),
    "FSTS": (0x034, 4, 0, 0),
    "FECTL": (0x038, 4, 0x8000_0000, 0x8000_0000),
    "FEDATA": (0x03C, 4, 0, 0x0000_FFFF),
    "FEADDR": (0x040, 4, 0, 0xFFFF_FFFC),
    "FEUADDR": (0x044, 4, 0, 0xFFFF_FFFF),
    "PLMBASE": (0x068, 4, 0, 0xFFE0_0000),
    "PLMLIMIT": (0x06C, 4, 0, 0xFFE0_0000),
    "PHMBASE": (0x070, 8, 0, 0x0000_FFFF_FFE0_0000),
    "PHMLIMIT": (0x078, 8, 0, 0x0000_FFFF_FFE0_0000),
    "IQH": (0x080, 8, 0, 0),
    "IQT": (0x088, 8, 0, 0x0007_FFF0),
    "IQA": (0x090, 8, 0, 0x0000_FFFF_FFFF_F807),
    "ICS": (0x09C, 4, 0, 0),
    "IECTL": (0x0A0, 4, 0x8000_0000, 0x8000_0000),
    "IEDATA": (0x0A4, 4, 0, 0x0000_FFFF),
    "IEADDR": (0x0A8, 4, 0, 0xFFFF_FFFC),
    "IEUADDR": (0x0AC, 4, 0, 0xFFFF_FFFF),
    "IQERCD": (0x0B0, 8, 0, 0),
    "IRTA": (0x0B8, 8, 0, 0x0000_FFFF_FFFF_F80F),
    "IVA": (0x0F0, 8, 0, 0),
    "IOTLB": (0x0F8, 8, 0, 0x3003_FFFF_0000_0000),
    "FRCD 0 low": (0x220, 8, 0, 0),
    "FRCD 0 high": (0x228, 8, 0, 0),
    "FRCD 7 low": (0x290, 8, 0, 0),
    "FRCD 7 high": (0x298, 8, 0, 0),
}

every_register = pytest.mark.parametrize(("offset", "size", "reset", "kept"), REGISTERS.values(), ids=REGISTERS)


def every_dword():
    """Offsets of all dwords that hold a register in the default configuration, GCMD and PMEN too."""
    taken = {GCMD, 0x64}
    for offset, size, _, _ in REGISTERS.values():
        taken |= {offset, offset + size - 4}
    for number in range(8):
        taken |= {0x220 + number * 16 + at for at in (0, 4, 8, 12)}
    return taken


def snapshot(unit):
    return [unit.read_register(offset) for offset in sorted(every_dword())]


@every_register
def test_value_after_reset(offset, size, reset, kept):
    assert make_unit().read_register(offset, size) == reset


@every_register
def test_each_bit_alone_is_kept_or_ignored(offset, size, reset, kept):
    start = 1 << 63 if offset in (CCMD, IOTLB) else 0
    for bit in range(size * 8):
        if 1 << bit & start:
            continue
        unit = make_unit()
        unit.write_register(offset, 1 << bit, size)
        assert unit.read_register(offset, size) == reset & ~kept | 1 << bit & kept, f"bit {bit}"


@every_register
def test_all_ones_then_all_zeros(offset, size, reset, kept):
    unit = make_unit()
    start = 1 << 63 if offset in (CCMD, IOTLB) else 0
    unit.write_register(offset, (1 << size * 8) - 1 & ~start, size)
    assert unit.read_register(offset, size) == reset & ~kept | kept
    unit.write_register(offset, 0, size)
    assert unit.read_register(offset, size) == reset & ~kept


@every_register
def test_a_write_changes_no_other_register(offset, size, reset, kept):
    unit = make_unit()
    before = dict(zip(sorted(every_dword()), snapshot(unit), strict=True))
    unit.write_register(offset, 0x5555_5555_5555_5555 & (1 << size * 8) - 1, size)
    changed = {dword for dword, value in before.items() if unit.read_register(dword) != value}
    assert changed <= {offset, offset + size - 4}


@every_register
def test_halves_of_64_bit_registers_stand_alone(offset, size, reset, kept):
    if size == 4:
        assert make_unit().read_register(offset) == reset
        return
    start = 1 << 31 if offset in (CCMD, IOTLB) else 0
    unit = make_unit()
    unit.write_register(offset, 0xFFFF_FFFF)
    assert unit.read_register(offset, 8) == reset & ~kept | kept & 0xFFFF_FFFF
    unit.write_register(offset + 4, 0xFFFF_FFFF & ~start)
    assert unit.read_register(offset, 8) == reset & ~kept | kept
    assert unit.read_register(offset) == (reset & ~kept | kept) & 0xFFFF_FFFF
    assert unit.read_register(offset + 4) == (reset & ~kept | kept) >> 32
    unit.write_register(offset, 0)
    assert unit.read_register(offset, 8) == reset & ~kept | kept & 0xFFFF_FFFF << 32


def test_two_dword_registers_in_one_8_byte_access():
    """FEADDR and FEUADDR; the specification leaves it undefined, it must do no harm."""
    unit = make_unit()
    unit.write_register(0x40, 0x1234_5600_FEE0_1004, size=8)
    assert unit.read_register(0x40, size=8) == 0x1234_5600_FEE0_1004
    assert unit.read_register(0x44) == 0x1234_5600


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 16])
def test_other_sizes_read_0_and_write_nothing(size):
    unit = make_unit()
    before = snapshot(unit)
    for offset in (0x00, 0x08, GCMD, RTADDR, FECTL, 0x3C):
        assert unit.read_register(offset, size) == 0
        unit.write_register(offset, 0xFFFF_FFFF, size)
    assert snapshot(unit) == before


@pytest.mark.parametrize(
    ("offset", "size"), [(0x01, 4), (0x02, 4), (0x0E, 4), (0x04, 8), (0x0C, 8), (0x24, 8), (0x3D, 4)]
)
def test_misaligned_accesses_read_0_and_write_nothing(offset, size):
    unit = make_unit()
    before = snapshot(unit)
    assert unit.read_register(offset, size) == 0
    unit.write_register(offset, (1 << size * 8) - 1, size)
    assert snapshot(unit) == before


def test_offsets_without_a_register_read_0_and_ignore_writes():
    unit = make_unit()
    free = [offset for offset in range(0, 4096, 4) if offset not in every_dword()]
    assert len(free) > 900
    before = snapshot(unit)
    for offset in [*free, 4096, 0x1_0000]:
        unit.write_register(offset, 0xFFFF_FFFF)
        assert unit.read_register(offset) == 0, f"offset {offset:#x}"
    assert snapshot(unit) == before


def test_gcmd_reads_0():
    unit = make_unit()
    unit.write_register(GCMD, TE | IRE | CFI)
    assert unit.read_register(GCMD) == 0
    assert unit.read_register(GCMD, size=8) == (TE | IRE | CFI) << 32


def test_pmen_keeps_epm_and_shows_prs():
    unit = make_unit()
    unit.write_register(0x64, 0x7FFF_FFFF)
    assert unit.read_register(0x64) == 0
    unit.write_register(0x64, 0xFFFF_FFFF)
    assert unit.read_register(0x64) == 1 << 31 | 1
    unit.write_register(0x64, 0)
    assert unit.read_register(0x64) == 0


@pytest.mark.parametrize("haw", [32, 39, 46, 52])
def test_address_bits_at_and_above_haw_are_not_kept(haw):
    unit = make_unit(haw=haw)
    below = (1 << haw) - 1
    for offset, low_bits in ((RTADDR, 0xC00), (IQA, 0x807), (IRTA, 0x80F)):
        unit.write_register(offset, (1 << 64) - 1, size=8)
        assert unit.read_register(offset, size=8) == below & ~0xFFF | low_bits
    for offset in (0x70, 0x78):
        unit.write_register(offset, (1 << 64) - 1, size=8)
        assert unit.read_register(offset, size=8) == below & ~0x1F_FFFF


def test_protected_memory_alignment_shows_in_the_low_bits():
    unit = make_unit(protected_memory_shift=12)
    for offset in (0x68, 0x6C):
        unit.write_register(offset, 0xFFFF_FFFF)
        assert unit.read_register(offset) == 0xFFFF_F000
    for offset in (0x70, 0x78):
        unit.write_register(offset, (1 << 64) - 1, size=8)
        assert unit.read_register(offset, size=8) == 0x0000_FFFF_FFFF_F000


def test_27_without_eim_upper_message_addresses_and_eime_read_0():
    unit = make_unit(eim=False)
    for offset in (0x44, 0xAC):
        unit.write_register(offset, 0xFFFF_FFFF)
        assert unit.read_register(offset) == 0
    unit.write_register(IRTA, (1 << 64) - 1, size=8)
    assert unit.read_register(IRTA, size=8) == 0x0000_FFFF_FFFF_F00F


def test_27_without_eim_destinations_have_8_bits():
    unit = make_unit(eim=False)
    unit.memory.load(TABLE, bytes(4096))
    place_irte(unit, remapped_irte(destination=0x0500))
    set_interrupt_table(unit, TABLE | EIME)
    command(unit, IRE)
    assert interrupt(unit).message == Message(0xFEE0_5000, 0x4031)


ABSENT = {
    "no low region": ({"plmr": False}, (0x68, 0x6C)),
    "no high region": ({"phmr": False}, (0x70, 0x74, 0x78, 0x7C)),
    "no region": ({"plmr": False, "phmr": False}, (0x64, 0x68, 0x6C, 0x70, 0x74, 0x78, 0x7C)),
    "no ir": ({"ir": False, "eim": False, "pi": False}, (0xB8, 0xBC)),
    "no qi": (
        {"qi": False, "ir": False, "eim": False, "pi": False},
        (*range(0x80, 0x98, 4), 0x9C, 0xA0, 0xA4, 0xA8, 0xAC, 0xB0, 0xB4, 0xB8, 0xBC),
    ),
}


@pytest.mark.parametrize(("config", "offsets"), ABSENT.values(), ids=ABSENT)
def test_27_registers_of_absent_features_read_0_and_ignore_writes(config, offsets):
    unit = make_unit(**config)
    for offset in offsets:
        unit.write_register(offset, 0xFFFF_FFFF)
        assert unit.read_register(offset) == 0, f"offset {offset:#x}"


@pytest.mark.parametrize("config", [{"plmr": False}, {"phmr": False}])
def test_27_pmen_is_there_with_one_region(config):
    unit = make_unit(**config)
    unit.write_register(0x64, 1 << 31)
    assert unit.read_register(0x64) == 1 << 31 | 1


def test_iotlb_registers_stand_at_iro_and_records_at_fro():
    unit = make_unit(iro=0x300, fro=0x400, nfr=2)
    assert unit.read_register(0x10, size=8) >> 8 & 0x3FF == 0x30
    assert unit.read_register(0x08, size=8) >> 24 & 0x3FF == 0x40
    unit.write_register(IOTLB, 0x10 << 32, size=8)
    assert unit.read_register(IOTLB, size=8) == 0
    unit.write_register(0x308, 1 << 63 | 1 << 60 | 0x10 << 32, size=8)
    assert unit.read_register(0x308, size=8) == 1 << 60 | 1 << 57 | 0x10 << 32
    unit.memory.fail(0, 4096)
    command(unit, TE)
    unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.WRITE))
    assert unit.read_register(0x408, size=8) == 1 << 63 | 0x08 << 32 | SOURCE


def test_27_everything_absent_in_ver_cap_ecap():
    unit = Unit(
        UnitConfig(
            version_major=1,
            version_minor=2,
            haw=39,
            nd=2,
            rwbf=True,
            plmr=False,
            phmr=False,
            cm=True,
            sagaw=(39,),
            mgaw=39,
            zlr=False,
            fro=0x400,
            sslps=(),
            psi=False,
            nfr=1,
            mamv=0,
            dwd=False,
            drd=False,
            pi=False,
            esirtps=False,
            esrtps=False,
            c=False,
            qi=False,
            ir=False,
            eim=False,
            pt=False,
            sc=False,
            iro=0x200,
            mhmv=0,
        ),
        Memory(),
    )
    assert unit.read_register(0x00) == 0x12
    assert unit.read_register(0x08, size=8) == 2 | 1 << 4 | 1 << 7 | 1 << 9 | 38 << 16 | 0x40 << 24
    assert unit.read_register(0x10, size=8) == 0x20 << 8


def test_27_adms_eimer_irreq_in_ecap():
    unit = make_unit(adms=True, eimer=True, irreq=True)
    assert unit.read_register(0x10, size=8) == DEFAULT_ECAP | 1 << 52 | 1 << 61 | 1 << 62


LEVELS = {"TE": TE, "QIE": QIE, "IRE": IRE, "CFI": CFI}


@pytest.mark.parametrize("bit", LEVELS.values(), ids=LEVELS)
def test_18_level_controls_show_in_the_status_while_they_are_1(bit):
    unit = make_unit()
    unit.write_register(GCMD, bit)
    assert unit.read_register(GSTS) == bit
    unit.write_register(GCMD, bit)
    assert unit.read_register(GSTS) == bit
    unit.write_register(GCMD, 0)
    assert unit.read_register(GSTS) == 0


@pytest.mark.parametrize("bit", [SRTP, SIRTP], ids=["SRTP", "SIRTP"])
def test_18_1_18_3_one_shot_controls_show_and_stay_when_written_0(bit):
    unit = make_unit()
    unit.write_register(GCMD, bit)
    assert unit.read_register(GSTS) == bit
    unit.write_register(GCMD, 0)
    assert unit.read_register(GSTS) == bit
    unit.write_register(GCMD, bit)
    assert unit.read_register(GSTS) == bit


@pytest.mark.parametrize("rwbf", [False, True])
def test_18_5_write_buffer_flush_is_done_when_read(rwbf):
    unit = make_unit(rwbf=rwbf)
    unit.write_register(GCMD, WBF)
    assert unit.read_register(GSTS) == 0
    assert snapshot(unit)[1:] == snapshot(make_unit(rwbf=rwbf))[1:]


def test_18_6_one_change_on_top_of_the_status_keeps_the_rest():
    unit = make_unit()
    reached = 0
    for bit in (SRTP, TE, SIRTP, IRE, CFI, QIE):
        command(unit, bit)
        reached |= bit
        assert unit.read_register(GSTS) == reached
    uncommand(unit, IRE)
    assert unit.read_register(GSTS) == reached & ~IRE


def test_reserved_bits_of_gcmd_do_nothing():
    unit = make_unit()
    unit.write_register(GCMD, 0x007F_FFFF | 1 << 28 | 1 << 29)
    assert unit.read_register(GSTS) == 0


def test_28_13_all_controls_at_once_are_all_obeyed():
    """From bit 31 down, and never a hang: tables and queue are taken in the same write."""
    unit = make_unit()
    unit.memory.load(TABLE, bytes(4096))
    place_irte(unit, remapped_irte(destination=0x0700))
    unit.memory.load(QUEUE, wait(write=1, status=0x5A, address=0x3000).to_bytes(16, "little"))
    unit.memory.load(0x5000, bytes(4096))
    unit.write_register(RTADDR, 0x5000, size=8)
    unit.write_register(IRTA, TABLE | 7, size=8)
    unit.write_register(IQA, QUEUE, size=8)
    unit.write_register(IQT, 16, size=8)
    unit.write_register(GCMD, 0xFFFF_FFFF)
    assert unit.read_register(GSTS) == TE | SRTP | QIE | IRE | SIRTP | CFI
    assert unit.read_register(IQH, size=8) == 16
    assert unit.memory.read(0x3000, 4) == 0x5A
    assert interrupt(unit).message == Message(0xFEE0_7000, 0x4031)
    assert unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ)).fault_reason == 0x01


def test_28_13_queue_errors_of_a_write_see_the_root_table_of_the_same_write():
    """SRTP (bit 30) comes before QIE (bit 26): the queue starts in reserved table mode, IQEI 7."""
    unit = make_unit()
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    unit.write_register(RTADDR, 2 << 10, size=8)
    unit.write_register(IQA, QUEUE, size=8)
    unit.write_register(IQT, 16, size=8)
    unit.write_register(GCMD, SRTP | QIE)
    assert unit.read_register(0xB0, size=8) & 0xF == 7


def root_fault(unit):
    return unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ)).fault_reason


def test_1_3_18_1_rtaddr_takes_effect_only_with_srtp():
    """Where the root table is: 5000h holds entries that are not present (01h), 9000h cannot be read (08h)."""
    unit = make_unit()
    unit.memory.fail(0x9000, 4096)
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    assert root_fault(unit) == 0x01
    unit.write_register(RTADDR, 0x9000, size=8)
    assert root_fault(unit) == 0x01
    command(unit, CFI)
    assert root_fault(unit) == 0x01
    command(unit, SRTP)
    assert root_fault(unit) == 0x08


def test_1_3_table_mode_takes_effect_only_with_srtp():
    unit = make_unit()
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x5000)
    command(unit, TE)
    unit.write_register(RTADDR, 0x5000 | 3 << 10, size=8)
    assert root_fault(unit) == 0x01
    command(unit, SRTP)
    assert root_fault(unit) == 0x30


def test_18_1_srtp_takes_rtaddr_of_its_moment_also_when_it_was_set_before():
    unit = make_unit()
    unit.memory.fail(0x9000, 4096)
    unit.memory.load(0x5000, bytes(4096))
    set_root_table(unit, 0x9000)
    set_root_table(unit, 0x5000)
    command(unit, TE)
    assert root_fault(unit) == 0x01


def test_18_2_translation_is_off_before_te_and_after_it():
    unit = make_unit()
    unit.memory.fail(0, 4096)
    request = DmaRequest(SOURCE, 0x1234, DmaAccess.READ)
    assert unit.dma(request).address == 0x1234
    command(unit, TE)
    assert unit.dma(request).fault_reason == 0x08
    uncommand(unit, TE)
    assert unit.dma(request).address == 0x1234


def test_18_3_irta_takes_effect_only_with_sirtp():
    """Base, size and EIME: another table, one of two entries, and x2APIC destinations."""
    unit = make_unit()
    unit.memory.load(TABLE, bytes(4096))
    unit.memory.load(TABLE + 4096, bytes(4096))
    place_irte(unit, remapped_irte(destination=0x0500), index=2)
    place_irte(unit, remapped_irte(destination=0x0102_0304), index=0, table=TABLE + 4096)
    set_interrupt_table(unit, TABLE | 7)
    command(unit, IRE)
    unit.write_register(IRTA, TABLE + 4096 | EIME, size=8)
    assert interrupt(unit, 2).message == Message(0xFEE0_5000, 0x4031)
    assert interrupt(unit, 0).fault_reason == 0x22
    command(unit, SIRTP)
    assert interrupt(unit, 2).fault_reason == 0x21
    assert interrupt(unit, 0).message == Message(0x0102_0300_FEE0_4000, 0x4031)


def test_18_3_interrupts_pass_before_ire_and_after_it():
    unit = make_unit()
    unit.memory.fail(TABLE, 4096)
    set_interrupt_table(unit, TABLE)
    passed = Message(0xFEE0_0010, 0)
    assert interrupt(unit).message == passed
    command(unit, IRE)
    assert interrupt(unit).fault_reason == 0x23
    uncommand(unit, IRE)
    assert interrupt(unit).message == passed


def test_18_4_cfi_may_change_while_remapping_is_on():
    unit = make_unit()
    set_interrupt_table(unit, TABLE)
    command(unit, IRE)
    request = InterruptRequest(SOURCE, 0xFEE0_1000, 0x31)
    assert unit.interrupt(request).fault_reason == 0x25
    command(unit, CFI)
    assert unit.interrupt(request).message == Message(0xFEE0_1000, 0x31)
    uncommand(unit, CFI)
    assert unit.interrupt(request).fault_reason == 0x25


def test_16_1_iqa_takes_effect_only_with_qie():
    unit = make_unit()
    unit.memory.load(QUEUE, wait(write=1, status=1, address=0x3000).to_bytes(16, "little"))
    unit.memory.load(QUEUE + 16, wait(write=1, status=2, address=0x3000).to_bytes(16, "little"))
    unit.memory.load(QUEUE + 0x1000, wait(write=1, status=9, address=0x3000).to_bytes(16, "little"))
    unit.write_register(IQA, QUEUE, size=8)
    command(unit, QIE)
    unit.write_register(IQA, QUEUE + 0x1000, size=8)
    unit.write_register(IQT, 16, size=8)
    assert unit.memory.read(0x3000, 4) == 1
    command(unit, QIE)
    unit.write_register(IQT, 32, size=8)
    assert unit.memory.read(0x3000, 4) == 2
    uncommand(unit, QIE)
    unit.write_register(IQT, 0, size=8)
    command(unit, QIE)
    unit.write_register(IQT, 16, size=8)
    assert unit.memory.read(0x3000, 4) == 9


@pytest.mark.parametrize("bit", [SIRTP, IRE, CFI], ids=["SIRTP", "IRE", "CFI"])
def test_27_without_ir_interrupt_controls_do_nothing(bit):
    unit = make_unit(ir=False, eim=False, pi=False)
    unit.write_register(GCMD, bit)
    assert unit.read_register(GSTS) == 0
    assert interrupt(unit).message == Message(0xFEE0_0010, 0)


def test_27_without_qi_queue_enable_does_nothing():
    unit = make_unit(qi=False, ir=False, eim=False, pi=False)
    unit.write_register(GCMD, QIE)
    assert unit.read_register(GSTS) == 0


def test_reset_is_the_power_on_state_and_leaves_memory():
    unit = make_unit()
    fresh = snapshot(unit)
    unit.memory.load(0x5000, bytes(4096))
    unit.write_register(0x38, 0)
    unit.write_register(IVA, 0x7, size=8)
    set_root_table(unit, 0x5000 | 3 << 10)
    set_interrupt_table(unit, TABLE | EIME | 7)
    unit.write_register(GCMD, TE | IRE | QIE | CFI)
    unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ))
    assert unit.messages
    assert unit.read_register(FSTS) == 0b10
    unit.reset()
    assert snapshot(unit) == fresh
    assert unit.messages == []
    assert unit.memory.read(0x5000, 8) == 0
    assert unit.read_register(FECTL) == IM
    unit.memory.fail(0, 4096)
    command(unit, TE)
    assert root_fault(unit) == 0x08  # legacy mode, and a root table at 0, which cannot be read
