"""Replay of a recording on the reference model: every answer compared, every effect accounted for (architecture 6)."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from model.arch import UnitConfig
from model.arch.registers import FEADDR, FEDATA, FEUADDR, FRCD, FSTS
from model.reference import (
    DmaRequest,
    DmaResult,
    InterruptRequest,
    InterruptResult,
    Memory,
    MemoryFault,
    Message,
    Refusal,
    Unit,
)
from sim import deviations
from sim.fault_log import FaultLog
from sim.recording import (
    Dma,
    Event,
    EventMessageSent,
    Header,
    Interrupt,
    Mark,
    MemoryRead,
    MemoryWritten,
    Recording,
    RegisterRead,
    RegisterWrite,
)

__all__ = ["Count", "Replayer", "Summary", "config_of", "dma_request", "replay"]

RESET_MARK = "reset"


@dataclass
class Count:
    """What became of the lines of one kind; lines that only tell the unit something have nothing to compare.

    `unequal` counts unequal lines, and effects of the unit that should have had a line and have none.
    """

    seen: int = 0
    compared: int = 0
    equal: int = 0
    unequal: int = 0
    excepted: Counter[str] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as architecture 5 spells them."""
        # dataclasses.asdict would rebuild `excepted` from its items, which a Counter counts.
        return {**vars(self), "excepted": dict(self.excepted)}


@dataclass
class Summary:
    """The outcome of a replay. `differences` has one sentence for each unequal line or unexpected effect;
    `withdrawn` counts, by deviation, fault records that the recording's source does not make."""

    capture: str
    config: UnitConfig
    kinds: dict[str, Count] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    withdrawn: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def compared(self) -> int:
        """Number of lines whose result was compared."""
        return sum(count.compared for count in self.kinds.values())

    @property
    def equal(self) -> bool:
        """True when something was compared and nothing differed."""
        return self.compared > 0 and not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return the summary as architecture 5 spells it."""
        return {
            "capture": self.capture,
            "simulator": "none",
            "config": asdict(self.config),
            "kinds": {kind: count.to_json() for kind, count in sorted(self.kinds.items())},
            "withdrawn": dict(self.withdrawn),
            "clocks": 0,
            "lockstep": {"clocks": 0, "signals": 0, "mismatches": 0},
            "seconds": self.seconds,
        }


class _ObservedMemory(Memory):
    """Memory that keeps what the unit wrote since the last event."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[int, bytes]] = []

    def write(self, address: int, size: int, value: int) -> None:
        super().write(address, size, value)
        self.written.append((address, value.to_bytes(size, "little")))


