"""Software, devices and what they see, in races of register writes with faults, completions and their messages."""

from collections import Counter
from collections.abc import Generator
from typing import NamedTuple

from model.arch.encodings import DescriptorType
from model.arch.fields import Register
from model.arch.registers import FEADDR, FECTL, FEDATA, FRCD, FSTS, ICS, IEADDR, IECTL, IEDATA, IQT
from model.arch.structures import INV_WAIT
from tb.axi_device import Transfer
from tb.axi_memory import Written
from tb.check import CheckFailed
from tb.page_tables import PageTables
from tb.programming import enable_queue, enable_translation
from tb.testbench import RegisterAccess, Testbench

__all__ = [
    "BOUND",
    "BUS",
    "COMPLETION",
    "FAULT",
    "IM",
    "IP",
    "IQE",
    "IWC",
    "MAPPED",
    "PFO",
    "PPF",
    "QUEUE",
    "QUEUE_BYTES",
    "Software",
    "State",
    "Steps",
]

QUIET = 40  # clocks after which nothing more can come
BOUND = 2000
QUEUE, QUEUE_BYTES = 0x8_0000, 0x1000
BUS, DOMAIN, MAPPED = 1 << 8, 1, 0x40_0000
FAULT, COMPLETION = 0x41, 0x42  # data of the messages
MESSAGES = {FAULT: 0xFEE0_0000, COMPLETION: 0xFEE0_1000}
FAULT_BIT, IM, IP = 1 << 31, FECTL["IM"].mask, FECTL["IP"].mask
PPF, PFO, IQE, IWC = FSTS["PPF"].mask, FSTS["PFO"].mask, FSTS["IQE"].mask, ICS["IWC"].mask

Steps = Generator[None, None, None]


class State(NamedTuple):
    """What software finds in the end: FSTS, source-ids of the records in use by number, IP, IWC, messages."""

    status: int
    records: dict[int, int]
    fault_pending: bool
    completion_pending: bool
    completed: bool
    messages: Counter[int]


class Software:
    """Software, devices and what they see."""

    def __init__(self, bench: Testbench) -> None:
        self.bench = bench
        self.tail = self.device = 0
        self.own = 1 << bench.config.id_bits
        self.transfers: list[Transfer] = []
        self.frcd = bench.config.register_offset(FRCD)

    def start(self) -> Steps:
        """Tables in which one page is mapped; translation, queue and both events on."""
        bench = self.bench
        bench.host.latency = bench.tables.latency = 3
        bench.host.log.clear()
        tables = PageTables(bench.memory, bench.config)
        for function in range(256):
            tables.attach(BUS | function, DOMAIN)
        tables.map(DOMAIN, MAPPED, 1 << 40)
        yield from enable_translation(bench, tables.root)
        yield from enable_queue(bench, QUEUE)
        for address, data, value in ((FEADDR, FEDATA, FAULT), (IEADDR, IEDATA, COMPLETION)):
            yield from bench.write(address.offset, MESSAGES[value])
            yield from bench.write(data.offset, value)
        yield from self.mask(FECTL, False)
        yield from self.mask(IECTL, False)

    # What can be started at any clock

    def fault(self) -> int:
        """Have a device read what is not mapped; return its source-id, another one each time."""
        self.device = self.device % 255 + 1
        source_id = BUS | self.device
        address = 1 << 30 | self.device << 12
        self.transfers.append(self.bench.device.submit(Transfer(False, source_id, address, id=self.device % 16)))
        return source_id

    def complete(self) -> None:
        """Queue a wait descriptor that raises an event."""
        self.queue(INV_WAIT["TYPE_LO"].to(DescriptorType.WAIT) | INV_WAIT["IF"].mask)

    def queue(self, descriptor: int) -> None:
        """Queue a descriptor."""
        self.bench.memory.write(QUEUE + self.tail, 16, descriptor)
        self.tail = (self.tail + 16) % QUEUE_BYTES
        self.submit(IQT.offset, self.tail)

    def submit(self, offset: int, value: int) -> None:
        """Write a register some time."""
        self.bench.software.submit(RegisterAccess(True, offset, 4, value))

    def clear_record(self, number: int) -> None:
        """Write F as 1."""
        self.submit(self.frcd + number * 16 + 12, FAULT_BIT)

    def mask(self, register: Register, masked: bool) -> Steps:
        """Write IM."""
        yield from self.bench.write(register.offset, IM * masked)

    # Steps

    def settle(self) -> Steps:
        """Wait until nothing more can happen."""
        bench = self.bench

        def idle() -> bool:
            return bench.software.idle and not bench.device.outstanding

        yield from bench.until(idle, "the end of all accesses", BOUND)
        yield from bench.wait(QUIET)

    def state(self) -> Generator[None, None, State]:
        """Return what is to be seen once all is quiet; messages since the last `clean`."""
        yield from self.settle()
        bench = self.bench
        records = {}
        for number in range(bench.config.nfr):
            high = yield from bench.read(self.frcd + number * 16 + 8, 8)
            if high >> 63:
                records[number] = high & 0xFFFF
        status = yield from bench.read(FSTS.offset)
        fault_pending = (yield from bench.read(FECTL.offset)) & IP != 0
        completion_pending = (yield from bench.read(IECTL.offset)) & IP != 0
        completed = (yield from bench.read(ICS.offset)) & IWC != 0
        if bool(status & PPF) != bool(records):
            raise CheckFailed(f"PPF is {status & PPF != 0}, records in use are {records}")
        return State(status, records, fault_pending, completion_pending, completed, self.messages())

    def messages(self) -> Counter[int]:
        """Count the messages by their data."""
        found: Counter[int] = Counter()
        for event in self.bench.host.log:
            if isinstance(event, Written) and event.id & self.own:
                if MESSAGES.get(event.value) != event.address:
                    raise CheckFailed(f"a message that nobody asked for: {event}")
                found[event.value] += 1
        return found

    def clean(self) -> Steps:
        """Clear every status, let both events go, and forget what they sent."""
        for number in range(self.bench.config.nfr):
            self.clear_record(number)
        self.submit(FSTS.offset, PFO | IQE)
        self.submit(ICS.offset, IWC)
        self.submit(FECTL.offset, 0)
        self.submit(IECTL.offset, 0)
        yield from self.settle()
        if (yield from self.bench.read(FSTS.offset)) & (PPF | PFO | IQE):
            raise CheckFailed("a status stays set")
        self.bench.host.log.clear()
        self.transfers.clear()
