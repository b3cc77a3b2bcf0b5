# ruff: noqa: E501  (one row of a table is one line)
"""The ACPI table DMAR, by which firmware tells an operating system of remapping units and what is behind them.

Bits count from byte 0. Chapter "BIOS Considerations" of the specification.
"""

from model.arch.fields import Field, Kind, Structure

__all__ = [
    "ANDD",
    "ATSR",
    "DEVICE_SCOPE",
    "DMAR_HEADER",
    "DMAR_STRUCTURES",
    "DRHD",
    "RHSA",
    "RMRR",
    "SATC",
    "SCOPE_TYPES",
    "STRUCTURE_TYPES",
]

FIELD, RESERVED = Kind.FIELD, Kind.RESERVED

# fmt: off
DMAR_HEADER = Structure("DMAR_HEADER", 384, "DMA remapping reporting table, its head; the structures follow", fields=(
    Field("SIGNATURE"               ,   0, 32, FIELD, "ASCII DMAR"),
    Field("LENGTH"                  ,  32, 32, FIELD, "table length"),
    Field("REVISION"                ,  64,  8, FIELD, "1"),
    Field("CHECKSUM"                ,  72,  8, FIELD, "sum of bytes = 0"),
    Field("OEM_ID"                  ,  80, 48, FIELD),
    Field("OEM_TABLE_ID"            , 128, 64, FIELD),
    Field("OEM_REVISION"            , 192, 32, FIELD),
    Field("CREATOR_ID"              , 224, 32, FIELD),
    Field("CREATOR_REVISION"        , 256, 32, FIELD),
    Field("HAW"                     , 288,  8, FIELD, "host address width minus 1"),
    Field("INTR_REMAP"              , 296,  1, FIELD, "flag bit 0: interrupt remapping supported by the platform"),
    Field("X2APIC_OPT_OUT"          , 297,  1, FIELD, "flag bit 1"),
    Field("DMA_CTRL_PLATFORM_OPT_IN", 298,  1, FIELD, "flag bit 2"),
    Field("RSVD_383_299"            , 299, 85, RESERVED),
))

DRHD = Structure("DRHD", 128, "hardware unit definition; device scopes follow", fields=(
    Field("TYPE"           ,   0, 16, FIELD, "0"),
    Field("LENGTH"         ,  16, 16, FIELD, "16 + device scopes"),
    Field("INCLUDE_PCI_ALL",  32,  1, FIELD, "flag bit 0"),
    Field("RSVD_39_33"     ,  33,  7, RESERVED),
    Field("SIZE"           ,  40,  4, FIELD, "register set size: 2^SIZE 4-KiB pages (bits 3:0 of byte 5; byte was reserved before revision 4.0)"),
    Field("RSVD_47_44"     ,  44,  4, RESERVED),
    Field("SEGMENT"        ,  48, 16, FIELD, "PCI segment"),
    Field("REGISTER_BASE"  ,  64, 64, FIELD, "register set base address"),
))

RMRR = Structure("RMRR", 192, "memory that devices must reach though nobody mapped it; device scopes follow", fields=(
    Field("TYPE"      ,   0, 16, FIELD, "1"),
    Field("LENGTH"    ,  16, 16, FIELD, "24 + scopes"),
    Field("RSVD_47_32",  32, 16, RESERVED),
    Field("SEGMENT"   ,  48, 16, FIELD),
    Field("BASE"      ,  64, 64, FIELD, "4 KiB aligned"),
    Field("LIMIT"     , 128, 64, FIELD, "inclusive, last byte of a 4 KiB page"),
))

ATSR = Structure("ATSR", 64, "root ports that know device-TLBs; device scopes follow", fields=(
    Field("TYPE"      ,   0, 16, FIELD, "2"),
    Field("LENGTH"    ,  16, 16, FIELD, "8 + scopes"),
    Field("ALL_PORTS" ,  32,  1, FIELD, "flag bit 0"),
    Field("RSVD_47_33",  33, 15, RESERVED),
    Field("SEGMENT"   ,  48, 16, FIELD),
))

RHSA = Structure("RHSA", 160, "place of a unit in a machine of several nodes", fields=(
    Field("TYPE"            ,   0, 16, FIELD, "3"),
    Field("LENGTH"          ,  16, 16, FIELD, "20"),
    Field("RSVD_63_32"      ,  32, 32, RESERVED),
    Field("REGISTER_BASE"   ,  64, 64, FIELD),
    Field("PROXIMITY_DOMAIN", 128, 32, FIELD),
))

ANDD = Structure("ANDD", 64, "ACPI name of a device that is not found by PCI; the name follows, ended by a zero byte", fields=(
    Field("TYPE"              ,   0, 16, FIELD, "4"),
    Field("LENGTH"            ,  16, 16, FIELD, "8 + name"),
    Field("RSVD_55_32"        ,  32, 24, RESERVED),
    Field("ACPI_DEVICE_NUMBER",  56,  8, FIELD, "matched by device scope enumeration id"),
))

SATC = Structure("SATC", 64, "devices of the SoC with device-TLBs; device scopes follow", fields=(
    Field("TYPE"        ,   0, 16, FIELD, "5"),
    Field("LENGTH"      ,  16, 16, FIELD, "8 + scopes"),
    Field("ATC_REQUIRED",  32,  1, FIELD, "flag bit 0: ATC must be enabled for the listed devices"),
    Field("RSVD_47_33"  ,  33, 15, RESERVED),
    Field("SEGMENT"     ,  48, 16, FIELD),
))

DEVICE_SCOPE = Structure("DEVICE_SCOPE", 48, "device; its path follows, a (device, function) pair of bytes for each bridge below the start bus", fields=(
    Field("TYPE"          ,   0,  8, FIELD, "1 PCI endpoint, 2 PCI sub-hierarchy, 3 IOAPIC, 4 MSI-capable HPET, 5 ACPI namespace device"),
    Field("LENGTH"        ,   8,  8, FIELD, "6 + 2*path entries"),
    Field("FLAGS"         ,  16,  8, FIELD, "used by SIDP only (else reserved)"),
    Field("RSVD_31_24"    ,  24,  8, RESERVED),
    Field("ENUMERATION_ID",  32,  8, FIELD, "IOAPIC id / HPET number / ANDD device number"),
    Field("START_BUS"     ,  40,  8, FIELD),
))
# fmt: on

DMAR_STRUCTURES = (DMAR_HEADER, DRHD, RMRR, ATSR, RHSA, ANDD, SATC, DEVICE_SCOPE)

# TYPE of a remapping structure; the structures stand in the order of their types.
STRUCTURE_TYPES = {"DRHD": 0, "RMRR": 1, "ATSR": 2, "RHSA": 3, "ANDD": 4, "SATC": 5}

# TYPE of a device scope.
SCOPE_TYPES = {"endpoint": 1, "bridge": 2, "ioapic": 3, "hpet": 4, "namespace": 5}
