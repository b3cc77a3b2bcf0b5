"""What the model tells of itself: where entries stand and why, what they permit, what becomes of faults, remedies."""

from itertools import pairwise

import pytest

from model.arch import CONDITIONS, QUEUE_ERRORS
from model.arch.encodings import IqeiCode
from model.reference import (
    AddressType,
    Check,
    Decision,
    DmaAccess,
    DmaRequest,
    Entry,
    InterruptRequest,
    Lookup,
    Memory,
    Recorded,
    Refusal,
    Selector,
    Sent,
    Unit,
)
from model.reference.steps import must_be_zero
from model.reference.unit import REFUSALS
from tests.model.reference.interrupts import (
    CFI,
    IRE,
    QUEUE,
    make_unit,
    place_irte,
    posted_irte,
    remapped_irte,
    remapping_unit,
    start_queue,
)

GCMD, RTADDR, PMEN, PLMBASE, PLMLIMIT, FSTS = 0x18, 0x20, 0x64, 0x68, 0x6C, 0x34
TE, SRTP = 1 << 31, 1 << 30
SOURCE = 0x3A0A


def walking_unit(**features) -> Unit:
    """Tables of 39 bits for one source: 0x80604abc has the indices 2, 3, 4; level 2 takes the write permission away."""
    memory = Memory()
    for address, value in (
        (0x13A0, 0x2001),
        (0x20A0, 0x3001),
        (0x20A8, 0x701),
        (0x3010, 0x4003),
        (0x4018, 0x5001),
        (0x5020, 0x7003),
    ):
        memory.write(address, 8, value)
    unit = make_unit(memory, **features)
    unit.write_register(RTADDR, 0x1000, size=8)
    unit.write_register(GCMD, SRTP)
    unit.write_register(GCMD, TE)
    return unit


def steps_of(
    unit: Unit, access: DmaAccess = DmaAccess.READ, address: int = 0x80604ABC, source_id: int = SOURCE
) -> list:
    steps: list = []
    unit.trace = steps.append
    unit.dma(DmaRequest(source_id, address, access))
    unit.trace = None
    return steps


@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=lambda condition: condition.name)
def test_every_condition_says_what_software_must_change(condition):
    assert condition.remedy.endswith(".")
    assert condition.remedy[0].isupper()
    assert len(condition.remedy.split()) >= 6
    assert condition.remedy != condition.text


def test_every_refusal_and_queue_error_says_what_software_must_change():
    assert set(REFUSALS) == set(Refusal) - {Refusal.FAULT}
    assert set(QUEUE_ERRORS) == set(IqeiCode) - {IqeiCode.NONE}
    assert all(code is error.code for code, error in QUEUE_ERRORS.items())
    remedies = [remedy for _, remedy in REFUSALS.values()] + [error.remedy for error in QUEUE_ERRORS.values()]
    assert all(remedy.endswith(".") and len(remedy.split()) >= 6 for remedy in remedies)


def test_lookups_say_where_entries_stand_and_why_there():
    lookups = [step for step in steps_of(walking_unit()) if isinstance(step, Lookup)]
    assert [(at.table, at.base, at.base_from, at.index, at.selectors) for at in lookups] == [
        ("root table", 0x1000, "RTADDR.RTA", 0x3A, (Selector("source-id", 15, 8),)),
        ("context table", 0x2000, "CTP of the root-entry", 0x0A, (Selector("source-id", 7, 0),)),
        ("level 3 table", 0x3000, "SSPTPTR of the context-entry", 2, (Selector("address", 38, 30),)),
        ("level 2 table", 0x4000, "ADDR of the level 3 entry", 3, (Selector("address", 29, 21),)),
        ("level 1 table", 0x5000, "ADDR of the level 2 entry", 4, (Selector("address", 20, 12),)),
    ]


def test_every_lookup_is_followed_by_its_entry():
    steps = steps_of(walking_unit())
    for lookup, entry in pairwise(steps):
        if isinstance(lookup, Lookup):
            assert isinstance(entry, Entry)
            assert entry.address == lookup.base + lookup.index * entry.size


