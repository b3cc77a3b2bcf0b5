"""One event of a recording, a request of one's own, or the whole queue, explained.

Every sentence comes from the trace of the reference model while it answers; nothing is decided here.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from model.arch import UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.registers import FSTS, GSTS, IQA, IQH, IQT
from model.reference import DmaAccess, DmaRequest, InterruptRequest
from sim.explain.collecting import STATES, Observed, observe
from sim.explain.decoding import register_change, registers_at
from sim.explain.explanation import Explanation, Number
from sim.explain.scene import ExplainError, Scene, earlier_differences, last_line
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

__all__ = [
    "causes",
    "explain_event",
    "explain_interrupt",
    "explain_queue",
    "explain_request",
    "parse_source_id",
]

SOURCE_ID = re.compile(r"(?:0000:)?(?P<bus>[0-9a-f]{2}):(?P<device>[01][0-9a-f])\.(?P<function>[0-7])", re.IGNORECASE)

# What cannot be explained, and where the request it belongs to stands.
BESIDE_A_REQUEST = {
    MemoryRead: "memory that the next request finds",
    MemoryWritten: "memory that the request before it wrote",
    EventMessageSent: "a message that the unit sent after the request before it",
    Mark: "a comment",
}


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


def explain_event(recording: Recording, line: int) -> Explanation:
    """Explain the event in line `line` of the file; ExplainError when there is nothing to explain."""
    replayer = Replayer(recording)
    event = _find(recording, line)
    for earlier in recording.events:
        if earlier.line == line:
            break
        replayer.play(earlier)
    warnings = earlier_differences(replayer)
    unit = replayer.unit
    kind, title, numbers = _describe(event, unit.config)
    compared = _Verdict(replayer, event)
    observed = observe(unit, numbers, lambda: replayer.play(event))
    compared.take_back(observed)
    read = registers_at(unit.config, event.offset, event.size) if isinstance(event, RegisterRead) else []
    values = [(named, named.read(unit)) for named in read]
    return Explanation(
        kind=kind,
        title=title,
        place=f"line {line} of {recording.name}",
        numbers=numbers,
        steps=tuple(observed.steps),
        outcome=observed.outcome,
        messages=tuple(observed.messages),
        answer=unit.read_register(event.offset, event.size) if isinstance(event, RegisterRead) else None,
        registers=tuple(register_change(named, value, value, unit.config) for named, value in values),
        changes=tuple(observed.changes),
        verdict=tuple(compared.text()),
        equal=not compared.differences(),
        warnings=warnings,
    )


def causes(recording: Recording) -> dict[int, int]:
    """Return, for each line with what the unit wrote or sent, the line of the request whose explanation tells of it."""
    found, request = {}, 0
    for event in recording.events:
        if type(event) not in BESIDE_A_REQUEST:
            request = event.line
        elif request and isinstance(event, MemoryWritten | EventMessageSent):
            found[event.line] = request
    return found


def explain_request(scene: Scene, request: DmaRequest) -> Explanation:
    """Explain a DMA request of one's own; ExplainError when it is an interrupt request."""
    if request.access is DmaAccess.WRITE and request.pasid is None and request.address >> 20 == INTERRUPT_PREFIX:
        raise ExplainError(
            f"a write to {request.address:#x} is an interrupt request: name it with --interrupt and its --data, "
            "or choose an address outside 0xfee00000..0xfeefffff"
        )
    return _explained(scene, "dma", _dma_title(request), _dma_numbers(request), lambda: scene.unit.dma(request))


def explain_interrupt(scene: Scene, request: InterruptRequest) -> Explanation:
    """Explain an interrupt request of one's own; ExplainError when its address is none of an interrupt."""
    if request.address >> 20 != INTERRUPT_PREFIX:
        raise ExplainError(
            f"--address of an interrupt request must be 0xfee00000 to 0xfeefffff, not {request.address:#x}"
        )
    title = _interrupt_title(request.source_id, request.address, request.data)
    return _explained(scene, "interrupt", title, _interrupt_numbers(request), lambda: scene.unit.interrupt(request))


def _explained(
    scene: Scene, kind: str, title: str, numbers: tuple[Number, ...], ask: Callable[[], object]
) -> Explanation:
    observed = observe(scene.unit, numbers, ask)
    return Explanation(
        kind=kind,
        title=title,
        place=scene.place,
        numbers=numbers,
        steps=tuple(observed.steps),
        outcome=observed.outcome,
        messages=tuple(observed.messages),
        changes=tuple(observed.changes),
        warnings=scene.warnings,
    )


