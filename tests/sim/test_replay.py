"""Replaying: every kind of difference is found and told with its line, what came and what should have come."""

import dataclasses
import json

import pytest

from model.arch import ConfigError, UnitConfig
from model.reference import AddressType, DmaAccess, DmaRequest, Entry
from sim.recording import Dma, Header, load_recording
from sim.replay import Replayer, config_of, dma_request, replay
from sim.summary import Count, Lockstep, Summary
from tests.sim.handmade import EVENTS, HEADER, write_recording

# Version 5.0 with snoop control, posting and protected memory; CAP and ECAP of the generated `default` scenarios.
DEFAULT = {**HEADER, "ver": "0x50", "cap": "0xc8d2078c22780e66", "ecap": "0xf00fdb", "haw": 48}

# Lines 2 to 11: translation is on, requester 0x3a0a may read the page 0x7000 at 0x8080604000.
DMA = EVENTS[:10]
READ = {
    "e": "t",
    "sid": "0x3a0a",
    "pasid": None,
    "a": "0x8080604abc",
    "w": 0,
    "ok": True,
    "pa": "0x7abc",
    "mask": "0xfff",
    "perm": 1,
}
WRITE = {"e": "t", "sid": "0x3a0a", "pasid": None, "a": "0x8080604abc", "w": 1, "ok": False, "fr": "0x5"}
CONTEXT_WITH_FPD = {"e": "m", "a": "0x20a0", "d": "03300000000000000207000000000000"}
LEAF_WITH_SNP = {"e": "m", "a": "0x6020", "d": "0178000000000000"}
READ_WRITE = {"e": "m", "a": "0x5018", "d": "0360000000000000"}

# Lines 2 to 5: interrupt remapping is on; entry 6 sends vector 0x45 to APIC 9 for requester 0x3a0b.
INTERRUPTS = EVENTS[13:17]
INTERRUPT = {
    "e": "i",
    "sid": "0x3a0b",
    "addr": "0xfee00098",
    "data": "0x2",
    "ok": True,
    "oaddr": "0xfee09000",
    "odata": "0x4045",
}
INTERRUPT_REFUSED = {"e": "i", "sid": "0x3a0a", "addr": "0xfee00098", "data": "0x2", "ok": False, "fr": "0x26"}
IRTE_WITH_FPD = {"e": "m", "a": "0xa060", "d": "03004500000900000b3a040000000000"}
# Entry 6 posts vector 0x45 into the descriptor at 0x9000, which notifies APIC 0x8f with vector 0x46.
IRTE_POSTED = {"e": "m", "a": "0xa060", "d": "01804500009000000000000000000000"}
NOTIFICATION = "4600008f0000" + "00" * 24
DESCRIPTOR = {"e": "m", "a": "0x9000", "d": "00" * 34 + NOTIFICATION}
POSTED = {"e": "x", "a": "0x9000", "d": "00" * 8 + "20" + "00" * 23 + "0100" + NOTIFICATION}
NOTIFIED = {"e": "msi", "addr": "0xfee8f000", "data": "0x4046"}

# Lines 2 and 3: the queue at 0x8000 is on. Then a wait descriptor that writes 0x63 to 0x9000.
QUEUE = [
    {"e": "w", "o": "0x90", "s": 8, "v": "0x8000"},
    {"e": "w", "o": "0x18", "s": 4, "v": "0x4000000"},
]
WAIT = {"e": "m", "a": "0x8000", "d": "25000000630000000090000000000000"}
TAIL = {"e": "w", "o": "0x88", "s": 4, "v": "0x10"}
STATUS = {"e": "x", "a": "0x9000", "d": "63000000"}
# A second one, which writes 0x64 right after it.
WAIT_MORE = {"e": "m", "a": "0x8010", "d": "25000000640000000490000000000000"}
WAIT_AGAIN = {"e": "m", "a": "0x8010", "d": "25000000640000000090000000000000"}
TAIL_OF_TWO = {"e": "w", "o": "0x88", "s": 4, "v": "0x20"}

