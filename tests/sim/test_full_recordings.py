"""Whole recordings of real kernels, and generated scenarios: every line is compared or excepted by name, all equal."""

import gzip
import json
from pathlib import Path

import pytest

from model.arch import ConfigError
from sim.recording import load_recording
from sim.replay import replay
from sim.summary import Summary
from tests.conftest import PROJECT, shared_folder

COMPARED_KINDS = ("r", "t", "ta", "i", "x", "msi")

LARGE_PAGE = "large page over the interrupt range is refused as a whole"
FPD_OVERRIDDEN = "fault 0xB is recorded though FPD=1"

# Each comes from a test that the marks of the recording name, and from the reads and messages that follow it.
LINUX_FAULTS = {
    "i": {
        "SVT=2 takes the bus range in reverse": 2,
        "SVT=3 gives 0x26": 1,
        "IRTE mode bit 15 is ignored": 1,
        "reserved destination bits are ignored in xAPIC mode": 1,
        "interrupt faults are not recorded": 2,
        "reserved data bits are examined after the IRTE": 1,
        "interrupt index wraps at 16 bits": 1,
        "compatibility format passes while remapping is on": 1,
    },
    "t": {"cached translation with fewer rights": 8, LARGE_PAGE: 4, FPD_OVERRIDDEN: 2},
    "r": {"PV of a request without PASID is 0xffff": 64, LARGE_PAGE: 3, FPD_OVERRIDDEN: 3},
    "msi": {LARGE_PAGE: 1, FPD_OVERRIDDEN: 1},
}
LINUX_FAULTS_WITHDRAWN = {"cached translation with fewer rights": 8, "interrupt faults are not recorded": 21}

# By recording: what is excepted, by kind and name. A recording that is not named here may not need any exception.
EXCEPTED = {
    "kvm-unit-tests": {"i": {"source-id of the I/O APIC is not verified": 1}},
    "linux-faults": LINUX_FAULTS,
}
WITHDRAWN = {"linux-faults": LINUX_FAULTS_WITHDRAWN}

# By recording: how many lines of a kind it has, from the table of its README.
SEEN = {
    "kvm-unit-tests": {"w": 7, "r": 18, "m": 7, "t": 2, "i": 3},
    "linux-faults": {"w": 310, "r": 167, "m": 16849, "x": 198, "t": 1730, "i": 12636, "msi": 47},
    "linux-legacy": {"w": 1471, "r": 17, "m": 40010, "x": 1453, "t": 11674, "i": 7919},
    "linux-pt": {"w": 196, "r": 17, "m": 14792, "x": 178, "t": 10523, "i": 7913},
    "linux-x2apic": {"w": 1512, "r": 17, "m": 36441, "x": 1494, "t": 10574, "i": 9020},
    "linux-xapic": {"w": 1470, "r": 17, "m": 25290, "x": 1452, "t": 8817, "i": 8632},
}
SCALABLE = "linux-scalable"

BUNDLED = PROJECT / "sim" / "data" / "bundled.jsonl.gz"


def recordings(folder: str, *, without: tuple[str, ...] = ()) -> list:
    """Return the recordings of a shared folder as parameters; one that cannot be read if there are none."""
    paths = sorted((shared_folder() / folder).glob("*.jsonl.gz")) or [shared_folder() / folder / "none-found.jsonl.gz"]
    return [pytest.param(path, id=name_of(path)) for path in paths if name_of(path) not in without]


def name_of(path: Path) -> str:
    return path.name.removesuffix(".jsonl.gz")


def play(path: Path) -> Summary:
    summary = replay(load_recording(path))
    assert summary.differences == []
    assert summary.equal
    for kind, count in summary.kinds.items():
        if kind in COMPARED_KINDS:
            assert count.compared + count.excepted.total() == count.seen, kind
            assert (count.equal, count.unequal) == (count.compared, 0), kind
        else:
            assert (count.compared, count.excepted) == (0, {}), kind
    return summary


def excepted(summary: Summary) -> dict[str, dict[str, int]]:
    return {kind: dict(count.excepted) for kind, count in summary.kinds.items() if count.excepted}


@pytest.mark.parametrize("path", recordings("captures", without=(SCALABLE,)))
@pytest.mark.usefixtures("shared")
def test_capture(path):
    summary = play(path)
    assert excepted(summary) == EXCEPTED.get(name_of(path), {})
    assert summary.withdrawn == WITHDRAWN.get(name_of(path), {})
    seen = {kind: count.seen for kind, count in summary.kinds.items() if kind != "mark"}
    assert seen == SEEN.get(name_of(path), seen)


def test_no_capture_is_absent(shared):
    """What is not there is not compared: the README names the recordings."""
    assert {name_of(path) for path in (shared / "captures").glob("*.jsonl.gz")} >= {*SEEN, SCALABLE}


def test_scalable_mode_is_refused(shared):
    recording = load_recording(shared / "captures" / f"{SCALABLE}.jsonl.gz")
    with pytest.raises(ConfigError, match=r"^scalable mode does not exist yet: ECAP\.SMTS \(bit 43\) must be 0$"):
        replay(recording)


@pytest.mark.parametrize("path", recordings("scenarios"))
@pytest.mark.usefixtures("shared")
def test_scenario(path):
    summary = play(path)
    assert excepted(summary) == {}
    assert summary.withdrawn == {}


def test_scenarios_have_every_kind_of_line(shared):
    """Each kind of scenario is there, and together they have every kind of line to compare."""
    paths = sorted((shared / "scenarios").glob("*-100.jsonl.gz"))
    names = {
        "faults",
        "hostile",
        "interrupts",
        "legacy-churn",
        "legacy-dma",
        "memory-error",
        "mixed",
        "posting",
        "queue",
    }
    assert {name_of(path).removesuffix("-100").removesuffix("-v1").removesuffix("-default") for path in paths} >= names
    lines = (line for path in paths for line in gzip.decompress(path.read_bytes()).splitlines()[1:])
    kinds = {json.loads(line)["e"] for line in lines}
    assert kinds == {*COMPARED_KINDS, "w", "m", "mark"}


def test_bundled_recording():
    """The recording that comes with the project: it is cut from linux-faults and keeps all that is strange in it."""
    summary = play(BUNDLED)
    assert excepted(summary) == LINUX_FAULTS
    assert summary.withdrawn == LINUX_FAULTS_WITHDRAWN
    seen = {kind: count.seen for kind, count in summary.kinds.items() if kind != "mark"}
    assert seen == {"w": 310, "r": 167, "m": 1270, "x": 198, "t": 1730, "i": 257, "msi": 47}
