"""The lowest layer of random software: reads and writes registers, waits, and knows what the layers share."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator

from model.arch import Register
from model.arch.registers import GCMD
from tb.axi_lite_master import RegisterAccess
from tb.axi_memory import Accepted, Written
from tb.check import CheckFailed
from tb.possible import World
from tb.random_interrupts import Interrupts
from tb.random_tables import Domain, Entry, Tables
from tb.random_traffic import Traffic
from tb.testbench import Testbench

__all__ = ["RegisterSoftware", "Steps"]

Steps = Generator[None, None, None]

PATIENCE_CLOCKS = 60_000
POLLS_APART = 20


class RegisterSoftware:
    """`coverage` counts what was done.

    Members
    -------
    root : the root table that software has chosen
    messages : (address, data) that event messages may carry
    on_tables : called with what memory behind m_axi_mem takes
    delay : clocks that memory shall take for the read of a table that it has just accepted, 0 for as it likes
    host_latency : clocks that memory behind m_axi shall take for everything, 0 for as it likes
    alone : True while devices shall ask for nothing but what software wants them to ask for
    """

    def __init__(
        self,
        bench: Testbench,
        world: World,
        tables: Tables,
        interrupts: Interrupts,
        coverage: Counter[str],
        expected_record: Callable[[int], bool],
        traffic: Traffic,
    ) -> None:
        self.bench, self.world, self.tables, self.coverage = bench, world, tables, coverage
        self.interrupts = interrupts
        self.on_tables: Callable[[Accepted | Written], None] = lambda _entry: None
        self.config, self.rng, self.words = bench.config, bench.rng, world.words
        self._expected_record, self.traffic = expected_record, traffic
        self.root = tables.roots[0]
        self.messages: set[tuple[int, int]] = set()
        self._queue_base, self._status_page = tables.new_page(), tables.new_page()
        self._status_number = 0
        self._broken: list[tuple[int, int]] = []  # granules that fail, and what they hold otherwise
        self._spoilt: list[tuple[Domain, Entry]] = []  # entries that are not what they were
        self._begin()

    def _begin(self) -> None:
        """What is so after a reset."""
        self._command = 0  # levels of GCMD
        self.delay = self.host_latency = 0
        self.alone = False

    def write(self, register: Register, value: int, number: int = 0) -> Steps:
        """Write a register; the halves of a 64-bit one apart now and then, the lower first."""
        offset = self.config.register_offset(register) + number * register.stride
        bits = register.width
        if bits == 64 and self.rng.random() < 0.3:
            yield from self._access(True, offset, 4, value & 0xFFFFFFFF)
            yield from self._access(True, offset + 4, 4, value >> 32)
        else:
            yield from self._access(True, offset, bits // 8, value)

    def read(self, register: Register) -> Generator[None, None, int]:
        """Read a register of 32 or 64 bits."""
        return (yield from self._access(False, self.config.register_offset(register), register.width // 8, 0))

    def _access(self, write: bool, offset: int, size: int, value: int) -> Generator[None, None, int]:
        access = self.bench.software.submit(RegisterAccess(write, offset, size, value))
        yield from self._until(lambda: access.done, f"the end of an access to register {offset:#x}")
        return access.value

    def _until(self, condition: Callable[[], bool], what: str) -> Iterator[None]:
        yield from self.bench.until(condition, what, PATIENCE_CLOCKS)

    def _poll(self, register: Register, mask: int, value: int) -> Generator[None, None, int]:
        """Read a register until the bits of `mask` are those of `value`."""
        first = self.bench.now
        while True:
            seen = yield from self.read(register)
            if seen & mask == value:
                return seen
            if self.bench.now - first > PATIENCE_CLOCKS:
                text = f"{register.name} shows {seen:#x}, and not {value:#x} under {mask:#x}"
                raise CheckFailed(f"clock {self.bench.now}: after {PATIENCE_CLOCKS} clocks {text}")
            yield from self._pause(self.rng.randint(0, POLLS_APART))

    def _pause(self, clocks: int) -> Iterator[None]:
        yield from self.bench.wait(clocks)

    def _global_command(self, one_shot: int = 0, **levels: bool) -> Steps:
        """Write GCMD with one or more changes."""
        for name, value in levels.items():
            mask = GCMD[name].mask
            self._command = self._command & ~mask | (mask if value else 0)
        yield from self.write(GCMD, self._command | one_shot)