# Lines 2 to 4: the fault event is unmasked and sends 0x21 to 0xfee01004.
FAULT_EVENT = [
    {"e": "w", "o": "0x3c", "s": 4, "v": "0x21"},
    {"e": "w", "o": "0x40", "s": 4, "v": "0xfee01004"},
    {"e": "w", "o": "0x38", "s": 4, "v": "0x0"},
]
MESSAGE = {"e": "msi", "addr": "0xfee01004", "data": "0x21"}

# Line 2 to 4, only DEFAULT: the low protected region is 0 to 0x1fffff.
PROTECTED = [
    {"e": "w", "o": "0x68", "s": 4, "v": "0x0"},
    {"e": "w", "o": "0x6c", "s": 4, "v": "0x0"},
    {"e": "w", "o": "0x64", "s": 4, "v": "0x80000000"},
]
BLOCKED = {"e": "t", "sid": "0x3a0a", "pasid": None, "a": "0x1000", "w": 0, "ok": False, "fr": None, "why": "pmr"}


def without(event, *keys):
    return {key: value for key, value in event.items() if key not in keys}


def test_whole_recording_is_equal(play):
    summary = play(*EVENTS)
    assert summary.equal
    assert summary.differences == []
    assert summary.compared == 5
    assert summary.kinds == {
        "w": Count(seen=9),
        "m": Count(seen=8),
        "mark": Count(seen=1),
        "r": Count(seen=1, compared=1, equal=1),
        "t": Count(seen=3, compared=2, equal=2, excepted={"no bus request (w 2)": 1}),
        "i": Count(seen=1, compared=1, equal=1),
        "x": Count(seen=1, compared=1, equal=1),
    }


# r


@pytest.mark.parametrize(
    "line",
    [
        {"v": "0xc0000000"},
        {"v": "0xc1234567", "k": "0xfe000000"},
        {"v": "0x0", "k": "0x3fffffff"},
        {"v": "0x0", "vs": ["0x1", "0xc0000000"]},
        {"v": "0x0", "vs": ["0xc1234567"], "k": "0xfe000000"},
    ],
)
def test_register_read_equal(play, line):
    summary = play(*DMA, {"e": "r", "o": "0x1c", "s": 4, **line})
    assert summary.equal
    assert summary.kinds["r"] == Count(seen=2, compared=2, equal=2)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"v": "0x80000000"}, "read 0xc0000000, not 0x80000000 (mask 0xffffffff)"),
        ({"v": "0x80000000", "k": "0x40000000"}, "read 0xc0000000, not 0x80000000 (mask 0x40000000)"),
        ({"v": "0x0", "vs": ["0x1", "0x2"]}, "read 0xc0000000, not 0x0 or 0x1 or 0x2 (mask 0xffffffff)"),
    ],
)
def test_register_read_unequal(play, line, sentence):
    summary = play(*DMA, {"e": "r", "o": "0x1c", "s": 4, **line})
    assert summary.differences == [f"line 12: register 0x1c {sentence}"]
    assert summary.kinds["r"] == Count(seen=2, compared=2, equal=1, unequal=1)
    assert not summary.equal


def test_register_read_of_8_bytes_unequal(play):
    summary = play({"e": "r", "o": "0x8", "s": 8, "v": "0xd2008c222f0607"})
    assert summary.differences == [
        "line 2: register 0x8 read 0xd2008c222f0606, not 0xd2008c222f0607 (mask 0xffffffffffffffff)"
    ]


# t


