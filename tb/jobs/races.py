"""Job "races": commands, controls and register writes at every clock around requests and faults, and wild tables."""

from collections import Counter
from typing import Any

from model.arch import UnitConfig
from tb.event_races import RACES, EventSweep
from tb.players import play_model
from tb.race_kinds import COMMANDS, CONTROLS
from tb.races import Sweep
from tb.testbench import Testbench
from tb.wild_tables import WildTables

__all__ = ["SWEEPS", "run", "run_on_model", "sweeps"]

# Where the latency is that of the longest walks, one of each sort of command is enough.
SLOW = (
    "context device FM 0",
    "context device, then IOTLB domain",
    "IOTLB domain",
    "IOTLB page AM 0 IH 0",
    "IOTLB page AM 0 IH 1",
    "IOTLB page AM 18 IH 0",
)
BY = ("registers", "queue")
VARYING_STRIDE = 4  # chance moves everything anyway
WILD_IMAGES = 60
SWEEPS = (
    *(f"commands by {by}" for by in BY),
    *(f"commands by {by}, long walks" for by in BY),
    "commands by queue, varying latency",
    "controls",
    "events",
    "wild tables",
)


def sweeps(name: str, stride: int = 1) -> Any:
    """Return the sweep of a name; with a `stride` it tries every so many clocks only."""
    if name == "controls":
        return Sweep("registers", [kind.name for kind in CONTROLS], stride=stride)
    if name == "events":
        return EventSweep(list(RACES), stride=stride)
    if name == "wild tables":
        return WildTables(max(1, WILD_IMAGES // stride))
    commands = [kind.name for kind in COMMANDS]
    by, _, how = name.removeprefix("commands by ").partition(", ")
    if how == "long walks":
        return Sweep(by, list(SLOW), latency=10, width=57, alone=True, stride=stride)
    if how:
        return Sweep(by, commands, latency=0, stride=VARYING_STRIDE * stride)
    return Sweep(by, commands, stride=stride)


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Play the sweeps that `names` has, with the `stride`; return trials by kind, and the sums of what was played."""
    result = _Result()
    for name in job["names"]:
        sweep = sweeps(name, job["stride"])
        result.add(sweep, await player(make_bench(seed=1), sweep.script))
    return result.to_json()


def run_on_model(config: UnitConfig, names: tuple[str, ...], *, stride: int = 1, unit: Any = None) -> dict[str, Any]:
    """Do the same on model/cycle alone; `unit` stands in for model.cycle.unit.Unit."""
    result = _Result()
    for name in names:
        sweep = sweeps(name, stride)
        result.add(sweep, play_model(Testbench(config), sweep.script, unit=unit))
    return result.to_json()


class _Result:
    def __init__(self) -> None:
        self._trials: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._played: Counter[str] = Counter()
        self._signals = 0

    def add(self, sweep: Any, played: Any) -> None:
        self._trials += getattr(sweep, "trials", Counter())
        self._seen += getattr(sweep, "seen", Counter())
        counts = played.to_json()
        self._signals = counts.pop("signals")
        self._played += Counter(counts)

    def to_json(self) -> dict[str, Any]:
        """Return {"trials": by kind, "seen": by outcome, "played": sums, with `signals` those of each clock}."""
        return {
            "trials": dict(self._trials),
            "seen": dict(self._seen),
            "played": dict(self._played) | {"signals": self._signals},
        }
