"""The credentials a configuration names, and how one version of each is read."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

from proxy.api.model import Credential
from proxy.config.model import Config
from proxy.config.problems import each
from proxy.credentials.model import Authorization, Document, Kind, Provider, TrackPair, UnreadableError, Version
from proxy.credentials.slots import CONSISTENT_READS_MAX, Slot, read, slots
from proxy.errors import ConfigError
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive

TOGETHER = {"site_id": "vault:secret/cio#site_id", "api_key": "vault:secret/cio#api_key"}
APART = {"site_id": "gcp:projects/p/secrets/site", "api_key": "gcp:projects/p/secrets/key"}


class Store:
    """A store whose content may change with each read; keeps what it was asked for."""

    def __init__(self, documents: Mapping[str, Document | None], on_read: Callable[[int], None] = lambda _: None) -> None:
        """Hold `documents`; None stands for one that cannot be read."""
        self.documents = dict(documents)
        self.asked: list[str] = []
        self._numbers = count()
        self._on_read = on_read

    def read(self, document: str) -> Document:
        """See `Provider.read`."""
        self.asked.append(document)
        self._on_read(next(self._numbers))
        found = self.documents[document]
        if found is None:
            raise UnreadableError("the store is down")
        return found


def document(version: str = "", created_at: float | None = None, *, fixed: bool = False, **fields: str) -> Document:
    """Return a document with these fields."""
    return Document({name or "": Sensitive(text) for name, text in fields.items()}, version, created_at, fixed)


def whole(text: str, **about: Any) -> Document:  # noqa: ANN401 - the fields of a document
    """Return a document that is one text."""
    return Document({"": Sensitive(text)}, **about)


def slot(name: str = "track", **credentials: Any) -> Slot:  # noqa: ANN401 - a configuration is free-form here
    """Return one slot of a configuration with these credentials."""
    vault = {"address": "https://vault", "auth": {"method": "token", "token": "env:T"}}
    config = Config.model_validate(
        {"version": 1, "policy": PolicyDocument(version=1), "credentials": credentials, "stores": {"vault": vault}}
    )
    return next(one for one in slots(config) if one.name == name)


def taken(wanted: Slot, store: Provider) -> Version:
    """Read `wanted` from `store`, whatever kind it is of."""
    return read(wanted, dict.fromkeys(Kind, store))


def pair(site_id: str, api_key: str) -> Authorization:
    """Return what a pair becomes."""
    return TrackPair(Sensitive(site_id), Sensitive(api_key)).authorization()


def test_every_credential_has_its_slot() -> None:
    """In the order in which they are preferred."""
    config = Config.model_validate(
        {
            "version": 1,
            "policy": PolicyDocument(version=1),
            "credentials": {
                "track_next": APART,
                "track": APART,
                "app": {"api_key": "env:A"},
                "pipelines": {"write_key": "env:B"},
            },
        }
    )
    assert [(one.name, one.credential, one.source) for one in slots(config)] == [
        ("track", Credential.TRACK, Kind.GCP),
        ("track_next", Credential.TRACK, Kind.GCP),
        ("app", Credential.APP, Kind.ENV),
        ("pipelines", Credential.PIPELINES, Kind.ENV),
    ]


def test_a_pair_that_is_kept_together_is_one_read() -> None:
    """So both halves are of the same version, with its name and date."""
    store = Store({"secret/cio": document("7", 5.0, site_id="site", api_key="a-key\n")})
    version = taken(slot(track=TOGETHER), store)
    assert version == Version(pair("site", "a-key"), Kind.VAULT, "7", 5.0)
    assert store.asked == ["secret/cio"]


def test_a_pair_that_is_kept_apart_is_never_half_new() -> None:
    """A rotation between the two reads is noticed, and everything is read again."""
    old = {"projects/p/secrets/site": whole("old-site", version="1"), "projects/p/secrets/key": whole("old-key", version="1")}

    def rotate(number: int) -> None:
        if number == 1:  # after the site id was read, before the key is
            store.documents.update({name: whole(f"new{name[-4:]}", version="2") for name in old})

    store = Store(old, rotate)
    version = taken(slot(track=APART), store)
    assert version.authorization == pair("newsite", "new/key")
    assert version.name == "2,2"
    assert len(store.asked) == 5


def test_the_date_of_parts_is_that_of_the_oldest() -> None:
    """It is what a schedule of rotations has to know."""
    dated = {"projects/p/secrets/site": whole("site", created_at=3.0), "projects/p/secrets/key": whole("a-key", created_at=9.0)}
    assert taken(slot(track=APART), Store(dated)).created_at == 3.0


def test_parts_that_never_stand_still_are_an_error() -> None:
    """After a bounded number of reads; what is in use stays in use."""
    store = Store({}, lambda number: store.documents.update(dict.fromkeys(names, whole(f"value-{number}"))))
    names = ("projects/p/secrets/site", "projects/p/secrets/key")
    with pytest.raises(ConfigError, match=r"credentials\.track: its parts changed during the read"):
        taken(slot(track=APART), store)
    assert len(store.asked) == 2 * (1 + CONSISTENT_READS_MAX)


def test_only_what_cannot_change_is_fixed() -> None:
    """One part in a file makes the whole a thing to watch."""
    parts = {"SITE": whole("site", fixed=True), "/key": whole("a-key")}
    assert not taken(slot(track={"site_id": "env:SITE", "api_key": "file:/key"}), Store(parts)).fixed
    parts["/key"] = whole("a-key", fixed=True)
    assert taken(slot(track={"site_id": "env:SITE", "api_key": "file:/key"}), Store(parts)).fixed


@pytest.mark.parametrize(
    ("held", "problems"),
    [
        (None, {"credentials.track.site_id": "the store is down"}),
        (document(api_key="a-key"), {"credentials.track.site_id": "there is no such field in the secret"}),
        (
            document(other="CANARY"),
            dict.fromkeys(("credentials.track.site_id", "credentials.track.api_key"), "there is no such field in the secret"),
        ),
        (document(site_id="site", api_key="CANARY\x00"), {"credentials.track.api_key": "the secret holds a character"}),
        (document(site_id="a:b", api_key="CANARY"), {"credentials.track": "the site id holds a colon"}),
    ],
)
def test_a_version_that_cannot_be_used_says_why(held: Document | None, problems: dict[str, str]) -> None:
    """By key path, every part that is wrong, and nothing of the secret."""
    with pytest.raises(ConfigError) as refused:
        taken(slot(track=TOGETHER), Store({"secret/cio": held}))
    found = {error.path: error.problem for error in each(refused.value)}
    assert found.keys() == problems.keys()
    assert all(found[path].startswith(problems[path]) for path in problems)
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "section", "line"),
    [
        ("app", {"api_key": "file:/k"}, b"Authorization: Bearer a-key\r\n"),
        ("pipelines", {"write_key": "file:/k"}, b"Authorization: Basic YS1rZXk6\r\n"),
    ],
)
def test_each_credential_has_its_form(name: str, section: dict[str, str], line: bytes) -> None:
    """Bearer for the App API, Basic with a blank password for Pipelines."""
    version = taken(slot(name, **{name: section}), Store({"/k": whole("a-key")}))
    assert version.authorization.line.reveal() == line