@pytest.mark.parametrize(
    "lines",
    [
        [READ],
        [{**READ, "snp": False}],
        [WRITE],
        [{**WRITE, "fr": "0x6", "alt": ["0xc", "0x5"]}],
        [CONTEXT_WITH_FPD, {**WRITE, "fpd": True}],
        [READ_WRITE, {**READ, "perm": 3}],
    ],
)
def test_dma_equal(play, lines):
    summary = play(*DMA, *lines)
    assert summary.equal
    assert summary.kinds["t"] == Count(seen=1, compared=1, equal=1)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([{**READ, "pa": "0x7abd"}], "host address 0x7abc, not 0x7abd"),
        ([{**READ, "mask": "0x1fffff"}], "mask 0xfff, not 0x1fffff"),
        ([{**READ, "perm": 3}], "permissions 0x1, not 0x3"),
        ([{**READ, "perm": 0}], "permissions 0x1, not 0x0"),
        ([{**READ, "snp": True}], "snoop 0x0, not 0x1"),
        (
            [{**READ, "pa": "0x0", "mask": "0x0", "perm": 2}],
            "host address 0x7abc, not 0x0, mask 0xfff, not 0x0, permissions 0x1, not 0x2",
        ),
        (
            [{**without(READ, "pa", "mask", "perm"), "ok": False, "fr": "0x6"}],
            "permitted at 0x7abc, the recording refuses it",
        ),
        ([{**READ, "w": 1}], "refused with fault 0x5 (LGN.2), the recording permits it"),
        ([{**WRITE, "fr": "0x6"}], "refused with fault 0x5 (LGN.2), not fault 0x6"),
        (
            [{**WRITE, "fr": "0x6", "alt": ["0x7"]}],
            "refused with fault 0x5 (LGN.2), not fault 0x6 or fault 0x7",
        ),
        ([{**WRITE, "fpd": True}], "refused with fault 0x5 (LGN.2), not fault 0x5 suppressed by FPD"),
        ([CONTEXT_WITH_FPD, WRITE], "refused with fault 0x5 (LGN.2) suppressed by FPD, not fault 0x5"),
        (
            [{**WRITE, "fr": None, "why": "translation off"}],
            "refused with fault 0x5 (LGN.2), not refused (translation off)",
        ),
    ],
)
def test_dma_unequal(play, lines, sentence):
    summary = play(*DMA, *lines)
    assert summary.differences == [f"line {11 + len(lines)}: {sentence}"]
    assert summary.kinds["t"] == Count(seen=1, compared=1, unequal=1)


def test_dma_snoop_forced(play):
    assert play(*DMA, LEAF_WITH_SNP, {**READ, "snp": True}, header=DEFAULT).equal
    summary = play(*DMA, LEAF_WITH_SNP, {**READ, "snp": False}, header=DEFAULT)
    assert summary.differences == ["line 13: snoop 0x1, not 0x0"]


def test_dma_page_size_is_free_while_untranslated(play):
    line = {**READ, "a": "0x5000", "pa": "0x5000", "perm": 3, "pt": True}
    assert play(without(line, "mask")).equal
    assert play({**line, "mask": "0x3fffffff"}).equal
    assert play({**line, "pa": "0x5001"}).differences == ["line 2: host address 0x5000, not 0x5001"]
    assert play({**line, "pt": False, "mask": "0x1fffff"}).differences == ["line 2: mask 0xfff, not 0x1fffff"]


def test_dma_refused_without_a_fault(play):
    assert play(*PROTECTED, BLOCKED, header=DEFAULT).equal
    for line, expected in (
        ({**BLOCKED, "why": "malformed"}, "refused (malformed)"),
        ({**BLOCKED, "fr": "0x5", "why": None}, "fault 0x5"),
    ):
        summary = play(*PROTECTED, line, header=DEFAULT)
        assert summary.differences == [f"line 5: refused (protected memory), not {expected}"]


def test_look_up_without_access_rights_is_excepted(play):
    """No bus makes such a request, so whatever the line says, it is counted and not compared."""
    summary = play(*DMA, {**READ, "w": 2, "pa": "0x1"})
    assert summary.kinds["t"] == Count(seen=1, excepted={"no bus request (w 2)": 1})
    assert summary.differences == []


# ta


@pytest.mark.parametrize(
    "lines",
    [
        [{**without(READ, "w"), "e": "ta", "op": "zlr"}],
        [{**without(WRITE, "w"), "e": "ta", "op": "atomic"}],
        [READ_WRITE, {**without(READ, "w"), "e": "ta", "op": "atomic", "perm": 3}],
        [{"e": "ta", "sid": "0x3a0a", "a": "0xfee00000", "op": "zlr", "ok": True, "meaningless": True}],
        [{"e": "ta", "sid": "0x3a0a", "a": "0xfee00000", "op": "atomic", "ok": False, "fr": "0x29"}],
    ],
)
def test_other_access_equal(play, lines):
    summary = play(*DMA, *lines)
    assert summary.equal
    assert summary.kinds["ta"] == Count(seen=1, compared=1, equal=1)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({**READ, "op": "atomic"}, "refused with fault 0x5 (LGN.2), the recording permits it"),
        ({**WRITE, "op": "zlr"}, "permitted at 0x7abc, the recording refuses it"),
        ({**READ, "op": "zlr", "meaningless": True}, "permitted at 0x7abc, not completed with meaningless data"),
        ({**READ, "op": "zlr", "a": "0xfee00000"}, "completed with meaningless data, not permitted at 0x7abc"),
        (
            {**READ, "op": "atomic", "a": "0xfee00000", "meaningless": True},
            "refused with fault 0x29 (IR.29), the recording permits it",
        ),
    ],
)
def test_other_access_unequal(play, line, sentence):
    summary = play(*DMA, {**line, "e": "ta"})
    assert summary.differences == [f"line 12: {sentence}"]
    assert summary.kinds["ta"] == Count(seen=1, compared=1, unequal=1)


