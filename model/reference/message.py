"""The form in which an interrupt leaves the unit: a dword written to 0xFEEx_xxxx (rule 22.5)."""

from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.structures import (
    COMPATIBILITY_INTERRUPT_ADDRESS,
    COMPATIBILITY_INTERRUPT_DATA,
    EVENT_MESSAGE_UPPER_ADDRESS,
)
from model.reference.types import Message

__all__ = ["interrupt_message"]


def interrupt_message(
    *,
    vector: int,
    destination: int,
    delivery_mode: int = 0,
    trigger_mode: int = 0,
    destination_mode: int = 0,
    redirection_hint: int = 0,
) -> Message:
    """Return the message of an interrupt; level is always asserted.

    `destination` has 8 bits or 32; bits 31:8 travel in address bits 63:40, as in the unit's own event messages.
    """
    low = COMPATIBILITY_INTERRUPT_ADDRESS.pack(
        FEE=INTERRUPT_PREFIX, DESTID=destination & 0xFF, RH=redirection_hint, DM=destination_mode
    )
    high = EVENT_MESSAGE_UPPER_ADDRESS.pack(DESTID_31_8=destination >> 8)
    data = COMPATIBILITY_INTERRUPT_DATA.pack(V=vector, DLM=delivery_mode, TML=1, TM=trigger_mode)
    return Message(high << 32 | low, data)
