"""How each API tells an error, as bytes (customerio-api.md 1.1, 1.3 to 1.6).

Bodies that the real services are not documented to have (a 401 of the Track API, everything of the pipelines) are told in the
shape their neighbours have; `docs/simulator.md` lists them.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from proxy.simulator.model import Api, Credential, Envelope, Json, Problem, Reply, Row

_JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}

# For a path that is no endpoint: what the API it seems to belong to would say.
_OF_API: Mapping[Api, Envelope] = {
    Api.TRACK: Envelope.META_ERROR,
    Api.APP: Envelope.DETAIL,
    Api.PIPELINES: Envelope.CODE,
}


def dumps(value: Json) -> bytes:
    """Return `value` as JSON; lone surrogates, which some clients send, stay escapes."""
    return json.dumps(value, separators=(",", ":")).encode()


def reply(status: int, value: Json) -> Reply:
    """Return an answer of JSON."""
    return Reply(status, dumps(value), _JSON_HEADERS)


def refusal(envelope: Envelope, problems: Sequence[Problem]) -> Reply:
    """Return the answer that tells `problems`; the first decides its status, unless only batch items are refused (207)."""
    status = HTTPStatus.MULTI_STATUS if all(problem.index is not None for problem in problems) else problems[0].status
    return reply(status, _TOLD[envelope](problems, status))


def stranger(target: str, problem: Problem) -> Reply:
    """Return the answer for a call that is no endpoint."""
    return refusal(_OF_API[guess(target)], [problem])


def guess(target: str) -> Api:
    """Return the API that an unknown target seems to belong to; the three share one port here."""
    return Api.APP if target.startswith("/v1/") else Api.TRACK


def unauthorized(row: Row | None, target: str) -> Reply:
    """Return the answer to wrong credentials. It never says which half is wrong (customerio-api.md 5)."""
    credential = row.credential if row else Credential.NONE
    what = {
        Credential.SITE: "Unauthorized request: check the site id and the API key",
        Credential.APP_KEY: "Unauthorized request: check the App API key",
        Credential.WRITE_KEY: "Unauthorized request: check the write key",
        Credential.NONE: "Unauthorized request",
    }[credential]
    envelope = row.errors if row else _OF_API[guess(target)]
    if envelope is Envelope.META_ERRORS or envelope is Envelope.FIELDS:
        envelope = Envelope.META_ERROR  # not about a field of the call
    return refusal(envelope, [Problem("", what, "unauthorized", HTTPStatus.UNAUTHORIZED)])


def _sentence(problem: Problem) -> str:
    return f"{problem.field} {problem.message}".strip()


def _meta_errors(problems: Sequence[Problem], _status: int) -> Json:
    return {"meta": {"errors": [_sentence(problem) for problem in problems]}}


def _meta_error(problems: Sequence[Problem], _status: int) -> Json:
    return {"meta": {"error": _sentence(problems[0])}}


def _fields(problems: Sequence[Problem], status: int) -> Json:
    errors: list[Json] = []
    for problem in problems:
        told: dict[str, Json] = {"reason": problem.reason, "field": problem.field, "message": _sentence(problem)}
        if problem.index is not None:
            if status != HTTPStatus.MULTI_STATUS:
                continue  # the whole batch is refused: items are not told apart
            told["batch_index"] = problem.index
        errors.append(told)
    return {"errors": errors}


def _detail(problems: Sequence[Problem], status: int) -> Json:
    errors: list[Json] = []
    for problem in problems:
        told: dict[str, Json] = {"detail": _sentence(problem), "status": f"{status:d}"}
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:  # the one status that points at the place (customerio-api.md 1.5)
            told["source"] = {"pointer": "/" + problem.field.replace(".", "/")}
        errors.append(told)
    return {"errors": errors}


def _code(problems: Sequence[Problem], _status: int) -> Json:
    return {"code": problems[0].reason, "message": _sentence(problems[0])}


_TOLD = {
    Envelope.META_ERRORS: _meta_errors,
    Envelope.META_ERROR: _meta_error,
    Envelope.FIELDS: _fields,
    Envelope.DETAIL: _detail,
    Envelope.CODE: _code,
}
