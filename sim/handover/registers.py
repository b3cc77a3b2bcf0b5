"""The registers as JSON, and what PeakRDL makes of them: C header, HTML manual, UVM model, IP-XACT."""

import json
from pathlib import Path
from typing import Any

from peakrdl_cheader.c_standards import CStandard
from peakrdl_cheader.exporter import CHeaderExporter
from peakrdl_html import HTMLExporter
from peakrdl_ipxact import IPXACTExporter
from peakrdl_uvm import UVMExporter
from systemrdl.compiler import RDLCompiler
from systemrdl.node import AddrmapNode

from model.arch import Field, Register, UnitConfig
from sim.handover.narrowing import RESERVED, bits_of, registers_of, reset_of
from sim.handover.rdl import rdl

__all__ = ["compiled", "write_header", "write_registers"]

TEMPLATES = Path(__file__).parent.parent / "data" / "manual"

FETCHED = ("content", "data", "search")  # folders of the manual whose files its scripts fetch

# Browsers let no page that was opened as a file fetch another one, so the manual brings its pages as a script.
PAGES = """\
const PAGES = {};
const fetchFromServer = window.fetch;
window.fetch = path => {{
    const page = PAGES[path.split("?")[0]];
    return page === undefined ? fetchFromServer(path) : Promise.resolve(new Response(page));
}};
"""


def compiled(file: Path) -> AddrmapNode:
    """Return the address map that a SystemRDL file declares."""
    compiler = RDLCompiler()
    compiler.compile_file(str(file))
    return compiler.elaborate().top


def write_registers(config: UnitConfig, folder: Path) -> None:
    """Write the registers as JSON, as SystemRDL, and its views, into a folder."""
    (folder / "registers.json").write_text(_json(config))
    registers = write_header(config, folder)
    UVMExporter().export(registers, str(folder / "vtd_unit_uvm.sv"))
    IPXACTExporter().export(registers, str(folder / "vtd_unit.ipxact.xml"))
    _write_manual(registers, folder / "manual")


def _json(config: UnitConfig) -> str:
    """Return the registers that this unit has, by offset."""
    registers = [
        {
            "name": register.name,
            "offset": config.register_offset(register),
            "bits": register.width,
            "count": config.nfr if register.stride else 1,
            "meaning": register.meaning,
            "fields": [found for field in register.fields if (found := _field(config, register, field))],
        }
        for register in registers_of(config)
    ]
    return json.dumps(registers, indent=2) + "\n"


def _field(config: UnitConfig, register: Register, field: Field) -> dict[str, Any] | None:
    """Return the bits of a field that this unit has, None without; reserved ones stay, as some must be preserved."""
    bits = field.mask if field.kind in RESERVED else bits_of(config, register, field)
    if not bits:
        return None
    lsb = (bits & -bits).bit_length() - 1
    found = {"name": field.name, "lsb": lsb, "bits": bits.bit_length() - lsb, "access": field.kind.value}
    found["reset"] = reset_of(config, register, field)
    return found | ({"meaning": field.meaning} if field.meaning else {})


def write_header(config: UnitConfig, folder: Path) -> AddrmapNode:
    """Write the registers as SystemRDL and as C header into a folder; return them compiled."""
    source = folder / "vtd_unit.rdl"
    source.write_text(rdl(config))
    registers = compiled(source)
    CHeaderExporter().export(registers, str(folder / "vtd_unit.h"), std=CStandard.gnu11, generate_bitfields=True)
    return registers


def _write_manual(registers: AddrmapNode, folder: Path) -> None:
    exporter = HTMLExporter(user_template_dir=str(TEMPLATES), generate_source_links=False)
    exporter.export(registers, str(folder), title="Registers of vtd_unit")
    files = [path for name in FETCHED for path in sorted((folder / name).iterdir()) if path.suffix != ".js"]
    pages = {path.relative_to(folder).as_posix(): path.read_text() for path in files}
    (folder / "pages.js").write_text(PAGES.format(json.dumps(pages)))
