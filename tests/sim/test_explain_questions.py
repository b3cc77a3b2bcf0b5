# ruff: noqa: E501  (what is printed is typed in line by line)
"""`vtd explain` asked for what is in no recording: tables of a TOML file, interrupts of one's own, the whole queue."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.__main__ import vtd
from sim.explain import explain_queue, scene_of_recording
from sim.explain.picture import picture
from sim.recording import load_recording
from tests.sim.handmade import EVENTS, write_recording

# 00:02.0 has 39-bit tables; 0xc0405abc has the indices 3, 2, 5. The IRTE of handle 1 posts vector 0x45 to 0xb000.
TABLES = """
[registers]
RTADDR = 0x1000
IRTA = 0xa80f
IQA = 0x8000
IQT = 0x60
[memory]
0x1000 = [0x2001, 0]
0x2100 = [0x3001, 0x701]
0x3018 = 0x4003
0x4010 = 0x5001
0x5028 = 0xabcd003
0x5030 = "fails"
0x8000 = [0x11, 0]
0x8010 = [0x70032, 0xc0400003]
0x8020 = [0x3000000020, 0]
0x8030 = [0x5, 0]
0x8040 = [0x300000000035, 0x9000]
0x8050 = [0x0, 0]
0xa010 = [0xb00000458001, 0x40010]
0xb000 = [0, 0, 0, 0, 0x900990000, 0, 0, 0]
"""


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break no line: how lines are broken is a test of tests/sim/test_explain_views.py."""
    monkeypatch.setattr("sim.explain.text.WIDTH", 1000)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    path = tmp_path / "driver.toml"
    path.write_text(TABLES)
    return path


def explain(path: Path, *options: str) -> Result:
    return CliRunner().invoke(vtd, ["explain", str(path), *options])


def explained(path: Path, *options: str) -> str:
    result = explain(path, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def refusal(path: Path, *options: str) -> str:
    result = explain(path, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


def test_dma_with_tables_of_ones_own(tables: Path) -> None:
    text = explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc")
    assert text.startswith("with the tables of driver.toml: DMA read of 00:02.0 (source-id 0x0010) at 0xc0405abc\n")
    assert "permitted: host address 0xabcdabc, page of 0x1000 bytes, R  [rule 9.2]" in text
    text = explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc", "--write")
    assert "refused: write or AtomicOp without write permission; fault 0x5  [LGN.2]\nrecorded in FRCD[0]\n" in text


def test_quadword_that_fails(tables: Path) -> None:
    text = explained(tables, "--source-id", "00:02.0", "--address", "0xc0406000")
    assert "  5. SECOND_STAGE_PTE at 0x5030: the read fails  [rule 6.3]\n" in text
    assert "fault 0x7  [LSS.1]" in text


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (
            "0x200883",
            ["PS = 0x1: 1 = page", "SNP = 0x1: snoop (reserved when ECAP.SC=0)", "ADDR = 0x1, address 0x200000: page"],
        ),
        ("0x203083", ["PS = 0x1: 1 = page", "RSVD_20_12 = 0x3  <--: reserved", "ADDR = 0x1, address 0x200000: page"]),
    ],
)
def test_page_of_2_mib_is_no_pointer_to_a_table(tables: Path, entry: str, lines: list[str]) -> None:
    tables.write_text(TABLES.replace("0x4010 = 0x5001", f"0x4010 = {entry}"))
    text = explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc")
    assert "  4. SECOND_STAGE_PDE_2M at 0x4010: read  [rule 6.3]\n" in text
    assert all(f"\n        {line}" in text for line in lines)
    assert text.count("<--") == " ".join(lines).count("<--")


# Level 2 of TABLES takes the write permission away.
@pytest.mark.parametrize(
    ("level_1", "options", "marked"),
    [
        ("0xabcd003", [], 0),
        ("0xabcd003", ["--write"], 1),
        ("0xabcd002", [], 1),
        ("0x0", [], 1),
        ("0x0", ["--write"], 2),
        ("0x10000abcd003", ["--write"], 1),
    ],
    ids=["permitted", "W", "R", "nothing for a read", "nothing for a write", "ADDR"],
)
def test_only_what_had_a_part_in_the_refusal_is_marked(
    tables: Path, level_1: str, options: list[str], marked: int
) -> None:
    tables.write_text(TABLES.replace("0xabcd003", level_1))
    assert explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc", *options).count("<--") == marked


