"""Mapped pages of every size behind tables of every width, and what can be wrong with them."""

import pytest

from model.reference import AddressType, DmaAccess
from tests.model.reference.tables import MappedPage, R, W, put, set_root_table

READ, WRITE, ATOMIC = DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC
ZERO_LENGTH_READ, PAGE_REQUEST = DmaAccess.ZERO_LENGTH_READ, DmaAccess.PAGE_REQUEST
TRANSLATION_REQUEST, TRANSLATED = AddressType.TRANSLATION_REQUEST, AddressType.TRANSLATED

MEMORY_ACCESSES = [READ, WRITE, ATOMIC, ZERO_LENGTH_READ]
WIDTHS = [39, 48, 57]
PAGE_SHIFTS = [12, 21, 30]
HAWS = [32, 39, 48, 51, 52]
IOVA = 0x12_3456_7000

# Entries from the top level down, by width of the second-stage tables and size of the page.
PATHS = {
    (39, 12): ["PDPE", "PDE", "PTE"],
    (39, 21): ["PDPE", "PDE"],
    (39, 30): ["PDPE"],
    (48, 12): ["PML4E", "PDPE", "PDE", "PTE"],
    (48, 21): ["PML4E", "PDPE", "PDE"],
    (48, 30): ["PML4E", "PDPE"],
    (57, 12): ["PML5E", "PML4E", "PDPE", "PDE", "PTE"],
    (57, 21): ["PML5E", "PML4E", "PDPE", "PDE"],
    (57, 30): ["PML5E", "PML4E", "PDPE"],
}
ENTRIES = [(width, shift, entry) for (width, shift), path in PATHS.items() for entry in path]

every_path = pytest.mark.parametrize(("width", "page_shift"), PATHS)
every_entry = pytest.mark.parametrize(("width", "page_shift", "entry"), ENTRIES)
every_access = pytest.mark.parametrize("access", MEMORY_ACCESSES)


def mapped_page(width: int = 48, page_shift: int = 12, *, page: int = 0x4000_0000, **rest) -> MappedPage:
    """Return a mapped page of this size; the default page is aligned to every size."""
    return MappedPage(iova=rest.pop("iova", IOVA), page=page, width=width, page_shift=page_shift, **rest)


def replace_context(mapped: MappedPage, entry: int) -> None:
    """Store another context-entry."""
    put(mapped.memory, mapped.places["context"][0], entry, 16)


def _missing_everything(mapped: MappedPage) -> None:
    mapped.clear("PTE", R | W)


def _set_table_mode(mode: int):
    return lambda mapped: set_root_table(mapped.unit, mode=mode)


def _translation_type(value: int):
    return lambda mapped: mapped.set("context", value << 2)


# Condition -> (what is wrong with the tables, the request that meets it, configuration).
CAUSES = {
    "LRT.1": (lambda mapped: mapped.fail("root"), {}, {}),
    "LRT.2": (lambda mapped: mapped.clear("root", 1), {}, {}),
    "LRT.3": (lambda mapped: mapped.set("root", 1 << 1), {}, {}),
    "LCT.1": (lambda mapped: mapped.fail("context"), {}, {}),
    "LCT.2": (lambda mapped: mapped.clear("context", 1), {}, {}),
    "LCT.3": (lambda mapped: mapped.set("context", 1 << 4), {}, {}),
    "LCT.4.1": (lambda mapped: mapped.set("context", 4 << 64), {}, {}),
    "LCT.4.2": (_translation_type(3), {}, {}),
    "LCT.4.3": (lambda mapped: mapped.fail("PML4E"), {}, {}),
    "LCT.5": (lambda mapped: None, {"address_type": TRANSLATED}, {}),
    "LSS.1": (lambda mapped: mapped.fail("PTE"), {}, {}),
    "LSS.2": (lambda mapped: mapped.set("PDE", 1 << 11), {}, {}),
    "LGN.1.1": (lambda mapped: None, {"address": 1 << 48}, {}),
    "LGN.1.3": (_translation_type(2), {"address": 1 << 48}, {}),
    "LGN.2": (_missing_everything, {"access": WRITE}, {}),
    "LGN.3": (_missing_everything, {"access": READ}, {}),
    "LGN.4": (lambda mapped: put(mapped.memory, mapped.places["PTE"][0], 0xFEE00000 | R | W), {}, {}),
    "RTA.1.1": (_set_table_mode(3), {}, {}),
    "RTA.1.2": (_set_table_mode(2), {}, {}),
    "RTA.1.3": (_set_table_mode(1), {}, {}),
    "RTA.2": (lambda mapped: None, {"pasid": 0xABCDE}, {}),
    "RTA.3": (lambda mapped: None, {"access": PAGE_REQUEST}, {}),
    "RTA.4": (_set_table_mode(3), {}, {"adms": True}),
}
