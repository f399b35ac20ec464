"""The sections `credentials` and `stores`."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config.keys import CredentialsSection, Stores

PAIR = {"site_id": "env:SITE", "api_key": "env:KEY"}


def test_no_credential_is_needed() -> None:
    """A sidecar may serve one API alone."""
    credentials = CredentialsSection()
    assert (credentials.track, credentials.app, credentials.pipelines) == (None, None, None)


@pytest.mark.parametrize(
    "credentials",
    [
        {"track": {"site_id": "env:SITE"}},
        {"track": {"api_key": "env:KEY"}},
        {"track": PAIR | {"api_key": "0123456789abcdef"}},
        {"track": "env:SITE"},
        {"app": "env:KEY"},
        {"app": {"key": "env:KEY"}},
        {"pipelines": {"api_key": "env:KEY"}},
        {"rotation_grace_seconds": -1},
        {"max_version_age_days": 0},
    ],
)
def test_half_a_credential_is_refused(credentials: dict[str, Any]) -> None:
    """The pair of the Track API comes whole, and every key by reference."""
    with pytest.raises(ValidationError):
        CredentialsSection.model_validate(credentials)


@pytest.mark.parametrize(
    "stores",
    [
        {"vault": {"address": "http://vault:8200", "auth": {"method": "token"}}},
        {"vault": {"address": "https://vault:8200"}},
        {"vault": {"address": "https://vault:8200", "auth": {"method": "guess"}}},
        {"refresh_seconds": 0},
        {"max_staleness_seconds": 0},
    ],
)
def test_an_impossible_store_is_refused(stores: dict[str, Any]) -> None:
    """A store beyond loopback is spoken to over TLS, and asked in a known way."""
    with pytest.raises(ValidationError):
        Stores.model_validate(stores)
