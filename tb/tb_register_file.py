"""RegisterFile in lockstep with its model: every output, every clock, under accesses and reports of all kinds."""

from collections import Counter
from random import Random

import cocotb
from cocotb.triggers import RisingEdge

from model.arch import CONDITIONS, REGISTERS
from model.arch.registers import CCMD, FECTL, FRCD, FSTS, GCMD, ICS, IECTL, IOTLB, IQA, IRTA, IVA, PMEN, RTADDR
from model.cycle.fault_recorder import Record
from model.cycle.register_file import RegisterAccess, RegisterFile
from rtl.event_message import message_layout
from rtl.fault_recorder import record_layout
from rtl.invalidation_queue import queue_layout
from rtl.register_file import access_layout, interrupt_table_layout
from rtl.request import invalidation_layout, protected_layout
from tb.bits import pack, unpack
from tb.block import CONFIG, SEED, assert_seen, log, reset, start_clock

PHASE_CLOCKS = 2500
# Likelihoods in a clock: of an access; that whoever is asked is ready. Each phase begins with a reset.
PHASES = ((0.2, 0.8), (0.7, 0.15), (0.7, 0.8))
RECORD, ACCESS, MESSAGE = record_layout(), access_layout(), message_layout()
LAYOUTS = {
    "protected": protected_layout(),
    "interrupt_table": interrupt_table_layout(CONFIG),
    "queue": queue_layout(CONFIG),
}
PLAIN = (
    "read_data",
    "translation_enable",
    "table_mode",
    "root_table",
    "interrupt_remapping_enable",
    "compatibility_enable",
    "iqe",
)
STREAMS = {"drain": invalidation_layout(CONFIG), "fault_message": MESSAGE, "completion_message": MESSAGE}
REASONS = sorted({condition.reason for condition in CONDITIONS.values()})
CONTROLS = tuple(GCMD[name].mask for name in ("TE", "SRTP", "QIE", "QIE", "IRE", "SIRTP", "CFI", "WBF"))
ONE_SHOTS = GCMD["SRTP"].mask | GCMD["SIRTP"].mask
HEAD_BITS = 19
KINDS = (
    "context_global",
    "context_domain",
    "context_device",
    "iotlb_global",
    "iotlb_domain",
    "iotlb_page",
    "iec_global",
)
STARTS = (GCMD, RTADDR, IRTA, CCMD, CCMD, IOTLB, IOTLB, IVA, PMEN, FSTS)  # these come more often


