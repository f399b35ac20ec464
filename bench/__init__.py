"""Measurements: `make bench`. Nothing here is a test; a figure only counts as a ratio to what was measured beside it."""
