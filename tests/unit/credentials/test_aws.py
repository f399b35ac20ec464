"""Secrets kept at AWS, read with the real client from an emulator (moto), and from servers that answer what no AWS would."""

import logging
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3

from proxy.clock import SystemClock
from proxy.config.keys import Aws
from proxy.credentials.model import WHOLE, Kind, Reference, UnreadableError
from tests.vault import Asked, Reply, standing

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


def client(service: str, url: str, **identity: str) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Return a client that writes."""
    from botocore.session import Session

    return Session().create_client(service, endpoint_url=url, **identity)


def problem(reading: Any, name: str = NAME) -> str:  # noqa: ANN401 - a provider
    """Return why nothing can be read; no part of the exception shows a name or a secret (G2)."""
    with pytest.raises(UnreadableError) as refused:
        reading.read(name)
    assert refused.value.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(refused.value.__traceback__) if frame.f_code.co_filename != __file__]
    held = [value for frame in frames for local, value in frame.f_locals.items() if local != "document"]
    assert "CANARY" not in "".join(traceback.format_exception(refused.value)) + repr((reading, held))
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


def test_a_secret_can_be_named_by_its_arn(moto: str) -> None:
    """Its colons are none of ours."""
    arn = client("secretsmanager", moto).create_secret(Name="named", SecretString='{"api_key": "text"}')["ARN"]
    reference = Reference.parse(f"aws-sm:{arn}#api_key")
    assert provider(Kind.AWS_SM, moto).read(reference.document).secret(reference.field).reveal() == "text"


def test_a_parameter_is_decrypted(moto: str) -> None:
    """With its number and its date; a new one is seen by the next read, and an old one can be named."""
    writing = client("ssm", moto)
    writing.put_parameter(Name="/cio/key", Value=SECRET, Type="SecureString")
    reading = provider(Kind.AWS_SSM, moto)
    found = reading.read("/cio/key")
    assert found.secret(WHOLE).reveal() == SECRET
    assert found.version == "1"
    assert found.created_at == pytest.approx(SystemClock.wall(), abs=60)
    writing.put_parameter(Name="/cio/key", Value="another", Type="SecureString", Overwrite=True)
    second = reading.read("/cio/key")
    assert (second.secret(WHOLE).reveal(), second.version) == ("another", "2")
    assert reading.read("/cio/key:1").secret(WHOLE).reveal() == SECRET


@pytest.mark.parametrize(("kind", "name"), [(Kind.AWS_SM, NAME), (Kind.AWS_SSM, f"/{NAME}")])
def test_what_is_not_there_is_told(moto: str, kind: Kind, name: str) -> None:
    """Without the name."""
    assert problem(provider(kind, moto), name).startswith("there is no such secret")


def test_a_binary_secret_is_told(moto: str) -> None:
    """It is no key of Customer.io."""
    client("secretsmanager", moto).create_secret(Name=NAME, SecretBinary=b"CANARY\xff")
    assert problem(provider(Kind.AWS_SM, moto)) == "the secret is binary: store it as text"


def test_a_secret_marked_for_deletion_is_told(moto: str) -> None:
    """It is there, and not to be had; once restored, it is."""
    writing = client("secretsmanager", moto)
    writing.create_secret(Name="CANARY-doomed", SecretString=SECRET)
    writing.delete_secret(SecretId="CANARY-doomed")
    reading = provider(Kind.AWS_SM, moto)
    assert problem(reading, "CANARY-doomed").startswith("the secret is marked for deletion")
    writing.restore_secret(SecretId="CANARY-doomed")
    assert reading.read("CANARY-doomed").secret(WHOLE).reveal() == SECRET


def test_what_has_to_be_allowed_is_one_action(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that is told where AWS forbids the read; what is signed is what is sent, or it would not do either."""
    client("secretsmanager", moto).create_secret(Name="CANARY-guarded", SecretString=SECRET)
    iam = client("iam", moto)
    iam.create_user(UserName="sidecar")
    key = iam.create_access_key(UserName="sidecar")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    reading = provider(Kind.AWS_SM, moto)
    with authorizing(moto):
        # The emulator says AccessDenied in XML, where AWS says it in JSON (below): only the status can be read.
        assert problem(reading, "CANARY-guarded").startswith("AWS refuses the read")
    allowed = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [allowed]}).decode()
    iam.put_user_policy(UserName="sidecar", PolicyName="read", PolicyDocument=policy)
    with authorizing(moto):
        assert reading.read("CANARY-guarded").secret(WHOLE).reveal() == SECRET


