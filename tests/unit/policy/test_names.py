"""How names of fields are compared."""

import pytest

from proxy.policy.names import normal_form


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