def lanes() -> dict[int, tuple]:
    """Return the register, and which 32 bits of it, at every byte offset that has one."""
    found = {}
    for register in filter(CONFIG.register_exists, REGISTERS):
        for number in range(CONFIG.nfr if register is FRCD else 1):
            for bit in range(0, register.width, 32):
                found[CONFIG.register_offset(register) + number * register.stride + bit // 8] = register, bit
    return found


LANES = lanes()


class Software:
    """Draws accesses: of every register, of half and whole words, sometimes of nothing; and services the events."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.levels = 0
        self.script: list[RegisterAccess] = []
        busy = [place for place, (register, _) in LANES.items() if register in STARTS]
        self.places = [*LANES, *(busy * 16), *(rng.randrange(0, 4096, 4) for _ in range(4))]

    def draw(self) -> RegisterAccess:
        """Return an access."""
        rng = self.rng
        if not self.script and rng.random() < 0.02:
            self.script = self._service()
        if self.script and rng.random() < 0.7:
            return self.script.pop()
        place = rng.choice(self.places)
        address = place & ~7
        data = self._lane(address) | self._lane(address + 4) << 32
        strobe = rng.choice((0xFF, 0xFF, 0xFF, 0xF0 if place & 4 else 0x0F, rng.getrandbits(8)))
        return RegisterAccess(int(rng.random() < 0.7), address | rng.choice((0, 0, rng.getrandbits(3))), data, strobe)

    def _service(self) -> list[RegisterAccess]:
        """Clear and unmask everything, the last one first: events happen again only then."""
        clears = [(FECTL, 0), (IECTL, 0), (FSTS, 0xFF), (ICS, 1)]
        script = [
            RegisterAccess(1, place & ~7, value << place % 8 * 8, 0xF << place % 8)
            for place, value in ((CONFIG.register_offset(register), value) for register, value in clears)
        ]
        return script + [
            RegisterAccess(1, CONFIG.register_offset(FRCD) + number * FRCD.stride + 8, 1 << 63)
            for number in range(CONFIG.nfr)
        ]

    def _lane(self, offset: int) -> int:
        register, bit = LANES.get(offset, (None, 0))
        return self._value(register) >> bit & 0xFFFFFFFF

    def _value(self, register) -> int:
        rng = self.rng
        value = rng.choice((rng.getrandbits(128), rng.getrandbits(128), 0, (1 << 128) - 1))
        if register is GCMD and rng.random() < 0.8:
            tables = GCMD["SRTP"].mask * rng.getrandbits(1) | GCMD["SIRTP"].mask * (rng.random() < 0.25)
            self.levels = (self.levels & ~ONE_SHOTS) ^ rng.choice(CONTROLS) | tables
            return self.levels
        if register is RTADDR and rng.random() < 0.8:
            return value & ~RTADDR["TTM"].mask
        if register in (CCMD, IOTLB):
            start = register["ICC" if register is CCMD else "IVT"]
            return value & ~start.mask | start.mask * (rng.random() < 0.7)
        if register is IVA:
            am = rng.choice((0, 1, CONFIG.mamv, min(CONFIG.mamv + 1, 63), 51, 52, 53, 63))
            return value & ~IVA["AM"].mask | IVA["AM"].to(am)
        if register is IQA and rng.random() < 0.5:
            return value | IQA["IQA"].mask
        return value


def drive(dut, rng: Random, arguments: tuple) -> None:
    """Drive a clock; what is not valid is noise."""
    access, head, queue_error, wait_completed, record, drain_ready, drain_done, *messages_ready = arguments
    dut.access.value = pack(ACCESS, (1, *access)) if access else rng.getrandbits(ACCESS.size) & ~1
    dut.head.value = head
    dut.queue_error.value = rng.getrandbits(4) << 1 if queue_error is None else queue_error << 1 | 1
    dut.wait_completed.value = wait_completed
    dut.record.value = pack(RECORD, (1, *record)) if record else rng.getrandbits(RECORD.size) & ~1
    dut.drain__ready.value = drain_ready
    dut.drain_done.value = drain_done
    dut.fault_message__ready.value = messages_ready[0]
    dut.completion_message__ready.value = messages_ready[1]


def draw_record(rng: Random) -> Record:
    flag = rng.getrandbits(1)
    return Record(
        rng.choice(REASONS), rng.getrandbits(16), rng.getrandbits(64), rng.getrandbits(2), rng.getrandbits(2), flag
    )


def check(dut, model: RegisterFile, where: str) -> None:
    """Compare every output of this clock."""
    for name in PLAIN:
        actual, expected = int(getattr(dut, name).value), getattr(model, name)
        assert actual == expected, f"{where}: {name} {actual:#x} != {expected:#x} (expected)"
    for name, layout in LAYOUTS.items():
        actual, expected = int(getattr(dut, name).value), getattr(model, name)
        assert actual == pack(layout, expected), f"{where}: {name} {unpack(layout, actual)} != {expected} (expected)"
    for name, layout in STREAMS.items():
        valid, expected = int(getattr(dut, f"{name}__valid").value), getattr(model, name)
        assert valid == (expected is not None), f"{where}: {name}.valid {valid}, expected {expected}"
        if expected is not None:
            actual = int(getattr(dut, f"{name}__payload").value)
            assert actual == pack(layout, expected), (
                f"{where}: {name} {unpack(layout, actual)} != {expected} (expected)"
            )


def outputs_to_count(model: RegisterFile) -> dict[str, int]:
    return {
        "root_tables": model.root_table,
        "protections": model.protected.enable,
        "queues": model.queue.address,
        "interrupt_tables": model.interrupt_table.address,
        "interrupt_modes": model.interrupt_table.extended,
        "reads": model.read_data,
    }


def count(seen: Counter, model: RegisterFile, arguments: tuple) -> None:
    """Count what must not be missing from a run, before the model's step."""
    access, drain_ready = arguments[0], arguments[5]
    if access is not None and access.write:
        seen["writes"] += 1
    seen["fault_messages"] += model.fault_message is not None and arguments[7]
    seen["completion_messages"] += model.completion_message is not None and arguments[8]
    if model.drain is not None and drain_ready:
        kinds = [kind for kind in KINDS if getattr(model.drain, kind)]
        seen["+".join(kinds) or "drain_only"] += 1


async def run_phase(dut, rng: Random, seen: Counter, accesses: float, quick: float) -> None:
    model, software, draining = RegisterFile(CONFIG), Software(rng), 0
    arguments = (None, 0, None, 0, None, 0, 0, 0, 0)
    drive(dut, rng, arguments)
    await reset(dut)
    for clock in range(PHASE_CLOCKS):
        await RisingEdge(dut.clk)  # what is read here is from before the edge
        check(dut, model, f"clock {clock}, after {arguments}")
        count(seen, model, arguments)
        draining += model.drain is not None and arguments[5]
        before = outputs_to_count(model)
        model.step(*arguments)
        seen.update(name for name, value in outputs_to_count(model).items() if value != before[name])
        done = int(draining > 0 and rng.random() < quick)
        draining -= done
        arguments = draw(rng, software, clock, accesses, quick, done)
        drive(dut, rng, arguments)


def draw(rng: Random, software: Software, clock: int, accesses: float, quick: float, done: int) -> tuple:
    """Return the arguments of a step. In silent stretches the model sleeps; faults come in bursts."""
    silent = clock % 500 > 440
    return (
        software.draw() if rng.random() < accesses and not silent else None,
        rng.getrandbits(HEAD_BITS),
        rng.getrandbits(4) if rng.random() < 0.01 and not silent else None,
        int(rng.random() < 0.05 and not silent),
        draw_record(rng) if rng.random() < (0.1 if clock % 250 < 50 else 0.003) and not silent else None,
        int(rng.random() < quick),
        done,
        int(rng.random() < quick),
        int(rng.random() < quick),
    )


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def every_clock_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    rng, seen = Random(SEED), Counter()
    start_clock(dut)
    for accesses, quick in PHASES:
        await run_phase(dut, rng, seen, accesses, quick)
    by_register = CONFIG.version_major <= 5
    assert_seen(
        seen,
        {
            "writes": 1000,
            "reads": 500,
            "root_tables": 10,
            "drain_only": 20,
            "fault_messages": 5,
            "completion_messages": 5 * CONFIG.qi,
            "queues": 1 * CONFIG.qi,
            "protections": 5 * (CONFIG.plmr or CONFIG.phmr),
            **dict.fromkeys(("context_global", "context_domain", "context_device"), 1 * by_register),
            **dict.fromkeys(("iotlb_global", "iotlb_domain"), 1 * by_register),
        },
    )
    assert bool(seen["iotlb_page"]) == (by_register and CONFIG.psi)
    assert bool(seen["context_global+iotlb_global"]) == CONFIG.esrtps
    assert bool(seen["iec_global"]) == bool(seen["interrupt_tables"] and CONFIG.esirtps)
    assert bool(seen["interrupt_tables"]) == CONFIG.ir and bool(seen["interrupt_modes"]) == CONFIG.eim
