"""Interrupt requests: passed, remapped or refused (rules 22)."""

import pytest

from model.reference import DmaAccess, DmaRequest, InterruptRequest, InterruptResult, Message
from tests.model.reference.interrupts import (
    CFI,
    FSTS,
    GSTS,
    IRE,
    SOURCE,
    TABLE,
    TE,
    command,
    interrupt,
    interrupt_record,
    make_unit,
    place_irte,
    posted_irte,
    record,
    remappable_address,
    remapped_irte,
    remapping_unit,
    set_interrupt_table,
    set_root_table,
    trace_of,
)

DESCRIPTOR = 0x8000


def outcome(unit, irte, *, source_id=SOURCE, index=0):
    """Place the entry, make a request for it, and return the fault reason, None when it is remapped."""
    place_irte(unit, irte, index)
    return interrupt(unit, index, source_id=source_id).fault_reason


# 22.1 and 22.2: what is no remapping at all.

COMPATIBILITY = InterruptRequest(SOURCE, 0xFEE0_5008, 0xC341)
REMAPPABLE = InterruptRequest(SOURCE, 0xFEE0_0010, 0xFFFF_1234)


@pytest.mark.parametrize("request_", [COMPATIBILITY, REMAPPABLE], ids=["compatibility", "remappable"])
@pytest.mark.parametrize("cfi", [0, CFI])
@pytest.mark.parametrize("eime", [False, True])
def test_22_1_with_ires_0_every_request_passes_unchanged(request_, cfi, eime):
    unit = remapping_unit(eime=eime, commands=cfi)
    result = unit.interrupt(request_)
    assert result == InterruptResult(message=Message(request_.address, request_.data))
    assert result.permitted
    assert unit.read_register(FSTS) == 0


@pytest.mark.parametrize("request_", [COMPATIBILITY, REMAPPABLE], ids=["compatibility", "remappable"])
def test_22_1_with_ires_0_and_irreq_every_request_is_2b(request_):
    unit = remapping_unit(irreq=True, commands=CFI)
    result = unit.interrupt(request_)
    assert result.fault_reason == 0x2B
    assert not result.permitted
    assert result.message is None
    assert record(unit) == interrupt_record(0x2B)


def test_22_1_irreq_counts_only_with_ires_0():
    unit = remapping_unit(irreq=True, commands=CFI)
    command(unit, IRE)
    place_irte(unit, remapped_irte())
    assert unit.interrupt(REMAPPABLE).permitted
    assert unit.interrupt(COMPATIBILITY).permitted


@pytest.mark.parametrize("request_", [COMPATIBILITY, REMAPPABLE], ids=["compatibility", "remappable"])
@pytest.mark.parametrize("cfi", [0, CFI])
def test_22_2_eimer_without_eime_is_2a(request_, cfi):
    """28.11: 2Ah before 25h, and before everything of the remappable format."""
    unit = remapping_unit(eimer=True)
    command(unit, cfi)
    place_irte(unit, remapped_irte())
    assert unit.interrupt(request_).fault_reason == 0x2A
    assert record(unit) == interrupt_record(0x2A)


def test_22_2_eimer_with_eime_remaps():
    unit = remapping_unit(eimer=True, eime=True)
    assert outcome(unit, remapped_irte()) is None
    assert unit.interrupt(COMPATIBILITY).fault_reason == 0x25


def test_22_1_eimer_counts_only_with_ires_1():
    unit = remapping_unit(eimer=True, commands=0)
    assert unit.interrupt(COMPATIBILITY).permitted
    unit = remapping_unit(eimer=True, irreq=True, commands=0)
    assert unit.interrupt(COMPATIBILITY).fault_reason == 0x2B


@pytest.mark.parametrize(
    ("eime", "cfi", "reason"), [(False, 0, 0x25), (False, CFI, None), (True, 0, 0x25), (True, CFI, 0x25)]
)
def test_22_2_compatibility_format_needs_cfi_and_no_eime(eime, cfi, reason):
    unit = remapping_unit(eime=eime)
    command(unit, cfi)
    result = unit.interrupt(COMPATIBILITY)
    assert result.fault_reason == reason
    assert result.message == (Message(0xFEE0_5008, 0xC341) if reason is None else None)
    assert record(unit) == (interrupt_record(0x25) if reason else 0)


