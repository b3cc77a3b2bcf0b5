"""Who is who in a netlist that Yosys has flattened: the hardware block and the register that a cell belongs to."""

import re
from collections import Counter, defaultdict
from typing import Any, NamedTuple

__all__ = ["BOUNDARY", "GLUE", "KINDS", "UNIT", "Cell", "area", "named_cells"]

# Kind of cell -> what it is counted as.
KINDS = {"LUT4": "lut4", "TRELLIS_FF": "ff", "CCU2C": "carry", "TRELLIS_DPR16X4": "distributed_ram", "DP16KD": "bram"}

BOUNDARY = "vtd_input"  # the attribute that marks the input ports of every module, set before flattening
UNIT = "unit"  # the instance whose children are the blocks
GLUE = "unit"  # what belongs to none of them

# Yosys names what has no name after a wire near it: wire, kind of cell, port that touches the wire, and so on.
NEAR = re.compile(r"_(?:LUT4|TRELLIS_FF|PFUMX|L6MUX21|CCU2C|TRELLIS_DPR16X4|DP16KD)_(?P<port>[A-Z]+)")
OUTPUTS = ("Z", "Q", "S", "COUT", "DO", "DOA", "DOB")

Module = dict[str, Any]
Bit = int | str  # Yosys' constants are strings


class Cell(NamedTuple):
    """A cell: what it is, the block it belongs to, and for a flip-flop what the source calls it."""

    kind: str
    block: str
    register: str


def named_cells(flat: Module, mapped: Module) -> dict[str, Cell]:
    """Return the cells of a mapped top module by their names.

    `flat` is the same module when it had just been flattened: it still knows every name of every wire.
    """
    names = _Names(flat)
    cells = {name: cell for name, cell in mapped["cells"].items() if cell["type"] != "$scopeinfo"}
    nets = {
        bit: (name, index)
        for name, net in mapped["netnames"].items()
        if not NEAR.search(name)
        for index, bit in enumerate(net["bits"])
    }
    found = {}
    for name, cell in cells.items():
        register = ""
        if cell["type"] == "TRELLIS_FF":
            (bit,) = cell["connections"]["Q"]
            register = names.of_bit(*nets[bit]) if bit in nets else name
        found[name] = Cell(cell["type"], names.block(name), register.removeprefix(f"{UNIT}."))
    return found


def area(cells: dict[str, Cell]) -> dict[str, dict[str, int]]:
    """Return for each block how many cells of each kind it has, the largest first."""
    blocks: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells.values():
        if cell.kind in KINDS:
            blocks[cell.block][KINDS[cell.kind]] += 1
    ordered = sorted(blocks.items(), key=lambda item: (-item[1]["lut4"], -item[1]["ff"], item[0]))
    return {block: {kind: counts[kind] for kind in KINDS.values()} for block, counts in ordered}


class _Names:
    """Wires of a flat module. One that runs between blocks has a name in each; it belongs to the one that drives it,
    where it is not an input."""

    def __init__(self, flat: Module) -> None:
        self._scopes = {name for name, cell in flat["cells"].items() if cell["type"] == "$scopeinfo"}
        self._wires = {name: net["bits"] for name, net in flat["netnames"].items() if not net["hide_name"]}
        self._blocks: dict[str, str] = {}
        self._best: dict[Bit, tuple[Any, ...]] = {}
        for name, bits in self._wires.items():
            attributes = flat["netnames"][name]["attributes"]
            rank = (BOUNDARY in attributes, "init" not in attributes, -len(self._scope(name)), len(name), name)
            for bit in bits:
                self._best[bit] = min(rank, self._best.get(bit, rank))

    def block(self, cell: str) -> str:
        """Return the block of a cell: that of the wire it is named after, which the cell drives or reads."""
        near = NEAR.search(cell)
        wire = cell[: near.start()] if near else cell
        scope = self._scope(wire)
        if len(scope) > 1 and not (near and near["port"] in OUTPUTS):
            return scope[1]
        if wire not in self._blocks:
            self._blocks[wire] = self._driver(wire)
        return self._blocks[wire]

    def of_bit(self, wire: str, index: int) -> str:
        """Return the name that the driving block gives a bit of a wire."""
        bit = self._wires[wire][index] if wire in self._wires else None
        if bit not in self._best:
            return wire
        best = self._best[bit][-1]
        bits = self._wires[best]
        return best if len(bits) == 1 else f"{best}[{bits.index(bit)}]"

    def _driver(self, wire: str) -> str:
        """Return the block that drives most bits of a wire."""
        scopes = [self._scope(self._best[bit][-1]) for bit in self._wires.get(wire, ())] or [self._scope(wire)]
        blocks = Counter(scope[1] for scope in scopes if len(scope) > 1)
        return blocks.most_common(1)[0][0] if blocks else GLUE

    def _scope(self, name: str) -> tuple[str, ...]:
        """Return the instances around a name, outermost first: ("unit", "walker", "step")."""
        parts = name.split(".")[:-1]
        for count in range(len(parts), 0, -1):
            if ".".join(parts[:count]) in self._scopes:
                return tuple(parts[:count])
        return ()
