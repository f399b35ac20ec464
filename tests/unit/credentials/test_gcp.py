"""Secrets kept in Google Cloud, read with the real client from an emulator of Secret Manager's REST API as documented."""

import base64
import logging
import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

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
    assert refused.value.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(refused.value.__traceback__) if frame.f_code.co_filename != __file__]
    held = [value for frame in frames for local, value in frame.f_locals.items() if local != "document"]
    assert "CANARY" not in "".join(traceback.format_exception(refused.value)) + repr((reading, held))
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
    assert problem(provider(emulator.url), name).startswith("Google does not accept this name")
    assert emulator.paths == []


@pytest.mark.parametrize(
    ("reply", "said", "times"),
    [
        (refusing(404, "NOT_FOUND"), "there is no such secret or version", 1),
        (refusing(403, "PERMISSION_DENIED"), "Google forbids the read", 1),
        (refusing(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), "Secret Manager is not enabled in the project", 1),
        (refusing(400, "FAILED_PRECONDITION"), "the version is disabled or destroyed", 1),
        (refusing(401, "UNAUTHENTICATED"), "Google does not accept the sidecar's credentials", 2),
        (refusing(429, "RESOURCE_EXHAUSTED"), "Google Cloud's quota of requests is used up", 1),
        (refusing(503, "UNAVAILABLE"), "Google Cloud failed", 1),
        (Reply(200, b"CANARY"), "the server that answers is not Secret Manager", 1),
        (Reply(200, b"{}"), "the server that answers is not Secret Manager", 1),
        (
            Reply(302, b"", {"Location": "http://127.0.0.1:1/CANARY"}),
            "Google Cloud answers with a redirect, which the sidecar does not follow",
            1,
        ),
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


@pytest.mark.parametrize("text", [None, "CANARY", "[]", '{"type": "CANARY"}', '{"type": "service_account"}', "\xff"])
def test_credentials_that_are_none_are_told(
    emulator: Stand, manager: Manager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    """A file that is not there, or holds something else; once it is right, the next read goes by it."""
    file = tmp_path / "CANARY"
    if text is not None:
        file.write_text(text, "latin-1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    reading = provider(emulator.url)
    assert problem(reading).startswith("there are no Application Default Credentials")
    assert emulator.asked == []
    file.write_bytes((tmp_path / "account.json").read_bytes())
    manager.versions.append(b"text")
    assert reading.read(NAME).version == "1"


class Tokens:
    """Google's security token service, which takes the token of another identity provider for one of its own."""

    def __init__(self) -> None:
        """Take one subject token, and have given no access token."""
        self.subject = "CANARY-subject"
        self.given: list[str] = []
        self.instead: Reply | None = None

    def reply(self, asked: Asked) -> Reply:
        """Answer an exchange (RFC 8693)."""
        if self.instead is not None:
            return self.instead
        if parse_qs(asked.body.decode())["subject_token"] != [self.subject]:
            return Reply(400, b'{"error": "invalid_grant", "error_description": "CANARY expired"}')
        self.given.append(f"CANARY-access-{len(self.given) + 1}")
        granted = {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": 3600}
        return Reply(200, orjson.dumps(granted | {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}))


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Tokens, Path]]:
    """Be a workload of another cloud (Workload Identity Federation); yield who gives tokens, and the file of the subject's."""
    service = Tokens()
    subject = tmp_path / "subject"
    subject.write_text(service.subject)
    with standing(service.reply) as stand:
        account = {
            "type": "external_account", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider",
            "token_url": f"{stand.url}/v1/token", "credential_source": {"file": str(subject)},
        }  # fmt: skip
        (tmp_path / "federated.json").write_bytes(orjson.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "federated.json"))
        yield service, subject


def test_an_access_token_is_renewed_once_it_is_rejected(manager: Manager, tokens: tuple[Tokens, Path]) -> None:
    """In the same read: it may have been revoked before its end, and the read after may be half a minute off."""
    service, _ = tokens
    manager.versions.append(b"text")

    def reply(asked: Asked) -> Reply:
        newest = asked.headers["authorization"] == f"Bearer {service.given[-1]}"
        return manager.reply(asked) if newest and len(service.given) > 1 else refusing(401, "UNAUTHENTICATED")

    with standing(reply) as stand:
        reading = provider(stand.url)
        assert reading.read(NAME).secret(WHOLE).reveal() == "text"
        reading.read(NAME)
    assert len(service.given) == 2


def test_a_subject_that_expired_is_told(emulator: Stand, manager: Manager, tokens: tuple[Tokens, Path]) -> None:
    """And once its token is renewed, the next read goes by it."""
    service, subject = tokens
    manager.versions.append(b"text")
    service.subject = "CANARY-newer"
    reading = provider(emulator.url)
    assert problem(reading).startswith("Google does not accept the sidecar's credentials")
    subject.write_text(service.subject)
    assert reading.read(NAME).secret(WHOLE).reveal() == "text"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(307, b"", {"Location": "http://127.0.0.1:1/CANARY"}),
            "Google Cloud answers with a redirect, which the sidecar does not follow",
        ),
        (Reply(503, b"CANARY"), "Google Cloud failed"),
        (Reply(200, b"CANARY"), "the server that answers is not Secret Manager"),
    ],
)
def test_whoever_gives_tokens_is_asked_once(emulator: Stand, tokens: tuple[Tokens, Path], reply: Reply, said: str) -> None:
    """As the store is: nothing is sent again, no redirect is followed."""
    service, _ = tokens
    service.instead = reply
    assert problem(provider(emulator.url)).startswith(said)
    assert emulator.asked == []


