"""The FPGAs for which `vtd synth` measures: all of ECP5 and ECP5-5G with a speed grade 8, in one package."""

from dataclasses import dataclass

__all__ = ["DEFAULT_DEVICE", "DEVICES", "SPEED_GRADE", "Device", "Grid"]

SITES_PER_TILE = 8
MEMORY_ROW_PITCH = 12


@dataclass(frozen=True)
class Grid:
    """Where a die has tiles of logic: in all columns and rows of these, but for every twelfth row, from
    `memory_row` on, which has block RAMs or multipliers."""

    columns: range
    all_rows: range
    memory_row: int

    @property
    def rows(self) -> list[int]:
        """The rows that have tiles of logic."""
        return [row for row in self.all_rows if row % MEMORY_ROW_PITCH != self.memory_row % MEMORY_ROW_PITCH]

    @property
    def sites(self) -> int:
        """How many LUT4 the die has."""
        return SITES_PER_TILE * len(self.columns) * len(self.rows)


@dataclass(frozen=True)
class Device:
    """What nextpnr calls it, and its tiles."""

    option: str
    grid: Grid


GRID_25 = Grid(range(2, 71), range(2, 49), 13)
GRID_45 = Grid(range(2, 89), range(2, 70), 10)
GRID_85 = Grid(range(2, 125), range(2, 94), 10)

# As Lattice calls them. Those with 5G are for 1.2 V, and faster.
DEVICES = {
    "LFE5U-25F": Device("--25k", GRID_25),
    "LFE5U-45F": Device("--45k", GRID_45),
    "LFE5U-85F": Device("--85k", GRID_85),
    "LFE5UM5G-25F": Device("--um5g-25k", GRID_25),
    "LFE5UM5G-45F": Device("--um5g-45k", GRID_45),
    "LFE5UM5G-85F": Device("--um5g-85k", GRID_85),
}
DEFAULT_DEVICE = "LFE5U-85F"
SPEED_GRADE = "speed grade 8"
