"""The secrets the sidecar holds: where they are, and reading them."""
