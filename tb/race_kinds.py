"""What is raced: the requests, the pages they ask for, and the commands and controls in the middle of them."""

from dataclasses import dataclass
from typing import NamedTuple

from model.arch.encodings import ContextGranularity, IotlbGranularity

__all__ = [
    "COMMANDS",
    "CONTROLS",
    "DEVICES",
    "FAR",
    "FIRST",
    "KINDS",
    "KNOWN",
    "NEAR",
    "OTHER_PASSING",
    "PAGES",
    "PASSING",
    "PROBES",
    "UNKNOWN",
    "VICTIMS",
    "WARMING",
    "Kind",
    "Page",
    "Who",
]

# Functions of a device, chosen so that each function mask reaches one more of them.
COLD, WARM, PASSING, OTHER_PASSING = 0, 4, 6, 7
DEVICES = (COLD, WARM, PASSING, OTHER_PASSING)

# Regions have nothing in common but the top table.
NEAR, FAR, UNKNOWN = 1, 2, 3


class Page(NamedTuple):
    """A page of guest memory."""

    region: int
    number: int


KNOWN, BESIDE, UNTOUCHED = Page(NEAR, 0), Page(NEAR, 1), Page(NEAR, 2)
DISTANT, FIRST, AFTER_FIRST = Page(FAR, 0), Page(UNKNOWN, 0), Page(UNKNOWN, 1)
IN_BLOCK, IN_NEXT_BLOCK = Page(NEAR, 0x100), Page(NEAR, 0x200)
PAGES = (KNOWN, BESIDE, UNTOUCHED, IN_BLOCK, IN_NEXT_BLOCK, DISTANT, FIRST, AFTER_FIRST)


class Who(NamedTuple):
    """A request: of which function, to which page, in which direction."""

    function: int
    page: Page
    write: bool = False


# Walks from the root on, of an unknown page, and a second one that waits for the first; an IOTLB hit; a walk that
# begins at the lowest table; one that begins at the context; two that need no walk at all; and writes.
VICTIMS = (
    Who(COLD, FIRST),
    Who(COLD, FIRST),
    Who(WARM, KNOWN),
    Who(WARM, BESIDE),
    Who(WARM, DISTANT),
    Who(PASSING, KNOWN),
    Who(OTHER_PASSING, KNOWN),
    Who(WARM, KNOWN, True),
    Who(COLD, FIRST, True),
    Who(WARM, BESIDE, True),
)
PROBES = (
    *VICTIMS,
    Who(WARM, UNTOUCHED),
    Who(WARM, IN_BLOCK),
    Who(WARM, IN_NEXT_BLOCK),
    Who(COLD, AFTER_FIRST),
    Who(COLD, AFTER_FIRST, True),
)
WARMING = (Who(WARM, KNOWN), Who(PASSING, KNOWN), Who(OTHER_PASSING, KNOWN))


@dataclass(frozen=True)
class Kind:
    """What is done in the middle of the requests.

    `context` and `iotlb` are granularities, None without such a command; both: context first. `function_mask` is FM;
    `address_mask` and `hint` are AM and IH of two commands by page, one for the known page, one for the unknown one.
    `control`: one of CONTROLS in place of a command.
    """

    name: str
    context: ContextGranularity | None = None
    iotlb: IotlbGranularity | None = None
    function_mask: int = 0
    address_mask: int = 0
    hint: int = 0
    control: str = ""

    @property
    def large(self) -> bool:
        """Say whether the unknown page is one of 2 MiB, of which the command names another part."""
        return self.address_mask == 1

    def covers_function(self, function: int) -> bool:
        """Say whether a command for a context reaches the context-entry of a function."""
        if self.context is not ContextGranularity.DEVICE:
            return True
        return not (function ^ self.source_function) & ~(0, 0b100, 0b110, 0b111)[self.function_mask]

    @property
    def source_function(self) -> int:
        """Function of the source-id in the command: another one than meant, where the mask leaves that out."""
        return COLD ^ (0, 0b100, 0b110, 0b111)[self.function_mask]

    def covers_page(self, page: Page) -> bool:
        """Say whether a command reaches the translation of a page."""
        if self.iotlb is not IotlbGranularity.PAGE:
            return True
        if page.region == UNKNOWN and self.large:
            return True
        return page.region in (NEAR, UNKNOWN) and not page.number >> self.address_mask


GLOBAL, DOMAIN, DEVICE = ContextGranularity.GLOBAL, ContextGranularity.DOMAIN, ContextGranularity.DEVICE
BY_PAGE = IotlbGranularity.PAGE
COMMANDS = (
    Kind("context global", context=GLOBAL),
    Kind("context domain", context=DOMAIN),
    *(Kind(f"context device FM {mask}", context=DEVICE, function_mask=mask) for mask in range(4)),
    Kind("context device, then IOTLB domain", context=DEVICE, iotlb=IotlbGranularity.DOMAIN, function_mask=3),
    Kind("IOTLB global", iotlb=IotlbGranularity.GLOBAL),
    Kind("IOTLB domain", iotlb=IotlbGranularity.DOMAIN),
    *(
        Kind(f"IOTLB page AM {mask} IH {hint}", iotlb=BY_PAGE, address_mask=mask, hint=hint)
        for mask in (0, 1, 9, 18)
        for hint in (0, 1)
    ),
)
CONTROLS = tuple(Kind(name, control=name) for name in ("SRTP", "TE off", "TE on", "PMEN on", "PMEN off"))
KINDS = {kind.name: kind for kind in COMMANDS + CONTROLS}
