"""`--waves FILE`: the view beside it names only signals that the simulator has written, and all that it should."""

import re
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from model.arch import PRESETS
from sim.__main__ import vtd
from sim.waves import signals

MISSING = "waveforms are read with fst2vcd, which is not there: sudo apt-get install -y gtkwave"
TRACE = re.compile(r"^\+\{(?P<alias>[^}]+)\} (?P<name>\S+)$", re.MULTILINE)


def written(waves):
    """Return the signals in a file of waveforms, with ranges, as GTKWave names them."""
    if not shutil.which("fst2vcd"):
        pytest.skip(MISSING)
    with subprocess.Popen(["fst2vcd", waves], stdout=subprocess.PIPE, text=True) as process:
        scopes, found = [], set()
        for line in process.stdout:
            match line.split():
                case ["$scope", _, scope, _]:
                    scopes.append(scope)
                case ["$upscope", _]:
                    scopes.pop()
                case ["$var", _, _, _, name, *range_, _]:
                    found.add(".".join([*scopes, name]) + "".join(range_))
                case ["$enddefinitions", _]:
                    process.kill()
                    return found
    raise AssertionError("no end of definitions")


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_view_names_what_is_there(simulator, tmp_path):
    waves = tmp_path / "unit.fst"
    arguments = ["regress", "--simulator", simulator, "--config", "small", "--cycles", "300", "--waves", str(waves)]
    result = CliRunner().invoke(vtd, arguments)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"written: {waves}, to be seen with: gtkwave {waves}.gtkw"
    view = (tmp_path / "unit.fst.gtkw").read_text()
    assert f'[dumpfile] "{waves}"' in view
    shown = {trace["alias"]: trace["name"] for trace in TRACE.finditer(view)}
    assert set(shown.values()) <= written(waves)
    wanted = [name for names in signals(PRESETS["small"]).values() for name in names]
    assert len(shown) == len(wanted) + 2 > 150  # with aclk and aresetn
    assert shown["s_axi_araddr"] == "vtd_testbench.unit.s_axi_araddr[63:0]"
    assert shown["core source_id"].replace("\\", "") == "vtd_testbench.unit.unit.core__payload.source_id[15:0]"
    assert "walker: read address" in shown and "invalidation: command iotlb_page" in shown
    assert view.count("unit.fst.reasons") == 2
    assert "06 0x06 read_not_permitted\n" in (tmp_path / "unit.fst.reasons").read_text()
    groups = re.findall(r"^@800200\n-(.*)$", view, re.MULTILINE)
    wanted = ["requests of devices", "requests at the core port", "decisions", "walks", "invalidations", "faults"]
    assert {*wanted, "interrupts", "registers"} < {*groups}
