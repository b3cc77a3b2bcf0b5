"""What a driver does with the registers: generators for scripts, to be used with `yield from`."""

from collections.abc import Generator

from model.arch.encodings import ContextGranularity, IotlbGranularity
from model.arch.registers import CCMD, GCMD, GSTS, IOTLB, IQA, IQT, IRTA, RTADDR
from tb.check import CheckFailed
from tb.testbench import Testbench

__all__ = [
    "command",
    "enable_interrupt_remapping",
    "enable_queue",
    "enable_translation",
    "invalidate_everything",
    "poll",
]

POLLS = 10_000

Step = Generator[None, None, None]


def poll(bench: Testbench, offset: int, mask: int, value: int, *, size: int = 4) -> Step:
    """Read a register until its bits under `mask` are `value`; CheckFailed when that never comes."""
    for _ in range(POLLS):
        if (yield from bench.read(offset, size)) & mask == value:
            return
    raise CheckFailed(f"clock {bench.now}: register {offset:#x} did not show {value:#x} under {mask:#x}")


def command(bench: Testbench, *, set_bits: int = 0, clear_bits: int = 0, one_shot: int = 0) -> Step:
    """Write GCMD: levels as GSTS shows them but for the changes, and wait until GSTS agrees."""
    levels = GSTS["TES"].mask | GSTS["QIES"].mask | GSTS["IRES"].mask | GSTS["CFIS"].mask
    status = (yield from bench.read(GSTS.offset)) & levels
    wanted = (status | set_bits) & ~clear_bits
    yield from bench.write(GCMD.offset, wanted | one_shot)
    yield from poll(bench, GSTS.offset, levels | one_shot, wanted | one_shot)


def enable_translation(bench: Testbench, root: int) -> Step:
    """Set the root table, legacy mode, and switch translation on."""
    yield from bench.write(RTADDR.offset, root, 8)
    yield from command(bench, one_shot=GCMD["SRTP"].mask)
    yield from command(bench, set_bits=GCMD["TE"].mask)


def enable_interrupt_remapping(bench: Testbench, table: int, *, size: int, extended: bool = False) -> Step:
    """Set the interrupt remapping table, of 2^(size + 1) entries, and switch interrupt remapping on."""
    yield from bench.write(IRTA.offset, table | IRTA["S"].to(size) | IRTA["EIME"].to(int(extended)), 8)
    yield from command(bench, one_shot=GCMD["SIRTP"].mask)
    yield from command(bench, set_bits=GCMD["IRE"].mask)


def enable_queue(bench: Testbench, base: int, *, size: int = 0) -> Step:
    """Make 2^size pages at `base` the invalidation queue and switch it on, head and tail 0."""
    yield from bench.write(IQT.offset, 0, 8)
    yield from bench.write(IQA.offset, base | IQA["QS"].to(size), 8)
    yield from command(bench, set_bits=GCMD["QIE"].mask)


def invalidate_everything(bench: Testbench) -> Step:
    """Invalidate context-cache, IOTLB and paging-structure cache globally, by registers."""
    offset = bench.config.register_offset(IOTLB)
    context = CCMD["ICC"].mask | CCMD["CIRG"].to(ContextGranularity.GLOBAL)
    yield from bench.write(CCMD.offset, context, 8)
    yield from poll(bench, CCMD.offset, CCMD["ICC"].mask, 0, size=8)
    yield from bench.write(offset, IOTLB["IVT"].mask | IOTLB["IIRG"].to(IotlbGranularity.GLOBAL), 8)
    yield from poll(bench, offset, IOTLB["IVT"].mask, 0, size=8)
