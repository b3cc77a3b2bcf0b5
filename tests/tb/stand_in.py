"""A stand-in for the unit, small enough to be built in a second: AR and R each pass through one register.

It has a model and a job of its own, with which the players and the simulators themselves are tested.
"""

import os

from model.arch import UnitConfig
from model.arch.axi import unit_ports
from model.cycle.axi.ports import Address
from model.cycle.unit import Outputs
from tb.axi_device import Transfer
from tb.signals import Signals

ADDRESS = ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos")
ANSWER = ("id", "data", "resp", "last")
BROKEN_CLOCK = 60


def verilog(config: UnitConfig, *, undefined: bool = False) -> str:
    """Return a module `vtd_unit`; `undefined` leaves its registers without a value before the first reset."""
    ports = unit_ports(config)
    driven = {"s_axi_arready", "m_axi_arvalid", "m_axi_rready", "s_axi_rvalid"}
    driven |= {f"m_axi_ar{name}" for name in ADDRESS} | {f"s_axi_r{name}" for name in ANSWER}
    lines = ["module vtd_unit(", "  input aclk, input aresetn, input core_valid, output core_ready,"]
    lines.append(f"  input [{Signals(config).core_bits - 1}:0] core_payload,")
    lines.append(",\n".join(f"  {'output' if p.output else 'input'} [{p.width - 1}:0] {p.name}" for p in ports) + ");")
    lines += [f"  assign {port.name} = 0;" for port in ports if port.output and port.name not in driven]
    lines.append("  assign core_ready = 0;")
    for source, sink, channel, fields in (("s_axi_", "m_axi_", "ar", ADDRESS), ("m_axi_", "s_axi_", "r", ANSWER)):
        widths = {port.name: port.width for port in ports}
        lines.append(f"  reg {channel}_full{'' if undefined else ' = 0'};")
        lines.append(f"  assign {source}{channel}ready = ~{channel}_full;")
        lines.append(f"  assign {sink}{channel}valid = {channel}_full;")
        for name in fields:
            port = channel + name
            lines.append(f"  reg [{widths[sink + port] - 1}:0] {port};")
            lines.append(f"  assign {sink}{port} = {port};")
        lines.append("  always @(posedge aclk) begin")
        lines.append(f"    if ({source}{channel}valid & ~{channel}_full) begin")
        lines += [f"      {channel}{name} <= {source}{channel}{name};" for name in fields]
        lines.append("    end")
        lines.append(
            f"    {channel}_full <= aresetn & ({channel}_full ? ~{sink}{channel}ready : {source}{channel}valid);"
        )
        lines.append("  end")
    return "\n".join([*lines, "endmodule", ""])


class StandIn:
    """Its model; with `broken` it claims another RRESP from clock BROKEN_CLOCK on."""

    faults = invalidations = 0

    def __init__(self, config: UnitConfig, broken: bool = False) -> None:
        self.haw_mask = (1 << config.haw) - 1
        self.id_mask = (1 << config.id_bits) - 1
        self.broken = broken
        self.clock = 0
        self.ar = self.r = None

    def step(self, i):
        ar, r = self.ar, self.r
        shown = r._replace(resp=r.resp ^ 2) if self.broken and r is not None and self.clock >= BROKEN_CLOCK else r
        outputs = Outputs(
            *(0, 0, None, 0, None), *(0, 0, None, int(ar is None), shown), *(None, None, 0, ar, int(r is None)),
            *(None, None, 0, None, 0), 0,
        )  # fmt: skip
        if ar is None:
            self.ar = i.s_axi_ar and Address(*i.s_axi_ar[:9])._replace(addr=i.s_axi_ar.addr & self.haw_mask)
        elif i.m_axi_arready:
            self.ar = None
        if r is None:
            self.r = i.m_axi_r and i.m_axi_r._replace(id=i.m_axi_r.id & self.id_mask)
        elif i.s_axi_rready:
            self.r = None
        if i.reset:
            self.ar = self.r = None
        self.clock += 1
        return outputs


def reads(count, stall=0.0):
    """Return a script of random reads, all of which must end well."""

    def script(bench):
        bench.device.stall = bench.host.stall = stall
        transfers = []
        for number in range(count):
            address = bench.rng.randrange(1 << 30) << 12
            transfer = Transfer(False, 7, address, bench.rng.randrange(16), bench.rng.randint(1, 8))
            transfers.append(bench.device.submit(transfer))
            bench.note(f"read {number} of {address:#x}")
            bench.progress["reads"] = number + 1
            yield
        yield from bench.until(lambda: not bench.device.outstanding, "the last answer")
        assert all(transfer.permitted for transfer in transfers)

    return script


def never(bench):
    yield from bench.until(lambda: False, "the end of the world", clocks=20)


async def run(bench_factory, job, player):
    """The job: `do` says what to play."""
    config = bench_factory().config
    what = job["do"]
    if what == "check":
        await player(bench_factory(), never, unit=StandIn(config))
    if what == "defect":
        raise KeyError("a defect of the job")
    if what == "break":
        os._exit(3)
    if what == "mismatch":
        await player(bench_factory(), reads(50), unit=StandIn(config, broken=True))
    first = await player(bench_factory(1), reads(400), unit=StandIn(config))
    second = await player(bench_factory(2), half_of(reads(50)), unit=StandIn(config))
    third = await player(bench_factory(3), reads(200, stall=0.5), unit=StandIn(config))
    return {"played": [played.to_json() for played in (first, second, third)]}


def half_of(script):
    """Return a script that ends, and one that resets the unit, in the middle of traffic."""

    def half(bench):
        steps = script(bench)
        for _ in range(20):
            next(steps)
            yield
        bench.reset = 1
        yield
        bench.reset = 0
        for _ in range(20):
            next(steps)
            yield

    return half
