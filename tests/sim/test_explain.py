# ruff: noqa: E501  (what is printed is typed in line by line)
"""`vtd explain`: every entry that was read, its fields, the decision and its rule, against texts typed by hand."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sim.__main__ import vtd
from sim.explain import ExplainError, explain_event, parse_source_id
from sim.recording import load_recording
from tests.sim.handmade import EVENTS, HEADER, write_recording


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break no line: how lines are broken is a test of tests/sim/test_explain_views.py."""
    monkeypatch.setattr("sim.explain.text.WIDTH", 1000)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "handmade.jsonl.gz", *EVENTS)


def explain(recording: Path, *options: str) -> Result:
    return CliRunner().invoke(vtd, ["explain", str(recording), *options])


def explained(recording: Path, *options: str) -> list[str]:
    result = explain(recording, *options)
    lines = result.stdout.splitlines()
    otherwise = any(line.startswith("the recording says otherwise: ") for line in lines)
    assert (result.exit_code, result.stderr) == (1 if otherwise else 0, "")
    return lines


def without_meanings(lines: list[str]) -> list[str]:
    """Keep the name and value of each field, not what it means, which is a table's text."""
    return [re.sub(r"^(\s+\w+ = 0x[0-9a-f]+(?:, address 0x[0-9a-f]+)?(?:  <--)?): .*", r"\1", line) for line in lines]


# 0x8080604abc has the indices 1, 2, 3, 4 in the tables of levels 4, 3, 2, 1.
WALK = """\
  1. ROOT_ENTRY at 0x13a0: read  [rule 4.2]
        why there: root table at 0x1000 (RTADDR.RTA), entry 0x3a: bits 15:8 of the source-id
        value 0x0000000000000000_0000000000002001
        P = 0x1
        CTP = 0x2, address 0x2000
  2. CONTEXT_ENTRY at 0x20a0: read  [rule 4.3]
        why there: context table at 0x2000 (CTP of the root-entry), entry 0xa: bits 7:0 of the source-id
        value 0x0000000000000702_0000000000003001
        P = 0x1
        SSPTPTR = 0x3, address 0x3000
        AW = 0x2
        DID = 0x7
     so: AW says tables of 4 levels, 48 bits; CAP.MGAW allows 48 bits  [rule 4.3]
  3. SECOND_STAGE_PML4E at 0x3008: read  [rule 6.3]
        why there: level 4 table at 0x3000 (SSPTPTR of the context-entry), entry 0x1: bits 47:39 of the address
        value 0x0000000000004003
        R = 0x1
        W = 0x1
        ADDR = 0x4, address 0x4000
     so: permitted so far: read and write  [rule 6.4]
  4. SECOND_STAGE_PDPE at 0x4010: read  [rule 6.3]
        why there: level 3 table at 0x4000 (ADDR of the level 4 entry), entry 0x2: bits 38:30 of the address
        value 0x0000000000005003
        R = 0x1
        W = 0x1
        ADDR = 0x5, address 0x5000
     so: permitted so far: read and write  [rule 6.4]
  5. SECOND_STAGE_PDE at 0x5018: read  [rule 6.3]
        why there: level 2 table at 0x5000 (ADDR of the level 3 entry), entry 0x3: bits 29:21 of the address
        value 0x0000000000006001
        R = 0x1
        W = 0x0
        ADDR = 0x6, address 0x6000
     so: permitted so far: read  [rule 6.4]
  6. SECOND_STAGE_PTE at 0x6020: read  [rule 6.3]
        why there: level 1 table at 0x6000 (ADDR of the level 2 entry), entry 0x4: bits 20:12 of the address
        value 0x0000000000007003
        R = 0x1
        W = 0x1
        ADDR = 0x7, address 0x7000
     so: this entry maps a page; all levels together permit read  [rule 6.4]

""".splitlines()

# The same walk of a write: what level 2 took away had a part in the refusal.
REFUSED_WALK = [line.replace("W = 0x0", "W = 0x0  <--") for line in WALK]

