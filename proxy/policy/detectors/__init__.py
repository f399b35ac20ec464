"""Detectors of personal data and keys in values: numbers with checksums, addresses, keys, and the user's own patterns."""
