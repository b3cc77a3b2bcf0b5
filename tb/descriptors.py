"""Random descriptors for the invalidation queue: every type, every granularity, and what is wrong with them."""

from random import Random

from model.arch import UnitConfig

__all__ = ["draw_descriptor", "draw_legal"]

ADDRESS_EDGES = (0, 1, 8, 9, 17, 18, 35, 36, 51)
STATUS_PAGE = 0x7_0000


def draw_legal(rng: Random, config: UnitConfig, *, pasids: bool = False) -> int:
    """Return a descriptor without faults; types with PASID are there only outside legacy mode."""
    makers = [_context_cache, _iotlb, _iotlb, _wait, _wait]
    makers += [_interrupt_entry_cache] * config.ir + [_pasid_iotlb, _pasid_cache] * pasids
    descriptor = rng.choice(makers)(rng)
    without_pages = not config.psi and descriptor & 0xF == 2
    return descriptor & ~(2 << 4) if without_pages and descriptor & 0x30 == 0x30 else descriptor


def draw_descriptor(rng: Random, config: UnitConfig, *, wide: bool, trouble: float) -> int:
    """Return a descriptor, with the likelihood of `trouble` one that differs from a legal one in a bit or in its type.

    That makes a wrong type, a wrong granularity, or a reserved bit, or just another descriptor.
    """
    descriptor = draw_legal(rng, config, pasids=rng.random() < trouble)
    if rng.random() >= trouble:
        return descriptor
    kind = rng.randrange(4)
    if kind == 0:
        return descriptor & ~0xE0F | rng.randrange(16) | rng.choice((0, 0, 1, 2, 4, 7)) << 9
    if kind == 1:
        return descriptor & ~0x30 | rng.choice((0, 0, 2)) << 4
    return descriptor ^ 1 << rng.choice((rng.randrange(12), rng.randrange(128), rng.randrange(256 if wide else 128)))


def _address(rng: Random) -> int:
    """Return address bits 63:12 in their place, and IH and AM below them."""
    page = rng.getrandbits(52) if rng.random() < 0.3 else 0
    page ^= 1 << rng.choice(ADDRESS_EDGES)
    return page << 12 | rng.getrandbits(1) << 6 | rng.choice((0, 0, 1, 9, 18, 19, 52, 63))


def _context_cache(rng: Random) -> int:
    return 1 | rng.randint(1, 3) << 4 | rng.getrandbits(32) << 16 | rng.getrandbits(2) << 48


def _iotlb(rng: Random) -> int:
    return 2 | rng.randint(1, 3) << 4 | rng.getrandbits(2) << 6 | rng.getrandbits(16) << 16 | _address(rng) << 64


def _interrupt_entry_cache(rng: Random) -> int:
    mask = rng.choice((0, 0, 1, 8, 15, 16, rng.getrandbits(5)))
    return 4 | rng.getrandbits(1) << 4 | mask << 27 | rng.getrandbits(16) << 32


def _wait(rng: Random) -> int:
    """IF, SW and FN by chance; often a status write and nothing else. High address bits are ignored."""
    flags = rng.choice((0b010, 0b010, 0b010, rng.getrandbits(3)))
    address = STATUS_PAGE + rng.randrange(16) * 4 | (rng.getrandbits(12) << 52 if rng.random() < 0.3 else 0)
    return 5 | flags << 4 | rng.getrandbits(32) << 32 | address << 64


def _pasid_iotlb(rng: Random) -> int:
    return 6 | rng.randint(2, 3) << 4 | rng.getrandbits(16) << 16 | rng.getrandbits(20) << 32 | _address(rng) << 64


def _pasid_cache(rng: Random) -> int:
    return 7 | rng.choice((0, 1, 3)) << 4 | rng.getrandbits(16) << 16 | rng.getrandbits(20) << 32
