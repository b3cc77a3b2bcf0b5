"""Interrupt tables, invalidation queue and registers by plain numbers, for the tests of this folder.

Offsets and bit positions are typed in from the specification; nothing here is taken from `model.arch` but UnitConfig.
"""

from model.arch import UnitConfig
from model.reference import Entry, InterruptRequest, InterruptResult, Memory, Unit

GCMD, GSTS, RTADDR, CCMD, FSTS = 0x18, 0x1C, 0x20, 0x28, 0x34
FECTL, FEDATA, FEADDR, FEUADDR = 0x38, 0x3C, 0x40, 0x44
IQH, IQT, IQA, ICS, IECTL, IEDATA, IEADDR, IEUADDR, IQERCD, IRTA = (
    0x80,
    0x88,
    0x90,
    0x9C,
    0xA0,
    0xA4,
    0xA8,
    0xAC,
    0xB0,
    0xB8,
)
IVA, IOTLB, FRCD = 0xF0, 0xF8, 0x220  # in the default configuration

# Bits of GCMD and of GSTS.
CFI, SIRTP, IRE, QIE, WBF, SRTP, TE = 1 << 23, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 30, 1 << 31
PFO, PPF, IQE = 1 << 0, 1 << 1, 1 << 4
IP, IM = 1 << 30, 1 << 31
EIME = 1 << 11

TABLE, QUEUE, PAGE = 0x10_0000, 0x20_0000, 4096
SOURCE = 0x3A1C  # bus 3Ah, device 03h, function 4


def make_unit(memory: Memory | None = None, **config) -> Unit:
    """Return a unit of the default configuration with these changes, after reset."""
    return Unit(UnitConfig(**config), Memory() if memory is None else memory)


def command(unit: Unit, bits: int) -> None:
    """Set bits of GCMD as software does: GSTS without its one-shot bits, and the change."""
    unit.write_register(GCMD, unit.read_register(GSTS) & 0x96FF_FFFF | bits)


def uncommand(unit: Unit, bits: int) -> None:
    """Clear bits of GCMD as software does."""
    unit.write_register(GCMD, unit.read_register(GSTS) & 0x96FF_FFFF & ~bits)


def remapping_unit(*, size: int = 7, table: int = TABLE, eime: bool = False, commands: int = IRE, **config) -> Unit:
    """Return a unit with interrupt remapping on and a table of 2^(size + 1) entries that are not present."""
    unit = make_unit(**config)
    unit.memory.load(table, bytes(16 << size + 1))
    set_interrupt_table(unit, table | eime << 11 | size)
    command(unit, commands)
    return unit


def set_interrupt_table(unit: Unit, irta: int) -> None:
    """Write IRTA and make it current."""
    unit.write_register(IRTA, irta, size=8)
    command(unit, SIRTP)


def set_root_table(unit: Unit, rtaddr: int) -> None:
    """Write RTADDR and make it current."""
    unit.write_register(RTADDR, rtaddr, size=8)
    command(unit, SRTP)


def place_irte(unit: Unit, irte: int, index: int = 0, table: int = TABLE) -> None:
    """Store an entry in the interrupt remapping table."""
    unit.memory.load(table + index * 16, irte.to_bytes(16, "little"))


def remapped_irte(
    *,
    vector: int = 0x31,
    destination: int = 0x0500,
    present: int = 1,
    fpd: int = 0,
    dm: int = 0,
    rh: int = 0,
    tm: int = 0,
    dlm: int = 0,
    sid: int = 0,
    sq: int = 0,
    svt: int = 0,
) -> int:
    """Return an IRTE in the remapped format; `destination` is the whole 32-bit field. rule 22.3."""
    low = present | fpd << 1 | dm << 2 | rh << 3 | tm << 4 | dlm << 5 | vector << 16 | destination << 32
    return low | sid << 64 | sq << 80 | svt << 82


