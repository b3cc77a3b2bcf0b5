"""What the benches of single blocks share: configuration, seed, clock, reset, what must have happened."""

import json
import logging
import os
from collections import Counter

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from model.arch import UnitConfig

__all__ = ["CONFIG", "SEED", "assert_seen", "log", "reset", "start_clock"]

CONFIG = UnitConfig.from_mapping(json.loads(os.environ["VTD_CONFIG"]))
SEED = cocotb.RANDOM_SEED  # taken at import; inside a test it is a derived, unreplayable number
log = logging.getLogger("cocotb.tb")  # INFO is shown only below "cocotb"


def start_clock(dut) -> None:
    """Start the clock of a test."""
    Clock(dut.clk, 10, unit="ns").start()


async def reset(dut) -> None:
    """Hold reset for two clocks; the next edge ends the first clock without it."""
    dut.rst.value = 1
    await ClockCycles(dut.clk, 2)
    dut.rst.value = 0


def assert_seen(seen: Counter, at_least: dict[str, int]) -> None:
    """Fail when something that the run was for did not happen often enough."""
    log.info("%s", dict(seen))
    for what, wanted in at_least.items():
        assert seen[what] >= wanted, f"only {seen[what]} times {what}, not {wanted}"
