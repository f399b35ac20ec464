"""Secrets kept in Google Cloud, read with the real client from an emulator of Secret Manager's REST API as documented."""

import base64
import logging
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from proxy.clock import SystemClock
from proxy.config.keys import GoogleCloud
from proxy.credentials.model import WHOLE, UnreadableError
from tests.vault import Asked, Reply, Stand, standing

pytestmark = pytest.mark.needs("google-cloud-secret-manager")

SECRET = "CANARY-api-key-of-customer-io"
NAME = "projects/p-1/secrets/CANARY-name"
CREATED = "2026-09-01T00:00:00Z"
CREATED_SECONDS = 1_788_220_800.0


@pytest.fixture(scope="module")
def key() -> str:
    """Make the key of a service account."""
    made = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(autouse=True)
def identity(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a service account, and nobody else: what this machine has of Google is not looked at."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GCLOUD_", "CLOUDSDK_")):
            monkeypatch.delenv(name)
    account = {
        "type": "service_account", "client_email": "CANARY@p-1.invalid", "private_key": key, "private_key_id": "1",
        "token_uri": "http://127.0.0.1:1/token", "project_id": "p-1",
    }  # fmt: skip
    (tmp_path / "account.json").write_bytes(orjson.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class Manager:
    """One secret of Secret Manager, and its versions."""

    def __init__(self) -> None:
        """Have no version yet."""
        self.versions: list[bytes] = []
        self.dated = True
        self.damaged = False

    def reply(self, asked: Asked) -> Reply:
        """Answer `versions.access` and `versions.get`."""
        assert asked.headers["authorization"].startswith("Bearer ")
        path, _, verb = asked.path.partition("?")[0].removeprefix("/v1/").partition(":")
        _, _, version = path.rpartition("/versions/")
        number = len(self.versions) if version == "latest" else int(version)
        if not path.startswith(NAME + "/") or not 1 <= number <= len(self.versions):
            return refusing(404, "NOT_FOUND")
        name = f"{NAME}/versions/{number}"
        if verb != "access":
            return Reply(200, orjson.dumps({"name": name, "createTime": CREATED})) if self.dated else refusing(403, "DENIED")
        import google_crc32c

        data = self.versions[number - 1]
        checksum = google_crc32c.value(data) + self.damaged
        payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(checksum)}
        return Reply(200, orjson.dumps({"name": name, "payload": payload}))


@pytest.fixture
def manager() -> Manager:
    """Return a secret without a version."""
    return Manager()


@pytest.fixture
def emulator(manager: Manager) -> Iterator[Stand]:
    """Serve it."""
    with standing(manager.reply) as stand:
        yield stand


def provider(url: str, seconds: float = 5) -> Any:  # noqa: ANN401 - the module is loaded where its library is
    """Return what reads from `url`."""
    from proxy.credentials.gcp import GoogleProvider

    return GoogleProvider(GoogleCloud.model_validate({"endpoint": url}), seconds, SystemClock())


def problem(reading: Any, name: str = NAME) -> str:  # noqa: ANN401 - a provider
    """Return why nothing can be read; no part of the exception shows a name or a secret (G2)."""
    with pytest.raises(UnreadableError) as refused:
        reading.read(name)
    assert "CANARY" not in "".join(traceback.format_exception(refused.value)) + repr(reading)
    return str(refused.value)


def refusing(code: int, status: str, reason: str = "") -> Reply:
    """Return an error in Google's shape, with its own words, which are nobody's business."""
    details = (
        [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}] if reason else []
    )
    error = {"code": code, "status": status, "message": "Permission denied on CANARY", "details": details}
    return Reply(code, orjson.dumps({"error": error}), {"Content-Type": "application/json"})


