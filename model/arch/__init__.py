"""What the VT-d architecture fixes, declared once, at revision 5.10 of the specification.

`registers`, `structures` and `faults` are tables; `config` says which of their options a unit has.
"""

from model.arch.config import PRESETS, REGISTER_SPACE_BYTES, SECOND_STAGE_LEVELS, ConfigError, UnitConfig
from model.arch.faults import CONDITIONS, QUEUE_ERRORS, FaultCondition, FaultReason, QueueError
from model.arch.fields import Access, Field, Kind, Register, Structure
from model.arch.registers import REGISTERS
from model.arch.structures import STRUCTURES

__all__ = [
    "CONDITIONS",
    "PRESETS",
    "QUEUE_ERRORS",
    "REGISTERS",
    "REGISTER_SPACE_BYTES",
    "SECOND_STAGE_LEVELS",
    "STRUCTURES",
    "Access",
    "ConfigError",
    "FaultCondition",
    "FaultReason",
    "Field",
    "Kind",
    "QueueError",
    "Register",
    "Structure",
    "UnitConfig",
]
