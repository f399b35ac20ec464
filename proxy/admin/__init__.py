"""The operator's port: health, metrics and the keys that are in use."""
