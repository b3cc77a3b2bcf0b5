"""Golden models of the VT-d remapping unit and the declarations they share with the RTL."""
