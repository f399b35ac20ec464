"""The answers that faults put in the place of the usual one."""

import json
from typing import Any

import pytest

from proxy.simulator.endpoints import TABLE
from proxy.simulator.faults import Delay, Early, EchoSecret, Fault, RateLimited, Redirect, Status, Unauthorized
from proxy.simulator.model import Received, Reply, Workspace
from proxy.simulator.substitute import replaced
from tests.unit.simulator.calls import ROWS, WORKSPACE, well_formed

USUAL = Reply(200, b"{}")


def met(fault: Fault | None, request: Received, workspace: Workspace = WORKSPACE) -> Reply:
    """Return the answer to `request` where it meets `fault`."""
    return replaced(fault, TABLE.find(request.method, request.target.partition("?")[0]), request, workspace, USUAL)


def told(reply: Reply) -> Any:  # noqa: ANN401  # any JSON
    """Return the decoded body of an answer."""
    return json.loads(reply.body)  # noqa: TID251  # our own output


IDENTIFY = well_formed(ROWS["track.v1.identify"])
SEND = well_formed(ROWS["app.send.email"])
SEARCH = well_formed(ROWS["app.customers.search"])
PAGE = well_formed(ROWS["pipelines.page"])
NOWHERE = Received("GET", "/v1/nowhere", ())


def test_no_fault_and_a_fault_of_the_wire_leave_the_answer() -> None:
    """What only concerns the way of sending changes nothing here."""
    assert met(None, IDENTIFY) is USUAL
    assert met(Delay(kind="delay", seconds=1), IDENTIFY) is USUAL


@pytest.mark.parametrize(
    ("fault", "reply"),
    [
        (Status(kind="status", status=503), Reply(503)),
        (
            Status(kind="status", status=500, body={"a": 1}),
            Reply(500, b'{"a":1}', {"Content-Type": "application/json"}),
        ),
        (
            Status(kind="status", status=502, body="<html>", headers={"content-type": "text/html", "Retry-After": "3"}),
            Reply(502, b"<html>", {"content-type": "text/html", "Retry-After": "3"}),
        ),
        (
            Status(kind="status", status=502, body="Bad gateway"),
            Reply(502, b"Bad gateway", {"Content-Type": "text/plain; charset=utf-8"}),
        ),
        (Status(kind="status", status=204, headers={"X-A": "b"}), Reply(204, b"", {"X-A": "b"})),
        (Early(kind="early", status=413), Reply(413, b"{}", {"Content-Type": "application/json"})),
    ],
)
def test_a_status_comes_as_scripted(fault: Fault, reply: Reply) -> None:
    """Any status, with JSON, with text, with neither, and with headers of one's own."""
    assert met(fault, IDENTIFY) == reply


@pytest.mark.parametrize(
    ("request_", "region", "location"),
    [
        (IDENTIFY, "us", f"https://track-eu.customer.io{IDENTIFY.target}"),
        (IDENTIFY, "eu", f"https://track.customer.io{IDENTIFY.target}"),
        (SEND, "us", "https://api-eu.customer.io/v1/send/email"),
        (PAGE, "us", "https://cdp-eu.customer.io/v1/page"),
        (NOWHERE, "us", "https://api-eu.customer.io/v1/nowhere"),
    ],
)
def test_a_redirect_leads_to_the_other_region(request_: Received, region: Any, location: str) -> None:  # noqa: ANN401
    """It is what a call to the wrong datacenter gets: 301, its body, and the same path at the other region's host."""
    reply = met(Redirect(kind="redirect"), request_, Workspace(region=region))
    assert reply.status == 301
    assert reply.headers["Location"] == location
    assert told(reply) == {"errors": [{"detail": "wrong datacenter", "status": "301"}]}


def test_a_redirect_may_lead_anywhere() -> None:
    """Status and place can be given."""
    reply = met(Redirect(kind="redirect", status=307, location="/elsewhere"), IDENTIFY)
    assert (reply.status, reply.headers["Location"]) == (307, "/elsewhere")


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (IDENTIFY, {"meta": {"errors": ["Your request is over the rate limit."]}}),
        (SEND, {"meta": {"error": "Your request is over the rate limit."}}),
        (SEARCH, {"errors": [{"detail": "Your request is over the rate limit.", "status": "429"}]}),
        (PAGE, {"code": "rate_limited", "message": "Your request is over the rate limit."}),
        (NOWHERE, {"errors": [{"detail": "Your request is over the rate limit.", "status": "429"}]}),
    ],
)
def test_a_429_is_told_as_the_api_tells_errors(request_: Received, body: object) -> None:
    """It asks to wait, unless a daily quota is used up: then there is no Retry-After."""
    reply = met(RateLimited(kind="rate_limited", retry_after_seconds=2), request_)
    assert (reply.status, reply.headers["Retry-After"]) == (429, "2")
    assert told(reply) == body
    assert "Retry-After" not in met(RateLimited(kind="rate_limited", retry_after_seconds=None), request_).headers


def test_a_401_comes_whatever_the_credential() -> None:
    """The credential that was right is refused, as when it has been deleted; in strict mode or not."""
    for request in (IDENTIFY, SEND, PAGE, NOWHERE):
        assert met(Unauthorized(kind="unauthorized"), request).status == 401


def test_an_echo_holds_every_rendering() -> None:
    """The credential comes back as it was sent, in a header and in the body, and decoded in the body."""
    reply = met(EchoSecret(kind="echo_secret"), IDENTIFY)
    sent = IDENTIFY.values("authorization")[0]
    assert reply.status == 400
    assert reply.headers["X-Echo-Authorization"] == sent
    assert told(reply) == {"meta": {"error": f"cannot use {sent} (a-site:a-key)"}}
    assert "(an-app-key)" in told(met(EchoSecret(kind="echo_secret"), SEND))["meta"]["error"]