@pytest.mark.parametrize(
    ("place", "entry", "form", "misplaced"),
    [
        (0x4018, 0x600883, "SECOND_STAGE_PDE_2M", 0),
        (0x4018, 0x601083, "SECOND_STAGE_PDE_2M", 1 << 12),
        (0x3010, 0x40000883, "SECOND_STAGE_PDPE_1G", 0),
        (0x3010, 0x60000083, "SECOND_STAGE_PDPE_1G", 1 << 29),
        (0x3010, 0x4003, "SECOND_STAGE_PDPE", 0),
    ],
)
def test_entry_is_told_in_the_form_that_ps_says(place, entry, form, misplaced):
    """Bit 7 is PS; bit 11 of a page is SNP; bits 20:12 of 2 MiB and 29:12 of 1 GiB are reserved. Rule 6.3."""
    unit = walking_unit()
    unit.memory.write(place, 8, entry)
    steps = steps_of(unit)
    assert [step.structure.name for step in steps if isinstance(step, Entry) and step.address == place] == [form]
    assert [step.blame for step in steps if isinstance(step, Check) and step.rule == "LSS.2"] == [misplaced] * (
        misplaced > 0
    )


def test_permissions_so_far_and_who_took_them_away():
    checks = [s for s in steps_of(walking_unit()) if isinstance(s, Check) and s.permissions is not None]
    assert [(check.permissions, check.blame) for check in checks] == [(3, 0), (1, 2), (1, 0)]


@pytest.mark.parametrize(
    ("level_2", "level_1", "access", "missing"),
    [
        (1, 3, DmaAccess.READ, 0),
        (1, 3, DmaAccess.WRITE, 2),
        (1, 3, DmaAccess.ATOMIC, 2),
        (1, 3, DmaAccess.ZERO_LENGTH_READ, 0),
        (2, 3, DmaAccess.ZERO_LENGTH_READ, 0),
        (1, 2, DmaAccess.ZERO_LENGTH_READ, 3),
        (1, 2, DmaAccess.ATOMIC, 3),
        (3, 0, DmaAccess.READ, 1),
        (3, 0, DmaAccess.ATOMIC, 3),
        (3, 0, DmaAccess.ZERO_LENGTH_READ, 3),
    ],
)
def test_what_a_request_lacks(level_2, level_1, access, missing):
    """Bit 0 is read, bit 1 write; a zero-length read needs one of them, an AtomicOp both. Rules 3.9, 6.4."""
    unit = walking_unit()
    unit.memory.write(0x4018, 8, 0x5000 | level_2)
    unit.memory.write(0x5020, 8, 0x7000 | level_1)
    assert [step for step in steps_of(unit, access) if isinstance(step, Check)][-1].missing == missing


@pytest.mark.parametrize(("level_2", "level_1"), [(3, 0), (1, 3), (2, 3), (1, 2)])
def test_atomic_op_is_advised_to_have_both_permissions(level_2, level_1):
    unit = walking_unit()
    unit.memory.write(0x4018, 8, 0x5000 | level_2)
    unit.memory.write(0x5020, 8, 0x7000 | level_1)
    remedy = steps_of(unit, DmaAccess.ATOMIC)[-1].remedy
    assert remedy.startswith("Map the address for reading and writing")
    assert "R and W to be 1" in remedy
    unit.memory.write(0x5020, 8, 0x7000)
    assert steps_of(unit, DmaAccess.WRITE)[-1].remedy == CONDITIONS["LGN.2"].remedy


