"""How a field of a configuration is declared: default, meaning, legal values and cost, once."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Parameter", "parameter"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a person has to know of a field.

    `legal` is a range or the values themselves; words where other fields decide too, None for what is true or false.
    `unit` follows the values in texts. `needs` names the field without which this one must be false, after a colon why.
    `cost` says what hardware grows with it; "" for none worth a word.
    """

    meaning: str
    legal: range | tuple[Any, ...] | str | None = None
    unit: str = ""
    needs: str = ""
    cost: str = ""

    @property
    def legal_text(self) -> str:
        """Legal values in words."""
        match self.legal:
            case None:
                return "true or false"
            case str(words):
                return words
            case range() as numbers:
                return f"{numbers.start} to {numbers.stop - 1}{self.unit}"
            case values:
                *most, last = map(shown, values)
                return f"{', '.join(most)} or {last}{self.unit}"

    def allows(self, value: Any) -> bool:
        """Say whether a value is legal, as far as it alone decides."""
        return self.legal is None or isinstance(self.legal, str) or value in self.legal

    def refusal(self, name: str, value: Any) -> str:
        """Return the sentence that says that `name` cannot be `value`."""
        return f"{name} must be {self.legal_text}, not {shown(value)}"


def shown(value: Any) -> str:
    """Return a value as a TOML file has it."""
    if isinstance(value, tuple):
        return str(list(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def parameter(default: Any, meaning: str, legal: Any = None, **facts: str) -> Any:
    """Return a field of a dataclass with its Parameter."""
    return field(default=default, metadata={"parameter": Parameter(meaning, legal, **facts)})
