"""What a refused DMA request must show, and the typed codes of every condition that legacy mode can raise.

Codes and "qualified" are typed in from the specification, not taken from model.arch.
"""

from model.reference import AddressType, DmaAccess, DmaResult, Refusal, Unit
from tests.model.reference.tables import SOURCE_ID, FaultRecord, fault_records

# Condition -> (FRCD.FR, whether FPD suppresses the record).
CODES = {
    "LRT.1": (0x08, False),
    "LRT.2": (0x01, False),
    "LRT.3": (0x0A, False),
    "LCT.1": (0x09, False),
    "LCT.2": (0x02, True),
    "LCT.3": (0x0B, True),
    "LCT.4.1": (0x03, True),
    "LCT.4.2": (0x03, True),
    "LCT.4.3": (0x03, True),
    "LCT.5": (0x0D, True),
    "LSS.1": (0x07, True),
    "LSS.2": (0x0C, True),
    "LGN.1.1": (0x04, True),
    "LGN.1.3": (0x04, True),
    "LGN.2": (0x05, True),
    "LGN.3": (0x06, True),
    "LGN.4": (0x0E, True),
    "RTA.1.1": (0x30, False),
    "RTA.1.2": (0x30, False),
    "RTA.1.3": (0x30, False),
    "RTA.2": (0x31, False),
    "RTA.3": (0x32, False),
    "RTA.4": (0x33, False),
    "IR.29": (0x29, False),
}

# FRCD T1:T2. A zero-length read is a read; so is a translation request.
REQUEST_TYPES = {
    DmaAccess.WRITE: 0b00,
    DmaAccess.PAGE_REQUEST: 0b01,
    DmaAccess.READ: 0b10,
    DmaAccess.ZERO_LENGTH_READ: 0b10,
    DmaAccess.ATOMIC: 0b11,
}


def assert_fault(result: DmaResult, condition: str, *, suppressed: bool = False) -> None:
    """Assert that a request was refused for this condition and gives nothing away."""
    assert result.condition is not None, f"{condition} expected, but {result}"
    assert result.condition.name == condition
    assert result.fault_reason == CODES[condition][0]
    assert result == DmaResult(refusal=Refusal.FAULT, condition=result.condition, suppressed=suppressed)
    assert not result.permitted


def assert_recorded(
    unit: Unit,
    condition: str,
    address: int,
    access: DmaAccess = DmaAccess.READ,
    *,
    address_type: AddressType = AddressType.UNTRANSLATED,
) -> None:
    """Assert that the first fault record, and no other, holds this, and that FSTS says so.

    AT, PP, PV, PRIV and EXE must be 0: they are reserved without ECAP.DT and ECAP.PASID.
    """
    is_translation_request = address_type is AddressType.TRANSLATION_REQUEST
    expected = FaultRecord(
        source_id=SOURCE_ID,
        reason=CODES[condition][0],
        info=address & 0xFFFF_FFFF_FFFF_F000,
        request_type=0b10 if is_translation_request else REQUEST_TYPES[access],
    )
    assert fault_records(unit) == [expected]
    assert unit.read_register(0x34) == 1 << 1, "FSTS must say PPF, record 0, and nothing else"


def assert_not_recorded(unit: Unit) -> None:
    """Assert that no fault record is in use and FSTS is 0."""
    assert fault_records(unit) == []
    assert unit.read_register(0x34) == 0
