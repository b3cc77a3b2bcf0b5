"""`vtd program`: the example in C brings the unit up, and what is wrong with a program is said."""

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from model.arch import PRESETS, UnitConfig
from sim.__main__ import vtd
from sim.program import PLATFORM, _compiled
from tb import c_program
from tb.c_program import CProgram
from tb.check import CheckFailed
from tb.players import play_model
from tb.testbench import Testbench

BRING_UP = PLATFORM / "bring_up.c"
HEAD = '#include "platform.h"\n#include "vtd_unit.h"\n'

PRINTED = [
    "version 5.0",
    "before: a device writes wherever it wants",
    "translation on: DMA at 0x40000000 reaches host memory at 0x20000",
    "fault event: source-id 0x0018 refused at 0x40000000, reason 0x2",
    "page invalidated by queue: DMA at 0x40000000 reaches 0x21000",
    "interrupt remapped: 0x4041 to 0xfee02000",
    "and the one of a stranger is refused",
]


def invoke(*arguments: object, config: object = "small") -> tuple[int, list[str]]:
    result = CliRunner().invoke(vtd, ["program", *map(str, arguments), "--config", str(config)])
    return result.exit_code, result.output.splitlines()


def written(folder: Path, body: str) -> Path:
    source = folder / "a program.c"
    source.write_text(HEAD + body)
    return source


def played(source: Path, config: UnitConfig) -> tuple[int | None, list[str]]:
    """Run a program on the model alone; return its status and what it printed."""
    with TemporaryDirectory() as name:
        lines: list[str] = []
        program = CProgram(_compiled(source, config, Path(name)), lambda _, text: lines.append(text), clocks=100_000)
        play_model(Testbench(config), program.script)
    return program.status, lines


@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_example_brings_the_unit_up(simulator: str):
    status, lines = invoke(BRING_UP, "--simulator", simulator)
    assert status == 0, lines
    assert [line[10:] for line in lines[:-2]] == PRINTED
    clocks = [int(line[:8]) for line in lines[:-2]]
    assert clocks == sorted(clocks)
    assert re.fullmatch(rf"{simulator}: all 72 outputs equal model/cycle in {clocks[-1]} clocks", lines[-2])
    assert lines[-1] == "main returned 0"


def test_devices_of_32_bits(tmp_path: Path):
    config = tmp_path / "narrow.toml"
    config.write_text("data_bits = 32\nwalks = 1\niotlb_entries = 4\n")
    status, lines = invoke(BRING_UP, "--simulator", "icarus", config=config)
    assert status == 0, lines
    assert [line[10:] for line in lines[:-2]] == PRINTED


@pytest.mark.parametrize(
    "changed",
    [
        {"sagaw": (48,)},
        {"sagaw": (57,)},
        {"nfr": 1},
        {"psi": False, "cm": True, "rwbf": True},
        {"version_major": 1, "dwd": False, "drd": False, "eim": False, "pi": False, "irreq": True, "c": False},
        {"esirtps": False, "esrtps": False, "haw": 32, "mgaw": 39, "collapse_faults": True},
    ],
)
def test_example_fits_the_configuration(changed: dict):
    config = replace(PRESETS["small"], **changed)
    status, lines = played(BRING_UP, config)
    assert (status, lines[1:]) == (0, PRINTED[1:])


def test_example_notices_what_is_not_as_expected(tmp_path: Path):
    source = tmp_path / "wrong.c"
    source.write_text(BRING_UP.read_text().replace("GET(FRCD__HI__FR, high) == 2)", "GET(FRCD__HI__FR, high) == 3)"))
    status, lines = invoke(source)
    assert status == 1
    assert re.fullmatch(r" *\d+  line (\d+): not so: GET\(FRCD__HI__FR, high\) == 3", lines[-3])
    assert lines[-1] == "main returned " + re.search(r"line (\d+)", lines[-3])[1]


def test_every_function_of_the_platform(tmp_path: Path):
    source = written(
        tmp_path,
        """
        int main(void)
        {
            uint64_t value = 1, address;
            uint32_t data;
            memory_write(0x1000, 0x8877665544332211);
            bool read = device_read(0x18, 0x1000, &value);
            print("%d %llx %llx", read, (unsigned long long)value, (unsigned long long)memory_read(0x2000));
            print("%d", device_write(0x18, 0xfffffffffffff000, 1));
            register_write64(0x20, 0x123456789000);
            print("%llx %x", (unsigned long long)register_read64(0x20), register_read32(0x24));
            register_write32(0x3c, 0x31);
            print("%x %d", register_read32(0x3c), next_message(&address, &data));
            print("%d", device_interrupt(0x18, 0xfee01000, 0x55));
            bool sent = next_message(&address, &data);
            print("%d %llx %x", sent, (unsigned long long)address, data);
            wait_clocks(1000);
            return 7;
        }
        """,
    )
    status, lines = invoke(source)
    assert status == 1
    assert [line[10:] for line in lines[:-2]] == [
        "1 8877665544332211 0",
        "0",  # above the host's addresses
        "123456789000 1234",
        "31 0",
        "1",
        "1 fee01000 55",
    ]
    assert int(re.search(r"in (\d+) clocks", lines[-2])[1]) >= 1000 + int(lines[-3][:8])
    assert lines[-1] == "main returned 7"