def test_page_of_2_mib_in_the_interrupt_range_blames_its_address_alone(tables: Path) -> None:
    tables.write_text(TABLES.replace("0x4010 = 0x5001", "0x4010 = 0xfee00083"))
    text = explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc")
    assert "fault 0xe  [LGN.4]" in text
    assert [line.split()[0] for line in text.splitlines() if "<--" in line] == ["ADDR"]


def test_configuration_of_the_tables(tables: Path) -> None:
    tables.write_text("[unit]\nhaw = 39\n" + TABLES.replace("0xabcd003", "0x8000000003"))
    assert "fault 0xc  [LSS.2]" in explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc")


def test_gcmd_of_the_file_is_all_that_is_written(tables: Path) -> None:
    """SRTP alone: translation stays off. Then SRTP and TE, one after the other."""
    question = ("--source-id", "00:02.0", "--address", "0xc0405abc")
    tables.write_text(TABLES.replace("[memory]", "GCMD = 0x40000000\n[memory]"))
    assert "DMA translation is off: GSTS.TES = 0" in explained(tables, *question)
    tables.write_text(TABLES.replace("[memory]", "GCMD = [0x40000000, 0x80000000]\n[memory]"))
    assert "host address 0xabcdabc" in explained(tables, *question)


def test_posted_interrupt_of_ones_own(tables: Path) -> None:
    text = explained(tables, "--interrupt", "--source-id", "00:02.0", "--address", "0xfee00030")
    assert "        SQ = 0x0" not in text
    assert "        SVT = 0x1: 0 no check, 1 SID/SQ, 2 bus range" in text
    lines = [line for line in text.splitlines() if re.match(r" *\d\. | {5}so: |\S", line)]
    assert lines == [
        "with the tables of driver.toml: interrupt request of 00:02.0 (source-id 0x0010): 0x0 to 0xfee00030",
        "  1. IRTE_POSTED at 0xa010: read  [rule 22.3]",
        "     so: source-id 0x0010 matches; SVT says: compare with SID 0x0010, SQ 0 compares all bits  [rule 22.3]",
        "  2. POSTED_INTERRUPT_DESCRIPTOR at 0xb000: read  [rule 23.1]",
        "     so: vector 0x45 is set in PIR; ON becomes 1, and a notification is due: SN is 0  [rule 23.2]",
        "  3. POSTED_INTERRUPT_DESCRIPTOR at 0xb000: write, as one step with the read  [rule 23.2]",
        "posted in the descriptor at 0xb000  [rule 23.2]",
        "send the notification 0x4099 to 0xfee09000  [rule 23.3]",
    ]


def test_interrupt_of_ones_own_with_data(tables: Path) -> None:
    """SHV: the subhandle 0xffff goes beyond the table."""
    question = ("--interrupt", "--source-id", "00:02.0", "--address", "0xfee00038", "--data", "0xffff")
    text = explained(tables, *question)
    assert "  1. interrupt remapping table: no entry is read  [rule 22.3]\n" in text
    assert "bits 15:0 of the data = 0xffff" in text
    assert "so: index 0x10000 is beyond the table, which ends with index 0xffff  [IR.21]" in text
    assert "what software must change: Give the device a handle, plus subhandle, within the table, or make" in text


def test_interrupt_entry_beyond_host_memory(tables: Path) -> None:
    """Index 0xb800 is within the table, its entry at 0xfffff000 + 16 * 0xb800 beyond 32 bits. Rule 22.3 b."""
    tables.write_text("[unit]\nhaw = 32\n[registers]\nIRTA = 0xfffff00f\n")
    text = explained(tables, "--interrupt", "--source-id", "00:02.0", "--address", "0xfee70014")
    assert (
        "     so: the entry would be at 0x1000b7000, beyond host memory, which ends below 2^32  [IR.21]\n"
        "\nrefused: interrupt index at or beyond"
    ) in text
    assert "what software must change: Put the whole interrupt remapping table below 2^HAW (IRTA)" in text


