"""Invalidation by register (rules 15 and 17) and by queue (rules 15 and 16).

The reference model has no caches: what can be seen of a command is that it is taken or refused, and what is reported.
"""

import pytest

from model.reference import DmaAccess, DmaRequest, MemoryFault
from tests.model.reference.interrupts import (
    CCMD,
    FSTS,
    GSTS,
    ICS,
    IOTLB,
    IQA,
    IQE,
    IQERCD,
    IQH,
    IQT,
    IRE,
    IVA,
    PAGE,
    QIE,
    QUEUE,
    SOURCE,
    TE,
    command,
    make_unit,
    queue_state,
    set_root_table,
    start_queue,
    submit,
    trace_of,
    uncommand,
    wait,
)

STATUS = 0x3000  # where wait descriptors write
GLOBAL, DOMAIN, SELECTIVE = 1, 2, 3
ABORT_DMA, RESERVED_MODE, SCALABLE = 3 << 10, 2 << 10, 1 << 10


# 17: CCMD and IOTLB.


def context_command(unit, granularity, fields=0):
    """Write CCMD with ICC = 1 and return what is then read."""
    unit.write_register(CCMD, 1 << 63 | granularity << 61 | fields, size=8)
    return unit.read_register(CCMD, size=8)


def iotlb_command(unit, granularity, fields=0, address=0, offset=IOTLB):
    """Write IVA, then IOTLB with IVT = 1, and return what is then read."""
    unit.write_register(offset - 8, address, size=8)
    unit.write_register(offset, 1 << 63 | granularity << 60 | fields, size=8)
    return unit.read_register(offset, size=8)


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN, SELECTIVE])
def test_17_ccmd_reports_its_granularity_and_clears_icc(granularity):
    """DID stays, SID and FM are write-only."""
    done = context_command(make_unit(), granularity, 0x1234 | 0xABCD << 16 | 3 << 32)
    assert done == granularity << 61 | granularity << 59 | 0x1234


@pytest.mark.parametrize("function_mask", [0, 1, 2, 3])
def test_17_ccmd_takes_every_function_mask(function_mask):
    assert context_command(make_unit(), SELECTIVE, function_mask << 32) == 3 << 61 | 3 << 59


def test_17_ccmd_granularity_00_is_rejected():
    unit = make_unit()
    context_command(unit, GLOBAL)
    assert context_command(unit, 0, 0x77) == 0x77


def test_17_ccmd_without_icc_starts_nothing():
    unit = make_unit()
    unit.write_register(CCMD, GLOBAL << 61, size=8)
    assert unit.read_register(CCMD, size=8) == GLOBAL << 61


def test_17_ccmd_starts_with_the_high_half():
    unit = make_unit()
    unit.write_register(CCMD, 0xFFFF_FFFF)
    assert unit.read_register(CCMD, size=8) == 0xFFFF
    unit.write_register(CCMD + 4, 1 << 31 | DOMAIN << 29)
    assert unit.read_register(CCMD, size=8) == DOMAIN << 61 | DOMAIN << 59 | 0xFFFF
    unit.write_register(CCMD, 0x5)
    assert unit.read_register(CCMD, size=8) == DOMAIN << 61 | DOMAIN << 59 | 0x5


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN, SELECTIVE])
def test_17_iotlb_reports_its_granularity_and_clears_ivt(granularity):
    """DID, DR and DW stay as written."""
    done = iotlb_command(make_unit(), granularity, 0x1234 << 32 | 1 << 48 | 1 << 49)
    assert done == granularity << 60 | granularity << 57 | 0x1234 << 32 | 1 << 48 | 1 << 49


def test_17_iotlb_granularity_00_is_rejected():
    unit = make_unit()
    iotlb_command(unit, GLOBAL)
    assert iotlb_command(unit, 0) == 0


def test_17_iotlb_without_ivt_starts_nothing():
    unit = make_unit()
    unit.write_register(IOTLB, GLOBAL << 60, size=8)
    assert unit.read_register(IOTLB, size=8) == GLOBAL << 60


