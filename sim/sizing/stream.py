"""What the caches see of a run: each request as the numbers of the entries that it looks for.

All DMA requests that look for the same entries and read the same tables are of one *place*. Places are numbered, and so
are the entries of each cache; NOTHING is no entry, and is never found.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.cycle.request import Invalidation

__all__ = ["NOTHING", "Command", "Numbers", "PageTag", "Stream"]

NOTHING = -1

Numbers = NDArray[np.int64]


class PageTag(NamedTuple):
    """What a page or a table is of: in a domain, the addresses whose page number is `page` but for `shift` low bits."""

    domain_id: int
    page: int
    shift: int


class Command(NamedTuple):
    """An invalidation, and how many DMA and interrupt requests come before it."""

    requests: int
    interrupts: int
    invalidation: Invalidation


@dataclass
class Stream:
    """Requests in their order, what they look for, and what the entries are of.

    By place: `page`, entry of the IOTLB, `context`, entry of the context-cache, and whether a walk keeps them; `heads`,
    number of reads before the second stage when the context-entry is not known; `route`, place in `routes` of the
    tables that the walk comes by, the lowest first, NOTHING without a second stage; `passed_through`.
    Interrupt entries are numbered by their index.
    """

    requests: Numbers  # place of each DMA request
    page: Numbers
    page_kept: NDArray[np.bool_]
    context: Numbers
    context_kept: NDArray[np.bool_]
    heads: Numbers
    route: Numbers
    passed_through: NDArray[np.bool_]
    routes: list[tuple[int, ...]]
    pages: list[PageTag]
    contexts: list[tuple[int, int]]  # domain-id, source-id
    tables: list[PageTag]
    index: Numbers  # of each interrupt request
    index_kept: NDArray[np.bool_]
    commands: list[Command] = field(default_factory=list)
    refused: int = 0  # of the DMA requests
    beside: int = 0  # further requests, which need no cache
