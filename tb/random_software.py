"""Random software in front of the unit: changes tables and registers, invalidates as it must, and reads what happened.

Everything that it does, it tells the World of tb/possible.py, which then knows what may be answered.
"""

from collections import Counter
from collections.abc import Callable

from model.arch.encodings import TableMode
from tb.possible import World
from tb.random_interrupts import Interrupts
from tb.random_tables import Tables
from tb.random_traffic import Traffic
from tb.software.controls import ControlSoftware
from tb.software.drills import DrillingSoftware
from tb.software.faults import FaultSoftware
from tb.software.interrupts import InterruptSoftware
from tb.software.registers import Steps
from tb.testbench import Testbench

__all__ = ["Software"]

INTERRUPT_SHARE = 0.2


class Software(InterruptSoftware, DrillingSoftware, ControlSoftware, FaultSoftware):
    """One thread of software, `run`."""

    def __init__(
        self,
        bench: Testbench,
        world: World,
        tables: Tables,
        interrupts: Interrupts,
        coverage: Counter[str],
        expected_record: Callable[[int], bool],
        traffic: Traffic,
    ) -> None:
        super().__init__(bench, world, tables, interrupts, coverage, expected_record, traffic)
        self.pace = 40  # clocks between actions, on average
        self.drilling = 0.1  # share of drills
        self.interrupting = 1.0  # weight of what is done to interrupts
        self.stopping = False

    def was_reset(self) -> None:
        """The unit was reset; `run` begins anew."""
        self._begin()
        self.world.was_reset(self.bench.now)
        self._mend()

    def run(self) -> Steps:
        """Set the unit up, then do one random thing after the other until `stopping`."""
        yield from self._set_up_events()
        if self.config.qi and self.rng.random() < 0.6:
            yield from self._switch_queue()
        yield from self._set_root(self.root, TableMode.LEGACY)
        yield from self._set_translation(True)
        yield from self._set_up_interrupts()
        drills, others, of_interrupts = self._drills(), self._actions(), self._interrupt_actions()
        while not self.stopping:
            yield from self._pause(int(self.rng.expovariate(1 / self.pace)) if self.pace else 0)
            actions = drills if self.rng.random() < self.drilling else others
            if self.rng.random() < self.interrupting * INTERRUPT_SHARE and of_interrupts:
                actions = of_interrupts
            name = self.rng.choices(list(actions), [weight for weight, _ in actions.values()])[0]
            self.coverage["software: " + name] += 1
            self.bench.note("software: " + name)
            yield from actions[name][1]()
            self.look()
        yield from self._settle()

    def _drills(self) -> dict[str, tuple[int, Callable[[], Steps]]]:
        return {
            "drill: second-stage entry": (40, self._drill_entry),
            "drill: context-entry": (12, self._drill_context),
            "drill: request at a broadcast": (20, self._drill_broadcast),
            "drill: permission missing on a hit": (12, self._drill_permission),
            "drill: interrupt range in a large page": (12 if self.config.sslps else 0, self._drill_interrupt_range),
        }

    def _interrupt_actions(self) -> dict[str, tuple[int, Callable[[], Steps]]]:
        if not self.config.ir:
            return {}
        return {
            "interrupt entries changed": (60, self._change_interrupt_entries),
            "interrupt entry changed as it is read": (40, self._race_interrupt_entry),
            "other interrupt table": (12, self._other_interrupt_table),
            "interrupt remapping off and on": (6, self._remapping_off),
            "compatibility format allowed or not": (8, self._other_compatibility),
            "memory error of an interrupt": (15, self._break_interrupts),
        }

    def _actions(self) -> dict[str, tuple[int, Callable[[], Steps]]]:
        actions: dict[str, tuple[int, Callable[[], Steps]]] = {
            "second-stage entries changed": (60, self._change_entries),
            "second-stage entry changed as a walk reads it": (40, self._race),
            "second-stage entries restored": (15, self._restore_entries),
            "context-entry changed": (20, self._change_context),
            "root-entry changed": (3, self._change_root_entry),
            "invalidation without need": (20, self._invalidate_anything),
            "translation off and on": (3, self._translation_off),
            "commands in a hurry": (2, self._hurry),
            "other root table": (5, self._other_root),
            "other table mode": (2 if self.config.esrtps else 0, self._other_mode),
            "faults read and cleared": (12, self._read_faults),
            "events masked or not": (6, self._mask_events),
            "memory error": (4, self._break_memory),
            "registers read": (3, self._read_registers),
        }
        if self.config.plmr or self.config.phmr:
            actions["protected memory"] = (5, self._protect)
        if self.config.qi:
            actions |= {
                "queue error": (5, self._queue_error),
                "queue off and on": (3, self._switch_queue),
                "wait with event": (4, self._wait_with_event),
            }
        return actions
