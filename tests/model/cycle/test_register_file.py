"""The clock-accurate register file against the reference model, which has no time.

Both get the same accesses, faults and completed wait descriptors, with enough clocks in between that all is done;
then every register reads the same, and the same messages have left.
"""

from random import Random

import pytest

from model.arch import PRESETS, REGISTERS, UnitConfig
from model.arch.encodings import IqeiCode, TableMode
from model.arch.registers import CCMD, FECTL, FRCD, FSTS, GCMD, ICS, IECTL, IOTLB, IQA, IQT, IVA, PMEN, RTADDR, VER
from model.arch.structures import INV_WAIT
from model.cycle.fault_recorder import Record
from model.cycle.register_file import Queue, RegisterAccess, RegisterFile
from model.cycle.request import Access
from model.reference import Unit
from model.reference.memory import Memory
from model.reference.remap import interrupt_index
from model.reference.types import AddressType, DmaAccess, DmaRequest, InterruptRequest

CLOCKS_BETWEEN = 40  # more than any command takes when every drain is over at once
STEPS = 400
# What starts, reports or clears something is written more often.
OFTEN = (GCMD, GCMD, GCMD, FSTS, FECTL, RTADDR, CCMD, IOTLB, IVA, IQT, IQA, ICS, IECTL, PMEN)
ACCESSES = {
    DmaAccess.READ: Access.READ,
    DmaAccess.WRITE: Access.WRITE,
    DmaAccess.ATOMIC: Access.ATOMIC,
    DmaAccess.ZERO_LENGTH_READ: Access.ZERO_LENGTH_READ,
}
CONFIGS = {
    **PRESETS,
    "no interrupts": UnitConfig(ir=False, eim=False, pi=False),
    "no queue": UnitConfig(qi=False, ir=False, eim=False, pi=False),
    "version 6": UnitConfig(version_major=6, sagaw=(), adms=True),
    "version 1": UnitConfig(version_major=1, dwd=False, drd=False, rwbf=True, cm=True, sagaw=(39,), haw=39, mgaw=39),
    "no protected memory": UnitConfig(plmr=False, phmr=False, eim=False),
    "low region": UnitConfig(phmr=False, protected_memory_shift=12, esrtps=False),
    "high region": UnitConfig(plmr=False, protected_memory_shift=31, haw=52),
    "one record": UnitConfig(nfr=1, psi=False, adms=True),
    "many records": UnitConfig(nfr=37, fro=0x300, iro=0x100, collapse_faults=True),
    "required": UnitConfig(eimer=True, irreq=True, mamv=9, esirtps=False, nfr=2),
}


class QuickUnit:
    """The register file in front of a drain engine that is done at once and of a queue that only finds errors."""

    def __init__(self, config: UnitConfig) -> None:
        self.config = config
        self.registers = RegisterFile(config)
        self.messages: list[tuple[int, int]] = []
        self._done = 0
        self._queue_stopped = False

    def clock(self, access: RegisterAccess | None = None, record: Record | None = None) -> None:
        registers = self.registers
        for message in (registers.fault_message, registers.completion_message):
            if message is not None:
                self.messages.append(tuple(message))
        accepted = registers.drain is not None
        registers.step(access, 0, self._queue_error(), 0, record, 1, self._done, 1, 1)
        self._done = int(accepted)

    def wait_completed(self) -> None:
        self.registers.step(None, 0, None, 1, None, 1, 0, 1, 1)

    def settle(self) -> None:
        for _ in range(CLOCKS_BETWEEN):
            self.clock()

    def read(self, word: int) -> int:
        self.clock(RegisterAccess(0, word))
        return self.registers.read_data

    def _queue_error(self) -> int | None:
        """Every descriptor is all zeros, which is no descriptor. Rules 16.1, 16.3, 28.5."""
        queue = self.registers.queue
        if not queue.enable or not queue.tail or self.registers.iqe:
            self._queue_stopped = False
        elif not self._queue_stopped:
            self._queue_stopped = True
            return self._code(queue, TableMode(self.registers.table_mode))
        return None

    def _code(self, queue: Queue, mode: TableMode) -> int:
        abort = mode is TableMode.ABORT_DMA and self.config.adms
        if queue.tail >= 4096 << queue.size:
            return IqeiCode.TAIL_BEYOND_QUEUE
        if queue.wide and queue.tail % 32:
            return IqeiCode.TAIL_NOT_ALIGNED
        if (queue.wide and not self.config.adms) or (abort and not queue.wide):
            return IqeiCode.INVALID_WIDTH
        return IqeiCode.INVALID_TYPE if abort or mode is TableMode.LEGACY else IqeiCode.INVALID_TABLE_MODE