QUEUE = """\
  1. CONTEXT_CACHE_INV at 0x8000: complete  [rule 16.2]
     so: all cached context-entries are dropped  [rule 15]
  2. IOTLB_INV at 0x8010: complete  [rule 16.2]
     so: cached translations of domain 0x7 for 8 pages from 0xc0400000 are dropped  [rule 15]
  3. unknown descriptor at 0x8020: error  [rule 16.2]
     so: type 0 does not exist here  [rule 16.3]
     so: queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI = 3, INVALID_TYPE  [rule 16.4]
  4. INV_WAIT at 0x8030: waiting  [rule 16.2]
     so: complete once all descriptors before it are  [rule 16.5]
  5. INV_WAIT at 0x8040: waiting  [rule 16.2]
     so: complete once all descriptors before it are; write status 0x3000 to 0x9000; set ICS.IWC, and raise the completion event if it was 0  [rule 16.5]
  6. unknown descriptor at 0x8050: waiting and wrong  [rule 16.2]
     so: type 0 does not exist here: all bits are 0, as where nothing was ever written  [rule 16.3]
     so: would be a queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI would be 3, INVALID_TYPE  [rule 16.4]
the queue is stopped, FSTS.IQE is 1, since a queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI = 3, INVALID_TYPE  [rule 16.4]
what software must change: Put a descriptor that this unit has in the place where the head points, then clear FSTS.IQE: fetching goes on there.
6 descriptors: 2 complete, 1 error, 2 waiting, 1 waiting and wrong
""".splitlines()


def test_queue_of_tables(tables: Path) -> None:
    first, *lines = explained(tables, "--queue").splitlines()
    assert first == (
        "with the tables of driver.toml: invalidation queue at 0x8000, 256 descriptors of 16 bytes, on: head 0x20, tail "
        "0x60"
    )
    assert [line for line in lines if re.match(r" *\d\. | {5}so: |\S", line)] == QUEUE


def test_descriptors_that_are_not_reached_come_with_remedies(tables: Path) -> None:
    """Type 0 stops the queue at its first descriptor; a granularity 0 and one that cannot be read wait behind it."""
    tables.write_text(
        TABLES.replace("0x8000 = [0x11, 0]", "0x8000 = [0, 0]")
        .replace("0x8010 = [0x70032, 0xc0400003]", "0x8010 = [0x1, 0]")
        .replace("0x8020 = [0x3000000020, 0]", '0x8020 = "fails"')
    )
    assert (
        "\n".join(explained(tables, "--queue").splitlines()[6:16])
        == """\
  2. CONTEXT_CACHE_INV at 0x8010: waiting and wrong  [rule 16.2]
        value 0x0000000000000000_0000000000000001
        TYPE_LO = 0x1; G = 0x0 <--
     so: type 1 with granularity 0 does not exist here  [rule 16.3]
     so: would be a queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI would be 3, INVALID_TYPE  [rule 16.4]
     what software must change: Put a descriptor that this unit has in the place where the head points, then clear FSTS.IQE: fetching goes on there.
  3. unknown descriptor at 0x8020: waiting and wrong  [rule 16.2]
     so: would be a queue error: the descriptor cannot be read; IQERCD.IQEI would be 2, FETCH_ERROR  [rule 16.4]
     what software must change: Let IQA name memory that the unit can read, as large as IQA.QS says; turn the queue off (GCMD.QIE) to change it, then clear FSTS.IQE.
  4. INV_WAIT at 0x8030: waiting  [rule 16.2]"""
    )


def test_queue_error_is_the_one_at_the_head(tables: Path) -> None:
    """A reserved bit of the third descriptor stops the queue; the type of the sixth is another error, not reached."""
    tables.write_text(TABLES.replace("0x8020 = [0x3000000020, 0]", "0x8020 = [0x1000000000011, 1]"))
    text = explained(tables, "--queue")
    assert (
        "\nthe queue is stopped, FSTS.IQE is 1, since a queue error: a reserved bit of the descriptor is 1; "
        "IQERCD.IQEI = 4, RESERVED_BITS  [rule 16.4]\n"
    ) in text


@pytest.mark.parametrize("tail", ["0x20", "0x60"])
def test_queue_that_a_tail_stopped_stays_stopped(tables: Path, tail: str) -> None:
    """The tail was beyond the queue once; it is in its place again, but FSTS.IQE still stands. Rule 16.4."""
    tables.write_text(TABLES.replace("IQT = 0x60", f"GCMD = 0x04000000\nIQT = [0x2000, {tail}]"))
    lines = explained(tables, "--queue").splitlines()
    stopped = [line for line in lines if line.startswith(("the queue is stopped", "what software must change"))]
    assert stopped == [
        "the queue is stopped, FSTS.IQE is 1, since a queue error: the tail is beyond the queue; IQERCD.IQEI = 1, "
        "TAIL_BEYOND_QUEUE  [rule 16.4]",
        "what software must change: Write IQT within the size that IQA.QS says, then clear FSTS.IQE.",
    ]
    assert "  1. CONTEXT_CACHE_INV at 0x8000: waiting  [rule 16.2]" in lines


