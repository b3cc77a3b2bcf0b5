"""A recorded request at the unit: what the reference model wants of it, what comes of it, and how the two differ."""

from collections.abc import Callable
from dataclasses import dataclass, field

from model.reference import Message
from sim.differences import dma_text, interrupt_text, message_text
from sim.replay import Judgement
from sim.summary import Verdict
from tb.axi_device import Transfer
from tb.axi_memory import beat_addresses

__all__ = ["Flight"]


@dataclass(eq=False)
class Flight:
    """A request that is at the unit: its line, what must come of it, and what does.

    Of DMA: `address` on m_axi, the bytes `stored` there, and the clock in which memory has `answered` that, at the
    earliest. Of an interrupt: its `message` on m_axi, and the line of an older write that it has `overtaken`.
    """

    transfer: Transfer
    judgement: Judgement
    verdict: Verdict
    address: int | None = None
    stored: dict[int, int] = field(default_factory=dict)  # host address -> byte
    answered: int | None = None
    message: Message | None = None
    overtaken: int | None = None

    @property
    def permitted(self) -> bool:
        """Say whether model/reference permits it."""
        answer = self.judgement.dma or self.judgement.interrupt
        assert answer is not None
        return answer.permitted

    @property
    def expected_message(self) -> Message | None:
        """What an interrupt must become, if it is not posted or refused; a dword has no low address bits."""
        answer = self.judgement.interrupt
        message = answer.message if answer else None
        return message and Message(message.address & -4, message.data)

    @property
    def complete(self) -> bool:
        """Say whether all came of it that must, if the unit answers right."""
        transfer = self.transfer
        return transfer.done and not (transfer.permitted and self.expected_message and self.message is None)

    @property
    def stores(self) -> bool:
        """Say whether it must write memory."""
        dma = self.judgement.dma
        return dma is not None and self.transfer.write and dma.address is not None

    @property
    def bytes_written(self) -> dict[int, int]:
        """What memory must hold of a write that is let through: host address -> byte."""
        found: dict[int, int] = {}
        size = 1 << self.transfer.size
        for place, value in zip(self._places(), self.transfer.write_data, strict=True):
            data = value.to_bytes(size, "little")
            found |= {byte: data[byte % size] for byte in range(place, (place & -size) + size)}
        return found

    def difference(self, read: Callable[[int, int], int]) -> str | None:
        """Say how the answer differs from that of the reference model, or what is wrong with its data.

        `read` reads host memory: address, size.
        """
        expected, permitted = self.judgement.dma, self.transfer.permitted
        if expected is None:
            return self._interrupt_difference()
        if permitted != expected.permitted or self.address != (expected.address if expected.permitted else None):
            reached = "" if self.address is None else f" and let it through to {self.address:#x}"
            ours = f"the simulated unit {'permitted' if permitted else 'refused'} it{reached}"
            return f"{ours}, model/reference: {dma_text(expected)}"
        return self._write_difference() if self.transfer.write else self._read_difference(read)

    def _interrupt_difference(self) -> str | None:
        expected, permitted, sent = self.judgement.interrupt, self.transfer.permitted, self.message
        assert expected is not None
        if permitted == expected.permitted and sent == self.expected_message:
            older = self.overtaken
            return None if older is None else f"its message is before the answer to line {older}, an older write"
        ours = f"{'permitted' if permitted else 'refused'} it and sent {message_text(sent) if sent else 'nothing'}"
        return f"the simulated unit {ours}, model/reference: {interrupt_text(expected)}"

    def _write_difference(self) -> str | None:
        if self.address is None or self.stored == self.bytes_written:
            return None
        return f"the data that reached memory at {self.address:#x} are not those of the device"

    def _read_difference(self, read: Callable[[int, int], int]) -> str | None:
        transfer = self.transfer
        if not transfer.permitted:
            return "the refused read brought data" if any(transfer.data) else None
        if self.address is None:
            return None  # a zero-length read whose data mean nothing
        size = 1 << transfer.size
        same = transfer.data == [read(place & -size, size) for place in self._places()]
        return None if same else f"the data that reached the device are not those of memory at {self.address:#x}"

    def _places(self) -> list[int]:
        """Return the host address of each beat."""
        transfer = self.transfer
        return beat_addresses(self.address or 0, transfer.beats, transfer.size, transfer.burst)
