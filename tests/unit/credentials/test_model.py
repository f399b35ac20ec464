"""What a secret is to the sidecar."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.credentials.model import (
    REFERENCE_MAX_CHARACTERS,
    SECRET_MAX_BYTES,
    WHOLE,
    Document,
    Kind,
    Reference,
    TrackPair,
    UnreadableError,
    Version,
    app_bearer,
    key_id,
    pipelines_basic,
    usable,
)
from proxy.sensitive import Sensitive

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=":"), min_size=8, max_size=64)


@pytest.mark.parametrize(
    ("text", "kind", "locator"),
    [
        ("env:NAME", Kind.ENV, "NAME"),
        ("env:_x9", Kind.ENV, "_x9"),
        ("file:/run/secrets/key", Kind.FILE, "/run/secrets/key"),
        ("file:a:b c", Kind.FILE, "a:b c"),
        ("vault:secret/customerio#site_id", Kind.VAULT, "secret/customerio#site_id"),
        ("gcp:projects/p/secrets/s", Kind.GCP, "projects/p/secrets/s"),
        ("gcp:projects/p/secrets/s/versions/7", Kind.GCP, "projects/p/secrets/s/versions/7"),
        ("aws-sm:prod/cio", Kind.AWS_SM, "prod/cio"),
        (
            "aws-sm:arn:aws:secretsmanager:eu-west-1:1:secret:x#key",
            Kind.AWS_SM,
            "arn:aws:secretsmanager:eu-west-1:1:secret:x#key",
        ),
        ("aws-ssm:/prod/cio", Kind.AWS_SSM, "/prod/cio"),
    ],
)
def test_a_reference_says_where_a_secret_is(text: str, kind: Kind, locator: str) -> None:
    """The kind of place before the first colon, the place after it."""
    assert Reference.parse(text) == Reference(kind, locator)


@pytest.mark.parametrize(
    "text",
    [
        "", "env:", "env", "NAME", "env:9X", "env:A B", "env:A-B", "Env:A", "file:", "file:a\nb", "file:\x00", "vault:secret",
        "vault:secret/x", "vault:/x#y", "vault:a/b#", "gcp:p/s", "gcp:projects//secrets/s", "aws-sm:", "aws-ssm:x",
        "http://vault", "0123456789abcdef", "sk_live_0123456789", " env:A", "env:A ", "file:" + "x" * REFERENCE_MAX_CHARACTERS,
        5, None, True, ["env:A"], b"env:A",
    ],
)  # fmt: skip
def test_what_says_no_such_thing_is_refused_unseen(text: object) -> None:
    """It may be the secret itself, so the message does not show it."""
    with pytest.raises(ValueError, match="must be a reference such as env:NAME") as refused:
        Reference.parse(text)
    assert not isinstance(text, str) or len(text) < 9 or text not in str(refused.value)


def test_a_reference_does_not_print_its_text() -> None:
    """`file:` takes nearly anything, a pasted secret among it."""
    assert "CANARY" not in repr(Reference.parse("file:CANARY"))


@pytest.mark.parametrize("raw", ["key", "key\n", "key\r\n", "key\n\n", "key\r"])
def test_line_ends_are_not_part_of_a_secret(raw: str) -> None:
    """Editors and `echo` leave them."""
    assert usable(raw) == Sensitive("key")


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("a\nb", "cannot be printed"),
        ("a\r\nInjected: header", "cannot be printed"),
        ("a\x00", "cannot be printed"),
        ("a\tb", "cannot be printed"),
        ("\ufeffa", "cannot be printed"),
        ("a\ud800", "cannot be printed"),
        ("x" * (SECRET_MAX_BYTES + 1), "is longer"),
        ("é" * (SECRET_MAX_BYTES // 2 + 1), "is longer"),
    ],
)
def test_a_secret_that_could_not_be_used_is_refused(raw: str, problem: str) -> None:
    """Empty, too long, or with a character that could split a header; the message shows none of it."""
    with pytest.raises(UnreadableError, match=problem) as refused:
        usable(raw)
    assert "Injected" not in str(refused.value)


def test_the_longest_secret_is_usable() -> None:
    """The bound is inclusive."""
    assert len(usable("x" * SECRET_MAX_BYTES + "\n").reveal()) == SECRET_MAX_BYTES


def test_a_track_pair_is_http_basic() -> None:
    """RFC 7617, with the example of Customer.io's documentation: `site_id:api_key` in base64."""
    made = TrackPair(Sensitive("site"), Sensitive("key-key-key")).authorization()
    assert made.line.reveal() == b"Authorization: Basic " + base64.b64encode(b"site:key-key-key") + b"\r\n"


