"""The secret is kept out of answers, at unchanged length (promise G4)."""

import base64
import json
import time

import pytest

from proxy.credentials.model import TrackPair
from proxy.delivery.scrub import Scrubber
from proxy.sensitive import Sensitive

KEY = b"s3cr3t/key+1"
SCRUBBER = Scrubber([KEY])
PAIR = b"site:" + KEY


def fed(scrubber: Scrubber, *pieces: bytes) -> bytes:
    """Return what a stream of `pieces` gives."""
    stream = scrubber.stream()
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.end()])


@pytest.mark.parametrize(
    "rendering",
    [
        KEY,
        b"s3cr3t%2Fkey%2B1",
        b"s3cr3t%2fkey%2b1",
        b"%73%33cr3t%2Fkey+1",
        KEY.hex().encode(),
        KEY.hex().upper().encode(),
        rb"s3cr3t\/key+1",
        rb"s3cr3t\u002Fkey\u002B1",
        rb"s3cr3t\u002fkey+1",
        rb"s3cr3t\\\/key\\u002b1",
        "".join(f"\\u{code:04x}" for code in KEY).encode(),
        "".join(f"\\u{code:04X}" for code in KEY).encode(),
        "".join(f"\\u{ord(digit):04x}" for digit in KEY.hex()).encode(),
        b"s3cr3t%2Fkey%2B1".replace(b"%", rb"\u0025"),
        "".join(f"\\u0025\\u{ord(f'{code:02x}'[0]):04x}\\u{ord(f'{code:02x}'[1]):04x}" for code in KEY).encode(),
    ],
)
def test_every_rendering_becomes_asterisks(rendering: bytes) -> None:
    """Whatever form the secret comes back in, asterisks of its length stand there; what is around it stays."""
    answer = b'{"echo":"' + rendering + b'","again":"' + rendering + b'"}'
    assert SCRUBBER.whole(answer) == answer.replace(rendering, b"*" * len(rendering))
    assert fed(SCRUBBER, answer) == SCRUBBER.whole(answer)


@pytest.mark.parametrize("altchars", [b"+/", b"-_"])
@pytest.mark.parametrize("escape", [False, True])
@pytest.mark.parametrize("around", [(b"", b""), (b"a", b""), (b"ab", b"z"), (b"Basic abc", b"\r\n"), (b'{"k":"', b'"}')])
def test_base64_hides_nothing(around: tuple[bytes, bytes], altchars: bytes, *, escape: bool) -> None:
    """At every alignment, in either alphabet, padded or not: every character that holds bits of the secret is covered."""
    before, behind = around
    coded = base64.b64encode(before + KEY + behind, altchars=altchars)
    first, last = 8 * len(before) // 6, -(-8 * (len(before) + len(KEY)) // 6)
    start, middle, end = coded[:first], coded[first:last], coded[last:]
    if escape:
        middle = "".join(f"\\u{code:04x}" for code in middle).encode()
    answer = b'{"line":"' + start + middle + end + b'"}'
    assert SCRUBBER.whole(answer) == b'{"line":"' + start + b"*" * len(middle) + end + b'"}'


def test_an_answer_without_the_secret_stays_as_it_is() -> None:
    """Nothing but the secret is touched."""
    answer = b'{"delivery_id":"s3cr3t/kex+1","text":"\\u0041 \\/ \\\\\\\\ %41 \\n"}'
    assert SCRUBBER.whole(answer) == answer
    assert SCRUBBER.whole(answer) is answer
    assert fed(SCRUBBER, answer) == answer


@pytest.mark.parametrize("cut", range(len(KEY) + 1))
def test_a_rendering_across_pieces_is_found(cut: int) -> None:
    """Wherever the network cuts the stream, the secret does not slip through the cut."""
    assert fed(SCRUBBER, b"a" + KEY[:cut], KEY[cut:] + b"b") == b"a" + b"*" * len(KEY) + b"b"


