"""Units that are broken on purpose: random runs of the model alone find each of them."""

from functools import partial
from typing import Any

import pytest

from model.arch.config import PRESETS
from model.cycle import request_pipeline
from model.cycle.unit import Inputs, Outputs, Unit
from tb.check import CheckFailed
from tb.jobs.regress import run_on_model
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit
from tests.tb.broken_units import (
    Break,
    broken,
    iotlb_keeps_older,
    large_page_kept,
    pipeline_not_counted,
    slots_not_counted,
    tables_always_kept,
    walker_keeps_older,
)
from tests.tb.readable import assert_readable

CYCLES = 8_000
SEEDS = range(4)


class Compared(WatchedUnit):
    """A right unit beside a broken one, as RTL and model in lockstep: CheckFailed when their outputs differ."""

    def __init__(self, config: Any, change: Break) -> None:
        self._clock = 0
        self._broken = broken(config, change)
        super().__init__(config)

    def step(self, inputs: Inputs) -> Outputs:
        """Advance both."""
        outputs = super().step(inputs)
        self._clock += 1
        if outputs != self._broken.step(inputs):
            raise CheckFailed(f"clock {self._clock}: outputs differ")
        return outputs


def fpd_ignored_on_hit(unit: Unit) -> None:
    """A fault of a request that hits in the IOTLB is recorded whatever FPD says."""
    _on_hit(unit, lambda request, translation, verdict: verdict._replace(suppressed=0))


def interrupt_range_open_on_hit(unit: Unit) -> None:
    """A request that hits in the IOTLB may go into the interrupt range."""

    def pass_on(request: Any, translation: Any, verdict: Any) -> Any:
        if verdict.fault_reason != request_pipeline.OUTPUT_IN_INTERRUPT_RANGE:
            return verdict
        within = request_pipeline.WITHIN[translation.level]
        return request_pipeline.Verdict(address=translation.page << 12 & ~within | request.address & within)

    _on_hit(unit, pass_on)


def _on_hit(unit: Unit, change: Any) -> None:
    """Change what is decided of a request that hits in the IOTLB."""
    pipeline = unit.pipeline
    right = pipeline._translated

    def translated(request: Any, translation: Any) -> Any:
        verdict = right(request, translation)
        assert pipeline.deciding is not None
        return verdict if pipeline.deciding.result is not None else change(request, translation, verdict)

    pipeline._translated = translated


def prefix_ignored(unit: Unit) -> None:
    """A table found serves every address of its domain."""
    tables = unit.tables

    def find(domain_id: int, page: int) -> Any:
        known = [entry.table for entry in tables.entries if entry and entry.domain_id == domain_id]
        return min(known, default=None)

    tables.find = find


def large_page_found_at_one_page(unit: Unit) -> None:
    """A large page is found for no page but that for which it was kept: others walk, and get the right answer."""
    iotlb = unit.iotlb
    right = iotlb._match

    def match(source_id: int, page: int, replaced: int) -> Any:
        for number, entry in enumerate(iotlb.entries):
            if entry is None or entry.page != page:
                replaced |= 1 << number
        return right(source_id, page, replaced)

    iotlb._match = match


WRONG = [
    slots_not_counted,
    pipeline_not_counted,
    fpd_ignored_on_hit,
    interrupt_range_open_on_hit,
    iotlb_keeps_older,
    walker_keeps_older,
    tables_always_kept,
    large_page_kept,
    prefix_ignored,
]
ONLY_SLOWER = [large_page_found_at_one_page]  # only lockstep can see it


def is_caught(unit: WatchedUnit, seed: int) -> bool:
    try:
        run_on_model(Testbench(unit.config, seed), CYCLES, unit)
    except CheckFailed as error:
        assert_readable(str(error))
        return True
    return False


@pytest.mark.parametrize("change", [*WRONG, *ONLY_SLOWER], ids=lambda change: change.__name__)
def test_broken_unit_is_caught(change):
    make = Compared if change in ONLY_SLOWER else partial(broken, kind=WatchedUnit)
    assert any(is_caught(make(PRESETS["small"], change), seed) for seed in SEEDS)
