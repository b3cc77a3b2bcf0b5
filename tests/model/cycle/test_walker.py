"""Walker of the cycle model: what may wait for what, and how a queue behind a miss dissolves."""

from model.arch import UnitConfig
from model.cycle.request import Access, Context, Parking, Request, Result
from model.cycle.walker import Walker

CONFIG = UnitConfig()


def request(access: Access, address: int = 0x1000, request_id: int = 0) -> Request:
    return Request(int(access), 0x0008, 0, 0, address, request_id)


def park(walker: Walker, what: Request, *, walk: int = 0, refused: int = 0) -> None:
    """Put a fresh request into a slot."""
    walker.step(Parking(refused, 0, walk, 0, 0, 0, what, 0, Context()), None, 0, 0, 0, 0, 0)


def finish_walk(walker: Walker, number: int) -> None:
    """Give a slot that waits to start the result of its walk."""
    bit = 1 << number
    walker.starting ^= bit
    walker.done |= bit
    slot = walker.slots[number]
    assert slot is not None
    slot.result = Result(pass_through=1)


def test_queue_behind_a_miss_leaves_one_per_clock():
    walker = Walker(CONFIG)
    park(walker, request(Access.READ), walk=1)
    for _ in range(5):
        park(walker, request(Access.READ))
    finish_walk(walker, 0)
    pipeline: list[int | None] = [None, None]
    left = []
    for clock in range(12):
        replay = walker.replay(1, 1)
        deciding = pipeline.pop(0)
        release = None
        if deciding is not None:
            assert not walker.blocked(0, 0, 1, deciding)
            release = deciding
            left.append((clock, deciding))
        pipeline.append(None if replay is None else replay.slot)
        walker.step(None, release, 0, 0, 0, 0, 0)
    # Those behind follow when the miss has filled the IOTLB, each in the clock after the one before.
    assert left == [(2, 0), (5, 1), (6, 2), (7, 3), (8, 4), (9, 5)]


def test_replayed_request_waits_when_an_older_one_did_not_leave():
    walker = Walker(CONFIG)
    park(walker, request(Access.READ), walk=1)
    park(walker, request(Access.READ))
    park(walker, request(Access.READ))
    finish_walk(walker, 0)
    walker.replay(1, 1)
    walker.step(None, None, 0, 0, 0, 0, 0)
    walker.step(None, 0, 0, 0, 0, 0, 0)
    replays = []
    for _ in range(2):
        replay = walker.replay(1, 1)
        assert replay is not None
        replays.append(replay)
        walker.step(None, None, 0, 0, 0, 0, 0)
    assert [replay.slot for replay in replays] == [1, 2]
    # The first of them is refused: the second is still blocked, and waits again.
    first, second = replays
    walker.step(Parking(1, 0, 0, 1, 1, 0, first.request, 0, Context()), None, 0, 0, 0, 0, 0)
    assert walker.blocked(0, 0, 1, 2)
    walker.step(Parking(0, 0, 0, 1, 2, 0, second.request, 0, Context()), None, 0, 0, 0, 0, 0)
    assert (walker.refused, walker.waiting) == (0b010, 0b100)
    assert walker.replay(1, 1) is None


def test_same_page_of_one_direction_walks_once():
    walker = Walker(CONFIG)
    park(walker, request(Access.READ), walk=1)
    park(walker, request(Access.READ, 0x1FFC, request_id=1), walk=1)
    assert (walker.starting, walker.waiting) == (0b01, 0b10)


def test_read_does_not_wait_for_a_write():
    # A device may send the data of its writes after the answer to this read.
    walker = Walker(CONFIG)
    park(walker, request(Access.WRITE), refused=1)
    park(walker, request(Access.WRITE), walk=1)
    park(walker, request(Access.READ), walk=1)
    assert (walker.starting, walker.waiting) == (0b110, 0)
    slot = walker.slots[2]
    assert slot is not None
    assert slot.older == 0


def test_refusals_of_different_ids_are_answered_in_turn():
    walker = Walker(CONFIG)
    for request_id in (3, 4):
        park(walker, request(Access.READ, request_id=request_id), refused=1)
    answered = []
    for request_id in (5, 6, 7):
        refusal = walker.refused_read(0)
        assert refusal is not None
        answered.append(refusal.id)
        fresh = request(Access.READ, request_id=request_id)  # into the slot that was the lowest free one before
        walker.step(Parking(1, 0, 0, 0, 0, 0, fresh, 0, Context()), None, 0, 1, 1, 0, 0)
    assert answered == [3, 4, 5]
