"""The FPGAs for which `vtd synth` measures: all of ECP5 and ECP5-5G with a speed grade 8, in one package."""

__all__ = ["DEFAULT_DEVICE", "DEVICES", "SPEED_GRADE"]

# As Lattice calls them and as nextpnr's option does. Those with 5G are for 1.2 V, and faster.
DEVICES = {
    "LFE5U-25F": "--25k",
    "LFE5U-45F": "--45k",
    "LFE5U-85F": "--85k",
    "LFE5UM5G-25F": "--um5g-25k",
    "LFE5UM5G-45F": "--um5g-45k",
    "LFE5UM5G-85F": "--um5g-85k",
}
DEFAULT_DEVICE = "LFE5U-85F"
SPEED_GRADE = "speed grade 8"
