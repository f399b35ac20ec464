"""Secrets kept at AWS, read with the real client from an emulator (moto), and from servers that answer what no AWS would."""

import logging
import os
import traceback
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy.clock import SystemClock
from proxy.config.keys import Aws
from proxy.credentials.model import WHOLE, Kind, UnreadableError
from tests.vault import Reply, standing

pytestmark = [pytest.mark.needs("botocore"), pytest.mark.needs("moto")]

SECRET = "CANARY-api-key-of-customer-io"
NAME = "CANARY-name"
IDENTITY = {"AWS_ACCESS_KEY_ID": "AKIACANARY", "AWS_SECRET_ACCESS_KEY": "CANARY-secret", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody, and nobody else: what this machine has of AWS is not looked at."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Run the emulator on a free port."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


def provider(kind: Kind, url: str, seconds: float = 5) -> Any:  # noqa: ANN401 - the module is loaded where its library is
    """Return what reads from `url`."""
    from proxy.credentials.aws import AwsProvider

    return AwsProvider(kind, Aws.model_validate({"endpoint": url}), seconds, SystemClock())  # type: ignore[arg-type]


def client(service: str, url: str) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Return a client that writes."""
    from botocore.session import Session

    return Session().create_client(service, endpoint_url=url)


def problem(reading: Any, name: str = NAME) -> str:  # noqa: ANN401 - a provider
    """Return why nothing can be read; no part of the exception shows a name or a secret (G2)."""
    with pytest.raises(UnreadableError) as refused:
        reading.read(name)
    shown = "".join(traceback.format_exception(refused.value)) + repr(reading)
    assert "CANARY" not in shown.replace(__file__, "")
    assert refused.value.__context__ is None or "CANARY" not in repr(refused.value.__context__)
    return str(refused.value)


def test_a_secret_of_secrets_manager_is_one_version(moto: str) -> None:
    """A JSON object gives its fields and the whole; a new version is seen by the next read."""
    writing = client("secretsmanager", moto)
    writing.create_secret(Name="pair", SecretString=orjson.dumps({"site_id": "s", "api_key": SECRET, "n": 1}).decode())
    reading = provider(Kind.AWS_SM, moto)
    first = reading.read("pair")
    assert (first.secret("site_id").reveal(), first.secret("api_key").reveal()) == ("s", SECRET)
    assert first.created_at is not None
    assert set(first.fields) == {"site_id", "api_key", WHOLE}
    writing.put_secret_value(SecretId="pair", SecretString="plain text")
    second = reading.read("pair")
    assert second.secret(WHOLE).reveal() == "plain text"
    assert second.version != first.version
    assert SECRET not in repr((first, reading))


def test_a_parameter_is_decrypted(moto: str) -> None:
    """With its number and its date."""
    client("ssm", moto).put_parameter(Name="/cio/key", Value=SECRET, Type="SecureString")
    found = provider(Kind.AWS_SSM, moto).read("/cio/key")
    assert found.secret(WHOLE).reveal() == SECRET
    assert found.version == "1"
    assert found.created_at is not None


@pytest.mark.parametrize(("kind", "name"), [(Kind.AWS_SM, NAME), (Kind.AWS_SSM, f"/{NAME}")])
def test_what_is_not_there_is_told(moto: str, kind: Kind, name: str) -> None:
    """Without the name."""
    assert problem(provider(kind, moto), name).startswith("there is no such secret")


def test_a_binary_secret_is_told(moto: str) -> None:
    """It is no key of Customer.io."""
    client("secretsmanager", moto).create_secret(Name=NAME, SecretBinary=b"CANARY\xff")
    assert problem(provider(Kind.AWS_SM, moto)) == "the secret is binary: store it as text"


def refusing(code: str, status: int = 400) -> Reply:
    """Return AWS's answer with an error code, and its own words, which are nobody's business."""
    body = orjson.dumps({"__type": code, "message": "CANARY is not authorized to perform CANARY on CANARY"})
    return Reply(status, body)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusing("AccessDeniedException"), "AWS forbids the read: the role must be allowed secretsmanager:GetSecretValue"),
        (refusing("ExpiredTokenException"), "AWS says that the credentials expired"),
        (refusing("UnrecognizedClientException"), "AWS does not accept the credentials"),
        (refusing("ThrottlingException"), "AWS's quota of requests is used up"),
        (refusing("CANARYException"), "AWS refuses the read"),
        (Reply(500, b"CANARY"), "AWS failed"),
        (Reply(200, b"CANARY"), "what answers is not AWS"),
        (Reply(200, b"[]"), "what answers is not AWS"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/CANARY"}), "AWS redirects, which is not followed"),
    ],
)
def test_what_aws_refuses_is_told_in_our_words(reply: Reply, said: str) -> None:
    """One request, whatever the answer: nothing is sent again, no redirect is followed."""
    with standing(lambda _: reply) as stand:
        assert problem(provider(Kind.AWS_SM, stand.url)).startswith(said)
        assert len(stand.paths) == 1


def test_a_store_that_does_not_answer_is_given_up() -> None:
    """Within the bound; and one that nobody is at, at once."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert problem(provider(Kind.AWS_SM, url, 0.2)).startswith("AWS does not answer in time")
    assert problem(provider(Kind.AWS_SM, url)).startswith("AWS cannot be reached")


def test_nobody_in_particular_is_told(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials, or a region, there is nothing to ask with; both can come later."""
    reading = provider(Kind.AWS_SM, moto)
    for name in IDENTITY:
        monkeypatch.delenv(name)
    assert problem(reading) == "the AWS region is not known: set stores.aws.region"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert problem(reading).startswith("there are no AWS credentials that work")
    for name, value in IDENTITY.items():
        monkeypatch.setenv(name, value)
    assert problem(reading, "CANARY-nowhere").startswith("there is no such secret")


def test_nothing_is_logged(moto: str, caplog: pytest.LogCaptureFixture) -> None:
    """At some levels botocore logs what it sends and what comes back."""
    client("secretsmanager", moto).create_secret(Name="quiet", SecretString=SECRET)
    reading = provider(Kind.AWS_SM, moto)
    with caplog.at_level(logging.DEBUG):
        reading.read("quiet")
        problem(reading)
    ours = [record for record in caplog.records if not record.name.startswith(("werkzeug", "moto"))]
    assert "CANARY" not in "".join(record.getMessage() for record in ours)
