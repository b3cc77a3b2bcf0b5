"""cocotb benches: every block in lockstep with its model."""
