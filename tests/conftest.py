"""Plugins and fixtures for every test."""

pytest_plugins = ["tests.needs"]
