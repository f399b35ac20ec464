"""Every key of the configuration is either changed live or refused by name, and none is forgotten."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest

from proxy.config.changes import LIVE, NEEDS_RESTART, changed, differing
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.config.values import Section
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument


def section_of(annotation: Any) -> type[Section] | None:  # noqa: ANN401 - any annotation
    """Return the section that a field holds, but not those in a list: a list is one value."""
    if isinstance(annotation, type):
        return annotation if issubclass(annotation, Section) else None
    if get_origin(annotation) in (tuple, dict):
        return None
    return next(filter(None, map(section_of, get_args(annotation))), None)


def leaves(section: type[Section] = Config, path: str = "") -> Iterator[str]:
    """Yield the path of every key that holds a value."""
    for name, field in section.model_fields.items():
        inner = section_of(field.annotation)
        yield from [f"{path}{name}"] if inner is None else leaves(inner, f"{path}{name}.")


def whole(other: str = "", section: type[Section] = Config, path: str = "") -> Any:  # noqa: ANN401 - a section that holds no values
    """Return a configuration with every section in it, and another value at `other`."""
    values: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        inner = section_of(field.annotation)
        here = f"{path}{name}"
        values[name] = here == other if inner is None else whole(other, inner, f"{here}.")
    return section.model_construct(**values)


KEYS = tuple(leaves())


def test_the_walk_sees_the_configuration() -> None:
    """Keys of every depth, so that the tests below are of something."""
    assert {"region", "outbound.tls.port", "upstreams.app.ca", "policy.rules", "stores.vault.auth.role"} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_told_by_the_table_that_it_stands_in(key: str) -> None:
    """A change of it alone comes to the longest path in the tables that leads to it; a new key needs a line in one of them."""
    (told,) = differing(whole(), whole(key))
    assert told in LIVE | NEEDS_RESTART
    assert key == told or key.startswith(f"{told}.")
    assert not any(told != path and (key == path or key.startswith(f"{path}.")) and len(path) > len(told) for path in LIVE)


def test_the_tables_share_nothing_and_name_nothing_that_is_not_there() -> None:
    """Each path is a key or a section of the model, and stands once."""
    known = {path for key in KEYS for path in (key, *(key.rsplit(".", count)[0] for count in range(1, key.count(".") + 1)))}
    assert not LIVE & NEEDS_RESTART
    assert known >= LIVE | NEEDS_RESTART


def configured(**sections: Any) -> Config:  # noqa: ANN401 - free-form
    """Return a configuration."""
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **sections})


TLS = {"port": 1, "certificate": "c", "key": "k"}


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({}, {}, []),
        ({}, {"logs": {}}, []),
        ({}, {"outbound": {"port": 8080, "limits": {"depth": 3, "header_count": 9}}}, ["outbound.limits"]),
        ({"outbound": {"tls": TLS}}, {"outbound": {"tls": TLS | {"key": "other"}}}, ["outbound.tls.key"]),
        ({}, {"credentials": {"app": {"api_key": "env:A"}}, "logs": {"level": "error"}}, ["credentials", "logs.level"]),
    ],
)
def test_what_is_live_is_named(old: dict[str, Any], new: dict[str, Any], paths: list[str]) -> None:
    """By the path of the table, whatever changed below it; a value that is only written out is no change."""
    assert list(changed(configured(**old), configured(**new))) == paths


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ({}, {"region": "eu", "logs": {"level": "error"}}, ["region"]),
        ({}, {"outbound": {"tls": TLS}}, ["outbound.tls"]),
        ({"outbound": {"tls": TLS}}, {}, ["outbound.tls"]),
        ({"outbound": {"tls": TLS}}, {"outbound": {"tls": TLS | {"port": 2}}}, ["outbound.tls.port"]),
        ({}, {"admin": {"host": "127.0.0.2", "port": 1}, "webhooks": {"port": 1}}, ["admin.host", "admin.port", "webhooks"]),
    ],
)
def test_what_needs_a_restart_is_refused_by_name(old: dict[str, Any], new: dict[str, Any], paths: list[str]) -> None:
    """Every such key is told, also beside changes that could be taken."""
    with pytest.raises(ConfigError) as raised:
        changed(configured(**old), configured(**new))
    assert [(error.path, error.problem) for error in each(raised.value)] == [(path, "needs a restart") for path in paths]