def test_17_iotlb_starts_with_the_high_half():
    unit = make_unit()
    unit.write_register(IOTLB, 0xFFFF_FFFF)
    assert unit.read_register(IOTLB, size=8) == 0
    unit.write_register(IOTLB + 4, 1 << 31 | DOMAIN << 28 | 0x42)
    assert unit.read_register(IOTLB, size=8) == DOMAIN << 60 | DOMAIN << 57 | 0x42 << 32
    unit.write_register(IOTLB, 0)
    assert unit.read_register(IOTLB, size=8) == DOMAIN << 60 | DOMAIN << 57 | 0x42 << 32


def test_17_iva_and_iotlb_in_halves():
    unit = make_unit(mamv=4)
    unit.write_register(IVA, 0x1000 | 5)
    unit.write_register(IVA + 4, 0x1)
    unit.write_register(IOTLB + 4, 1 << 31 | SELECTIVE << 28)
    assert unit.read_register(IOTLB, size=8) == SELECTIVE << 60


@pytest.mark.parametrize("mamv", [0, 9, 18, 63])
def test_15_1_iotlb_address_mask_up_to_mamv(mamv):
    unit = make_unit(mamv=mamv)
    assert iotlb_command(unit, SELECTIVE, address=0x7654_3000 | mamv) == 3 << 60 | 3 << 57
    if mamv < 63:
        assert iotlb_command(unit, SELECTIVE, address=0x7654_3000 | mamv + 1) == 3 << 60


@pytest.mark.parametrize("granularity", [GLOBAL, DOMAIN])
def test_15_1_address_mask_matters_only_with_page_granularity(granularity):
    done = iotlb_command(make_unit(mamv=0), granularity, address=63)
    assert done == granularity << 60 | granularity << 57


@pytest.mark.parametrize("hint", [0, 1])
def test_15_iotlb_takes_the_invalidation_hint(hint):
    assert iotlb_command(make_unit(), SELECTIVE, address=0x1000 | hint << 6) == 3 << 60 | 3 << 57


def test_17_without_psi_pages_are_done_as_the_domain():
    """A coarser granularity may always be executed, and is then reported; AM counts for nothing then."""
    unit = make_unit(psi=False)
    for address_mask in (0, 63):
        assert iotlb_command(unit, SELECTIVE, address=address_mask) in (3 << 60 | 2 << 57, 3 << 60 | 1 << 57)


@pytest.mark.parametrize("version", [6, 7, 8, 15])
def test_2_and_17_from_version_6_on_registers_reject(version):
    unit = make_unit(version_major=version, sagaw=())
    for granularity in (GLOBAL, DOMAIN, SELECTIVE):
        assert context_command(unit, granularity) == granularity << 61
        assert iotlb_command(unit, granularity) == granularity << 60


@pytest.mark.parametrize("version", [1, 2, 5])
def test_2_and_17_up_to_version_5_registers_work(version):
    unit = make_unit(version_major=version)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


@pytest.mark.parametrize("mode", [SCALABLE, RESERVED_MODE, ABORT_DMA], ids=["scalable", "reserved", "abort"])
@pytest.mark.parametrize("adms", [False, True])
def test_17_outside_legacy_mode_registers_reject(mode, adms):
    unit = make_unit(adms=adms)
    unit.write_register(0x20, mode, size=8)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59  # not yet in force
    set_root_table(unit, mode)
    for granularity in (GLOBAL, DOMAIN, SELECTIVE):
        assert context_command(unit, granularity) == granularity << 61
        assert iotlb_command(unit, granularity) == granularity << 60
    set_root_table(unit, 0)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


def test_17_registers_work_whatever_te_is():
    unit = make_unit()
    command(unit, TE)
    assert context_command(unit, GLOBAL) == 1 << 61 | 1 << 59
    assert iotlb_command(unit, GLOBAL) == 1 << 60 | 1 << 57


def test_17_registers_work_without_a_queue():
    unit = make_unit(qi=False, ir=False, eim=False, pi=False)
    assert context_command(unit, DOMAIN, 0x5) == 2 << 61 | 2 << 59 | 0x5
    assert iotlb_command(unit, SELECTIVE, address=0x1000) == 3 << 60 | 3 << 57


