"""Farms: the same outcome as a campaign, whatever happens to workers; nothing done twice; failures in groups."""

import json
import logging
import os
import signal
import sys
from collections import Counter
from multiprocessing import get_context

import dask
import pytest
from click.testing import CliRunner
from distributed import LocalCluster

from model.arch.config import PRESETS
from sim import building
from sim import farm as farming
from sim.__main__ import vtd
from sim.commands.farm import _print
from sim.farm import Farm, FarmError, farm, outcome_of
from sim.regress import Failure, Regression, RegressionRun, do_run, regress
from sim.simulator import JobFailed, SimulatorError, run_job
from tb.check import CheckFailed
from tb.jobs.regress import run_on_model
from tb.testbench import Testbench
from tb.watched_unit import WatchedUnit
from tests.tb import stand_in
from tests.tb.broken_units import broken, slots_not_counted

SPARED, COMES = 3, 4


@pytest.fixture(scope="module")
def cluster():
    """Return the address of a cluster of two processes."""
    options = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, **options
        ) as cluster,
    ):
        yield cluster.scheduler_address


def runs_of(seeds, cycles=300):
    return [RegressionRun(seed, PRESETS["small"], "small", "none", cycles) for seed in seeds]


def without_time(values):
    return {name: value for name, value in values.items() if name not in ("seconds", "groups")}


def test_same_as_a_campaign(cluster):
    runs = runs_of(range(4))
    done = []
    found = farm(runs, address=cluster, progress=done.append)
    assert found.regression.equal
    assert found.regression.compared > 50
    assert without_time(found.to_json()) == without_time(regress(runs, processes=1).to_json())
    assert found.to_json()["groups"] == []
    assert done == [1, 2, 3, 4]


def test_lost_worker_is_replaced(cluster, tmp_path):
    died = tmp_path / "died"

    def dies_once(run):
        if run.seed == 1 and not died.exists():
            died.touch()
            os._exit(1)
        return do_run(run)

    runs = runs_of(range(4))
    found = farm(runs, address=cluster, do=dies_once)
    assert died.exists()
    assert without_time(found.to_json()) == without_time(regress(runs, processes=1).to_json())


def fails(run):
    """Fail: at a signal where the seed is even, else at a decision, of a unit that is broken."""
    if run.seed % 2:
        unit = broken(run.config, slots_not_counted, WatchedUnit)
        try:
            return run_on_model(Testbench(run.config, run.seed), run.cycles, unit)
        except CheckFailed as error:
            raise JobFailed(str(error), result=error.result) from None
    building.unit_verilog = stand_in.verilog
    return run_job({"kind": "tests.tb.stand_in", "do": "mismatch"}, config=run.config, simulator="icarus")


def test_failures_are_grouped_by_signal(cluster):
    found = farm(runs_of([0, 1, 2], cycles=8_000), address=cluster, do=fails)
    assert not found.regression.equal
    assert [failure.run.seed for failure in found.ordered_groups()[0].failures] == [0, 2]
    assert found.ordered_groups()[0].name == "s_axi_rresp"
    (other,) = set(found.groups) - {"s_axi_rresp"}
    assert other.startswith("write of source-id ... at ...") and not any(map(str.isdigit, other))
    assert found.regression.ran[runs_of([1], cycles=8_000)[0]] == found.regression.clocks > 0  # until it failed
    values = found.to_json()["groups"]
    assert values[0]["failures"][1]["command"] == "vtd regress --simulator none --seed 2 --config small --cycles 8000"
    assert values[0]["failures"][1]["text"].startswith("clock ")


def test_resumed_farm_does_only_what_is_left(cluster, tmp_path):
    file = tmp_path / "outcomes"
    first = farm(runs_of([0, 1]), address=cluster, file=file)
    assert first.known == 0
    with file.open("a") as lines:
        lines.write('{"key": "0123')  # interrupted

    def only_others(run):
        assert run.seed not in (0, 1)
        return do_run(run)

    done = []
    found = farm(runs_of(range(4)), address=cluster, file=file, do=only_others, progress=done.append)
    assert found.known == 2
    assert done == [3, 4]
    assert without_time(found.to_json()) == without_time(regress(runs_of(range(4)), processes=1).to_json())
    assert [json.loads(line)["command"].split()[5] for line in file.read_text().splitlines()].count("3") == 1
    assert farm(runs_of(range(4)), address="tcp://nobody", file=file).known == 4


def test_failures_are_known_too(tmp_path):
    (run,) = runs_of([7])
    file = tmp_path / "outcomes"
    key, text = farming.content_key(farming.sources(), repr(run)), "clock 5: x differs: RTL 0x0, model 0x1"
    file.write_text(json.dumps({"key": key, "failure": text, "signal": "x", "result": None}) + "\n")
    found = farm([run], file=file)
    assert found.groups["x"].failures == [Failure(run, text, "x")]
    assert not found.regression.equal


