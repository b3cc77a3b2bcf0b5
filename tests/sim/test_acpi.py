"""`vtd acpi`: the table DMAR byte by byte, and as ACPICA's `iasl` reads it; what it refuses."""

import copy
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from model.arch import PRESETS, UnitConfig
from sim.__main__ import vtd
from sim.acpi import dmar_table
from sim.section import DescriptionError

EXAMPLE = Path("sim/data/dmar.toml").resolve()
UNIT = {"register_base": 0xFED90000, "include_pci_all": True}
SATC_SINCE = 20210105  # releases of ACPICA before it do not know this structure


def table(**sections: object) -> bytes:
    return dmar_table({"drhd": [UNIT], **sections}, PRESETS["default"])


def structure(number: int, **sections: object) -> bytes:
    """Return a remapping structure by its place in the table."""
    rest = table(**sections)[48:]
    for _ in range(number):
        rest = rest[int.from_bytes(rest[2:4], "little") :]
    return rest[: int.from_bytes(rest[2:4], "little")]


def test_head_and_unit_byte_by_byte():
    # Typed from the layout: ACPI's header, width less 1, flags, 10 reserved bytes; then a DRHD of 16 bytes.
    expected = (
        b"DMAR" + (64).to_bytes(4, "little") + b"\x01\x00" + b"VTDUNT" + b"VTDUNIT " + b"\x01\0\0\0VTDU\x01\0\0\0"
        b"\x2f\x01" + bytes(10) + b"\0\0\x10\0" + b"\x01\0\0\0" + b"\x00\x00\xd9\xfe\0\0\0\0"
    )
    found = table()
    assert found[:9] + b"\0" + found[10:] == expected
    assert sum(found) % 256 == 0


def test_flags_follow_configuration_and_description():
    without = dmar_table({"drhd": [UNIT]}, UnitConfig(ir=False, eim=False, pi=False, haw=39))
    assert without[36:38] == b"\x26\x00"
    flags = {"x2apic_opt_out": True, "dma_ctrl_platform_opt_in": True}
    assert table(table=flags)[37] == 0b111


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"endpoint": "00:02.0"}, "01 08 00 00 00 00 02 00"),
        ({"bridge": "3a:1c.5/00.0/1f.7"}, "02 0c 00 00 00 3a 1c 05 00 00 1f 07"),
        ({"ioapic": "f0:1f.7", "id": 9}, "03 08 00 00 09 f0 1f 07"),
        ({"hpet": "00:0f.0", "id": 0}, "04 08 00 00 00 00 0f 00"),
    ],
)
def test_device_scope(scope: dict, expected: str):
    drhd = [{**UNIT, "include_pci_all": False, "scopes": [scope]}]
    assert structure(0, drhd=drhd)[16:] == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (
            "rmrr",
            {"segment": 2, "base": 0x7D000000, "limit": 0x7F7FFFFF, "scopes": [{"endpoint": "00:02.0"}]},
            "0100 2000 0000 0200 0000007d00000000 ffff7f7f00000000 0108000000000200",
        ),
        ("atsr", {"all_ports": True, "segment": 1}, "0200 0800 01 00 0100"),
        ("rhsa", {"register_base": 0xFED90000, "proximity_domain": 3}, "0300 1400 00000000 0000d9fe00000000 03000000"),
        ("andd", {"number": 7, "name": r"\_SB.I2C"}, "0400 1100 000000 07 5c5f53422e49324300"),
        (
            "satc",
            {"atc_required": True, "scopes": [{"endpoint": "00:03.0"}]},
            "0500 1000 01 00 0000 0108000000000300",
        ),
    ],
)
def test_structure(kind: str, values: dict, expected: str):
    assert structure(1, **{kind: [values]}) == bytes.fromhex(expected)


def test_structures_stand_in_the_order_of_their_types():
    found = table(
        andd=[{"number": 1, "name": "I2C0"}], rmrr=[{"base": 0, "limit": 0xFFF, "scopes": [{"endpoint": "00:02.0"}]}]
    )
    assert [found[48], found[64], found[96]] == [0, 1, 4]


