"""The folder that `vtd generate` hands over."""

import shutil
from collections.abc import Callable
from pathlib import Path

from model.arch import UnitConfig
from sim.building import unit_verilog
from sim.generate import WAIVERS, summary
from sim.handover.diagrams import write_diagrams
from sim.handover.documents import left_out, write_documents
from sim.handover.registers import write_registers

__all__ = ["STEPS", "write_handover"]

PROGRAM = Path(__file__).parent.parent / "data" / "program"


def write_handover(config: UnitConfig, folder: Path, on_step: Callable[[int], None] | None = None) -> None:
    """Write all files of a configuration into a folder; `on_step` is told how many of STEPS are done."""
    for number, step in enumerate(STEPS, 1):
        step(config, folder)
        if on_step:
            on_step(number)


def _write_verilog(config: UnitConfig, folder: Path) -> None:
    (folder / "vtd_unit.v").write_text(unit_verilog(config, core_port=False))
    (folder / "vtd_unit.vlt").write_text(WAIVERS)
    (folder / "summary.txt").write_text(summary(config))


def _write_program(config: UnitConfig, folder: Path) -> None:
    if "program" not in left_out(config):
        shutil.copytree(PROGRAM, folder / "program")


STEPS = (_write_verilog, write_registers, write_documents, write_diagrams, _write_program)
