"""The configuration: its shape, and loading it."""
