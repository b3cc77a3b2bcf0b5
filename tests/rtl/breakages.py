# ruff: noqa: E501  (one row of a table is one line)
"""Deliberate errors in the RTL, one small edit each, that the lockstep comparison must notice.

When a line of the RTL changes, the row that quotes it changes with it: the quoted text must occur exactly once.
"""

from pathlib import Path
from typing import NamedTuple

__all__ = ["BREAKAGES", "Breakage"]


class Breakage(NamedTuple):
    """`what` is wrong when `right`, in a file of `rtl`, reads `wrong`."""

    what: str
    file: str
    right: str
    wrong: str

    def apply(self, copy: Path) -> None:
        """Break the copy of the project at `copy`."""
        path = copy / "rtl" / self.file
        path.write_text(self.broken(path.read_text()))

    def broken(self, text: str) -> str:
        """Return the broken text of the file."""
        count = text.count(self.right)
        assert count == 1, (
            f"{self.right!r} must occur once in rtl/{self.file}, not {count} times; quote the line as it reads now "
            f"in the row {self.what!r} of tests/rtl/breakages.py"
        )
        return text.replace(self.right, self.wrong)


# fmt: off
BREAKAGES = (
    # Walks and what they check
    Breakage("reads need no read permission", "walk_step.py", "(reads & ~read) | (zero_length", "(zero_length"),
    Breakage("writes need no write permission", "walk_step.py", "Mux(writes & ~write, ", "Mux(0, "),
    Breakage("permissions of upper levels are lost", "walk_step.py", "following.table.write.eq(in_context | allowed[1])", "following.table.write.eq(1)"),
    Breakage("a walk goes on two levels below", "walk_step.py", "walk.table.level - 1)", "walk.table.level - 2)"),
    Breakage("reserved bits of second-stage entries pass", "walk_step.py", "with m.Elif(self._reserved):", "with m.Elif(Const(0)):"),
    Breakage("wide domain-ids pass", "walk_step.py", "(1 << domain_id.width) - (1 << config.domain_id_bits)", "0"),
    Breakage("AW does not limit the address", "walk_step.py", "above[min(width, config.mgaw)]", "above[config.mgaw]"),
    Breakage("HAW does not limit pass-through", "walk_step.py", "above[config.haw] & context.pass_through", "Const(0)"),
    Breakage("the reason of a reserved bit in a root-entry", "walk_step.py", "self._fault(m, FaultReason.ROOT_RESERVED_BITS,", "self._fault(m, FaultReason.CONTEXT_RESERVED_BITS,"),
    Breakage("FPD is ignored", "walk_step.py", "self._fault_processing_disable if qualified else 0", "0"),
    Breakage("walks get each other's entries", "walker.py", "_read(m, self._asked, returned.tag)", "_read(m, self._asked, returned.tag ^ 1)"),
    # Caches
    Breakage("a hit needs no write permission", "request_pipeline.py", "request.access, translation.read, translation.write)", "request.access, translation.read, 1)"),
    Breakage("a large page keeps too little of the address", "request_pipeline.py", "Mux(translation.level == 2, (1 << 9) - 1, 0)", "Mux(translation.level == 2, (1 << 8) - 1, 0)"),
    Breakage("pages outlive a global invalidation", "iotlb.py", "command.iotlb_global | (asked", "(asked"),
    Breakage("pages outlive an invalidation of their domain", "iotlb.py", "asked = command.iotlb_domain | (", "asked = ("),
    Breakage("pages outlive their invalidation", "iotlb.py", "(by_page & same_page)", "Const(0)"),
    Breakage("AM is ignored", "invalidation_descriptor.py", "below(iotlb.am, PAGE_BITS)", "Const(0, PAGE_BITS)"),
    Breakage("contexts outlive a global invalidation", "context_cache.py", "command.context_global | (wanted", "(wanted"),
    Breakage("contexts outlive an invalidation of their domain", "context_cache.py", "wanted = command.context_domain | (", "wanted = ("),
    Breakage("contexts outlive their invalidation", "context_cache.py", "command.context_device & same_device", "command.context_device & Const(0)"),
    Breakage("tables outlive a global invalidation", "paging_structure_cache.py", "command.iotlb_global | (in_domain", "(in_domain"),
    Breakage("tables outlive an invalidation of their domain", "paging_structure_cache.py", "in_domain & (command.iotlb_domain | ", "in_domain & ("),
    Breakage("tables outlive the invalidation of a page", "paging_structure_cache.py", "(by_page & in_page)", "Const(0)"),
    Breakage("IH is ignored", "paging_structure_cache.py", "by_page = command.iotlb_page & ~command.keep_tables", "by_page = command.iotlb_page"),
    Breakage("permissions of cached tables are lost", "walker.py", "self.table_fill.table.eq(step.following.table),", "self.table_fill.table.eq(step.following.table), self.table_fill.table.write.eq(1),"),
    # Epochs
    Breakage("walks are not awaited", "unit.py", "walker.older_epoch | ", ""),
    Breakage("answers are not awaited", "unit.py", " | outstanding.older\n            ),", "\n            ),"),
    Breakage("a request issued in the clock of the flip is not awaited", "outstanding.py", "unanswered.request.marked.eq(issued.older | self.flip)", "unanswered.request.marked.eq(0)"),
    Breakage("the older epoch fills the IOTLB", "request_pipeline.py", "verdict.fills & (item.epoch == self.epoch)", "verdict.fills"),
    Breakage("the older epoch fills the context-cache", "walker.py", "current & step.context_valid", "stepped & step.context_valid"),
    Breakage("the older epoch fills the paging-structure cache", "walker.py", "current & step.table_valid", "stepped & step.table_valid"),
    # Order and flow
    Breakage("reads overtake reads of their ID", "walker.py", "self._writes, self._reads & same_id", "self._writes, 0"),
    Breakage("writes overtake writes", "walker.py", "self._writes, self._reads & same_id", "self._writes & same_id, self._reads & same_id"),
    Breakage("reads starve", "request_pipeline.py", "may_write & ~(may_read & last_was_write)", "may_write"),
    Breakage("the last place of a FIFO is given twice", "request_pipeline.py", "(few[1] & (returns | ~enters))", "few[1]"),
    Breakage("a refused write goes out", "request_pipeline.py", "Mux(asks, goes, ~early.refused)", "Mux(asks, goes, ~early.refused | is_write(request))"),
    Breakage("a message in the middle of a burst", "axi/write_path.py", "self.message.valid & both_free & ~in_burst", "self.message.valid & both_free"),
    Breakage("RLAST in every beat of a refusal", "axi/read_path.py", "answer.p.beat.last.eq(refused.len == 0)", "answer.p.beat.last.eq(1)"),
    Breakage("WLAST one beat early", "axi/write_path.py", "Mux(in_burst, left == 0,", "Mux(in_burst, left == 1,"),
    Breakage("VALID is retracted", "axi/lite.py", "valid.eq((has_data & self.pushed) | stays)", "valid.eq(has_data & self.pushed)"),
    Breakage("READY is dropped", "axi/register_slice.py", "full.eq(stays), ready.eq(~stays)", "full.eq(stays), ready.eq(~stays & ~ready)"),
    Breakage("a payload changes while it waits", "axi/register_slice.py", "        with m.If(self.i.ready):\n            m.d.sync += [", "        m.d.sync += payload.eq(self.i.payload)\n        with m.If(self.i.ready):\n            m.d.sync += ["),
    Breakage("the last place of a FIFO is undefined", "axi/output_fifo.py", "shape=self._shape, depth=self.depth, init", "shape=self._shape, depth=self.depth - 1, init"),
    Breakage("a register without reset", "event_message.py", 'masked, pending = Signal(init=FECTL["IM"].reset), Signal()', 'masked, pending = Signal(init=FECTL["IM"].reset, reset_less=True), Signal(reset_less=True)'),
    Breakage("requests are counted over a reset", "outstanding.py", "busy = Signal(len(self.busy))", "busy = Signal(len(self.busy), reset_less=True)"),
    Breakage("a read overtakes messages", "axi/lite.py", "self.push.eq(accessed & pushes)", "self.push.eq(0)"),
    # Around the walk
    Breakage("the interrupt range is translated", "request_pipeline.py", "is_interrupt_range = is_in_interrupt_range(request.address)", "is_interrupt_range = Const(0)"),
    # Faults and events
    Breakage("PFO is not set", "fault_recorder.py", "overflow_left | (wanted & ~written)", "overflow_left"),
    Breakage("FRI is of the newest record", "fault_recorder.py", "with m.If(written & ~left.any()):", "with m.If(written):"),
    Breakage("IM is ignored", "event_message.py", "now_pending & ~now_masked", "now_pending"),
    # Invalidation queue and registers
    Breakage("the head stays", "invalidation_queue.py", "(self.head + size) & self._offset_mask", "self.head"),
    Breakage("the head moves twice", "invalidation_queue.py", "(self.head + size) & self._offset_mask", "(self.head + size + size) & self._offset_mask"),
    Breakage("a descriptor does not wait for the drain", "invalidation_queue.py", "self._done.eq(self.done)]\n            with m.If(self.done):", "self._done.eq(1)]\n            with m.If(Const(1)):"),
    Breakage("a completion comes before its status", "invalidation_queue.py", "self._done.eq(self._unanswered == 0)]\n            with m.If(self._unanswered == 0):", "self._done.eq(1)]\n            with m.If(Const(1)):"),
    Breakage("IQEI is that of reserved bits", "invalidation_descriptor.py", "self.code.eq(IqeiCode.INVALID_TYPE)", "self.code.eq(IqeiCode.RESERVED_BITS)"),
    Breakage("TES before the drain", "global_command.py", 'with m.State("Drain"), m.If(self.drain_done):', 'with m.State("Drain"), m.If(Const(1)):'),
    # Interrupts: entries and requests
    Breakage("the source of interrupts is not checked", "irte_check.py", "matches.eq(self._source_matches(entry))", "matches.eq(1)"),
    Breakage("SQ leaves out the wrong bits", "irte_check.py", "Cat(entry.sq == 3, entry.sq >= 2, entry.sq >= 1)", "Cat(entry.sq >= 1, entry.sq >= 2, entry.sq == 3)"),
    Breakage("first and last bus are swapped", "irte_check.py", "(entry.sid[8:] <= bus) & (bus <= entry.sid[:8])", "(entry.sid[:8] <= bus) & (bus <= entry.sid[8:])"),
    Breakage("reserved bits of IRTEs pass", "irte_check.py", "Mux(wants_post, posted, remapped | ", "Mux(wants_post, 0, "),
    Breakage("reserved delivery modes pass", "irte_check.py", " | ~known_mode", ""),
    Breakage("wide destinations pass in xAPIC mode", "irte_check.py", " | (wide & ~self.extended)", ""),
    Breakage("data of an interrupt go with a write", "axi/write_order.py", "order.push.payload.eq(leaves)", "order.push.payload.eq(0)"),
    Breakage("HAW does not limit descriptors", "irte_check.py", "config.reserved_mask(IRTE_POSTED) | beyond_haw", "config.reserved_mask(IRTE_POSTED)"),
    Breakage("FPD of IRTEs is ignored", "irte_check.py", "~passes & ~self.error & entry.fpd", "0"),
    Breakage("FPD of posted IRTEs is ignored", "interrupt_remapper.py", "suppressed=disabled", "suppressed=Const(0)"),
    Breakage("the destination of an IRTE is shifted in xAPIC mode", "irte_check.py", "Mux(self.extended, entry.dst, entry.dst[8:16])", "entry.dst"),
    Breakage("the subhandle is not added", "interrupt_remapper.py", "handle + Mux(address.shv, content.subhandle, 0)", "handle"),
    Breakage("data of an interrupt may be wide", "interrupt_remapper.py", "address.shv & content.must_be_zero.any()", "Const(0)"),
    Breakage("the interrupt table is twice as long", "interrupt_remapper.py", "came.index >> 1 >> self.table.size", "came.index >> 2 >> self.table.size"),
    Breakage("HAW does not limit the interrupt table", "interrupt_remapper.py", ".any() | place[-1]", ".any()"),
    Breakage("compatibility format passes with EIME", "interrupt_remapper.py", "self.table.extended | ~self.compatibility_enable", "~self.compatibility_enable"),
    Breakage("a part of a dword is an interrupt", "axi/write_path.py", "word_select(number, 4).all()", "word_select(number, 4).any()"),
    Breakage("a translated request is an interrupt", "axi/write_order.py", " & (request.address_type == UNTRANSLATED)", ""),
    Breakage("a request with PASID is an interrupt", "axi/write_order.py", "~(request.pasid_valid & self.translation_enable)", "1"),
    # Interrupts: cache and table
    Breakage("IRTEs outlive a global invalidation", "interrupt_entry_cache.py", "~(command.iec_global | (command.iec_index & (", "~((command.iec_index & ("),
    Breakage("IRTEs outlive their invalidation", "interrupt_entry_cache.py", "(command.iec_index & (different == 0))", "Const(0)"),
    Breakage("an invalidation by index is a global one", "invalidation_descriptor.py", "by_index = interrupts.g & (", "by_index = Const(0) & ("),
    Breakage("a faulty IRTE is kept", "interrupt_remapper.py", ".any() & ~check.refused", ".any()"),
    Breakage("interrupts are not awaited", "unit.py", "self._remapper.older_epoch | ", ""),
    Breakage("messages of the older epoch are not awaited", "unit.py", "older.eq(chosen[-1] & self._remapper.message_older)", "older.eq(0)"),
    Breakage("SIRTP does nothing", "global_command.py", "m.d.comb += self.latch_interrupt_table.eq(1)", "pass"),
    Breakage("SIRTP leaves the interrupt entry cache as it is", "global_command.py", "(step == Step.SIRTP) | ", "0 | "),
    Breakage("clearing IRE leaves the interrupt entry cache as it is", "global_command.py", " | ((step == Step.IRE) & ~command.ire)", ""),
    # Interrupts: order and answers
    Breakage("a message overtakes writes", "interrupt_remapper.py", "may_leave = first & self._fence_off(m)", "may_leave = first & (self._fence_off(m) | ~0)"),
    Breakage("the fence waits for nobody", "outstanding.py", "sent.mark.eq(self.fence)", "sent.mark.eq(0)"),
    Breakage("messages leave in the wrong order", "interrupt_remapper.py", "first.eq(first.rotate_left(1))", "first.eq(first.rotate_right(1))"),
    Breakage("a refused interrupt is answered OKAY", "interrupt_remapper.py", "self.answer.p.okay.eq((oldest & all_okay).any())", "self.answer.p.okay.eq(1)"),
    Breakage("a write overtakes a taken interrupt of its ID", "axi/write_order.py", "held.eq(self.pending | queued)", "held.eq(queued)"),
    Breakage("a write overtakes a waiting interrupt of its ID", "axi/write_order.py", "held.eq(self.pending | queued)", "held.eq(self.pending)"),
    # Interrupts: postings
    Breakage("a posting that is suppressed notifies", "poster.py", "wanted = job.urgent | ~sn", "wanted = job.urgent | 1"),
    Breakage("an urgent posting is suppressed", "poster.py", "wanted = job.urgent | ~sn", "wanted = ~sn"),
    Breakage("a notification that is outstanding is sent again", "poster.py", "notify.eq(~on & wanted)", "notify.eq(wanted)"),
    Breakage("an update that lost its race counts", "poster.py", "done = response == Response.EXOKAY if self.config.exclusive", "done = ~response[1] if self.config.exclusive"),
    Breakage("a vector is posted in another beat", "poster.py", "Mux(arriving == number,", "Mux(arriving == number ^ 1,"),
    Breakage("reserved bits of a descriptor pass", "poster.py", "with m.Elif(bad):", "with m.Elif(Const(0)):"),
    Breakage("a descriptor that cannot be read is posted to", "poster.py", "with m.If(failed | (before == ACCESS_ERROR)):", "with m.If(Const(0)):"),
    Breakage("the destination of xAPIC is that of x2APIC", "poster.py", "Mux(job.extended, destination, destination[8:16])", "destination"),
)
# fmt: on
