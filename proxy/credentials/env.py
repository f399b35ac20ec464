"""Secrets kept in the environment: `env:NAME`, or in the file that `NAME_FILE` names."""

from collections.abc import Mapping
from pathlib import Path

from proxy.credentials.file import read_file
from proxy.credentials.model import WHOLE, Document, UnreadableError, naming
from proxy.sensitive import Sensitive


class EnvProvider:
    """Reads a secret from an environment that is passed in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read from `environ`."""
        self._environ = environ

    def read(self, document: str) -> Document:
        """See `Provider.read`; both `NAME` and `NAME_FILE` is refused, since either could be the stale one."""
        value = self._environ.get(document)
        path = self._environ.get(document + "_FILE")
        if value is not None and path is not None:
            both = "the environment variable is set, and so is the one that ends in _FILE, one must go"
            raise UnreadableError(naming(both, document))
        if value is not None:
            return Document({WHOLE: Sensitive(value)}, fixed=True)
        if path:
            return read_file(Path(path))
        raise UnreadableError(naming("the environment variable is not set", document) + "; set it, or use a file: reference")