@pytest.mark.parametrize(
    ("tt", "features", "text"),
    [
        (1, {}, "TT = 1, device-TLB requests, needs ECAP.DT, which is 0"),
        (2, {"pt": False}, "TT = 2, pass-through, needs ECAP.PT, which is 0"),
        (3, {}, "TT = 3 is reserved"),
    ],
)
def test_translation_type_that_is_refused_says_why(tt, features, text):
    """TT is in bits 3:2 of the context-entry. Rule 4.3."""
    unit = walking_unit(**features)
    unit.memory.write(0x20A0, 8, 0x3001 | tt << 2)
    (check,) = [step for step in steps_of(unit) if isinstance(step, Check)]
    assert (check.text, check.rule, check.blame) == (text, "LCT.4.2", 0b1100)


# Walking units have a table of 39 bits. Bits 66:64 of the context-entry are AW. Rule 4.7.
@pytest.mark.parametrize(
    ("features", "bit", "text", "blame", "wider"),
    [
        ({}, 39, "the address has more than the 39 bits of AW", 7 << 64, True),
        ({"sagaw": (39,)}, 39, "the address has more than the 39 bits of AW", 7 << 64, False),
        ({"mgaw": 48}, 47, "the address has more than the 39 bits of AW", 7 << 64, True),
        ({"mgaw": 48}, 48, "the address has more than the 39 bits of AW", 7 << 64, False),
        ({"haw": 38, "mgaw": 38}, 38, "the address has more than the 38 bits of CAP.MGAW", 0, False),
    ],
)
def test_limit_of_an_address_that_is_too_wide(features, bit, text, blame, wider):
    """A wider table is advised only where this unit has one that would do."""
    steps = steps_of(walking_unit(**features), address=1 << bit)
    check = [step for step in steps if isinstance(step, Check)][-1]
    assert (check.text, check.rule, check.blame) == (text, "LGN.1.1", blame)
    assert ("wider table" in steps[-1].remedy) == wider


def test_refused_write_is_recorded_and_has_a_remedy():
    unit = walking_unit()
    recorded, decision = steps_of(unit, DmaAccess.WRITE)[-2:]
    assert (recorded.text, recorded.record) == ("recorded in FRCD[0]", 0)
    assert isinstance(decision, Decision)
    assert (decision.permitted, decision.condition, decision.code) == (False, "LGN.2", 5)
    assert decision.remedy == CONDITIONS["LGN.2"].remedy


def test_second_fault_is_recorded_in_the_next_record():
    unit = walking_unit()
    steps = [step for _ in range(2) for step in steps_of(unit, DmaAccess.WRITE) if isinstance(step, Recorded)]
    assert [(step.text, step.record) for step in steps] == [("recorded in FRCD[0]", 0), ("recorded in FRCD[1]", 1)]


@pytest.mark.parametrize(
    ("features", "faults", "text"),
    [
        ({"nfr": 1}, 1, "not recorded: FRCD[0] still holds an older fault, so FSTS.PFO is set"),
        ({"nfr": 1}, 2, "not recorded: FSTS.PFO is 1, so faults are dropped until software clears it"),
        ({"collapse_faults": True}, 1, "not recorded: source-id 0x3a0a has a record already"),
    ],
)
def test_fault_that_is_not_recorded_says_why(features, faults, text):
    unit = walking_unit(**features)
    for _ in range(faults):
        steps_of(unit, DmaAccess.WRITE)
    (recorded,) = [step for step in steps_of(unit, DmaAccess.WRITE) if isinstance(step, Recorded)]
    assert (recorded.text, recorded.record) == (text, None)


def test_fault_of_an_entry_with_fpd_says_why_it_is_not_recorded():
    unit = walking_unit()
    unit.memory.write(0x20A0, 8, 0x3003)
    (recorded,) = [step for step in steps_of(unit, DmaAccess.WRITE) if isinstance(step, Recorded)]
    assert recorded.text == "not recorded: FPD is 1 in the entry that was used"
    assert unit.read_register(FSTS) == 0