def test_queue_whose_bad_descriptor_was_mended_is_stopped_until_iqe_is_cleared(tmp_path: Path) -> None:
    """Type 0 stopped the queue; a wait stands there now, but software did not clear FSTS.IQE."""
    tail = {"e": "w", "o": "0x88", "s": 4, "v": "0x10"}
    bad, good = ({"e": "m", "a": "0x8000", "d": kind + "00" * 15} for kind in ("00", "05"))
    path = write_recording(tmp_path / "mended.jsonl.gz", *EVENTS[:20], bad, tail, good)
    lines = explained(path, "--queue").splitlines()
    assert "  1. INV_WAIT at 0x8000: waiting  [rule 16.2]" in lines
    assert any(line.startswith("the queue is stopped") and "IQEI = 3" in line for line in lines)


def test_wrong_descriptor_in_a_place_that_had_a_good_one_is_no_error_yet(tmp_path: Path) -> None:
    """The ring came round: the unit stopped at 0x8020, and has not met what stands at 0x8000 now."""
    first = [{"e": "m", "a": "0x8000", "d": ("05" + "00" * 15) * 2}, {"e": "w", "o": "0x88", "s": 4, "v": "0x20"}]
    second = [{"e": "m", "a": "0x8000", "d": "00" * 48}, {"e": "w", "o": "0x88", "s": 4, "v": "0x10"}]
    text = explained(write_recording(tmp_path / "ring.jsonl.gz", *EVENTS[:20], *first, *second), "--queue")
    assert "unknown descriptor at 0x8020: error, handed over in line 25" in text
    assert "unknown descriptor at 0x8000: waiting and wrong  [" in text
    assert text.count(": error") == 1


def test_queue_that_is_off_has_no_error_yet(tables: Path) -> None:
    tables.write_text(TABLES.replace("[memory]", "GCMD = 0\n[memory]"))
    text = explained(tables, "--queue")
    assert "off: head 0x0, tail 0x60" in text
    assert text.endswith("\n6 descriptors: 4 waiting, 2 waiting and wrong\n")
    assert "\nqueue error" not in text
    tables.write_text(TABLES.replace("[memory]", "GCMD = 0\n[memory]").replace("IQT = 0x60", "IQT = 0x2000"))
    assert "\nwould be a queue error: the tail is beyond the queue; " in explained(tables, "--queue")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "handmade.jsonl.gz", *EVENTS)


def test_queue_of_a_recording(recording: Path) -> None:
    assert explained(recording, "--queue").splitlines() == [
        "after line 25 of handmade.jsonl.gz, the last: invalidation queue at 0x8000, 256 descriptors of 16 bytes, on: "
        "head 0x10, tail 0x10",
        "",
        "  1. INV_WAIT at 0x8000: complete, handed over in line 23  [rule 16.2]",
        "        value 0x0000000000009000_0000006300000025",
        "        TYPE_LO = 0x5; SW = 0x1; STDATA = 0x63; STADDR = 0x2400, address 0x9000",
        "     so: complete once all descriptors before it are; write status 0x63 to 0x9000  [rule 16.5]",
        "",
        "1 descriptor: 1 complete",
    ]


def test_queue_before_anything_is_in_it(recording: Path) -> None:
    lines = explained(recording, "--queue", "--after", "22").splitlines()
    assert lines[0].endswith(" on: head 0x0, tail 0x0")
    assert lines[-1] == "no descriptor was read since the queue was turned on"
    lines = explained(recording, "--queue", "--after", "5").splitlines()
    assert ", off: head" in lines[0]
    assert lines[-1] == "the queue is off; no descriptor was read"