# The record of fault 5: F, reason, write (T1 = 0), source-id, page number of the address. Rule 24.6.
WRITE_REFUSED = """\
refused: write or AtomicOp without write permission; fault 0x5  [LGN.2]
recorded in FRCD[0]
what software must change: Map the address for writing before the device uses it: W must be 1 in the entries of all levels; then invalidate the IOTLB.
FSTS changes from 0x0 to 0x2
        PPF = 0x1
FECTL changes from 0x80000000 to 0xc0000000
        IP = 0x1
        IM = 0x1
FRCD[0] changes from 0x0 to 0x8000000500003a0a0000008080604000
        FI = 0x8080604
        SID = 0x3a0a
        FR = 0x5
        F = 0x1
""".splitlines()

PERMITTED = "permitted: host address 0x7abc, page of 0x1000 bytes, R  [rule 9.2]"


def test_permitted_read(recording: Path) -> None:
    lines = explained(recording, "--event", "12")
    assert without_meanings(lines) == [
        "line 12 of handmade.jsonl.gz: DMA read of 3a:01.2 (source-id 0x3a0a) at 0x8080604abc",
        "",
        *WALK,
        PERMITTED,
        "",
        "the recording says the same",
    ]


def test_fields_come_with_their_meaning(recording: Path) -> None:
    lines = explained(recording, "--event", "13")
    assert "        P = 0x1: present" in lines
    assert "        W = 0x0  <--: write permission" in lines


def test_permissions_are_shown_where_they_are_0(tmp_path: Path) -> None:
    """Level 2 took the write permission; that level 1 has none either changes nothing, and is not marked."""
    events = [*EVENTS[:9], {"e": "m", "a": "0x6020", "d": "0170000000000000"}, EVENTS[11]]
    lines = explained(write_recording(tmp_path / "both.jsonl.gz", *events), "--event", "12")
    assert [line for line in lines if " W = " in line][-2:] == [
        "        W = 0x0  <--: write permission",
        "        W = 0x0: write permission",
    ]


def test_refused_write(recording: Path) -> None:
    assert without_meanings(explained(recording, "--event", "13")) == [
        "line 13 of handmade.jsonl.gz: DMA write of 3a:01.2 (source-id 0x3a0a) at 0x8080604abc",
        "",
        *REFUSED_WALK,
        *WRITE_REFUSED,
        "",
        "the recording says the same",
    ]


def test_own_request_after_a_line(recording: Path) -> None:
    options = ("--source-id", "3a:01.2", "--address", "0x8080604abc", "--write", "--after", "12")
    assert without_meanings(explained(recording, *options)) == [
        "after line 12 of handmade.jsonl.gz: DMA write of 3a:01.2 (source-id 0x3a0a) at 0x8080604abc",
        "",
        *REFUSED_WALK,
        *WRITE_REFUSED,
    ]


def test_own_request_after_the_last_line(recording: Path) -> None:
    assert without_meanings(explained(recording, "--source-id", "0x3a0a", "--address", "0x8080604abc")) == [
        "after line 25 of handmade.jsonl.gz, the last: DMA read of 3a:01.2 (source-id 0x3a0a) at 0x8080604abc",
        "",
        *WALK,
        PERMITTED,
    ]


def test_own_request_with_pasid(recording: Path) -> None:
    lines = explained(recording, "--source-id", "3a:01.2", "--address", "0", "--pasid", "0x12345", "--after", "5")
    assert lines[0] == (
        "after line 5 of handmade.jsonl.gz: DMA read of 3a:01.2 (source-id 0x3a0a) with PASID 0x12345 at 0x0"
    )
    assert lines[2:7] == [
        "no table or queue is read",
        "",
        "refused: request with PASID while TTM=00; fault 0x31  [RTA.2]",
        "recorded in FRCD[0]",
        "what software must change: Disable PASIDs in the device: legacy mode translates by source-id alone.",
    ]