# i


@pytest.mark.parametrize(
    "lines",
    [
        [INTERRUPT],
        [INTERRUPT_REFUSED],
        [{**INTERRUPT_REFUSED, "fr": "0x24", "alt": ["0x26"]}],
        [IRTE_WITH_FPD, {**INTERRUPT_REFUSED, "fpd": True}],
    ],
)
def test_interrupt_equal(play, lines):
    summary = play(*INTERRUPTS, *lines)
    assert summary.equal
    assert summary.kinds["i"] == Count(seen=1, compared=1, equal=1)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([{**INTERRUPT, "oaddr": "0xfee08000"}], "remapped to 0x4045 to 0xfee09000, not 0x4045 to 0xfee08000"),
        ([{**INTERRUPT, "odata": "0x45"}], "remapped to 0x4045 to 0xfee09000, not 0x45 to 0xfee09000"),
        ([{**INTERRUPT, "posted": True}], "remapped to 0x4045 to 0xfee09000, not posted"),
        ([{**INTERRUPT, "ok": False, "fr": "0x22"}], "remapped to 0x4045 to 0xfee09000, not fault 0x22"),
        (
            [{**INTERRUPT, "ok": False, "fr": None, "why": "pmr"}],
            "remapped to 0x4045 to 0xfee09000, not refused (protected memory)",
        ),
        ([{**INTERRUPT, "sid": "0x3a0a"}], "refused with fault 0x26 (IR.26), not permitted"),
        ([{**INTERRUPT_REFUSED, "fr": "0x24"}], "refused with fault 0x26 (IR.26), not fault 0x24"),
        (
            [{**INTERRUPT_REFUSED, "fr": "0x24", "alt": ["0x22"]}],
            "refused with fault 0x26 (IR.26), not fault 0x24 or fault 0x22",
        ),
        ([{**INTERRUPT_REFUSED, "fpd": True}], "refused with fault 0x26 (IR.26), not fault 0x26 suppressed by FPD"),
        (
            [IRTE_WITH_FPD, INTERRUPT_REFUSED],
            "refused with fault 0x26 (IR.26) suppressed by FPD, not fault 0x26",
        ),
    ],
)
def test_interrupt_unequal(play, lines, sentence):
    summary = play(*INTERRUPTS, *lines)
    assert summary.differences == [f"line {5 + len(lines)}: {sentence}"]
    assert summary.kinds["i"] == Count(seen=1, compared=1, unequal=1)


def test_interrupt_posted(play):
    lines = (*INTERRUPTS, IRTE_POSTED, DESCRIPTOR)
    posted = {**INTERRUPT, "posted": True}
    summary = play(*lines, posted, POSTED, NOTIFIED, header=DEFAULT)
    assert summary.equal
    assert [summary.kinds[kind].equal for kind in ("i", "x", "msi")] == [1, 1, 1]
    assert play(*lines, INTERRUPT, POSTED, NOTIFIED, header=DEFAULT).differences == [
        "line 8: posted, not 0x4045 to 0xfee09000"
    ]
    assert play(*lines, posted, header=DEFAULT).differences == [
        f"line 8: the unit wrote {POSTED['d']} at 0x9000, the recording has no x",
        "line 8: the unit sent 0x4046 to 0xfee8f000, the recording has no msi",
    ]


# x


