"""A simulator of Customer.io for tests: it is as strict as the real service, and fails on request."""
