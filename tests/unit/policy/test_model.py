"""The policy as it is written."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.policy.model import PolicyDocument

RULE = {"name": "r", "fields": ["ssn"], "action": "strip"}
HMAC = {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"version": 2}, "version"),
        ({"rules": []}, "version"),
        ({"version": 1, "mode": "on"}, "mode"),
        ({"version": 1, "vendor_limits": "on"}, "vendor_limits"),
        ({"version": 1, "extra": 1}, "extra"),
        ({"version": 1, "rules": [RULE | {"action": "drop"}]}, "action"),
        ({"version": 1, "rules": [RULE | {"fields": []}]}, ""),
        ({"version": 1, "rules": [RULE | {"detect": ["email"]}]}, ""),
        ({"version": 1, "rules": [RULE | {"paths": ["a..b"]}]}, "paths"),
        ({"version": 1, "rules": [RULE | {"paths": ["a." * 300 + "b"]}]}, "paths"),
        ({"version": 1, "rules": [RULE | {"callers": []}]}, "callers"),
        ({"version": 1, "rules": [RULE | {"name": "allow"}]}, ""),
        ({"version": 1, "rules": [RULE | {"name": "identifiers"}]}, ""),
        ({"version": 1, "identifiers": {"email": "hmac"}}, ""),
        ({"version": 1, "hash": HMAC, "identifiers": {"email": "sha256"}}, "identifiers"),
        ({"version": 1, "hash": HMAC, "identifiers": {"cio_id": "hmac"}}, "identifiers"),
        ({"version": 1, "hash": HMAC | {"previous": [{"key": "env:A", "key_id": "k1"}]}}, "hash"),
        ({"version": 1, "hash": {"algorithm": "sha256", "previous": [{"key": "env:A", "key_id": "k0"}]}}, "hash"),
        ({"version": 1, "patterns": {"two words": "x"}}, "patterns"),
        ({"version": 1, "patterns": {"a": ""}}, "patterns"),
        ({"version": 1, "rules": [RULE | {"fields": ["--"]}]}, "fields"),
        ({"version": 1, "rules": [RULE | {"fields": ["x" * 151]}]}, "fields"),
        ({"version": 1, "rules": [RULE | {"name": "two words"}]}, "name"),
        ({"version": 1, "rules": [RULE, RULE]}, ""),
        ({"version": 1, "rules": [RULE | {"action": "hash"}]}, ""),
        ({"version": 1, "hash": {"algorithm": "md5"}}, "algorithm"),
        ({"version": 1, "hash": {"algorithm": "hmac-sha256"}}, "hash"),
        ({"version": 1, "hash": HMAC | {"key": "a-pasted-secret"}}, "key"),
        ({"version": 1, "hash": {"algorithm": "sha256", "key_id": "k1"}}, "hash"),
        ({"version": 1, "hash": HMAC | {"hex_length": 7}}, "hex_length"),
        ({"version": 1, "hash": HMAC | {"hex_length": 65}}, "hex_length"),
        ({"version": 1, "hash": HMAC | {"key_id": "k.1"}}, "key_id"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: dict[str, Any], where: str) -> None:
    """Each impossible document is refused at the key that is wrong, and no message shows a value."""
    with pytest.raises(ValidationError) as caught:
        PolicyDocument.model_validate(document)
    assert any(where in map(str, error["loc"]) or where == "" for error in caught.value.errors())
    assert "a-pasted-secret" not in str(caught.value)


def test_the_defaults() -> None:
    """A document with a version only is a policy that enforces nothing."""
    document = PolicyDocument.model_validate({"version": 1})
    assert (document.mode, document.rules, document.identifiers, document.allow) == ("enforce", (), "keep", None)
    assert document.vendor_limits == "report"
