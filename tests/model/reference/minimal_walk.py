"""A second opinion on what a legacy-mode unit permits, as small as it can be: yes with what comes out, or None.

Written against the specification alone: on bytes, with every bit typed again, and with nothing of `model` in it.
`unit` is any object with the configuration's values (haw, mgaw, sagaw, sslps, nd, pt, sc, zlr, pi, eimer, irreq);
`read(address, size)` returns bytes of host memory, or None where it fails. It knows no reasons, only permissions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

__all__ = ["Grant", "Posted", "Programmed", "Sent", "dma", "interrupt"]

Read = Callable[[int, int], bytes | None]


class Programmed(NamedTuple):
    """What software has made current: tables, modes, and protected regions (first and last byte of each)."""

    translation: bool
    table_mode: int
    root_table: int
    remapping: bool
    compatibility: bool
    extended: bool
    interrupt_table: int
    interrupt_entries: int
    protected: tuple[tuple[int, int], ...]


class Grant(NamedTuple):
    """A DMA access that may happen; `address` is None for the zero-length read that goes nowhere (rule 3.4)."""

    address: int | None
    page_bytes: int = 1
    readable: bool = False
    writable: bool = False
    snoop: bool = False


class Sent(NamedTuple):
    """A message that leaves the unit."""

    address: int
    data: int


class Posted(NamedTuple):
    """An interrupt that was put into a descriptor: its 64 bytes afterwards, and the notification."""

    address: int
    descriptor: bytes
    notification: Sent | None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _in_interrupt_range(address: int) -> bool:
    return 0xFEE00000 <= address <= 0xFEEFFFFF


def dma(unit: Any, now: Programmed, read: Read, request: Any) -> Grant | None:
    """Return what a DMA request is granted: only untranslated accesses can be (no ATS, no page requests here)."""
    access = request.access.value
    if request.address_type.value != 0 or access == "page request":
        return None
    # Translation off ignores the PASID, and so also what a PASID would mean here.
    if (request.pasid is None or not now.translation) and _in_interrupt_range(request.address):
        return Grant(None) if access == "zero-length read" else None
    if now.translation:
        grant = _by_tables(unit, now, read, request)
    else:
        grant = Grant(request.address, 4096, True, True) if request.address < 1 << unit.haw else None
    if grant is None or grant.address is None:
        return None
    last = grant.address + request.size - 1
    touched = any(first_byte <= last and grant.address <= last_byte for first_byte, last_byte in now.protected)
    return None if touched else grant


def _by_tables(unit: Any, now: Programmed, read: Read, request: Any) -> Grant | None:
    if now.table_mode != 0 or request.pasid is not None:
        return None
    bus, device_function = divmod(request.source_id, 256)
    root = read(now.root_table + 16 * bus, 16)
    if root is None or root[0] != 1 or root[1] & 0x0F or any(root[8:]):
        return None
    context_table = _number(root[:8]) - 1
    if context_table >= 2**unit.haw:
        return None
    context = read(context_table + 16 * device_function, 16)
    return None if context is None else _by_context(unit, context, read, request)


def _by_context(unit: Any, context: bytes, read: Read, request: Any) -> Grant | None:
    present, kind = context[0] & 0x01, context[0] & 0x0C
    if not present or context[0] & 0xF0 or context[1] & 0x0F or context[8] & 0x80 or any(context[11:]):
        return None
    if _number(context[9:11]) >= 2 ** (4 + 2 * unit.nd):
        return None
    levels = {1: 3, 2: 4, 3: 5}.get(context[8] & 0x07)
    if levels is None or 12 + 9 * levels not in unit.sagaw:
        return None
    if kind == 0x08:
        fits = unit.pt and request.address < 2**unit.haw
        return Grant(request.address, 4096, True, True) if fits else None
    table = _number(context[:8]) // 4096 * 4096
    if kind != 0x00 or table >= 2**unit.haw or request.address >= 2 ** min(unit.mgaw, 12 + 9 * levels):
        return None
    grant = _descend(unit, read, request.address, table, levels, 3)
    if grant is None or grant.address is None or _in_interrupt_range(grant.address):
        return None
    return grant if _suffices(unit, request.access.value, grant) else None


def _descend(unit: Any, read: Read, address: int, table: int, level: int, rights: int) -> Grant | None:
    """One table of the second stage, then those below it; `rights` is 1 for reading plus 2 for writing."""
    page_bytes = 4096 * 512 ** (level - 1)
    entry = read(table + 8 * (address // page_bytes % 512), 8)
    if entry is None or entry[0] & 3 == 0 or entry[7] & 0x40:
        return None
    rights &= entry[0]
    is_page = level == 1 or bool(entry[0] & 0x80)
    if is_page and level > 1 and {2: 21, 3: 30}.get(level) not in unit.sslps:
        return None
    bit_11 = bool(entry[1] & 0x08)
    target = (_number(entry) % 2**52) // 4096 * 4096
    if target >= 2**unit.haw or (bit_11 and not (is_page and unit.sc)):
        return None
    if not is_page:
        return _descend(unit, read, address, target, level - 1, rights)
    if target % page_bytes:
        return None
    return Grant(target + address % page_bytes, page_bytes, bool(rights & 1), bool(rights & 2), bit_11)


def _suffices(unit: Any, access: str, grant: Grant) -> bool:
    either = grant.readable or grant.writable
    return {
        "read": grant.readable,
        "write": grant.writable,
        "AtomicOp": grant.readable and grant.writable,
        "zero-length read": either if unit.zlr else grant.readable,
    }[access]


def interrupt(unit: Any, now: Programmed, read: Read, request: Any) -> Sent | Posted | None:
    """Return what becomes of an interrupt request."""
    unchanged = Sent(request.address, request.data)
    if not now.remapping:
        return None if unit.irreq else unchanged
    if unit.eimer and not now.extended:
        return None
    if not request.address & 0x10:
        return unchanged if now.compatibility and not now.extended else None
    with_subhandle = request.address & 0x08
    if with_subhandle and request.data > 0xFFFF:
        return None
    index = request.address // 32 % 32768 + (32768 if request.address & 0x04 else 0)
    index += request.data % 65536 if with_subhandle else 0
    place = now.interrupt_table + 16 * index
    if index >= now.interrupt_entries or place >= 2**unit.haw:
        return None
    entry = read(place, 16)
    if entry is None or not entry[0] & 0x01 or not _source_fits(entry, request.source_id):
        return None
    if entry[10] & 0xF0 or entry[11]:
        return None
    return _posted(unit, now, read, entry) if entry[1] & 0x80 else _remapped(now, entry)


def _source_fits(entry: bytes, source_id: int) -> bool:
    how, qualifier = entry[10] >> 2 & 3, entry[10] & 3
    ignored = {0: 0, 1: 4, 2: 6, 3: 7}[qualifier]
    return {
        0: True,
        1: source_id | ignored == _number(entry[8:10]) | ignored,
        2: entry[9] <= source_id >> 8 <= entry[8],
        3: False,
    }[how]


def _to(destination: bytes, extended: bool, flags: int = 0) -> int | None:
    """Return the message address for 4 bytes of destination; None when the mode cannot carry it."""
    if not extended and (destination[0] or destination[2] or destination[3]):
        return None
    low = destination[0] if extended else destination[1]
    high = _number(destination[1:4]) if extended else 0
    return high << 40 | 0xFEE00000 | low << 12 | flags


def _remapped(now: Programmed, entry: bytes) -> Sent | None:
    delivery = entry[0] >> 5
    if entry[1] & 0x70 or entry[3] or any(entry[12:]) or delivery in (3, 6):
        return None
    redirection_hint, logical, level = entry[0] & 0x08, entry[0] & 0x04, entry[0] & 0x10
    address = _to(entry[4:8], now.extended, redirection_hint | logical)
    data = entry[2] | delivery << 8 | 0x4000 | (0x8000 if level else 0)
    return None if address is None else Sent(address, data)


def _posted(unit: Any, now: Programmed, read: Read, entry: bytes) -> Posted | None:
    if not unit.pi or entry[0] & 0xFC or entry[1] & 0x30 or entry[3] or entry[4] & 0x3F:
        return None
    place = _number(entry[4:8]) + 2**32 * _number(entry[12:16])
    if place >= 2**unit.haw:
        return None
    old = read(place, 64)
    if old is None or old[32] & 0xFC or old[33] or old[35] or any(old[40:]):
        return None
    target = _to(old[36:40], now.extended)
    if target is None:
        return None
    outstanding, suppressed, urgent = old[32] & 1, old[32] & 2, entry[1] & 0x40
    notify = not outstanding and (urgent or not suppressed)
    new = bytearray(old)
    new[entry[2] // 8] |= 1 << entry[2] % 8
    if notify:
        new[32] |= 1
    return Posted(place, bytes(new), Sent(target, old[34] | 0x4000) if notify else None)
