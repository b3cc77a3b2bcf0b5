"""Statistics of a run: the clocks that `vtd bench` measures, hits of every cache, and what happened to each request."""

import json
from collections import Counter

import pytest

from model.arch import PRESETS
from tb.collector import Collector
from tb.jobs.bench import DEVICES, HPA, IOVA, Interrupts, World
from tb.jobs.regress import run_on_model
from tb.page_tables import READ
from tb.players import play_model
from tb.programming import invalidate_everything
from tb.statistics import PLACES, Refusals, Slow, Statistics, Timeline
from tb.testbench import Testbench, Transfer
from tb.watched_unit import WatchedUnit


def collect(script, preset="default"):
    """Play a script on the model alone; return what was collected, through JSON as from a simulator."""
    bench = Testbench(PRESETS[preset])
    unit = WatchedUnit(bench.config)
    collector = Collector(bench, unit)
    play_model(bench, collector.script(script), unit=unit)
    collector.to_json()
    return through_json(collector.statistics)


def through_json(statistics):
    found = Statistics.from_json(json.loads(json.dumps(statistics.to_json())))
    assert found == statistics
    return found


def hits(statistics, name):
    """Return look-ups and hits of a cache."""
    return statistics.timeline.total(name), statistics.timeline.total(f"{name} hits")


@pytest.mark.parametrize("preset", ["default", "small"])
def test_clocks_of_dma_are_those_of_the_benchmark(preset):
    """Hit 4, R reads R (L + 3) + 7 at L = 10, refusal of a cached read 6 and write 7."""

    def script(bench):
        world = World(bench)
        world.tables.map(1, IOVA, HPA, rights=READ)
        bench.tables.latency = 10
        yield from world.start()
        yield from world.one()
        for _ in range(5):
            yield from world.one()
        yield from world.one(page=1)
        yield from world.one(page=1, write=True)
        yield from world.one(write=True)
        yield from world.finish([bench.device.submit(Transfer(False, DEVICES[0], 1 << world.tables.width))])
        yield from invalidate_everything(bench)
        yield from world.one(page=2)

    found = collect(script, preset)
    assert found.latencies == {
        "miss, 7 reads": {98: 2},
        "hit, read": {4: 5},
        "miss, 1 read": {20: 1},
        "hit, write": {4: 1},
        "refused": {7: 1, 6: 1},
    }
    assert hits(found, "context_cache") == (11, 9)
    assert hits(found, "iotlb") == (11, 7)
    assert hits(found, "paging_structure_cache") == (3, 1)
    assert found.hit_rate("IOTLB") == 7 / 11
    assert found.hit_rate("interrupt entry cache") is None
    assert found.table_reads == {
        "root-entry": 2,
        "context-entry": 2,
        **{f"second-stage entry, level {level}": 2 for level in (5, 4, 3, 2)},
        "second-stage entry, level 1": 3,
    }
    assert found.reads_per_request == {0: 8, 1: 1, 7: 2}
    assert found.refusals == {5: Refusals(1, 1), 4: Refusals(1, 1)}
    # A read takes L + 3 clocks, one of which the first of a walk spends before it is offered.
    assert found.walks_at_once[1] == 2 * (7 * 13 - 1) + (13 - 1)
    assert found.walks_at_once.total() == found.clocks - 2  # of reset
    slowest = found.ranking[0]
    assert (slowest.clocks, slowest.kind, slowest.source_id, slowest.address) == (98, "DMA read", 0, IOVA)
    first = slowest.steps[0][0]
    assert [(clock - first, text) for clock, text in slowest.steps][:3] == [
        (0, "address accepted on s_axi_"),
        (3, "a walk is needed"),
        (5, "reads root-entry at 0x100000"),
    ]
    assert slowest.steps[-1] == (first + 98, "address on m_axi_")


def test_clocks_of_interrupts_are_those_of_the_benchmark():
    """Entry cached 6, not cached L + 9."""

    def script(bench):
        interrupts = Interrupts(bench)
        bench.tables.latency = 10
        yield from interrupts.start()
        for index in (0, 0, 1, 0):
            yield from interrupts.one(index)

    found = collect(script)
    assert found.latencies == {"interrupt, remapped, entry read": {19: 2}, "interrupt, remapped, entry cached": {6: 2}}
    assert hits(found, "interrupt_entry_cache") == (4, 2)
    assert found.table_reads == {"interrupt entry": 2}


def test_regression_and_what_its_model_counts_agree():
    """With stalls, resets and errors: as many decisions and faults as the run itself counts, and nothing is lost."""
    bench = Testbench(PRESETS["small"], 7)
    result = run_on_model(bench, 6000, statistics=True)
    found = Statistics.from_json(json.loads(json.dumps(result["statistics"])))
    played = result["played"]
    assert found.clocks == played["clocks"]
    assert found.timeline.total("invalidations") == played["invalidations"] > 20
    assert sum(refusals.recorded for refusals in found.refusals.values()) == played["faults"] > 20
    assert sum(counts.total() for counts in found.latencies.values()) <= played["requests"]
    assert found.timeline.total("requests") + found.timeline.total("interrupts") >= played["requests"] > 150
    assert {"hit, read", "hit, write", "refused", "waited for others"} <= set(found.latencies)
    assert min(found.latencies["hit, read"]) == 4
    assert all(slow.steps == sorted(slow.steps, key=lambda step: step[0]) for slow in found.ranking)


def test_statistics_change_nothing():
    plain, collected = (run_on_model(Testbench(PRESETS["small"], 3), 3000, statistics=flag) for flag in (False, True))
    del collected["statistics"]
    assert plain == collected


def test_timeline_becomes_coarser():
    timeline = Timeline()
    timeline.add("one", 0, 3)
    timeline.add("one", 16)
    assert (timeline.width, timeline.rows) == (16, {"one": [3, 1]})
    timeline.add("other", 16 * PLACES)
    assert (timeline.width, timeline.rows["one"]) == (32, [4])
    assert timeline.rows["other"] == [0] * (PLACES // 2) + [1]
    fine = Timeline(rows={"one": [1, 0, 2]})
    timeline.merge(fine)
    assert (timeline.width, timeline.rows["one"]) == (32, [5, 2])
    assert timeline.total("one") == 7


def test_runs_add_up():
    def run(clocks, reason):
        statistics = Statistics(100)
        statistics.request(Slow(clocks, "hit, read", "DMA read", 1, 2, 0, 0, [(1, "x")], "seed"))
        statistics.refuse(reason, True, 0)
        return statistics

    total = run(4, 6)
    total.merge(run(4, 6))
    total.merge(run(9, 1))
    assert total.latencies == {"hit, read": Counter({4: 2, 9: 1})}
    assert total.refusals == {6: Refusals(2, 2), 1: Refusals(1, 1)}
    assert (total.clocks, total.runs) == (300, 3)
    assert [slow.clocks for slow in total.ranking] == [9, 4]
    through_json(total)
    assert total.ranking[0].run == "seed"