def test_memory_written_exactly(play):
    summary = play(*QUEUE, WAIT, TAIL, STATUS)
    assert summary.equal
    assert summary.kinds["x"] == Count(seen=1, compared=1, equal=1)


def test_memory_written_with_other_contents(play):
    summary = play(*QUEUE, WAIT, TAIL, {**STATUS, "d": "64000000"})
    assert summary.differences == ["line 6: memory at 0x9000 holds 63000000, not 64000000"]
    assert summary.kinds["x"] == Count(seen=1, compared=1, unequal=1)


def test_memory_written_elsewhere(play):
    summary = play(*QUEUE, WAIT, TAIL, {**STATUS, "a": "0x9100"}, {"e": "mark", "text": "next"})
    assert summary.differences == [
        "line 6: memory at 0x9100 was not written, not 63000000",
        "line 5: the unit wrote 63000000 at 0x9000, the recording has no x",
    ]
    assert summary.kinds["x"] == Count(seen=1, compared=1, unequal=2)


def test_memory_not_written_though_it_holds_the_data(play):
    summary = play({"e": "m", "a": "0x9000", "d": "63000000"}, STATUS)
    assert summary.differences == ["line 3: memory at 0x9000 was not written, not 63000000"]


def test_memory_written_before_the_last_event(play):
    """An effect belongs to the event before it: the next event ends the time for it."""
    summary = play(*QUEUE, WAIT, TAIL, {"e": "mark", "text": "between"}, STATUS)
    assert summary.differences == [
        "line 5: the unit wrote 63000000 at 0x9000, the recording has no x",
        "line 7: memory at 0x9000 was not written, not 63000000",
    ]


def test_several_writes_in_one_line(play):
    lines = (*QUEUE, WAIT, WAIT_MORE, TAIL_OF_TWO)
    assert play(*lines, {**STATUS, "d": "6300000064000000"}).equal
    assert play(*lines, STATUS, {"e": "x", "a": "0x9004", "d": "64000000"}).equal
    assert play(*lines, {"e": "x", "a": "0x9004", "d": "64000000"}, STATUS).equal
    assert play(*lines, {**STATUS, "d": "6300000065000000"}).differences == [
        "line 7: memory at 0x9000 holds 6300000064000000, not 6300000065000000"
    ]
    assert play(*lines, STATUS).differences == [
        "line 6: the unit wrote 64000000 at 0x9004, the recording has no x",
    ]


def test_bytes_that_were_not_written_are_compared_as_they_stand(play):
    around = {"e": "m", "a": "0x8ffc", "d": "aabbccdd00000000eeff0011"}
    line = {"e": "x", "a": "0x8ffc", "d": "aabbccdd63000000eeff0011"}
    assert play(around, *QUEUE, WAIT, TAIL, line).equal
    assert play(around, *QUEUE, WAIT, TAIL, {**line, "d": "aabbccdd63000000eeff0012"}).differences == [
        "line 7: memory at 0x8ffc holds aabbccdd63000000eeff0011, not aabbccdd63000000eeff0012"
    ]


def test_writes_of_the_same_bytes_in_their_order(play):
    lines = (*QUEUE, WAIT, WAIT_AGAIN, TAIL_OF_TWO)
    again = {**STATUS, "d": "64000000"}
    assert play(*lines, STATUS, again).equal
    assert play(*lines, again).equal  # what memory holds in the end
    assert play(*lines, again, STATUS).differences == ["line 8: memory at 0x9000 was not written, not 63000000"]
    assert play(*lines, STATUS).differences == ["line 6: the unit wrote 64000000 at 0x9000, the recording has no x"]


def test_write_that_reaches_beyond_the_line(play):
    summary = play(*QUEUE, WAIT, TAIL, {**STATUS, "d": "6300"})
    assert summary.differences == [
        "line 6: memory at 0x9000 was not written, not 6300",
        "line 5: the unit wrote 63000000 at 0x9000, the recording has no x",
    ]