@contextmanager
def authorizing(url: str) -> Iterator[None]:
    """Let the emulator look at signatures and policies in this block, which it otherwise does not."""
    urllib3.request("POST", f"{url}/moto-api/reset-auth", body=b"0")
    try:
        yield
    finally:
        urllib3.request("POST", f"{url}/moto-api/reset-auth", body=b"inf")


@pytest.fixture
def role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Be a Pod on EKS with a role for its service account (IRSA), and nobody else; return the file of its token."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    token = tmp_path / "token"
    token.write_text("CANARY-token")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/CANARY-role")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    return token


def test_the_role_of_a_pod_is_taken(moto: str, role: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token that is in its file then; a file that comes late is waited for."""
    client("secretsmanager", moto, aws_access_key_id="x", aws_secret_access_key="x").create_secret(
        Name="pod", SecretString="text"
    )
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto)
    reading = provider(Kind.AWS_SM, moto)
    late = role.rename(role.with_name("late"))
    assert problem(reading, "CANARY-pod").startswith("there are no AWS credentials that work")
    late.rename(role)
    assert reading.read("pod").secret(WHOLE).reveal() == "text"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            Reply(
                400, b"<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>CANARY</Message></Error></ErrorResponse>"
            ),
            "AWS does not let the sidecar assume its role",
        ),
        (
            Reply(403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>CANARY</Message></Error></ErrorResponse>"),
            "AWS does not let the sidecar assume its role",
        ),
        (
            Reply(302, b"", {"Location": "http://127.0.0.1:1/CANARY"}),
            "AWS answers with a redirect, which the sidecar does not follow",
        ),
        (Reply(503, b"CANARY"), "AWS failed"),
    ],
)
def test_a_role_that_is_not_given_is_told(role: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply, said: str) -> None:
    """One request, as for a secret; the token goes nowhere else."""
    with standing(lambda _: reply) as tokens, standing(lambda _: Reply(500)) as secrets:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", tokens.url)
        assert problem(provider(Kind.AWS_SM, secrets.url)).startswith(said)
        assert [role.read_bytes() in asked.body for asked in tokens.asked] == [True]
        assert secrets.asked == []


def test_credentials_that_expired_are_looked_for_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file of credentials that somebody renews is picked up by the read after."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    def reply(asked: Asked) -> Reply:
        if "Credential=AKIANEW/" not in asked.headers["authorization"]:
            return refusing("ExpiredTokenException")
        return Reply(200, b'{"SecretString": "text", "VersionId": "v", "CreatedDate": 1788220800}')

    with standing(reply) as stand:
        reading = provider(Kind.AWS_SM, stand.url)
        file.write_text("[default]\naws_access_key_id = AKIAOLD\naws_secret_access_key = CANARY\n")
        assert problem(reading) == "the AWS credentials have expired: renew them at their source"
        file.write_text("[default]\naws_access_key_id = AKIANEW\naws_secret_access_key = CANARY\n")
        assert reading.read(NAME).created_at == 1_788_220_800.0


def test_the_environment_names_no_way_there(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would be shown what is signed, and on loopback what is read."""
    client("secretsmanager", moto).create_secret(Name="direct", SecretString="text")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert provider(Kind.AWS_SM, moto).read("direct").secret(WHOLE).reveal() == "text"


def refusing(code: str, status: int = 400) -> Reply:
    """Return AWS's answer with an error code, and its own words, which are nobody's business."""
    body = orjson.dumps({"__type": code, "message": "CANARY is not authorized to perform CANARY on CANARY"})
    return Reply(status, body)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refusing("AccessDeniedException"), "AWS forbids the read: the role must be allowed secretsmanager:GetSecretValue"),
        (refusing("ExpiredTokenException"), "the AWS credentials have expired"),
        (refusing("UnrecognizedClientException"), "AWS does not accept the credentials"),
        (refusing("ThrottlingException"), "AWS's quota of requests is used up"),
        (refusing("CANARYException"), "AWS refuses the read"),
        (Reply(500, b"CANARY"), "AWS failed"),
        (Reply(200, b"CANARY"), "the server that answers is not AWS"),
        (Reply(200, b"[]"), "the server that answers is not AWS"),
        (
            Reply(302, b"", {"Location": "http://127.0.0.1:1/CANARY"}),
            "AWS answers with a redirect, which the sidecar does not follow",
        ),
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


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"])
def test_g10_no_variable_says_where_secrets_are_read_from(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It could name anybody, over plain http; without `stores.aws.endpoint` it is the region's own."""
    from proxy.credentials.aws import AwsProvider

    monkeypatch.setenv(name, "http://127.0.0.1:1")
    client = AwsProvider(Kind.AWS_SM, Aws(), 5, SystemClock())._new_client()
    assert client.meta.endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert client.meta.config.read_timeout == 5
