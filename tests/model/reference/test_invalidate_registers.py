"""Invalidation by register, rules 15 and 17.

The reference model has no caches: what can be seen of a command is that it is taken or refused, and what is reported.
"""

import pytest

from tests.model.reference.interrupts import (
    CCMD,
    IOTLB,
    IVA,
    TE,
    command,
    make_unit,
    set_root_table,
)
from tests.model.reference.invalidations import ABORT_DMA, DOMAIN, GLOBAL, RESERVED_MODE, SCALABLE, SELECTIVE


def context_command(unit, granularity, fields=0):
    """Write CCMD with ICC = 1 and return what is then read."""
    unit.write_register(CCMD, 1 << 63 | granularity << 61 | fields, size=8)
    return unit.read_register(CCMD, size=8)


def iotlb_command(unit, granularity, fields=0, address=0, offset=IOTLB):
    """Write IVA, then IOTLB with IVT = 1, and return what is then read."""
    unit.write_register(offset - 8, address, size=8)
    unit.write_register(offset, 1 << 63 | granularity << 60 | fields, size=8)
    return unit.read_register(offset, size=8)


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN, SELECTIVE])
def test_17_ccmd_reports_its_granularity_and_clears_icc(granularity):
    """DID stays, SID and FM are write-only."""
    done = context_command(make_unit(), granularity, 0x1234 | 0xABCD << 16 | 3 << 32)
    assert done == granularity << 61 | granularity << 59 | 0x1234


@pytest.mark.parametrize("function_mask", [0, 1, 2, 3])
def test_17_ccmd_takes_every_function_mask(function_mask):
    assert context_command(make_unit(), SELECTIVE, function_mask << 32) == 3 << 61 | 3 << 59


def test_17_ccmd_granularity_00_is_rejected():
    unit = make_unit()
    context_command(unit, GLOBAL)
    assert context_command(unit, 0, 0x77) == 0x77


def test_17_ccmd_without_icc_starts_nothing():
    unit = make_unit()
    unit.write_register(CCMD, GLOBAL << 61, size=8)
    assert unit.read_register(CCMD, size=8) == GLOBAL << 61


def test_17_ccmd_starts_with_the_high_half():
    unit = make_unit()
    unit.write_register(CCMD, 0xFFFF_FFFF)
    assert unit.read_register(CCMD, size=8) == 0xFFFF
    unit.write_register(CCMD + 4, 1 << 31 | DOMAIN << 29)
    assert unit.read_register(CCMD, size=8) == DOMAIN << 61 | DOMAIN << 59 | 0xFFFF
    unit.write_register(CCMD, 0x5)
    assert unit.read_register(CCMD, size=8) == DOMAIN << 61 | DOMAIN << 59 | 0x5


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN, SELECTIVE])
def test_17_iotlb_reports_its_granularity_and_clears_ivt(granularity):
    """DID, DR and DW stay as written."""
    done = iotlb_command(make_unit(), granularity, 0x1234 << 32 | 1 << 48 | 1 << 49)
    assert done == granularity << 60 | granularity << 57 | 0x1234 << 32 | 1 << 48 | 1 << 49


def test_17_iotlb_granularity_00_is_rejected():
    unit = make_unit()
    iotlb_command(unit, GLOBAL)
    assert iotlb_command(unit, 0) == 0


def test_17_iotlb_without_ivt_starts_nothing():
    unit = make_unit()
    unit.write_register(IOTLB, GLOBAL << 60, size=8)
    assert unit.read_register(IOTLB, size=8) == GLOBAL << 60


def test_17_iotlb_starts_with_the_high_half():
    unit = make_unit()
    unit.write_register(IOTLB, 0xFFFF_FFFF)
    assert unit.read_register(IOTLB, size=8) == 0
    unit.write_register(IOTLB + 4, 1 << 31 | DOMAIN << 28 | 0x42)
    assert unit.read_register(IOTLB, size=8) == DOMAIN << 60 | DOMAIN << 57 | 0x42 << 32
    unit.write_register(IOTLB, 0)
    assert unit.read_register(IOTLB, size=8) == DOMAIN << 60 | DOMAIN << 57 | 0x42 << 32


def test_17_iva_and_iotlb_in_halves():
    unit = make_unit(mamv=4)
    unit.write_register(IVA, 0x1000 | 5)
    unit.write_register(IVA + 4, 0x1)
    unit.write_register(IOTLB + 4, 1 << 31 | SELECTIVE << 28)
    assert unit.read_register(IOTLB, size=8) == SELECTIVE << 60


@pytest.mark.parametrize("mamv", [0, 9, 18, 63])
def test_15_1_iotlb_address_mask_up_to_mamv(mamv):
    unit = make_unit(mamv=mamv)
    assert iotlb_command(unit, SELECTIVE, address=0x7654_3000 | mamv) == 3 << 60 | 3 << 57
    if mamv < 63:
        assert iotlb_command(unit, SELECTIVE, address=0x7654_3000 | mamv + 1) == 3 << 60


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN])
def test_15_1_address_mask_matters_only_with_page_granularity(granularity):
    done = iotlb_command(make_unit(mamv=0), granularity, address=63)
    assert done == granularity << 60 | granularity << 57


@pytest.mark.parametrize("hint", [0, 1])
def test_15_iotlb_takes_the_invalidation_hint(hint):
    assert iotlb_command(make_unit(), SELECTIVE, address=0x1000 | hint << 6) == 3 << 60 | 3 << 57


def test_17_without_psi_pages_are_done_as_the_domain():
    """A coarser granularity may always be executed, and is then reported; AM counts for nothing then."""
    unit = make_unit(psi=False)
    for address_mask in (0, 63):
        assert iotlb_command(unit, SELECTIVE, address=address_mask) in (3 << 60 | 2 << 57, 3 << 60 | 1 << 57)


@pytest.mark.parametrize("version", [6, 7, 8, 15])
def test_2_and_17_from_version_6_on_registers_reject(version):
    unit = make_unit(version_major=version, sagaw=())
    for granularity in (GLOBAL, DOMAIN, SELECTIVE):
        assert context_command(unit, granularity) == granularity << 61
        assert iotlb_command(unit, granularity) == granularity << 60


@pytest.mark.parametrize("version", [1, 2, 5])
def test_2_and_17_up_to_version_5_registers_work(version):
    unit = make_unit(version_major=version)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


@pytest.mark.parametrize("mode", [SCALABLE, RESERVED_MODE, ABORT_DMA], ids=["scalable", "reserved", "abort"])
@pytest.mark.parametrize("adms", [False, True])
def test_17_outside_legacy_mode_registers_reject(mode, adms):
    unit = make_unit(adms=adms)
    unit.write_register(0x20, mode, size=8)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59  # not yet in force
    set_root_table(unit, mode)
    for granularity in (GLOBAL, DOMAIN, SELECTIVE):
        assert context_command(unit, granularity) == granularity << 61
        assert iotlb_command(unit, granularity) == granularity << 60
    set_root_table(unit, 0)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


def test_17_registers_work_whatever_te_is():
    unit = make_unit()
    command(unit, TE)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


def test_17_registers_work_without_a_queue():
    unit = make_unit(qi=False, ir=False, eim=False, pi=False)
    assert context_command(unit, DOMAIN, 0x5) == 2 << 61 | 2 << 59 | 0x5
    assert iotlb_command(unit, SELECTIVE, address=0x1000) == 3 << 60 | 3 << 57
