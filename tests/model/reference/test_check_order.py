"""Rules 4 in their order, and 28.11: two conditions at once in legacy mode, of which one is recorded."""

from itertools import pairwise

import pytest

from model.reference import AddressType
from tests.model.reference.conditions import assert_fault, assert_recorded
from tests.model.reference.mapped_pages import (
    ATOMIC,
    CAUSES,
    IOVA,
    READ,
    TRANSLATED,
    WRITE,
    every_entry,
    mapped_page,
)
from tests.model.reference.tables import R, W

# The conditions of one untranslated read in the order in which they are met. Each, together with all that follow.
ORDER = ["RTA.2", "LRT.1", "LRT.3", "LCT.1", "LCT.3", "LCT.4.1", "LCT.4.2"]


@pytest.mark.parametrize(("first", "second"), list(pairwise(ORDER)))
def test_28_11_order_of_checks_before_the_walk(first, second):
    mapped = mapped_page()
    request = {}
    for condition in (second, first):
        damage, part, _ = CAUSES[condition]
        damage(mapped)
        request |= part
    assert_fault(mapped.dma(**request), first)


@pytest.mark.parametrize(("condition", "address"), [("LCT.3", 1 << 48), ("LCT.4.1", 1 << 57), ("LCT.4.2", 1 << 57)])
@pytest.mark.parametrize("address_type", list(AddressType)[:3])
def test_4_3_context_entry_before_request_type_and_address(condition, address, address_type):
    mapped = mapped_page()
    CAUSES[condition][0](mapped)
    assert_fault(mapped.dma(address=address, address_type=address_type), condition)


def test_4_4_before_4_6_and_4_7():
    for translation_type in (0, 2):
        mapped = mapped_page(translation_type=translation_type)
        assert_fault(mapped.dma(address=1 << 60, address_type=TRANSLATED), "LCT.5")


def test_4_7_address_width_before_the_walk():
    mapped = mapped_page()
    mapped.fail("PML4E")
    assert_fault(mapped.dma(address=1 << 48 | IOVA), "LGN.1.1")


@pytest.mark.parametrize("access", [READ, WRITE, ATOMIC])
@pytest.mark.parametrize(("damage", "condition"), [("fail", "LSS.1"), ("reserved", "LSS.2")])
@pytest.mark.parametrize("upper", ["PML4E", "PDPE", "PDE"])
def test_28_11_missing_permission_above_a_deeper_structural_fault(upper, damage, condition, access):
    mapped = mapped_page()
    mapped.clear(upper, R if access is READ else W)
    if damage == "fail":
        mapped.fail("PTE")
    else:
        mapped.set("PTE", 1 << 62)
    assert_fault(mapped.dma(access), condition)


@pytest.mark.parametrize(
    ("access", "lower", "condition"),
    [(READ, R | W, "LGN.3"), (WRITE, R | W, "LGN.2"), (ATOMIC, R, "LGN.2"), (ATOMIC, W, "LGN.3")],
)
def test_28_11_missing_permission_before_the_interrupt_range(access, lower, condition):
    mapped = mapped_page(page=0xFEE00000, permissions=lower)
    if lower == R | W:
        mapped.clear("PDE", R if access is READ else W)
    assert_fault(mapped.dma(access), condition)


@every_entry
def test_28_11_atomic_without_any_permission(width, page_shift, entry):
    mapped = mapped_page(width, page_shift)
    mapped.clear(entry, R | W)
    assert_fault(mapped.dma(ATOMIC), "LGN.2")
    assert_recorded(mapped.unit, "LGN.2", IOVA, ATOMIC)


def test_28_11_reserved_bits_before_missing_permission_of_the_same_entry():
    mapped = mapped_page(permissions=R)
    mapped.set("PTE", 1 << 62)
    assert_fault(mapped.dma(WRITE), "LSS.2")
