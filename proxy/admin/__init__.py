"""The operator's port: health and metrics."""
