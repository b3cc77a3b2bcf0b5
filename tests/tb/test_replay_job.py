"""The replay on a simulated unit, with a unit that answers right, and with units each of which does one thing wrong.

Interrupts are in test_replay_job_interrupts.py.
"""

import dataclasses

import pytest

from model.reference import Message
from sim.recording import load_recording
from sim.replay import config_of, replay
from sim.summary import Count
from tb import recorded_requests
from tb.jobs import replay as job_module
from tb.jobs.replay import IN_FLIGHT, run
from tb.players import Mismatch, play_model
from tb.testbench import CheckFailed, Testbench
from tests.sim.handmade import EVENTS, HEADER, write_recording
from tests.tb.recorded_lines import (
    ATOMIC,
    CONTEXT_WITH_FPD,
    DEFAULT,
    DMA,
    FAULT_EVENT,
    MESSAGE,
    OTHER_WRITE,
    QUEUE,
    READ,
    STATUS,
    UNMAPPED,
    WRITABLE,
    WRITE,
    ZERO_LENGTH,
)
from tests.tb.untimed_unit import UntimedUnit


def test_right_answers_are_equal(play):
    summary = play(*EVENTS)
    assert summary.differences == []
    assert summary.equal
    assert summary.kinds == {
        "w": Count(seen=9),
        "m": Count(seen=8),
        "mark": Count(seen=1),
        "r": Count(seen=1, compared=1, equal=1),
        "t": Count(seen=3, compared=2, equal=2, excepted={"no bus request (w 2)": 1}),
        "i": Count(seen=1, compared=1, equal=1),
        "x": Count(seen=1, compared=1, equal=1),
    }


@pytest.mark.parametrize("header", [HEADER, DEFAULT])
def test_everything_at_once_is_equal(play, header):
    lines = (*FAULT_EVENT, *DMA, *[READ] * 20, WRITE, MESSAGE, ZERO_LENGTH, READ, *QUEUE, READ)
    summary = play(*lines, header=header)
    assert summary.differences == []
    assert summary.compared == 1 + 20 + 1 + 1 + 1 + 1 + 1 + 1


def test_what_the_recording_says_counts_too(play):
    """The unit agrees with the reference model, but not with the recording."""
    lines = (*DMA, {**READ, "pa": "0x7abd"}, {**STATUS, "v": "0x1"}, *QUEUE[:-1], {**QUEUE[-1], "d": "64000000"})
    assert play(*lines).differences == [
        "line 12: host address 0x7abc, not 0x7abd",
        "line 13: register 0x34 read 0x0, not 0x1 (mask 0xffffffff)",
        "line 18: memory at 0x9000 holds 63000000, not 64000000",
    ]


def test_requests_overlap(play):
    most = 0

    def watch(bench):
        nonlocal most
        most = max(most, bench.device.outstanding)

    assert play(*DMA, *[READ] * 20, watch=watch).equal
    assert most == IN_FLIGHT


def test_memory_changes_only_when_no_request_is_under_way(play):
    """The second page is 0x9000: what is changed stands before the request that needs it."""
    seen = set()

    def watch(bench):
        leaf = bench.memory.read(0x6020, 8)
        seen.update((transfer.source_id, leaf) for transfer in bench.device._waiting[0])

    change = {"e": "m", "a": "0x6020", "d": "0390000000000000"}
    moved = {**READ, "pa": "0x9abc"}
    assert play(*DMA, READ, READ, EVENTS[9], READ, change, moved, moved, watch=watch).equal
    assert seen == {(0x3A0A, 0x7003), (0x3A0A, 0x9003)}


def test_memory_that_fails_until_it_is_loaded(play):
    failing = {"e": "m", "a": "0x6000", "d": None, "s": 4096, "err": True}
    assert play(*DMA, failing, {**WRITE, "w": 0, "fr": "0x7"}, EVENTS[9], READ).equal


def test_reset_mark(play):
    reset = {"e": "mark", "text": "reset"}
    untranslated = {**READ, "pa": "0x8080604abc", "perm": 3}
    assert play(*DMA, WRITE, reset, untranslated, {**STATUS, "v": "0x0"}).equal
    assert play(*DMA, reset, *DMA[:3], READ).equal


def test_accesses_that_axi_lite_does_not_have(play):
    """One byte, two bytes, or across 8 bytes: the reference model ignores them and reads 0."""
    strange = ({"o": "0x10", "s": 2}, {"o": "0x8", "s": 1}, {"o": "0x4", "s": 8})
    writes = [{"e": "w", **access, "v": "0xff"} for access in strange]
    reads = [{"e": "r", **access, "v": "0x0"} for access in strange]
    summary = play(*DMA, *writes, *reads)
    assert summary.equal
    assert summary.kinds["r"] == Count(seen=4, compared=1, equal=1, excepted={"AXI4-Lite has no such read": 3})


