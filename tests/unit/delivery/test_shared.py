"""What all calls have in common."""

import pytest

from proxy.api.model import Credential
from proxy.delivery.shared import NOTHING
from tests.unit.delivery.test_exchange import Stage


def test_a_call_that_needs_no_credential_carries_none() -> None:
    """Whatever the keyring holds; one that is not held is missing."""
    shared = Stage().sender
    assert shared.key(Credential.NONE) is NOTHING
    assert shared.key(Credential.TRACK) is not None
    assert shared.key(Credential.APP) is None


@pytest.mark.parametrize(
    ("status", "trusted"), [(200, True), (400, True), (403, True), (429, True), (401, False), (500, False), (503, False)]
)
def test_a_rejected_key_is_trusted_again_once_customer_io_has_looked_at_it(status: int, *, trusted: bool) -> None:
    """A server that fails says nothing about a key."""
    shared = Stage(idle=1).sender
    key = shared.key(Credential.TRACK)
    assert key is not None
    key.rejected = True
    shared.key_answered(Credential.TRACK, key, status, 1001.0)
    assert key.rejected is not trusted


def test_an_answer_to_a_call_without_a_credential_says_nothing_about_one() -> None:
    """There is nothing to count."""
    stage = Stage()
    stage.sender.key_answered(Credential.NONE, NOTHING, 401, 0.0)
    assert stage.observer.events == []
