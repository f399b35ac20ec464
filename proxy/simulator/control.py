"""The simulator's own endpoints under `/__simulator__/`: recorded requests and scripted faults. They need no credential."""

from aiohttp import web

from proxy.simulator import envelopes
from proxy.simulator.faults import MAX_SCRIPT_BYTES, Script, ScriptError
from proxy.simulator.journal import Journal
from proxy.simulator.model import Json, Reply

PREFIX = "/__simulator__/"


async def control(request: web.BaseRequest, journal: Journal, script: Script) -> Reply:
    """Return the answer of the control API.

    `GET` and `DELETE /__simulator__/requests` list and delete the recorded requests. `GET`, `POST` and
    `DELETE /__simulator__/faults` list, append to and delete the script.
    """
    match request.method, request.raw_path.removeprefix(PREFIX):
        case "GET", "requests":
            return envelopes.reply(200, _recorded(journal))
        case "DELETE", "requests":
            journal.clear()
            return envelopes.reply(200, {})
        case "GET", "faults":
            return envelopes.reply(200, {"faults": [entry.model_dump(mode="json") for entry in script.pending]})
        case "DELETE", "faults":
            script.clear()
            return envelopes.reply(200, {})
        case "POST", "faults":
            return await _scripted(request, script)
        case _, "requests" | "faults":
            return _error(405, "use GET or DELETE, and for faults POST")
        case _:
            return _error(404, "there are /__simulator__/requests and /__simulator__/faults")


def _recorded(journal: Journal) -> Json:
    return {
        "requests": [entry.shown() for entry in journal.entries],
        "dropped": journal.dropped,
        "malformed": journal.malformed,
    }


async def _scripted(request: web.BaseRequest, script: Script) -> Reply:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_SCRIPT_BYTES:
            return _error(413, f"a script must not be larger than {MAX_SCRIPT_BYTES} bytes")
    try:
        script.add(bytes(body))
    except ScriptError as error:
        return _error(400, str(error))
    return envelopes.reply(200, {"pending": len(script.pending)})


def _error(status: int, message: str) -> Reply:
    return envelopes.reply(status, {"error": message})
