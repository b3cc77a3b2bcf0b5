"""A view of waveforms for GTKWave: signals of the unit in groups, as a person looks for them.

The ports of `vtd_unit` and of its blocks, whose names are stable; tests look each of them up in the waveforms of both
simulators.
"""

import io
import re
from pathlib import Path

from vcd.gtkw import GTKWSave

from model.arch import FaultReason, UnitConfig
from model.arch.axi import unit_ports
from sim.building import unit_verilog

__all__ = ["beside", "signals", "view_files"]

UNIT = "vtd_testbench.unit"
BLOCKS = f"{UNIT}.unit"
CHANNELS = ("aw", "w", "b", "ar", "r")
# Fields of a channel that are seldom looked at.
LEFT_OUT = ("burst", "cache", "lock", "prot", "qos", "size")

ZOOM = -18.0  # about eight pixels for a clock

MODULE = re.compile(r"^module \\?vtd_unit(?P<place>(?:\.\w+)*) ?\((?P<body>.*?)^endmodule", re.MULTILINE | re.DOTALL)
SIGNAL = re.compile(r"^  (?:input|output|wire|reg) (?:\[(?P<last>\d+):0\] )?\\?(?P<name>[^\s;]+)", re.MULTILINE)

# Group -> interfaces of the unit, signals of blocks as "block.signal", and those between blocks, "interface__signal".
GROUPS: dict[str, tuple[str, ...]] = {
    "requests of devices": ("s_axi_",),
    "requests at the core port": (
        *("core__valid", "core__ready"),
        *(f"core__payload.{name}" for name in ("access", "source_id", "address", "id", "pasid_valid", "address_type")),
    ),
    "decisions": (
        *(f"request_pipeline.{name}" for name in ("lookup_source_id", "lookup_page", "context_hit", "iotlb_hit")),
        *("request_pipeline.issue_read.valid", "request_pipeline.issue_read.address"),
        *("request_pipeline.issue_write.valid", "request_pipeline.issue_write.address"),
        *("request_pipeline.park.valid", "request_pipeline.park.parking.walk", "request_pipeline.park.parking.refused"),
    ),
    "to memory": ("m_axi_",),
    "walks": (
        *("walker.reads_held", "walker.writes_held"),
        *(f"walker.read__{name}" for name in ("valid", "ready", "payload.tag", "payload.address")),
        *(f"walker.returned.{name}" for name in ("valid", "tag", "entry", "error")),
        "paging_structure_cache.hit",
    ),
    "tables, queue, descriptors in memory": ("m_axi_mem_",),
    "invalidations": (
        *("invalidation_queue.queue.enable", "invalidation_queue.head", "invalidation_queue.queue.tail"),
        *(f"invalidation.command.context_{name}" for name in ("global", "domain", "device")),
        *(f"invalidation.command.iotlb_{name}" for name in ("global", "domain", "page")),
        *(f"invalidation.command.iec_{name}" for name in ("global", "index")),
        *(f"invalidation.command.{name}" for name in ("domain_id", "source_id", "page", "interrupt_index")),
        *("invalidation.epoch", "invalidation.queue_done", "invalidation.registers_done"),
    ),
    "faults": (
        *(f"request_pipeline.record.{name}" for name in ("valid", "fault_reason", "source_id", "address")),
        *(f"interrupt_remapper.record__{name}" for name in ("valid", "ready")),
        *(f"interrupt_remapper.record__payload.{name}" for name in ("fault_reason", "source_id", "address")),
    ),
    "interrupts": (
        *(f"interrupt_remapper.interrupt__{name}" for name in ("valid", "ready")),
        *(f"interrupt_remapper.interrupt__payload.{name}" for name in ("source_id", "address", "data")),
        *("interrupt_remapper.lookup", "interrupt_remapper.iec_hit"),
        *(f"interrupt_remapper.message__{name}" for name in ("valid", "ready", "payload.address", "payload.data")),
        *(f"interrupt_remapper.post__{name}" for name in ("valid", "ready", "payload.address", "payload.vector")),
        *("interrupt_remapper.posted.valid", "interrupt_remapper.posted.notify"),
        *("interrupt_remapper.answer__valid", "interrupt_remapper.answer__payload.okay"),
    ),
    "registers": ("s_axil_", "register_file.translation_enable", "register_file.interrupt_remapping_enable"),
}


