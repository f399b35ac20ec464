"""A Customer.io to test against: strict where the real one is, and able to fail on request."""
