"""`cio-sidecar simulator` as a user runs it: a process that says where it listens, serves, and ends well."""

import base64
import datetime as dt
import json
import signal
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.certificates import issue

COMMAND = (sys.executable, "-X", "dev", "-W", "error", "-m", "proxy", "simulator")
WAIT_SECONDS = 20


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run the command on a free port until the block ends; give the process and what it said when it accepted."""
    pipe = subprocess.PIPE
    with subprocess.Popen((*COMMAND, "--port", "0", *options), stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())  # noqa: TID251  # our own start-up line
        finally:
            process.kill()


def refused(*options: str) -> subprocess.CompletedProcess[str]:
    """Return how a command line that cannot be served ended."""
    return subprocess.run((*COMMAND, *options), capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)


def region(url: str, pair: str, tls: ssl.SSLContext | None = None) -> Any:  # noqa: ANN401  # any JSON
    """Ask which workspace a pair of Track credentials is for."""
    request = urllib.request.Request(f"{url}/api/v1/accounts/region")  # noqa: S310  # our own loopback address
    request.add_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS, context=tls) as answer:  # noqa: S310
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_well(number: signal.Signals) -> None:
    """One JSON line when it accepts, an answer with the placeholder credentials, and exit code 0 when told to stop."""
    with running() as (process, event):
        assert event == {"event": "listening", "listener": "simulator", "host": "127.0.0.1", "port": event["port"]}
        answer = region(f"http://127.0.0.1:{event['port']}", "simulated-site-id:simulated-api-key")
        assert answer == {"url": "https://track.customer.io", "region": "us", "environment_id": 1}
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_SECONDS)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_workspace_is_the_one_of_the_options() -> None:
    """Credentials, region and number are those that were given; others are refused."""
    options = ("--site-id", "s", "--api-key", "k", "--region", "eu", "--environment-id", "42")
    with running(*options) as (_, event):
        url = f"http://127.0.0.1:{event['port']}"
        assert region(url, "s:k") == {"url": "https://track-eu.customer.io", "region": "eu", "environment_id": 42}
        with pytest.raises(urllib.error.HTTPError, match="401") as unauthorized:
            region(url, "simulated-site-id:simulated-api-key")
        unauthorized.value.close()


def test_the_other_two_keys_are_options_too() -> None:
    """The App API takes the app key, the pipelines the write key."""
    with running("--app-key", "an-app-key", "--write-key", "a-write-key") as (_, event):
        url = f"http://127.0.0.1:{event['port']}/v1"
        listing = urllib.request.Request(f"{url}/segments", headers={"Authorization": "Bearer an-app-key"})  # noqa: S310
        with urllib.request.urlopen(listing, timeout=WAIT_SECONDS) as answer:  # noqa: S310
            assert json.load(answer)["segments"]
        pair = base64.b64encode(b"a-write-key:").decode()
        headers = {"Authorization": f"Basic {pair}", "X-Strict-Mode": "1", "Content-Type": "application/json"}
        page = urllib.request.Request(f"{url}/page", data=b'{"userId":"5"}', headers=headers)  # noqa: S310
        with urllib.request.urlopen(page, timeout=WAIT_SECONDS) as answer:  # noqa: S310
            assert json.load(answer) == {}


def test_it_serves_tls_with_a_certificate(tmp_path: Path) -> None:
    """A certificate and its key make the port speak TLS."""
    issued = issue(dt.datetime.now(dt.UTC))
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_bytes(issued.server)
    key.write_bytes(issued.key)
    trusting = ssl.create_default_context(cadata=issued.ca.decode())
    with running("--tls-certificate", str(certificate), "--tls-key", str(key)) as (_, event):
        answer = region(f"https://localhost:{event['port']}", "simulated-site-id:simulated-api-key", trusting)
    assert answer["environment_id"] == 1


def test_an_address_that_cannot_be_listened_on_is_told() -> None:
    """A port in use is one line that names the option, and exit code 2."""
    with running() as (_, event):
        done = refused("--port", str(event["port"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--port: cannot listen there: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "cio-sidecar simulator: Missing option '--port'."),
        (("--port", "65536"), "cio-sidecar simulator: Invalid value for '--port'"),
        (("--port", "0", "--region", "moon"), "cio-sidecar simulator: Invalid value for '--region'"),
        (("--port", "0", "--recorded-bytes", "0"), "cio-sidecar simulator: Invalid value for '--recorded-bytes'"),
        (("--port", "0", "--tls-key", __file__), "--tls-certificate and --tls-key: go together; give both, or neither"),
        (
            ("--port", "0", "--tls-key", __file__, "--tls-certificate", __file__),
            "--tls-certificate and --tls-key: cannot be loaded",
        ),
        (("--port", "0", "--tls-key", "/nowhere/key.pem"), "cio-sidecar simulator: Invalid value for '--tls-key'"),
    ],
)
def test_a_wrong_command_line_is_told(options: tuple[str, ...], message: str) -> None:
    """What is wrong is one line on standard error, and the exit code is 2."""
    done = refused(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
