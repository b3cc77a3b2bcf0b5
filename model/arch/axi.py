"""AXI4 encodings, and the ports of the top-level module: every name, width and direction, once."""

from enum import IntEnum
from typing import NamedTuple

from model.arch.config import UnitConfig
from model.arch.sizes import MEMORY_DATA_BITS

__all__ = ["Burst", "Cache", "Port", "Response", "Size", "unit_ports"]


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
