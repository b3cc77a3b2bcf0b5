"""Replay of a recording on the reference model: every answer compared, every effect accounted for (architecture 6).

`Replayer` is the comparison of every replay: that of the reference model alone, which is here, and that of the
simulated unit (tb/jobs/replay.py), which must answer as the reference model does, line by line.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
from sim.differences import dma_difference, interrupt_difference, is_subset, message_text, read_difference
from sim.fault_log import FaultLog, Withdrawal
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
from sim.reference_statistics import ReferenceStatistics
from sim.summary import Outcome, Summary, Verdict

__all__ = ["RESET_MARK", "Judgement", "Replayer", "config_of", "dma_request", "replay"]

RESET_MARK = "reset"
NO_BUS_REQUEST = "no bus request (w 2)"


class _ObservedMemory(Memory):
    """Memory that keeps what the unit wrote since the last event."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[int, bytes]] = []

    def write(self, address: int, size: int, value: int) -> None:
        super().write(address, size, value)
        self.written.append((address, value.to_bytes(size, "little")))


@dataclass(slots=True)
class Judgement:
    """What the reference model says of one event.

    `verdict` of the line, `surplus` of effects of earlier events that have no line. `read`, `dma` or `interrupt` is the
    model's own answer, `written` (address, bytes) and `messages` its effects, in order; for a refused request,
    `recorded` are the FRCD records (offset of the first byte, 128 bits) and FSTS that it left, before `withdrawal` took
    them back.
    """

    verdict: Verdict
    surplus: list[Verdict] = field(default_factory=list)
    read: int = 0
    dma: DmaResult | None = None
    interrupt: InterruptResult | None = None
    written: list[tuple[int, bytes]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    recorded: list[tuple[int, int]] = field(default_factory=list)
    fault_status: int = 0
    withdrawal: Withdrawal | None = None

    @property
    def answer(self) -> DmaResult | InterruptResult | None:
        """The answer to a request."""
        return self.dma or self.interrupt


class Replayer:
    """Plays the events of a recording one by one on a unit of the recording's configuration.

    `unit` may be observed through its `trace`. Raises ConfigError when the unit cannot be built.
    """

    def __init__(self, recording: Recording) -> None:
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
        self._actions: dict[type, Callable[[Any], Judgement]] = {
            RegisterWrite: self._register_write,
            RegisterRead: self._register_read,
            MemoryRead: self._memory_read,
            MemoryWritten: self._memory_written,
            Dma: self._dma,
            Interrupt: self._interrupt,
            EventMessageSent: self._event_message,
            Mark: self._mark,
        }

    def play(self, event: Event) -> Judgement:
        """Play one event, compare what the recording says of it, and count that in `summary`."""
        judgement = self.judge(event)
        for verdict in judgement.surplus:
            self.summary.add(verdict)
        self.summary.add(judgement.verdict)
        return judgement

    def finish(self) -> None:
        """Account for effects that the recording does not have; to be called after the last event."""
        for verdict in self.surplus():
            self.summary.add(verdict)

    def judge(self, event: Event) -> Judgement:
        """Play one event, and return what the unit does and how the recording agrees; `summary` stays as it is."""
        surplus = []
        is_effect = isinstance(event, MemoryWritten | EventMessageSent)
        if not is_effect:
            surplus = self.surplus()
            self._last_line = event.line
        judgement = self._actions[type(event)](event)
        judgement.surplus = surplus
        if not is_effect:
            judgement.written = self._memory.written[:]
            withdrawn = judgement.withdrawal.messages if judgement.withdrawal else []
            judgement.messages = self.unit.messages + withdrawn
        return judgement

    def surplus(self) -> list[Verdict]:
        """Return, and forget, the effects so far that the recording does not have."""
        verdicts = [
            self._surplus("x", f"the unit wrote {data.hex()} at {address:#x}, the recording has no x")
            for address, data in self._memory.written
        ]
        verdicts += [
            self._surplus("msi", f"the unit sent {message_text(message)}, the recording has no msi")
            for message in self.unit.messages
        ]
        self._memory.written.clear()
        self.unit.messages.clear()
        return verdicts

    def _surplus(self, kind: str, text: str) -> Verdict:
        return Verdict(kind, self._last_line, Outcome.UNEQUAL, text, surplus=True)

    def _register_write(self, event: RegisterWrite) -> Judgement:
        self.unit.write_register(event.offset, event.value, event.size)
        if self._fault_flag(event, event.value):
            self._foreign_record = self._foreign_message = None
        return Judgement(_told(event))

    def _register_read(self, event: RegisterRead) -> Judgement:
        actual = self.unit.read_register(event.offset, event.size)
        difference = read_difference(event, actual)
        deviation = self._read_deviation(event, actual) if self._deviates and difference else None
        return Judgement(_compared(event, difference, deviation), read=actual)

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

    def _memory_read(self, event: MemoryRead) -> Judgement:
        if event.data is None:
            self._memory.fail(event.address, event.size)
        else:
            self._memory.load(event.address, event.data)
        return Judgement(_told(event))

    def _memory_written(self, event: MemoryWritten) -> Judgement:
        """Take out the write that this line is of, or, the shape of writes being free, all that make up its bytes.

        Writes of the same bytes are compared in their order; bytes that nobody wrote are compared as they stand.
        """
        written, end = self._memory.written, event.address + len(event.data)
        inside = [w for w in written if event.address <= w[0] and w[0] + len(w[1]) <= end]
        if inside and inside[0] == (event.address, event.data):
            written.remove(inside[0])
            return Judgement(_compared(event, None))
        for entry in inside:
            written.remove(entry)
        found = self._memory_difference(event) if inside or event.optional else "was not written"
        return Judgement(_compared(event, found and f"memory at {event.address:#x} {found}, not {event.data.hex()}"))

    def _memory_difference(self, event: MemoryWritten) -> str | None:
        size = len(event.data)
        try:
            actual = self._memory.read(event.address, size).to_bytes(size, "little")
        except MemoryFault:
            return "cannot be read"
        same = actual == event.data or (event.optional and is_subset(actual, event.data))
        return None if same else f"holds {actual.hex()}"

    def _dma(self, event: Dma) -> Judgement:
        request = dma_request(event)
        if request is None:
            return Judgement(Verdict(event.kind, event.line, Outcome.EXCEPTED, NO_BUS_REQUEST))
        log = FaultLog(self.unit)
        actual = self.unit.dma(request)
        difference = dma_difference(event, actual)
        name = deviations.of_dma(event, actual) if self._deviates and difference else None
        judgement = Judgement(_compared(event, difference, name), dma=actual)
        if not actual.permitted:
            self._note_recorded(log, judgement)
        withdrawn_for = name or self._foreign_record
        if withdrawn_for:
            judgement.withdrawal = self._withdraw(log, withdrawn_for)
        elif actual.refusal is Refusal.FAULT and not actual.suppressed:
            self._foreign_contents = None
        if name and deviations.records_more(name) and not event.suppressed:
            if not self._foreign_record:
                self._foreign_message = name
            self._foreign_record = self._foreign_contents = name
        return judgement

    def _note_recorded(self, log: FaultLog, judgement: Judgement) -> None:
        judgement.recorded = [(place, self._record(place)) for place in log.added()]
        judgement.fault_status = self.unit.read_register(FSTS.offset)

    def _record(self, place: int) -> int:
        return self.unit.read_register(place, 8) | self.unit.read_register(place + 8, 8) << 64

    def _interrupt(self, event: Interrupt) -> Judgement:
        log = FaultLog(self.unit)
        actual = self.unit.interrupt(InterruptRequest(event.source_id, event.address, event.data))
        difference = interrupt_difference(event, actual)
        name = deviations.of_interrupt(event, actual, self.unit) if self._deviates and difference else None
        judgement = Judgement(_compared(event, difference, name), interrupt=actual)
        if actual.permitted:
            return judgement
        self._note_recorded(log, judgement)
        if self._deviates:
            judgement.withdrawal = self._withdraw(log, deviations.INTERRUPT_FAULTS_NOT_RECORDED)
        return judgement

    def _withdraw(self, log: FaultLog, name: str) -> Withdrawal | None:
        withdrawal = log.withdraw()
        if withdrawal:
            self.summary.withdrawn[name] += 1
            self._foreign_contents = name
        return withdrawal

    def _event_message(self, event: EventMessageSent) -> Judgement:
        expected = Message(event.address, event.data)
        actual = self.unit.messages.pop(0) if self.unit.messages else None
        sent = f"the unit sent {message_text(actual)}" if actual else "the unit sent no message"
        name = self._foreign_message if actual is None and expected == self._fault_message() else None
        if name:
            self._foreign_message = None
        difference = None if actual == expected else f"{sent}, not {message_text(expected)}"
        return Judgement(_compared(event, difference, name))

    def _fault_message(self) -> Message:
        address, upper, data = (self.unit.read_register(r.offset, 4) for r in (FEADDR, FEUADDR, FEDATA))
        return Message(upper << FEADDR.width | address, data)

    def _mark(self, event: Mark) -> Judgement:
        if event.text == RESET_MARK:
            self.unit.reset()
            self._foreign_record = self._foreign_message = self._foreign_contents = None
        return Judgement(_told(event))


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


def replay(
    recording: Recording,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
    statistics: bool = False,
) -> Summary:
    """Replay a recording, or its first `limit` events, and compare every line; collect statistics where asked.

    `progress` is called with the number of events done so far. Raises ConfigError when the unit cannot be built.
    """
    start = time.perf_counter()
    replayer = Replayer(recording)
    collector = ReferenceStatistics(replayer.unit) if statistics else None
    for done, event in enumerate(recording.events[:limit], start=1):
        answer = replayer.play(event).answer
        if collector:
            collector.event(event, answer)
        if progress:
            progress(done)
    replayer.finish()
    if collector:
        replayer.summary.statistics = collector.statistics
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


def _told(event: Event) -> Verdict:
    return Verdict(_kind(event), event.line, Outcome.TOLD)


def _compared(event: Event, difference: str | None, deviation: str | None = None) -> Verdict:
    if deviation:
        return Verdict(_kind(event), event.line, Outcome.EXCEPTED, deviation)
    if difference is None:
        return Verdict(_kind(event), event.line, Outcome.EQUAL)
    return Verdict(_kind(event), event.line, Outcome.UNEQUAL, difference)