@pytest.mark.parametrize(
    ("commands", "address", "rule"),
    [
        (0, 0xFEE0_1000, "rule 22.1"),
        (0, 0xFEE0_1010, "rule 22.1"),
        (IRE | CFI, 0xFEE0_1000, "rule 22.2"),
        (IRE | CFI, 0xFEE0_0010, "rule 22.5"),
    ],
)
def test_rule_that_permits_an_interrupt(commands, address, rule):
    """Bit 4 of the address: remappable format. CFI lets the compatibility format pass."""
    unit = remapping_unit(commands=commands)
    place_irte(unit, remapped_irte())
    steps: list = []
    unit.trace = steps.append
    unit.interrupt(InterruptRequest(SOURCE, address, 0))
    assert (steps[-1].permitted, steps[-1].rule) == (True, rule)


@pytest.mark.parametrize(
    ("context_entry", "commands", "address", "rule"),
    [
        (0x3001, TE, 0x80604ABC, "rule 9.2"),
        (0x3009, TE, 0x80604ABC, "rule 9.1"),
        (0x3001, 0, 0x80604ABC, "rule 3.3"),
        (0x3001, TE, 0xFEE0_0000, "rule 3.4"),
    ],
)
def test_rule_that_permits_a_dma(context_entry, commands, address, rule):
    """TT is in bits 3:2 of the context-entry, 2 is pass-through; no table is read in the interrupt range."""
    unit = walking_unit()
    unit.memory.write(0x20A0, 8, context_entry)
    unit.memory.write(0x20A8, 8, 0x701)
    unit.write_register(GCMD, commands)
    decision = steps_of(unit, DmaAccess.ZERO_LENGTH_READ, address)[-1]
    assert (decision.permitted, decision.rule) == (True, rule)


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        (1 << 318, "bit 318 must be 0 here and is 1"),
        (0b101 << 12, "bits 12 and 14 must be 0 here and are 1"),
        (0b11 << 12, "bits 13:12 must be 0 here and are 1"),
        (0xFF << 24 | 1 << 9 | 0b11, "bits 1:0, 9 and 31:24 must be 0 here and are 1"),
    ],
)
def test_reserved_bits_are_told_by_their_numbers(bits, text):
    check = must_be_zero(bits, "LSS.2")
    assert (check.text, check.rule, check.blame) == (text, "LSS.2", bits)


def test_notification_is_called_so():
    unit = remapping_unit()
    place_irte(unit, posted_irte(descriptor=0x9000))
    steps: list = []
    unit.trace = steps.append
    unit.interrupt(InterruptRequest(SOURCE, 0xFEE0_0010, 0))
    sent = [(step.text, step.rule) for step in steps if isinstance(step, Sent)]
    assert sent == [("send the notification 0x4000 to 0xfee00000", "rule 23.3")]


def test_refusal_without_a_fault_has_a_remedy():
    unit = walking_unit()
    for offset, value in ((PLMBASE, 0), (PLMLIMIT, 0), (PMEN, 1 << 31)):
        unit.write_register(offset, value)
    check, decision = steps_of(unit)[-2:]
    assert check.text == "host address 0x7abc is protected: PLMBASE and PLMLIMIT, 0x0 to 0x1fffff"
    assert (decision.condition, decision.code) == ("protected memory", None)
    assert "PMEN.EPM" in decision.remedy


def test_translated_request_blames_tt():
    unit = walking_unit()
    steps: list = []
    unit.trace = steps.append
    unit.dma(DmaRequest(SOURCE, 0x1000, DmaAccess.READ, address_type=AddressType.TRANSLATED))
    (check,) = [step for step in steps if isinstance(step, Check)]
    assert (check.rule, check.blame) == ("LCT.5", 0b1100)


def queue_steps(unit: Unit) -> list:
    steps: list = []
    unit.trace = steps.append
    unit.preview_queue()
    unit.trace = None
    return [step for step in steps if isinstance(step, Entry | Decision)]


