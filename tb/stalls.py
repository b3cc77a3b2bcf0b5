"""How often the channels of a port do nothing in a clock: the knob `stall` of memories, devices and software."""

from collections.abc import Mapping

__all__ = ["CHANNELS", "Stalling"]

CHANNELS = ("aw", "w", "b", "ar", "r")


class Stalling:
    """Something with the five channels of AXI; `_stall` has a probability for each, in order, None when all are 0."""

    _stall: tuple[float, ...] | None = None

    @property
    def stall(self) -> dict[str, float]:
        """Probability of a stall by channel."""
        return dict(zip(CHANNELS, self._stall, strict=True)) if self._stall else dict.fromkeys(CHANNELS, 0.0)

    @stall.setter
    def stall(self, stall: float | Mapping[str, float]) -> None:
        """One number is for all channels; those that a mapping does not name never stall."""
        by_channel = stall if isinstance(stall, Mapping) else dict.fromkeys(CHANNELS, float(stall))
        if unknown := set(by_channel) - set(CHANNELS):
            raise ValueError(f"a stall is of {', '.join(CHANNELS)}, not of {', '.join(sorted(unknown))}")
        probabilities = tuple(by_channel.get(channel, 0.0) for channel in CHANNELS)
        self._stall = probabilities if any(probabilities) else None
