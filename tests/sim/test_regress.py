"""Random runs: all is compared under both simulators, and what is wrong, in the unit or in the reference, is found."""

import json
import re
import threading
from collections import Counter

import pytest
from click.testing import CliRunner

from model.arch.config import PRESETS
from model.cycle import invalidation, iotlb, request_pipeline
from model.reference.translate import Translator
from sim.commands.regress import regress as command
from sim.regress import Regression, RegressionRun, do_run, regress
from tb.check import CheckFailed
from tb.interrupt_checker import required_rows
from tb.jobs.regress import run_on_model
from tb.stimulus import random_config
from tb.testbench import Testbench
from tests.tb.readable import assert_readable

CYCLES = 3_000


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("simulator", ["verilator", "icarus"])
def test_lockstep(simulator, preset):
    outcome = regress([RegressionRun(3, PRESETS[preset], preset, simulator, CYCLES)], processes=1)
    assert outcome.failures == []
    assert outcome.equal
    assert outcome.clocks >= CYCLES
    assert outcome.signals >= 60 * CYCLES
    assert outcome.compared >= 100
    values = outcome.to_json()
    assert values["kinds"]["t"]["unequal"] == 0
    assert values["lockstep"] == {"clocks": outcome.clocks, "signals": outcome.signals, "mismatches": 0}


def coverage_of(seeds, preset="default"):
    coverage = Counter()
    for seed in seeds:
        coverage += Counter(run_on_model(Testbench(PRESETS[preset], seed), CYCLES)["coverage"])
    return coverage


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_interrupts_in_lockstep(preset):
    run = RegressionRun(4, PRESETS[preset], preset, "verilator", CYCLES, profile="interrupts")
    outcome = regress([run], processes=1)
    assert outcome.failures == []
    assert outcome.coverage["interrupts remapped"] >= 20
    assert sum(count > 0 for count in outcome.required.values()) >= 15
    assert outcome.missing == []  # too short to tell


def test_interrupt_heavy_runs_meet_all_that_interrupts_can_do():
    coverage = Counter()
    for seed in range(12):
        coverage += Counter(run_on_model(Testbench(PRESETS["default"], seed), 8_000, profile="interrupts")["coverage"])
    rows = required_rows(PRESETS["default"])
    assert len(rows) == 10 + 16 + 8
    assert [row for row in rows if not coverage[row]] == []
    assert coverage["postings that lost a race"] >= 5
    assert coverage["messages answered after an invalidation or a control was complete"] >= 5
    assert coverage["interrupts that rest on something replaced"] >= 20


def test_interrupts_are_part_of_every_run():
    coverage = coverage_of(range(4))
    assert coverage["interrupts remapped"] + coverage["notifications"] >= 10


def test_long_campaign_names_what_it_never_met():
    run = RegressionRun(1, PRESETS["default"], "default", "none", 400_000)
    regression = Regression("none", [run], clocks=400_000, compared=1)
    rows = required_rows(PRESETS["default"])
    assert regression.missing == rows
    regression.coverage.update(rows[1:])
    assert regression.missing == rows[:1]
    regression.clocks = 1000
    assert regression.missing == []


@pytest.mark.parametrize("seed", range(3))
def test_interrupts_of_random_configuration_on_the_model(seed):
    assert run_on_model(Testbench(random_config(seed), seed), CYCLES, profile="interrupts")["compared"] > 20


def test_much_is_covered():
    coverage = coverage_of(range(4))
    kinds = Counter(name.split(",")[0].split(":")[0].split(" 0x")[0] for name in coverage)
    assert kinds["fault"] >= 6, kinds
    assert coverage["outdated answers"] >= 5
    assert sum(count for name, count in coverage.items() if name.startswith("IOTLB hit")) >= 50
    assert sum(count for name, count in coverage.items() if name.startswith("walk, level")) >= 50
    assert sum(count for name, count in coverage.items() if "with traffic in flight" in name) >= 10
    assert coverage["refusals of bursts"] >= 10


@pytest.mark.parametrize("seed", range(3))
def test_random_configuration_on_the_model(seed):
    assert run_on_model(Testbench(random_config(seed), seed), CYCLES)["compared"] > 20


def break_reference(monkeypatch):
    monkeypatch.setattr(Translator, "_missing", lambda self, access, permissions: 0)


def break_permission(monkeypatch):
    right = request_pipeline.missing_permission
    monkeypatch.setattr(
        request_pipeline, "missing_permission", lambda constants, access, read, write: right(constants, access, 1, 1)
    )


def break_invalidation(monkeypatch):
    monkeypatch.setattr(iotlb.Iotlb, "_invalidate", lambda self, command: None)


def break_drain(monkeypatch):
    right = invalidation.Invalidation.step
    monkeypatch.setattr(
        invalidation.Invalidation, "step", lambda self, registers, queue, older: right(self, registers, queue, 0)
    )