class Replayer:
    """Plays the events of a recording one by one on a unit of the recording's configuration.

    `unit` may be observed through its `trace`. Raises ConfigError when the unit cannot be built.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._memory = _ObservedMemory()
        self._deviates = deviations.applies_to(recording.header.source)
        self.unit = Unit(config_of(recording.header), self._memory)
        self.summary = Summary(str(recording.path), self.unit.config)
        self._last_line = 0
        # The name of the deviation: while the source has a fault record that the unit has not, until the source's
        # message for it came, and while the record registers, cleared or not, hold what only one of them knows.
        self._foreign_record: str | None = None
        self._foreign_message: str | None = None
        self._foreign_contents: str | None = None
        config = self.unit.config
        self._fault_records = range(config.fro, config.fro + config.nfr * FRCD.stride)
        self._actions: dict[type, Callable[[Any], None]] = {
            RegisterWrite: self._register_write,
            RegisterRead: self._register_read,
            MemoryRead: self._memory_read,
            MemoryWritten: self._memory_written,
            Dma: self._dma,
            Interrupt: self._interrupt,
            EventMessageSent: self._event_message,
            Mark: self._mark,
        }

    def play(self, event: Event) -> None:
        """Play one event, and compare what the recording says of it."""
        if not isinstance(event, MemoryWritten | EventMessageSent):
            self.finish()
            self._last_line = event.line
        self._count(event).seen += 1
        self._actions[type(event)](event)

    def finish(self) -> None:
        """Account for effects that the recording does not have; to be called after the last event."""
        for address, data in self._memory.written:
            self._difference(
                "x", self._last_line, f"the unit wrote {data.hex()} at {address:#x}, the recording has no x"
            )
        for message in self.unit.messages:
            self._difference("msi", self._last_line, f"the unit sent {_message(message)}, the recording has no msi")
        self._memory.written.clear()
        self.unit.messages.clear()

    def _register_write(self, event: RegisterWrite) -> None:
        self.unit.write_register(event.offset, event.value, event.size)
        if self._fault_flag(event, event.value):
            self._foreign_record = self._foreign_message = None

    def _register_read(self, event: RegisterRead) -> None:
        actual = self.unit.read_register(event.offset, event.size)
        same = any(not (actual ^ value) & event.mask for value in event.values)
        expected = " or ".join(f"{value:#x}" for value in event.values)
        self._compare(
            event,
            None if same else f"register {event.offset:#x} read {actual:#x}, not {expected} (mask {event.mask:#x})",
            self._read_deviation(event, actual) if self._deviates and not same else None,
        )

    def _read_deviation(self, event: RegisterRead, actual: int) -> str | None:
        if event.offset == FSTS.offset and self._foreign_record:
            return self._foreign_record
        same_flag = not self._fault_flag(event, actual ^ event.values[0])
        if event.offset in self._fault_records and (same_flag or self._foreign_record) and self._foreign_contents:
            return self._foreign_contents
        return deviations.of_register_read(event, actual, self.unit)

    def _fault_flag(self, event: RegisterRead | RegisterWrite, value: int) -> bool:
        """Say whether `value` of an access has FRCD.F set; False for other registers."""
        if event.offset not in self._fault_records:
            return False
        bit = (event.offset - self._fault_records.start) % FRCD.stride * 8
        return bool(FRCD["F"].of(value << bit))

    def _memory_read(self, event: MemoryRead) -> None:
        if event.data is None:
            self._memory.fail(event.address, event.size)
        else:
            self._memory.load(event.address, event.data)

    def _memory_written(self, event: MemoryWritten) -> None:
        """Take out the write that this line is of, or, the shape of writes being free, all that make up its bytes.

        Writes of the same bytes are compared in their order; bytes that nobody wrote are compared as they stand.
        """
        written, end = self._memory.written, event.address + len(event.data)
        inside = [w for w in written if event.address <= w[0] and w[0] + len(w[1]) <= end]
        if inside and inside[0] == (event.address, event.data):
            written.remove(inside[0])
            self._compare(event, None)
            return
        for entry in inside:
            written.remove(entry)
        found = self._memory_difference(event) if inside or event.optional else "was not written"
        self._compare(event, found and f"memory at {event.address:#x} {found}, not {event.data.hex()}")

    def _memory_difference(self, event: MemoryWritten) -> str | None:
        size = len(event.data)
        try:
            actual = self._memory.read(event.address, size).to_bytes(size, "little")
        except MemoryFault:
            return "cannot be read"
        same = actual == event.data or (event.optional and _is_subset(actual, event.data))
        return None if same else f"holds {actual.hex()}"

    def _dma(self, event: Dma) -> None:
        request = dma_request(event)
        if request is None:
            self._count(event).excepted["no bus request (w 2)"] += 1
            return
        log = FaultLog(self.unit) if self._deviates else None
        actual = self.unit.dma(request)
        difference = _dma_difference(event, actual)
        name = deviations.of_dma(event, actual) if self._deviates and difference else None
        withdrawn_for = name or self._foreign_record
        if log and withdrawn_for:
            self._withdraw(log, withdrawn_for)
        elif actual.refusal is Refusal.FAULT and not actual.suppressed:
            self._foreign_contents = None
        if name and deviations.records_more(name) and not event.suppressed:
            if not self._foreign_record:
                self._foreign_message = name
            self._foreign_record = self._foreign_contents = name
        self._compare(event, difference, name)

    def _interrupt(self, event: Interrupt) -> None:
        log = FaultLog(self.unit) if self._deviates else None
        actual = self.unit.interrupt(InterruptRequest(event.source_id, event.address, event.data))
        difference = _interrupt_difference(event, actual)
        name = deviations.of_interrupt(event, actual, self.unit) if self._deviates and difference else None
        if log and not actual.permitted:
            self._withdraw(log, deviations.INTERRUPT_FAULTS_NOT_RECORDED)
        self._compare(event, difference, name)

    def _withdraw(self, log: FaultLog, name: str) -> None:
        if log.withdraw():
            self.summary.withdrawn[name] += 1
            self._foreign_contents = name

    def _event_message(self, event: EventMessageSent) -> None:
        expected = Message(event.address, event.data)
        actual = self.unit.messages.pop(0) if self.unit.messages else None
        sent = f"the unit sent {_message(actual)}" if actual else "the unit sent no message"
        name = self._foreign_message if actual is None and expected == self._fault_message() else None
        if name:
            self._foreign_message = None
        self._compare(event, None if actual == expected else f"{sent}, not {_message(expected)}", name)

    def _fault_message(self) -> Message:
        address, upper, data = (self.unit.read_register(r.offset, 4) for r in (FEADDR, FEUADDR, FEDATA))
        return Message(upper << FEADDR.width | address, data)

    def _mark(self, event: Mark) -> None:
        if event.text == RESET_MARK:
            self.unit.reset()
            self._foreign_record = self._foreign_message = self._foreign_contents = None

    def _count(self, event: Event) -> Count:
        return self.summary.kinds.setdefault(_kind(event), Count())

    def _compare(self, event: Event, difference: str | None, deviation: str | None = None) -> None:
        count = self._count(event)
        if deviation:
            count.excepted[deviation] += 1
            return
        count.compared += 1
        if difference is None:
            count.equal += 1
        else:
            self._difference(_kind(event), event.line, difference)

    def _difference(self, kind: str, line: int, text: str) -> None:
        self.summary.kinds.setdefault(kind, Count()).unequal += 1
        self.summary.differences.append(f"line {line}: {text}")


def config_of(header: Header) -> UnitConfig:
    """Return the configuration that a recording's header describes; ConfigError when it cannot be built."""
    return UnitConfig.from_registers(
        ver=header.ver,
        cap=header.cap,
        ecap=header.ecap,
        haw=header.haw,
        collapse_faults=deviations.applies_to(header.source),
    )


