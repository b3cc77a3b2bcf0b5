"""A program in C as a script: what it asks of the machine around the unit is done clock by clock.

The program runs in a thread of its own, and only while the script waits for its next call: a run depends on the
program and the unit alone.
"""

import ctypes
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.arch import REGISTER_SPACE_BYTES, REGISTERS
from model.arch.axi import Size
from model.arch.encodings import INTERRUPT_PREFIX
from tb.axi_device import Transfer
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.testbench import Testbench

__all__ = ["CProgram"]

Answer = Generator[None, None, tuple[int, int]]  # of a call: what it returns, and its second answer

SILENCE_SECONDS = 60  # between two calls, after which a program is held to be in an endless loop
QUADWORD_BYTES = 1 << Size.QUADWORD

# name, three numbers, second answer, text -> answer: `call_t` of platform.c.
CALL = ctypes.CFUNCTYPE(
    ctypes.c_uint64,
    ctypes.c_char_p,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.c_char_p,
)


@dataclass(frozen=True)
class _Call:
    name: str
    numbers: tuple[int, int, int]
    text: str


@dataclass(frozen=True)
class _Ended:
    status: int


@dataclass(frozen=True)
class _Broken:
    reason: str


class CProgram:
    """Runs `main` of a shared library that was linked with sim/data/program/platform.c.

    `on_line` gets clock and text of what the program prints; at the clock `clocks` it is given up.

    Members
    -------
    status : what `main` returned; None before
    """

    def __init__(self, library: Path, on_line: Callable[[int, str], None], *, clocks: int) -> None:
        self.status: int | None = None
        self._library = library
        self._on_line = on_line
        self._clocks = clocks
        self._seen = "it has read nothing"
        self._calls: queue.Queue[_Call | _Ended | _Broken] = queue.Queue()
        self._answers: queue.Queue[tuple[int, int]] = queue.Queue()
        self._messages: deque[tuple[int, int]] = deque()

    def script(self, bench: Testbench) -> Generator[None, None, None]:
        """Run the program to its end; CheckFailed when it stops asking without ending, or does not end in time."""
        for _ in self._conversation(bench):
            if bench.now >= self._clocks:
                raise CheckFailed(f"clock {bench.now}: the program has not ended, {self._seen}; --cycles gives it more")
            yield

    def _conversation(self, bench: Testbench) -> Generator[None, None, None]:
        """Do what the program asks for; each call takes a clock at least, so that what it polls for may come."""
        bench.host.attach(bench.memory)
        bench.tables.exclusive = bench.config.exclusive
        bench.host.observe = self._observe
        threading.Thread(target=self._run, daemon=True).start()
        yield
        while not isinstance(call := self._next(bench), _Ended):
            handler: Callable[..., Answer] = getattr(self, f"_{call.name}")
            self._answers.put((yield from handler(bench, call)))
        self.status = call.status

    def _run(self) -> None:
        try:
            self._calls.put(_Ended(ctypes.CDLL(str(self._library)).platform_run(CALL(self._call))))
        except OSError as error:
            self._calls.put(_Broken(str(error)))

    def _call(self, name: bytes, a: int, b: int, c: int, second: Any, text: bytes) -> int:
        self._calls.put(_Call(name.decode(), (a, b, c), text.decode(errors="replace")))
        answer, other = self._answers.get()
        if second:
            second[0] = other
        return answer

    def _next(self, bench: Testbench) -> _Call | _Ended:
        try:
            call = self._calls.get(timeout=SILENCE_SECONDS)
        except queue.Empty:
            raise CheckFailed(
                f"clock {bench.now}: the program has asked for nothing for {SILENCE_SECONDS} seconds; "
                "a loop that waits must call a function of platform.h"
            ) from None
        if isinstance(call, _Broken):
            raise CheckFailed(f"clock {bench.now}: the program cannot be loaded: {call.reason}")
        return call

    def _observe(self, entry: Accepted | Written) -> None:
        if isinstance(entry, Written) and entry.address >> 20 == INTERRUPT_PREFIX:
            self._messages.append((entry.address, entry.value))

    # The functions of platform.h, by name.

    def _register_read(self, bench: Testbench, call: _Call) -> Answer:
        offset, size, _ = call.numbers
        _check_offset(bench, call.name, offset, size)
        value = yield from bench.read(offset, size)
        self._seen = f"its last read, of {_register(bench, offset)}, gave {value:#x}"
        return value, 0

    def _register_write(self, bench: Testbench, call: _Call) -> Answer:
        offset, size, value = call.numbers
        _check_offset(bench, call.name, offset, size)
        yield from bench.write(offset, value, size)
        return 0, 0

    def _memory_read(self, bench: Testbench, call: _Call) -> Answer:
        yield
        address = call.numbers[0]
        value = bench.memory.read(address, QUADWORD_BYTES)
        self._seen = f"its last read, of memory at {address:#x}, gave {value:#x}"
        return value, 0

    def _memory_write(self, bench: Testbench, call: _Call) -> Answer:
        yield
        address, value, _ = call.numbers
        bench.memory.load(address, value.to_bytes(QUADWORD_BYTES, "little"))
        return 0, 0

    def _device_read(self, bench: Testbench, call: _Call) -> Answer:
        source_id, address, _ = call.numbers
        transfer = yield from _finished(bench, _quadword(bench, False, source_id, address, 0))
        value = sum(data << beat * (8 << transfer.size) for beat, data in enumerate(transfer.data))
        return int(transfer.permitted), value

    def _device_write(self, bench: Testbench, call: _Call) -> Answer:
        source_id, address, value = call.numbers
        transfer = yield from _finished(bench, _quadword(bench, True, source_id, address, value))
        return int(transfer.permitted), 0

    def _device_interrupt(self, bench: Testbench, call: _Call) -> Answer:
        source_id, address, data = call.numbers
        transfer = Transfer(True, source_id, address, size=int(Size.DWORD), write_data=[data])
        yield from _finished(bench, transfer)
        return int(transfer.permitted), 0

    def _next_message(self, bench: Testbench, call: _Call) -> Answer:
        yield
        self._seen = f"its last read, of a message, gave {'one' if self._messages else 'none'}"
        return self._messages.popleft() if self._messages else (0, 0)

    def _wait_clocks(self, bench: Testbench, call: _Call) -> Answer:
        yield from bench.wait(max(call.numbers[0], 1))
        return 0, 0

    def _print(self, bench: Testbench, call: _Call) -> Answer:
        yield
        self._on_line(bench.now, call.text)
        return 0, 0