def test_queue_forgets_what_another_descriptor_replaced(tmp_path: Path) -> None:
    """A queue of 256 places: 258 waits leave 256 of them, the oldest handed over in the second write."""
    wait = {"e": "m", "a": "0x8000", "d": ("05" + "00" * 15) * 256}
    writes = [{"e": "w", "o": "0x88", "s": 4, "v": hex(tail)} for tail in (0x20, 0xFF0, 0x20)]
    path = write_recording(tmp_path / "ring.jsonl.gz", *EVENTS[:20], wait, *writes)
    text = explained(path, "--queue")
    numbered = [line for line in text.splitlines() if re.match(r" *\d+\. ", line)]
    assert len(numbered) == 256
    assert numbered[0] == "  1. INV_WAIT at 0x8020: complete, handed over in line 24  [rule 16.2]"
    assert numbered[-1] == "256. INV_WAIT at 0x8010: complete, handed over in line 25  [rule 16.2]"
    off = {"e": "w", "o": "0x18", "s": 4, "v": "0x82000000"}
    path = write_recording(tmp_path / "off.jsonl.gz", *EVENTS[:20], wait, *writes, off)
    assert explained(path, "--queue").splitlines()[-1] == "2 descriptors: 2 waiting"  # the head is 0 now, the tail 0x20
    reset = {"e": "mark", "text": "reset"}
    path = write_recording(tmp_path / "reset.jsonl.gz", *EVENTS[:20], wait, *writes, reset)
    assert explained(path, "--queue").splitlines()[-1] == "the queue is off; no descriptor was read"


STATUS_WRITE_FAILS = """\
  2. INV_WAIT at 0x8010: complete but for the failed status write, handed over in line 24  [rule 16.2]
        value 0x0000000000009100_0000000200000025
        TYPE_LO = 0x5; SW = 0x1; STDATA = 0x2; STADDR = 0x2440, address 0x9100 <--
     so: complete once all descriptors before it are; write status 0x2 to 0x9100  [rule 16.5]
     so: the status write to 0x9100 fails: software never sees it, no record tells, the queue goes on  [rule 16.5]

2 descriptors: 1 complete, 1 complete but for the failed status write
""".splitlines()


def test_status_write_that_fails(tmp_path: Path) -> None:
    waits = [EVENTS[20]["d"], "25000000020000000091000000000000"]
    memory = [{"e": "m", "a": "0x8000", "d": "".join(waits)}, {"e": "m", "a": "0x9100", "d": None, "s": 8, "err": True}]
    path = write_recording(
        tmp_path / "status.jsonl.gz", *EVENTS[:20], *memory, {"e": "w", "o": "0x88", "s": 4, "v": "0x20"}
    )
    assert explained(path, "--queue").splitlines()[-7:] == STATUS_WRITE_FAILS
    event = explained(path, "--event", "24")
    assert "  2. INV_WAIT at 0x8010: complete but for the failed status write  [rule 16.2]\n" in event
    assert "INV_WAIT at 0x9100" not in event
    told = explain_queue(scene_of_recording(load_recording(path), None))
    step = told.to_json()["steps"][1]
    assert (step["action"], [f["name"] for f in step["fields"] if f["wrong"]]) == ("the status write fails", ["STADDR"])
    assert "complete but for the failed status write" in picture(told)


