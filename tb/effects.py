"""What a unit does on its own, memory writes and event messages, against what it should do, in order."""

from collections import deque
from collections.abc import Callable
from typing import Any

from model.reference import Message
from sim.differences import message_text
from tb.axi_memory import Accepted, Written
from tb.testbench import Testbench

__all__ = ["Effects"]


class Effects:
    """Watches `m_axi_mem` for writes and `m_axi` for messages, and compares both with what is expected.

    `on_request` is called with every address and every write on `m_axi` that is not the unit's own.
    """

    def __init__(self, bench: Testbench, on_request: Callable[[Accepted | Written], None]) -> None:
        self._bench = bench
        self._own = 1 << bench.config.id_bits  # the highest bit of an ID on m_axi: the unit's own message
        self._on_request = on_request
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
        writes_awaited = len(self._written_expected) > len(self._written)
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
            self._messages.append(Message(entry.address, entry.value))
            self.last = entry.clock

    def _tables(self, entry: Accepted | Written) -> None:
        if isinstance(entry, Written):
            self._written.append((entry.address, entry.value.to_bytes(entry.size, "little")))
            self.last = entry.clock


def _write_text(written: tuple[int, bytes]) -> str:
    address, data = written
    return f"wrote {data.hex()} at {address:#x}"
