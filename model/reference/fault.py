"""A request met a fault condition: what the blocks of the reference model raise, and nobody outside sees."""

from model.arch import CONDITIONS, FaultCondition

__all__ = ["Fault"]


class Fault(Exception):
    """`name` is the condition's ("LCT.2"); `fault_processing_disable` is FPD of the entry that was used."""

    def __init__(self, name: str, *, fault_processing_disable: bool = False) -> None:
        super().__init__(name)
        self.condition: FaultCondition = CONDITIONS[name]
        self.suppressed = self.condition.qualified and fault_processing_disable
