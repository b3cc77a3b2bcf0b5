"""Recorded lines as bus requests: DMA has the recorded address first, a legal burst, and is never an interrupt."""

import dataclasses

import pytest

from model.arch import PRESETS, UnitConfig
from model.cycle.request import Access
from model.reference import DmaAccess
from sim.recording import Dma, Interrupt
from tb.axi_memory import beat_addresses
from tb.recorded_requests import SHAPES, dma_transfer, interrupt_transfer

CONFIG = UnitConfig()
READ = Dma(2, "t", 0x3A0A, None, 0x8080604ABC, DmaAccess.READ, True)
INTERRUPT = Interrupt(2, 0x3A0A, 0xFEE00098, 0x12345678, True)
NUMBERS = range(2 * len(SHAPES))


def shape(event, number=0, config=CONFIG):
    transfer = dma_transfer(event, config, number)
    return transfer.beats, transfer.size


@pytest.mark.parametrize("access", [DmaAccess.READ, DmaAccess.WRITE])
@pytest.mark.parametrize("config", [*PRESETS.values(), UnitConfig(data_bits=32), UnitConfig(data_bits=128)])
@pytest.mark.parametrize("address", [0, 0x1FF0, 0x1FF8, 0x1FFC, 0x1FFE, 0x1FFF, 0xFFFFFFFFFFFFF001, 0xFFFFFFFFFFFFFFFF])
def test_all_beats_are_in_the_page(access, config, address):
    for number in NUMBERS:
        transfer = dma_transfer(dataclasses.replace(READ, address=address, access=access), config, number)
        assert transfer.address == address
        assert 8 << transfer.size <= config.data_bits
        places = beat_addresses(address, transfer.beats, transfer.size, transfer.burst)
        assert {place >> 12 for place in places} == {address >> 12}
        assert transfer.write == (access is DmaAccess.WRITE)


def test_every_shape_that_fits_the_bus_occurs():
    found = {shape(dataclasses.replace(READ, address=0x1000), number) for number in NUMBERS}
    assert found == {(beats, size) for beats, size in SHAPES if 8 << size <= CONFIG.data_bits}


def test_a_byte_at_the_end_of_a_page_is_the_last_resort():
    assert {shape(dataclasses.replace(READ, address=0x1FFF), n) for n in NUMBERS} == {(1, 0), (1, 2), (1, 3)}
    assert shape(dataclasses.replace(READ, address=0x1FFF), 1) == (1, 0)


def test_write_that_is_no_interrupt_request_stays_none():
    """Rule 3.4: one aligned dword written to 0xFEEx_xxxx, and nothing else, is an interrupt request."""
    for offset in range(8):
        event = dataclasses.replace(READ, access=DmaAccess.WRITE, address=0xFEE00000 + offset)
        shapes = {shape(event, number) for number in NUMBERS}
        assert ((1, 2) in shapes) == (offset % 4 != 0)
        assert (1, 3) in shapes
    assert (1, 2) in {shape(dataclasses.replace(READ, address=0xFEE00000), number) for number in NUMBERS}


def test_who_asks():
    transfer = dma_transfer(dataclasses.replace(READ, pasid=0x12345), CONFIG, 0)
    assert (transfer.source_id, transfer.pasid, transfer.translated, transfer.request) == (0x3A0A, 0x12345, False, None)


def test_a_source_id_keeps_its_id():
    ids = {
        dma_transfer(dataclasses.replace(READ, source_id=source), CONFIG, 0).id for source in range(0, 0x10000, 0x101)
    }
    assert ids == set(range(16))
    assert len({dma_transfer(READ, CONFIG, number).id for number in NUMBERS}) == 1
    assert dma_transfer(dataclasses.replace(READ, source_id=0xFFFF), UnitConfig(id_bits=1), 0).id in (0, 1)


@pytest.mark.parametrize("address", range(0xFEE00098, 0xFEE0009C))
def test_interrupt_is_one_aligned_dword(address):
    """Also where the recording has an address that is not aligned, since no dword has it."""
    transfer = interrupt_transfer(dataclasses.replace(INTERRUPT, address=address), CONFIG)
    assert (transfer.write, transfer.source_id, transfer.address) == (True, 0x3A0A, 0xFEE00098)
    assert (transfer.beats, transfer.size, transfer.write_data, transfer.strobes) == (1, 2, [0x12345678], None)
    assert (transfer.pasid, transfer.translated, transfer.request) == (None, False, None)
    assert transfer.id == dma_transfer(READ, CONFIG, 0).id


@pytest.mark.parametrize(
    ("access", "code", "write"),
    [(DmaAccess.ATOMIC, Access.ATOMIC, True), (DmaAccess.ZERO_LENGTH_READ, Access.ZERO_LENGTH_READ, False)],
)
def test_what_axi_cannot_carry_enters_at_the_core_port(access, code, write):
    event = dataclasses.replace(READ, kind="ta", access=access, pasid=0)
    for number in NUMBERS:
        transfer = dma_transfer(event, CONFIG, number)
        request = transfer.request
        assert (transfer.write, transfer.beats, request.access) == (write, 1, code)
        assert (request.source_id, request.address, request.pasid_valid) == (0x3A0A, 0x8080604ABC, 1)
        assert (request.id, request.attributes.len, request.attributes.size) == (transfer.id, 0, transfer.size)
