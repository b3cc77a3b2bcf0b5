"""How an answer of the unit differs from a recorded one, in words."""

from model.reference import DmaResult, InterruptResult, Message, Refusal
from sim.recording import Dma, Interrupt, RegisterRead

__all__ = [
    "dma_difference",
    "dma_text",
    "interrupt_difference",
    "interrupt_text",
    "is_subset",
    "message_text",
    "read_difference",
]


def read_difference(event: RegisterRead, actual: int) -> str | None:
    """Say how the value of a register read differs; None when it is right."""
    if any(not (actual ^ value) & event.mask for value in event.values):
        return None
    expected = " or ".join(f"{value:#x}" for value in event.values)
    return f"register {event.offset:#x} read {actual:#x}, not {expected} (mask {event.mask:#x})"


def dma_difference(event: Dma, actual: DmaResult) -> str | None:
    """Say how the answer to a DMA request differs; None when it is right."""
    if event.permitted != actual.permitted:
        return f"{dma_text(actual)}, the recording {'permits it' if event.permitted else 'refuses it'}"
    if event.permitted and (event.host_address is None or actual.address is None):
        same = event.host_address is actual.address
        return None if same else f"{dma_text(actual)}, not {_completion_text(event.host_address)}"
    if not event.permitted:
        reason = actual.fault_reason
        same = actual.refusal is event.refusal and (reason is None or reason in event.reasons)
        if same and actual.suppressed == event.suppressed:
            return None
        return f"{dma_text(actual)}, not {_refusal_text(event)}"
    permissions = actual.read | actual.write << 1
    pairs = (
        ("host address", actual.address, event.host_address),
        ("mask", (1 << actual.page_shift) - 1, event.mask),
        ("permissions", permissions, event.permissions),
        ("snoop", actual.snoop, event.snoop),
    )
    wrong = [
        f"{name} {ours:#x}, not {theirs:#x}" for name, ours, theirs in pairs if theirs is not None and ours != theirs
    ]
    return ", ".join(wrong) or None


def dma_text(result: DmaResult) -> str:
    """Say what the answer to a DMA request is."""
    if result.refusal is Refusal.FAULT and result.condition:
        suppressed = " suppressed by FPD" if result.suppressed else ""
        return f"refused with fault {result.condition.reason:#x} ({result.condition.name}){suppressed}"
    return f"refused ({result.refusal.value})" if result.refusal else _completion_text(result.address)


def _completion_text(address: int | None) -> str:
    return "completed with meaningless data" if address is None else f"permitted at {address:#x}"


def _refusal_text(event: Dma | Interrupt) -> str:
    reasons = " or ".join(f"fault {reason:#x}" for reason in event.reasons)
    suppressed = " suppressed by FPD" if event.suppressed else ""
    return reasons + suppressed if reasons else f"refused ({event.refusal.value if event.refusal else 'no reason'})"


def interrupt_difference(event: Interrupt, actual: InterruptResult) -> str | None:
    """Say how the answer to an interrupt request differs; None when it is right."""
    if event.permitted != actual.permitted or not event.permitted:
        same = not event.permitted and actual.fault_reason in event.reasons and actual.suppressed == event.suppressed
        expected = "permitted" if event.permitted else _refusal_text(event)
        return None if same else f"{interrupt_text(actual)}, not {expected}"
    expected_message = None if event.posted else Message(event.message_address or 0, event.message_data or 0)
    if (actual.message, actual.posted) == (expected_message, event.posted):
        return None
    return f"{interrupt_text(actual)}, not {message_text(expected_message) if expected_message else 'posted'}"


def interrupt_text(result: InterruptResult) -> str:
    """Say what the answer to an interrupt request is."""
    if result.condition:
        suppressed = " suppressed by FPD" if result.suppressed else ""
        return f"refused with fault {result.condition.reason:#x} ({result.condition.name}){suppressed}"
    return f"remapped to {message_text(result.message)}" if result.message else "posted"


def message_text(message: Message) -> str:
    """Say what was sent where."""
    return f"{message.data:#x} to {message.address:#x}"


def is_subset(actual: bytes, allowed: bytes) -> bool:
    """Say whether every bit of `actual` is allowed."""
    return all(not a & ~b for a, b in zip(actual, allowed, strict=True))
