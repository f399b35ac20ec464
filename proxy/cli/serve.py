"""`cio-sidecar serve`."""

from collections.abc import Mapping
from pathlib import Path

from proxy.cli.stores import providers
from proxy.clock import SystemClock
from proxy.config.source import Source
from proxy.credentials.slots import slots
from proxy.errors import ConfigError

NO_CREDENTIAL = (
    "names no credential, so nothing could be forwarded; name one, such as "
    'track: {site_id: "env:CIO_SITE_ID", api_key: "env:CIO_API_KEY"}'
)


def serve(config: Path | None, environ: Mapping[str, str]) -> int:
    """Serve the configuration until the process is told to stop; return its exit code.

    Raises:
        ConfigError: it cannot be served.
    """
    source = Source(config, environ, SystemClock())
    loaded = source.load()
    with loaded.places.placing():
        if not any(slots(loaded.config)):
            raise ConfigError(NO_CREDENTIAL, path="credentials")
        known = providers(loaded.config, environ)
        from proxy.app import run  # noqa: PLC0415 - a wrong configuration is told before the servers are loaded

        return run(loaded.config, known, source, lambda changed: providers(changed, environ), loaded.strangers)
