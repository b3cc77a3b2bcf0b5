"""Named exceptions: each is granted to the very line that needs it, in recordings of QEMU alone, and to nothing else.

Lines that stand in linux-faults or kvm-unit-tests are as they stand there; the others are typed from the list of
deviations in the README of the recordings.
"""

from dataclasses import dataclass, field

import pytest

from sim import deviations
from sim.summary import Count
from tests.sim.handmade import HEADER

QEMU = {**HEADER, "source": "Linux, legacy mode; QEMU 7.2 (Debian 1:7.2+dfsg-7+deb12u18)"}
# With ECAP.EIM, bit 4: without it nobody has the upper address registers.
WITH_EIM = {"ecap": "0xf00f5a"}


def written(offset, value, size=4):
    return {"e": "w", "o": hex(offset), "s": size, "v": hex(value)}


def read(offset, value, size=4):
    return {"e": "r", "o": hex(offset), "s": size, "v": hex(value)}


def memory(address, data):
    return {"e": "m", "a": hex(address), "d": data}


def permitted(address, w, host_address, *, mask=0xFFF, perm=3, **more):
    line = {"e": "t", "sid": "0x0010", "pasid": None, "a": hex(address), "w": w, "ok": True, "pa": hex(host_address)}
    return {**line, "mask": hex(mask), "perm": perm, **more}


def refused(address, w, reason, **more):
    return {"e": "t", "sid": "0x0010", "pasid": None, "a": hex(address), "w": w, "ok": False, "fr": hex(reason), **more}


def interrupt(source_id, address, data, message_address, message_data, **more):
    line = {"e": "i", "sid": hex(source_id), "addr": hex(address), "data": hex(data), "ok": True}
    return {**line, "oaddr": hex(message_address), "odata": hex(message_data), **more}


def interrupt_refused(source_id, address, data, reason, **more):
    line = {"e": "i", "sid": hex(source_id), "addr": hex(address), "data": hex(data), "ok": False}
    return {**line, "fr": hex(reason), **more}


# IRTA: 65536 entries at 0x1200000. Then GCMD.SIRTP, GCMD.IRE.
INTERRUPTS = [written(0xB8, 0x120000F, 8), written(0x18, 0x1000000), written(0x18, 0x2000000)]
# The fault event sends 0x21 to 0xfee01004. Then RTADDR, GCMD.SRTP, GCMD.TE.
DMA = [
    written(0x3C, 0x21),
    written(0x40, 0xFEE01004),
    written(0x38, 0x0),
    written(0x20, 0x2584000, 8),
    written(0x18, 0x40000000),
    written(0x18, 0x80000000),
    memory(0x2584000, "01d06202000000000000000000000000"),
]
CONTEXT = 0x262D100
TRANSLATED = [*DMA, memory(CONTEXT, "0130630200000000020a000000000000"), memory(0x2633008, "0370a40f00000000")]
READ_ONLY = [
    *TRANSLATED,
    memory(0xFA47000, "0350a40f00000000"),
    memory(0xFA45000, "03b03e0f00000000"),
    memory(0xF3EB008, "01103e0f00000000"),
]
WRITE_ONLY = [*READ_ONLY, memory(0xF3EB010, "02103e0f00000000")]
LARGE_PAGE = [*TRANSLATED, memory(0xFA47018, "830000c000000000")]
LARGE_PAGE_REFUSED = refused(0x80C0000010, 0, 0xE)
FPD = [*DMA, memory(CONTEXT, "1330cd1f00000000020a000000000000")]
PASS_THROUGH = [*DMA, memory(CONTEXT, "0900000000000000020a000000000000")]
FAULT_MESSAGE = {"e": "msi", "addr": "0xfee01004", "data": "0x21"}
RECORDED = [*TRANSLATED, memory(0x2633000, "0000000000000000"), refused(0x1000, 0, 0x6), FAULT_MESSAGE]
RECORDED_HIGH = [*TRANSLATED, refused(0x1000000001000, 0, 0x4), FAULT_MESSAGE]
# CCMD: ICC, and CIRG says domain-selective, or device-selective.
CONTEXT_INVALIDATION = [written(0x28, 0xC000000000000000, 8)]
DEVICE_INVALIDATION = [written(0x28, 0xE000000000000000, 8)]