class Both:
    """Does everything to both models."""

    def __init__(self, config: UnitConfig, seed: int) -> None:
        self.config = config
        self.rng = Random(seed)
        self.reference = Unit(config, Memory())
        self.cycle = QuickUnit(config)
        self.lanes = {
            config.register_offset(register) + number * register.stride + byte: (register, byte * 8)
            for register in filter(config.register_exists, REGISTERS)
            for number in range(config.nfr if register is FRCD else 1)
            for byte in range(0, register.width // 8, 4)
        }
        self.words = sorted({offset & ~7 for offset in self.lanes} | {0x048, 0xFF8})
        often = [offset for offset, (register, _) in self.lanes.items() if register in OFTEN]
        self.places = [*self.lanes, *(often * 3), 0xFFC]
        self.recorded = 0

    def write(self) -> None:
        """Software writes 4 or 8 bytes somewhere."""
        place = self.rng.choice(self.places)
        size = self.rng.choice((4, 8))
        place &= -size
        value = self._lane(place) | (self._lane(place + 4) << 32 if size == 8 else 0)
        self.reference.write_register(place, value, size)
        strobe = 0xFF if size == 8 else 0xF << place % 8
        self.cycle.clock(RegisterAccess(1, place & ~7, value << place % 8 * 8, strobe))

    def _lane(self, offset: int) -> int:
        register, lsb = self.lanes.get(offset, (VER, 0))
        value = self.rng.choice((self.rng.getrandbits(128), self.rng.getrandbits(128), 0, (1 << 128) - 1))
        if register is RTADDR and self.rng.random() < 0.7:
            value &= ~RTADDR["TTM"].mask
        if register is IQT and self.rng.random() < 0.4:
            value = 0
        return value >> lsb & 0xFFFFFFFF

    def service(self) -> None:
        """Software clears all records and status bits and unmasks the events."""
        frcd = self.config.register_offset(FRCD)
        writes = [(frcd + number * FRCD.stride + 12, 1 << 31) for number in range(self.config.nfr)]
        writes += [(FSTS.offset, 0xFF), (FECTL.offset, 0)]
        writes += [(ICS.offset, 1), (IECTL.offset, 0)] * self.config.qi
        for offset, value in writes:
            self.reference.write_register(offset, value)
            self.cycle.clock(RegisterAccess(1, offset & ~7, value << offset % 8 * 8, 0xF << offset % 8))

    def dma(self) -> None:
        """A device asks for memory; most often there is no root-entry."""
        rng = self.rng
        access = rng.choice(list(ACCESSES))
        kind = rng.choice((AddressType.UNTRANSLATED, AddressType.TRANSLATION_REQUEST, AddressType.TRANSLATED))
        address = rng.choice((rng.getrandbits(64), 0xFEE << 20)) & -16
        request = DmaRequest(rng.choice((5, rng.getrandbits(16))), address, access, 4, address_type=kind)
        condition = self.reference.dma(request).condition
        if condition is not None:
            # An untranslated request to the interrupt range is recorded as an interrupt (rule 28.2).
            is_interrupt = int(condition.name == "IR.29")
            self._record(
                Record(condition.reason, request.source_id, address, ACCESSES[access], kind.value, is_interrupt)
            )

    def interrupt(self) -> None:
        """A device sends an interrupt; no entry is present."""
        request = InterruptRequest(
            self.rng.getrandbits(16), 0xFEE << 20 | self.rng.getrandbits(20), self.rng.getrandbits(32)
        )
        condition = self.reference.interrupt(request).condition
        if condition is not None:
            index = interrupt_index(request)
            rest = self.rng.getrandbits(48)
            self._record(Record(condition.reason, request.source_id, (index & 0xFFFF) << 48 | rest, 0, 0, 1))

    def _record(self, record: Record) -> None:
        self.recorded += 1
        self.cycle.clock(record=record)

    def wait(self) -> None:
        """A wait descriptor with IF = 1 completes."""
        if self.config.qi:
            self.reference._queue._wait(INV_WAIT.pack(IF=1))
            self.cycle.wait_completed()

    def compare(self) -> None:
        """Every word reads the same, and the same messages have left."""
        for word in self.words:
            actual, expected = self.cycle.read(word), self.reference.read_register(word, 8)
            assert actual == expected, f"{word:#05x}: {actual:#018x} != {expected:#018x} (expected)"
        assert self.cycle.messages == [(message.address, message.data) for message in self.reference.messages]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_registers_read_as_in_the_reference(config):
    both = Both(config, seed=config.nfr)
    both.compare()
    actions = [both.write] * 16 + [both.service, both.wait]
    actions += [both.dma, both.interrupt] * 4
    for _ in range(STEPS):
        both.rng.choice(actions)()
        both.cycle.settle()
        both.compare()
    assert both.recorded >= 10
    assert len(both.cycle.messages) >= 5
