"""Recorded DMA and interrupt lines as requests that a bus can carry."""

from model.arch import UnitConfig
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.cycle.request import Access, Attributes, Request
from model.reference import DmaAccess
from sim.recording import Dma, Interrupt
from tb.axi_device import Transfer

__all__ = ["dma_transfer", "interrupt_transfer"]

PAGE_BYTES = 4096
DWORD_BYTES = 1 << Size.DWORD

# (beats, log2 of bytes in a beat, where the bus is wide enough), taken in turn, so that every shape meets every case.
SHAPES = ((1, 3), (4, 3), (1, 0), (2, 2), (1, 2), (16, 3), (3, 1), (1, 4))
ATOMIC_SHAPES = ((1, 2), (1, 3))

CORE_ACCESS = {DmaAccess.ATOMIC: Access.ATOMIC, DmaAccess.ZERO_LENGTH_READ: Access.ZERO_LENGTH_READ}


def dma_transfer(event: Dma, config: UnitConfig, number: int) -> Transfer:
    """Return the transfer of a line whose `access` is a bus request; `number` chooses one of the shapes that fit.

    The first beat has the recorded address, and all beats are in its 4 KiB page, so that one answer is right for all
    of them. A source-id always has the same AXI ID: a device's requests stay in order. What AXI cannot carry enters
    at the core port: AtomicOps and zero-length reads.
    """
    assert event.access is not None
    write = event.access in (DmaAccess.WRITE, DmaAccess.ATOMIC)
    transfer = Transfer(
        write, event.source_id, event.address, _id_of(event, config), pasid=event.pasid, line=event.line
    )
    if event.access in CORE_ACCESS:
        transfer.beats, transfer.size = _fitting(event, config, ATOMIC_SHAPES, number)
        transfer.request = _request(transfer, CORE_ACCESS[event.access])
    else:
        transfer.beats, transfer.size = _fitting(event, config, SHAPES, number)
    return transfer


def interrupt_transfer(event: Interrupt, config: UnitConfig) -> Transfer:
    """Return the transfer of an interrupt request: one aligned dword, so that the low two address bits are 0.

    Its AXI ID is that of the source-id's DMA.
    """
    address = event.address & -DWORD_BYTES
    return Transfer(
        True,
        event.source_id,
        address,
        _id_of(event, config),
        size=int(Size.DWORD),
        write_data=[event.data],
        line=event.line,
    )


def _id_of(event: Dma | Interrupt, config: UnitConfig) -> int:
    return (event.source_id ^ event.source_id >> config.id_bits) & (1 << config.id_bits) - 1


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
