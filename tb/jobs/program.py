"""Job "program": a program in C on the unit, with registers, memory and devices around it."""

from pathlib import Path
from typing import Any

from tb.c_program import CProgram

__all__ = ["run"]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Run the shared library that `job` names; return its lines, its status, and what was compared."""
    program = CProgram(Path(job["library"]))
    played = await player(make_bench(), program.script)
    return {"lines": program.lines, "status": program.status, "played": played.to_json()}
