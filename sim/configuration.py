"""Configurations that a person names: a preset, or a TOML file whose top level changes fields of the default one."""

import dataclasses
from pathlib import Path

from model.arch import ConfigError, UnitConfig
from model.arch.config import PRESETS
from sim.section import read_toml

__all__ = ["SIZES", "load_config", "with_sizes"]

# Fields that software does not see: a recording says nothing about them.
SIZES = (
    "iotlb_entries",
    "context_cache_entries",
    "paging_structure_cache_entries",
    "iec_entries",
    "interrupts",
    "exclusive",
    "walks",
    "parked",
    "id_bits",
    "data_bits",
)


def load_config(name: str) -> UnitConfig:
    """Return the configuration of a preset or a TOML file; ConfigError, one sentence, when there is none."""
    if name in PRESETS:
        return PRESETS[name]
    values = read_toml(Path(name), f"name a TOML file or one of {', '.join(PRESETS)}", ConfigError)
    try:
        return UnitConfig.from_mapping(values)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None


def with_sizes(config: UnitConfig, sizes: UnitConfig) -> UnitConfig:
    """Return `config` with all that software does not see taken from `sizes`."""
    return dataclasses.replace(config, **{name: getattr(sizes, name) for name in SIZES})