# 16: the queue.


def context_cache_inv(granularity, *, did=0, sid=0, fm=0):
    return 1 | granularity << 4 | did << 16 | sid << 32 | fm << 48


def iotlb_inv(granularity, *, did=0, dw=0, dr=0, am=0, ih=0, address=0):
    return 2 | granularity << 4 | dw << 6 | dr << 7 | did << 16 | (am | ih << 6 | address) << 64


def iec_inv(granularity, *, index=0, im=0):
    return 4 | granularity << 4 | im << 27 | index << 32


def p_iotlb_inv(granularity, *, did=0, pasid=0, am=0, ih=0, address=0):
    return 6 | granularity << 4 | did << 16 | pasid << 32 | (am | ih << 6 | address) << 64


def pasid_cache_inv(granularity, *, did=0, pasid=0):
    return 7 | granularity << 4 | did << 16 | pasid << 32


def queue_unit(mode=0, **config):
    """Return a unit in which that table mode is in force."""
    unit = make_unit(**config)
    if mode:
        set_root_table(unit, mode)
    return unit


def run(unit, *descriptors, wide=False):
    """Give the descriptors to a new queue and return head in bytes, IQE, IQEI."""
    start_queue(unit, list(descriptors), wide=wide)
    return queue_state(unit)


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


# IQEI, and what comes first when several are true (28.5).


