"""What is found in one text."""

import sys

import pytest

from proxy.policy.detectors.model import Span
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.model import PATTERN_MAX_CHARACTERS
from tests.detections import ALL, found, masked

pytestmark = pytest.mark.needs("detectors")

CARD = "4111 1111 1111 1111"


def test_what_is_found_in_a_text() -> None:
    """Spans are sorted, and each names its detector."""
    text = f"ada@example.com paid {CARD} from 192.0.2.10"
    assert Scanner(["ipv4", "payment_card", "email"], {}).spans(text) == [
        Span(0, 15, "email"), Span(21, 40, "payment_card"), Span(46, 56, "ipv4"),
    ]  # fmt: skip


def test_only_what_is_named_is_found() -> None:
    """A detector that no rule names does not act."""
    assert found("email", f"ada@example.com {CARD}") == ["ada@example.com"]
    assert found([], CARD) == []


@pytest.mark.parametrize(("name", "text"), [("aws_key", "AK" + "IAOFPLZFFYQQADQLET"), ("national_id:IT", "RSSMRAURMLMHRLMA")])
def test_what_happens_to_hold_no_digit_is_found(name: str, text: str) -> None:
    """One in thirty AWS key ids is letters alone, and an Italian tax code whose digits were taken already (omocodia)."""
    assert text.isalpha()
    assert found(name, text) == [text]


@pytest.mark.parametrize(
    ("name", "before", "find"),
    [
        ("us_ssn", "userSSN: ", "536904399"),
        ("aws_key", "prodSecretAccessKey=", "aB3+" * 10),
        ("azure_key", "storageAccountKey=", "aB" * 43 + "=="),
        ("customerio_key", "MYCIO_API_KEY=", "0123456789abcdef" * 2),
    ],
)
def test_what_a_word_names_is_found_whatever_the_word_begins_with(name: str, before: str, find: str) -> None:
    """Names of settings are put together: what must stand free is the number or key, not the word before it."""
    assert found(name, before + find) == [find]


@pytest.mark.parametrize(
    ("name", "find"), [("payment_card", "4111111111111111"), ("pem", "-----BEGIN PRIVATE KEY-----\\nMIIE")]
)
@pytest.mark.parametrize("escape", ["\\n", "\\r\\n", "\\t"])
def test_what_stands_behind_an_escaped_line_end_is_found(name: str, find: str, escape: str) -> None:
    """In a log that was escaped once too often, `n` is no letter that the find is joined to; without a backslash it is."""
    assert found(name, f"at{escape}{find}") == [find]
    assert found(name, f"atn{find}") == []


@pytest.mark.parametrize(
    ("name", "text", "find"),
    [("ipv6", "from:2001:db8::1", "2001:db8::1"), ("phone:US", "Tel(415) 555-0132", "415) 555-0132")],
)
def test_what_stands_behind_a_sign_that_is_joined_to_a_word_is_found(name: str, text: str, find: str) -> None:
    """The sign could have begun it, and did not; what follows the sign stands free."""
    assert found(name, text) == [find]


def test_a_pattern_of_a_user_is_found() -> None:
    """By its own name, in texts of letters only as well, in full-width letters, and beside what is folded."""
    scanner = Scanner(["staff", "euro"], {"staff": "EMP-[A-Z]{3}", "euro": "€[０-９]+", "unused": "("})
    assert scanner.spans("of EMP-ABC") == [Span(3, 10, "staff")]
    assert scanner.spans("ＥＭＰ－ＡＢＣ €４２") == [Span(0, 7, "staff"), Span(8, 11, "euro")]
    assert found("word", "secret", {"word": "secret"}) == ["secret"]


def test_where_two_overlap_the_first_has_its_own_and_the_other_what_stands_out() -> None:
    """Begins first, then longer, then named first; and nothing that was found is left out."""
    patterns = {"left": "abc", "right": "cde", "long": "abcd", "same": "abc"}
    assert Scanner(["right", "left"], patterns).spans("abcde") == [Span(0, 3, "left"), Span(3, 5, "right")]
    assert Scanner(["left", "long"], patterns).spans("abcde") == [Span(0, 4, "long")]
    assert Scanner(["same", "left"], patterns).spans("abc") == [Span(0, 3, "same")]
    assert Scanner(["left", "same"], patterns).spans("abc") == [Span(0, 3, "left")]


