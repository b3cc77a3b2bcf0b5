"""Recordings of what software did with a VT-d unit: the vtd-trace format, version 1, read and checked.

docs/recording-format.md describes the format; a file is gzip, then one JSON object a line, the first a header.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, cast

from model.reference import DmaAccess, Refusal
from sim.printable import printable

__all__ = [
    "Dma",
    "Event",
    "EventMessageSent",
    "Header",
    "Interrupt",
    "Mark",
    "MemoryRead",
    "MemoryWritten",
    "Recording",
    "RecordingError",
    "RegisterRead",
    "RegisterWrite",
    "load_recording",
]


class RecordingError(Exception):
    """A recording that cannot be used; the text is one sentence: file, line, what is wrong, what would be right."""


@dataclass(frozen=True, slots=True)
class Header:
    """First line: what was recorded, VER, CAP and ECAP of the unit, `haw` in bits where the file tells it."""

    source: str
    ver: int
    cap: int
    ecap: int
    haw: int | None
    generator: str | None


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """`w`: software wrote `size` bytes at a register offset."""

    line: int
    offset: int
    size: int
    value: int

    def __str__(self) -> str:
        return f"line {self.line}: write of {self.value:#x}, {self.size} bytes, to register {self.offset:#x}"


@dataclass(frozen=True, slots=True)
class RegisterRead:
    """`r`: software read `size` bytes; any of `values` is right in the bits of `mask`."""

    line: int
    offset: int
    size: int
    values: tuple[int, ...]
    mask: int

    def __str__(self) -> str:
        return f"line {self.line}: read of {self.size} bytes from register {self.offset:#x}"


@dataclass(frozen=True, slots=True)
class MemoryRead:
    """`m`: memory that the unit will read holds `data`; None: reads of these `size` bytes fail."""

    line: int
    address: int
    data: bytes | None
    size: int

    def __str__(self) -> str:
        return f"line {self.line}: memory at {self.address:#x}, {self.size} bytes"


@dataclass(frozen=True, slots=True)
class MemoryWritten:
    """`x`: the unit wrote memory, which now holds `data`; `optional`: bits that are 1 in it need not be."""

    line: int
    address: int
    data: bytes
    optional: bool

    def __str__(self) -> str:
        return f"line {self.line}: {len(self.data)} bytes written at {self.address:#x}"


@dataclass(frozen=True, slots=True)
class Dma:
    """`t` and `ta`: a DMA request and its answer.

    `access` None is a look-up without access rights, which no bus request makes. Permitted: `host_address` (None
    where the data mean nothing), `mask` page size minus one (None where it is free), `permissions` bit 0 read,
    bit 1 write, `snoop` where it is specified. Refused: any of `reasons`, or none for a `refusal` without a fault;
    `suppressed` when FPD kept the fault from being recorded. `cached`: the source used a cached translation.
    """

    line: int
    kind: str
    source_id: int
    pasid: int | None
    address: int
    access: DmaAccess | None
    permitted: bool
    host_address: int | None = None
    mask: int | None = None
    permissions: int | None = None
    snoop: bool | None = None
    reasons: tuple[int, ...] = ()
    refusal: Refusal | None = None
    suppressed: bool = False
    cached: bool = False

    def __str__(self) -> str:
        what = self.access.value if self.access else "look-up"
        return f"line {self.line}: DMA {what} of source-id {self.source_id:#06x} at {self.address:#x}"


@dataclass(frozen=True, slots=True)
class Interrupt:
    """`i`: an interrupt request and its answer: a message, `posted`, or one of `reasons` (as in `Dma`)."""

    line: int
    source_id: int
    address: int
    data: int
    permitted: bool
    message_address: int | None = None
    message_data: int | None = None
    posted: bool = False
    reasons: tuple[int, ...] = ()
    refusal: Refusal | None = None
    suppressed: bool = False
    from_io_apic: bool = False

    def __str__(self) -> str:
        return (
            f"line {self.line}: interrupt of source-id {self.source_id:#06x} at {self.address:#x}, data {self.data:#x}"
        )


@dataclass(frozen=True, slots=True)
class EventMessageSent:
    """`msi`: a message that the unit itself sent."""

    line: int
    address: int
    data: int

    def __str__(self) -> str:
        return f"line {self.line}: message {self.data:#x} to {self.address:#x}"


@dataclass(frozen=True, slots=True)
class Mark:
    """`mark`: a comment; the text "reset" puts the unit into its power-on state."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {printable(self.text)}"