@pytest.mark.parametrize("qs", range(7))
def test_16_1_iqei_1_tail_beyond_the_queue(qs):
    """The last slot of 2^QS pages is good; the byte behind it is not."""
    unit = make_unit()
    unit.write_register(IQA, QUEUE | qs, size=8)
    command(unit, QIE)
    unit.write_register(IQT, PAGE << qs, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(IQT, (PAGE << qs) - 16, size=8)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (0, 1, 3)  # the descriptor itself, all zeros, has come to its turn


def test_16_1_queue_of_the_largest_size_has_no_tail_beyond():
    unit = make_unit()
    unit.write_register(IQA, QUEUE | 7, size=8)
    command(unit, QIE)
    unit.write_register(IQT, 0x7_FFF0, size=8)
    assert queue_state(unit) == (0, 1, 3)


def test_16_3_iqei_2_fetch_error():
    unit = queue_unit()
    unit.memory.fail(QUEUE + 16, 16)
    assert run(unit, wait()) == (16, 0, 0)
    unit.write_register(IQT, 32, size=8)
    assert queue_state(unit) == (16, 1, 2)


@pytest.mark.parametrize("part", [0, 8, 16, 24])
def test_16_3_iqei_2_when_any_part_of_the_descriptor_fails(part):
    unit = queue_unit(adms=True)
    start_queue(unit, [], wide=True)
    unit.memory.load(QUEUE, wait().to_bytes(32, "little"))
    unit.memory.fail(QUEUE + part, 8)
    unit.write_register(IQT, 32, size=8)
    assert queue_state(unit) == (0, 1, 2)


def test_16_1_iqei_5_256_bits_without_adms():
    assert run(queue_unit(), wait(), wide=True) == (0, 1, 5)


def test_16_1_iqei_5_128_bits_in_abort_mode():
    assert run(queue_unit(ABORT_DMA, adms=True), wait()) == (0, 1, 5)


@pytest.mark.parametrize("tail", [0x10, 0x30])
def test_16_1_iqei_6_tail_in_the_middle_of_256_bits(tail):
    unit = queue_unit(adms=True)
    start_queue(unit, [], wide=True)
    unit.memory.load(QUEUE, wait().to_bytes(32, "little") * 2)
    unit.write_register(IQT, tail, size=8)
    assert queue_state(unit) == (0, 1, 6)


def test_16_1_tail_of_128_bits_may_have_bit_4():
    assert run(queue_unit(), wait()) == (16, 0, 0)


@pytest.mark.parametrize(
    ("mode", "adms", "wide"),
    [
        (RESERVED_MODE, False, False),
        (RESERVED_MODE, True, True),
        (RESERVED_MODE, True, False),
        (ABORT_DMA, False, False),
        (SCALABLE, True, True),
    ],
)
def test_16_1_iqei_7_reserved_or_unsupported_table_mode(mode, adms, wide):
    assert run(queue_unit(mode, adms=adms), wait(), wide=wide) == (0, 1, 7)


def test_16_1_iqei_7_when_the_mode_changes_later():
    unit = queue_unit()
    assert run(unit, wait()) == (16, 0, 0)
    set_root_table(unit, RESERVED_MODE)
    submit(unit, [wait()], at=1)
    assert queue_state(unit) == (16, 1, 7)
    set_root_table(unit, 0)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (32, 0, 0)


# Tail, 256 bits with ADMS = 0, mode, memory fails, descriptor. Each row mends the first error of the row before.
TWO_ERRORS = [
    (PAGE + 16, True, RESERVED_MODE, True, 0, 1),
    (16, True, RESERVED_MODE, True, 0, 6),
    (32, True, RESERVED_MODE, True, 0, 5),
    (32, False, RESERVED_MODE, True, 0, 7),
    (32, False, 0, True, 0xF | 1 << 12, 2),
    (32, False, 0, False, 0xF | 1 << 12, 3),
    (32, False, 0, False, 5 | 1 << 12, 4),
]


@pytest.mark.parametrize(("tail", "wide", "mode", "failing", "descriptor", "code"), TWO_ERRORS)
def test_28_5_order_of_queue_errors(tail, wide, mode, failing, descriptor, code):
    unit = queue_unit(mode)
    unit.memory.load(QUEUE, descriptor.to_bytes(32, "little"))
    if failing:
        unit.memory.fail(QUEUE, 32)
    start_queue(unit, [], wide=wide)
    unit.write_register(IQT, tail, size=8)
    assert queue_state(unit) == (0, 1, code)


def test_28_5_nothing_is_checked_while_the_queue_is_empty():
    """Width and mode are wrong, but head = tail."""
    unit = queue_unit(RESERVED_MODE)
    start_queue(unit, [], wide=True)
    assert queue_state(unit) == (0, 0, 0)


# Head, errors and recovery.


def test_16_2_head_stops_at_the_bad_descriptor():
    unit = queue_unit()
    good = wait(write=1, status=1, address=STATUS)
    assert run(unit, good, good, 0xF, wait(write=1, status=2, address=STATUS)) == (32, 1, 3)
    assert unit.memory.read(STATUS, 4) == 1


def test_16_4_no_fetch_while_iqe_stands():
    unit = queue_unit()
    run(unit, 0xF)
    submit(unit, [wait(write=1, status=7, address=STATUS)] * 2)
    assert queue_state(unit) == (0, 1, 3)
    assert unit.memory.read(STATUS, 4) == 0


def test_16_4_clearing_iqe_resumes_at_the_head():
    """Without another write of the tail."""
    unit = queue_unit()
    run(unit, wait(), 0xF, wait(write=1, status=7, address=STATUS))
    unit.memory.load(QUEUE + 16, wait().to_bytes(16, "little"))
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (48, 0, 0)
    assert unit.memory.read(STATUS, 4) == 7


def test_16_4_clearing_iqe_without_a_repair_raises_it_again():
    unit = queue_unit()
    run(unit, wait(), 0xF)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 1, 3)


@pytest.mark.parametrize("value", [0, 0b10, ~(1 << 4) & 0xFFFF_FFFF])
def test_16_4_only_writing_1_clears_iqe(value):
    unit = queue_unit()
    run(unit, 0xF)
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    unit.write_register(FSTS, value)
    assert queue_state(unit) == (0, 1, 3)


def test_16_4_software_may_move_the_tail_back_to_the_head_before_clearing():
    unit = queue_unit()
    run(unit, wait(), 0xF)
    unit.write_register(IQT, 16, size=8)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 0, 0)


