"""Builds the answer that a fault sends instead of the usual one, in pure code; `wire.py` sends it."""

from dataclasses import replace

from proxy.simulator import envelopes
from proxy.simulator.endpoints import Found, Missing
from proxy.simulator.faults import Early, EchoSecret, Fault, RateLimited, Redirect, Status, Unauthorized
from proxy.simulator.model import Json, Problem, Received, Reply, Row, Workspace
from proxy.simulator.respond import basic


def replaced(fault: Fault | None, found: Found | Missing, request: Received, workspace: Workspace, usual: Reply) -> Reply:
    """Return the answer for a fault; faults that only change how an answer is sent keep the `usual` one."""
    row = found.row if isinstance(found, Found) else None
    match fault:
        case Status(status=status, body=str(text), headers=headers):
            return Reply(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"}).having(headers)
        case Status(status=status, body=body, headers=headers):
            reply = Reply(status) if body is None else envelopes.reply(status, body)
            return reply.having(headers)
        case Redirect(status=status, location=location):
            told: Json = {"errors": [{"detail": "wrong datacenter", "status": str(status)}]}
            return envelopes.reply(status, told).having({"Location": location or _elsewhere(row, request, workspace)})
        case RateLimited(retry_after_seconds=seconds):
            problem = Problem("", "Your request is over the rate limit.", "rate_limited", 429)
            reply = envelopes.refusal(row.errors, [problem]) if row else envelopes.stranger(request.target, problem)
            return reply.having({} if seconds is None else {"Retry-After": str(seconds)})
        case Unauthorized():
            return envelopes.unauthorized(row, request.target)
        case EchoSecret(status=status):
            return _echo(status, request)
        case Early(status=status):
            return envelopes.reply(status, {})
        case _:
            return usual


def _elsewhere(row: Row | None, request: Received, workspace: Workspace) -> str:
    """Return the URL of the same call in the other region."""
    other = replace(workspace, region="us" if workspace.region == "eu" else "eu")
    return f"https://{other.host(row.api if row else envelopes.guess(request.target))}{request.target}"


def _echo(status: int, request: Received) -> Reply:
    sent = " ".join(request.values("authorization"))
    scheme, _, token = sent.partition(" ")
    decoded = basic(token.strip()).decode("latin-1") if scheme.lower() == "basic" else token
    told: Json = {"meta": {"error": f"cannot use {sent} ({decoded})"}}
    return envelopes.reply(status, told).having({"X-Echo-Authorization": sent})