# A unit that is wrong


class WrongAddress(UntimedUnit):
    def dma(self, request):
        permitted, address = super().dma(request)
        return permitted, address and address ^ 0x1000


class RefusesAll(UntimedUnit):
    def dma(self, request):
        super().dma(request)
        return False, None


class PermitsAll(UntimedUnit):
    def dma(self, request):
        permitted, address = super().dma(request)
        return True, address if permitted else 0x7ABC


class SaysOkayWithoutMemory(UntimedUnit):
    def dma(self, request):
        super().dma(request)
        return True, None


LET_THROUGH = "permitted it and let it through to"
REFUSED = "model/reference: refused with fault 0x5 (LGN.2)"


@pytest.mark.parametrize(
    ("unit", "line", "text"),
    [
        (WrongAddress, READ, f"{LET_THROUGH} 0x6abc, model/reference: permitted at 0x7abc"),
        (RefusesAll, READ, "refused it, model/reference: permitted at 0x7abc"),
        (SaysOkayWithoutMemory, READ, "permitted it, model/reference: permitted at 0x7abc"),
        (
            PermitsAll,
            WRITE,
            f"{LET_THROUGH} 0x7abc, {REFUSED}",
        ),
        (SaysOkayWithoutMemory, WRITE, f"permitted it, {REFUSED}"),
        (RefusesAll, ZERO_LENGTH, "refused it, model/reference: permitted at 0x7abc"),
        (
            PermitsAll,
            ATOMIC,
            f"{LET_THROUGH} 0x7abc, {REFUSED}",
        ),
    ],
)
def test_wrong_answer(play, unit, line, text):
    summary = play(*DMA, line, unit=unit)
    assert summary.differences == [f"line 12: the simulated unit {text}"]
    assert summary.kinds[line["e"]] == Count(seen=1, compared=1, unequal=1)
    assert not summary.equal


class LetsThroughWhatItRefuses(UntimedUnit):
    def _answer(self, write, request, address):
        refused = not self.reference.dma(request).permitted
        super()._answer(write, request, address)
        if refused:
            self._queues["m_axi_ar"].append(address)


def test_let_through_though_refused(play):
    summary = play(*DMA, UNMAPPED, unit=LetsThroughWhatItRefuses)
    assert summary.differences[0] == (
        "line 12: the simulated unit refused it and let it through to 0x8080605abc, "
        "model/reference: refused with fault 0x6 (LGN.3)"
    )


class ReadsOtherData(UntimedUnit):
    def step(self, inputs):
        if inputs.m_axi_r is not None:
            inputs = inputs._replace(m_axi_r=inputs.m_axi_r._replace(data=inputs.m_axi_r.data ^ 1 << 63))
        return super().step(inputs)


class WritesOtherData(UntimedUnit):
    def step(self, inputs):
        if inputs.s_axi_w is not None:
            inputs = inputs._replace(s_axi_w=inputs.s_axi_w._replace(data=inputs.s_axi_w.data ^ 1 << 63))
        return super().step(inputs)


class WritesLess(UntimedUnit):
    def step(self, inputs):
        if inputs.s_axi_w is not None:
            strobe = inputs.s_axi_w.strb
            inputs = inputs._replace(s_axi_w=inputs.s_axi_w._replace(strb=strobe & strobe - 1))
        return super().step(inputs)


class BringsDataOfWhatItRefuses(UntimedUnit):
    def step(self, inputs):
        shown = super().step(inputs)
        return shown if shown.s_axi_r is None else shown._replace(s_axi_r=shown.s_axi_r._replace(data=1 << 63 | 1))


@pytest.mark.parametrize("shapes", [[(1, 3)], [(4, 3)], [(16, 3)]])
@pytest.mark.parametrize(
    ("unit", "lines", "text"),
    [
        (ReadsOtherData, [READ], "the data that reached the device are not those of memory at 0x7abc"),
        (WritesOtherData, WRITABLE, "the data that reached memory at 0x7abc are not those of the device"),
        (WritesLess, WRITABLE, "the data that reached memory at 0x7abc are not those of the device"),
        (
            BringsDataOfWhatItRefuses,
            [{**WRITE, "w": 0, "a": "0x8080605abc", "fr": "0x6"}],
            "the refused read brought data",
        ),
    ],
)
def test_wrong_data(play, monkeypatch, unit, lines, text, shapes):
    monkeypatch.setattr(recorded_requests, "SHAPES", shapes)
    assert play(*DMA, *lines).equal
    assert play(*DMA, *lines, unit=unit).differences == [f"line {11 + len(lines)}: {text}"]


