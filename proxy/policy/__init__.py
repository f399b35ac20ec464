"""The policy engine: rules are compiled for each endpoint and caller, and applied to bodies, targets and headers."""
