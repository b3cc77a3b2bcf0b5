"""Random software switches the invalidation queue, and makes and repairs errors in it."""

from model.arch.encodings import DescriptorType, IqeiCode
from model.arch.registers import FSTS, GSTS, ICS, IQA, IQERCD, IQH, IQT
from model.arch.structures import CONTEXT_CACHE_INV, INV_WAIT, IOTLB_INV
from tb.check import CheckFailed
from tb.possible import PageScope
from tb.software.invalidation import InvalidatingSoftware
from tb.software.registers import Steps

__all__ = ["QueueSoftware"]

DW, QS = IQA["DW"].mask, 0


class QueueSoftware(InvalidatingSoftware):
    """One page of descriptors, of 128 or 256 bits."""

    def _switch_queue(self) -> Steps:
        """Queue off if it is on, and on again now and then; 256-bit descriptors where there is abort mode."""
        rng = self.rng
        yield from self._settle()
        mask = GSTS["QIES"].mask
        if self._queue_on:
            yield from self._global_command(QIE=False)
            yield from self._poll(GSTS, mask, 0)
            self._queue_on = False
            if (head := (yield from self.read(IQH))) != 0:
                raise CheckFailed(f"clock {self.bench.now}: IQH is {head:#x}, and not 0 with the queue off")
            if rng.random() < 0.5 and self.config.version_major <= 5:
                return
        self._wide = self.config.adms and rng.random() < 0.5
        self._tail = 0
        yield from self.write(IQT, 0)
        yield from self.write(IQA, self._queue_base | (DW if self._wide else 0) | QS)
        yield from self._global_command(QIE=True)
        yield from self._poll(GSTS, mask, mask)
        self._queue_on = True

    def _wait_with_event(self) -> Steps:
        """A wait descriptor that only reports by event."""
        if not self._queue_on:
            return
        yield from self._settle()
        yield from self.write(ICS, ICS["IWC"].mask)
        self._put(INV_WAIT.pack(TYPE_LO=DescriptorType.WAIT, IF=1, FN=self.rng.getrandbits(1)))
        yield from self.write(IQT, self._tail)
        yield from self._poll(ICS, ICS["IWC"].mask, ICS["IWC"].mask)
        if self.rng.random() < 0.7:
            yield from self.write(ICS, ICS["IWC"].mask)

    def _queue_error(self) -> Steps:
        """A descriptor that is wrong, then the repair: it is replaced and the error cleared."""
        if not self._queue_on:
            return
        yield from self._settle()
        rng = self.rng
        kind = rng.randrange(5 if self._wide or not self.config.adms else 4)
        tail, place = self._tail, self._queue_base + self._tail
        if kind == 4:
            yield from self._wrong_tail()
            return
        descriptor, code = self._wrong_descriptor(kind)
        self._put(descriptor & (1 << 128) - 1)
        if descriptor >> 128:
            self.words.store(place + 16, descriptor >> 128)
        if kind == 3:
            self.words.store(place, None)
        if rng.random() < 0.7:
            yield from self._submit([])
        else:
            yield from self.write(IQT, self._tail)
        yield from self._expect_queue_error(code)
        if (head := (yield from self.read(IQH))) != tail:
            raise CheckFailed(f"clock {self.bench.now}: IQH is {head:#x}, and not {tail:#x}, where the error is")
        yield from self._pause(rng.choice((0, 100)))
        self.words.store(place, self._page_command(PageScope()).descriptor)
        if self._wide:
            self.words.store(place + 16, 0)
        yield from self._clear_queue_error()
        yield from self._submit([])
        yield from self._settle()

    def _wrong_descriptor(self, kind: int) -> tuple[int, IqeiCode]:
        rng, config = self.rng, self.config
        structures = {CONTEXT_CACHE_INV: {"G": 1}, IOTLB_INV: {"G": 1}, INV_WAIT: {}}
        types = {CONTEXT_CACHE_INV: DescriptorType.CONTEXT_CACHE, IOTLB_INV: DescriptorType.IOTLB}
        if kind == 0:
            wrong = rng.choice(
                [number for number in range(128) if number not in (1, 2, *((4,) if config.ir else ()), 5)]
            )
            return INV_WAIT.pack(TYPE_LO=wrong & 15, TYPE_HI=wrong >> 4), IqeiCode.INVALID_TYPE
        if kind == 1:
            structure = rng.choice((CONTEXT_CACHE_INV, IOTLB_INV))
            return structure.pack(TYPE_LO=types[structure], DID=rng.getrandbits(16)), IqeiCode.INVALID_TYPE
        if kind == 2:
            structure = rng.choice(list(structures))
            mask = config.reserved_mask(structure) & (1 << (256 if self._wide else 128)) - 1
            bit = rng.choice([bit for bit in range(mask.bit_length()) if mask >> bit & 1])
            value = structure.pack(TYPE_LO=types.get(structure, DescriptorType.WAIT), **structures[structure])
            return value | 1 << bit, IqeiCode.RESERVED_BITS
        return 0, IqeiCode.FETCH_ERROR

    def _wrong_tail(self) -> Steps:
        """A tail beyond the queue, or not a multiple of a descriptor."""
        misaligned = self._wide and self.rng.random() < 0.5
        tail = self._tail + 16 if misaligned else 4096 + self.rng.getrandbits(6) * 32
        yield from self.write(IQT, tail)
        yield from self._expect_queue_error(IqeiCode.TAIL_NOT_ALIGNED if misaligned else IqeiCode.TAIL_BEYOND_QUEUE)
        yield from self.write(IQT, self._tail)
        yield from self._clear_queue_error()

    def _expect_queue_error(self, code: IqeiCode) -> Steps:
        yield from self._poll(FSTS, FSTS["IQE"].mask, FSTS["IQE"].mask)
        seen = IQERCD["IQEI"].of((yield from self.read(IQERCD)))
        if seen != code:
            raise CheckFailed(f"clock {self.bench.now}: IQERCD.IQEI is {seen}, and not {code:d} ({code.name})")
        self.coverage[f"queue error: {code.name}"] += 1

    def _clear_queue_error(self) -> Steps:
        yield from self.write(FSTS, FSTS["IQE"].mask)
