"""Descriptors of the invalidation queue, rules 15 and 16: legal ones, reserved bits, waits.

The reference model has no caches: what can be seen of a command is that it is taken or refused, and what is reported.
"""

import pytest

from model.reference import DmaAccess, DmaRequest, MemoryFault
from tests.model.reference.interrupts import (
    FSTS,
    ICS,
    IQT,
    QUEUE,
    SOURCE,
    TE,
    command,
    start_queue,
    trace_of,
    wait,
)
from tests.model.reference.invalidations import (
    ABORT_DMA,
    DOMAIN,
    GLOBAL,
    SELECTIVE,
    STATUS,
    context_cache_inv,
    iec_inv,
    iotlb_inv,
    p_iotlb_inv,
    pasid_cache_inv,
    queue_unit,
    run,
)

LEGAL = {
    "context-cache global": context_cache_inv(GLOBAL),
    "context-cache domain": context_cache_inv(DOMAIN, did=0xFFFF),
    "context-cache device": context_cache_inv(SELECTIVE, did=0xFFFF, sid=0xFFFF),
    "context-cache function mask 1": context_cache_inv(SELECTIVE, sid=0x1234, fm=1),
    "context-cache function mask 2": context_cache_inv(SELECTIVE, sid=0x1234, fm=2),
    "context-cache function mask 3": context_cache_inv(SELECTIVE, sid=0x1234, fm=3),
    "IOTLB global": iotlb_inv(GLOBAL),
    "IOTLB domain": iotlb_inv(DOMAIN, did=0xFFFF),
    "IOTLB page": iotlb_inv(SELECTIVE, did=0xFFFF, address=0xFFFF_FFFF_FFFF_F000),
    "IOTLB page, mask at MAMV": iotlb_inv(SELECTIVE, am=18),
    "IOTLB page, mask above MAMV": iotlb_inv(SELECTIVE, am=19),
    "IOTLB page, mask 63": iotlb_inv(SELECTIVE, am=63),
    "IOTLB page, hint": iotlb_inv(SELECTIVE, ih=1, address=0x1000),
    "IOTLB drains": iotlb_inv(GLOBAL, dw=1, dr=1),
    "IEC global": iec_inv(0, index=0xFFFF, im=31),
    "IEC index": iec_inv(1, index=0xFFFF),
    "IEC index, mask at MHMV": iec_inv(1, im=15),
    "IEC index, mask above MHMV": iec_inv(1, im=31),
    "wait": wait(),
    "wait, interrupt": wait(interrupt_flag=1),
    "wait, status": wait(write=1, status=0xFFFF_FFFF, address=STATUS),
    "wait, fence": wait(fence=1),
    "wait, unused status": wait(status=0xFFFF_FFFF, address=0xFFFF_FFFF_FFFF_FFFC),
}
LEGAL_IN_ABORT_MODE = LEGAL | {
    "PASID IOTLB, PASID": p_iotlb_inv(2, did=0xFFFF, pasid=0xF_FFFF),
    "PASID IOTLB, page": p_iotlb_inv(3, did=0xFFFF, pasid=0xF_FFFF, am=63, ih=1, address=0xFFFF_FFFF_FFFF_F000),
    "PASID-cache domain": pasid_cache_inv(0, did=0xFFFF),
    "PASID-cache PASID": pasid_cache_inv(1, did=0xFFFF, pasid=0xF_FFFF),
    "PASID-cache global": pasid_cache_inv(3),
}


@pytest.mark.parametrize("descriptor", LEGAL.values(), ids=LEGAL)
def test_16_3_legal_descriptor_of_128_bits(descriptor):
    assert run(queue_unit(), descriptor, wait(write=1, status=1, address=STATUS)) == (32, 0, 0)


@pytest.mark.parametrize("descriptor", LEGAL.values(), ids=LEGAL)
def test_16_3_legal_descriptor_of_256_bits_in_legacy_mode(descriptor):
    unit = queue_unit(adms=True)
    assert run(unit, descriptor, wait(write=1, status=1, address=STATUS), wide=True) == (64, 0, 0)
    assert unit.memory.read(STATUS, 4) == 1


@pytest.mark.parametrize("descriptor", LEGAL_IN_ABORT_MODE.values(), ids=LEGAL_IN_ABORT_MODE)
def test_16_3_legal_descriptor_in_abort_mode(descriptor):
    unit = queue_unit(ABORT_DMA, adms=True)
    assert run(unit, descriptor, wait(), wide=True) == (64, 0, 0)


def with_type(code, field):
    """A descriptor of a 7-bit type: bits 11:9 above bits 3:0."""
    return code >> 4 << 9 | code & 0xF | field << 4


