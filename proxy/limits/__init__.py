"""Customer.io's rate limits, kept on its behalf."""
