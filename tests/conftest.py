"""Plugins, and what every test has in common, whatever the machine it runs on."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.needs", "tests.workers"]

# How long an example takes is a matter of what else the machine does; `timeout` in pyproject.toml ends a test that hangs.
settings.register_profile("any", settings(), deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any")

# Tests speak to loopback only. Where the environment names a proxy for the rest, SDKs would ask it for that as well.
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = ",".join(filter(None, (os.environ.get(_name), "localhost,127.0.0.1,::1")))