def break_address(monkeypatch):
    monkeypatch.setattr(request_pipeline, "WITHIN", (0xFFF, 0xFFF, 0xFFFFF, 0x3FFFFFFF))


@pytest.mark.parametrize(
    "breakage", [break_reference, break_permission, break_invalidation, break_drain, break_address]
)
def test_what_is_wrong_is_found(breakage, monkeypatch):
    breakage(monkeypatch)
    with pytest.raises(CheckFailed, match=r"clock \d+: .*\n  found:    .*\n  possible: ") as failure:
        coverage_of(range(8))
    assert_readable(str(failure.value))
    assert re.search(r"(\n  clock \d+: .*){10}$", str(failure.value))  # what happened last


def test_defect_of_the_bench_is_a_failure_with_its_place(monkeypatch):
    """It ends its own run, and not those of a campaign."""
    monkeypatch.setattr("tb.jobs.regress.run_on_model", lambda *_, **__: {}["what is not there"])
    run = RegressionRun(1, PRESETS["small"], "small", "none", 100)
    failure = regress([run], processes=1).failures[0]
    text = "a defect of the bench: KeyError: 'what is not there'\nTraceback "
    assert failure.text.startswith(text) and "test_regress.py" in failure.text


def test_event_message_with_an_upper_half_reaches_memory():
    """One whose lower half alone is in the interrupt range: its place was taken for one that fails."""
    run_on_model(Testbench(PRESETS["small"], 20312), 100)


@pytest.mark.parametrize(("seed", "profile"), [(40246, "mixed"), (40350, "mixed"), (50050, "interrupts")])
def test_memory_that_breaks_within_a_write_of_a_descriptor(seed, profile):
    """A part of it is stored, without exclusive accesses, and the rest refused: fault 0x27."""
    config = random_config(seed)
    assert not config.exclusive
    assert run_on_model(Testbench(config, seed), 4000, profile=profile)["compared"] > 20


def test_long_campaign_fails_when_something_was_never_met(monkeypatch):
    monkeypatch.setattr("sim.regress.ENOUGH_CLOCKS", 100)
    arguments = ["--simulator", "none", "--seeds", "5", "--cycles", "200", "--config", "small"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 1, result.output
    assert "never met: fault 0x2" in result.output


def test_nothing_compared_is_a_failure():
    with pytest.raises(CheckFailed, match="nothing was compared"):
        run_on_model(Testbench(PRESETS["default"], 1), 1)


def test_command_writes_what_happened(tmp_path):
    file = tmp_path / "out.json"
    result = CliRunner().invoke(command, ["--simulator", "none", "--cycles", "1000", "--json", str(file)])
    assert result.exit_code == 0, result.output
    assert "all " in result.output
    values = json.loads(file.read_text())
    assert values["simulator"] == "none"
    assert values["kinds"]["t"]["compared"] == values["kinds"]["t"]["equal"] > 0
    assert values["lockstep"] == {"clocks": 0, "signals": 0, "mismatches": 0}
    assert values["runs"] == [{"seed": 1, "config": "default", "cycles": 1000}]


def test_one_run_on_the_model_does_not_keep_ctrl_c_waiting(monkeypatch):
    """What runs in a thread would have to come to its end first."""
    threads = []

    def do(run):
        threads.append(threading.current_thread())
        return do_run(run)

    monkeypatch.setattr("sim.regress.do_run", do)
    assert regress([RegressionRun(1, PRESETS["small"], "small", "none", 300)], processes=2).equal
    assert threads == [threading.main_thread()]


def test_campaign_runs_every_seed_with_both_presets():
    arguments = ["--simulator", "none", "--seeds", "5-6", "--cycles", "500", "--jobs", "2"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert "4 runs" in result.output


def test_failure_tells_how_to_repeat_it(monkeypatch):
    break_reference(monkeypatch)
    result = CliRunner().invoke(
        command, ["--simulator", "none", "--seed", "2", "--cycles", "5000", "--config", "small"]
    )
    assert result.exit_code == 1
    assert "to repeat it: vtd regress --simulator none --seed 2 --config small --cycles 5000" in result.output
    assert "1 of 1 runs failed" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--seed", "1", "--seeds", "2-3"], "--seed is one run and --seeds is a campaign"),
        (["--random-config", "--config", "small"], "--config cannot name one as well"),
        (["--seeds", "3-2"], "--seeds takes seeds such as 0-49, at most 100000 of them, not '3-2'"),
        (["--seeds", "0-100000"], "--seeds takes seeds such as 0-49, at most 100000 of them, not '0-100000'"),
        (["--simulator", "none", "--waves", "x.fst"], "--waves needs a simulator and one run"),
        (["--config", "nowhere.toml"], "--config nowhere.toml"),
    ],
)
def test_bad_usage(arguments, text):
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert text in result.output
