"""A request met a fault condition: what the blocks of the reference model raise, and nobody outside sees."""

from dataclasses import replace

from model.arch import CONDITIONS, FaultCondition

__all__ = ["Fault"]


class Fault(Exception):
    """`name` is the condition's ("LCT.2"); `fault_processing_disable` is FPD of the entry that was used.

    `remedy` is for a condition of several causes: advice that is more to the point than the condition's own.
    """

    def __init__(self, name: str, *, remedy: str = "", fault_processing_disable: bool = False) -> None:
        super().__init__(name)
        self.remedy = remedy
        self.condition: FaultCondition = replace(CONDITIONS[name], remedy=remedy) if remedy else CONDITIONS[name]
        self.suppressed = self.condition.qualified and fault_processing_disable
