"""The ACPI table DMAR of a machine with this unit, from a small TOML description.

The unit's own facts, host address width, interrupt remapping and size of the register set, come from its
configuration; the description tells where the unit is, and which devices are behind it (docs/integration.md).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from model.arch import REGISTER_SPACE_BYTES, Structure, UnitConfig
from model.arch.dmar import (
    ANDD,
    ATSR,
    DEVICE_SCOPE,
    DMAR_HEADER,
    DRHD,
    RHSA,
    RMRR,
    SATC,
    SCOPE_TYPES,
    STRUCTURE_TYPES,
)
from sim.section import DescriptionError, Section

__all__ = ["DEVICE_TLB_NOTE", "dmar_table", "wants_device_tlbs"]

PAGE_BYTES = 4096
REVISION = 1
CREATOR_ID = b"VTDU"
CREATOR_REVISION = 1

PATH = re.compile(r"(?P<bus>[0-9a-f]{2}):(?P<path>[01][0-9a-f]\.[0-7](?:/[01][0-9a-f]\.[0-7])*)", re.IGNORECASE)
NUMBERED = ("ioapic", "hpet", "namespace")  # scopes whose ENUMERATION_ID says which one it is

UNIQUE = {"drhd": "register_base", "rhsa": "register_base", "andd": "number"}  # what no two of a kind share

LISTED = "docs/integration.md lists what is"
DEVICE_TLB_NOTE = (
    "ATSR and SATC speak of device-TLBs, which this unit does not have (ECAP.DT is 0): "
    "an operating system will leave them off"
)


def dmar_table(description: Mapping[str, Any], config: UnitConfig) -> bytes:
    """Return the bytes of the table, checksum and all; DescriptionError for what cannot be said in it."""
    root = Section(description)
    head = root.section("table")
    makers = {"drhd": _drhd, "rmrr": _rmrr, "atsr": _atsr, "rhsa": _rhsa, "andd": _andd, "satc": _satc}
    sections = {name: root.sections(name) for name in makers}
    root.end(LISTED)
    if not sections["drhd"]:
        raise DescriptionError("drhd is missing; a table without a unit tells an operating system nothing")
    _check_catch_all(description["drhd"])
    body = b"".join(makers[name](section, config) for name, found in sections.items() for section in found)
    for name, key in UNIQUE.items():
        _check_unique(name, key, description.get(name, []))
    _check_references(description)
    return _with_head(head, body, config)


def wants_device_tlbs(description: Mapping[str, Any]) -> bool:
    """Say whether the description has structures that only matter to device-TLBs."""
    return bool(description.get("atsr") or description.get("satc"))


def _with_head(section: Section, body: bytes, config: UnitConfig) -> bytes:
    values = {
        "OEM_ID": _spelt(section.text("oem_id", 6, "VTDUNT"), 6),
        "OEM_TABLE_ID": _spelt(section.text("oem_table_id", 8, "VTDUNIT"), 8),
        "OEM_REVISION": section.bits("oem_revision", 32, 1),
        "X2APIC_OPT_OUT": section.flag("x2apic_opt_out"),
        "DMA_CTRL_PLATFORM_OPT_IN": section.flag("dma_ctrl_platform_opt_in"),
    }
    section.end(LISTED)
    table = _bytes(
        DMAR_HEADER,
        body,
        SIGNATURE=int.from_bytes(b"DMAR", "little"),
        REVISION=REVISION,
        CREATOR_ID=int.from_bytes(CREATOR_ID, "little"),
        CREATOR_REVISION=CREATOR_REVISION,
        HAW=config.haw - 1,
        INTR_REMAP=config.ir,
        **values,
    )
    at = DMAR_HEADER["CHECKSUM"].lsb // 8
    return table[:at] + bytes([-sum(table) % 256]) + table[at + 1 :]


def _drhd(section: Section, config: UnitConfig) -> bytes:
    values = {
        "INCLUDE_PCI_ALL": section.flag("include_pci_all"),
        "SIZE": (REGISTER_SPACE_BYTES // PAGE_BYTES - 1).bit_length(),
        "SEGMENT": section.bits("segment", 16, 0),
        "REGISTER_BASE": _page(section, "register_base", config),
    }
    if not values["REGISTER_BASE"]:
        raise DescriptionError(f"{section.place}.register_base must be where the registers are, not 0")
    scopes = _scopes(section)
    if not (values["INCLUDE_PCI_ALL"] or scopes):
        raise DescriptionError(
            f"{section.place} must have include_pci_all = true or scopes, the devices that are behind the unit"
        )
    return _structure(DRHD, section, scopes, **values)


def _rmrr(section: Section, config: UnitConfig) -> bytes:
    base, limit = _page(section, "base", config), section.bits("limit", config.haw)
    if (limit + 1) % PAGE_BYTES or limit < base:
        raise DescriptionError(
            f"{section.place}.limit must be the last byte of a 4 KiB page not below base, not {limit:#x}"
        )
    values = {"SEGMENT": section.bits("segment", 16, 0), "BASE": base, "LIMIT": limit}
    return _structure(RMRR, section, _some_scopes(section), **values)


def _atsr(section: Section, config: UnitConfig) -> bytes:
    values = {"ALL_PORTS": section.flag("all_ports"), "SEGMENT": section.bits("segment", 16, 0)}
    scopes = _scopes(section, "bridge")
    if bool(values["ALL_PORTS"]) == bool(scopes):
        raise DescriptionError(
            f"{section.place} must have either all_ports = true or scopes, the root ports that it is about"
        )
    return _structure(ATSR, section, scopes, **values)


def _rhsa(section: Section, config: UnitConfig) -> bytes:
    values = {
        "REGISTER_BASE": _page(section, "register_base", config),
        "PROXIMITY_DOMAIN": section.bits("proximity_domain", 32),
    }
    return _structure(RHSA, section, b"", **values)


def _andd(section: Section, config: UnitConfig) -> bytes:
    number, name = section.bits("number", 8), section.text("name", 255)
    if not re.fullmatch(r"\\?[A-Z_][A-Z0-9_]{0,3}(\.[A-Z_][A-Z0-9_]{0,3})*", name):
        raise DescriptionError(rf"{section.place}.name must be an ACPI path such as \_SB.PCI0.I2C0, not {name}")
    return _structure(ANDD, section, name.encode() + b"\0", ACPI_DEVICE_NUMBER=number)


def _satc(section: Section, config: UnitConfig) -> bytes:
    values = {"ATC_REQUIRED": section.flag("atc_required"), "SEGMENT": section.bits("segment", 16, 0)}
    return _structure(SATC, section, _some_scopes(section, "endpoint"), **values)


def _structure(structure: Structure, section: Section, rest: bytes, **values: int) -> bytes:
    section.end(LISTED)
    return _bytes(structure, rest, TYPE=STRUCTURE_TYPES[structure.name], **values)


def _some_scopes(section: Section, only: str = "") -> bytes:
    scopes = _scopes(section, only)
    if not scopes:
        raise DescriptionError(f"{section.place}.scopes is missing; it names the devices that this is about")
    return scopes


def _scopes(section: Section, only: str = "") -> bytes:
    return b"".join(_scope(scope, only) for scope in section.sections("scopes"))


def _scope(section: Section, only: str) -> bytes:
    kinds = [name for name in section.names if name in SCOPE_TYPES]
    if len(kinds) != 1:
        raise DescriptionError(f"{section.place} must have exactly one of {', '.join(SCOPE_TYPES)}")
    (kind,) = kinds
    if only and kind != only:
        raise DescriptionError(f"{section.place} must be of kind {only}, the only one that is legal here, not {kind}")
    text = section.text(kind, 255)
    match = PATH.fullmatch(text)
    if not match:
        raise DescriptionError(f"{section.place}.{kind} must be a path such as 00:1c.0 or 00:1c.0/00.0, not {text}")
    number = section.bits("id", 8) if kind in NUMBERED else 0
    section.end(LISTED)
    path = bytes(int(digit, 16) for hop in match["path"].split("/") for digit in hop.split("."))
    return _bytes(DEVICE_SCOPE, path, TYPE=SCOPE_TYPES[kind], ENUMERATION_ID=number, START_BUS=int(match["bus"], 16))


def _bytes(structure: Structure, rest: bytes, **values: int) -> bytes:
    """Return a structure and what follows it; LENGTH counts both."""
    length = structure.width // 8 + len(rest)
    if length.bit_length() > structure["LENGTH"].width:
        raise DescriptionError(f"{structure.name} is {length} bytes long, more than its length field can say")
    return structure.pack(LENGTH=length, **values).to_bytes(structure.width // 8, "little") + rest


def _spelt(text: str, characters: int) -> int:
    return int.from_bytes(text.ljust(characters).encode(), "little")


def _page(section: Section, name: str, config: UnitConfig) -> int:
    address = section.bits(name, config.haw)
    if address % PAGE_BYTES:
        raise DescriptionError(f"{section.place}.{name} must be a multiple of 4 KiB, not {address:#x}")
    return address


def _check_catch_all(units: list[Mapping[str, Any]]) -> None:
    """Software takes the first unit that fits a device: the one with all the rest of a segment must come last."""
    for number, unit in enumerate(units):
        behind = [later for later in units[number + 1 :] if later.get("segment", 0) == unit.get("segment", 0)]
        if unit.get("include_pci_all") and behind:
            raise DescriptionError(f"drhd[{number}].include_pci_all must be of the last drhd of its segment")


def _check_unique(name: str, key: str, found: list[Mapping[str, Any]]) -> None:
    places: dict[int, int] = {}
    for number, values in enumerate(found):
        value = values[key]
        if value in places:
            raise DescriptionError(f"{name}[{number}].{key} must not be {value:#x}, which {name}[{places[value]}] has")
        places[value] = number


def _check_references(description: Mapping[str, Any]) -> None:
    bases = {unit["register_base"] for unit in description["drhd"]}
    for number, place in enumerate(description.get("rhsa", [])):
        if place["register_base"] not in bases:
            raise DescriptionError(
                f"rhsa[{number}].register_base must be that of a drhd, not {place['register_base']:#x}"
            )
    declared = {device["number"] for device in description.get("andd", [])}
    for where, number in _namespace_scopes(description):
        if number not in declared:
            raise DescriptionError(f"{where}.id must be the number of an andd, not {number}")


def _namespace_scopes(description: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for kind in ("drhd", "rmrr", "atsr", "satc"):
        for at, section in enumerate(description.get(kind, [])):
            for number, scope in enumerate(section.get("scopes", [])):
                if "namespace" in scope:
                    yield f"{kind}[{at}].scopes[{number}]", scope["id"]