def test_a_pod_on_google_s_own_machines_has_its_identity(manager: Manager) -> None:
    """From the metadata server (Workload Identity on GKE), told to another process: the client looks as it is loaded."""
    manager.versions.append(b"text")

    def reply(asked: Asked) -> Reply:
        path = asked.path.partition("?")[0]
        if path.startswith("/v1/"):
            assert asked.headers["authorization"] == "Bearer CANARY-access"
            return manager.reply(asked)
        assert asked.headers["metadata-flavor"] == "Google"
        token = {"access_token": "CANARY-access", "token_type": "Bearer", "expires_in": 3600}
        known = {"token": token, "project-id": "p-1", "default": {"email": "a@p-1.invalid", "scopes": [], "aliases": []}}
        body = orjson.dumps(known.get(path.rstrip("/").rpartition("/")[2], {}))
        return Reply(200, body, {"Metadata-Flavor": "Google", "Content-Type": "application/json"})

    code = """
import sys
from proxy.clock import SystemClock
from proxy.config.keys import GoogleCloud
from proxy.credentials.gcp import GoogleProvider
print(GoogleProvider(GoogleCloud.model_validate({"endpoint": sys.argv[1]}), 5, SystemClock()).read(sys.argv[2]).version)
"""
    with standing(reply) as stand:
        place = stand.url.removeprefix("http://")
        absent = {"GOOGLE_APPLICATION_CREDENTIALS", "NO_GCE_CHECK"}
        environment = {name: value for name, value in os.environ.items() if name not in absent}
        environment |= {"GCE_METADATA_HOST": place, "GCE_METADATA_IP": place, "CLOUDSDK_CONFIG": os.devnull}
        command = [sys.executable, "-W", "error", "-c", code, stand.url, NAME]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_environment_names_no_way_there(emulator: Stand, manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would be shown an access token."""
    manager.versions.append(b"text")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert provider(emulator.url).read(NAME).version == "1"


def test_nothing_is_logged(emulator: Stand, manager: Manager, caplog: pytest.LogCaptureFixture) -> None:
    """At some levels the client logs what it sends and what comes back."""
    manager.versions.append(SECRET.encode())
    reading = provider(emulator.url)
    with caplog.at_level(logging.DEBUG):
        reading.read(NAME)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert "CANARY" not in "".join(ours)
