"""Scrubbing under any secret, any rendering of it and any cut of the stream (promise G4)."""

import base64
import json
from itertools import pairwise
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from proxy.delivery.scrub import Scrubber

# Few letters, so that secrets overlap, repeat and begin each other; and what each of the codings is written with.
LETTERS = 'abAB4119*+/-_=%\\"u0x'
# A backslash at either end of one may be left, and says nothing by itself.
secrets = st.text(st.sampled_from(LETTERS), min_size=4, max_size=12).filter(
    lambda secret: len(secret.strip("\\")) == len(secret)
)
keys = st.one_of(secrets, st.text("0123456789abcdef", min_size=20, max_size=20), st.text("Aa0-_Zz9", min_size=24, max_size=40))
noise = st.text(st.sampled_from(" \n{}[]:,;()é漢"), max_size=8).map(str.encode)


def cased(draw: st.DrawFn, digits: str) -> str:
    """Return hex digits, each in either case."""
    return "".join(draw(st.sampled_from((digit.lower(), digit.upper()))) for digit in digits)


def percent_encoded(draw: st.DrawFn, text: str) -> str:
    """Return `text` with characters percent-encoded: those that may not stand in a URL as they are, and any others."""
    return "".join(
        "%" + cased(draw, f"{ord(letter):02x}") if not letter.isalnum() or draw(st.booleans()) else letter for letter in text
    )


def in_base64(draw: st.DrawFn, text: str) -> tuple[str, str, str]:
    """Return `text` in base64, among other bytes: the characters before it, its own, and those behind it."""
    before, behind = draw(st.binary(max_size=4)), draw(st.binary(max_size=4))
    coded = base64.b64encode(before + text.encode() + behind, altchars=draw(st.sampled_from((b"+/", b"-_")))).decode()
    coded = coded.rstrip("=") if draw(st.booleans()) else coded
    first, last = 8 * len(before) // 6, -(-8 * (len(before) + len(text)) // 6)
    return coded[:first], coded[first:last], coded[last:]


def escaped(draw: st.DrawFn, text: str) -> str:
    """Return `text` as part of a JSON string: what has to be escaped, and of the rest what coins say; maybe held once more."""
    pieces = []
    for letter in text:
        ways = [f"\\u00{cased(draw, f'{ord(letter):02x}')}"]
        ways += [f"\\{letter}"] if letter in '"\\/' else []
        ways += [letter] if letter not in '"\\' else []
        pieces.append(draw(st.sampled_from(ways)))
    once = "".join(pieces)
    # What holds JSON in a string escapes what it must, and perhaps slashes; the digits of escapes stay as they are.
    twice = once.replace("\\", "\\\\").replace('"', '\\"').replace("/", draw(st.sampled_from(("/", "\\/"))))
    return draw(st.sampled_from((once, twice)))


@st.composite
def renderings(draw: st.DrawFn, secret: str) -> tuple[bytes, bytes, bytes]:
    """Return a rendering of `secret`: what stands before it, itself, and what stands behind it."""
    kind = draw(st.sampled_from(("raw", "percent", "hex", "base64")))
    before = behind = ""
    match kind:
        case "percent":
            text = percent_encoded(draw, secret)
        case "hex":
            text = cased(draw, secret.encode().hex())
        case "base64":
            before, text, behind = in_base64(draw, secret)
        case _:
            text = secret
    if draw(st.booleans()):
        before, text, behind = (escaped(draw, part) for part in (before, text, behind))
    return before.encode(), text.encode(), behind.encode()


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], list[tuple[int, int]]]:
    """Return secrets, an answer in pieces that holds renderings of them, and where those stand."""
    hidden = draw(st.lists(keys, min_size=1, max_size=2))
    answer, places = b"", []
    for secret in draw(st.lists(st.sampled_from(hidden), max_size=3)):
        before, text, behind = draw(renderings(secret))
        answer += draw(noise) + before
        places.append((len(answer), len(answer) + len(text)))
        answer += text + behind + b" "
    answer += draw(noise)
    cuts = sorted(draw(st.lists(st.integers(0, len(answer)), max_size=6)))
    edges = [0, *cuts, len(answer)]
    return [secret.encode() for secret in hidden], [answer[start:end] for start, end in pairwise(edges)], places


def streamed(scrubber: Scrubber, pieces: list[bytes]) -> bytes:
    """Return what a stream gives."""
    stream = scrubber.stream()
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.end()])


