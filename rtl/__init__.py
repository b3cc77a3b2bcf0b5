"""Synthesizable Amaranth: one file is one hardware block."""