def test_interrupt_of_another_source(recording: Path) -> None:
    """Handle 4 and subhandle 2; the entry is for source-id 0x3a0b. rule 22.3."""
    assert without_meanings(explained(recording, "--event", "19")) == [
        "line 19 of handmade.jsonl.gz: interrupt request of 3a:01.2 (source-id 0x3a0a): 0x2 to 0xfee00098",
        "",
        "  1. IRTE_REMAPPED at 0xa060: read  [rule 22.3]",
        "        why there: interrupt remapping table at 0xa000 (IRTA, 256 entries), entry 0x6: bits 19:5 of the address = 0x4, "
        "bit 2 of the address = 0x0, bits 15:0 of the data = 0x2",
        "        value 0x0000000000043a0b_0000090000450001",
        "        P = 0x1",
        "        V = 0x45",
        "        DST = 0x900",
        "        SID = 0x3a0b  <--",
        "        SQ = 0x0  <--",
        "        SVT = 0x1  <--",
        "     so: source-id 0x3a0a does not match; SVT says: compare with SID 0x3a0b, SQ 0 compares all bits"
        "  [rule 22.3]",
        "",
        "refused: requester does not match SVT/SQ/SID of the entry; fault 0x26  [IR.26]",
        "not recorded: FRCD[0] still holds an older fault, so FSTS.PFO is set",
        "what software must change: Set SID, SQ and SVT of the IRTE to the source-id that the requests carry "
        "(behind a bridge that is the bridge's), or give the device a handle of its own.",
        "FSTS changes from 0x2 to 0x3",
        "        PFO = 0x1",
        "        PPF = 0x1",
        "",
        "the recording says the same",
    ]


def test_tail_write_executes_the_queue(recording: Path) -> None:
    assert without_meanings(explained(recording, "--event", "23")) == [
        "line 23 of handmade.jsonl.gz: write of 0x10, 4 bytes, to IQT at offset 0x88",
        "",
        "  1. INV_WAIT at 0x8000: complete  [rule 16.2]",
        "        value 0x0000000000009000_0000006300000025",
        "        TYPE_LO = 0x5; SW = 0x1; STDATA = 0x63; STADDR = 0x2400, address 0x9000",
        "     so: complete once all descriptors before it are; write status 0x63 to 0x9000  [rule 16.5]",
        "IQH changes from 0x0 to 0x10",
        "        QH = 0x1",
        "IQT changes from 0x0 to 0x10",
        "        QT = 0x1",
    ]


def test_queue_error(tmp_path: Path) -> None:
    """Type 0 does not exist: IQE, and IQEI 3. Rule 28.5."""
    events = [
        *EVENTS[:20],
        {"e": "m", "a": "0x8000", "d": "00000000000000000000000000000000"},
        {"e": "w", "o": "0x88", "s": 4, "v": "0x10"},
    ]
    lines = without_meanings(explained(write_recording(tmp_path / "queue.jsonl.gz", *events), "--event", "23"))
    assert lines[2:13] == [
        "  1. unknown descriptor at 0x8000: error  [rule 16.2]",
        "        value 0x0000000000000000_0000000000000000",
        "     so: type 0 does not exist here: all bits are 0, as where nothing was ever written  [rule 16.3]",
        "     so: queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI = 3, "
        "INVALID_TYPE  [rule 16.4]",
        "",
        "queue error: type or granularity of the descriptor is unknown or absent; IQERCD.IQEI = 3, INVALID_TYPE"
        "  [rule 16.4]",
        "what software must change: Put a descriptor that this unit has in the place where the head points, then clear "
        "FSTS.IQE: fetching goes on there.",
        "FSTS changes from 0x3 to 0x13",
        "        PFO = 0x1",
        "        PPF = 0x1",
        "        IQE = 0x1",
    ]


