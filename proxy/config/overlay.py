"""The configuration's second source: the environment, which wins over the file.

* `CIO_SIDECAR_OUTBOUND__PORT=9000` sets `outbound.port`: two underscores stand between keys. The value is YAML, so also JSON.
* A name without two underscores sets a top-level key (`CIO_SIDECAR_REGION=eu`) or is not ours to judge: it may hold a secret
  that a reference names, or be one of those that Kubernetes sets for a Service.
* A variable replaces the whole value of its key; one that sets a key further inside is applied after it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from proxy.config.document import NotADocumentError, Plain, parse
from proxy.errors import ConfigError

PREFIX = "CIO_SIDECAR_"
SEPARATOR = "__"


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable of the environment: its name, the key path it sets, and the value."""

    name: str
    path: tuple[str, ...]
    value: Plain


def variable(path: Iterable[str]) -> str:
    """Return the name of the variable that sets the key at `path`."""
    return PREFIX + SEPARATOR.join(key.upper() for key in path)


def settings(environ: Mapping[str, str], top_level: Iterable[str]) -> Iterator[Setting | ConfigError]:
    """Find the variables that set a key, outer keys first; one that cannot be understood is a problem that names it."""
    sections = frozenset(top_level)
    found = (name for name in environ if name.startswith(PREFIX))
    for name in sorted(found, key=lambda name: (name.count(SEPARATOR), name)):
        path = tuple(name.removeprefix(PREFIX).lower().split(SEPARATOR))
        if len(path) == 1 and path[0] not in sections:
            continue
        if name != variable(path) or path[0] not in sections or "" in path:
            yield ConfigError("sets no key of the configuration; correct the name or unset it", file=name)
            continue
        try:
            yield Setting(name, path, parse(environ[name]).value)
        except NotADocumentError as error:
            yield ConfigError(f"{error.problem}; to give text as it is, put it in double quotes", file=name)


def merged(document: Mapping[str, Plain], setting: Setting) -> dict[str, Plain]:
    """Return `document` with the key that `setting` sets.

    Raises:
        ConfigError: a key on the way there holds something that has no keys.
    """
    return _with(document, setting.path, setting)


def _with(document: Mapping[str, Plain], path: tuple[str, ...], setting: Setting) -> dict[str, Plain]:
    key, *rest = path
    if not rest:
        return {**document, key: setting.value}
    inner = document.get(key)
    if inner is None:
        inner = {}
    if not isinstance(inner, Mapping):
        raise ConfigError("sets a key inside a value that has none; set the whole value, or unset it", file=setting.name)
    return {**document, key: _with(inner, tuple(rest), setting)}