@dataclass
class Case:
    """A deviation; the line that it explains after `setup`; other endings that it does not explain."""

    name: str
    setup: list
    line: dict
    misses: list[list]
    header: dict = field(default_factory=dict)

    @property
    def lines(self):
        return (*self.setup, self.line)


def irte(address, data):
    return [*INTERRUPTS, memory(address, data)]


SVT_2_UP = irte(0x1212400, "0d002500000200000200080000000000")
SVT_2_DOWN = irte(0x1212410, "0d002500000200000002080000000000")
SVT_3 = irte(0x1212440, "0d0025000002000010000c0000000000")
RESERVED_BIT = irte(0x1212480, "0d002500000200001000040000000080")
MODE_BIT = irte(0x12124C0, "0d802500000200001000040000000000")
WIDE_DESTINATION = irte(0x12124D0, "0d002500000210001000040000000000")
ABSENT_WITH_FPD = irte(0x12124F0, "0e002500000200001000040000000000")
ABSENT = irte(0x12125B0, "00000000000000000000000000000000")
LAST_BUT_ONE = irte(0x12FFFE0, "00000000000000000000000000000000")
IO_APIC = irte(0x1200030, "0d0024000002000000ff040000000000")
KVM_IO_APIC = [
    written(0xB8, 0x1FEC800F, 8),
    written(0x18, 0x1000000),
    written(0x18, 0x2000000),
    memory(0x1FEC8010, "0300ed00000000000800040000000000"),
]

