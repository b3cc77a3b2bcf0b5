"""The slowest path of a placed and routed unit, as nextpnr reports it, told by hardware block."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sim.netlist import GLUE, UNIT, Cell

__all__ = ["Hop", "Part", "Path", "arrivals", "slowest_path"]

LUT_OUTPUTS = ("F", "OFX")  # of a LUT, and of the multiplexers that join LUTs to wider ones
JOINED = ("F1", "FXA", "FXB")  # inputs of these: what comes there is from a part of the same wide LUT

Report = dict[str, Any]
FindCell = Callable[[str], Cell]


@dataclass(frozen=True)
class Hop:
    """One step of a path: the way to a cell ("routing") or through it ("logic", "clk-to-q", "setup")."""

    kind: str
    ns: float
    block: str
    cell: str
    port: str


@dataclass(frozen=True)
class Part:
    """What a path spends in one block, on the way to its cells and in them; a wide LUT counts once."""

    block: str
    logic_ns: float
    routing_ns: float
    luts: int


@dataclass(frozen=True)
class Path:
    """A path between two registers."""

    start: str
    end: str
    hops: list[Hop]

    @property
    def ns(self) -> float:
        """Delay from clock edge to clock edge."""
        return sum(hop.ns for hop in self.hops)

    @property
    def parts(self) -> list[Part]:
        """What each block spends, in the order in which the path comes to them."""
        logic: Counter[str] = Counter()
        routing: Counter[str] = Counter()
        luts: Counter[str] = Counter()
        entered = ""
        for hop in self.hops:
            (routing if hop.kind == "routing" else logic)[hop.block] += hop.ns  # type: ignore[assignment]
            luts[hop.block] += hop.kind == "logic" and hop.port in LUT_OUTPUTS and entered not in JOINED
            entered = hop.port
        return [Part(block, logic[block], routing[block], luts[block]) for block in luts]

    def to_json(self) -> dict[str, Any]:
        """Return the path with its parts and all its hops."""
        parts = [asdict(part) for part in self.parts]
        logic, routing = (sum(part[name] for part in parts) for name in ("logic_ns", "routing_ns"))
        ends = {"from": self.start, "to": self.end}
        times = {"ns": self.ns, "logic_ns": logic, "routing_ns": routing}
        return ends | times | {"blocks": parts, "hops": [asdict(hop) for hop in self.hops]}


def slowest_path(report: Report, cell: FindCell) -> Path | None:
    """Return the slowest path between two registers, None when there is none."""
    paths = (_path(entry["path"], cell) for entry in report["critical_paths"])
    return max(paths, key=lambda path: path.ns, default=None)


def _path(entries: list[dict[str, Any]], cell: FindCell) -> Path:
    hops = [
        Hop(entry["type"], entry["delay"], cell(entry["to"]["cell"]).block, entry["to"]["cell"], entry["to"]["port"])
        for entry in entries
    ]
    ends = (entries[0]["from"]["cell"], entries[-1]["to"]["cell"])
    start, end = (_register(name, cell) for name in ends)
    return Path(start, end, hops)


def arrivals(report: Report, cell: FindCell) -> dict[str, tuple[float, str]]:
    """Return for each block when the last input of its registers settles, in ns, and the register."""
    latest: dict[str, tuple[float, str]] = {}
    for net in report.get("detailed_net_timings", []):
        for endpoint in net["endpoints"]:
            end = cell(endpoint["cell"])
            if end.block != GLUE or end.register:
                arrival = (endpoint["delay"][1], _register(endpoint["cell"], cell))
                latest[end.block] = max(arrival, latest.get(end.block, arrival))
    return dict(sorted(latest.items(), key=lambda item: -item[1][0]))


def _register(name: str, cell: FindCell) -> str:
    """Return what the source calls a register, or its cell: RAM has no other name."""
    return cell(name).register or name.removeprefix(f"{UNIT}.")