def test_a_rendering_in_single_bytes_is_found() -> None:
    """A far end that sends byte by byte gains nothing."""
    data = b"x" * 100 + KEY + b"y" * 100
    assert fed(SCRUBBER, *(data[index : index + 1] for index in range(len(data)))) == SCRUBBER.whole(data)


def test_a_longer_secret_hides_whole_across_pieces() -> None:
    """One that holds another at its beginning is replaced whole, even where the first piece ends after the shorter one."""
    scrubber = Scrubber([b"secret", b"secret-and-more"])
    assert fed(scrubber, b"<secret", b"-and-more>") == b"<***************>"
    assert fed(scrubber, b"<secret", b"-and-less>") == b"<******-and-less>"


def test_a_stream_gives_on_what_cannot_hide_a_beginning() -> None:
    """No more is held back than the longest rendering less one byte, so a caller is not kept waiting for the end."""
    stream = SCRUBBER.stream()
    given = stream.feed(b"x" * 10_000)
    assert len(given) == 10_000 - SCRUBBER.overlap_bytes
    assert len(given) + len(stream.end()) == 10_000
    # Of the key of an account, 24 bytes for each character of the longest, hex of what HTTP Basic makes of a pair.
    authorization = TrackPair(Sensitive("0a" * 10), Sensitive("0b" * 10)).authorization()
    assert Scrubber(authorization.hidden.reveal()).overlap_bytes < 4096


def test_a_secret_that_overlaps_itself_leaves_no_part() -> None:
    """Where two copies share bytes, both are covered."""
    scrubber = Scrubber([b"abcabc"])
    assert scrubber.whole(b"<abcabcabc>") == b"<*********>"
    assert fed(scrubber, b"<abca", b"bcabc>") == b"<*********>"


def test_a_secret_of_asterisks_is_not_hidden_behind_asterisks() -> None:
    """What stands in its place could otherwise be read as the secret, or complete the rest of one."""
    scrubber = Scrubber([b"********"])
    assert scrubber.whole(b"key=********;") == b"key=        ;"
    assert b"*secret" not in Scrubber([b"*secret", b"KEYS"]).whole(b"KEYSsecret")


def test_a_secret_that_nothing_can_stand_for_is_refused() -> None:
    """Better no start than an answer that still holds it."""
    with pytest.raises(ValueError, match="filler"):
        Scrubber([b"* *"])


def test_no_secret_means_nothing_to_do() -> None:
    """Calls without a credential pass through untouched, and nothing of them is held back."""
    scrubber = Scrubber([b""])
    assert scrubber.whole(b"anything") == b"anything"
    stream = scrubber.stream()
    assert (stream.feed(b"anything"), stream.end()) == (b"anything", b"")


@pytest.mark.parametrize("key", ["0123456789abcdef0123", 'a"b\\c/d+e%f&g', "***!***!***", "~" * 8, "a*" * 10])
def test_every_usable_credential_has_a_scrubber(key: str) -> None:
    """Whatever printable text a key is, answers can be scrubbed of it."""
    authorization = TrackPair(Sensitive("site-id"), Sensitive(key)).authorization()
    scrubber = Scrubber(authorization.hidden.reveal())
    answer = json.dumps({"key": key, "site": "site-id", "line": authorization.line.reveal().decode()}).encode()
    for text in (answer, authorization.line.reveal(), base64.b64encode(authorization.line.reveal())):
        out = scrubber.whole(text)
        for secret in (key.encode(), b"site-id", base64.b64encode(b"site-id:" + key.encode()).rstrip(b"=")):
            assert secret not in out
            assert base64.b64encode(secret).rstrip(b"=")[:-1] not in out


@pytest.mark.parametrize("answer", [b"%41" * 20_000, rb"\u0041" * 20_000, b"\\" * 30_000, rb"\\\\u0041" * 9_000, b"%" * 60_000])
def test_an_answer_of_escapes_costs_little(answer: bytes) -> None:
    """They are undone in one pass, however many there are and whatever they stand for."""
    before = time.process_time()
    assert SCRUBBER.whole(answer) == answer
    assert fed(SCRUBBER, answer) == answer
    assert time.process_time() - before < 1
