"""Global command: acts on GCMD one control after the other, and keeps GSTS."""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from model.arch import UnitConfig
from model.arch.registers import GCMD, GSTS

__all__ = ["GlobalCommand", "command_layout"]

CONTROLS = ("te", "srtp", "qie", "ire", "sirtp", "cfi")
ONE_SHOTS = ("srtp", "sirtp")


class Step(enum.Enum, shape=3):
    """What is to be done next; one control of GCMD each."""

    NONE = 0
    TE = 1
    SRTP = 2
    QIE = 3
    IRE = 4
    SIRTP = 5
    CFI = 6


def command_layout() -> data.StructLayout:
    """The controls of GCMD that do something; WBF does not, for nothing is buffered (rule 18.5)."""
    return data.StructLayout(dict.fromkeys(CONTROLS, 1))


class GlobalCommand(wiring.Component):
    """The state machine behind GCMD and GSTS.

    Spec: rules 18, 28.13.
    The controls of one write take effect from bit 31 down, one after the other. All but QIE ask for a drain with
    `drain`: what they change is in force from the clock after its acceptance on, and the status says so in the clock
    after `drain_done`. What is changed by nothing takes no time; a command that needs no drain is over three clocks
    after `write`.
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
    translation_enable, interrupt_remapping_enable, compatibility_enable : Out(1)
        Whether DMA is translated, interrupts are remapped, and compatibility-format ones may pass. TES, IRES and CFIS
        follow when the drain is done.
    drain : Out(stream)
        A drain is needed. `dma`: together with a global invalidation of context-cache and IOTLB; `interrupts`: with
        one of the interrupt entry cache.
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
                "interrupt_remapping_enable": Out(1),
                "compatibility_enable": Out(1),
                "drain": Out(stream.Signature(data.StructLayout({"dma": 1, "interrupts": 1}))),
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
        waits, taken, step = Signal(), Signal(), Signal(Step)
        m.d.comb += self.status.eq(status)
        self._choose(m, step, command, status)
        with m.FSM():
            with m.State("Idle"), m.If(waits):
                m.d.comb += taken.eq(1)
                m.d.sync += [command.eq(waiting), waiting.eq(0), waits.eq(0)]
                m.next = "Act"

            with m.State("Act"):
                with m.If(step == Step.NONE):
                    m.next = "Idle"
                with m.Elif(step == Step.QIE):
                    m.d.comb += self.latch_queue.eq(command.qie)
                    m.d.sync += status.qies.eq(command.qie)
                with m.Else():
                    m.d.comb += self.drain.valid.eq(1)
                    with m.If(self.drain.ready):
                        self._begin(m, step, command)
                        m.next = "Drain"

            with m.State("Drain"), m.If(self.drain_done):
                self._finish(m, step, command, waiting, status)
                m.next = "Act"

        with m.If(self.write.valid):
            m.d.sync += waits.eq(1)
            self._keep(m, waiting, taken, status)
        return m

    def _choose(self, m, step, command, status):
        """Find the highest control that is not as the status says; it stays until `_finish`, which makes it so."""
        due = [(Step.TE, command.te != status.tes), (Step.SRTP, command.srtp)]
        if self.config.qi:
            due.append((Step.QIE, command.qie != status.qies))
        if self.config.ir:
            due += [
                (Step.IRE, command.ire != status.ires),
                (Step.SIRTP, command.sirtp),
                (Step.CFI, command.cfi != status.cfis),
            ]
        for this, needed in reversed(due):
            with m.If(needed):
                m.d.comb += step.eq(this)
        m.d.comb += [
            self.drain.p.dma.eq((step == Step.SRTP) & int(self.config.esrtps)),
            self.drain.p.interrupts.eq(
                ((step == Step.SIRTP) | ((step == Step.IRE) & ~command.ire)) & int(self.config.esirtps)
            ),
        ]

    def _begin(self, m, step, command):
        """The drain is accepted: from the next clock on, what comes in finds the new state."""
        with m.Switch(step):
            with m.Case(Step.TE):
                m.d.sync += self.translation_enable.eq(command.te)
            with m.Case(Step.SRTP):
                m.d.comb += self.latch_root_table.eq(1)
            with m.Case(Step.IRE):
                m.d.sync += self.interrupt_remapping_enable.eq(command.ire)
            with m.Case(Step.SIRTP):
                m.d.comb += self.latch_interrupt_table.eq(1)
            with m.Case(Step.CFI):
                m.d.sync += self.compatibility_enable.eq(command.cfi)

    def _finish(self, m, step, command, waiting, status):
        """The drain is over: tell software."""
        with m.Switch(step):
            with m.Case(Step.TE):
                m.d.sync += status.tes.eq(command.te)
            with m.Case(Step.SRTP):
                m.d.sync += [command.srtp.eq(0), status.rtps.eq(~waiting.srtp)]
            with m.Case(Step.IRE):
                m.d.sync += status.ires.eq(command.ire)
            with m.Case(Step.SIRTP):
                m.d.sync += [command.sirtp.eq(0), status.irtps.eq(~waiting.sirtp)]
            with m.Case(Step.CFI):
                m.d.sync += status.cfis.eq(command.cfi)

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
