"""What becomes of an upstream answer: decided from its head alone, before a byte goes to the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import orjson

from proxy.api.model import Credential, Endpoint, Upstream
from proxy.errors import Answer, Reason, error_body

# An answer up to this size is given whole or, where it breaks off, not at all; nearly all of Customer.io's are far below it.
# A larger one is passed on as it comes; an error that large is none of Customer.io's.
HELD_BYTES = 65_536
# An answer that names items of a batch: an error of about 120 bytes for each of the smallest items that fit in one.
HELD_BATCH_BYTES = 1_048_576
# Told in place of an error answer that no SDK could parse (Node does not even retry those).
NOT_JSON_CODE = "upstream_error"
NOT_JSON_TEXT = "Customer.io answered with an error that is not JSON."
JSON_LINE = b"Content-Type: application/json\r\n"


class Treatment(Enum):
    """How the body of an answer reaches the caller."""

    STREAM = auto()  # once whole, or as it comes where it is large
    HOLD = auto()  # once whole, and only if it is JSON; else it is wrapped
    REWRITE = auto()  # once whole, told of the batch as the caller sent it; refused where it cannot be
    SWALLOW = auto()  # not at all: the caller asked for lenient answers and is told 200 {}


@dataclass(frozen=True, slots=True)
class Refuse:
    """The answer cannot be passed on."""

    reason: Reason


# RFC 9110 section 15
UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED.value
_SUCCESS: Final = HTTPStatus.OK.value
_BAD_REQUEST = HTTPStatus.BAD_REQUEST.value
_FIRST_REDIRECT: Final = 300
_REDIRECTS = range(_FIRST_REDIRECT, 400)
_ERRORS = range(400, 600)

_REDIRECT = Refuse(Reason.UPSTREAM_REDIRECT)
_REJECTED = Refuse(Reason.CREDENTIALS_REJECTED)
_INVALID = Refuse(Reason.UPSTREAM_INVALID)


def treat(endpoint: Endpoint, status: int, headers: Mapping[bytes, bytes], *, strict: bool) -> Treatment | Refuse:
    """Decide on an answer by its status and headers; `strict` says whether the caller asked for strict answers."""
    if _SUCCESS <= status < _FIRST_REDIRECT and b"content-encoding" not in headers:
        return Treatment.STREAM
    if status in _REDIRECTS:  # an SDK would follow it past the sidecar
        return _REDIRECT
    if status == UNAUTHORIZED and endpoint.credential is not Credential.NONE:
        return _REJECTED
    # A coding was not asked for and could not be scrubbed; a status of no class is none.
    if headers.get(b"content-encoding", b"identity").lower() != b"identity" or status >= _ERRORS.stop:
        return _INVALID
    if status not in _ERRORS:
        return Treatment.STREAM
    if status == _BAD_REQUEST and endpoint.upstream is Upstream.PIPELINES and not strict:
        return Treatment.SWALLOW
    return Treatment.HOLD


def treat_rest(treatment: Treatment | Refuse, status: int) -> Treatment | Refuse:
    """Decide on the answer to what is left of a batch, which would be treated like that if it were the whole of it."""
    if treatment is Treatment.STREAM or (treatment is Treatment.HOLD and status == _BAD_REQUEST):
        return Treatment.REWRITE
    return treatment


def is_json(body: bytes) -> bool:
    """Say whether an SDK's JSON parser takes `body`."""
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def as_json(lines: bytes) -> bytes:
    """Return the header lines of an answer with its content type replaced."""
    kept = b"".join(line for line in lines.splitlines(keepends=True) if not line.lower().startswith(b"content-type:"))
    return kept + JSON_LINE


def wrapped(status: int, lines: bytes) -> tuple[bytes, bytes]:
    """Return the header lines and body told in place of an error answer that is not JSON.

    `lines` are the header lines of the answer; its content type is replaced.
    """
    return as_json(lines), error_body(NOT_JSON_CODE, Answer(status, NOT_JSON_TEXT))
