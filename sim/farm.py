"""Random runs of the unit, spread over a Dask cluster: workers that are lost are replaced, what is done stays done."""

import atexit
import json
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import IO, Any

import click

from sim.building import PROJECT, content_key
from sim.regress import Failure, Regression, RegressionRun, do_run
from sim.simulator import JobFailed, SimulatorError

__all__ = ["Farm", "FarmError", "Group", "Outcome", "farm", "outcome_of", "sources"]

RETRIES = 2  # of a run whose simulator breaks, perhaps on another machine
CONNECT_SECONDS = 10
BEGINNING = b'{"key": "'  # of each line of a file of outcomes
NUMBER = re.compile(r"\b[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b|0x[0-9a-f]+|\d+")
CLOCK = re.compile(r"clock (\d+): ")
FOUND = re.compile(r"\n  found: +(.*)")

Outcome = dict[str, Any]  # {"result": ...}, of a run that failed also "failure": text and "signal" as in Failure
Do = Callable[[RegressionRun], dict[str, Any]]  # as do_run


class FarmError(Exception):
    """A cluster or a file of outcomes that cannot be used; the text is one sentence that begins with the option."""


@dataclass
class Group:
    """Failures that begin alike: with the same signal, or else with the same words."""

    name: str
    failures: list[Failure] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the group with a command for each of its failures."""
        return {
            "name": self.name,
            "failures": [{"command": one.run.command, "text": one.text} for one in self.failures],
        }


@dataclass
class Farm:
    """What came of it; `known` runs were in the file already."""

    regression: Regression
    groups: dict[str, Group] = field(default_factory=dict)
    known: int = 0

    def add(self, run: RegressionRun, outcome: Outcome) -> None:
        """Count a run in."""
        if "failure" not in outcome:
            self.regression.add(run, outcome["result"])
            return
        failure = Failure(run, outcome["failure"], outcome["signal"])
        name = failure.signal or _words(failure.text)
        group = self.groups.setdefault(name, Group(name))
        group.failures.append(failure)
        group.failures.sort(key=lambda failure: (_clock(failure.text), failure.run.seed))
        self.regression.fail(failure, outcome["result"])

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as that of a campaign, with the groups, the largest first."""
        return self.regression.to_json() | {"groups": [group.to_json() for group in self.ordered_groups()]}

    def ordered_groups(self) -> list[Group]:
        """Return the groups, the largest first."""
        return sorted(self.groups.values(), key=lambda group: (-len(group.failures), group.name))


def farm(
    runs: list[RegressionRun],
    *,
    address: str | None = None,
    workers: int | None = None,
    file: Path | None = None,
    progress: Callable[[int], None] | None = None,
    do: Do = do_run,
) -> Farm:
    """Do all runs on the cluster at `address`, or on one of `workers` processes of this machine.

    Each outcome is appended to `file` as soon as it is there; a run whose outcome is in it already, of the same
    sources, is not done again. `progress` gets the number of runs done. Raises FarmError, and SimulatorError for a
    simulator that cannot be built or breaks.
    """
    start = time.perf_counter()
    found = Farm(Regression(runs[0].simulator, runs))
    revision = sources()
    keys = {run: content_key(revision, repr(run)) for run in runs}
    known = _known(file)
    left = [run for run in runs if keys[run] not in known]
    found.known = len(runs) - len(left)
    for run in runs:
        if keys[run] in known:
            found.add(run, known[keys[run]])
    if left:
        with _appended(file) as lines, _cluster(address, workers) as client:
            for done, (run, outcome) in enumerate(_outcomes(client, left, revision, do), found.known):
                found.add(run, outcome)
                if lines:
                    lines.write(json.dumps({"key": keys[run], "command": run.command, **outcome}) + "\n")
                    lines.flush()
                if progress:
                    progress(done + 1)
    found.regression.seconds = time.perf_counter() - start
    return found


