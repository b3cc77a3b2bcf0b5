"""Interrupt posting (rules 23): the descriptor in memory, and its notification."""

import pytest

from model.reference import InterruptResult, Memory, MemoryFault, Message
from tests.model.reference.interrupts import (
    EIME,
    FSTS,
    IRE,
    TABLE,
    command,
    interrupt,
    interrupt_record,
    make_unit,
    place_irte,
    posted_irte,
    record,
    remapping_unit,
    set_interrupt_table,
    trace_of,
)

DESCRIPTOR = 0x8000
ON, SN = 1 << 256, 1 << 257


class ReadOnlyMemory(Memory):
    """Answers every read, and every write with an error."""

    def write(self, address: int, size: int, value: int) -> None:
        raise MemoryFault(f"no write at {address:#x}")


def descriptor_of(*, pir=0, on=0, sn=0, nv=0xE1, ndst=0x0200):
    """Return a posted-interrupt descriptor. rule 23.1."""
    return pir | on << 256 | sn << 257 | nv << 272 | ndst << 288


def posting_unit(descriptor, *, eime=False, at=DESCRIPTOR, **config):
    """Return a unit with interrupt remapping on and that descriptor in memory."""
    unit = remapping_unit(eime=eime, **config)
    unit.memory.load(at, descriptor.to_bytes(64, "little"))
    return unit


def post(unit, *, index=0, at=DESCRIPTOR, **fields):
    """Place an entry in the posted format and make a request for it."""
    place_irte(unit, posted_irte(descriptor=at, **fields), index)
    return interrupt(unit, index)


def stored(unit, at=DESCRIPTOR):
    return unit.memory.read(at, 64)


NOTIFICATION = Message(0xFEE0_2000, 0x40E1)


@pytest.mark.parametrize("vector", [0, 1, 31, 63, 64, 127, 128, 255])
def test_23_2_pir_bit_of_the_vector_is_set(vector):
    unit = posting_unit(descriptor_of(on=1))
    result = post(unit, vector=vector)
    assert result == InterruptResult(posted=True, descriptor_address=DESCRIPTOR)
    assert result.permitted
    assert stored(unit) == descriptor_of(on=1, pir=1 << vector)


def test_23_2_other_pir_bits_stay():
    pir = int("5A" * 32, 16)
    unit = posting_unit(descriptor_of(pir=pir))
    post(unit, vector=0)
    assert stored(unit) == descriptor_of(pir=pir | 1, on=1)
    post(unit, vector=0)
    assert stored(unit) == descriptor_of(pir=pir | 1, on=1)
    post(unit, vector=255)
    assert stored(unit) == descriptor_of(pir=pir | 1 | 1 << 255, on=1)


# ON, SN, URG: is a notification sent, which is when ON becomes 1.
NOTIFY = [
    (0, 0, 0, True),
    (0, 0, 1, True),
    (0, 1, 0, False),
    (0, 1, 1, True),
    (1, 0, 0, False),
    (1, 0, 1, False),
    (1, 1, 0, False),
    (1, 1, 1, False),
]


@pytest.mark.parametrize(("on", "sn", "urg", "notify"), NOTIFY)
def test_23_2_on_and_notification(on, sn, urg, notify):
    unit = posting_unit(descriptor_of(on=on, sn=sn))
    result = post(unit, urg=urg)
    assert result.posted
    assert result.notification == (NOTIFICATION if notify else None)
    assert unit.messages == ([NOTIFICATION] if notify else [])
    assert stored(unit) == descriptor_of(on=on or notify, sn=sn, pir=1 << 0x31)


def test_23_2_the_second_interrupt_is_posted_without_a_second_notification():
    unit = posting_unit(descriptor_of())
    assert post(unit, vector=1).notification == NOTIFICATION
    assert post(unit, vector=2).notification is None
    assert unit.messages == [NOTIFICATION]
    assert stored(unit) == descriptor_of(on=1, pir=0b110)


@pytest.mark.parametrize("nv", [0x00, 0x55, 0xAA, 0xFF])
def test_23_3_notification_vector(nv):
    """Fixed, edge, asserted, physical destination, RH = 0."""
    unit = posting_unit(descriptor_of(nv=nv))
    assert post(unit).notification == Message(0xFEE0_2000, 0x4000 | nv)


