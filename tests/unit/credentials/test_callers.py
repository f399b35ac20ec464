"""Which application is calling."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.credentials.callers import ANYONE, AUTHORIZATION_MAX_BYTES, Callers, DuplicateKeyError, presented_key
from proxy.sensitive import Sensitive

BILLING, SHOP = "billing-key-0123456789", "shop-key->?>?~~-0123456789"
CALLERS = Callers.of([("billing", Sensitive(BILLING)), ("shop", Sensitive(SHOP))], frozenset({"shop"}))


def basic(user: str, password: str = "", *, urlsafe: bool = False, padded: bool = True) -> bytes:
    """Return a Basic authorization as one SDK or another writes it."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    coded = encode(f"{user}:{password}".encode())
    return b"Basic " + (coded if padded else coded.rstrip(b"="))


def test_without_callers_everyone_is_the_same() -> None:
    """Whatever they send, or nothing at all."""
    assert {Callers().caller_of(authorization) for authorization in (None, b"", b"Bearer x", b"\xff")} == {ANYONE}
    assert not Callers().may_unsuppress(ANYONE)


@pytest.mark.parametrize(("key", "name"), [(BILLING, "billing"), (SHOP, "shop")])
def test_a_caller_is_known_however_its_sdk_sends_the_key(key: str, name: str) -> None:
    """As the password of any user, as a user without a password, as a Bearer token; in both alphabets, padded or not."""
    for authorization in (
        basic("any", key),
        basic("", key),
        basic(key),
        basic("any", key, urlsafe=True),
        basic(key, urlsafe=True),
        basic("any", key, padded=False),
        f"Bearer {key}".encode(),
        f"bearer  {key} ".encode(),
        f"\tBEARER {key}".encode(),
        basic("any", key).replace(b"Basic", b"bAsIc"),
    ):
        assert CALLERS.caller_of(authorization) == name


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic",
        b"Basic !!!",
        b"Basic " + base64.b64encode(b":"),
        b"Basic " + base64.b64encode(b""),
        b"Digest " + BILLING.encode(),
        BILLING.encode(),
        basic(BILLING, "another"),
        basic("any", BILLING.upper()),
        f"Bearer {BILLING}x".encode(),
        b"Bearer " + b"x" * AUTHORIZATION_MAX_BYTES,
        b"Bearer \xff\xfe",
    ],
)
def test_everyone_else_is_a_stranger(authorization: bytes | None) -> None:
    """No key, a wrong one, a wrong scheme, or the key in the wrong place."""
    assert CALLERS.caller_of(authorization) is None


def test_a_key_names_one_caller() -> None:
    """Two callers that share one could not be told apart."""
    with pytest.raises(DuplicateKeyError) as refused:
        Callers.of([("a", Sensitive(BILLING)), ("b", Sensitive(BILLING))], frozenset())
    assert refused.value.names == ("a", "b")
    assert BILLING not in str(refused.value)


def test_a_caller_may_lift_a_suppression_only_where_it_says_so() -> None:
    """By its name in the configuration."""
    assert CALLERS.may_unsuppress("shop")
    assert not CALLERS.may_unsuppress("billing")


def test_the_keys_do_not_print() -> None:
    """Nor could they: only their digests are kept."""
    assert BILLING not in repr(CALLERS)
    assert BILLING not in repr(vars(type(CALLERS)))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_stranger(authorization: bytes) -> None:
    """Whatever comes in, the answer is a name or None, never an error."""
    assert CALLERS.caller_of(authorization) is None
    assert isinstance(presented_key(authorization), bytes | None)


def test_keys_in_a_body_name_their_callers() -> None:
    """Each that is somebody's; what cannot be one, however long or odd, is nobody's."""
    callers = Callers.of([("a", Sensitive("key-a")), ("b", Sensitive("key-b"))], frozenset())
    assert callers.named_by({"key-a", "nothing", "\udcff", "x" * 100_000}) == {"a"}
    assert callers.named_by({"key-a", "key-b"}) == {"a", "b"}
    assert callers.named
    assert not Callers().named


@pytest.mark.parametrize("count", [1, 9])
def test_where_a_key_may_be_is_never_missed(count: int) -> None:
    """As it is, escaped, or as a target spells it; few keys are looked for in the bytes, many are looked up by value."""
    key = "callers/key+0123456789"
    callers = Callers.of(
        [("a", Sensitive(key)), *((f"b{n}", Sensitive(f"another-key-{n:08}")) for n in range(count - 1))], frozenset()
    )
    assert callers.may_be_in(b'{"a":"%b"}' % key.encode())
    assert callers.may_be_in(b'{"a":"callers\\/key+0123456789"}')
    assert callers.may_be_in(b"{}", b"/api/v1/customers/callers%2Fkey%2B0123456789")
    assert callers.may_be_in(b"{}", b"/api/v1/customers/5") is (count == 9)
    assert not Callers.of([("a", Sensitive("short"))], frozenset()).may_be_in(b'"short\\n"')