class RecordsNothing(UntimedUnit):
    def dma(self, request):
        answer = super().dma(request)
        self.reference._registers.frcd = [0] * self._bench.config.nfr
        self.reference._recorder.status_cleared()
        return answer


class RecordsOtherReason(UntimedUnit):
    def dma(self, request):
        answer = super().dma(request)
        self.reference._registers.frcd = [record ^ (record >> 127) << 96 for record in self.reference._registers.frcd]
        return answer


@pytest.mark.parametrize("line", [WRITE, ATOMIC])
@pytest.mark.parametrize("unit", [RecordsNothing, RecordsOtherReason])
def test_wrong_fault_record(play, unit, line):
    summary = play(*DMA, line, unit=unit)
    assert summary.differences[0].startswith("line 12: fault record at 0x220 is 0x")
    assert summary.kinds[line["e"]] == Count(seen=1, compared=1, unequal=1)


class RecordsSuppressed(UntimedUnit):
    def dma(self, request):
        result = self.reference.dma(request)
        if result.suppressed:
            self.reference._recorder.record_dma(result.condition, request)
        return result.permitted, result.address


def test_record_of_a_suppressed_fault(play):
    suppressed = {**WRITE, "fpd": True}
    summary = play(*DMA, CONTEXT_WITH_FPD, suppressed, unit=RecordsSuppressed)
    assert summary.differences[0] == "line 13: FSTS is 0x2 after the refusal, of model/reference 0x0"


def test_record_of_a_suppressed_fault_among_others(play):
    """FSTS was 2 already: it shows when every register is compared in the end."""
    lines = (*DMA, OTHER_WRITE, CONTEXT_WITH_FPD, {**WRITE, "fpd": True})
    summary = play(*lines, unit=RecordsSuppressed, header=DEFAULT)
    assert [text.partition(" holds")[0] for text in summary.differences] == [
        "line 14: after this line FRCD at 0x230",
        "line 14: after this line FRCD at 0x238",
    ]


class WritesNothing(UntimedUnit):
    def write_memory(self, address, size, value):
        pass


class WritesOther(UntimedUnit):
    def write_memory(self, address, size, value):
        super().write_memory(address, size, value ^ 1)


class WritesTwice(UntimedUnit):
    def write_memory(self, address, size, value):
        super().write_memory(address, size, value)
        super().write_memory(address, size, value)


@pytest.mark.parametrize(("unit", "did"), [(WritesNothing, "did nothing"), (WritesOther, "wrote 62000000 at 0x9000")])
def test_wrong_memory_write(play, unit, did):
    summary = play(*DMA[:4], *QUEUE, unit=unit)
    assert summary.differences == [
        f"line 10: the simulated unit {did}, model/reference wrote 63000000 at 0x9000",
    ]
    assert summary.kinds["x"] == Count(seen=1, compared=1, unequal=1)


@pytest.mark.parametrize("more", [[], [READ], [{**STATUS, "v": "0x0"}]])
def test_memory_write_too_many(play, more):
    summary = play(*DMA, *QUEUE, *more, unit=WritesTwice)
    text = "the simulated unit wrote 63000000 at 0x9000, model/reference did nothing"
    assert [difference.partition(": ")[2] for difference in summary.differences] == [text]
    assert summary.kinds["x"].unequal == 1


class SendsNothing(UntimedUnit):
    def send(self, message):
        pass


class SendsOther(UntimedUnit):
    def send(self, message):
        super().send(Message(message.address, message.data ^ 1))


class SendsElsewhere(UntimedUnit):
    def send(self, message):
        super().send(Message(message.address ^ 4, message.data))


class SendsTwice(UntimedUnit):
    def send(self, message):
        super().send(message)
        super().send(message)


@pytest.mark.parametrize(
    ("unit", "did"),
    [
        (SendsNothing, "did nothing"),
        (SendsOther, "sent 0x20 to 0xfee01004"),
        (SendsElsewhere, "sent 0x21 to 0xfee01000"),
    ],
)
def test_wrong_message(play, unit, did):
    summary = play(*FAULT_EVENT, *DMA, WRITE, MESSAGE, unit=unit)
    assert summary.differences == [f"line 16: the simulated unit {did}, model/reference sent 0x21 to 0xfee01004"]
    assert summary.kinds["msi"] == Count(seen=1, compared=1, unequal=1)


