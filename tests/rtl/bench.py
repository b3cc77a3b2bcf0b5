"""Builds a block for Icarus Verilog and runs its cocotb bench.

A block is built once per session for each name and configuration. Icarus knows X; the whole unit meets Verilator too.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from cocotb_tools.runner import get_results, get_runner

from model.arch import UnitConfig
from sim.generate import to_verilog

__all__ = ["run_bench"]

_built: dict[tuple[str, str], tuple[Any, Path]] = {}


def run_bench(
    make: Callable[[], Any],
    *,
    name: str,
    config: UnitConfig,
    module: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Run the cocotb module `module` ("tb.tb_<name>" by default) on a block; return (tests, failures).

    `make` returns the component; it is called only when this block and configuration were not built yet, so
    `name` must tell blocks apart. The bench finds the configuration in VTD_CONFIG, as JSON of UnitConfig's fields.
    """
    text = json.dumps(asdict(config))
    runner, directory = _build(make, name, text)
    results = runner.test(
        hdl_toplevel=name,
        test_module=module or f"tb.tb_{name}",
        build_dir=directory,
        test_dir=directory,
        timescale=("1ns", "1ps"),
        extra_env={"VTD_CONFIG": text, **(environment or {})},
        results_xml=tempfile.mkstemp(suffix=".xml", dir=directory)[1],
    )
    return get_results(results)


def _build(make: Callable[[], Any], name: str, text: str) -> tuple[Any, Path]:
    key = (name, text)
    if key not in _built:
        directory = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=_session_folder().name))
        source = directory / f"{name}.v"
        source.write_text(to_verilog(make(), name))
        runner = get_runner("icarus")
        runner.build(sources=[source], hdl_toplevel=name, build_dir=directory, timescale=("1ns", "1ps"))
        _built[key] = runner, directory
    return _built[key]


@cache
def _session_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vtd_bench_")
