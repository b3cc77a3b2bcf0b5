"""The whole unit in a simulator: plays the job that the file VTD_JOB names, and writes what came of it.

A job is a JSON object: `kind` names the module of tb.jobs that does it (any module, where it has a dot), `config` holds
the fields of UnitConfig, `result` and `progress` are files to be written, `waves` is the file that the simulator
writes, or null; the rest is the kind's own. The result is the kind's JSON object, or {"error": text,
"signal": the first that differed or "", "result": what the kind has of the clocks before, or null} with the test
failed.
"""

import importlib
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import Any

import cocotb

from model.arch import UnitConfig
from tb.check import CheckFailed, defect
from tb.players import Mismatch, Played, play_lockstep
from tb.testbench import Script, Testbench

PROGRESS_SECONDS = 0.25


class Progress:
    """Appends a JSON line to the progress file, not too often: clocks, requests, and what the script wants shown."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0.0
        self._parent = os.getppid()

    def __call__(self, bench: Testbench) -> None:
        if os.getppid() != self._parent:
            raise CheckFailed("whoever started the simulation is gone")
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PROGRESS_SECONDS
        line = {"clocks": bench.now, "requests": bench.device.finished} | bench.progress
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


@cocotb.test()
async def unit_matches_model(dut):
    job = json.loads(Path(os.environ["VTD_JOB"]).read_text())
    progress = Progress(Path(job["progress"]))

    async def player(bench: Testbench, script: Script, **options: Any) -> Played:
        return await play_lockstep(dut, bench, script, waves=job["waves"], progress=progress, **options)

    try:
        config = UnitConfig.from_mapping(job["config"])
        kind = job["kind"]
        run = importlib.import_module(kind if "." in kind else f"tb.jobs.{kind}").run
        result = await run(partial(Testbench, config), job, player)
    except Exception as error:
        # What a script or the comparison raises is for people; anything else is a defect of the bench, with its place.
        known = isinstance(error, CheckFailed | Mismatch)
        text = str(error) if known else defect(error)
        signal, until_then = getattr(error, "signal", ""), getattr(error, "result", None)
        _write(job, {"error": text, "signal": signal, "result": until_then})
        raise
    _write(job, result)


def _write(job: dict[str, Any], result: dict[str, Any]) -> None:
    Path(job["result"]).write_text(json.dumps(result))
