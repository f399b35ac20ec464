"""`cio-sidecar demo`: the sidecar between a real SDK and the bundled simulator, on free loopback ports.

Everything runs as it would for a user: two processes, a CA made by `tls init`, and the official Python SDK that is given a
host and port and nothing else. What is shown as received is what the simulator recorded.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

# The simulator's documented placeholder credentials; an application never sees them.
SECRETS = {
    "CIO_SITE_ID": "demo-site-id",
    "CIO_API_KEY": "demo-track-api-key",
    "CIO_APP_KEY": "demo-app-api-key",
}
CONFIG = """\
version: 1
upstreams:
  track: {{url: "{upstream}"}}
  app: {{url: "{upstream}"}}
  pipelines: {{url: "{upstream}"}}
outbound:
  port: 0
  tls: {{port: 0, certificate: tls/server.pem, key: tls/server.key}}
admin: {{port: 0}}
logs: {{level: error}}
credentials:
  track: {{site_id: "env:CIO_SITE_ID", api_key: "env:CIO_API_KEY"}}
  app: {{api_key: "env:CIO_APP_KEY"}}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One SDK call of the demonstration."""

    shown: str
    call: Callable[[], object]


def demo() -> None:
    """Show the sidecar at work: real SDK calls through it, and what arrived at a simulated Customer.io."""
    try:
        import customerio  # noqa: PLC0415  # only the demonstration needs the SDK
    except ImportError:
        typer.echo("The demo drives the official SDK, which is missing: pip install customerio", err=True)
        raise typer.Exit(2) from None
    console = Console()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _cli("tls", "init", str(folder / "tls"))
        keys = ["--site-id", SECRETS["CIO_SITE_ID"], "--api-key", SECRETS["CIO_API_KEY"], "--app-key", SECRETS["CIO_APP_KEY"]]
        with _listening("simulator", "--port", "0", *keys) as simulator:
            upstream = f"http://127.0.0.1:{simulator['simulator']}"
            (folder / "sidecar.yaml").write_text(CONFIG.format(upstream=upstream))
            with _listening("serve", "--config", str(folder / "sidecar.yaml")) as ports:
                os.environ["REQUESTS_CA_BUNDLE"] = str(folder / "tls" / "ca.pem")
                host, port = "localhost", ports["outbound_tls"]
                track = customerio.CustomerIO("placeholder", "placeholder", host=host, port=port)
                app = customerio.APIClient("placeholder", url=f"https://{host}:{port}")
                console.print(f"The sidecar listens on https://{host}:{port}, in front of a simulated Customer.io.\n")
                for step in _steps(customerio, track, app):
                    step.call()
                    console.print(_exchange(step.shown, _take(f"{upstream}/__simulator__/requests")))
                _metrics(console, f"http://127.0.0.1:{ports['admin']}/metrics")


def _steps(sdk: Any, track: Any, app: Any) -> Iterator[Step]:  # noqa: ANN401  # the SDK is untyped
    person = {"email": "ada@example.com", "first_name": "Ada", "plan": "pro", "phone": "+1-555-0123", "ssn": "000-12-3456"}
    yield Step(f"identify(id='5', **{person})", lambda: track.identify(id="5", **person))
    order = {"order": {"total": 42.5, "creditCard": "0000-not-a-card", "items": [{"sku": "a1", "ip_address": "192.0.2.7"}]}}
    yield Step(f"track('5', 'purchased', {order})", lambda: track.track("5", "purchased", order))
    message = {"to": "ada@example.com", "identifiers": {"id": "5"}, "transactional_message_id": "welcome"}
    data = {"name": "Ada", "password": "not-a-real-one"}
    yield Step(
        f"send_email({message}, message_data={data})",
        lambda: app.send_email(sdk.SendEmailRequest(**message, message_data=data)),
    )
    yield Step("suppress('5')", lambda: track.suppress("5"))


def _exchange(sent: str, received: list[dict[str, Any]]) -> Table:
    table = Table(show_header=False, expand=True)
    table.add_column(style="bold", width=22)
    table.add_column(overflow="fold", ratio=1)
    table.add_row("the application called", sent)
    for request in received:
        headers = {name.lower(): value for name, value in request["headers"]}
        table.add_row("Customer.io received", f"{request['method']} {request['path']}")
        table.add_row("  credential", f"{headers.get('authorization', 'none').split()[0]}, the real one, added by the sidecar")
        table.add_row("  body", json.dumps(request["json"], ensure_ascii=False) if request["json"] is not None else "(none)")
    return table


def _metrics(console: Console, url: str) -> None:
    with urllib.request.urlopen(url) as answer:  # noqa: S310  # our own loopback address
        lines = answer.read().decode().splitlines()
    console.print("\nWhat the sidecar counted:")
    for line in lines:
        if line.startswith(("cio_sidecar_requests_total", "cio_sidecar_pii_actions_total")):
            console.print(f"  {line}", highlight=False, soft_wrap=True)


def _take(url: str) -> list[dict[str, Any]]:
    """Return the requests the simulator recorded since the last call."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310  # our own loopback address
        recorded: list[dict[str, Any]] = json.load(answer)["requests"]
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()  # noqa: S310
    return recorded


def _cli(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "proxy", *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603


@contextmanager
def _listening(*arguments: str) -> Iterator[dict[str, int]]:
    """Run a command of ours until the block ends; give its ports by listener once it accepts."""
    command = [sys.executable, "-m", "proxy", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **SECRETS}) as process:  # noqa: S603
        ports: dict[str, int] = {}
        try:
            for line in process.stdout or ():
                event = json.loads(line)  # noqa: TID251  # our own start-up lines
                if event["event"] == "ready":
                    break
                ports[event["listener"]] = event["port"]
                if event["listener"] == "simulator":
                    break
            yield ports
        finally:
            process.terminate()