def test_register_read(recording: Path) -> None:
    assert without_meanings(explained(recording, "--event", "5")) == [
        "line 5 of handmade.jsonl.gz: read of 4 bytes from GSTS at offset 0x1c",
        "",
        "no table or queue is read",
        "the unit answers 0xc0000000",
        "    GSTS holds 0xc0000000",
        "        RTPS = 0x1",
        "        TES = 0x1",
        "",
        "the recording says the same",
    ]


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (6, None, ["  1. ROOT_ENTRY at 0x13a0: the read fails  [rule 4.2]", "LRT.1"]),
        (6, "00200000000000000000000000000000", ["        P = 0x0  <--: present", "LRT.2"]),
        (
            6,
            "05200000000000000000000000000000",
            ["     so: bit 2 must be 0 here and is 1  [LRT.3]", "RSVD_11_1 = 0x2  <--"],
        ),
        (7, "01300000000000000207010000000000", ["DID = 0x107", "permitted"]),
        (7, "11300000000000000207000000000000", ["        RSVD_11_4 = 0x1  <--: reserved", "LCT.3"]),
        (
            7,
            "03300000000000000407000000000000",
            [
                "fault 0x3  [LCT.4.1]\nnot recorded: FPD is 1 in",
                "so: AW = 4 is no width of this unit; CAP.SAGAW has AW 1",
            ],
        ),
        (
            7,
            "09300000000000000207000000000000",
            [
                "TT says pass-through: the address stays",
                "host address 0x8080604abc, page of 0x1000 bytes, RW  [rule 9.1]",
            ],
        ),
        (8, "0040000000000000", ["     so: R and W are 0: nothing is mapped from here on  [rule 6.3]", "LGN.3"]),
        (8, None, ["  3. SECOND_STAGE_PML4E at 0x3008: the read fails  [rule 6.3]", "LCT.4.3"]),
        (9, "8300000000000000", ["SECOND_STAGE_PDPE_1G at 0x4010", "page of 0x40000000 bytes"]),
        (10, "0168000000000000", ["     so: bit 11 must be 0 here and is 1  [LSS.2]", "RSVD_11_11 = 0x1  <--"]),
        (11, "0378000000000000", ["reserved, since ECAP.SC is 0", "LSS.2"]),
        (11, "0770000000000000", ["        IGN_2_2 = 0x1: ignored", "permitted"]),
    ],
)
def test_damaged_entry(tmp_path: Path, number: int, data: str | None, expected: list[str]) -> None:
    """One entry of the walk replaced: the explanation shows what is wrong with it, and the condition."""
    events = [dict(event) for event in EVENTS[:11]]
    events[number - 2] = {"e": "m", "a": EVENTS[number - 2]["a"], "d": data, "s": 16, "err": data is None}
    text = "\n".join(explained(write_recording(tmp_path / "damaged.jsonl.gz", *events), "--event", "12"))
    for piece in expected:
        assert piece in text


def test_answer_that_differs(tmp_path: Path) -> None:
    events = [*EVENTS[:10], EVENTS[10] | {"pa": "0x8abc"}, EVENTS[11]]
    differing = write_recording(tmp_path / "differing.jsonl.gz", *events)
    assert [explain(differing, "--event", line).exit_code for line in ("12", "13")] == [1, 0]
    assert explained(differing, "--event", "12")[-1] == (
        "the recording says otherwise: line 12: host address 0x7abc, not 0x8abc"
    )
    assert explained(differing, "--event", "13")[0] == (
        "note: 1 earlier line compares unequal, so the state may be another; line 12: host address 0x7abc, not 0x8abc"
    )


