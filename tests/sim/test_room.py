"""Slices that stay empty for the wires: which ones, and for which units."""

import re

import pytest

from sim.devices import DEVICES
from sim.room import add_blockers, blocked_sites

GRID = DEVICES["LFE5U-85F"].grid
TILES_WITH_ROOM = 15_252 // 2  # in three rows of four, without those of block RAMs


def places(sites):
    """Return column, row and slice of each site."""
    found = [re.fullmatch(r"X(\d+)/Y(\d+)/SLICE([A-D])\.K[01]", site) for site in sites]
    return [(int(place[1]), int(place[2]), place[3]) for place in found]


@pytest.mark.parametrize(("kind", "sites"), [("CCU2C", 2), ("TRELLIS_DPR16X4", 6), ("TRELLIS_FF", 0)])
def test_sites_of_a_unit(kind, sites):
    """One more LUT is one too many for the largest unit with room."""
    largest = 57_514
    assert blocked_sites(GRID, {"LUT4": largest - 100 * sites, kind: 100})
    assert not blocked_sites(GRID, {"LUT4": largest + 1 - 100 * sites, kind: 100})


@pytest.mark.parametrize(
    ("luts", "slices"),
    [(0, "D"), (25_000, "D"), (26_000, "CD"), (42_000, "CD"), (43_000, "D"), (57_000, "D"), (58_000, ""), (90_000, "")],
)
def test_room_by_size(luts, slices):
    """Both sites of each slice, in all columns; a unit that is too large for that gets less, or none."""
    sites = blocked_sites(GRID, {"LUT4": luts})
    assert len(set(sites)) == len(sites) == 2 * len(slices) * TILES_WITH_ROOM
    assert len(sites) + luts <= GRID.sites or not sites
    assert {name for _, _, name in places(sites)} == set(slices)


def test_some_rows_are_left_for_carry_chains():
    rows = {row for _, row, _ in places(blocked_sites(GRID, {}))}
    assert rows < set(GRID.rows)
    assert {row for row in GRID.rows if row not in rows} == set(range(4, 94, 4))
    assert not rows & {10, 22, 34, 46, 58, 70, 82}


def test_blockers_do_nothing():
    module = {"cells": {"a": {"type": "TRELLIS_FF"}}}
    add_blockers(module, ["X2/Y3/SLICED.K0", "X2/Y3/SLICED.K1"])
    assert len(module["cells"]) == 3
    blockers = [cell for name, cell in module["cells"].items() if name != "a"]
    assert [cell["attributes"]["BEL"] for cell in blockers] == ["X2/Y3/SLICED.K0", "X2/Y3/SLICED.K1"]
    for cell in blockers:
        assert cell["type"] == "LUT4"
        assert not any(cell["connections"].values())
