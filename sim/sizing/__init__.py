"""Sizing without simulation: what caches of other sizes would do with the same requests."""
