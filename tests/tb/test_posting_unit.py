"""The whole unit posts interrupts while software changes the descriptors; and units that lose that race."""

import pytest

from model.arch import PRESETS, UnitConfig
from model.cycle.unit import Unit
from sim.simulator import run_job
from tb.check import CheckFailed
from tb.jobs.posting import run_on_model
from tests.tb import broken_posters
from tests.tb.broken_units import broken

ENOUGH = ("notified", "taken", "moved", "moved plainly", "suspended", "posted by software", "silent, ON", "silent, SN")
ENOUGH += ("lost races", "lost three times", "software lost a race", "notified, and moved since", "coalesced")
ENOUGH += ("urgent though suppressed",)


def assert_posted(result, rounds):
    seen = result["seen"]
    assert seen["posted"] == rounds
    assert not [what for what in ENOUGH if seen.get(what, 0) < rounds // 100], seen


def test_nothing_is_lost_on_the_model():
    assert_posted(run_on_model(PRESETS["default"], 3000, seed=1), 3000)


@pytest.mark.parametrize(("simulator", "preset", "rounds"), [("verilator", "default", 1000), ("icarus", "small", 300)])
def test_nothing_is_lost(simulator, preset, rounds):
    job = {"kind": "posting", "rounds": rounds, "seed": 2}
    result = run_job(job, config=PRESETS[preset], simulator=simulator)
    assert_posted(result, rounds)
    assert result["signals"] == 72


def with_poster(config: UnitConfig, poster: type) -> Unit:
    """Return a unit with another poster, after each reset too."""

    def change(unit: Unit) -> None:
        unit.poster = poster(config)

    return broken(config, change)


# What finds it: the first words after the clock.
FOUND = {
    "LosesRaces": "before its bit|not due|is not where",
    "KeepsOldDescriptor": "went from",
    "NotifiesOldPlace": "but 0x",
    "SetsOnAlways": "went from",
    "NeverNotifies": "to send",
    "ForgetsOn": "went from",
    "NotifiesEarly": "not due|makes it due",
    "AnswersEarly": "before its bit|is not where",
    "IgnoresUrgent": "went from",
    "ForgetsBit": "went from",
}


@pytest.mark.parametrize("poster", broken_posters.ALL)
def test_a_unit_that_loses_the_race_is_caught(poster):
    with pytest.raises(CheckFailed, match=FOUND[poster.__name__]):
        run_on_model(PRESETS["small"], 400, seed=1, make_unit=lambda config: with_poster(config, poster))
