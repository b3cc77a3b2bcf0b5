"""Where recordings made with QEMU depart from the specification: each by name, each as narrow as it can be told.

docs/recording-format.md lists them. A line that differs for one of these reasons is excepted and counted under the
name; any other difference is an unequal line.
"""

from collections.abc import Iterator

from model.arch import FaultCondition
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.registers import CCMD, FEUADDR, FRCD, IEUADDR, IRTA
from model.arch.structures import IRTE_REMAPPED, REMAPPABLE_INTERRUPT_ADDRESS, REMAPPABLE_INTERRUPT_DATA
from model.reference import (
    DmaResult,
    InterruptRequest,
    InterruptResult,
    Memory,
    MemoryFault,
    Unit,
)
from model.reference.fault import Fault
from model.reference.remap import InterruptTable, Remapper, interrupt_index
from sim.recording import Dma, Interrupt, RegisterRead

__all__ = [
    "INTERRUPT_FAULTS_NOT_RECORDED",
    "applies_to",
    "of_dma",
    "of_interrupt",
    "of_register_read",
    "records_more",
]

FEWER_RIGHTS = "cached translation with fewer rights"
INTERRUPT_FAULTS_NOT_RECORDED = "interrupt faults are not recorded"
COMPATIBILITY_PASSES = "compatibility format passes while remapping is on"
INDEX_WRAPS = "interrupt index wraps at 16 bits"
BUS_RANGE_REVERSED = "SVT=2 takes the bus range in reverse"
IO_APIC_NOT_VERIFIED = "source-id of the I/O APIC is not verified"
SVT_3 = "SVT=3 gives 0x26"
MODE_BIT_IGNORED = "IRTE mode bit 15 is ignored"
DESTINATION_IGNORED = "reserved destination bits are ignored in xAPIC mode"
DATA_CHECKED_LATE = "reserved data bits are examined after the IRTE"
LOW_BITS_COPIED = "low two address bits are copied into the message"
LARGE_PAGE = "large page over the interrupt range is refused as a whole"
FPD_OVERRIDDEN = "fault 0xB is recorded though FPD=1"
PASS_THROUGH_WIDTH = "pass-through is not checked against the address width"
PASID_VALUE = "PV of a request without PASID is 0xffff"
UPPER_ADDRESS = "upper address registers of the event messages read 0"
ADDRESS_KEPT = "fault records keep address bits above the largest table width"
DOMAIN_AS_GLOBAL = "domain-selective context-cache invalidation is reported as global"

IM, SVT, SID = IRTE_REMAPPED["IM"], IRTE_REMAPPED["SVT"], IRTE_REMAPPED["SID"]
NOT_XAPIC_DESTINATION = IRTE_REMAPPED["DST"].to(0xFFFF00FF)

# Deviations in which QEMU records a fault that the unit does not.
RECORDS_MORE = (LARGE_PAGE, FPD_OVERRIDDEN)


def applies_to(source: str) -> bool:
    """Say whether a recording's source is QEMU; nothing is excepted in any other recording."""
    return "QEMU" in source


def records_more(name: str) -> bool:
    """Say whether QEMU has a fault record that the unit has not, after a line excepted under this name."""
    return name in RECORDS_MORE


def of_register_read(event: RegisterRead, actual: int, unit: Unit) -> str | None:
    """Name the deviation that explains why a read differs, None when none does."""
    difference = (actual ^ event.values[0]) & event.mask
    offset, config = event.offset, unit.config
    if offset in (FEUADDR.offset, IEUADDR.offset) and event.values[0] == 0:
        return UPPER_ADDRESS
    if offset == CCMD.offset and event.size == CCMD.width // 8:
        performed = CCMD["CAIG"].of(event.values[0])
        return DOMAIN_AS_GLOBAL if difference == CCMD["CAIG"].mask and performed == 1 else None
    if not config.fro <= offset < config.fro + config.nfr * FRCD.stride:
        return None
    bit = (offset - config.fro) % FRCD.stride * 8
    difference, recorded = difference << bit, event.values[0] << bit
    if not difference & ~FRCD["PV"].mask and FRCD["PV"].of(recorded) == 0xFFFF:
        return PASID_VALUE
    above_widest = FRCD["FI"].mask & -1 << max(config.sagaw, default=64)
    return ADDRESS_KEPT if not difference & ~above_widest else None


def of_dma(event: Dma, actual: DmaResult) -> str | None:
    """Name the deviation that explains why the answer to a DMA request differs, None when none does."""
    condition = actual.condition.name if actual.condition else ""
    if event.permitted and event.cached and condition in ("LGN.2", "LGN.3"):
        needed = 2 if condition == "LGN.2" else 1
        return None if (event.permissions or 0) & needed else FEWER_RIGHTS
    if event.permitted and condition == "LGN.1.3":
        return PASS_THROUGH_WIDTH if event.host_address == event.address else None
    if condition == "LCT.3" and actual.suppressed and event.reasons[:1] == (0xB,):
        return FPD_OVERRIDDEN
    if actual.address is not None and event.reasons[:1] == (0xE,):
        return LARGE_PAGE if 0xFEE00000 >> actual.page_shift == actual.address >> actual.page_shift else None
    return None