@pytest.mark.parametrize(("wide", "adms"), [(False, False), (True, True)], ids=["128 bits", "256 bits"])
def test_16_3_every_other_type_is_invalid_in_legacy_mode(wide, adms):
    """Also 3 (no device-TLBs), the PASID types 6 and 7, and every type with a bit in 11:9."""
    good = [code for code in range(128) if run(queue_unit(adms=adms), with_type(code, 1), wide=wide)[1:] == (0, 0)]
    assert good == [1, 2, 4, 5]
    for code in {*range(128)} - {1, 2, 4, 5}:
        for field in range(4):
            assert run(queue_unit(adms=adms), with_type(code, field), wide=wide) == (0, 1, 3), f"type {code:#x}"


def test_16_3_every_other_type_is_invalid_in_abort_mode():
    good = []
    for code in range(128):
        states = {run(queue_unit(ABORT_DMA, adms=True), with_type(code, g), wide=True)[1:] for g in (1, 3)}
        if (0, 0) in states:
            good.append(code)
        else:
            assert states == {(1, 3)}, f"type {code:#x}"
    assert good == [1, 2, 4, 5, 6, 7]


RESERVED_GRANULARITY = {
    "context-cache 00": context_cache_inv(0),
    "IOTLB 00": iotlb_inv(0),
}


@pytest.mark.parametrize("descriptor", RESERVED_GRANULARITY.values(), ids=RESERVED_GRANULARITY)
def test_16_3_reserved_granularity(descriptor):
    assert run(queue_unit(), descriptor) == (0, 1, 3)
    assert run(queue_unit(adms=True), descriptor, wide=True) == (0, 1, 3)


@pytest.mark.parametrize(
    "descriptor",
    [context_cache_inv(0), iotlb_inv(0), p_iotlb_inv(0), p_iotlb_inv(1), pasid_cache_inv(2)],
    ids=["context-cache 00", "IOTLB 00", "PASID IOTLB 00", "PASID IOTLB 01", "PASID-cache 10"],
)
def test_16_3_reserved_granularity_in_abort_mode(descriptor):
    assert run(queue_unit(ABORT_DMA, adms=True), descriptor, wide=True) == (0, 1, 3)


def test_15_1_without_psi_a_page_selective_descriptor_is_invalid():
    assert run(queue_unit(psi=False), iotlb_inv(SELECTIVE)) == (0, 1, 3)
    assert run(queue_unit(psi=False), iotlb_inv(DOMAIN)) == (16, 0, 0)


def test_15_1_without_psi_pages_of_a_pasid_stay_legal():
    assert run(queue_unit(ABORT_DMA, adms=True, psi=False), p_iotlb_inv(3), wide=True) == (32, 0, 0)


def test_28_7_without_ir_an_iec_descriptor_is_invalid():
    config = {"ir": False, "eim": False, "pi": False}
    for granularity in (0, 1):
        assert run(queue_unit(**config), iec_inv(granularity)) == (0, 1, 3)


# First and last bit of every reserved field; the upper half of a 256-bit descriptor starts at 128.
RESERVED_BITS = {
    "context-cache": (context_cache_inv(GLOBAL), [(6, 8), (12, 15), (50, 255)]),
    "IOTLB": (iotlb_inv(GLOBAL), [(8, 8), (12, 15), (32, 63), (71, 75), (128, 255)]),
    "IEC": (iec_inv(1), [(5, 8), (12, 26), (48, 255)]),
    "wait": (wait(), [(7, 8), (12, 31), (64, 65), (128, 255)]),
    "PASID IOTLB": (p_iotlb_inv(2), [(6, 8), (12, 15), (52, 63), (71, 75), (128, 255)]),
    "PASID-cache": (pasid_cache_inv(0), [(6, 8), (12, 15), (52, 255)]),
}
TYPE_BITS = {0, 1, 2, 3, 9, 10, 11}


def reserved_bits(fields):
    return {bit for first, last in fields for bit in range(first, last + 1)}


@pytest.mark.parametrize("kind", ["context-cache", "IOTLB", "IEC", "wait"])
def test_16_3_each_reserved_bit_of_128(kind):
    """Every bit: 4 where it is reserved, no error where it is not; the granularity and the type stay."""
    descriptor, fields = RESERVED_BITS[kind]
    for bit in {*range(128)} - TYPE_BITS - {4, 5}:
        wanted = (0, 1, 4) if bit in reserved_bits(fields) else (16, 0, 0)
        assert run(queue_unit(), descriptor | 1 << bit) == wanted, f"bit {bit}"


@pytest.mark.parametrize("kind", RESERVED_BITS)
def test_16_3_each_reserved_bit_of_256(kind):
    descriptor, fields = RESERVED_BITS[kind]
    mode = ABORT_DMA if kind.startswith("PASID") else 0
    for bit in {*range(256)} - TYPE_BITS - {4, 5}:
        wanted = (0, 1, 4) if bit in reserved_bits(fields) else (32, 0, 0)
        assert run(queue_unit(mode, adms=True), descriptor | 1 << bit, wide=True) == wanted, f"bit {bit}"


def test_16_3_iec_bit_5_is_reserved_and_granularity_has_one_bit():
    assert run(queue_unit(), iec_inv(0) | 1 << 5) == (0, 1, 4)
    assert run(queue_unit(), iec_inv(1) | 1 << 5) == (0, 1, 4)


