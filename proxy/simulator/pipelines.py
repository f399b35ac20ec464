"""The Pipelines API (Pipelines API reference).

It reports errors only with the header `X-Strict-Mode: 1`. Without it, it answers 200 and drops invalid calls.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from proxy.simulator.model import KIB, Api, Check, Credential, Envelope, Json, Problem, Row
from proxy.simulator.shapes import array, at_least_one, at_most_bytes, both, fields, json_object, person_id, text

CALL_BYTES = 32 * KIB
BATCH_BYTES = 500 * KIB

_COMMON: Mapping[str, Check] = {
    "userId": person_id,
    "anonymousId": person_id,
    "previousId": person_id,
    "groupId": person_id,
    "messageId": text(),
    "timestamp": text(),
    "traits": json_object,
    "properties": json_object,
    "context": json_object,
    "integrations": json_object,
}
_WHO = at_least_one("userId", "anonymousId")


def _call(who: Check, required: Mapping[str, Check] | None = None) -> Check:
    return both(fields(required or {}, _COMMON), who)


CALLS: Mapping[str, Check] = {
    # A person may also be identified by the email trait alone.
    "identify": _call(at_least_one("userId", "anonymousId", "traits.email")),
    "track": _call(at_least_one("userId", "anonymousId", "groupId"), {"event": text()}),
    "page": _call(_WHO),
    "screen": _call(_WHO),
    "group": _call(_WHO, {"groupId": person_id}),
    "alias": _call(at_least_one("userId"), {"userId": person_id, "previousId": person_id}),
}


def _item(field: str, value: Json) -> Iterator[Problem]:
    problems = list(fields({"type": text(allowed=tuple(CALLS))})(field, value))
    if problems or not isinstance(value, dict):
        yield from problems
    else:
        yield from CALLS[str(value["type"])](field, value)


_BATCH = fields({"batch": array(both(at_most_bytes(CALL_BYTES), _item), at_least=1)}, {"context": json_object})

_row = partial(
    Row,
    method="POST",
    api=Api.PIPELINES,
    credential=Credential.WRITE_KEY,
    errors=Envelope.CODE,
    codings=frozenset({"gzip", "deflate"}),  # Customer.io's Python client for Pipelines can send gzip
)

ROWS: tuple[Row, ...] = (
    *(_row(f"pipelines.{name}", path=f"/v1/{name}", body=CALLS[name], max_body_bytes=CALL_BYTES) for name in CALLS),
    _row("pipelines.batch", path="/v1/batch", body=_BATCH, max_body_bytes=BATCH_BYTES),
)
