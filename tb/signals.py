"""The ports of `vtd_unit` as two wide vectors, and the tuples of the model packed into them.

One vector holds all inputs, one all outputs: ports in the order of `unit_ports`, the first port lowest; then the core
request port; the highest input is `aresetn`. A simulator is read once and written once per clock in this way.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from model.arch import UnitConfig
from model.arch.axi import Port, unit_ports
from model.cycle.axi.ports import Address, DeviceAddress, LiteRead, LiteWrite, ReadData, WriteData, WriteResponse

__all__ = ["CORE_REQUEST", "Place", "Signals", "Vector", "wrapper_verilog"]

# Fields of a request at the core port, lowest first, as in rtl.request.request_layout; 0 stands for UnitConfig.id_bits.
CORE_REQUEST = {"access": 2, "source_id": 16, "pasid_valid": 1, "address_type": 2, "address": 64, "id": 0}
CORE_REQUEST |= {"len": 8, "size": 3, "burst": 2, "lock": 1, "cache": 4, "prot": 3, "qos": 4}

LITE = {"aw": ("addr",), "w": LiteWrite._fields, "b": ("resp",), "ar": ("addr",), "r": LiteRead._fields}
DEVICE = {"aw": DeviceAddress._fields, "w": WriteData._fields, "b": WriteResponse._fields}
DEVICE |= {"ar": DeviceAddress._fields, "r": ReadData._fields}
MEMORY = DEVICE | {"aw": Address._fields, "ar": Address._fields}
INTERFACES = {"s_axil_": LITE, "s_axi_": DEVICE, "m_axi_": MEMORY, "m_axi_mem_": MEMORY}


class Place(NamedTuple):
    """Where a port lies in its vector."""

    shift: int
    width: int


class Vector:
    """Packs the tuple of all channels into one integer, and only what changed since the tuple before.

    `packers` has one function per field of the tuple. Raises ValueError when a value does not fit into its port.
    """

    def __init__(self, packers: Sequence[Callable[[Any], int]]) -> None:
        self._packers = packers
        self._values: tuple[Any, ...] = (None,) * len(packers)
        self._parts = [0] * len(packers)
        self._bits = 0

    def pack(self, values: tuple[Any, ...]) -> int:
        """Return the vector of `values`."""
        before = self._values
        if values == before:
            return self._bits
        self._values = values
        bits, parts = self._bits, self._parts
        for position, value in enumerate(values):
            if value is not before[position]:
                part = self._packers[position](value)
                bits ^= parts[position] ^ part
                parts[position] = part
        self._bits = bits
        return bits


class Signals:
    """Where each port lies in its vector, and how tuples get there."""

    def __init__(self, config: UnitConfig) -> None:
        self.inputs: dict[str, Place] = {}
        self.outputs: dict[str, Place] = {}
        self.input_bits = self.output_bits = 0
        self.ports = unit_ports(config)
        core = [("core_" + name, width or config.id_bits) for name, width in CORE_REQUEST.items()]
        self.core_bits = sum(width for _, width in core)
        for port in self.ports:
            self._add(port)
        self._add(Port("core_ready", 1, True))
        for name, width in (("core_valid", 1), *core, ("aresetn", 1)):
            self._add(Port(name, width, False))

    def _add(self, port: Port) -> None:
        if port.output:
            self.outputs[port.name] = Place(self.output_bits, port.width)
            self.output_bits += port.width
        else:
            self.inputs[port.name] = Place(self.input_bits, port.width)
            self.input_bits += port.width

    def input_vector(self, fields: Sequence[str]) -> Vector:
        """Return the packer of the model's Inputs, whose field names are `fields`."""
        special = {"core": self._core(), "reset": self._reset()}
        return Vector([special.get(name) or self._packer(name, self.inputs) for name in fields])

    def output_vector(self, fields: Sequence[str]) -> Vector:
        """Return the packer of the model's Outputs, whose field names are `fields`."""
        return Vector([self._packer(name, self.outputs) for name in fields])

    def _packer(self, name: str, places: dict[str, Place]) -> Callable[[Any], int]:
        if name in places:
            return _flag(places[name])
        prefix, channel = next((p, name.removeprefix(p)) for p in reversed(INTERFACES) if name.startswith(p))
        ports = [name + field for field in INTERFACES[prefix][channel]]
        valid = places[name + "valid"].shift
        if prefix == "s_axil_" and len(ports) == 1:
            return _number(ports[0], places[ports[0]], valid)
        return _payload(ports, [places[port] for port in ports], valid)

    def _core(self) -> Callable[[Any], int]:
        ports = ["core_" + name for name in CORE_REQUEST]
        pack = _payload(ports, [self.inputs[port] for port in ports], self.inputs["core_valid"].shift)
        return lambda request: 0 if request is None else pack((*request[:-1], *request[-1]))

    def _reset(self) -> Callable[[Any], int]:
        released = 1 << self.inputs["aresetn"].shift
        return lambda reset: 0 if reset else released

    def differences(self, actual: int, expected: int) -> list[tuple[str, int, int]]:
        """Name the outputs that differ: (name, actual, expected)."""
        found = []
        for name, (shift, width) in self.outputs.items():
            mask = (1 << width) - 1
            if (actual ^ expected) >> shift & mask:
                found.append((name, actual >> shift & mask, expected >> shift & mask))
        return found

    def undefined(self, text: str) -> list[tuple[str, str]]:
        """Name the outputs that have a bit neither 0 nor 1 in the vector as text, highest bit first: (name, bits)."""
        found = []
        for name, (shift, width) in self.outputs.items():
            bits = text[len(text) - shift - width : len(text) - shift]
            if set(bits) - {"0", "1"}:
                found.append((name, bits))
        return found

    def valid_of(self, name: str) -> str:
        """Return the output that says whether the output `name` means anything; "" where it always does."""
        if name.endswith(("valid", "ready")):
            return ""
        prefix = next(prefix for prefix in reversed(INTERFACES) if name.startswith(prefix))
        return next(
            valid
            for channel in ("aw", "ar", "w", "b", "r")
            if name.startswith(prefix + channel) and (valid := prefix + channel + "valid") in self.outputs
        )


