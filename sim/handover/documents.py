"""The texts of the folder: what is in it, ports, parameters, file lists, a core for FuseSoC, the example."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model.arch import SECOND_STAGE_LEVELS, UnitConfig, sizes
from model.arch.axi import INTERFACES, Port, port_meaning, unit_ports
from model.arch.config import PARAMETERS
from model.arch.parameters import shown
from sim.generate import summary

__all__ = ["left_out", "write_documents"]

DATA = Path(__file__).parent.parent / "data"

# Name -> what it is; in the order in which a person may want them.
FILES = {
    "vtd_unit.v": "the unit, one Verilog file, top module `vtd_unit`",
    "vtd_unit.vlt": "waivers for Verilator's lint: what Yosys writes in its own way",
    "vtd_unit.f": "list of files for `-f` of Icarus Verilog and Verilator",
    "vtd_unit.core": "core description for FuseSoC",
    "vtd_unit_sizes.vh": "widths of the ports, for Verilog that connects to it",
    "ports.md": "each port with direction, width and meaning",
    "parameters.md": "each field of the configuration with its value here, legal values and meaning",
    "summary.txt": "the configuration in a few lines",
    "example": "how to connect it: two DMA engines, a memory, and a testbench that checks itself",
    "diagrams": "handshakes clock by clock, taken from simulation, as WaveJSON and SVG",
    "manual/index.html": "the registers, for people: opens in a browser, without network",
    "vtd_unit.h": "the registers, for C",
    "program": "a program in C that brings the unit up with the header, and what it needs of its platform",
    "vtd_unit.rdl": "the registers, as SystemRDL 2.0, from which the other views are made",
    "vtd_unit_uvm.sv": "the registers, as a UVM register model",
    "vtd_unit.ipxact.xml": "the registers, as IP-XACT",
    "registers.json": "the registers, for programs",
}

FIXED = (
    ("data bits of `m_axi_mem_`", sizes.MEMORY_DATA_BITS),
    ("reads of the invalidation queue in flight", sizes.QUEUE_TAGS),
    ("status writes that wait for their answers", sizes.STATUS_WRITES),
    ("writes of devices whose data did not come yet", sizes.WRITE_ORDER_DEPTH),
    ("requests of one direction and ID that wait for their answers", sizes.OUTSTANDING_LIMIT),
    ("permitted requests that wait for the address channel of `m_axi_`", sizes.OUTPUT_DEPTH),
    ("lost exclusive updates of a descriptor before its interrupt is refused", sizes.POST_ATTEMPTS),
)


def write_documents(config: UnitConfig, folder: Path) -> None:
    """Write all texts, and the example where the unit can translate."""
    templates = Environment(loader=FileSystemLoader(DATA / "handover"), undefined=StrictUndefined, autoescape=False)
    templates.keep_trailing_newline = True
    for name in sorted(templates.list_templates()):
        text = templates.get_template(name).render(_facts(config))
        (folder / name.removesuffix(".j2")).write_text(text)
    if "example" not in left_out(config):
        shutil.copytree(DATA / "example", folder / "example")


def left_out(config: UnitConfig) -> dict[str, str]:
    """Return what of FILES does not fit a configuration, with the reason."""
    if not config.sagaw:
        return dict.fromkeys(("example", "diagrams", "program"), "the unit has no tables to translate with")
    if not config.ir:
        return {"program": "it remaps an interrupt, and the unit does not (`ir`)"}
    if config.eimer:
        return {"program": "its interrupts are not of extended mode, which the unit demands (`eimer`)"}
    return {}


def _facts(config: UnitConfig) -> dict[str, Any]:
    width = SECOND_STAGE_LEVELS[min(config.sagaw)] if config.sagaw else (0, 0)
    missing = left_out(config)
    return {
        "config": config,
        "summary": summary(config),
        "version": version("vtd-unit"),
        "files": {name: what for name, what in FILES.items() if name not in missing},
        "missing": missing,
        "interfaces": INTERFACES,
        "ports": _ports_by_prefix(config),
        "meaning": port_meaning,
        "parameters": PARAMETERS,
        "value": lambda name: _value(config, name),
        "default": lambda name: _value(UnitConfig(), name),
        "fixed": FIXED,
        "width_code": width[0],
        "levels": width[1],
    }


def _value(config: UnitConfig, name: str) -> str:
    value = getattr(config, name)
    return f"{value:#x}" if name in ("iro", "fro") else shown(value)


def _ports_by_prefix(config: UnitConfig) -> dict[str, list[Port]]:
    ports: dict[str, list[Port]] = {prefix: [] for prefix in INTERFACES}
    for port in unit_ports(config):
        ports[next(prefix for prefix in INTERFACES if port.name.startswith(prefix))].append(port)
    return ports