CASES = [
    Case(
        "cached translation with fewer rights",
        READ_ONLY,
        permitted(0x8000001010, 1, 0xF3E1010, perm=1, hit=True),
        [
            [*READ_ONLY, permitted(0x8000001010, 1, 0xF3E1010, perm=1)],
            [*READ_ONLY, permitted(0x8000001010, 1, 0xF3E1010, perm=3, hit=True)],
            [*READ_ONLY, refused(0x8000001010, 1, 0x6, hit=True)],
            [*FPD, permitted(0x8000001010, 1, 0xF3E1010, perm=1, hit=True)],
        ],
    ),
    Case(
        "cached translation with fewer rights",
        WRITE_ONLY,
        permitted(0x8000002010, 0, 0xF3E1010, perm=2, hit=True),
        [
            [*WRITE_ONLY, permitted(0x8000002010, 0, 0xF3E1010, perm=2)],
            [*WRITE_ONLY, permitted(0x8000002010, 0, 0xF3E1010, perm=3, hit=True)],
        ],
    ),
    Case(
        "interrupt faults are not recorded",
        ABSENT_WITH_FPD,
        interrupt_refused(0x0010, 0xFEE249F0, 0, 0x22),
        [
            [*ABSENT_WITH_FPD, interrupt_refused(0x0010, 0xFEE249F0, 0, 0x23)],
            [*ABSENT_WITH_FPD, interrupt(0x0010, 0xFEE249F0, 0, 0xFEE0200C, 0x4025)],
            [*ABSENT, interrupt_refused(0x0010, 0xFEE24B30, 0, 0x22, fpd=True)],
        ],
    ),
    Case(
        "compatibility format passes while remapping is on",
        INTERRUPTS,
        interrupt(0x0010, 0xFEE00000, 0x25, 0xFEE00000, 0x25),
        [
            [*INTERRUPTS, interrupt(0x0010, 0xFEE00000, 0x25, 0xFEE00000, 0x26)],
            [*INTERRUPTS, interrupt(0x0010, 0xFEE00000, 0x25, 0xFEE01000, 0x25)],
            [*INTERRUPTS, interrupt_refused(0x0010, 0xFEE00000, 0x25, 0x22)],
        ],
    ),
    Case(
        "interrupt index wraps at 16 bits",
        LAST_BUT_ONE,
        interrupt_refused(0x0010, 0xFEEFFFFC, 0xFFFF, 0x22),
        [
            [*LAST_BUT_ONE, interrupt_refused(0x0010, 0xFEEFFFFC, 0xFFFF, 0x26)],
            [*LAST_BUT_ONE, interrupt(0x0010, 0xFEEFFFFC, 0xFFFF, 0xFEE0200C, 0x4025)],
            # The table has 2 entries: index 4 is past its end without wrapping.
            [written(0xB8, 0x1200000, 8), *INTERRUPTS[1:], interrupt_refused(0x0010, 0xFEE00090, 0, 0x22)],
            [written(0xB8, 0x1200000, 8), *INTERRUPTS[1:], interrupt_refused(0x0010, 0xFEE00090, 0, 0x21, fpd=True)],
        ],
    ),
    Case(
        "SVT=2 takes the bus range in reverse",
        SVT_2_UP,
        interrupt_refused(0x0100, 0xFEE24810, 0, 0x26),
        [
            [*SVT_2_UP, interrupt_refused(0x0100, 0xFEE24810, 0, 0x22)],
            [*SVT_2_UP, interrupt(0x0100, 0xFEE24810, 0, 0xFEE0200C, 0x4026)],
            # Both ways round, bus 1 is the range 1 to 1.
            [*irte(0x1212400, "0d002500000200000101080000000000"), interrupt_refused(0x0100, 0xFEE24810, 0, 0x26)],
        ],
    ),
    Case(
        "SVT=2 takes the bus range in reverse",
        SVT_2_DOWN,
        interrupt(0x0100, 0xFEE24830, 0, 0xFEE0200C, 0x4025),
        [
            [*SVT_2_DOWN, interrupt(0x0100, 0xFEE24830, 0, 0xFEE0200C, 0x4026)],
            [*SVT_2_DOWN, interrupt(0x0300, 0xFEE24830, 0, 0xFEE0200C, 0x4025)],
            [*SVT_2_DOWN, interrupt_refused(0x0100, 0xFEE24830, 0, 0x24)],
        ],
    ),
    Case(
        "source-id of the I/O APIC is not verified",
        KVM_IO_APIC,
        interrupt(0xFF00, 0xFEE00030, 0xED, 0xFEE00000, 0x40ED, src="ioapic"),
        [
            [*KVM_IO_APIC, interrupt(0xFF00, 0xFEE00030, 0xED, 0xFEE00000, 0x40ED)],
            [*KVM_IO_APIC, interrupt(0xFF00, 0xFEE00030, 0xED, 0xFEE00000, 0x40EE, src="ioapic")],
            [*KVM_IO_APIC, interrupt_refused(0xFF00, 0xFEE00030, 0xED, 0x22, src="ioapic")],
        ],
    ),
    Case(
        "SVT=3 gives 0x26",
        SVT_3,
        interrupt_refused(0x0010, 0xFEE24890, 0, 0x26),
        [
            [*SVT_3, interrupt_refused(0x0010, 0xFEE24890, 0, 0x22)],
            [*SVT_3, interrupt(0x0010, 0xFEE24890, 0, 0xFEE0200C, 0x4025)],
            # Another reserved bit, 127, with the source-id verified.
            [*irte(0x1212440, "0d002500000200001000040000000080"), interrupt_refused(0x0010, 0xFEE24890, 0, 0x26)],
        ],
    ),
    Case(
        "IRTE mode bit 15 is ignored",
        MODE_BIT,
        interrupt(0x0010, 0xFEE24990, 0, 0xFEE0200C, 0x4025),
        [
            [*MODE_BIT, interrupt(0x0010, 0xFEE24990, 0, 0xFEE0200C, 0x4026)],
            [*MODE_BIT, interrupt_refused(0x0010, 0xFEE24990, 0, 0x22)],
            [*RESERVED_BIT, interrupt_refused(0x0010, 0xFEE24910, 0, 0x24, fpd=True)],
            [
                *irte(0x12124C0, "0d802500000200001000040000000080"),
                interrupt(0x0010, 0xFEE24990, 0, 0xFEE0200C, 0x4025),
            ],
        ],
    ),
    Case(
        "reserved destination bits are ignored in xAPIC mode",
        WIDE_DESTINATION,
        interrupt(0x0010, 0xFEE249B0, 0, 0xFEE0200C, 0x4025),
        [
            [*WIDE_DESTINATION, interrupt(0x0010, 0xFEE249B0, 0, 0xFEE0300C, 0x4025)],
            [*WIDE_DESTINATION, interrupt_refused(0x0010, 0xFEE249B0, 0, 0x22)],
            [
                *irte(0x12124D0, "0d002500000210001000040000000080"),
                interrupt(0x0010, 0xFEE249B0, 0, 0xFEE0200C, 0x4025),
            ],
        ],
    ),
    Case(
        "reserved data bits are examined after the IRTE",
        ABSENT,
        interrupt_refused(0x0010, 0xFEE24B38, 0x10002, 0x22),
        [
            [*ABSENT, interrupt_refused(0x0010, 0xFEE24B38, 0x10002, 0x26)],
            [*ABSENT, interrupt(0x0010, 0xFEE24B38, 0x10002, 0xFEE0200C, 0x4025)],
        ],
    ),
    Case(
        "low two address bits are copied into the message",
        IO_APIC,
        interrupt(0xFF00, 0xFEE00072, 0, 0xFEE0200E, 0x4024),
        [
            [*IO_APIC, interrupt(0xFF00, 0xFEE00072, 0, 0xFEE0200D, 0x4024)],
            [*IO_APIC, interrupt(0xFF00, 0xFEE00072, 0, 0xFEE0300E, 0x4024)],
            [*IO_APIC, interrupt(0xFF00, 0xFEE00072, 0, 0xFEE0200E, 0x4025)],
            [*IO_APIC, interrupt(0xFF00, 0xFEE00070, 0, 0xFEE0200E, 0x4024)],
        ],
    ),
    Case(
        "large page over the interrupt range is refused as a whole",
        LARGE_PAGE,
        LARGE_PAGE_REFUSED,
        [
            [*LARGE_PAGE, refused(0x80C0000010, 0, 0xC)],
            # A page of 1 GiB beside the one that holds 0xfee00000, and one of 2 MiB that begins after the range.
            [*TRANSLATED, memory(0xFA47018, "8300008000000000"), LARGE_PAGE_REFUSED],
            [
                *TRANSLATED,
                memory(0xFA47018, "0350a40f00000000"),
                memory(0xFA45000, "830000ff00000000"),
                LARGE_PAGE_REFUSED,
            ],
        ],
    ),
    Case(
        "fault 0xB is recorded though FPD=1",
        FPD,
        refused(0x2000, 1, 0xB),
        [
            [*FPD, refused(0x2000, 1, 0x3)],
            # AW = 7, which no unit has, is another fault: 0xC.
            [*DMA, memory(CONTEXT, "0330cd1f00000000070a000000000000"), refused(0x2000, 1, 0xC)],
            [*DMA, memory(CONTEXT, "1130cd1f00000000020a000000000000"), refused(0x2000, 1, 0xB, fpd=True)],
        ],
    ),
    Case(
        "pass-through is not checked against the address width",
        PASS_THROUGH,
        permitted(0x1000000000000, 0, 0x1000000000000),
        [
            [*PASS_THROUGH, permitted(0x1000000000000, 0, 0x2000000000000)],
            [*PASS_THROUGH, refused(0x1000000000000, 0, 0x5)],
            [*TRANSLATED, permitted(0x1000000000000, 0, 0x1000000000000)],
        ],
    ),
    Case(
        "PV of a request without PASID is 0xffff",
        RECORDED,
        read(0x22C, 0xC0FFFF06),
        [
            [*RECORDED, read(0x22C, 0xC0FFFE06)],
            [*RECORDED, read(0x22C, 0xC0FFFF05)],
            [*RECORDED, read(0x22C, 0x40FFFF06)],
            [*RECORDED, read(0x21C, 0x00FFFF00)],
            [*RECORDED, read(0x230, 0x00FFFF00)],
        ],
    ),
    Case(
        "PV of a request without PASID is 0xffff",
        RECORDED,
        read(0x228, 0xC0FFFF0600000010, 8),
        [[*RECORDED, read(0x228, 0xC0FFFF0600000011, 8)], [*RECORDED, read(0x228, 0xC1FFFF0600000010, 8)]],
    ),
    Case(
        "upper address registers of the event messages read 0",
        [written(0x44, 0x1)],
        read(0x44, 0x0),
        [[written(0x44, 0x1), read(0x44, 0x2)], [written(0x40, 0x4), read(0x40, 0x0)]],
        WITH_EIM,
    ),
    Case(
        "upper address registers of the event messages read 0",
        [written(0xAC, 0x1)],
        read(0xAC, 0x0),
        [[written(0xAC, 0x1), read(0xAC, 0x2)], [written(0xA8, 0x4), read(0xA8, 0x0)]],
        WITH_EIM,
    ),
    Case(
        "fault records keep address bits above the largest table width",
        RECORDED_HIGH,
        read(0x220, 0x1000000001000, 8),
        [
            [*RECORDED_HIGH, read(0x220, 0x1000000002000, 8)],
            [*RECORDED_HIGH, read(0x220, 0x0, 8)],
            [*RECORDED_HIGH, read(0x228, 0xC001000400000010, 8)],
        ],
    ),
    Case(
        "fault records keep address bits above the largest table width",
        RECORDED_HIGH,
        read(0x224, 0x10000),
        [[*RECORDED_HIGH, read(0x224, 0x18000)]],
    ),
    Case(
        "domain-selective context-cache invalidation is reported as global",
        CONTEXT_INVALIDATION,
        read(0x28, 0x4800000000000000, 8),
        [
            [*CONTEXT_INVALIDATION, read(0x28, 0x5800000000000000, 8)],
            [*CONTEXT_INVALIDATION, read(0x28, 0x4000000000000000, 8)],
            [*CONTEXT_INVALIDATION, read(0x28, 0x6800000000000000, 8)],
            [*DEVICE_INVALIDATION, read(0x28, 0x6800000000000000, 8)],
            [written(0x28, 0xA000000000000000, 8), read(0x28, 0x3000000000000000, 8)],
        ],
    ),
]
MISSES = [
    pytest.param(case, lines, id=f"{number}-{case.name}-{miss}")
    for number, case in enumerate(CASES)
    for miss, lines in enumerate(case.misses)
]


