"""Host memory behind the unit: a sparse image, parts of which can fail."""

from model.reference.memory import Memory, MemoryFault

__all__ = ["Memory", "MemoryFault"]