def test_22_2_bit_4_of_the_address_alone_decides_the_format():
    unit = remapping_unit()
    for address in (0xFEEF_FFEF, 0xFEE0_0000):
        assert unit.interrupt(InterruptRequest(SOURCE, address, 0)).fault_reason == 0x25
    assert unit.interrupt(InterruptRequest(SOURCE, 0xFEE0_0010, 0)).fault_reason == 0x22


@pytest.mark.parametrize("commands", [0, TE])
def test_28_1_interrupts_are_independent_of_translation(commands):
    unit = remapping_unit()
    command(unit, commands)
    assert outcome(unit, remapped_irte()) is None


def test_5_1_interrupts_are_remapped_in_abort_mode():
    unit = remapping_unit(adms=True)
    set_root_table(unit, 3 << 10)
    command(unit, TE)
    assert outcome(unit, remapped_irte()) is None


@pytest.mark.parametrize("address", [0xFEDF_FFFC, 0xFEF0_0000, 0x1_FEE0_0000, 0])
def test_interrupt_refuses_an_address_outside_the_range(address):
    with pytest.raises(
        ValueError, match=rf"^an interrupt request must go to 0xfee00000\.\.0xfeefffff, not {address:#x}$"
    ):
        make_unit().interrupt(InterruptRequest(SOURCE, address, 0))


@pytest.mark.parametrize("access", [DmaAccess.READ, DmaAccess.WRITE, DmaAccess.ATOMIC])
@pytest.mark.parametrize("address", [0xFEE0_0000, 0xFEEF_FFFF])
@pytest.mark.parametrize("commands", [0, TE, IRE])
def test_3_4_what_is_no_interrupt_request_is_29(access, address, commands):
    unit = make_unit()
    command(unit, commands)
    assert unit.dma(DmaRequest(SOURCE, address, access)).fault_reason == 0x29
    assert record(unit) == interrupt_record(0x29)


def test_3_4_zero_length_read_of_the_range_completes():
    unit = make_unit()
    result = unit.dma(DmaRequest(SOURCE, 0xFEE0_0000, DmaAccess.ZERO_LENGTH_READ))
    assert result.permitted
    assert result.address is None
    assert unit.read_register(FSTS) == 0


# 22.3 a and b: the request and the index.


@pytest.mark.parametrize("bit", range(16, 32))
def test_22_3_a_data_31_16_must_be_0_with_shv(bit):
    unit = remapping_unit()
    place_irte(unit, remapped_irte())
    assert interrupt(unit, shv=1, data=1 << bit).fault_reason == 0x20
    assert record(unit) == interrupt_record(0x20)


def test_22_3_a_without_shv_all_data_is_ignored():
    unit = remapping_unit()
    place_irte(unit, remapped_irte(vector=0x77))
    assert interrupt(unit, data=0xFFFF_FFFF).message == Message(0xFEE0_5000, 0x4077)


@pytest.mark.parametrize("bit", [0, 1])
def test_22_3_address_bits_1_0_are_ignored(bit):
    unit = remapping_unit()
    place_irte(unit, remapped_irte())
    result = unit.interrupt(InterruptRequest(SOURCE, 0xFEE0_0010 | 1 << bit, 0))
    assert result.message == Message(0xFEE0_5000, 0x4031)


@pytest.mark.parametrize("bit", range(16))
def test_22_3_b_each_bit_of_the_handle(bit):
    """Handle bits 14:0 are address bits 19:5, handle bit 15 is address bit 2."""
    unit = remapping_unit(size=15)
    place_irte(unit, remapped_irte(vector=0x44), index=1 << bit)
    address = 0xFEE0_0010 | (1 << 2 if bit == 15 else 1 << 5 + bit)
    assert unit.interrupt(InterruptRequest(SOURCE, address, 0)).message == Message(0xFEE0_5000, 0x4044)


@pytest.mark.parametrize("bit", range(16))
def test_22_3_b_each_bit_of_the_subhandle(bit):
    unit = remapping_unit(size=15)
    place_irte(unit, remapped_irte(vector=0x44), index=1 << bit)
    assert interrupt(unit, 0, shv=1, data=1 << bit).message == Message(0xFEE0_5000, 0x4044)


