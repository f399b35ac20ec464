"""JSON in, the same JSON out, or a refusal: every class of text, by the decoder itself and through the real process."""

import gzip
import json
import unicodedata
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.decode import inflate, parse
from proxy.payload.encode import encode
from tests.conformance.caller import Caller, calling
from tests.conformance.cases import HOST, request
from tests.conformance.conftest import Certificates, Place, between
from tests.conformance.corpus import by_name
from tests.conformance.documents import BODY_BYTES, GROUPS, MAX_DEPTH, Document
from tests.conformance.origin import Arrived, serving

DOCUMENTS = by_name(GROUPS)
# Sent ahead of their answers: well under what a connection holds.
AHEAD = 20
# The names of the default policy, in normal form; what they name does not pass as it is.
NAMED = frozenset(
    [
        *("ssn", "socialsecurity", "taxid", "creditcard", "cardnumber", "cvv", "password", "passwordhash", "bankaccount"),
        *("routingnumber", "phone", "phonenumber", "ipaddress", "ip", "address", "streetaddress"),
    ]
)


def exact(value: object) -> str:
    """Return a text that two values share only if they are the same: 1 is not 1.0, 0.0 not -0.0, and keys have an order."""
    return json.dumps(value)


def _no_constant(name: str) -> object:
    raise AssertionError(f"{name} is no JSON")


def witness(data: bytes) -> object:
    """Read what arrived with Python's own decoder, by the letter of RFC 8259."""
    return json.loads(data.decode(), parse_constant=_no_constant)  # noqa: TID251  # the independent witness


def field(fields: Sequence[bytes], name: bytes) -> bytes | None:
    """Return the value of a field."""
    return next((line.partition(b":")[2].strip() for line in fields if line.lower().startswith(name + b":")), None)


# The pure functions know nothing of types and lengths.
READ = {
    name: document
    for name, document in DOCUMENTS.items()
    if document.reason is not Reason.UNSUPPORTED_MEDIA and len(document.text) <= BODY_BYTES
}


@pytest.mark.parametrize("document", READ.values(), ids=READ)
def test_a_text_is_read_exactly_or_refused(document: Document) -> None:
    """Decoded and encoded, a text is the value Python reads in it; or it is refused for the reason of its class."""

    def read() -> object:
        return parse(inflate(document.text, field(document.fields, b"content-encoding"), BODY_BYTES), MAX_DEPTH)

    if document.reason is None:
        assert exact(witness(encode(read()))) == exact(document.value)
        return
    with pytest.raises(RefusedError) as caught:
        read()
    assert caught.value.reason is document.reason


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Run one sidecar, with the default policy and limits, for all texts."""
    async with serving() as origin, between(tmp_path_factory.mktemp("sidecar"), origin, certificates, {}) as place:
        yield place


def call(text: bytes, *fields: bytes) -> bytes:
    """Return a call with `text` for its body."""
    return request(b"PUT /api/v1/customers/5 HTTP/1.1", HOST, *fields, b"Content-Length: %d" % len(text), body=text)


async def reasons(caller: Caller, calls: Sequence[bytes]) -> list[Reason | None]:
    """Make `calls`, one behind the other; return why each was refused, or None for those that were not."""
    await caller.send(b"".join(calls))
    told = [await caller.read() for _ in calls]
    return [answer.reason if answer is not None else Reason.INTERNAL for answer in told]


def body(arrived: Arrived) -> bytes:
    """Return the body of a request that arrived."""
    return arrived.data.partition(b"\r\n\r\n")[2]


@pytest.mark.asyncio(loop_scope="module")
async def test_every_text_through_the_process(place: Place) -> None:
    """On one connection: it outlives every refusal of a text, and what arrives is what was accepted, in order and exact."""
    # One that is longer than is worth reading on for ends its connection.
    names = [name for name, document in DOCUMENTS.items() if len(document.text) <= BODY_BYTES]
    for name in DOCUMENTS.keys() - names:
        async with calling(place.port) as caller:
            assert await reasons(caller, [call(DOCUMENTS[name].text, *DOCUMENTS[name].fields)]) == [DOCUMENTS[name].reason]
    async with calling(place.port) as caller:
        for start in range(0, len(names), AHEAD):
            batch = {name: DOCUMENTS[name] for name in names[start : start + AHEAD]}
            told = await reasons(caller, [call(document.text, *document.fields) for document in batch.values()])
            assert dict(zip(batch, told, strict=True)) == {name: document.reason for name, document in batch.items()}
    accepted = {name: document for name, document in DOCUMENTS.items() if document.reason is None}
    arrived = [exact(witness(body(each))) for each in place.origin.take()]
    for name, value in zip(accepted, arrived, strict=True):
        assert value == exact(accepted[name].value), name


def named(key: str) -> bool:
    """Say whether the default policy looks for a key, whole or as a part of it between dots."""
    parts = (key, *key.split("."))
    return any("".join(filter(str.isalnum, unicodedata.normalize("NFKC", part).casefold())) in NAMED for part in parts)


text = st.text(st.characters(), max_size=20)  # surrogates too: JavaScript sends them
keys = text.filter(lambda key: not named(key))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
values = st.recursive(
    scalars, lambda children: st.lists(children, max_size=6) | st.dictionaries(keys, children, max_size=6), max_leaves=30
)
writers = st.builds(
    lambda escaped, indent, coded: (escaped, indent, coded), st.booleans(), st.none() | st.integers(0, 2), st.booleans()
)


def written(value: object, writer: tuple[bool, int | None, bool]) -> bytes:
    """Return a call that carries `value` as an application may write it."""
    escaped, indent, coded = writer
    document = json.dumps(value, ensure_ascii=escaped, indent=indent)
    try:
        data = document.encode()
    except UnicodeEncodeError:  # a lone surrogate has no bytes unless it is escaped
        data = json.dumps(value, indent=indent).encode()
    fields = [b"Content-Type: application/json"]
    if coded:
        data = gzip.compress(data)
        fields.append(b"Content-Encoding: gzip")
    return call(data, *fields)


@pytest.mark.asyncio(loop_scope="module")
@settings(max_examples=100, deadline=None)
@given(written_as=st.lists(st.tuples(values, writers), min_size=1, max_size=5))
@example(
    written_as=[
        ([2**63, 2**64, -(2**63) - 1, 10**300], (True, None, False)),
        ({"\ud83d": ["\udc00", -0.0, 5e-324]}, (True, 1, True)),
    ]
)
async def test_any_value_survives_the_whole_way(
    written_as: list[tuple[object, tuple[bool, int | None, bool]]], place: Place
) -> None:
    """However an application writes a value, it arrives as it was: integers, doubles, surrogates, the order of keys."""
    async with calling(place.port) as caller:
        told = await reasons(caller, [written(value, writer) for value, writer in written_as])
    assert told == [None] * len(written_as)
    arrived = [exact(witness(body(each))) for each in place.origin.take()]
    assert arrived == [exact(value) for value, _ in written_as]
