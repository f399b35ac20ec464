"""Reads secrets from AWS Secrets Manager (`aws-sm:NAME[#FIELD]`) and SSM Parameter Store (`aws-ssm:/NAME`).

botocore finds the credentials (its default chain: environment, web identity, container, instance, shared files), signs requests
and parses answers. `cloud_http` sends. A read makes one request. After AWS rejects the credentials, the next read looks for
them again, so that a rotated file is used.

An error is a fixed text that says how to fix the problem. It never quotes AWS.
AWS's APIs: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html and
docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError, ParamValidationError
from botocore.session import Session

from proxy.clock import Clock
from proxy.config.keys import Aws
from proxy.credentials.cloud_http import BUSY, FAILED, Http, UnansweredError, silence
from proxy.credentials.model import WHOLE, Document, Kind, UnreadableError
from proxy.sensitive import Sensitive

AwsKind = Literal[Kind.AWS_SM, Kind.AWS_SSM]

NO_IDENTITY = "there are no AWS credentials that work: give the Pod a role, or see the default credential chain of the AWS SDKs"
NO_ROLE = "AWS does not let the sidecar assume its role: check the role's trust policy, and the token that it is assumed with"
EXPIRED = "the AWS credentials have expired: renew them at their source"
REJECTED = "AWS does not accept the credentials: check the access key at its source, and this machine's clock"
SKEWED = "AWS says that the request's time is wrong: correct this machine's clock"
NO_REGION = "the AWS region is not known: set stores.aws.region"
DISABLED_KEY = "AWS cannot decrypt the secret: check the state of its KMS key, and that the role may use kms:Decrypt with it"
NOT_A_NAME = "AWS does not accept this name: correct the reference"
BINARY = "the secret is binary: store it as text"
PENDING_DELETION = "the secret is marked for deletion: restore it, or create a new one"
NOT_FOUND = (
    "there is no such secret, or no current version, in this account and region: create it, or correct the name or region"
)
FORBIDDEN = "AWS forbids the read: the role must be allowed {}, and kms:Decrypt if the KMS key is customer managed"
OTHER = "AWS refuses the read: see AWS CloudTrail for the reason"
NOT_AWS = "the server that answers is not AWS: check stores.aws.endpoint"

# Sources: docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html, and the errors of the two calls.
_CODES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("ExpiredToken", "ExpiredTokenException"), EXPIRED)
    | dict.fromkeys(
        (
            "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId", "InvalidClientTokenId",
            "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized",
            "SignatureDoesNotMatch", "UnrecognizedClientException",
        ),
        REJECTED,
    )
    | dict.fromkeys(("RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"), SKEWED)
    | dict.fromkeys(("AccessDenied", "AccessDeniedException", "OptInRequired"), FORBIDDEN)
    | dict.fromkeys(("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"), BUSY)
    | dict.fromkeys(("InternalFailure", "InternalServerError", "InternalServiceError", "ServiceUnavailable"), FAILED)
    | dict.fromkeys(("ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"), NOT_FOUND)
    | dict.fromkeys(("DecryptionFailure", "InvalidKeyId", "KMSInvalidStateException", "DisabledException"), DISABLED_KEY)
    | dict.fromkeys(("InvalidParameterException", "ValidationException", "ValidationError"), NOT_A_NAME)
    | {"InvalidRequestException": PENDING_DELETION}
)  # fmt: skip

# After these errors, the next read looks for the credentials again.
_OF_IDENTITY = frozenset({NO_IDENTITY, NO_ROLE, EXPIRED, REJECTED})


@dataclass(frozen=True, slots=True)
class _Call:
    """The API call that reads one kind of secret: service, operation, parameters, and the parser of its answer."""

    service: str
    operation: str
    method: str
    permission: str
    parameters: Callable[[str], Mapping[str, object]]
    document: Callable[[Mapping[str, Any]], Document | str]


class AwsProvider:
    """Reads one kind of secret, with credentials of the default chain."""

    def __init__(self, kind: AwsKind, aws: Aws, timeout_seconds: float, clock: Clock) -> None:
        """Read with the settings in `aws`. Credentials are looked for, and connections made, at the first read."""
        self._call = _CALLS[kind]
        self._aws = aws
        self._http = Http("AWS", "aws", timeout_seconds, clock)
        self._config = Config(
            connect_timeout=timeout_seconds, read_timeout=timeout_seconds, retries={"total_max_attempts": 1, "mode": "standard"}
        )
        self._client: Any = None
        silence("botocore")

    def read(self, document: str) -> Document:
        """Return the secret or parameter named `document`; see `Provider.read`."""
        outcome = self._outcome(document)
        if isinstance(outcome, Document):
            return outcome
        if outcome in _OF_IDENTITY:
            self._client = None
        raise UnreadableError(outcome)

    def _outcome(self, document: str) -> Document | str:
        """Return the document, or the problem. No exception leaves: exceptions of the library contain names and answers."""
        try:
            if self._client is None:
                self._client = self._new_client()
            answer = getattr(self._client, self._call.method)(**self._call.parameters(document))
            return self._call.document(answer)
        except UnansweredError as error:
            return str(error)
        except ClientError as error:
            return self._refusal(error)
        except NoRegionError:
            return NO_REGION
        except ParamValidationError:
            return NOT_A_NAME
        except (BotoCoreError, OSError):  # OSError: a file that the chain refers to may be missing
            return NO_IDENTITY
        except Exception:  # noqa: BLE001 - parsing a foreign answer may raise anything, and the exception's text quotes it
            return NOT_AWS

    def _new_client(self) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
        session = Session()
        session.set_default_client_config(self._config)
        session.register("before-send", self._sent)  # for all clients of the session, also the one that assumes a role
        endpoint = str(self._aws.endpoint) if self._aws.endpoint else None
        # Only our configuration, which requires TLS, sets the endpoint. No variable or file changes it (promise G10).
        only_ours = Config(ignore_configured_endpoint_urls=True)
        return session.create_client(self._call.service, region_name=self._aws.region, endpoint_url=endpoint, config=only_ours)

    def _sent(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Send a request in place of botocore's own HTTP client."""
        answer = self._http.send(request.method, request.url, request.headers, request.body)
        return AWSResponse(request.url, answer.status, answer.headers, answer)

    def _refusal(self, error: ClientError) -> str:
        code = error.response["Error"].get("Code", "")
        if error.operation_name != self._call.operation:
            return NO_ROLE
        return _CODES.get(code, OTHER).format(self._call.permission if _CODES.get(code) == FORBIDDEN else "AWS")