def test_22_3_b_handle_and_subhandle_are_added_with_carry():
    unit = remapping_unit()
    place_irte(unit, remapped_irte(vector=0x44), index=0x40)
    assert interrupt(unit, 0x3F, shv=1, data=1).message == Message(0xFEE0_5000, 0x4044)


def test_22_3_b_index_does_not_wrap_at_16_bits():
    unit = remapping_unit(size=15)
    place_irte(unit, remapped_irte())
    place_irte(unit, remapped_irte(vector=0x66), index=0xFFFF)
    assert interrupt(unit, 0xFFFF, shv=1, data=1).fault_reason == 0x21
    assert interrupt(unit, 0xFFFF, shv=1, data=0xFFFF).fault_reason == 0x21
    assert interrupt(unit, 0xFFFE, shv=1, data=1).message == Message(0xFEE0_5000, 0x4066)


@pytest.mark.parametrize("size", range(16))
def test_22_3_b_table_has_2_to_the_s_plus_1_entries(size):
    unit = remapping_unit(size=size)
    last = (2 << size) - 1
    place_irte(unit, remapped_irte(vector=0x66), index=last)
    assert interrupt(unit, last).message == Message(0xFEE0_5000, 0x4066)
    if size < 15:
        place_irte(unit, remapped_irte(), index=last + 1)
        assert interrupt(unit, last + 1).fault_reason == 0x21
        assert record(unit) == interrupt_record(0x21, index=last + 1)


def test_22_3_b_entry_above_haw_is_21():
    """The last page below HAW holds 256 entries of a table of 512."""
    unit = make_unit(haw=39)
    table = (1 << 39) - 4096
    set_interrupt_table(unit, table | 8)
    command(unit, IRE)
    place_irte(unit, remapped_irte(), index=255, table=table)
    place_irte(unit, remapped_irte(), index=256, table=table)
    assert interrupt(unit, 255).permitted
    assert interrupt(unit, 256).fault_reason == 0x21
    assert record(unit) == interrupt_record(0x21, index=256)


# 22.3 c to f: the entry.


@pytest.mark.parametrize("half", [0, 8])
def test_22_3_c_read_error_is_23(half):
    unit = remapping_unit()
    place_irte(unit, remapped_irte(), index=5)
    unit.memory.fail(TABLE + 5 * 16 + half, 8)
    assert interrupt(unit, 5).fault_reason == 0x23
    assert record(unit) == interrupt_record(0x23, index=5)


def test_22_3_d_not_present_is_22_whatever_else_it_holds():
    unit = remapping_unit()
    everything_else = (1 << 128) - 1 & ~0b11
    assert outcome(unit, everything_else, index=5) == 0x22
    assert record(unit) == interrupt_record(0x22, index=5)


SOURCE_BITS = range(16)


@pytest.mark.parametrize(("sq", "ignored"), [(0, []), (1, [2]), (2, [1, 2]), (3, [0, 1, 2])])
def test_22_3_e_source_id_is_compared_under_sq(sq, ignored):
    unit = remapping_unit()
    irte = remapped_irte(svt=1, sq=sq, sid=SOURCE)
    assert outcome(unit, irte, source_id=SOURCE) is None
    for bit in SOURCE_BITS:
        wanted = None if bit in ignored else 0x26
        assert outcome(unit, irte, source_id=SOURCE ^ 1 << bit) == wanted, f"bit {bit}"


@pytest.mark.parametrize("sq", range(4))
def test_22_3_e_svt_00_checks_nothing(sq):
    unit = remapping_unit()
    for source_id in (0, 0x1234, 0xFFFF):
        assert outcome(unit, remapped_irte(svt=0, sq=sq, sid=SOURCE), source_id=source_id) is None


@pytest.mark.parametrize("sq", range(4))
def test_22_3_e_svt_11_is_24(sq):
    """28.11, 22.3: reserved SVT is found at the source check, whether the source would match or not."""
    unit = remapping_unit()
    for source_id in (SOURCE, SOURCE ^ 0x100):
        assert outcome(unit, remapped_irte(svt=3, sq=sq, sid=SOURCE), source_id=source_id) == 0x24


