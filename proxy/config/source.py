"""Where a configuration is read from, again and again: its file, the files that it names, and the environment.

Files are watched by looking at them: a ConfigMap or Secret of Kubernetes changes by swapping a symbolic link far up the path,
which no watch on the file itself would tell.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.clock import Clock
from proxy.config.load import Loaded, load
from proxy.config.model import Config

# A file may be written twice within one step of the file system's clock, so one that was written a moment ago is read again.
SETTLED_SECONDS: Final = 2.0
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class _Look:
    """What a file was when it was looked at: what the system says of it, and a digest of what was in it.

    `settled` says that it can only have other content if the system says something else, too.
    """

    identity: tuple[int, ...]
    digest: bytes
    settled: bool


_MISSING: Final = _Look((), b"missing", settled=True)


class Source:
    """One configuration, read whenever `load` is called."""

    def __init__(self, file: Path | None, environ: Mapping[str, str], clock: Clock) -> None:
        """Read from `file`, if there is one, under the settings in `environ`."""
        self._file = file
        self._environ = environ
        self._clock = clock
        self._read: dict[Path, _Look] = {}  # as the files were when they were read
        self._last: dict[Path, _Look] = {}  # as they were when they were looked at last

    def load(self) -> Loaded:
        """Return the configuration as it is now. The files it is read from are those that `changed` looks at from now on.

        Raises:
            ConfigError: see `config.load.load`. The files that were read before are watched all the same.
        """
        self._read = {}
        try:
            loaded = load(self._file, self._environ, self._note)
            for path in _named(loaded.config):
                self._note(path)
        finally:
            self._last = dict(self._read)
        return loaded

    def _note(self, path: Path) -> None:
        """Look at a file before it is read: if it changes meanwhile, that is seen afterwards."""
        self._read[path] = _look(path, None, self._clock.wall())

    def changed(self) -> bool:
        """Say whether a file is another than when it was last read, and all are as they were at the call before this one.

        Blocks, but not for long.
        """
        now = self._clock.wall()
        last = self._last
        self._last = {path: _look(path, before, now) for path, before in last.items()}
        still = all(look.digest == last[path].digest for path, look in self._last.items())
        return still and any(look.digest != self._read[path].digest for path, look in self._last.items())


def _named(config: Config) -> list[Path]:
    """Return the files that a configuration names and that are read with it; not the secrets, which their own watch reads."""
    tls, inventory = config.outbound.tls, config.policy.inventory
    paths = [] if tls is None else [tls.certificate, tls.key]
    return paths if inventory is None or inventory.known is None else [*paths, inventory.known]


def _look(path: Path, before: _Look | None, now: float) -> _Look:
    try:
        status = path.stat()
        # The change time too: nobody can set it back.
        identity = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_mode
        if before is not None and before.settled and before.identity == identity:
            return before
        digest = _digest(path) if stat.S_ISREG(status.st_mode) else b"no file"
    except OSError:
        return _MISSING
    return _Look(identity, digest, settled=now - status.st_ctime > SETTLED_SECONDS)


def _digest(path: Path) -> bytes:
    """Return a digest of what is in a file, or a word for one that may not be read."""
    digest = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return b"forbidden"
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.digest()
