"""Bytes to JSON values and back, exactly."""