def explain_queue(scene: Scene) -> Explanation:
    """Explain every descriptor that software has put into the invalidation queue and that still stands there."""
    unit = scene.unit
    steps = scene.queue.steps()
    head, tail, where = (unit.read_register(register.offset, 8) for register in (IQH, IQT, IQA))
    enabled = GSTS["QIES"].of(unit.read_register(GSTS.offset))
    stopped = FSTS["IQE"].of(unit.read_register(FSTS.offset))
    size = 32 if IQA["DW"].of(where) else 16
    title = (
        f"invalidation queue at {IQA['IQA'].in_place(where):#x}, {(4096 << IQA['QS'].of(where)) // size} descriptors "
        f"of {size} bytes, {'on' if enabled else 'off'}: head {head:#x}, tail {tail:#x}"
    )
    observed = observe(unit, (), unit.preview_queue)
    is_wrong_as_a_whole = stopped or not observed.steps  # otherwise an error is that of a descriptor, and not yet met
    return Explanation(
        kind="queue",
        title=title,
        place=scene.place,
        steps=steps,
        outcome=observed.outcome if is_wrong_as_a_whole else None,
        verdict=(_queue_counts([STATES.get(step.action, step.action) for step in steps], is_on=bool(enabled)),),
        warnings=scene.warnings,
    )


def _queue_counts(states: list[str], *, is_on: bool) -> str:
    """Count what became of the descriptors."""
    if not states:
        return (
            "no descriptor was read since the queue was turned on"
            if is_on
            else "the queue is off; no descriptor was read"
        )
    counts = ", ".join(f"{count} {state}" for state, count in Counter(states).items())
    return f"{len(states)} descriptor{'s' if len(states) > 1 else ''}: {counts}"


def _find(recording: Recording, line: int) -> Event:
    event = next((event for event in recording.events if event.line == line), None)
    if event is None:
        what = f"lines 2 to {last_line(recording)} hold events" if recording.events else "it holds no events"
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


def _describe(event: Event, config: UnitConfig) -> tuple[str, str, tuple[Number, ...]]:
    """Return kind, title and numbers of an event."""
    if isinstance(event, Dma):
        request = dma_request(event)
        assert request is not None  # _find refused the others
        return "dma", _dma_title(request), _dma_numbers(request)
    if isinstance(event, Interrupt):
        numbers = _interrupt_numbers(InterruptRequest(event.source_id, event.address, event.data))
        return "interrupt", _interrupt_title(event.source_id, event.address, event.data), numbers
    if isinstance(event, RegisterWrite):
        names = _names_at(config, event.offset, event.size)
        title = f"write of {event.value:#x}, {event.size} bytes, to {names} at offset {event.offset:#x}"
        return "register write", title, (Number("value", event.size * 8, event.value),)
    assert isinstance(event, RegisterRead)
    names = _names_at(config, event.offset, event.size)
    return "register read", f"read of {event.size} bytes from {names} at offset {event.offset:#x}", ()


def _dma_numbers(request: DmaRequest) -> tuple[Number, ...]:
    pasid = () if request.pasid is None else (Number("PASID", 20, request.pasid),)
    return (Number("source-id", 16, request.source_id), *pasid, Number("address", 64, request.address))


def _interrupt_numbers(request: InterruptRequest) -> tuple[Number, ...]:
    return (
        Number("source-id", 16, request.source_id),
        Number("address", 32, request.address),
        Number("data", 32, request.data),
    )


def _dma_title(request: DmaRequest) -> str:
    pasid = "" if request.pasid is None else f" with PASID {request.pasid:#x}"
    return f"DMA {request.access.value} of {_source(request.source_id)}{pasid} at {request.address:#x}"


def _interrupt_title(source_id: int, address: int, data: int) -> str:
    return f"interrupt request of {_source(source_id)}: {data:#x} to {address:#x}"


def _source(source_id: int) -> str:
    return f"{source_id >> 8:02x}:{source_id >> 3 & 0x1F:02x}.{source_id & 7} (source-id {source_id:#06x})"


def _names_at(config: UnitConfig, offset: int, size: int) -> str:
    return " and ".join(named.name for named in registers_at(config, offset, size)) or "no register"


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

    def text(self) -> list[str]:
        """Return sentences on how the answer compares; a write has no answer."""
        if isinstance(self._event, RegisterWrite):
            return []
        excepted = list(self._exceptions() - self._excepted)
        new = self.differences()
        if excepted:
            return [f"the recording says otherwise, where its source departs from the specification: {excepted[0]}"]
        return [f"the recording says otherwise: {new[0]}" if new else "the recording says the same"]

    def take_back(self, observed: Observed) -> None:
        """Say of the fault record that it was taken back, with its event message, where the replayer did that."""
        for name in self._summary.withdrawn - self._withdrawn:
            assert observed.outcome  # only a refusal records
            what = "this and its event message were" if observed.messages else "this was"
            recorded = (
                f"{observed.outcome.recorded}; {what} taken back, since the source of the recording departs from the "
                f"specification: {name}"
            )
            observed.outcome = replace(observed.outcome, recorded=recorded, record=None)
            observed.messages.clear()

    def differences(self) -> list[str]:
        """Return what compared unequal."""
        ours = f"line {self._event.line}: "
        return [text for text in self._summary.differences[self._differences :] if text.startswith(ours)]
