"""Decides, from its head alone, how an upstream answer reaches the caller, before a byte goes to the caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import orjson

from proxy.api.model import Credential, Endpoint, Upstream
from proxy.errors import Answer, Reason, error_body

# An answer up to this size is sent whole or, if it breaks off, not at all. Nearly all of Customer.io's answers are far smaller.
# A larger one is streamed. An error answer of this size is not from Customer.io.
HELD_BYTES = 65_536
# The largest answer that lists errors of batch items: about 120 bytes for each of the smallest items that fit in a batch.
HELD_BATCH_BYTES = 1_048_576
# These replace an error answer that is not JSON, because no SDK could parse it (the Node SDK does not even retry it).
NOT_JSON_CODE = "upstream_error"
NOT_JSON_TEXT = "Customer.io answered with an error that is not JSON."
JSON_LINE = b"Content-Type: application/json\r\n"


class Treatment(Enum):
    """How the body of an answer reaches the caller."""

    STREAM = auto()  # when it is complete; a large one is streamed
    HOLD = auto()  # when it is complete, if it is JSON; otherwise it is replaced by an error in our JSON shape
    REWRITE = auto()  # when it is complete, with the caller's batch indexes; refused if that is not possible
    SWALLOW = auto()  # not at all: the caller did not ask for strict answers, and gets 200 {}


@dataclass(frozen=True, slots=True)
class Refuse:
    """The answer cannot be passed on; the caller gets a refusal with `reason`."""

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
    """Decide on an answer by its status and headers. `strict` says whether the caller asked for strict answers."""
    if _SUCCESS <= status < _FIRST_REDIRECT and b"content-encoding" not in headers:
        return Treatment.STREAM
    if status in _REDIRECTS:  # an SDK would follow it past the sidecar
        return _REDIRECT
    if status == UNAUTHORIZED and endpoint.credential is not Credential.NONE:
        return _REJECTED
    # We did not ask for a content coding and cannot scrub a coded body. A status of 600 or more is not valid.
    if headers.get(b"content-encoding", b"identity").lower() != b"identity" or status >= _ERRORS.stop:
        return _INVALID
    if status not in _ERRORS:
        return Treatment.STREAM
    if status == _BAD_REQUEST and endpoint.upstream is Upstream.PIPELINES and not strict:
        return Treatment.SWALLOW
    return Treatment.HOLD


def treat_rest(treatment: Treatment | Refuse, status: int) -> Treatment | Refuse:
    """Decide on the answer to a reduced batch. `treatment` is what `treat` returned for the same answer."""
    if treatment is Treatment.STREAM or (treatment is Treatment.HOLD and status == _BAD_REQUEST):
        return Treatment.REWRITE
    return treatment


def is_json(body: bytes) -> bool:
    """Say whether `body` is JSON, so that an SDK can parse it."""
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
    """Return the header lines and body that replace an error answer that is not JSON.

    `lines` are the header lines of the answer; its content type is replaced.
    """
    return as_json(lines), error_body(NOT_JSON_CODE, Answer(status, NOT_JSON_TEXT))
