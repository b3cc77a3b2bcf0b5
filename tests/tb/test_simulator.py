"""Players and simulators, on a stand-in for the unit (tests/tb/stand_in.py)."""

import re

import click
import pytest

from model.arch import UnitConfig
from sim import building, simulator
from sim.simulator import JobFailed, SimulatorError, run_job
from tb.players import play_model
from tb.signals import Signals
from tb.testbench import Testbench
from tests.tb import stand_in

CONFIG = UnitConfig()


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return tmp_path_factory.mktemp("build")


@pytest.fixture(autouse=True)
def small_unit(monkeypatch, build):
    monkeypatch.setattr(building, "BUILD", build)
    monkeypatch.setattr(simulator, "BUILD", build)
    monkeypatch.setattr(building, "unit_verilog", stand_in.verilog)


def job(do, name="icarus", **options):
    return run_job({"kind": "tests.tb.stand_in", "do": do}, config=CONFIG, simulator=name, **options)


@pytest.mark.parametrize("name", simulator.SIMULATORS)
def test_lockstep_runs_several_scripts(name, build):
    reports = []
    played = job("reads", name, on_progress=reports.append)["played"]
    bench = Testbench(CONFIG, 1)
    alone = play_model(bench, stand_in.reads(400), unit=stand_in.StandIn(CONFIG))
    assert played[0] == alone.to_json() | {"signals": len(Signals(CONFIG).outputs)}
    assert played[0]["requests"] == 400 and played[0]["clocks"] > 2000
    assert played[1]["requests"] < 10 and played[1]["clocks"] == 43
    assert played[2]["requests"] == 200
    assert reports and reports[-1].keys() == {"clocks", "requests", "reads"}
    assert not list((build / "runs").iterdir())


@pytest.mark.parametrize("name", simulator.SIMULATORS)
def test_mismatch_names_clock_signal_and_values(name):
    with pytest.raises(JobFailed) as failure:
        job("mismatch", name)
    clock, *lines = str(failure.value).splitlines()
    number = int(re.fullmatch(r"clock (\d+): s_axi_rresp differs: RTL 0x0, model 0x2", clock)[1])
    assert stand_in.BROKEN_CLOCK <= number < stand_in.BROKEN_CLOCK + 5
    assert lines[0] == f"  time {(number + 1) * 10} ns, seed 1"
    assert re.fullmatch(r"  clock \d+: read 49 of 0x[0-9a-f]+000", lines[10])
    assert lines[11] == "  waves: none; run again with waves"
    assert re.fullmatch(r"  log: .*/log", lines[12])


def test_undefined_output_is_a_mismatch(monkeypatch):
    monkeypatch.setattr(building, "unit_verilog", lambda config: stand_in.verilog(config, undefined=True))
    with pytest.raises(JobFailed, match=r"^clock 0: s_axi_arready is undefined: RTL X\n"):
        job("reads")


def test_failed_check_is_told():
    with pytest.raises(JobFailed, match=r"^clock 22: the end of the world did not come within 20 clocks\n  log: .*"):
        job("check")


def test_defect_of_a_job_is_told_with_its_place():
    told = r"(?s)^a defect of the bench: KeyError: 'a defect of the job'\nTraceback .*stand_in\.py"
    with pytest.raises(JobFailed, match=told):
        job("defect")


def test_simulation_that_breaks():
    with pytest.raises(SimulatorError, match=r"^the simulation broke, see .*/log$"):
        job("break")


def test_unit_that_cannot_be_built(monkeypatch):
    monkeypatch.setattr(building, "unit_verilog", lambda config: "module vtd_unit(nonsense")
    with pytest.raises(SimulatorError, match=r"^icarus cannot build the unit, see .*/icarus_build.log: .*syntax error"):
        job("reads")


def test_waves_are_written_where_asked(tmp_path):
    waves = tmp_path / "deep" / "unit.fst"
    job("reads", waves=waves)
    assert waves.stat().st_size > 1000


def test_missing_icarus_is_one_line(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(click.UsageError) as error:
        simulator.require("icarus")
    for command in ("sudo apt-get install -y iverilog", "sudo dnf install -y iverilog", "brew install icarus-verilog"):
        assert command in error.value.message
    assert "\n" not in error.value.message


def test_missing_compiler_is_one_line(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None if name == "c++" else name)
    with pytest.raises(click.UsageError, match=r"^--simulator verilator needs c\+\+; .* apt-get .* g\+\+"):
        simulator.require("verilator")
