"""Bit fields: packing, unpacking, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.arch import REGISTERS, STRUCTURES, Access, Field, Kind, Register, Structure

FIELDS = (
    Field("P", 0, 1, Kind.FIELD),
    Field("RSVD_11_1", 1, 11, Kind.RESERVED),
    Field("ADDR", 12, 52, Kind.FIELD),
    Field("HINT", 64, 4, Kind.IGNORED),
    Field("SNP", 68, 1, Kind.FIELD, reserved_unless="ECAP.SC"),
    Field("HIGH", 69, 59, Kind.FIELD),
)
ENTRY = Structure("ENTRY", 128, "for these tests", FIELDS)
STATUS = Register(
    "STATUS",
    32,
    "for these tests",
    (
        Field("DONE", 0, 1, Access.RW1C),
        Field("MODE", 1, 3, Access.RW, reset=5),
        Field("SIZE", 4, 4, Access.RO, reset=None),
        Field("RSVD_31_8", 8, 24, Access.RSVDZ),
    ),
    offset=0x40,
)


def test_pack_places_fields():
    assert ENTRY.pack(P=1, ADDR=0xABC, HIGH=3) == 1 | 0xABC << 12 | 3 << 69
    assert ENTRY.pack() == 0


def test_unpack_gives_every_field():
    assert ENTRY.unpack(0xF << 64 | 0x123 << 12 | 0b11) == {
        "P": 1,
        "RSVD_11_1": 1,
        "ADDR": 0x123,
        "HINT": 15,
        "SNP": 0,
        "HIGH": 0,
    }


def test_layout_is_lower_case_widths_from_bit_0():
    assert list(ENTRY.layout.items()) == [
        ("p", 1),
        ("rsvd_11_1", 11),
        ("addr", 52),
        ("hint", 4),
        ("snp", 1),
        ("high", 59),
    ]


@pytest.mark.parametrize(
    ("number", "width"),
    [(2, 1), (-1, 1), (1 << 64, 1)],
)
def test_pack_refuses_what_does_not_fit(number, width):
    with pytest.raises(ValueError) as refusal:
        ENTRY.pack(P=number)
    assert str(refusal.value) == f"P must fit in {width} bits, not {number:#x}"


def test_unknown_field():
    with pytest.raises(KeyError) as refusal:
        ENTRY.pack(Q=1)
    assert refusal.value.args == ("Q",)
    with pytest.raises(KeyError) as refusal:
        STATUS["Q"]
    assert refusal.value.args == ("Q",)


def test_field_views():
    address = ENTRY["ADDR"]
    value = (1 << 128) - 1
    assert address.mask == (1 << 52) - 1 << 12
    assert address.of(value) == (1 << 52) - 1
    assert address.to(1) == 1 << 12
    assert address.in_place(value) == 0xFFFF_FFFF_FFFF_F000
    assert ENTRY["HIGH"].in_place(value) == 0xFFFF_FFFF_FFFF_FFE0  # where it stands in its own quadword


def test_bytes():
    assert ENTRY.bytes == 16


@pytest.mark.parametrize(("sc", "reserved"), [(True, 0xFFE), (False, 0xFFE | 1 << 68)])
def test_reserved_mask(sc, reserved):
    asked = []

    def exists(capability):
        asked.append(capability)
        return sc

    assert ENTRY.reserved_mask(exists) == reserved
    assert asked == ["ECAP.SC"]


def test_register_masks_and_reset():
    assert STATUS.mask(Access.RW) == 0b1110
    assert STATUS.mask(Access.RW, Access.RW1C) == 0b1111
    assert STATUS.mask(Access.WO) == 0
    assert STATUS.reset == 5 << 1


@pytest.mark.parametrize(
    ("width", "fields", "message"),
    [
        (64, (Field("A", 1, 63, Kind.FIELD),), "BROKEN must declare every bit from 0 to 63"),
        (64, (Field("A", 0, 63, Kind.FIELD),), "BROKEN must declare every bit from 0 to 63"),
        (64, (Field("A", 0, 65, Kind.FIELD),), "BROKEN must declare every bit from 0 to 63"),
        (
            64,
            (Field("A", 0, 8, Kind.FIELD), Field("B", 9, 55, Kind.FIELD)),
            "BROKEN.B must start at bit 8, not 9",
        ),
        (
            64,
            (Field("A", 0, 8, Kind.FIELD), Field("B", 7, 57, Kind.FIELD)),
            "BROKEN.B must start at bit 8, not 7",
        ),
        (
            64,
            (Field("A", 0, 8, Kind.FIELD), Field("A", 8, 56, Kind.FIELD)),
            "BROKEN declares a field name twice",
        ),
    ],
)
def test_declaration_that_contradicts_itself(width, fields, message):
    with pytest.raises(ValueError) as refusal:
        Structure("BROKEN", width, "", fields)
    assert str(refusal.value) == message
    with pytest.raises(ValueError) as refusal:
        Register("BROKEN", width, "", fields, offset=0)
    assert str(refusal.value) == message


def test_declarations_are_keys():
    assert len({*REGISTERS, *STRUCTURES}) == len(REGISTERS) + len(STRUCTURES)


@pytest.mark.parametrize("declared", [*REGISTERS, *STRUCTURES], ids=lambda declared: declared.name)
@given(data=st.data())
def test_pack_is_the_inverse_of_unpack(declared, data):
    value = data.draw(st.integers(0, (1 << declared.width) - 1))
    assert declared.pack(**declared.unpack(value)) == value
