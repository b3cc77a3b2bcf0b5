"""Room for the wires of a unit: slices of the FPGA that stay empty, as LUTs that do nothing are fixed there.

Where all eight LUTs of a tile are used there are too few ways into it.
"""

from typing import Any

from sim.devices import Grid

__all__ = ["add_blockers", "blocked_sites", "is_dense"]

# Sites that a cell of a kind takes; the ends of carry chains take some more.
SITES = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}
SITES_OF_SLICE = ("K0", "K1")

DENSE = 0.3  # share of the sites of a device, above which there is more room for the wires of a unit
SLICES = "D"  # that stay empty, of A to D
SLICES_FOR_DENSE = "CD"
CHAIN_ROWS = 4  # every fourth row keeps all of its slices, as a carry chain runs through them
LARGEST_SHARE = 0.87  # of the sites, together with those that stay empty; else the unit needs these itself


def _occupied(cells: dict[str, int]) -> int:
    """Return how many sites a unit of as many cells of each kind takes."""
    return sum(SITES.get(kind, 0) * count for kind, count in cells.items())


def is_dense(grid: Grid, cells: dict[str, int]) -> bool:
    """Say whether a unit takes so much of the device that its wires are short of room."""
    return _occupied(cells) > DENSE * grid.sites


def blocked_sites(grid: Grid, cells: dict[str, int]) -> list[str]:
    """Return the sites that stay empty, in nextpnr's names; none where the unit needs all sites itself."""
    rows = [row for row in grid.rows if row % CHAIN_ROWS]
    for slices in (SLICES_FOR_DENSE, SLICES) if is_dense(grid, cells) else (SLICES,):
        sites = [
            f"X{x}/Y{y}/SLICE{name}.{k}" for y in rows for x in grid.columns for name in slices for k in SITES_OF_SLICE
        ]
        if _occupied(cells) + len(sites) <= LARGEST_SHARE * grid.sites:
            return sites
    return []


def add_blockers(module: dict[str, Any], sites: list[str]) -> None:
    """Put a LUT that does nothing on each of `sites` into a mapped module."""
    for number, site in enumerate(sites):
        module["cells"][f"$blocker${number}"] = {
            "type": "LUT4",
            "parameters": {"INIT": "0" * 16},
            "attributes": {"BEL": site},
            "port_directions": {"A": "input", "Z": "output"},
            "connections": {"A": [], "Z": []},
        }