def dma_request(event: Dma) -> DmaRequest | None:
    """Return the request of a recorded DMA, None for a look-up that no bus makes."""
    if event.access is None:
        return None
    return DmaRequest(event.source_id, event.address, event.access, pasid=event.pasid)


def replay(recording: Recording, *, limit: int | None = None, progress: Callable[[int], None] | None = None) -> Summary:
    """Replay a recording, or its first `limit` events, and compare every line.

    `progress` is called with the number of events done so far. Raises ConfigError when the unit cannot be built.
    """
    start = time.perf_counter()
    replayer = Replayer(recording)
    for done, event in enumerate(recording.events[:limit], start=1):
        replayer.play(event)
        if progress:
            progress(done)
    replayer.finish()
    replayer.summary.seconds = time.perf_counter() - start
    return replayer.summary


KINDS: dict[type, str] = {
    RegisterWrite: "w",
    RegisterRead: "r",
    MemoryRead: "m",
    MemoryWritten: "x",
    Interrupt: "i",
    EventMessageSent: "msi",
    Mark: "mark",
}


def _kind(event: Event) -> str:
    return event.kind if isinstance(event, Dma) else KINDS[type(event)]


def _dma_difference(event: Dma, actual: DmaResult) -> str | None:
    if event.permitted != actual.permitted:
        return f"{_dma_text(actual)}, the recording {'permits it' if event.permitted else 'refuses it'}"
    if event.permitted and (event.host_address is None or actual.address is None):
        same = event.host_address is actual.address
        return None if same else f"{_dma_text(actual)}, not {_completion_text(event.host_address)}"
    if not event.permitted:
        reason = actual.fault_reason
        same = actual.refusal is event.refusal and (reason is None or reason in event.reasons)
        if same and actual.suppressed == event.suppressed:
            return None
        return f"{_dma_text(actual)}, not {_refusal_text(event)}"
    permissions = actual.read | actual.write << 1
    pairs = (
        ("host address", actual.address, event.host_address),
        ("mask", (1 << actual.page_shift) - 1, event.mask),
        ("permissions", permissions, event.permissions),
        ("snoop", actual.snoop, event.snoop),
    )
    wrong = [
        f"{name} {ours:#x}, not {theirs:#x}" for name, ours, theirs in pairs if theirs is not None and ours != theirs
    ]
    return ", ".join(wrong) or None


def _dma_text(result: DmaResult) -> str:
    if result.refusal is Refusal.FAULT and result.condition:
        suppressed = " suppressed by FPD" if result.suppressed else ""
        return f"refused with fault {result.condition.reason:#x} ({result.condition.name}){suppressed}"
    return f"refused ({result.refusal.value})" if result.refusal else _completion_text(result.address)


def _completion_text(address: int | None) -> str:
    return "completed with meaningless data" if address is None else f"permitted at {address:#x}"


def _refusal_text(event: Dma | Interrupt) -> str:
    reasons = " or ".join(f"fault {reason:#x}" for reason in event.reasons)
    suppressed = " suppressed by FPD" if event.suppressed else ""
    return reasons + suppressed if reasons else f"refused ({event.refusal.value if event.refusal else 'no reason'})"


def _interrupt_difference(event: Interrupt, actual: InterruptResult) -> str | None:
    if event.permitted != actual.permitted or not event.permitted:
        same = not event.permitted and actual.fault_reason in event.reasons and actual.suppressed == event.suppressed
        expected = "permitted" if event.permitted else _refusal_text(event)
        return None if same else f"{_interrupt_text(actual)}, not {expected}"
    expected_message = None if event.posted else Message(event.message_address or 0, event.message_data or 0)
    if (actual.message, actual.posted) == (expected_message, event.posted):
        return None
    return f"{_interrupt_text(actual)}, not {_message(expected_message) if expected_message else 'posted'}"


def _interrupt_text(result: InterruptResult) -> str:
    if result.condition:
        suppressed = " suppressed by FPD" if result.suppressed else ""
        return f"refused with fault {result.condition.reason:#x} ({result.condition.name}){suppressed}"
    return f"remapped to {_message(result.message)}" if result.message else "posted"


def _message(message: Message) -> str:
    return f"{message.data:#x} to {message.address:#x}"


def _is_subset(actual: bytes, allowed: bytes) -> bool:
    return all(not a & ~b for a, b in zip(actual, allowed, strict=True))
