"""The figures of `vtd bench` in clocks: exact, so every run gives the same ones."""

import pytest

from model.arch.config import PRESETS
from sim.bench import unit_clocks

# Name of a row -> its value with the default configuration.
FIGURES = {
    "IOTLB hit, read": 4,
    "IOTLB hit, write": 4,
    "sustained rate: reads, one page": 1,
    "sustained rate: writes, one page": 1,
    "sustained rate: reads, all pages of a full IOTLB": 1,
    "sustained rate: reads and writes, full IOTLB, 8 source-ids": 1,
    "hits of other IDs while 8 walks wait": 1,
    "cold miss, R = 7, L = 1": 35,
    "cold miss, R = 7, L = 10": 98,
    "cold miss, R = 7, L = 50": 378,
    "cold miss, R = 7, L = 200": 1428,
    "new page next to a known one, L = 1": 11,
    "new page next to a known one, L = 10": 20,
    "new page next to a known one, L = 50": 60,
    "new page next to a known one, L = 200": 210,
    "refusal, cached, write": 7,
    "refusal, cached, read": 6,
    "cache invalidation, once drained": 3,
    "reads and writes both always waiting": 0.5,
    "interrupt, IEC hit": 6,
    "interrupt, IEC miss, L = 1": 10,
    "interrupt, IEC miss, L = 200": 209,
    "posted interrupt, IEC hit, L = 1": 18,
    "posted interrupt, IEC hit, L = 200": 416,
    "DMA hits while interrupts stream": 1,
}


@pytest.mark.parametrize("preset", ["default", "small"])
def test_every_limit_is_met(preset: str) -> None:
    rows = unit_clocks(PRESETS[preset], "verilator")
    assert len(rows) == 32
    assert not [row for row in rows if not row.met]
    if preset == "default":
        values = {row.name: row.value for row in rows}
        assert {name: values[name] for name in FIGURES} == FIGURES
