"""Reads secrets from Google Cloud Secret Manager: `gcp:projects/P/secrets/S[/versions/V]`; without V, the newest version.

Google's client finds the credentials (Application Default Credentials), builds requests and parses answers. `cloud_http` sends,
also when credentials are renewed. A read requests the version and, if it is new, its date. A rejected access token is renewed
once. After Google rejects the credentials themselves, the next read looks for them again.

An error is a fixed text that says how to fix the problem. It never quotes Google.
Google's API: cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import google.auth
import google_crc32c
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse, GetSecretVersionRequest
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter

from proxy.clock import Clock
from proxy.config.keys import GoogleCloud
from proxy.config.origin import Origin
from proxy.credentials.cloud_http import Http, UnansweredError, silence
from proxy.credentials.model import WHOLE, Document, UnreadableError
from proxy.sensitive import Sensitive

# A project id may begin with a domain ("example.com:project"). A version is a number, an alias or "latest".
_VERSION_NAME = re.compile(r"projects/[A-Za-z0-9][A-Za-z0-9.:-]*/secrets/[A-Za-z0-9_-]+/versions/(?P<version>[A-Za-z0-9_-]+)")
_GOOGLE = Origin("secretmanager.googleapis.com", 443, tls=True)

NO_IDENTITY = (
    "there are no Application Default Credentials: give the Pod's service account a Google identity (Workload Identity), "
    "or set GOOGLE_APPLICATION_CREDENTIALS to the path of a credentials file"
)
REJECTED = "Google does not accept the sidecar's credentials: renew them, or check that the account they belong to still exists"
FORBIDDEN = "Google forbids the read: the sidecar's identity needs roles/secretmanager.secretAccessor on the secret"
NO_SCOPE = "the machine's access scopes forbid the read: add the scope cloud-platform"
NO_API = "Secret Manager is not enabled in the project: enable its API (secretmanager.googleapis.com)"
NOT_FOUND = "there is no such secret or version: create it, or correct the reference"
NOT_ENABLED = "the version is disabled or destroyed: enable it, or add a new one"
NOT_A_NAME = (
    "Google does not accept this name: write projects/PROJECT/secrets/SECRET or projects/PROJECT/secrets/SECRET/versions/V"
)
BINARY = "the secret is binary: store it as text"
DAMAGED = "the secret does not have the checksum that Google sent with it: something on the network path changes answers"
OTHER = "Google refuses the read: see the audit logs of the project for the reason"
NOT_GOOGLE = "the server that answers is not Secret Manager: check stores.gcp.endpoint"

# Google answers 400 if the version is disabled or destroyed. An invalid name is refused before the request.
_STATUSES: Mapping[int, str] = MappingProxyType({400: NOT_ENABLED, 401: REJECTED, 403: FORBIDDEN, 404: NOT_FOUND})
# Values of google.api.ErrorReason that say more than the status.
_REASONS: Mapping[str, str] = MappingProxyType({"SERVICE_DISABLED": NO_API, "ACCESS_TOKEN_SCOPE_INSUFFICIENT": NO_SCOPE})
# After these errors, the next read looks for the credentials again.
_OF_IDENTITY = frozenset({NO_IDENTITY, REJECTED})


class GoogleProvider:
    """Reads secrets from Secret Manager, with Application Default Credentials."""

    def __init__(self, gcp: GoogleCloud, timeout_seconds: float, clock: Clock) -> None:
        """Read with the settings in `gcp`. Credentials are looked for at the first read."""
        self._origin = gcp.endpoint or _GOOGLE
        self._adapter = _Adapter(Http("Google Cloud", "gcp", timeout_seconds, clock))
        self._transport: _Transport | None = None
        self._dates: dict[str, tuple[str, float | None]] = {}
        silence("google")

    def read(self, document: str) -> Document:
        """Return the secret named `document`; see `Provider.read`."""
        outcome = self._outcome(document, document if "/versions/" in document else f"{document}/versions/latest")
        if isinstance(outcome, Document):
            return outcome
        if outcome in _OF_IDENTITY:
            self._transport = None
        raise UnreadableError(outcome)

    def _outcome(self, document: str, name: str) -> Document | str:
        """Return the document, or the problem. No exception leaves: exceptions of the library contain names and answers."""
        if not _VERSION_NAME.fullmatch(name):
            return NOT_A_NAME
        try:
            transport = self._transport = self._transport or self._new_transport()
            answer = transport.access_secret_version(AccessSecretVersionRequest(name=name))
            return self._document(document, answer, transport)
        except UnansweredError as error:
            return str(error)
        except GoogleAPICallError as error:
            return _REASONS.get(error.reason or "") or _STATUSES.get(error.code or 0, OTHER)
        except DefaultCredentialsError:
            return NO_IDENTITY
        except GoogleAuthError:
            return REJECTED
        except Exception:  # noqa: BLE001 - parsing a foreign answer may raise anything, and the exception's text quotes it
            return NOT_GOOGLE

    def _new_transport(self) -> "_Transport":
        """Return a client with credentials. A machine outside Google has none, unless a file provides them."""
        try:
            # Scopes are added later. With scopes here, the project of the credentials would be looked up without need.
            credentials, _ = google.auth.default(request=_request(self._adapter))
        except Exception:  # noqa: BLE001 - a configured file may contain anything and raise anything: it has no credentials
            raise DefaultCredentialsError from None
        scopes = SecretManagerServiceRestTransport.AUTH_SCOPES
        credentials = with_scopes_if_required(credentials, None, default_scopes=scopes)
        return _Transport(credentials, self._origin, self._adapter)

    def _document(self, document: str, answer: AccessSecretVersionResponse, transport: "_Transport") -> Document | str:
        named = _VERSION_NAME.fullmatch(answer.name)
        if not named:
            return NOT_GOOGLE
        if "data_crc32c" in answer.payload and google_crc32c.value(answer.payload.data) != answer.payload.data_crc32c:
            return DAMAGED
        text = _text(answer.payload.data)
        if text is None:
            return BINARY
        return Document({WHOLE: text}, named["version"], self._date(document, answer.name, transport))

    def _date(self, document: str, name: str, transport: "_Transport") -> float | None:
        """Return the creation time of the version, or None: a role may be allowed to read the secret, but not its date."""
        known, date = self._dates.get(document, ("", None))
        if known == name:
            return date
        try:
            made = transport.get_secret_version(GetSecretVersionRequest(name=name)).create_time
            date = made.timestamp() if made else None
        except GoogleAPICallError:
            date = None
        except Exception:  # noqa: BLE001 - a missing date must not fail the read; the next read asks for it again
            return None
        self._dates[document] = (name, date)
        return date


class _Transport(SecretManagerServiceRestTransport):
    """Google's transport for Secret Manager, through `cloud_http`. It does not retry, as Google's client class would."""

    def __init__(self, credentials: Credentials, origin: Origin, adapter: "_Adapter") -> None:
        super().__init__(
            host=origin.authority,
            url_scheme="https" if origin.tls else "http",
            credentials=credentials,
            always_use_jwt_access=True,
        )
        self._session.close()
        self._session = AuthorizedSession(
            self._credentials, max_refresh_attempts=1, auth_request=_request(adapter), default_host=self.DEFAULT_HOST
        )
        _mount(self._session, adapter)


class _Adapter(HTTPAdapter):
    """The adapter through which `requests` sends."""

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:  # noqa: ANN401 - `http` has its own timeouts and TLS
        answer = self._http.send(request.method or "", request.url or "", request.headers, request.body)
        return self.build_response(request, answer)


def _request(adapter: _Adapter) -> Request:
    """Return the request function that finds and renews credentials."""
    session = Session()
    _mount(session, adapter)
    return Request(session)


def _mount(session: Session, adapter: _Adapter) -> None:
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, adapter)


def _text(data: bytes) -> Sensitive[str] | None:
    try:
        return Sensitive(data.decode())
    except UnicodeDecodeError:
        return None
