"""Sizes inside the unit that are the same in every configuration; those that can be chosen are in UnitConfig."""

__all__ = [
    "MEMORY_DATA_BITS",
    "OUTPUT_DEPTH",
    "OUTSTANDING_LIMIT",
    "POST_ATTEMPTS",
    "QUEUE_TAGS",
    "SLOTS_LEFT",
    "STATUS_WRITES",
    "WALKS_IN_A_ROW",
    "WRITE_ORDER_DEPTH",
]

MEMORY_DATA_BITS = 128  # data of m_axi_mem: a root-entry, a context-entry, or a queued descriptor of 128 bits
QUEUE_TAGS = 8  # reads of the invalidation queue that may be in flight
SLOTS_LEFT = 3  # slots that requests of one direction leave to the other: as many as may be on their way to one
STATUS_WRITES = 7  # status writes of wait descriptors that may wait for their answers
POST_ATTEMPTS = 1024  # exclusive updates of a posted-interrupt descriptor that may be lost before it is refused
WRITE_ORDER_DEPTH = 32  # writes of devices whose data did not come yet
WALKS_IN_A_ROW = 8  # reads of walks that may overtake a waiting read of the queue
OUTPUT_DEPTH = 8  # issued requests that wait for memory's address channel
OUTSTANDING_LIMIT = 64  # requests of one direction and ID that may wait for their answers
