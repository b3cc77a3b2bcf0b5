"""What a unit does on its own, memory writes and event messages, against what it should do, in order."""

from collections import deque
from collections.abc import Callable
from typing import Any

from model.arch.sizes import MEMORY_DATA_BITS
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR
from model.reference import Message
from sim.differences import message_text
from tb.axi_memory import Accepted, Written
from tb.testbench import Testbench

__all__ = ["Effects"]

BEAT_BYTES = MEMORY_DATA_BITS // 8
DESCRIPTOR_BYTES = POSTED_INTERRUPT_DESCRIPTOR.bytes


class Effects:
    """Watches `m_axi_mem` for writes and `m_axi` for messages, and compares both with what is expected.

    `on_request` is called with every address and every write on `m_axi` that is not the unit's own; `on_message` with
    every message: it says whether that is the message of an interrupt request, which is then no effect. The beats of a
    posted-interrupt descriptor count as one write.
    """

    def __init__(
        self,
        bench: Testbench,
        on_request: Callable[[Accepted | Written], None],
        on_message: Callable[[Message], bool],
    ) -> None:
        self._bench = bench
        self._own = 1 << bench.config.id_bits  # the highest bit of an ID on m_axi: the unit's own message
        self._on_request, self._on_message = on_request, on_message
        bench.host.observe = self._host
        bench.tables.observe = self._tables
        self._written: deque[tuple[int, bytes]] = deque()
        self._messages: deque[Message] = deque()
        self._written_expected: deque[tuple[int, bytes]] = deque()
        self._messages_expected: deque[Message] = deque()
        self.last = 0  # clock of the last effect

    def expect(self, written: list[tuple[int, bytes]], messages: list[Message]) -> None:
        """Expect these writes and these messages after those that are expected already."""
        self._written_expected += written
        self._messages_expected += messages

    @property
    def awaited(self) -> bool:
        """True while something expected has not come."""
        writes_awaited = _bytes_of(self._written_expected) > _bytes_of(self._written)
        return writes_awaited or len(self._messages_expected) > len(self._messages)

    def compare(self) -> list[tuple[str, str]]:
        """Return how what came differs from what was expected, as (kind of line, text), and forget both."""
        kinds: tuple[tuple[str, deque[Any], deque[Any], Callable[[Any], str]], ...] = (
            ("x", self._written, self._written_expected, _write_text),
            ("msi", self._messages, self._messages_expected, lambda message: "sent " + message_text(message)),
        )
        found = []
        for kind, came, expected, text in kinds:
            for position in range(max(len(came), len(expected))):
                ours = text(came[position]) if position < len(came) else "did nothing"
                theirs = text(expected[position]) if position < len(expected) else "did nothing"
                if ours != theirs:
                    found.append((kind, f"the simulated unit {ours}, model/reference {theirs}"))
            came.clear()
            expected.clear()
        return found

    def _host(self, entry: Accepted | Written) -> None:
        is_address = isinstance(entry, Accepted)
        if not (entry.address.id if is_address else entry.id) & self._own:
            self._on_request(entry)
        elif not is_address:
            message = Message(entry.address, entry.value)
            if not self._on_message(message):
                self._messages.append(message)
                self.last = entry.clock

    def _tables(self, entry: Accepted | Written) -> None:
        if not isinstance(entry, Written):
            return
        data = entry.value.to_bytes(entry.size, "little")
        if self._written and self._continues(entry):
            address, before = self._written.pop()
            self._written.append((address, before + data))
        else:
            self._written.append((entry.address, data))
        self.last = entry.clock

    def _continues(self, entry: Written) -> bool:
        """Say whether a beat is one of a descriptor, and not the first."""
        address, before = self._written[-1]
        adjoins = entry.address == address + len(before) and entry.address % DESCRIPTOR_BYTES
        return bool(adjoins and entry.size == BEAT_BYTES and not len(before) % BEAT_BYTES)


def _bytes_of(writes: deque[tuple[int, bytes]]) -> int:
    return sum(len(data) for _, data in writes)


def _write_text(written: tuple[int, bytes]) -> str:
    address, data = written
    return f"wrote {data.hex()} at {address:#x}"