ENDPOINT = [{"endpoint": "00:02.0"}]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"drhd": []}, "drhd is missing; a table without a unit tells an operating system nothing"),
        ({"drdh": []}, "drdh is not known here; docs/integration.md lists what is"),
        ({"drhd": {}}, "drhd must be a list of tables"),
        ({"drhd": [1]}, "drhd[0] must be a table of names and values"),
        ({"drhd": [{}]}, "drhd[0].register_base is missing"),
        ({"drhd": [{"register_base": 0x800}]}, "drhd[0].register_base must be a multiple of 4 KiB, not 0x800"),
        (
            {"drhd": [{"register_base": 1 << 48}]},
            "drhd[0].register_base must be a number of at most 48 bits, not 281474976710656",
        ),
        ({"drhd": [{**UNIT, "segment": True}]}, "drhd[0].segment must be a number of at most 16 bits, not True"),
        ({"drhd": [{**UNIT, "include_pci_all": 1}]}, "drhd[0].include_pci_all must be true or false, not 1"),
        ({"drhd": [{**UNIT, "size": 1}]}, "drhd[0].size is not known here; docs/integration.md lists what is"),
        ({"drhd": [UNIT, UNIT]}, "drhd[0].include_pci_all must be of the last drhd of its segment"),
        (
            {"drhd": [{**UNIT, "scopes": [{}]}]},
            "drhd[0].scopes[0] must have exactly one of endpoint, bridge, ioapic, hpet, namespace",
        ),
        (
            {"drhd": [{**UNIT, "scopes": [{"endpoint": "2.0"}]}]},
            "drhd[0].scopes[0].endpoint must be a path such as 00:1c.0 or 00:1c.0/00.0, not 2.0",
        ),
        (
            {"drhd": [{**UNIT, "scopes": [{"endpoint": "00:02.0", "id": 1}]}]},
            "drhd[0].scopes[0].id is not known here; docs/integration.md lists what is",
        ),
        ({"drhd": [{**UNIT, "scopes": [{"ioapic": "00:02.0"}]}]}, "drhd[0].scopes[0].id is missing"),
        (
            {"drhd": [{**UNIT, "scopes": [{"namespace": "00:02.0", "id": 1}]}]},
            "drhd[0].scopes[0].id must be the number of an andd, not 1",
        ),
        (
            {"rmrr": [{"base": 0x1000, "limit": 0x2000, "scopes": ENDPOINT}]},
            "rmrr[0].limit must be the last byte of a 4 KiB page not below base, not 0x2000",
        ),
        (
            {"rmrr": [{"base": 0x2000, "limit": 0x1FFF, "scopes": ENDPOINT}]},
            "rmrr[0].limit must be the last byte of a 4 KiB page not below base, not 0x1fff",
        ),
        (
            {"rmrr": [{"base": 0, "limit": 0xFFF}]},
            "rmrr[0].scopes is missing; it names the devices that this is about",
        ),
        (
            {"atsr": [{}]},
            "atsr[0] must have either all_ports = true or scopes, the root ports that it is about",
        ),
        (
            {"rhsa": [{"register_base": 0x1000, "proximity_domain": 0}]},
            "rhsa[0].register_base must be that of a drhd, not 0x1000",
        ),
        (
            {"andd": [{"number": 1, "name": "i2c"}]},
            r"andd[0].name must be an ACPI path such as \_SB.PCI0.I2C0, not i2c",
        ),
        ({"drhd": [{**UNIT, "register_base": 0}]}, "drhd[0].register_base must be where the registers are, not 0"),
        (
            {"drhd": [{"register_base": 0x1000}]},
            "drhd[0] must have include_pci_all = true or scopes, the devices that are behind the unit",
        ),
        (
            {"drhd": [{**UNIT, "include_pci_all": False, "scopes": ENDPOINT}, UNIT]},
            "drhd[1].register_base must not be 0xfed90000, which drhd[0] has",
        ),
        (
            {"rhsa": [{"register_base": 0xFED90000, "proximity_domain": domain} for domain in range(2)]},
            "rhsa[1].register_base must not be 0xfed90000, which rhsa[0] has",
        ),
        (
            {"andd": [{"number": 5, "name": name} for name in ("I2C0", "I2C1")]},
            "andd[1].number must not be 0x5, which andd[0] has",
        ),
        (
            {"atsr": [{"scopes": ENDPOINT}]},
            "atsr[0].scopes[0] must be of kind bridge, the only one that is legal here, not endpoint",
        ),
        (
            {"satc": [{"scopes": [*ENDPOINT, {"bridge": "00:1c.0"}]}]},
            "satc[0].scopes[1] must be of kind endpoint, the only one that is legal here, not bridge",
        ),
        ({"table": {"oem_id": "MUCHTOOLONG"}}, "table.oem_id must be 1 to 6 ASCII characters, not 'MUCHTOOLONG'"),
        (
            {"drhd": [{**UNIT, "scopes": ENDPOINT * 9000}]},
            "DRHD is 72016 bytes long, more than its length field can say",
        ),
    ],
)
def test_refusal(sections: dict, message: str):
    with pytest.raises(DescriptionError, match=f"^{re.escape(message)}$"):
        table(**sections)


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(vtd, ["acpi", *map(str, arguments)])
    return result.exit_code, result.output


