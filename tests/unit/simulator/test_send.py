"""Sends and broadcast triggers: what they need, how large they may be, what they answer (customerio-api.md 1.1, 1.5)."""

import base64

import pytest

from proxy.simulator.model import Json
from tests.unit.simulator.calls import BODIES, NUMBER, call

EMAIL = BODIES["app.send.email"]
assert isinstance(EMAIL, dict)
MIB = 1024 * 1024
SENDS = ("email", "push", "sms", "whatsapp", "in_app", "inbox_message")


def without(body: dict[str, Json], *names: str) -> dict[str, Json]:
    """Return `body` without some of its members."""
    return {name: value for name, value in body.items() if name not in names}


@pytest.mark.parametrize("channel", SENDS)
def test_a_send_is_queued(channel: str) -> None:
    """The answer names the delivery and when it was queued, and repeats when it is to be sent."""
    name = f"app.send.{channel}"
    body = BODIES[name]
    assert isinstance(body, dict)
    answer = call(name, {**body, "send_at": 1_800_000_000})
    assert answer.status == 200
    assert answer.json.pop("delivery_id")
    assert answer.json == {"queued_at": 1_700_000_000, "send_at": 1_800_000_000}


@pytest.mark.parametrize("channel", SENDS)
@pytest.mark.parametrize("body", [{}, {"transactional_message_id": 1}], ids=["empty", "nobody"])
def test_a_send_to_nobody_is_refused(channel: str, body: Json) -> None:
    """Every send names the person it goes to, and errors come in `meta.error`."""
    answer = call(f"app.send.{channel}", body)
    assert answer.status == 400
    assert answer.json["meta"]["error"].endswith("is required")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (without(EMAIL, "to"), 400, "to is required"),
        (without(EMAIL, "transactional_message_id"), 400, "body must hold one of transactional_message_id"),
        (
            {**EMAIL, "identifiers": {"id": "5", "email": "a@b.c"}},
            400,
            "identifiers must hold exactly one of id, email, cio_id",
        ),
        ({**EMAIL, "attachments": {"a.txt": "no base64"}}, 400, "attachments must be base64"),
        ({**EMAIL, "attachments": {"a.txt": 5}}, 400, "attachments must be base64"),
        ({**EMAIL, "attachments": ["a"]}, 400, "attachments must be a JSON object"),
        ({**EMAIL, "message_data": "Ada"}, 400, "message_data must be a JSON object"),
        ({**EMAIL, "send_at": "soon"}, 400, "send_at must be an integer"),
        (
            {**EMAIL, "bcc": ", ".join(f"a{number}@example.com" for number in range(15))},
            400,
            "to with cc and bcc must not name more",
        ),
        (
            {**EMAIL, "attachments": {"a.bin": base64.b64encode(b"x" * (2 * MIB + 1)).decode()}},
            413,
            "attachments must not be larger than 2097152 bytes",
        ),
        ({**EMAIL, "body": "x" * MIB}, 413, "body must not be larger than 1048576 bytes without attachments"),
    ],
)
def test_an_ill_formed_email_is_refused(body: Json, status: int, message: str) -> None:
    """Mail needs a recipient and a template or its own text, at most 15 recipients, 1 MiB and 2 MiB of attachments."""
    answer = call("app.send.email", body)
    assert answer.status == status
    assert answer.json["meta"]["error"].startswith(message)


@pytest.mark.parametrize(
    "body",
    [
        {**without(EMAIL, "transactional_message_id"), "from": "b@example.com", "subject": "Hello", "body": "Hello"},
        {**EMAIL, "transactional_message_id": 3},
        {**EMAIL, "attachments": {"a.bin": base64.b64encode(b"x" * 2 * MIB).decode()}},
        {**EMAIL, "cc": ", ".join(f"a{number}@example.com" for number in range(14))},
        {**EMAIL, "attachments": {}, "headers": {}, "bcc": ""},
    ],
    ids=["own text", "numbered template", "2 MiB attached", "15 recipients", "Ruby's fillers"],
)
def test_the_edges_of_an_email_pass(body: Json) -> None:
    """A template or own text, and exactly the limits, are taken."""
    assert call("app.send.email", body).status == 200


def test_a_push_may_bring_its_own_payload() -> None:
    """Without a template a push needs a custom payload."""
    body: dict[str, Json] = {"identifiers": {"id": "5"}}
    assert call("app.send.push", body).status == 400
    assert call("app.send.push", {**body, "custom_payload": {"ios": {}}}).status == 200


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"data": {}}, "data", "data must not be empty"),
        ({"recipients": {}}, "recipients", "recipients must not be empty"),
        ({"data": {"text": "x" * 50_000}}, "data", "data must not be larger than 50000 bytes"),
        ({"ids": ["1"], "emails": ["a@b.c"]}, "emails", "emails cannot be given beside ids"),
        ({"emails": ["nobody"]}, "emails", "emails must be an email address"),
        ({"ids": [str(number) for number in range(10_001)]}, "ids", "ids must not hold more than 10000 items"),
        ({"per_user_data": [{"data": {}}]}, "per_user_data", "per_user_data must hold exactly one of id, email"),
        ({"per_user_data": [{"id": "1", "data": 5}]}, "per_user_data.data", "per_user_data.data must be a JSON object"),
    ],
)
def test_an_ill_formed_trigger_is_a_422(body: Json, field: str, message: str) -> None:
    """A broadcast that cannot be sent is told with the place in the body that is wrong."""
    answer = call("app.broadcast.trigger", body)
    assert answer.status == 422
    assert answer.json == {
        "errors": [{"detail": message, "status": "422", "source": {"pointer": f"/{field.replace('.', '/')}"}}]
    }


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"data": {"headline": "Hello"}},
        {"recipients": {"segment": {"id": 7}}},
        {"ids": [str(number) for number in range(10_000)], "id_ignore_missing": True},
        {"per_user_data": [{"id": "1", "data": {"voucher": "FEM8"}}, {"email": "a@b.c"}]},
        {"data_file_url": "https://files.example/people.json"},
    ],
)
def test_a_well_formed_trigger_answers_its_number(body: Json) -> None:
    """Any one way to name the audience is taken, and none at all."""
    answer = call("app.broadcast.trigger", body)
    assert (answer.status, answer.json) == (200, {"id": NUMBER})


def test_a_trigger_over_25_mib_is_a_413() -> None:
    """The whole payload has a limit."""
    assert call("app.broadcast.trigger", b" " * (25 * MIB + 1)).status == 413
