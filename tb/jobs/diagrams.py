"""Job "diagrams": short scenes at the ports of the unit, each signal's value in every clock, for timing diagrams."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from model.arch import UnitConfig
from model.arch.encodings import INTERRUPT_PREFIX, DescriptorType, IotlbGranularity
from model.arch.registers import GSTS, IQT, RTADDR
from model.arch.structures import INV_WAIT, IOTLB_INV, IRTE_REMAPPED, REMAPPABLE_INTERRUPT_ADDRESS
from model.cycle.unit import Inputs, Outputs
from tb.axi_device import Transfer
from tb.check import CheckFailed
from tb.jobs.bench import Steps
from tb.page_tables import READ, PageTables
from tb.players import Played, play_model
from tb.programming import enable_interrupt_remapping, enable_queue, enable_translation
from tb.signals import Signals
from tb.testbench import RegisterAccess, Script, Testbench

__all__ = ["SCENES", "Scene", "play_scenes", "run"]

SOURCE_ID = 0x0108  # 01:01.0
IOVA, HPA = 0x4000_0000, 0x1234_5000
QUEUE, STATUS, INTERRUPTS = 0x8_0000, 0x7_0000, 0x6_0000
VECTOR = 0x41
LATENCY = 1  # of both memories: short, so that a walk fits on a page
QUIET_CLOCKS = 3  # shown after the last answer

PORT = re.compile(r"(?P<channel>(?:s_axil_|s_axi_|m_axi_mem_|m_axi_)(?:aw|ar|w|b|r))(?P<field>\w+)")

Player = Callable[[Testbench, Script], Awaitable[Played]]
Trace = dict[str, list[int | None]]


@dataclass(frozen=True)
class Scene:
    """What happens, and which ports show it.

    `script` is a script that calls its second argument when what is to be seen begins. `arrows` lead from the transfer
    on a channel (its valid) to the first valid of another one. `needs` names the capability without which there is no
    such scene.
    """

    name: str
    title: str
    script: Callable[[Testbench, Callable[[], None]], Steps]
    ports: tuple[str, ...]
    arrows: tuple[tuple[str, str], ...]
    needs: str = ""

    def exists(self, config: UnitConfig) -> bool:
        """Say whether a unit of this configuration can play it."""
        return bool(config.sagaw) and (not self.needs or config.has(self.needs))


async def run(bench_factory: Callable[[int], Testbench], job: dict[str, Any], player: Player) -> dict[str, Any]:
    """Play all scenes; return {name: trace}."""
    traces = {}
    for scene in SCENES:
        recorder = _Recorder(bench_factory(1), scene)
        if scene.exists(recorder.bench.config):
            await player(recorder.bench, recorder.script)
            traces[scene.name] = recorder.trace()
    return traces


def play_scenes(config: UnitConfig) -> dict[str, Trace]:
    """Play all scenes on the model alone; return what `run` returns."""
    traces = {}
    for scene in SCENES:
        if scene.exists(config):
            recorder = _Recorder(Testbench(config), scene)
            play_model(recorder.bench, recorder.script)
            traces[scene.name] = recorder.trace()
    return traces


class _Recorder:
    """Keeps the inputs and outputs of each clock from where the scene begins."""

    def __init__(self, bench: Testbench, scene: Scene) -> None:
        self.bench, self._scene = bench, scene
        self._clocks: list[tuple[Inputs, Outputs]] = []
        self._inputs = Inputs(reset=1)
        self._first = 0
        bench.host.latency = bench.tables.latency = LATENCY
        self._clock = bench.clock
        bench.clock = self._recorded  # type: ignore[method-assign]

    def _recorded(self, outputs: Outputs) -> Inputs:
        self._clocks.append((self._inputs, outputs))
        self._inputs = self._clock(outputs)
        return self._inputs

    def script(self, bench: Testbench) -> Steps:
        """Play the scene, and let it end in peace."""

        def begin() -> None:
            self._first = bench.now - 1

        yield from self._scene.script(bench, begin)
        yield from bench.wait(QUIET_CLOCKS)

    def trace(self) -> Trace:
        """Return the value of each port of the scene in each clock, None where it means nothing."""
        signals = Signals(self.bench.config)
        pack_inputs = signals.input_vector(Inputs._fields).pack
        pack_outputs = signals.output_vector(Outputs._fields).pack
        trace: Trace = {port: [] for port in self._scene.ports}
        for inputs, outputs in self._clocks[self._first :]:
            input_bits, output_bits = pack_inputs(inputs), pack_outputs(outputs)

            def value(port: str, input_bits: int = input_bits, output_bits: int = output_bits) -> int:
                place = signals.outputs.get(port)
                bits = input_bits if place is None else output_bits
                place = place or signals.inputs[port]
                return bits >> place.shift & (1 << place.width) - 1

            for port, values in trace.items():
                match = PORT.fullmatch(port)
                assert match, port
                means = match["field"] in ("valid", "ready") or value(match["channel"] + "valid")
                values.append(value(port) if means else None)
        return trace


def _tables(bench: Testbench, *, pages: int = 2) -> PageTables:
    tables = PageTables(bench.memory, bench.config, width=min(bench.config.sagaw))
    tables.attach(SOURCE_ID, 1)
    for page in range(pages):
        tables.map(1, IOVA + page * 0x1000, HPA + page * 0x1000)
    return tables


def _transfer(bench: Testbench, *, write: bool = False, address: int = IOVA, **options: Any) -> Transfer:
    size = (bench.config.data_bits // 8).bit_length() - 1
    return Transfer(write, SOURCE_ID, address, id=1, size=options.pop("size", size), skew=0, **options)


def _done(bench: Testbench, transfer: Transfer, *, permitted: bool = True) -> Steps:
    bench.device.submit(transfer)
    yield from bench.until(lambda: transfer.done, "an answer")
    if transfer.permitted != permitted:
        raise CheckFailed(f"{transfer} should have been {'permitted' if permitted else 'refused'}")


def _warm(bench: Testbench) -> Steps:
    """Switch translation on, and use the page once."""
    yield from enable_translation(bench, _tables(bench).root)
    yield from _done(bench, _transfer(bench))
    yield from bench.wait(2)


def _read_hit(bench: Testbench, begin: Callable[[], None]) -> Steps:
    yield from _warm(bench)
    begin()
    yield from _done(bench, _transfer(bench, address=IOVA + 0x40))


def _write_hit(bench: Testbench, begin: Callable[[], None]) -> Steps:
    yield from _warm(bench)
    begin()
    yield from _done(bench, _transfer(bench, write=True, address=IOVA + 0x80, beats=2, write_data=[0x11, 0x22]))


def _refused_read(bench: Testbench, begin: Callable[[], None]) -> Steps:
    yield from _warm(bench)
    begin()
    beyond = 1 << min(bench.config.sagaw)
    yield from _done(bench, _transfer(bench, address=beyond), permitted=False)


def _refused_write(bench: Testbench, begin: Callable[[], None]) -> Steps:
    tables = _tables(bench)
    tables.map(1, IOVA, HPA, rights=READ)
    yield from enable_translation(bench, tables.root)
    yield from _done(bench, _transfer(bench))
    yield from bench.wait(2)
    begin()
    write = _transfer(bench, write=True, address=IOVA + 0x80, beats=2, write_data=[0x11, 0x22])
    yield from _done(bench, write, permitted=False)


def _table_walk(bench: Testbench, begin: Callable[[], None]) -> Steps:
    yield from enable_translation(bench, _tables(bench).root)
    begin()
    bench.device.submit(_transfer(bench))
    yield from bench.until(lambda: bool(bench.host.log), "the address on m_axi_")


def _registers(bench: Testbench, begin: Callable[[], None]) -> Steps:
    yield from bench.wait(2)
    begin()
    yield from bench.write(RTADDR.offset, _tables(bench).root, 8)
    yield from bench.wait(1)
    yield from bench.read(GSTS.offset)


def _interrupt(bench: Testbench, begin: Callable[[], None]) -> Steps:
    bench.memory.write(INTERRUPTS, 16, IRTE_REMAPPED["P"].mask | IRTE_REMAPPED["V"].to(VECTOR))
    yield from enable_interrupt_remapping(bench, INTERRUPTS, size=7)
    begin()
    address = INTERRUPT_PREFIX << 20 | REMAPPABLE_INTERRUPT_ADDRESS["FORMAT"].mask
    yield from _done(bench, _transfer(bench, write=True, address=address, size=2, write_data=[0]))


def _invalidation(bench: Testbench, begin: Callable[[], None]) -> Steps:
    """An IOTLB invalidation, and a wait descriptor that writes a status."""
    yield from _warm(bench)
    yield from enable_queue(bench, QUEUE)
    page = IOTLB_INV["TYPE_LO"].to(DescriptorType.IOTLB) | IOTLB_INV["G"].to(IotlbGranularity.GLOBAL)
    wait = INV_WAIT["TYPE_LO"].to(DescriptorType.WAIT) | INV_WAIT["SW"].mask | INV_WAIT["STDATA"].to(1)
    bench.memory.write(QUEUE, 16, page)
    bench.memory.write(QUEUE + 16, 16, wait | INV_WAIT["STADDR"].to(STATUS >> 2))
    begin()
    tail = bench.software.submit(RegisterAccess(True, IQT.offset, 8, 2 * 16))
    yield from bench.until(lambda: tail.done and bench.memory.read(STATUS, 4) == 1, "the status write")
    yield from bench.wait(LATENCY)


def _ports(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in names)


SCENES = (
    Scene(
        "read_hit",
        "DMA read, page in the IOTLB",
        _read_hit,
        (
            *_ports("s_axi_", "arvalid", "arready", "araddr", "armmusid"),
            *_ports("m_axi_", "arvalid", "arready", "araddr", "rvalid", "rdata"),
            *_ports("s_axi_", "rvalid", "rready", "rdata", "rresp"),
        ),
        (("s_axi_ar", "m_axi_ar"),),
    ),
    Scene(
        "write_hit",
        "DMA write of two beats, page in the IOTLB",
        _write_hit,
        (
            *_ports("s_axi_", "awvalid", "awready", "awaddr", "awmmusid", "wvalid", "wready", "wdata", "wlast"),
            *_ports("m_axi_", "awvalid", "awready", "awaddr", "wvalid", "wready", "wdata", "wlast", "bvalid"),
            *_ports("s_axi_", "bvalid", "bready", "bresp"),
        ),
        (("s_axi_aw", "m_axi_aw"),),
    ),
    Scene(
        "refused_read",
        "Refused read: an address beyond the width of the tables",
        _refused_read,
        (
            *_ports("s_axi_", "arvalid", "arready", "araddr", "armmusid"),
            *_ports("m_axi_", "arvalid"),
            *_ports("s_axi_", "rvalid", "rready", "rdata", "rresp"),
        ),
        (("s_axi_ar", "s_axi_r"),),
    ),
    Scene(
        "refused_write",
        "Refused write: a page that is only readable",
        _refused_write,
        (
            *_ports("s_axi_", "awvalid", "awready", "awaddr", "awmmusid", "wvalid", "wready", "wdata", "wlast"),
            *_ports("m_axi_", "awvalid", "wvalid"),
            *_ports("s_axi_", "bvalid", "bready", "bresp"),
        ),
        (("s_axi_aw", "s_axi_b"),),
    ),
    Scene(
        "table_walk",
        "DMA read, nothing cached: root-entry, context-entry, then one entry of each level",
        _table_walk,
        (
            *_ports("s_axi_", "arvalid", "araddr"),
            *_ports("m_axi_mem_", "arvalid", "araddr", "rvalid", "rdata"),
            *_ports("m_axi_", "arvalid", "araddr"),
        ),
        (("s_axi_ar", "m_axi_ar"),),
    ),
    Scene(
        "registers",
        "Registers: RTADDR is written, GSTS is read, which is in the upper half of 8 bytes",
        _registers,
        (
            *_ports("s_axil_", "awvalid", "awready", "awaddr", "wvalid", "wready", "wdata", "wstrb"),
            *_ports("s_axil_", "bvalid", "bready"),
            *_ports("s_axil_", "arvalid", "arready", "araddr", "rvalid", "rready", "rdata"),
        ),
        (("s_axil_aw", "s_axil_b"), ("s_axil_ar", "s_axil_r")),
    ),
    Scene(
        "interrupt",
        "Interrupt, its entry not cached: handle 0 becomes the message of its entry",
        _interrupt,
        (
            *_ports("s_axi_", "awvalid", "awready", "awaddr", "awmmusid", "wvalid", "wready", "wdata"),
            *_ports("m_axi_mem_", "arvalid", "araddr", "rvalid", "rdata"),
            *_ports("m_axi_", "awvalid", "awaddr", "wvalid", "wdata", "bvalid"),
            *_ports("s_axi_", "bvalid", "bresp"),
        ),
        (("s_axi_w", "m_axi_aw"),),
        "ECAP.IR",
    ),
    Scene(
        "invalidation",
        "Queue: IQT is written, two descriptors are read, the second one writes a status",
        _invalidation,
        (
            *_ports("s_axil_", "awvalid", "awready", "awaddr", "wdata", "bvalid"),
            *_ports("m_axi_mem_", "arvalid", "araddr", "rvalid", "rdata"),
            *_ports("m_axi_mem_", "awvalid", "awaddr", "wvalid", "wdata", "wstrb", "bvalid"),
        ),
        (("s_axil_aw", "m_axi_mem_aw"),),
        "ECAP.QI",
    ),
)
