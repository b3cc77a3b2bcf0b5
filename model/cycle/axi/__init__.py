"""Golden model of the AXI shell."""