def of_interrupt(event: Interrupt, actual: InterruptResult, unit: Unit) -> str | None:
    """Name the deviation that explains why the answer to an interrupt request differs, None when none does."""
    if not event.permitted and actual.suppressed and actual.fault_reason in event.reasons:
        return INTERRUPT_FAULTS_NOT_RECORDED
    if actual.message and event.message_address is not None:
        low_bits = actual.message.address ^ event.message_address
        same_data = actual.message.data == event.message_data
        return LOW_BITS_COPIED if low_bits == event.address & 0b11 and same_data else None
    condition = actual.condition.name if actual.condition else ""
    if condition == "IR.25":
        unchanged = (event.message_address, event.message_data) == (event.address, event.data)
        return COMPATIBILITY_PASSES if unchanged else None
    if condition == "IR.24" and SVT.of(_irte(event, unit)) == 3:
        return SVT_3 if event.reasons[:1] == (0x26,) else None
    explaining = (name for name, result in _qemu_readings(event, condition, unit) if _agrees(event, result))
    return next(explaining, None)


def _qemu_readings(
    event: Interrupt, condition: str, unit: Unit
) -> Iterator[tuple[str, InterruptResult | FaultCondition]]:
    """Give what the unit would answer if it read the request, or the IRTE, as QEMU does."""
    index, irte = interrupt_index(_request(event)), _irte(event, unit)
    if condition == "IR.20":
        without_reserved = event.data & ~REMAPPABLE_INTERRUPT_DATA["MUST_BE_ZERO"].mask
        yield DATA_CHECKED_LATE, _remap(unit, InterruptRequest(event.source_id, event.address, without_reserved))
    if condition == "IR.21" and index >> 16:
        yield INDEX_WRAPS, _remap(unit, InterruptRequest(event.source_id, _address_of(index & 0xFFFF), 0))
    if condition == "IR.26" and event.from_io_apic:
        yield IO_APIC_NOT_VERIFIED, _remap(unit, _request(event), irte & ~SVT.mask)
    if condition in ("", "IR.26") and SVT.of(irte) == 2:
        first, last = SID.of(irte) >> 8, SID.of(irte) & 0xFF
        yield BUS_RANGE_REVERSED, _remap(unit, _request(event), irte & ~SID.mask | SID.to(last << 8 | first))
    if condition == "IR.24" and irte & IM.mask and not unit.config.pi:
        yield MODE_BIT_IGNORED, _remap(unit, _request(event), irte & ~IM.mask)
    if condition == "IR.24" and irte & NOT_XAPIC_DESTINATION and not _table(unit).extended:
        yield DESTINATION_IGNORED, _remap(unit, _request(event), irte & ~NOT_XAPIC_DESTINATION)


def _agrees(event: Interrupt, result: InterruptResult | FaultCondition) -> bool:
    if isinstance(result, FaultCondition):
        return not event.permitted and result.reason in event.reasons
    message = result.message
    return message is not None and (message.address, message.data) == (event.message_address, event.message_data)


def _remap(unit: Unit, request: InterruptRequest, irte: int | None = None) -> InterruptResult | FaultCondition:
    """Answer a remappable request beside the unit, which notices nothing; `irte` stands in for the one in memory."""
    table, memory = _table(unit), unit.memory
    if irte is not None:
        memory = Memory()
        memory.load(_place(table, request), irte.to_bytes(IRTE_REMAPPED.bytes, "little"))
    try:
        return Remapper(unit.config, memory).remap(request, table)
    except Fault as fault:
        return fault.condition


def _address_of(index: int) -> int:
    """Return the request address of an index, without subhandle."""
    return REMAPPABLE_INTERRUPT_ADDRESS.pack(
        FEE=INTERRUPT_PREFIX, FORMAT=1, HANDLE_14_0=index & 0x7FFF, HANDLE_15=index >> 15
    )


def _request(event: Interrupt) -> InterruptRequest:
    return InterruptRequest(event.source_id, event.address, event.data)


def _table(unit: Unit) -> InterruptTable:
    register = unit.read_register(IRTA.offset, 8)
    return InterruptTable(
        base=IRTA["IRTA"].in_place(register),
        entries=2 << IRTA["S"].of(register),
        extended=bool(IRTA["EIME"].of(register)),
    )


def _place(table: InterruptTable, request: InterruptRequest) -> int:
    return table.base + interrupt_index(request) * IRTE_REMAPPED.bytes


def _irte(event: Interrupt, unit: Unit) -> int:
    try:
        return unit.memory.read(_place(_table(unit), _request(event)), IRTE_REMAPPED.bytes)
    except MemoryFault:
        return 0
