"""Lines of recordings, good and bad, that the tests of the replay job put together."""

from tests.sim.handmade import EVENTS, HEADER

# Version 5.0 with two fault records and protected memory.
DEFAULT = {**HEADER, "ver": "0x50", "cap": "0xc8d2018c22780e66", "ecap": "0xf00fdb", "haw": 48}

DMA = EVENTS[:10]
READ = EVENTS[10]
WRITE = EVENTS[11]
UNMAPPED = {**WRITE, "w": 0, "a": "0x8080605abc", "fr": "0x6"}
ATOMIC = {**READ, "e": "ta", "op": "atomic", "ok": False, "fr": "0x5"}
ZERO_LENGTH = {**READ, "e": "ta", "op": "zlr"}
OTHER_WRITE = {**WRITE, "sid": "0x3a0b", "fr": "0x2"}  # its context-entry is not there
CONTEXT_WITH_FPD = {"e": "m", "a": "0x20a0", "d": "03300000000000000207000000000000"}
FAULT_EVENT = [
    {"e": "w", "o": "0x3c", "s": 4, "v": "0x21"},
    {"e": "w", "o": "0x40", "s": 4, "v": "0xfee01004"},
    {"e": "w", "o": "0x38", "s": 4, "v": "0x0"},
]
MESSAGE = {"e": "msi", "addr": "0xfee01004", "data": "0x21"}
INTERRUPTS = EVENTS[13:17]
INTERRUPT_REFUSED = EVENTS[17]
# Of 3a:01.3, and so not refused: vector 0x45 to processor 9.
REMAPPED = {**INTERRUPT_REFUSED, "sid": "0x3a0b", "ok": True, "oaddr": "0xfee09000", "odata": "0x4045"}
OTHER_ENTRY = {"e": "m", "a": "0xa070", "d": "01004600000900000b3a040000000000"}
OTHER_REMAPPED = {**REMAPPED, "data": "0x3", "odata": "0x4046"}
PASSED = {**REMAPPED, "data": "0x4321"}
# IRTE 6 posts vector 0x45 in the descriptor at 0xb000: notification 0x31 to processor 5.
POSTING = [
    *INTERRUPTS[:3],
    {**INTERRUPTS[3], "d": "0180450000b000000b3a040000000000"},
    {"e": "m", "a": "0xb000", "d": "00" * 34 + "310000050000" + "00" * 24},
]
POSTED = {"e": "i", "sid": "0x3a0b", "addr": "0xfee00098", "data": "0x2", "ok": True, "posted": True}
DESCRIPTOR = {"e": "x", "a": "0xb000", "d": "00" * 8 + "20" + "00" * 23 + "0100" + "310000050000" + "00" * 24}
NOTIFICATION = {"e": "msi", "addr": "0xfee05000", "data": "0x4031"}
QUEUE = EVENTS[18:23]
STATUS = {"e": "r", "o": "0x34", "s": 4}
WRITABLE = [{**EVENTS[8], "d": "0360000000000000"}, {**WRITE, "ok": True, "pa": "0x7abc", "mask": "0xfff", "perm": 3}]