def test_outcomes_of_other_sources_do_not_count(cluster, tmp_path, monkeypatch):
    file = tmp_path / "outcomes"
    farm(runs_of([0]), address=cluster, file=file)
    right = farming.sources()
    asked = iter(["other", "other"])
    monkeypatch.setattr(farming, "sources", lambda: next(asked, right))
    with pytest.raises(SimulatorError, match="has other sources than this command"):
        farm(runs_of([0]), address=cluster, file=file)


def test_worker_with_other_sources_refuses():
    with pytest.raises(SimulatorError, match=r"^a worker in .* has other sources than this command"):
        outcome_of(runs_of([0])[0], "other", do_run)


def test_groups_are_ordered():
    runs = runs_of(range(5))
    found = Farm(Regression("none", runs))
    texts = [
        "clock 9: 00:02.0 at 0x1000\n  found:    refused",
        "clock 20: m_axi_araddr differs: RTL 0x1, model 0x2",
        "clock 3: 00:1f.7 at 0x2abc\n  found:    refused\n  possible: nothing",
        "clock 8: m_axi_araddr differs: RTL 0x1, model 0x2",
        "clock 10: m_axi_araddr differs: RTL 0x5, model 0x2",
    ]
    for run, text in zip(runs, texts, strict=True):
        found.add(run, {"failure": text, "signal": "m_axi_araddr" if "araddr" in text else "", "result": None})
    groups = found.ordered_groups()
    assert [[failure.run.seed for failure in group.failures] for group in groups] == [[3, 4, 1], [2, 0]]
    assert groups[0].name == "m_axi_araddr"
    assert groups[1].name == "... at ..., found: refused"


def test_what_a_person_sees(capsys):
    runs = runs_of(range(8))
    found = Farm(Regression("none", runs), known=3)
    for run in runs[:7]:
        text = f"clock {run.seed}: x differs: RTL 0x0, model 0x1\n  log: l"
        found.add(run, {"failure": text, "signal": "x", "result": None})
    _print(found)
    command = "  vtd regress --simulator none --seed {} --config small --cycles 300"
    assert capsys.readouterr().out.splitlines() == [
        "known already: 3 of 8 runs",
        "x: 7 failed, the earliest: clock 0: x differs: RTL 0x0, model 0x1",
        "  log: l",
        "to repeat them:",
        *(command.format(seed) for seed in range(5)),
        "  and 2 more, which --json has",
        "7 of 8 runs failed",
    ]


def run(*arguments):
    return CliRunner(env={"COLUMNS": "200"}).invoke(vtd, ["farm", "--seeds", "0-1", *map(str, arguments)])


def test_command(tmp_path):
    file = tmp_path / "farm.json"
    options = ("--config", "small", "--simulator", "none", "--cycles", 300, "--workers", 1, "--json", file)
    result = run(*options)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert result.stdout.startswith("2 runs, ")
    assert result.stdout.endswith("decisions are as they may be\n")
    values = json.loads(file.read_text())
    assert Counter(one["seed"] for one in values["runs"]) == {0: 1, 1: 1}
    assert values["groups"] == values["failures"] == []


def test_wrong_usage(tmp_path, monkeypatch):
    monkeypatch.setattr(farming, "CONNECT_SECONDS", 1)
    other = tmp_path / "other"
    other.write_text("a file of something else")
    model = ("--simulator", "none", "--config", "small")
    for arguments, sentence in (
        (("--address", "tcp://127.0.0.1:1"), "--address tcp://127.0.0.1:1: no scheduler answers"),
        (("--address", "tcp://127.0.0.1:1", "--workers", 2), "--workers is for a cluster of this machine"),
        (("--resume", other), f"--resume {other}: holds no outcomes of a farm"),
        (("--resume", tmp_path), f"{tmp_path}: is a directory; --resume must name"),
        (("--resume", tmp_path / "no" / "file"), "no such file or directory"),
    ):
        result = run(*model, *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), result.output
        assert sentence in result.stderr
        assert result.stderr.count("\n") == 1, result.stderr
    assert other.read_text() == "a file of something else"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "what was done is lost; with --resume FILE a farm keeps it, and the same command goes on"),
        (("--resume", "done"), "what was done is in done; the same command, with --resume done, goes on"),
    ],
)
def test_interrupted_farm_says_how_to_go_on(options, sentence, tmp_path, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(farming, "farm", interrupted)
    result = run("--simulator", "none", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", f"\nInterrupted: {sentence}\n")


def test_run_that_ends_every_worker_is_named(cluster):
    def ends(run):
        os._exit(1)

    with pytest.raises(FarmError, match=r"^workers end, one after the other"):
        farm(runs_of([0]), address=cluster, do=ends)


def _tell_whether_ctrl_c_comes():
    sys.exit(COMES if signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, []) else SPARED)


def test_ctrl_c_while_a_cluster_starts_waits_and_spares_the_workers():
    come = []
    before = signal.signal(signal.SIGINT, lambda number, _: come.append(number))
    worker = get_context("spawn").Process(target=_tell_whether_ctrl_c_comes)
    try:
        with farming._ctrl_c_held_back():
            signal.raise_signal(signal.SIGINT)
            worker.start()
            worker.join()
            assert not come
        assert come == [signal.SIGINT]
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGINT, before)
    assert worker.exitcode == SPARED
