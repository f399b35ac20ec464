"""What a rule does to one value."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.actions import Canonical, HmacHasher, Sha256Hasher, as_it_is, canonical_form, email, phone
from proxy.sensitive import Sensitive

SHA = Sha256Hasher(16)
KEY = b"pepper-pepper-pepper"
HMAC = HmacHasher(Sensitive(KEY), "k1", 32)


def test_the_seed_vector() -> None:
    """The published vector: 16 digits of SHA-256 over the text as it is."""
    assert SHA.hashed("+1-555-0123", phone) == "100978d4e704e8c8"


@given(st.binary(min_size=1, max_size=200), st.text())
def test_the_keyed_hash_is_rfc_2104(key: bytes, text: str) -> None:
    """For keys shorter and longer than a block, the copied states give what the standard library gives."""
    expected = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    assert HmacHasher(Sensitive(key), "k", 64).hashed(text, as_it_is) == f"k.{expected}"


@pytest.mark.parametrize("hasher", [SHA, HMAC])
def test_what_each_kind_of_value_gives(hasher: Sha256Hasher | HmacHasher) -> None:
    """Null stays null; numbers and booleans hash as their JSON text; arrays element by element; objects by canonical JSON."""

    def of(text: str) -> object:
        return hasher.hashed(text, as_it_is)

    assert hasher.hashed(None, as_it_is) is None
    assert hasher.hashed(5, as_it_is) == of("5")
    assert hasher.hashed(2**70, as_it_is) == of(str(2**70))
    assert hasher.hashed(12.5, as_it_is) == of("12.5")
    assert hasher.hashed(True, as_it_is) == of("true")
    assert hasher.hashed(False, as_it_is) == of("false")
    assert hasher.hashed(["a", None, ["b"]], as_it_is) == [of("a"), None, [of("b")]]
    assert hasher.hashed({"b": 1.0, "a": [2]}, as_it_is) == of('{"a":[2],"b":1}')
    assert hasher.hashed({"a": [2], "b": 1}, as_it_is) == hasher.hashed({"b": 1, "a": [2]}, as_it_is)


def test_a_value_in_our_own_form_is_left() -> None:
    """No value is hashed twice; near misses are hashed."""
    own = HMAC.hashed("x", as_it_is)
    assert isinstance(own, str)
    assert HMAC.hashed(own, as_it_is) == own
    for near in (own[:-1], own + "0", own.upper(), "k2" + own[2:], own + "\n", " " + own):
        assert HMAC.hashed(near, as_it_is) != near


def test_an_unkeyed_hash_has_no_form_of_its_own() -> None:
    """Sixteen hexadecimal digits may be a card number: they are hashed like anything else."""
    assert SHA.hashed("4111111111111111", as_it_is) != "4111111111111111"


def test_spellings_of_one_address_share_a_keyed_hash() -> None:
    """Emails without case and padding, phone numbers without separators; other text, and unkeyed hashes, as it is."""
    assert HMAC.hashed(" Ada@Example.COM ", email) == HMAC.hashed("ada@example.com", email)
    assert HMAC.hashed("+1 (555) 01-23", phone) == HMAC.hashed("+15550123", phone)
    assert HMAC.hashed("Ada", as_it_is) != HMAC.hashed("ada", as_it_is)
    assert SHA.hashed(" Ada@Example.COM ", email) != SHA.hashed("ada@example.com", email)


@pytest.mark.parametrize(("name", "canonical"), [("email", email), ("phonenumber", phone), ("ssn", as_it_is), ("", as_it_is)])
def test_the_form_follows_the_name(name: str, canonical: Canonical) -> None:
    """A field's normal form decides which canonical text it has."""
    assert canonical_form(name) is canonical


@given(st.text(), st.sampled_from([as_it_is, email, phone]))
def test_canonical_text_is_settled(text: str, canonical: Canonical) -> None:
    """The canonical spelling of a canonical spelling is itself."""
    once = canonical(text)
    assert canonical(once) == once


def test_the_key_does_not_print() -> None:
    """Nothing a hasher shows of itself holds its key."""
    assert KEY.decode() not in repr(HMAC) + repr([getattr(HMAC, name) for name in dir(HMAC)])