@pytest.mark.parametrize(
    ("eime", "ndst", "address"),
    [
        (False, 0x0000_0100, 0xFEE0_1000),
        (False, 0x0000_FF00, 0xFEEF_F000),
        (True, 0x0000_00FF, 0xFEEF_F000),
        (True, 0x0000_0100, 0x0000_0100_FEE0_0000),
        (True, 0x1234_5678, 0x1234_5600_FEE7_8000),
        (True, 0xFFFF_FFFF, 0xFFFF_FF00_FEEF_F000),
    ],
)
def test_23_3_notification_destination_of_8_and_of_32_bits(eime, ndst, address):
    unit = posting_unit(descriptor_of(ndst=ndst), eime=eime)
    assert post(unit).notification == Message(address, 0x40E1)


def test_23_3_request_and_vector_of_the_entry_are_not_in_the_notification():
    unit = posting_unit(descriptor_of())
    place_irte(unit, posted_irte(descriptor=DESCRIPTOR, vector=0x99), index=0x13)
    assert interrupt(unit, 0x10, shv=1, data=3).notification == NOTIFICATION


# Bits 271:258, 287:280, 511:320; without EIME also NDST but for 303:296.
RESERVED = [*range(258, 272), *range(280, 288), *range(320, 512)]
NOT_XAPIC = [*range(288, 296), *range(304, 320)]


@pytest.mark.parametrize("eime", [False, True])
def test_23_1_each_reserved_bit_of_the_descriptor_is_28(eime):
    for bit in RESERVED + ([] if eime else NOT_XAPIC):
        descriptor = descriptor_of() | 1 << bit
        unit = posting_unit(descriptor, eime=eime)
        result = post(unit, index=6)
        assert result.fault_reason == 0x28, f"bit {bit}"
        assert not result.posted
        assert stored(unit) == descriptor
        assert unit.messages == []
        assert record(unit) == interrupt_record(0x28, index=6)


@pytest.mark.parametrize("eime", [False, True])
def test_23_1_every_other_bit_of_the_descriptor_may_be_set(eime):
    reserved = {*RESERVED, *(() if eime else NOT_XAPIC)}
    for bit in {*range(512)} - reserved:
        assert post(posting_unit(1 << bit, eime=eime)).posted, f"bit {bit}"


@pytest.mark.parametrize("part", range(0, 64, 8))
def test_23_1_read_error_is_27(part):
    unit = posting_unit(descriptor_of())
    unit.memory.fail(DESCRIPTOR + part, 8)
    assert post(unit, index=6).fault_reason == 0x27
    assert record(unit) == interrupt_record(0x27, index=6)
    assert unit.messages == []
    for other in {*range(0, 64, 8)} - {part}:
        assert unit.memory.read(DESCRIPTOR + other, 8) == descriptor_of() >> other * 8 & (1 << 64) - 1


def test_23_1_write_error_is_27_and_no_notification():
    memory = ReadOnlyMemory()
    memory.load(DESCRIPTOR, descriptor_of().to_bytes(64, "little"))
    unit = make_unit(memory)
    set_interrupt_table(unit, TABLE | 7)
    command(unit, IRE)
    result = post(unit, index=6)
    assert result.fault_reason == 0x27
    assert result.notification is None
    assert unit.messages == []
    assert stored(unit) == descriptor_of()
    assert record(unit) == interrupt_record(0x27, index=6)


@pytest.mark.parametrize("haw", [32, 39, 48, 52])
def test_23_1_descriptor_address_at_and_above_haw_is_24(haw):
    highest = (1 << haw) - 64
    unit = posting_unit(descriptor_of(), at=highest, haw=haw)
    result = post(unit, at=highest)
    assert result.posted
    assert result.descriptor_address == highest
    for bit in range(haw, 64):
        unit = posting_unit(descriptor_of(), haw=haw)
        assert post(unit, index=6, at=DESCRIPTOR | 1 << bit).fault_reason == 0x24, f"bit {bit}"
        assert record(unit) == interrupt_record(0x24, index=6)
        assert stored(unit) == descriptor_of()


