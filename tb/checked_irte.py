"""The check of an entry and its meaning as one block, for their bench."""

from amaranth import Module
from amaranth.lib import wiring

from model.arch import UnitConfig
from rtl.irte_check import IrteCheck, IrteMeaning

__all__ = ["CheckedIrte"]


class CheckedIrte(wiring.Component):
    """IrteCheck and IrteMeaning of the same entry."""

    def __init__(self, *, config: UnitConfig):
        self._parts = (IrteCheck(config=config), IrteMeaning(config=config))
        super().__init__({name: member for part in self._parts for name, member in part.signature.members.items()})

    def elaborate(self, platform):
        m = Module()
        for part in self._parts:
            m.submodules += part
            for name, member in part.signature.members.items():
                ours, its = getattr(self, name), getattr(part, name)
                m.d.comb += ours.eq(its) if member.flow == wiring.Out else its.eq(ours)
        return m
