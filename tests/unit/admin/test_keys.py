"""The page of keys."""

from collections.abc import Iterator

import orjson
from aiohttp.test_utils import make_mocked_request

from proxy.admin.keys import page
from proxy.api.model import Credential
from proxy.credentials.keyring import Keyring
from proxy.credentials.model import Kind, TrackPair, Version
from proxy.sensitive import Sensitive
from tests.fakes import FakeClock


def version(secret: str, **more: float | str | bool) -> Version:
    """Return a version of a pair."""
    pair = TrackPair(Sensitive("site-CANARY"), Sensitive(secret)).authorization()
    return Version(pair, Kind.VAULT, **more)  # type: ignore[arg-type]  # each by its name


def shown(keyring: Keyring) -> list[dict[str, object]]:
    """Return what the page of a keyring shows."""
    response = page(keyring.status)(make_mocked_request("GET", "/v1/keys"))
    assert (response.status, response.content_type) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    assert isinstance(response.body, bytes)
    assert b"CANARY" not in response.body
    keys: list[dict[str, object]] = orjson.loads(response.body)["keys"]
    return keys


def filled(clock: FakeClock) -> Iterator[Keyring]:
    """Yield a keyring as it is at first, with a new version, and with a second pair."""
    keyring = Keyring(
        {"track": Credential.TRACK, "track_next": Credential.TRACK},
        grace_seconds=10,
        max_staleness_seconds=3600,
        clock=clock,
        held=lambda _credential, _key_id: None,
        wanted=lambda _: None,
    )
    yield keyring
    keyring.adopt("track", version("old-key-CANARY", name="6", created_at=clock.now - 500))
    keyring.in_force[Credential.TRACK].used_at = clock.now
    clock.advance(1.23456)
    keyring.adopt("track", version("new-key-CANARY", name="7"))
    yield keyring
    keyring.adopt("track_next", version("next-key-CANARY", fixed=True))
    yield keyring


def test_every_key_is_shown_by_its_id() -> None:
    """With its state, where it is from, and its ages in seconds; null where there is none. The one in force comes first."""
    empty, rotated, _ = (shown(keyring) for keyring in filled(FakeClock()))
    assert empty == []
    new, old = (version(secret).authorization.key_id for secret in ("new-key-CANARY", "old-key-CANARY"))
    assert rotated == [
        {
            "credential": "track",
            "slot": "track",
            "key_id": new,
            "state": "active",
            "source": "vault",
            "version": "7",
            "version_age_seconds": None,
            "staleness_seconds": 0.0,
            "last_used_seconds": None,
        },
        {
            "credential": "track",
            "slot": "track",
            "key_id": old,
            "state": "draining",
            "source": "vault",
            "version": "6",
            "version_age_seconds": 501.235,
            "staleness_seconds": 0.0,
            "last_used_seconds": 1.235,
        },
    ]


def test_a_second_pair_stands_by() -> None:
    """And what cannot change has no staleness."""
    *_, keys = (shown(keyring) for keyring in filled(FakeClock()))
    assert [(key["slot"], key["state"], key["staleness_seconds"]) for key in keys] == [
        ("track", "active", 0.0),
        ("track_next", "standby", None),
        ("track", "draining", 0.0),
    ]
