"""The trace: what a unit did on the way to an answer, step by step, for a person to read.

A reading of an entry is a `Lookup`, which says where the entry stands and why there, and then an `Entry`. What follows
until the next lookup was found out from that entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from model.arch import Structure

__all__ = [
    "Check",
    "Command",
    "Decision",
    "Entry",
    "Lookup",
    "Recorded",
    "Selector",
    "Sent",
    "Step",
    "Trace",
    "must_be_zero",
    "spell_bits",
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the unit did: `text` says what and why, `rule` where the specification says so."""

    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class Selector:
    """Bits `high` to `low` of a number of the request ("address", "source-id", "data") that select an entry."""

    number: str
    high: int
    low: int

    def __str__(self) -> str:
        if self.high == self.low:
            return f"bit {self.low} of the {self.number}"
        return f"bits {self.high}:{self.low} of the {self.number}"


@dataclass(frozen=True, slots=True)
class Lookup(Step):
    """The next entry is number `index` of `table`, which begins at `base`, as `base_from` says; `selectors` chose the
    index, none where nothing of the request does."""

    table: str
    base: int
    base_from: str
    index: int
    selectors: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry(Step):
    """An entry in memory was read or written: `value`, None when that failed. `structure` None: of no known kind.

    A second one after a lookup in the invalidation queue is what the descriptor wrote.
    """

    structure: Structure | None
    address: int
    value: int | None
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Check(Step):
    """Something was found out: `blame` has ones at the bits of the last entry that brought it about.

    `permissions`, where it is told, is what all entries so far permit: bit 0 read, bit 1 write. `blame` then is what
    this entry took away; it had a part in the refusal only where `missing`, told of the last entry, has it too: the
    permissions for want of which the request is refused.
    """

    blame: int = 0
    permissions: int | None = None
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Command(Step):
    """A command of software, written into a register, was done."""


@dataclass(frozen=True, slots=True)
class Sent(Step):
    """A message of the unit itself went out."""


@dataclass(frozen=True, slots=True)
class Recorded(Step):
    """A fault was recorded in FRCD number `record`, or not (None)."""

    record: int | None = None


@dataclass(frozen=True, slots=True)
class Decision(Step):
    """How it ended. Refused: the `condition` and reason `code` where there is one, and as `remedy` what software must
    change so that it does not happen again."""

    permitted: bool
    condition: str = ""
    code: int | None = None
    remedy: str = ""


# Called with each step while it happens; None is silence.
Trace = Callable[[Step], None] | None


def must_be_zero(bits: int, rule: str) -> Check:
    """Tell which reserved bits of an entry are 1."""
    return Check(f"{spell_bits(bits)} must be 0 here and {'are' if bits & bits - 1 else 'is'} 1", rule, bits)


def spell_bits(bits: int) -> str:
    """Name the bits that are 1, lowest first: "bit 318", "bits 3:2, 12 and 14"."""
    numbers = [number for number in range(bits.bit_length()) if bits >> number & 1]
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    *parts, last = [f"{run[-1]}:{run[0]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return f"bit{'s' if len(numbers) > 1 else ''} {', '.join(parts) + ' and ' if parts else ''}{last}"
