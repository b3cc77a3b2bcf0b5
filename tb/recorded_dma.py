"""Recorded DMA lines as requests that a bus can carry."""

from model.arch import UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.cycle.request import Access, Attributes, Request
from model.reference import DmaAccess
from sim.recording import Dma
from tb.axi_device import Transfer

__all__ = ["transfer_of"]

PAGE_BYTES = 4096

# (beats, log2 of bytes in a beat, where the bus is wide enough), taken in turn, so that every shape meets every case.
SHAPES = ((1, 3), (4, 3), (1, 0), (2, 2), (1, 2), (16, 3), (3, 1), (1, 4))
ATOMIC_SHAPES = ((1, 2), (1, 3))

CORE_ACCESS = {DmaAccess.ATOMIC: Access.ATOMIC, DmaAccess.ZERO_LENGTH_READ: Access.ZERO_LENGTH_READ}


def transfer_of(event: Dma, config: UnitConfig, number: int) -> Transfer:
    """Return the transfer of a line whose `access` is a bus request; `number` chooses one of the shapes that fit.

    The first beat has the recorded address, and all beats are in its 4 KiB page, so that one answer is right for all
    of them. A source-id always has the same AXI ID: a device's requests stay in order. What AXI cannot carry enters
    at the core port: AtomicOps and zero-length reads.
    """
    assert event.access is not None
    id_ = (event.source_id ^ event.source_id >> config.id_bits) & (1 << config.id_bits) - 1
    write = event.access in (DmaAccess.WRITE, DmaAccess.ATOMIC)
    transfer = Transfer(write, event.source_id, event.address, id_, pasid=event.pasid)
    if event.access in CORE_ACCESS:
        transfer.beats, transfer.size = _fitting(event, config, ATOMIC_SHAPES, number)
        transfer.request = _request(transfer, CORE_ACCESS[event.access])
    else:
        transfer.beats, transfer.size = _fitting(event, config, SHAPES, number)
    return transfer


def _fitting(event: Dma, config: UnitConfig, shapes: tuple[tuple[int, int], ...], number: int) -> tuple[int, int]:
    """Return the first shape from `number` on that AXI allows here; a single byte always is."""
    for turn in range(len(shapes)):
        beats, size = shapes[(number + turn) % len(shapes)]
        end = (event.address & -(1 << size)) + (beats << size)
        in_page = end <= (event.address & -PAGE_BYTES) + PAGE_BYTES
        if in_page and 8 << size <= config.data_bits and not _would_be_interrupt(event, beats, size):
            return beats, size
    return 1, 0


def _would_be_interrupt(event: Dma, beats: int, size: int) -> bool:
    """Say whether the shape makes an interrupt request of a write that was none. Rule 3.4."""
    one_dword = (beats, size) == (1, Size.DWORD) and event.address % 4 == 0
    return one_dword and event.access is DmaAccess.WRITE and event.address >> 20 == INTERRUPT_PREFIX


def _request(transfer: Transfer, access: Access) -> Request:
    return Request(
        access=access,
        source_id=transfer.source_id,
        pasid_valid=int(transfer.pasid is not None),
        address_type=0,
        address=transfer.address,
        id=transfer.id,
        attributes=Attributes(len=transfer.beats - 1, size=transfer.size, burst=transfer.burst),
    )
