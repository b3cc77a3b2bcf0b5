"""One request of a recording in words: what the unit read, what stood there, what it decided, and by which rule.

Every sentence comes from the trace of the reference model while it answers; nothing is decided here.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from model.arch import REGISTERS, Access, Field, Kind, Register, Structure, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX
from model.reference import DmaAccess, DmaRequest, Step, Unit
from sim.recording import (
    Dma,
    Event,
    EventMessageSent,
    Interrupt,
    Mark,
    MemoryRead,
    MemoryWritten,
    Recording,
    RegisterRead,
    RegisterWrite,
)
from sim.replay import Replayer, dma_request

__all__ = ["ExplainError", "explain_event", "explain_request", "parse_source_id"]

LINE_WIDTH = 110
FIELD_INDENT = " " * 8

# Shown even when 0: their absence is what most refusals are about.
SHOWN_WHEN_ZERO = ("P", "R", "W")

# Fields that hold an address without its low bits.
ADDRESS_FIELDS = ("CTP", "SSPTPTR", "ADDR", "STADDR", "PDAL")

SOURCE_ID = re.compile(r"(?:0000:)?(?P<bus>[0-9a-f]{2}):(?P<device>[01][0-9a-f])\.(?P<function>[0-7])", re.IGNORECASE)

# What cannot be explained, and where the request it belongs to stands.
BESIDE_A_REQUEST = {
    MemoryRead: "memory that the next request finds",
    MemoryWritten: "memory that the request before it wrote",
    EventMessageSent: "a message that the unit sent after the request before it",
    Mark: "a comment",
}


class ExplainError(Exception):
    """What was asked for cannot be explained; the text is one sentence."""


@dataclass(frozen=True)
class _NamedRegister:
    """One register of a unit: `name` with its number where there are several, `offset` in bytes."""

    name: str
    register: Register
    offset: int

    def read(self, unit: Unit) -> int:
        sizes = [8] * (self.register.width // 64) or [4]
        return sum(unit.read_register(self.offset + 8 * at, size) << 64 * at for at, size in enumerate(sizes))


def parse_source_id(text: str) -> int:
    """Return the source-id of "00:1f.2" (bus, device, function; hexadecimal) or "0x00fa"; ExplainError."""
    match = SOURCE_ID.fullmatch(text)
    if match:
        bus, device, function = (int(match[name], 16) for name in ("bus", "device", "function"))
        return bus << 8 | device << 3 | function
    if re.fullmatch(r"0x[0-9a-fA-F]{1,4}", text):
        return int(text, 16)
    raise ExplainError(
        f"--source-id must be bus:device.function such as 00:1f.2, or 16 bits such as 0x00fa, not {text}"
    )


def explain_event(recording: Recording, line: int) -> Iterator[str]:
    """Yield lines of text on the event in line `line` of the file; ExplainError when there is nothing to explain."""
    replayer = Replayer(recording)
    event = _find(recording, line)
    for earlier in recording.events:
        if earlier.line == line:
            break
        replayer.play(earlier)
    yield from _earlier_differences(replayer)
    yield f"line {line}: {_title(event, replayer.unit.config)}"
    yield ""
    registers = _registers(replayer.unit.config)
    before = [named.read(replayer.unit) for named in registers]
    compared = _Verdict(replayer, event)
    steps: list[Step] = []
    replayer.unit.trace = steps.append
    replayer.play(event)
    replayer.unit.trace = None
    yield from _steps(steps, replayer.unit.config)
    if isinstance(event, RegisterRead):
        yield from _register_read(event, replayer.unit)
    yield from _changes(registers, before, replayer.unit)
    yield from compared.text()


def explain_request(recording: Recording, request: DmaRequest, *, after: int | None = None) -> Iterator[str]:
    """Yield lines of text on a DMA request that comes after line `after` of the file, without it after all lines.

    ExplainError when there is no such line, or when the request is an interrupt request.
    """
    if request.access is DmaAccess.WRITE and request.pasid is None and request.address >> 20 == INTERRUPT_PREFIX:
        raise ExplainError(
            f"a write to {request.address:#x} is an interrupt request, whose data are needed too; "
            "name an i line with --event, or an address outside 0xfee00000..0xfeefffff"
        )
    last = _last_line(recording)
    if after is not None and not 1 <= after <= last:
        raise ExplainError(f"{recording.path} has no line {after}; --after must be 1 to {last}")
    replayer = Replayer(recording)
    for event in recording.events:
        if after is None or event.line <= after:
            replayer.play(event)
    yield from _earlier_differences(replayer)
    yield f"after line {after or last}{'' if after else ', the last'}: {_dma_title(request)}"
    yield ""
    registers = _registers(replayer.unit.config)
    before = [named.read(replayer.unit) for named in registers]
    steps: list[Step] = []
    replayer.unit.trace = steps.append
    replayer.unit.dma(request)
    replayer.unit.trace = None
    yield from _steps(steps, replayer.unit.config)
    yield from _changes(registers, before, replayer.unit)


def _find(recording: Recording, line: int) -> Event:
    event = next((event for event in recording.events if event.line == line), None)
    if event is None:
        what = f"lines 2 to {_last_line(recording)} hold events" if recording.events else "it holds no events"
        raise ExplainError(f"{recording.path} has no event in line {line}: {what}")
    if type(event) in BESIDE_A_REQUEST:
        what = BESIDE_A_REQUEST[type(event)]
        right = f"name a t, ta, i, w or r line{_near(recording, event)}"
        raise ExplainError(f"{recording.path}, line {line} is no request but {what}; {right}")
    if isinstance(event, Dma) and event.access is None:
        raise ExplainError(
            f"{recording.path}, line {line} is a look-up without access rights (w 2), which no bus request makes; "
            "name a t line with w 0 or 1"
        )
    return event


def _near(recording: Recording, event: Event) -> str:
    """Name the line that was perhaps meant: the request after memory that it reads, before what it caused."""
    requests = [e.line for e in recording.events if type(e) not in BESIDE_A_REQUEST]
    if isinstance(event, MemoryRead):
        near = next((line for line in requests if line > event.line), None)
    else:
        near = next((line for line in reversed(requests) if line < event.line), None)
    return f", perhaps {near}" if near else ""


def _last_line(recording: Recording) -> int:
    return recording.events[-1].line if recording.events else 1


def _earlier_differences(replayer: Replayer) -> Iterator[str]:
    differences = replayer.summary.differences
    if differences:
        yield f"note: {len(differences)} earlier lines compare unequal, so the state may be another; {differences[0]}"


def _title(event: Event, config: UnitConfig) -> str:
    if isinstance(event, Dma):
        request = dma_request(event)
        assert request is not None  # _find refused the others
        return _dma_title(request)
    if isinstance(event, Interrupt):
        return f"interrupt request of {_source(event.source_id)}: {event.data:#x} to {event.address:#x}"
    if isinstance(event, RegisterWrite):
        names = _names_at(config, event.offset, event.size)
        return f"write of {event.value:#x}, {event.size} bytes, to {names} at offset {event.offset:#x}"
    assert isinstance(event, RegisterRead)
    return f"read of {event.size} bytes from {_names_at(config, event.offset, event.size)} at offset {event.offset:#x}"


def _dma_title(request: DmaRequest) -> str:
    pasid = "" if request.pasid is None else f" with PASID {request.pasid:#x}"
    return f"DMA {request.access.value} of {_source(request.source_id)}{pasid} at {request.address:#x}"


def _source(source_id: int) -> str:
    return f"{source_id >> 8:02x}:{source_id >> 3 & 0x1F:02x}.{source_id & 7} (source-id {source_id:#06x})"


def _steps(steps: list[Step], config: UnitConfig) -> Iterator[str]:
    for number, step in enumerate(steps, start=1):
        place = f"{step.structure.name} at {step.address:#x}: " if step.structure else ""
        yield f"{number:3}. {place}{step.text}  [{step.rule}]"
        if step.structure and step.value is not None:
            yield f"{FIELD_INDENT}value {_hexadecimal(step.structure, step.value)}"
            yield from _fields(step.structure, step.value, config)
    if not steps:
        yield "no table or queue is read"


def _hexadecimal(structure: Structure, value: int) -> str:
    """Spell a value in quadwords, the highest first. A queue of 128-bit descriptors holds their lower halves."""
    quadwords = structure.width // 64 if value >> 128 or structure.width < 128 else 2
    return "0x" + "_".join(f"{value >> 64 * at & 0xFFFFFFFFFFFFFFFF:016x}" for at in reversed(range(quadwords)))


def _fields(owner: Structure | Register, value: int, config: UnitConfig) -> Iterator[str]:
    for field in owner.fields:
        number = field.of(value)
        if number or field.name in SHOWN_WHEN_ZERO:
            text = f"{field.name} = {number:#x}{_remark(field, value, config)}"
            yield from textwrap.wrap(
                text,
                LINE_WIDTH,
                initial_indent=FIELD_INDENT,
                subsequent_indent=FIELD_INDENT + "    ",
                break_long_words=False,
            )


def _remark(field: Field, value: int, config: UnitConfig) -> str:
    address = f", address {field.in_place(value):#x}" if field.name in ADDRESS_FIELDS else ""
    if field.kind is Kind.IGNORED:
        return f"{address}: ignored"
    if field.kind in (Kind.RESERVED, Access.RSVDZ, Access.RSVDP):
        return f"{address}: reserved"
    if field.reserved_unless and not config.has(field.reserved_unless):
        return f"{address}: reserved, since {field.reserved_unless} is 0"
    return f"{address}: {field.meaning}" if field.meaning else address


def _registers(config: UnitConfig) -> list[_NamedRegister]:
    found = []
    for register in REGISTERS:
        if config.register_exists(register):
            offset = config.register_offset(register)
            if register.stride:
                found += [
                    _NamedRegister(f"{register.name}[{number}]", register, offset + number * register.stride)
                    for number in range(config.nfr)
                ]
            else:
                found.append(_NamedRegister(register.name, register, offset))
    return found


def _at(config: UnitConfig, offset: int, size: int) -> list[_NamedRegister]:
    return [
        named
        for named in _registers(config)
        if named.offset < offset + size and offset < named.offset + named.register.width // 8
    ]


def _names_at(config: UnitConfig, offset: int, size: int) -> str:
    return " and ".join(named.name for named in _at(config, offset, size)) or "no register"


def _register_read(event: RegisterRead, unit: Unit) -> Iterator[str]:
    yield f"the unit answers {unit.read_register(event.offset, event.size):#x}"
    for named in _at(unit.config, event.offset, event.size):
        value = named.read(unit)
        yield f"    {named.name} holds {value:#x}"
        yield from _fields(named.register, value, unit.config)


def _changes(registers: list[_NamedRegister], before: list[int], unit: Unit) -> Iterator[str]:
    for named, old in zip(registers, before, strict=True):
        new = named.read(unit)
        if new != old:
            yield f"{named.name} changes from {old:#x} to {new:#x}"
            yield from _fields(named.register, new, unit.config)


class _Verdict:
    """What the replayer says of one event, found by comparing its summary before and after."""

    def __init__(self, replayer: Replayer, event: Event) -> None:
        self._summary = replayer.summary
        self._event = event
        self._differences = len(self._summary.differences)
        self._excepted = self._exceptions()
        self._withdrawn = self._summary.withdrawn.copy()

    def _exceptions(self) -> Counter[str]:
        return sum((count.excepted for count in self._summary.kinds.values()), Counter())

    def text(self) -> Iterator[str]:
        """Yield a line on how the answer compares; a write has no answer."""
        if isinstance(self._event, RegisterWrite):
            return
        excepted = list(self._exceptions() - self._excepted)
        new = [text for text in self._summary.differences[self._differences :] if self._is_ours(text)]
        yield ""
        if excepted:
            yield f"the recording says otherwise, where its source departs from the specification: {excepted[0]}"
        else:
            yield f"the recording says otherwise: {new[0]}" if new else "the recording says the same"
        for name in self._summary.withdrawn - self._withdrawn:
            yield f"the fault record was taken back, where the source departs from the specification: {name}"

    def _is_ours(self, text: str) -> bool:
        return text.startswith(f"line {self._event.line}: ")