def _register(bench: Testbench, offset: int) -> str:
    """Return what a person calls the register at an offset."""
    config = bench.config
    names = [r.name for r in REGISTERS if config.register_exists(r) and config.register_offset(r) == offset]
    return f"{names[0]} at {offset:#x}" if names else f"the register at {offset:#x}"


def _check_offset(bench: Testbench, name: str, offset: int, size: int) -> None:
    access = f"clock {bench.now}: {name}{size * 8}({offset:#x})"
    if offset >= REGISTER_SPACE_BYTES:
        raise CheckFailed(f"{access}: registers have offsets 0 to {REGISTER_SPACE_BYTES - 1:#x}")
    if offset % size:
        raise CheckFailed(f"{access}: the offset must be a multiple of {size}")


def _quadword(bench: Testbench, write: bool, source_id: int, address: int, value: int) -> Transfer:
    """Return a transfer of 8 bytes, in as many beats as the data of devices need."""
    beat_bytes = min(QUADWORD_BYTES, bench.config.data_bits // 8)
    whole = value.to_bytes(QUADWORD_BYTES, "little")
    data = [int.from_bytes(whole[at : at + beat_bytes], "little") for at in range(0, QUADWORD_BYTES, beat_bytes)]
    size = beat_bytes.bit_length() - 1
    return Transfer(write, source_id, address, beats=len(data), size=size, write_data=data if write else [])


def _finished(bench: Testbench, transfer: Transfer) -> Generator[None, None, Transfer]:
    bench.device.submit(transfer)
    while not transfer.done:
        yield
    return transfer
