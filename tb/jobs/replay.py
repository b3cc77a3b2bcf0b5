"""Replay of a recording on the simulated unit, in lockstep with model/cycle, beside model/reference (architecture 6).

model/reference (sim/replay.py) plays every line as well: it says what the unit must answer, what it must write and
send, and how the recording agrees with that. The simulated unit must answer exactly as model/reference does.
"""

import dataclasses
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from model.arch import REGISTERS, UnitConfig
from model.arch.registers import (
    CCMD,
    FECTL,
    FRCD,
    FSTS,
    GCMD,
    GSTS,
    ICS,
    IECTL,
    IOTLB,
    IQERCD,
    IQH,
    IQT,
    PMEN,
)
from model.reference import MemoryFault, Message
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
    load_recording,
)
from sim.replay import RESET_MARK, Judgement, Replayer
from sim.summary import Lockstep, Outcome, Summary, Verdict
from tb.axi_device import Transfer
from tb.axi_lite_master import RegisterAccess
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.collector import Collector
from tb.effects import Effects
from tb.flight import Flight
from tb.players import Mismatch
from tb.recorded_requests import dma_transfer, interrupt_transfer
from tb.signals import Signals
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit

__all__ = ["UnitReplay", "run"]

Clocks = Iterator[None]
Answer = Generator[None, None, Any]  # of steps that take clocks and return something

IN_FLIGHT = 8  # requests that are at the unit at the same time
PATIENCE = 2000  # clocks without any progress after which something is held to be missing
DIFFERENCES = 50  # then the replay stops: nothing new is learnt
MEMORY_LATENCY = 10  # clocks
RESET_CLOCKS = 4

NO_SUCH_ACCESS = "AXI4-Lite has no such read"

# Registers that change some time after what caused it.
SLOW = (GSTS, CCMD, IOTLB, FSTS, FECTL, IQH, IQERCD, ICS, IECTL, PMEN)
# Registers whose write starts work -> registers that tell when it is done.
WORK = {
    GCMD: (GSTS, IQH, FSTS),
    CCMD: (CCMD,),
    IOTLB: (IOTLB,),
    IQT: (IQH, FSTS),
    FSTS: (IQH, FSTS),
    PMEN: (PMEN,),
}


