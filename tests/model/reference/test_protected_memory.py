"""Rules 21: protected memory regions."""

import pytest

from model.reference import DmaAccess, DmaRequest, DmaResult, Refusal
from tests.model.reference.conditions import assert_fault, assert_not_recorded, assert_recorded
from tests.model.reference.tables import SOURCE_ID, TE, MappedPage, control

MEMORY_ACCESSES = [DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC, DmaAccess.ZERO_LENGTH_READ]
PROTECTED = DmaResult(refusal=Refusal.PROTECTED_MEMORY)

PMEN, PLMBASE, PLMLIMIT, PHMBASE, PHMLIMIT = 0x64, 0x68, 0x6C, 0x70, 0x78

LOW = (0x0400_0000, 0x07E0_0000)  # in units of 2 MiB: the last byte is 0x07FF_FFFF
HIGH = (0x12_0000_0000, 0x12_3FE0_0000)  # the last byte is 0x12_3FFF_FFFF
NOWHERE = (0xFFE0_0000, 0)  # limit below base


def protect(mapped: MappedPage, *, low: tuple[int, int] = NOWHERE, high: tuple[int, int] = NOWHERE) -> None:
    """Write base and limit of both regions and enable them."""
    write = mapped.unit.write_register
    write(PLMBASE, low[0])
    write(PLMLIMIT, low[1])
    write(PHMBASE, high[0], size=8)
    write(PHMLIMIT, high[1], size=8)
    write(PMEN, 1 << 31)


def passing_through(**config) -> MappedPage:
    """Return a unit behind which a device reaches every address unchanged."""
    return MappedPage(translation_type=2, **config)


# First and last byte of each region, and the bytes beside them.
EDGES = [
    (0x03FF_FFFF, True),
    (0x0400_0000, False),
    (0x07FF_FFFF, False),
    (0x0800_0000, True),
    (0x11_FFFF_FFFF, True),
    (0x12_0000_0000, False),
    (0x12_3FFF_FFFF, False),
    (0x12_4000_0000, True),
]


@pytest.mark.parametrize(("address", "permitted"), EDGES)
@pytest.mark.parametrize("access", MEMORY_ACCESSES)
def test_21_1_edges_of_both_regions(access, address, permitted):
    mapped = passing_through()
    protect(mapped, low=LOW, high=HIGH)
    result = mapped.dma(access, address)
    assert result == PROTECTED if not permitted else result.address == address
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize(("address", "permitted"), EDGES)
def test_21_2_regions_are_protected_with_translation_off(address, permitted):
    mapped = MappedPage()
    control(mapped.unit, TE, False)
    protect(mapped, low=LOW, high=HIGH)
    result = mapped.dma(DmaAccess.WRITE, address)
    assert result == PROTECTED if not permitted else result.address == address
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize(("address", "permitted"), EDGES)
@pytest.mark.parametrize("translation", [False, True])
def test_21_1_nothing_is_protected_without_epm(translation, address, permitted):
    mapped = passing_through()
    control(mapped.unit, TE, translation)
    protect(mapped, low=LOW, high=HIGH)
    mapped.unit.write_register(PMEN, 0)
    assert mapped.dma(address=address).address == address


@pytest.mark.parametrize(("page", "permitted"), [(address & ~0xFFF, permitted) for address, permitted in EDGES])
def test_21_1_3_2_addresses_compared_are_host_physical(page, permitted):
    mapped = MappedPage(page=page)
    protect(mapped, low=LOW, high=HIGH)
    result = mapped.dma(address=mapped.iova + 0xFFF)
    assert result == PROTECTED if not permitted else result.address == page + 0xFFF
    assert_not_recorded(mapped.unit)


def test_21_1_guest_addresses_are_not_compared():
    mapped = MappedPage(iova=0x0400_0000, page=0x0900_0000)
    protect(mapped, low=LOW)
    assert mapped.dma().address == 0x0900_0000


@pytest.mark.parametrize("version", [2, 5])
@pytest.mark.parametrize("translation", [False, True])
@pytest.mark.parametrize("translation_type", [0, 2])
def test_21_2_version_2_blocks_every_dma(version, translation, translation_type):
    mapped = MappedPage(iova=0x0500_0000, page=0x0500_0000, translation_type=translation_type, version_major=version)
    control(mapped.unit, TE, translation)
    assert mapped.dma().address == 0x0500_0000
    protect(mapped, low=LOW)
    assert mapped.dma() == PROTECTED
    assert_not_recorded(mapped.unit)


@pytest.mark.parametrize(("translation", "translation_type"), [(False, 0), (True, 2)])
def test_21_2_older_unit_blocks_what_is_not_remapped(translation, translation_type):
    mapped = MappedPage(iova=0x0500_0000, page=0x0500_0000, translation_type=translation_type, version_major=1)
    control(mapped.unit, TE, translation)
    protect(mapped, low=LOW)
    assert mapped.dma() == PROTECTED


@pytest.mark.parametrize(
    ("region", "address"), [("low", 0x0400_0000), ("high", 0x12_0000_0000)], ids=["low region", "high region"]
)
def test_21_1_limit_below_base_disables_a_region(region, address):
    mapped = passing_through()
    protect(mapped, **{region: (address, address - 0x20_0000)})
    for inside in (address - 0x20_0000, address - 1, address, address + 0x1F_FFFF):
        assert mapped.dma(address=inside).address == inside


