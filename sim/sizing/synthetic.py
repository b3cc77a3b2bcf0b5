"""The stream of a description: random, but the same for the same seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.cycle import iotlb, paging_structure_cache
from model.cycle.request import Invalidation
from sim.sizing.description import Description, Device
from sim.sizing.stream import NOTHING, Command, Numbers, PageTag, Stream

__all__ = ["synthetic_stream"]

PAGE_SHIFT = 12
HEADS = 2  # root-entry and context-entry
# A tag as one number: owner, level, page number without the bits that do not count.
OWNER_LSB, LEVEL_LSB = 47, 45


@dataclass(frozen=True)
class _Traffic:
    """DMA requests: device, address in bytes, and whether its page has the permission."""

    device: Numbers
    address: Numbers
    permitted: NDArray[np.bool_]


def synthetic_stream(description: Description) -> Stream:
    """Return the stream that a description asks for."""
    rng = np.random.default_rng(description.seed)
    traffic = _traffic(rng, description)
    index, after = _interrupts(rng, description, traffic)
    stream = _stream(description.devices, traffic)
    stream.index, stream.index_kept = index, np.ones(len(index), dtype=bool)
    stream.commands = _commands(description, traffic, after)
    return stream


def _traffic(rng: np.random.Generator, description: Description) -> _Traffic:
    count = description.requests
    shares = np.array([device.share for device in description.devices])
    chosen = rng.choice(len(shares), size=count, p=shares / shares.sum())
    address, permitted = np.zeros(count, dtype=np.int64), np.ones(count, dtype=bool)
    for number, device in enumerate(description.devices):
        mine = np.flatnonzero(chosen == number)
        if device.stride:
            offset = np.arange(len(mine), dtype=np.int64) * device.stride % device.working_set
        else:
            offset = rng.integers(0, device.working_set, len(mine))
        address[mine] = device.base + offset
        writes = rng.random(len(mine)) < device.writes
        if not device.pass_through:
            permitted[mine] = np.where(writes, "w" in device.permissions, "r" in device.permissions)
    return _Traffic(chosen, address, permitted)


def _stream(devices: tuple[Device, ...], traffic: _Traffic) -> Stream:
    """Number places and entries. Requests of one device, one page and one answer are of one place."""
    passes = np.array([device.pass_through for device in devices])
    source_id, domain_id, level, levels = (
        np.array([getattr(device, name) for device in devices])
        for name in ("source_id", "domain_id", "page_level", "levels")
    )
    shift = np.array(list(iotlb.SHIFTS.values()))[level - 1]
    page = traffic.address >> PAGE_SHIFT >> shift[traffic.device] << shift[traffic.device]
    # By place.
    code = (traffic.device << OWNER_LSB | page) << 1 | traffic.permitted
    _, first, requests = np.unique(code, return_index=True, return_inverse=True)
    of, page, permitted = traffic.device[first], page[first], traffic.permitted[first]
    translated = ~passes[of]
    pages, page_entry = _numbered(source_id[of] << OWNER_LSB | level[of] << LEVEL_LSB | page, translated)
    pairs, context = _numbered(domain_id[of] << 16 | source_id[of], np.ones(len(of), dtype=bool))
    tables, routes, route = _routes(domain_id[of], page, level[of], levels[of], translated)
    return Stream(
        requests=requests,
        page=page_entry,
        page_kept=permitted & translated,
        context=context,
        context_kept=np.ones(len(of), dtype=bool),
        heads=np.full(len(of), HEADS),
        route=route,
        passed_through=~translated,
        routes=routes,
        pages=_tags(domain_id[of][pages], page[pages], shift[of][pages]),
        contexts=list(zip(domain_id[of][pairs].tolist(), source_id[of][pairs].tolist(), strict=True)),
        tables=tables,
        index=np.array([], dtype=np.int64),
        index_kept=np.array([], dtype=bool),
        refused=int((~traffic.permitted).sum()),
    )


def _routes(
    domain_id: Numbers, page: Numbers, level: Numbers, levels: Numbers, translated: NDArray[np.bool_]
) -> tuple[list[PageTag], list[tuple[int, ...]], Numbers]:
    """Return the tables, the routes, and the route of each place: by the tables of its page's level and above, but for
    the top one, where walks begin anyway."""
    shifts = paging_structure_cache.SHIFTS
    rows = np.array(list(shifts))[:, None]
    shift = np.array(list(shifts.values()))[:, None]
    prefix = page >> shift
    used = translated & (rows >= level) & (rows < levels)
    firsts, entries = _numbered((domain_id << OWNER_LSB | (rows - 1) << LEVEL_LSB | prefix).ravel(), used.ravel())
    row, place = np.unravel_index(firsts, used.shape)
    tables = _tags(domain_id[place], (prefix << shift)[row, place], shift[row, 0])
    entries = entries.reshape(used.shape)
    lowest = entries[level - 1, np.arange(len(page))]  # tells the whole route
    _, first, route = np.unique(lowest, return_index=True, return_inverse=True)
    routes = [tuple(entry for entry in column if entry != NOTHING) for column in entries[:, first].T.tolist()]
    return tables, routes, np.where(translated, route, NOTHING)


def _numbered(tags: Numbers, used: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Number those of some tags that are `used`: return where each number comes first, and the number of each."""
    places = np.flatnonzero(used)
    _, first, numbers = np.unique(tags[places], return_index=True, return_inverse=True)
    result = np.full(len(tags), NOTHING)
    result[places] = numbers
    return places[first], result


def _tags(domain_id: Numbers, page: Numbers, shift: Numbers) -> list[PageTag]:
    return list(map(PageTag, domain_id.tolist(), page.tolist(), shift.tolist()))


def _interrupts(rng: np.random.Generator, description: Description, traffic: _Traffic) -> tuple[Numbers, Numbers]:
    """Return the index of each interrupt request, and how many DMA requests come before it."""
    every = description.interrupts_every or len(traffic.device) + 1
    after = np.arange(every, len(traffic.device) + 1, every)
    vectors = np.array([device.vectors for device in description.devices])
    first = np.cumsum(vectors) - vectors
    device = traffic.device[after - 1]
    after, device = after[vectors[device] > 0], device[vectors[device] > 0]
    return first[device] + rng.integers(0, np.maximum(vectors[device], 1)), after


def _commands(description: Description, traffic: _Traffic, after: Numbers) -> list[Command]:
    """Return the invalidations: of the page, or of the domain, of the DMA request that came last."""
    if not description.invalidations_every:
        return []
    found = []
    for before in range(description.invalidations_every, len(traffic.device) + 1, description.invalidations_every):
        device = description.devices[traffic.device[before - 1]]
        page = int(traffic.address[before - 1]) >> PAGE_SHIFT
        interrupts = int(np.searchsorted(after, before, side="right"))
        found.append(Command(before, interrupts, _invalidation(description, device, page)))
    return found


def _invalidation(description: Description, device: Device, page: int) -> Invalidation:
    if description.invalidation_kind == "all":
        return Invalidation(context_global=1, iotlb_global=1, iec_global=1)
    if description.invalidation_kind == "global":
        return Invalidation(iotlb_global=1)
    if description.invalidation_kind == "domain":
        return Invalidation(iotlb_domain=1, domain_id=device.domain_id)
    mask = (1 << iotlb.SHIFTS[device.page_level]) - 1
    keep_tables = int(description.keep_tables)
    return Invalidation(
        iotlb_page=1, keep_tables=keep_tables, domain_id=device.domain_id, page=page & ~mask, page_mask=mask
    )
