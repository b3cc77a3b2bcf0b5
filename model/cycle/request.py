"""What travels through the unit: requests, translations, refusals, and the entries that caches hold.

Golden model of rtl/request.py: fields, names and their order are the same; all values are plain whole numbers (flags 0
or 1, pages are addresses without their low 12 bits). Tuples, because they are the quickest that Python has.
"""

from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "Access",
    "Attributes",
    "Context",
    "Invalidation",
    "Issue",
    "Parking",
    "Protected",
    "Replay",
    "Request",
    "Result",
    "Table",
    "Translation",
]


class Access(IntEnum):
    """What a request wants to do."""

    READ = 0
    WRITE = 1
    ATOMIC = 2
    ZERO_LENGTH_READ = 3


class Attributes(NamedTuple):
    """AXI attributes that pass through the unit unchanged."""

    len: int = 0
    size: int = 0
    burst: int = 1
    lock: int = 0
    cache: int = 0
    prot: int = 0
    qos: int = 0


class Request(NamedTuple):
    """A request of a device: who, where, what, and its AXI side."""

    access: int
    source_id: int
    pasid_valid: int
    address_type: int
    address: int
    id: int
    attributes: Attributes = Attributes()


class Context(NamedTuple):
    """What a checked context-entry says: `width` is AW, `table` the page number of the top second-stage table."""

    domain_id: int = 0
    fault_processing_disable: int = 0
    pass_through: int = 0
    width: int = 0
    table: int = 0


class Translation(NamedTuple):
    """A page: `level` 1, 2 or 3 says how large it is, `page` is its host page number, low bits 0 for large pages."""

    domain_id: int = 0
    fault_processing_disable: int = 0
    level: int = 0
    page: int = 0
    read: int = 0
    write: int = 0


class Result(NamedTuple):
    """The end of a walk: a fault (`fault_reason` not 0, `suppressed` by FPD), pass-through, or a page."""

    fault_reason: int = 0
    suppressed: int = 0
    pass_through: int = 0
    translation: Translation = Translation()


class Table(NamedTuple):
    """A second-stage table: its `level` (1 holds leaves), its page number, and the permissions on the way to it."""

    level: int = 0
    table: int = 0
    read: int = 0
    write: int = 0


class Invalidation(NamedTuple):
    """One command to every cache, for one clock; all 0 only drains.

    `context_*`: all, by domain, by device (source-id under `function_mask`, and domain); `iotlb_*`: all, by domain,
    by page (domain and address; `page_mask` has ones at page-number bits that do not count); `keep_tables` is IH.
    `iec_*`: interrupt entries, all or by index (`interrupt_mask` has ones at its bits that do not count).
    """

    context_global: int = 0
    context_domain: int = 0
    context_device: int = 0
    iotlb_global: int = 0
    iotlb_domain: int = 0
    iotlb_page: int = 0
    keep_tables: int = 0
    domain_id: int = 0
    source_id: int = 0
    function_mask: int = 0
    page: int = 0
    page_mask: int = 0
    iec_global: int = 0
    iec_index: int = 0
    interrupt_index: int = 0
    interrupt_mask: int = 0


class Protected(NamedTuple):
    """Protected memory regions, first and last byte; the last is below the first where there is no region."""

    enable: int = 0
    low_base: int = 0
    low_limit: int = 0
    high_base: int = 0
    high_limit: int = 0


class Issue(NamedTuple):
    """A permitted request on its way to memory; `older`: looked up in the other epoch."""

    id: int
    address: int
    attributes: Attributes
    older: int


class Parking(NamedTuple):
    """A request on its way into a slot of the walker: its own (`replayed`) or a free one.

    It is `refused`, or needs a `walk`, or only waits for older ones. `okay`: the device does not see it as a refusal.
    """

    refused: int
    okay: int
    walk: int
    replayed: int
    slot: int
    epoch: int
    request: Request
    context_valid: int
    context: Context


class Replay(NamedTuple):
    """A request that enters the pipeline again, with the `result` of its walk, made in `epoch`, if `has_result`.

    Without, `epoch` and `result` mean nothing.
    """

    slot: int
    request: Request
    has_result: int
    epoch: int
    result: Result