@pytest.mark.parametrize("sq", range(4))
@pytest.mark.parametrize(
    ("bus", "reason"),
    [(0x0F, 0x26), (0x10, None), (0x18, None), (0x20, None), (0x21, 0x26), (0x00, 0x26), (0xFF, 0x26)],
)
def test_22_3_e_bus_range_is_inclusive(sq, bus, reason):
    """SID[15:8] is the first bus, SID[7:0] the last; devfn and SQ do not matter."""
    unit = remapping_unit()
    for devfn in (0x00, 0x0F, 0x21, 0xFF):
        irte = remapped_irte(svt=2, sq=sq, sid=0x1020)
        assert outcome(unit, irte, source_id=bus << 8 | devfn) == reason


@pytest.mark.parametrize(("sid", "good"), [(0x3A3A, [0x3A]), (0x00FF, range(256)), (0x2010, []), (0xFFFF, [0xFF])])
def test_22_3_e_bus_ranges_of_one_of_all_and_of_none(sid, good):
    unit = remapping_unit(nfr=1)
    passed = [bus for bus in range(256) if outcome(unit, remapped_irte(svt=2, sid=sid), source_id=bus << 8) is None]
    assert passed == list(good)


def test_22_3_e_mismatch_leaves_index_and_source_id():
    unit = remapping_unit()
    assert outcome(unit, remapped_irte(svt=1, sid=0x1111), index=9, source_id=0x2222) == 0x26
    assert record(unit) == interrupt_record(0x26, index=9, source_id=0x2222)


def test_22_4_source_check_comes_before_the_format_check():
    unit = remapping_unit()
    irte = remapped_irte(svt=1, sid=SOURCE) | 1 << 12
    assert outcome(unit, irte, source_id=SOURCE ^ 1) == 0x26
    assert outcome(unit, irte, source_id=SOURCE) == 0x24


# First and last bit of what must be 0 in the remapped format, and of what may be anything.
REMAPPED_RESERVED = [*range(12, 15), *range(24, 32), *range(84, 128)]
REMAPPED_IGNORED = [*range(8, 12)]
REMAPPED_FREE = [2, 3, 4, *range(16, 24), *range(64, 82)]


@pytest.mark.parametrize("eime", [False, True])
@pytest.mark.parametrize("pi", [False, True])
def test_22_3_f_each_bit_of_the_remapped_format(eime, pi):
    for bit in REMAPPED_RESERVED:
        unit = remapping_unit(eime=eime, pi=pi)
        assert outcome(unit, remapped_irte() | 1 << bit, index=3) == 0x24, f"bit {bit}"
        assert record(unit) == interrupt_record(0x24, index=3)
    unit = remapping_unit(eime=eime, pi=pi)
    for bit in REMAPPED_IGNORED + REMAPPED_FREE:
        assert outcome(unit, remapped_irte() | 1 << bit) is None, f"bit {bit}"


def test_22_3_f_destination_outside_47_40_is_reserved_without_eime():
    for bit in range(32):
        reason = None if 8 <= bit < 16 else 0x24
        assert outcome(remapping_unit(), remapped_irte(destination=1 << bit)) == reason, f"bit {bit}"
        assert outcome(remapping_unit(eime=True), remapped_irte(destination=1 << bit)) is None, f"bit {bit}"


@pytest.mark.parametrize(
    ("dlm", "reason"), [(0, None), (1, None), (2, None), (3, 0x24), (4, None), (5, None), (6, 0x24), (7, None)]
)
def test_22_3_f_delivery_modes_3_and_6_are_reserved(dlm, reason):
    assert outcome(remapping_unit(), remapped_irte(dlm=dlm)) == reason


def test_22_3_f_posted_format_and_urg_are_reserved_without_pi():
    unit = remapping_unit(pi=False)
    unit.memory.load(DESCRIPTOR, bytes(64))
    assert outcome(unit, posted_irte(descriptor=DESCRIPTOR)) == 0x24
    assert outcome(unit, remapped_irte() | 1 << 15) == 0x24
    assert outcome(unit, remapped_irte() | 1 << 14) == 0x24
    assert unit.memory.read(DESCRIPTOR, 64) == 0