@pytest.mark.parametrize(
    ("access", "failure"),
    [
        ("register_read32(0x1000)", "register_read32(0x1000): registers have offsets 0 to 0xfff"),
        ("register_write64(0x1004, 0)", "register_write64(0x1004): registers have offsets 0 to 0xfff"),
        ("register_read64(0x24)", "register_read64(0x24): the offset must be a multiple of 8"),
    ],
)
def test_access_that_no_register_has(tmp_path: Path, access: str, failure: str):
    status, lines = invoke(
        written(tmp_path, f'int main(void) {{ print("before"); {access}; }}'), "--simulator", "icarus"
    )
    assert status == 1
    assert re.fullmatch(r" *\d+  before", lines.pop(0))
    assert re.fullmatch(rf"Error: clock \d+: {re.escape(failure)}", lines[0])


def test_program_that_does_not_compile(tmp_path: Path):
    source = written(tmp_path, "int main(void) { return nothing; }\n")
    status, lines = invoke(source)
    assert status == 2
    assert lines[0] == f"Error: {source} does not compile"
    assert "nothing" in "".join(lines)


@pytest.mark.parametrize(
    ("body", "missing"),
    [("int start(void) { return 0; }\n", "main"), ("int f(void);\nint main(void) { return f(); }\n", "f")],
)
def test_function_that_is_not_defined(tmp_path: Path, body: str, missing: str):
    source = written(tmp_path, body)
    assert invoke(source) == (
        2,
        [
            f"Error: {source}: {missing} not defined; a program defines main, and calls what platform.h, "
            "the C library or itself has"
        ],
    )


def test_library_that_cannot_be_loaded(tmp_path: Path):
    (tmp_path / "program.so").write_text("no library")
    with pytest.raises(CheckFailed, match="the program cannot be loaded: "):
        play_model(Testbench(PRESETS["small"]), CProgram(tmp_path / "program.so", print, clocks=10).script)


@pytest.mark.parametrize("end", ["*(volatile int *)0 = 1", "exit(3)", "assert(!end)"])
def test_program_that_does_not_come_to_its_end(tmp_path: Path, end: str):
    head = "#include <assert.h>\n#include <stdlib.h>\nint end = 1;\n"
    source = written(tmp_path, f'{head}int main(void) {{ print("before"); {end}; return 0; }}')
    status, lines = invoke(source, "--simulator", "icarus")
    assert status == 1
    assert re.fullmatch(r" *\d+  before", lines[0])
    assert lines[1].startswith("Error: the program crashed, called exit or failed an assertion: the simulation broke")
    assert len(lines) == 2


def test_folder_is_no_program(tmp_path: Path):
    assert invoke(tmp_path) == (2, [f"Error: {tmp_path}: a folder; a program in C must be there"])


def test_program_that_is_not_there(tmp_path: Path):
    assert invoke(tmp_path / "no.c") == (
        2,
        [f"Error: {tmp_path / 'no.c'}: no such file; a program in C must be there"],
    )


@pytest.mark.parametrize(
    ("poll", "seen"),
    [
        ("while (!(register_read32(0x34) & 1)) { }", "its last read, of FSTS at 0x34, gave 0x0"),
        ("while (!register_read32(0x228)) { }", "its last read, of the register at 0x228, gave 0x0"),
        ("while (!memory_read(0x3000)) { }", "its last read, of memory at 0x3000, gave 0x0"),
        ("uint64_t a; uint32_t d; while (!next_message(&a, &d)) { }", "its last read, of a message, gave none"),
        ("for (;;) { wait_clocks(0); }", "it has read nothing"),
        ("wait_clocks(4000000000);", "it has read nothing"),
    ],
)
def test_program_that_polls_for_ever(tmp_path: Path, poll: str, seen: str):
    source = written(tmp_path, f'int main(void) {{ print("before"); {poll} return 0; }}')
    status, lines = invoke(source, "--simulator", "icarus", "--cycles", 500)
    assert status == 1
    assert re.fullmatch(r" *\d+  before", lines[0])
    assert lines[1] == f"Error: clock 500: the program has not ended, {seen}; --cycles gives it more"


def test_program_that_asks_for_nothing_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(c_program, "SILENCE_SECONDS", 1)
    source = written(tmp_path, "#include <unistd.h>\nint main(void) { for (;;) { pause(); } }\n")
    with pytest.raises(CheckFailed, match="the program has asked for nothing for 1 seconds"):
        played(source, PRESETS["small"])


@pytest.mark.parametrize(("end", "status"), [("return 0;", 0), ("register_read32(0x1000);", 1)])
def test_waves_have_their_view_also_of_a_program_that_fails(tmp_path: Path, end: str, status: int):
    source, waves = written(tmp_path, f"int main(void) {{ {end} }}"), tmp_path / "unit.fst"
    exit_code, lines = invoke(source, "--simulator", "icarus", "--waves", waves)
    assert exit_code == status
    assert f"written: {waves}, to be seen with: gtkwave {waves}.gtkw" in lines
    assert waves.exists() and f'[dumpfile] "{waves}"' in (tmp_path / "unit.fst.gtkw").read_text()
