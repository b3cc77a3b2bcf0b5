"""`vtd generate`: SystemRDL, C header and manual say what model/arch says, in forms that their tools accept."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from systemrdl.node import AddrmapNode, FieldNode, RegNode
from systemrdl.rdltypes import AccessType, OnWriteType

from model.arch import PRESETS, REGISTERS, Access, UnitConfig
from sim.handover.rdl import rdl
from sim.handover.registers import compiled, write_registers

OFFSETS = {"VER": 0x0, "CAP": 0x8, "ECAP": 0x10, "GCMD": 0x18, "RTADDR": 0x20, "CCMD": 0x28, "FSTS": 0x34}
OFFSETS |= {"IQH": 0x80, "IQA": 0x90, "IRTA": 0xB8, "IVA": 0xF0, "IOTLB": 0xF8}

# The places and masks are typed from the specification.
PROGRAM = r"""
#include <stddef.h>
#include <stdio.h>
#include "vtd_unit.h"
static_assert(offsetof(vtd_unit_t, CAP) == 0x08, "CAP");
static_assert(offsetof(vtd_unit_t, GSTS) == 0x1c, "GSTS");
static_assert(offsetof(vtd_unit_t, FSTS) == 0x34, "FSTS");
static_assert(offsetof(vtd_unit_t, IQA) == 0x90, "IQA");
static_assert(offsetof(vtd_unit_t, IRTA) == 0xb8, "IRTA");
static_assert(offsetof(vtd_unit_t, IOTLB) == 0xf8, "IOTLB");
static_assert(offsetof(vtd_unit_t, FRCD[7].HI) == 0x298, "FRCD");
static_assert(VTD_UNIT__GCMD__TE_bm == 0x80000000u, "TE");
static_assert(VTD_UNIT__FSTS__FRI_bp == 8 && VTD_UNIT__FSTS__FRI_bw == 8, "FRI");
static_assert(VTD_UNIT__IOTLB__IVT_bm == 0x8000000000000000u, "IVT");
static_assert(VTD_UNIT__RTADDR__RTA_bm == 0x0000fffffffff000u, "RTA ends at HAW, 48");
static_assert(VTD_UNIT__FRCD__HI__FR_bm == 0xff00000000u, "FR");
int main(void) {
    vtd_unit__FRCD__HI_t record = {.w = 0x8000000600000010u};
    printf("%d %#x %#x\n", (int)record.f.F, (unsigned)record.f.FR, (unsigned)record.f.SID);
}
"""


@pytest.fixture(scope="module")
def registers(small_folder: Path) -> AddrmapNode:
    return compiled(small_folder / "vtd_unit.rdl")


def field_of(registers: AddrmapNode, path: str) -> FieldNode:
    node = registers.find_by_path(path)
    assert isinstance(node, FieldNode), path
    return node


def test_rdl_has_every_register_at_its_place(registers: AddrmapNode) -> None:
    found = {
        node.inst_name: node.absolute_address for node in registers.children(unroll=False) if node.inst_name != "FRCD"
    }
    assert OFFSETS.items() <= found.items()
    assert set(found) | {"FRCD"} == {register.name for register in REGISTERS}
    record = registers.find_by_path("FRCD[7].HI")
    assert isinstance(record, RegNode)
    assert record.absolute_address == 0x298
    assert record.get_property("regwidth") == 64


@pytest.mark.parametrize(
    ("path", "software", "on_write", "hardware_writes"),
    [
        ("GSTS.TES", AccessType.r, None, True),
        ("CAP.ND", AccessType.r, None, False),
        ("GCMD.TE", AccessType.w, None, False),
        ("RTADDR.RTA", AccessType.rw, None, False),
        ("CCMD.ICC", AccessType.rw, None, True),
        ("FSTS.PFO", AccessType.rw, OnWriteType.woclr, True),
        ("FSTS.PPF", AccessType.r, None, True),
    ],
)
def test_rdl_access(
    registers: AddrmapNode, path: str, software: AccessType, on_write: OnWriteType | None, hardware_writes: bool
) -> None:
    field = field_of(registers, path)
    assert field.get_property("sw") == software
    assert field.get_property("onwrite") == on_write
    assert field.is_hw_writable == hardware_writes


@pytest.mark.parametrize(
    ("path", "low", "high", "reset"),
    [
        ("CAP.NFR", 40, 47, 7),
        ("CAP.SAGAW", 8, 12, 0b1110),
        ("FECTL.IM", 31, 31, 1),
        ("RTADDR.RTA", 12, 47, 0),
        ("PHMBASE.PHMB", 21, 47, 0),
        ("FRCD[0].HI.F", 63, 63, 0),
    ],
)
def test_rdl_bits_and_reset(registers: AddrmapNode, path: str, low: int, high: int, reset: int) -> None:
    field = field_of(registers, path)
    assert (field.low, field.high, field.get_property("reset")) == (low, high, reset)


def test_rdl_has_only_what_the_configuration_has(tmp_path: Path) -> None:
    config = replace(PRESETS["small"], nfr=1, fro=0x400, ir=False, eim=False, pi=False, plmr=False)
    (tmp_path / "vtd_unit.rdl").write_text(rdl(config))
    registers = compiled(tmp_path / "vtd_unit.rdl")
    names = {node.inst_name for node in registers.children()}
    assert names.isdisjoint({"IRTA", "PLMBASE", "PLMLIMIT", "FEUADDR", "IEUADDR"})
    assert {"PMEN", "PHMBASE", "FRCD"} <= names
    record = registers.find_by_path("FRCD")
    assert record is not None
    assert (record.array_dimensions, record.raw_absolute_address) == ([1], 0x400)


def test_rdl_says_what_is_absent(tmp_path: Path) -> None:
    (tmp_path / "vtd_unit.rdl").write_text(rdl(replace(PRESETS["small"], eim=False)))
    table = compiled(tmp_path / "vtd_unit.rdl").find_by_path("IRTA")
    assert isinstance(table, RegNode)
    assert [field.inst_name for field in table.fields()] == ["S", "IRTA"]
    assert table.get_property("desc") == "This unit does not have EIME: write 0."


@pytest.mark.parametrize("changed", [{}, {"eim": False, "pi": False, "ir": False}, {"haw": 39, "plmr": False}])
def test_json_has_the_fields_of_the_rdl(tmp_path: Path, changed: dict[str, Any]) -> None:
    write_registers(replace(PRESETS["small"], **changed), tmp_path)
    registers = json.loads((tmp_path / "registers.json").read_text())
    found = {
        (register["name"], field["name"]): (field["lsb"], field["lsb"] + field["bits"] - 1, field["reset"])
        for register in registers
        for field in register["fields"]
        if not field["access"].startswith("Rsvd")
    }
    expected = {}
    for node in compiled(tmp_path / "vtd_unit.rdl").descendants(unroll=False):
        if isinstance(node, FieldNode):
            register, low = node.parent, 0
            if register.inst_name in ("LO", "HI"):
                register, low = register.parent, 64 * (register.inst_name == "HI")
            place = (low + node.low, low + node.high, node.get_property("reset"))
            expected[register.inst_name, node.inst_name] = place
    assert found == expected


def test_json_is_typed_from_the_configuration(small_folder: Path) -> None:
    registers = {register["name"]: register for register in json.loads((small_folder / "registers.json").read_text())}
    root = {field["name"]: (field["lsb"], field["bits"]) for field in registers["RTADDR"]["fields"]}
    assert root == {"RSVD_6_0": (0, 7), "RSVD_9_8": (8, 2), "TTM": (10, 2), "RTA": (12, 36)}  # HAW is 48, no SSIRWE
    assert {field["name"]: field["reset"] for field in registers["VER"]["fields"]}["MAX"] == 5


def test_every_preset_and_width_is_a_valid_description(tmp_path: Path) -> None:
    for number, config in enumerate((*PRESETS.values(), UnitConfig(haw=39, nfr=200), UnitConfig(haw=52, mgaw=64))):
        path = tmp_path / f"{number}.rdl"
        path.write_text(rdl(config))
        compiled(path)


def test_every_field_has_a_meaning() -> None:
    for register in REGISTERS:
        for field in register.fields:
            if field.kind not in (Access.RSVDZ, Access.RSVDP):
                assert len(field.meaning.split()) > 1, f"{register.name}.{field.name}"


def test_header_compiles_and_has_the_places(small_folder: Path, tmp_path: Path) -> None:
    assert shutil.which("gcc"), "the tests need gcc, as Verilator does a C++ compiler"
    (tmp_path / "program.c").write_text(PROGRAM)
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{small_folder}", "program.c"]
    built = subprocess.run([*command, "-o", "program"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    ran = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True)
    assert ran.stdout == "1 0x6 0x10\n"


def test_manual_opens_from_a_file_and_without_network(chromium: Any, small_folder: Path) -> None:
    """In a browser, as a person opens it: no server, no network, no complaint."""
    complaints: list[str] = []
    page = chromium.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] * (not request.url.startswith("file:"))))
    page.goto(f"{(small_folder / 'manual' / 'index.html').as_uri()}?p=vtd_unit.FSTS")
    page.wait_for_selector("#PFO")
    text = page.inner_text("#_Content")
    page.fill("#_RegValueTester", "0x302")
    decoded = page.input_value("#_FieldValueTesterFRI")
    page.close()
    assert re.search(r"PFO\s+rw, woclr\s+0x0\s+primary fault overflow", text), text
    assert "a fault was dropped because the next FRCD register was still full. Access RW1CS." in text
    assert decoded == "0x3"
    assert complaints == []
