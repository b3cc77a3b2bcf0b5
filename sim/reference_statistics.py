"""Statistics of a replay on the reference model: what it reads and refuses. It has neither clocks nor caches."""

from model.reference import DmaResult, Entry, InterruptResult, Step, Unit
from sim.recording import Event
from tb.statistics import Statistics

__all__ = ["ReferenceStatistics"]


class ReferenceStatistics:
    """Collects into `statistics` what `unit` reads; `event` is called after each event with the answer, if any."""

    def __init__(self, unit: Unit) -> None:
        self.statistics = Statistics()
        self._read: set[int] = set()  # addresses: what is written was read before
        unit.trace = self._step

    def _step(self, step: Step) -> None:
        if isinstance(step, Entry) and step.structure and step.address not in self._read:
            self._read.add(step.address)
            self.statistics.table_reads[step.structure.name] += 1

    def event(self, event: Event, answer: DmaResult | InterruptResult | None) -> None:
        """Count an event in."""
        if isinstance(answer, DmaResult):
            self.statistics.reads_per_request[len(self._read)] += 1
        if answer is not None and not answer.permitted:
            reason = answer.fault_reason or 0
            self.statistics.refuse(int(reason), bool(reason) and not answer.suppressed, event.line)
        self._read.clear()
