"""The sidecar's secrets: references to them, the stores they are read from, and their rotation."""
