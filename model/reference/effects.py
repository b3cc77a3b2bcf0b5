"""What a descriptor of the invalidation queue asks for, in words (rule 15)."""

from model.arch import Structure, UnitConfig
from model.arch.encodings import ContextGranularity, DescriptorType, IotlbGranularity, PasidGranularity
from model.arch.structures import CONTEXT_CACHE_INV, IEC_INV, INV_WAIT, IOTLB_INV

__all__ = ["effect"]

CONTEXTS = {
    ContextGranularity.GLOBAL: "all cached context-entries are dropped",
    ContextGranularity.DOMAIN: "cached context-entries of domain {DID:#x} are dropped",
    ContextGranularity.DEVICE: "cached context-entries of domain {DID:#x} and source-id {SID:#06x}{but} are dropped",
}
FUNCTION_MASKS = ("", " but for bit 2", " but for bits 2:1", " but for bits 2:0")

TRANSLATIONS = {
    IotlbGranularity.GLOBAL: "all cached translations are dropped",
    IotlbGranularity.DOMAIN: "cached translations of domain {DID:#x} are dropped",
    IotlbGranularity.PAGE: "cached translations of domain {DID:#x} for {pages} from {address:#x} are dropped",
}

PASIDS = {
    PasidGranularity.DOMAIN: "of domain {DID:#x}",
    PasidGranularity.PASID: "of domain {DID:#x} and PASID {PASID:#x}",
    PasidGranularity.PASID_PAGES: "of domain {DID:#x} and PASID {PASID:#x}",
    PasidGranularity.GLOBAL_OR_PAGE: "of all domains",
}


def effect(config: UnitConfig, kind: DescriptorType, structure: Structure, descriptor: int) -> tuple[str, str]:
    """Return what a good descriptor does, and the rule that says so."""
    fields = structure.unpack(descriptor)
    if kind is DescriptorType.WAIT:
        return _wait(config, descriptor), "rule 16.5"
    if kind is DescriptorType.CONTEXT_CACHE:
        text = CONTEXTS[ContextGranularity(fields["G"])]
        return text.format(**fields, but=FUNCTION_MASKS[CONTEXT_CACHE_INV["FM"].of(descriptor)]), "rule 15"
    if kind is DescriptorType.IOTLB:
        return _translations(config, descriptor, fields), "rule 15"
    if kind is DescriptorType.INTERRUPT_ENTRY_CACHE:
        return _interrupt_entries(config, descriptor), "rule 15"
    if kind is DescriptorType.PASID_IOTLB and fields["G"] == PasidGranularity.GLOBAL_OR_PAGE:
        return f"translations of one page of PASID {fields['PASID']:#x} are dropped", "rule 15"
    return f"cached entries {PASIDS[PasidGranularity(fields['G'])].format(**fields)} are dropped", "rule 15"


def _translations(config: UnitConfig, descriptor: int, fields: dict[str, int]) -> str:
    """AM above CAP.MAMV counts as the whole domain (15.1, 28.7)."""
    granularity, mask = IotlbGranularity(fields["G"]), IOTLB_INV["AM"].of(descriptor)
    if granularity is IotlbGranularity.PAGE and mask > config.mamv:
        granularity = IotlbGranularity.DOMAIN
    pages = "1 page" if mask == 0 else f"{1 << mask} pages"
    address = IOTLB_INV["ADDR"].of(descriptor) >> mask << mask + 12
    return TRANSLATIONS[granularity].format(**fields, pages=pages, address=address)


def _interrupt_entries(config: UnitConfig, descriptor: int) -> str:
    """IM above ECAP.MHMV counts as global (28.7)."""
    index, mask = IEC_INV["IIDX"].of(descriptor), IEC_INV["IM"].of(descriptor)
    if not IEC_INV["G"].of(descriptor) or mask > config.mhmv:
        return "all cached interrupt entries are dropped"
    first = index >> mask << mask
    if mask == 0:
        return f"the cached interrupt entry of index {first:#x} is dropped"
    return f"cached interrupt entries of indices {first:#x} to {first + (1 << mask) - 1:#x} are dropped"


def _wait(config: UnitConfig, descriptor: int) -> str:
    parts = ["complete once all descriptors before it are"]
    if INV_WAIT["SW"].of(descriptor):
        address = INV_WAIT["STADDR"].in_place(descriptor) & (1 << config.haw) - 1
        parts.append(f"write status {INV_WAIT['STDATA'].of(descriptor):#x} to {address:#x}")
    if INV_WAIT["IF"].of(descriptor):
        parts.append("set ICS.IWC, and raise the completion event if it was 0")
    return "; ".join(parts)
