"""Reads secrets from files: `file:PATH`, as Kubernetes and Docker mount them."""

import errno
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from proxy.credentials.model import SECRET_MAX_BYTES, WHOLE, AbsentError, Document, UnreadableError, naming
from proxy.sensitive import Sensitive

# Two bytes more, for a line end. One further byte is read to detect a longer file.
_READ_MAX_BYTES = SECRET_MAX_BYTES + 2

_PROBLEMS: Mapping[int, str] = MappingProxyType(
    {
        errno.ENOENT: "there is no such file",
        errno.ENOTDIR: "there is no such file",
        errno.EACCES: "the sidecar has no permission to read the file",
        errno.EPERM: "the sidecar has no permission to read the file",
        errno.EISDIR: "it is a folder, not a file",
    }
)

_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})


class FileProvider:
    """Reads a secret from a regular file. Each call reads the file again."""

    def read(self, document: str) -> Document:
        """Return the secret in the file at the path `document`; see `Provider.read`."""
        return read_file(Path(document))


def read_file(path: Path) -> Document:
    """Return the secret in the file at `path`. It has no version date, because mounting a secret makes a new file.

    Raises:
        AbsentError: there is none.
        UnreadableError: it cannot be read, is not a regular file, is too long, or is not text.
    """
    try:
        raw = _bounded(path)
    except OSError as error:
        kind = AbsentError if error.errno in _ABSENT else UnreadableError
        raise kind(naming(reason(error), str(path))) from None
    if len(raw) > _READ_MAX_BYTES:
        raise UnreadableError(naming(f"the secret is longer than {SECRET_MAX_BYTES} bytes", str(path)))
    text: Sensitive[str] | None = None
    with suppress(UnicodeDecodeError):
        text = Sensitive(raw.decode())
    if text is None:  # said out here: the decoder's exception holds the bytes, and would be told along (promise G2)
        raise UnreadableError(naming("the file does not hold UTF-8 text", str(path)))
    return Document({WHOLE: text})


def _bounded(path: Path) -> bytes:
    """Return the first bytes of a regular file. It is opened without blocking, because a named pipe could block forever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError(naming("it is not a regular file", str(path)))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(_READ_MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """Return the reason why a file cannot be read, without its name."""
    return _PROBLEMS.get(error.errno or 0, "the file cannot be read")