Event = RegisterWrite | RegisterRead | MemoryRead | MemoryWritten | Dma | Interrupt | EventMessageSent | Mark


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole recording: where it came from, its header, its events in order."""

    path: Path
    header: Header
    events: tuple[Event, ...]

    @property
    def name(self) -> str:
        """Return the name of the file, as it is shown."""
        return printable(self.path.name)


REFUSALS = {
    "pmr": Refusal.PROTECTED_MEMORY,
    "malformed": Refusal.MALFORMED,
    "translation off": Refusal.TRANSLATION_OFF,
}
ACCESSES = {0: DmaAccess.READ, 1: DmaAccess.WRITE, 2: None}
OPERATIONS = {"atomic": DmaAccess.ATOMIC, "zlr": DmaAccess.ZERO_LENGTH_READ}


FORMAT, FORMAT_VERSION = "vtd-trace", 1
GZIP_MAGIC = b"\x1f\x8b"
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
BYTES = re.compile(r"([0-9a-fA-F]{2})+")
INTERRUPT_ADDRESSES = range(0xFEE00000, 0xFEF00000)


class _Line:
    """One JSON object; every look-up checks the value and tells what would be right."""

    def __init__(self, number: int, values: dict[str, Any]) -> None:
        self.number_in_file = number
        self._values = values

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def hexadecimal(self, key: str, bits: int) -> int:
        text = self._values.get(key)
        if not _is_hexadecimal(text):
            raise self._wrong(key, "a hexadecimal text such as '0x1c'")
        return self._number(key, text, bits)

    def interrupt_address(self, key: str) -> int:
        address = self.hexadecimal(key, 32)
        if address not in INTERRUPT_ADDRESSES:
            raise _Wrong(f"'{key}' must be 0xfee00000 to 0xfeefffff, not {address:#x}")
        return address

    def hexadecimals(self, key: str, bits: int) -> tuple[int, ...]:
        texts = self._values.get(key)
        if not isinstance(texts, list) or not all(map(_is_hexadecimal, texts)):
            raise self._wrong(key, "a list of hexadecimal texts")
        return tuple(self._number(key, text, bits) for text in texts)

    def number(self, key: str, allowed: range | tuple[int, ...]) -> int:
        value = self._values.get(key)
        if type(value) is not int or value not in allowed:
            raise self._wrong(key, f"a number in {_spell(allowed)}")
        return value

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if type(value) not in (bool, int) or value not in (0, 1):
            raise self._wrong(key, "true or false")
        return bool(value)

    def is_set(self, key: str) -> bool:
        """A flag that may be absent, which is false."""
        return key in self and self.flag(key)

    def data(self, key: str) -> bytes:
        value = self._values.get(key)
        if not isinstance(value, str) or not BYTES.fullmatch(value):
            raise self._wrong(key, "bytes in hexadecimal")
        return bytes.fromhex(value)

    def choice(self, key: str, table: dict[Any, Any]) -> Any:
        value = self._values.get(key)
        if type(value) not in (str, int) or value not in table:
            raise self._wrong(key, "one of " + ", ".join(map(repr, table)))
        return table[value]

    def _number(self, key: str, text: str, bits: int) -> int:
        value = int(text, 16)
        if value >> bits:
            raise _Wrong(f"'{key}' must fit in {bits} bits, not be {text:.60}")
        return value

    def _wrong(self, key: str, right: str) -> "_Wrong":
        if key not in self._values:
            return _Wrong(f"'{key}' is missing; it must be {right}")
        return _Wrong(f"'{key}' must be {right}, not {_show(self._values[key])}")


class _Wrong(Exception):
    pass


def _is_hexadecimal(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and HEXADECIMAL.fullmatch(value) is not None


def _show(value: Any) -> str:
    try:
        return f"{value!r:.60}"
    except RecursionError:
        return "something deeply nested"


def _spell(allowed: range | tuple[int, ...]) -> str:
    return f"{allowed.start}..{allowed.stop - 1}" if isinstance(allowed, range) else ", ".join(map(str, allowed))


def _register_write(line: _Line) -> RegisterWrite:
    size = line.number("s", SIZES)
    return RegisterWrite(line.number_in_file, line.hexadecimal("o", 12), size, line.hexadecimal("v", size * 8))


def _register_read(line: _Line) -> RegisterRead:
    size = line.number("s", SIZES)
    values = (line.hexadecimal("v", size * 8), *(line.hexadecimals("vs", size * 8) if "vs" in line else ()))
    mask = line.hexadecimal("k", size * 8) if "k" in line else (1 << size * 8) - 1
    return RegisterRead(line.number_in_file, line.hexadecimal("o", 12), size, values, mask)


def _memory_read(line: _Line) -> MemoryRead:
    address = line.hexadecimal("a", 64)
    if line.is_set("err"):
        return MemoryRead(line.number_in_file, address, None, line.number("s", range(1, LARGEST_FAILURE_BYTES + 1)))
    data = line.data("d")
    return MemoryRead(line.number_in_file, address, data, len(data))


def _memory_written(line: _Line) -> MemoryWritten:
    return MemoryWritten(line.number_in_file, line.hexadecimal("a", 64), line.data("d"), line.is_set("opt"))


def _dma(line: _Line) -> Dma:
    access = line.choice("op", OPERATIONS) if "op" in line else line.choice("w", ACCESSES)
    common: dict[str, Any] = {
        "line": line.number_in_file,
        "kind": line.text("e"),
        "source_id": line.hexadecimal("sid", 16),
        "pasid": line.hexadecimal("pasid", 20) if "pasid" in line else None,
        "address": line.hexadecimal("a", 64),
        "access": access,
        "permitted": line.flag("ok"),
        "cached": line.is_set("hit"),
    }
    if not common["permitted"]:
        return Dma(**common, **_refused(line))
    if line.is_set("meaningless"):
        return Dma(**common)
    return Dma(
        **common,
        host_address=line.hexadecimal("pa", 64),
        mask=None if line.is_set("pt") else line.hexadecimal("mask", 64),
        permissions=line.number("perm", range(4)),
        snoop=line.flag("snp") if "snp" in line else None,
    )


def _refused(line: _Line) -> dict[str, Any]:
    if "fr" not in line:
        return {"refusal": line.choice("why", REFUSALS)}
    reasons = (line.hexadecimal("fr", 8), *(line.hexadecimals("alt", 8) if "alt" in line else ()))
    return {"refusal": Refusal.FAULT, "reasons": reasons, "suppressed": line.is_set("fpd")}


def _interrupt(line: _Line) -> Interrupt:
    common: dict[str, Any] = {
        "line": line.number_in_file,
        "source_id": line.hexadecimal("sid", 16),
        "address": line.interrupt_address("addr"),
        "data": line.hexadecimal("data", 32),
        "permitted": line.flag("ok"),
        "from_io_apic": "src" in line and line.text("src") == "ioapic",
    }
    if not common["permitted"]:
        return Interrupt(**common, **_refused(line))
    if line.is_set("posted"):
        return Interrupt(**common, posted=True)
    return Interrupt(
        **common, message_address=line.hexadecimal("oaddr", 64), message_data=line.hexadecimal("odata", 32)
    )


def _event_message(line: _Line) -> EventMessageSent:
    return EventMessageSent(line.number_in_file, line.hexadecimal("addr", 64), line.hexadecimal("data", 32))


SIZES = (1, 2, 4, 8)
LARGEST_FAILURE_BYTES = 1 << 24

EVENTS: dict[str, Callable[[_Line], Event]] = {
    "w": _register_write,
    "r": _register_read,
    "m": _memory_read,
    "x": _memory_written,
    "t": _dma,
    "ta": _dma,
    "i": _interrupt,
    "msi": _event_message,
    "mark": lambda line: Mark(line.number_in_file, line.text("text")),
}


def load_recording(path: Path) -> Recording:
    """Read and check a whole recording; RecordingError tells what is wrong with it, OSError that it cannot be read."""
    lines = _read_lines(path)
    if not lines:
        raise RecordingError(f"{path}: the file is empty; the first line must be the header")
    parsed = (_parse(path, number, text) for number, text in enumerate(lines, start=1))
    try:
        return Recording(path, _header(next(parsed)), tuple(map(_event, parsed)))
    except _Wrong as wrong:
        raise RecordingError(f"{path}, {wrong}") from None


def _read_lines(path: Path) -> list[str]:
    try:
        # Only a line feed ends a line: a text may hold what str.splitlines takes for more line ends.
        with gzip.open(path) as file:
            lines = file.read().decode("utf-8").split("\n")
    except gzip.BadGzipFile:
        raise RecordingError(f"{path}: {_bad_gzip(path)}") from None
    except (EOFError, zlib.error):
        raise RecordingError(f"{path}: {DAMAGED}") from None
    except UnicodeDecodeError:
        raise RecordingError(f"{path}: not text; a recording is gzip-compressed JSON lines") from None
    return lines if lines[-1] else lines[:-1]


DAMAGED = "the gzip data end early or are damaged; fetch the file again"


def _bad_gzip(path: Path) -> str:
    """Tell a file of another kind from a gzip file whose check sum or tail is wrong: both raise BadGzipFile."""
    with path.open("rb") as file:
        is_gzip = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return DAMAGED if is_gzip else "not a gzip file; a recording is gzip-compressed JSON lines"


def _parse(path: Path, number: int, text: str) -> _Line:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):  # ValueError: also a number of more digits than Python converts
        raise RecordingError(f"{path}, line {number}: not JSON; every line must be one JSON object") from None
    if not isinstance(values, dict):
        raise RecordingError(f"{path}, line {number}: not a JSON object; every line must be one")
    return _Line(number, values)


def _header(line: _Line) -> Header:
    try:
        if line.text("format") != FORMAT or line.number("version", range(1, 1000)) != FORMAT_VERSION:
            raise _Wrong(f"format and version must be {FORMAT} {FORMAT_VERSION}")
        return Header(
            source=line.text("source"),
            ver=line.hexadecimal("ver", 32),
            cap=line.hexadecimal("cap", 64),
            ecap=line.hexadecimal("ecap", 64),
            haw=line.number("haw", range(1, 65)) if "haw" in line else None,
            generator=line.text("generator") if "generator" in line else None,
        )
    except _Wrong as wrong:
        raise _Wrong(f"line {line.number_in_file} (header): {wrong}") from None


def _event(line: _Line) -> Event:
    try:
        return cast(Callable[[_Line], Event], line.choice("e", EVENTS))(line)
    except _Wrong as wrong:
        raise _Wrong(f"line {line.number_in_file}: {wrong}") from None