def outcome_of(run: RegressionRun, revision: str, do: Do) -> Outcome:
    """Do one run, on a worker, whose sources must be those of `revision`."""
    if sources() != revision:
        raise SimulatorError(f"a worker in {PROJECT} has other sources than this command; give it the same ones")
    try:
        return {"result": do(run)}
    except JobFailed as error:
        return {"failure": str(error), "signal": error.signal, "result": error.result}
    except click.UsageError as error:  # what the simulator needs is not there
        raise SimulatorError(f"a worker cannot simulate: {error.message}") from None


def _outcomes(client: Any, runs: list[RegressionRun], revision: str, do: Do) -> Iterator[tuple[RegressionRun, Outcome]]:
    """Yield the runs with their outcomes, as they end."""
    from distributed import KilledWorker, as_completed

    futures = client.map(outcome_of, runs, revision=revision, do=do, retries=RETRIES, pure=False)
    run_of = dict(zip((future.key for future in futures), runs, strict=True))
    try:
        for future, outcome in as_completed(futures, with_results=True):
            yield run_of[future.key], outcome
    except KilledWorker as error:
        raise FarmError(f"workers end, one after the other, while they do the same run: {error}") from None


def sources() -> str:
    """Return a key of all that decides what a run does."""
    paths = sorted(path for folder in ("model", "rtl", "tb", "sim") for path in (PROJECT / folder).rglob("*.py"))
    return content_key(*(f"{path.relative_to(PROJECT)}\n{path.read_text()}" for path in paths))


@contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """Yield a client of the cluster, which is started here, without a dashboard, when there is no address."""
    from distributed import Client, LocalCluster
    from distributed.deploy.spec import close_clusters

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if address is None:
        quiet = {"dashboard_address": None, "silence_logs": logging.CRITICAL}
        # The cluster is closed below; one that is interrupted while it starts cannot be, which this would complain of.
        atexit.unregister(close_clusters)
        any_port = {"dashboard_address": "127.0.0.1:0"}  # of the scheduler's own state, which is served in any case
        with _ctrl_c_held_back():
            cluster = LocalCluster(n_workers=workers, threads_per_worker=1, scheduler_kwargs=any_port, **quiet)
        with cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise FarmError(
            f"--address {address}: no scheduler answers ({error}); start one there: dask scheduler"
        ) from None
    with client:
        yield client


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Let Ctrl-C wait, and not come to the processes that are started meanwhile: the terminal tells them as well."""
    resource_tracker.ensure_running()  # it lets signals through when it starts
    held: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number))  # other threads do not block it
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in held:
            signal.raise_signal(number)


def _known(file: Path | None) -> dict[str, Outcome]:
    """Return the outcomes in a file by their keys, and cut off a line that was not finished."""
    if file is None or not file.exists():
        return {}
    try:
        whole, _, rest = file.read_bytes().rpartition(b"\n")
        values = [json.loads(line) for line in whole.splitlines()]
        known = {value["key"]: value for value in values}
        if rest:
            if not rest.startswith(BEGINNING[: len(rest)]):
                raise ValueError
            os.truncate(file, len(whole) + bool(whole))
        return known
    except OSError as error:
        raise _unusable(file, error) from None
    except (ValueError, KeyError, TypeError):
        raise FarmError(f"--resume {file}: holds no outcomes of a farm; name another file, or a new one") from None


@contextmanager
def _appended(file: Path | None) -> Iterator[IO[str] | None]:
    if file is None:
        yield None
        return
    try:
        lines = file.open("a")
    except OSError as error:
        raise _unusable(file, error) from None
    with lines:
        yield lines


def _unusable(file: Path, error: OSError) -> FarmError:
    reason = (error.strerror or "it cannot be used").lower()
    return FarmError(f"--resume {file}: {reason}; it must be a file that can be written")


def _words(text: str) -> str:
    """Return the beginning of a failure, to what was found, without its clock and its numbers."""
    first, found = text.partition("\n")[0], FOUND.search(text)
    beginning = f"{first}, found: {found[1]}" if found else first
    return NUMBER.sub("...", CLOCK.sub("", beginning))


def _clock(text: str) -> int:
    match = CLOCK.match(text)
    return int(match[1]) if match else 0
