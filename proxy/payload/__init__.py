"""Decodes bodies to JSON values and encodes them again without loss, within bounds of size, depth and work."""
