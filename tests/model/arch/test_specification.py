"""Every declaration of model.arch against the tables in the shared folder `spec`, field by field and bit by bit."""

import tomllib
from pathlib import Path

import pytest

from model.arch import CONDITIONS, REGISTERS, STRUCTURES, FaultCondition, FaultReason, Field, Register, Structure
from model.arch.dmar import DMAR_STRUCTURES
from model.arch.encodings import IqeiCode

# Ours -> the name in structures.toml.
STRUCTURE_NAMES = {
    "ROOT_ENTRY": "root_entry",
    "CONTEXT_ENTRY": "context_entry",
    "SECOND_STAGE_PML5E": "ss_pml5e",
    "SECOND_STAGE_PML4E": "ss_pml4e",
    "SECOND_STAGE_PDPE": "ss_pdpe",
    "SECOND_STAGE_PDE": "ss_pde",
    "SECOND_STAGE_PDPE_1G": "ss_pdpe_1g",
    "SECOND_STAGE_PDE_2M": "ss_pde_2m",
    "SECOND_STAGE_PTE": "ss_pte",
    "IRTE_REMAPPED": "irte_remapped",
    "IRTE_POSTED": "irte_posted",
    "POSTED_INTERRUPT_DESCRIPTOR": "posted_interrupt_descriptor",
    "COMPATIBILITY_INTERRUPT_ADDRESS": "compat_intr_addr",
    "COMPATIBILITY_INTERRUPT_DATA": "compat_intr_data",
    "REMAPPABLE_INTERRUPT_ADDRESS": "remap_intr_addr",
    "REMAPPABLE_INTERRUPT_DATA": "remap_intr_data",
    "EVENT_MESSAGE_ADDRESS": "unit_msi_addr",
    "EVENT_MESSAGE_UPPER_ADDRESS": "unit_msi_upper_addr",
    "EVENT_MESSAGE_DATA": "unit_msi_data",
    "CONTEXT_CACHE_INV": "inv_context_cache",
    "IOTLB_INV": "inv_iotlb",
    "IEC_INV": "inv_iec",
    "INV_WAIT": "inv_wait",
    "P_IOTLB_INV": "inv_p_iotlb",
    "PASID_CACHE_INV": "inv_pasid_cache",
}

# The same of the ACPI table; SIDP is about PASIDs, which no configuration has.
DMAR_NAMES = {
    "DMAR_HEADER": "dmar_header",
    "DRHD": "dmar_drhd",
    "RMRR": "dmar_rmrr",
    "ATSR": "dmar_atsr",
    "RHSA": "dmar_rhsa",
    "ANDD": "dmar_andd",
    "SATC": "dmar_satc",
    "DEVICE_SCOPE": "dmar_device_scope",
}

# Ours -> `base` in registers.toml.
BASES = {"": "0", "IRO": "ECAP.IRO*16", "FRO": "CAP.FRO*16"}

# `present` in registers.toml -> our exists_if. FEUADDR and IEUADDR are there always, and 0 without ECAP.EIM.
PRESENT = {
    "always": (),
    "always; functional only when ECAP.EIM=1": (),
    "always (functional in major version <=5)": (),
    "legacy-mode operation, major version <=5": (),
    "CAP.PLMR=1 or CAP.PHMR=1": ("CAP.PLMR", "CAP.PHMR"),
    "CAP.PLMR=1": ("CAP.PLMR",),
    "CAP.PHMR=1": ("CAP.PHMR",),
    "ECAP.QI=1": ("ECAP.QI",),
    "ECAP.QI=1; functional only when ECAP.EIM=1": ("ECAP.QI",),
    "ECAP.IR=1": ("ECAP.IR",),
}

# Capabilities that no configuration has yet; a register that needs one of them is not declared.
ABSENT_CAPABILITIES = ("ECAP.PRS=1", "ECAP.MTS=1", "ECAP.PMS=1", "ECAP.RDTS=1", "ECAP.VCS=1", "CAP.ECMDS=1")

# `reset` in registers.toml -> ours. What is undefined reads 0 here.
RESETS = {"impl": None, "undefined": 0, "0": 0, "1": 1}