def test_message_too_many(play):
    summary = play(*FAULT_EVENT, *DMA, WRITE, MESSAGE, READ, unit=SendsTwice)
    assert summary.differences == [
        "line 16: the simulated unit sent 0x21 to 0xfee01004, model/reference did nothing",
    ]


class ReadsOther(UntimedUnit):
    def read_register(self, offset):
        return super().read_register(offset) ^ (1 << 56 if offset == 0x18 else 0)


class IgnoresWrites(UntimedUnit):
    def write_register(self, offset, size, value):
        if offset != 0x20:
            super().write_register(offset, size, value)


def test_wrong_register_read(play):
    summary = play(*DMA, unit=ReadsOther)
    stays = "register 0x1c stays {}, model/reference has {}"
    assert summary.differences == [
        "line 3: " + stays.format("0x41000000", "0x40000000"),
        "line 5: register 0x1c read 0xc1000000, model/reference 0xc0000000 (mask 0xffffffff)",
        "line 5: " + stays.format("0xc1000000", "0xc0000000"),
        "line 11: after this line GSTS at 0x1c holds 0xc1000000, of model/reference 0xc0000000",
    ]


def test_wrong_register_in_the_end(play):
    """Nothing else reads RTADDR."""
    summary = play(*DMA[:4], unit=IgnoresWrites)
    assert summary.differences == [
        "line 5: after this line RTADDR at 0x20 holds 0x0, of model/reference 0x1000",
    ]


class SlowStatus(UntimedUnit):
    """GSTS tells the truth only some clocks after it changed."""

    _since, _told = 0, 0

    def read_register(self, offset):
        value = super().read_register(offset)
        if offset != 0x18:
            return value
        if value != self._told:
            self._since += 1
            if self._since > 3:
                self._since, self._told = 0, value
        return self._told


def test_status_may_take_its_time(play):
    assert play(*EVENTS, unit=SlowStatus).equal


class NeverAnswers(UntimedUnit):
    def _answer(self, write, request, address):
        pass


class NeverAnswersSoftware(UntimedUnit):
    def _lite(self, inputs):
        pass


def test_no_answer(play):
    summary = play(*DMA, READ, READ, unit=NeverAnswers)
    assert summary.differences == ["line 12: no answer after 50 clocks; stopped"]
    summary = play(*DMA, READ, unit=NeverAnswersSoftware)
    assert summary.differences == ["line 2: no answer to an access of register 0x20 after 50 clocks; stopped"]


def test_many_differences_stop_the_replay(play, monkeypatch):
    monkeypatch.setattr(job_module, "DIFFERENCES", 3)
    summary = play(*DMA, *[READ] * 30, unit=WrongAddress)
    assert summary.differences[-1].endswith(": stopped after 3 differences")
    assert len(summary.differences) == 4
    assert summary.kinds["t"].seen < 30


# The job


async def played_on_reference(bench, script, *, unit):
    assert unit is None  # no statistics were asked for: the player steps the model
    played = play_model(bench, script, unit=UntimedUnit(bench))
    return dataclasses.replace(played, signals=72)


def run_job(path, player):
    """Run the coroutine of a job, in which nothing waits."""
    recording = load_recording(path)
    config = config_of(recording.header)
    coroutine = run(lambda: Testbench(config), {"capture": str(path), "limit": None}, player)
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return stop.value.value


def test_job(tmp_path):
    path = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS)
    result = run_job(path, played_on_reference)
    assert result["differences"] == []
    summary = result["summary"]
    assert (summary["capture"], summary["lockstep"]["signals"]) == (str(path), 72)
    assert summary["clocks"] == summary["lockstep"]["clocks"] > 100
    assert summary["lockstep"]["mismatches"] == 0
    assert summary["kinds"]["t"] == replay(load_recording(path)).to_json()["kinds"]["t"]


@pytest.mark.parametrize(("failure", "mismatches"), [(Mismatch, 1), (CheckFailed, 0)])
def test_job_that_is_stopped(tmp_path, failure, mismatches):
    path = write_recording(tmp_path / "recording.jsonl.gz", *EVENTS)

    async def player(bench, script, *, unit):
        assert unit is None

        def stopping(bench):
            for _ in script(bench):
                if bench.now == 60:
                    raise failure("clock 60: m_axi_araddr differs")
                yield

        return play_model(bench, stopping, unit=UntimedUnit(bench))

    result = run_job(path, player)
    assert len(result["differences"]) == 1
    assert result["differences"][0].endswith(": clock 60: m_axi_araddr differs")
    assert result["summary"]["lockstep"] == {"clocks": 60, "signals": 72, "mismatches": mismatches}
