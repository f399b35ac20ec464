"""Reads secrets from environment variables: `env:NAME`, or the file whose path is in `NAME_FILE`."""

from collections.abc import Mapping
from pathlib import Path

from proxy.credentials.file import read_file
from proxy.credentials.model import WHOLE, Document, UnreadableError, naming
from proxy.sensitive import Sensitive


class EnvProvider:
    """Reads a secret from an environment that is passed in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read from `environ`, which does not change while the process runs."""
        self._environ = environ

    def read(self, document: str) -> Document:
        """Return the secret in the variable `document`; see `Provider.read`.

        `NAME` and `NAME_FILE` together are refused, because either could be out of date.
        """
        value = self._environ.get(document)
        path = self._environ.get(document + "_FILE")
        if value is not None and path is not None:
            both = "the environment variable is set, and so is the one that ends in _FILE: remove one of them"
            raise UnreadableError(naming(both, document))
        if value is not None:
            return Document({WHOLE: Sensitive(value)}, fixed=True)
        if path:
            return read_file(Path(path))
        raise UnreadableError(naming("the environment variable is not set", document) + "; set it, or use a file: reference")