def signals(config: UnitConfig) -> dict[str, list[str]]:
    """Return the signals of each group by their place in the hierarchy, without ranges."""
    return {group: [signal for name in names for signal in _expanded(name, config)] for group, names in GROUPS.items()}


def _expanded(name: str, config: UnitConfig) -> list[str]:
    """Return a signal of a block, or the channels of an interface, each with valid and ready first."""
    if not name.endswith("_"):
        return [f"{BLOCKS}.{name}"]
    ports = [port.name.removeprefix(name) for port in unit_ports(config) if port.name.startswith(name)]
    found = []
    for channel in CHANNELS:
        fields = [f"{channel}valid", f"{channel}ready"]
        fields += [port for port in ports if port.startswith(channel) and port not in fields]
        found += [f"{UNIT}.{name}{field}" for field in fields if field in ports and not field.endswith(LEFT_OUT)]
    return found


def beside(waves: Path) -> tuple[Path, Path]:
    """Return the files that belong beside one of waveforms: the view, and names that it shows for numbers."""
    return waves.with_name(waves.name + ".gtkw"), waves.with_name(waves.name + ".reasons")


def view_files(waves: Path, config: UnitConfig, simulator: str) -> dict[Path, str]:
    """Return the texts of the files that `beside` names.

    Paths in the view are absolute: GTKWave takes them relative to where the view was, so that the files can be moved
    together.
    """
    waves = waves.resolve()
    view, reasons = beside(waves)
    text = io.StringIO()
    save = GTKWSave(text)
    save.dumpfile(str(waves))
    save.savefile(str(view))
    save.size(1400, 900)
    save.zoom_markers(ZOOM)
    save.treeopen(f"{UNIT}.")
    save.signals_width(360)
    widths = _widths(unit_verilog(config))
    for name in ("aclk", "aresetn"):
        save.trace(f"{UNIT}.{name}", alias=name)
    for group, names in signals(config).items():
        with save.group(group):
            for name in names:
                if name in widths:  # another configuration may have no such signal
                    filter_file = str(reasons) if name.endswith("fault_reason") else None
                    full = f"{_in_file(name, simulator)}{_range(widths[name])}"
                    save.trace(full, alias=_alias(name), translate_filter_file=filter_file)
    reason_names = "".join(f"{reason:02X} {reason:#04x} {reason.name.lower()}\n" for reason in FaultReason)
    return {view: text.getvalue(), reasons: reason_names}


def _widths(verilog: str) -> dict[str, int]:
    """Return the width of every signal, by its place in the hierarchy, of the modules right below the unit."""
    found = {}
    for module in MODULE.finditer(verilog):
        place = UNIT + module["place"]
        for signal in SIGNAL.finditer(module["body"]):
            found[f"{place}.{signal['name']}"] = int(signal["last"] or 0) + 1
    return found


def _range(width: int) -> str:
    return f"[{width - 1}:0]" if width > 1 else ""


def _alias(name: str) -> str:
    """Return the name to be shown: GTKWave cuts off what is before a dot."""
    place, signal = _split(name)
    shown = signal.replace("__", " ").replace("payload.", "").replace(".", " ")
    return signal if place == UNIT else f"{place.removeprefix(BLOCKS).lstrip('.')}: {shown}".removeprefix(": ")


def _in_file(name: str, simulator: str) -> str:
    """Return the name that a simulator writes: Icarus keeps the backslash of names that need it in Verilog."""
    place, signal = _split(name)
    return f"{place}.\\{signal}" if simulator == "icarus" and "." in signal else name


def _split(name: str) -> tuple[str, str]:
    """Return the place of a signal's module, and its name there."""
    inside = name.removeprefix(f"{BLOCKS}.")
    if inside == name:
        return UNIT, name.removeprefix(f"{UNIT}.")
    block, _, signal = inside.partition(".")
    return (BLOCKS, inside) if "__" in block else (f"{BLOCKS}.{block}", signal)
