"""The commands of `vtd`, one file each; what is heavy to import is imported when a command runs."""
