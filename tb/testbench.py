"""All that stands around the unit in a simulation: devices, software, host memory and memory of tables."""

import random
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

from model.arch import UnitConfig
from model.arch.sizes import MEMORY_DATA_BITS
from model.cycle.request import Access, Request
from model.cycle.unit import Inputs, Outputs
from tb.axi_device import AxiDevice, Transfer
from tb.axi_lite_master import AxiLiteMaster, RegisterAccess
from tb.axi_memory import AxiMemory
from tb.check import CheckFailed
from tb.memory import Memory

__all__ = ["CheckFailed", "Script", "Testbench"]

RESET_CLOCKS = 2  # before a script begins
KEPT_EVENTS = 64
IN_RESET = Inputs(reset=1)

Script = Callable[["Testbench"], Iterator[None]]


class Testbench:
    """Plays the unit's surroundings: outputs of one clock in, inputs of the next clock out.

    A script is a generator function that takes the Testbench; each of its `yield` waits one clock, and it raises
    CheckFailed for what is wrong. It runs between the outputs of a clock and the inputs of the next, so what it
    submits is offered at once.

    Members
    -------
    device, software : masters in front of the unit, AxiDevice and AxiLiteMaster
    host, tables : AxiMemory behind m_axi, a pattern that stores nothing, and behind m_axi_mem, the bytes of `memory`
    memory : image of `tables`
    now : number of the clock for which inputs are given next; the first clocks are reset
    outputs : what the unit showed in the clock before `now`
    reset : set to 1 to hold aresetn low in the coming clocks; all that is not finished is then forgotten
    rng : for scripts; drivers have their own, so that the draws of one do not change those of another
    events : the last that happened, (clock, parts of its text), for messages; scripts add theirs by `note`
    unit : the golden model that the run steps, to be looked into but not changed
    progress : what a script wants to be shown while it runs, such as {"events": 10, "of": 500}
    """

    __test__ = False  # pytest takes it for a test by its name

    def __init__(self, config: UnitConfig, seed: int = 1) -> None:
        self.config = config
        self.seed = seed
        self.rng = random.Random(seed)
        self.memory = Memory()
        self.device = AxiDevice(config, random.Random(f"device {seed}"))
        self.software = AxiLiteMaster(random.Random(f"software {seed}"))
        self.host = AxiMemory(config.data_bits // 8, random.Random(f"host {seed}"))
        own = 1 << config.id_bits
        self.software.messages = lambda: (self.host.writes_taken[own], self.host.writes_answered[own])
        self.tables = AxiMemory(MEMORY_DATA_BITS // 8, random.Random(f"tables {seed}"), self.memory)
        self.now = 0
        self.outputs: Outputs | None = None
        self.reset = 1
        self.done = False
        self.events: deque[tuple[int, tuple[Any, ...]]] = deque(maxlen=KEPT_EVENTS)
        self.progress: dict[str, Any] = {}
        self.unit: Any = None
        self._script: Iterator[None] = iter(())

    def start(self, script: Script) -> Inputs:
        """Begin a script; return the inputs of clock 0. Reset comes first, for RESET_CLOCKS clocks."""
        self._script = script(self)
        return IN_RESET

    def clock(self, outputs: Outputs) -> Inputs:
        """Take the unit's outputs of a clock and return its inputs of the next; `done` once the script returned."""
        now = self.now
        self.outputs = outputs
        (
            lite_awready, lite_wready, lite_b, lite_arready, lite_r,
            awready, wready, b, arready, r,
            host_aw, host_w, host_bready, host_ar, host_rready,
            tables_aw, tables_w, tables_bready, tables_ar, tables_rready,
            core_ready,
        ) = outputs  # fmt: skip
        self.software.take(now, lite_awready, lite_wready, lite_b, lite_arready, lite_r)
        self.device.take(now, awready, wready, b, arready, r, core_ready)
        self.host.take(now, host_aw, host_w, host_bready, host_ar, host_rready)
        self.tables.take(now, tables_aw, tables_w, tables_bready, tables_ar, tables_rready)
        self.now = now = now + 1
        if now >= RESET_CLOCKS:
            if now == RESET_CLOCKS:
                self.reset = 0
            try:
                next(self._script)
            except StopIteration:
                self.done = True
        if self.reset:
            for driver in (self.software, self.device, self.host, self.tables):
                driver.clear()
            return IN_RESET
        aw, w, bready, ar, rready, core = self.device.give(now)
        return Inputs(
            *self.software.give(now), aw, w, bready, ar, rready, *self.host.give(now), *self.tables.give(now), core, 0
        )

    def core(self, request: Request) -> Transfer:
        """Submit a request at the core port, where zero-length reads and AtomicOps come from; return its Transfer.

        It comes after the reads or writes submitted before it, but overtakes those that the unit has accepted on s_axi
        and that still wait in a register slice: submit it only when nothing of its direction waits. The W beat of an
        AtomicOp goes over s_axi, behind those of the writes submitted before it.
        """
        attributes = request.attributes
        return self.device.submit(
            Transfer(
                write=request.access in (Access.WRITE, Access.ATOMIC),
                source_id=request.source_id,
                address=request.address,
                id=request.id,
                beats=attributes.len + 1,
                size=attributes.size,
                burst=attributes.burst,
                request=request,
            )
        )

    def note(self, *parts: Any) -> None:
        """Keep an event for messages; the text of its parts is made only when somebody reads it."""
        self.events.append((self.now, parts))

    def recent(self, count: int = 10) -> list[str]:
        """Return the last events as lines, the newest last."""
        shown = list(self.events)[-count:] if count else []
        return [f"  clock {clock}: {': '.join(map(str, parts))}" for clock, parts in shown]

    def counts(self) -> Counter[str]:
        """Return how many requests were answered, how many of them refused, and how many register accesses done."""
        return Counter(
            requests=self.device.finished, refusals=self.device.refused, register_accesses=self.software.finished
        )

    # Steps that many scripts need: `yield from` them.

    def read(self, offset: int, size: int = 4) -> Generator[None, None, int]:
        """Read a register and return its value."""
        access = self.software.submit(RegisterAccess(False, offset, size))
        while not access.done:
            yield
        return access.value

    def write(self, offset: int, value: int, size: int = 4) -> Generator[None, None, None]:
        """Write a register."""
        access = self.software.submit(RegisterAccess(True, offset, size, value))
        while not access.done:
            yield

    def wait(self, clocks: int) -> Iterator[None]:
        """Let clocks pass."""
        for _ in range(clocks):
            yield

    def until(self, condition: Callable[[], bool], what: str, clocks: int = 10_000) -> Iterator[None]:
        """Wait until `condition()`; CheckFailed, which says `what` did not come, after `clocks` clocks."""
        first = self.now
        while not condition():
            if self.now - first >= clocks:
                raise CheckFailed(f"clock {self.now}: {what} did not come within {clocks} clocks")
            yield