@pytest.mark.parametrize("shift", [12, 20, 21, 31])
@pytest.mark.parametrize("region", ["low", "high"])
def test_21_1_limit_equal_to_base_is_one_unit_of_alignment(region, shift):
    base = 0x8000_0000 if region == "low" else 0x12_8000_0000
    mapped = passing_through(protected_memory_shift=shift)
    protect(mapped, **{region: (base, base)})
    last = base + (1 << shift) - 1
    assert mapped.dma(address=base) == PROTECTED
    assert mapped.dma(address=last) == PROTECTED
    assert mapped.dma(address=base - 1).address == base - 1
    assert mapped.dma(address=last + 1).address == last + 1


def test_21_1_low_bits_are_0_in_the_base_and_1_in_the_limit():
    mapped = passing_through()
    protect(mapped, low=(0x041F_FFFF, 0x0600_0001), high=(0x12_001F_FFFF, 0x12_0200_0001))
    read = mapped.unit.read_register
    assert (read(PLMBASE), read(PLMLIMIT)) == (0x0400_0000, 0x0600_0000)
    assert (read(PHMBASE, 8), read(PHMLIMIT, 8)) == (0x12_0000_0000, 0x12_0200_0000)
    for first, last in ((0x0400_0000, 0x061F_FFFF), (0x12_0000_0000, 0x12_021F_FFFF)):
        assert mapped.dma(address=first - 1).permitted
        assert mapped.dma(address=first) == PROTECTED
        assert mapped.dma(address=last) == PROTECTED
        assert mapped.dma(address=last + 1).permitted


def test_21_1_first_and_last_byte_below_4_gib():
    mapped = passing_through()
    protect(mapped, low=(0, 0xFFE0_0000))
    assert mapped.dma(address=0) == PROTECTED
    assert mapped.dma(address=0xFFFF_FFFF) == PROTECTED
    assert mapped.dma(address=0x1_0000_0000).permitted


@pytest.mark.parametrize("haw", [39, 48, 52])
def test_21_1_high_region_reaches_the_host_address_width(haw):
    mapped = passing_through(haw=haw)
    top = 1 << haw
    protect(mapped, high=(top - 0x20_0000, 0xFFFF_FFFF_FFFF_FFFF))
    assert mapped.dma(address=top - 1) == PROTECTED
    assert mapped.dma(address=top - 0x20_0000) == PROTECTED
    assert mapped.dma(address=top - 0x20_0001).permitted
    assert mapped.unit.read_register(PHMLIMIT, 8) == top - 0x20_0000, "bits at and above HAW are not there"


def test_21_1_high_region_may_lie_below_4_gib():
    mapped = passing_through()
    protect(mapped, high=(0x0400_0000, 0x0400_0000))
    assert mapped.dma(address=0x0400_0000) == PROTECTED


@pytest.mark.parametrize(("size", "permitted"), [(1, True), (0x10, True), (0x11, False), (0x800, False)])
def test_21_2_request_that_touches_a_region_with_any_byte(size, permitted):
    mapped = passing_through(protected_memory_shift=12)
    protect(mapped, low=(0x0400_0000, 0x0400_0000))
    request = DmaRequest(SOURCE_ID, 0x0400_0000 - 0x10, DmaAccess.WRITE, size=size)
    assert mapped.unit.dma(request).permitted is permitted
    above = DmaRequest(SOURCE_ID, 0x0400_0FFF, DmaAccess.WRITE, size=size)
    assert mapped.unit.dma(above) == PROTECTED


@pytest.mark.parametrize("place", ["root", "context", "PML4E", "PDPE", "PDE", "PTE"])
def test_21_2_table_reads_are_not_checked(place):
    mapped = MappedPage()
    table = mapped.places[place][0] & ~0xFFF
    mapped.unit.write_register(PMEN, 0)
    protect(mapped, low=(table & ~0x1F_FFFF, table & ~0x1F_FFFF))
    assert mapped.dma().address == mapped.page


@pytest.mark.parametrize(
    ("damage", "condition"), [("root", "LRT.1"), ("context", "LCT.1"), ("PML4E", "LCT.4.3"), ("PTE", "LSS.1")]
)
def test_21_2_translation_fault_comes_before_protection(damage, condition):
    mapped = MappedPage(page=0x0500_0000)
    protect(mapped, low=LOW)
    mapped.fail(damage)
    assert_fault(mapped.dma(), condition)
    assert_recorded(mapped.unit, condition, mapped.iova)


def test_21_3_status_follows_enable():
    mapped = MappedPage()
    assert mapped.unit.read_register(PMEN) == 0
    mapped.unit.write_register(PMEN, 1 << 31)
    assert mapped.unit.read_register(PMEN) == 1 << 31 | 1
    mapped.unit.write_register(PMEN, 1)  # PRS itself is read-only
    assert mapped.unit.read_register(PMEN) == 0


@pytest.mark.parametrize(("plmr", "phmr"), [(True, False), (False, True), (False, False)])
def test_21_3_region_that_is_not_supported(plmr, phmr):
    mapped = passing_through(plmr=plmr, phmr=phmr)
    protect(mapped, low=LOW, high=HIGH)
    read = mapped.unit.read_register
    assert (read(PLMBASE), read(PLMLIMIT)) == (LOW if plmr else (0, 0))
    assert (read(PHMBASE, 8), read(PHMLIMIT, 8)) == (HIGH if phmr else (0, 0))
    assert read(PMEN) == (1 << 31 | 1 if plmr or phmr else 0)
    assert mapped.dma(address=LOW[0]).permitted is not plmr
    assert mapped.dma(address=HIGH[0]).permitted is not phmr
