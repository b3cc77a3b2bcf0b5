"""The cycle model's check of an interrupt remapping table entry decides as the reference model does."""

from collections import Counter
from random import Random

import pytest

from model.arch import CONDITIONS, UnitConfig
from model.arch.structures import POSTED_INTERRUPT_DESCRIPTOR, REMAPPABLE_INTERRUPT_ADDRESS
from model.cycle.irte_check import Checked, Constants, check, interrupt_message
from model.reference import Memory
from model.reference.fault import Fault
from model.reference.remap import InterruptTable, Remapper
from model.reference.types import InterruptRequest
from tb.irtes import IrteDraw, IrteInputs

CONFIGS = {
    "default": UnitConfig(),
    "32-bit addresses": UnitConfig(haw=32, mgaw=39, sagaw=(39,)),
    "33-bit addresses": UnitConfig(haw=33, mgaw=39, sagaw=(39,)),
    "widest": UnitConfig(haw=52),
    "no posting": UnitConfig(pi=False, haw=39),
    "no extended mode": UnitConfig(eim=False),
}
TABLE, INDEX = 0x10000, 5
REQUEST = REMAPPABLE_INTERRUPT_ADDRESS.pack(FEE=0xFEE, FORMAT=1, HANDLE_14_0=INDEX)
VECTOR = 0x5A  # of notifications


def expected_of(config: UnitConfig, inputs: IrteInputs) -> Checked:
    """Return what the reference model makes of a request through this entry."""
    irte, error, source_id, extended = inputs
    memory = Memory()
    memory.load(TABLE + INDEX * 16, irte.to_bytes(16, "little"))
    if error:
        memory.fail(TABLE + INDEX * 16, 16)
    try:
        table = InterruptTable(TABLE, 16, bool(extended))
        result = Remapper(config, memory).remap(InterruptRequest(source_id, REQUEST, 0), table)
    except Fault as fault:
        return Checked(int(fault.condition.reason), int(fault.suppressed))
    if not result.posted:
        assert result.message is not None
        return Checked(message=(result.message.address, result.message.data))  # type: ignore[arg-type]
    assert result.descriptor_address is not None
    return Checked(0, 0, 1, descriptor=result.descriptor_address, **_posting(config, inputs, result.descriptor_address))


def _posting(config: UnitConfig, inputs: IrteInputs, address: int) -> dict[str, int]:
    """Return bit and urgency, as what a descriptor that suppresses notifications shows of them."""
    irte, _, source_id, extended = inputs
    memory = Memory()
    memory.load(TABLE + INDEX * 16, irte.to_bytes(16, "little"))
    descriptor = POSTED_INTERRUPT_DESCRIPTOR.pack(SN=1, NV=VECTOR)
    memory.load(address, descriptor.to_bytes(64, "little"))
    table = InterruptTable(TABLE, 16, bool(extended))
    result = Remapper(config, memory).remap(InterruptRequest(source_id, REQUEST, 0), table)
    pending = POSTED_INTERRUPT_DESCRIPTOR["PIR"].of(memory.read(address, 64))
    if result.notification:
        assert interrupt_message(VECTOR, 0) == (result.notification.address, result.notification.data)
    return {"vector": pending.bit_length() - 1, "urgent": int(result.notification is not None)}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_check_is_that_of_the_reference(config):
    constants, seen = Constants(config), Counter()
    for inputs in IrteDraw(config, Random(1)).everything(random=2000):
        if abs((inputs[0] >> 96 << 32 | inputs[0] >> 32 & 0xFFFFFFC0) - TABLE) < 0x1000:
            continue  # the descriptor would lie on the table
        checked = check(constants, *inputs)
        irte, error, source_id, extended = inputs
        assert checked == expected_of(config, inputs), (
            f"entry {irte:#034x}, error {error}, source-id {source_id:#06x}, extended {extended}"
        )
        seen[checked.fault_reason or ("posted" if checked.posted else "message")] += 1
    assert sum(seen.values()) > 5000
    reasons = {CONDITIONS[f"IR.{code}"].reason for code in (22, 23, 24, 26)}
    assert set(seen) == reasons | {"message", *(["posted"] if config.pi else [])}, seen
