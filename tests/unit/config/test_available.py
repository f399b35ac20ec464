"""What this version does not do yet."""

from typing import Any

import pytest

from proxy.config.available import NOT_YET, unavailable
from proxy.config.model import Config
from proxy.policy.model import PolicyDocument

ROUTE = {"path": "/w", "secrets": ["env:A"], "forward_to": "http://127.0.0.1/"}
ERASURE = {"path": "e", "audit_log": "a", "fingerprint_key": "env:A", "audit_key": "env:B"}

# A document for each line of the table: one that asks for what is not there, and one that does not.
ASKED: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "outbound.callers.*.may_unsuppress": (
        {"outbound": {"callers": [{"name": "a", "key": "env:A", "may_unsuppress": True}]}},
        {"outbound": {"callers": [{"name": "a", "key": "env:A", "may_unsuppress": False}]}},
    ),
    "limits.backend": ({"limits": {"backend": "redis"}}, {"limits": {"backend": "memory"}}),
    "limits.redis": ({"limits": {"redis": {"url": "redis://r"}}}, {"limits": {"redis": None}}),
    "delivery.retries": ({"delivery": {"retries": {}}}, {"delivery": {"retries": None}}),
    "delivery.breaker": ({"delivery": {"breaker": {}}}, {"delivery": {"breaker": None}}),
    "delivery.add_event_ids": ({"delivery": {"add_event_ids": True}}, {"delivery": {"add_event_ids": False}}),
    "delivery.spool.mode": ({"delivery": {"spool": {"mode": "always"}}}, {"delivery": {"spool": {"mode": "off"}}}),
    "delivery.spool.path": ({"delivery": {"spool": {"path": "s.db"}}}, {"delivery": {"spool": {"path": None}}}),
    "delivery.spool.max_bytes": ({"delivery": {"spool": {"max_bytes": 1_073_741_824}}}, None),
    "delivery.spool.max_age_seconds": ({"delivery": {"spool": {"max_age_seconds": 1}}}, None),
    "delivery.spool.key": ({"delivery": {"spool": {"key": "env:A"}}}, {"delivery": {"spool": {"key": None}}}),
    "webhooks.routes": ({"webhooks": {"routes": [ROUTE]}}, {"webhooks": {"routes": []}}),
    "erasure": ({"erasure": ERASURE}, {"erasure": None}),
}


def problems(document: dict[str, Any]) -> dict[str, str]:
    """Return what is not available in a document, by key path."""
    config = Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **document})
    return {error.path: error.problem for error in unavailable(config)}


def test_every_line_of_the_table_is_tried_here() -> None:
    """A key that is added to the table needs an example of what is refused."""
    assert list(ASKED) == list(NOT_YET)


@pytest.mark.parametrize("pattern", NOT_YET)
def test_what_has_no_machinery_is_refused_by_name(pattern: str) -> None:
    """It is told with its key path, once, and never silently without effect."""
    asking, _ = ASKED[pattern]
    ((path, problem),) = problems(asking).items()
    assert path == pattern.replace("*", "0")
    assert "not available yet" in problem


@pytest.mark.parametrize("pattern", NOT_YET)
def test_the_value_that_asks_for_nothing_may_stand(pattern: str) -> None:
    """A file may say that something is off. A number has no such value: it would promise what does not happen."""
    _, harmless = ASKED[pattern]
    assert not problems(harmless or {})


def test_defaults_ask_for_nothing() -> None:
    """Only what somebody wrote is refused."""
    assert not problems({})
