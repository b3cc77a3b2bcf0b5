"""Random software, one layer on the other: registers, invalidation, what devices ask meanwhile, tables, controls."""
