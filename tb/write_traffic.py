"""What is around the write path: a device, the core and the remapper that decide, a memory; and who drives it all."""

from collections import defaultdict, deque

from cocotb.triggers import ReadOnly, RisingEdge

from model.cycle.axi.ports import Address, DeviceAddress, WriteData, WriteResponse
from model.cycle.axi.write_path import Inputs, Interrupt, InterruptAnswer, WritePath
from model.cycle.request import Access, Attributes, Request
from rtl.axi.ports import refusal_layout
from rtl.axi.write_path import interrupt_answer_layout, interrupt_layout
from rtl.event_message import message_layout
from rtl.request import request_layout
from rtl.request_pipeline import issue_layout
from tb.axi_shell import Decider, Held, Sink, Source, Stability, random_address
from tb.bits import pack
from tb.block import CONFIG, SEED

__all__ = ["OWN_ID", "SLVERR", "Bench", "Traffic"]

OWN_ID = 1 << CONFIG.id_bits
SLVERR = 2
LONGEST = 40
ATOMIC = int(Access.ATOMIC)


class Bench:
    """Drives and samples the device under test, and steps the model beside it."""

    def __init__(self, dut, rng):
        self.dut, self.model, self.clocks = dut, WritePath(CONFIG), 0
        self.stability = Stability()
        self._aw = Source(dut, "s_axi__aw", DeviceAddress._fields, rng)
        self._w = Source(dut, "s_axi__w", WriteData._fields, rng)
        self._b = Source(dut, "m_axi__b", WriteResponse._fields, rng)
        self._sinks = [
            Sink(dut, "s_axi__b", WriteResponse),
            Sink(dut, "m_axi__aw", Address),
            Sink(dut, "m_axi__w", WriteData),
        ]

    def drive(self, i):
        dut = self.dut
        dut.rst.value = 0
        self._aw.drive(i.s_axi_aw)
        self._w.drive(i.s_axi_w)
        self._b.drive(i.m_axi_b)
        dut.s_axi__bready.value = i.s_axi_bready
        dut.m_axi__awready.value = i.m_axi_awready
        dut.m_axi__wready.value = i.m_axi_wready
        dut.writes__ready.value = i.writes_ready
        dut.issue_write.value = 0 if i.issue is None else pack(issue_layout(CONFIG), (1, *i.issue))
        dut.refusal__valid.value = i.refusal is not None
        dut.refusal__payload.value = pack(refusal_layout(CONFIG), i.refusal)
        dut.message__valid.value = i.message is not None
        dut.message__payload.value = pack(message_layout(), i.message)
        dut.core_write.value = i.core_write
        dut.interrupt__ready.value = i.interrupt_ready
        dut.interrupt_answer__valid.value = i.interrupt_answer is not None
        dut.interrupt_answer__payload.value = pack(interrupt_answer_layout(CONFIG), i.interrupt_answer)
        dut.translation_enable.value = i.translation_enable
        dut.pending.value = i.pending

    def sample(self):
        """Return all outputs: those of the model's Outputs, of its Effects, then what it is asked for."""
        dut = self.dut
        b, aw, w = (sink.sample() for sink in self._sinks)
        answered, sent = int(dut.answered_write.value), int(dut.sent_write.value)
        return (
            int(dut.s_axi__awready.value),
            int(dut.s_axi__wready.value),
            b,
            aw,
            w,
            int(dut.m_axi__bready.value),
            int(dut.write_space.value),
            int(dut.refusal__ready.value),
            answered >> 1 if answered & 1 else None,
            int(dut.message__ready.value),
            int(dut.interrupt__payload.value) if dut.interrupt__valid.value else None,
            int(dut.interrupt_answer__ready.value),
            sent >> 1 if sent & 1 else None,
            int(dut.answered_message.value),
            int(dut.writes__payload.value) if dut.writes__valid.value else None,
            int(dut.blocked_writes.value),
        )

    async def clock(self, i):
        """Play one clock, after its edge; return the model's outputs of it."""
        offered = self.model.offer()
        self.drive(i)
        await ReadOnly()
        writes, blocked = self.model.writes(i.translation_enable, i.pending), self.model.blocked_writes(i.pending)
        effects = self.model.step(i)
        actual = self.sample()
        packed = [
            None if value is None else pack(layout, value)
            for layout, value in ((request_layout(CONFIG), writes), (interrupt_layout(CONFIG), effects.interrupt))
        ]
        expected = (*offered, *effects._replace(interrupt=packed[1]), packed[0], blocked)
        assert actual == expected, f"clock {self.clocks}, {i}:\n{actual} !=\n{expected} (expected), seed {SEED}"
        self.stability.clock(
            s_axi_b=(offered.s_axi_b, i.s_axi_bready),
            m_axi_aw=(offered.m_axi_aw, i.m_axi_awready),
            m_axi_w=(offered.m_axi_w, i.m_axi_wready),
            writes=(writes, i.writes_ready),
            interrupt=(effects.interrupt, i.interrupt_ready),
        )
        self.clocks += 1
        return effects


