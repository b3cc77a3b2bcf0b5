"""Poster and memory port, as models, against software that shares the descriptors."""

import itertools

import pytest

from model.arch import UnitConfig
from tb.check import CheckFailed
from tb.posting_world import PairModel, PostingWorld
from tests.tb import broken_posters

ENOUGH = ("posted", "notified", "taken", "moved", "moved plainly", "suspended", "posted by software", "silent, ON")
ENOUGH += ("silent, SN", "urgent though suppressed", "software lost a race", "notified, and moved since")


def play(pair, world, clocks=2_000_000):
    """Run until all is done; return the counts."""
    lost = 0
    for _ in range(clocks):
        inputs = world.inputs()
        world.take(inputs, pair.step(inputs))
        lost = max(lost, pair.poster.lost)
        if world.done:
            break
    seen = world.finish()
    assert world.done
    seen["lost races in a row"] = lost
    return seen


# Latency, likelihood of a stall, activity of software, interrupts.
ROUNDS = ((1, 0.0, 0.5, 2000), (3, 0.3, 0.2, 1000), (40, 0.1, 0.02, 250))


@pytest.mark.parametrize("extended", [0, 1])
@pytest.mark.parametrize(("latency", "stall", "activity", "posts"), ROUNDS)
def test_nothing_is_lost(latency, stall, activity, posts, extended):
    world = PostingWorld(UnitConfig(), f"{latency} {extended}", posts=posts, activity=activity, extended=extended)
    world.memory.latency = lambda: world.rng.randint(1, 2 * latency)
    world.memory.stall = stall
    world.memory.order = "random"
    seen = play(PairModel(UnitConfig()), world)
    assert seen["posted"] == posts
    assert not [what for what in ENOUGH if seen[what] < 5], seen
    assert seen["lost races in a row"] > 1


@pytest.mark.parametrize("broken", broken_posters.ALL)
def test_software_notices(broken):
    pair = PairModel(UnitConfig())
    pair.poster = broken(UnitConfig())
    with pytest.raises(CheckFailed):
        play(pair, PostingWorld(UnitConfig(), 1, posts=1000, activity=0.5), clocks=100_000)


def test_accesses_without_exclusives_lose_updates():
    """What `exclusive = False` gives up."""
    config = UnitConfig(exclusive=False)
    with pytest.raises(CheckFailed, match="went from"):
        play(PairModel(config), PostingWorld(config, 1, posts=1000, activity=0.5))


def test_memory_without_exclusives_is_an_access_error():
    world = PostingWorld(UnitConfig(), 1, posts=1, activity=0.0)
    world.memory.exclusive = False
    with pytest.raises(CheckFailed, match="fault_reason=39"):
        play(PairModel(UnitConfig()), world)


@pytest.mark.parametrize("latency", [1, 2, 7, 50])
def test_clocks_of_a_posting(latency):
    """AR one clock after `post`, AW and W one after the last beat, `posted` after 2 L + 9, and the next one then."""
    world = PostingWorld(UnitConfig(), 1, posts=20, activity=0.0, traffic=0.0, pace=1.0)
    world.memory.latency = latency
    pair, events = PairModel(UnitConfig()), []
    while len(events) < 20:
        inputs = world.inputs()
        outputs = pair.step(inputs)
        if inputs.post and outputs.post_ready:
            accepted, events = world.now, [*events, world.now]
        assert (outputs.ar is not None) == (bool(events) and world.now == accepted + 1)
        assert (outputs.aw is not None) == (bool(events) and world.now == accepted + latency + 5)
        assert outputs.posted is None or world.now in (accepted + 2 * latency + 9, accepted)
        world.take(inputs, outputs)
    assert {late - early for early, late in itertools.pairwise(events)} == {2 * latency + 9}
