"""Secrets kept in Google Cloud Secret Manager: `gcp:projects/P/secrets/S[/versions/V]`, the newest version without V.

Google's client finds out who the sidecar is (Application Default Credentials), spells and parses; `cloud_http` sends, for the
client as for whatever renews the credentials. A read asks for the version, and, where that is a new one, for its date; an
access token that is rejected is renewed once. Once Google rejects the credentials themselves, the next read looks for them
anew.

What is said of a failure is a fixed text that tells what to do next, never a word of Google's.
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

# A project's id may have a domain in front of it ("example.com:project"); of a version there is a number, an alias or "latest".
_VERSION_NAME = re.compile(r"projects/[A-Za-z0-9][A-Za-z0-9.:-]*/secrets/[A-Za-z0-9_-]+/versions/(?P<version>[A-Za-z0-9_-]+)")
_GOOGLE = Origin("secretmanager.googleapis.com", 443, tls=True)

NO_IDENTITY = (
    "there are no Application Default Credentials: give the Pod's service account a Google identity (Workload Identity), "
    "or let GOOGLE_APPLICATION_CREDENTIALS name a file of credentials"
)
REJECTED = (
    "Google does not accept the sidecar's credentials: renew them, or check what they stand for, and that it still exists"
)
FORBIDDEN = "Google forbids the read: the sidecar's identity needs roles/secretmanager.secretAccessor on the secret"
NO_SCOPE = "the machine's access scopes forbid the read: give it the scope cloud-platform"
NO_API = "the project does not serve Secret Manager: enable its API (secretmanager.googleapis.com)"
NOT_FOUND = "there is no such secret or version: create it, or correct the reference"
NOT_ENABLED = "the version is disabled or destroyed: enable it, or add a new one"
NOT_A_NAME = "Google takes no such name: it is projects/PROJECT/secrets/SECRET, and /versions/VERSION where one is meant"
BINARY = "the secret is binary: store it as text"
DAMAGED = "the secret does not have the checksum that Google sent with it: what stands between changes answers"
OTHER = "Google refuses the read: the audit logs of the project say why"
NOT_GOOGLE = "what answers is not Secret Manager: check stores.gcp.endpoint"

# 400 is what Google answers if a version cannot be read in its state; the name was checked before.
_STATUSES: Mapping[int, str] = MappingProxyType({400: NOT_ENABLED, 401: REJECTED, 403: FORBIDDEN, 404: NOT_FOUND})
# google.api.ErrorReason, where it says more than the status.
_REASONS: Mapping[str, str] = MappingProxyType({"SERVICE_DISABLED": NO_API, "ACCESS_TOKEN_SCOPE_INSUFFICIENT": NO_SCOPE})
# After these, the next read looks for credentials anew.
_OF_IDENTITY = frozenset({NO_IDENTITY, REJECTED})


class GoogleProvider:
    """Reads secrets from Secret Manager, as Application Default Credentials say who reads."""

    def __init__(self, gcp: GoogleCloud, timeout_seconds: float, clock: Clock) -> None:
        """Read as `gcp` says; credentials are looked for once there is something to read."""
        self._origin = gcp.endpoint or _GOOGLE
        self._adapter = _Adapter(Http("Google Cloud", "gcp", timeout_seconds, clock))
        self._transport: _Transport | None = None
        self._dates: dict[str, tuple[str, float | None]] = {}
        silence("google")

    def read(self, document: str) -> Document:
        """See `Provider.read`."""
        outcome = self._outcome(document, document if "/versions/" in document else f"{document}/versions/latest")
        if isinstance(outcome, Document):
            return outcome
        if outcome in _OF_IDENTITY:
            self._transport = None
        raise UnreadableError(outcome)

    def _outcome(self, document: str, name: str) -> Document | str:
        """Return what was read, or what is wrong. No exception gets out: those of the library hold names and Google's words."""
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
        except Exception:  # noqa: BLE001 - parsing what is no answer of Google's may raise anything, and its text quotes the answer
            return NOT_GOOGLE

    def _new_transport(self) -> "_Transport":
        """Return a client that is signed in. Where Google's machines have credentials, a machine elsewhere has nothing."""
        try:
            # Without scopes at first: with them, the project of the credentials would be looked up, which nothing here needs.
            credentials, _ = google.auth.default(request=_request(self._adapter))
        except Exception:  # noqa: BLE001 - a file that is named may hold anything, and raise anything: it has no credentials
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
        """Return when the version was made, if Google says: whoever may read a secret may be forbidden to ask about it."""
        known, date = self._dates.get(document, ("", None))
        if known == name:
            return date
        try:
            made = transport.get_secret_version(GetSecretVersionRequest(name=name)).create_time
            date = made.timestamp() if made else None
        except GoogleAPICallError:
            date = None
        except Exception:  # noqa: BLE001 - a date is not worth a secret that was read; the next read asks for it again
            return None
        self._dates[document] = (name, date)
        return date


class _Transport(SecretManagerServiceRestTransport):
    """Google's client of Secret Manager, sending through `cloud_http`. It does not send again, unlike the class around it."""

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
    """What `requests` sends through."""

    def __init__(self, http: Http) -> None:
        super().__init__()
        self._http = http

    def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:  # noqa: ANN401 - `http` knows better
        answer = self._http.send(request.method or "", request.url or "", request.headers, request.body)
        return self.build_response(request, answer)


def _request(adapter: _Adapter) -> Request:
    """Return what credentials are looked for and renewed with."""
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
