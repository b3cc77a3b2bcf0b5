# ruff: noqa: E501  (one row of a table is one line)
"""Deliberate errors in the model, one line each, and the tests that must notice them.

When a line of the model changes, the row that quotes it changes with it: the quoted text must occur exactly once.
"""

from pathlib import Path
from typing import NamedTuple

__all__ = ["BREAKAGES", "Breakage"]

DMA = "test_properties.py::test_dma_of_many_worlds_reaches_every_page_size"
INTERRUPTS = "test_properties.py::test_interrupts_of_many_worlds_reach_every_outcome"
SEQUENCES = "test_register_sequences.py::test_many_sequences_reach_every_state"
TRANSLATE = "test_translate.py"
SECOND_STAGE = "test_second_stage.py"
REMAP = "test_remap.py"
POST = "test_post.py"
CLASSIFY = "test_classify.py"
INVALIDATE = "test_invalidate.py"
INVALIDATE_QUEUE = "test_invalidate_queue.py"
INVALIDATE_REGISTERS = "test_invalidate_registers.py"
REGISTERS = "test_registers.py"
REGIONS = "test_protected_memory.py"


class Breakage(NamedTuple):
    """`what` is wrong when `right`, in a file of `model`, reads `wrong`; `seen_by` fails then."""

    what: str
    file: str
    right: str
    wrong: str
    seen_by: str

    def apply(self, copy: Path) -> None:
        """Break the copy of the project at `copy`."""
        path = copy / "model" / self.file
        text = path.read_text()
        count = text.count(self.right)
        assert count == 1, (
            f"{self.right!r} must occur once in model/{self.file}, not {count} times; quote the line as it reads now "
            f"in the row {self.what!r} of tests/model/reference/breakages.py"
        )
        path.write_text(text.replace(self.right, self.wrong))


