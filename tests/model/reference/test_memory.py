"""Memory of the reference model: bytes that were stored, and places that fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.reference import Memory, MemoryFault


def test_read_is_little_endian():
    memory = Memory()
    memory.load(0x1000, bytes([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]))
    assert memory.read(0x1000, 8) == 0x8877665544332211
    assert memory.read(0x1003, 2) == 0x5544


def test_read_across_words():
    memory = Memory()
    memory.load(0x1000, bytes(range(24)))
    assert memory.read(0x1006, 12) == int.from_bytes(bytes(range(6, 18)), "little")


def test_read_of_512_bits():
    memory = Memory()
    memory.load(0x40, bytes(range(64)))
    assert memory.read(0x40, 64).to_bytes(64, "little") == bytes(range(64))


def test_read_where_nothing_was_stored():
    assert Memory().read(0x2004, 16) == 0


@pytest.mark.parametrize("failing", [0x1000, 0x1008])
def test_read_fails_when_any_word_fails(failing):
    memory = Memory()
    memory.load(0x1000, bytes(16))
    memory.fail(failing, 8)
    with pytest.raises(MemoryFault, match=rf"^memory fails at {failing:#x}$"):
        memory.read(0x1000, 16)


def test_write_then_read():
    memory = Memory()
    memory.write(0x1004, 4, 0xAABBCCDD)
    assert memory.read(0x1004, 4) == 0xAABBCCDD
    assert memory.read(0x1000, 8) == 0xAABBCCDD00000000


def test_write_keeps_neighbours():
    memory = Memory()
    memory.load(0x1000, b"\xff" * 16)
    memory.write(0x1007, 2, 0)
    assert memory.read(0x1000, 16) == (1 << 128) - 1 & ~(0xFFFF << 56)


def test_write_where_memory_fails_stores_nothing():
    memory = Memory()
    memory.load(0x1000, bytes(16))
    memory.fail(0x1008, 8)
    with pytest.raises(MemoryFault, match=r"^memory fails at 0x1008$"):
        memory.write(0x1000, 16, (1 << 128) - 1)
    assert memory.read(0x1000, 8) == 0


@pytest.mark.parametrize(("first", "size", "failing"), [(0x1008, 8, {1}), (0x100F, 1, {1}), (0x1007, 2, {0, 1})])
def test_fail_takes_whole_words(first, size, failing):
    memory = Memory()
    memory.load(0x1000, bytes(32))
    memory.fail(first, size)
    for word in range(4):
        if word in failing:
            with pytest.raises(MemoryFault):
                memory.read(0x1000 + word * 8, 1)
        else:
            assert memory.read(0x1000 + word * 8, 8) == 0


def test_load_heals_what_failed():
    memory = Memory()
    memory.load(0x1000, b"\xff" * 8)
    memory.fail(0x1000, 8)
    memory.load(0x1002, b"\x42")
    assert memory.read(0x1000, 8) == 0x42 << 16


@given(st.lists(st.tuples(st.integers(0, 80), st.binary(min_size=1, max_size=40)), min_size=1))
def test_reads_give_what_was_stored_last(stores):
    memory, expected = Memory(), {}
    for address, data in stores:
        memory.load(address, data)
        expected |= {address + i: byte for i, byte in enumerate(data)}
    for address, byte in expected.items():
        assert memory.read(address, 1) == byte