def test_what_a_find_hid_is_found() -> None:
    """An NHS number that a card is joined to is none, until the card is gone: masking once is enough."""
    scanner = Scanner(["uk_nhs", "payment_card"], {})
    text = "4010232137-4111111111111111"
    assert not scanner.spans("4010232137-1")
    assert scanner.spans(text) == [Span(0, 10, "uk_nhs"), Span(11, 27, "payment_card")]
    assert not scanner.spans(masked(text, scanner.spans(text)))


def test_a_mask_is_left() -> None:
    """A pattern for words in capitals does not mask the mask."""
    scanner = Scanner(["capitals"], {"capitals": "[A-Z]+"})
    assert scanner.spans("[REDACTED] A") == [Span(11, 12, "capitals")]


def test_which_look_at_numbers() -> None:
    """Those whose finds can be JSON numbers: no address can, and nine digits only where any nine are asked for."""
    numbers = Scanner([*ALL, "own"], {"own": "7+"}).numbers
    assert {"payment_card", "uk_nhs", "us_ssn:bare", "national_id:NL", "phone:US", "own"} <= numbers
    assert not {"email", "iban", "us_ssn", "national_id:ES", "national_id:IT", "phone", "ipv4", "jwt"} & numbers


def test_a_name_given_twice_is_one() -> None:
    """Rules of different endpoints may name the same detector."""
    assert found(["email", "email"], "ada@example.com") == ["ada@example.com"]


@pytest.mark.parametrize(
    ("names", "patterns", "problem"),
    [
        (["card"], {}, r"card: is no detector; docs/detectors\.md lists them"),
        (["mine"], {"mine": "hunter2("}, r"pattern mine: missing \)"),
        (["mine"], {"mine": "hunter2" * PATTERN_MAX_CHARACTERS}, "pattern mine: has more than 1000 characters"),
        (["email"], {"email": "hunter2"}, "pattern email: a detector has this name; take another"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(names: list[str], patterns: dict[str, str], problem: str) -> None:
    """At load, by name, and without the pattern: it may be a secret itself."""
    with pytest.raises(ValueError, match=problem) as refused:
        Scanner(names, patterns)
    assert "hunter2" not in str(refused.value)


def test_patterns_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each compiles, all of them do not."""
    monkeypatch.setattr("proxy.policy.detectors.linear.MEMORY_MAX_BYTES", 1 << 20)
    names = [f"p{number}" for number in range(50)]
    with pytest.raises(ValueError, match="detectors and patterns are too large together; leave some out"):
        Scanner(names, dict.fromkeys(names, r"\pL{1,50}"))


def test_a_missing_engine_is_refused_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 is an extra."""
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(ValueError, match=r'email: needs a library: pip install "customerio-sidecar\[detectors\]"'):
        Scanner(["email"], {})


def test_the_least_digits_of_a_number() -> None:
    """Of its detectors the least, so that small numbers are not looked at; any, where a pattern is a user's own."""
    for names, least in (
        (["payment_card"], 13), (["payment_card", "us_ssn:bare"], 9), (["phone:US"], 10), (["phone:DE"], 4),
        (["email"], 0), (["national_id:IN", "email"], 12),
    ):  # fmt: skip
        assert Scanner(names, {}).number_digits_min == least
    assert Scanner(["payment_card", "own"], {"own": "7+"}).number_digits_min == 0


@pytest.mark.parametrize(
    ("name", "text"), [("email", "a@b.co"), ("ipv4", "1.1.1.1"), ("ipv6", "::12"), ("payment_card", "4222222222222")]
)
def test_the_shortest_find_is_found(name: str, text: str) -> None:
    """Only what is shorter is not looked at, and it costs no folding."""
    assert found(name, text) == [text]
