"""The sections `webhooks` and `erasure`."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config.inbound import Erasure, Webhooks

ROUTE = {"path": "/webhooks/customerio", "secrets": ["env:KEY"], "forward_to": "http://127.0.0.1:3000/hooks"}
ERASURE = {"path": "erasure.db", "audit_log": "audit.jsonl", "fingerprint_key": "env:A", "audit_key": "env:B"}


def test_nothing_listens_for_webhooks_by_default() -> None:
    """There are no routes until somebody writes one."""
    assert Webhooks().routes == ()


def test_a_route_has_the_contract_s_defaults() -> None:
    """Design 4.2: five minutes, the scheme v0, forwarded directly."""
    (route,) = Webhooks.model_validate({"routes": [ROUTE]}).routes
    assert (route.scheme, route.tolerance_seconds, route.mode) == ("v0", 300, "direct")


@pytest.mark.parametrize(
    "change",
    [
        {"path": "webhooks"},
        {"path": "/a b"},
        {"secrets": []},
        {"secrets": ["a-secret"]},
        {"secrets": "env:KEY"},
        {"secrets": ["env:A"] * 5},
        {"forward_to": "ftp://a"},
        {"forward_to": "http://user:secret@a/"},
        {"tolerance_seconds": 0},
        {"scheme": "v1"},
        {"mode": "later"},
    ],
)
def test_an_impossible_route_is_refused(change: dict[str, Any]) -> None:
    """A route without a key, or without an end, would verify nothing."""
    with pytest.raises(ValidationError):
        Webhooks.model_validate({"routes": [ROUTE | change]})


def test_erasure_erases_everything_by_default() -> None:
    """Tombstones on both occasions, and raw identifiers too."""
    erasure = Erasure.model_validate(ERASURE)
    assert (erasure.tombstone_on, erasure.erase_raw) == (("erasure", "suppress"), True)


@pytest.mark.parametrize("key", ERASURE)
def test_erasure_needs_its_files_and_keys(key: str) -> None:
    """None of the four has a default: proof without a key is none."""
    with pytest.raises(ValidationError):
        Erasure.model_validate({name: value for name, value in ERASURE.items() if name != key})
