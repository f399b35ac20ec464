"""Where an application finds Customer.io, what it is given as keys, and how the clients of each SDK are made of the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.running import SECRETS


@dataclass(frozen=True)
class Place:
    """Where an application finds Customer.io, or what it takes for it: a plain port and a TLS port of this machine."""

    port: int
    tls_port: int

    @property
    def url(self) -> str:
        """The plain address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The address that a certificate of `tls init` is for."""
        return f"https://localhost:{self.tls_port}"


@dataclass(frozen=True)
class Keys:
    """What an application is given as its credentials."""

    site_id: str
    api_key: str
    app_key: str
    write_key: str


# All an application behind the sidecar has; the configuration of the tests knows it as the one caller.
PLACEHOLDER = "placeholder-key-of-the-application"
PLACEHOLDERS = Keys("placeholder-site", PLACEHOLDER, PLACEHOLDER, PLACEHOLDER)
# The Pipelines SDK of Python sends a key of this shape as a Bearer token, any other as the user of Basic.
BEARER_KEY = "pk_us_placeholder-key"
REAL = Keys(*(SECRETS[name] for name in ("TEST_SITE_ID", "TEST_API_KEY", "TEST_APP_KEY", "TEST_WRITE_KEY")))

Clients = Mapping[str, Mapping[str, Any]]
"""For each class what an application's `make` takes; `base` is the client's own base URL."""


def python(place: Place, keys: Keys, options: Mapping[str, Any], *, tls: bool) -> Clients:
    """Return the clients of Python's `customerio`, any version."""
    host, port = ("localhost", place.tls_port) if tls else ("127.0.0.1", place.port)
    url = place.tls_url if tls else place.url
    return {
        "CustomerIO": {
            "args": [keys.site_id, keys.api_key],
            "options": {"host": host, "port": port, **options},
            "set": {} if tls else {"base_url": f"{url}/api/v1"},
            "base": f"{url}/api/v1",
        },
        "APIClient": {"args": [keys.app_key], "options": {"url": url, **options}, "base": url},
    }


def asynchronous(place: Place, keys: Keys, options: Mapping[str, Any]) -> Clients:
    """Return the clients of `async-customerio`."""
    url = place.tls_url
    track = {"host": "localhost", "port": place.tls_port, **options}
    return {
        "AsyncCustomerIO": {"args": [keys.site_id, keys.api_key], "options": track, "base": f"{url}/api/v1"},
        "AsyncAPIClient": {"args": [keys.app_key], "options": {"url": url, **options}, "base": url},
    }


def asynchronous_plain(place: Place, keys: Keys, options: Mapping[str, Any]) -> Clients:
    """Return the one of them that does without TLS."""
    return {"AsyncAPIClient": {"args": [keys.app_key], "options": {"url": place.url, **options}, "base": place.url}}


def node(place: Place, keys: Keys, options: Mapping[str, Any], *, tls: bool) -> Clients:
    """Return the clients of `customerio-node` 5."""
    url = place.tls_url if tls else place.url
    app = {**options, "url": f"{url}/v1"}
    return {
        "TrackClient": {"args": [keys.site_id, keys.api_key, {**options, "url": f"{url}/api/v1"}]},
        "APIClient": {"args": [keys.app_key, app]},
        "PipelinesClient": {"args": [keys.write_key, app]},
    }


def node4(place: Place, keys: Keys, options: Mapping[str, Any]) -> Clients:
    """Return the clients of `customerio-node` 4."""
    at = {**options, "port": place.tls_port}  # and not in the `url`
    return {
        "TrackClient": {"args": [keys.site_id, keys.api_key, {**at, "url": "https://localhost/api/v1"}]},
        "APIClient": {"args": [keys.app_key, {**at, "url": "https://localhost/v1"}]},
    }


def cdp_python(place: Place, keys: Keys, options: Mapping[str, Any]) -> Clients:
    """Return the client of Python's Pipelines SDK, and its module as one; plain, from a queue."""
    queue = {"upload_interval": 0.02, "on_error": {"$told": True}}  # seconds; otherwise half of one
    module = {"write_key": keys.write_key, "host": place.url, "sync_mode": True, "default_client": None}
    return {
        "Client": {"args": [keys.write_key], "options": {"host": f"{place.url}/", **queue, **options}},
        "analytics": {"set": module},
    }


def cdp_python_gzip(place: Place, keys: Keys, options: Mapping[str, Any]) -> Clients:
    """Return the same over TLS, coded, and at once."""
    at_once = {"host": place.tls_url, "sync_mode": True, "gzip": True}
    return {
        "Client": {"args": [keys.write_key], "options": {**at_once, **options}},
        "analytics": {"set": {**at_once, "write_key": keys.write_key, "default_client": None}},
    }


def cdp_node(place: Place, keys: Keys, options: Mapping[str, Any], *, tls: bool) -> Clients:
    """Return the client of Node's Pipelines SDK."""
    host = place.tls_url if tls else place.url
    return {"Analytics": {"args": [{"writeKey": keys.write_key, "host": host, "maxEventsInBatch": 1, **options}]}}
