"""The untimed reference model: what a VT-d unit must answer, written to be read beside the specification.

memory = Memory()
unit = Unit(UnitConfig(), memory)
memory.load(0x1000, root_table)
unit.write_register(0x20, 0x1000, size=8)
result = unit.dma(DmaRequest(source_id=0x0010, address=0x5000, access=DmaAccess.READ))
result.permitted, result.address, result.fault_reason
"""

from model.reference.memory import Memory, MemoryFault
from model.reference.steps import Check, Command, Decision, Entry, Lookup, Recorded, Selector, Sent, Step, Trace
from model.reference.types import (
    AddressType,
    DmaAccess,
    DmaRequest,
    DmaResult,
    InterruptRequest,
    InterruptResult,
    Message,
    Refusal,
)
from model.reference.unit import Unit

__all__ = [
    "AddressType",
    "Check",
    "Command",
    "Decision",
    "DmaAccess",
    "DmaRequest",
    "DmaResult",
    "Entry",
    "InterruptRequest",
    "InterruptResult",
    "Lookup",
    "Memory",
    "MemoryFault",
    "Message",
    "Recorded",
    "Refusal",
    "Selector",
    "Sent",
    "Step",
    "Trace",
    "Unit",
]