def excepted(summary):
    return {(kind, name): count for kind, of_kind in summary.kinds.items() for name, count in of_kind.excepted.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_line_is_excepted_by_name(play, case):
    summary = play(*case.lines, header={**QEMU, **case.header})
    assert excepted(summary) == {(case.line["e"], case.name): 1}
    assert summary.differences == []
    assert summary.kinds[case.line["e"]].unequal == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_line_is_unequal_in_another_recording(play, case):
    summary = play(*case.lines, header={**QEMU, **case.header, "source": "a logic analyzer on real hardware"})
    assert excepted(summary) == {}
    assert summary.withdrawn == {}
    assert f"line {len(case.lines) + 1}" in {difference.partition(":")[0] for difference in summary.differences}
    assert summary.kinds[case.line["e"]].unequal == 1


@pytest.mark.parametrize(("case", "lines"), MISSES)
def test_near_miss_is_unequal(play, case, lines):
    summary = play(*lines, header={**QEMU, **case.header})
    assert excepted(summary) == {}
    assert f"line {len(lines) + 1}" in {difference.partition(":")[0] for difference in summary.differences}
    assert summary.kinds[lines[-1]["e"]].unequal == 1


def test_every_deviation_has_a_case():
    names = {value for name, value in vars(deviations).items() if name.isupper() and isinstance(value, str)}
    assert names == {case.name for case in CASES}


@pytest.mark.parametrize(
    ("source", "applies"), [("Linux; QEMU 7.2", True), ("oracle scenario queue seed 100", False), ("qemu", False)]
)
def test_applies_to(source, applies):
    assert deviations.applies_to(source) == applies


# Fault records that QEMU does not make


def test_fault_of_a_cached_translation_is_withdrawn(play):
    line = permitted(0x8000001010, 1, 0xF3E1010, perm=1, hit=True)
    summary = play(*READ_ONLY, line, read(0x34, 0x0), read(0x22C, 0x0), header=QEMU)
    name = "cached translation with fewer rights"
    assert summary.differences == []
    assert summary.withdrawn == {name: 1}
    # FSTS is compared; in the record F is, the rest is known to the unit alone.
    assert summary.kinds["r"] == Count(seen=2, compared=1, equal=1, excepted={name: 1})


def test_fault_of_an_interrupt_is_withdrawn(play):
    lines = (*DMA[:3], *ABSENT, interrupt_refused(0x0010, 0xFEE24B30, 0, 0x22))
    summary = play(*lines, read(0x34, 0x0), read(0x38, 0x0), header=QEMU)
    assert summary.equal
    assert summary.withdrawn == {"interrupt faults are not recorded": 1}
    assert summary.kinds["i"] == Count(seen=1, compared=1, equal=1)
    assert summary.kinds["r"] == Count(seen=2, compared=2, equal=2)


def test_fault_of_an_interrupt_stays_in_another_recording(play):
    lines = (*DMA[:3], *ABSENT, interrupt_refused(0x0010, 0xFEE24B30, 0, 0x22))
    summary = play(*lines, FAULT_MESSAGE, read(0x34, 0x2))
    assert summary.equal
    assert summary.withdrawn == {}
    assert play(*lines, read(0x34, 0x0)).differences == [
        "line 9: the unit sent 0x21 to 0xfee01004, the recording has no msi",
        "line 10: register 0x34 read 0x2, not 0x0 (mask 0xffffffff)",
    ]


def test_masked_event_of_a_withdrawn_fault_is_withdrawn(play):
    lines = (*ABSENT, interrupt_refused(0x0010, 0xFEE24B30, 0, 0x22))
    summary = play(*lines, read(0x38, 0x80000000), written(0x38, 0x0), header=QEMU)
    assert summary.equal


def test_overflow_by_a_withdrawn_fault_is_withdrawn(play):
    """The only record is taken by a DMA fault; that of the interrupt would set FSTS.PFO."""
    lines = (*RECORDED, *ABSENT, interrupt_refused(0x0100, 0xFEE24B30, 0, 0x22))
    summary = play(*lines, read(0x34, 0x2), read(0x22C, 0xC0FFFF06), header=QEMU)
    assert summary.differences == []
    assert summary.withdrawn == {"interrupt faults are not recorded": 1}
    assert summary.kinds["r"].equal == 1


def test_flag_of_a_withdrawn_fault_is_compared(play):
    lines = (*ABSENT, interrupt_refused(0x0010, 0xFEE24B30, 0, 0x22))
    assert play(*lines, read(0x22C, 0x80000022), header=QEMU).differences == [
        "line 7: register 0x22c read 0x22, not 0x80000022 (mask 0xffffffff)"
    ]


# Fault records that only QEMU makes

FOREIGN = [*LARGE_PAGE, LARGE_PAGE_REFUSED]
CLEAR = written(0x22C, 0x80000000)


@pytest.mark.parametrize(
    ("lines", "status", "record", "cleared"),
    [(FOREIGN, 0x2, 0xC0FFFF0E, 0x40FFFF0E), ([*FPD, refused(0x2000, 1, 0xB)], 0x2, 0x8000000B, 0xB)],
    ids=["large page", "FPD"],
)
def test_foreign_record_until_it_is_cleared(play, lines, status, record, cleared):
    name = {0xE: "large page over the interrupt range is refused as a whole"}.get(
        record & 0xFF, "fault 0xB is recorded though FPD=1"
    )
    reads = (read(0x34, status), read(0x22C, record))
    summary = play(*lines, FAULT_MESSAGE, *reads, CLEAR, read(0x34, 0x0), read(0x22C, cleared), header=QEMU)
    assert summary.differences == []
    assert summary.kinds["t"] == Count(seen=1, excepted={name: 1})
    assert summary.kinds["msi"] == Count(seen=1, excepted={name: 1})
    # Of the four reads, FSTS after the clearing can be compared.
    assert summary.kinds["r"] == Count(seen=4, compared=1, equal=1, excepted={name: 3})
    assert summary.withdrawn == {}


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ([FAULT_MESSAGE, FAULT_MESSAGE], "line 14: the unit sent no message, not 0x21 to 0xfee01004"),
        ([{**FAULT_MESSAGE, "data": "0x22"}], "line 13: the unit sent no message, not 0x22 to 0xfee01004"),
        ([{**FAULT_MESSAGE, "addr": "0xfee02004"}], "line 13: the unit sent no message, not 0x21 to 0xfee02004"),
        ([read(0x1C, 0x0)], "line 13: register 0x1c read 0xc0000000, not 0x0 (mask 0xffffffff)"),
        ([CLEAR, read(0x34, 0x2)], "line 14: register 0x34 read 0x0, not 0x2 (mask 0xffffffff)"),
        ([CLEAR, read(0x22C, 0xC0FFFF0E)], "line 14: register 0x22c read 0x0, not 0xc0ffff0e (mask 0xffffffff)"),
        ([CLEAR, FAULT_MESSAGE], "line 14: the unit sent no message, not 0x21 to 0xfee01004"),
        (
            [{"e": "mark", "text": "reset"}, read(0x34, 0x2)],
            "line 14: register 0x34 read 0x0, not 0x2 (mask 0xffffffff)",
        ),
        (
            [{"e": "mark", "text": "reset"}, read(0x22C, 0xC0FFFF0E)],
            "line 14: register 0x22c read 0x0, not 0xc0ffff0e (mask 0xffffffff)",
        ),
    ],
)
def test_foreign_record_explains_nothing_else(play, more, sentence):
    assert play(*FOREIGN, *more, header=QEMU).differences == [sentence]