# `reserved_unless` in structures.toml -> ours.
RESERVED_UNLESS = {"CAP.SSLPS bit 0": "CAP.SSLPS[0]", "CAP.SSLPS bit 1": "CAP.SSLPS[1]"}


@pytest.fixture(scope="module")
def registers(shared: Path) -> dict:
    return _tables(shared, "registers.toml", "register", "name")


@pytest.fixture(scope="module")
def structures(shared: Path) -> dict:
    return _tables(shared, "structures.toml", "structure", "name")


@pytest.fixture(scope="module")
def faults(shared: Path) -> dict:
    return _tables(shared, "faults.toml", "fault", "condition")


def _load(shared: Path, file: str) -> dict:
    return tomllib.loads((shared / "spec" / file).read_text(encoding="utf-8"))


def _tables(shared: Path, file: str, kind: str, key: str) -> dict:
    rows = _load(shared, file)[kind]
    tables = {row[key]: row for row in rows}
    assert len(tables) == len(rows) > 0
    return tables


def _register_field(field: Field) -> tuple:
    return field.name, field.lsb, field.width, field.kind.value, field.reset


def _structure_field(field: Field) -> tuple:
    return field.name, field.lsb, field.width, field.kind.value, field.reserved_unless


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.name)
def test_register(register: Register, registers: dict):
    expected = registers[register.name + "_REG"]
    assert register.offset == expected["offset"]
    assert register.width == expected["width"]
    assert BASES[register.base] == expected["base"]
    assert register.exists_if == PRESENT[expected["present"]]
    assert register.stride == expected.get("array_stride", 0)
    assert [_register_field(field) for field in register.fields] == [
        (row["name"], row["lsb"], row["width"], row["attr"], RESETS[row["reset"]]) for row in expected["fields"]
    ]


def test_every_register_of_the_features_that_exist_is_declared(registers: dict):
    declared = {register.name + "_REG" for register in REGISTERS}
    missing = {name: row["present"] for name, row in registers.items() if name not in declared}
    assert [name for name, present in missing.items() if not present.startswith(ABSENT_CAPABILITIES)] == []
    assert declared <= set(registers)


@pytest.mark.parametrize("structure", [*STRUCTURES, *DMAR_STRUCTURES], ids=lambda structure: structure.name)
def test_structure(structure: Structure, structures: dict):
    expected = structures[(STRUCTURE_NAMES | DMAR_NAMES)[structure.name]]
    assert structure.width == expected["width"]
    assert [_structure_field(field) for field in structure.fields] == [
        (row["name"], row["lsb"], row["width"], row["kind"], _reserved_unless(row)) for row in expected["fields"]
    ]


def _reserved_unless(row: dict) -> str | None:
    capability = row.get("reserved_unless")
    return RESERVED_UNLESS.get(capability, capability)


def test_every_structure_is_compared_once():
    assert [structure.name for structure in STRUCTURES] == list(STRUCTURE_NAMES)
    assert len(set(STRUCTURE_NAMES.values())) == len(STRUCTURES)
    assert [structure.name for structure in DMAR_STRUCTURES] == list(DMAR_NAMES)


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=lambda condition: condition.name)
def test_fault_condition(condition: FaultCondition, faults: dict):
    expected = faults[condition.name]
    assert condition.reason == expected["code"]
    assert condition.qualified == expected["qualified"]
    assert condition.index_logged == expected.get("index_logged", False)
    assert condition.index_logged == ("FI[63:48]=index" in expected["logged"])


def test_every_condition_outside_scalable_mode_is_declared(faults: dict):
    """RTA.5 is the one that is not: it needs a request with execute-requested, from version 8 on."""
    outside = {name for name, row in faults.items() if row["mode"] != "scalable"}
    assert outside - set(CONDITIONS) == {"RTA.5"}
    assert {condition.reason for condition in CONDITIONS.values()} == set(FaultReason)
    assert all(name == condition.name for name, condition in CONDITIONS.items())


def test_queue_error_codes(shared: Path):
    codes = _load(shared, "registers.toml")["iqei_codes"]
    assert sorted(int(code) for code in codes) == sorted(IqeiCode)
