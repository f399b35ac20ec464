"""Keeps calls within Customer.io's rate limits."""
