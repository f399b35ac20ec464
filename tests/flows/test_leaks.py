"""G1: no byte leaves that the policy did not see. The leak matrix: position x encoding x action."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
import orjson
import pytest

from proxy.api.model import Bucket
from tests.flows.conftest import Upstream
from tests.flows.positions import CANARY, FIELDS, POSITIONS, Position, positions
from tests.running import config, running

ENCODINGS: dict[str, tuple[dict[str, str], Callable[[bytes], bytes]]] = {
    "plain": ({}, lambda body: body),
    "gzip": ({"Content-Encoding": "gzip"}, gzip.compress),
    "deflate": ({"Content-Encoding": "deflate"}, zlib.compress),
    "escaped": ({}, lambda body: escaped(body.decode()).encode()),
    "utf-8": (
        {"Content-Type": "application/json; charset=utf-8"},
        lambda body: json.dumps(orjson.loads(body), ensure_ascii=False).encode(),
    ),
    "chunked": ({}, lambda body: body),
}


def escaped(text: str) -> str:
    r"""Return JSON text with every letter of its strings as a `\u` escape, as `\u0073sn` hides `ssn`."""
    pieces, inside, index = [], False, 0
    while index < len(text):
        character = text[index]
        if inside and character == "\\":
            size = 6 if text[index + 1] == "u" else 2
            pieces.append(text[index : index + size])
            index += size
            continue
        if character == '"':
            inside = not inside
        pieces.append(f"\\u{ord(character):04x}" if inside and character.isalpha() else character)
        index += 1
    return "".join(pieces)


def spellings(canary: str) -> set[bytes]:
    """Return every form in which the canary would be recognisable."""
    raw = canary.encode()
    forms = {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        quote(canary, safe="").encode(),
        json.dumps(canary)[1:-1].encode(),
    }
    for shift in range(3):  # base64 of it inside anything
        coded = base64.b64encode(b"\0" * shift + raw)
        forms |= {coded[4:-4], coded.translate(bytes.maketrans(b"+/", b"-_"))[4:-4]}
    return forms


# What is found by its value, wherever it stands.
FOUND = "canary.9f83b1@gehoert-nicht-hinaus.example"
SPELLINGS = spellings(CANARY) | spellings(FOUND)
# Out of the way: what is looked for is a leak, not a refusal.
NO_LIMITS = {"buckets": {bucket.value: {"rate_per_second": 100_000.0, "burst": 1000} for bucket in Bucket}}


def leaks(data: bytes) -> bool:
    """Say whether a form of the canary is in `data`."""
    return any(form in data for form in SPELLINGS)


async def chunks(body: bytes) -> Any:  # noqa: ANN401  # an async generator
    """Give `body` in pieces, so that it is sent chunked and no piece holds the whole canary."""
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


BY_NAME, BY_VALUE = {"fields": list(FIELDS)}, {"detect": ["email"]}


def policy(by: dict[str, list[str]], action: str, mode: str) -> dict[str, Any]:
    """Return a policy that does `action` to what it knows `by` name or value."""
    rule = {"name": "matrix", "action": action, "mode": mode} | by
    return {"version": 1, "hash": {"algorithm": "sha256", "hex_length": 32}, "rules": [rule]}


def matrix(places: Sequence[Position]) -> Iterator[tuple[Position, str]]:
    """Give every call of the matrix."""
    for position in places:
        for encoding in ENCODINGS:
            yield position, encoding


def test_the_spellings_are_found() -> None:
    """The detector of this test finds the canary in each form, so that finding none means something."""
    for canary in (CANARY, FOUND):
        raw = canary.encode()
        for prefix in (b"", b"x", b"xy"):
            assert leaks(base64.b64encode(prefix + raw + b"zz"))
            assert leaks(base64.urlsafe_b64encode(prefix + raw + b"zz"))
        assert all(map(leaks, (raw, raw.hex().encode(), quote(canary).encode(), json.dumps(canary).encode())))
    assert not leaks(b"nothing of it")
    assert escaped('{"ssn": "a\\u00e9\\n"}') == '{"\\u0073\\u0073\\u006e": "\\u0061\\u00e9\\n"}'


def test_the_matrix_holds_what_it_claims() -> None:
    """At least sixty positions, each with the canary in it, and no two alike."""
    assert len(POSITIONS) >= 60
    assert len({position.name for position in POSITIONS}) == len(POSITIONS)
    assert all(leaks(orjson.dumps(position.body)) for position in POSITIONS)


@pytest.mark.parametrize("action", ["strip", "hash", "mask", "deny"])
@pytest.mark.parametrize(
    "known",
    [
        pytest.param((BY_NAME, POSITIONS), id="by name"),
        pytest.param((BY_VALUE, positions(FOUND)), id="by value", marks=pytest.mark.needs("detectors")),
    ],
)
async def test_g1_the_leak_matrix(
    known: tuple[dict[str, list[str]], Sequence[Position]],
    action: str,
    upstream: Upstream,
    client: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    """In no position and no encoding does what is known by name or value leave, nor show in an answer, a log or a metric."""
    by, places = known
    document = config(upstream.url, policy=policy(by, action, "enforce"))
    document["limits"] = NO_LIMITS
    async with running(tmp_path, document) as sidecar:
        for position, encoding in matrix(places):
            headers, encode = ENCODINGS[encoding]
            body = encode(json.dumps(position.body).encode())
            async with client.request(
                position.method,
                sidecar.url + position.path,
                data=chunks(body) if encoding == "chunked" else body,
                headers={"Authorization": "Basic eDp5", "Content-Type": "application/json"} | headers,
            ) as answer:
                text = await answer.read()
                told = answer.headers.get("X-CIO-Sidecar", "")
            where = f"{position.name}, {encoding}"
            assert not leaks(text + str(answer.headers).encode()), where
            if action == "deny" and ("repeated key" not in position.name or told != "forwarded"):
                assert (answer.status, told) == (400, "refused; reason=policy_denied"), where
                assert not upstream.simulator.requests, where
            else:
                assert told == "forwarded", (where, text)
                (arrived,) = upstream.simulator.requests
                assert not leaks(arrived.request.body + str(arrived.request).encode()), where
                assert arrived.json is not None, where
                left = unquote(unquote(json.dumps(arrived.json)))
                # Of a repeated key the last one counts. In a text that is no JSON a value is masked, whatever the action.
                if action == "mask" and "repeated key" not in position.name:
                    assert "[REDACTED]" in left, where
                if action == "hash" and by is BY_NAME and "repeated key" not in position.name:
                    assert "_hash" in left or "[REDACTED]" in left, where
            upstream.simulator.clear()
        async with client.get(sidecar.admin_url + "/metrics") as answer:
            metrics = await answer.read()
        assert f'pii_actions_total{{action="{action}",mode="enforce",rule="matrix"}}'.encode() in metrics
        assert not leaks(metrics)
    assert not leaks(bytes(sidecar.log))


async def test_the_matrix_would_find_a_leak(upstream: Upstream, client: aiohttp.ClientSession, tmp_path: Path) -> None:
    """With the same rule in report mode every call arrives whole: the matrix tests what it says it tests."""
    document = config(upstream.url, policy=policy(BY_NAME, "strip", "report"))
    document["limits"] = NO_LIMITS
    async with running(tmp_path, document) as sidecar:
        for position in (*POSITIONS, *positions(FOUND)):
            async with client.request(position.method, sidecar.url + position.path, json=position.body) as answer:
                assert answer.headers["X-CIO-Sidecar"] == "forwarded", position.name
            (arrived,) = upstream.simulator.requests
            # What a repeated key hides is lost when the text is read, in any mode.
            assert leaks(arrived.request.body) or "repeated key" in position.name, position.name
            upstream.simulator.clear()
