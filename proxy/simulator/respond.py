"""Decides on the answer to a request, in pure code and in the order in which the real service seems to decide.

The steps: find the endpoint, check the credential, decode the content coding, check size and content type, parse the JSON,
check the shape, and answer.
"""

import base64
import binascii
import email.parser
import email.policy
import hmac
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import NoReturn
from urllib.parse import parse_qsl

from proxy.simulator import envelopes
from proxy.simulator.endpoints import Found, Missing
from proxy.simulator.model import Api, Call, Credential, Json, Media, Problem, Received, Reply, Row, Workspace

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_CHUNK_BYTES = 65_536
DEPTH = 200  # far below Python's recursion limit


class RefusedError(Exception):
    """The call is not well-formed; `problems` lists the reasons."""

    def __init__(self, *problems: Problem) -> None:
        """Store the reasons of the refusal."""
        super().__init__(len(problems))
        self.problems = problems


def respond(found: Found | Missing, request: Received, workspace: Workspace, number: int, now: float) -> Reply:
    """Return the answer to a request; `found` is its endpoint, `number` makes ids in answers unique, `now` is Unix time."""
    if isinstance(found, Missing):
        if not found.methods:
            return envelopes.stranger(request.target, Problem("", "not found", "not_found", 404))
        reply = envelopes.stranger(request.target, Problem("", "method not allowed", "not_allowed", 405))
        return reply.having({"Allow": ", ".join(found.methods)})
    row = found.row
    # Without strict mode, Pipelines answers 200 to every call, and drops invalid ones (Pipelines API reference).
    lenient = row.api is Api.PIPELINES and request.values("x-strict-mode") != ["1"]
    if not authorised(row.credential, request, workspace):
        return envelopes.reply(200, {}) if lenient else envelopes.unauthorized(row, request.target)
    try:
        call = _call(found, request, workspace, number, now)
    except RefusedError as refused:
        return envelopes.reply(200, {}) if lenient else envelopes.refusal(row.errors, refused.problems)
    return Reply(204) if row.status == 204 else envelopes.reply(row.status, row.reply(call))  # noqa: PLR2004  # no body


def addressed(found: Found | Missing, request: Received, workspaces: Sequence[Workspace]) -> Workspace:
    """Return the workspace that accepts the credential of a request, or the first workspace if none does."""
    if isinstance(found, Found):
        for workspace in workspaces:
            if authorised(found.row.credential, request, workspace):
                return workspace
    return workspaces[0]


def authorised(credential: Credential, request: Received, workspace: Workspace) -> bool:
    """Return whether a request has the right credential, in exactly one `Authorization` header."""
    if credential is Credential.NONE:
        return True
    headers = request.values("authorization")
    scheme, _, token = (headers[0] if len(headers) == 1 else "").partition(" ")
    if credential is Credential.APP_KEY:
        return scheme.lower() == "bearer" and _same(token.strip().encode("latin-1"), workspace.app_key)
    pair = f"{workspace.site_id}:{workspace.api_key}" if credential is Credential.SITE else f"{workspace.write_key}:"
    return scheme.lower() == "basic" and _same(basic(token.strip()), pair)


def basic(token: str) -> bytes:
    """Return the decoded Basic token, or b"" if it is no base64. Customer.io's Go client sends the URL-safe alphabet."""
    try:
        return base64.b64decode(token.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _same(given: bytes, expected: str) -> bool:
    return hmac.compare_digest(given, expected.encode())


def _call(found: Found, request: Received, workspace: Workspace, number: int, now: float) -> Call:
    """Return the call of a well-formed request.

    Raises:
        RefusedError: the request is not well-formed.
    """
    row = found.row
    if found.problems:
        raise RefusedError(*found.problems)
    query = dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
    problems = [Problem(name, "is required", "required") for name in row.needs if not query.get(name)]
    problems += [one for name in row.query if query.get(name) for one in row.query[name](name, query[name])]
    if problems:
        raise RefusedError(*problems)
    body = _body(row, request)
    if problems := list(row.body("", body)):
        raise RefusedError(*problems)
    return Call(found.parameters, query, body, number, now, workspace)


def _body(row: Row, request: Received) -> Json:
    data = b"".join(inflate(request, row.codings, row.max_body_bytes))
    if len(data) > row.max_body_bytes:
        raise RefusedError(
            Problem("body", f"must not be larger than {row.max_body_bytes} bytes", "too_large", row.too_large_status)
        )
    content_types = request.values("content-type")
    media = content_types[0].partition(";")[0].strip().lower() if len(content_types) == 1 else ""
    if row.media is Media.MULTIPART:
        _upload(media, content_types, data)
        return {}
    # An empty body may have any content type: Customer.io's Ruby and Node clients send one without a body.
    if not data:
        return None
    if media != "application/json":
        raise RefusedError(Problem("body", "must be application/json"))
    return decode(data)


def inflate(request: Received, codings: frozenset[str], max_bytes: int) -> Iterator[bytes]:
    """Yield a request's body without its content coding, at most one chunk more than `max_bytes`.

    Raises:
        RefusedError: the coding is not one of `codings`, or the body is not valid in its coding.
    """
    coding = ",".join(request.values("content-encoding")).strip().lower()
    if coding in {"", "identity"}:
        yield request.body
        return
    if coding not in codings:
        raise RefusedError(Problem("body", "must not be coded"))
    engine = zlib.decompressobj(_WINDOWS[coding])
    data, size = request.body, 0
    while data and size <= max_bytes:
        try:
            piece = engine.decompress(data, _CHUNK_BYTES)
        except zlib.error:
            raise RefusedError(Problem("body", f"is not {coding}")) from None
        data = engine.unconsumed_tail
        size += len(piece)
        yield piece
    if not engine.eof and size <= max_bytes:
        raise RefusedError(Problem("body", f"is not {coding}"))


def decode(data: bytes) -> Json:
    """Return the JSON value of a body. Big integers and lone surrogates stay exact; NaN and infinities are not JSON.

    Raises:
        RefusedError: the body is not JSON, or too deep.
    """
    try:
        # Not orjson: it refuses lone surrogates, which some clients send, and rounds big integers.
        value: Json = json.loads(data.decode(), parse_constant=_no_constant)  # noqa: TID251
    except (ValueError, RecursionError):
        raise RefusedError(Problem("body", "must be JSON")) from None
    if _deeper(value, DEPTH):
        raise RefusedError(Problem("body", f"must not be nested more than {DEPTH} deep", "too_large"))
    return value


def _deeper(value: Json, limit: int) -> bool:
    """Return whether a value has more than `limit` levels of nested containers."""
    level: list[Json] = [value]
    for _ in range(limit + 1):
        containers = [member for member in level if isinstance(member, dict | list)]
        if not containers:
            return False
        level = [inner for held in containers for inner in (held.values() if isinstance(held, dict) else held)]
    return True


def _no_constant(_name: str) -> NoReturn:
    raise ValueError


def _upload(media: str, content_types: list[str], data: bytes) -> None:
    if media != "multipart/form-data":
        raise RefusedError(Problem("body", "must be multipart/form-data"))
    head = f"Content-Type: {content_types[0]}\r\n\r\n".encode("latin-1")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + data)
    parts = list(form.iter_parts()) if form.is_multipart() and not form.defects else []
    names = {part.get_param("name", header="content-disposition") for part in parts}
    if "file" not in names:
        raise RefusedError(Problem("file", "is required", "required"))
