"""Invalidation: one command at a time to every cache, and the wait until nothing older is left."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from rtl.request import invalidation_layout

__all__ = ["Invalidation"]


class Invalidation(wiring.Component):
    """Drain engine: broadcasts a command, turns the epoch, and reports when the older epoch has drained.

    Spec: rules 15, 16.5, 18.2.
    A command of all zeros only drains. When both requesters offer one, the one not served last is taken, the
    register file first of all.
    Timing: a command accepted in clock n is broadcast in clock n + 1, in which the new `epoch` is already visible;
    `older` is looked at from clock n + 2 on; when it is 0 in clock n + 2 + k, done comes in clock n + 3 + k, in which
    the next command can be accepted. `ready` depends on the other requester's `valid`.

    Members
    -------
    registers, queue : In(stream)
        Commands of the register file and of the invalidation queue.
    registers_done, queue_done : Out
        For one clock: the command of this requester is complete. Registered.
    command : Out
        The command for the caches, for one clock; all zeros otherwise. Registered.
    epoch : Out
        Epoch of the requests that are looked up from the clock after the broadcast on. Registered.
    flip : Out
        1 in the clock of the broadcast, the first one with the new `epoch`. The caches still answer look-ups of this
        clock with what the command removes: they belong to the older epoch, `epoch ^ flip`. Registered.
    older : In
        Something of the older epoch is left, anywhere.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "registers": In(stream.Signature(invalidation_layout(config))),
                "registers_done": Out(1),
                "queue": In(stream.Signature(invalidation_layout(config))),
                "queue_done": Out(1),
                "command": Out(invalidation_layout(config)),
                "epoch": Out(1),
                "flip": Out(1),
                "older": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        serves_queue = Signal(init=1)  # whose command is under way, or was the last one
        choose_queue = Signal()
        accepted = Mux(choose_queue, self.queue.valid, self.registers.valid)

        m.d.comb += choose_queue.eq(self.queue.valid & ~(self.registers.valid & serves_queue))
        m.d.sync += [self.command.eq(0), self.flip.eq(0), self.registers_done.eq(0), self.queue_done.eq(0)]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [self.queue.ready.eq(choose_queue), self.registers.ready.eq(~choose_queue)]
                with m.If(accepted):
                    m.d.sync += [
                        self.command.eq(Mux(choose_queue, self.queue.payload, self.registers.payload)),
                        self.epoch.eq(~self.epoch),
                        self.flip.eq(1),
                        serves_queue.eq(choose_queue),
                    ]
                    m.next = "Broadcast"

            with m.State("Broadcast"):
                m.next = "Drain"

            with m.State("Drain"), m.If(~self.older):
                m.d.sync += [self.queue_done.eq(serves_queue), self.registers_done.eq(~serves_queue)]
                m.next = "Idle"

        return m
