"""Signatures of the AXI interfaces, made from the port table, and what both paths of the shell share."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.axi import unit_ports

__all__ = ["READ_CHANNELS", "WRITE_CHANNELS", "axi_signature", "refusal_layout"]

READ_CHANNELS = ("ar", "r")
WRITE_CHANNELS = ("aw", "w", "b")


def axi_signature(config: UnitConfig, prefix: str, channels: tuple[str, ...] = READ_CHANNELS + WRITE_CHANNELS):
    """Return the channels of one interface of `vtd_unit` ("s_axil_", "s_axi_", "m_axi_", "m_axi_mem_"), seen by its
    manager; members are called as the ports without their prefix."""
    is_manager = prefix.startswith("m_")
    return wiring.Signature(
        {
            port.name.removeprefix(prefix): (Out if port.output == is_manager else In)(port.width)
            for port in unit_ports(config)
            if port.name.startswith(prefix) and port.name.removeprefix(prefix).startswith(channels)
        }
    )


def refusal_layout(config: UnitConfig) -> data.StructLayout:
    """A request that never gets to memory: its ID, AxLEN, and whether it ends well all the same (`okay`)."""
    return data.StructLayout({"id": config.id_bits, "len": 8, "okay": 1})