# Each entry is wrong in its reason and in later ones, as far as one entry can be.
REASONS_IN_ORDER = [
    (0x20, remappable_address(0, shv=1), 0x1_0000 | 0xFFFF),
    (0x21, remappable_address(0x100), 0),
    (0x23, remappable_address(4), 0),
    (0x22, remappable_address(5), 0),
    (0x26, remappable_address(6), 0),
    (0x24, remappable_address(7), 0),
    (0x28, remappable_address(8), 0),
    (None, remappable_address(9), 0),
]


@pytest.mark.parametrize(("reason", "address", "data"), REASONS_IN_ORDER)
def test_22_3_checks_come_in_their_order(reason, address, data):
    """20h, 21h, 23h, 22h, 26h, 24h, 28h, and at last a posted interrupt."""
    unit = remapping_unit()
    unit.memory.load(DESCRIPTOR, (1 << 511).to_bytes(64, "little"))
    unit.memory.load(DESCRIPTOR + 64, bytes(64))
    bad = posted_irte(descriptor=DESCRIPTOR, svt=1, sid=SOURCE ^ 1) | 1 << 2
    place_irte(unit, bad & ~1, 4)
    unit.memory.fail(TABLE + 4 * 16, 16)
    place_irte(unit, bad & ~1, 5)
    place_irte(unit, bad, 6)
    place_irte(unit, posted_irte(descriptor=DESCRIPTOR) | 1 << 2, 7)
    place_irte(unit, posted_irte(descriptor=DESCRIPTOR), 8)
    place_irte(unit, posted_irte(descriptor=DESCRIPTOR + 64), 9)
    assert unit.interrupt(InterruptRequest(SOURCE, address, data)).fault_reason == reason


# 22.5: the message.


@pytest.mark.parametrize("vector", [0x00, 0x10, 0x55, 0xAA, 0xFF])
def test_22_5_vector(vector):
    unit = remapping_unit()
    place_irte(unit, remapped_irte(vector=vector))
    assert interrupt(unit).message == Message(0xFEE0_5000, 0x4000 | vector)


@pytest.mark.parametrize("dlm", [0, 1, 2, 4, 5, 7])
def test_22_5_delivery_mode_in_data_10_8(dlm):
    unit = remapping_unit()
    place_irte(unit, remapped_irte(dlm=dlm))
    assert interrupt(unit).message == Message(0xFEE0_5000, 0x4031 | dlm << 8)


@pytest.mark.parametrize(
    ("rh", "dm", "tm", "address", "data"),
    [
        (0, 0, 0, 0xFEE0_5000, 0x4031),
        (0, 0, 1, 0xFEE0_5000, 0xC031),
        (0, 1, 0, 0xFEE0_5004, 0x4031),
        (0, 1, 1, 0xFEE0_5004, 0xC031),
        (1, 0, 0, 0xFEE0_5008, 0x4031),
        (1, 0, 1, 0xFEE0_5008, 0xC031),
        (1, 1, 0, 0xFEE0_500C, 0x4031),
        (1, 1, 1, 0xFEE0_500C, 0xC031),
    ],
)
def test_22_5_redirection_hint_destination_mode_trigger_mode(rh, dm, tm, address, data):
    """Level is asserted (data bit 14) in every message."""
    unit = remapping_unit()
    place_irte(unit, remapped_irte(rh=rh, dm=dm, tm=tm))
    assert interrupt(unit).message == Message(address, data)


@pytest.mark.parametrize(
    ("eime", "destination", "address"),
    [
        (False, 0x0000_FF00, 0xFEEF_F000),
        (False, 0x0000_0100, 0xFEE0_1000),
        (True, 0x0000_00FF, 0xFEEF_F000),
        (True, 0x0000_0100, 0x0000_0100_FEE0_0000),
        (True, 0x1234_5678, 0x1234_5600_FEE7_8000),
        (True, 0xFFFF_FFFF, 0xFFFF_FF00_FEEF_F000),
    ],
)
def test_22_5_destination_of_8_and_of_32_bits(eime, destination, address):
    unit = remapping_unit(eime=eime)
    place_irte(unit, remapped_irte(destination=destination))
    assert interrupt(unit).message == Message(address, 0x4031)


def test_22_5_nothing_of_the_request_is_left_in_the_message():
    unit = remapping_unit()
    place_irte(unit, remapped_irte(), index=0x83)
    result = interrupt(unit, 0x80, shv=1, data=3)
    assert result == InterruptResult(message=Message(0xFEE0_5000, 0x4031))
    assert unit.messages == []