class UnitReplay:
    """Plays a recording, or its first `limit` events, on the unit behind `bench`; the outcome is in `summary`.

    Memory is as the recording says, and answers after `MEMORY_LATENCY` clocks.
    """

    def __init__(self, bench: Testbench, recording: Recording, *, limit: int | None = None) -> None:
        self._bench = bench
        self._events = recording.events[:limit]
        self._reference = Replayer(recording)
        self.summary = Summary(str(recording.path), bench.config)
        self._effects = Effects(bench, self._request_seen, self._message_seen)
        self._effect_differences: list[tuple[str, str]] = []
        self._flights: deque[Flight] = deque()
        self._storing: deque[Flight] = deque()  # writes that reached m_axi, whose data follow in this order
        self._working: dict[int, int] = {}  # offset -> size of registers that may not say yet what they must
        self._slow = _places(bench.config, SLOW)
        self._last_line, self._last_kind = 1, "mark"
        self._number = 0
        bench.tables.latency = bench.host.latency = MEMORY_LATENCY
        bench.tables.exclusive = bench.config.exclusive

    def script(self, _bench: Testbench) -> Clocks:
        """Play every event, then compare every register."""
        progress = self._bench.progress
        progress["of"] = len(self._events)
        try:
            for done, event in enumerate(self._events, start=1):
                self._bench.note(event)
                yield from self._play(event)
                progress["events"] = done
                if len(self.summary.differences) >= DIFFERENCES:
                    raise CheckFailed(f"stopped after {DIFFERENCES} differences")
            yield from self._finish()
        except CheckFailed as failed:
            self._difference(self._last_kind, str(failed))
        self._end()

    def _play(self, event: Event) -> Clocks:
        if isinstance(event, Dma | Interrupt):
            yield from self._request(event)
            return
        if isinstance(event, MemoryRead):
            if self._changes_memory(event):
                yield from self._settle()
                self._load(event)
        elif isinstance(event, RegisterWrite) or (isinstance(event, Mark) and event.text == RESET_MARK):
            yield from self._settle()
        elif not isinstance(event, Mark):
            yield from self._land()
            yield from self._await_effects()
        judgement = self._judge(event)
        verdict = judgement.verdict
        if isinstance(event, RegisterRead):
            verdict = yield from self._read(event, judgement, verdict)
        elif isinstance(event, RegisterWrite):
            yield from self._write(event)
        elif isinstance(event, Mark) and event.text == RESET_MARK:
            yield from self._reset()
        elif isinstance(event, MemoryWritten | EventMessageSent):
            verdict = self._effect_verdict(verdict)
        self.summary.add(verdict)

    def stopped(self, failed: Exception) -> None:
        """Account for what ended the run from outside the script."""
        self._difference(self._last_kind, str(failed))
        self.summary.lockstep.mismatches += isinstance(failed, Mismatch)
        self._end()

    def _end(self) -> None:
        self.summary.withdrawn = self._reference.summary.withdrawn
        self.summary.differences.sort(key=_line_number)

    # What the recording and the reference model say

    def _judge(self, event: Event) -> Judgement:
        """Let the reference model play a line; return what it does, and the verdict."""
        judgement = self._reference.judge(event)
        if not isinstance(event, MemoryWritten | EventMessageSent):
            for kind, text in self._effect_differences:
                self._difference(kind, text)
            self._effect_differences = []
            self._last_line, self._last_kind = event.line, judgement.verdict.kind
        for found in judgement.surplus:
            self.summary.add(found)
        self._effects.expect(judgement.written, judgement.messages)
        return judgement

    def _difference(self, kind: str, text: str) -> None:
        """Note what is wrong beside the answer of a line."""
        self.summary.add(Verdict(kind, self._last_line, Outcome.UNEQUAL, text, surplus=True))

    def _effect_verdict(self, verdict: Verdict) -> Verdict:
        for position, (kind, text) in enumerate(self._effect_differences):
            if kind == verdict.kind:
                del self._effect_differences[position]
                return _unequal(verdict, text)
        return verdict

    # Waiting

    def _settle(self) -> Clocks:
        """Wait until the unit has nothing to do any more: answers, effects, status."""
        yield from self._land()
        yield from self._await_effects()
        for offset, size in self._working.items():
            expected = self._reference.unit.read_register(offset, size)
            actual = yield from self._read_until(offset, size, expected, -1)
            if actual != expected:
                self._difference("w", f"register {offset:#x} stays {actual:#x}, model/reference has {expected:#x}")
        self._working.clear()

    def _land(self) -> Clocks:
        """Wait for the answers to all requests."""
        while self._flights:
            yield from self._land_oldest()

    def _land_oldest(self) -> Clocks:
        flight, start = self._flights[0], self._bench.now
        while not flight.complete:
            if self._bench.now > start + PATIENCE:
                if flight.transfer.done:
                    break
                self._last_line, self._last_kind = flight.verdict.line, flight.verdict.kind
                raise CheckFailed(f"no answer after {PATIENCE} clocks; stopped")
            yield
        self._flights.popleft()
        if flight in self._storing:
            self._storing.remove(flight)
        text = flight.difference(self._bench.host.read)
        if text is None and not flight.transfer.permitted:
            text = yield from self._fault_log_difference(flight.judgement)
        self.summary.add(_unequal(flight.verdict, text) if text else flight.verdict)

    def _await_effects(self) -> Clocks:
        """Wait for what the unit must write and send, and compare it."""
        effects, start = self._effects, self._bench.now
        while effects.awaited and self._bench.now <= max(start, effects.last) + PATIENCE:
            yield
        self._effect_differences += effects.compare()

    # Registers

    def _access(self, *, write: bool, offset: int, size: int, value: int = 0) -> Answer:
        access = self._bench.software.submit(RegisterAccess(write, offset, size, value))
        start = self._bench.now
        while not access.done:
            if self._bench.now > start + PATIENCE:
                raise CheckFailed(f"no answer to an access of register {offset:#x} after {PATIENCE} clocks; stopped")
            yield
        return access.value

    def _read_until(self, offset: int, size: int, expected: int, mask: int) -> Answer:
        """Read a register again and again until it agrees, or does not change any more; return the last value."""
        actual, start = -1, self._bench.now
        while True:
            value = yield from self._access(write=False, offset=offset, size=size)
            if not (value ^ expected) & mask:
                return value
            if value != actual:
                actual, start = value, self._bench.now
            if self._bench.now > start + PATIENCE:
                return value

    def _read(self, event: RegisterRead, judgement: Judgement, verdict: Verdict) -> Answer:
        offset, size = event.offset, event.size
        if not _is_access(offset, size):
            return dataclasses.replace(verdict, outcome=Outcome.EXCEPTED, text=NO_SUCH_ACCESS)
        expected = judgement.read
        if any(offset < end and start < offset + size for start, end in self._slow):
            actual = yield from self._read_until(offset, size, expected, event.mask)
        else:
            actual = yield from self._access(write=False, offset=offset, size=size)
        if (actual ^ expected) & event.mask:
            text = f"register {offset:#x} read {actual:#x}, model/reference {expected:#x} (mask {event.mask:#x})"
            return _unequal(verdict, text)
        return verdict

    def _write(self, event: RegisterWrite) -> Clocks:
        offset, size = event.offset, event.size
        if not _is_access(offset, size):
            return  # model/reference ignores it, and the bus cannot carry it
        yield from self._access(write=True, offset=offset, size=size, value=event.value)
        config = self._bench.config
        for started, telling in WORK.items():
            for start, end in _places(config, (started,)):
                if offset < end and start < offset + size:
                    for register in telling:
                        if config.register_exists(register):
                            self._working[config.register_offset(register)] = register.width // 8

    # DMA and interrupts

    def _request(self, event: Dma | Interrupt) -> Clocks:
        if isinstance(event, Dma) and event.access is None:
            self.summary.add(self._judge(event).verdict)
            return
        if self._working or self._effects.awaited or self._effect_differences:
            yield from self._settle()
        transfer = self._transfer(event)
        if transfer.request:
            # Alone, since order between the core port and s_axi is nobody's promise.
            yield from self._land()
        elif len(self._flights) == IN_FLIGHT:
            yield from self._land_oldest()
        judgement = self._judge(event)
        flight = Flight(transfer, judgement, judgement.verdict)
        if not flight.permitted and judgement.messages:
            # Order between an event message and those of interrupts is nobody's promise either.
            yield from self._land()
        self._flights.append(flight)
        self._bench.device.submit(transfer)
        if transfer.request or not flight.permitted or judgement.written or judgement.messages:
            yield from self._land()
        if judgement.withdrawal:
            yield from self._await_effects()
            for offset, value in judgement.withdrawal.writes:
                yield from self._access(write=True, offset=offset, size=4, value=value)

    def _transfer(self, event: Dma | Interrupt) -> Transfer:
        if isinstance(event, Interrupt):
            return interrupt_transfer(event, self._bench.config)
        self._number += 1
        return dma_transfer(event, self._bench.config, self._number)

    def _message_seen(self, message: Message) -> bool:
        """See a message of the unit; say whether it is that of an interrupt: they come in the order of the requests."""
        older = None
        for flight in self._flights:
            if flight.stores:
                if flight.answered is None or self._bench.now <= flight.answered:
                    older = older or flight.verdict.line
            elif flight.expected_message is not None and flight.message is None:
                flight.message, flight.overtaken = message, older
                return True
        return False

    def _request_seen(self, entry: Accepted | Written) -> None:
        """See a request of a device, or the bytes of one, on m_axi."""
        if isinstance(entry, Written):
            if not self._storing:
                raise CheckFailed(f"data reached m_axi at {entry.address:#x}, which no request of a device brought")
            data = entry.value.to_bytes(entry.size, "little")
            self._storing[0].stored.update(enumerate(data, entry.address))
            if len(self._storing[0].stored) == len(self._storing[0].bytes_written):
                self._storing.popleft().answered = entry.clock + MEMORY_LATENCY
            return
        id_, address = entry.address.id, entry.address.addr
        for flight in self._flights:
            mine = (flight.transfer.write, flight.transfer.id) == (bool(entry.write), id_)
            if mine and flight.address is None and flight.judgement.dma:
                flight.address = address
                if entry.write:
                    self._storing.append(flight)
                return
        raise CheckFailed(f"a request reached m_axi at {address:#x} with ID {id_}, for which nobody asked")

    def _fault_log_difference(self, judgement: Judgement) -> Answer:
        """Compare what a refusal left in the fault log; reading it changes nothing."""
        yield from self._await_effects()
        for place, record in judgement.recorded:
            low = yield from self._access(write=False, offset=place, size=8)
            high = yield from self._access(write=False, offset=place + 8, size=8)
            if high << 64 | low != record:
                return f"fault record at {place:#x} is {high << 64 | low:#034x}, of model/reference {record:#034x}"
        status = yield from self._access(write=False, offset=FSTS.offset, size=4)
        if status != judgement.fault_status:
            return f"FSTS is {status:#x} after the refusal, of model/reference {judgement.fault_status:#x}"
        return None

    # Memory, reset, end

    def _changes_memory(self, event: MemoryRead) -> bool:
        if event.data is None:
            return True
        try:
            return self._bench.memory.read(event.address, event.size) != int.from_bytes(event.data, "little")
        except MemoryFault:
            return True

    def _load(self, event: MemoryRead) -> None:
        if event.data is None:
            self._bench.memory.fail(event.address, event.size)
        else:
            self._bench.memory.load(event.address, event.data)

    def _reset(self) -> Clocks:
        self._bench.reset = 1
        for _ in range(RESET_CLOCKS):
            yield
        self._bench.reset = 0
        yield

    def _finish(self) -> Clocks:
        """Account for what is left, and compare every register, so that no wrong state goes unseen."""
        yield from self._settle()
        for found in self._reference.surplus():
            self.summary.add(found)
        config = self._bench.config
        for register in REGISTERS:
            if config.register_exists(register):
                for number in range(config.nfr if register is FRCD else 1):
                    first = config.register_offset(register) + number * register.stride
                    for place in range(first, first + register.width // 8, 8):
                        yield from self._compare_register(register.name, place, min(register.width // 8, 8))
        yield from self._await_effects()  # also those that nobody awaits: they had time to come
        for kind, text in self._effect_differences:
            self._difference(kind, text)

    def _compare_register(self, name: str, offset: int, size: int) -> Clocks:
        expected = self._reference.unit.read_register(offset, size)
        actual = yield from self._access(write=False, offset=offset, size=size)
        if actual != expected:
            text = f"after this line {name} at {offset:#x} holds {actual:#x}, of model/reference {expected:#x}"
            self._difference("r", text)


def _unequal(verdict: Verdict, text: str) -> Verdict:
    return dataclasses.replace(verdict, outcome=Outcome.UNEQUAL, text=text)


def _line_number(difference: str) -> int:
    return int(difference.removeprefix("line ").partition(":")[0])


def _is_access(offset: int, size: int) -> bool:
    return size in (4, 8) and offset % size == 0


def _places(config: UnitConfig, registers: tuple[Any, ...]) -> list[tuple[int, int]]:
    """Return first and last offset (the last not included) of those that exist."""
    firsts = [(config.register_offset(r), r.width // 8) for r in registers if config.register_exists(r)]
    return [(first, first + width) for first, width in firsts]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Replay the recording `job["capture"]`; return the summary as JSON, its differences beside it, and where
    `job["statistics"]` asks for them these."""
    bench = make_bench()
    replay = UnitReplay(bench, load_recording(Path(job["capture"])), limit=job["limit"])
    script, unit, collector = replay.script, None, None
    if job.get("statistics"):
        unit = WatchedUnit(bench.config)
        collector = Collector(bench, unit, memory_latency=MEMORY_LATENCY)
        script = collector.script(script)
    try:
        signals = (await player(bench, script, unit=unit)).signals
    except (CheckFailed, Mismatch) as failed:
        replay.stopped(failed)
        signals = len(Signals(bench.config).outputs)
    summary = replay.summary
    summary.clocks = bench.now
    summary.lockstep = Lockstep(bench.now, signals, summary.lockstep.mismatches)
    result = {"summary": summary.to_json(), "differences": summary.differences}
    return result | ({"statistics": collector.to_json()} if collector else {})