@pytest.mark.parametrize("bit", range(6, 48))
def test_23_1_each_bit_of_the_descriptor_address(bit):
    address = 0x3000_0000 ^ 1 << bit
    unit = posting_unit(descriptor_of(), at=address)
    assert post(unit, at=address, vector=3).descriptor_address == address
    assert stored(unit, at=address) == descriptor_of(pir=1 << 3, on=1)


# Posted format: bits 7:2, 13:12, 37:24, 95:84 must be 0 in the posted format; 11:8 may be anything.
POSTED_RESERVED = [*range(2, 8), 12, 13, *range(24, 38), *range(84, 96)]


@pytest.mark.parametrize("eime", [False, True])
def test_22_3_f_each_bit_of_the_posted_format(eime):
    for bit in POSTED_RESERVED:
        unit = posting_unit(descriptor_of(), eime=eime)
        place_irte(unit, posted_irte(descriptor=DESCRIPTOR) | 1 << bit, index=6)
        assert interrupt(unit, 6).fault_reason == 0x24, f"bit {bit}"
        assert record(unit) == interrupt_record(0x24, index=6)
        assert stored(unit) == descriptor_of()
    for bit in [8, 9, 10, 11, 14, *range(16, 24), *range(64, 82)]:
        unit = posting_unit(descriptor_of(), eime=eime)
        place_irte(unit, posted_irte(descriptor=DESCRIPTOR, vector=0) | 1 << bit)
        assert interrupt(unit).posted, f"bit {bit}"


@pytest.mark.parametrize("present", [0, 1])
@pytest.mark.parametrize("matches", [False, True])
def test_22_3_posted_entries_go_through_the_same_checks_first(present, matches):
    unit = posting_unit(descriptor_of())
    sid = 0x3A1C if matches else 0x3A1D
    result = post(unit, present=present, svt=1, sid=sid)
    assert result.fault_reason == (0x22 if not present else None if matches else 0x26)
    assert stored(unit) == (descriptor_of(pir=1 << 0x31, on=1) if present and matches else descriptor_of())


def test_27_without_pi_nothing_is_posted():
    unit = posting_unit(descriptor_of(), pi=False)
    assert post(unit).fault_reason == 0x24
    assert stored(unit) == descriptor_of()
    assert unit.messages == []


def test_23_posting_leaves_no_fault():
    unit = posting_unit(descriptor_of())
    post(unit)
    assert unit.read_register(FSTS) == 0


def test_23_eime_of_the_table_in_force_counts():
    """Descriptor with a 32-bit destination: 28h until the table is made current with EIME."""
    unit = posting_unit(descriptor_of(ndst=0x1234_5678))
    assert post(unit).fault_reason == 0x28
    unit.write_register(0xB8, TABLE | EIME | 7, size=8)
    assert post(unit).fault_reason == 0x28
    set_interrupt_table(unit, TABLE | EIME | 7)
    assert post(unit).notification == Message(0x1234_5600_FEE7_8000, 0x40E1)


def test_trace_shows_entry_and_descriptor_before_and_after():
    unit = posting_unit(descriptor_of())
    steps = trace_of(unit)
    post(unit, vector=1)
    assert [step[1:] for step in steps if step[1]] == [
        ("IRTE_POSTED", TABLE, posted_irte(descriptor=DESCRIPTOR, vector=1)),
        ("POSTED_INTERRUPT_DESCRIPTOR", DESCRIPTOR, descriptor_of()),
        ("POSTED_INTERRUPT_DESCRIPTOR", DESCRIPTOR, descriptor_of(pir=0b10, on=1)),
    ]
    assert "0x8000" in steps[-1][0]


def test_trace_tells_a_failing_descriptor():
    unit = posting_unit(descriptor_of())
    unit.memory.fail(DESCRIPTOR, 64)
    steps = trace_of(unit)
    post(unit)
    assert ("POSTED_INTERRUPT_DESCRIPTOR", DESCRIPTOR, None) in [step[1:] for step in steps]
    assert "0x27" in steps[-1][0]