def test_an_app_key_is_a_bearer_token() -> None:
    """RFC 6750."""
    assert app_bearer(Sensitive("app-key-1")).line.reveal() == b"Authorization: Bearer app-key-1\r\n"


def test_a_write_key_is_http_basic_with_a_blank_password() -> None:
    """As the Pipelines API asks for it."""
    assert pipelines_basic(Sensitive("write-key")).line.reveal() == b"Authorization: Basic d3JpdGUta2V5Og==\r\n"


@pytest.mark.parametrize("key", ["abc", "with space", "naïve-key-1", "tab\tkey-1"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(key: str) -> None:
    """Too short to scrub answers of, or not visible ASCII."""
    for make in (app_bearer, pipelines_basic, lambda secret: TrackPair(Sensitive("site"), secret).authorization()):
        with pytest.raises(UnreadableError) as refused:
            make(Sensitive(key))
        assert key not in str(refused.value).split()


def test_a_colon_ends_a_user_name() -> None:
    """So a site id or write key with one would reach Customer.io as another (RFC 7617 section 2)."""
    with pytest.raises(UnreadableError, match="colon"):
        TrackPair(Sensitive("si:te"), Sensitive("key-key-key")).authorization()
    with pytest.raises(UnreadableError, match="colon"):
        pipelines_basic(Sensitive("write:key"))
    assert TrackPair(Sensitive("site"), Sensitive("key:with:colons")).authorization().line.reveal()


@given(PRINTABLE)
def test_a_key_id_tells_keys_apart_and_gives_nothing_back(secret: str) -> None:
    """Eight hex digits, the same for the same key, another for another."""
    name = key_id(secret)
    assert len(name) == 8
    assert set(name) <= set("0123456789abcdef")
    assert name == key_id(secret) != key_id(secret + "x")


def test_what_no_answer_may_give_back() -> None:
    """The key, the site id beside it, and what HTTP Basic makes of both; a site id that is short is a word like any other."""
    pair = base64.b64encode(b"site-id:api-key").rstrip(b"=")
    assert TrackPair(Sensitive("site-id"), Sensitive("api-key")).authorization().hidden.reveal() == {
        b"site-id",
        b"api-key",
        pair,
    }
    assert b"abc" not in TrackPair(Sensitive("abc"), Sensitive("api-key")).authorization().hidden.reveal()
    assert app_bearer(Sensitive("app-key")).hidden.reveal() == {b"app-key"}
    assert pipelines_basic(Sensitive("write-key")).hidden.reveal() == {
        b"write-key",
        base64.b64encode(b"write-key:").rstrip(b"="),
    }


def test_nothing_about_an_authorization_prints() -> None:
    """Neither the line nor what to scrub shows in a representation, a format or a traceback."""
    made = app_bearer(Sensitive("CANARY-key"))
    assert "CANARY" not in f"{made!r} {made}"
    assert "CANARY" not in repr(Version(made, Kind.VAULT, "3"))


@pytest.mark.parametrize(
    ("text", "document", "field"),
    [
        ("vault:secret/team/cio#api_key", "secret/team/cio", "api_key"),
        ("aws-sm:cio#api_key", "cio", "api_key"),
        ("aws-sm:cio", "cio", WHOLE),
        ("aws-ssm:/cio/key", "/cio/key", WHOLE),
        ("gcp:projects/p/secrets/s", "projects/p/secrets/s", WHOLE),
        ("file:/run/a#b", "/run/a#b", WHOLE),
        ("env:NAME", "NAME", WHOLE),
    ],
)
def test_a_reference_names_a_document_and_a_field_of_it(text: str, document: str, field: str) -> None:
    """What a store is asked for once, however many fields are wanted; a number sign in a file's name is part of it."""
    reference = Reference.parse(text)
    assert (reference.document, reference.field) == (document, field)


def test_a_document_gives_usable_secrets() -> None:
    """Without line ends; a field that is not there, or cannot be used, says so and shows nothing."""
    document = Document({"key": Sensitive("secret\n"), "bad": Sensitive("CANARY\x00")}, "3")
    assert document.secret("key") == Sensitive("secret")
    for field, problem in {"none": "no such field", "bad": "cannot be printed"}.items():
        with pytest.raises(UnreadableError, match=problem) as refused:
            document.secret(field)
        assert "CANARY" not in f"{refused.value} {document!r}"
