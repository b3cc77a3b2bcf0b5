"""Configuration of a unit: sizes and optional features, from which VER, CAP and ECAP follow."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

from model.arch.fields import Access, Register, Structure
from model.arch.parameters import Parameter, parameter
from model.arch.registers import (
    CAP,
    ECAP,
    FEUADDR,
    FRCD,
    IEUADDR,
    IQA,
    IRTA,
    PHMBASE,
    PHMLIMIT,
    PLMBASE,
    PLMLIMIT,
    REGISTERS,
    RTADDR,
    VER,
)
from model.arch.sizes import QUEUE_TAGS

__all__ = ["PARAMETERS", "PRESETS", "REGISTER_SPACE_BYTES", "SECOND_STAGE_LEVELS", "ConfigError", "UnitConfig"]

REGISTER_SPACE_BYTES = 4096

# CAP.NFR could say 256, but the other registers need a place too: behind the last of them all bytes are records.
MOST_RECORDS = (REGISTER_SPACE_BYTES - max(r.offset + r.width // 8 for r in REGISTERS if not r.base)) // FRCD.stride

# Width in bits of a second-stage table -> (bit of CAP.SAGAW and value of AW, number of levels). Rule 6.1.
SECOND_STAGE_LEVELS = {39: (1, 3), 48: (2, 4), 57: (3, 5)}

# Large page in bits of offset -> bit of CAP.SSLPS.
LARGE_PAGES = {21: 0, 30: 1}


class ConfigError(ValueError):
    """A configuration that no unit can have, or that this one cannot be built for; the text is one sentence."""


@dataclass(frozen=True)
class UnitConfig:
    """What software finds: every field is what VER, CAP and ECAP say about legacy mode and interrupts.

    Names are those of the registers' fields; widths are in bits, offsets in bytes, counts are counts (the registers'
    encodings are made here and nowhere else). Raises ConfigError for values that contradict the specification.
    """

    version_major: int = parameter(5, "major version of the architecture, as VER tells it", range(1, 16))
    version_minor: int = parameter(0, "minor version of the architecture, as VER tells it", range(16))
    haw: int = parameter(
        48, "width of host addresses; no register tells it", range(32, 53), unit=" bits", cost="address registers"
    )
    # CAP
    nd: int = parameter(
        6, "domain-ids have 4 + 2 * nd bits", range(7), unit=" (4 to 16 domain-id bits)", cost="cache tags"
    )
    rwbf: bool = parameter(False, "software must flush write buffers (GCMD.WBF)")
    plmr: bool = parameter(True, "there is a protected low region of memory", cost="two registers, a comparator")
    phmr: bool = parameter(True, "there is a protected high region of memory", cost="two registers, a comparator")
    cm: bool = parameter(False, "caching mode: software must invalidate after it makes an entry present")
    sagaw: tuple[int, ...] = parameter(
        (39, 48, 57), "widths of second-stage tables in bits", "some of 39, 48, 57 in rising order"
    )
    mgaw: int = parameter(57, "widest guest address", "haw to 64 bits")
    zlr: bool = parameter(True, "zero-length reads of pages that are only writable pass")
    fro: int = parameter(0x220, "byte offset of the first FRCD", "a multiple of 16 that leaves room for all records")
    sslps: tuple[int, ...] = parameter((21, 30), "large pages, in bits of offset", ((), (21,), (21, 30)))
    psi: bool = parameter(True, "single pages can be invalidated")
    nfr: int = parameter(
        8, "number of fault records (FRCD)", range(1, MOST_RECORDS + 1), unit=" fault records", cost="128 bits each"
    )
    mamv: int = parameter(18, "largest address mask of an invalidation of pages", range(64))
    dwd: bool = parameter(True, "invalidations drain writes; must be true from version 2 on")
    drd: bool = parameter(True, "invalidations drain reads; must be true from version 2 on")
    pi: bool = parameter(True, "interrupts can be posted", needs="ir", cost="the poster")
    esirtps: bool = parameter(True, "SIRTP, and clearing IRE, invalidates the interrupt entry cache by itself")
    esrtps: bool = parameter(True, "SRTP invalidates context-cache and IOTLB by itself")
    # ECAP
    c: bool = parameter(True, "accesses to tables are coherent with processor caches; memory must make it true")
    qi: bool = parameter(True, "there is an invalidation queue", cost="the queue")
    ir: bool = parameter(
        True,
        "interrupts are remapped",
        needs="qi: interrupt remapping without queued invalidation does not exist",
        cost="the interrupt remapper and its cache",
    )
    eim: bool = parameter(True, "extended interrupt mode, x2APIC destinations of 32 bits", needs="ir")
    pt: bool = parameter(True, "devices can be passed through")
    sc: bool = parameter(True, "snoop control, SNP of page-table entries")
    iro: int = parameter(
        0xF0, "byte offset of IVA; IOTLB follows", "a multiple of 16 that leaves 16 bytes, apart from all registers"
    )
    mhmv: int = parameter(15, "largest mask of an invalidation of interrupt entries", range(16))
    adms: bool = parameter(False, "abort-DMA mode")
    eimer: bool = parameter(False, "interrupts are blocked unless extended interrupt mode is on", needs="eim")
    irreq: bool = parameter(False, "interrupts are blocked unless interrupt remapping is on", needs="ir")
    # Sizes, which software does not see
    iotlb_entries: int = parameter(64, "pages in the IOTLB", range(2, 257), cost="comparator and registers each")
    context_cache_entries: int = parameter(
        16, "devices in the context-cache", range(2, 257), cost="comparator and registers each"
    )
    paging_structure_cache_entries: int = parameter(
        32, "inner table entries in the paging-structure cache", range(2, 257), cost="comparator and registers each"
    )
    iec_entries: int = parameter(
        32, "interrupt entries that are cached", range(2, 257), cost="comparator and registers each"
    )
    interrupts: int = parameter(8, "interrupts that are remapped at the same time", range(4, 17), cost="a slot each")
    exclusive: bool = parameter(
        True, "memory has exclusive accesses; without, software may lose updates of posted descriptors"
    )
    walks: int = parameter(8, "page walks that read memory at the same time", range(1, 17), cost="a slot each")
    parked: int = parameter(
        8, "further requests that may wait, for a walk or behind an older one", range(6, 17), cost="a slot each"
    )
    id_bits: int = parameter(4, "width of the AXI IDs of devices", range(1, 9), cost="a counter per ID and direction")
    data_bits: int = parameter(64, "width of the AXI data of devices", (32, 64, 128), cost="data registers")
    # Not in a register
    collapse_faults: bool = parameter(
        False, "a second fault of a source-id that already has a record is dropped (rule 24.2)"
    )
    protected_memory_shift: int = parameter(
        21, "protected regions are multiples of 2^this bytes (rule 21.1)", range(12, 32)
    )

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name, type(field.default))
        for name, facts in PARAMETERS.items():
            value = getattr(self, name)
            if not facts.allows(value):
                raise ConfigError(facts.refusal(name, value))
            if facts.needs and value and not getattr(self, facts.needs.partition(":")[0]):
                raise ConfigError(f"{name} needs {facts.needs}")
        for holds, sentence in self._rules():
            if not holds:
                raise ConfigError(sentence)
        self._check_offsets()

    def _check_type(self, name: str, kind: type) -> None:
        value = getattr(self, name)
        if kind is tuple and isinstance(value, list | tuple) and all(type(part) is int for part in value):
            object.__setattr__(self, name, tuple(value))
        elif kind is tuple or type(value) is not kind:
            raise ConfigError(f"{name} must be {_KIND_TEXT[kind]}, not {value!r}")

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        """Return what fields must be because of others, and the sentence that says so."""
        needs_second_stage = self.version_major <= 5
        return (
            (
                set(self.sagaw) <= set(SECOND_STAGE_LEVELS) and list(self.sagaw) == sorted(set(self.sagaw)),
                PARAMETERS["sagaw"].refusal("sagaw", self.sagaw),
            ),
            (
                bool(self.sagaw) == needs_second_stage,
                "sagaw must name a width up to version 5, and none from version 6 on without scalable mode, "
                f"not {list(self.sagaw)} at version {self.version_major}",
            ),
            (self.haw <= self.mgaw <= 64, f"mgaw must be haw ({self.haw}) to 64 bits, not {self.mgaw}"),
            (
                self.version_major == 1 or (self.dwd and self.drd),
                "dwd and drd must be true from version 2 on, where every IOTLB invalidation drains",
            ),
        )

    def _check_offsets(self) -> None:
        taken = {place: r.name for r in REGISTERS if not r.base for place in range(r.offset, r.offset + r.width // 8)}
        for name, first, length in (("iro", self.iro, 16), ("fro", self.fro, self.nfr * FRCD.stride)):
            if first % 16 or not 0 <= first <= REGISTER_SPACE_BYTES - length:
                raise ConfigError(
                    f"{name} must be a multiple of 16 that leaves {length} bytes below {REGISTER_SPACE_BYTES:#x}, "
                    f"not {first:#x}"
                )
            for place in range(first, first + length):
                if place in taken:
                    raise ConfigError(f"{name} {first:#x} must not reach {taken[place]} at {place:#x}")
                taken[place] = name

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration with the named fields changed from their defaults (a TOML file's top level)."""
        known = [field.name for field in fields(cls)]
        for name in values:
            if name not in known:
                raise ConfigError(f"{name} is no field of a configuration; there are {', '.join(known)}")
        return cls(**values)

    @classmethod
    def from_registers(
        cls, *, ver: int, cap: int, ecap: int, haw: int | None = None, collapse_faults: bool = False
    ) -> Self:
        """Return the configuration of a unit that reports these registers.

        `haw` in bits; without it CAP.MGAW + 1 stands in. Raises ConfigError, with the bit, for what cannot be built.
        """
        mgaw = CAP["MGAW"].of(cap) + 1
        values: dict[str, Any] = {
            "version_major": VER["MAX"].of(ver),
            "version_minor": VER["MIN"].of(ver),
            "haw": mgaw if haw is None else haw,
            "mgaw": mgaw,
            "sagaw": tuple(w for w, (bit, _) in SECOND_STAGE_LEVELS.items() if CAP["SAGAW"].of(cap) >> bit & 1),
            "sslps": tuple(shift for shift, bit in LARGE_PAGES.items() if CAP["SSLPS"].of(cap) >> bit & 1),
            "fro": CAP["FRO"].of(cap) * 16,
            "nfr": CAP["NFR"].of(cap) + 1,
            "iro": ECAP["IRO"].of(ecap) * 16,
            "collapse_faults": collapse_faults,
        }
        for register, value in ((CAP, cap), (ECAP, ecap)):
            for field in register.fields:
                name = field.name.lower()
                if name in _PLAIN:
                    values[name] = bool(field.of(value)) if _PLAIN[name] is bool else field.of(value)
        if ECAP["SMTS"].of(ecap):
            raise ConfigError(f"scalable mode does not exist yet: ECAP.SMTS (bit {ECAP['SMTS'].lsb}) must be 0")
        config = cls(**values)
        for register, wanted, built in (
            (VER, ver, config.ver),
            (CAP, cap, config.cap),
            (ECAP, ecap, config.ecap),
        ):
            _refuse_difference(register, wanted, built)
        return config

    @cached_property
    def ver(self) -> int:
        """Value of VER."""
        return VER.pack(MAX=self.version_major, MIN=self.version_minor)

    @cached_property
    def cap(self) -> int:
        """Value of CAP."""
        return CAP.pack(
            SAGAW=sum(1 << SECOND_STAGE_LEVELS[width][0] for width in self.sagaw),
            MGAW=self.mgaw - 1,
            FRO=self.fro // 16,
            SSLPS=sum(1 << LARGE_PAGES[shift] for shift in self.sslps),
            NFR=self.nfr - 1,
            **self._plain(CAP),
        )

    @cached_property
    def ecap(self) -> int:
        """Value of ECAP."""
        return ECAP.pack(IRO=self.iro // 16, **self._plain(ECAP))

    def _plain(self, register: Register) -> dict[str, int]:
        return {f.name: int(getattr(self, f.name.lower())) for f in register.fields if f.name.lower() in _PLAIN}

    def has(self, capability: str) -> bool:
        """Say whether a capability, "CAP.PI" or "CAP.SSLPS[1]", is there; a control of scalable mode
        ("RTADDR.SSIRWE") is not. KeyError for a name that no register has."""
        owner, _, rest = capability.partition(".")
        if owner == "RTADDR":
            return False
        name, _, bit = rest.rstrip("]").partition("[")
        register, value = {"CAP": (CAP, self.cap), "ECAP": (ECAP, self.ecap)}[owner]
        return bool(register[name].of(value) >> int(bit or 0) & 1)

    @property
    def slots(self) -> int:
        """Number of requests that can be held back at the same time."""
        return self.walks + self.parked

    @property
    def memory_id_bits(self) -> int:
        """Width of the AXI IDs of m_axi_mem: for each walk slot, queue tag and interrupt one, then that of posting."""
        return (self.slots + QUEUE_TAGS + self.interrupts).bit_length()

    @property
    def domain_id_bits(self) -> int:
        """Width of a domain-id."""
        return 4 + 2 * self.nd

    def reserved_mask(self, structure: Structure, *addresses: str) -> int:
        """Return ones at the bits of `structure` that must be 0 in this unit.

        `addresses` names its address fields, whose bits at and above HAW are reserved too.
        """
        mask = structure.reserved_mask(self.has)
        for name in addresses:
            field = structure[name]
            quadword = field.lsb // 64 * 64
            mask |= field.mask >> quadword >> self.haw << self.haw << quadword
        return mask

    def writable_mask(self, register: Register) -> int:
        """Return ones at the bits of a register that software can set and that this unit has."""
        mask = register.mask(Access.RW, Access.WO)
        if register in (FEUADDR, IEUADDR) and not self.eim:
            mask = 0
        if register in (RTADDR, IQA, IRTA, PHMBASE, PHMLIMIT):
            mask &= (1 << self.haw) - 1
        if register in (PLMBASE, PLMLIMIT, PHMBASE, PHMLIMIT):
            mask &= -1 << self.protected_memory_shift
        if register is RTADDR:
            mask &= ~RTADDR["SSIRWE"].mask
        if register is IRTA and not self.eim:
            mask &= ~IRTA["EIME"].mask
        return mask

    def register_offset(self, register: Register) -> int:
        """Return the byte offset of a register from the register base."""
        return {"": 0, "IRO": self.iro, "FRO": self.fro}[register.base] + register.offset

    def register_exists(self, register: Register) -> bool:
        """Say whether software finds the register."""
        return not register.exists_if or any(self.has(capability) for capability in register.exists_if)


def _refuse_difference(register: Register, wanted: int, built: int) -> None:
    for field in register.fields:
        if field.of(wanted) != field.of(built):
            raise ConfigError(
                f"this unit cannot be built with {register.name}.{field.name} (bit {field.lsb}) = "
                f"{field.of(wanted):#x}; it can only be {field.of(built):#x}"
            )


PARAMETERS: dict[str, Parameter] = {field.name: field.metadata["parameter"] for field in fields(UnitConfig)}

_KIND_TEXT: dict[type, str] = {int: "a whole number", bool: "true or false", tuple: "a list of whole numbers"}

# Fields of CAP and ECAP that hold exactly what the configuration's field of the same name says, and its type.
_ENCODED = ("mgaw", "sagaw", "sslps", "fro", "nfr", "iro")
_PLAIN = {
    name: type(getattr(UnitConfig, name))
    for name in (field.name.lower() for register in (CAP, ECAP) for field in register.fields)
    if hasattr(UnitConfig, name) and name not in _ENCODED
}

PRESETS = {
    "default": UnitConfig(),
    "small": UnitConfig(
        iotlb_entries=8,
        context_cache_entries=4,
        paging_structure_cache_entries=8,
        iec_entries=8,
        walks=2,
        parked=6,
        interrupts=4,
    ),
}
