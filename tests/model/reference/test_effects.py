"""What descriptors do, in words: rule 15, with the limits of rules 15.1 and 28.7."""

import pytest

from tests.model.reference.interrupts import make_unit, start_queue


def effects(descriptor: int, *, adms: bool = False, **features) -> str:
    """Do one descriptor and return what the trace says of it."""
    unit = make_unit(adms=adms, **features)
    if adms:
        unit.write_register(0x20, 3 << 10, size=8)  # RTADDR.TTM: abort-DMA
        unit.write_register(0x18, 1 << 30)
    texts: list[str] = []
    unit.trace = lambda step: texts.append(step.text)
    start_queue(unit, [descriptor], wide=adms)
    return texts[-1]


# Type in bits 3:0, G 5:4, DID 31:16, SID 47:32, FM 49:48; AM 69:64, ADDR 127:76; IM 31:27, IIDX 47:32.
@pytest.mark.parametrize(
    ("descriptor", "text"),
    [
        (0x11, "all cached context-entries are dropped"),
        (0x7_0021, "cached context-entries of domain 0x7 are dropped"),
        (0x3A0A_0007_0031, "cached context-entries of domain 0x7 and source-id 0x3a0a are dropped"),
        (0x2_3A0A_0007_0031, "cached context-entries of domain 0x7 and source-id 0x3a0a but for bits 2:1 are dropped"),
        (0x12, "all cached translations are dropped"),
        (0x7_0022, "cached translations of domain 0x7 are dropped"),
        (0x5000 << 64 | 0x7_0032, "cached translations of domain 0x7 for 1 page from 0x5000 are dropped"),
        (0x5002 << 64 | 0x7_0032, "cached translations of domain 0x7 for 4 pages from 0x4000 are dropped"),
        (0x5012 << 64 | 0x7_0032, "cached translations of domain 0x7 for 262144 pages from 0x0 are dropped"),
        (0x5013 << 64 | 0x7_0032, "cached translations of domain 0x7 are dropped"),  # AM above MAMV, 18
        (0x4, "all cached interrupt entries are dropped"),
        (0x25_0000_0014, "the cached interrupt entry of index 0x25 is dropped"),
        (0x25_0000_0014 | 3 << 27, "cached interrupt entries of indices 0x20 to 0x27 are dropped"),
        (0x25_0000_0014 | 16 << 27, "all cached interrupt entries are dropped"),  # IM above MHMV, 15
        (5, "complete once all descriptors before it are"),
    ],
)
def test_effect(descriptor, text):
    assert effects(descriptor) == text


@pytest.mark.parametrize(
    ("descriptor", "text"),
    [
        (0x7_0007, "cached entries of domain 0x7 are dropped"),
        (0x9_0007_0017, "cached entries of domain 0x7 and PASID 0x9 are dropped"),
        (0x37, "cached entries of all domains are dropped"),
        (0x9_0007_0026, "cached entries of domain 0x7 and PASID 0x9 are dropped"),
        (0x9_0007_0036, "translations of one page of PASID 0x9 are dropped"),
    ],
)
def test_effect_with_pasid(descriptor, text):
    assert effects(descriptor, adms=True) == text
