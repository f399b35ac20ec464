"""`cio-sidecar serve`."""

from collections.abc import Mapping
from pathlib import Path

from proxy.cli.stores import providers
from proxy.clock import SystemClock
from proxy.config.source import Source


def serve(config: Path | None, environ: Mapping[str, str]) -> int:
    """Serve the configuration until the process is told to stop; return its exit code.

    Raises:
        ConfigError: it cannot be served.
    """
    source = Source(config, environ, SystemClock())
    loaded = source.load()
    with loaded.places.placing():
        known = providers(loaded.config, environ)
        from proxy.app import run  # noqa: PLC0415 - a wrong configuration is told before the servers are loaded

        return run(loaded.config, known, source, lambda changed: providers(changed, environ))
