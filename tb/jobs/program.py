"""Job "program": a program in C on the unit, with registers, memory and devices around it."""

import json
from pathlib import Path
from typing import Any

from tb.c_program import CProgram

__all__ = ["run"]


async def run(make_bench: Any, job: dict[str, Any], player: Any) -> dict[str, Any]:
    """Run the shared library that `job` names, for at most its `clocks`; return its status, and what was compared.

    `lines` is a file to which each line that the program prints is written at once, as JSON: [clock, text].
    """
    with Path(job["lines"]).open("w", buffering=1) as file:
        program = CProgram(Path(job["library"]), lambda *line: print(json.dumps(line), file=file), clocks=job["clocks"])
        played = await player(make_bench(), program.script)
    return {"status": program.status, "played": played.to_json()}
