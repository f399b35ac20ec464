"""Live notifications."""

import pytest

from proxy.api.live import LIVE
from proxy.api.model import Bucket, Credential, Identifier, Replay, Upstream
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged, row

BODY = {
    "identifiers": {"id": EXEMPT, "email": EXEMPT, "phone": EXEMPT, "internal": EXEMPT, "ssn": PLAIN},
    "device_id": EXEMPT,
    "instance_id": EXEMPT,
    "content_state": {"id": PLAIN, "driver": PLAIN},
}
STEPS = [endpoint.name for endpoint in LIVE if endpoint.method == "POST"]


@pytest.mark.parametrize("name", STEPS)
def test_positions(name: str) -> None:
    """Who it is for and which one it is stay; what it shows is any data."""
    assert misjudged(name, BODY) == []


@pytest.mark.parametrize("name", STEPS)
def test_it_names_a_person_by_any_identifier_and_is_not_repeated(name: str) -> None:
    """A repeat would show it twice."""
    assert set(row(name).identifiers.values()) == {Identifier.ID, Identifier.EMAIL, Identifier.PHONE, Identifier.CIO_ID}
    assert row(name).replay is Replay.NEVER
    assert row(name).sending == {"identifiers", "instance_id", "device_id"}


def test_all_go_to_the_app_host() -> None:
    """With its key, under its quota."""
    assert len(STEPS) == 3
    assert {(one.upstream, one.credential, one.bucket) for one in LIVE} == {(Upstream.APP, Credential.APP, Bucket.APP)}