READ = ("--source-id", "00:02.0", "--address", "0x1000")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[registers", ": not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("[memmory]", ": memmory is no part of such a file; there are [unit], [registers] and [memory]"),
        ("unit = 1", ": unit is no part of such a file; there are [unit], [registers] and [memory]"),
        ("[unit]\nhaw = 99", ", [unit]: haw must be 32 to 52 bits, not 99"),
        ("[memory]\n0x1000 = 1", ": [registers] is missing; RTADDR, IRTA or IQA must say where tables are"),
        (
            "[registers]\nRTADDR = 'abc'",
            ", [registers] RTADDR: must be a number of at most 64 bits, or a list of such, not 'abc'",
        ),
        (
            "[registers]\nGCMD = 0x100000000",
            ", [registers] GCMD: must be a number of at most 32 bits, or a list of such, not 4294967296",
        ),
        (
            "[registers]\nGCMD = [true]",
            ", [registers] GCMD: must be a number of at most 32 bits, or a list of such, not True",
        ),
        ("[registers]\nRTADDR = []", ", [registers] RTADDR: must be a number, or a list of at least one, not []"),
        (
            "[registers]\nRTADDR = 0\n[memory]\n0xfffffffffffffff8 = [1, 2]",
            ", [memory] 0xfffffffffffffff8: 2 quadwords from there run past the last address, 2^64 - 1",
        ),
        (
            "[memory]\n0x1004 = 1",
            ", [memory] 0x1004: must be an address of at most 64 bits, a multiple of 8 such as 0x1000",
        ),
        (
            "[memory]\nhere = 1",
            ", [memory] here: must be an address of at most 64 bits, a multiple of 8 such as 0x1000",
        ),
        (
            "[memory]\n0x1000 = [1, 'broken']",
            ", [memory] 0x1000: the quadword at 0x1008 must be a number of at most 64 bits or \"fails\", not 'broken'",
        ),
        (
            "[memory]\n0x1000 = [1, 2]\n0x1008 = 3",
            ", [memory] 0x1008: 0x1008 has a value already, from another line",
        ),
    ],
)
def test_what_is_wrong_with_a_file_of_tables(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "driver.toml"
    path.write_text(text)
    assert refusal(path, *READ) == f"{path}{message}"


def test_register_that_software_does_not_write(tmp_path: Path) -> None:
    path = tmp_path / "driver.toml"
    for name in ("RTADR", "CAP", "FRCD"):
        path.write_text(f"[registers]\n{name} = 1")
        message = refusal(path, *READ)
        assert message.startswith(
            f"{path}, [registers] {name}: no register that software writes; there are GCMD, RTADDR"
        )


def test_last_quadword_of_all(tables: Path) -> None:
    tables.write_text(TABLES + "0xfffffffffffffff8 = 1\n")
    assert "permitted" in explained(tables, "--source-id", "00:02.0", "--address", "0xc0405abc")


def test_suffix_in_capitals(tables: Path) -> None:
    assert "permitted" in explained(
        tables.rename(tables.with_suffix(".TOML")), "--source-id", "00:02.0", "--address", "0xc0405abc"
    )


def test_file_of_tables_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "nothing.toml"
    assert refusal(path, *READ) == (
        f"{path}: no such file or directory; a TOML file of registers and memory must be there"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--event", "2"], "{path} is no recording and has no events; name --queue, or --source-id and --address"),
        ([*READ, "--after", "3"], "{path} is no recording and has no lines; --after does not go with it"),
        (
            [*READ, "--interrupt"],
            "--address of an interrupt request must be 0xfee00000 to 0xfeefffff, not 0x1000",
        ),
        (
            [*READ, "--interrupt", "--write"],
            "--interrupt is a write without PASID already; --write and --pasid belong to DMA",
        ),
        ([*READ, "--data", "1"], "--data belongs to an interrupt request; name --interrupt too"),
    ],
)
def test_questions_that_tables_cannot_answer(tables: Path, options: list[str], message: str) -> None:
    assert refusal(tables, *options) == message.format(path=tables)


def test_commands_are_steps_of_their_own(tmp_path: Path) -> None:
    """One write of GCMD turns three things on; the queue does its descriptor in between. Rule 28.13."""
    head = [event for event in EVENTS[:1] if event["e"] == "w"]
    setup = [{"e": "w", "o": "0xb8", "s": 8, "v": "0xa007"}, {"e": "w", "o": "0x90", "s": 8, "v": "0x8000"}]
    queue = [{"e": "m", "a": "0x8000", "d": "05" + "00" * 15}, {"e": "w", "o": "0x88", "s": 4, "v": "0x10"}]
    command = {"e": "w", "o": "0x18", "s": 4, "v": "0xc7000000"}
    path = write_recording(tmp_path / "commands.jsonl.gz", *head, *setup, *queue, command)
    text = explained(path, "--event", "7")
    assert [line for line in text.splitlines() if re.match(r" *\d\. | {5}so: ", line)] == [
        "  1. DMA translation is turned on  [rule 18]",
        "  2. SRTP: the root table is at 0x1000, mode LEGACY  [rule 18.1]",
        "  3. the invalidation queue is turned on  [rule 16.1]",
        "  4. INV_WAIT at 0x8000: complete  [rule 16.2]",
        "     so: complete once all descriptors before it are  [rule 16.5]",
        "  5. interrupt remapping is turned on  [rule 18]",
        "  6. SIRTP: the interrupt remapping table is at 0xa000, 256 entries  [rule 18.3]",
    ]
    assert "GSTS changes from 0x0 to 0xc7000000" in text