class Device:
    """Offers AW and W, each on its own, and takes B; all it wrote is in `sent`: (AW, beats, whether an interrupt)."""

    def __init__(self, rng, stall, count, translation_enable):
        self._rng, self.left, self._translation_enable = rng, count, translation_enable
        self.aw, self.w = Held(rng, stall), Held(rng, stall)
        self.addresses, self._beats = deque(), deque()
        self.pauses = False
        self.sent, self.answers = [], defaultdict(list)

    def next_address(self):
        if not self.addresses:
            self._make()
        return self.addresses.popleft() if self.addresses else None

    def next_beat(self):
        if not self._beats and self._rng.random() < 0.5:
            self._make()
        return self._beats.popleft() if self._beats else None

    def _make(self):
        if not self.left or self.pauses:
            return
        address, is_interrupt = random_address(self._rng, CONFIG.id_bits, LONGEST), False
        if self._rng.random() < 0.5:
            address, is_interrupt = self._interrupt(address)
        self.addresses.append(address)
        self.add(address, is_interrupt)

    def add(self, address, is_interrupt=False):
        """Write to `address`, which may have come another way."""
        rng = self._rng
        self.left -= 1
        data, strobe = CONFIG.data_bits, CONFIG.data_bits // 8
        beats = []
        for n in range(address.len + 1):
            strobes = rng.getrandbits(strobe) | (0 if rng.random() < 0.4 else 0xF << address.addr % strobe // 4 * 4)
            beats.append(WriteData(rng.getrandbits(data), strobes, int(n == address.len)))
        self._beats.extend(beats)
        self.sent.append((address, beats, is_interrupt))

    def _interrupt(self, address):
        """Make an interrupt request of a request, or now and then something that is none by one field."""
        rng, has_pasid = self._rng, self._translation_enable
        address = address._replace(
            addr=0xFEE << 20 | rng.getrandbits(18) << 2,
            len=0,
            size=2,
            mmuatst=0,
            mmussidv=rng.getrandbits(1) & ~has_pasid,
        )
        if rng.random() < 0.6:
            return address, True
        wrong = [{"addr": address.addr ^ 1 << bit} for bit in (0, 1, 20, 31, 32, 63)]
        wrong += [{"len": 1}, {"size": 3}, {"size": 1}, {"mmuatst": 1}, *([{"mmussidv": 1}] if has_pasid else [])]
        return address._replace(**rng.choice(wrong)), False


class Remapper:
    """Takes interrupts while it has room, and answers them: in order per ID, once memory owes that nothing."""

    def __init__(self, rng, stall):
        self._rng = rng
        self.answer = Held(rng, stall)
        self.taken, self.answered, self._waiting = [], [], []

    @property
    def room(self):
        return len(self._waiting) < CONFIG.interrupts

    @property
    def pending(self):
        mask = 0
        for interrupt in self._waiting:
            mask |= 1 << interrupt.id
        return mask

    def take(self, interrupt, sent):
        self.taken.append((interrupt, sent))
        self._waiting.append(interrupt)

    def next_answer(self, owed):
        oldest = {}
        for interrupt in self._waiting:
            oldest.setdefault(interrupt.id, interrupt)
        ids = [id_ for id_ in oldest if not owed[id_]]
        return InterruptAnswer(self._rng.choice(ids), self._rng.getrandbits(1)) if ids else None

    def end(self, ready):
        answer = self.answer.clock(ready)
        if answer is not None:
            self.answered.append(answer)
            self._waiting.remove(next(interrupt for interrupt in self._waiting if interrupt.id == answer.id))


class Memory:
    """Takes AW and W, and answers bursts that are complete: in order per ID, else in any."""

    def __init__(self, rng, stall):
        self._rng = rng
        self.b = Held(rng, stall)
        self.addresses, self.words = [], []
        self._answered_words, self._open = 0, deque()
        self._complete = defaultdict(deque)
        self.responses = defaultdict(list)

    def take(self, address, word):
        if address is not None:
            self.addresses.append(address)
            self._open.append(address)
        if word is not None:
            self.words.append(word)
        while self._open and len(self.words) > self._answered_words + self._open[0].len:
            address = self._open.popleft()
            self._answered_words += address.len + 1
            self._complete[address.id].append(address)

    def next_answer(self):
        ids = [id_ for id_, queue in self._complete.items() if queue]
        if not ids:
            return None
        id_ = self._rng.choice(ids)
        self._complete[id_].popleft()
        answer = WriteResponse(id_, self._rng.getrandbits(2))
        self.responses[id_].append(answer)
        return answer


class Traffic:
    """A device, a memory, decisions, interrupts and messages, all at random; `stall` of their clocks are idle."""

    def __init__(self, bench, rng, stall, *, writes, messages, refuse=0.3):
        self.bench, self._rng, self._stall = bench, rng, stall
        self.translation_enable = rng.getrandbits(1)
        self.device, self.memory = Device(rng, stall, writes, self.translation_enable), Memory(rng, stall)
        self.decider, self.remapper = Decider(rng, stall, lambda _id: 0, refuse), Remapper(rng, stall)
        self.message, self.messages, self._messages_left = Held(rng, 0.8), [], messages
        self.data_sent = self.entered = self.of_core = self.held_back = self.own_answers = 0

    def _next_message(self):
        if not self._messages_left:
            return None
        self._messages_left -= 1
        self.messages.append((self._rng.getrandbits(62) << 2, self._rng.getrandbits(32)))
        return self.messages[-1]

    def _ready(self):
        return int(self._rng.random() >= self._stall)

    def _core_write(self, blocked):
        """Now and then let a write enter from elsewhere, when the device has nothing on its way that would be older."""
        device = self.device
        device.pauses |= self._rng.random() < 0.05
        address = random_address(self._rng, CONFIG.id_bits, 1)
        if not device.left or not device.pauses or self.entered < len(device.sent) or blocked >> address.id & 1:
            return 0
        device.pauses = False
        device.add(address)
        self.decider.take(Request(ATOMIC, 0, 0, 0, address.addr, address.id, Attributes(*address[2:9])))
        self.entered += 1
        self.of_core += 1
        return 1

    async def clock(self):
        bench, device, memory, remapper = self.bench, self.device, self.memory, self.remapper
        await RisingEdge(bench.dut.clk)
        offered, pending = bench.model.offer(), remapper.pending
        issue, refusal = self.decider.clock(offered.write_space, CONFIG.haw)
        core_write = self._core_write(bench.model.blocked_writes(pending))
        writes = bench.model.writes(self.translation_enable, pending)
        answer = remapper.answer.offer(lambda: remapper.next_answer(self.decider.owed))
        i = Inputs(
            device.aw.offer(device.next_address), device.w.offer(device.next_beat), self._ready(),
            self._ready(), self._ready(), memory.b.offer(memory.next_answer), 0 if core_write else self._ready(), issue,
            refusal, self.message.offer(self._next_message), core_write, int(remapper.room and self._ready()), answer,
            self.translation_enable, pending,
        )  # fmt: skip
        effects = await bench.clock(i)
        device.aw.clock(offered.s_axi_awready)
        device.w.clock(offered.s_axi_wready)
        memory.b.clock(offered.m_axi_bready)
        self.message.clock(effects.message_ready)
        memory.take(offered.m_axi_aw if i.m_axi_awready else None, offered.m_axi_w if i.m_axi_wready else None)
        self.data_sent += effects.sent is not None
        self.own_answers += effects.answered_message
        if i.writes_ready and writes is not None:
            self.decider.take(writes)
            self.entered += 1
        head = bench.model.requests.o
        self.held_back += head is not None and pending >> head.id & 1
        if i.interrupt_ready and effects.interrupt is not None:
            remapper.take(effects.interrupt, self.data_sent)
            self.entered += 1
        if i.s_axi_bready and offered.s_axi_b is not None:
            device.answers[offered.s_axi_b.id].append(offered.s_axi_b.resp)
        remapper.end(effects.interrupt_answer_ready)
        self.decider.end(offered.refusal_ready, effects.answered)

    def check(self):
        """Compare what memory, remapper and device got with what was sent and decided."""
        decided, sent, taken = iter(self.decider.decided), self.device.sent, iter(self.remapper.taken)
        forwarded, answers = [], defaultdict(list)
        responses = {id_: iter(found) for id_, found in self.memory.responses.items()}
        of_interrupts = defaultdict(deque)
        for answer in self.remapper.answered:
            of_interrupts[answer.id].append(0 if answer.okay else SLVERR)
        for address, beats, is_interrupt in sent:
            if is_interrupt:
                self._check_interrupt(address, beats[0], *next(taken), len(forwarded))
                answers[address.id].append(of_interrupts[address.id].popleft())
                continue
            request, refusal = next(decided)
            assert (request.id, request.address, request.attributes) == (address.id, address.addr, address[2:9])
            if refusal is None:
                forwarded.append((request, beats))
                answers[request.id].append(next(responses[request.id]).resp)
            else:
                answers[request.id].append(0 if refusal.okay else SLVERR)
        assert [*decided, *taken] == []
        assert self.device.answers == answers  # so B of an ID come in the order of AW, whatever they answer
        assert self.own_answers == len(self.memory.responses[OWN_ID])
        self._check_memory(iter(forwarded), iter(self.messages))

    def _check_interrupt(self, address, beat, interrupt, data_sent, forwarded):
        """What came to the remapper is what was sent, when all older data and nothing younger had left."""
        lane = address.addr % (CONFIG.data_bits // 8) // 4
        word, whole = beat.data >> 32 * lane & 0xFFFF_FFFF, int(beat.strb >> 4 * lane & 0xF == 0xF)
        assert interrupt == Interrupt(address.mmusid, address.id, address.addr, word, whole)
        assert data_sent == forwarded

    def _check_memory(self, forwarded, messages):
        words = iter(self.memory.words)
        for address in self.memory.addresses:
            if address.id == OWN_ID:
                place, data = next(messages)
                assert address == Address(OWN_ID, place, 0, 2, 1, 0, 2, 0, 0)
                word, first = next(words), place % (CONFIG.data_bits // 8)
                assert (word.strb, word.data >> first * 8 & 0xFFFF_FFFF, word.last) == (0xF << first, data, 1)
            else:
                request, beats = next(forwarded)
                assert (address.id, address[2:]) == (request.id, request.attributes)
                assert [next(words) for _ in beats] == beats
        assert [*forwarded, *messages, *words] == []