def test_deviation_of_the_source_is_named() -> None:
    """An interrupt that the bundled recording's source refuses without a fault record."""
    bundled = Path(__file__).resolve().parents[2] / "sim" / "data" / "bundled.jsonl.gz"
    lines = explained(bundled, "--event", "1437")
    assert [line for line in lines if line.startswith(("recorded", "send", "the "))] == [
        "recorded in FRCD[0]; this and its event message were taken back, since the source of the recording departs from "
        "the specification: interrupt faults are not recorded",
        "the recording says the same",
    ]
    told = explain_event(load_recording(bundled), 1437).to_json()
    assert (told["outcome"]["record"], told["messages"]) == (None, [])
    assert "taken back" in told["outcome"]["recorded"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--event", "1"], "{path} has no event in line 1: lines 2 to 25 hold events"),
        (["--event", "26"], "{path} has no event in line 26: lines 2 to 25 hold events"),
        (
            ["--event", "8"],
            "{path}, line 8 is no request but memory that the next request finds; "
            "name a t, ta, i, w or r line, perhaps 12",
        ),
        (
            ["--event", "24"],
            "{path}, line 24 is no request but memory that the request before it wrote; "
            "name a t, ta, i, w or r line, perhaps 23",
        ),
        (
            ["--event", "25"],
            "{path}, line 25 is no request but a comment; name a t, ta, i, w or r line, perhaps 23",
        ),
        (
            ["--event", "14"],
            "{path}, line 14 is a look-up without access rights (w 2), which no bus request makes; "
            "name a t line with w 0 or 1",
        ),
        (
            ["--source-id", "3a:01.2", "--address", "0xfee01000", "--write"],
            "a write to 0xfee01000 is an interrupt request: name it with --interrupt and its --data, "
            "or choose an address outside 0xfee00000..0xfeefffff",
        ),
        (
            ["--source-id", "3a:01.2", "--address", "0", "--after", "26"],
            "{path} has no line 26; --after must be 1 to 25",
        ),
        (
            ["--source-id", "3a:01.8", "--address", "0"],
            "--source-id must be bus:device.function such as 00:1f.2, or 16 bits such as 0x00fa, not 3a:01.8",
        ),
    ],
)
def test_what_cannot_be_explained(recording: Path, options: list[str], message: str) -> None:
    result = explain(recording, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {message.format(path=recording)}\n"


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--source-id", "3a:01.2"],
        ["--address", "0x1000"],
        ["--write"],
        ["--after", "5"],
        ["--event", "12", "--write"],
        ["--event", "12", "--after", "12"],
        ["--event", "12", "--queue"],
        ["--event", "12", "--interrupt"],
        ["--queue", "--source-id", "3a:01.2"],
        ["--queue", "--data", "1"],
        ["--event", "12", "--source-id", "3a:01.2", "--address", "0x1000"],
    ],
)
def test_neither_event_nor_request(recording: Path, options: list[str]) -> None:
    result = explain(recording, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: name one of --event, --queue, or --source-id and --address (with --write, --pasid, or --interrupt and "
        "--data where wanted); --after goes with the last two\n"
    )


def test_recording_without_events(tmp_path: Path) -> None:
    empty = write_recording(tmp_path / "empty.jsonl.gz")
    result = explain(empty, "--event", "2")
    assert (result.exit_code, result.stderr) == (2, f"Error: {empty} has no event in line 2: it holds no events\n")


@pytest.mark.parametrize(("text", "source_id"), [("00:1f.2", 0x00FA), ("0000:ff:1F.7", 0xFFFF), ("0xfa", 0x00FA)])
def test_source_id(text: str, source_id: int) -> None:
    assert parse_source_id(text) == source_id


@pytest.mark.parametrize("text", ["", "00:20.0", "00:1f", "0001:00:00.0", "0x10000", "250", "00:1f.2 "])
def test_source_id_misspelt(text: str) -> None:
    with pytest.raises(
        ExplainError,
        match=rf"^--source-id must be bus:device\.function such as 00:1f\.2, or 16 bits such as 0x00fa, not {text}$",
    ):
        parse_source_id(text)


@pytest.mark.parametrize(
    ("irte", "expected"),
    [
        # SVT in bits 83:82, SQ 81:80, SID 79:64, V 23:16, P 0. rule 22.3.
        (0x45 << 16 | 1, ["source-id 0x3a0a matches; SVT says: not checked", "permitted: 0x4045 goes to 0xfee00000"]),
        (
            2 << 82 | 0x383A << 64 | 0x45 << 16 | 1,
            ["source-id 0x3a0a matches; SVT says: bus from 0x38 to 0x3a", "permitted: 0x4045"],
        ),
        (
            1 << 82 | 1 << 80 | 0x3A0E << 64 | 0x45 << 16 | 1,
            ["source-id 0x3a0a matches; SVT says: compare with SID 0x3a0e, SQ 1 leaves out bit 2", "permitted"],
        ),
        (
            3 << 82 | 0x45 << 16 | 1,
            ["SVT = 0x3  <--: ", "so: SVT holds the reserved value 3  [IR.24]", "fault 0x24  [IR.24]"],
        ),
        (1 << 100 | 1, ["RSVD_127_84 = 0x10000  <--", "so: bit 100 must be 0 here and is 1  [IR.24]", "fault 0x24"]),
        (3 << 5 | 1, ["DLM = 0x3  <--: ", "DLM holds a reserved value  [IR.24]", "fault 0x24"]),
        (0x45 << 16 | 2, ["P = 0x0  <--: present", "FPD = 0x1: ", "fault 0x22  [IR.22]\nnot recorded: FPD is 1 in"]),
    ],
)
def test_interrupt_entry(tmp_path: Path, irte: int, expected: list[str]) -> None:
    events = [*EVENTS[:16], {"e": "m", "a": "0xa060", "d": irte.to_bytes(16, "little").hex()}, EVENTS[17]]
    text = "\n".join(explained(write_recording(tmp_path / "irte.jsonl.gz", *events), "--event", "19"))
    for piece in expected:
        assert piece in text


def test_posted_interrupt(tmp_path: Path) -> None:
    """CAP.PI, bit 59, adds the posted format: descriptor 0xb000, vector 0x45, notification 0x99 to APIC 9."""
    events = [
        *EVENTS[:16],
        # IRTE: PDAL in bits 63:38, VV 23:16, IM 15, P 0. rule 22.3.
        {"e": "m", "a": "0xa060", "d": ((0xB000 >> 6) << 38 | 0x45 << 16 | 1 << 15 | 1).to_bytes(16, "little").hex()},
        {"e": "m", "a": "0xb000", "d": (0x900 << 288 | 0x99 << 272).to_bytes(64, "little").hex()},
        EVENTS[17] | {"ok": True, "posted": True},
    ]
    header = HEADER | {"cap": "0x8d2008c222f0606"}
    path = write_recording(tmp_path / "posted.jsonl.gz", *events, header=header)
    lines = without_meanings(explained(path, "--event", "20"))
    steps = [line for line in lines if re.match(r" *\d+\. | {5}so: |\w", line)]
    assert steps[1:] == [
        "  1. IRTE_POSTED at 0xa060: read  [rule 22.3]",
        "     so: source-id 0x3a0a matches; SVT says: not checked  [rule 22.3]",
        "  2. POSTED_INTERRUPT_DESCRIPTOR at 0xb000: read  [rule 23.1]",
        "     so: vector 0x45 is set in PIR; ON becomes 1, and a notification is due: SN is 0  [rule 23.2]",
        "  3. POSTED_INTERRUPT_DESCRIPTOR at 0xb000: write, as one step with the read  [rule 23.2]",
        "posted in the descriptor at 0xb000  [rule 23.2]",
        "send the notification 0x4099 to 0xfee09000  [rule 23.3]",
        "the recording says the same",
    ]


def test_posted_entry_with_reserved_bits(tmp_path: Path) -> None:
    """Bits 37:24 of a posted entry are reserved. rule 22.3."""
    entry = {"e": "m", "a": "0xa060", "d": (1 << 24 | 1 << 15 | 1).to_bytes(16, "little").hex()}
    header = HEADER | {"cap": "0x8d2008c222f0606"}
    path = write_recording(tmp_path / "posted.jsonl.gz", *EVENTS[:16], entry, EVENTS[17], header=header)
    lines = explained(path, "--event", "19")
    assert "     so: bit 24 must be 0 here and is 1  [IR.24]" in lines


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        (0, ["interrupt remapping is off: GSTS.IRES = 0", "permitted: 0x31 goes to 0xfee01000  [rule 22.1]"]),
        (16, ["compatibility format; GSTS.CFIS = 0, IRTA.EIME = 0", "fault 0x25  [IR.25]"]),
    ],
)
def test_compatibility_format(tmp_path: Path, earlier: int, expected: list[str]) -> None:
    """Address bit 4 is 0. rule 22.2."""
    event = {"e": "i", "sid": "0x10", "addr": "0xfee01000", "data": "0x31", "ok": False, "fr": "0x25"}
    path = write_recording(tmp_path / "compatibility.jsonl.gz", *EVENTS[:earlier], event)
    text = "\n".join(explained(path, "--event", str(earlier + 2)))
    for piece in expected:
        assert piece in text


def test_translation_off(recording: Path) -> None:
    lines = explained(recording, "--source-id", "3a:01.2", "--address", "0x5678", "--after", "1")
    assert lines[2:] == [
        "  1. DMA translation is off: GSTS.TES = 0  [rule 3.3]",
        "",
        "permitted: host address 0x5678, page of 0x1000 bytes, RW  [rule 3.3]",
    ]


def test_read_of_the_interrupt_range(recording: Path) -> None:
    lines = explained(recording, "--source-id", "3a:01.2", "--address", "0xfee00000", "--after", "1")
    assert lines[2] == "  1. the address is in the interrupt range 0xFEEx_xxxx: no table is read  [rule 3.4]"
    assert any("; fault 0x29  [IR.29]" in line for line in lines)
