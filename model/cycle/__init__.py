"""The clock-accurate golden model: one file for each file of rtl/, the same name, one `step()` per clock."""
