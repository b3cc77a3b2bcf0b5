"""A recording typed by hand: one device, one page that may be read, an interrupt entry, and a queue."""

import gzip
import json
from pathlib import Path

# Version 1.0; 48-bit addresses; tables of 39 and 48 bits; one fault record at 0x220; queue and interrupt remapping.
HEADER = {
    "format": "vtd-trace",
    "version": 1,
    "source": "typed by hand",
    "ver": "0x10",
    "cap": "0xd2008c222f0606",
    "ecap": "0xf00f4a",
}

# Requester 3a:01.2 is source-id 0x3a0a, in domain 7. Line numbers are those in the file; the header is line 1.
EVENTS = [
    {"e": "w", "o": "0x20", "s": 8, "v": "0x1000"},  # 2: RTADDR
    {"e": "w", "o": "0x18", "s": 4, "v": "0x40000000"},  # 3: GCMD.SRTP
    {"e": "w", "o": "0x18", "s": 4, "v": "0x80000000"},  # 4: GCMD.TE
    {"e": "r", "o": "0x1c", "s": 4, "v": "0xc0000000"},  # 5: GSTS, TES and RTPS
    {"e": "m", "a": "0x13a0", "d": "01200000000000000000000000000000"},  # 6: root entry, to 0x2000
    {"e": "m", "a": "0x20a0", "d": "01300000000000000207000000000000"},  # 7: context entry, 48 bits, to 0x3000
    {"e": "m", "a": "0x3008", "d": "0340000000000000"},  # 8: level 4, to 0x4000
    {"e": "m", "a": "0x4010", "d": "0350000000000000"},  # 9: level 3, to 0x5000
    {"e": "m", "a": "0x5018", "d": "0160000000000000"},  # 10: level 2, read only, to 0x6000
    {"e": "m", "a": "0x6020", "d": "0370000000000000"},  # 11: level 1, page 0x7000
    {  # 12: permitted
        "e": "t",
        "sid": "0x3a0a",
        "pasid": None,
        "a": "0x8080604abc",
        "w": 0,
        "ok": True,
        "pa": "0x7abc",
        "mask": "0xfff",
        "perm": 1,
    },
    {"e": "t", "sid": "0x3a0a", "pasid": None, "a": "0x8080604abc", "w": 1, "ok": False, "fr": "0x5"},  # 13
    {"e": "t", "sid": "0x3a0a", "pasid": None, "a": "0x8080604abc", "w": 2, "ok": False, "fr": "0x5"},  # 14
    {"e": "w", "o": "0xb8", "s": 8, "v": "0xa007"},  # 15: IRTA, 256 entries at 0xa000
    {"e": "w", "o": "0x18", "s": 4, "v": "0x81000000"},  # 16: GCMD.SIRTP
    {"e": "w", "o": "0x18", "s": 4, "v": "0x82000000"},  # 17: GCMD.IRE
    {"e": "m", "a": "0xa060", "d": "01004500000900000b3a040000000000"},  # 18: IRTE 6, for source-id 0x3a0b
    {"e": "i", "sid": "0x3a0a", "addr": "0xfee00098", "data": "0x2", "ok": False, "fr": "0x26"},  # 19: 4 + 2
    {"e": "w", "o": "0x90", "s": 8, "v": "0x8000"},  # 20: IQA
    {"e": "w", "o": "0x18", "s": 4, "v": "0x86000000"},  # 21: GCMD.QIE
    {"e": "m", "a": "0x8000", "d": "25000000630000000090000000000000"},  # 22: inv_wait, 0x63 to 0x9000
    {"e": "w", "o": "0x88", "s": 4, "v": "0x10"},  # 23: IQT
    {"e": "x", "a": "0x9000", "d": "63000000"},  # 24
    {"e": "mark", "text": "the end"},  # 25
]


def write_recording(path: Path, *events: object, header: object = HEADER) -> Path:
    """Write a recording of any events, and return its path."""
    lines = [header, *events]
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), mtime=0))
    return path
