"""The policy as it is written."""

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.policy.model import PolicyDocument, normal_form

RULE = {"name": "r", "fields": ["ssn"], "action": "strip"}
HMAC = {"algorithm": "hmac-sha256", "key": "env:PEPPER", "key_id": "k1"}


@pytest.mark.parametrize(
    "spelling",
    [
        "credit_card",
        "creditCard",
        "Credit-Card",
        "CREDIT_CARD",
        "credit card",
        "ｃｒｅｄｉｔ＿ｃａｒｄ",
        "credit\u200bcard",
        "ＣredⓘtCARD",
    ],
)
def test_spellings_of_a_name_share_a_normal_form(spelling: str) -> None:
    """Case, separators, full-width letters and zero-width characters make no other field of it."""
    assert normal_form(spelling) == "creditcard"


def test_a_normal_form_keeps_other_scripts_apart() -> None:
    """Letters and digits of every script count; different names stay different."""
    assert normal_form("Straße") == "strasse"
    assert normal_form("ТЕЛ") == "тел"
    assert normal_form("ssn1") != normal_form("ssn")


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"version": 2}, "version"),
        ({"rules": []}, "version"),
        ({"version": 1, "mode": "on"}, "mode"),
        ({"version": 1, "extra": 1}, "extra"),
        ({"version": 1, "rules": [RULE | {"action": "drop"}]}, "action"),
        ({"version": 1, "rules": [RULE | {"fields": []}]}, "fields"),
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


@pytest.mark.parametrize(
    "document",
    [
        {"version": 1, "rules": [RULE | {"detect": ["payment_card"]}]},
        {"version": 1, "rules": [RULE | {"paths": ["a.b"]}]},
        {"version": 1, "rules": [RULE | {"callers": ["billing"]}]},
        {"version": 1, "allow": {"track.v1.identify": ["email"]}},
        {"version": 1, "identifiers": {"email": "hmac"}},
    ],
)
def test_what_has_no_machinery_yet_is_refused_by_name(document: dict[str, Any]) -> None:
    """A rule is never silently without effect."""
    with pytest.raises(ValidationError, match="not available yet"):
        PolicyDocument.model_validate(document)


def test_the_defaults() -> None:
    """A document with a version only is a policy that enforces nothing."""
    document = PolicyDocument.model_validate({"version": 1})
    assert (document.mode, document.rules, document.identifiers, document.allow) == ("enforce", (), "keep", None)
