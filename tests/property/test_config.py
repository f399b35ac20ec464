"""Whatever is written into a configuration, nothing of it comes out again."""

import contextlib
import io
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from hypothesis import given
from hypothesis import strategies as st

from proxy.cli import main
from tests.needs import ROOT

CANARY = "sk-Kanarienvogel9Q"
FULL = yaml.safe_load((ROOT / "config" / "sidecar.yaml").read_text()) | {
    "policy": yaml.safe_load((ROOT / "config" / "policies" / "default.yaml").read_text()),
    "upstreams": {"track": {"url": "https://track.example", "ca": "ca.pem"}},
    "webhooks": {"routes": [{"path": "/w", "secrets": ["env:A"], "forward_to": "http://127.0.0.1/"}]},
    "erasure": {"path": "e", "audit_log": "a", "fingerprint_key": "env:A", "audit_key": "env:B"},
    "stores": {"vault": {"address": "https://vault:8200", "auth": {"method": "token", "role": "r"}}},
}
ENVIRON = dict.fromkeys(("CIO_SITE_ID", "CIO_API_KEY", "CIO_APP_KEY", "CIO_WRITE_KEY"), "0123456789abcdef")


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - a document
    """Find the place of every value in a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from paths(inner, (*path, key))


def replaced(value: Any, path: tuple[str | int, ...], new: Any, *, as_key: bool) -> Any:  # noqa: ANN401 - a document
    """Return a document with something else at one place, or with the last key of the place called so."""
    if not path:
        return new
    key, *rest = path
    inner = replaced(value[key], tuple(rest), new, as_key=as_key)
    if isinstance(value, list):
        return [inner if position == key else item for position, item in enumerate(value)]
    if as_key and not rest:
        return {(new if name == key else name): item for name, item in value.items()}
    return value | {key: inner}


def output(arguments: list[str], environ: Mapping[str, str]) -> str:
    """Return everything that a command prints."""
    printed = io.StringIO()
    with (
        patch.object(sys, "argv", ["cio-sidecar", *arguments]),
        patch("os.environ", dict(environ)),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        code = main.main()
    assert code in {0, 1, 2}
    assert "internal fault" not in printed.getvalue()
    return printed.getvalue()


KINDS = [
    "{}",
    "env:{}",
    "file:{}",
    "vault:{}",
    "vault:a/{}#c",
    "gcp:projects/{}/secrets/s",
    "https://{}",
    "https://{}@host",
    "{}: x",
    "{}\n",
]


@given(st.data())
def test_a_secret_in_the_wrong_place_is_never_shown(data: st.DataObject) -> None:
    """As a value, as a key, inside a reference or a URL, anywhere in the file: no message, no finding, no fault shows it."""
    path = data.draw(st.sampled_from(sorted(paths(FULL), key=str)))
    text = data.draw(st.sampled_from(KINDS)).format(CANARY)
    as_key = bool(path) and isinstance(path[-1], str) and data.draw(st.booleans())
    document = replaced(FULL, path, text, as_key=as_key)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.yaml"
        file.write_text(yaml.safe_dump(document))
        shown = output(["check", "--offline", "--config", str(file)], ENVIRON)
    assert "Kanarienvogel" not in shown


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_secret_in_a_broken_file_is_never_shown(before: str, after: str) -> None:
    """What is no YAML, or not what a configuration is, is refused without quoting it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "c.yaml"
        file.write_bytes(f"{before}{CANARY}{after}".encode("utf-8", "surrogatepass"))
        shown = output(["check", "--offline", "--config", str(file)], {})
    assert "Kanarienvogel" not in shown


@given(
    st.sampled_from(
        ["OUTBOUND__PORT", "REGION", "CREDENTIALS__APP__API_KEY", "POLICY", "POLICY__MODE", "OUTBOUND", "X__Y", "TLS"]
    ),
    st.sampled_from(["", "{", "[", "*", "!", "'", "a: ", "env:", "file:", "- "]),
    st.sampled_from(["", "}", "]", ": x", "'", "\n"]),
)
def test_a_secret_in_the_environment_is_never_shown(name: str, before: str, after: str) -> None:
    """A variable is told by its name, never by its value."""
    shown = output(["check", "--offline"], {f"CIO_SIDECAR_{name}": f"{before}{CANARY}{after}"})
    assert "Kanarienvogel" not in shown


@given(
    st.sampled_from(["CIO_SITE_ID", "CIO_API_KEY", "CIO_APP_KEY", "CIO_WRITE_KEY", "BILLING_KEY"]),
    st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=40),
)
def test_a_secret_that_cannot_be_used_is_never_shown(name: str, secret: str) -> None:
    """Whatever a referenced variable holds."""
    environ = {**ENVIRON, "BILLING_KEY": "0123456789abcdef-billing", name: f"{CANARY}{secret}"}
    shown = output(["check", "--offline", "--config", str(ROOT / "config" / "sidecar.yaml")], environ)
    assert "Kanarienvogel" not in shown
