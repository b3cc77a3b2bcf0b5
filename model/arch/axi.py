"""AXI4 encodings, and the ports of the top-level module: every name, width and direction, once."""

from enum import IntEnum
from typing import NamedTuple

from model.arch.config import UnitConfig
from model.arch.sizes import MEMORY_DATA_BITS

__all__ = ["INTERFACES", "Burst", "Cache", "Port", "Response", "Size", "port_meaning", "unit_ports"]


class Burst(IntEnum):
    """AxBURST. AXI4 A3.4.1."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class Response(IntEnum):
    """xRESP. AXI4 A3.4.4."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


class Cache(IntEnum):
    """AxCACHE that the unit's own accesses carry. AXI4 A4.4."""

    BUFFERABLE = 0b0010  # normal non-cacheable
    SNOOPED = 0b1111  # write-back, allocate


class Size(IntEnum):
    """AxSIZE of 4, 8 and 16 bytes. AXI4 A3.4.1."""

    DWORD = 2
    QUADWORD = 3
    OCTAWORD = 4


class Port(NamedTuple):
    """One port of `vtd_unit`; `output` is seen from the unit."""

    name: str
    width: int
    output: bool


# Prefix of an interface -> what it is for. A prefix of another one comes after it.
INTERFACES = {
    "s_axil_": "AXI4-Lite subordinate: the registers, in accesses of 4 and 8 bytes",
    "s_axi_": "AXI4 subordinate: devices, their DMA and interrupt requests",
    "m_axi_mem_": "AXI4 manager: the unit's own accesses to tables, queue, status and posted-interrupt descriptors",
    "m_axi_": "AXI4 manager: permitted DMA at its host address, remapped interrupts, event messages",
}

# Signal of an address channel, without "ar" or "aw" -> its meaning.
_ADDRESS_MEANINGS = {
    "id": "ID of the request",
    "addr": "byte address",
    "len": "number of beats minus 1",
    "size": "bytes of a beat, log2",
    "burst": "FIXED, INCR or WRAP",
    "lock": "exclusive access",
    "cache": "memory attributes",
    "prot": "protection attributes",
    "qos": "quality of service",
    "mmusid": "source-id: bus, device, function",
    "mmussidv": "the request has a PASID",
    "mmussid": "PASID",
    "mmuatst": "the address is already translated",
    "valid": "an address is offered",
    "ready": "the address is taken",
}
_DATA_MEANINGS = {
    "wdata": "data to write",
    "wstrb": "bytes of wdata that are written",
    "wlast": "last beat of the burst",
    "wvalid": "data are offered",
    "wready": "the data are taken",
    "bid": "ID of the write that is answered",
    "bresp": "OKAY, EXOKAY, SLVERR or DECERR",
    "bvalid": "an answer is offered",
    "bready": "the answer is taken",
    "rid": "ID of the read that is answered",
    "rdata": "data read",
    "rresp": "OKAY, EXOKAY, SLVERR or DECERR",
    "rlast": "last beat of the burst",
    "rvalid": "data are offered",
    "rready": "the data are taken",
}


def port_meaning(name: str) -> str:
    """Return what a port of `unit_ports` says."""
    prefix = next(prefix for prefix in INTERFACES if name.startswith(prefix))
    signal = name.removeprefix(prefix)
    direction = {"ar": "read", "aw": "write"}.get(signal[:2])
    return f"{direction}: {_ADDRESS_MEANINGS[signal[2:]]}" if direction else _DATA_MEANINGS[signal]


def unit_ports(config: UnitConfig) -> list[Port]:
    """Return the ports of `vtd_unit` in order, without clock and reset."""
    device = {"id_bits": config.id_bits, "address_bits": 64, "data_bits": config.data_bits}
    # Not HAW: bits 31:8 of a 32-bit APIC destination are address bits 63:40 of a message.
    host = {"id_bits": config.id_bits + 1, "address_bits": 64, "data_bits": config.data_bits}
    memory = {"id_bits": config.memory_id_bits, "address_bits": config.haw, "data_bits": MEMORY_DATA_BITS}
    return [
        *_lite("s_axil_", address_bits=12, data_bits=64),
        *_subordinate("s_axi_", _full(**device, side_band=True)),
        *_manager("m_axi_", _full(**host, side_band=False)),
        *_manager("m_axi_mem_", _full(**memory, side_band=False)),
    ]


# Signals that the manager drives, and those that the subordinate drives: name -> width.
_Signals = tuple[dict[str, int], dict[str, int]]


def _full(*, id_bits: int, address_bits: int, data_bits: int, side_band: bool) -> _Signals:
    address = {"id": id_bits, "addr": address_bits, "len": 8, "size": 3, "burst": 2, "lock": 1, "cache": 4, "prot": 3}
    address |= {"qos": 4}
    if side_band:
        address |= {"mmusid": 16, "mmussidv": 1, "mmussid": 20, "mmuatst": 1}
    address |= {"valid": 1}
    manager = {f"aw{name}": width for name, width in address.items()}
    manager |= {"wdata": data_bits, "wstrb": data_bits // 8, "wlast": 1, "wvalid": 1, "bready": 1}
    manager |= {f"ar{name}": width for name, width in address.items()} | {"rready": 1}
    subordinate = {"awready": 1, "wready": 1, "bid": id_bits, "bresp": 2, "bvalid": 1, "arready": 1}
    subordinate |= {"rid": id_bits, "rdata": data_bits, "rresp": 2, "rlast": 1, "rvalid": 1}
    return manager, subordinate


def _lite(prefix: str, *, address_bits: int, data_bits: int) -> list[Port]:
    manager = {"awaddr": address_bits, "awprot": 3, "awvalid": 1, "wdata": data_bits, "wstrb": data_bits // 8}
    manager |= {"wvalid": 1, "bready": 1, "araddr": address_bits, "arprot": 3, "arvalid": 1, "rready": 1}
    subordinate = {"awready": 1, "wready": 1, "bresp": 2, "bvalid": 1, "arready": 1}
    subordinate |= {"rdata": data_bits, "rresp": 2, "rvalid": 1}
    return _subordinate(prefix, (manager, subordinate))


def _subordinate(prefix: str, signals: _Signals) -> list[Port]:
    manager, subordinate = signals
    return _ports(prefix, manager, output=False) + _ports(prefix, subordinate, output=True)


def _manager(prefix: str, signals: _Signals) -> list[Port]:
    manager, subordinate = signals
    return _ports(prefix, manager, output=True) + _ports(prefix, subordinate, output=False)


def _ports(prefix: str, signals: dict[str, int], *, output: bool) -> list[Port]:
    return [Port(prefix + name, width, output) for name, width in signals.items()]
