"""Golden model of rtl/irte_check.py: what an interrupt remapping table entry makes of a request, as functions."""

from typing import NamedTuple

from model.arch import FaultReason, UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, DeliveryMode
from model.arch.structures import IRTE_POSTED, IRTE_REMAPPED
from model.cycle.event_message import Message

__all__ = ["Checked", "Constants", "check", "interrupt_message"]


class Checked(NamedTuple):
    """What becomes of a request: a fault (`fault_reason` not 0, `suppressed` by FPD), a posting, or `message`.

    `descriptor` is a byte address; it, `vector` and `urgent` are those of a posting. What does not apply is 0, where
    the RTL shows anything.
    """

    fault_reason: int = 0
    suppressed: int = 0
    posted: int = 0
    message: Message = Message(0, 0)
    descriptor: int = 0
    vector: int = 0
    urgent: int = 0


class Constants:
    """What a configuration says about entries, computed once."""

    __slots__ = ("posted_reserved", "posting", "remapped_reserved")

    def __init__(self, config: UnitConfig) -> None:
        reserved = config.reserved_mask(IRTE_REMAPPED)
        self.posting = config.pi
        # By IRTA.EIME: without it, only the 8 bits 47:40 of the destination count.
        self.remapped_reserved = (reserved | 0xFFFF00FF << 32, reserved)
        self.posted_reserved = config.reserved_mask(IRTE_POSTED) | 0xFFFFFFFF >> config.haw - 32 << config.haw + 64


def check(constants: Constants, irte: int, error: int, source_id: int, extended: int) -> Checked:
    """Check 128 bits as read (`error`: the read failed) for a requester. Rules 22.3 c to f, 22.4, 22.5."""
    if error:
        return ACCESS_ERROR
    reason = 0
    posted = irte >> 15 & 1 and constants.posting
    if not irte & 1:
        reason = NOT_PRESENT
    elif irte >> 82 & 3 == 3:
        reason = RESERVED_BITS
    elif not _source_matches(irte >> 64 & 0xFFFFF, source_id):
        reason = MISMATCH
    elif posted:
        if irte & constants.posted_reserved:
            reason = RESERVED_BITS
    elif irte & constants.remapped_reserved[extended] or irte >> 5 & 7 in RESERVED_DELIVERY_MODES:
        reason = RESERVED_BITS
    if reason:
        return Checked(reason, irte >> 1 & 1)
    if posted:
        address = irte >> 96 << 32 | (irte >> 38 & 0x3FFFFFF) << 6
        return Checked(0, 0, 1, NO_MESSAGE, address, irte >> 16 & 0xFF, irte >> 14 & 1)
    destination = irte >> 32 & 0xFFFFFFFF
    return Checked(
        0,
        0,
        0,
        interrupt_message(
            irte >> 16 & 0xFF,
            destination if extended else destination >> 8 & 0xFF,
            irte >> 5 & 7,
            irte >> 4 & 1,
            irte >> 2 & 1,
            irte >> 3 & 1,
        ),
    )


def interrupt_message(
    vector: int,
    destination: int,
    delivery_mode: int = 0,
    trigger_mode: int = 0,
    destination_mode: int = 0,
    redirection_hint: int = 0,
) -> Message:
    """Return the message of an interrupt; level is always asserted. Bits 31:8 of the destination go to 63:40."""
    low = INTERRUPT_ADDRESS | (destination & 0xFF) << 12 | redirection_hint << 3 | destination_mode << 2
    return Message(destination >> 8 << 40 | low, vector | delivery_mode << 8 | 1 << 14 | trigger_mode << 15)


def _source_matches(expected: int, source_id: int) -> bool:
    """Compare the requester with `expected`: SID, SQ above it, SVT above that, which is not 3."""
    validation = expected >> 18
    if validation == 0:
        return True
    if validation == 1:
        return (source_id ^ expected) & COMPARED_BITS[expected >> 16 & 3] == 0
    return expected >> 8 & 0xFF <= source_id >> 8 <= expected & 0xFF


# Plain numbers: a member of an IntEnum costs a look-up, and an operation with it a conversion.
NOT_PRESENT = int(FaultReason.IRTE_NOT_PRESENT)
RESERVED_BITS = int(FaultReason.IRTE_RESERVED_BITS)
MISMATCH = int(FaultReason.SOURCE_ID_MISMATCH)
ACCESS_ERROR = Checked(int(FaultReason.IRTE_ACCESS_ERROR))
NO_MESSAGE = Message(0, 0)
INTERRUPT_ADDRESS = INTERRUPT_PREFIX << 20
RESERVED_DELIVERY_MODES = tuple(mode for mode in range(8) if mode not in set(DeliveryMode))
COMPARED_BITS = (0xFFFF, 0xFFFB, 0xFFF9, 0xFFF8)  # by SQ
