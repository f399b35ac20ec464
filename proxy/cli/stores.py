"""Where secrets can be kept: the one place that names every provider. A new one is its own file, and a line here."""

from collections.abc import Mapping

from proxy.credentials.env import EnvProvider
from proxy.credentials.file import FileProvider
from proxy.credentials.model import Kind, Provider


def providers(environ: Mapping[str, str]) -> Mapping[Kind, Provider]:
    """Return who reads each kind of reference."""
    return {Kind.ENV: EnvProvider(environ), Kind.FILE: FileProvider()}
