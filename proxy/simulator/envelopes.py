"""Encodes errors in the shape of each API (Track, App and Pipelines API references).

Some bodies are not documented: a 401 of the Track API, and all errors of Pipelines. They have the shape of similar errors, and
`docs/simulator.md` lists them.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from proxy.simulator.model import Api, Credential, Envelope, Json, Problem, Reply, Row

_JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}

# The shape for a path that is no endpoint, by the API that the path seems to belong to.
_OF_API: Mapping[Api, Envelope] = {
    Api.TRACK: Envelope.META_ERROR,
    Api.APP: Envelope.DETAIL,
    Api.PIPELINES: Envelope.CODE,
}


def dumps(value: Json) -> bytes:
    """Return `value` as compact JSON in ASCII; lone surrogates, which some clients send, are escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


def reply(status: int, value: Json) -> Reply:
    """Return an answer with a JSON body."""
    return Reply(status, dumps(value), _JSON_HEADERS)


def refusal(envelope: Envelope, problems: Sequence[Problem]) -> Reply:
    """Return the answer that lists `problems`. The status is that of the first, or 207 if all are about batch items."""
    status = HTTPStatus.MULTI_STATUS if all(problem.index is not None for problem in problems) else problems[0].status
    return reply(status, _TOLD[envelope](problems, status))


def stranger(target: str, problem: Problem) -> Reply:
    """Return the answer for a call to an unknown endpoint."""
    return refusal(_OF_API[guess(target)], [problem])


def guess(target: str) -> Api:
    """Return the API that an unknown target seems to belong to: the simulator serves all three on one port."""
    return Api.APP if target.startswith("/v1/") else Api.TRACK


def unauthorized(row: Row | None, target: str) -> Reply:
    """Return the answer to a wrong credential. It does not say whether the site id or the API key is wrong."""
    credential = row.credential if row else Credential.NONE
    what = {
        Credential.SITE: "Unauthorized request: check the site id and the API key",
        Credential.APP_KEY: "Unauthorized request: check the App API key",
        Credential.WRITE_KEY: "Unauthorized request: check the write key",
        Credential.NONE: "Unauthorized request",
    }[credential]
    envelope = row.errors if row else _OF_API[guess(target)]
    if envelope is Envelope.META_ERRORS or envelope is Envelope.FIELDS:
        envelope = Envelope.META_ERROR  # the error is not about a field of the call
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
                continue  # the whole batch is refused, so errors of items are left out
            told["batch_index"] = problem.index
        errors.append(told)
    return {"errors": errors}


def _detail(problems: Sequence[Problem], status: int) -> Json:
    errors: list[Json] = []
    for problem in problems:
        told: dict[str, Json] = {"detail": _sentence(problem), "status": f"{status:d}"}
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:  # only a 422 has a pointer to the field (App API reference)
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