def test_optional_bits(play):
    lines = (*QUEUE, WAIT, TAIL)
    assert play(*lines, {**STATUS, "d": "ff000000", "opt": True}).equal
    assert play(*lines, {**STATUS, "d": "73000000", "opt": True}).equal
    assert play(*lines, {**STATUS, "d": "23000000", "opt": True}).differences == [
        "line 6: memory at 0x9000 holds 63000000, not 23000000"
    ]
    # Nothing written at all is as good, where nothing else stands there.
    assert play({"e": "x", "a": "0x9000", "d": "20000000", "opt": True}).equal
    assert play(
        {"e": "m", "a": "0x9000", "d": "01"}, {"e": "x", "a": "0x9000", "d": "20", "opt": True}
    ).differences == ["line 3: memory at 0x9000 holds 01, not 20"]


def test_memory_written_beside_memory_that_fails(play):
    failing = {"e": "m", "a": "0x9008", "d": None, "s": 8, "err": True}
    summary = play(failing, *QUEUE, WAIT, TAIL, {**STATUS, "d": "63000000" + "00" * 8})
    assert summary.differences == ["line 7: memory at 0x9000 cannot be read, not 630000000000000000000000"]


def test_memory_that_fails_until_it_is_loaded(play):
    failing = {"e": "m", "a": "0x6000", "d": None, "s": 4096, "err": True}
    unreadable = {**WRITE, "w": 0, "fr": "0x7"}
    assert play(*DMA, failing, unreadable, EVENTS[9], READ).equal


# msi


def test_event_message_equal(play):
    summary = play(*FAULT_EVENT, *DMA, WRITE, MESSAGE)
    assert summary.equal
    assert summary.kinds["msi"] == Count(seen=1, compared=1, equal=1)


@pytest.mark.parametrize(
    ("line", "expected"),
    [({**MESSAGE, "data": "0x22"}, "0x22 to 0xfee01004"), ({**MESSAGE, "addr": "0xfee02004"}, "0x21 to 0xfee02004")],
)
def test_event_message_unequal(play, line, expected):
    summary = play(*FAULT_EVENT, *DMA, WRITE, line)
    assert summary.differences == [f"line 16: the unit sent 0x21 to 0xfee01004, not {expected}"]
    assert summary.kinds["msi"] == Count(seen=1, compared=1, unequal=1)


def test_event_message_not_sent(play):
    summary = play(*FAULT_EVENT, *DMA, READ, MESSAGE)
    assert summary.differences == ["line 16: the unit sent no message, not 0x21 to 0xfee01004"]


@pytest.mark.parametrize("more", [[], [READ]])
def test_event_message_not_in_the_recording(play, more):
    summary = play(*FAULT_EVENT, *DMA, WRITE, *more)
    assert summary.differences == ["line 15: the unit sent 0x21 to 0xfee01004, the recording has no msi"]
    assert summary.kinds["msi"] == Count(unequal=1)
    assert not summary.equal


# mark


def test_reset_mark(play):
    status = {"e": "r", "o": "0x1c", "s": 4}
    assert play(*DMA, {"e": "mark", "text": "reset"}, {**status, "v": "0x0"}).equal
    assert play(*DMA, {"e": "mark", "text": "reset "}, {**status, "v": "0xc0000000"}).equal
    untranslated = {**READ, "pa": "0x8080604abc", "perm": 3}
    assert play(*DMA, {"e": "mark", "text": "reset"}, untranslated).equal


def test_memory_survives_reset(play):
    assert play(*DMA, {"e": "mark", "text": "reset"}, *DMA[:3], READ).equal


# The run and its summary


def test_limit(play):
    summary = play(*EVENTS, limit=4)
    assert {kind: count.seen for kind, count in summary.kinds.items()} == {"w": 3, "r": 1}
    assert summary.compared == 1
    assert summary.equal


def test_effects_of_the_last_event_within_the_limit(play):
    assert play(*QUEUE, WAIT, TAIL, STATUS, limit=4).differences == [
        "line 5: the unit wrote 63000000 at 0x9000, the recording has no x"
    ]


def test_progress(play):
    done = []
    play(*EVENTS, progress=done.append)
    assert done == list(range(1, len(EVENTS) + 1))


@pytest.mark.parametrize("lines", [[], DMA[:3], [{**READ, "w": 2}]])
def test_nothing_compared_is_not_equal(play, lines):
    summary = play(*lines)
    assert summary.differences == []
    assert summary.compared == 0
    assert not summary.equal