# Parsers of answers. Only these functions see an answer, so no frame that raises an error has a variable with a secret.


def _secret(answer: Mapping[str, Any]) -> Document | str:
    match answer:
        case {"SecretString": str(text), "VersionId": str(version), "CreatedDate": datetime() as created}:
            fields = {name: Sensitive(value) for name, value in _parsed(text).items() if isinstance(value, str)}
            return Document(fields | {WHOLE: Sensitive(text)}, version, created.timestamp())
        case {"SecretBinary": _}:
            return BINARY
    return NOT_AWS


def _parsed(text: str) -> Mapping[str, object]:
    """Return the fields of a secret that is a JSON object; an empty mapping for any other secret."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _parameter(answer: Mapping[str, Any]) -> Document | str:
    match answer:
        case {"Parameter": {"Value": str(text), "Version": int(version), "LastModifiedDate": datetime() as changed}}:
            return Document({WHOLE: Sensitive(text)}, str(version), changed.timestamp())
    return NOT_AWS


_CALLS: Mapping[Kind, _Call] = MappingProxyType(
    {
        Kind.AWS_SM: _Call(
            service="secretsmanager",
            operation="GetSecretValue",
            method="get_secret_value",
            permission="secretsmanager:GetSecretValue",
            parameters=lambda document: {"SecretId": document},
            document=_secret,
        ),
        Kind.AWS_SSM: _Call(
            service="ssm",
            operation="GetParameter",
            method="get_parameter",
            permission="ssm:GetParameter",
            parameters=lambda document: {"Name": document, "WithDecryption": True},
            document=_parameter,
        ),
    }
)
