"""A unit that answers as model/reference does, in no particular time: for tests of the replay on a simulated unit."""

from collections import deque

from model.arch.axi import Response, Size
from model.arch.encodings import INTERRUPT_PREFIX
from model.arch.registers import PUSHING_OFFSETS
from model.arch.sizes import MEMORY_DATA_BITS
from model.cycle.axi.ports import Address, LiteRead, ReadData, WriteData, WriteResponse
from model.cycle.request import Access
from model.cycle.unit import Outputs
from model.reference import DmaAccess, DmaRequest, InterruptRequest, Memory, Unit
from tb.testbench import Testbench

ACCESSES = {
    Access.READ: DmaAccess.READ,
    Access.WRITE: DmaAccess.WRITE,
    Access.ATOMIC: DmaAccess.ATOMIC,
    Access.ZERO_LENGTH_READ: DmaAccess.ZERO_LENGTH_READ,
}

BEAT_BYTES = MEMORY_DATA_BITS // 8


class _PostingMemory(Memory):
    """Reads what the bench holds; a write goes out over the bus."""

    def __init__(self, memory: Memory, write) -> None:
        super().__init__()
        self._words = memory._words
        self._write = write

    def write(self, address: int, size: int, value: int) -> None:
        self._write(address, size, value)


class UntimedUnit:
    """`step` as model.cycle.unit.Unit has it. Subclasses break one thing each."""

    invalidations = faults = 0

    def __init__(self, bench: Testbench) -> None:
        self._bench = bench
        self._own = 1 << bench.config.id_bits
        self._data_bytes = bench.config.data_bits // 8
        self.reference = Unit(bench.config, _PostingMemory(bench.memory, self.write_memory))
        self._reset()

    def _reset(self) -> None:
        self.reference.reset()
        self._queues = {name: deque() for name in Outputs._fields if not name.endswith("ready")}
        self._lite_aw = self._lite_w = None
        self._messages_sent = self._messages_arrived = 0
        self._read: tuple[LiteRead, int] | None = None  # the messages that must have arrived before it is answered
        self._waiting: tuple[deque, deque] = (deque(), deque())  # reads, writes
        self._busy = [False, False]
        self._held: deque[WriteData] = deque()

    # What a subclass may break

    def read_register(self, offset: int) -> int:
        return self.reference.read_register(offset, 8)

    def write_register(self, offset: int, size: int, value: int) -> None:
        self.reference.write_register(offset, value, size)

    def write_memory(self, address: int, size: int, value: int) -> None:
        if size > BEAT_BYTES:
            beats = size // BEAT_BYTES
            self._queues["m_axi_mem_aw"].append(Address(0, address, beats - 1, Size.OCTAWORD))
            for beat in range(beats):
                data = value >> beat * BEAT_BYTES * 8 & (1 << BEAT_BYTES * 8) - 1
                self._queues["m_axi_mem_w"].append(WriteData(data, (1 << BEAT_BYTES) - 1, int(beat == beats - 1)))
            return
        lane = address % BEAT_BYTES
        self._queues["m_axi_mem_aw"].append(Address(0, address, 0, Size.DWORD))
        self._queues["m_axi_mem_w"].append(WriteData(value << lane * 8, (1 << size) - 1 << lane, 1))

    def send(self, message) -> None:
        self._messages_sent += 1
        address, lane = Address(self._own, message.address, 0, Size.DWORD), message.address % self._data_bytes
        self._queues["m_axi_aw"].append(address)
        self._queues["m_axi_w"].append(WriteData(message.data << lane * 8, 0xF << lane, 1))

    def dma(self, request: DmaRequest):
        """Return whether it is permitted, and the address or None."""
        result = self.reference.dma(request)
        return result.permitted, result.address

    def interrupt(self, request: InterruptRequest):
        """Return whether it is permitted, and the message or None."""
        result = self.reference.interrupt(request)
        return result.permitted, result.message

    # The bus

    def step(self, inputs) -> Outputs:
        if inputs.reset:
            self._reset()
            return Outputs(*(None if name in self._queues else 0 for name in Outputs._fields))
        queues = self._queues
        shown = Outputs(
            *((queues[name][0] if queues[name] else None) if name in queues else 1 for name in Outputs._fields)
        )
        for name, queue in queues.items():
            ready = getattr(inputs, name.removesuffix("_b") + "_bready" if name.endswith("_b") else name + "ready")
            if queue and ready:
                queue.popleft()
        self._lite(inputs)
        self._requests(inputs)
        for message in self.reference.messages:
            self.send(message)
        self.reference.messages.clear()
        return shown

    def _lite(self, inputs) -> None:
        if inputs.s_axil_aw is not None:
            self._lite_aw = inputs.s_axil_aw
        if inputs.s_axil_w is not None:
            self._lite_w = inputs.s_axil_w
        if self._lite_aw is not None and self._lite_w is not None:
            data, strobe = self._lite_w
            lane = (strobe & -strobe).bit_length() - 1
            size = strobe.bit_count()
            value = data >> lane * 8 & (1 << size * 8) - 1
            self.write_register(self._lite_aw + lane, size, value)
            self._queues["s_axil_b"].append(0)
            self._lite_aw = self._lite_w = None
        if inputs.s_axil_ar is not None:
            messages = self._messages_sent if inputs.s_axil_ar in PUSHING_OFFSETS else 0
            self._read = LiteRead(self.read_register(inputs.s_axil_ar), 0), messages
        if inputs.m_axi_b is not None and inputs.m_axi_b.id & self._own:
            self._messages_arrived += 1
        if self._read is not None and self._messages_arrived >= self._read[1]:
            self._queues["s_axil_r"].append(self._read[0])
            self._read = None

    def _requests(self, inputs) -> None:
        for channel, access in ((inputs.s_axi_ar, DmaAccess.READ), (inputs.s_axi_aw, DmaAccess.WRITE)):
            if channel is not None:
                pasid = channel.mmussid if channel.mmussidv else None
                request = DmaRequest(channel.mmusid, channel.addr, access, pasid=pasid)
                self._waiting[access is DmaAccess.WRITE].append((request, Address(*channel[:9])))
        if inputs.core is not None:
            core = inputs.core
            request = DmaRequest(core.source_id, core.address, ACCESSES[core.access])
            address = Address(core.id, core.address, *core.attributes)
            self._waiting[core.access == Access.ATOMIC].append((request, address))
        if inputs.s_axi_w is not None:
            self._held.append(inputs.s_axi_w)
        if inputs.m_axi_b is not None and not inputs.m_axi_b.id & self._own:
            self._queues["s_axi_b"].append(inputs.m_axi_b)
            self._busy[1] = False
        if inputs.m_axi_r is not None and self._busy[0]:
            self._queues["s_axi_r"].append(inputs.m_axi_r)
            self._busy[0] = not inputs.m_axi_r.last
        for write in (0, 1):
            if self._waiting[write] and not self._busy[write]:
                self._answer(write, *self._waiting[write][0])

    def _answer(self, write: int, request: DmaRequest, address: Address) -> None:
        """Answer the oldest request of a direction; a write once all its data are there."""
        if write and len(self._held) <= address.len:
            return
        self._waiting[write].popleft()
        if write and (address.len, address.size, address.addr >> 20) == (0, Size.DWORD, INTERRUPT_PREFIX):
            self._answer_interrupt(request, address, self._held.popleft())
            return
        permitted, place = self.dma(request)
        forwarded = permitted and place is not None
        beats = [self._held.popleft() for _ in range(address.len + 1)] if write else []
        if forwarded:
            self._busy[write] = True
            self._queues["m_axi_aw" if write else "m_axi_ar"].append(address._replace(addr=place))
            self._queues["m_axi_w"].extend(beats)
            return
        response = Response.OKAY if permitted else Response.SLVERR
        if write:
            self._queues["s_axi_b"].append(WriteResponse(address.id, response))
        else:
            for beat in range(address.len + 1):
                self._queues["s_axi_r"].append(ReadData(address.id, 0, response, int(beat == address.len)))

    def _answer_interrupt(self, request: DmaRequest, address: Address, beat: WriteData) -> None:
        data = beat.data >> address.addr % self._data_bytes * 8 & 0xFFFFFFFF
        permitted, message = self.interrupt(InterruptRequest(request.source_id, address.addr, data))
        if message is not None:
            self.send(message)
        self._queues["s_axi_b"].append(WriteResponse(address.id, Response.OKAY if permitted else Response.SLVERR))
