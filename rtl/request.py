"""What travels through the unit: requests, translations, refusals, and the entries that caches hold."""

from amaranth.lib import data, enum

from model.arch import UnitConfig

__all__ = [
    "Access",
    "attributes_layout",
    "context_layout",
    "invalidation_layout",
    "is_write",
    "protected_layout",
    "request_layout",
    "result_layout",
    "translation_layout",
]

ADDRESS_BITS = 64
PAGE_BITS = ADDRESS_BITS - 12  # a page number: address bits 63:12
INTERRUPT_INDEX_BITS = 16  # of an interrupt remapping table; that of a request has one more, which no table reaches


class Access(enum.Enum, shape=2):
    """What a request wants to do."""

    READ = 0
    WRITE = 1
    ATOMIC = 2
    ZERO_LENGTH_READ = 3


def is_write(request):
    """Say whether a request goes out as a write."""
    return (request.access == Access.WRITE) | (request.access == Access.ATOMIC)


def attributes_layout() -> data.StructLayout:
    """AXI attributes that pass through the unit unchanged."""
    return data.StructLayout({"len": 8, "size": 3, "burst": 2, "lock": 1, "cache": 4, "prot": 3, "qos": 4})


def request_layout(config: UnitConfig) -> data.StructLayout:
    """A request of a device: who, where, what, and its AXI side."""
    return data.StructLayout(
        {
            "access": Access,
            "source_id": 16,
            "pasid_valid": 1,
            "address_type": 2,
            "address": ADDRESS_BITS,
            "id": config.id_bits,
            "attributes": attributes_layout(),
        }
    )


def context_layout(config: UnitConfig) -> data.StructLayout:
    """What a checked context-entry says: `width` is AW, `table` the page number of the top second-stage table."""
    return data.StructLayout(
        {
            "domain_id": config.domain_id_bits,
            "fault_processing_disable": 1,
            "pass_through": 1,
            "width": 3,
            "table": config.haw - 12,
        }
    )


def translation_layout(config: UnitConfig) -> data.StructLayout:
    """A page: `level` 1, 2 or 3 says how large it is, `page` is its host page number, low bits 0 for large pages."""
    return data.StructLayout(
        {
            "domain_id": config.domain_id_bits,
            "fault_processing_disable": 1,
            "level": 2,
            "page": config.haw - 12,
            "read": 1,
            "write": 1,
        }
    )


def result_layout(config: UnitConfig) -> data.StructLayout:
    """The end of a walk: a fault (`fault_reason` not 0, `suppressed` by FPD), pass-through, or a page.

    Only the fields of its kind mean something.
    """
    return data.StructLayout(
        {
            "fault_reason": 8,
            "suppressed": 1,
            "pass_through": 1,
            "translation": translation_layout(config),
        }
    )


def invalidation_layout(config: UnitConfig) -> data.StructLayout:
    """One command to every cache, for one clock.

    `context_*`: all, by domain, by device (source-id under `function_mask`, and domain); `iotlb_*`: all, by domain,
    by page (domain and address; `page_mask` has ones at the page-number bits below MAMV that do not count);
    `keep_tables` is IH.
    `iec_*`: interrupt entries, all or by index (`interrupt_mask` has ones at its bits that do not count).
    """
    return data.StructLayout(
        {
            "context_global": 1,
            "context_domain": 1,
            "context_device": 1,
            "iotlb_global": 1,
            "iotlb_domain": 1,
            "iotlb_page": 1,
            "keep_tables": 1,
            "domain_id": config.domain_id_bits,
            "source_id": 16,
            "function_mask": 3,
            "page": PAGE_BITS,
            "page_mask": PAGE_BITS,
            "iec_global": 1,
            "iec_index": 1,
            "interrupt_index": INTERRUPT_INDEX_BITS,
            "interrupt_mask": INTERRUPT_INDEX_BITS,
        }
    )


def protected_layout() -> data.StructLayout:
    """Protected memory regions, first and last byte; the last is below the first where there is no region."""
    return data.StructLayout({"enable": 1, "low_base": 32, "low_limit": 32, "high_base": 64, "high_limit": 64})
