"""The words the configuration is written in."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from proxy.config.values import (
    FOLDER,
    Host,
    LocalPath,
    Name,
    Port,
    SecretReference,
    Section,
    is_loopback,
    local_path,
    references,
)
from proxy.credentials.model import Kind, Reference


class Example(Section):
    """One value of each kind."""

    host: Host = "localhost"
    path: LocalPath = Path("a")
    name: Name = "a"
    port: Port = 1
    secret: SecretReference | None = None
    inner: "Example | None" = None
    many: tuple["Example", ...] = ()


def test_a_section_takes_no_key_it_does_not_know_and_no_other_type() -> None:
    """What is misspelt or mistyped is refused, never dropped or converted."""
    for document in ({"hots": "a"}, {"port": "1"}, {"port": True}, {"port": 1.0}, {"name": 5}, {"path": 5}, {"secret": 5}):
        with pytest.raises(ValidationError):
            Example.model_validate(document)


def test_a_section_cannot_be_changed() -> None:
    """A configuration is replaced whole or not at all."""
    with pytest.raises(ValidationError):
        Example().port = 2  # type: ignore[misc]  # what is tested


def test_an_error_does_not_show_the_value() -> None:
    """Somebody may have pasted a secret there."""
    with pytest.raises(ValidationError) as refused:
        Example.model_validate({"secret": "CANARY", "host": "CANARY host", "name": "CANARY name", "path": 5})
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
        ("host.docker.internal", False),
    ],
)
def test_loopback_is_what_cannot_leave_this_machine(host: str, *, loopback: bool) -> None:
    """A name that only looks local is not trusted to be."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["a", "a-b.example", "example.", "192.0.2.1", "::1", "xn--bcher-kva.example"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    """Host names (RFC 1123) and addresses of both families."""
    assert Example.model_validate({"host": host}).host == host


@pytest.mark.parametrize(
    "host",
    ["", "a b", "a:80", "https://a", "-a", "a-", "a..b", "256.1.1.1", "1.2.3", "[::1]", "a" * 64, "a." * 127 + "aa", "é"],
)
def test_what_is_neither_is_refused(host: str) -> None:
    """Ports, schemes, brackets, and addresses with a digit too many are told at load."""
    with pytest.raises(ValidationError, match="must be a host name or an IP address"):
        Example.model_validate({"host": host})


def test_a_path_is_relative_to_the_folder_of_its_file() -> None:
    """Absolute paths stay; without a folder a relative one is relative to the working directory."""
    assert Example.model_validate({"path": "x/y"}, context={FOLDER: Path("/etc/cio")}).path == Path("/etc/cio/x/y")
    assert Example.model_validate({"path": "/x"}, context={FOLDER: Path("/etc/cio")}).path == Path("/x")
    assert Example.model_validate({"path": "x"}).path == Path("x")


@pytest.mark.parametrize("path", ["", "a\x00b", "a\nb", "x" * 4097, 5, None, ["a"]])
def test_what_is_no_path_is_refused(path: object) -> None:
    """An empty path, control characters, and a path longer than any system takes."""
    with pytest.raises(ValueError, match="must be the path of a file"):
        local_path(path, Path())


def test_only_a_file_reference_has_a_folder() -> None:
    """A name in the environment is the same everywhere."""
    context = {FOLDER: Path("/etc/cio")}
    assert Example.model_validate({"secret": "file:key"}, context=context).secret == Reference(Kind.FILE, "/etc/cio/key")
    assert Example.model_validate({"secret": "file:/key"}, context=context).secret == Reference(Kind.FILE, "/key")
    assert Example.model_validate({"secret": "env:KEY"}, context=context).secret == Reference(Kind.ENV, "KEY")


def test_a_reference_is_not_written_out_again() -> None:
    """A dump of the configuration shows the kind of place, not the place: it may be a secret pasted by mistake."""
    dumped = Example.model_validate({"secret": "env:CANARY"}).model_dump_json()
    assert "CANARY" not in dumped
    assert "env:" in dumped


def test_every_reference_is_found_with_its_key_path() -> None:
    """In the section itself, in sections inside it, and in lists of them."""
    a, b, c = (Reference(Kind.ENV, name) for name in "ABC")
    example = Example(secret=a, inner=Example(secret=b), many=(Example(), Example(secret=c)))
    assert list(references(example)) == [(("secret",), a), (("inner", "secret"), b), (("many", 1, "secret"), c)]
