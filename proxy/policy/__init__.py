"""What may leave: rules compiled per endpoint and applied to a body."""
