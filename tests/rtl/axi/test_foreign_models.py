"""pytest entry point of the whole unit between models of cocotbext-axi."""

import json
from dataclasses import asdict

import pytest
from cocotb_tools.runner import get_results

from model.arch import PRESETS
from sim.building import built_unit, runner_of

ROUNDS = 12  # of each of 16 actors
CASES = [("verilator", "default"), ("icarus", "small")]


@pytest.mark.parametrize("simulator, preset", CASES)
def test_unit_between_foreign_models(simulator, preset, tmp_path):
    config = PRESETS[preset]
    results = runner_of(simulator).test(
        hdl_toplevel="vtd_unit",
        hdl_toplevel_lang="verilog",
        test_module="tb.tb_foreign_models",
        build_dir=built_unit(config, simulator),
        test_dir=tmp_path,
        extra_env={"VTD_CONFIG": json.dumps(asdict(config)), "VTD_ROUNDS": str(ROUNDS)},
        results_xml=str(tmp_path / "results.xml"),
    )
    assert get_results(results) == (7, 0)
