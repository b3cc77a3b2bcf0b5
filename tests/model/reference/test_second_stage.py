"""Rules 4.7, 6 and 9: the walk of second-stage tables, what it permits, and where it leads, each rule by its number."""

import pytest

from model.reference import DmaAccess
from tests.model.reference.conditions import assert_fault, assert_recorded
from tests.model.reference.mapped_pages import (
    ATOMIC,
    HAWS,
    IOVA,
    MEMORY_ACCESSES,
    PAGE_SHIFTS,
    PATHS,
    READ,
    WIDTHS,
    WRITE,
    ZERO_LENGTH_READ,
    every_access,
    every_entry,
    every_path,
    mapped_page,
)
from tests.model.reference.tables import SNP, R, W, put

# Rules 4.7, 6.3: memory errors


@every_access
@every_entry
def test_4_7_read_error_at_every_level(width, page_shift, entry, access):
    mapped = mapped_page(width, page_shift)
    mapped.fail(entry)
    condition = "LCT.4.3" if entry == PATHS[width, page_shift][0] else "LSS.1"
    assert_fault(mapped.dma(access), condition)
    assert_recorded(mapped.unit, condition, IOVA, access)


# Rules 4.7, 6.3, 6.4, 3.9: permissions

# Permissions -> condition by access; the last two are a zero-length read with CAP.ZLR = 0 and 1.
REFUSALS = {
    0: {READ: "LGN.3", WRITE: "LGN.2", ATOMIC: "LGN.2", "ZLR=0": "LGN.3", "ZLR=1": "LGN.3"},
    R: {READ: None, WRITE: "LGN.2", ATOMIC: "LGN.2", "ZLR=0": None, "ZLR=1": None},
    W: {READ: "LGN.3", WRITE: None, ATOMIC: "LGN.3", "ZLR=0": "LGN.3", "ZLR=1": None},
    R | W: {READ: None, WRITE: None, ATOMIC: None, "ZLR=0": None, "ZLR=1": None},
}
every_refusal = pytest.mark.parametrize(
    ("permissions", "access", "condition"),
    [(permissions, access, condition) for permissions, row in REFUSALS.items() for access, condition in row.items()],
)


def ask(mapped_with, access):
    """Build with CAP.ZLR as the access says, then ask; return mapped page and result."""
    zlr = access != "ZLR=0"
    mapped = mapped_with(zlr=zlr)
    return mapped, mapped.dma(access if isinstance(access, DmaAccess) else ZERO_LENGTH_READ)


@every_refusal
@every_entry
def test_4_7_6_4_3_9_permissions_of_every_level(width, page_shift, entry, permissions, access, condition):
    def build(zlr):
        mapped = mapped_page(width, page_shift, zlr=zlr)
        mapped.clear(entry, R | W)
        mapped.set(entry, permissions)
        return mapped

    mapped, result = ask(build, access)
    if condition is not None:
        assert_fault(result, condition)
        return
    offset = IOVA & (1 << page_shift) - 1
    assert result.address == mapped.page + offset
    assert (result.read, result.write) == (bool(permissions & R), bool(permissions & W))


@every_refusal
def test_6_4_permissions_accumulate_over_levels(permissions, access, condition):
    """Read is taken away at one level, write at another."""

    def build(zlr):
        mapped = mapped_page(zlr=zlr)
        mapped.clear("PML4E", 0 if permissions & R else R)
        mapped.clear("PDE", 0 if permissions & W else W)
        return mapped

    _, result = ask(build, access)
    if condition is None:
        assert (result.read, result.write) == (bool(permissions & R), bool(permissions & W))
    else:
        assert_fault(result, condition)


def test_6_3_entry_without_permissions_stops_the_walk():
    """R = W = 0 is not present: nothing else of the entry counts, and nothing below it is read."""
    for entry, below in (("PML4E", "PDPE"), ("PDPE", "PDE"), ("PDE", "PTE")):
        mapped = mapped_page()
        mapped.clear(entry, R | W)
        mapped.fail(below)
        assert_fault(mapped.dma(READ), "LGN.3")