def test_16_4_tail_error_is_over_with_a_good_tail():
    unit = queue_unit()
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    start_queue(unit, [])
    unit.write_register(IQT, PAGE, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(IQT, 16, size=8)
    assert queue_state(unit) == (0, 1, 1)
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (16, 0, 0)


def test_16_8_iqei_tells_the_newest_error():
    unit = queue_unit()
    run(unit, 0xF)
    unit.memory.load(QUEUE, (wait() | 1 << 12).to_bytes(16, "little"))
    unit.write_register(FSTS, IQE)
    assert queue_state(unit) == (0, 1, 4)


def test_16_8_rest_of_the_error_record_stays_0_without_device_tlbs():
    unit = queue_unit()
    run(unit, 0xF)
    assert unit.read_register(IQERCD, size=8) == 3


@pytest.mark.parametrize("commands", [0, TE, IRE, TE | IRE])
def test_16_2_queue_works_whatever_te_and_ire_are(commands):
    unit = queue_unit()
    command(unit, commands)
    assert run(unit, wait(), iotlb_inv(GLOBAL)) == (32, 0, 0)


def test_16_2_nothing_is_fetched_before_qie():
    unit = queue_unit()
    unit.write_register(IQA, QUEUE, size=8)
    submit(unit, [wait(write=1, status=7, address=STATUS)])
    assert queue_state(unit) == (0, 0, 0)
    assert unit.memory.read(STATUS, 4) == 0
    command(unit, QIE)
    assert queue_state(unit) == (16, 0, 0)
    assert unit.memory.read(STATUS, 4) == 7


def test_16_7_disable_resets_the_head():
    unit = queue_unit()
    assert run(unit, wait(), wait()) == (32, 0, 0)
    uncommand(unit, QIE)
    assert unit.read_register(GSTS) == 0
    assert unit.read_register(IQH, size=8) == 0
    submit(unit, [wait(write=1, status=7, address=STATUS)])
    assert unit.memory.read(STATUS, 4) == 0


def test_16_1_enabled_queue_is_not_started_again_by_qie():
    unit = queue_unit()
    run(unit, wait(), wait())
    command(unit, QIE)
    assert queue_state(unit) == (32, 0, 0)


@pytest.mark.parametrize(("wide", "slots"), [(False, 256), (True, 128)])
def test_16_1_ring_wraps_around(wide, slots):
    """N - 1 descriptors fill the ring; the next ones go over its end."""
    unit = queue_unit(adms=wide)
    slot_bytes = 4096 // slots
    start_queue(unit, [wait()] * (slots - 1), wide=wide)
    assert queue_state(unit) == ((slots - 1) * slot_bytes, 0, 0)
    last = wait(write=1, status=0xAA, address=STATUS).to_bytes(slot_bytes, "little")
    first = wait(write=1, status=0xBB, address=STATUS + 4).to_bytes(slot_bytes, "little")
    unit.memory.load(QUEUE + 4096 - slot_bytes, last)
    unit.memory.load(QUEUE, first)
    unit.write_register(IQT, slot_bytes, size=8)
    assert queue_state(unit) == (slot_bytes, 0, 0)
    assert unit.memory.read(STATUS, 8) == 0xBB_0000_00AA


def test_16_1_ring_of_two_pages_wraps_at_its_own_size():
    unit = queue_unit()
    start_queue(unit, [wait()] * 511, qs=1)
    assert queue_state(unit) == (511 * 16, 0, 0)
    unit.memory.load(QUEUE + 511 * 16, wait().to_bytes(16, "little"))
    unit.write_register(IQT, 0, size=8)
    assert queue_state(unit) == (0, 0, 0)


@pytest.mark.parametrize("size", [4, 8])
def test_tail_may_be_written_in_4_or_8_bytes(size):
    unit = queue_unit()
    start_queue(unit, [])
    unit.memory.load(QUEUE, wait().to_bytes(16, "little"))
    unit.write_register(IQT, 16, size)
    assert queue_state(unit) == (16, 0, 0)


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
    assert ("INV_WAIT", STATUS, None) in [step[1:] for step in steps]


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
    assert [step[2:] for step in steps if step[1]] == [(QUEUE, None)]
    assert any("IQEI = 2" in step[0] for step in steps)
