"""Top-level module `vtd_unit`: the unit with conventional AXI port names, clock `aclk` and reset `aresetn`."""

from amaranth import *

from model.arch import UnitConfig
from model.arch.axi import unit_ports
from rtl.request import request_layout
from rtl.unit import Unit

__all__ = ["Top"]

INTERFACES = ("s_axil", "s_axi", "m_axi_mem", "m_axi")  # a longer name before the one that it begins with


class Top(Elaboratable):
    """Flat ports around Unit; `aresetn` is synchronous, active low.

    Parameters
    ----------
    config : UnitConfig
        What to build.
    core_port : bool
        Add the ports `core_valid`, `core_payload` and `core_ready` (Unit.core), which simulations use.

    Attributes
    ----------
    ports : dict[str, Signal]
        Every port by its name.
    """

    def __init__(self, config: UnitConfig, *, core_port: bool = False):
        self.config = config
        self.core_port = core_port
        widths = {"aclk": 1, "aresetn": 1} | {port.name: port.width for port in unit_ports(config)}
        if core_port:
            widths |= {"core_valid": 1, "core_payload": request_layout(config).size, "core_ready": 1}
        self.ports = {name: Signal(width, name=name) for name, width in widths.items()}

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = domain = ClockDomain()
        domain.clk = self.ports["aclk"]
        m.submodules.unit = unit = Unit(config=self.config, core_port=self.core_port)
        m.d.comb += domain.rst.eq(~self.ports["aresetn"])
        for port in unit_ports(self.config):
            interface = next(name for name in INTERFACES if port.name.startswith(f"{name}_"))
            inside = getattr(getattr(unit, interface), port.name.removeprefix(f"{interface}_"))
            outside = self.ports[port.name]
            m.d.comb += outside.eq(inside) if port.output else inside.eq(outside)
        if self.core_port:
            m.d.comb += [
                unit.core.valid.eq(self.ports["core_valid"]),
                unit.core.p.as_value().eq(self.ports["core_payload"]),
                self.ports["core_ready"].eq(unit.core.ready),
            ]
        return m
