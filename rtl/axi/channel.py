"""Address channels of the AXI shell: from a device into a request, from an issued request to memory."""

from amaranth import *
from amaranth.lib import data

from model.arch import UnitConfig
from rtl.request import attributes_layout

__all__ = ["ATTRIBUTES", "address_layout", "connect_memory_address", "put_device_address"]

ATTRIBUTES = tuple(attributes_layout().members)

TRANSLATED = 2  # address type of a request whose address is already translated


def address_layout(config: UnitConfig) -> data.StructLayout:
    """What memory's address channel carries, but for the bit of the ID that marks the unit's own writes."""
    return data.StructLayout({"id": config.id_bits, "address": config.haw, "attributes": attributes_layout()})


def put_device_address(m, s_axi, channel, request, access):
    """Put what a device says on its address channel ("ar" or "aw") into `request`. PASIDs are not looked at."""
    m.d.comb += [
        request.access.eq(access),
        request.source_id.eq(getattr(s_axi, f"{channel}mmusid")),
        request.pasid_valid.eq(getattr(s_axi, f"{channel}mmussidv")),
        request.address_type.eq(Mux(getattr(s_axi, f"{channel}mmuatst"), TRANSLATED, 0)),
        request.address.eq(getattr(s_axi, f"{channel}addr")),
        request.id.eq(getattr(s_axi, f"{channel}id")),
        *(request.attributes[name].eq(getattr(s_axi, f"{channel}{name}")) for name in ATTRIBUTES),
    ]


def connect_memory_address(m, issued, m_axi, channel):
    """Put the stream `issued` of address_layout on memory's channel ("ar" or "aw"); an ID without MSB gets 0 there."""
    m.d.comb += [
        getattr(m_axi, f"{channel}valid").eq(issued.valid),
        issued.ready.eq(getattr(m_axi, f"{channel}ready")),
        getattr(m_axi, f"{channel}id").eq(issued.p.id),
        getattr(m_axi, f"{channel}addr").eq(issued.p.address),
        *(getattr(m_axi, f"{channel}{name}").eq(issued.p.attributes[name]) for name in ATTRIBUTES),
    ]
