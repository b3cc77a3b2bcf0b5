"""Job "posting": devices' interrupts are posted into descriptors that software changes at the same time."""

from collections import Counter
from typing import Any

from model.arch import UnitConfig
from tb.players import play_model
from tb.posting_unit import PostingRace
from tb.testbench import Testbench

__all__ = ["run", "run_on_model"]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Post `rounds` interrupts, half of them in each interrupt mode; return {"clocks": clocks, "seen": counts}."""
    races = _races(job["rounds"])
    played = [await player(make_bench(seed=_seed(job["seed"], race)), race.script) for race in races]
    return _result(races, played)


def run_on_model(config: UnitConfig, rounds: int, seed: int, *, make_unit: Any = None) -> dict[str, Any]:
    """Do the same on model/cycle alone; `make_unit(config)` makes what stands in for model.cycle.unit.Unit."""
    races = _races(rounds)
    played = [
        play_model(Testbench(config, _seed(seed, race)), race.script, unit=make_unit and make_unit(config))
        for race in races
    ]
    return _result(races, played)


def _races(rounds: int) -> list[PostingRace]:
    return [PostingRace(rounds - rounds // 2, extended=1), PostingRace(rounds // 2, extended=0)]


def _seed(seed: int, race: PostingRace) -> int:
    """The interrupt mode changes no clock: with one seed the second race would repeat the first."""
    return 2 * seed + race.extended


def _result(races: list[PostingRace], played: list[Any]) -> dict[str, Any]:
    seen = sum((race.seen for race in races), Counter())
    return {"clocks": sum(one.clocks for one in played), "signals": played[0].signals, "seen": dict(seen)}
