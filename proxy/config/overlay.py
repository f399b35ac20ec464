"""The configuration's second source: the environment, which wins over the file.

* `CIO_SIDECAR_OUTBOUND__PORT=9000` sets `outbound.port`: two underscores stand between keys. The value is YAML, so also JSON.
* A variable replaces the whole value of its key; one that sets a key further inside is applied after it.
* A name that sets no key may be there for somebody else: for a reference, or from Kubernetes for a Service. Of the rest, one
  that is a key but for a slip of the pen, or that has two underscores, is a mistake: `CIO_SIDECAR_REGOIN=eu` would send the
  data of an account in the EU to the US. Others are only told of.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from proxy.config.document import NotADocumentError, Plain, parse
from proxy.config.values import Section
from proxy.errors import ConfigError

PREFIX = "CIO_SIDECAR_"
SEPARATOR = "__"
# Names the configuration file where no option does.
FILE_VARIABLE = f"{PREFIX}CONFIG"

_LINK = "_SERVICE_HOST"
_ENV_REFERENCE = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_SETS_NONE = "sets no key of the configuration"


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
    """Find the variables that set a key, outer keys first; a value that is not YAML is a problem that names its variable."""
    for name in sorted(environ, key=lambda name: (name.count(SEPARATOR), name)):
        path = _path(name, top_level)
        if not path:
            continue
        try:
            yield Setting(name, path, parse(environ[name]).value)
        except NotADocumentError as error:
            yield ConfigError(f"{error.problem}; to give text as it is, put it in double quotes", file=name)


def _path(name: str, top_level: Iterable[str]) -> tuple[str, ...]:
    """Return the key path that a variable of this name sets; empty where it sets none. The schema judges inner keys."""
    path = tuple(name.removeprefix(PREFIX).lower().split(SEPARATOR))
    return path if name == variable(path) and path[0] in top_level and "" not in path else ()


@dataclass(frozen=True, slots=True)
class Strangers:
    """Variables with our prefix that set no key: mistakes, and the names of those that are only told of."""

    mistakes: tuple[ConfigError, ...]
    others: tuple[str, ...]


def strangers(environ: Collection[str], schema: type[Section], *documents: Plain) -> Strangers:
    """Judge the names in `environ` that set no key of `schema`; what a reference in `documents` reads is set aside."""
    read = {name for document in documents for name in _read(document)} | {FILE_VARIABLE}
    keys = {"".join(path).replace("_", ""): path for path in _keys(schema)}
    mistakes: list[ConfigError] = []
    others: list[str] = []
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        if _path(name, schema.model_fields) or name in read or _is_link(name, environ):
            continue
        squeezed = name.removeprefix(PREFIX).lower().replace("_", "")
        path = keys.get(squeezed) or next((path for key, path in keys.items() if is_slip(squeezed, key)), None)
        if path is not None:
            meant = f"did you mean {variable(path)}, which sets {'.'.join(path)}?"
            mistakes.append(ConfigError(f"{_SETS_NONE}; {meant}", file=name))
        elif SEPARATOR in name:
            mistakes.append(ConfigError(f"{_SETS_NONE}; correct the name or unset it", file=name))
        else:
            others.append(name)
    return Strangers(tuple(mistakes), tuple(others))


def is_slip(one: str, other: str) -> bool:
    """Tell whether at most one insertion, deletion, replacement or swap of neighbours makes `other` of `one`."""
    while one and other and one[0] == other[0]:
        one, other = one[1:], other[1:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    return (len(one) <= 1 and len(other) <= 1) or (len(one) == 2 and one == other[::-1])  # noqa: PLR2004 - two neighbours


def _keys(schema: type[Section], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Find every key that a variable can set; items of a list have none."""
    for key, field in schema.model_fields.items():
        yield (*above, key)
        for section in _sections(field.annotation):
            yield from _keys(section, (*above, key))


def _sections(annotation: Any) -> Iterator[type[Section]]:  # noqa: ANN401 - an annotation has no type of its own
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    elif get_origin(annotation) is not tuple:
        for argument in get_args(annotation):
            yield from _sections(argument)


def _read(document: Plain) -> Iterator[str]:
    """Find the variables that references in a document read."""
    if isinstance(document, dict):
        for value in document.values():
            yield from _read(value)
    elif isinstance(document, list):
        for value in document:
            yield from _read(value)
    elif isinstance(document, str) and (found := _ENV_REFERENCE.fullmatch(document)):
        yield from (found[1], f"{found[1]}_FILE")


def _is_link(name: str, environ: Collection[str]) -> bool:
    """Tell whether Kubernetes sets `name` for a Service: X_SERVICE_HOST, and what stands beside it.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    if name.endswith(_LINK):
        return True
    for host in environ:
        if host.endswith(_LINK):
            service = re.escape(host.removesuffix(_LINK))
            if re.fullmatch(rf"{service}_(SERVICE_PORT(_.+)?|PORT(_[0-9]+_.+)?)", name):
                return True
    return False


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
