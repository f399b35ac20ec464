"""Secrets kept in the environment."""

from pathlib import Path

import pytest

from proxy.credentials.env import EnvProvider
from proxy.credentials.model import WHOLE, Provider, UnreadableError
from proxy.sensitive import Sensitive


def test_a_variable_holds_the_secret() -> None:
    """Without line ends; the provider meets its protocol."""
    provider: Provider = EnvProvider({"KEY": "secret\n"})
    assert provider.read("KEY").secret(WHOLE) == Sensitive("secret")


def test_a_variable_may_name_a_file(tmp_path: Path) -> None:
    """`KEY_FILE`, as container images have it."""
    (tmp_path / "key").write_text("secret\n")
    assert EnvProvider({"KEY_FILE": str(tmp_path / "key")}).read("KEY").secret(WHOLE) == Sensitive("secret")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "is not set"),
        ({"KEY": ""}, "is empty"),
        ({"KEY_FILE": ""}, "is not set"),
        ({"KEY": "a", "KEY_FILE": "b"}, "remove one of them"),
        ({"KEY": "", "KEY_FILE": "b"}, "remove one of them"),
        ({"KEY_FILE": "CANARY/none"}, "no such file"),
        ({"KEY": "CANARY\x00"}, "cannot be printed"),
    ],
)
def test_a_secret_that_is_not_there_says_why(environ: dict[str, str], problem: str) -> None:
    """Without a word of the value."""
    with pytest.raises(UnreadableError, match=problem) as refused:
        EnvProvider(environ).read("KEY").secret(WHOLE)
    assert "CANARY\x00" not in str(refused.value)


@pytest.mark.parametrize("name", ["CIO_API_KEY", "cio_api_key", "CIOAPIKEY2", "A" * 40])
def test_a_variable_that_is_missing_is_named(name: str) -> None:
    """With what can be done about it."""
    with pytest.raises(UnreadableError) as refused:
        EnvProvider({}).read(name)
    assert str(refused.value) == f"the environment variable is not set: {name}; set it, or use a file: reference"


@pytest.mark.parametrize("key", ["8b4be41e9a1e4a1fb3c0", "sa_live_9f86d081884c7d659a2f", "AKIAIOSFODNN7EXAMPLE"])
def test_a_key_that_was_pasted_in_the_place_of_a_name_is_not_shown(key: str) -> None:
    """Names have words and separators; keys mix letters and digits in one long run (promise G2)."""
    with pytest.raises(UnreadableError, match="is not set; set it") as refused:
        EnvProvider({}).read(key)
    assert key not in str(refused.value)


def test_a_variable_and_its_file_are_named() -> None:
    """Either could be the stale one."""
    with pytest.raises(UnreadableError, match=r"remove one of them: CIO_API_KEY$"):
        EnvProvider({"CIO_API_KEY": "CANARY", "CIO_API_KEY_FILE": "CANARY"}).read("CIO_API_KEY")
