"""Golden model of rtl/axi/channel.py: address channels, from a device into a request, from an issue to memory."""

from model.cycle.axi.ports import Address, DeviceAddress
from model.cycle.request import Attributes, Request

__all__ = ["Issue", "device_request", "memory_address"]

TRANSLATED = 2  # address type of a request whose address is already translated

# rtl.request_pipeline.issue_layout without `valid`: ID, address, attributes, looked up in the other epoch.
Issue = tuple[int, int, Attributes, int]


def device_request(address: DeviceAddress, access: int) -> Request:
    """Turn what a device offers on its address channel into a request. PASIDs are not looked at."""
    id_, place, *attributes, source_id, pasid_valid, _, is_translated = address
    address_type = TRANSLATED if is_translated else 0
    return Request(access, source_id, pasid_valid, address_type, place, id_, Attributes(*attributes))


def memory_address(issue: Issue) -> Address:
    """Return what memory's address channel carries for an issued request."""
    return Address(issue[0], issue[1], *issue[2])
