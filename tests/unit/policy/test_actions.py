"""What a rule does to one value."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.actions import Form, HmacHasher, Sha256Hasher, canonical_text, form_of
from proxy.sensitive import Sensitive

SHA = Sha256Hasher(16)
KEY = b"pepper-pepper-pepper"
HMAC = HmacHasher(Sensitive(KEY), "k1", 32)


def test_the_seed_vector() -> None:
    """The published vector: 16 digits of SHA-256 over the text as it is."""
    assert SHA.hashed("+1-555-0123", Form.PHONE) == "100978d4e704e8c8"


@given(st.binary(min_size=1, max_size=200), st.text())
def test_the_keyed_hash_is_rfc_2104(key: bytes, text: str) -> None:
    """For keys shorter and longer than a block, the copied states give what the standard library gives."""
    expected = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    assert HmacHasher(Sensitive(key), "k", 64).hashed(text, Form.PLAIN) == f"k.{expected}"


@pytest.mark.parametrize("hasher", [SHA, HMAC])
def test_what_each_kind_of_value_gives(hasher: Sha256Hasher | HmacHasher) -> None:
    """Null stays null; numbers and booleans hash as their JSON text; arrays element by element; objects by canonical JSON."""

    def of(text: str) -> object:
        return hasher.hashed(text, Form.PLAIN)

    assert hasher.hashed(None, Form.PLAIN) is None
    assert hasher.hashed(5, Form.PLAIN) == of("5")
    assert hasher.hashed(2**70, Form.PLAIN) == of(str(2**70))
    assert hasher.hashed(12.5, Form.PLAIN) == of("12.5")
    assert hasher.hashed(True, Form.PLAIN) == of("true")
    assert hasher.hashed(False, Form.PLAIN) == of("false")
    assert hasher.hashed(["a", None, ["b"]], Form.PLAIN) == [of("a"), None, [of("b")]]
    assert hasher.hashed({"b": 1.0, "a": [2]}, Form.PLAIN) == of('{"a":[2],"b":1}')
    assert hasher.hashed({"a": [2], "b": 1}, Form.PLAIN) == hasher.hashed({"b": 1, "a": [2]}, Form.PLAIN)


def test_a_value_in_our_own_form_is_left() -> None:
    """No value is hashed twice; near misses are hashed."""
    own = HMAC.hashed("x", Form.PLAIN)
    assert isinstance(own, str)
    assert HMAC.hashed(own, Form.PLAIN) == own
    for near in (own[:-1], own + "0", own.upper(), "k2" + own[2:], own + "\n", " " + own):
        assert HMAC.hashed(near, Form.PLAIN) != near


def test_an_unkeyed_hash_has_no_form_of_its_own() -> None:
    """Sixteen hexadecimal digits may be a card number: they are hashed like anything else."""
    assert SHA.hashed("4111111111111111", Form.PLAIN) != "4111111111111111"


def test_spellings_of_one_address_share_a_keyed_hash() -> None:
    """Emails without case and padding, phone numbers without separators; other text, and unkeyed hashes, as it is."""
    assert HMAC.hashed(" Ada@Example.COM ", Form.EMAIL) == HMAC.hashed("ada@example.com", Form.EMAIL)
    assert HMAC.hashed("+1 (555) 01-23", Form.PHONE) == HMAC.hashed("+15550123", Form.PHONE)
    assert HMAC.hashed("Ada", Form.PLAIN) != HMAC.hashed("ada", Form.PLAIN)
    assert SHA.hashed(" Ada@Example.COM ", Form.EMAIL) != SHA.hashed("ada@example.com", Form.EMAIL)


@pytest.mark.parametrize(
    ("name", "form"), [("email", Form.EMAIL), ("phonenumber", Form.PHONE), ("ssn", Form.PLAIN), ("", Form.PLAIN)]
)
def test_the_form_follows_the_name(name: str, form: Form) -> None:
    """A field's normal form decides which canonical text it has."""
    assert form_of(name) is form


@given(st.text(), st.sampled_from(Form))
def test_canonical_text_is_settled(text: str, form: Form) -> None:
    """The canonical spelling of a canonical spelling is itself."""
    once = canonical_text(text, form)
    assert canonical_text(once, form) == once


def test_the_key_does_not_print() -> None:
    """Nothing a hasher shows of itself holds its key."""
    assert KEY.decode() not in repr(HMAC) + repr(vars(HMAC))