def _flag(place: Place) -> Callable[[Any], int]:
    return lambda value: value << place.shift if value else 0


def _number(port: str, place: Place, valid: int) -> Callable[[Any], int]:
    def pack(value: int | None) -> int:
        if value is None:
            return 0
        if value >> place.width:
            raise _too_large(port, place, value)
        return value << place.shift | 1 << valid

    return pack


def _payload(ports: list[str], places: list[Place], valid: int) -> Callable[[Any], int]:
    plan = [(port, *place) for port, place in zip(ports, places, strict=True)]

    def pack(payload: tuple[int, ...] | None) -> int:
        if payload is None:
            return 0
        bits = 1 << valid
        for value, (port, shift, width) in zip(payload, plan, strict=True):
            if value:
                if value >> width:
                    raise _too_large(port, Place(shift, width), value)
                bits |= value << shift
        return bits

    return pack


def _too_large(port: str, place: Place, value: int) -> ValueError:
    return ValueError(f"{port} has {place.width} bits and cannot hold {value:#x}")


WRAPPER = """\
module vtd_testbench(aclk, inputs, outputs);
  input aclk /* verilator public_flat_rw */;
  input [{input_last}:0] inputs /* verilator public_flat_rw */;
  output [{output_last}:0] outputs /* verilator public_flat_rw */;
{wires}
  vtd_unit unit (
    .aclk(aclk),
{connections}
  );
  assign outputs = {{
{parts}
  }};
`ifndef VERILATOR
  reg [8191:0] waves;
  initial if ($value$plusargs("waves=%s", waves)) begin
    $dumpfile(waves);
    $dumpvars(0, unit);
  end
`endif
endmodule
"""


def wrapper_verilog(config: UnitConfig) -> str:
    """Return the module `vtd_testbench`: `vtd_unit` behind its clock and two vectors.

    A payload is 0 in `outputs` while its valid is 0: it means nothing then, and the model has none.
    """
    signals = Signals(config)
    connections = [f"    .{name}({name})" for name in signals.outputs]
    for name, (shift, width) in signals.inputs.items():
        if not name.startswith("core_"):
            connections.append(f"    .{name}(inputs[{shift + width - 1}:{shift}])")
    valid = signals.inputs["core_valid"].shift
    connections.append(f"    .core_valid(inputs[{valid}])")
    connections.append(f"    .core_payload(inputs[{valid + signals.core_bits}:{valid + 1}])")
    parts = []
    for name, (_, width) in reversed(signals.outputs.items()):
        meaning = signals.valid_of(name)
        parts.append(f"    {name} & {{{width}{{{meaning}}}}}" if meaning else f"    {name}")
    return WRAPPER.format(
        input_last=signals.input_bits - 1,
        output_last=signals.output_bits - 1,
        wires="\n".join(f"  wire [{width - 1}:0] {name};" for name, (_, width) in signals.outputs.items()),
        connections=",\n".join(connections),
        parts=",\n".join(parts),
    )
