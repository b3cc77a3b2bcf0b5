"""AXI shell of the unit: channels in and out, order of answers, registers over AXI4-Lite."""
