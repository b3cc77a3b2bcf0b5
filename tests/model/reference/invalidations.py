"""Descriptors of the invalidation queue by plain numbers, and units that are given them."""

from tests.model.reference.interrupts import make_unit, queue_state, set_root_table, start_queue

STATUS = 0x3000  # where wait descriptors write
GLOBAL, DOMAIN, SELECTIVE = 1, 2, 3
ABORT_DMA, RESERVED_MODE, SCALABLE = 3 << 10, 2 << 10, 1 << 10


def context_cache_inv(granularity, *, did=0, sid=0, fm=0):
    return 1 | granularity << 4 | did << 16 | sid << 32 | fm << 48


def iotlb_inv(granularity, *, did=0, dw=0, dr=0, am=0, ih=0, address=0):
    return 2 | granularity << 4 | dw << 6 | dr << 7 | did << 16 | (am | ih << 6 | address) << 64


def iec_inv(granularity, *, index=0, im=0):
    return 4 | granularity << 4 | im << 27 | index << 32


def p_iotlb_inv(granularity, *, did=0, pasid=0, am=0, ih=0, address=0):
    return 6 | granularity << 4 | did << 16 | pasid << 32 | (am | ih << 6 | address) << 64


def pasid_cache_inv(granularity, *, did=0, pasid=0):
    return 7 | granularity << 4 | did << 16 | pasid << 32


def queue_unit(mode=0, **config):
    """Return a unit in which that table mode is in force."""
    unit = make_unit(**config)
    if mode:
        set_root_table(unit, mode)
    return unit


def run(unit, *descriptors, wide=False):
    """Give the descriptors to a new queue and return head in bytes, IQE, IQEI."""
    start_queue(unit, list(descriptors), wide=wide)
    return queue_state(unit)
