"""The secret is kept out of answers, at unchanged length (promise G4)."""

import base64

import pytest

from proxy.credentials.model import TrackPair
from proxy.delivery.scrub import Scrubber
from proxy.sensitive import Sensitive

KEY = b"s3cr3t-key"
SCRUBBER = Scrubber([KEY, base64.b64encode(b"site:" + KEY).rstrip(b"=")])


def fed(scrubber: Scrubber, *pieces: bytes) -> bytes:
    """Return what a stream of `pieces` gives."""
    stream = scrubber.stream()
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.end()])


@pytest.mark.parametrize("rendering", SCRUBBER.renderings)
def test_every_rendering_becomes_asterisks(rendering: bytes) -> None:
    """Whatever form the secret comes back in, asterisks of its length stand there; what is around it stays."""
    answer = b'{"echo":"' + rendering + b'","again":"' + rendering + b'"}'
    assert SCRUBBER.whole(answer) == answer.replace(rendering, b"*" * len(rendering))


def test_an_answer_without_the_secret_stays_as_it_is() -> None:
    """Nothing but the secret is touched."""
    answer = b'{"delivery_id":"s3cr3t-kex"}'
    assert SCRUBBER.whole(answer) == answer
    assert fed(SCRUBBER, answer) == answer


@pytest.mark.parametrize("cut", range(len(KEY) + 1))
def test_a_rendering_across_pieces_is_found(cut: int) -> None:
    """Wherever the network cuts the stream, the secret does not slip through the cut."""
    assert fed(SCRUBBER, b"a" + KEY[:cut], KEY[cut:] + b"b") == b"a" + b"*" * len(KEY) + b"b"


def test_a_rendering_in_single_bytes_is_found() -> None:
    """A far end that sends byte by byte gains nothing."""
    data = b"x" * 100 + KEY + b"y" * 100
    assert fed(SCRUBBER, *(data[index : index + 1] for index in range(len(data)))) == SCRUBBER.whole(data)


def test_a_longer_rendering_hides_whole_across_pieces() -> None:
    """A form that holds another at its beginning is replaced whole, even where the first piece ends after the shorter one."""
    scrubber = Scrubber([b"secret", b"secret-and-more"])
    assert fed(scrubber, b"<secret", b"-and-more>") == b"<***************>"
    assert fed(scrubber, b"<secret", b"-and-less>") == b"<******-and-less>"


def test_a_stream_gives_on_what_cannot_hide_a_beginning() -> None:
    """No more is held back than the longest rendering less one byte, so a caller is not kept waiting for the end."""
    stream = SCRUBBER.stream()
    given = stream.feed(b"x" * 1000)
    assert len(given) == 1000 - SCRUBBER.overlap_bytes
    assert len(given) + len(stream.end()) == 1000


def test_a_secret_that_overlaps_itself_leaves_no_whole_copy() -> None:
    """Where two copies share bytes, no copy is left."""
    scrubber = Scrubber([b"abcabc"])
    assert b"abcabc" not in scrubber.whole(b"abcabcabc")
    assert b"abcabc" not in fed(scrubber, b"abca", b"bcabc")


def test_a_secret_of_asterisks_is_not_hidden_behind_asterisks() -> None:
    """What stands in its place could otherwise be read as the secret, or complete the rest of one."""
    scrubber = Scrubber([b"********"])
    assert scrubber.whole(b"key=********;") == b"key=        ;"
    assert b"*secret" not in Scrubber([b"*secret", b"KEY"]).whole(b"KEYsecret")


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
    authorization = TrackPair(Sensitive("site"), Sensitive(key)).authorization()
    renderings = authorization.renderings.reveal()
    scrubber = Scrubber(renderings)
    answer = b"|".join(sorted(renderings))
    assert not any(rendering in scrubber.whole(answer) for rendering in renderings)
    assert authorization.line.reveal() not in scrubber.whole(authorization.line.reveal())