def test_the_newest_version_is_read(emulator: Stand, manager: Manager) -> None:
    """With its number and date; a new one is seen by the next read, and the date of one is asked for once."""
    reading = provider(emulator.url)
    manager.versions.append(SECRET.encode())
    first = reading.read(NAME)
    assert (first.secret(WHOLE).reveal(), first.version, first.created_at) == (SECRET, "1", CREATED_SECONDS)
    reading.read(NAME)
    assert len(emulator.paths) == 3
    manager.versions.append(b"another")
    second = reading.read(NAME)
    assert (second.secret(WHOLE).reveal(), second.version) == ("another", "2")
    assert reading.read(f"{NAME}/versions/1").version == "1"
    assert SECRET not in repr((first, reading))


def test_a_date_that_may_not_be_asked_for_is_none(emulator: Stand, manager: Manager) -> None:
    """Whoever may read a secret may be forbidden to ask about it."""
    manager.versions.append(b"text")
    manager.dated = False
    assert provider(emulator.url).read(NAME).created_at is None


def test_a_damaged_secret_is_not_used(emulator: Stand, manager: Manager) -> None:
    """It does not have the checksum that came with it."""
    manager.versions.append(b"text")
    manager.damaged = True
    assert problem(provider(emulator.url)).startswith("the secret does not have the checksum")


def test_a_binary_secret_is_told(emulator: Stand, manager: Manager) -> None:
    """It is no key of Customer.io."""
    manager.versions.append(b"CANARY\xff")
    assert problem(provider(emulator.url)) == "the secret is binary: store it as text"


@pytest.mark.parametrize(
    "name", ["projects/p/secrets/CANARY?x", "projects/p/secrets/CANARY/versions/a%2Fb", "projects/../secrets/x"]
)
def test_a_name_that_is_none_is_not_sent(emulator: Stand, name: str) -> None:
    """Nothing is asked."""
    assert problem(provider(emulator.url), name).startswith("Google takes no such name")
    assert emulator.paths == []


@pytest.mark.parametrize(
    ("reply", "said", "times"),
    [
        (refusing(404, "NOT_FOUND"), "there is no such secret or version", 1),
        (refusing(403, "PERMISSION_DENIED"), "Google forbids the read", 1),
        (refusing(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), "the project does not serve Secret Manager", 1),
        (refusing(400, "FAILED_PRECONDITION"), "the version is disabled or destroyed", 1),
        (refusing(401, "UNAUTHENTICATED"), "Google does not accept the sidecar's credentials", 2),
        (refusing(429, "RESOURCE_EXHAUSTED"), "Google Cloud's quota of requests is used up", 1),
        (refusing(503, "UNAVAILABLE"), "Google Cloud failed", 1),
        (Reply(200, b"CANARY"), "what answers is not Secret Manager", 1),
        (Reply(200, b"{}"), "what answers is not Secret Manager", 1),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/CANARY"}), "Google Cloud redirects, which is not followed", 1),
    ],
)
def test_what_google_refuses_is_told_in_our_words(reply: Reply, said: str, times: int) -> None:
    """One request, whatever the answer, but for an access token that may have ended; no redirect is followed."""
    with standing(lambda _: reply) as stand:
        assert problem(provider(stand.url)).startswith(said)
        assert len(stand.paths) == times


def test_a_store_that_does_not_answer_is_given_up() -> None:
    """Within the bound; and one that nobody is at, at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert problem(provider(url, 0.2)).startswith("Google Cloud does not answer in time")
    assert problem(provider(url)).startswith("Google Cloud cannot be reached")


def test_credentials_that_are_none_are_told(emulator: Stand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is not there."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "CANARY"))
    assert problem(provider(emulator.url)).startswith("there are no Application Default Credentials")


def test_nothing_is_logged(emulator: Stand, manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """At some levels the client logs what it sends and what comes back."""
    manager.versions.append(SECRET.encode())
    reading = provider(emulator.url)
    with caplog.at_level(logging.DEBUG):
        reading.read(NAME)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert "CANARY" not in "".join(ours)
