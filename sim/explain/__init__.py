"""One request, register access or queue in words and pictures: what the unit read, why there, and what it decided.

`explain_event`, `explain_request`, `explain_interrupt` and `explain_queue` return an `Explanation`; `text` and
`picture` show it, and `Explanation.to_json` writes it down.
"""

from sim.explain.asking import (
    causes,
    explain_event,
    explain_interrupt,
    explain_queue,
    explain_request,
    parse_source_id,
)
from sim.explain.explanation import Explanation
from sim.explain.scene import ExplainError, Scene, scene_of_recording
from sim.explain.tables import scene_of_tables

__all__ = [
    "ExplainError",
    "Explanation",
    "Scene",
    "causes",
    "explain_event",
    "explain_interrupt",
    "explain_queue",
    "explain_request",
    "parse_source_id",
    "scene_of_recording",
    "scene_of_tables",
]