@pytest.mark.parametrize("write", [written(0x22C, 0x0), written(0x220, 0x80000000), written(0x34, 0x1)])
def test_foreign_record_stays_after_other_writes(play, write):
    summary = play(*FOREIGN, write, read(0x34, 0x2), header=QEMU)
    assert summary.differences == []
    assert summary.kinds["r"].excepted.total() == 1


def test_suppressed_fault_leaves_no_foreign_record(play):
    with_fpd = memory(CONTEXT, "0330630200000000020a000000000000")
    line = {**LARGE_PAGE_REFUSED, "fpd": True}
    assert play(*LARGE_PAGE, with_fpd, line, read(0x34, 0x2), header=QEMU).differences == [
        "line 14: register 0x34 read 0x0, not 0x2 (mask 0xffffffff)"
    ]


def test_fault_beside_a_foreign_record_is_withdrawn(play):
    """QEMU has no room for it: its only record is taken."""
    lines = (*FOREIGN, FAULT_MESSAGE, refused(0x1000, 0, 0x6), read(0x34, 0x2), CLEAR, read(0x34, 0x0))
    summary = play(*lines, header=QEMU)
    name = "large page over the interrupt range is refused as a whole"
    assert summary.differences == []
    assert summary.withdrawn == {name: 1}
    assert summary.kinds["t"] == Count(seen=2, compared=1, equal=1, excepted={name: 1})


def test_fault_after_a_foreign_record_is_compared_again(play):
    lines = (*FOREIGN, FAULT_MESSAGE, CLEAR, refused(0x1000, 0, 0x6), FAULT_MESSAGE)
    summary = play(*lines, read(0x34, 0x2), read(0x228, 0x10), read(0x220, 0x1000, 8), header=QEMU)
    assert summary.differences == []
    assert summary.kinds["r"] == Count(seen=3, compared=3, equal=3)
    assert play(*lines, read(0x228, 0x11), header=QEMU).differences == [
        "line 17: register 0x228 read 0x10, not 0x11 (mask 0xffffffff)"
    ]
