"""Races of invalidations, controls and register writes with requests and faults; and units that lose them."""

import pytest

from model.arch import PRESETS
from sim.simulator import run_job
from tb.check import CheckFailed
from tb.event_races import OFFSETS, RACES, EventSweep
from tb.jobs.races import SLOW, SWEEPS, WILD_IMAGES, run_on_model
from tb.players import play_model
from tb.race_kinds import COMMANDS, CONTROLS
from tb.races import Sweep
from tb.testbench import Testbench
from tests.tb import broken_units
from tests.tb.broken_units import broken

NAMES = [kind.name for kind in COMMANDS]

# Sweep -> kinds, and the least number of trials of each: a request takes so many clocks that can be raced.
LEAST = {
    "commands by registers": (NAMES, 80),
    "commands by queue": (NAMES, 85),
    "commands by registers, long walks": (SLOW, 130),
    "commands by queue, long walks": (SLOW, 140),
    "commands by queue, varying latency": (NAMES, 25),
    "controls": ([kind.name for kind in CONTROLS], 45),
    "events": (RACES, len(OFFSETS)),
    "wild tables": ((), 0),
}
ICARUS_STRIDE = {"commands by registers": 47, "commands by queue, long walks": 60, "controls": 23, "events": 28}


def assert_raced(name, result, stride=1):
    kinds, least = LEAST[name]
    assert set(result["trials"]) == set(kinds)
    assert all(number >= least // stride for number in result["trials"].values()), result["trials"]
    if name == "wild tables":
        assert result["seen"]["images"] == WILD_IMAGES // stride
        assert result["seen"]["permitted"] > 0 and result["seen"]["refused"] > 0
    elif name != "events":
        assert result["seen"]["in the way: old"] > 0 and result["seen"]["in the way: new"] > 0
        assert result["seen"]["after: new"] >= 4 * sum(result["trials"].values())


def test_every_sweep_is_here():
    assert set(LEAST) == set(SWEEPS)


@pytest.mark.parametrize("name", SWEEPS)
def test_races_on_the_model(name):
    assert_raced(name, run_on_model(PRESETS["small"], (name,)))


@pytest.mark.parametrize("name", SWEEPS)
def test_races_under_verilator(name):
    job = {"kind": "races", "names": [name], "stride": 1}
    result = run_job(job, config=PRESETS["default"], simulator="verilator")
    assert_raced(name, result)
    assert result["played"]["signals"] == 72


@pytest.mark.parametrize("name", ICARUS_STRIDE)
def test_some_races_under_icarus(name):
    stride = ICARUS_STRIDE[name]
    job = {"kind": "races", "names": [name], "stride": stride}
    result = run_job(job, config=PRESETS["small"], simulator="icarus")
    assert_raced(name, result | {"seen": {"in the way: old": 1, "in the way: new": 1, **result["seen"]}}, stride)
    assert result["played"]["signals"] == 72


# One sweep each that shows it; many others do too.
BROKEN = {
    "iotlb_keeps_older": Sweep("registers", ["IOTLB domain"]),
    "walker_keeps_older": Sweep("registers", ["IOTLB page AM 0 IH 0"], latency=10, width=57, alone=True),
    "done_at_once": Sweep("queue", ["IOTLB page AM 9 IH 1"]),
    "outstanding_not_counted": Sweep("registers", ["PMEN on"]),
    "issued_as_newer": Sweep("queue", ["IOTLB global"]),
    "slots_not_counted": Sweep("queue", ["IOTLB domain"]),
    "pipeline_not_counted": Sweep("registers", ["SRTP"]),
    "broadcast_looked_up_as_newer": Sweep("queue", ["context device, then IOTLB domain"]),
    "filled_in_the_broadcast": Sweep("registers", ["IOTLB global"]),
    "function_mask_ignored": Sweep("registers", ["context device FM 1"]),
    "address_mask_ignored": Sweep("queue", ["IOTLB page AM 18 IH 0"]),
    "tables_always_kept": Sweep("queue", ["IOTLB page AM 0 IH 0"]),
    "large_page_kept": Sweep("registers", ["IOTLB page AM 1 IH 1"]),
    "old_root_kept": Sweep("registers", ["SRTP"]),
    "event_lost_by_clear": EventSweep(["F cleared"]),
    "fault_lost_by_clear": EventSweep(["F cleared, all full"]),
    "completion_lost_by_clear": EventSweep(["IWC cleared, 0 before"]),
    "fault_event_lost_by_mask": EventSweep(["fault event unmasked"]),
    "completion_event_lost_by_mask": EventSweep(["completion event masked"]),
    "message_taken_with_another": EventSweep(["fault and completion"]),
    "messages_not_pushed": EventSweep(["fault reported"]),
    "withdrawn_with_new_event": EventSweep(["F cleared, masked"]),
}


def test_every_broken_unit_is_here():
    assert set(BROKEN) == set(broken_units.__all__) - {"broken"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_unit_that_loses_a_race_is_caught(name):
    config = PRESETS["default"]
    unit = broken(config, getattr(broken_units, name))
    with pytest.raises(CheckFailed, match=r"offset|rule 25"):
        play_model(Testbench(config), BROKEN[name].script, unit=unit)
