"""What the caches of the unit's clock-accurate model do in a replay: looked at while it runs on the model alone."""

from collections import Counter

import pytest

from model.arch import UnitConfig
from model.cycle import unit as unit_module
from model.cycle.interrupt_remapper import InterruptRemapper
from model.cycle.request import Parking
from model.cycle.unit import Unit
from model.cycle.walk_step import Walk
from model.cycle.walker import Walker
from sim.configuration import with_sizes
from sim.recording import Recording
from sim.replay import config_of
from tb.jobs import replay as replay_job
from tb.players import play_model
from tb.testbench import Testbench

INTERRUPT_RANGE = 0xFEE


def lockstep_counts(
    monkeypatch: pytest.MonkeyPatch,
    recording: Recording,
    sizes: UnitConfig,
    *,
    in_flight: int,
    limit: int | None = None,
) -> Counter[str]:
    """Replay a recording on the model of the unit, with so many requests at the same time, and count."""
    counts: Counter[str] = Counter()

    class CountingWalker(Walker):
        def _begin_read(self) -> None:
            counts["reads"] += 1
            super()._begin_read()

        def _from_known(self, walk: Walk, *others):
            found = super()._from_known(walk, *others)
            counts["tables"] += 1
            counts["table hits"] += not found.top
            return found

        def _parked(self, park: Parking, *others):
            number, slot, waits = super()._parked(park, *others)
            counts["walks"] += not waits and not park.refused
            return number, slot, waits

    class CountingRemapper(InterruptRemapper):
        def _use(self, slot, irte):
            counts["interrupts"] += 1
            counts["interrupt hits"] += irte is not None
            super()._use(slot, irte)

    for name, counting in (("Walker", CountingWalker), ("InterruptRemapper", CountingRemapper)):
        monkeypatch.setattr(unit_module, name, counting)
    monkeypatch.setattr(replay_job, "IN_FLIGHT", in_flight)
    config = with_sizes(config_of(recording.header), sizes)
    unit = Unit(config)
    unit.observer = lambda _what, _seen: _count_decision(unit, counts)
    bench = Testbench(config)
    replay = replay_job.UnitReplay(bench, recording, limit=limit)
    play_model(bench, replay.script, unit=unit)
    assert replay.summary.equal
    return counts


def _count_decision(unit: Unit, counts: Counter[str]) -> None:
    """Count the first look-up of a request that is translated in legacy mode; the second one follows its walk."""
    item = unit.pipeline.deciding
    assert item is not None
    request = item.request
    if not item.translate or item.table_mode or request.pasid_valid or request.address >> 20 == INTERRUPT_RANGE:
        return
    context, translation = unit.context_cache.found.context, unit.iotlb.found.translation
    if not item.replayed:
        counts["requests"] += 1
        if translation is not None and not (context and context.pass_through):
            counts["page hits"] += 1
        else:
            counts["contexts"] += 1
            counts["context hits"] += context is not None