def test_command_writes_the_example(tmp_path: Path):
    target = tmp_path / "dmar.aml"
    assert invoke(EXAMPLE, "-o", target) == (0, f"written: {target}, 187 bytes\n")
    assert target.read_bytes() == dmar_table(tomllib.loads(EXAMPLE.read_text()), PRESETS["default"])


def test_command_says_that_there_are_no_device_tlbs(tmp_path: Path):
    description = tmp_path / "d.toml"
    description.write_text("[[drhd]]\nregister_base = 0x1000\ninclude_pci_all = true\n[[atsr]]\nall_ports = true\n")
    status, output = invoke(description, "-o", tmp_path / "dmar.aml")
    assert status == 0
    assert "note: ATSR and SATC speak of device-TLBs, which this unit does not have (ECAP.DT is 0)" in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file or directory; a description (TOML) must be there"),
        ("drhd", "not TOML: "),
        ("", "drhd is missing; a table without a unit tells an operating system nothing"),
    ],
)
def test_command_refuses_in_one_line(tmp_path: Path, text: str | None, message: str):
    description = tmp_path / "d.toml"
    if text is not None:
        description.write_text(text)
    status, output = invoke(description, "-o", tmp_path / "dmar.aml")
    assert status == 2
    assert output.startswith(f"Error: {description}: {message}")
    assert output.count("\n") == 1
    assert not (tmp_path / "dmar.aml").exists()


@pytest.fixture
def iasl() -> str:
    found = shutil.which("iasl")
    if not found:
        pytest.skip("iasl is not there, which reads ACPI tables: apt-get install acpica-tools")
    return found


def everything() -> dict:
    """Return the example with every kind of structure and scope."""
    description = copy.deepcopy(tomllib.loads(EXAMPLE.read_text()))
    description["atsr"] = [{"all_ports": True}, {"segment": 1, "scopes": [{"bridge": "00:1c.0/00.0"}]}]
    return description


def disassembled(iasl: str, content: bytes, folder: Path) -> str:
    """Return what iasl makes of a table; it must have no complaint, and make the same table of it again."""
    (folder / "dmar.aml").write_bytes(content)
    for command in (["-d", "dmar.aml"], ["-p", "again", "dmar.dsl"]):
        done = subprocess.run([iasl, *command], cwd=folder, capture_output=True, text=True, check=True)
        assert not re.search(
            r"[1-9]\d* (?:error|warning|remark)|unknown|invalid", done.stdout + done.stderr, re.IGNORECASE
        ), done.stdout
    text = (folder / "dmar.dsl").read_text()
    assert not re.search(r"\*\*\*\*|unknown|invalid|should be", text, re.IGNORECASE), text
    again = (folder / "again.aml").read_bytes()
    kept = slice(48, None)  # iasl signs the head
    assert again[kept] == content[kept]
    return text


def test_iasl_reads_every_structure(iasl: str, tmp_path: Path):
    text = disassembled(iasl, dmar_table(everything(), PRESETS["default"]), tmp_path)
    types = re.findall(r"Subtable Type : (\d{4})", text)
    assert types == ["0000", "0000", "0001", "0002", "0002", "0003", "0004"]
    assert re.search(r"Host Address Width : 2F", text)
    assert re.search(r"Register Base Address : 00000000FED91000", text)
    assert re.search(r"End Address \(limit\) : 000000007F7FFFFF", text)
    assert re.findall(r"Device Scope Type : (\d\d)", text) == ["01", "03", "04", "05", "01", "02"]
    assert r"\_SB.PCI0.I2C0" in text


def test_iasl_reads_satc(iasl: str, tmp_path: Path):
    head = subprocess.run([iasl, "-v"], capture_output=True, text=True, check=True).stdout
    release = int(re.search(r"version (\d{8})", head)[1])
    if release < SATC_SINCE:
        pytest.skip(f"this iasl, of {release}, does not know SATC, which came with {SATC_SINCE}")
    description = everything() | {"satc": [{"scopes": ENDPOINT}]}
    assert "SoC Integrated Address Translation Cache" in disassembled(
        iasl, dmar_table(description, PRESETS["default"]), tmp_path
    )
