"""pytest entry points of poster and memory port together: software that shares the descriptors, and clocks."""

from model.arch.config import PRESETS
from tb.posting_pair import PostingPair
from tests.rtl.bench import run_bench


def test_lockstep():
    config = PRESETS["small"]
    results = run_bench(lambda: PostingPair(config=config), name="posting", config=config)
    assert results == (2, 0)
