"""Configuration of a unit: sizes and optional features, from which VER, CAP and ECAP follow."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

from model.arch.fields import Access, Register, Structure
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

__all__ = ["PRESETS", "REGISTER_SPACE_BYTES", "SECOND_STAGE_LEVELS", "ConfigError", "UnitConfig"]

REGISTER_SPACE_BYTES = 4096

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

    version_major: int = 5
    version_minor: int = 0
    haw: int = 48  # host address width, bits; no register tells it
    # CAP
    nd: int = 6  # domain-ids have 4 + 2 * nd bits
    rwbf: bool = False
    plmr: bool = True
    phmr: bool = True
    cm: bool = False
    sagaw: tuple[int, ...] = (39, 48, 57)  # widths of second-stage tables, bits
    mgaw: int = 57  # widest guest address, bits
    zlr: bool = True
    fro: int = 0x220  # byte offset of the first FRCD
    sslps: tuple[int, ...] = (21, 30)  # large pages, bits of offset
    psi: bool = True
    nfr: int = 8  # number of FRCD registers
    mamv: int = 18
    dwd: bool = True
    drd: bool = True
    pi: bool = True
    esirtps: bool = True
    esrtps: bool = True
    # ECAP
    c: bool = True
    qi: bool = True
    ir: bool = True
    eim: bool = True
    pt: bool = True
    sc: bool = True
    iro: int = 0xF0  # byte offset of IVA; IOTLB follows
    mhmv: int = 15
    adms: bool = False
    eimer: bool = False
    irreq: bool = False
    # Sizes, which software does not see
    iotlb_entries: int = 64
    context_cache_entries: int = 16
    paging_structure_cache_entries: int = 32
    iec_entries: int = 32
    interrupts: int = 8  # interrupt requests that are remapped at the same time
    exclusive: bool = True  # memory has exclusive accesses; without, software may lose updates of posted descriptors
    walks: int = 8  # page walks that read memory at the same time
    parked: int = 8  # further requests that may wait, for a walk or behind an older request of their order
    id_bits: int = 4  # AXI IDs of devices
    data_bits: int = 64  # AXI data of devices
    # Not in a register
    collapse_faults: bool = False  # a second fault of a source-id that already has a record is dropped (rule 24.2)
    protected_memory_shift: int = 21  # protected regions are multiples of 2^shift bytes (rule 21.1)

    def __post_init__(self) -> None:
        for field in fields(self):
            self._check_type(field.name, type(field.default))
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
        needs_second_stage = self.version_major <= 5
        return (
            (1 <= self.version_major <= 15, f"version_major must be 1 to 15, not {self.version_major}"),
            (0 <= self.version_minor <= 15, f"version_minor must be 0 to 15, not {self.version_minor}"),
            (32 <= self.haw <= 52, f"haw must be 32 to 52 bits, not {self.haw}"),
            (0 <= self.nd <= 6, f"nd must be 0 to 6 (4 to 16 domain-id bits), not {self.nd}"),
            (
                set(self.sagaw) <= set(SECOND_STAGE_LEVELS) and list(self.sagaw) == sorted(set(self.sagaw)),
                f"sagaw must be some of 39, 48, 57 in rising order, not {list(self.sagaw)}",
            ),
            (
                bool(self.sagaw) == needs_second_stage,
                "sagaw must name a width up to version 5, and none from version 6 on without scalable mode, "
                f"not {list(self.sagaw)} at version {self.version_major}",
            ),
            (self.haw <= self.mgaw <= 64, f"mgaw must be haw ({self.haw}) to 64 bits, not {self.mgaw}"),
            (self.sslps in ((), (21,), (21, 30)), f"sslps must be [], [21] or [21, 30], not {list(self.sslps)}"),
            (1 <= self.nfr <= 256, f"nfr must be 1 to 256 fault records, not {self.nfr}"),
            (0 <= self.mamv <= 63, f"mamv must be 0 to 63, not {self.mamv}"),
            (
                self.version_major == 1 or (self.dwd and self.drd),
                "dwd and drd must be true from version 2 on, where every IOTLB invalidation drains",
            ),
            (self.qi or not self.ir, "ir needs qi: interrupt remapping without queued invalidation does not exist"),
            (self.ir or not self.eim, "eim needs ir"),
            (self.ir or not self.pi, "pi needs ir"),
            (self.ir or not self.irreq, "irreq needs ir"),
            (self.eim or not self.eimer, "eimer needs eim"),
            *(
                (2 <= getattr(self, name) <= 256, f"{name} must be 2 to 256, not {getattr(self, name)}")
                for name in ("iotlb_entries", "context_cache_entries", "paging_structure_cache_entries", "iec_entries")
            ),
            (4 <= self.interrupts <= 16, f"interrupts must be 4 to 16, not {self.interrupts}"),
            (1 <= self.walks <= 16, f"walks must be 1 to 16, not {self.walks}"),
            (6 <= self.parked <= 16, f"parked must be 6 to 16, not {self.parked}"),
            (1 <= self.id_bits <= 8, f"id_bits must be 1 to 8, not {self.id_bits}"),
            (self.data_bits in (32, 64, 128), f"data_bits must be 32, 64 or 128, not {self.data_bits}"),
            (0 <= self.mhmv <= 15, f"mhmv must be 0 to 15, not {self.mhmv}"),
            (
                12 <= self.protected_memory_shift <= 31,
                f"protected_memory_shift must be 12 to 31, not {self.protected_memory_shift}",
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
