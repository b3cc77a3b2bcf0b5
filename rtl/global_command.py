"""Global command: acts on GCMD one control after the other, and keeps GSTS."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.registers import GCMD, GSTS

__all__ = ["GlobalCommand", "command_layout"]

CONTROLS = ("te", "srtp", "qie", "ire", "sirtp", "cfi")
ONE_SHOTS = ("srtp", "sirtp")


def command_layout() -> data.StructLayout:
    """The controls of GCMD that do something; WBF does not, for nothing is buffered (rule 18.5)."""
    return data.StructLayout(dict.fromkeys(CONTROLS, 1))


class GlobalCommand(wiring.Component):
    """The state machine behind GCMD and GSTS.

    Spec: rules 18, 28.13.
    The controls of one write take effect from bit 31 down: TE, SRTP, then QIE, IRE, SIRTP and CFI in one clock.
    Timing: a command that needs no drain is over five clocks after `write`. TE and SRTP ask for a drain with `drain`;
    the new root table and `translation_enable` are in force from the clock after its acceptance on, TES and RTPS
    tell so in the clock after `drain_done`.
    A write that comes while a command is under way is kept and acted on next; of several, the levels of the newest
    count, and no one-shot is lost. RTPS and IRTPS are 0 from the clock after a write of SRTP, SIRTP until the last
    such command is done.
    Controls of features that the configuration leaves out do nothing.

    Members
    -------
    write : In
        With `valid`: software writes `value` into GCMD.
    status : Out(32)
        GSTS, from registers. WBFS is 0.
    translation_enable : Out(1)
        Whether DMA is translated; TES follows when the drain is done.
    drain : Out(stream)
        A drain is needed. `invalidate`: together with a global invalidation of context-cache and IOTLB.
    drain_done : In(1)
        Pulse: the accepted drain is over.
    latch_root_table, latch_queue, latch_interrupt_table : Out(1)
        Combinational, in the clock before the registers' values are in force: take RTADDR, IQA, IRTA.
    """

    def __init__(self, *, config: UnitConfig):
        self.config = config
        super().__init__(
            {
                "write": In(data.StructLayout({"valid": 1, "value": GCMD.width})),
                "status": Out(GSTS.width),
                "translation_enable": Out(1),
                "drain": Out(stream.Signature(data.StructLayout({"invalidate": 1}))),
                "drain_done": In(1),
                "latch_root_table": Out(1),
                "latch_queue": Out(1),
                "latch_interrupt_table": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        status = Signal(data.StructLayout(GSTS.layout))
        waiting, command = Signal(command_layout()), Signal(command_layout())
        waits, taken = Signal(), Signal()
        m.d.comb += self.status.eq(status)
        with m.FSM():
            with m.State("Idle"), m.If(waits):
                m.d.comb += taken.eq(1)
                m.d.sync += [command.eq(waiting), waiting.eq(0), waits.eq(0)]
                m.next = "Translation Enable"

            with m.State("Translation Enable"):
                m.d.comb += self.drain.valid.eq(command.te != status.tes)
                with m.If(command.te == status.tes):
                    m.next = "Root Table"
                with m.Elif(self.drain.ready):
                    m.d.sync += self.translation_enable.eq(command.te)
                    m.next = "Translation Drain"

            with m.State("Translation Drain"), m.If(self.drain_done):
                m.d.sync += status.tes.eq(command.te)
                m.next = "Root Table"

            with m.State("Root Table"):
                m.d.comb += [
                    self.drain.valid.eq(command.srtp),
                    self.drain.p.invalidate.eq(int(self.config.esrtps)),
                    self.latch_root_table.eq(command.srtp & self.drain.ready),
                ]
                with m.If(~command.srtp):
                    m.next = "Others"
                with m.Elif(self.drain.ready):
                    m.next = "Root Table Drain"

            with m.State("Root Table Drain"), m.If(self.drain_done):
                m.d.sync += status.rtps.eq(~waiting.srtp)
                m.next = "Others"

            with m.State("Others"):
                self._act_on_others(m, command, waiting, status)
                m.next = "Idle"

        with m.If(self.write.valid):
            m.d.sync += waits.eq(1)
            self._keep(m, waiting, taken, status)
        return m

    def _act_on_others(self, m, command, waiting, status):
        if self.config.qi:
            m.d.comb += self.latch_queue.eq(command.qie & ~status.qies)
            m.d.sync += status.qies.eq(command.qie)
        if self.config.ir:
            m.d.comb += self.latch_interrupt_table.eq(command.sirtp)
            m.d.sync += [status.ires.eq(command.ire), status.cfis.eq(command.cfi)]
            with m.If(command.sirtp):
                m.d.sync += status.irtps.eq(~waiting.sirtp)

    def _keep(self, m, waiting, taken, status):
        """Keep software's write; it comes after what the state machine does in the same clock."""
        written = data.View(data.StructLayout(GCMD.layout), self.write.value)
        for name in CONTROLS:
            kept = waiting[name] & ~taken if name in ONE_SHOTS else 0
            m.d.sync += waiting[name].eq(written[name] | kept)
        with m.If(written.srtp):
            m.d.sync += status.rtps.eq(0)
        with m.If(written.sirtp):
            m.d.sync += status.irtps.eq(0)