def test_summary_to_json(tmp_path):
    path = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS, {**READ, "pa": "0x0"})
    summary = replay(load_recording(path))
    told = json.loads(json.dumps(summary.to_json()))
    keys = {"capture", "simulator", "config", "kinds", "withdrawn", "clocks", "lockstep", "seconds"}
    assert set(told) == keys
    assert told["capture"] == str(path)
    assert told["simulator"] == "none"
    assert set(told["config"]) == {field.name for field in dataclasses.fields(UnitConfig)}
    assert (told["config"]["haw"], told["config"]["sagaw"], told["config"]["nfr"]) == (48, [39, 48], 1)
    assert told["kinds"] == {
        "i": {"seen": 1, "compared": 1, "equal": 1, "unequal": 0, "excepted": {}},
        "m": {"seen": 8, "compared": 0, "equal": 0, "unequal": 0, "excepted": {}},
        "mark": {"seen": 1, "compared": 0, "equal": 0, "unequal": 0, "excepted": {}},
        "r": {"seen": 1, "compared": 1, "equal": 1, "unequal": 0, "excepted": {}},
        "t": {
            "seen": 4,
            "compared": 3,
            "equal": 2,
            "unequal": 1,
            "excepted": {"no bus request (w 2)": 1},
        },
        "w": {"seen": 9, "compared": 0, "equal": 0, "unequal": 0, "excepted": {}},
        "x": {"seen": 1, "compared": 1, "equal": 1, "unequal": 0, "excepted": {}},
    }
    assert told["withdrawn"] == {}
    assert told["clocks"] == 0
    assert told["lockstep"] == {"clocks": 0, "signals": 0, "mismatches": 0}
    assert 0 < told["seconds"] < 60


def test_summary_from_json(tmp_path):
    """What the simulator's process counted arrives here as it was."""
    path = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS, {**READ, "pa": "0x0"})
    summary = replay(load_recording(path))
    summary.simulator, summary.clocks, summary.lockstep = "icarus", 7, Lockstep(7, 72, 1)
    summary.withdrawn["a name"] = 2
    assert Summary.from_json(json.loads(json.dumps(summary.to_json())), summary.differences) == summary


def test_mismatch_in_lockstep_is_not_equal(play):
    summary = play(*EVENTS)
    assert summary.equal
    summary.lockstep = Lockstep(7, 72, 1)
    assert not summary.equal


def test_replayer_shows_its_unit(tmp_path):
    recording = load_recording(write_recording(tmp_path / "recording.jsonl.gz", *EVENTS))
    replayer, steps = Replayer(recording), []
    replayer.unit.trace = steps.append
    for event in recording.events[:11]:
        replayer.play(event)
    assert [step.address for step in steps if isinstance(step, Entry)] == [
        0x13A0, 0x20A0, 0x3008, 0x4010, 0x5018, 0x6020,
    ]  # fmt: skip


# From recording to unit


def test_config_of_header():
    header = Header("typed by hand", 0x50, 0xC8D2078C22780E66, 0xF00FDB, 46, None)
    config = config_of(header)
    assert (config.version_major, config.haw, config.mgaw, config.nfr, config.pi) == (5, 46, 57, 8, True)
    assert not config.collapse_faults
    assert config_of(dataclasses.replace(header, haw=None, cap=0xD2008C222F0606, ecap=0xF00F4A, ver=0x10)).haw == 48


def test_config_of_an_emulator_drops_further_faults_of_a_requester():
    assert config_of(Header("Linux; QEMU 7.2", 0x10, 0xD2008C222F0606, 0xF00F4A, None, None)).collapse_faults


def test_config_of_what_cannot_be_built(play):
    header = {**HEADER, "ecap": "0x80000f00f4a"}
    with pytest.raises(ConfigError, match=r"^scalable mode does not exist yet: ECAP\.SMTS \(bit 43\) must be 0$"):
        play(READ, header=header)


def test_dma_request():
    event = Dma(2, "t", 0x3A0A, 5, 0x1000, DmaAccess.ATOMIC, False)
    assert dma_request(event) == DmaRequest(
        0x3A0A, 0x1000, DmaAccess.ATOMIC, pasid=5, address_type=AddressType.UNTRANSLATED
    )
    assert dma_request(dataclasses.replace(event, access=None)) is None