@every_entry
def test_6_3_reserved_bits_of_an_entry_without_permissions_are_not_checked(width, page_shift, entry):
    mapped = mapped_page(width, page_shift, haw=40, sc=False)
    put(mapped.memory, mapped.places[entry][0], (1 << 64) - 1 & ~(R | W))
    assert_fault(mapped.dma(READ), "LGN.3")


# Rules 6.1: index bits


@every_entry
def test_6_1_index_bits(width, page_shift, entry):
    """Each of the nine bits selects another entry of the table."""
    shift = {"PTE": 12, "PDE": 21, "PDPE": 30, "PML4E": 39, "PML5E": 48}[entry]
    mapped = mapped_page(width, page_shift)
    value, at = mapped.value(entry), mapped.places[entry][0]
    for bit in range(9):
        address = IOVA ^ 1 << shift + bit
        assert_fault(mapped.dma(address=address), "LGN.3")
        put(mapped.memory, at ^ 8 << bit, value)
        assert mapped.dma(address=address).permitted
        put(mapped.memory, at ^ 8 << bit, 0)


# Rules 6.2, 6.3: bits of the entries


def _form(page_shift: int, entry: str, leaf: str) -> str:
    return f"{entry}_page" if entry == leaf and page_shift > 12 else entry


# Form of entry -> bits that are always reserved, bits that are always ignored (address bits and R, W, PS apart).
IGNORED = [2, 3, 4, 5, 6, 8, 9, 10, *range(52, 62), 63]
BITS = {
    "PML5E": ([7, 11, 62], IGNORED),
    "PML4E": ([7, 11, 62], IGNORED),
    "PDPE": ([11, 62], IGNORED),
    "PDE": ([11, 62], IGNORED),
    "PDPE_page": ([*range(12, 30), 62], IGNORED),
    "PDE_page": ([*range(12, 21), 62], IGNORED),
    "PTE": ([62], [*IGNORED, 7]),
}


@every_entry
def test_6_3_reserved_bits_of_every_form(width, page_shift, entry):
    path = PATHS[width, page_shift]
    for bit in BITS[_form(page_shift, entry, path[-1])][0]:
        for permissions in (R, W, R | W):
            mapped = mapped_page(width, page_shift)
            mapped.clear(entry, R | W)
            mapped.set(entry, 1 << bit | permissions)
            assert_fault(mapped.dma(WRITE if permissions == W else READ), "LSS.2")


@every_entry
def test_6_2_6_3_4_8_ignored_bits_of_every_form(width, page_shift, entry):
    """Among them accessed and dirty, whatever they are, and IR (bit 61) without SSIRWE."""
    path = PATHS[width, page_shift]
    mapped = mapped_page(width, page_shift)
    expected = mapped.dma(ATOMIC)
    assert expected.permitted
    for bit in BITS[_form(page_shift, entry, path[-1])][1]:
        mapped = mapped_page(width, page_shift)
        mapped.set(entry, 1 << bit)
        assert mapped.dma(ATOMIC) == expected, f"bit {bit}"


@pytest.mark.parametrize("haw", HAWS)
@every_entry
def test_6_3_11_2_address_bits_at_and_above_the_host_address_width(width, page_shift, entry, haw):
    for bit in {haw, 51} if haw < 52 else ():
        mapped = mapped_page(width, page_shift, haw=haw)
        mapped.set(entry, 1 << bit)
        assert_fault(mapped.dma(), "LSS.2")
    mapped = mapped_page(width, page_shift, haw=haw)
    mapped.set(entry, 1 << haw - 1)
    path = PATHS[width, page_shift]
    if entry == path[-1]:
        assert mapped.dma().address == 1 << haw - 1 | mapped.page | IOVA & (1 << page_shift) - 1
    else:
        below = path[path.index(entry) + 1]
        mapped.memory.fail(mapped.places[below][0] | 1 << haw - 1, 8)
        assert_fault(mapped.dma(), "LSS.1")


