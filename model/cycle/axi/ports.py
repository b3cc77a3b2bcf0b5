"""What AXI channels carry: golden model of the interfaces of rtl/axi/ports.py.

Fields are in the order of the ports of `vtd_unit` (model.arch.axi.unit_ports), without valid and ready. A channel whose
valid is 0 is None.
"""

from typing import NamedTuple

__all__ = ["Address", "DeviceAddress", "LiteRead", "LiteWrite", "ReadData", "Refusal", "WriteData", "WriteResponse"]


class Address(NamedTuple):
    """AR or AW towards memory."""

    id: int
    addr: int
    len: int = 0
    size: int = 3
    burst: int = 1
    lock: int = 0
    cache: int = 0
    prot: int = 0
    qos: int = 0


class DeviceAddress(NamedTuple):
    """AR or AW of a device, with its side band: source-id, PASID valid, PASID, already translated."""

    id: int
    addr: int
    len: int = 0
    size: int = 3
    burst: int = 1
    lock: int = 0
    cache: int = 0
    prot: int = 0
    qos: int = 0
    mmusid: int = 0
    mmussidv: int = 0
    mmussid: int = 0
    mmuatst: int = 0


class WriteData(NamedTuple):
    """W."""

    data: int
    strb: int
    last: int


class WriteResponse(NamedTuple):
    """B."""

    id: int
    resp: int


class ReadData(NamedTuple):
    """R."""

    id: int
    data: int
    resp: int
    last: int


class LiteWrite(NamedTuple):
    """W of AXI4-Lite."""

    data: int
    strb: int


class LiteRead(NamedTuple):
    """R of AXI4-Lite."""

    data: int
    resp: int


class Refusal(NamedTuple):
    """A request that never gets to memory: its ID, AxLEN, and whether it ends well all the same."""

    id: int
    len: int
    okay: int
