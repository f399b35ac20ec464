"""mitmproxy as a reverse proxy, on the event loop that it ships with, and an addon with the same policy code."""

import asyncio
import sys

from mitmproxy.http import HTTPFlow  # type: ignore[import-not-found]  # in an environment of its own
from mitmproxy.options import Options  # type: ignore[import-not-found]  # in an environment of its own
from mitmproxy.tools.dump import DumpMaster  # type: ignore[import-not-found]  # in an environment of its own

from bench import work
from bench.place import Place
from bench.redaction import redaction


class Redact:
    """The addon: what mitmproxy calls once a request is whole."""

    def __init__(self) -> None:
        """Compile the policy."""
        self._redacted = redaction()

    def request(self, flow: HTTPFlow) -> None:
        """Rewrite the request."""
        call = flow.request
        call.path, call.content = self._redacted(call.method, call.path.encode(), call.content)
        call.headers["Authorization"] = work.INJECTED


async def serve(place: Place) -> None:
    """Proxy until killed."""
    certificates = []
    if place.certificate:
        both = place.folder / "both.pem"  # it takes the key and the certificate from one file
        both.touch(mode=0o600)
        both.write_text("".join(part.read_text() for part in place.certificate))
        certificates = [f"*={both}"]
    options = Options(
        mode=[f"reverse:http://127.0.0.1:{place.upstream}"], listen_host="127.0.0.1", listen_port=place.port,
        certs=certificates, confdir=str(place.folder),
    )  # fmt: skip
    master = DumpMaster(options, with_termlog=False, with_dumper=False)
    master.addons.add(Redact())
    await master.run()


if __name__ == "__main__":
    asyncio.run(serve(Place.of(sys.argv[1:])))
