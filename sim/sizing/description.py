"""Synthetic streams as a person describes them in TOML: values taken by name, each checked, none left over."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.section import DescriptionError, Section

__all__ = ["Description", "Device", "description_of"]

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
AMOUNT = re.compile(r"(\d+)([KMGT]?)")
AMOUNTS = 'bytes such as 4096, "64K" or "2M"'
SOURCE_ID = re.compile(r"([0-9a-f]{2}):([01][0-9a-f])\.([0-7])", re.IGNORECASE)

PAGE_LEVELS = {"4K": 1, "2M": 2, "1G": 3}
TABLE_WIDTHS = {3: 39, 4: 48, 5: 57}  # levels -> bits of address
PERMISSIONS = ("rw", "r", "w")
KINDS = ("page", "domain", "global", "all")
MOST_REQUESTS = 100_000_000
MOST_VECTORS = 4096
INTERRUPT_RANGE = range(0xFEE0_0000, 0xFEF0_0000)
DEFAULT_BASE = 1 << 32


@dataclass(frozen=True)
class Device:
    """Requests of one kind of one source-id; addresses and amounts in bytes, `stride` 0 is at random."""

    place: str  # in the description
    source_id: int
    domain_id: int
    levels: int
    pass_through: bool
    page_level: int
    base: int
    working_set: int
    stride: int
    share: float
    writes: float
    permissions: str
    vectors: int

    @property
    def end(self) -> int:
        """First address behind the working set."""
        return self.base + self.working_set


@dataclass(frozen=True)
class Description:
    """A stream; `..._every` counts DMA requests, 0 is never."""

    requests: int
    seed: int
    interrupts_every: int
    invalidations_every: int
    invalidation_kind: str
    keep_tables: bool
    devices: tuple[Device, ...]


def description_of(values: Mapping[str, Any], limit: int | None = None) -> Description:
    """Return the description of a TOML file, of at most `limit` requests; DescriptionError says what is wrong."""
    root = Section(values)
    requests, seed = root.number("requests", 1, MOST_REQUESTS), root.number("seed", 0, (1 << 64) - 1, 1)
    interrupts_every = root.number("interrupts_every", 0, MOST_REQUESTS, 0)
    invalidations = root.section("invalidations")
    every = invalidations.number("every", 0, MOST_REQUESTS, 0)
    kind, keep_tables = invalidations.choice("kind", KINDS, "page"), invalidations.flag("keep_tables", True)
    invalidations.end()
    sections = root.sections("devices")
    root.end()
    if not sections:
        raise DescriptionError("devices must be at least one table, [[devices]]")
    domains: dict[int, int] = {}  # of source-ids
    found = tuple(_device(section, domains) for section in sections)
    _check_together(found)
    requests = min(requests, limit or requests)
    return Description(requests, seed, interrupts_every, every, kind, keep_tables, found)


def _device(section: Section, domains: dict[int, int]) -> Device:
    """Return a device; its domain is that of its source-id, or another one, when it names none."""
    source_id = section.parsed("source_id", _source_id, 'bus:device.function such as "00:1f.2"')
    device = Device(
        place=section.place,
        source_id=source_id,
        domain_id=section.number("domain", 0, 0xFFFF, domains.get(source_id, max(domains.values(), default=0) + 1)),
        levels=section.choice("levels", tuple(TABLE_WIDTHS), 4),
        pass_through=section.flag("pass_through"),
        page_level=PAGE_LEVELS[section.choice("page_size", tuple(PAGE_LEVELS), "4K")],
        base=section.parsed("base", _amount, AMOUNTS, DEFAULT_BASE),
        working_set=section.parsed("working_set", _amount, AMOUNTS),
        stride=section.parsed("stride", _amount, AMOUNTS, 0),
        share=section.parsed("share", _up_to(1e6), "a number, 0 to 1e+06", 1.0),
        writes=section.parsed("writes", _up_to(1), "a number, 0 to 1", 0.0),
        permissions=section.choice("permissions", PERMISSIONS, "rw"),
        vectors=section.number("vectors", 0, MOST_VECTORS, 0),
    )
    section.end()
    domains[source_id] = device.domain_id
    width = TABLE_WIDTHS[device.levels]
    if not device.working_set or device.end > 1 << width:
        raise DescriptionError(
            f"{section.where('working_set')} must be at least 1 byte and end below 2^{width}, "
            f"which is what {device.levels} levels reach, not at {device.end:#x}"
        )
    if device.base < INTERRUPT_RANGE.stop and INTERRUPT_RANGE.start < device.end:
        raise DescriptionError(
            f"{section.where('working_set')} must not reach 0xfee00000 to 0xfeefffff, where interrupts go; "
            f"it is {device.base:#x} to {device.end - 1:#x}"
        )
    return device


def _source_id(value: Any) -> int | None:
    match = SOURCE_ID.fullmatch(value) if isinstance(value, str) else None
    if not match:
        return None
    bus, device, function = (int(part, 16) for part in match.groups())
    return bus << 8 | device << 3 | function


def _amount(value: Any) -> int | None:
    match = AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match:
        return int(match[1]) * UNITS[match[2]]
    return value if type(value) is int and value >= 0 else None


def _up_to(most: float) -> Callable[[Any], float | None]:
    return lambda value: float(value) if type(value) in (int, float) and 0 <= value <= most else None


def _check_together(devices: tuple[Device, ...]) -> None:
    """Refuse what no tables in memory can say: one context-entry, and one mapping of an address, for all alike."""
    if not any(device.share for device in devices):
        raise DescriptionError("devices[0].share must be above 0, or that of another device: nobody makes a request")
    if sum(device.vectors for device in devices) > 1 << 16:
        raise DescriptionError("devices: all vectors together must be at most 65536, the most interrupt entries")
    for number, device in enumerate(devices):
        for other in devices[:number]:
            if device.source_id == other.source_id:
                for name in ("domain_id", "levels", "pass_through"):
                    _check_same(name.removesuffix("_id"), device, other, getattr(device, name) == getattr(other, name))
            if device.domain_id == other.domain_id and not (device.pass_through or other.pass_through):
                _check_same("levels", device, other, device.levels == other.levels)
                _check_same("page_size", device, other, device.page_level == other.page_level or _apart(device, other))


def _check_same(name: str, device: Device, other: Device, good: bool) -> None:
    if not good:
        shared = "source_id" if device.source_id == other.source_id else "domain"
        where = ", where their working sets meet" if name == "page_size" else ""
        raise DescriptionError(
            f"{device.place}.{name} must be that of {other.place}, which has the same {shared}{where}"
        )


def _apart(device: Device, other: Device) -> bool:
    """Say whether two working sets have no page in common."""
    bits = 12 + 9 * (max(device.page_level, other.page_level) - 1)
    one, two = ((d.base >> bits, d.end - 1 >> bits) for d in (device, other))
    return one[1] < two[0] or two[1] < one[0]
