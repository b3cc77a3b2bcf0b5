"""IrteCheck and IrteMeaning against their model: every output that means something; there is no clock."""

from collections import Counter
from random import Random

import cocotb
from cocotb.triggers import Timer

from model.cycle.irte_check import Checked, Constants, check
from rtl.event_message import message_layout
from tb.bits import pack
from tb.block import CONFIG, SEED, log
from tb.irtes import IrteDraw, IrteInputs

CONSTANTS = Constants(CONFIG)
MESSAGE = message_layout()


async def compare(dut, inputs: IrteInputs) -> Checked:
    """Drive inputs and compare all outputs that count for what becomes of the request."""
    irte, error, source_id, extended = inputs
    dut.irte.value = irte
    dut.error.value = error
    dut.source_id.value = source_id
    dut.extended.value = extended
    await Timer(1, "ns")
    expected = check(CONSTANTS, *inputs)
    where = f"entry {irte:#034x}, error {error}, source-id {source_id:#06x}, extended {extended}: expected {expected}"
    flags = int(dut.fault_reason.value), int(dut.suppressed.value), int(dut.posted.value)
    assert flags == expected[:3], f"{where}: {flags}"
    assert int(dut.refused.value) == (expected.fault_reason != 0), where
    if expected.posted:
        posting = int(dut.descriptor.value), int(dut.vector.value), int(dut.urgent.value)
        assert posting == expected[4:], f"{where}: {posting}"
    elif not expected.fault_reason:
        message = int(dut.message.value)
        assert message == pack(MESSAGE, expected.message), f"{where}: {message:#x}"
    return expected


@cocotb.test()
async def every_output_matches_model(dut):
    log.info("COCOTB_RANDOM_SEED=%d", SEED)
    seen: Counter = Counter()
    for inputs in IrteDraw(CONFIG, Random(SEED)).everything():
        checked = await compare(dut, inputs)
        seen[checked.fault_reason or ("posted" if checked.posted else "message")] += 1
        seen["suppressed"] += checked.suppressed
    log.info("%s", dict(seen))
    wanted = {0x22: 50, 0x23: 20, 0x24: 500, 0x26: 500, "message": 300, "posted": 300 * CONFIG.pi, "suppressed": 300}
    for what, at_least in wanted.items():
        assert seen[what] >= at_least, f"only {seen[what]} times {what}, not {at_least}"
