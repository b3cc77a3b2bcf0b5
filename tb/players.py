"""Play a script: on the model alone, or on RTL and model in lockstep."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from model.cycle.unit import Inputs, Outputs, Unit
from tb.signals import Signals
from tb.testbench import Script, Testbench

__all__ = ["Mismatch", "Played", "play_lockstep", "play_model", "played_until_now"]

CLOCK_NS = 10
AFTERMATH_CLOCKS = 4  # simulated after a mismatch, to be seen in the waves
PROGRESS_CLOCKS = 1024


class Mismatch(AssertionError):
    """RTL and model differ; the text says where, `signal` is the first that does. `result` as in CheckFailed."""

    result: dict[str, Any] | None = None

    def __init__(self, text: str, signal: str = "") -> None:
        super().__init__(text)
        self.signal = signal


class _Difference(NamedTuple):
    """An output and its values; `model` is empty where that of the RTL is undefined."""

    name: str
    rtl: str
    model: str

    def __str__(self) -> str:
        if not self.model:
            return f"{self.name} is undefined: RTL {self.rtl}"
        return f"{self.name} differs: RTL {self.rtl}, model {self.model}"


@dataclass(frozen=True)
class Played:
    """What a run did; `signals` is the number of outputs compared in each clock, 0 without RTL."""

    clocks: int
    signals: int
    requests: int
    refusals: int
    invalidations: int
    faults: int

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def play_model(bench: Testbench, script: Script, *, unit: Any = None) -> Played:
    """Run a script on the model alone; `unit` stands in for model.cycle.unit.Unit."""
    bench.unit = unit = unit or Unit(bench.config)
    step, clock = unit.step, bench.clock
    inputs = bench.start(script)
    while not bench.done:
        inputs = clock(step(inputs))
    return played_until_now(bench, unit, signals=0)


async def play_lockstep(
    dut: Any,
    bench: Testbench,
    script: Script,
    *,
    events: int = 10,
    unit: Any = None,
    waves: str | None = None,
    progress: Callable[[Testbench], None] | None = None,
) -> Played:
    """Run a script on `vtd_testbench` and the model, and compare every output in every clock.

    Mismatch names the clock, the signals, both values, the last `events` events, and the file of `waves`. Everything
    is read right at the rising edge that ends a clock, before the design sees it, and written right after it.
    `progress` is called now and then.
    """
    from cocotb.triggers import RisingEdge

    bench.unit = unit = unit or Unit(bench.config)
    port = _Port(dut, bench, events, waves)
    step, clock = unit.step, bench.clock
    inputs = await port.begin(bench.start(script))
    edge = RisingEdge(dut.aclk)
    while not bench.done:
        await edge
        outputs = step(inputs)
        if not port.matches(outputs):
            await port.fail(outputs)
        inputs = clock(outputs)
        port.write(inputs)
        if progress and not bench.now % PROGRESS_CLOCKS:
            progress(bench)
    return played_until_now(bench, unit, signals=len(port.signals.outputs))


class _Port:
    """The two vectors of `vtd_testbench`."""

    def __init__(self, dut: Any, bench: Testbench, events: int, waves: str | None) -> None:
        self.signals = Signals(bench.config)
        self._dut, self._bench, self._events, self._waves = dut, bench, events, waves
        self._pack_inputs = self.signals.input_vector(Inputs._fields).pack
        self._pack_outputs = self.signals.output_vector(Outputs._fields).pack
        self._format = f"0{self.signals.output_bits}b"
        self._written = self._expected = -1
        self._text = ""
        # The quickest way that cocotb has to the bits of a wide vector: text in, text out, nothing in between.
        self._read = dut.outputs._handle.get_signal_val_binstr

    async def begin(self, inputs: Any) -> Any:
        """Start the clock, or take the unit back into reset where it already ran; return the inputs of clock 0."""
        from cocotb.clock import Clock
        from cocotb.triggers import RisingEdge

        if getattr(self._dut, "_vtd_clock", None) is None:
            self.write(inputs)
            self._dut._vtd_clock = Clock(self._dut.aclk, CLOCK_NS, unit="ns")
            self._dut._vtd_clock.start(start_high=False)
        else:
            self.write(inputs)
            await RisingEdge(self._dut.aclk)  # in this clock the unit still shows what the run before left
        return inputs

    def write(self, inputs: Any) -> None:
        """Drive the inputs from now on."""
        bits = self._pack_inputs(inputs)
        if bits != self._written:
            self._written = bits
            self._dut.inputs.value = bits

    def matches(self, outputs: Any) -> bool:
        """Say whether the unit shows these outputs."""
        expected = self._pack_outputs(outputs)
        if expected != self._expected:
            self._expected = expected
            self._text = format(expected, self._format)
        return self._read() == self._text

    async def fail(self, outputs: Any) -> None:
        """Raise Mismatch with all that is known."""
        from cocotb.triggers import ClockCycles

        bench = self._bench
        seen = self._read()
        if len(seen) != self.signals.output_bits:
            width = self.signals.output_bits
            raise Mismatch(
                f"clock {bench.now}: the outputs of the RTL have {len(seen)} bits, those of the model {width}"
            )
        first, *others = self._differences(seen)
        await ClockCycles(self._dut.aclk, AFTERMATH_CLOCKS)
        text = [f"clock {bench.now}: {first}", *_columns(others)]
        text.append(f"  time {(bench.now + 1) * CLOCK_NS} ns, seed {bench.seed}")
        text += bench.recent(self._events)
        text.append(f"  waves: {self._waves or 'none; run again with waves'}")
        raise Mismatch("\n".join(text), signal=first.name)

    def _differences(self, text: str) -> list[_Difference]:
        undefined = dict(self.signals.undefined(text))
        known = int("".join(bit if bit in "01" else "0" for bit in text), 2)
        return [_Difference(name, bits, "") for name, bits in undefined.items()] + [
            _Difference(name, f"{actual:#x}", f"{expected:#x}")
            for name, actual, expected in self.signals.differences(known, self._expected)
            if name not in undefined
        ]


def _columns(differences: list[_Difference]) -> list[str]:
    """Return the lines of a table that has both values side by side."""
    if not differences:
        return []
    rows = [("also", "RTL", "model"), *((name, rtl, model or "(undefined)") for name, rtl, model in differences)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def played_until_now(bench: Testbench, unit: Any, *, signals: int) -> Played:
    """Return what the run on a bench has done; `signals` as in Played."""
    counts = bench.counts()
    return Played(
        clocks=bench.now,
        signals=signals,
        requests=counts["requests"],
        refusals=counts["refusals"],
        invalidations=unit.invalidations,
        faults=unit.faults,
    )
