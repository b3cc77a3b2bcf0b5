"""What a replay counts: verdicts on lines in, a summary for people and programs out."""

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from enum import Enum
from typing import Any, Self

from model.arch import UnitConfig
from tb.statistics import Statistics

__all__ = ["Count", "Lockstep", "Outcome", "Summary", "Verdict"]


class Outcome(Enum):
    """What became of a line."""

    TOLD = "told"  # it tells the unit something: there is nothing to compare
    EQUAL = "equal"
    UNEQUAL = "unequal"
    EXCEPTED = "excepted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one line. `text` is the difference, or the name of the exception.

    `surplus`: no line at all, but an effect of the unit for which the recording has none; `line` is its cause.
    """

    kind: str
    line: int
    outcome: Outcome
    text: str = ""
    surplus: bool = False


@dataclass
class Count:
    """What became of the lines of one kind; lines that only tell the unit something have nothing to compare.

    `unequal` counts unequal lines, and effects of the unit that should have had a line and have none.
    """

    seen: int = 0
    compared: int = 0
    equal: int = 0
    unequal: int = 0
    excepted: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count a verdict in."""
        self.seen += not verdict.surplus
        if verdict.outcome is Outcome.EXCEPTED:
            self.excepted[verdict.text] += 1
        elif verdict.outcome is not Outcome.TOLD:
            self.compared += not verdict.surplus
            self.equal += verdict.outcome is Outcome.EQUAL
            self.unequal += verdict.outcome is Outcome.UNEQUAL

    def to_json(self) -> dict[str, Any]:
        """Return the counts as architecture 5 spells them."""
        # dataclasses.asdict would rebuild `excepted` from its items, which a Counter counts.
        return {**vars(self), "excepted": dict(self.excepted)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the counts that `to_json` spelled."""
        return cls(**{**values, "excepted": Counter(values["excepted"])})


@dataclass
class Lockstep:
    """How much of a simulated unit was compared with model/cycle: `signals` is the number of outputs in each clock."""

    clocks: int = 0
    signals: int = 0
    mismatches: int = 0


@dataclass
class Summary:
    """The outcome of a replay. `differences` has one sentence for each unequal line or unexpected effect;
    `withdrawn` counts, by deviation, fault records that the recording's source does not make. `clocks` is 0 without a
    simulator. `statistics` are there when they were asked for; JSON does not have them."""

    capture: str
    config: UnitConfig
    simulator: str = "none"
    kinds: dict[str, Count] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    withdrawn: Counter[str] = field(default_factory=Counter)
    clocks: int = 0
    lockstep: Lockstep = field(default_factory=Lockstep)
    seconds: float = 0.0
    statistics: Statistics | None = None

    def add(self, verdict: Verdict) -> None:
        """Count a verdict in; one that is unequal leaves its sentence."""
        self.kinds.setdefault(verdict.kind, Count()).add(verdict)
        if verdict.outcome is Outcome.UNEQUAL:
            self.differences.append(f"line {verdict.line}: {verdict.text}")

    @property
    def compared(self) -> int:
        """Number of lines whose result was compared."""
        return sum(count.compared for count in self.kinds.values())

    @property
    def equal(self) -> bool:
        """True when something was compared and nothing differed."""
        return self.compared > 0 and not self.differences and not self.lockstep.mismatches

    def to_json(self) -> dict[str, Any]:
        """Return the summary as architecture 5 spells it."""
        return {
            "capture": self.capture,
            "simulator": self.simulator,
            "config": asdict(self.config),
            "kinds": {kind: count.to_json() for kind, count in sorted(self.kinds.items())},
            "withdrawn": dict(self.withdrawn),
            "clocks": self.clocks,
            "lockstep": asdict(self.lockstep),
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], differences: list[str]) -> Self:
        """Return the summary that `to_json` spelled; its differences come beside it."""
        assert set(values) | {"differences", "statistics"} == {field.name for field in fields(cls)}
        return cls(
            **{
                **values,
                "config": UnitConfig(**values["config"]),
                "kinds": {kind: Count.from_json(count) for kind, count in values["kinds"].items()},
                "differences": differences,
                "withdrawn": Counter(values["withdrawn"]),
                "lockstep": Lockstep(**values["lockstep"]),
            }
        )