@settings(deadline=None)  # a busy machine takes its time for a stream of single bytes
@given(answers())
def test_every_rendering_is_covered_however_the_stream_is_cut(
    case: tuple[list[bytes], list[bytes], list[tuple[int, int]]],
) -> None:
    """Filler stands in its place, byte for byte, and what comes out depends on the answer and not on the cuts."""
    hidden, pieces, places = case
    scrubber = Scrubber(hidden)
    answer = b"".join(pieces)
    out = scrubber.whole(answer)
    assert len(out) == len(answer)
    for start, end in places:
        assert out[start:end] == scrubber.filler * (end - start)
    assert streamed(scrubber, pieces) == out
    assert streamed(scrubber, [answer[index : index + 1] for index in range(len(answer))]) == out
    assert scrubber.whole(out) == out


@given(answers())
def test_nothing_decodes_to_the_secret(case: tuple[list[bytes], list[bytes], list[tuple[int, int]]]) -> None:
    """The decoders of others give back nothing: JSON's (once and twice), percent, hex and base64 at any place."""
    hidden, pieces, _ = case
    out = Scrubber(hidden).whole(b"".join(pieces))
    texts = {out}
    for _ in range(2):
        texts |= {unescaped(text) for text in texts}
    texts |= {unquote_to_bytes(text) for text in texts}
    for text in texts:
        words = b"".join(
            byte if byte.isalnum() or byte in b"+/-_" else b" " for byte in (bytes([code]) for code in text)
        ).split()
        for word in words:
            read = {text, *from_base64(word)}
            if len(word) % 2 == 0 and not set(word.lower()) - set(b"0123456789abcdef"):
                read.add(bytes.fromhex(word.decode()))
            assert not any(secret in data for secret in hidden for data in read)
        assert not any(secret in text for secret in hidden)


def unescaped(text: bytes) -> bytes:
    """Return what Python's own decoder makes of `text` in a JSON string; `text` itself where it is no part of one."""
    for quoted in (b'"%b"' % text, b'"%b"' % text.replace(b'"', b'\\"')):
        try:
            decoded = json.loads(quoted, strict=False)  # noqa: TID251  # a decoder that is not ours
        except ValueError:
            continue
        if isinstance(decoded, str):
            return decoded.encode("utf-8", "surrogatepass")
    return text


def from_base64(word: bytes) -> list[bytes]:
    """Return what is read from `word` at each alignment."""
    standard = word.replace(b"-", b"+").replace(b"_", b"/")
    return [base64.b64decode(standard[skip : skip + (len(standard) - skip) // 4 * 4]) for skip in range(4)]


@given(answers())
def test_only_the_secret_changes(case: tuple[list[bytes], list[bytes], list[tuple[int, int]]]) -> None:
    """What no rendering is written with stays as it came."""
    hidden, pieces, _ = case
    data = b"".join(pieces)
    apart = " \n{}[]:,;()é漢".encode()
    assert all(was == now for was, now in zip(data, Scrubber(hidden).whole(data), strict=True) if was in apart)


@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4),
    st.text("abcdefghij0123456789", min_size=20, max_size=20),
)
def test_an_answer_without_the_secret_is_the_same_object(answer: dict[str, str], secret: str) -> None:
    """Nothing is made anew where nothing was found."""
    data = json.dumps(answer).encode()
    assume(secret not in data.decode())
    assert Scrubber([secret.encode()]).whole(data) is data


@given(keys, st.data())
def test_json_stays_json(secret: str, data: st.DataObject) -> None:
    """Whatever is covered, the escapes of a string are covered whole, also in JSON held in a string."""
    document = b'{"echo":"%b%b%b","n":1}' % data.draw(renderings(secret))
    try:
        json.loads(document)  # noqa: TID251  # a decoder that is not ours
    except ValueError:
        reject()
    out = json.loads(Scrubber([secret.encode()]).whole(document))  # noqa: TID251  # a decoder that is not ours
    assert (set(out), out["n"]) == ({"echo", "n"}, 1)


@pytest.mark.parametrize("size", [1, 12, 13, 14, 415, 416, 417, 424, 5000])
def test_a_secret_is_found_wherever_it_stands(size: int) -> None:
    """The quick look that comes first misses no place in a text of any length."""
    secret = b"f9e8d7c6b5a49382716f"
    scrubber = Scrubber([secret])
    for place in range(max(size - 20, 1)):
        data = b"x" * place + secret + b"y" * (size - place)
        assert secret not in scrubber.whole(data)