# 22.6: FPD.


@pytest.mark.parametrize(
    ("irte", "reason"),
    [
        (remapped_irte(fpd=1, present=0), 0x22),
        (remapped_irte(fpd=1, svt=1, sid=SOURCE ^ 1), 0x26),
        (remapped_irte(fpd=1, svt=3), 0x24),
        (remapped_irte(fpd=1, dlm=3), 0x24),
        (remapped_irte(fpd=1) | 1 << 12, 0x24),
        (posted_irte(fpd=1, descriptor=DESCRIPTOR), 0x27),
        (posted_irte(fpd=1, descriptor=DESCRIPTOR + 64), 0x28),
    ],
)
def test_22_6_fpd_suppresses_the_record_not_the_refusal(irte, reason):
    unit = remapping_unit()
    unit.memory.fail(DESCRIPTOR, 64)
    unit.memory.load(DESCRIPTOR + 64, (1 << 511).to_bytes(64, "little"))
    place_irte(unit, irte)
    result = interrupt(unit)
    assert result.fault_reason == reason
    assert result.suppressed
    assert unit.read_register(FSTS) == 0
    assert record(unit) == 0
    place_irte(unit, irte & ~0b10)
    result = interrupt(unit)
    assert result.fault_reason == reason
    assert not result.suppressed
    assert record(unit) == interrupt_record(reason)


def test_22_6_unqualified_faults_are_recorded_whatever_fpd_is():
    """20h, 21h and 23h arise before the entry is known."""
    unit = remapping_unit(nfr=4)
    place_irte(unit, remapped_irte(fpd=1))
    place_irte(unit, remapped_irte(fpd=1), index=4)
    unit.memory.fail(TABLE + 4 * 16, 16)
    for result in (interrupt(unit, shv=1, data=1 << 16), interrupt(unit, 0x100), interrupt(unit, 4)):
        assert not result.permitted
        assert not result.suppressed
    assert [record(unit, n) >> 96 & 0xFF for n in range(3)] == [0x20, 0x21, 0x23]


def test_22_6_refused_request_leaves_no_message():
    unit = remapping_unit()
    result = interrupt(unit)
    assert result.message is None
    assert result.notification is None
    assert not result.posted
    assert unit.messages == []


# What a person sees with a trace.


def test_trace_shows_the_entry_and_the_decision():
    unit = remapping_unit()
    irte = remapped_irte()
    place_irte(unit, irte, index=2)
    steps = trace_of(unit)
    interrupt(unit, 2)
    assert [step[1:] for step in steps if step[1]] == [("IRTE_REMAPPED", TABLE + 32, irte)]
    assert "0x4031" in steps[-1][0]
    assert "0xfee05000" in steps[-1][0]


@pytest.mark.parametrize(
    ("irte", "text"),
    [
        (remapped_irte(svt=1, sid=0x1111), "0x26"),
        (remapped_irte(svt=2, sid=0x1111), "0x26"),
        (remapped_irte(dlm=3), "0x24"),
        (remapped_irte() | 1 << 12, "0x24"),
        (posted_irte(descriptor=1 << 60), "0x24"),
        (remapped_irte(fpd=1, present=0), "0x22"),
    ],
)
def test_trace_ends_with_the_refusal(irte, text):
    unit = remapping_unit()
    place_irte(unit, irte)
    steps = trace_of(unit)
    interrupt(unit)
    assert text in steps[-1][0]


def test_trace_tells_a_failing_read():
    unit = remapping_unit()
    unit.memory.fail(TABLE, 16)
    steps = trace_of(unit)
    interrupt(unit)
    assert [step[1:] for step in steps if step[1]] == [("IRTE_REMAPPED", TABLE, None)]


@pytest.mark.parametrize("commands", [0, IRE, IRE | CFI])
def test_trace_of_a_request_without_a_table_reads_nothing(commands):
    unit = remapping_unit(commands=0)
    command(unit, commands)
    assert unit.read_register(GSTS) & (IRE | CFI) == commands
    steps = trace_of(unit)
    unit.interrupt(COMPATIBILITY)
    assert len(steps) == (3 if commands == IRE else 2)  # the third tells of the fault record
    assert not any(step[1] for step in steps)