def test_16_5_page_request_drain_is_reserved_without_pds():
    assert run(queue_unit(), wait(write=1, address=STATUS) | 1 << 7) == (0, 1, 4)


def test_16_3_type_before_reserved_bits():
    assert run(queue_unit(), 0xF | 1 << 12) == (0, 1, 3)
    assert run(queue_unit(), context_cache_inv(0) | 1 << 12) == (0, 1, 3)


# Wait descriptors.


def test_16_5_status_write_is_4_bytes():
    unit = queue_unit()
    unit.memory.load(STATUS - 4, bytes([0xEE] * 12))
    run(unit, wait(write=1, status=0x1234_5678, address=STATUS))
    assert unit.memory.read(STATUS - 4, 4) == 0xEEEE_EEEE
    assert unit.memory.read(STATUS, 4) == 0x1234_5678
    assert unit.memory.read(STATUS + 4, 4) == 0xEEEE_EEEE
    assert unit.read_register(ICS) == 0


def test_16_5_status_address_has_dword_alignment():
    unit = queue_unit()
    unit.memory.load(STATUS, bytes(8))
    run(unit, wait(write=1, status=0x1234_5678, address=STATUS + 4))
    assert unit.memory.read(STATUS, 8) == 0x1234_5678_0000_0000


def test_16_5_without_sw_nothing_is_written():
    unit = queue_unit()
    unit.memory.load(STATUS, bytes([0xEE] * 4))
    run(unit, wait(status=0x1234_5678, address=STATUS, interrupt_flag=1, fence=1))
    assert unit.memory.read(STATUS, 4) == 0xEEEE_EEEE


@pytest.mark.parametrize("haw", [32, 39, 52])
def test_16_5_status_address_bits_at_and_above_haw_are_ignored(haw):
    unit = queue_unit(haw=haw)
    unit.memory.load((1 << haw) - 8, bytes(8))
    run(unit, wait(write=1, status=0x55, address=(1 << 64) - 4))
    assert unit.memory.read((1 << haw) - 4, 4) == 0x55


def test_16_5_interrupt_flag_sets_iwc_and_1_clears_it():
    unit = queue_unit()
    run(unit, wait(interrupt_flag=1))
    assert unit.read_register(ICS) == 1
    unit.write_register(ICS, 0)
    assert unit.read_register(ICS) == 1
    unit.write_register(ICS, 1)
    assert unit.read_register(ICS) == 0


def test_16_5_status_and_interrupt_and_fence_together():
    unit = queue_unit()
    state = run(unit, wait(write=1, status=9, address=STATUS, interrupt_flag=1, fence=1))
    assert state == (16, 0, 0)
    assert unit.memory.read(STATUS, 4) == 9
    assert unit.read_register(ICS) == 1


def test_16_5_status_writes_come_in_the_order_of_the_queue():
    unit = queue_unit()
    run(unit, *(wait(write=1, status=n, address=STATUS) for n in (1, 2, 3)))
    assert unit.memory.read(STATUS, 4) == 3


def test_16_5_failing_status_write_does_not_stop_the_queue():
    """The write is posted: nothing tells of it, and what follows is done."""
    unit = queue_unit()
    unit.memory.fail(STATUS, 8)
    steps = trace_of(unit)
    state = run(
        unit,
        wait(write=1, status=9, address=STATUS, interrupt_flag=1),
        wait(write=1, status=8, address=STATUS + 0x100),
    )
    assert state == (32, 0, 0)
    assert unit.read_register(FSTS) == 0
    assert unit.read_register(ICS) == 1
    assert unit.memory.read(STATUS + 0x100, 4) == 8
    with pytest.raises(MemoryFault):
        unit.memory.read(STATUS, 4)
    assert ("the status write fails", None, STATUS, None) in steps


def test_16_3_abort_mode_does_invalidations_and_refuses_dma():
    unit = queue_unit(ABORT_DMA, adms=True)
    command(unit, TE)
    assert run(unit, pasid_cache_inv(3), wait(write=1, status=1, address=STATUS), wide=True) == (64, 0, 0)
    assert unit.memory.read(STATUS, 4) == 1
    assert unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ)).fault_reason == 0x33


# What a person sees with a trace.


def test_trace_names_descriptor_and_place():
    unit = queue_unit()
    steps = trace_of(unit)
    run(unit, iotlb_inv(DOMAIN, did=5), wait())
    seen = [step[1:] for step in steps if step[1]]
    assert seen == [("IOTLB_INV", QUEUE, 0x5_0022), ("INV_WAIT", QUEUE + 16, 5)]


def test_trace_tells_a_failing_fetch():
    unit = queue_unit()
    unit.memory.fail(QUEUE, 16)
    steps = trace_of(unit)
    start_queue(unit, [])
    unit.write_register(IQT, 16, size=8)
    assert ("the read fails", None, QUEUE, None) in steps
    assert any("IQEI = 2" in step[0] for step in steps)