@pytest.mark.parametrize(
    ("sslps", "permitted"), [((), set()), ((21,), {21}), ((21, 30), {21, 30})], ids=["none", "2M", "2M and 1G"]
)
@pytest.mark.parametrize("page_shift", [21, 30])
@pytest.mark.parametrize("width", WIDTHS)
def test_6_3_large_pages_that_are_not_supported(width, page_shift, sslps, permitted):
    mapped = mapped_page(width, page_shift, sslps=sslps)
    if page_shift in permitted:
        assert mapped.dma().page_shift == page_shift
    else:
        assert_fault(mapped.dma(), "LSS.2")


@pytest.mark.parametrize("sc", [False, True])
@every_path
def test_6_3_6_5_10_2_snoop_bit_of_a_leaf(width, page_shift, sc):
    mapped = mapped_page(width, page_shift, sc=sc)
    assert mapped.dma().snoop is False
    mapped.set(PATHS[width, page_shift][-1], SNP)
    if sc:
        assert mapped.dma().snoop is True
    else:
        assert_fault(mapped.dma(), "LSS.2")


# Rules 6.5, 9.2: the result


@every_access
@every_path
def test_6_5_9_2_first_and_last_byte_of_every_page_size(width, page_shift, access):
    size = 1 << page_shift
    mapped = mapped_page(width, page_shift, iova=0x55_5555_5555 & ~(size - 1), page=0xAAAA_AAAA_AAAA & ~(size - 1))
    for offset in (0, 1, 0x123, size - 1):
        result = mapped.dma(access, mapped.iova + offset)
        assert result.permitted
        assert (result.address, result.page_shift) == (mapped.page + offset, page_shift)
        assert (result.read, result.write, result.snoop) == (True, True, False)
    for address in (mapped.iova - 1, mapped.iova + size):
        assert not mapped.dma(access, address).permitted


@pytest.mark.parametrize("page_shift", PAGE_SHIFTS)
@pytest.mark.parametrize("width", WIDTHS)
def test_6_1_first_and_last_page_of_the_tables(width, page_shift):
    size = 1 << page_shift
    for iova in (0, (1 << width) - size):
        mapped = mapped_page(width, page_shift, iova=iova)
        assert mapped.dma(address=iova).address == mapped.page
        assert mapped.dma(address=iova + size - 1).address == mapped.page + size - 1


# Rules 4.7, 3.5: output in the interrupt range


@every_access
@pytest.mark.parametrize(
    ("page", "page_shift", "offset", "inside"),
    [
        (0xFEDFF000, 12, 0xFFF, False),
        (0xFEE00000, 12, 0, True),
        (0xFEE00000, 12, 0xFFF, True),
        (0xFEEFF000, 12, 0xFFF, True),
        (0xFEF00000, 12, 0, False),
        (0x1_FEE00000, 12, 0, False),
        (0xFEE00000, 21, 0, True),
        (0xFEE00000, 21, 0xFFFFF, True),
        (0xFEE00000, 21, 0x100000, False),
        (0xFEC00000, 21, 0x1FFFFF, False),
        (0xC0000000, 30, 0x3EDFFFFF, False),
        (0xC0000000, 30, 0x3EE00000, True),
        (0xC0000000, 30, 0x3EEFFFFF, True),
        (0xC0000000, 30, 0x3EF00000, False),
    ],
)
def test_4_7_output_in_the_interrupt_range(page, page_shift, offset, inside, access):
    """The output address counts, not the page: a large page may reach over the range."""
    mapped = mapped_page(48, page_shift, iova=0x40_0000_0000, page=page)
    result = mapped.dma(access, mapped.iova + offset)
    if inside:
        assert_fault(result, "LGN.4")
        assert_recorded(mapped.unit, "LGN.4", mapped.iova + offset, access)
    else:
        assert result.address == page + offset


# Rules 4.8


@pytest.mark.parametrize("bits", [0, 1 << 8, 1 << 9, 1 << 8 | 1 << 9])
@every_path
def test_4_8_accessed_and_dirty_are_never_touched(width, page_shift, bits):
    mapped = mapped_page(width, page_shift)
    for place in PATHS[width, page_shift]:
        mapped.set(place, bits)
    before = {place: mapped.value(place) for place in mapped.places}
    for access in MEMORY_ACCESSES:
        assert mapped.dma(access).permitted
    assert {place: mapped.value(place) for place in mapped.places} == before
