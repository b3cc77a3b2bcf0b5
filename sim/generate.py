"""Verilog of a configured unit, waivers for lint, a summary."""

from typing import Any

from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil

from model.arch import UnitConfig
from model.arch.axi import unit_ports

__all__ = ["TOP", "WAIVERS", "summary", "to_verilog", "verilog"]

TOP = "vtd_unit"

# A full `proc`: with Amaranth's own script, Icarus shows X on combinational outputs until an input moves.
SCRIPT = "read_rtlil <<rtlil\n{}\nrtlil\nproc; opt_clean; memory_collect; write_verilog -noattr\n"

# Everything else, above all latches, loops, several drivers and undriven signals, stays an error.
WAIVERS = """\
`verilator_config
// vtd_unit.v is written by Yosys from Amaranth. What is waived here is its way of writing, not the design:
lint_off -rule DECLFILENAME -file "*vtd_unit.v"  // all modules are in one file
lint_off -rule UNUSEDSIGNAL -file "*vtd_unit.v"  // every signal of the source keeps its name, for waveforms
lint_off -rule WIDTHEXPAND  -file "*vtd_unit.v"  // constants are as narrow as their value
lint_off -rule WIDTHTRUNC   -file "*vtd_unit.v"  // `!` of a vector stands for "is 0"
lint_off -rule PROCASSINIT  -file "*vtd_unit.v"  // registers have their reset value as initial value too
lint_off -rule CASEOVERLAP  -file "*vtd_unit.v"  // one-hot multiplexers are `casez` over one bit each
lint_off -rule VARHIDDEN    -file "*vtd_unit.v"  // names of signals, instances and function arguments meet
"""


def verilog(config: UnitConfig, *, core_port: bool = False) -> str:
    """Return the Verilog of the module `vtd_unit`; `core_port` adds the ports that simulations use."""
    from rtl.top import Top  # here, so that benches of single blocks need no other block

    top = Top(config, core_port=core_port)
    return to_verilog(top, TOP, ports=list(top.ports.values()))


def to_verilog(component: Any, name: str, **options: Any) -> str:
    """Return a component as Verilog, its top module called `name`."""
    script = SCRIPT.format(rtlil.convert(component, name=name, **options))
    return str(find_yosys(lambda _version: True).run(["-q", "-"], script))


def summary(config: UnitConfig) -> str:
    """Return sizes and capabilities in a few lines."""
    ports = unit_ports(config)
    inputs, outputs = (sum(port.width for port in ports if port.output == output) for output in (False, True))
    lines = {
        "module": f"{TOP}: {len(ports) + 2} ports, {inputs + 2} input bits, {outputs} output bits",
        "addresses": f"{config.haw} bits of host address; second stage of {_list(config.sagaw)} bits",
        "caches": f"IOTLB {config.iotlb_entries}, context-cache {config.context_cache_entries}, "
        f"paging-structure cache {config.paging_structure_cache_entries}, interrupt entry cache {config.iec_entries}",
        "walks": f"{config.walks} that read memory at once, {config.parked} more requests held back; "
        f"{config.interrupts} interrupts at once",
        "AXI": f"{config.id_bits} ID bits and {config.data_bits} data bits of devices; "
        f"m_axi_ {config.id_bits + 1} ID bits; m_axi_mem_ {config.memory_id_bits} ID bits",
        "registers": f"VER {config.ver:#x}, CAP {config.cap:#x}, ECAP {config.ecap:#x}, {config.nfr} fault records",
    }
    return "".join(f"{name + ':':<11}{text}\n" for name, text in lines.items())


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers)) or "no"