# fmt: off
BREAKAGES = (
    # DMA: the walk
    Breakage("level 2 is indexed from bit 22", "reference/translate.py", "2: (21, SECOND_STAGE_PDE,", "2: (22, SECOND_STAGE_PDE,", DMA),
    Breakage("the context table is indexed by bus", "reference/translate.py", "table + (source_id & 0xFF)", "table + (source_id >> 8)", DMA),
    Breakage("permissions of all levels are ORed", "reference/translate.py", "permissions &= entry", "permissions |= entry", DMA),
    Breakage("only the leaf's permissions count", "reference/translate.py", "permissions &= entry", "permissions = entry", DMA),
    Breakage("an entry without R is not present", "reference/translate.py", "if not entry & (READ | WRITE):", "if not entry & READ:", DMA),
    Breakage("reserved bits of second-stage entries pass", "reference/translate.py", "if entry & form.reserved:", "if entry & form.reserved & 0:", DMA),
    Breakage("second-stage addresses beyond HAW pass", "reference/translate.py", 'reserved_mask(structure, "ADDR")', "reserved_mask(structure)", DMA),
    Breakage("context-table pointers beyond HAW pass", "reference/translate.py", 'reserved_mask(ROOT_ENTRY, "CTP")', "reserved_mask(ROOT_ENTRY)", DMA),
    Breakage("wide domain-ids pass", "reference/translate.py", "(1 << config.domain_id_bits)", "(1 << CONTEXT_DID.width)", DMA),
    Breakage("a large page keeps 12 bits of the address", "reference/translate.py", "offset = (1 << shift) - 1", "offset = (1 << PAGE_SHIFT) - 1", DMA),
    Breakage("AtomicOps need no read permission", "reference/translate.py", "WRITE if access is DmaAccess.WRITE else READ | WRITE", "WRITE", DMA),
    Breakage("CAP.ZLR is ignored", "reference/translate.py", "ZERO_LENGTH_READ and self._config.zlr:", "ZERO_LENGTH_READ:", DMA),
    Breakage("AW does not limit the address", "reference/translate.py", "min(width, self._config.mgaw)", "self._config.mgaw", TRANSLATE),
    Breakage("MGAW does not limit the address", "reference/translate.py", "min(width, self._config.mgaw)", "width", DMA),
    Breakage("HAW does not limit pass-through", "reference/translate.py", "if address >> self._config.haw:", "if address >> 64:", DMA),
    Breakage("pass-through needs no ECAP.PT", "reference/translate.py", "return self._config.pt", "return True", DMA),
    Breakage("an output in the interrupt range passes", "reference/translate.py", "if in_interrupt_range(result.address or 0):", "if in_interrupt_range(0):", DMA),
    # DMA: conditions, their order, and FPD
    Breakage("reserved bits come before P", "reference/translate.py", "if not CONTEXT_P.of(entry):", "if not CONTEXT_P.of(entry) and not entry & self._context_reserved:", TRANSLATE),
    Breakage("a read error at the top level is LSS.1", "reference/translate.py", '"LCT.4.3" if level == levels else "LSS.1"', '"LSS.1"', SECOND_STAGE),
    Breakage("an AtomicOp always lacks write permission", "reference/translate.py", '"LGN.2" if writes and not permissions & WRITE else', '"LGN.2" if writes else', SECOND_STAGE),
    Breakage("FPD of the context-entry is ignored", "reference/translate.py", "fault_processing_disable=bool(CONTEXT_FPD.of(context_entry))", "fault_processing_disable=False", TRANSLATE),
    Breakage("LCT.2 is not qualified", "arch/faults.py", '"LCT.2", FaultReason.CONTEXT_NOT_PRESENT, True', '"LCT.2", FaultReason.CONTEXT_NOT_PRESENT, False', TRANSLATE),
    Breakage("IR.22 is not qualified", "arch/faults.py", '"IR.22", FaultReason.IRTE_NOT_PRESENT, True', '"IR.22", FaultReason.IRTE_NOT_PRESENT, False', REMAP),
    # DMA: around the walk
    Breakage("a PASID passes in legacy mode", "reference/unit.py", "if request.pasid is not None:\n            raise Fault(\"RTA.2\")", "pass", CLASSIFY),
    Breakage("a PASID makes no difference in the interrupt range", "reference/unit.py", "without_pasid = request.pasid is None or not translating", "without_pasid = True", CLASSIFY),
    Breakage("with translation off, a PASID opens the interrupt range", "reference/unit.py", "without_pasid = request.pasid is None or not translating", "without_pasid = request.pasid is None", DMA),
    Breakage("only the first byte is compared with protected regions", "reference/protected_memory.py", "<= address + size - 1 and", "<= address and", REGIONS),
    Breakage("protected regions let DMA through", "reference/unit.py", "if self._protected_memory.blocks(result.address or 0, request.size):", "if False:", DMA),
    # Interrupts
    Breakage("SQ leaves out bits from bit 0", "reference/remap.py", "(0b000, 0b100, 0b110, 0b111)", "(0b000, 0b001, 0b011, 0b111)", INTERRUPTS),
    Breakage("the bus range is swapped", "reference/remap.py", "expected >> 8 <= source_id >> 8 <= expected & 0xFF", "expected & 0xFF <= source_id >> 8 <= expected >> 8", REMAP),
    Breakage("SVT = 11 is a bus range", "reference/remap.py", "if validation == SourceValidation.RESERVED:", "if False:", INTERRUPTS),
    Breakage("the index wraps at 16 bits", "reference/remap.py", "return handle + (SUBHANDLE.of(request.data) if SHV.of(request.address) else 0)", "return (handle + (SUBHANDLE.of(request.data) if SHV.of(request.address) else 0)) & 0xFFFF", INTERRUPTS),
    Breakage("one entry too many", "reference/remap.py", "if index >= table.entries or", "if index > table.entries or", INTERRUPTS),
    Breakage("entries beyond HAW are read", "reference/remap.py", " or place >> self._config.haw:", ":", INTERRUPTS),
    Breakage("21h comes before 20h", "reference/remap.py", "and MUST_BE_ZERO.of(request.data):", "and MUST_BE_ZERO.of(request.data) and interrupt_index(request) < table.entries:", REMAP),
    Breakage("EIME is ignored in the check of DST", "reference/remap.py", "(0 if extended else NOT_XAPIC_DESTINATION)", "0", INTERRUPTS),
    Breakage("reserved delivery modes pass", "reference/remap.py", " or DLM.of(irte) not in set(DeliveryMode):", ":", INTERRUPTS),
    Breakage("FPD of the IRTE is ignored", "reference/remap.py", "fault_processing_disable=bool(FPD.of(irte))", "fault_processing_disable=False", REMAP),
    Breakage("ECAP.EIMER is ignored", "reference/unit.py", "if self.config.eimer and not table.extended:", "if False:", INTERRUPTS),
    Breakage("ECAP.IRREQ is ignored", "reference/unit.py", "if self.config.irreq:", "if False:", INTERRUPTS),
    Breakage("EIME is ignored for compatibility format", "reference/unit.py", "if table.extended or not status & CFIS:", "if not status & CFIS:", INTERRUPTS),
    Breakage("destination bits 31:8 are lost", "reference/message.py", "DESTID_31_8=destination >> 8", "DESTID_31_8=0", INTERRUPTS),
    # Posting
    Breakage("ON is ignored", "reference/post.py", "notify = not ON.of(descriptor) and (", "notify = (", POST),
    Breakage("URG and SN are confused", "reference/post.py", '(IRTE_POSTED["URG"].of(irte) or not SN.of(descriptor))', '(SN.of(descriptor) or not IRTE_POSTED["URG"].of(irte))', INTERRUPTS),
    Breakage("ON is not set", "reference/post.py", "updated |= ON.mask", "updated |= 0", INTERRUPTS),
    Breakage("reserved bits of the descriptor pass", "reference/post.py", "if descriptor & reserved:", "if descriptor & reserved & 0:", POST),
    # Faults and events
    Breakage("PFO is not set", "reference/fault_recorder.py", "registers[FSTS] |= PFO.mask", "pass", SEQUENCES),
    Breakage("PFO does not stop recording", "reference/fault_recorder.py", "if registers[FSTS] & PFO.mask:", "if False:", SEQUENCES),
    Breakage("the ring of records does not wrap", "reference/fault_recorder.py", "(self._index + 1) % self._config.nfr", "min(self._index + 1, self._config.nfr - 1)", SEQUENCES),
    Breakage("the ring is not reset", "reference/fault_recorder.py", "if not self._registers[GSTS] & REMAPPING:", "if False:", SEQUENCES),
    Breakage("FRI stays 0", "reference/fault_recorder.py", "| PPF.mask | FRI.to(self._index)", "| PPF.mask", SEQUENCES),
    Breakage("every fault raises an event", "reference/fault_recorder.py", "self.status_changed()\n        if not was_pending:", "self.status_changed()\n        if True:", SEQUENCES),
    Breakage("PPF looks at record 0 alone", "reference/fault_recorder.py", "if not any(F.of(record) for record in self._registers.frcd):", "if not F.of(self._registers.frcd[0]):", SEQUENCES),
    Breakage("faults collapse in every unit", "reference/fault_recorder.py", "if self._config.collapse_faults and any(", "if any(", SEQUENCES),
    Breakage("an event outlives its reason", "reference/fault_recorder.py", "if not self._registers[FSTS] & EVENT_SOURCES:", "if False:", SEQUENCES),
    Breakage("IM is ignored", "reference/event_message.py", 'and not control & self._control["IM"].mask:', ":", SEQUENCES),
    # Invalidation queue and registers
    Breakage("IQH moves past a bad descriptor", "reference/invalidate.py", "self._recorder.report(IQE.mask)", "self._recorder.report(IQE.mask); registers[IQH] += 16", INVALIDATE_QUEUE),
    Breakage("IQH does not wrap", "reference/invalidate.py", "(self._registers[IQH] + queue.step) % queue.bytes", "self._registers[IQH] + queue.step", INVALIDATE_QUEUE),
    Breakage("IQH stays when the queue is disabled", "reference/invalidate.py", "self._registers[IQH] = 0", "pass", SEQUENCES),
    Breakage("IQEI stays when IQE is cleared", "reference/invalidate.py", 'self._registers[IQERCD] &= ~IQERCD["IQEI"].mask', "pass", SEQUENCES),
    Breakage("the wait descriptor writes no status", "reference/invalidate.py", 'if INV_WAIT["SW"].of(descriptor):', "if False:", INVALIDATE),
    Breakage("every wait raises an event", "reference/invalidate.py", "if not was_set:", "if True:", SEQUENCES),
    Breakage("reserved bits of descriptors pass", "reference/invalidate.py", "if descriptor & self._reserved[kind]:", "if descriptor & self._reserved[kind] & 0:", INVALIDATE),
    Breakage("MAMV itself is refused", "reference/invalidate.py", "> config.mamv:", ">= config.mamv:", INVALIDATE_REGISTERS),
    Breakage("write-only bits can be read", "reference/register_file.py", "(value & ~register.mask(Access.WO))", "value", REGISTERS),
    Breakage("a written 0 clears what 1 should clear", "reference/register_file.py", "register.mask(Access.RW1C, Access.RW1CS) & bits", "register.mask(Access.RW1C, Access.RW1CS) & ~bits", SEQUENCES),
    Breakage("an IRTA without EIM keeps EIME", "reference/register_file.py", '(-1 if config.eim else ~IRTA["EIME"].mask)', "-1", SEQUENCES),
)
# fmt: on
