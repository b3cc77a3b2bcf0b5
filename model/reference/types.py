"""What goes into the reference model and what comes out: requests, results, messages."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

from model.arch import FaultCondition, FaultReason

__all__ = [
    "AddressType",
    "DmaAccess",
    "DmaRequest",
    "DmaResult",
    "InterruptRequest",
    "InterruptResult",
    "Message",
    "Refusal",
]


class DmaAccess(Enum):
    """What a device wants to do."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "AtomicOp"
    ZERO_LENGTH_READ = "zero-length read"
    PAGE_REQUEST = "page request"


class AddressType(IntEnum):
    """Value of the PCI Express AT field, and of FRCD.AT."""

    UNTRANSLATED = 0
    TRANSLATION_REQUEST = 1
    TRANSLATED = 2
    RESERVED = 3


class Refusal(Enum):
    """Why a request was refused. Only FAULT has a fault reason; the others leave no record."""

    FAULT = "fault"
    PROTECTED_MEMORY = "protected memory"
    TRANSLATION_OFF = "translation off"
    BEYOND_HOST_WIDTH = "beyond the host address width"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class DmaRequest:
    """A request of a device: `source_id` 16 bits, `address` 64 bits, `size` in bytes inside one 4 KiB page,
    `pasid` 20 bits or None."""

    source_id: int
    address: int
    access: DmaAccess
    size: int = 1
    pasid: int | None = None
    address_type: AddressType = AddressType.UNTRANSLATED


@dataclass(frozen=True, slots=True)
class DmaResult:
    """The answer to a DmaRequest.

    Permitted: `address` is the host physical address (None for a zero-length read of the interrupt range, whose
    data mean nothing), `page_shift` the page's size as bits of offset, `read` and `write` the permissions in
    force, `snoop` whether the tables force snooping, `rule` what permitted it, for the trace. Refused: `refusal`, and
    for a fault its `condition`, with `suppressed` when FPD kept it from being recorded.
    """

    address: int | None = None
    page_shift: int = 0
    read: bool = False
    write: bool = False
    snoop: bool = False
    refusal: Refusal | None = None
    condition: FaultCondition | None = None
    suppressed: bool = False
    rule: str = field(default="rule 9.2", compare=False)

    @property
    def permitted(self) -> bool:
        """True when the request may go to memory."""
        return self.refusal is None

    @property
    def fault_reason(self) -> FaultReason | None:
        """Value for FRCD.FR, None when there is no fault."""
        return self.condition.reason if self.condition else None


@dataclass(frozen=True, slots=True)
class InterruptRequest:
    """A dword write to 0xFEEx_xxxx: `source_id` 16 bits, `address` and `data` 32 bits each."""

    source_id: int
    address: int
    data: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message-signalled interrupt: `data`, 32 bits, written to `address`, 64 bits."""

    address: int
    data: int


@dataclass(frozen=True, slots=True)
class InterruptResult:
    """The answer to an InterruptRequest.

    Permitted: either `message`, the interrupt that leaves the unit, or, when `posted`, the descriptor at
    `descriptor_address` was updated and `notification` is the message that tells so, if one is due; `rule` is what
    permitted it, for the trace.
    Refused: `condition`, with `suppressed` when FPD kept it from being recorded.
    """

    message: Message | None = None
    posted: bool = False
    descriptor_address: int | None = None
    notification: Message | None = None
    condition: FaultCondition | None = None
    suppressed: bool = False
    rule: str = field(default="rule 22.5", compare=False)

    @property
    def permitted(self) -> bool:
        """True when the interrupt was passed, remapped or posted."""
        return self.condition is None

    @property
    def fault_reason(self) -> FaultReason | None:
        """Value for FRCD.FR, None when there is no fault."""
        return self.condition.reason if self.condition else None
