"""Reading of recordings: every event into its fields, every mistake into one sentence, and nothing else raised."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.reference import DmaAccess, Refusal
from sim.recording import (
    Dma,
    EventMessageSent,
    Header,
    Interrupt,
    Mark,
    MemoryRead,
    MemoryWritten,
    RecordingError,
    RegisterRead,
    RegisterWrite,
    load_recording,
)
from tests.sim.handmade import EVENTS, HEADER, write_recording
from tests.tb.readable import assert_readable

DAMAGED = "the gzip data end early or are damaged; fetch the file again"
HEXADECIMAL = "a hexadecimal text such as '0x1c'"

READ = {"e": "r", "o": "0x1c", "s": 4, "v": "0xc0000000"}
PERMITTED = {
    "e": "t",
    "sid": "0x3a0a",
    "pasid": None,
    "a": "0x8abc",
    "w": 0,
    "ok": True,
    "pa": "0x7abc",
    "mask": "0xfff",
    "perm": 1,
}
REFUSED = {"e": "t", "sid": "0x3a0a", "pasid": None, "a": "0x8abc", "w": 1, "ok": False, "fr": "0x5"}
INTERRUPT = {
    "e": "i",
    "sid": "0x3a0a",
    "addr": "0xfee00098",
    "data": "0x2",
    "ok": True,
    "oaddr": "0xfee09000",
    "odata": "0x45",
}
INTERRUPT_REFUSED = {"e": "i", "sid": "0x3a0a", "addr": "0xfee00098", "data": "0x2", "ok": False, "fr": "0x26"}
REQUEST = (2, "t", 0x3A0A, None, 0x8ABC)


def without(event, *keys):
    return {key: value for key, value in event.items() if key not in keys}


def error_of(path):
    with pytest.raises(RecordingError) as caught:
        load_recording(path)
    return str(caught.value)


def write_text(path, text):
    path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "recording.jsonl.gz"


# What stands in a file


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ({"e": "w", "o": "0x18", "s": 4, "v": "0x80000000"}, RegisterWrite(2, 0x18, 4, 0x80000000)),
        (READ, RegisterRead(2, 0x1C, 4, (0xC0000000,), 0xFFFFFFFF)),
        ({**READ, "s": 8}, RegisterRead(2, 0x1C, 8, (0xC0000000,), 0xFFFFFFFFFFFFFFFF)),
        ({**READ, "k": "0xff", "vs": ["0x1", "0xAb"]}, RegisterRead(2, 0x1C, 4, (0xC0000000, 1, 0xAB), 0xFF)),
        ({**READ, "k": None, "vs": None}, RegisterRead(2, 0x1C, 4, (0xC0000000,), 0xFFFFFFFF)),
        ({"e": "m", "a": "0x1000", "d": "01a0"}, MemoryRead(2, 0x1000, b"\x01\xa0", 2)),
        ({"e": "m", "a": "0x1000", "d": None, "s": 4096, "err": True}, MemoryRead(2, 0x1000, None, 4096)),
        ({"e": "m", "a": "0x1000", "d": "01", "err": False}, MemoryRead(2, 0x1000, b"\x01", 1)),
        ({"e": "x", "a": "0x1000", "d": "01a0"}, MemoryWritten(2, 0x1000, b"\x01\xa0", False)),
        ({"e": "x", "a": "0x1000", "d": "01a0", "opt": True}, MemoryWritten(2, 0x1000, b"\x01\xa0", True)),
        ({"e": "msi", "addr": "0x1fee01000", "data": "0x21"}, EventMessageSent(2, 0x1FEE01000, 0x21)),
        ({"e": "mark", "text": "reset"}, Mark(2, "reset")),
    ],
)
def test_event(path, line, event):
    assert load_recording(write_recording(path, line)).events == (event,)
    assert str(event).startswith("line 2: ")
    assert_readable(str(event))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (PERMITTED, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, 0xFFF, 1)),
        ({**PERMITTED, "w": 1}, Dma(*REQUEST, DmaAccess.WRITE, True, 0x7ABC, 0xFFF, 1)),
        ({**PERMITTED, "w": 2}, Dma(*REQUEST, None, True, 0x7ABC, 0xFFF, 1)),
        ({**PERMITTED, "hit": True}, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, 0xFFF, 1, cached=True)),
        ({**PERMITTED, "snp": False}, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, 0xFFF, 1, snoop=False)),
        ({**PERMITTED, "snp": True}, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, 0xFFF, 1, snoop=True)),
        ({**without(PERMITTED, "mask"), "pt": True}, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, None, 1)),
        ({**PERMITTED, "meaningless": False}, Dma(*REQUEST, DmaAccess.READ, True, 0x7ABC, 0xFFF, 1)),
        (
            {**without(PERMITTED, "pa", "mask", "perm", "w"), "e": "ta", "op": "zlr", "meaningless": True},
            Dma(2, "ta", 0x3A0A, None, 0x8ABC, DmaAccess.ZERO_LENGTH_READ, True),
        ),
        (
            {**without(PERMITTED, "w"), "e": "ta", "op": "atomic", "pasid": "0xfffff"},
            Dma(2, "ta", 0x3A0A, 0xFFFFF, 0x8ABC, DmaAccess.ATOMIC, True, 0x7ABC, 0xFFF, 1),
        ),
        (REFUSED, Dma(*REQUEST, DmaAccess.WRITE, False, reasons=(5,), refusal=Refusal.FAULT)),
        (
            {**REFUSED, "alt": ["0x6", "0xc"], "fpd": True},
            Dma(*REQUEST, DmaAccess.WRITE, False, reasons=(5, 6, 12), refusal=Refusal.FAULT, suppressed=True),
        ),
        (
            {**REFUSED, "fr": None, "why": "pmr"},
            Dma(*REQUEST, DmaAccess.WRITE, False, refusal=Refusal.PROTECTED_MEMORY),
        ),
        ({**REFUSED, "fr": None, "why": "malformed"}, Dma(*REQUEST, DmaAccess.WRITE, False, refusal=Refusal.MALFORMED)),
        (
            {**REFUSED, "fr": None, "why": "translation off"},
            Dma(*REQUEST, DmaAccess.WRITE, False, refusal=Refusal.TRANSLATION_OFF),
        ),
    ],
)
def test_dma(path, line, event):
    assert load_recording(write_recording(path, line)).events == (event,)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (INTERRUPT, {"permitted": True, "message_address": 0xFEE09000, "message_data": 0x45}),
        (
            {**INTERRUPT, "src": "ioapic"},
            {"permitted": True, "message_address": 0xFEE09000, "message_data": 0x45, "from_io_apic": True},
        ),
        ({**without(INTERRUPT, "oaddr", "odata"), "posted": True}, {"permitted": True, "posted": True}),
        (INTERRUPT_REFUSED, {"permitted": False, "reasons": (0x26,), "refusal": Refusal.FAULT}),
        (
            {**INTERRUPT_REFUSED, "alt": ["0x24"], "fpd": True},
            {"permitted": False, "reasons": (0x26, 0x24), "refusal": Refusal.FAULT, "suppressed": True},
        ),
        ({**INTERRUPT_REFUSED, "fr": None, "why": "pmr"}, {"permitted": False, "refusal": Refusal.PROTECTED_MEMORY}),
    ],
)
def test_interrupt(path, line, fields):
    (event,) = load_recording(write_recording(path, line)).events
    assert event == Interrupt(2, 0x3A0A, 0xFEE00098, 2, **fields)


def test_interrupt_message_above_4_gib(path):
    (event,) = load_recording(write_recording(path, {**INTERRUPT, "oaddr": "0x300fee09000"})).events
    assert event.message_address == 0x300FEE09000


def test_header(path):
    recording = load_recording(write_recording(path))
    assert recording.path == path
    assert recording.header == Header("typed by hand", 0x10, 0xD2008C222F0606, 0xF00F4A, None, None)
    assert recording.events == ()


def test_header_of_a_scenario(path):
    header = {**HEADER, "haw": 46, "generator": "oracle", "seed": 100, "profile": "queue"}
    assert load_recording(write_recording(path, header=header)).header == Header(
        "typed by hand", 0x10, 0xD2008C222F0606, 0xF00F4A, 46, "oracle"
    )


def test_events_in_order_with_their_line_numbers(path):
    events = load_recording(write_recording(path, *EVENTS)).events
    assert [event.line for event in events] == list(range(2, len(EVENTS) + 2))
    assert [type(event) for event in events[3:6]] == [RegisterRead, MemoryRead, MemoryRead]


def test_last_line_without_line_feed(path):
    text = json.dumps(HEADER) + "\n" + json.dumps({"e": "mark", "text": "end"})
    assert load_recording(write_text(path, text)).events == (Mark(2, "end"),)


def test_carriage_returns_before_line_feeds(path):
    text = json.dumps(HEADER) + "\r\n" + json.dumps({"e": "mark", "text": "end"}) + "\r\n"
    assert load_recording(write_text(path, text)).events == (Mark(2, "end"),)


@pytest.mark.parametrize("character", ["\u2028", "\u0085"])
def test_unicode_line_separators_are_no_line_ends(path, character):
    """JSON lets them stand in a text as they are."""
    text = json.dumps(HEADER) + "\n" + '{"e":"mark","text":"one' + character + 'line"}\n'
    assert load_recording(write_text(path, text)).events == (Mark(2, f"one{character}line"),)


# What is wrong with a line


@pytest.mark.parametrize(
    ("line", "key", "right"),
    [
        ({"e": "w", "o": "0x18", "s": 4, "v": "0x0"}, "o", HEXADECIMAL),
        ({"e": "w", "o": "0x18", "s": 4, "v": "0x0"}, "s", "a number in 1, 2, 4, 8"),
        ({"e": "w", "o": "0x18", "s": 4, "v": "0x0"}, "v", HEXADECIMAL),
        (READ, "o", HEXADECIMAL),
        (READ, "s", "a number in 1, 2, 4, 8"),
        (READ, "v", HEXADECIMAL),
        ({"e": "m", "a": "0x0", "d": "00"}, "a", HEXADECIMAL),
        ({"e": "m", "a": "0x0", "d": "00"}, "d", "bytes in hexadecimal"),
        ({"e": "m", "a": "0x0", "d": None, "s": 8, "err": True}, "s", "a number in 1..16777216"),
        ({"e": "x", "a": "0x0", "d": "00"}, "a", HEXADECIMAL),
        ({"e": "x", "a": "0x0", "d": "00"}, "d", "bytes in hexadecimal"),
        (PERMITTED, "sid", HEXADECIMAL),
        (PERMITTED, "a", HEXADECIMAL),
        (PERMITTED, "w", "one of 0, 1, 2"),
        (PERMITTED, "ok", "true or false"),
        (PERMITTED, "pa", HEXADECIMAL),
        (PERMITTED, "mask", HEXADECIMAL),
        (PERMITTED, "perm", "a number in 0..3"),
        (REFUSED, "fr", "one of 'pmr', 'malformed', 'translation off'"),
        (INTERRUPT, "sid", HEXADECIMAL),
        (INTERRUPT, "addr", HEXADECIMAL),
        (INTERRUPT, "data", HEXADECIMAL),
        (INTERRUPT, "ok", "true or false"),
        (INTERRUPT, "oaddr", HEXADECIMAL),
        (INTERRUPT, "odata", HEXADECIMAL),
        (INTERRUPT_REFUSED, "fr", "one of 'pmr', 'malformed', 'translation off'"),
        ({"e": "msi", "addr": "0x0", "data": "0x0"}, "addr", HEXADECIMAL),
        ({"e": "msi", "addr": "0x0", "data": "0x0"}, "data", HEXADECIMAL),
        ({"e": "mark", "text": "reset"}, "text", "a text"),
        ({"e": "mark", "text": "reset"}, "e", "one of 'w', 'r', 'm', 'x', 't', 'ta', 'i', 'msi', 'mark'"),
    ],
)
def test_missing_key(path, line, key, right):
    # A refusal without a fault reason must say why.
    asked = "why" if key == "fr" else key
    write_recording(path, without(line, key))
    assert error_of(path) == f"{path}, line 2: '{asked}' is missing; it must be {right}"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({**READ, "o": 28}, f"'o' must be {HEXADECIMAL}, not 28"),
        ({**READ, "o": "1c"}, f"'o' must be {HEXADECIMAL}, not '1c'"),
        ({**READ, "o": "0x"}, f"'o' must be {HEXADECIMAL}, not '0x'"),
        ({**READ, "o": "0x1_c"}, f"'o' must be {HEXADECIMAL}, not '0x1_c'"),
        ({**READ, "o": "0x1c "}, f"'o' must be {HEXADECIMAL}, not '0x1c '"),
        ({**READ, "o": "0x-1"}, f"'o' must be {HEXADECIMAL}, not '0x-1'"),
        ({**READ, "o": "0xg"}, f"'o' must be {HEXADECIMAL}, not '0xg'"),
        ({**READ, "o": None}, f"'o' must be {HEXADECIMAL}, not None"),
        ({**READ, "o": "0x1000"}, "'o' must fit in 12 bits, not be 0x1000"),
        ({**READ, "s": "4"}, "'s' must be a number in 1, 2, 4, 8, not '4'"),
        ({**READ, "s": 16}, "'s' must be a number in 1, 2, 4, 8, not 16"),
        ({**READ, "s": True}, "'s' must be a number in 1, 2, 4, 8, not True"),
        ({**READ, "v": "0x100000000"}, "'v' must fit in 32 bits, not be 0x100000000"),
        ({**READ, "s": 8, "v": "0x10000000000000000"}, "'v' must fit in 64 bits, not be 0x10000000000000000"),
        ({**READ, "k": "0x100000000"}, "'k' must fit in 32 bits, not be 0x100000000"),
        ({**READ, "vs": "0x1"}, "'vs' must be a list of hexadecimal texts, not '0x1'"),
        ({**READ, "vs": ["0x1", 2]}, "'vs' must be a list of hexadecimal texts, not ['0x1', 2]"),
        ({**READ, "vs": ["0x100000000"]}, "'vs' must fit in 32 bits, not be 0x100000000"),
        ({"e": "m", "a": "0x0", "d": "0"}, "'d' must be bytes in hexadecimal, not '0'"),
        ({"e": "m", "a": "0x0", "d": ""}, "'d' must be bytes in hexadecimal, not ''"),
        ({"e": "m", "a": "0x0", "d": "  "}, "'d' must be bytes in hexadecimal, not '  '"),
        ({"e": "m", "a": "0x0", "d": "zz"}, "'d' must be bytes in hexadecimal, not 'zz'"),
        ({"e": "m", "a": "0x0", "d": None}, "'d' must be bytes in hexadecimal, not None"),
        ({"e": "m", "a": "0x0", "err": 2, "s": 8}, "'err' must be true or false, not 2"),
        ({"e": "m", "a": "0x0", "err": True, "s": 0}, "'s' must be a number in 1..16777216, not 0"),
        ({"e": "m", "a": "0x0", "err": True, "s": 16777217}, "'s' must be a number in 1..16777216, not 16777217"),
        ({"e": "x", "a": "0x0", "d": "00", "opt": "yes"}, "'opt' must be true or false, not 'yes'"),
        ({**PERMITTED, "sid": "0x10000"}, "'sid' must fit in 16 bits, not be 0x10000"),
        ({**PERMITTED, "pasid": "0x100000"}, "'pasid' must fit in 20 bits, not be 0x100000"),
        ({**PERMITTED, "w": 3}, "'w' must be one of 0, 1, 2, not 3"),
        ({**PERMITTED, "w": True}, "'w' must be one of 0, 1, 2, not True"),
        ({**PERMITTED, "op": "swap"}, "'op' must be one of 'atomic', 'zlr', not 'swap'"),
        ({**PERMITTED, "op": ["zlr"]}, "'op' must be one of 'atomic', 'zlr', not ['zlr']"),
        ({**PERMITTED, "ok": 1.0}, "'ok' must be true or false, not 1.0"),
        ({**PERMITTED, "ok": "true"}, "'ok' must be true or false, not 'true'"),
        ({**PERMITTED, "perm": 4}, "'perm' must be a number in 0..3, not 4"),
        ({**PERMITTED, "pa": "0x10000000000000000"}, "'pa' must fit in 64 bits, not be 0x10000000000000000"),
        ({**REFUSED, "fr": "0x100"}, "'fr' must fit in 8 bits, not be 0x100"),
        ({**REFUSED, "alt": "0x6"}, "'alt' must be a list of hexadecimal texts, not '0x6'"),
        (
            {**REFUSED, "fr": None, "why": "tired"},
            "'why' must be one of 'pmr', 'malformed', 'translation off', not 'tired'",
        ),
        ({**INTERRUPT, "addr": "0xfed00000"}, "'addr' must be 0xfee00000 to 0xfeefffff, not 0xfed00000"),
        ({**INTERRUPT, "addr": "0xfef00000"}, "'addr' must be 0xfee00000 to 0xfeefffff, not 0xfef00000"),
        ({**INTERRUPT, "addr": "0x1fee00000"}, "'addr' must fit in 32 bits, not be 0x1fee00000"),
        ({**INTERRUPT, "data": "0x100000000"}, "'data' must fit in 32 bits, not be 0x100000000"),
        ({**INTERRUPT, "src": 5}, "'src' must be a text, not 5"),
        ({**INTERRUPT, "posted": "no"}, "'posted' must be true or false, not 'no'"),
        ({"e": "mark", "text": 5}, "'text' must be a text, not 5"),
        (
            {"e": "q"},
            "'e' must be one of 'w', 'r', 'm', 'x', 't', 'ta', 'i', 'msi', 'mark', not 'q'",
        ),
        ({"e": "mark", "text": ["a" * 100]}, "'text' must be a text, not ['" + "a" * 58),
    ],
)
def test_wrong_value(path, line, sentence):
    write_recording(path, line)
    assert error_of(path) == f"{path}, line 2: {sentence}"


def test_line_number_of_the_mistake(path):
    write_recording(path, *EVENTS, {"e": "mark"})
    assert error_of(path) == f"{path}, line {len(EVENTS) + 2}: 'text' is missing; it must be a text"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "not JSON; every line must be one JSON object"),
        ("", "not JSON; every line must be one JSON object"),
        ("[" * 100000, "not JSON; every line must be one JSON object"),
        ("1" * 5000, "not JSON; every line must be one JSON object"),
        ("\ufeff{}", "not JSON; every line must be one JSON object"),
        ("[]", "not a JSON object; every line must be one"),
        ("5", "not a JSON object; every line must be one"),
        ("null", "not a JSON object; every line must be one"),
    ],
    ids=["half", "empty", "deep", "long number", "byte order mark", "list", "number", "null"],
)
def test_line_is_no_object(path, text, sentence):
    write_text(path, f"{json.dumps(HEADER)}\n{json.dumps(READ)}\n{text}\n{json.dumps(READ)}\n")
    assert error_of(path) == f"{path}, line 3: {sentence}"


@pytest.mark.parametrize("depth", [900, 940, 960, 980, 990])
def test_deeply_nested_value(path, depth):
    write_text(path, f'{json.dumps(HEADER)}\n{{"e":"mark","text":{"[" * depth}{"]" * depth}}}\n')
    assert error_of(path) in (
        f"{path}, line 2: not JSON; every line must be one JSON object",
        f"{path}, line 2: 'text' must be a text, not something deeply nested",
        f"{path}, line 2: 'text' must be a text, not {'[' * 60}",
    )


# What is wrong with the header


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (without(HEADER, "format"), "'format' is missing; it must be a text"),
        (without(HEADER, "version"), "'version' is missing; it must be a number in 1..999"),
        (without(HEADER, "source"), "'source' is missing; it must be a text"),
        (without(HEADER, "ver"), f"'ver' is missing; it must be {HEXADECIMAL}"),
        (without(HEADER, "cap"), f"'cap' is missing; it must be {HEXADECIMAL}"),
        (without(HEADER, "ecap"), f"'ecap' is missing; it must be {HEXADECIMAL}"),
        ({**HEADER, "format": "vtd-log"}, "format and version must be vtd-trace 1"),
        ({**HEADER, "version": 2}, "format and version must be vtd-trace 1"),
        ({**HEADER, "version": "1"}, "'version' must be a number in 1..999, not '1'"),
        ({**HEADER, "source": None}, "'source' must be a text, not None"),
        ({**HEADER, "ver": "0x100000000"}, "'ver' must fit in 32 bits, not be 0x100000000"),
        ({**HEADER, "cap": "0x10000000000000000"}, "'cap' must fit in 64 bits, not be 0x10000000000000000"),
        ({**HEADER, "ecap": 0}, f"'ecap' must be {HEXADECIMAL}, not 0"),
        ({**HEADER, "haw": 0}, "'haw' must be a number in 1..64, not 0"),
        ({**HEADER, "haw": "48"}, "'haw' must be a number in 1..64, not '48'"),
        ({**HEADER, "generator": 1}, "'generator' must be a text, not 1"),
        (READ, "'format' is missing; it must be a text"),
    ],
)
def test_wrong_header(path, header, sentence):
    write_recording(path, READ, header=header)
    assert error_of(path) == f"{path}, line 1 (header): {sentence}"


# What is wrong with the file


def test_no_bytes(path):
    path.write_bytes(b"")
    assert error_of(path) == f"{path}: the file is empty; the first line must be the header"


def test_no_lines(path):
    write_text(path, "")
    assert error_of(path) == f"{path}: the file is empty; the first line must be the header"


@pytest.mark.parametrize("data", [b"{}\n", b"\x1f", b"\x1f\x8c" + bytes(40)], ids=["json", "one byte", "magic"])
def test_not_gzip(path, data):
    path.write_bytes(data)
    assert error_of(path) == f"{path}: not a gzip file; a recording is gzip-compressed JSON lines"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_not_utf_8(path, encoding):
    path.write_bytes(gzip.compress('{"e":"mark","text":"é"}'.encode(encoding)))
    assert error_of(path) == f"{path}: not text; a recording is gzip-compressed JSON lines"


def test_every_truncation(path):
    whole = write_recording(path, *EVENTS).read_bytes()
    for length in range(2, len(whole)):
        path.write_bytes(whole[:length])
        assert error_of(path) == f"{path}: {DAMAGED}", length


def packed(events):
    return gzip.compress("".join(json.dumps(line) + "\n" for line in (HEADER, *events)).encode(), mtime=0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-8] + struct.pack("<I", zlib.crc32(b"other text")) + whole[-4:],
        lambda whole: whole[:-4] + struct.pack("<I", 1),
        lambda whole: whole[:10] + b"\xff" + whole[11:],
        lambda whole: whole[:2] + b"\x07" + whole[3:],
        lambda whole: whole + b"something after it",
    ],
    ids=["check sum", "length", "deflate block", "method", "bytes after the end"],
)
def test_damaged_gzip(path, damage):
    path.write_bytes(damage(packed(EVENTS)))
    assert error_of(path) == f"{path}: {DAMAGED}"


def test_file_absent(path):
    with pytest.raises(FileNotFoundError):
        load_recording(path)


# Whatever happens to a file, it loads or is refused in a sentence

FLIPS = st.lists(st.tuples(st.integers(min_value=0), st.integers(1, 255)), min_size=1, max_size=8)


def flipped(data, flips):
    damaged = bytearray(data)
    for place, bits in flips:
        damaged[place % len(damaged)] ^= bits
    return bytes(damaged)


def load_or_refuse(path: Path):
    try:
        return load_recording(path)
    except RecordingError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
        return None


@given(flips=FLIPS)
def test_bytes_damaged_in_the_compressed_file(tmp_path_factory, flips):
    path = tmp_path_factory.getbasetemp() / "compressed.jsonl.gz"
    path.write_bytes(flipped(packed(EVENTS), flips))
    recording = load_or_refuse(path)
    # What the check sum lets through is what was written: flips that undo each other, or in the gzip header.
    assert recording is None or len(recording.events) == len(EVENTS)


@given(flips=FLIPS)
def test_bytes_damaged_before_compression(tmp_path_factory, flips):
    path = tmp_path_factory.getbasetemp() / "text.jsonl.gz"
    text = "".join(json.dumps(line) + "\n" for line in (HEADER, *EVENTS)).encode()
    path.write_bytes(gzip.compress(flipped(text, flips), compresslevel=1))
    recording = load_or_refuse(path)
    assert recording is None or recording.events


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("0x10"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_any_value_at_any_key(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "values.jsonl.gz"
    line = dict(data.draw(st.sampled_from((PERMITTED, REFUSED, INTERRUPT, INTERRUPT_REFUSED, READ, *EVENTS))))
    keys = st.sampled_from((*line, "alt", "vs", "k", "fpd", "hit", "snp", "pt", "op", "why", "err", "opt", "posted"))
    line[data.draw(keys)] = data.draw(JSON_VALUES)
    recording = load_or_refuse(write_recording(path, line))
    assert recording is None or [event.line for event in recording.events] == [2]
