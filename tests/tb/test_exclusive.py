"""Exclusive accesses to the memory of the benches: what a reservation is, and what breaks it."""

import random

import pytest

from model.cycle.axi.ports import Address, WriteData
from tb.axi_memory import AxiMemory
from tb.memory import Memory

PLACE, FULL = 0x1040, 0xFFFF
OKAY, EXOKAY = 0, 1
OLD, NEW = 0x11, 0x22


class Port:
    """A manager of a memory with exclusive accesses that does one thing at a time."""

    def __init__(self) -> None:
        self.image = Memory()
        self.image.write(PLACE, 64, OLD)
        self.memory = AxiMemory(16, random.Random(1), self.image)
        self.memory.exclusive = True
        self.now = 0

    def clock(self, aw=None, w=None, ar=None) -> tuple:
        _, _, b, _, r = self.memory.give(self.now)
        self.memory.take(self.now, aw, w, 1, ar, 1)
        self.now += 1
        return b, r

    def read(self, *, id=3, lock=1, place=PLACE, beats=4) -> list[int]:
        answers = [self.clock(ar=Address(id, place, beats - 1, 4, lock=lock))]
        while sum(r is not None for _, r in answers) < beats:
            answers.append(self.clock())
        return [r.resp for _, r in answers if r is not None]

    def write(self, *, id=3, lock=1, place=PLACE, beats=4, between=lambda: None) -> int:
        for beat in range(beats):
            aw = Address(id, place, beats - 1, 4, lock=lock) if beat == 0 else None
            self.clock(aw, WriteData(NEW if beat == 0 else 0, FULL, int(beat == beats - 1)))
            if beat == 1:
                between()
        while (b := self.clock()[0]) is None:
            pass
        return b.resp

    @property
    def held(self) -> int:
        return self.image.read(PLACE, 64)


def test_pair():
    port = Port()
    assert port.read() == [EXOKAY] * 4
    assert (port.write(), port.held) == (EXOKAY, NEW)


def test_once():
    port = Port()
    port.read()
    port.write()
    assert port.write() == OKAY


def test_without_reservation():
    port = Port()
    assert (port.write(), port.held) == (OKAY, OLD)


def test_plain_read_reserves_nothing():
    port = Port()
    assert port.read(lock=0) == [OKAY] * 4
    assert (port.write(), port.held) == (OKAY, OLD)


@pytest.mark.parametrize("change", [{"id": 4}, {"place": PLACE + 64}, {"beats": 2}])
def test_only_what_was_read(change):
    port = Port()
    port.read()
    assert (port.write(**change), port.held) == (OKAY, OLD)


@pytest.mark.parametrize(("id", "place", "breaks"), [(3, 0x1070, True), (5, 0x1040, True), (5, 0x1030, False)])
@pytest.mark.parametrize("beats", [1])
def test_write_in_between(id, place, breaks, beats):
    port = Port()
    port.read()
    assert port.write(id=id, lock=0, place=place, beats=beats) == OKAY
    assert port.write() == (OKAY if breaks else EXOKAY)


@pytest.mark.parametrize(("place", "breaks"), [(0x103F, False), (0x1040, True), (0x107F, True), (0x1080, False)])
def test_software_in_between(place, breaks):
    port = Port()
    port.read()
    port.image.write(place, 1, 0)
    assert port.write() == (OKAY if breaks else EXOKAY)


def test_software_between_the_beats():
    """All or nothing."""
    port = Port()
    port.read()
    assert port.write(between=lambda: port.image.write(PLACE + 63, 1, 7)) == OKAY
    assert port.held == OLD | 7 << 504


def test_another_masters_pair_wins():
    port = Port()
    port.read(id=3)
    port.read(id=4)
    assert (port.write(id=4), port.write(id=3)) == (EXOKAY, OKAY)


def test_memory_without_exclusives_stores_and_says_okay():
    port = Port()
    port.memory.exclusive = False
    assert port.read() == [OKAY] * 4
    assert (port.write(), port.held) == (OKAY, NEW)