def posted_irte(
    *,
    descriptor: int,
    vector: int = 0x31,
    urg: int = 0,
    present: int = 1,
    fpd: int = 0,
    sid: int = 0,
    sq: int = 0,
    svt: int = 0,
) -> int:
    """Return an IRTE in the posted format; `descriptor` is the address of the descriptor."""
    low = present | fpd << 1 | urg << 14 | 1 << 15 | vector << 16 | (descriptor & 0xFFFF_FFC0) >> 6 << 38
    return low | sid << 64 | sq << 80 | svt << 82 | descriptor >> 32 << 96


def remappable_address(handle: int, *, shv: int = 0) -> int:
    """Return the address of a request in the remappable format. rule 22.2."""
    return 0xFEE0_0000 | (handle & 0x7FFF) << 5 | 1 << 4 | shv << 3 | handle >> 15 << 2


def interrupt(unit: Unit, handle: int = 0, *, shv: int = 0, data: int = 0, source_id: int = SOURCE) -> InterruptResult:
    """Make a request in the remappable format."""
    return unit.interrupt(InterruptRequest(source_id, remappable_address(handle, shv=shv), data))


def record(unit: Unit, number: int = 0, fro: int = FRCD) -> int:
    """Return all 128 bits of a fault record."""
    low = unit.read_register(fro + number * 16, size=8)
    return unit.read_register(fro + number * 16 + 8, size=8) << 64 | low


def interrupt_record(reason: int, index: int = 0, source_id: int = SOURCE) -> int:
    """Return the record that a refused interrupt request must leave. Rule 24.6."""
    return 1 << 127 | reason << 96 | source_id << 64 | index << 48


def clear_record(unit: Unit, number: int = 0, fro: int = FRCD) -> None:
    """Clear F of a fault record: bit 31 of its last dword."""
    unit.write_register(fro + number * 16 + 12, 1 << 31)


def start_queue(unit: Unit, descriptors: list[int], *, wide: bool = False, qs: int = 0, at: int = 0) -> None:
    """Set up an invalidation queue at QUEUE, put descriptors in from slot `at`, and move the tail behind them."""
    unit.write_register(IQT, 0, size=8)
    unit.write_register(IQA, QUEUE | wide << 11 | qs, size=8)
    command(unit, QIE)
    submit(unit, descriptors, wide=wide, at=at)


def submit(unit: Unit, descriptors: list[int], *, wide: bool = False, at: int = 0) -> None:
    """Put descriptors into the queue from slot `at`, and move the tail behind them."""
    slot_bytes = 32 if wide else 16
    for slot, descriptor in enumerate(descriptors, at):
        unit.memory.load(QUEUE + slot * slot_bytes, descriptor.to_bytes(slot_bytes, "little"))
    unit.write_register(IQT, (at + len(descriptors)) * slot_bytes, size=8)


def wait(*, status: int = 0, address: int = 0, interrupt_flag: int = 0, write: int = 0, fence: int = 0) -> int:
    """Return an invalidation wait descriptor: IF, SW, FN, STDATA, STADDR. rule 16.2."""
    return 5 | interrupt_flag << 4 | write << 5 | fence << 6 | status << 32 | address << 64


def queue_state(unit: Unit) -> tuple[int, int, int]:
    """Return the head in bytes, FSTS.IQE and IQERCD.IQEI."""
    error = unit.read_register(FSTS) >> 4 & 1
    return unit.read_register(IQH, size=8), error, unit.read_register(IQERCD, size=8) & 0xF


def trace_of(unit: Unit) -> list[tuple[str, str | None, int | None, int | None]]:
    """Switch the trace on and return the list that it fills: text, structure's name, address, value."""
    steps: list[tuple[str, str | None, int | None, int | None]] = []

    def take(step):
        if isinstance(step, Entry):
            steps.append((step.text, step.structure and step.structure.name, step.address, step.value))
        else:
            steps.append((step.text, None, None, None))

    unit.trace = take
    return steps
