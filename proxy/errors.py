"""All refusals of the sidecar, in one table.

A `Reason` is the public code of a refusal. `ANSWERS` gives its HTTP status and its fixed public text. A text never contains a
byte of the request, because SDKs write it into application logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import orjson


class Reason(StrEnum):
    """The closed set of refusal codes that an application can get."""

    MALFORMED_REQUEST = "malformed_request"
    INVALID_JSON = "invalid_json"
    TOO_DEEP = "too_deep"
    TOO_COMPLEX = "too_complex"
    POLICY_DENIED = "policy_denied"
    VENDOR_LIMIT = "vendor_limit"
    UNKNOWN_CALLER = "unknown_caller"
    ENDPOINT_NOT_ALLOWED = "endpoint_not_allowed"
    BROWSER_REQUEST = "browser_request"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UNKNOWN_HOST = "unknown_host"
    RATE_LIMITED = "rate_limited"
    HEADERS_TOO_LARGE = "headers_too_large"
    INTERNAL = "internal"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_REDIRECT = "upstream_redirect"
    UPSTREAM_INVALID = "upstream_invalid"
    CREDENTIALS_UNAVAILABLE = "credentials_unavailable"
    CREDENTIALS_REJECTED = "credentials_rejected"
    OVERLOADED = "overloaded"
    SHUTTING_DOWN = "shutting_down"
    UPSTREAM_TIMEOUT = "upstream_timeout"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the application: an HTTP status and a fixed text."""

    status: int
    message: str


# 429 and 503 carry `Retry-After: 1`: SDKs sleep exactly that long, and give up when it is long. `credentials_rejected` carries
# none: the same key is rejected again a second later.
RETRY_AFTER_SECONDS = 1
RETRYABLE = frozenset(
    {
        Reason.RATE_LIMITED,
        Reason.CREDENTIALS_UNAVAILABLE,
        Reason.OVERLOADED,
        Reason.SHUTTING_DOWN,
    }
)

ANSWERS: Mapping[Reason, Answer] = MappingProxyType(
    {
        Reason.MALFORMED_REQUEST: Answer(400, "The request is not well-formed HTTP/1.1 for a Customer.io API."),
        Reason.INVALID_JSON: Answer(400, "The request body is not valid JSON."),
        Reason.TOO_DEEP: Answer(400, "The request body is nested too deeply."),
        Reason.TOO_COMPLEX: Answer(
            400, "The request body takes too much work to inspect; send fewer values, or less text with embedded data."
        ),
        Reason.POLICY_DENIED: Answer(400, "The privacy policy refuses this request."),
        # 400 and not 413: Customer.io's Node client for Pipelines repeats every error but 400, with the same body.
        Reason.VENDOR_LIMIT: Answer(
            400, "The call exceeds a size limit of Customer.io; send less in one call. The sidecar's log names the limit."
        ),
        Reason.UNKNOWN_CALLER: Answer(401, "The sidecar does not know the caller's key."),
        Reason.ENDPOINT_NOT_ALLOWED: Answer(403, "The sidecar does not forward this endpoint."),
        Reason.BROWSER_REQUEST: Answer(
            403, "The sidecar refuses requests from web pages; call it from a server, or configure outbound.callers."
        ),
        Reason.METHOD_NOT_ALLOWED: Answer(405, "The endpoint does not accept this method."),
        Reason.REQUEST_TIMEOUT: Answer(408, "The request did not arrive in time."),
        Reason.BODY_TOO_LARGE: Answer(413, "The request body is larger than allowed."),
        Reason.UNSUPPORTED_MEDIA: Answer(415, "The request body must be JSON, plain or compressed with gzip or deflate."),
        Reason.UNKNOWN_HOST: Answer(
            421, "The sidecar does not accept the name in the Host header; add it to outbound.hosts, or use an IP address."
        ),
        Reason.RATE_LIMITED: Answer(429, "The rate limit for this API is used up; try again."),
        Reason.HEADERS_TOO_LARGE: Answer(431, "The request headers are larger than allowed."),
        Reason.INTERNAL: Answer(500, "The sidecar could not process the request; nothing was forwarded."),
        Reason.UPSTREAM_UNREACHABLE: Answer(502, "Customer.io could not be reached."),
        Reason.UPSTREAM_REDIRECT: Answer(502, "Customer.io answered with a redirect; check the configured region."),
        Reason.UPSTREAM_INVALID: Answer(502, "Customer.io answered with something that is not a usable HTTP response."),
        Reason.CREDENTIALS_UNAVAILABLE: Answer(503, "The sidecar holds no usable credential for this API; try again."),
        Reason.CREDENTIALS_REJECTED: Answer(
            503, "Customer.io rejected the sidecar's credential; a retry does not help until it has a new one."
        ),
        Reason.OVERLOADED: Answer(503, "The sidecar is at its configured capacity; try again."),
        Reason.SHUTTING_DOWN: Answer(503, "The sidecar is shutting down; try again."),
        Reason.UPSTREAM_TIMEOUT: Answer(504, "Customer.io did not answer in time."),
    }
)


def error_body(code: str, answer: Answer) -> bytes:
    """Return the JSON body of an error.

    All official SDKs can read its shape: Node reads `meta.error`, then `meta.errors`; Ruby and Go read `meta.error`; clients
    of the App API read `errors[].detail`; the Python client for Pipelines needs `code` and `message`.
    """
    text = answer.message
    return orjson.dumps(
        {
            "meta": {"error": text, "errors": [text]},
            "errors": [{"reason": code, "message": text, "detail": text, "status": str(answer.status)}],
            "code": code,
            "message": text,
        }
    )


class RefusedError(Exception):
    """The sidecar refuses a request. `reason` is the only public information about it."""

    def __init__(self, reason: Reason) -> None:
        """Refuse for `reason`."""
        super().__init__(reason.value)
        self.reason = reason


class ConfigError(Exception):
    """The configuration is not usable. The text is one line: file, key path, problem."""

    def __init__(self, problem: str, *, path: str = "", file: str = "") -> None:
        """Hold the key `path` in `file`, and its `problem`. None of them may contain a secret."""
        super().__init__(": ".join(part for part in (file, path, problem) if part))
        self.problem = problem
        self.path = path
        self.file = file
