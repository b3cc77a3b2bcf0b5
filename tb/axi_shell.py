"""What the benches of the AXI shell share: channels as tuples, and a stand-in for the pipeline and the walker."""

import random
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from cocotb.triggers import RisingEdge

from model.cycle.axi.channel import Issue
from model.cycle.axi.ports import DeviceAddress, Refusal
from model.cycle.request import Request

__all__ = ["Decider", "Held", "Sink", "Source", "Stability", "begin_reset", "random_address"]


class Source:
    """Drives valid and payload of a channel from tuples; noise on the payload while there is none."""

    def __init__(self, dut: Any, prefix: str, names: tuple[str, ...], rng: random.Random) -> None:
        self._valid = getattr(dut, f"{prefix}valid")
        self._payload = [getattr(dut, prefix + name) for name in names]
        self._rng = rng

    def drive(self, value: tuple[int, ...] | None) -> None:
        """Offer `value` in this clock, None for valid = 0."""
        self._valid.value = value is not None
        if value is None:
            value = tuple(self._rng.getrandbits(len(handle)) for handle in self._payload)
        for handle, part in zip(self._payload, value, strict=True):
            handle.value = part


class Sink:
    """Reads valid and payload of a channel as a tuple."""

    def __init__(self, dut: Any, prefix: str, kind: Any) -> None:
        self._valid = getattr(dut, f"{prefix}valid")
        self._payload = [getattr(dut, prefix + name) for name in kind._fields]
        self._kind = kind

    def sample(self) -> Any:
        """Return what is offered in this clock, None for valid = 0."""
        return self._kind(*(int(handle.value) for handle in self._payload)) if self._valid.value else None


class Held:
    """An offer that, once made, is held until it is taken."""

    def __init__(self, rng: random.Random, stall: float) -> None:
        self._rng, self._stall = rng, stall
        self.value: Any = None

    def offer(self, make: Callable[[], Any]) -> Any:
        """Return what is on offer in this clock; `make` is asked for the next when nothing is (None: nothing)."""
        if self.value is None and self._rng.random() >= self._stall:
            self.value = make()
        return self.value

    def clock(self, ready: int) -> Any:
        """End the clock; return what was transferred in it."""
        value = self.value
        if ready:
            self.value = None
        return value if ready else None


class Stability:
    """Checks that what is offered stays as it is until it is taken."""

    def __init__(self) -> None:
        self._waiting: dict[str, Any] = {}

    def clock(self, **channels: tuple[Any, int]) -> None:
        """One clock of channels: (what is offered or None, ready)."""
        for name, (value, ready) in channels.items():
            if name in self._waiting:
                assert value == self._waiting[name], f"{name} did not wait: {self._waiting[name]}, then {value}"
            self._waiting.pop(name, None)
            if value is not None and not ready:
                self._waiting[name] = value


class Decider:
    """Issues or refuses requests, as pipeline and walker do: in order among those of the same `order(id)`, refusals
    only while memory owes their ID nothing; `decided` lists (request, refusal or None) in order."""

    def __init__(self, rng: random.Random, stall: float, order: Callable[[int], int], refuse: float) -> None:
        self._rng, self._stall, self._order, self._refuse = rng, stall, order, refuse
        self._queues: dict[int, deque[tuple[Request, Refusal | None]]] = defaultdict(deque)
        self._offered: int | None = None  # order whose refusal is on offer
        self.owed: dict[int, int] = defaultdict(int)
        self.decided: list[tuple[Request, Refusal | None]] = []

    def take(self, request: Request) -> None:
        """A request came."""
        refusal = None
        if self._rng.random() < self._refuse:
            refusal = Refusal(request.id, request.attributes.len, int(self._rng.random() < 0.3))
        self._queues[self._order(request.id)].append((request, refusal))

    def clock(self, space: int, haw: int) -> tuple[Issue | None, Refusal | None]:
        """Return what is issued and what refusal is offered in this clock; both only when the issue is the older."""
        issue = self._issue(haw) if space and self._rng.random() >= self._stall else None
        if self._offered is None and self._rng.random() >= self._stall:
            waiting = [order for order, queue in self._queues.items() if queue and self._may_refuse(queue[0])]
            self._offered = self._rng.choice(waiting) if waiting else None
        return issue, None if self._offered is None else self._queues[self._offered][0][1]

    def end(self, refusal_ready: int, answered: int | None) -> None:
        """End the clock."""
        if self._offered is not None and refusal_ready:
            self.decided.append(self._queues[self._offered].popleft())
            self._offered = None
        if answered is not None:
            self.owed[answered] -= 1
            assert self.owed[answered] >= 0, f"answer for ID {answered}, to which memory owes nothing"

    def _may_refuse(self, oldest: tuple[Request, Refusal | None]) -> bool:
        return oldest[1] is not None and not self.owed[oldest[0].id]

    def _issue(self, haw: int) -> Issue | None:
        waiting = [order for order, queue in self._queues.items() if queue and queue[0][1] is None]
        if not waiting:
            return None
        request = self._queues[self._rng.choice(waiting)].popleft()[0]
        self.decided.append((request, None))
        self.owed[request.id] += 1
        address = (request.address ^ 0x5A5A_F000) & (1 << haw) - 1
        return request.id, address, request.attributes, self._rng.getrandbits(1)


def random_address(rng: random.Random, id_bits: int, longest: int) -> DeviceAddress:
    """Return a request of a device with every field at random, mostly short bursts, IDs that meet often."""
    length = rng.choice([0, 0, 0, 1, 2, rng.randrange(8), longest])
    few = rng.random() < 0.5
    id_ = rng.choice([0, 1, (1 << id_bits) - 1]) if few else rng.getrandbits(id_bits)
    bits = rng.getrandbits
    return DeviceAddress(
        id_,
        bits(64),
        length,
        bits(3),
        bits(2),
        bits(1),
        bits(4),
        bits(3),
        bits(4),
        bits(16),
        bits(1),
        bits(20),
        bits(1),
    )


async def begin_reset(dut: Any) -> None:
    """Two clocks in reset; the first clock after it is the one in which the bench drives `rst` to 0."""
    await RisingEdge(dut.clk)
    dut.rst.value = 1
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