def test_preview_tells_of_descriptors_and_does_none():
    """Type 0 stops the queue at its second descriptor; two follow. IQT is at 0x88."""
    unit = make_unit()
    start_queue(unit, [])
    for at, descriptor in enumerate((0x11, 0x0, 0x4, 0x9000 << 64 | 7 << 32 | 0x25)):
        unit.memory.write(QUEUE + at * 16, 16, descriptor)
    unit.write_register(0x88, 0x40, size=8)
    before = [unit.read_register(offset, 8) for offset in range(0, 0x100, 8)]
    steps = queue_steps(unit)
    assert [step.text for step in steps if isinstance(step, Entry)] == ["wrong", "waits", "waits"]
    assert [step.address for step in steps if isinstance(step, Entry)] == [QUEUE + 16, QUEUE + 32, QUEUE + 48]
    assert [step.text.split(":")[0] for step in steps if isinstance(step, Decision)] == [
        "the queue is stopped, FSTS.IQE is 1, since a queue error",
        "would be a queue error",
    ]
    assert {step.condition for step in steps if isinstance(step, Decision)} == {"IQEI 3"}
    assert [unit.read_register(offset, 8) for offset in range(0, 0x100, 8)] == before
    assert unit.memory.read(0x9000, 4) == 0


def test_preview_of_a_tail_out_of_place_ends():
    unit = make_unit()
    start_queue(unit, [])
    unit.write_register(0x88, 0x1000, size=8)
    assert [step.condition for step in queue_steps(unit)] == ["IQEI 1", "IQEI 1"]


def test_preview_tells_the_error_that_stands_not_one_of_its_own():
    unit = make_unit()
    start_queue(unit, [])
    unit.write_register(0x88, 0x1000, size=8)
    unit.memory.write(QUEUE, 16, 0x11)
    unit.write_register(0x88, 0x20, size=8)
    decisions = [step for step in queue_steps(unit) if isinstance(step, Decision)]
    assert [step.condition for step in decisions] == ["IQEI 1", "IQEI 3"]
    assert decisions[0].remedy == QUEUE_ERRORS[IqeiCode.TAIL_BEYOND_QUEUE].remedy


def test_status_write_that_fails_is_told_and_blames_the_status_address():
    """STADDR is in bits 127:66. What failed is no descriptor, so it has no structure. Rule 16.5."""
    unit = make_unit()
    unit.memory.fail(0x9000, 8)
    steps: list = []
    unit.trace = steps.append
    start_queue(unit, [0x9000 << 64 | 7 << 32 | 0x25])
    entry, check = steps[-2:]
    assert (entry.text, entry.structure, entry.address) == ("the status write fails", None, 0x9000)
    assert (check.rule, check.blame) == ("rule 16.5", (1 << 62) - 1 << 66)
    assert "the status write to 0x9000 fails" in check.text


@pytest.mark.parametrize(
    ("descriptor", "features", "text", "blame"),
    [
        (0x3, {}, "type 3 does not exist here", 0xE0F),
        (0x6, {}, "type 6 does not exist here", 0xE0F),
        (0x4, {"ir": False, "eim": False, "pi": False}, "type 4 does not exist here", 0xE0F),
        (0x1, {}, "type 1 with granularity 0 does not exist here", 0x30),
        (0x32, {"psi": False}, "type 2 with granularity 3 does not exist here", 0x30),
    ],
)
def test_what_is_blamed_of_a_descriptor_without_meaning(descriptor, features, text, blame):
    """TYPE is in bits 11:9 and 3:0, G in bits 5:4. Types 6 and 7 belong to abort-DMA mode. Rule 16.3."""
    unit = make_unit(**features)
    checks: list = []
    unit.trace = lambda step: checks.append(step) if isinstance(step, Check) else None
    start_queue(unit, [descriptor])
    assert [(check.text, check.blame) for check in checks] == [(text, blame)]


def test_descriptor_that_cannot_be_read_is_of_no_known_kind():
    unit = make_unit()
    unit.memory.fail(QUEUE, 8)
    entries: list = []
    unit.trace = lambda step: entries.append(step) if isinstance(step, Entry) else None
    start_queue(unit, [])
    unit.write_register(0x88, 0x10, size=8)
    assert [(entry.text, entry.structure) for entry in entries] == [("the read fails", None)]
