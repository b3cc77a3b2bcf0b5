"""How deep the logic of a mapped netlist is: the most LUTs in a row in front of the registers of a hardware block."""

from collections import defaultdict
from graphlib import TopologicalSorter

from sim.netlist import Bit, Cell, Module

__all__ = ["depth_by_block"]

# Inputs driven by a wire within the slice, which takes next to no time: the cell is a part of the one before.
JOINED = {("PFUMX", "ALUT"), ("PFUMX", "BLUT"), ("L6MUX21", "D0"), ("L6MUX21", "D1"), ("CCU2C", "CIN")}
REGISTERS = ("TRELLIS_FF", "DP16KD")
WRITES = {("TRELLIS_DPR16X4", port) for port in ("DI", "WAD", "WRE", "WCK")}  # the rest of such a RAM is logic


def depth_by_block(mapped: Module, cells: dict[str, Cell]) -> dict[str, int]:
    """Return for each block of `cells` the most LUTs in a row between a register and one of its own.

    A LUT of more than four inputs counts once; a read of distributed RAM and the way into a carry chain count like one.
    """
    found = {name: cell for name, cell in mapped["cells"].items() if name in cells}
    drivers: dict[Bit, str] = {}
    for name, cell in found.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output" and cell["type"] not in REGISTERS:
                drivers |= dict.fromkeys(bits, name)

    before: defaultdict[str, dict[str, int]] = defaultdict(dict)  # the cells in front of one, and what it adds
    ends: defaultdict[str, set[str]] = defaultdict(set)  # by block, the cells in front of its registers
    for name, cell in found.items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                continue
            in_front = {drivers[bit] for bit in bits if bit in drivers}
            if cell["type"] in REGISTERS or (cell["type"], port) in WRITES:
                ends[cells[name].block] |= in_front
            else:
                step = (cell["type"], port) not in JOINED
                before[name] |= {driver: max(step, before[name].get(driver, 0)) for driver in in_front}

    depths: dict[str, int] = {}
    for name in TopologicalSorter(before).static_order():
        depths[name] = max((depths[driver] + step for driver, step in before[name].items()), default=1)
    return {block: max(depths[name] for name in names) for block, names in ends.items() if names}
