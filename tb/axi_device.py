"""Devices in front of `s_axi_`: what they ask for and what they get."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from model.arch import UnitConfig
from model.arch.axi import Burst, Response
from model.cycle.axi.ports import DeviceAddress, ReadData, WriteData, WriteResponse
from model.cycle.request import Access, Request
from model.reference import DmaAccess
from tb.axi_memory import beat_addresses
from tb.check import CheckFailed
from tb.stalls import Stalling
from tb.texts import named

__all__ = ["AxiDevice", "Transfer"]

INCR = int(Burst.INCR)
REFUSED = (int(Response.SLVERR), int(Response.DECERR))
ACCESSES = {
    Access.READ: DmaAccess.READ,
    Access.WRITE: DmaAccess.WRITE,
    Access.ATOMIC: DmaAccess.ATOMIC,
    Access.ZERO_LENGTH_READ: DmaAccess.ZERO_LENGTH_READ,
}


@dataclass(slots=True, eq=False)
class Transfer:
    """One burst: what is asked, and what came of it.

    A value of `write_data` and of `data` is that of a whole aligned beat of 2^size bytes, also where an unaligned
    address leaves its low bytes out; what is missing in `write_data` is drawn at random. `strobes` are of the same
    bytes; without them all bytes from `address` on are written. Clocks are -1 until they come: `offered` first clock
    of AxVALID, `data_offered` of WVALID, `accepted` handshake of the address, `data_accepted` that of the last W,
    `first_response` and `finished` first and last handshake of R or B. `line` is that of a recording that asks for it.
    """

    write: bool
    source_id: int
    address: int
    id: int = 0
    beats: int = 1
    size: int = 3
    burst: int = INCR
    pasid: int | None = None
    translated: bool = False
    lock: int = 0
    cache: int = 0
    prot: int = 0
    qos: int = 0
    write_data: list[int] = field(default_factory=list)
    strobes: list[int] | None = None
    skew: int | None = None
    request: Request | None = None  # at the core port in place of the address channel
    line: int = 0
    data: list[int] = field(default_factory=list)
    responses: list[int] = field(default_factory=list)
    offered: int = -1
    data_offered: int = -1
    accepted: int = -1
    data_accepted: int = -1
    first_response: int = -1
    finished: int = -1
    places: list[int] = field(default_factory=list, repr=False)  # address of each beat, once it was submitted

    def __str__(self) -> str:
        extra = f", PASID {self.pasid:#x}" if self.pasid is not None else ""
        extra += ", translated" if self.translated else ""
        return f"{self.access.value} of source-id {self.source_id:#06x} at {self.address:#x}, ID {self.id}{extra}"

    @property
    def access(self) -> DmaAccess:
        """What the device wants to do."""
        if self.request is not None:
            return ACCESSES[Access(self.request.access)]
        return DmaAccess.WRITE if self.write else DmaAccess.READ

    @property
    def permitted(self) -> bool:
        """True when no response is an error."""
        return not any(response in REFUSED for response in self.responses)

    @property
    def done(self) -> bool:
        """True when the last response came."""
        return self.finished >= 0

    def channel(self) -> DeviceAddress:
        """Return what the address channel carries."""
        return DeviceAddress(
            self.id, self.address, self.beats - 1, self.size, self.burst, self.lock, self.cache, self.prot, self.qos,
            self.source_id, int(self.pasid is not None), self.pasid or 0, int(self.translated),
        )  # fmt: skip


class AxiDevice(Stalling):
    """Issues reads and writes, each in the order given, up to one of both per clock.

    Order per ID is the unit's duty: a response belongs to the oldest transfer of its ID and direction.

    Knobs, to be changed at any time
    --------------------------------
    stall : probability that a channel does nothing in a clock; also by channel: {"r": 0.5}
    skew : for transfers submitted from now on that have none of their own: data are first offered `skew` clocks after
        the address, or -skew clocks before it; None and 0: both as soon as possible. May be a function without
        arguments
    on_finished : called with each transfer when its last response came
    """

    def __init__(self, config: UnitConfig, rng: random.Random) -> None:
        self.data_bytes = config.data_bits // 8
        self.rng = rng
        self.skew: int | Callable[[], int | None] | None = None
        self.on_finished: Callable[[Transfer], None] | None = None
        self.finished = self.refused = 0
        self._id_count = 1 << config.id_bits
        self.clear()

    def clear(self) -> None:
        """Forget every transfer that is not finished: the unit is in reset."""
        self._waiting: tuple[deque[Transfer], deque[Transfer]] = (deque(), deque())  # reads, writes
        self._beats: deque[tuple[WriteData, Transfer]] = deque()
        self._open: tuple[list[deque[Transfer]], list[deque[Transfer]]] = tuple(
            [deque() for _ in range(self._id_count)] for _ in range(2)
        )
        self._ar: DeviceAddress | None = None
        self._aw: DeviceAddress | None = None
        self._w: WriteData | None = None
        self._core: Transfer | None = None
        self._bready = self._rready = 0
        self._held_b: WriteResponse | None = None  # offered to us and not taken yet
        self._held_r: ReadData | None = None
        self.outstanding = 0

    def submit(self, transfer: Transfer) -> Transfer:
        """Queue a transfer and return it."""
        self._waiting[transfer.write].append(transfer)
        self.outstanding += 1
        transfer.places = beat_addresses(transfer.address, transfer.beats, transfer.size, transfer.burst)
        if transfer.write:
            if transfer.skew is None:
                transfer.skew = self.skew() if callable(self.skew) else self.skew
            self._queue_data(transfer)
        return transfer

    def _queue_data(self, transfer: Transfer) -> None:
        size, data = 1 << transfer.size, transfer.write_data
        while len(data) < transfer.beats:
            data.append(self.rng.getrandbits(size * 8))
        for beat, place in enumerate(transfer.places):
            aligned = place & -size
            strobe = (1 << size) - (1 << place - aligned)
            if transfer.strobes is not None:
                strobe &= transfer.strobes[beat]
            lane = aligned % self.data_bytes
            channel = WriteData(data[beat] << lane * 8, strobe << lane, int(beat == transfer.beats - 1))
            self._beats.append((channel, transfer))

    def take(
        self, now: int, awready: int, wready: int, b: WriteResponse | None, arready: int, r: ReadData | None,
        core_ready: int = 0,
    ) -> None:  # fmt: skip
        """See what the unit drove in clock `now`."""
        if arready and self._ar is not None:
            self._ar = None
            self._accepted(now, self._waiting[0].popleft())
        if awready and self._aw is not None:
            self._aw = None
            self._accepted(now, self._waiting[1].popleft())
        if core_ready and self._core is not None:
            self._accepted(now, self._waiting[self._core.write].popleft())
            self._core = None
        if wready and self._w is not None:
            if self._w.last:
                self._beats[0][1].data_accepted = now
            self._w = None
            self._beats.popleft()
        if (self._held_r is not None and r != self._held_r) or (self._held_b is not None and b != self._held_b):
            held = f"R {named(self._held_r)}; B {named(self._held_b)}"
            raise CheckFailed(f"clock {now}: an answer changed before it was taken: {held}")
        self._held_r, self._held_b = None if self._rready else r, None if self._bready else b
        if r is not None and self._rready:
            self._take_read(now, r)
        if b is not None and self._bready:
            transfer = self._oldest(now, 1, b.id)
            if transfer.data_accepted < 0:
                raise CheckFailed(f"clock {now}: B before the last W of the {transfer}")
            transfer.first_response = now
            transfer.responses.append(b.resp)
            self._finish(now, transfer)

    def _accepted(self, now: int, transfer: Transfer) -> None:
        transfer.accepted = now
        self._open[transfer.write][transfer.id].append(transfer)

    def _oldest(self, now: int, write: int, id_: int) -> Transfer:
        queue = self._open[write][id_]
        if not queue:
            raise CheckFailed(f"clock {now}: a response on {'RB'[write]} to ID {id_}, which waits for none")
        return queue[0]

    def _take_read(self, now: int, r: ReadData) -> None:
        id_, data, response, last = r
        transfer = self._oldest(now, 0, id_)
        beat = len(transfer.data)
        if transfer.first_response < 0:
            transfer.first_response = now
        size = 1 << transfer.size
        transfer.data.append(data >> (transfer.places[beat] & -size) % self.data_bytes * 8 & (1 << size * 8) - 1)
        transfer.responses.append(response)
        if last != (beat + 1 == transfer.beats):
            raise CheckFailed(f"clock {now}: RLAST is {last} in beat {beat} of the {transfer}")
        if last:
            self._finish(now, transfer)

    def _finish(self, now: int, transfer: Transfer) -> None:
        self._open[transfer.write][transfer.id].popleft()
        transfer.finished = now
        self.outstanding -= 1
        self.finished += 1
        self.refused += not transfer.permitted
        if self.on_finished:
            self.on_finished(transfer)

    def give(
        self, now: int
    ) -> tuple[DeviceAddress | None, WriteData | None, int, DeviceAddress | None, int, Request | None]:
        """Return what the device drives in clock `now`: aw, w, bready, ar, rready, core."""
        chance, stall = self.rng.random, self._stall
        reads, writes = self._waiting
        if reads and self._ar is None and (stall is None or chance() >= stall[3]):
            self._ar = self._offer(now, reads[0])
        if writes and self._aw is None and self._address_may_come(now) and (stall is None or chance() >= stall[0]):
            self._aw = self._offer(now, writes[0])
        if self._beats and self._w is None and self._data_may_come(now) and (stall is None or chance() >= stall[1]):
            self._w, transfer = self._beats[0]
            if transfer.data_offered < 0:
                transfer.data_offered = now
        if stall is None:
            self._bready = self._rready = 1
        else:
            self._bready, self._rready = int(chance() >= stall[2]), int(chance() >= stall[4])
        core = None if self._core is None else self._core.request
        return self._aw, self._w, self._bready, self._ar, self._rready, core

    def _address_may_come(self, now: int) -> bool:
        transfer = self._waiting[1][0]
        skew = transfer.skew
        return not skew or skew > 0 or 0 <= transfer.data_offered <= now + skew

    def _data_may_come(self, now: int) -> bool:
        transfer = self._beats[0][1]
        skew = transfer.skew
        if not skew or skew < 0 or transfer.data_offered >= 0:
            return True
        return 0 <= transfer.offered <= now - skew

    def _offer(self, now: int, transfer: Transfer) -> DeviceAddress | None:
        if transfer.request is None:
            if transfer.offered < 0:
                transfer.offered = now
            return transfer.channel()
        if self._core is None:
            self._core = transfer
            transfer.offered = now
        return None
